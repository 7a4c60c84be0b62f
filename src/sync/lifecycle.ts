/**
 * Lifecycle: what becomes of each position row when a broker's complete answer meets the book (design section 4.7).
 *
 * The rule above all others: a row ends only by activities that explain it. An instrument that is absent from an
 * answer while the book holds it is `missing`, with its quantity; absence is not flat.
 */
import { openLots, type Book, type ClosedEpisode } from '../book/foldBook.ts';
import { type ActivityKind } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type BookEvent } from '../domain/event.ts';
import { type Instrument, type InstrumentId } from '../domain/instrument.ts';
import { type SnapshotPosition } from '../domain/snapshot.ts';
import { type Instant } from '../domain/time.ts';
import { type PositionKey, type PositionRow } from '../store/store.ts';
import { NOTHING_REALIZED, type EpisodeResult } from './episodeResults.ts';
import { estimateOf } from './estimate.ts';
import { tellLifecycle } from './lifecycleEvents.ts';
import {
  bookAverage,
  closedRow,
  isEstimate,
  isReduction,
  missingRow,
  openRow,
  realizedOf,
  type LiveFacts,
  type Realized,
  type RowOwner,
  type Statement,
} from './positionRows.ts';

export interface LifecycleInput {
  readonly accountId: number;
  readonly epoch: number;
  readonly source: string;
  /** Rows the database holds: after a refold those closed behind its beginning too, else open and missing ones. */
  readonly rows: readonly PositionRow[];
  /** Whether `rows` and `closed` cover all that ended behind one place, so that closed rows may be compared too. */
  readonly refolded: boolean;
  /** Whether that place is the beginning of the epoch: then `results` has every episode that realized anything. */
  readonly wholeEpoch: boolean;
  readonly book: Book;
  readonly closed: readonly ClosedEpisode[];
  readonly positions: readonly SnapshotPosition[];
  /** What the broker stated last of instruments it listed before. */
  readonly lastStated: ReadonlyMap<InstrumentId, Statement>;
  /** What episodes realized, of those where that may have changed since `rows` were written. */
  readonly results: ReadonlyMap<string, EpisodeResult>;
  /** Instruments whose lots changed since `rows` were written. */
  readonly changedLots: ReadonlySet<InstrumentId>;
  /** False when a row of the answer was quarantined: then nothing may be concluded from absence. */
  readonly absenceProves: boolean;
  /** Whether the account's totals confirm the list of positions. */
  readonly totals: 'agree' | 'disagree' | 'unknown';
  readonly asOf: Instant;
  readonly instruments: ReadonlyMap<InstrumentId, Instrument>;
  /** Kinds of the activities that changed an instrument in this run, for naming the events. */
  readonly changedBy: ReadonlyMap<InstrumentId, ReadonlySet<ActivityKind>>;
  /** Root id of the latest of those activities that moved the quantity. */
  readonly broughtBy: ReadonlyMap<InstrumentId, string>;
}

export interface LifecycleResult {
  readonly upsert: readonly PositionRow[];
  readonly remove: readonly PositionKey[];
  readonly events: readonly BookEvent[];
  readonly counts: {
    readonly created: number;
    readonly updated: number;
    readonly closed: number;
    readonly missing: number;
  };
}

export function applyLifecycle(input: LifecycleInput): LifecycleResult {
  const live = new Map<InstrumentId, PositionRow>();
  for (const row of input.rows) if (row.state !== 'closed') live.set(row.instrument, row);
  const broker = new Map(input.positions.map((position) => [position.instrument.id, position]));
  const after = new Map<InstrumentId, PositionRow>();
  const ended = endedNow(input);
  const known = { live, byRoot: new Map([...live.values()].map((row) => [row.openedRootId, row])) };
  for (const id of new Set([...broker.keys(), ...input.book.open.keys(), ...live.keys()])) {
    const before = live.get(id) ?? null;
    if (before !== null && isAsBefore(input, before, broker.get(id))) {
      after.set(id, before);
      continue;
    }
    const row = liveRow(input, known, ended, id, broker.get(id) ?? null);
    // A row that says the same is the same row: nearly all of them, and nothing more is asked of those.
    if (row !== null) after.set(id, before !== null && isSameRow(before, row) ? before : row);
  }
  const closed = input.closed.map((episode) =>
    closedRow(ownerOf(input), episode, input.results.get(episode.openedRootId), input.instruments),
  );
  const wanted = [...closed, ...after.values()];
  const told = tellLifecycle(input, ended, live, after);
  return { ...changes(input, wanted), events: told.events, counts: told.counts };
}

