/**
 * Statements: how an account stood at the end of a day by the broker's own word, and what of a day's activities was in
 * it. A day of the proof runs from statement to statement. Pure.
 */
import { compareActivities, type Activity } from '../domain/activity.ts';
import { decimal, Decimal } from '../domain/decimal.ts';
import { type Instrument, type InstrumentId } from '../domain/instrument.ts';
import { type Currency } from '../domain/money.ts';
import {
  addDays,
  addMs,
  compareInstants,
  type Instant,
  NEW_YORK,
  type TradeDate,
  zonedInstant,
} from '../domain/time.ts';
import {
  type BalanceDayRow,
  type BalanceDaySource,
  type BalanceObservation,
  type PositionObservation,
} from '../store/store.ts';

export interface DayStatement {
  readonly date: TradeDate;
  readonly currency: Currency;
  readonly source: BalanceDaySource;
  /** When it was stated: the last look of the day, or the day's end for what a broker says of it afterwards. */
  readonly asOf: Instant;
  readonly equity: Decimal | null;
  readonly cash: Decimal | null;
  /** Long and short together, of the same answer as the equity. */
  readonly marketValue: Decimal | null;
  /** Null where nobody looked at the positions that day. */
  readonly positions: ReadonlyMap<InstrumentId, StatedPosition> | null;
}

export interface StatedPosition {
  readonly quantity: Decimal;
  /** Null where the broker had none, or where nobody saw it on the day itself. */
  readonly mark: Decimal | null;
}

/** Day's end: 20:00 New York. */
export function endOfDay(date: TradeDate): Instant {
  return zonedInstant(date, '20:00', NEW_YORK);
}

/**
 * The statement of a day from its row and the evidence behind it: the last balances of the day, and every instrument's
 * last observation by then. What was not observed on the day itself has no mark of the day.
 */
export function statementOf(
  day: Pick<BalanceDayRow, 'tradeDate' | 'currency' | 'endEquity' | 'endCash' | 'source'>,
  balance: BalanceObservation | null,
  observations: readonly PositionObservation[],
): DayStatement {
  const { tradeDate: date, currency, source } = day;
  const own = balance?.tradeDate === date && source === 'recorded' ? balance : null;
  const isSeen = own !== null && observations.some((row) => row.tradeDate === date);
  const held = observations.filter(({ quantity }) => !quantity.isZero());
  const marketValue = totalOf(own);
  // A day on which the list of positions was read and empty has no row of its own; nor has one on which only balances
  // were read, and those say that something is held.
  const isEmpty = own !== null && held.length === 0 && (marketValue?.isZero() ?? true);
  return {
    date,
    currency,
    source,
    asOf: own?.asOf ?? endOfDay(date),
    equity: day.endEquity,
    cash: day.endCash,
    marketValue,
    positions:
      isSeen || isEmpty
        ? new Map(
            held.map((row) => [
              row.instrument,
              { quantity: row.quantity, mark: row.tradeDate === date ? row.mark : null },
            ]),
          )
        : null,
  };
}

function totalOf(balance: BalanceObservation | null): Decimal | null {
  if (balance === null || balance.longMarketValue === null || balance.shortMarketValue === null) return null;
  return balance.longMarketValue.plus(balance.shortMarketValue);
}

/** Prices move by no more than this between two answers of one look. */
const GAP_MAX = decimal('0.005');

/**
 * How much more the market value inside the equity is than the listed positions at their marks: the broker's two answers
 * are some moments apart. Zero where either is not known, and where it is too much for moving prices: then it stays in
 * the residual, where it is seen.
 */
export function valueGapOf(
  { marketValue, positions, currency }: DayStatement,
  instruments: ReadonlyMap<InstrumentId, Instrument>,
): Decimal {
  if (marketValue === null || positions === null) return Decimal.zero;
  let listed = Decimal.zero;
  let gross = Decimal.zero;
  for (const [id, { quantity, mark }] of positions) {
    const instrument = instruments.get(id);
    if (instrument === undefined || mark === null) return Decimal.zero;
    if (instrument.currency !== currency) continue;
    const value = quantity.times(mark).times(instrument.multiplier);
    listed = listed.plus(value);
    gross = gross.plus(value.abs());
  }
  const gap = marketValue.minus(listed);
  return gap.abs().compare(gross.times(GAP_MAX)) <= 0 ? gap : Decimal.zero;
}

// ---- which day an activity counts to ----------------------------------------------------------------------------

/** The clocks of broker and ours may differ by this much, and a look takes its time. */
const DOUBT_MS = 120_000;

/**
 * The activities in each statement that are not in the one before, by the statement's date; what happened after the last
 * statement is in none. Those that move a position close to the statement, or of which only the day is known, are in it
 * as far as the stated quantities say so; everything else goes by time.
 */
