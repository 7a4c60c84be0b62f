/** Which activities are one event: the rows of a corporate action together, everything else alone. */
import { type Activity } from '../domain/activity.ts';

/** Kinds whose rows of one group are one event: the old quantity leaves and the new one enters at the same moment. */
const PAIRED_KINDS: ReadonlySet<Activity['kind']> = new Set([
  'split',
  'rename',
  'option_corporate_action',
  'merger',
  'reorganization',
]);

/** Rows of one corporate action together, everything else alone, in order. */
export function groupEvents(ordered: readonly Activity[]): readonly (readonly Activity[])[] {
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
