/**
 * Spin-off: a child's shares come for the parent's, lot by lot, with a part of their cost and all of their dates
 * (26 USC 355, 358). Who is short of the parent owes the child's, too, for a part of what the short sale brought. The
 * part is in no feed of positions: somebody states it (Form 8937) in `details.basisFraction`. Where it comes from costs
 * that a broker had rounded (`restatedCost.ts`), both are `estimated`. Without it nobody knows how the cost divides: the
 * child's lots have none, the parent keeps its own and is `estimated`, until a person states both (`truebook basis`).
 */
import { type Activity } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { equity, type Instrument, type InstrumentId } from '../domain/instrument.ts';
import { setAside } from './cashInLieu.ts';
import { doubt } from './doubt.ts';
import { ROUNDED_COSTS } from './restatedCost.ts';
import { toldRatio } from './scaleLots.ts';
import { type LotFold, settle, sideFor, touch, workOn } from './lotFold.ts';
import { deal, type OpenLot, PLACES, purse } from './openLot.ts';
import { enter, withStatedBasis } from './openLots.ts';
import { openOf } from './side.ts';

type OpenRest = (fold: LotFold, activity: Activity, instrument: Instrument, units: Decimal) => void;

export function spinOff(fold: LotFold, activity: Activity, child: Instrument, openRest: OpenRest): void {
  const parent = parentOf(activity, child);
  const direction = activity.quantity.sign() < 0 ? 'short' : 'long';
  const side = parent === null ? null : sideFor(workOn(fold, parent), direction);
  if (side !== null) settle(fold, side);
  const lots = side === null ? [] : openOf(side);
  if (side === null || lots.length === 0 || activity.quantity.isZero())
    return openRest(fold, activity, child, activity.quantity);
  const stated = activity.details['basisFraction'];
  const fraction = stated === undefined ? null : Decimal.tryParse(stated);
  const isExact = fraction !== null && activity.details['fractionFrom'] !== ROUNDED_COSTS;
  const held = Decimal.sum(lots.map((lot) => lot.openQuantity));
  const told = toldRatio(activity.details);
  const whole = told === null ? null : held.times(told.news).dividedBy(told.olds, PLACES);
  // Cut to whole units: the part waits for its cash.
  const came = activity.quantity.abs();
  const part = whole === null ? Decimal.zero : whole.minus(came);
  const hasPart = part.sign() > 0 && part.compare(Decimal.one) < 0;
  const units = purse(hasPart && whole !== null ? whole : came, held);
  for (const lot of lots) {
    const childUnits = deal(units, lot.openQuantity) ?? Decimal.zero;
    const given = fraction === null ? null : giveAway(fold, lot, fraction);
    if (!childUnits.isZero()) bear(fold, activity, child, lot, childUnits, { given, isExact });
    if (!isExact) doubt(fold, lot, activity);
  }
  side.heap = null;
  if (hasPart) setAside(fold, activity, child, direction, part);
}

/** The parent as the row names it: an identity or a symbol. */
function parentOf({ details }: Activity, child: Instrument): InstrumentId | null {
  const named = details['parent'];
  if (named === undefined) return null;
  return named.includes(':') ? (named as InstrumentId) : equity(named, child.currency).id;
}

interface Given {
  readonly cost: Decimal | null;
  readonly costBase: Decimal | null;
  readonly rolled: Decimal;
}

/** A product ends: it is exact for every fraction that somebody states, so that the parts of several lots add up. */
const PART_PLACES = 2 * PLACES;

function giveAway(fold: LotFold, lot: OpenLot, fraction: Decimal): Given {
  touch(fold, lot);
  const part = (total: Decimal | null): Decimal | null =>
    total === null ? null : total.times(fraction).round(PART_PLACES);
  const cost = part(lot.openCost);
  const rolled = lot.rolled.times(fraction).round(PART_PLACES);
  lot.rolled = lot.rolled.minus(rolled);
  const isHome = lot.openCostBase === lot.openCost;
  const costBase = isHome ? cost : part(lot.openCostBase);
  if (lot.openCost !== null && cost !== null) lot.openCost = lot.openCost.minus(cost);
  if (isHome) lot.openCostBase = lot.openCost;
  else if (lot.openCostBase !== null && costBase !== null)
    lot.openCostBase = lot.openCostBase.minus(costBase);
  lot.unitCost = lot.paid = lot.openCost;
  lot.unitQuantity = lot.openQuantity;
  return { cost, costBase, rolled };
}

function bear(
  fold: LotFold,
  activity: Activity,
  child: Instrument,
  parent: OpenLot,
  units: Decimal,
  { given, isExact }: { readonly given: Given | null; readonly isExact: boolean },
): void {
  const cost = given?.cost ?? null;
  const lot: OpenLot = {
    ...parent,
    id: `${activity.rootId}>${parent.id}`,
    instrument: child.id,
    openedRootId: fold.episodeOf(child.id) ?? activity.rootId,
    activityRootId: activity.rootId,
    openedAt: activity.executedAt,
    quantity: units,
    openQuantity: units,
    cost,
    openCost: cost,
    openCostBase: given?.costBase ?? null,
    costSource: cost === null ? 'unknown' : isExact ? parent.costSource : 'estimated',
    openFees: Decimal.zero,
    rolled: given?.rolled ?? Decimal.zero,
    unitCost: cost,
    unitQuantity: units,
    paid: cost,
    estimated: (parent.estimated || !isExact) && cost !== null,
    doubtedBy: null,
    sameDay: null,
    changed: false,
  };
  enter(fold, withStatedBasis(fold, lot));
}
