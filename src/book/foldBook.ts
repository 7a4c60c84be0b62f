/**
 * The fold: from activities to quantities, episodes and cash. A pure function of the ledger - the same activities in
 * any order of arrival give the same book, because it is always applied in the book's own order.
 *
 * Lots and realized profit join here later; quantities and cash are the part that reconciliation stands on.
 */
import { type Activity, compareActivities } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type Instrument, type InstrumentId } from '../domain/instrument.ts';
import { type Currency } from '../domain/money.ts';
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

export interface Book {
  readonly open: ReadonlyMap<InstrumentId, OpenEpisode>;
  readonly cash: ReadonlyMap<Currency, Decimal>;
}

export interface Fold {
  readonly book: Book;
  /** Episodes that ended within the folded activities. */
  readonly closed: readonly ClosedEpisode[];
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

export const EMPTY_BOOK: Book = { open: new Map(), cash: new Map() };

/** Kinds whose rows of one group are one event: the old quantity leaves and the new one enters at the same moment. */
const PAIRED_KINDS: ReadonlySet<Activity['kind']> = new Set([
  'split',
  'rename',
  'option_corporate_action',
  'merger',
  'reorganization',
]);

/**
 * Folds activities onto a book. Busts count nothing. `activities` need not be sorted, but all of them must lie after
 * those already in `from`.
 */
export function foldBook(
  from: Book,
  activities: readonly Activity[],
  tellStep: (step: EpisodeStep) => void = () => undefined,
): Fold {
  const cash = new Map(from.cash);
  const episodes: Episodes = { open: new Map(from.open), closed: [], tellStep };
  const ordered = activities.filter((activity) => activity.status === 'ok').sort(compareActivities);
  for (const event of groupEvents(ordered)) {
    for (const activity of event) addCash(cash, activity);
    if (event.length > 1) applyPaired(episodes, event);
    else applySingle(episodes, event[0]!);
  }
  return { book: { open: episodes.open, cash }, closed: episodes.closed };
}

/** The episodes while they are folded. */
interface Episodes {
  readonly open: Map<InstrumentId, OpenEpisode>;
  readonly closed: ClosedEpisode[];
  readonly tellStep: (step: EpisodeStep) => void;
}

/** Rows of one corporate action together, everything else alone, in order. */
function groupEvents(ordered: readonly Activity[]): Activity[][] {
  const events: Activity[][] = [];
  const groups = new Map<string, Activity[]>();
  const pairs = pairsOfDay(ordered);
  for (const activity of ordered) {
    const key = groupKey(activity) ?? pairs.get(activity) ?? null;
    const group = key === null ? undefined : groups.get(key);
    if (group !== undefined) {
      group.push(activity);
      continue;
    }
    const event = [activity];
    if (key !== null) groups.set(key, event);
    events.push(event);
  }
  return events;
}

/** What links rows by what they say themselves: the broker's group, or a split's instrument and day. */
function groupKey(activity: Activity): string | null {
  if (!PAIRED_KINDS.has(activity.kind) || activity.instrument === null) return null;
  if (activity.groupId !== null) return `${activity.kind}:${activity.groupId}`;
  return activity.kind === 'split' ? `split:${activity.tradeDate}:${activity.instrument.id}` : null;
}

/**
 * Pairs among rows that nobody linked, where the two rows name different instruments: what leaves and what comes on one
 * day in rows of one kind, if it is the only such pair of the day or the only one of its quantity. What could be paired
 * in two ways is not: each row then moves alone, which keeps quantities right and only loses the day of opening.
 */
function pairsOfDay(ordered: readonly Activity[]): ReadonlyMap<Activity, string> {
  const days = new Map<string, Activity[]>();
  for (const activity of ordered) {
    const { kind, instrument, quantity, tradeDate } = activity;
    if (!PAIRED_KINDS.has(kind) || instrument === null || quantity.isZero()) continue;
    if (groupKey(activity) === null) append(days, `${kind}:${tradeDate}`, activity);
  }
  const pairs = new Map<Activity, string>();
  for (const [day, rows] of days) {
    const sizes = new Map<string, Activity[]>();
    for (const row of rows) append(sizes, row.quantity.abs().toString(), row);
    for (const candidates of isPair(rows) ? [rows] : [...sizes.values()].filter(isPair)) {
      for (const row of candidates) pairs.set(row, `${day}:${candidates[0]!.rootId}`);
    }
  }
  return pairs;
}

function append(groups: Map<string, Activity[]>, key: string, activity: Activity): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [activity]);
  else group.push(activity);
}

/** One that leaves and one that comes. */
function isPair(rows: readonly Activity[]): boolean {
  return rows.length === 2 && rows[0]!.quantity.sign() * rows[1]!.quantity.sign() < 0;
}

function addCash(cash: Map<Currency, Decimal>, activity: Activity): void {
  if (activity.amount !== null && !activity.amount.isZero()) add(cash, activity.currency, activity.amount);
  if (activity.fees !== null && !activity.fees.isZero()) {
    add(cash, activity.feesCurrency ?? activity.currency, activity.fees.negate());
  }
}

function add(cash: Map<Currency, Decimal>, currency: Currency, amount: Decimal): void {
  cash.set(currency, (cash.get(currency) ?? Decimal.zero).plus(amount));
}

function applySingle(episodes: Episodes, activity: Activity): void {
  if (activity.instrument === null || activity.quantity.isZero()) return;
  move(episodes, activity.instrument, activity.quantity, activity, false);
}

/**
 * One corporate action: instruments whose rows cancel out to a new quantity keep their episode; where one instrument
 * empties and another fills (a renaming), the episode goes along, so lots and dates survive.
 */
function applyPaired(episodes: Episodes, event: readonly Activity[]): void {
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
    episodes.tellStep({ instrument: id, openedRootId, activity, change, quantity, exchanged: true });
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
  const step = { instrument: instrument.id, activity };
  if (episode !== undefined && (quantity.isZero() || flips)) {
    const { openedRootId } = episode;
    const left = episode.quantity.negate();
    tellStep({ ...step, openedRootId, change: left, quantity: Decimal.zero, exchanged: false });
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
  const after = goesOn
    ? { ...episode, quantity }
    : { instrument: instrument.id, quantity, openedRootId: activity.rootId, openedAt: activity.executedAt };
  open.set(instrument.id, after);
  tellStep({
    ...step,
    openedRootId: after.openedRootId,
    change: goesOn ? change : quantity,
    quantity,
    exchanged: paired && goesOn,
  });
}
