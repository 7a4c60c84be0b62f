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
export function foldBook(from: Book, activities: readonly Activity[]): Fold {
  const open = new Map(from.open);
  const cash = new Map(from.cash);
  const closed: ClosedEpisode[] = [];
  const ordered = activities.filter((activity) => activity.status === 'ok').sort(compareActivities);
  for (const event of groupEvents(ordered)) {
    for (const activity of event) addCash(cash, activity);
    if (event.length > 1) applyPaired(open, closed, event);
    else applySingle(open, closed, event[0]!);
  }
  return { book: { open, cash }, closed };
}

/** Rows of one corporate action together, everything else alone, in order. */
function groupEvents(ordered: readonly Activity[]): Activity[][] {
  const events: Activity[][] = [];
  const groups = new Map<string, Activity[]>();
  for (const activity of ordered) {
    const key = pairKey(activity);
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

function pairKey(activity: Activity): string | null {
  if (!PAIRED_KINDS.has(activity.kind) || activity.instrument === null) return null;
  // A broker that links no rows: a split's two rows name one instrument, a renaming's do not, so only the day links them.
  const link =
    activity.groupId ??
    (activity.kind === 'split' ? `${activity.tradeDate}:${activity.instrument.id}` : activity.tradeDate);
  return `${activity.kind}:${link}`;
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

function applySingle(
  open: Map<InstrumentId, OpenEpisode>,
  closed: ClosedEpisode[],
  activity: Activity,
): void {
  if (activity.instrument === null || activity.quantity.isZero()) return;
  move(open, closed, activity.instrument, activity.quantity, activity);
}

/**
 * One corporate action: instruments whose rows cancel out to a new quantity keep their episode; where one instrument
 * empties and another fills (a renaming), the episode goes along, so lots and dates survive.
 */
function applyPaired(
  open: Map<InstrumentId, OpenEpisode>,
  closed: ClosedEpisode[],
  event: readonly Activity[],
): void {
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
      move(open, closed, instrument, quantity, activity);
      continue;
    }
    const carried = open.get(source)!;
    open.delete(source);
    open.set(id, { ...carried, instrument: id, quantity });
  }
  // What emptied and was carried nowhere has ended (a worthless removal, a cash merger).
  for (const id of emptied) {
    const { instrument, quantity, activity } = net.get(id)!;
    move(open, closed, instrument, quantity, activity);
  }
}

function move(
  open: Map<InstrumentId, OpenEpisode>,
  closed: ClosedEpisode[],
  instrument: Instrument,
  change: Decimal,
  activity: Activity,
): void {
  if (change.isZero()) return;
  const episode = open.get(instrument.id);
  const quantity = (episode?.quantity ?? Decimal.zero).plus(change);
  const flips = episode !== undefined && episode.quantity.sign() * quantity.sign() < 0;
  if (episode !== undefined && (quantity.isZero() || flips)) {
    closed.push({
      instrument: instrument.id,
      openedRootId: episode.openedRootId,
      openedAt: episode.openedAt,
      closedRootId: activity.rootId,
      closedAt: activity.executedAt,
      closedBy: activity.kind,
    });
    open.delete(instrument.id);
  }
  if (quantity.isZero()) return;
  open.set(
    instrument.id,
    episode !== undefined && !flips
      ? { ...episode, quantity }
      : { instrument: instrument.id, quantity, openedRootId: activity.rootId, openedAt: activity.executedAt },
  );
}
