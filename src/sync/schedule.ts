/** When to read what: windows of the three nested reads and the instants they are due. Pure. */
import { previousTradingDay } from '../domain/calendar.ts';
import { addMs, compareInstants, NEW_YORK, newYorkDate, zonedInstant, type Instant } from '../domain/time.ts';
import { type CursorRow } from '../store/store.ts';

const DAY_MS = 86_400_000;

export type ReadDepth = 'recent' | 'deep' | 'audit';

/** Days of the daily deep scan and of the monthly audit (design section 4.4). */
export const DEEP_SCAN_DAYS = 8;
export const AUDIT_DAYS = 90;
const DEEP_SCAN_EVERY_MS = DAY_MS;
const AUDIT_EVERY_MS = 30 * DAY_MS;

/** Which of the nested reads this run makes: the deepest that is due. */
export function depthDue(cursors: readonly CursorRow[], now: Instant): ReadDepth {
  if (isDue(cursors, 'audit', AUDIT_EVERY_MS, now)) return 'audit';
  return isDue(cursors, 'deep_scan', DEEP_SCAN_EVERY_MS, now) ? 'deep' : 'recent';
}

function isDue(
  cursors: readonly CursorRow[],
  name: CursorRow['name'],
  everyMs: number,
  now: Instant,
): boolean {
  const cursor = cursors.find((row) => row.name === name);
  if (cursor === undefined) return true;
  // A clock that was set back must not put the next scan years away.
  return (
    compareInstants(addMs(cursor.updatedAt, everyMs), now) <= 0 ||
    compareInstants(cursor.updatedAt, addMs(now, DAY_MS)) > 0
  );
}

/**
 * Start of the re-read: `recent` goes one trading day behind the cursor, at New York midnight, so that weekends and
 * late rows lie inside; the deep ones reach back their days. Never later than the shallower window.
 */
export function windowStart(depth: ReadDepth, cursor: Instant, now: Instant): Instant {
  const recent = zonedInstant(previousTradingDay(newYorkDate(cursor)), '00:00', NEW_YORK);
  if (depth === 'recent') return recent;
  const deep = addMs(now, -(depth === 'audit' ? AUDIT_DAYS : DEEP_SCAN_DAYS) * DAY_MS);
  return compareInstants(deep, recent) < 0 ? deep : recent;
}
