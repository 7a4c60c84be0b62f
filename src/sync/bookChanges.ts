/**
 * From a fold to rows: what changed of lots, closes and wash sales, and what the episodes it touched realized. It asks
 * the store for what the fold did not see and writes nothing.
 */
import { openLots, type Book, type Fold } from '../book/foldBook.ts';
import { type ActivityRevision } from '../domain/activity.ts';
import { type Instrument, type InstrumentId } from '../domain/instrument.ts';
import { type Lot, type LotClosure } from '../domain/lot.ts';
import { type CheckpointPlace, type LotChanges, type Store, type SyncState } from '../store/store.ts';
import { episodeResults, type EpisodeResult } from './episodeResults.ts';
import { lotChanges, sameRow, type RowChanges, type StoredLots } from './lotChanges.ts';
import { washOfAccount, washScopeOf } from './washOfAccount.ts';

export interface FoldedLedger {
  /** The book the fold began with. */
  readonly from: Book;
  readonly fold: Fold;
  /**
   * `behind`: it went on behind everything stored; a place: from an earlier checkpoint; null: from the beginning.
   */
  readonly begins: CheckpointPlace | 'behind' | null;
  /** What was folded. */
  readonly activities: readonly ActivityRevision[];
}

export interface BookChanges {
  readonly lots: LotChanges;
  /** Of every episode of which a close changed, by the root id of its opening; all of a fold from the beginning. */
  readonly results: ReadonlyMap<string, EpisodeResult>;
}

export const NO_LOT_CHANGES: LotChanges = {
  upsert: [],
  remove: [],
  closures: { upsert: [], remove: [] },
  wash: { upsert: [], remove: [] },
};

export const NO_BOOK_CHANGES: BookChanges = { lots: NO_LOT_CHANGES, results: new Map() };

/** More instruments than this are asked for all at once. */
const ONE_BY_ONE = 40;

export async function bookChanges(
  store: Store,
  state: SyncState,
  ledger: FoldedLedger,
  instruments: ReadonlyMap<InstrumentId, Instrument>,
): Promise<BookChanges> {
  const { account } = state;
  const { begins, fold, from } = ledger;
  const stored =
    begins === 'behind' ? null : await store.lotsSince(account.id, account.epoch, begins);
  const changes = lotChanges({ before: openLots(from), lots: fold.lots, closures: fold.closures }, stored);
  const whole: StoredLots =
    begins === null
      ? { lots: fold.lots, closures: fold.closures }
      : await wholeOf(store, state, changes, stored);
  const wash = await washChanges(store, state, ledger, whole, instruments);
  const touched = new Set(
    [...fold.closures, ...(stored?.closures ?? [])].map((closure) => closure.openedRootId),
  );
  const results = episodeResults(
    begins === null
      ? whole.closures
      : whole.closures.filter((closure) => touched.has(closure.openedRootId)),
  );
  return { lots: { ...changes, wash }, results: withEmptied(results, touched) };
}

/** Episodes whose closes all went away have realized nothing. */
function withEmptied(
  results: ReadonlyMap<string, EpisodeResult>,
  touched: ReadonlySet<string>,
): ReadonlyMap<string, EpisodeResult> {
  const missing = [...touched].filter((id) => !results.has(id));
  if (missing.length === 0) return results;
  const none = episodeResults([]);
  void none;
  return new Map([...results, ...missing.map((id) => [id, NOTHING] as const)]);
}
