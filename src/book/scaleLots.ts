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

/** Scales every open lot; the last takes what rounding leaves, so that the sum is exact. */
export function scaleSide(fold: LotFold, side: Side, ratio: Ratio): void {
  const lots = openOf(side);
  const total = openUnits(side).times(ratio.news).dividedBy(ratio.olds, ROUNDED_PLACES);
  let rest = total;
  for (const lot of lots) {
    const isLast = lot === lots.at(-1);
    const open = isLast ? rest : scaled(lot.openQuantity, ratio);
    rest = rest.minus(open);
    scaleLot(fold, lot, open, ratio);
  }
  side.heap = null;
}

/** More digits than lots of 18 can have, so that a broker that states more is followed. */
const ROUNDED_PLACES = 24;

function scaleLot(fold: LotFold, lot: OpenLot, open: Decimal, ratio: Ratio): void {
  touch(fold, lot);
  const isWhole = lot.openQuantity.equals(lot.quantity);
  lot.quantity = isWhole ? open : scaled(lot.quantity.minus(lot.openQuantity), ratio).plus(open);
  lot.unitQuantity = lot.unitQuantity.equals(lot.openQuantity) ? open : scaled(lot.unitQuantity, ratio);
  lot.openQuantity = open;
  lot.sameDay = null;
}

function scaled(units: Decimal, { news, olds }: Ratio): Decimal {
  return units.times(news).dividedBy(olds, ROUNDED_PLACES);
}