export function activitiesByDay(
  statements: readonly DayStatement[],
  activities: readonly Activity[],
  quantityBefore: (instrument: InstrumentId) => Decimal,
  cashBefore: ((currency: Currency) => Decimal) | null = null,
): ReadonlyMap<TradeDate, readonly Activity[]> {
  const cash = new Map<Currency, Decimal>();
  /** Of later dates, and in an earlier statement all the same. */
  const taken = new Set<Activity>();
  const byDay = new Map<TradeDate, readonly Activity[]>();
  const booked = new Map<InstrumentId, Decimal>();
  const quantityOf = (id: InstrumentId): Decimal => booked.get(id) ?? quantityBefore(id);
  const sorted = activities.filter(({ status }) => status === 'ok').toSorted(compareActivities);
  let next = 0;
  let waiting: readonly Activity[] = [];
  for (const statement of statements) {
    const from = next;
    const horizon = horizonOf(statement);
    while (next < sorted.length && compareInstants(sorted[next]!.executedAt, horizon) <= 0) next += 1;
    const candidates = [...waiting, ...sorted.slice(from, next)].filter((row) => !taken.has(row));
    const inside = contained(statement, candidates, quantityOf);
    if (cashBefore !== null) {
      const before = cash.get(statement.currency) ?? cashBefore(statement.currency);
      const open = [...candidates, ...sorted.slice(next, next + LOOKED_AHEAD)].filter(
        (row) => !taken.has(row),
      );
      for (const row of statedByCash(statement, open, inside, before)) {
        if (inside.delete(row)) continue;
        inside.add(row);
        taken.add(row);
      }
      cash.set(statement.currency, before.plus(moneyOf([...inside], statement.currency)));
    }
    waiting = candidates.filter((activity) => !inside.has(activity));
    byDay.set(statement.date, [...inside]);
    for (const { instrument, quantity } of inside) {
      if (instrument !== null) booked.set(instrument.id, quantityOf(instrument.id).plus(quantity));
    }
  }
  return byDay;
}

/** Nothing that took effect later can be in the statement: the end of its date, or a doubt after the look. */
function horizonOf({ date, asOf }: DayStatement): Instant {
  const midnight = zonedInstant(addDays(date, 1), '00:00', NEW_YORK);
  const doubt = addMs(asOf, DOUBT_MS);
  return compareInstants(midnight, doubt) > 0 ? midnight : doubt;
}

function contained(
  statement: DayStatement,
  activities: readonly Activity[],
  quantityOf: (instrument: InstrumentId) => Decimal,
): Set<Activity> {
  const inside = new Set<Activity>();
  const doubtFrom = addMs(statement.asOf, -DOUBT_MS);
  const doubtTo = addMs(statement.asOf, DOUBT_MS);
  const isClose = ({ executedAt }: Activity): boolean =>
    compareInstants(executedAt, doubtFrom) > 0 && compareInstants(executedAt, doubtTo) <= 0;
  const doubtful = new Map<InstrumentId, Activity[]>();
  const sums = new Map<InstrumentId, Decimal>();
  for (const activity of activities) {
    const { instrument, quantity } = activity;
    if (instrument !== null && isDoubtful(statement, activity, isClose)) {
      doubtful.set(instrument.id, [...(doubtful.get(instrument.id) ?? []), activity]);
    } else if (isBefore(statement, activity)) {
      inside.add(activity);
      if (instrument !== null)
        sums.set(instrument.id, (sums.get(instrument.id) ?? quantityOf(instrument.id)).plus(quantity));
    }
  }
  for (const [id, rows] of doubtful) {
    const stated = statement.positions!.get(id)?.quantity ?? Decimal.zero;
    for (const row of fitting(statement, rows, sums.get(id) ?? quantityOf(id), stated)) inside.add(row);
  }
  return inside;
}

/** Moves a position so close to the statement that only the stated quantity tells whether it is in. */
function isDoubtful(
  statement: DayStatement,
  activity: Activity,
  isClose: (activity: Activity) => boolean,
): boolean {
  const { executedAt, timePrecision, quantity, tradeDate } = activity;
  if (statement.positions === null || quantity.isZero() || tradeDate !== statement.date) return false;
  if (timePrecision === 'day' && compareInstants(executedAt, statement.asOf) > 0) return true;
  return isClose(activity);
}

/** A row with a date only was in what the day ended with, unless the statement is older than the day's end. */
function isBefore(
  { asOf, date }: DayStatement,
  { executedAt, timePrecision, tradeDate, quantity }: Activity,
): boolean {
  if (compareInstants(executedAt, asOf) <= 0) return true;
  const isDated = timePrecision === 'day' && tradeDate <= date && compareInstants(asOf, endOfDay(date)) >= 0;
  return isDated || isOfSecond({ asOf, date }, { executedAt, tradeDate, quantity });
}

