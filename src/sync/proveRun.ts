/**
 * The days a run proves: which of them are due, what the store holds of them, and the rows and findings that come out.
 * It asks the store and writes nothing. A run in which nothing is due asks nothing.
 */
import { checkpointBefore, isReadable, parseBook } from '../book/checkpoint.ts';
import { type DayProof } from '../book/dayProof.ts';
import { EMPTY_BOOK } from '../book/foldBook.ts';
import { type Broker } from '../brokers/broker.ts';
import { type BookEvent } from '../domain/event.ts';
import { type Finding } from '../domain/finding.ts';
import {
  addDays,
  addMs,
  compareInstants,
  NEW_YORK,
  newYorkDate,
  zonedInstant,
  type Instant,
  type TradeDate,
} from '../domain/time.ts';
import {
  type BalanceDayRow,
  type BalanceObservation,
  type CursorRow,
  type DayProof as StoredProof,
  type NewRevision,
  type PositionObservation,
  type RunCommit,
  type Store,
  type StoredBalanceDay,
  type SyncState,
} from '../store/store.ts';
import { dayFindings } from './dayFindings.ts';
import { firstDayToProve, proveDays, type ProvedDay } from './dayProof.ts';
import { endOfDay, statementOf, type DayStatement } from './dayStatements.ts';
import { overlay, rulesHash, rulesOf } from './foldOnto.ts';
import { type WorkedOut } from './workOut.ts';

export interface ProvenRun {
  /** Rows of days whose proof changed. */
  readonly days: readonly BalanceDayRow[];
  readonly findings: readonly Finding[];
  readonly events: readonly BookEvent[];
  readonly cursors: readonly CursorRow[];
}

export const NOTHING_PROVEN: ProvenRun = { days: [], findings: [], events: [], cursors: [] };

export interface ProvingRun {
  readonly store: Store;
  readonly broker: Pick<Broker, 'capabilities'>;
  readonly state: SyncState;
  readonly result: Pick<WorkedOut, 'revisions' | 'instruments'>;
  /** Activities that chunks of a first contact or other parts booked and no proof has seen. */
  readonly untold: readonly NewRevision[];
  /** The day's own rows of this run, as it will write them. */
  readonly today: readonly BalanceDayRow[];
  /** How the last day ended, not yet written. */
  readonly dayEnds: RunCommit['dayEnds'];
  /** What this run's look says of balances and positions. */
  readonly balances: readonly BalanceObservation[];
  readonly positions: readonly PositionObservation[];
  readonly now: Instant;
}

/** Activities may be booked this much before the statement whose day they belong to; folded again to be sure. */
const MARGIN_DAYS = 2;

export async function proveRun(run: ProvingRun): Promise<ProvenRun> {
  const { store, state, result, now } = run;
  const changed = [...run.untold, ...result.revisions];
  const done = state.cursors.find((row) => row.name === 'day_proof')?.position ?? '';
  const over = lastDayOver(now);
  if (changed.length === 0 && !isDue(done, over, now)) return NOTHING_PROVEN;

  const { account } = state;
  const stored = await store.balanceDays({ accountId: account.id, epoch: account.epoch });
  const rows = withToday(stored, run.today);
  const from = firstDayToProve(
    rows
      .filter((row) => row.source === 'recorded')
      .map((row) => ({ tradeDate: row.tradeDate, state: stateOf(row) })),
    changed,
    now,
  );
  const statements = await statementsFrom(run, rows, from);
  const [first] = statements;
  if (first === undefined) return { ...NOTHING_PROVEN, cursors: [cursorOf(over, [], now)] };
  const folded = await bookBefore(run, first);
  const proved = proveDays({
    statements,
    from,
    ...folded,
    rules: rulesOf(state),
    instruments: result.instruments,
    latePublishing: run.broker.capabilities.latePublishing,
    now,
  });
  const told = dayFindings({ days: proved, open: state.findings, changed: result.revisions, now });
  return {
    days: changedRows(rows, proved),
    ...told,
    cursors: [cursorOf(over, proved, now)],
  };
}

// ---- what is due ------------------------------------------------------------------------------------------------

/** The newest day that is over at 20:00 New York. */
function lastDayOver(now: Instant): TradeDate {
  const today = newYorkDate(now);
  return compareInstants(now, endOfDay(today)) >= 0 ? today : addDays(today, -1);
}

/** The place is `<last day proved> <instant>`: until then what is awaited may still come. */
function isDue(done: string, over: TradeDate, now: Instant): boolean {
  const [day = '', until = ''] = done.split(' ');
  if (day < over) return true;
  return until !== '' && compareInstants(now, until as Instant) >= 0;
}

function cursorOf(over: TradeDate, proved: readonly ProvedDay[], now: Instant): CursorRow {
  const untils = proved.flatMap(({ proof }) => proof.awaited.map((awaited) => awaited.until));
  const next = untils.reduce<Instant | null>(
    (first, until) => (first === null || compareInstants(until, first) < 0 ? until : first),
    null,
  );
  return { name: 'day_proof', position: `${over} ${next ?? ''}`.trim(), updatedAt: now };
}

// ---- what is known of the days --------------------------------------------------------------------------------------

type DayRow = BalanceDayRow & { readonly proof?: StoredProof };

