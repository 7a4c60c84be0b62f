/** Units become other units at an exact ratio: splits, stock dividends, exchanges of one instrument for another. */
import { type Activity } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type Instrument } from '../domain/instrument.ts';
import { type LotFold, settle, touch, type Work, workOn } from './lotFold.ts';
import { type OpenLot } from './openLot.ts';
import { openOf, type Side } from './side.ts';

/** `news` units for each `olds`. */
export interface Ratio {
  readonly news: Decimal;
  readonly olds: Decimal;
}

/** The exact terms, where the row has them: its quantities may be cut to whole units. */
export function toldRatio({ ratioNew, ratioOld }: Activity['details']): Ratio | null {
  if (ratioNew === undefined || ratioOld === undefined) return null;
  const [news, olds] = [Decimal.tryParse(ratioNew), Decimal.tryParse(ratioOld)];
  return news === null || olds === null || news.sign() <= 0 || olds.sign() <= 0 ? null : { news, olds };
}

type OpenRest = (fold: LotFold, activity: Activity, instrument: Instrument, units: Decimal) => void;

/**
 * One row that adds to what is held (a stock dividend, a split told as its difference): every lot grows by the same
 * ratio at the same cost (26 USC 305, 307). Units for which nothing is held are of unknown cost.
 */
export function growLots(
  fold: LotFold,
  activity: Activity,
  instrument: Instrument,
  openRest: OpenRest,
): void {
  const change = activity.quantity;
  if (change.isZero()) return;
  const work = workOn(fold, instrument.id);
  const held = signedOpen(work);
  const after = held.plus(change);
  if (held.isZero() || after.sign() * held.sign() <= 0) return openRest(fold, activity, instrument, change);
  const side = held.sign() > 0 ? work.long : work.short;
  settle(fold, side);
  scaleSide(fold, side, { news: after.abs(), olds: held.abs() });
}

/** What the open lots come to, shorts negative. */
export function signedOpen(work: Work): Decimal {
  return openUnits(work.long).minus(openUnits(work.short));
}

export function openUnits(side: Side): Decimal {
  let units = Decimal.zero;
  for (const lot of side.lots) units = units.plus(lot.openQuantity);
  return units;
}

/**
 * Scales every open lot; one of them takes what rounding leaves, so that the sum is exact: what the ratio gives, or
 * `stated` where that is the same to the broker's digits.
 */
export function scaleSide(fold: LotFold, side: Side, ratio: Ratio, stated: Decimal | null = null): void {
  const lots = openOf(side);
  const exact = scaled(openUnits(side), ratio);
  const total = stated !== null && isRounded(exact, stated, ratio) ? stated : exact;
  const takesRest = lots.findLast((lot) => scaled(lot.openQuantity, ratio).compare(ROUNDED_BELOW) > 0);
  const last = takesRest ?? lots.at(-1);
  const others = lots.filter((lot) => lot !== last);
  let rest = total;
  for (const lot of others) {
    const open = scaled(lot.openQuantity, ratio);
    rest = rest.minus(open);
    scaleLot(fold, lot, open, ratio);
  }
  if (last !== undefined) scaleLot(fold, last, rest, ratio);
  side.heap = null;
}

/** Brokers keep six to nine digits. Less than this of a unit is what they cut off, no part that is paid for. */
const ROUNDED_BELOW = Decimal.parse('0.00001');

/** The coarsest last digit there is. What a broker had cut off before, a split makes that many times greater. */
const LAST_DIGIT = Decimal.parse('0.000001');

function isRounded(exact: Decimal, stated: Decimal, { news, olds }: Ratio): boolean {
  const off = exact.minus(stated).abs();
  return off.compare(ROUNDED_BELOW) < 0 || off.times(olds).compare(LAST_DIGIT.times(news)) < 0;
}

/** More digits than lots of 18 can have, so that a broker that states more is followed. */
const KEPT_PLACES = 24;
/** Digits of a quotient that does not end. */
const ROUNDED_PLACES = 36;
const LAST_PLACES = Decimal.parse('1e-30');

function scaleLot(fold: LotFold, lot: OpenLot, open: Decimal, ratio: Ratio): void {
  touch(fold, lot);
  const isWhole = lot.openQuantity.equals(lot.quantity);
  lot.quantity = isWhole ? open : scaled(lot.quantity.minus(lot.openQuantity), ratio).plus(open);
  lot.unitQuantity = lot.unitQuantity.equals(lot.openQuantity) ? open : scaled(lot.unitQuantity, ratio);
  lot.openQuantity = open;
  lot.sameDay = null;
}

/**
 * `units x news / olds`. A quotient that does not end is cut far behind the digits that count, and what comes that near
 * to a number of those digits is that number: 10 x 3/7 x 7/3 is 10.
 */
export function scaled(units: Decimal, { news, olds }: Ratio): Decimal {
  const quotient = units.times(news).dividedBy(olds, ROUNDED_PLACES);
  const kept = quotient.round(KEPT_PLACES);
  return quotient.minus(kept).abs().compare(LAST_PLACES) < 0 ? kept : quotient;
}
