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
import { addMs, compareInstants, type Instant } from '../domain/time.ts';
import { type PositionKey, type PositionRow } from '../store/store.ts';
import { NOTHING_REALIZED, type EpisodeResult } from './episodeResults.ts';
import { estimateOf } from './estimate.ts';
import { tellLifecycle } from './lifecycleEvents.ts';

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

/** Complete answers that count as confirmations lie at least this far apart (design section 4.7). */
const CONFIRMATION_GAP_MS = 15 * 60_000;

export function applyLifecycle(input: LifecycleInput): LifecycleResult {
  const live = new Map<InstrumentId, PositionRow>();
  for (const row of input.rows) if (row.state !== 'closed') live.set(row.instrument, row);
  const broker = new Map(input.positions.map((position) => [position.instrument.id, position]));
  const after = new Map<InstrumentId, PositionRow>();
  for (const id of new Set([...broker.keys(), ...input.book.open.keys(), ...live.keys()])) {
    const before = live.get(id) ?? null;
    const row = liveRow(input, id, broker.get(id) ?? null, before);
    // A row that says the same is the same row: nearly all of them, and nothing more is asked of those.
    if (row !== null) after.set(id, before !== null && isSameRow(before, row) ? before : row);
  }
  const wanted = [...input.closed.map((episode) => closedRow(input, episode)), ...after.values()];
  const told = tellLifecycle(input, live, after);
  return { ...changes(input, wanted), events: told.events, counts: told.counts };
}

/** The row of an instrument that is not flat for both sides; null when it is. */
function liveRow(
  input: LifecycleInput,
  id: InstrumentId,
  stated: SnapshotPosition | null,
  before: PositionRow | null,
): PositionRow | null {
  const episode = input.book.open.get(id);
  const booked = episode?.quantity ?? Decimal.zero;
  const shared = {
    accountId: input.accountId,
    epoch: input.epoch,
    instrument: id,
    openedRootId: episode?.openedRootId ?? '',
    bookQuantity: booked,
    ...realizedOf(resultOf(input, episode?.openedRootId, before)),
    openedAt: episode?.openedAt ?? before?.openedAt ?? input.asOf,
    closedAt: null,
    closedRootId: null,
    source: input.source,
  } as const;
  if (stated !== null && !stated.quantity.isZero()) {
    const explained = stated.quantity.equals(booked);
    const average = explained ? bookAverage(input, id, before) : null;
    return {
      ...shared,
      ...(explained ? {} : pick(estimated(input, stated, before, shared))),
      state: 'open',
      quantity: stated.quantity,
      brokerQuantity: stated.quantity,
      agreedQuantity: explained ? booked : (before?.agreedQuantity ?? Decimal.zero),
      explained,
      averageCost: average ?? stated.averageCost,
      averageCostSource: average !== null ? 'book' : stated.averageCost === null ? null : 'broker',
      missingSince: null,
      missingConfirmations: 0,
    };
  }
  if (!input.absenceProves) {
    // The answer had a row nobody could read: it may have been this one. What was known stays as it was, unless the
    // activities ended it.
    const ended = input.closed.some(
      (closed) => closed.instrument === id && closed.openedRootId === before?.openedRootId,
    );
    return before === null || ended ? null : { ...before, bookQuantity: booked };
  }
  if (booked.isZero() && !absentWithoutProof(input, before)) return null;
  return {
    ...shared,
    openedRootId: episode?.openedRootId ?? before?.openedRootId ?? '',
    state: 'missing',
    // The last agreed quantity, carried forward by later activities - which is what the book holds.
    quantity: booked.isZero() ? (before?.quantity ?? Decimal.zero) : booked,
    brokerQuantity: Decimal.zero,
    agreedQuantity: before?.agreedQuantity ?? Decimal.zero,
    explained: false,
    averageCost: before?.averageCost ?? null,
    averageCostSource: before?.averageCostSource ?? null,
    missingSince: before?.missingSince ?? input.asOf,
    missingConfirmations: confirmations(input, before),
  };
}

/**
 * Broker and book both say zero. An episode the book knows has then ended by its activities. An appearance that no
 * activity ever explained has not: it is withdrawn only when the account's totals confirm that it is gone.
 */
function absentWithoutProof(input: LifecycleInput, before: PositionRow | null): boolean {
  if (before === null || before.openedRootId !== '' || before.quantity.isZero()) return false;
  const explainedSince = input.closed.some((episode) => episode.instrument === before.instrument);
  return !explainedSince && input.totals !== 'agree';
}

function confirmations(input: LifecycleInput, before: PositionRow | null): number {
  if (before?.state !== 'missing' || before.missingSince === null) return 1;
  const next = addMs(before.missingSince, before.missingConfirmations * CONFIRMATION_GAP_MS);
  return compareInstants(input.asOf, next) >= 0
    ? before.missingConfirmations + 1
    : before.missingConfirmations;
}

// ---- what it cost and what it gave ----------------------------------------------------------------------------------

/** Of an episode none of whose closes changed, what its row says. */
function resultOf(
  { results, wholeEpoch }: LifecycleInput,
  openedRootId: string | undefined,
  before: PositionRow | null,
): EpisodeResult | null {
  if (openedRootId === undefined || openedRootId === '') return null;
  const known = results.get(openedRootId);
  if (known !== undefined) return known;
  if (wholeEpoch || before === null || before.openedRootId !== openedRootId) return NOTHING_REALIZED;
  return { realized: before.realizedPnl, basis: before.realizedBasis, averageCost: null };
}

