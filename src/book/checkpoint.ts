/** A book as text and back: what a later fold starts from instead of the beginning. */
import { Decimal } from '../domain/decimal.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import { type Instant } from '../domain/time.ts';
import { type Book, type OpenEpisode } from './foldBook.ts';

interface BookText {
  readonly open: readonly (readonly [
    instrument: string,
    quantity: string,
    openedRootId: string,
    openedAt: string,
  ])[];
  readonly cash: readonly (readonly [currency: string, amount: string])[];
}

/** Canonical JSON text: instruments and currencies sorted, so equal books give equal text. */
export function printBook(book: Book): string {
  const text: BookText = {
    open: [...book.open.values()]
      .map(
        (episode) =>
          [episode.instrument, episode.quantity.toString(), episode.openedRootId, episode.openedAt] as const,
      )
      .sort((left, right) => (left[0] < right[0] ? -1 : 1)),
    cash: [...book.cash]
      .map(([currency, amount]) => [currency, amount.toString()] as const)
      .sort((left, right) => (left[0] < right[0] ? -1 : 1)),
  };
  return JSON.stringify(text);
}

/** The book that `printBook` printed. Text comes from our own database only, so its shape is trusted. */
export function parseBook(state: string): Book {
  const text = JSON.parse(state) as BookText;
  const open = new Map<InstrumentId, OpenEpisode>();
  for (const [instrument, quantity, openedRootId, openedAt] of text.open) {
    const id = instrument as InstrumentId;
    open.set(id, {
      instrument: id,
      quantity: Decimal.parse(quantity),
      openedRootId,
      openedAt: openedAt as Instant,
    });
  }
  return { open, cash: new Map(text.cash.map(([currency, amount]) => [currency, Decimal.parse(amount)])) };
}
