/**
 * How a spin-off divides its parent's cost, where the broker's own rows say so: beside the child's row two rows restate
 * the parent's cost per unit without moving any (`details.restates`, Alpaca's "cost basis adjustment"). Pure.
 */
import { type Activity } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';

/** Digits of a fraction; the prices it is made of have four. */
const PLACES = 18;

/** `details.fractionFrom` of such a fraction: it divides the cost as near as rounded prices tell, not as Form 8937 does. */
export const ROUNDED_COSTS = 'rounded costs';

/**
 * The part of the parent's cost that goes to each child, by the root id of the child's row: what the broker carries on
 * for the child over what it carried for the parent before. No entry where nothing says it, or what is said is no part:
 * a child that came at a price of zero has not been valued yet, which is no cost of zero.
 */
export function restatedFractions(activities: readonly Activity[]): ReadonlyMap<string, Decimal> {
  const rows = activities.filter((row) => row.kind === 'spinoff' && row.status === 'ok');
  const restating = rows.filter((row) => row.details['restates'] === 'cost');
  const fractions = new Map<string, Decimal>();
  if (restating.length === 0) return fractions;
  for (const child of rows) {
    const before = child.quantity.isZero() ? undefined : restating.find((row) => isCostBefore(row, child));
    const fraction = before === undefined ? null : fractionOf(child, before);
    if (fraction !== null) fractions.set(child.rootId, fraction);
  }
  return fractions;
}

/** Whether a row states what the child's parent carried before: of the pair, the one that takes what is held out. */
function isCostBefore(row: Activity, child: Activity): boolean {
  const moved = wireQuantity(row);
  if (moved === null || moved.sign() * child.quantity.sign() >= 0) return false;
  if (row.groupId !== null || child.groupId !== null) return row.groupId === child.groupId;
  const { parent } = child.details;
  return (
    row.tradeDate === child.tradeDate &&
    parent !== undefined &&
    (row.instrument?.symbol === parent || row.instrument?.id === parent)
  );
}

function fractionOf(child: Activity, before: Activity): Decimal | null {
  const [given, carried] = [priceOf(child), priceOf(before)];
  const held = wireQuantity(before);
  if (given === null || carried === null || held === null || carried.isZero() || held.isZero()) return null;
  const fraction = child.quantity.abs().times(given).dividedBy(held.abs().times(carried), PLACES);
  return fraction.sign() > 0 && fraction.compare(Decimal.one) < 0 ? fraction : null;
}

function wireQuantity({ details }: Activity): Decimal | null {
  return Decimal.tryParse(details['quantityOnWire'] ?? '');
}

function priceOf({ details }: Activity): Decimal | null {
  return Decimal.tryParse(details['price'] ?? '');
}
