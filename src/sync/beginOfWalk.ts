/**
 * Where a run's walk over the days to prove begins: with the fold of a checkpoint well before them instead of the whole
 * ledger. What comes out is what a walk from the epoch's beginning says (`epochProofs.ts`). It asks the store and writes
 * nothing.
 */
import { checkpointBefore, isReadable, parseBook } from '../book/checkpoint.ts';
import { changesFrom } from '../book/eventOrder.ts';
import { EMPTY_BOOK } from '../book/foldBook.ts';
import { type Account } from '../domain/account.ts';
import { type ActivityRevision } from '../domain/activity.ts';
import { previousTradingDay } from '../domain/calendar.ts';
import { type Instrument, type InstrumentId } from '../domain/instrument.ts';
import {
  addDays,
  compareInstants,
  minInstant,
  NEW_YORK,
  zonedInstant,
  type Instant,
} from '../domain/time.ts';
import { type BookCheckpoint, type RevisionChain, type Store, type SyncState } from '../store/store.ts';
import { type ProofInput } from './dayProof.ts';
import { type DayStatement } from './dayStatements.ts';
import { overlay, rulesHash, rulesOf } from './foldOnto.ts';
import { type WorkedOut } from './workOut.ts';

/** The part of a run that a walk begins with. */
export interface WalkingRun {
  readonly store: Store;
  readonly state: SyncState;
  readonly result: Pick<WorkedOut, 'revisions' | 'instruments'>;
}

/** Activities may be booked this much before the statement whose day they belong to; folded again to be sure. */
const MARGIN_DAYS = 2;

/**
 * What happened before this may be in the book that a walk begins with: some days before its first statement, and the end
 * of the trading day before it, because an epoch that began behind that one began with nothing.
 */
export function foldedBefore({ date }: Pick<DayStatement, 'date'>): Instant {
  const [margin, behind] = [addDays(date, -MARGIN_DAYS), addDays(previousTradingDay(date), 1)];
  return zonedInstant(behind < margin ? behind : margin, '00:00:00', NEW_YORK);
}

/** What a run's proof of some days begins with. */
export type WalkBegin = Pick<
  ProofInput,
  'book' | 'activities' | 'seenLater' | 'chains' | 'isBeginning' | 'instruments'
>;

/** The fold of everything well before the first statement, the activities behind it, and what was seen after it only. */
export async function beginOfWalk(run: WalkingRun, statements: readonly DayStatement[]): Promise<WalkBegin> {
  const { store, state, result } = run;
  const { account } = state;
  const checkpoint = await checkpointFor(run, statements.map(foldedBefore).reduce(minInstant));
  const ledger = await store.bookActivities(account.id, account.epoch, checkpoint);
  const activities = overlay(ledger, result.revisions).filter(
    (row) => checkpoint === null || compareInstants(row.executedAt, checkpoint.lastExecutedAt) > 0,
  );
  const book = checkpoint === null ? EMPTY_BOOK : parseBook(checkpoint.state);
  const seenLater = checkpoint === null ? [] : await seenAfterFirst(run, statements, activities);
  const stated = statements.flatMap(({ positions }) => [...(positions?.keys() ?? [])]);
  return {
    book,
    activities,
    seenLater,
    chains: await chainsOf(store, account, account.epoch, [...activities, ...seenLater]),
    isBeginning: checkpoint === null,
    instruments: await termsOf(run, [
      ...book.open.keys(),
      ...[...activities, ...seenLater].flatMap(({ instrument }) => instrument?.id ?? []),
      ...stated,
    ]),
  };
}

/** The newest that holds nothing behind `start` and nothing that this run changes; null: the walk begins with nothing. */
async function checkpointFor(
  { store, state, result }: WalkingRun,
  start: Instant,
): Promise<BookCheckpoint | null> {
  const { account } = state;
  const hash = rulesHash(rulesOf(state));
  const entries = (await store.checkpoints(account.id, account.epoch)).filter(
    (entry) => entry.rulesHash === hash,
  );
  // A correction also moves the place where the activity stood before.
  const corrected = result.revisions.filter((row) => row.rev > 0).map((row) => row.rootId);
  const before =
    corrected.length === 0 ? [] : [...(await store.revisions(account.id, account.epoch, corrected)).values()];
  const places = [...result.revisions, ...before.flat()].map(changesFrom);
  const place = checkpointBefore(entries, { executedAt: [start, ...places].reduce(minInstant) });
  const found = place === null ? null : await store.checkpointAt(account.id, place);
  return found !== null && isReadable(found.state) ? found : null;
}

/** What the walk begins with already and some statement may hold as it was, wherever the walk begins. */
async function seenAfterFirst(
  { store, state: { account } }: WalkingRun,
  statements: readonly DayStatement[],
  behind: readonly ActivityRevision[],
): Promise<readonly ActivityRevision[]> {
  const first = statements.map(({ asOf }) => asOf).reduce(minInstant);
  const chains = await store.revisionsSeenAfter(account.id, account.epoch, first);
  const known = new Set(behind.map(({ rootId }) => rootId));
  return [...chains.values()].flatMap((chain) => {
    const newest = chain.at(-1);
    return newest === undefined || known.has(newest.rootId) ? [] : [newest];
  });
}

/** What a run talks about is not all that the days before it name. */
async function termsOf(
  { store, result: { instruments } }: WalkingRun,
  named: readonly InstrumentId[],
): Promise<ReadonlyMap<InstrumentId, Instrument>> {
  const unknown = [...new Set(named)].filter((id) => !instruments.has(id));
  return unknown.length === 0
    ? instruments
    : new Map([...(await store.instruments(unknown)), ...instruments]);
}

/**
 * All revisions of those activities that have several, and of those that were busted before anybody saw them; what is not
 * written yet is the last of them.
 */
export async function chainsOf(
  store: Store,
  account: Pick<Account, 'id'>,
  epoch: number,
  activities: readonly ActivityRevision[],
): Promise<readonly RevisionChain[]> {
  const revised = new Map(
    activities.filter((row) => row.rev > 0 || row.status === 'bust').map((row) => [row.rootId, row]),
  );
  if (revised.size === 0) return [];
  const stored = await store.revisions(account.id, epoch, [...revised.keys()]);
  return [...revised.values()].map((newest) => [
    ...(stored.get(newest.rootId) ?? []).filter((row) => row.rev < newest.rev),
    newest,
  ]);
}
