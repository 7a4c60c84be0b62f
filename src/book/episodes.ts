/**
 * Episodes: how a position runs from flat to flat. A flip ends one episode and starts the next; a corporate action
 * carries it on.
 */
import { type Activity } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type Instrument, type InstrumentId } from '../domain/instrument.ts';
import { type Instant } from '../domain/time.ts';

/** A position that is not flat: one episode runs from flat to flat. A flip ends one episode and starts the next. */
export interface OpenEpisode {
  readonly instrument: InstrumentId;
  readonly quantity: Decimal;
  /** Activity that left flat. */
  readonly openedRootId: string;
  readonly openedAt: Instant;
}

export interface ClosedEpisode {
  readonly instrument: InstrumentId;
  readonly openedRootId: string;
  readonly openedAt: Instant;
  readonly closedRootId: string;
  readonly closedAt: Instant;
  /** Kind of the activity that closed it: `option_expiry` makes it expired, not sold. */
  readonly closedBy: Activity['kind'];
}

/** One change of an episode, for those who want to know how it came to be (`tellStep` of `foldBook`). */
export interface EpisodeStep {
  readonly instrument: InstrumentId;
  /** Names the episode within its epoch, also over renamings. */
  readonly openedRootId: string;
  readonly activity: Activity;
  /** The part of the activity that this episode took: of a flip, what closed the old one or opened the new one. */
  readonly change: Decimal;
  /** Quantity after it. */
  readonly quantity: Decimal;
  /** True where units became other units (a split, a renaming): nothing was bought or sold. */
  readonly exchanged: boolean;
}

/** The episodes while they are folded. */
export interface Episodes {
  readonly open: Map<InstrumentId, OpenEpisode>;
  readonly closed: ClosedEpisode[];
  readonly tellStep: ((step: EpisodeStep) => void) | undefined;
}

export function applySingle(episodes: Episodes, activity: Activity): void {
  if (activity.instrument === null || activity.quantity.isZero()) return;
  move(episodes, activity.instrument, activity.quantity, activity, false);
}

/**
 * One corporate action: instruments whose rows cancel out to a new quantity keep their episode; where one instrument
 * empties and another fills (a renaming), the episode goes along, so lots and dates survive.
 */
export function applyPaired(episodes: Episodes, event: readonly Activity[]): void {
  const { open } = episodes;
  const net = new Map<InstrumentId, { instrument: Instrument; quantity: Decimal; activity: Activity }>();
  for (const activity of event) {
    if (activity.instrument === null) continue;
    const before = net.get(activity.instrument.id);
    net.set(activity.instrument.id, {
      instrument: activity.instrument,
      quantity: (before?.quantity ?? Decimal.zero).plus(activity.quantity),
      activity,
    });
  }
  const empties = (id: InstrumentId): boolean => {
    const episode = open.get(id);
    const change = net.get(id)!.quantity;
    return episode !== undefined && !change.isZero() && episode.quantity.plus(change).isZero();
  };
  const emptied = [...net.keys()].filter(empties);
  const filled = [...net.keys()].filter((id) => !emptied.includes(id));
  for (const id of filled) {
    const { instrument, quantity, activity } = net.get(id)!;
    const source = open.has(id) || quantity.isZero() ? undefined : emptied.shift();
    if (source === undefined) {
      move(episodes, instrument, quantity, activity, true);
      continue;
    }
    const carried = open.get(source)!;
    open.delete(source);
    open.set(id, { ...carried, instrument: id, quantity });
    const change = quantity.minus(carried.quantity);
    const { openedRootId } = carried;
    episodes.tellStep?.({ instrument: id, openedRootId, activity, change, quantity, exchanged: true });
  }
  // What emptied and was carried nowhere has ended (a worthless removal, a cash merger).
  for (const id of emptied) {
    const { instrument, quantity, activity } = net.get(id)!;
    move(episodes, instrument, quantity, activity, true);
  }
}

function move(
  { open, closed, tellStep }: Episodes,
  instrument: Instrument,
  change: Decimal,
  activity: Activity,
  paired: boolean,
): void {
  if (change.isZero()) return;
  const episode = open.get(instrument.id);
  const quantity = (episode?.quantity ?? Decimal.zero).plus(change);
  const flips = episode !== undefined && episode.quantity.sign() * quantity.sign() < 0;
  if (episode !== undefined && (quantity.isZero() || flips)) {
    const { openedRootId } = episode;
    const left = episode.quantity.negate();
    tellStep?.({
      ...stepOf(instrument, activity),
      openedRootId,
      change: left,
      quantity: Decimal.zero,
      exchanged: false,
    });
    closed.push({
      instrument: instrument.id,
      openedRootId,
      openedAt: episode.openedAt,
      closedRootId: activity.rootId,
      closedAt: activity.executedAt,
      closedBy: activity.kind,
    });
    open.delete(instrument.id);
  }
  if (quantity.isZero()) return;
  const goesOn = episode !== undefined && !flips;
  const after = {
    instrument: instrument.id,
    quantity,
    openedRootId: goesOn ? episode.openedRootId : activity.rootId,
    openedAt: goesOn ? episode.openedAt : activity.executedAt,
  };
  open.set(instrument.id, after);
  tellStep?.({
    ...stepOf(instrument, activity),
    openedRootId: after.openedRootId,
    change: goesOn ? change : quantity,
    quantity,
    exchanged: paired && goesOn,
  });
}

function stepOf(instrument: Instrument, activity: Activity): Pick<EpisodeStep, 'instrument' | 'activity'> {
  return { instrument: instrument.id, activity };
}
