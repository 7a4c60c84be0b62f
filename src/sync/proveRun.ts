/**
 * The days a run proves: which of them are due, what the store holds of them, and the rows and findings that come out.
 * It asks the store and writes nothing. A run in which nothing is due asks nothing.
 */
import { type Broker } from '../brokers/broker.ts';
import { type Account } from '../domain/account.ts';
import {
  addDays,
  compareInstants,
  minInstant,
  newYorkDate,
  type Instant,
  type TradeDate,
} from '../domain/time.ts';
import {
  type BalanceDayRow,
  type BalanceObservation,
  type CursorRow,
  type NewRevision,
  type PositionObservation,
  type RunCommit,
  type Store,
  type StoredBalanceDay,
  type SyncState,
} from '../store/store.ts';
import { beginOfWalk } from './beginOfWalk.ts';
import { firstDayToProve, proveDays, type ProvedDay } from './dayProof.ts';
import { changedProofs, proofColumnsOf } from './dayRows.ts';
import { DOUBT_MS, ofRightClock, statementOf, type DayStatement } from './dayStatements.ts';
import { rulesHash, rulesOf } from './foldOnto.ts';
import { type WorkedOut } from './workOut.ts';

export interface ProvenRun {
  /** Rows of days whose proof changed. */
  readonly days: readonly BalanceDayRow[];
  /** Every day that was proved, for their findings. */
  readonly proved: readonly ProvedDay[];
  readonly cursors: readonly CursorRow[];
}

export const NOTHING_PROVEN: ProvenRun = { days: [], proved: [], cursors: [] };

export interface ProvingRun {
  readonly store: Store;
  readonly broker: Pick<Broker, 'capabilities'>;
  readonly state: SyncState;
  readonly result: Pick<WorkedOut, 'revisions' | 'instruments'>;
  /** Activities that chunks of a first contact or other parts booked and no proof has seen. */
  readonly untold: readonly NewRevision[];
  /** How the last day ended, not yet written. */
  readonly dayEnds: RunCommit['dayEnds'];
  readonly now: Instant;
}

/** A day is proved by the first run of a later one: until then its row changes with every look. */
export async function proveRun(run: ProvingRun): Promise<ProvenRun> {
  const { store, state, result, now } = run;
  const changed = [...run.untold, ...result.revisions];
  const done = doneBefore(state);
  const over = lastDayOver(now);
  const hash = rulesHash(rulesOf(state));
  // What is listed later than it happened may settle a day that did not add up.
  const maySettle = changed.length > 0 && state.findings.some((row) => row.key.startsWith('day:'));
  // Other elections make other figures of every day.
  const isOther = done.rules !== hash.slice(0, RULES_DIGITS);
  if (!isDue(done, over, now) && !isOther && !maySettle && !changed.some((row) => row.tradeDate <= over))
    return NOTHING_PROVEN;

  const { account } = state;
  const all = (await store.balanceDays({ accountId: account.id, epoch: account.epoch })).toReversed();
  const rows = all.filter((row) => row.tradeDate <= over);
  const early = all.filter((row) => row.tradeDate > over && row.proof !== null);
  const cursor = (proved: readonly ProvedDay[]): CursorRow => cursorOf(over, proved, hash, now);
  const from = firstDayToProve(
    rows
      .filter((row) => row.source === 'recorded')
      .map((row) => ({
        tradeDate: row.tradeDate,
        state: isOther || isInDoubt(row, done.day > over, now) ? null : (row.proof?.residualState ?? null),
      })),
    changed,
    now,
  );
  const statements = await seenByRightClock(
    store,
    account,
    account.epoch,
    await statementsFrom(rows, from, (row) => evidenceOf(run, row)),
  );
  if (statements.length === 0 || from > over)
    return { days: early.map(withoutProof), proved: [], cursors: [cursor([])] };
  const proved = proveDays({
    statements,
    from,
    ...(await beginOfWalk(run, statements)),
    rules: rulesOf(state),
    latePublishing: run.broker.capabilities.latePublishing,
    now,
  });
  const days = [...changedRows(rows, proved), ...early.map(withoutProof)];
  return { days, proved, cursors: [cursor(proved)] };
}

/**
 * Days that did not add up are tried again for a week whenever something arrives. After a run whose clock was ahead all days
 * of a week are: it took for overdue what was awaited still.
 */
function isInDoubt(row: StoredBalanceDay, wasAhead: boolean, now: Instant): boolean {
  const isRecent = row.tradeDate >= addDays(newYorkDate(now), -SETTLES_WITHIN_DAYS);
  return isRecent && (wasAhead || row.proof?.residualState === 'unexplained');
}

const SETTLES_WITHIN_DAYS = 7;

// ---- what is due ------------------------------------------------------------------------------------------------

/** Of today there may be further looks. */
export function lastDayOver(now: Instant): TradeDate {
  return addDays(newYorkDate(now), -1);
}

/** How far the last proof came, until when something is awaited, and under which rules. */
interface Done {
  readonly day: string;
  readonly until: Instant | null;
  readonly rules: string;
}

/** Stands between the words of the place where nothing is awaited. */
const NOTHING_AWAITED = '-';
/** So much of the hash tells rules apart. */
const RULES_DIGITS = 16;

