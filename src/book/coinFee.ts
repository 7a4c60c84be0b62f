/**
 * A fee paid in coins: the coins leave, the money they cost stays. With fees in the basis the lot bought that day
 * carries its whole cost over fewer coins; `excluded` takes their cost along (as Alpaca shows it); `expensed`
 * realizes it at once.
 */
import { type Activity } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type Instrument } from '../domain/instrument.ts';
import { takeFrom } from './closeLots.ts';
import { closeUnknown, closureOf, type Manner } from './closure.ts';
import { type Movement, movementOf } from './movement.ts';
import { emit, type LotFold, settle, touch, type Work, workOn } from './lotFold.ts';
import { type OpenLot, PLACES } from './openLot.ts';
import { openOf } from './side.ts';

export function takeCoinFee(fold: LotFold, activity: Activity, instrument: Instrument): void {
  const coins = activity.quantity.negate();
  if (coins.isZero()) return;
  const work = workOn(fold, instrument.id);
  settle(fold, work.long);
  settle(fold, work.short);
  const movement = movementOf(fold, activity, instrument, coins.abs(), Decimal.zero);
  const { long, short } = { long: openOf(work.long), short: openOf(work.short) };
  if (coins.sign() > 0 && long.length > 0) return takeFromLots(fold, movement, work, long, coins);
  if (short.length > 0) return growShort(fold, work, short, activity, coins);
  const manner: Manner = { kind: 'coin_fee', moves: false };
  closeUnknown(fold, movement, coins.sign() > 0 ? 'long' : 'short', coins.abs(), manner);
}

/** First the lots bought that day, each by its size (a fee is a rate); what they cannot pay, the oldest. */
function takeFromLots(
  fold: LotFold,
  movement: Movement,
  work: Work,
  lots: readonly OpenLot[],
  coins: Decimal,
): void {
  const { activity } = movement;
  const today = lots.filter((lot) => lot.acquiredDate === activity.tradeDate);
  const bought = Decimal.sum(today.map((lot) => lot.openQuantity));
  let rest = coins;
  const take = (lot: OpenLot, k: Decimal): void => {
    if (k.sign() <= 0) return;
    payFrom(fold, movement, lot, k);
    rest = rest.minus(k);
  };
  for (const lot of today) {
    const isLast = lot === today.at(-1);
    const share = isLast ? rest : coins.times(lot.openQuantity).dividedBy(bought, PLACES, 'down');
    take(lot, least(least(share, lot.openQuantity), rest));
  }
  for (const lot of lots) take(lot, least(lot.openQuantity, rest));
  if (rest.sign() > 0) closeUnknown(fold, movement, 'long', rest, { kind: 'coin_fee', moves: false });
  work.long.heap = null;
}

function payFrom(fold: LotFold, movement: Movement, lot: OpenLot, k: Decimal): void {
  const { policy } = movement;
  const empties = k.equals(lot.openQuantity);
  if (policy === 'in_basis' && !empties) {
    touch(fold, lot);
    const wasWhole = lot.openQuantity.equals(lot.quantity);
    lot.quantity = lot.quantity.minus(k);
    lot.openQuantity = lot.openQuantity.minus(k);
    lot.unitCost = wasWhole ? lot.cost : lot.openCost;
    lot.unitQuantity = lot.openQuantity;
    return;
  }
  const taken = takeFrom(fold, lot, k, null);
  const manner: Manner = { kind: 'coin_fee', moves: policy === 'excluded' };
  emit(fold, closureOf(fold, movement, lot, k, taken, manner));
}

/** A sale short whose fee was taken in coins owes them too; what it brought stays the same. */
function growShort(
  fold: LotFold,
  work: Work,
  lots: readonly OpenLot[],
  { tradeDate }: Activity,
  coins: Decimal,
): void {
  const lot = lots.findLast((candidate) => candidate.acquiredDate === tradeDate) ?? lots.at(-1)!;
  touch(fold, lot);
  lot.quantity = lot.quantity.plus(coins);
  lot.openQuantity = lot.openQuantity.plus(coins);
  lot.unitCost = lot.openCost;
  lot.unitQuantity = lot.openQuantity;
  work.short.heap = null;
}

function least(left: Decimal, right: Decimal): Decimal {
  return left.compare(right) <= 0 ? left : right;
}
