/**
 * Which day an activity counts to: the activities in each statement that are not in the one before. Most go by time; of
 * those close to the look, or of which only the day is known, the statement itself tells. Pure.
 */
import { lineOf } from '../book/dayMoney.ts';
import { compareActivities, type Activity, type ActivityKind } from '../domain/activity.ts';
import { decimal, Decimal } from '../domain/decimal.ts';
import { type InstrumentId } from '../domain/instrument.ts';
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
import { type DayStatement, DOUBT_MS, endOfDay } from './dayStatements.ts';
import { subsetsOf } from './laterCorrections.ts';

/** What counts to a statement. */
export interface RowsOfDay {
  readonly activities: readonly Activity[];
  /** Which of the statement's forms it was told by. */
  readonly form: number;
  /** Money of which nobody can tell whether it belongs to this day or to the one before or behind it. */
  readonly unsure: readonly Activity[];
}

export const NOTHING_OF_DAY: RowsOfDay = { activities: [], form: 0, unsure: [] };

/**
 * The activities in each statement that are not in the one before, by the statement's date; what happened after the last
 * statement is in none. Those that move a position close to the statement, or of which only the day is known, are in it
 * as far as the stated quantities say so; everything else goes by time. Of a statement with several forms the first
 * counts, unless exactly one other agrees with the book and the first does not.
 */
export function activitiesByDay(
  statements: readonly (readonly [DayStatement, ...DayStatement[]])[],
  activities: readonly Activity[],
  quantityBefore: (instrument: InstrumentId) => Decimal,
  cashBefore: ((currency: Currency) => Decimal) | null = null,
): ReadonlyMap<TradeDate, RowsOfDay> {
  const cash = new Map<Currency, Decimal>();
  /** Of later dates, and in an earlier statement all the same. */
  const taken = new Set<Activity>();
  const byDay = new Map<TradeDate, RowsOfDay>();
  const booked = new Map<InstrumentId, Decimal>();
  const quantityOf = (id: InstrumentId): Decimal => booked.get(id) ?? quantityBefore(id);
  const sorted = activities.filter(({ status }) => status === 'ok').toSorted(compareActivities);
  let next = 0;
  let waiting: readonly Activity[] = [];
  let unsureBefore: readonly Activity[] = [];
  for (const forms of statements) {
    const [{ date, currency }] = forms;
    const from = next;
    const horizon = horizonOf(forms[0]);
    while (next < sorted.length && compareInstants(sorted[next]!.executedAt, horizon) <= 0) next += 1;
    const isFree = (row: Activity): boolean => !taken.has(row);
    const candidates = [...waiting, ...sorted.slice(from, next)].filter(isFree);
    const before = cashBefore === null ? null : (cash.get(currency) ?? cashBefore(currency));
    const ahead = sorted.slice(next, next + LOOKED_AHEAD).filter(isFree);
    const read = forms.map((form) => readingOf(form, { candidates, ahead, quantityOf, before }));
    const form = formThatAgrees(forms, read);
    const { inside, unsure } = read[form]!;
    const early = new Set(ahead);
    for (const row of inside) if (early.has(row)) taken.add(row);
    if (before !== null) cash.set(currency, before.plus(moneyOf([...inside], currency)));
    waiting = candidates.filter((activity) => !inside.has(activity));
    byDay.set(date, { activities: [...inside], form, unsure: [...new Set([...unsureBefore, ...unsure])] });
    unsureBefore = unsure;
    for (const { instrument, quantity } of inside) {
      if (instrument !== null) booked.set(instrument.id, quantityOf(instrument.id).plus(quantity));
    }
  }
  return byDay;
}

interface Choosing {
  /** What happened by the statement's horizon and is in none before. */
  readonly candidates: readonly Activity[];
  /** The next rows behind the horizon. */
  readonly ahead: readonly Activity[];
  readonly quantityOf: (instrument: InstrumentId) => Decimal;
  /** Null where money is not looked at. */
  readonly before: Decimal | null;
}

interface Reading {
  readonly inside: ReadonlySet<Activity>;
  readonly unsure: readonly Activity[];
  /** What the book has with it. */
  readonly cash: Decimal | null;
  readonly quantityWith: (instrument: InstrumentId) => Decimal;
}

function readingOf(statement: DayStatement, { candidates, ahead, quantityOf, before }: Choosing): Reading {
  const inside = contained(statement, candidates, quantityOf);
  const reading = (unsure: readonly Activity[]): Reading => ({
    inside,
    unsure,
    cash: before?.plus(moneyOf([...inside], statement.currency)) ?? null,
    quantityWith: (id) =>
      [...inside]
        .filter(({ instrument }) => instrument?.id === id)
        .reduce((sum, { quantity }) => sum.plus(quantity), quantityOf(id)),
  });
  if (before === null) return reading([]);
  const { moved, unsure } = statedByCash(statement, [...candidates, ...ahead], inside, before);
  for (const row of moved) if (!inside.delete(row)) inside.add(row);
  return reading(unsure);
}

