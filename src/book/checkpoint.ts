/**
 * A book as text and back: what a later fold starts from instead of the beginning. The first line is quantities and
 * cash, then comes one line per instrument with its lots, which nobody reads before it is needed.
 */
import { Decimal } from '../domain/decimal.ts';
import { type Activity } from '../domain/activity.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import { compareInstants, type Instant } from '../domain/time.ts';
import { type Book, type OpenEpisode } from './foldBook.ts';
import { type LotEntry, textOf } from './lotBook.ts';
import { instrumentOfLine, parsePremium, premiumCells } from './lotText.ts';

/** Raised when the text means something else than before, or the order of rows was another: older ones are folded anew. */
const VERSION = 3;

interface BookText {
  readonly v: number;
  readonly open: readonly (readonly [
    instrument: string,
    quantity: string,
    openedRootId: string,
    openedAt: string,
  ])[];
  readonly cash: readonly (readonly [currency: string, amount: string])[];
  readonly premiums: readonly ReturnType<typeof premiumCells>[];
}

/** Canonical text: instruments and currencies sorted, so equal books give equal text. */
export function printBook(book: Book): string {
  const text: BookText = {
    v: VERSION,
    open: [...book.open.values()]
      .map(
        (episode) =>
          [episode.instrument, episode.quantity.toString(), episode.openedRootId, episode.openedAt] as const,
      )
      .sort(byFirst),
    cash: [...book.cash].map(([currency, amount]) => [currency, amount.toString()] as const).sort(byFirst),
    premiums: book.lots.premiums.map(premiumCells),
  };
  const entries = [...book.lots.entries].sort(byFirst);
  return [JSON.stringify(text), ...entries.map(([id, entry]) => textOf(id, entry))].join('\n');
}

function byFirst(left: readonly [string, ...unknown[]], right: readonly [string, ...unknown[]]): number {
  return left[0] < right[0] ? -1 : 1;
}

/** Whether a text is of a kind that `parseBook` reads; older ones know no lots and are folded from the beginning. */
export function isReadable(state: string): boolean {
  return state.startsWith(`{"v":${VERSION},`);
}

/** The book that `printBook` printed. Text comes from our own database only, so its shape is trusted. */
export function parseBook(state: string): Book {
  const [head = '', ...lines] = state.split('\n');
  const text = JSON.parse(head) as BookText;
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
  const entries = new Map(
    lines.map((line): [InstrumentId, LotEntry] => [instrumentOfLine(line), { text: line, lots: null }]),
  );
  const cash = new Map(text.cash.map(([currency, amount]) => [currency, Decimal.parse(amount)]));
  return { open, cash, lots: { entries, premiums: text.premiums.map(parsePremium) } };
}

/**
 * The newest of several checkpoints that a late activity leaves valid: everything in it lies before the activity's
 * instant, so that rows of one moment are always folded together. Null: fold from the beginning.
 */
export function checkpointBefore<Checkpoint extends { readonly lastExecutedAt: Instant }>(
  checkpoints: readonly Checkpoint[],
  activity: Pick<Activity, 'executedAt'>,
): Checkpoint | null {
  let best: Checkpoint | null = null;
  for (const checkpoint of checkpoints) {
    if (compareInstants(checkpoint.lastExecutedAt, activity.executedAt) >= 0) continue;
    if (best === null || compareInstants(checkpoint.lastExecutedAt, best.lastExecutedAt) > 0)
      best = checkpoint;
  }
  return best;
}
