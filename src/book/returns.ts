/**
 * Returns of one account and currency: what its money earned, whatever was paid in or out meanwhile.
 *
 * *Time-weighted*: the days' rates linked together, so that the size and the moment of deposits do not matter. A day's
 * rate is (end + out) / (start + in) - 1: what came in counts as there from the start of its day, what left until its
 * end. Securities that came or left count as money of their market value. *Money-weighted*: the one rate at which all
 * flows grow to the final equity (XIRR; flows on the same two ends of their days, a year has 365 days).
 *
 * A return stands on proved days only, without a gap, and never spans two epochs: an account that was reset is another
 * account.
 */
import { isTradingDay } from '../domain/calendar.ts';
import { decimal, Decimal } from '../domain/decimal.ts';
import { addDays, type TradeDate } from '../domain/time.ts';
import { type ProofState } from './dayProof.ts';

/** What of a proved day a return needs. */
export interface ReturnDay {
  readonly epoch: number;
  readonly date: TradeDate;
  readonly startEquity: Decimal | null;
  readonly flows: Decimal | null;
  readonly transfers: Decimal | null;
  readonly endEquity: Decimal | null;
  readonly state: ProofState;
}

/** Days a return cannot do without. */
export interface ReturnGap {
  readonly from: TradeDate;
  readonly to: TradeDate;
  /** `no_day`: a trading day nobody recorded. `no_link`: a day that starts with another equity than the last one ended. */
  readonly reason: 'no_day' | 'no_link' | Exclude<ProofState, 'proved'>;
}

export interface Returns {
  readonly epoch: number;
  /** First and last day, both included. */
  readonly from: TradeDate;
  readonly to: TradeDate;
  /** Over the whole time, in percent (12.5 means 12.5 %), half-even to 10 decimals. */
  readonly timeWeighted: Decimal | null;
  /** Likewise. */
  readonly moneyWeighted: Decimal | null;
  /** The same rate for a year of 365 days; wild for a short time. */
  readonly moneyWeightedYearly: Decimal | null;
  readonly gaps: readonly ReturnGap[];
}

/** One result per epoch, oldest first. `days` may be in any order; those of an epoch must be of one currency. */
export function returnsByEpoch(days: readonly ReturnDay[]): readonly Returns[] {
  const epochs = [...new Set(days.map(({ epoch }) => epoch))].sort((left, right) => left - right);
  return epochs.map((epoch) => returnsOf(days.filter((day) => day.epoch === epoch)));
}

function returnsOf(unsorted: readonly ReturnDay[]): Returns {
  const days = unsorted.toSorted((left, right) => (left.date < right.date ? -1 : 1));
  const span = { epoch: days[0]!.epoch, from: days[0]!.date, to: days.at(-1)!.date };
  const gaps = gapsOf(days);
  if (gaps.length > 0) return { ...span, ...UNKNOWN, gaps };
  const proved = days.map(figuresOf);
  const growth = dailyGrowth(proved);
  const calendarDays = daysBetween(span.from, span.to) + 1;
  return {
    ...span,
    timeWeighted: percent(linkedGrowth(proved)),
    moneyWeighted: percent(growth === null ? null : power(growth, calendarDays)),
    moneyWeightedYearly: percent(growth === null ? null : power(growth, YEAR_DAYS)),
    gaps,
  };
}

/** Which days are asked for, both included; null: from the first proved day, up to the last one. */
export interface ReturnBounds {
  readonly from: TradeDate | null;
  readonly to: TradeDate | null;
}

/**
 * One result per epoch, oldest first, over the days that are asked for. Unless somebody asks for a day, a return begins
 * with the first proved one - how the account began before it nobody knows - and ends with the last; what lies behind
 * that is named. What is missing between the two, or of days that are asked for, makes the return unknown: the equity at
 * the flows of such days is not known.
 */
export function returnsWithin(days: readonly ReturnDay[], bounds: ReturnBounds): readonly Returns[] {
  const epochs = [...new Set(days.map(({ epoch }) => epoch))].sort((left, right) => left - right);
  return epochs.flatMap((epoch) => {
    const own = days
      .filter((day) => day.epoch === epoch)
      .toSorted((left, right) => (left.date < right.date ? -1 : 1));
    return withinEpoch(own, bounds);
  });
}

function withinEpoch(days: readonly ReturnDay[], { from, to }: ReturnBounds): readonly Returns[] {
  const asked = days.filter(({ date }) => (from === null || date >= from) && (to === null || date <= to));
  if (asked.length === 0) return [];
  const first = from === null ? asked.findIndex(({ state }) => state === 'proved') : 0;
  const last = to === null ? asked.findLastIndex(({ state }) => state === 'proved') : asked.length - 1;
  if (first < 0 || last < first) return [returnsOf(asked)];
  const result = returnsOf(asked.slice(first, last + 1));
  const early = from === null ? [] : missedFrom(from, asked[0]!, days[0]!);
  const gaps = [
    ...early,
    ...result.gaps,
    ...gapsOf(asked.slice(last)).filter(({ from: day }) => day > result.to),
  ];
  return [early.length === 0 ? { ...result, gaps } : { ...result, ...UNKNOWN, gaps }];
}

