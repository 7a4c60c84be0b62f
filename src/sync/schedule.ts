/** When to read what: windows of the three nested reads and the instants they are due. Pure. */
import { previousTradingDay } from '../domain/calendar.ts';
import {
  addMs,
  compareInstants,
  NEW_YORK,
  newYorkDate,
  parseInstant,
  zonedInstant,
  type Instant,
} from '../domain/time.ts';
import { type CursorRow } from '../store/store.ts';

/** Position of the `history` cursor once the whole history was read. */
export const HISTORY_DONE = 'done';

/** Position of the `first_contact` cursor until the whole history was read once more after openings were booked. */
export const OPENINGS_UNCONFIRMED = 'unconfirmed';

const DAY_MS = 86_400_000;
const BEGINNING = parseInstant('1970-01-01T00:00:00Z');

/** `search`: the whole history, looking for what explains a difference. */
export type ReadDepth = 'recent' | 'deep' | 'audit' | 'search';

/** Days of the daily deep scan and of the monthly audit (design section 4.4). */
export const DEEP_SCAN_DAYS = 8;
export const AUDIT_DAYS = 90;
const DEEP_SCAN_EVERY_MS = DAY_MS;
const AUDIT_EVERY_MS = 30 * DAY_MS;

/** Ledgers up to this size are read whole in every run: two pages where the shallowest read takes one. */
const ALWAYS_WHOLE = 200;

/**
 * Which of the nested reads this run makes: the deepest that is due. A small ledger is always read whole, so that even
 * a correction of an old trade that moves neither positions nor cash shows in the next run.
 */
export function depthDue(cursors: readonly CursorRow[], activityCount: number, now: Instant): ReadDepth {
  if (activityCount <= ALWAYS_WHOLE) return 'search';
  // Openings stand for what history lacks; whether history really lacks it, a second reading of all of it tells.
  if (cursors.some((row) => row.name === 'first_contact' && row.position === OPENINGS_UNCONFIRMED))
    return 'search';
  if (isDue(cursors, 'audit', AUDIT_EVERY_MS, now)) return 'audit';
  return isDue(cursors, 'deep_scan', DEEP_SCAN_EVERY_MS, now) ? 'deep' : 'recent';
}

/** Ledgers up to this size are searched whole in every run that differs: a handful of pages. */
const SMALL_LEDGER = 500;
const SEARCH_EVERY_MS = 3_600_000;

/**
 * How deep to look for what explains a difference. A correction of an old trade keeps its old place in the broker's
 * list, so only the whole history is sure to hold it; large ledgers are searched whole when the difference is new,
 * once more in the next run (content that returned to an older revision is believed on its second sight), then once an
 * hour. `differsSince`: when the difference took its form, null when it is not known.
 */
export function searchDepth(
  cursors: readonly CursorRow[],
  activityCount: number,
  isNew: boolean,
  differsSince: Instant | null,
  now: Instant,
): ReadDepth {
  const due = isDue(cursors, 'search', SEARCH_EVERY_MS, now);
  const last = cursors.find((row) => row.name === 'search')?.updatedAt;
  const searchedOnce =
    last !== undefined && differsSince !== null && compareInstants(last, differsSince) <= 0;
  return isNew || searchedOnce || due || activityCount <= SMALL_LEDGER ? 'search' : 'deep';
}

const ABSENCE_EVERY_MS = 3_600_000;

/**
 * Absences from deep scans count once an hour at most: a broker that answers short for twenty minutes must not make us
 * give an identity up, and one that really withdrew it must not keep the account unfresh for days.
 */
export function countsAbsence(depth: ReadDepth, cursors: readonly CursorRow[], now: Instant): boolean {
  return depth !== 'recent' && isDue(cursors, 'absence', ABSENCE_EVERY_MS, now);
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
  if (depth === 'search') return BEGINNING;
  const deep = addMs(now, -(depth === 'audit' ? AUDIT_DAYS : DEEP_SCAN_DAYS) * DAY_MS);
  return compareInstants(deep, recent) < 0 ? deep : recent;
}