/** The place is `<last day proved> <instant> <rules>`. Earlier releases wrote no rules: then they are others. */
function doneBefore({ cursors }: SyncState): Done {
  const { position = '' } = cursors.find((row) => row.name === 'day_proof') ?? {};
  const [day = '', until = '', rules = ''] = position.split(' ');
  return { day, until: until === '' || until === NOTHING_AWAITED ? null : (until as Instant), rules };
}

/** A day later than the last one that is over was proved by a run whose clock was ahead, or the clock is behind now. */
function isDue({ day, until }: Done, over: TradeDate, now: Instant): boolean {
  return day !== over || (until !== null && compareInstants(now, until) >= 0);
}

function cursorOf(over: TradeDate, proved: readonly ProvedDay[], hash: string, now: Instant): CursorRow {
  const untils = proved.flatMap(({ proof }) => proof.awaited.map((awaited) => awaited.until));
  const next = untils.reduce<Instant | null>(
    (first, until) => (first === null || compareInstants(until, first) < 0 ? until : first),
    null,
  );
  const position = `${over} ${next ?? NOTHING_AWAITED} ${hash.slice(0, RULES_DIGITS)}`;
  return { name: 'day_proof', position, updatedAt: now };
}

// ---- what is known of the days --------------------------------------------------------------------------------------

type DayRow = StoredBalanceDay;

export interface DayEvidence {
  readonly balances: readonly BalanceObservation[];
  readonly observations: readonly PositionObservation[];
}

/** The days to prove and, of every currency, the one before: where the first proof starts. `rows`: oldest first. */
export async function statementsFrom(
  rows: readonly Pick<DayRow, 'tradeDate' | 'currency' | 'endEquity' | 'endCash' | 'source'>[],
  from: TradeDate,
  evidence: (row: Pick<DayRow, 'tradeDate' | 'source'>) => Promise<DayEvidence>,
): Promise<readonly DayStatement[]> {
  const wanted: (typeof rows)[number][] = [];
  for (const currency of new Set(rows.map((row) => row.currency))) {
    // What a broker says afterwards of days nobody looked at has no positions: there is nothing to prove by it.
    const own = rows.filter((row) => row.currency === currency && row.source === 'recorded');
    const before = own.filter((row) => row.tradeDate < from).at(-1);
    if (before !== undefined) wanted.push(before);
    wanted.push(...own.filter((row) => row.tradeDate >= from));
  }
  const statements: DayStatement[] = [];
  for (const row of wanted) {
    const { balances, observations } = await evidence(row);
    const balance = balances.find((one) => one.currency === row.currency) ?? null;
    statements.push(statementOf(row, balance, observations));
  }
  return statements;
}

/** Statements without what looks stated whose clock was behind; it asks only where there are statements. */
export async function seenByRightClock(
  store: Store,
  account: Pick<Account, 'id'>,
  epoch: number,
  statements: readonly DayStatement[],
): Promise<readonly DayStatement[]> {
  if (statements.length === 0) return statements;
  const first = statements.map(({ asOf }) => asOf).reduce(minInstant);
  return ofRightClock(statements, await store.looksBehind(account.id, epoch, first, DOUBT_MS));
}

async function evidenceOf(
  { store, state, dayEnds }: ProvingRun,
  row: Pick<DayRow, 'tradeDate' | 'source'>,
): Promise<DayEvidence> {
  return storedEvidence(store, state.account, state.account.epoch, row, dayEnds?.observations ?? []);
}

/**
 * What the last run of a day saw, among those that had begun by `knownAt`; `ends` are marks of a last look that nobody has
 * written down yet.
 */
export async function storedEvidence(
  store: Store,
  account: Pick<Account, 'id'>,
  epoch: number,
  { tradeDate, source }: Pick<DayRow, 'tradeDate' | 'source'>,
  ends: readonly PositionObservation[] = [],
  knownAt?: Instant,
): Promise<DayEvidence> {
  if (source !== 'recorded') return { balances: [], observations: [] };
  const look = await store.lastLookOfDay(account.id, epoch, tradeDate, knownAt);
  const observations = new Map(look.observations.map((row) => [row.instrument, row]));
  for (const row of ends) {
    // Marks alone: what is held the order of runs tells, and not the stamps.
    const isHeld = observations.get(row.instrument)?.quantity.equals(row.quantity) === true;
    if (row.tradeDate === tradeDate && isHeld) observations.set(row.instrument, row);
  }
  return { balances: look.balances, observations: [...observations.values()] };
}

// ---- what comes out -------------------------------------------------------------------------------------------------

function changedRows(rows: readonly DayRow[], proved: readonly ProvedDay[]): readonly BalanceDayRow[] {
  const byKey = new Map(rows.map((row) => [`${row.tradeDate} ${row.currency}`, row]));
  return changedProofs(proved, rows).flatMap(({ proof }) => {
    const row = byKey.get(`${proof.date} ${proof.currency}`);
    return row === undefined ? [] : [{ ...withoutOwner(row), proof: proofColumnsOf(proof) }];
  });
}

/** A day that is not over has no proof. */
function withoutProof(row: DayRow): BalanceDayRow {
  return { ...withoutOwner(row), proof: null };
}

function withoutOwner(row: DayRow): BalanceDayRow {
  const { tradeDate, currency, endEquity, endCash, buyingPower, profitLoss, source } = row;
  return { tradeDate, currency, endEquity, endCash, buyingPower, profitLoss, source };
}