const UNKNOWN = { timeWeighted: null, moneyWeighted: null, moneyWeightedYearly: null };

/** Trading days from the one that is asked for up to the first that is known, where the book had begun by then. */
function missedFrom(from: TradeDate, first: ReturnDay, begins: ReturnDay): readonly ReturnGap[] {
  const since = from > begins.date ? from : begins.date;
  const missed = tradingDaysBetween(addDays(since, -1), first.date);
  return missed.length === 0 ? [] : [{ from: missed[0]!, to: missed.at(-1)!, reason: 'no_day' }];
}

// ---- gaps -------------------------------------------------------------------------------------------------------

function gapsOf(days: readonly ReturnDay[]): readonly ReturnGap[] {
  const gaps: ReturnGap[] = [];
  for (const [index, day] of days.entries()) {
    const last = index === 0 ? null : days[index - 1]!;
    if (last !== null) addBetween(gaps, last, day);
    if (day.state !== 'proved') add(gaps, { from: day.date, to: day.date, reason: day.state });
  }
  return gaps;
}

function addBetween(gaps: ReturnGap[], last: ReturnDay, day: ReturnDay): void {
  const missed = tradingDaysBetween(last.date, day.date);
  if (missed.length > 0) {
    gaps.push({ from: missed[0]!, to: missed.at(-1)!, reason: 'no_day' });
    return;
  }
  const linked = last.endEquity !== null && day.startEquity?.equals(last.endEquity) === true;
  if (!linked && last.state === 'proved' && day.state === 'proved')
    gaps.push({ from: day.date, to: day.date, reason: 'no_link' });
}

/** Neither of the two included. */
function tradingDaysBetween(from: TradeDate, to: TradeDate): readonly TradeDate[] {
  const days: TradeDate[] = [];
  for (let date = addDays(from, 1); date < to; date = addDays(date, 1))
    if (isTradingDay(date)) days.push(date);
  return days;
}

/** Days in a row that lack the same are one gap. */
function add(gaps: ReturnGap[], gap: ReturnGap): void {
  const last = gaps.at(-1);
  const goesOn = last !== undefined && last.reason === gap.reason && addDays(last.to, 4) >= gap.from;
  if (goesOn) gaps[gaps.length - 1] = { ...last, to: gap.to };
  else gaps.push(gap);
}

// ---- rates ------------------------------------------------------------------------------------------------------

interface Figures {
  readonly date: TradeDate;
  readonly start: Decimal;
  readonly end: Decimal;
  /** At the start of the day, zero or positive. */
  readonly in: Decimal;
  /** At its end, zero or positive. */
  readonly out: Decimal;
}

/** Of a proved day: all of it is known. */
function figuresOf({ date, startEquity, endEquity, flows, transfers }: ReturnDay): Figures {
  const net = flows!.plus(transfers!);
  const [cameIn, wentOut] = net.sign() < 0 ? [Decimal.zero, net.negate()] : [net, Decimal.zero];
  return { date, start: startEquity!, end: endEquity!, in: cameIn, out: wentOut };
}

/** Digits behind the point that growth factors are carried with: far beyond the ten that are shown. */
const PLACES = 40;

/** Null where a day began with nothing or less and did not end so: no rate describes that. */
function linkedGrowth(days: readonly Figures[]): Decimal | null {
  let growth = Decimal.one;
  for (const day of days) {
    const base = day.start.plus(day.in);
    const result = day.end.plus(day.out);
    if (base.isZero() && result.isZero()) continue;
    if (base.sign() <= 0) return null;
    growth = growth.times(result).dividedBy(base, PLACES);
  }
  return growth;
}

interface Flow {
  /** Whole days since the start of the first day. */
  readonly day: number;
  /** Positive: paid in. */
  readonly amount: Decimal;
}

/**
 * The factor per calendar day at which everything paid in grows to everything taken out and left. All of it is decimals
 * with 40 digits, so no floating point comes near money. Null where there is no such factor, or
 * where the balance would run below zero on the way: then several rates solve the equation and none of them means much.
 */
function dailyGrowth(days: readonly Figures[]): Decimal | null {
  const { flows, end, length } = flowsOf(days);
  if (flows.length === 0) return end.isZero() ? Decimal.one : null;
  const left = (growth: Decimal): Decimal => balanceAfter(flows, growth, length).minus(end);
  const bracket = bracketOf(left);
  if (bracket === null) return null;
  const growth = rootBetween(left, bracket);
  return staysPositive(flows, growth) ? growth : null;
}

/**
 * Where a function that is negative at the one end and not at the other passes zero: by the straight line between the
 * ends, where an end that stays is trusted half as much each time (the Illinois method), and by halving where that
 * would step outside.
 */
