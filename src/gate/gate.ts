/** The gate: finds out what is known of an account, after a sync where one is wanted, and has it judged. */
import { type Account } from '../domain/account.ts';
import { errorText, isTruebookError } from '../domain/errors.ts';
import { addMs, type Instant } from '../domain/time.ts';
import { type DataClass, type Store } from '../store/store.ts';
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
  /** Only positions of this symbol (or with it as their underlying) count as missing or unexplained. */
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

/** Never throws for what a broker, the network or the database does: a question without an answer is a closed gate. */
export async function askGate(
  deps: GateDependencies,
  account: Account,
  question: GateQuestion = {},
): Promise<GateAnswer> {
  const maxAgeSeconds = question.maxAgeSeconds ?? deps.records.maxAgeSeconds(account);
  const symbol = question.symbol ?? null;
  let syncCompleted: boolean | null = null;
  try {
    syncCompleted = deps.sync === null ? null : await deps.sync(account);
  } catch (error) {
    syncCompleted = false;
    deps.onWarning(`${account.name}: the sync before a trade failed: ${errorText(error)}`);
  }
  try {
    const { facts, asOf } = await gather(deps, account, symbol, maxAgeSeconds, syncCompleted);
    const verdict = decide(facts, deps.policy);
    const validUntil = verdict.ok && asOf !== null ? addMs(asOf, maxAgeSeconds * 1000) : null;
    return { ...verdict, account: account.name, symbol, asOf, age: facts.ageSeconds, validUntil };
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
  const verdict = decide({ ...NOTHING_KNOWN, maxAgeSeconds, lastRunComplete: false }, policy);
  return { ...verdict, account, symbol, asOf: null, age: null, validUntil: null };
}

async function gather(
  { store, records }: GateDependencies,
  account: Account,
  symbol: string | null,
  maxAgeSeconds: number,
  syncCompleted: boolean | null,
): Promise<{ facts: GateFacts; asOf: Instant | null }> {
  // Read after the sync: the account may have got its pin or a new epoch meanwhile.
  const known = (await store.findAccount(String(account.id))) ?? account;
  const rows = await store.freshness(known.id);
  const newestRun = await store.lastRun(known.id);
  const { clock } = records;
  const { asOf, age } = freshness({
    rows,
    newestRun,
    needs: NEEDS,
    maxAgeSeconds,
    clock: { wallMs: clock.wallMs(), monoMs: clock.monoMs(), monoEpoch: clock.epoch },
  });
  const classes = NEEDS.flatMap((dataClass) => rows.find((row) => row.dataClass === dataClass) ?? []);
  const everSynced = classes.length === NEEDS.length;
  const openFindings = await store.findings({
    accountId: known.id,
    states: ['open', 'reopened'],
    types: ['account_changed'],
  });
  const doubtful = (await positionRecords(records, { account: known })).filter((row) => isAsked(row, symbol));
  const wrongAnswer = ['wrong_account', 'account_changed'].includes(newestRun?.errorCode ?? '');
  return {
    asOf,
    facts: {
      wrongAccount: wrongAnswer || openFindings.length > 0,
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
      reconciled: everSynced ? classes.every((row) => row.reconciled) : null,
      missing: doubtful.filter((row) => row.state === 'missing').map((row) => row.symbol),
      unexplained: doubtful.filter((row) => row.state === 'open' && !row.explained).map((row) => row.symbol),
    },
  };
}

/** Whether a position is in question: by its symbol or instrument, or as an option of the symbol. */
function isAsked(position: PositionRecord, symbol: string | null): boolean {
  if (symbol === null) return true;
  const asked = plain(symbol);
  return [position.symbol, position.instrument, position.option?.underlying ?? ''].some(
    (name) => plain(name) === asked,
  );
}

/** `BTC/USD` and `btcusd`, padded and plain option names are one. */
function plain(symbol: string): string {
  return symbol.replaceAll(/[\s/]/g, '').toUpperCase();
}
