/**
 * From a fold to rows: what changed of lots, closes and wash sales, and what the episodes it touched realized. It asks
 * the store for what the fold did not see and writes nothing.
 */
import { openLots, type Book, type Fold } from '../book/foldBook.ts';
import { type Activity, type ActivityRevision } from '../domain/activity.ts';
import { type Instrument, type InstrumentId } from '../domain/instrument.ts';
import { type Lot, type LotClosure } from '../domain/lot.ts';
import {
  type CheckpointPlace,
  type LotChanges,
  type PositionRow,
  type Store,
  type SyncState,
} from '../store/store.ts';
import { episodeResults, NOTHING_REALIZED, type EpisodeResult } from './episodeResults.ts';
import { isReduction } from './positionRows.ts';
import { lotChanges, sameRow, type RowChanges, type StoredLots } from './lotChanges.ts';
import { washOfAccount, washScopeOf } from './washOfAccount.ts';

export interface FoldedLedger {
  /** The book the fold began with. */
  readonly from: Book;
  readonly fold: Fold;
  /** `behind`: it went on behind everything stored; a place: from an earlier checkpoint; null: from the beginning. */
  readonly begins: CheckpointPlace | 'behind' | null;
  /** What was folded. */
  readonly activities: readonly ActivityRevision[];
}

export interface BookChanges {
  readonly lots: LotChanges;
  /** Of every episode of which a close changed, by the root id of its opening; all of a fold from the beginning. */
  readonly results: ReadonlyMap<string, EpisodeResult>;
}

export const NO_BOOK_CHANGES: BookChanges = {
  lots: { upsert: [], remove: [], closures: { upsert: [], remove: [] }, wash: { upsert: [], remove: [] } },
  results: new Map(),
};

export async function bookChanges(
  store: Store,
  state: SyncState,
  ledger: FoldedLedger,
  instruments: ReadonlyMap<InstrumentId, Instrument>,
): Promise<BookChanges> {
  const { account } = state;
  const { begins, fold, from } = ledger;
  const asked =
    begins === null ? [] : [...state.positions.filter(isReduction), ...untoldEpisodes(state, ledger)];
  if (begins === 'behind' && fold.lots.length === 0 && fold.closures.length === 0 && asked.length === 0)
    return NO_BOOK_CHANGES;
  const stored = begins === 'behind' ? null : await store.lotsSince(account.id, account.epoch, begins);
  const before = stored === null ? [] : openLots(from);
  const changes = lotChanges({ before, lots: fold.lots, closures: fold.closures }, stored);
  const whole: StoredLots =
    begins === null
      ? { lots: fold.lots, closures: fold.closures }
      : await wholeOf(store, state, changes, stored, asked);
  const wash = await washChanges(
    store,
    state,
    ledger,
    { ...whole, gone: changes.closures.remove },
    instruments,
  );
  return { lots: { ...changes, wash }, results: resultsOf(ledger, stored, whole, asked) };
}

type EpisodeName = Pick<PositionRow, 'instrument' | 'openedRootId'>;

/**
 * Episodes whose result no row tells. An estimate is in the row: once the quantity returns, what was exact must be known
 * again. An episode without a row was never told of, and one that ended was perhaps closed before, by pieces.
 */
function untoldEpisodes({ positions }: SyncState, { fold }: FoldedLedger): readonly EpisodeName[] {
  const told = new Set(positions.map((row) => row.openedRootId));
  const opened = new Set(fold.lots.map((lot) => lot.activityRootId));
  const open = [...fold.book.open.values()].filter(
    ({ openedRootId }) => !told.has(openedRootId) && !opened.has(openedRootId),
  );
  const closing = new Set(fold.closures.map((closure) => closure.openedRootId));
  return [...open, ...fold.closed.filter(({ openedRootId }) => !closing.has(openedRootId))];
}

/** An episode whose closes all went away has realized nothing. */
function resultsOf(
  { fold }: FoldedLedger,
  stored: StoredLots | null,
  whole: StoredLots,
  asked: readonly EpisodeName[],
): ReadonlyMap<string, EpisodeResult> {
  const touched = new Set(
    [...fold.closures, ...(stored?.closures ?? []), ...asked].map((row) => row.openedRootId),
  );
  const results = episodeResults(whole.closures.filter((row) => touched.has(row.openedRootId)));
  return new Map([...touched].map((id) => [id, results.get(id) ?? NOTHING_REALIZED]));
}

// ---- all rows of what was touched -----------------------------------------------------------------------------------

/** More instruments than this are asked for all at once. */
const ONE_BY_ONE = 40;

