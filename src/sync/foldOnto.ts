/**
 * Which part of the ledger is folded again: nothing where nothing is new, what is new where it all lies behind the
 * newest checkpoint, else from the newest checkpoint before the earliest change, because a late or corrected activity
 * may move every episode and lot behind it.
 */
import { checkpointBefore, isReadable, parseBook, printBook } from '../book/checkpoint.ts';
import { changesFrom, daysOfEvents } from '../book/eventOrder.ts';
import {
  EMPTY_BOOK,
  foldBook,
  type Book,
  type ClosedEpisode,
  type Fold,
  type FoldRules,
} from '../book/foldBook.ts';
import { compareActivities, type ActivityRevision } from '../domain/activity.ts';
import { canonicalJson, sha256 } from '../domain/contentHash.ts';
import { compareInstants, minInstant } from '../domain/time.ts';
import {
  checkpointCounts,
  type BookCheckpoint,
  type CheckpointPlace,
  type NewRevision,
  type Store,
  type SyncState,
} from '../store/store.ts';
import { washScopeOf } from './washOfAccount.ts';

export interface Folded {
  readonly book: Book;
  readonly closed: readonly ClosedEpisode[];
  /** The book the fold began with, and the fold itself. */
  readonly from: Book;
  readonly fold: Fold;
  /** `behind`: it went on behind everything stored; a place: from an earlier checkpoint; null: from the beginning. */
  readonly begins: CheckpointPlace | 'behind' | null;
  readonly refolded: boolean;
  /** Null when the book did not change. */
  readonly checkpoint: BookCheckpoint | null;
  readonly earlierCheckpoints: readonly BookCheckpoint[];
  /** What was folded onto `from`. */
  readonly activities: readonly ActivityRevision[];
}

/** The rules of an account's fold, all of them from the ledger and the evidence. */
export function rulesOf(state: Pick<SyncState, 'account' | 'elections' | 'shortsReported'>): FoldRules {
  return {
    elections: state.elections,
    shortsReported: new Set(state.shortsReported),
    baseCurrency: state.account.baseCurrency,
  };
}

/**
 * Names the rules a checkpoint was made under. Wash scopes change no lot and are not among them, but whether wash sales are
 * stored at all: who switches them off or on again has the rows of the whole epoch taken away or made at the next run.
 */
export function rulesHash({ elections, shortsReported, baseCurrency }: FoldRules): string {
  const counting = elections.filter((election) => election.kind !== 'wash_scope');
  const shorts = shortsReported === 'all' ? 'all' : [...shortsReported].sort();
  const off = washScopeOf(elections) === 'off' ? ['wash off'] : [];
  return sha256(canonicalJson([counting.map((one) => ({ ...one })), shorts, baseCurrency, ...off]));
}

/** Folds the ledger with `changed` in place of what is stored of those activities. */
export async function foldOnto(
  store: Store,
  state: SyncState,
  changed: readonly NewRevision[],
): Promise<Folded> {
  const { account } = state;
  const rules = rulesOf(state);
  const hash = rulesHash(rules);
  const newest = usable(state.checkpoint, hash) ? state.checkpoint : null;
  if (newest !== null && changed.length === 0) {
    const from = bookOf(newest);
    return { ...goneOn(from, foldedNothing(from), []), checkpoint: null, earlierCheckpoints: [] };
  }
  const isBehind = (row: NewRevision): boolean =>
    newest !== null && row.rev === 0 && compareInstants(changesFrom(row), newest.lastExecutedAt) > 0;
  if (newest !== null && changed.every(isBehind)) {
    const from = bookOf(newest);
    const pieces = foldInPieces(from, changed, rules, {
      countBefore: newest.activityCount,
      epoch: account.epoch,
      rulesHash: hash,
    });
    return { ...goneOn(from, pieces.fold, changed), ...pieces.checkpoints };
  }
  const place = await earlierPlace(store, state, changed, hash);
  const begins = place === null ? null : await store.checkpointAt(account.id, place);
  const from = begins === null ? EMPTY_BOOK : parseBook(begins.state);
  const stored = await store.bookActivities(account.id, account.epoch, begins);
  const activities = overlay(stored, changed).filter(
    (row) => begins === null || compareInstants(row.executedAt, begins.lastExecutedAt) > 0,
  );
  const pieces = foldInPieces(from, activities, rules, {
    countBefore: begins?.activityCount ?? 0,
    epoch: account.epoch,
    rulesHash: hash,
  });
  return {
    book: pieces.fold.book,
    closed: pieces.fold.closed,
    from,
    fold: pieces.fold,
    begins,
    refolded: true,
    activities,
    ...pieces.checkpoints,
  };
}

function usable(checkpoint: BookCheckpoint | null, hash: string): checkpoint is BookCheckpoint {
  return checkpoint !== null && checkpoint.rulesHash === hash && isReadable(checkpoint.state);
}

/** Books are not changed by a fold, and a checkpoint that is kept from run to run is read once. */
const books = new WeakMap<BookCheckpoint, Book>();

