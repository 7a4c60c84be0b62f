/**
 * Lifecycle: what becomes of each position row when a broker's complete answer meets the book (design section 4.7).
 *
 * The rule above all others: a row ends only by activities that explain it. An instrument that is absent from an
 * answer while the book holds it is `missing`, with its quantity; absence is not flat.
 */
import { type Book, type ClosedEpisode } from '../book/foldBook.ts';
import { type ActivityKind } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type BookEvent, type LifecycleEventKind } from '../domain/event.ts';
import { type Instrument, type InstrumentId } from '../domain/instrument.ts';
import { type SnapshotPosition } from '../domain/snapshot.ts';
import { addMs, compareInstants, type Instant } from '../domain/time.ts';
import { type PositionKey, type PositionRow } from '../store/store.ts';

export interface LifecycleInput {
  readonly accountId: number;
  readonly epoch: number;
  readonly source: string;
  /** Rows the database holds: all of the epoch after a fold from the beginning, else open and missing ones. */
  readonly rows: readonly PositionRow[];
  /** Whether `rows` and `closed` cover the whole epoch, so that closed rows may be compared too. */
  readonly wholeEpoch: boolean;
  readonly book: Book;
  readonly closed: readonly ClosedEpisode[];
  readonly positions: readonly SnapshotPosition[];
  /** False when a row of the answer was quarantined: then nothing may be concluded from absence. */
  readonly absenceProves: boolean;
  /** Whether the account's totals confirm the list of positions. */
  readonly totals: 'agree' | 'disagree' | 'unknown';
  readonly asOf: Instant;
  readonly instruments: ReadonlyMap<InstrumentId, Instrument>;
  /** Kinds of the activities that changed an instrument in this run, for naming the events. */
  readonly changedBy: ReadonlyMap<InstrumentId, ReadonlySet<ActivityKind>>;
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
  const wanted: PositionRow[] = [];
  const events: BookEvent[] = [];
  const counts = { created: 0, updated: 0, closed: 0, missing: 0 };

  for (const episode of input.closed) wanted.push(closedRow(input, episode));
  for (const id of new Set([...broker.keys(), ...input.book.open.keys(), ...live.keys()])) {
    const before = live.get(id) ?? null;
    const row = liveRow(input, id, broker.get(id) ?? null, before);
    if (row !== null) wanted.push(row);
    const event = lifecycleEvent(input, id, before, row);
    if (event !== null) events.push(event);
    if (before === null && row !== null) counts.created += 1;
    if (before !== null && row !== null && differs(before, row)) counts.updated += 1;
    if (before !== null && row === null && event !== null && CLOSING_EVENTS.has(event.kind))
      counts.closed += 1;
    if (row?.state === 'missing') counts.missing += 1;
  }
  return { ...changes(input, wanted), events, counts };
}

const CLOSING_EVENTS: ReadonlySet<string> = new Set<LifecycleEventKind>([
  'closed',
  'expired',
  'assigned',
  'exercised',
]);

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
    realizedPnl: null,
    realizedBasis: 'unknown',
    openedAt: episode?.openedAt ?? before?.openedAt ?? input.asOf,
    closedAt: null,
    closedRootId: null,
    source: input.source,
  } as const;
  if (stated !== null && !stated.quantity.isZero()) {
    const explained = stated.quantity.equals(booked);
    return {
      ...shared,
      state: 'open',
      quantity: stated.quantity,
      brokerQuantity: stated.quantity,
      agreedQuantity: explained ? booked : (before?.agreedQuantity ?? Decimal.zero),
      explained,
      averageCost: stated.averageCost,
      averageCostSource: stated.averageCost === null ? null : 'broker',
      missingSince: null,
      missingConfirmations: 0,
    };
  }
  if (!input.absenceProves) {
    // The answer had a row nobody could read: it may have been this one. What was known stays as it was.
    return before === null ? null : { ...before, bookQuantity: booked };
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

function closedRow(input: LifecycleInput, episode: ClosedEpisode): PositionRow {
  const before = input.rows.find(
    (row) => row.instrument === episode.instrument && row.openedRootId === episode.openedRootId,
  );
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
    averageCost: before?.averageCost ?? null,
    averageCostSource: before?.averageCostSource ?? null,
    realizedPnl: null,
    realizedBasis: 'unknown',
    openedAt: episode.openedAt,
    closedAt: episode.closedAt,
    closedRootId: episode.closedRootId,
    missingSince: null,
    missingConfirmations: 0,
    source: input.source,
  };
}

