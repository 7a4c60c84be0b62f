/**
 * Working out: from one believed look at the broker to the new book - merge, fold, openings, differences. It asks the
 * store for what the ledger already holds and writes nothing.
 */
import { type Book, type ClosedEpisode, type Fold } from '../book/foldBook.ts';
import { type ActivityRevision } from '../domain/activity.ts';
import { type Instrument, type InstrumentId } from '../domain/instrument.ts';
import { compareInstants, minInstant, type Instant } from '../domain/time.ts';
import {
  type ActivityWatchRow,
  type BookCheckpoint,
  type CheckpointPlace,
  type NewRevision,
  type PositionRow,
  type Store,
  type SyncState,
} from '../store/store.ts';
import { bookChanges, type BookChanges } from './bookChanges.ts';
import { foldOnto, overlay, type Folded } from './foldOnto.ts';
import { mergeActivities } from './mergeActivities.ts';
import { confirmations } from './missing.ts';
import { hasHoles } from './proof.ts';
import { adjustmentRootId, bookOpenings, closeMissing, openingRootId } from './opening.ts';
import { type Look } from './readBroker.ts';
import { lacksTrade, proveTotals, reconcile, type Difference } from './reconcile.ts';
import { shrinkOpenings } from './shrinkOpenings.ts';

export interface WorkedOut {
  readonly revisions: readonly NewRevision[];
  readonly watch: readonly ActivityWatchRow[];
  readonly book: Book;
  readonly closed: readonly ClosedEpisode[];
  /** Where the fold began: behind everything stored, at an earlier checkpoint, at the beginning (null). */
  readonly begins: CheckpointPlace | 'behind' | null;
  /** Whether `closed` and `storedRows` cover all episodes that ended behind the place where the fold began. */
  readonly refolded: boolean;
  /** Null when the book did not change. */
  readonly checkpoint: BookCheckpoint | null;
  /** Checkpoints on the way to it. */
  readonly earlierCheckpoints: readonly BookCheckpoint[];
  /** What became of lots, closes and wash sales. */
  readonly changes: BookChanges;
  readonly differences: readonly Difference[];
  readonly totals: 'agree' | 'disagree' | 'unknown';
  /** The cash speaks of a trade that neither the list of positions nor the activities have (`lacksTrade`). */
  readonly lacksTrade: boolean;
  readonly instruments: ReadonlyMap<InstrumentId, Instrument>;
  /** Whether this run books openings: what history does not explain, of positions or of cash. */
  readonly openingsBooked: boolean;
  readonly positionsOpened: boolean;
  readonly fold: Fold;
  /** What was folded. */
  readonly activities: readonly ActivityRevision[];
  /** After such a fold, the position rows it may change: live ones and those closed behind its beginning; else empty. */
  readonly storedRows: readonly PositionRow[];
}

/** What the user decided about positions that stay missing. */
export interface MissingPolicy {
  /** `POSITION_SYNC_MARK_MISSING_AS_CLOSED`, off unless set. */
  readonly markAsClosed: boolean;
  /** `MISSING_CONFIRMATIONS`. */
  readonly confirmations: number;
}

export async function workOut(
  store: Store,
  state: SyncState,
  look: Look,
  now: Instant,
  missing: MissingPolicy,
): Promise<WorkedOut> {
  const incoming = look.activities.rows;
  const { chains, watched } = look.ledger;
  const merged = mergeActivities(incoming, chains, watched, now, look.windowAfter);

  const { balances } = look.balances.rows;
  let folded = await foldOnto(store, state, merged.revisions);
  let differences = reconcile(folded.book, look.positions.rows, balances);
  const openings = await openingsFor(store, state, look, merged.revisions, folded, differences, now);
  let revisions = [...merged.revisions, ...openings];
  if (openings.length > 0) folded = await foldOnto(store, state, revisions);
  const adjustments = await adjustmentsFor(store, state, look, folded, missing, now);
  if (adjustments.length > 0) {
    revisions = [...revisions, ...adjustments];
    folded = await foldOnto(store, state, revisions);
  }
  if (revisions.length > merged.revisions.length)
    differences = reconcile(folded.book, look.positions.rows, balances);

  const instruments = await knownInstruments(store, state, look, folded);
  return {
    revisions,
    watch: merged.watch,
    ...folded,
    changes: await bookChanges(store, state, folded, instruments),
    differences,
    totals: proveTotals(look.positions.rows, balances),
    lacksTrade: lacksTrade(differences, look.positions.rows, balances),
    instruments,
    openingsBooked: openings.some((opening) => opening.rev === 0),
    positionsOpened: openings.some((opening) => opening.rev === 0 && opening.instrument !== null),
    storedRows: await rowsBehind(store, state, folded),
  };
}

/** The same for a run that may not write activities: the book of what was written before, against the same look. */
export async function workOutStored(store: Store, state: SyncState, look: Look): Promise<WorkedOut> {
  const folded = await foldOnto(store, state, []);
  const balances = look.balances.rows.balances;
  const instruments = await knownInstruments(store, state, look, folded);
  const differences = reconcile(folded.book, look.positions.rows, balances);
  return {
    revisions: [],
    watch: [],
    ...folded,
    changes: await bookChanges(store, state, folded, instruments),
    differences,
    totals: proveTotals(look.positions.rows, balances),
    lacksTrade: lacksTrade(differences, look.positions.rows, balances),
    instruments,
    openingsBooked: false,
    positionsOpened: false,
    storedRows: await rowsBehind(store, state, folded),
  };
}