function bookOf(checkpoint: BookCheckpoint): Book {
  let book = books.get(checkpoint);
  if (book === undefined) books.set(checkpoint, (book = parseBook(checkpoint.state)));
  return book;
}

function foldedNothing(book: Book): Fold {
  return { book, closed: [], lots: [], closures: [], refusals: [] };
}

function goneOn(
  from: Book,
  fold: Fold,
  activities: readonly ActivityRevision[],
): Omit<Folded, 'checkpoint' | 'earlierCheckpoints'> {
  return {
    book: fold.book,
    closed: fold.closed,
    from,
    fold,
    begins: 'behind',
    refolded: false,
    activities,
  };
}

/** The newest checkpoint that none of the changes touches; null: from the beginning. */
async function earlierPlace(
  store: Store,
  { account }: SyncState,
  changed: readonly NewRevision[],
  hash: string,
): Promise<CheckpointPlace | null> {
  // Other rules, or activities that no fold has seen yet: the beginning is the only place to start from.
  if (changed.length === 0) return null;
  const entries = (await store.checkpoints(account.id, account.epoch)).filter(
    (entry) => entry.rulesHash === hash,
  );
  if (entries.length === 0) return null;
  // A correction also moves the place where the activity stood before.
  const corrected = changed.filter((row) => row.rev > 0).map((row) => row.rootId);
  const chains = await store.revisions(account.id, account.epoch, corrected);
  const before = [...chains.values()].flat();
  const first = [...changed, ...before].map(changesFrom).reduce(minInstant);
  return checkpointBefore(entries, { executedAt: first });
}

/** Stored activities with the run's own revisions in their place. */
export function overlay(
  stored: readonly ActivityRevision[],
  changed: readonly NewRevision[],
): readonly ActivityRevision[] {
  const byRoot = new Map<string, ActivityRevision>(stored.map((activity) => [activity.rootId, activity]));
  for (const revision of changed) byRoot.set(revision.rootId, revision);
  return [...byRoot.values()];
}

interface Pieces {
  readonly fold: Fold;
  readonly checkpoints: Pick<Folded, 'checkpoint' | 'earlierCheckpoints'>;
}

/** One fold, with a checkpoint printed wherever one of the kept counts ends between two moments. */
export function foldInPieces(
  from: Book,
  activities: readonly ActivityRevision[],
  rules: FoldRules,
  { countBefore, epoch, rulesHash }: { countBefore: number; epoch: number; rulesHash: string },
): Pieces {
  const ordered = [...activities].sort(compareActivities);
  const ends = cutsOf(ordered, countBefore);
  const printed: BookCheckpoint[] = [];
  const folds: Fold[] = [];
  let book = from;
  let start = 0;
  for (const end of ends) {
    const fold = foldBook(book, ordered.slice(start, end), { rules });
    folds.push(fold);
    book = fold.book;
    start = end;
    const last = ordered[end - 1];
    if (last === undefined) continue;
    printed.push({
      epoch,
      lastExecutedAt: last.executedAt,
      lastRootId: last.rootId,
      activityCount: countBefore + end,
      rulesHash,
      state: printBook(book),
      lots: '',
    });
  }
  return {
    fold: joined(folds, from),
    checkpoints: { checkpoint: printed.at(-1) ?? null, earlierCheckpoints: printed.slice(0, -1) },
  };
}

/**
 * Where to stop for a checkpoint: never between two activities of one moment or of a day with corporate actions, and
 * always at the end.
 */
function cutsOf(ordered: readonly ActivityRevision[], countBefore: number): readonly number[] {
  const total = countBefore + ordered.length;
  const whole = daysOfEvents(ordered);
  const isBetween = (last: ActivityRevision, next: ActivityRevision): boolean =>
    compareInstants(last.executedAt, next.executedAt) < 0 &&
    !(last.tradeDate === next.tradeDate && whole.has(next.tradeDate));
  const cuts = checkpointCounts(total)
    .map((count) => count - countBefore)
    .filter((end) => end > 0 && end < ordered.length && isBetween(ordered[end - 1]!, ordered[end]!))
    .sort((left, right) => left - right);
  return [...cuts, ordered.length];
}

/** Folds one after the other as one: a lot as the last of them left it, a close as the last of them has it. */
function joined(folds: readonly Fold[], from: Book): Fold {
  if (folds.length === 1) return folds[0]!;
  const lots = new Map<string, Fold['lots'][number]>();
  const closures = new Map<string, Fold['closures'][number]>();
  for (const fold of folds) {
    for (const lot of fold.lots) lots.set(lot.id, lot);
    for (const closure of fold.closures) closures.set(closure.id, closure);
  }
  return {
    book: folds.at(-1)?.book ?? from,
    closed: folds.flatMap((fold) => fold.closed),
    lots: [...lots.values()],
    closures: [...closures.values()],
    refusals: folds.flatMap((fold) => fold.refusals),
  };
}