/**
 * Money that moved in the very second of the look: brokers stamp it to the microsecond, looks are stamped by the second.
 * It was in unless the stated cash says otherwise.
 */
function isOfSecond(
  { asOf, date }: Pick<DayStatement, 'asOf' | 'date'>,
  { executedAt, tradeDate, quantity }: Pick<Activity, 'executedAt' | 'tradeDate' | 'quantity'>,
): boolean {
  if (!quantity.isZero() || tradeDate !== date || compareInstants(executedAt, asOf) <= 0) return false;
  return compareInstants(executedAt, addMs(asOf, 1_000)) <= 0;
}

/**
 * The rows, first ones first in book order, that lead to the stated quantity: of several such beginnings the one nearest
 * to what the clock says, and where none leads there what the clock says alone.
 */
function fitting(
  statement: DayStatement,
  rows: readonly Activity[],
  from: Decimal,
  stated: Decimal,
): readonly Activity[] {
  const byClock = rows.filter((row) => compareInstants(row.executedAt, statement.asOf) <= 0).length;
  let sum = from;
  let best: number | null = sum.equals(stated) ? 0 : null;
  for (const [index, { quantity }] of rows.entries()) {
    sum = sum.plus(quantity);
    const count = index + 1;
    const isNearer = best === null || Math.abs(count - byClock) < Math.abs(best - byClock);
    if (sum.equals(stated) && isNearer) best = count;
  }
  if (best !== null) return rows.slice(0, best);
  return rows.filter((row) => isBefore(statement, row) || row.timePrecision === 'day');
}

/** Rows behind the statement's day among which money is looked for that it holds already. */
const LOOKED_AHEAD = 100;
/** More rows of doubt than this are left to the clock: every one doubles the choices. */
const DOUBTFUL_MAX = 10;
const HALF_A_CENT = decimal('0.005');
/** A fee of Friday may be dated Monday. */
const LISTED_LATER_DAYS = 3;

/**
 * Money about which the stated cash says otherwise than the clock: rows that the clock or their date puts behind the
 * statement and that it holds already (fees and interest are dated, also of the day they are listed, and brokers charge
 * them before), and rows that it does not hold yet: of the last moments up to the look, and of which only the day is
 * known (a dividend dated today may be credited tonight). The fewest rows with which book and statement agree.
 */
function statedByCash(
  statement: DayStatement,
  activities: readonly Activity[],
  inside: ReadonlySet<Activity>,
  before: Decimal,
): readonly Activity[] {
  const { cash, currency } = statement;
  if (cash === null) return [];
  const gap = cash.minus(before).minus(moneyOf([...inside], currency));
  if (gap.abs().compare(HALF_A_CENT) <= 0) return [];
  const doubtful = activities.filter(
    (row) =>
      row.quantity.isZero() &&
      !moneyOf([row], currency).isZero() &&
      (inside.has(row) ? mayComeAfter(statement, row) : isListedLater(statement, row)),
  );
  if (doubtful.length === 0 || doubtful.length > DOUBTFUL_MAX) return [];
  const moves = (row: Activity): Decimal =>
    inside.has(row) ? moneyOf([row], currency).negate() : moneyOf([row], currency);
  const choices = Array.from({ length: 2 ** doubtful.length }, (_, mask) =>
    doubtful.filter((_row, place) => (mask & (1 << place)) !== 0),
  ).sort((left, right) => left.length - right.length);
  const fits = choices.find(
    (rows) => Decimal.sum(rows.map(moves)).minus(gap).abs().compare(HALF_A_CENT) <= 0,
  );
  return fits ?? [];
}

/** So close before the look, or at its very instant, that the answer may have been made before; or dated of its day. */
function mayComeAfter(
  { asOf, date }: DayStatement,
  { executedAt, timePrecision, tradeDate }: Activity,
): boolean {
  if (timePrecision === 'day') return tradeDate === date;
  return compareInstants(executedAt, addMs(asOf, -DOUBT_MS)) > 0;
}

function isListedLater({ date }: DayStatement, { tradeDate }: Activity): boolean {
  return tradeDate >= date && tradeDate <= addDays(date, LISTED_LATER_DAYS);
}

function moneyOf(rows: readonly Activity[], currency: Currency): Decimal {
  return Decimal.sum(
    rows.flatMap((row) => [
      ...(row.amount !== null && row.currency === currency ? [row.amount] : []),
      ...(row.fees !== null && (row.feesCurrency ?? row.currency) === currency ? [row.fees.negate()] : []),
    ]),
  );
}