/** Lots and closes of every instrument the fold touched, those of before it too. */
async function wholeOf(
  store: Store,
  { account }: SyncState,
  changes: RowChanges,
  stored: StoredLots | null,
  asked: readonly EpisodeName[],
): Promise<StoredLots> {
  const touched = new Set<InstrumentId>(asked.map((row) => row.instrument));
  for (const row of [...changes.upsert, ...changes.closures.upsert, ...(stored?.lots ?? [])])
    touched.add(row.instrument);
  const scope = { accountId: account.id, epoch: account.epoch };
  const filters =
    touched.size > ONE_BY_ONE ? [scope] : [...touched].map((instrument) => ({ ...scope, instrument }));
  const lots = new Map<string, Lot>();
  const closures = new Map<string, LotClosure>();
  for (const filter of filters) {
    for (const lot of await store.lots(filter)) lots.set(lot.id, lot);
    for (const closure of await store.closures(filter)) closures.set(closure.id, closure);
  }
  for (const id of changes.remove) lots.delete(id);
  for (const id of changes.closures.remove) closures.delete(id);
  for (const lot of changes.upsert) lots.set(lot.id, lot);
  for (const closure of changes.closures.upsert) closures.set(closure.id, closure);
  // Of what was renamed, closes and lots stand under the old name: asked for by the lots they are of.
  const unnamed = [...closures.values()].filter((row) => !lots.has(row.lotId)).map((row) => row.lotId);
  if (unnamed.length > 0)
    for (const lot of await store.lots({ ...scope, ids: [...new Set(unnamed)] })) lots.set(lot.id, lot);
  const renamed = [...lots.values()].filter((lot) => touched.has(lot.instrument)).map((lot) => lot.id);
  if (filters.length > 0 && touched.size <= ONE_BY_ONE && renamed.length > 0)
    for (const closure of await store.closures({ ...scope, lotIds: renamed }))
      if (!closures.has(closure.id) && !changes.closures.remove.includes(closure.id))
        closures.set(closure.id, closure);
  return { lots: [...lots.values()], closures: [...closures.values()] };
}

// ---- wash sales -----------------------------------------------------------------------------------------------------

async function washChanges(
  store: Store,
  state: SyncState,
  ledger: FoldedLedger,
  whole: StoredLots & { readonly gone: readonly string[] },
  instruments: ReadonlyMap<InstrumentId, Instrument>,
): Promise<LotChanges['wash']> {
  const { account, elections } = state;
  const isOff = washScopeOf(elections) === 'off';
  const activities = isOff ? [] : await activitiesBehind(store, state, ledger, whole);
  const wanted = washOfAccount({
    account,
    lots: whole.lots,
    closures: whole.closures,
    activities,
    instruments,
    elections,
  });
  const all = await store.washAdjustments({ accountId: account.id, epoch: account.epoch });
  if (wanted.length === 0 && all.length === 0) return { upsert: [], remove: [] };
  const ids = new Set([...whole.closures.map((closure) => closure.id), ...whole.gone]);
  const stored = ledger.begins === null ? all : all.filter((row) => ids.has(row.closureId));
  const known = new Map(stored.map((row) => [row.id, row]));
  const keep = new Set(wanted.map((row) => row.id));
  return {
    upsert: wanted.filter((row) => !sameRow(known.get(row.id), row)),
    remove: stored.filter((row) => !keep.has(row.id)).map((row) => row.id),
  };
}

/** The activities that brought the lots, those that closed them, and splits: from the fold, or from the ledger. */
async function activitiesBehind(
  store: Store,
  { account }: SyncState,
  ledger: FoldedLedger,
  whole: StoredLots,
): Promise<readonly Activity[]> {
  if (ledger.begins === null) return ledger.activities;
  const hasLoss = whole.closures.some(
    (row) => row.realized !== null && row.realized.plus(row.rolled).sign() < 0,
  );
  if (!hasLoss) return [];
  const roots = [...whole.lots, ...whole.closures].map((row) => row.activityRootId);
  const chains = await store.revisions(account.id, account.epoch, [...new Set(roots)]);
  const splits = await store.ledger({ accountId: account.id, kinds: ['split'] });
  const byRoot = new Map<string, Activity>();
  for (const split of splits) if (split.epoch === account.epoch) byRoot.set(split.rootId, split);
  for (const [root, chain] of chains) if (chain.length > 0) byRoot.set(root, chain.at(-1)!);
  for (const activity of ledger.activities) byRoot.set(activity.rootId, activity);
  return [...byRoot.values()];
}
