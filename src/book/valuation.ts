/** What open lots are worth at a moment and what they cost: the two numbers whose difference is unrealized profit. */
import { Decimal } from '../domain/decimal.ts';
import { type Instrument, type InstrumentId } from '../domain/instrument.ts';
import { type Lot, type LotId } from '../domain/lot.ts';
import { type Currency } from '../domain/money.ts';
import { type Book } from './foldBook.ts';
import { lotsIn } from './lotBook.ts';

/** Price per unit at one moment; an instrument nobody priced is absent, never zero. */
export type Marks = ReadonlyMap<InstrumentId, Decimal>;

export type Instruments = ReadonlyMap<InstrumentId, Instrument>;

export interface Valuation {
  /** Signed market value of all open lots, quantity x mark x multiplier; null where `unmarked` names an instrument. */
  readonly marketValue: Decimal | null;
  /**
   * Signed cost of the open lots whose cost is known: positive for what was paid, negative for what a short brought in.
   * Lots of unknown cost are in `marketValue` and not in here.
   */
  readonly cost: Decimal;
  /** Instruments that are held and have no mark, or whose terms nobody knows; sorted. */
  readonly unmarked: readonly InstrumentId[];
}

/**
 * Values the lots of one currency. Lots that are empty count nothing and need no mark; those in `withoutCost` count as
 * lots of unknown cost.
 */
export function valueLots(
  lots: readonly Lot[],
  marks: Marks,
  instruments: Instruments,
  currency: Currency,
  withoutCost: ReadonlySet<LotId> = NONE,
): Valuation {
  let marketValue = Decimal.zero;
  let cost = Decimal.zero;
  const unmarked = new Set<InstrumentId>();
  for (const lot of lots) {
    if (lot.currency !== currency || lot.openQuantity.isZero()) continue;
    if (!withoutCost.has(lot.id)) cost = cost.plus(signedCost(lot, lot.openCost) ?? Decimal.zero);
    const value = valueOf(signedQuantity(lot), lot.instrument, marks, instruments);
    if (value === null) unmarked.add(lot.instrument);
    else marketValue = marketValue.plus(value);
  }
  return {
    marketValue: unmarked.size === 0 ? marketValue : null,
    cost,
    unmarked: [...unmarked].sort(),
  };
}

const NONE: ReadonlySet<LotId> = new Set();

/** Null where the mark or the instrument's terms are missing. */
export function valueOf(
  quantity: Decimal,
  instrument: InstrumentId,
  marks: Marks,
  instruments: Instruments,
): Decimal | null {
  const mark = marks.get(instrument);
  const terms = instruments.get(instrument);
  return mark === undefined || terms === undefined ? null : quantity.times(mark).times(terms.multiplier);
}

/** As the valuation counts it: what a long lot cost is positive, what a short one brought in is negative. */
export function signedCost(lot: Pick<Lot, 'direction'>, cost: Decimal | null): Decimal | null {
  return cost === null || lot.direction === 'long' ? cost : cost.negate();
}

function signedQuantity(lot: Lot): Decimal {
  return lot.direction === 'long' ? lot.openQuantity : lot.openQuantity.negate();
}

/**
 * Signed cost of parts of units that left their lots in a corporate action and wait for their cash. The broker does not
 * count them any more; what they cost is still to be set against what they bring.
 */
export function costOfFractions(book: Book, instruments: Instruments, currency: Currency): Decimal {
  let cost = Decimal.zero;
  for (const [id, entry] of book.lots.entries) {
    if (instruments.get(id)?.currency !== currency) continue;
    for (const fraction of lotsIn(entry).fractions)
      cost = cost.plus(signedCost(fraction, fraction.cost) ?? Decimal.zero);
  }
  return cost;
}

/**
 * What the account holds less its open lots: units that left without a lot they could belong to leave more lots than
 * units. The value of those is in no equity. Instruments of one currency, signed as a position; none where it is zero.
 */
export function unitsWithoutLots(
  book: Book,
  instruments: Instruments,
  currency: Currency,
): ReadonlyMap<InstrumentId, Decimal> {
  const units = new Map<InstrumentId, Decimal>();
  for (const [id, entry] of book.lots.entries) {
    const { uncovered } = lotsIn(entry);
    if (!uncovered.isZero() && instruments.get(id)?.currency === currency) units.set(id, uncovered.negate());
  }
  return units;
}