/** Whether nothing that makes an explained row differs from what made it: then no row need be made to see that. */
function isAsBefore(
  { book, results, changedLots, refolded, wholeEpoch, source }: LifecycleInput,
  before: PositionRow,
  listed: SnapshotPosition | undefined,
): boolean {
  if (refolded || wholeEpoch || before.state !== 'open' || !before.explained) return false;
  const episode = book.open.get(before.instrument);
  if (episode === undefined || listed === undefined) return false;
  return (
    episode.openedRootId === before.openedRootId &&
    episode.openedAt === before.openedAt &&
    !results.has(before.openedRootId) &&
    !changedLots.has(before.instrument) &&
    before.source === source &&
    episode.quantity.equals(before.bookQuantity) &&
    listed.quantity.equals(before.quantity) &&
    (before.averageCostSource === 'book' || !differ(before.averageCost, listed.averageCost))
  );
}

/** Episodes that ended since the database last heard of them. */
function endedNow({ closed, rows }: LifecycleInput): readonly ClosedEpisode[] {
  if (closed.length === 0) return [];
  const stored = new Map(rows.map((row) => [rowKey(row), row]));
  return closed.filter((episode) => stored.get(rowKey(episode))?.state !== 'closed');
}

type Rows = ReadonlyMap<InstrumentId, PositionRow>;

/** The row of an instrument that is not flat for both sides; null when it is. */
function liveRow(
  input: LifecycleInput,
  { live, byRoot }: { readonly live: Rows; readonly byRoot: ReadonlyMap<string, PositionRow> },
  ended: readonly ClosedEpisode[],
  id: InstrumentId,
  listed: SnapshotPosition | null,
): PositionRow | null {
  const before = live.get(id) ?? null;
  const episode = input.book.open.get(id);
  const booked = episode?.quantity ?? Decimal.zero;
  const openedRootId = episode?.openedRootId ?? '';
  const facts: LiveFacts = {
    owner: ownerOf(input),
    instrument: id,
    episode: episode ?? null,
    realized: realizedOf(resultOf(input, byRoot, openedRootId)),
    unexplainedSince: sinceWhenUnexplained(input, before),
  };
  const stated = listed ?? lastStatement(input, before);
  if (stated !== null && !stated.quantity.isZero()) {
    const explained = stated.quantity.equals(booked);
    const row = openRow(facts, stated, explained ? averageOf(input, id, before) : null);
    return explained ? row : { ...row, ...estimated(input, stated, before, row) };
  }
  const wasMissing = before?.state === 'missing';
  // A row nobody could read may be this very one: nothing is concluded that was not known before.
  if (!input.absenceProves && !wasMissing) return null;
  if (booked.isZero() && !absentWithoutProof(input, ended, before)) return null;
  const stays = wasMissing && !isNewEpisode(ended, before, openedRootId);
  return missingRow(facts, {
    // The last agreed quantity, carried forward by later activities - which is what the book holds.
    quantity: booked.isZero() ? (before?.quantity ?? Decimal.zero) : booked,
    average: bookAverage(input.book, id, input.instruments),
    since: stays ? before.missingSince : input.asOf,
  });
}

function ownerOf({ accountId, epoch, source }: LifecycleInput): RowOwner {
  return { accountId, epoch, source };
}

/** A row that no activity explains is as old as the first sight of it without one. */
function sinceWhenUnexplained(input: LifecycleInput, before: PositionRow | null): Instant | null {
  return before !== null && before.openedRootId === '' ? before.openedAt : input.asOf;
}

/**
 * In a list with a row nobody could read, what is not listed stands as it was stated last - unless activities ended its
 * episode, or carried it on under another name.
 */
function lastStatement(input: LifecycleInput, before: PositionRow | null): Statement | null {
  if (input.absenceProves || before === null || before.state !== 'open') return null;
  const { instrument, openedRootId } = before;
  const isSame = (episode: { readonly instrument: InstrumentId; readonly openedRootId: string }): boolean =>
    openedRootId !== '' && episode.openedRootId === openedRootId;
  const ended = input.closed.some((episode) => isSame(episode) && episode.instrument === instrument);
  const moved =
    !input.book.open.has(instrument) && [...input.book.open.values()].some((episode) => isSame(episode));
  return ended || moved ? null : (input.lastStated.get(instrument) ?? null);
}

/** Whether the live row of an instrument is of another episode than before, because that one ended. */
export function isNewEpisode(
  ended: readonly ClosedEpisode[],
  was: PositionRow | null,
  openedRootId: string,
): boolean {
  if (was === null) return true;
  if (was.openedRootId === '' || was.openedRootId === openedRootId) return false;
  return ended.some((episode) => episode.instrument === was.instrument);
}

/**
 * Broker and book both say zero. An episode the book knows has then ended by its activities. An appearance that no
 * activity ever explained has not: it is withdrawn only when the account's totals confirm that it is gone.
 */
function absentWithoutProof(
  input: LifecycleInput,
  ended: readonly ClosedEpisode[],
  before: PositionRow | null,
): boolean {
  if (before === null || before.openedRootId !== '' || before.quantity.isZero()) return false;
  const explainedSince = ended.some((episode) => episode.instrument === before.instrument);
  return !explainedSince && (input.totals !== 'agree' || !input.absenceProves);
}

