/** A lot as the book keeps it, and the row it gives. */
import { Decimal } from '../domain/decimal.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import { type CostSource, type Lot, type LotClosure, type LotDirection, type LotId } from '../domain/lot.ts';
import { type Currency } from '../domain/money.ts';
import { type Instant, type TradeDate } from '../domain/time.ts';

/**
 * An open lot. Only the fold that copied it changes it. What leaves takes `unitCost x k / unitQuantity`: the pair is
 * what was paid for how many at first, and set anew by whatever changes the cost of the open part (a return of
 * capital, a spin-off, an average).
 */
export interface OpenLot {
  readonly id: LotId;
  instrument: InstrumentId;
  openedRootId: string;
  readonly activityRootId: string;
  readonly direction: LotDirection;
  readonly openedAt: Instant;
  readonly acquiredAt: Instant;
  acquiredDate: TradeDate;
  holdingFrom: TradeDate;
  /** Whether somebody said when it was acquired: without that, closes have no term. */
  dated: boolean;
  readonly currency: Currency;
  costSource: CostSource;
  quantity: Decimal;
  openQuantity: Decimal;
  cost: Decimal | null;
  openCost: Decimal | null;
  /** `openCost` in base currency; the very same object where the currencies are the same. */
  openCostBase: Decimal | null;
  /** Opening fees of the open part, inside its cost or beside it by the election. */
  openFees: Decimal;
  rolled: Decimal;
  unitCost: Decimal | null;
  unitQuantity: Decimal;
  /** What the price alone makes of `unitQuantity`: the key of HIFO by price. */
  paid: Decimal | null;
  /** Its cost or premium rests on something nobody stated: closes are `estimated`. */
  estimated: boolean;
  /** Root id of the last event after which its cost was in doubt. */
  doubtedBy: string | null;
  /** Under COMPRESSED_FIFO: closes of the day it was opened, whose cost a later buy of that day still moves. */
  sameDay: readonly LotClosure[] | null;
  /** Place among lots of the same acquisition time. */
  sequence: number;
  /** In the pool of AVERAGE: `openCost` is a share of it, worked out when the pool is settled. */
  pooled: boolean;
  changed: boolean;
}

export function rowOf(lot: OpenLot): Lot {
  return {
    id: lot.id,
    instrument: lot.instrument,
    openedRootId: lot.openedRootId,
    activityRootId: lot.activityRootId,
    direction: lot.direction,
    openedAt: lot.openedAt,
    acquiredAt: lot.acquiredAt,
    acquiredDate: lot.acquiredDate,
    holdingFrom: lot.holdingFrom,
    quantity: lot.quantity,
    openQuantity: lot.openQuantity,
    cost: lot.cost,
    openCost: lot.openCost,
    rolled: lot.rolled,
    costSource: lot.costSource,
    currency: lot.currency,
    openCostBase: lot.openCostBase,
    openFees: lot.openFees,
    ...(lot.doubtedBy === null ? {} : { doubtedBy: lot.doubtedBy }),
  };
}

/** Digits behind the point that a quotient keeps, half-even; what it cuts off goes to the piece that empties. */
export const PLACES = 18;

/**
 * A total dealt out over the pieces of a quantity: each takes `total x k / quantity`, the last one what is left, so
 * that the pieces add up to the total exactly. Null is dealt as null.
 */
export interface Purse {
  readonly total: Decimal | null;
  readonly quantity: Decimal;
  left: Decimal | null;
  quantityLeft: Decimal;
}

export function purse(total: Decimal | null, quantity: Decimal): Purse {
  return { total, quantity, left: total, quantityLeft: quantity };
}

/** The share of the next `k` units. */
export function deal(from: Purse, k: Decimal): Decimal | null {
  if (from.total === null || from.left === null) return null;
  const isLast = k.equals(from.quantityLeft);
  const share = isLast ? from.left : shareOf(from.total, k, from.quantity);
  from.left = isLast ? Decimal.zero : from.left.minus(share);
  from.quantityLeft = from.quantityLeft.minus(k);
  return share;
}

/** `total x k / quantity`. */
export function shareOf(total: Decimal, k: Decimal, quantity: Decimal): Decimal {
  if (total.isZero()) return total;
  return total.share(k, quantity, PLACES);
}
