/** The gate: finds out what is known of an account, after a sync where one is wanted, and has it judged. */
import { type Account } from '../domain/account.ts';
import { errorText, isTruebookError, TruebookError } from '../domain/errors.ts';
import { addMs, instantFromMs, type Instant } from '../domain/time.ts';
import { type DataClass, type FreshnessRow, type RunRecord, type Store } from '../store/store.ts';
import { freshness } from '../sync/freshness.ts';
import { positionRecords, type PositionRecord, type RecordContext } from '../sync/records.ts';
import { decide, NOTHING_KNOWN, type GateFacts, type GatePolicy, type Verdict } from './decide.ts';

export interface GateDependencies {
  readonly store: Store;
  readonly records: RecordContext;
  readonly policy: GatePolicy;
  /** Brings the account up to date and answers whether a complete run was committed; null = judge what is there. */
  readonly sync: ((account: Account) => Promise<boolean>) | null;
  readonly onWarning: (sentence: string) => void;
}

export interface GateQuestion {
  /**
   * Only positions of this symbol (or with it as their underlying) count as missing or unexplained; all of them where
   * none has that name.
   */
  readonly symbol?: string;
  /** Seconds; default: the account's `FRESH_MAX_AGE`. */
  readonly maxAgeSeconds?: number;
}

export interface GateAnswer extends Verdict {
  readonly account: string;
  readonly symbol: string | null;
  /** Broker's stamp of the oldest class of data. */
  readonly asOf: Instant | null;
  /** Whole seconds. */
  readonly age: number | null;
  /** Until when the answer holds if nothing else happens; null while the gate is closed. */
  readonly validUntil: Instant | null;
}

const NEEDS: readonly DataClass[] = ['positions', 'activities', 'balances'];

/**
 * Never throws for what a broker, the network or the database does: a question without an answer is a closed gate.
 * Throws `usage` for a symbol that names nothing.
 */
export async function askGate(
  deps: GateDependencies,
  account: Account,
  question: GateQuestion = {},
): Promise<GateAnswer> {
  const maxAgeSeconds = question.maxAgeSeconds ?? deps.records.maxAgeSeconds(account);
  const symbol = askedSymbol(question);
  let syncCompleted: boolean | null = null;
  try {
    syncCompleted = deps.sync === null ? null : await deps.sync(account);
  } catch (error) {
    syncCompleted = false;
    deps.onWarning(`${account.name}: the sync before a trade failed: ${errorText(error)}`);
  }
  try {
    const { facts, asOf, wallMs } = await gather(deps, account, symbol, maxAgeSeconds, syncCompleted);
    const verdict = decide(facts, deps.policy);
    const age = facts.ageSeconds;
    // From now on the caller's clock, right or wrong, is what the time is measured with.
    const validUntil =
      verdict.ok && age !== null ? addMs(instantFromMs(wallMs), (maxAgeSeconds - age) * 1000) : null;
    return { ...verdict, account: account.name, symbol, asOf, age, validUntil };
  } catch (error) {
    if (isTruebookError(error, 'usage', 'config', 'unknown_account')) throw error;
    deps.onWarning(`${account.name}: the gate could not be asked: ${errorText(error)}`);
    return closedGate(account.name, symbol, maxAgeSeconds, deps.policy);
  }
}

/** The answer where nothing could be found out. */
export function closedGate(
  account: string,
  symbol: string | null,
  maxAgeSeconds: number,
  policy: GatePolicy,
): GateAnswer {
  const verdict = decide({ ...NOTHING_KNOWN, maxAgeSeconds, lastRunComplete: false, doubt: null }, policy);
  return { ...verdict, account, symbol, asOf: null, age: null, validUntil: null };
}

/** The symbol of a question, null for all. Throws `usage` for one of which no letter or digit is left. */
export function askedSymbol({ symbol }: GateQuestion): string | null {
  if (symbol === undefined || plain(symbol) !== '') return symbol ?? null;
  throw new TruebookError('usage', 'The symbol in question is empty.', {
    hint: 'Leave it out to ask for the whole account.',
  });
}

interface Gathered {
  readonly facts: GateFacts;
  readonly asOf: Instant | null;
  /** The caller's wall clock at the reading of the age. */
  readonly wallMs: number;
}

/** How often a look is taken again because a run was committed meanwhile. */
const LOOKS_MOST = 3;

