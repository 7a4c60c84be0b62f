/**
 * Ends of days. A run records the day it runs on; days before Truebook watched, and days it was off, are asked of the
 * broker once a day. What a run recorded is never replaced (`store/`), and a day nobody knows stays absent.
 */
import { type DayRange, type EquityDay } from '../brokers/broker.ts';
import {
  addDays,
  addMs,
  compareInstants,
  newYorkDate,
  type Instant,
  type TradeDate,
} from '../domain/time.ts';
import { type BalanceDayRow, type CursorRow } from '../store/store.ts';
import { type RunFrame } from './commit.ts';
import { record, type Look } from './readBroker.ts';
import { type WorkedOut } from './workOut.ts';

export interface PastDays {
  readonly days: readonly BalanceDayRow[];
  readonly cursors: readonly CursorRow[];
}

const NOTHING: PastDays = { days: [], cursors: [] };

/** Asked for once more, because a broker's newest point may repeat the one before for some hours (alpaca.md 6.1). */
const OVERLAP_DAYS = 7;
/** After an answer that could not be used. */
const TRY_AGAIN_MS = 3_600_000;

/** The end of today as the run's own look tells it. */
export function recordedDays(look: Look): readonly BalanceDayRow[] {
  return look.balances.rows.balances.map((balance) => ({
    tradeDate: newYorkDate(look.balances.asOf),
    currency: balance.currency,
    endEquity: balance.equity,
    endCash: balance.cash,
    buyingPower: balance.buyingPower,
    profitLoss: null,
    source: 'recorded',
  }));
}

/** Reads the past days where that is due and the run has a call left of `callsMax`. */
export async function readPastDays(
  frame: RunFrame,
  look: Look,
  result: WorkedOut,
  callsMax: number,
): Promise<PastDays> {
  const { broker, store } = frame.deps;
  const { account } = frame.state;
  const { type } = frame.options;
  if (broker.readEquityHistory === undefined || (type !== 'all' && type !== 'bankroll')) return NOTHING;
  const done = frame.state.cursors.find((cursor) => cursor.name === 'equity_history') ?? null;
  if (!isDue(done, frame.now) || frame.dossier.payloads.length >= callsMax) return NOTHING;

  const stored = await store.firstTradeDate(account.id, account.epoch);
  const range = rangeOf(done, firstDay(stored, result), frame.now);
  // An account in which nothing ever happened, or that began today, has no past yet.
  if (range === null) return { days: [], cursors: [cursorAt(done?.position ?? '', frame.now)] };
  const read = record(
    frame.dossier,
    'portfolio_history',
    await broker.readEquityHistory(range, frame.options.signal),
    (rows) => rows.length,
  );
  if (read.kind === 'incomplete') return { days: [], cursors: [cursorAt(done?.position ?? '', frame.now)] };
  const currency = look.balances.rows.baseCurrency;
  return {
    days: read.rows.map((day) => statedDay(day, currency)),
    cursors: [cursorAt(range.to, frame.now)],
  };
}

/** Once per New York day; after a failed try, or without a past, again in an hour. */
export function isDue(done: CursorRow | null, now: Instant): boolean {
  if (done === null) return true;
  if (done.position !== '' && done.position >= yesterday(now)) return false;
  const next = addMs(done.updatedAt, TRY_AGAIN_MS);
  // A clock that was set back must not put the next try years away.
  return compareInstants(next, now) <= 0 || compareInstants(done.updatedAt, now) > 0;
}

/** The days to ask for, today never: from the account's first day, later from a week before the last one known. */
export function rangeOf(done: CursorRow | null, first: TradeDate | null, now: Instant): DayRange | null {
  if (first === null) return null;
  const to = yesterday(now);
  const known = done?.position ?? '';
  const resumed = known === '' ? first : addDays(known as TradeDate, -OVERLAP_DAYS);
  const from = resumed < first ? first : resumed;
  return from > to ? null : { from, to };
}

function yesterday(now: Instant): TradeDate {
  return addDays(newYorkDate(now), -1);
}

/** Of the ledger and of what this run adds to it. */
function firstDay(stored: TradeDate | null, { revisions }: WorkedOut): TradeDate | null {
  const days = revisions.map((revision) => revision.tradeDate);
  if (stored !== null) days.push(stored);
  return days.length === 0 ? null : days.reduce((first, day) => (day < first ? day : first));
}

function statedDay(
  { date, equity, profitLoss }: EquityDay,
  currency: BalanceDayRow['currency'],
): BalanceDayRow {
  return {
    tradeDate: date,
    currency,
    endEquity: equity,
    endCash: null,
    buyingPower: null,
    profitLoss,
    source: 'broker',
  };
}

function cursorAt(position: string, now: Instant): CursorRow {
  return { name: 'equity_history', position, updatedAt: now };
}