/** Oldest first; this run's own rows of today in place of what is stored. */
function withToday(stored: readonly StoredBalanceDay[], today: readonly BalanceDayRow[]): readonly DayRow[] {
  const rows = new Map<string, DayRow>();
  for (const { proof, ...row } of stored) rows.set(dayKey(row), proof === null ? row : { ...row, proof });
  for (const row of today) {
    const before = rows.get(dayKey(row));
    rows.set(dayKey(row), before?.proof === undefined ? row : { ...row, proof: before.proof });
  }
  return [...rows.values()].sort((left, right) => (left.tradeDate < right.tradeDate ? -1 : 1));
}

function dayKey({ tradeDate, currency }: Pick<BalanceDayRow, 'tradeDate' | 'currency'>): string {
  return `${tradeDate} ${currency}`;
}

function stateOf(row: DayRow): DayProof['state'] | null {
  return row.proof?.residualState ?? null;
}

/** The days to prove and, of every currency, the one before: where the first proof starts. */
async function statementsFrom(
  run: ProvingRun,
  rows: readonly DayRow[],
  from: TradeDate,
): Promise<readonly DayStatement[]> {
  const wanted: DayRow[] = [];
  for (const currency of new Set(rows.map((row) => row.currency))) {
    const own = rows.filter((row) => row.currency === currency);
    const before = own.filter((row) => row.tradeDate < from).at(-1);
    if (before !== undefined) wanted.push(before);
    // What a broker says afterwards of days nobody looked at has no positions: there is nothing to prove it by.
    wanted.push(...own.filter((row) => row.tradeDate >= from && row.source === 'recorded'));
  }
  const statements: DayStatement[] = [];
  for (const row of wanted) {
    const evidence = await evidenceOf(run, row);
    const balance = evidence.balances.find((one) => one.currency === row.currency) ?? null;
    statements.push(statementOf(row, balance, evidence.observations));
  }
  return statements;
}

interface Evidence {
  readonly balances: readonly BalanceObservation[];
  readonly observations: readonly PositionObservation[];
}

async function evidenceOf(run: ProvingRun, { tradeDate, source }: DayRow): Promise<Evidence> {
  const { store, state, balances, positions } = run;
  const { account } = state;
  if (source !== 'recorded') return { balances: [], observations: [] };
  const asOf = addMs(zonedInstant(addDays(tradeDate, 1), '00:00:00', NEW_YORK), -1);
  const observations = new Map(
    (await store.observationsAt(account.id, account.epoch, { asOf })).map((row) => [row.instrument, row]),
  );
  if (!balances.some((row) => row.tradeDate === tradeDate)) {
    for (const row of run.dayEnds?.observations ?? [])
      if (row.tradeDate === tradeDate) observations.set(row.instrument, row);
    return {
      balances: await store.balancesAt(account.id, account.epoch, { asOf }),
      observations: [...observations.values()],
    };
  }
  // This very run's look, which nobody has written yet.
  for (const row of positions) observations.set(row.instrument, row);
  return { balances, observations: [...observations.values()] };
}

/** The fold of everything well before the first statement, and the activities behind it. */
async function bookBefore(run: ProvingRun, first: DayStatement) {
  const { store, state, result } = run;
  const { account } = state;
  const hash = rulesHash(rulesOf(state));
  const start = zonedInstant(addDays(first.date, -MARGIN_DAYS), '00:00:00', NEW_YORK);
  const entries = (await store.checkpoints(account.id, account.epoch)).filter(
    (entry) => entry.rulesHash === hash,
  );
  const earliest = result.revisions.reduce(
    (least, { executedAt }) => (compareInstants(executedAt, least) < 0 ? executedAt : least),
    start,
  );
  const place = checkpointBefore(entries, { executedAt: earliest });
  const found = place === null ? null : await store.checkpointAt(account.id, place);
  const checkpoint = found !== null && isReadable(found.state) ? found : null;
  const ledger = await store.bookActivities(account.id, account.epoch, checkpoint);
  const activities = overlay(ledger, result.revisions).filter(
    (row) => checkpoint === null || compareInstants(row.executedAt, checkpoint.lastExecutedAt) > 0,
  );
  return {
    book: checkpoint === null ? EMPTY_BOOK : parseBook(checkpoint.state),
    activities,
    isBeginning: checkpoint === null,
  };
}

// ---- what comes out -------------------------------------------------------------------------------------------------

function changedRows(rows: readonly DayRow[], proved: readonly ProvedDay[]): readonly BalanceDayRow[] {
  const byKey = new Map(rows.map((row) => [dayKey(row), row]));
  return proved.flatMap(({ proof }) => {
    const row = byKey.get(`${proof.date} ${proof.currency}`);
    const columns = storedProof(proof);
    if (row === undefined || JSON.stringify(row.proof) === JSON.stringify(columns)) return [];
    return [{ ...withoutOwner(row), proof: columns }];
  });
}

function withoutOwner(row: DayRow): BalanceDayRow {
  const { tradeDate, currency, endEquity, endCash, buyingPower, profitLoss, source } = row;
  return { tradeDate, currency, endEquity, endCash, buyingPower, profitLoss, source };
}

function storedProof(proof: DayProof): StoredProof {
  return {
    start: proof.startEquity,
    flows: proof.flows,
    transfers: proof.transfers,
    realized: proof.realized,
    unrealizedChange: proof.unrealizedChange,
    income: proof.income,
    fees: proof.fees,
    fx: proof.fx,
    residual: proof.residual,
    residualState: proof.state,
  };
}