/** Rows that a fold from an earlier place may change. */
async function rowsBehind(
  store: Store,
  { account }: SyncState,
  { begins }: Folded,
): Promise<readonly PositionRow[]> {
  if (begins === 'behind') return [];
  const rows = await store.allPositions(account.id, account.epoch);
  if (begins === null) return rows;
  return rows.filter(
    ({ state, closedAt }) =>
      state !== 'closed' || (closedAt !== null && compareInstants(closedAt, begins.lastExecutedAt) > 0),
  );
}

/** Openings of an epoch's first run that could read the whole list of positions, or what later history takes out of them. */
async function openingsFor(
  store: Store,
  state: SyncState,
  look: Look,
  revisions: readonly NewRevision[],
  folded: Folded,
  differing: readonly Difference[],
  now: Instant,
): Promise<readonly NewRevision[]> {
  const { account } = state;
  const { balances } = look.balances.rows;
  if (!state.cursors.some((cursor) => cursor.name === 'first_contact')) {
    // A row that could not be read may be the very position, and a list that does not add up may be another account's:
    // nothing is booked from either. The differences stand as findings until a list can be believed.
    if (hasHoles(look.positions.rows, look.positions.evidence.quarantined)) return [];
    if (proveTotals(look.positions.rows, balances) === 'disagree') return [];
    return bookOpenings({
      book: folded.book,
      activities:
        folded.begins === null
          ? folded.activities
          : overlay(await store.bookActivities(account.id, account.epoch, null), revisions),
      positions: look.positions.rows,
      cash: balances.flatMap(({ currency, cash }) => (cash === null ? [] : [{ currency, cash }])),
      instruments: await knownInstruments(store, state, look, folded),
      contactAt: look.positions.asOf,
      now,
    });
  }
  if (differing.length === 0) return [];
  const current = await provisionalOf(store, state, differing);
  if (current.length === 0) return [];
  const all = async (): Promise<readonly ActivityRevision[]> =>
    overlay(await store.bookActivities(account.id, account.epoch, null), revisions);
  return shrinkOpenings(current, {
    book: folded.book,
    statedQuantity: new Map(
      look.positions.rows.map((position) => [position.instrument.id, position.quantity]),
    ),
    statedCash: new Map(balances.flatMap(({ currency, cash }) => (cash === null ? [] : [[currency, cash]]))),
    arrived: revisions.filter((revision) => revision.rev === 0),
    ledger: all,
    now,
  });
}

/** Openings and adjustments of what differs, as they stand. */
async function provisionalOf(
  store: Store,
  { account }: SyncState,
  differing: readonly Difference[],
): Promise<readonly ActivityRevision[]> {
  const subjects = new Set<string>(
    differing.map((difference) =>
      difference.kind === 'position' ? difference.instrument : difference.currency,
    ),
  );
  const adjustments = (await store.ledger({ accountId: account.id, kinds: ['adjustment'] }))
    .filter((row) => row.epoch === account.epoch && subjects.has(row.instrument?.id ?? row.currency))
    .map((row) => row.rootId);
  const roots = [...[...subjects].map(openingRootId), ...adjustments];
  const chains = await store.revisions(account.id, account.epoch, roots);
  return [...chains.values()].flatMap((chain) => chain.slice(-1));
}

/**
 * Positions that were missing in enough complete answers and that a deep look did not explain either: closed by an
 * adjustment, but only where the user switched that on.
 */
async function adjustmentsFor(
  store: Store,
  state: SyncState,
  look: Look,
  folded: Folded,
  policy: MissingPolicy,
  now: Instant,
): Promise<readonly NewRevision[]> {
  if (!policy.markAsClosed || look.depth === 'recent') return [];
  if (hasHoles(look.positions.rows, look.positions.evidence.quarantined)) return [];
  const stated = new Set(look.positions.rows.map((position) => position.instrument.id));
  const missing = state.positions.flatMap((row) =>
    row.state === 'missing' && row.missingSince !== null && !stated.has(row.instrument)
      ? [{ ...row, missingSince: row.missingSince }]
      : [],
  );
  if (missing.length === 0) return [];
  const { account } = state;
  const first = missing.map((row) => row.missingSince).reduce(minInstant);
  const answers = await store.completeAnswers(account.id, account.epoch, first);
  const due = missing
    .map((row) => ({ ...row, confirmations: confirmations(row.missingSince, answers) }))
    .filter((row) => row.confirmations >= policy.confirmations);
  if (due.length === 0) return [];
  const chains = await store.revisions(
    account.id,
    account.epoch,
    due.map((row) => adjustmentRootId(row.instrument, row.missingSince)),
  );
  return due.flatMap((row) => {
    const booked = folded.book.open.get(row.instrument)?.quantity;
    const instrument = state.instruments.get(row.instrument);
    if (booked === undefined || instrument === undefined) return [];
    return [
      closeMissing(
        instrument,
        booked,
        chains.get(adjustmentRootId(row.instrument, row.missingSince)) ?? [],
        {
          asOf: look.positions.asOf,
          missingSince: row.missingSince,
          confirmations: row.confirmations,
        },
        now,
      ),
    ];
  });
}

/** Every instrument this run talks about. */
async function knownInstruments(
  store: Store,
  state: SyncState,
  look: Look,
  folded: Pick<Folded, 'book' | 'closed'>,
): Promise<ReadonlyMap<InstrumentId, Instrument>> {
  const instruments = new Map(state.instruments);
  for (const activity of look.activities.rows) {
    if (activity.instrument !== null) instruments.set(activity.instrument.id, activity.instrument);
  }
  for (const position of look.positions.rows) instruments.set(position.instrument.id, position.instrument);
  const wanted = [...folded.book.open.keys(), ...folded.closed.map((episode) => episode.instrument)];
  const unknown = wanted.filter((id) => !instruments.has(id));
  if (unknown.length > 0)
    for (const [id, instrument] of await store.instruments(unknown)) instruments.set(id, instrument);
  return instruments;
}
