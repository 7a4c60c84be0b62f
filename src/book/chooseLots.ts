/**
 * Which lots a person means: by what they cost, when they were acquired, or by name. What could be meant in two ways
 * is refused, never guessed (the rules are those of beancount's STRICT and STRICT_WITH_SIZE booking).
 */
import { Decimal } from '../domain/decimal.ts';
import { type Lot, type LotId } from '../domain/lot.ts';
import { type TradeDate } from '../domain/time.ts';

/** What the chosen lots have in common; nothing said = any lot. */
export interface LotWish {
  readonly lotIds?: ReadonlySet<LotId>;
  readonly acquiredDate?: TradeDate;
  /** Per unit of the open part. */
  readonly unitCost?: Decimal;
}

/**
 * - `strict`: exactly one lot fits, or all that fit add up to the quantity
 * - `strict_with_size`: as `strict`, and of several the oldest that has the very size
 * - `in_order`: what fits is taken in the order of `lots`
 */
export type Strictness = 'strict' | 'strict_with_size' | 'in_order';

/** Units by lot, for an election `lot_choice`; or why there are none. */
export type LotChoice =
  | { readonly lots: ReadonlyMap<LotId, Decimal> }
  | { readonly refused: 'no_match' | 'ambiguous' | 'insufficient_lots' };

/** Chooses from open lots of one direction, in the order they are handed in. */
export function chooseLots(
  lots: readonly Lot[],
  quantity: Decimal,
  wish: LotWish,
  strictness: Strictness,
): LotChoice {
  const fitting = lots.filter((lot) => fits(lot, wish));
  if (fitting.length === 0) return { refused: 'no_match' };
  const held = Decimal.sum(fitting.map((lot) => lot.openQuantity));
  const isAll = held.equals(quantity);
  if (strictness !== 'in_order' && fitting.length > 1 && !isAll) {
    const sized = strictness === 'strict' ? [] : fitting.filter((lot) => lot.openQuantity.equals(quantity));
    const oldest = sized.sort((left, right) => (left.acquiredDate < right.acquiredDate ? -1 : 1))[0];
    return oldest === undefined ? { refused: 'ambiguous' } : { lots: new Map([[oldest.id, quantity]]) };
  }
  return held.compare(quantity) < 0 ? { refused: 'insufficient_lots' } : { lots: inOrder(fitting, quantity) };
}

/** Lots that fit but are not needed are named with zero: an average is struck over all of them. */
function inOrder(lots: readonly Lot[], quantity: Decimal): ReadonlyMap<LotId, Decimal> {
  let rest = quantity;
  return new Map(
    lots.map((lot) => {
      const units = lot.openQuantity.compare(rest) <= 0 ? lot.openQuantity : rest;
      rest = rest.minus(units);
      return [lot.id, units] as const;
    }),
  );
}

function fits(lot: Lot, { lotIds, acquiredDate, unitCost }: LotWish): boolean {
  if (lotIds !== undefined && !lotIds.has(lot.id)) return false;
  if (acquiredDate !== undefined && lot.acquiredDate !== acquiredDate) return false;
  return (
    unitCost === undefined || (lot.openCost !== null && lot.openCost.equals(unitCost.times(lot.openQuantity)))
  );
}