function realizedOf(result: EpisodeResult | null): Pick<PositionRow, 'realizedPnl' | 'realizedBasis'> {
  if (result === null) return { realizedPnl: null, realizedBasis: 'unknown' };
  return { realizedPnl: result.realized, realizedBasis: result.basis };
}

/**
 * The broker holds less than the book, and no fill says why: what left counts as closed at the mark of the run that
 * saw it first, until the fill comes or the quantity returns. Where that cannot be worked out, nothing is known of what
 * the episode realized.
 */
function estimated(
  input: LifecycleInput,
  stated: SnapshotPosition,
  before: PositionRow | null,
  row: Pick<PositionRow, 'openedRootId' | 'bookQuantity' | 'realizedPnl' | 'realizedBasis'>,
): Pick<PositionRow, 'realizedPnl' | 'realizedBasis'> {
  const { instrument } = stated;
  const isAsBefore =
    before !== null &&
    before.openedRootId === row.openedRootId &&
    isEstimate(before) &&
    before.quantity.equals(stated.quantity) &&
    before.bookQuantity.equals(row.bookQuantity);
  if (isAsBefore) return before;
  const isReduction =
    row.bookQuantity.sign() === stated.quantity.sign() &&
    row.bookQuantity.abs().compare(stated.quantity.abs()) > 0;
  if (!isReduction) return row;
  const lots = [...openLots(input.book, instrument.id)];
  const { mark, quantity: broker } = stated;
  const estimate = estimateOf({ instrument, book: row.bookQuantity, broker, mark, lots });
  if (estimate === null || row.realizedPnl === null) return { realizedPnl: null, realizedBasis: 'unknown' };
  return { realizedPnl: row.realizedPnl.plus(estimate.amount), realizedBasis: 'estimated' };
}

/** Whether a row's realized figure holds an estimate of a reduction. */
export function isEstimate(row: Pick<PositionRow, 'explained' | 'state' | 'realizedBasis'>): boolean {
  return !row.explained && row.state === 'open' && row.realizedBasis === 'estimated';
}

/** Average cost per unit of what is held, premium per share for options; null where a lot's cost is not known. */
function bookAverage(input: LifecycleInput, id: InstrumentId, before: PositionRow | null): Decimal | null {
  const isAsBefore =
    before !== null &&
    before.explained &&
    before.averageCostSource === 'book' &&
    !input.refolded &&
    !input.changedLots.has(id);
  if (isAsBefore) return before.averageCost;
  const instrument = input.instruments.get(id);
  if (instrument === undefined) return null;
  let units = Decimal.zero;
  let cost = Decimal.zero;
  for (const lot of openLots(input.book, id)) {
    if (lot.openCost === null) return null;
    units = units.plus(lot.openQuantity);
    cost = cost.plus(lot.openCost);
  }
  const size = units.times(instrument.multiplier);
  return size.isZero() ? null : cost.dividedBy(size, AVERAGE_PLACES);
}

const AVERAGE_PLACES = 10;

/** Of a unit of the underlying: a premium is quoted per share. */
function perUnit(cost: Decimal | null, multiplier: Decimal | null): Decimal | null {
  return cost === null || multiplier === null ? null : cost.dividedBy(multiplier, AVERAGE_PLACES);
}

function pick({ realizedPnl, realizedBasis }: Pick<PositionRow, 'realizedPnl' | 'realizedBasis'>) {
  return { realizedPnl, realizedBasis };
}

function closedRow(input: LifecycleInput, episode: ClosedEpisode): PositionRow {
  const result = input.results.get(episode.openedRootId) ?? NOTHING_REALIZED;
  const multiplier = input.instruments.get(episode.instrument)?.multiplier ?? null;
  return {
    accountId: input.accountId,
    epoch: input.epoch,
    instrument: episode.instrument,
    openedRootId: episode.openedRootId,
    state: 'closed',
    quantity: Decimal.zero,
    brokerQuantity: Decimal.zero,
    bookQuantity: Decimal.zero,
    agreedQuantity: Decimal.zero,
    explained: true,
    averageCost: perUnit(result.averageCost, multiplier),
    averageCostSource: result.averageCost === null ? null : 'book',
    ...realizedOf(result),
    openedAt: episode.openedAt,
    closedAt: episode.closedAt,
    closedRootId: episode.closedRootId,
    missingSince: null,
    missingConfirmations: 0,
    source: input.source,
  };
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
    differ(left.agreedQuantity, right.agreedQuantity) ||
    left.explained !== right.explained ||
    differ(left.averageCost, right.averageCost) ||
    left.averageCostSource !== right.averageCostSource ||
    differ(left.realizedPnl, right.realizedPnl) ||
    left.realizedBasis !== right.realizedBasis ||
    left.openedAt !== right.openedAt ||
    left.closedAt !== right.closedAt ||
    left.closedRootId !== right.closedRootId ||
    left.missingSince !== right.missingSince ||
    left.missingConfirmations !== right.missingConfirmations
  );
}

function differ(left: Decimal | null, right: Decimal | null): boolean {
  return left === null || right === null ? left !== right : !left.equals(right);
}
