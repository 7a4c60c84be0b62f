/**
 * Return of capital: cost comes back, lot by lot; what comes back beyond a lot's cost is gain (26 USC 301(c)). Under
 * AVERAGE all lots are one pool, so nothing is gain before the cost of all of them has come back.
 */
import { type Activity } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type Instrument } from '../domain/instrument.ts';
import { type LotDirection } from '../domain/lot.ts';
import { closureOf, type Manner } from './closure.ts';
import { type Movement, movementOf } from './movement.ts';
import { emit, type LotFold, settle, sideFor, touch, workOn } from './lotFold.ts';
import { deal, type OpenLot, purse } from './openLot.ts';
import { methodOn } from './rules.ts';
import { averageAmong, openOf, type Side } from './side.ts';

const MANNER: Manner = { kind: 'return_of_capital', moves: false };

export function returnCapital(fold: LotFold, activity: Activity, instrument: Instrument): void {
  const { amount } = activity;
  if (amount === null || amount.isZero()) return;
  const { long, short } = workOn(fold, instrument.id);
  // Whoever is short owes it. Money that is taken back from what is held raises its cost again.
  const owes = openOf(short).length > 0 && (amount.sign() < 0 || openOf(long).length === 0);
  lowerCost(fold, activity, instrument, amount, owes ? 'short' : 'long', MANNER);
}

/**
 * Deals cash (signed as it moves the account's) out over the open lots of one side by their units: what came in goes
 * off the cost of long lots, what was paid off the proceeds of short ones.
 */
export function lowerCost(
  fold: LotFold,
  activity: Activity,
  instrument: Instrument,
  amount: Decimal,
  direction: LotDirection,
  manner: Manner,
): void {
  const side = sideFor(workOn(fold, instrument.id), direction);
  settle(fold, side);
  const lots = openOf(side);
  if (methodOn(fold.choices, instrument.id, activity.tradeDate) === 'AVERAGE') pool(fold, side, lots);
  const size = direction === 'long' ? amount : amount.negate();
  const amounts = purse(size, Decimal.sum(lots.map((lot) => lot.openQuantity)));
  for (const lot of lots) {
    const share = deal(amounts, lot.openQuantity) ?? Decimal.zero;
    const movement = movementOf(fold, activity, instrument, Decimal.zero, share);
    lowerLot(fold, movement, lot, share, manner);
  }
  side.heap = null;
}

/** Brings lots to their common average now. */
export function pool(fold: LotFold, side: Side, lots: readonly OpenLot[]): void {
  averageAmong(side, lots, (lot) => touch(fold, lot));
}

function lowerLot(fold: LotFold, movement: Movement, lot: OpenLot, share: Decimal, manner: Manner): void {
  touch(fold, lot);
  const { openCost, openCostBase } = lot;
  const back = openCost === null || openCost.compare(share) < 0 ? openCost : share;
  let backBase = back;
  if (openCost !== null && back !== null) {
    lot.openCost = openCost.minus(back);
    if (openCostBase !== openCost) backBase = baseShare(openCostBase, back, openCost);
    lot.openCostBase =
      openCostBase === openCost
        ? lot.openCost
        : openCostBase === null || backBase === null
          ? null
          : openCostBase.minus(backBase);
    lot.unitCost = lot.paid = lot.openCost;
    lot.unitQuantity = lot.openQuantity;
  }
  const taken = { cost: back, costBase: backBase, fees: Decimal.zero, rolled: Decimal.zero };
  emit(fold, closureOf(fold, movement, lot, Decimal.zero, taken, manner));
}

function baseShare(base: Decimal | null, back: Decimal, cost: Decimal): Decimal | null {
  if (base === null) return null;
  return cost.isZero() ? Decimal.zero : base.times(back).dividedBy(cost, 18);
}
