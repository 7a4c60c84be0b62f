/**
 * What happened to positions, told from episodes: every episode that began or ended since the last run gets its event,
 * also one that began and ended between two runs. Pure.
 *
 * A rebuild has the live rows from these events, where activities and the broker's last statement do not tell: that there
 * is a row at all (`after` is not zero), since when it is missing, since when no activity explains it, and the mark
 * behind an estimate. So each of these changes has an event.
 */
import { type ClosedEpisode } from '../book/foldBook.ts';
import { Decimal } from '../domain/decimal.ts';
import { type BookEvent, type LifecycleEventKind } from '../domain/event.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import { type Instant } from '../domain/time.ts';
import { type PositionRow } from '../store/store.ts';
import { differs, isNewEpisode, type LifecycleInput, type LifecycleResult } from './lifecycle.ts';
import { isReduction } from './positionRows.ts';

type Rows = ReadonlyMap<InstrumentId, PositionRow>;

/** Under which instrument an episode went before, by the activity that opened it. */
type Names = ReadonlyMap<string, InstrumentId>;

/** Events and counts of a run, from the live rows before and after it and the episodes that ended. */
export function tellLifecycle(
  input: LifecycleInput,
  ended: readonly ClosedEpisode[],
  before: Rows,
  after: Rows,
): Pick<LifecycleResult, 'events' | 'counts'> {
  const events: BookEvent[] = [];
  const counts = { created: 0, updated: 0, closed: 0, missing: 0 };

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
    const goesOn = next !== null && !isNewEpisode(input, ended, known, next.openedRootId);
    const row = flipped || goesOn ? next : null;
    events.push(event(input, kind, episode.instrument, episode.closedAt, known, row, episode.closedRootId));
  }
  // What went on under another name first: its old name may be another position's now.
  const names: Names = new Map([...before.values()].map((row) => [row.openedRootId, row.instrument]));
  const ids = [...new Set([...before.keys(), ...after.keys()])];
  const renamed = ids.filter((id) => {
    const is = after.get(id) ?? null;
    const isNew = is !== null && isNewEpisode(input, ended, before.get(id) ?? null, is.openedRootId);
    return isNew && nameBefore(names, is) !== null;
  });
  for (const id of new Set([...renamed, ...ids])) {
    const [was, is] = [before.get(id) ?? null, after.get(id) ?? null];
    // The same row: nothing became of it.
    if (was !== null && was === is) {
      if (is.state === 'missing') counts.missing += 1;
      continue;
    }
    const kinds = changesOf(input, ended, names, before, after, was, is);
    const isNew = is !== null && isNewEpisode(input, ended, was, is.openedRootId);
    for (const kind of kinds) {
      const at = kind === 'opened' ? (is?.openedAt ?? input.asOf) : input.asOf;
      const from = kind === 'renamed' ? nameBefore(names, is) : null;
      events.push(event(input, kind, id, at, was, is, activityBehind(input, kind, id, is), from));
      if (kind === 'opened' || (kind === 'appeared' && isNew) || (kind === 'missing' && was === null))
        counts.created += 1;
    }
    if (was !== null && is !== null && differs(was, is)) counts.updated += 1;
    if (is?.state === 'missing') counts.missing += 1;
  }
  return { events, counts };
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
  names: Names,
  before: Rows,
  after: Rows,
  was: PositionRow | null,
  is: PositionRow | null,
): LifecycleEventKind[] {
  const endedHere = ended.filter((episode) => episode.instrument === (is ?? was)!.instrument);
  if (is === null) return was === null || endedHere.length > 0 ? [] : vanished(was, before, after);
  const startedByFlip = endedHere.some((episode) => episode.closedRootId === is.openedRootId);
  if (was !== null && !isNewEpisode(input, ended, was, is.openedRootId)) return changed(input, was, is);
  if (startedByFlip) return is.state === 'missing' ? ['missing'] : [];
  if (nameBefore(names, is) !== null) return is.state === 'missing' ? ['renamed', 'missing'] : ['renamed'];
  if (is.state === 'missing') return ['missing'];
  return [is.explained ? 'opened' : 'appeared'];
}

/** The instrument under which the episode of a row went before; null where it had the same name, or is new. */
function nameBefore(names: Names, is: PositionRow | null): InstrumentId | null {
  if (is === null || is.openedRootId === '') return null;
  const name = names.get(is.openedRootId) ?? null;
  return name === is.instrument ? null : name;
}

/** A row that is gone although no episode of it ended. */
function vanished(was: PositionRow, before: Rows, after: Rows): LifecycleEventKind[] {
  const goesOn = [...after.values()].some(
    (row) => row.openedRootId === was.openedRootId && was.openedRootId !== '' && !before.has(row.instrument),
  );
  // The new name tells the renaming, unless it was there before it was explained.
  if (goesOn) return [];
  return [was.openedRootId === '' ? 'withdrawn' : 'adjusted'];
}

function changed(input: LifecycleInput, was: PositionRow, is: PositionRow): LifecycleEventKind[] {
  if (is.state === 'missing') return was.state === 'missing' ? [] : ['missing'];
  // What explained it was taken back.
  if (is.openedRootId === '' && was.openedRootId !== '') return ['appeared'];
  if (was.state === 'missing') return ['reappeared'];
  if (!was.explained && is.explained && was.quantity.equals(is.quantity)) return ['explained'];
  // The broker states the same, and the book that it is measured by moved.
  if (was.quantity.equals(is.quantity)) return hasNewEstimate(was, is) ? ['adjusted'] : [];
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
  from: InstrumentId | null = null,
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
      ...(from === null ? {} : { from }),
      ...estimateFacts(input, before, after),
    },
  };
}

/** Behind an estimate: the mark it was made at, so that it can be told again from the ledger alone; null = unknown. */
function estimateFacts(
  input: LifecycleInput,
  before: PositionRow | null,
  after: PositionRow | null,
): BookEvent['facts'] {
  if (after === null || !hasNewEstimate(before, after)) return {};
  const stated =
    input.positions.find((position) => position.instrument.id === after.instrument) ??
    input.lastStated.get(after.instrument);
  return { mark: stated?.mark?.toString() ?? null, realized: after.realizedPnl?.toString() ?? null };
}

function hasNewEstimate(before: PositionRow | null, after: PositionRow): boolean {
  if (!isReduction(after)) return false;
  return before === null || !isReduction(before) || before.instrument !== after.instrument
    ? true
    : ESTIMATED.some((field) => String(before[field]) !== String(after[field]));
}

const ESTIMATED = ['openedRootId', 'quantity', 'bookQuantity', 'realizedPnl', 'realizedBasis'] as const;