/** What is known, all of one version of the book: a look that a run fell into is taken again. */
async function gather(
  deps: GateDependencies,
  account: Account,
  symbol: string | null,
  maxAgeSeconds: number,
  syncCompleted: boolean | null,
): Promise<Gathered> {
  for (let look = 1; look <= LOOKS_MOST; look += 1) {
    const before = await versionOf(deps.store, account);
    const gathered = await lookOnce(deps, before, symbol, maxAgeSeconds, syncCompleted);
    if (JSON.stringify(await versionOf(deps.store, account)) === JSON.stringify(before)) return gathered;
  }
  throw new TruebookError('storage_busy', 'The book changed while it was read, again and again.', {
    retry: 'now',
  });
}

/** What every commit changes of an account. */
interface Version {
  readonly known: Account;
  readonly rows: readonly FreshnessRow[];
  readonly newestRun: RunRecord | null;
}

async function versionOf(store: Store, account: Account): Promise<Version> {
  // Read after the sync: the account may have got its pin or a new epoch meanwhile.
  const known = (await store.findAccount(String(account.id))) ?? account;
  return { known, rows: await store.freshness(known.id), newestRun: await store.lastRun(known.id) };
}

async function lookOnce(
  { store, records }: GateDependencies,
  { known, rows, newestRun }: Version,
  symbol: string | null,
  maxAgeSeconds: number,
  syncCompleted: boolean | null,
): Promise<Gathered> {
  const { clock } = records;
  const reading = { wallMs: clock.wallMs(), monoMs: clock.monoMs(), monoEpoch: clock.epoch };
  // As the book was left by the last run that was believed: a failure after it is a reason of its own, and one that may
  // be softened.
  const lastBelieved =
    newestRun?.outcome === 'complete' ? newestRun : await store.lastRun(known.id, 'complete');
  const { asOf, age, why } = freshness({
    rows,
    newestRun: lastBelieved,
    needs: NEEDS,
    maxAgeSeconds,
    clock: reading,
  });
  const classes = NEEDS.flatMap((dataClass) => rows.find((row) => row.dataClass === dataClass) ?? []);
  const everSynced = classes.length === NEEDS.length;
  const doubtful = asked(await positionRecords(records, { account: known }), symbol);
  const facts: GateFacts = {
    wrongAccount: await isForeign(store, known, newestRun),
    enabled: records.enabled(known),
    everSynced,
    // Nothing to fail yet is told by `never_synced`; a sync that was tried for this question counts in any case.
    lastRunComplete:
      syncCompleted === false ? false : newestRun === null ? true : newestRun.outcome === 'complete',
    verified: everSynced
      ? classes.every((row) => row.verified) && new Set(classes.map((row) => row.runId)).size === 1
      : null,
    ageSeconds: everSynced ? age : null,
    maxAgeSeconds,
    reconciled: everSynced
      ? classes.every((row) => row.reconciled) && why?.startsWith('unreconciled') !== true
      : null,
    missing: doubtful.filter((row) => row.state === 'missing').map((row) => row.symbol),
    unexplained: doubtful.filter((row) => row.state === 'open' && !row.explained).map((row) => row.symbol),
    doubt: why,
  };
  return { facts, asOf, wallMs: reading.wallMs };
}

/**
 * Whether the broker answered for another account and since then no run was believed. The newest run alone does not
 * tell: after it another failure may have come, of which nobody knows whose it was.
 */
async function isForeign(store: Store, known: Account, newestRun: RunRecord | null): Promise<boolean> {
  if (newestRun?.errorCode === 'wrong_account' || newestRun?.errorCode === 'account_changed') return true;
  const openFindings = await store.findings({
    accountId: known.id,
    states: ['open', 'reopened'],
    types: ['account_changed'],
  });
  if (openFindings.length > 0) return true;
  const { cursors } = await store.syncState(known.id);
  return cursors.some(({ name, position }) => name === 'account_changed' && position !== '');
}

/** The positions in question: those of the symbol; all where none has that name, because it may be written otherwise. */
function asked(positions: readonly PositionRecord[], symbol: string | null): readonly PositionRecord[] {
  if (symbol === null) return positions;
  const named = positions.filter((row) => isNamed(row, plain(symbol)));
  return named.length === 0 ? positions : named;
}

/** By its symbol or instrument, or as an option of the symbol. */
function isNamed({ symbol, instrument, option }: PositionRecord, name: string): boolean {
  return [symbol, instrument, ...(option === null ? [] : [option.underlying])].some(
    (own) => plain(own) === name,
  );
}

/** `BTC/USD`, `BTC-USD` and `btcusd`, `BRK.B` and `BRK/B`, padded and plain option names are one. */
function plain(symbol: string): string {
  return symbol.replaceAll(/[\s/.-]/g, '').toUpperCase();
}
