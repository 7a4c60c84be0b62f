/**
 * Estimates: the broker holds less than the book and no fill says why yet. What left is taken as closed at the mark of
 * that moment, called `estimated`, and replaced by the fill when it comes (design section 4.7). Pure.
 */
import { Decimal } from '../domain/decimal.ts';
import { type Instrument, type InstrumentId } from '../domain/instrument.ts';
import { type Lot } from '../domain/lot.ts';

export interface Reduction {
  readonly instrument: Instrument;
  /** Signed: what the book holds, and what the broker states. */
  readonly book: Decimal;
  readonly broker: Decimal;
  /** The last price before or at the broker's statement; null = unknown. */
  readonly mark: Decimal | null;
  /** Open lots of the instrument. */
  readonly lots: readonly Lot[];
}

export interface EstimatedResult {
  /** Units, positive. */
  readonly quantity: Decimal;
  readonly mark: Decimal;
  readonly amount: Decimal;
}

/** Cost is taken to 18 digits, as everywhere in the book. */
const PLACES = 18;

/**
 * The result of what left, at the average cost of the lots: which of them went nobody knows yet. Null where nothing
 * left on that side, no price is known or the cost of a lot is not.
 */
export function estimateOf({ instrument, book, broker, mark, lots }: Reduction): EstimatedResult | null {
  const left = book.minus(broker);
  const isReduction =
    !broker.isZero() && book.sign() === broker.sign() && left.sign() === book.sign() && !left.isZero();
  if (!isReduction || mark === null) return null;
  const held = Decimal.sum(lots.map((lot) => lot.openQuantity));
  const costs = lots.map((lot) => lot.openCost);
  if (held.isZero() || costs.some((cost) => cost === null)) return null;
  const cost = Decimal.sum(costs.flatMap((one) => one ?? []));
  const quantity = left.abs();
  const taken = cost.times(quantity).dividedBy(held, PLACES);
  const money = quantity.times(mark).times(instrument.multiplier);
  return { quantity, mark, amount: book.sign() > 0 ? money.minus(taken) : taken.minus(money) };
}

export type EstimatedInstruments = ReadonlyMap<InstrumentId, EstimatedResult>;
