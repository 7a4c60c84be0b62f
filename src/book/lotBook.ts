/**
 * The lots of a book: per instrument what is open, in the order of FIFO, and what waits. A book is never changed; a
 * fold copies the instruments it touches. What comes from a checkpoint stays text until somebody asks.
 */
import { Decimal } from '../domain/decimal.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import { type CostSource, type Lot, type LotDirection, type LotId } from '../domain/lot.ts';
import { type TradeDate } from '../domain/time.ts';
import { parseLots, printLots } from './lotText.ts';
import { type OpenLot, rowOf } from './openLot.ts';

/** All lots of an account. Read it with `openLots`, `uncovered` and `pendingPremiums`. */
export interface LotBook {
  readonly entries: ReadonlyMap<InstrumentId, LotEntry>;
  readonly premiums: readonly PendingPremium[];
}

/** One instrument, as text or read. Both forms say the same. */
export interface LotEntry {
  text: string | null;
  lots: InstrumentLots | null;
}

export interface InstrumentLots {
  readonly long: readonly OpenLot[];
  readonly short: readonly OpenLot[];
  /**
   * Units that left without a lot they could have come from (negative: that came back so):
   * sum of the open lots, signed, less this = position.
   */
  readonly uncovered: Decimal;
  readonly fractions: readonly Fraction[];
}

/** Part of a unit that a corporate action left and the broker will pay in cash: out of its lot, not yet realized. */
export interface Fraction {
  readonly lotId: LotId;
  readonly openedRootId: string;
  readonly direction: LotDirection;
  readonly acquiredDate: TradeDate;
  readonly holdingFrom: TradeDate;
  readonly dated: boolean;
  readonly quantity: Decimal;
  readonly cost: Decimal | null;
  readonly costBase: Decimal | null;
  readonly fees: Decimal;
  readonly rolled: Decimal;
  readonly costSource: CostSource;
  readonly estimated: boolean;
}

/** Premium of an exercised or assigned option that waits for the delivery of its stock. */
export interface PendingPremium {
  readonly option: InstrumentId;
  readonly rootId: string;
  readonly lotId: LotId;
  readonly openedRootId: string;
  readonly kind: 'assignment' | 'exercise';
  readonly groupId: string | null;
  readonly tradeDate: TradeDate;
  readonly underlying: string;
  readonly strike: Decimal;
  /** Sign of the delivery: +1 brings stock, -1 takes it. */
  readonly delivers: 1 | -1;
  /** Units of the underlying still to be delivered. */
  readonly units: Decimal;
  /** For these units, signed as cost of the stock. */
  readonly rolled: Decimal;
  /** The premium of a part is not known. */
  readonly estimated: boolean;
}

export const NO_LOTS: InstrumentLots = { long: [], short: [], uncovered: Decimal.zero, fractions: [] };
export const EMPTY_LOTS: LotBook = { entries: new Map(), premiums: [] };

export function lotsIn(entry: LotEntry | undefined): InstrumentLots {
  if (entry === undefined) return NO_LOTS;
  entry.lots ??= parseLots(entry.text ?? '');
  return entry.lots;
}

export function textOf(id: InstrumentId, entry: LotEntry): string {
  entry.text ??= printLots(id, entry.lots ?? NO_LOTS);
  return entry.text;
}

/** Whether there is nothing to remember about an instrument. */
export function isEmpty(lots: InstrumentLots): boolean {
  return (
    lots.long.length === 0 &&
    lots.short.length === 0 &&
    lots.uncovered.isZero() &&
    lots.fractions.length === 0
  );
}

/** Every open lot, instrument by instrument in the order of FIFO. */
export function* openLotsOf(book: LotBook, instrument?: InstrumentId): Iterable<Lot> {
  const entries = instrument === undefined ? [...book.entries.values()] : [book.entries.get(instrument)];
  for (const entry of entries) {
    const { long, short } = lotsIn(entry);
    for (const lot of long) yield rowOf(lot);
    for (const lot of short) yield rowOf(lot);
  }
}
