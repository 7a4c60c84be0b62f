/**
 * What happened to positions, told from episodes: every episode that began or ended since the last run gets its event,
 * also one that began and ended between two runs. Pure.
 */
import { type ClosedEpisode } from '../book/foldBook.ts';
import { Decimal } from '../domain/decimal.ts';
import { type BookEvent, type LifecycleEventKind } from '../domain/event.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import { type Instant } from '../domain/time.ts';
import { type PositionRow } from '../store/store.ts';
import { differs, isEstimate, rowKey, type LifecycleInput, type LifecycleResult } from './lifecycle.ts';

type Rows = ReadonlyMap<InstrumentId, PositionRow>;

/** Events and counts of a run, from the live rows before and after it and the episodes that ended. */
export function tellLifecycle(
  input: LifecycleInput,
  before: Rows,
  after: Rows,
): Pick<LifecycleResult, 'events' | 'counts'> {
  const events: BookEvent[] = [];
  const counts = { created: 0, updated: 0, closed: 0, missing: 0 };
  const ended = endedNow(input);

  for (const episode of ended) {
    const known = before.get(episode.instrument) ?? null;
    const isKnown =
      known !== null && (known.openedRootId === episode.openedRootId || known.openedRootId === '');
    if (!isKnown && !movedHere(episode, before)) {
      counts.created += 1;
      events.push(
        event(input, 'opened', episode.instrument, episode.openedAt, null, null, episode.openedRootId),
      );
    }
    const next = after.get(episode.instrument) ?? null;
    const flipped = next !== null && next.openedRootId === episode.closedRootId;
    const kind = flipped ? 'flipped' : endingOf(episode);
    counts.closed += 1;
    if (flipped) counts.created += 1;
    const row = flipped ? next : null;
    events.push(event(input, kind, episode.instrument, episode.closedAt, known, row, episode.closedRootId));
  }
  for (const id of new Set([...before.keys(), ...after.keys()])) {
    const [was, is] = [before.get(id) ?? null, after.get(id) ?? null];
    // The same row: nothing became of it.
    if (was !== null && was === is) {
      if (is.state === 'missing') counts.missing += 1;
      continue;
    }
    const kinds = changesOf(input, ended, before, after, was, is);
    for (const kind of kinds) {
      const at = kind === 'opened' ? (is?.openedAt ?? input.asOf) : input.asOf;
      events.push(event(input, kind, id, at, was, is, activityBehind(input, kind, id, is)));
      if (kind === 'opened' || kind === 'appeared' || (kind === 'missing' && was === null))
        counts.created += 1;
    }
    if (was !== null && is !== null && differs(was, is)) counts.updated += 1;
    if (is?.state === 'missing') counts.missing += 1;
  }
  return { events, counts };
}

/** Episodes that ended since the database last heard of them. */
function endedNow(input: LifecycleInput): readonly ClosedEpisode[] {
  if (input.closed.length === 0) return [];
  const stored = new Map(input.rows.map((row) => [rowKey(row), row]));
  return input.closed.filter((episode) => stored.get(rowKey(episode))?.state !== 'closed');
}

/** The activity that brought the change about; null where none did or none is known. */
function activityBehind(
  input: LifecycleInput,
  kind: LifecycleEventKind,
  id: InstrumentId,
  is: PositionRow | null,
): string | null {
  if (kind === 'missing' || kind === 'reappeared' || kind === 'withdrawn') return null;
  return kind === 'opened' ? (is?.openedRootId ?? null) : (input.broughtBy.get(id) ?? null);
}

/** Whether the episode lived under another name before (a renaming on the way to its end). */
function movedHere(episode: ClosedEpisode, before: Rows): boolean {
  return [...before.values()].some((row) => row.openedRootId === episode.openedRootId);
}

/** What became of one instrument's live row, besides the ends of episodes. */
function changesOf(
  input: LifecycleInput,
  ended: readonly ClosedEpisode[],
  before: Rows,
  after: Rows,
  was: PositionRow | null,
  is: PositionRow | null,
): LifecycleEventKind[] {
  const endedHere = ended.filter((episode) => episode.instrument === (is ?? was)!.instrument);
  if (is === null) return was === null || endedHere.length > 0 ? [] : vanished(was, after);
  const startedByFlip = endedHere.some((episode) => episode.closedRootId === is.openedRootId);
  const newEpisode =
    was === null || (was.openedRootId !== '' && was.openedRootId !== is.openedRootId && endedHere.length > 0);
  if (!newEpisode) return changed(input, was, is);
  if (startedByFlip) return is.state === 'missing' ? ['missing'] : [];
  const renamed =
    is.openedRootId !== '' &&
    [...before.values()].some(
      (row) => row.openedRootId === is.openedRootId && row.instrument !== is.instrument,
    );
  if (renamed) return is.state === 'missing' ? ['renamed', 'missing'] : ['renamed'];
  if (is.state === 'missing') return ['missing'];
  return [is.explained ? 'opened' : 'appeared'];
}

/** A row that is gone although no episode of it ended. */
function vanished(was: PositionRow, after: Rows): LifecycleEventKind[] {
  const goesOn = [...after.values()].some(
    (row) => row.openedRootId === was.openedRootId && was.openedRootId !== '',
  );
  // The new name tells the renaming.
  if (goesOn) return [];
  return [was.openedRootId === '' ? 'withdrawn' : 'adjusted'];
}

function changed(input: LifecycleInput, was: PositionRow, is: PositionRow): LifecycleEventKind[] {
  if (is.state === 'missing') return was.state === 'missing' ? [] : ['missing'];
  if (was.state === 'missing') return ['reappeared'];
  if (!was.explained && is.explained && was.quantity.equals(is.quantity)) return ['explained'];
  if (was.quantity.equals(is.quantity)) return [];
  const kinds = input.changedBy.get(is.instrument);
  if (kinds?.has('split')) return ['split'];
  if (was.quantity.sign() * is.quantity.sign() < 0) return ['flipped'];
  return [is.quantity.abs().compare(was.quantity.abs()) > 0 ? 'increased' : 'reduced'];
}

function endingOf(episode: ClosedEpisode): LifecycleEventKind {
  switch (episode.closedBy) {
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

function event(
  input: LifecycleInput,
  kind: LifecycleEventKind,
  instrument: InstrumentId,
  at: Instant,
  before: PositionRow | null,
  after: PositionRow | null,
  activity: string | null,
): BookEvent {
  return {
    kind,
    at,
    instrument,
    symbol: input.instruments.get(instrument)?.symbol ?? null,
    facts: {
      before: before?.quantity.toString() ?? null,
      after: (after?.quantity ?? Decimal.zero).toString(),
      book: (after?.bookQuantity ?? Decimal.zero).toString(),
      broker: (after?.brokerQuantity ?? Decimal.zero).toString(),
      activity: activity === '' ? null : activity,
      ...estimateFacts(input, kind, after),
    },
  };
}

/** Behind an estimate: the mark it was made at, so that it can be told again from the ledger alone. */
function estimateFacts(
  input: LifecycleInput,
  kind: LifecycleEventKind,
  after: PositionRow | null,
): BookEvent['facts'] {
  if (kind !== 'reduced' || after === null || !isEstimate(after)) return {};
  const stated = input.positions.find((position) => position.instrument.id === after.instrument);
  return { mark: stated?.mark?.toString() ?? null, realized: after.realizedPnl?.toString() ?? null };
}