// ---- what it cost and what it gave ----------------------------------------------------------------------------------

/** Of an episode none of whose closes changed, what its row says - under whatever name it went. */
function resultOf(
  { results, wholeEpoch }: LifecycleInput,
  byRoot: ReadonlyMap<string, PositionRow>,
  openedRootId: string,
): EpisodeResult | null {
  if (openedRootId === '') return null;
  const known = results.get(openedRootId);
  if (known !== undefined) return known;
  const row = byRoot.get(openedRootId);
  if (wholeEpoch || row === undefined) return NOTHING_REALIZED;
  return { realized: row.realizedPnl, basis: row.realizedBasis, averageCost: null };
}

/**
 * The broker holds less than the book, and no fill says why: what left counts as closed at the mark of the run that
 * saw it first, until the fill comes or the quantity returns. Where that cannot be worked out, nothing is known of what
 * the episode realized.
 */
function estimated(
  { book, instruments }: LifecycleInput,
  stated: Statement,
  before: PositionRow | null,
  row: PositionRow,
): Realized {
  const isSameEstimate =
    before !== null &&
    before.openedRootId === row.openedRootId &&
    isEstimate(before) &&
    before.quantity.equals(row.quantity) &&
    before.bookQuantity.equals(row.bookQuantity);
  if (isSameEstimate) return pick(before);
  if (!isReduction(row)) return pick(row);
  const instrument = instruments.get(row.instrument);
  const lots = [...openLots(book, row.instrument)];
  const estimate =
    instrument === undefined
      ? null
      : estimateOf({ instrument, book: row.bookQuantity, broker: row.quantity, mark: stated.mark, lots });
  if (estimate === null || row.realizedPnl === null) return { realizedPnl: null, realizedBasis: 'unknown' };
  return { realizedPnl: row.realizedPnl.plus(estimate.amount), realizedBasis: 'estimated' };
}

function pick({ realizedPnl, realizedBasis }: Realized): Realized {
  return { realizedPnl, realizedBasis };
}

/** The book's average; of an instrument whose lots did not change, what its row says. */
function averageOf(input: LifecycleInput, id: InstrumentId, before: PositionRow | null): Decimal | null {
  const isSameCost = before !== null && before.explained && !input.refolded && !input.changedLots.has(id);
  if (!isSameCost) return bookAverage(input.book, id, input.instruments);
  return before.averageCostSource === 'book' ? before.averageCost : null;
}

/** What to write so that the database holds exactly the wanted rows: unchanged rows are not touched. */
function changes(
  input: LifecycleInput,
  wanted: readonly PositionRow[],
): Pick<LifecycleResult, 'upsert' | 'remove'> {
  const unchanged = new Set(wanted);
  const rest = input.rows.filter((row) => !unchanged.has(row));
  const stored = new Map(rest.map((row) => [rowKey(row), row]));
  const known = new Set(input.rows);
  const other = wanted.filter((row) => !known.has(row));
  const keep = new Set(other.map(rowKey));
  const upsert = other.filter((row) => {
    const before = stored.get(rowKey(row));
    return before === undefined || differs(before, row);
  });
  const remove = rest
    .filter((row) => !keep.has(rowKey(row)) && (row.state !== 'closed' || input.refolded))
    .map(({ epoch, instrument, openedRootId }) => ({ epoch, instrument, openedRootId }));
  return { upsert, remove };
}

/** The same episode, and nothing of it differs. */
function isSameRow(left: PositionRow, right: PositionRow): boolean {
  return (
    left.instrument === right.instrument &&
    left.openedRootId === right.openedRootId &&
    left.source === right.source &&
    !differs(left, right)
  );
}

export function rowKey(row: Pick<PositionRow, 'instrument' | 'openedRootId'>): string {
  return `${row.instrument}\n${row.openedRootId}`;
}

export function differs(left: PositionRow, right: PositionRow): boolean {
  return (
    left.state !== right.state ||
    differ(left.quantity, right.quantity) ||
    differ(left.brokerQuantity, right.brokerQuantity) ||
    differ(left.bookQuantity, right.bookQuantity) ||
    left.explained !== right.explained ||
    differ(left.averageCost, right.averageCost) ||
    left.averageCostSource !== right.averageCostSource ||
    differ(left.realizedPnl, right.realizedPnl) ||
    left.realizedBasis !== right.realizedBasis ||
    left.openedAt !== right.openedAt ||
    left.closedAt !== right.closedAt ||
    left.closedRootId !== right.closedRootId ||
    left.missingSince !== right.missingSince
  );
}

function differ(left: Decimal | null, right: Decimal | null): boolean {
  return left === null || right === null ? left !== right : !left.equals(right);
}