function lifecycleEvent(
  input: LifecycleInput,
  id: InstrumentId,
  before: PositionRow | null,
  after: PositionRow | null,
): BookEvent | null {
  const kind = eventKind(input, id, before, after);
  if (kind === null) return null;
  const ended = closing(input, id, before);
  return {
    kind,
    at: kind === 'opened' ? (after?.openedAt ?? input.asOf) : (ended?.closedAt ?? input.asOf),
    instrument: id,
    symbol: input.instruments.get(id)?.symbol ?? null,
    facts: {
      before: before?.quantity.toString() ?? null,
      after: after?.quantity.toString() ?? '0',
      book: after?.bookQuantity.toString() ?? '0',
      broker: after?.brokerQuantity?.toString() ?? '0',
      activity: after === null ? (ended?.closedRootId ?? null) : after.openedRootId || null,
    },
  };
}

function eventKind(
  input: LifecycleInput,
  id: InstrumentId,
  before: PositionRow | null,
  after: PositionRow | null,
): LifecycleEventKind | null {
  if (before === null) return after === null ? null : firstSight(after);
  if (after === null) return endOf(input, id, before);
  if (after.state === 'missing') return before.state === 'missing' ? null : 'missing';
  if (before.state === 'missing') return 'reappeared';
  if (!before.explained && after.explained && before.quantity.equals(after.quantity)) return 'explained';
  if (before.quantity.equals(after.quantity)) return null;
  const kinds = input.changedBy.get(id);
  if (kinds?.has('split')) return 'split';
  if (kinds?.has('rename')) return 'renamed';
  if (before.quantity.sign() * after.quantity.sign() < 0) return 'flipped';
  return after.quantity.abs().compare(before.quantity.abs()) > 0 ? 'increased' : 'reduced';
}

function firstSight(after: PositionRow): LifecycleEventKind {
  if (after.state === 'missing') return 'missing';
  return after.explained ? 'opened' : 'appeared';
}

function endOf(input: LifecycleInput, id: InstrumentId, before: PositionRow): LifecycleEventKind {
  const renamedTo = input.changedBy.get(id)?.has('rename') === true;
  const ended = closing(input, id, before);
  if (ended === null) return renamedTo ? 'renamed' : before.openedRootId === '' ? 'withdrawn' : 'adjusted';
  switch (ended.closedBy) {
    case 'option_expiry':
      return 'expired';
    case 'option_assignment':
      return 'assigned';
    case 'option_exercise':
      return 'exercised';
    default:
      return 'closed';
  }
}

/** The episode whose end the row's end is. */
function closing(input: LifecycleInput, id: InstrumentId, before: PositionRow | null): ClosedEpisode | null {
  const ended = input.closed.filter((episode) => episode.instrument === id);
  const own = ended.find((episode) => episode.openedRootId === before?.openedRootId);
  return own ?? (before?.openedRootId === '' ? (ended.at(-1) ?? null) : null);
}

/** What to write so that the database holds exactly the wanted rows: unchanged rows are not touched. */
function changes(
  input: LifecycleInput,
  wanted: readonly PositionRow[],
): Pick<LifecycleResult, 'upsert' | 'remove'> {
  const stored = new Map(input.rows.map((row) => [rowKey(row), row]));
  const keep = new Set(wanted.map(rowKey));
  const upsert = wanted.filter((row) => {
    const before = stored.get(rowKey(row));
    return before === undefined || differs(before, row);
  });
  const remove = input.rows
    .filter((row) => !keep.has(rowKey(row)) && (row.state !== 'closed' || input.wholeEpoch))
    .map(({ epoch, instrument, openedRootId }) => ({ epoch, instrument, openedRootId }));
  return { upsert, remove };
}

function rowKey(row: PositionRow): string {
  return `${row.instrument}\n${row.openedRootId}`;
}

function differs(left: PositionRow, right: PositionRow): boolean {
  return JSON.stringify(comparable(left)) !== JSON.stringify(comparable(right));
}

function comparable(row: PositionRow): unknown[] {
  return [
    row.state,
    row.quantity,
    row.brokerQuantity,
    row.bookQuantity,
    row.agreedQuantity,
    row.explained,
    row.averageCost,
    row.averageCostSource,
    row.realizedPnl,
    row.realizedBasis,
    row.openedAt,
    row.closedAt,
    row.closedRootId,
    row.missingSince,
    row.missingConfirmations,
  ];
}