/** The only form that money and units agree with, of those that say different things; the first where there is none. */
function formThatAgrees(forms: readonly DayStatement[], read: readonly Reading[]): number {
  if (forms.length === 1) return 0;
  const units = (form: DayStatement, id: InstrumentId): Decimal =>
    form.positions?.get(id)?.quantity ?? Decimal.zero;
  const ids = [...new Set(forms.flatMap(({ positions }) => [...(positions?.keys() ?? [])]))];
  const touched = ids.filter((id) => forms.some((form) => !units(form, id).equals(units(forms[0]!, id))));
  const agrees = (form: DayStatement, { cash, quantityWith }: Reading): boolean =>
    cash !== null &&
    form.cash !== null &&
    form.cash.minus(cash).abs().compare(HALF_A_CENT) <= 0 &&
    touched.every((id) => units(form, id).equals(quantityWith(id)));
  const says = (form: DayStatement): string =>
    [form.cash?.toString(), ...touched.map((id) => units(form, id).toString())].join(' ');
  const fitting = forms.flatMap((form, place) => (agrees(form, read[place]!) ? [place] : []));
  return new Set(fitting.map((place) => says(forms[place]!))).size === 1 ? fitting[0]! : 0;
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

/** Moves a position on a day, or so close to the statement, that only the stated quantity tells whether it is in. */
function isDoubtful(
  statement: DayStatement,
  activity: Activity,
  isClose: (activity: Activity) => boolean,
): boolean {
  const { timePrecision, quantity, tradeDate } = activity;
  if (statement.positions === null || quantity.isZero() || tradeDate !== statement.date) return false;
  return timePrecision === 'day' || isClose(activity);
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

/** Kinds of which a day proof counts nothing but the amount, whatever instrument they name. */
const MONEY_KINDS: ReadonlySet<ActivityKind> = new Set([
  'deposit',
  'withdrawal',
  'cash_transfer',
  'dividend',
  'capital_gain_distribution',
  'interest',
  'rebate',
  'fee',
  'tax_withheld',
]);

/**
 * Money about which the stated cash says otherwise than the clock: rows that the clock or their date puts behind the
 * statement and that it holds already (fees and interest are dated, also of the day they are listed, and brokers charge
 * them before), and rows that it does not hold yet: of the last moments up to the look, and of which only the day is
 * known (a dividend dated today may be credited tonight). They move where one choice alone makes book and statement
 * agree; rows of one line and amount are alike, because no figure of a day tells them apart. Where several choices do,
 * none moves, and the rows in which they differ are `unsure`: a sum that fits is no identity.
 */
function statedByCash(
  statement: DayStatement,
  activities: readonly Activity[],
  inside: ReadonlySet<Activity>,
  before: Decimal,
): { readonly moved: readonly Activity[]; readonly unsure: readonly Activity[] } {
  const { cash, currency } = statement;
  const gap = cash?.minus(before).minus(moneyOf([...inside], currency)) ?? Decimal.zero;
  if (gap.abs().compare(HALF_A_CENT) <= 0) return NOTHING_MOVES;
  const doubtful = activities.filter(
    (row) =>
      row.quantity.isZero() &&
      !moneyOf([row], currency).isZero() &&
      (inside.has(row) ? mayComeAfter(statement, row) : isListedLater(statement, row)),
  );
  if (doubtful.length === 0 || doubtful.length > DOUBTFUL_MAX) return NOTHING_MOVES;
  const moves = (row: Activity): Decimal =>
    inside.has(row) ? moneyOf([row], currency).negate() : moneyOf([row], currency);
  const fitting = subsetsOf(doubtful).filter(
    (rows) => Decimal.sum(rows.map(moves)).minus(gap).abs().compare(HALF_A_CENT) <= 0,
  );
  const [first] = fitting;
  if (first === undefined) return NOTHING_MOVES;
  const kindOf = (row: Activity): string => `${inside.has(row) ? 'out' : 'in'} ${figuresOf(row)}`;
  const differing = differingKinds(fitting.map((rows) => rows.map(kindOf)));
  if (differing.size === 0) return { moved: first, unsure: [] };
  return { moved: [], unsure: doubtful.filter((row) => differing.has(kindOf(row))) };
}

const NOTHING_MOVES = { moved: [], unsure: [] };

/** What a day proof counts of a row of money alone. */
function figuresOf(row: Activity): string {
  const { kind, amount, currency, fees, feesCurrency, rootId } = row;
  const figures = [lineOf(row), amount?.toString(), currency, fees?.toString(), feesCurrency];
  return [...figures, ...(MONEY_KINDS.has(kind) ? [] : [rootId])].join(' ');
}

/** Kinds of rows of which not all choices have equally many. */
function differingKinds(choices: readonly (readonly string[])[]): ReadonlySet<string> {
  const count = (rows: readonly string[], kind: string): number => rows.filter((row) => row === kind).length;
  const kinds = new Set(choices.flat());
  return new Set(
    [...kinds].filter((kind) => choices.some((rows) => count(rows, kind) !== count(choices[0]!, kind))),
  );
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