function rootBetween(left: (growth: Decimal) => Decimal, bracket: readonly [Decimal, Decimal]): Decimal {
  let [low, high] = bracket;
  let [atLow, atHigh] = [left(low), left(high)];
  let moved: 'low' | 'high' | null = null;
  for (let step = 1, last = low; high.minus(low).compare(PRECISION) > 0; step += 1) {
    const slope = atHigh.minus(atLow);
    const line = slope.isZero() ? low : high.minus(atHigh.times(high.minus(low)).dividedBy(slope, PLACES));
    const isInside = line.compare(low) > 0 && line.compare(high) < 0;
    // Every fourth step halves, so that a curve of whatever shape is met in time.
    const next = isInside && step % 4 !== 0 ? line : low.plus(high).times(HALF).round(PLACES);
    const atNext = left(next);
    if (atNext.isZero() || next.minus(last).abs().compare(PRECISION) <= 0) return next;
    last = next;
    if (atNext.sign() < 0) {
      if (moved === 'low') atHigh = atHigh.times(HALF);
      [low, atLow, moved] = [next, atNext, 'low'];
    } else {
      if (moved === 'high') atLow = atLow.times(HALF);
      [high, atHigh, moved] = [next, atNext, 'high'];
    }
  }
  return high;
}

function flowsOf(days: readonly Figures[]): { flows: readonly Flow[]; end: Decimal; length: number } {
  const first = days[0]!;
  const flows: Flow[] = [{ day: 0, amount: first.start }];
  for (const day of days) {
    const since = daysBetween(first.date, day.date);
    flows.push({ day: since, amount: day.in }, { day: since + 1, amount: day.out.negate() });
  }
  const last = days.at(-1)!;
  return {
    flows: flows.filter(({ amount }) => !amount.isZero()).sort((left, right) => left.day - right.day),
    end: last.end,
    length: daysBetween(first.date, last.date) + 1,
  };
}

function balanceAfter(flows: readonly Flow[], growth: Decimal, length: number): Decimal {
  let balance = Decimal.zero;
  let today = 0;
  for (const { day, amount } of flows) {
    balance = grown(balance, growth, day - today).plus(amount);
    today = day;
  }
  return grown(balance, growth, length - today);
}

function staysPositive(flows: readonly Flow[], growth: Decimal): boolean {
  let balance = Decimal.zero;
  let today = 0;
  for (const [index, { day, amount }] of flows.entries()) {
    balance = grown(balance, growth, day - today).plus(amount);
    today = day;
    // Several flows of one moment are one.
    const isMoment = flows[index + 1]?.day !== day;
    if (isMoment && balance.plus(PRECISION_OF_MONEY).sign() < 0) return false;
  }
  return true;
}

const HALF = decimal('0.5');
/** Of the daily factor: 365 times of it are still nothing in the tenth digit of a percentage. */
const PRECISION = decimal('0.00000000000000000000000001');
const PRECISION_OF_MONEY = decimal('0.000001');
/** First step away from "no growth", and the largest daily factor looked at. */
const STEP = decimal('0.0000001');
const GROWTH_MAX = decimal('1024');

/**
 * Two factors between which the balance that is left passes zero: the pair nearest to "no growth". Widened by doubling
 * on both sides at once.
 */
function bracketOf(left: (growth: Decimal) => Decimal): readonly [Decimal, Decimal] | null {
  let [low, high, step] = [Decimal.one, Decimal.one, STEP];
  while (high.compare(GROWTH_MAX) < 0) {
    const [nextLow, nextHigh] = [atLeastZero(Decimal.one.minus(step)), Decimal.one.plus(step)];
    if (left(nextHigh).sign() >= 0 && left(high).sign() < 0) return [high, nextHigh];
    if (left(nextLow).sign() <= 0 && left(low).sign() >= 0) return [nextLow, low];
    [low, high, step] = [nextLow, nextHigh, step.plus(step)];
  }
  return null;
}

function atLeastZero(value: Decimal): Decimal {
  return value.sign() < 0 ? Decimal.zero : value;
}

function grown(amount: Decimal, growth: Decimal, days: number): Decimal {
  return days === 0 || amount.isZero() ? amount : amount.times(power(growth, days)).round(PLACES);
}

/** By squaring; the exponent is a count of days. */
function power(base: Decimal, exponent: number): Decimal {
  let [result, square] = [Decimal.one, base];
  for (let rest = exponent; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = result.times(square).round(PLACES);
    square = square.times(square).round(PLACES);
  }
  return result;
}

const YEAR_DAYS = 365;
const HUNDRED = Decimal.ofInteger(100);

function percent(growth: Decimal | null): Decimal | null {
  return growth === null ? null : growth.minus(Decimal.one).times(HUNDRED).round(10);
}

function daysBetween(from: TradeDate, to: TradeDate): number {
  return Math.round((Date.parse(to) - Date.parse(from)) / 86_400_000);
}
