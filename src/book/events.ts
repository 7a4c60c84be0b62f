/** Which activities are one event: the rows of a corporate action together. */
import { type Activity } from '../domain/activity.ts';

/** Kinds whose rows of one group are one event: the old quantity leaves and the new one enters at the same moment. */
const PAIRED_KINDS: ReadonlySet<Activity['kind']> = new Set([
  'split',
  'rename',
  'option_corporate_action',
  'merger',
  'reorganization',
]);

/** The rows of one event, in the book's order. */
export type Event = readonly Activity[];

/** Rows that are one event with others, each with all of them; what stands alone is not in it. */
export type Events = ReadonlyMap<Activity, Event>;

export function isPaired({ kind }: Activity): boolean {
  return PAIRED_KINDS.has(kind);
}

export function eventsOf(ordered: readonly Activity[]): Events {
  const rows = ordered.filter(isPaired);
  const groups = new Map<string, Activity[]>();
  const pairs = pairsOfDay(rows);
  for (const row of rows) {
    const key = groupKey(row) ?? pairs.get(row);
    if (key !== undefined) append(groups, key, row);
  }
  const events = new Map<Activity, Event>();
  for (const event of groups.values()) {
    if (event.length > 1) for (const row of event) events.set(row, event);
  }
  return events;
}

/** What links rows by what they say themselves: the broker's group, or a split's instrument and day. */
function groupKey(activity: Activity): string | null {
  if (activity.instrument === null) return null;
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
    if (instrument === null || quantity.isZero()) continue;
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
