/**
 * Instants, trade dates and the clock that is handed in.
 *
 * An instant is text: ISO 8601 in UTC with `Z` and the broker's own fraction digits (up to 9, no trailing zeros).
 * A JavaScript `Date` keeps milliseconds only, so two fills 200 nanoseconds apart would become one.
 */
import { TruebookError } from './errors.ts';

/** `2025-08-21T14:05:53.69412Z`: UTC, at most nine fraction digits, no trailing zeros. Compare with `compareInstants`. */
export type Instant = string & { readonly __instant: never };

/** `2025-08-21`: the day a trade belongs to, in the market's own calendar (New York for US brokers). */
export type TradeDate = string & { readonly __tradeDate: never };

/**
 * Time as it is handed in to everything (design section 10). `wall` may jump, `mono` never goes backwards and stops
 * only while the machine sleeps; an age is the larger of both differences.
 */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00:00Z, may jump when somebody sets the machine's time. */
  wallMs(): number;
  /** Milliseconds since an arbitrary point of this `epoch`, never backwards. */
  monoMs(): number;
  /** Names the counter behind `monoMs`: readings of different epochs cannot be compared. */
  readonly epoch: string;
  /** Waits; resolves early (without an error) when `signal` aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

const INSTANT_TEXT = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2})?)(?:[.,](\d+))?(Z|z|[+-]\d{2}:?\d{2})?$/;

/**
 * Reads an ISO 8601 instant with any offset and keeps its fraction digits (digits beyond the ninth are cut).
 * Throws `bad_instant` for anything else, also for text without a zone: a guess there would be a wrong trade date.
 */
export function parseInstant(text: string): Instant {
  const instant = tryParseInstant(text);
  if (instant === null) {
    throw new TruebookError('bad_instant', `"${text.slice(0, 60)}" is not a point in time.`, {
      hint: 'Write it like 2025-08-21T14:05:53Z or 2025-08-21T10:05:53-04:00.',
    });
  }
  return instant;
}

/** As `parseInstant`, but answers null instead of throwing. */
export function tryParseInstant(text: string): Instant | null {
  const match = INSTANT_TEXT.exec(text.trim());
  if (match === null) return null;
  const [, day, time = '', fraction = '', zone] = match;
  if (zone === undefined) return null;
  const offset =
    zone.toUpperCase() === 'Z' ? 'Z' : zone.length === 5 ? `${zone.slice(0, 3)}:${zone.slice(3)}` : zone;
  const ms = Date.parse(`${day}T${time.length === 5 ? `${time}:00` : time}${offset}`);
  if (Number.isNaN(ms)) return null;
  const digits = fraction.slice(0, 9).replace(/0+$/, '');
  const seconds = new Date(ms).toISOString().slice(0, 19);
  return (digits === '' ? `${seconds}Z` : `${seconds}.${digits}Z`) as Instant;
}

/** The instant of a clock reading in milliseconds. */
export function instantFromMs(ms: number): Instant {
  const text = new Date(ms).toISOString();
  // A year of four digits is the usual form: only zeros of the fraction go. Anything else is read with all care.
  if (text.length !== 24) return parseInstant(text);
  if (text.endsWith('.000Z')) return `${text.slice(0, 19)}Z` as Instant;
  return `${text.slice(0, 23).replace(/0+$/, '')}Z` as Instant;
}

/** Milliseconds since 1970, cut below the millisecond: for ages and schedules, never for ordering fills. */
export function instantToMs(instant: Instant): number {
  return (
    Date.parse(`${instant.slice(0, 19)}Z`) +
    Number.parseInt(fractionOf(instant).slice(0, 3).padEnd(3, '0'), 10)
  );
}

export function now(clock: Clock): Instant {
  return instantFromMs(clock.wallMs());
}

/** -1, 0 or 1, with all fraction digits. */
export function compareInstants(left: Instant, right: Instant): -1 | 0 | 1 {
  if (left === right) return 0;
  // Equally many digits: the texts compare as they are.
  if (left.length === right.length) return left < right ? -1 : 1;
  // Seconds have a fixed width, so most instants are told apart without building keys.
  const [leftSeconds, rightSeconds] = [left.slice(0, 19), right.slice(0, 19)];
  if (leftSeconds !== rightSeconds) return leftSeconds < rightSeconds ? -1 : 1;
  const [leftFraction, rightFraction] = [fractionOf(left).padEnd(9, '0'), fractionOf(right).padEnd(9, '0')];
  return leftFraction < rightFraction ? -1 : leftFraction > rightFraction ? 1 : 0;
}

/** The instant with exactly nine fraction digits: sorts as text, which databases need. `instantFromKey` undoes it. */
export function instantKey(instant: Instant): string {
  return `${instant.slice(0, 19)}.${fractionOf(instant).padEnd(9, '0')}Z`;
}

export function instantFromKey(key: string): Instant {
  // What `instantKey` made needs no calendar: only its zeros go. Anything else is read with all care.
  if (!KEY_TEXT.test(key)) return parseInstant(key);
  let end = 29;
  while (key.charCodeAt(end - 1) === ZERO) end -= 1;
  return (end === 20 ? `${key.slice(0, 19)}Z` : `${key.slice(0, end)}Z`) as Instant;
}

const KEY_TEXT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/;
const ZERO = 48;

export function addMs(instant: Instant, ms: number): Instant {
  const moved = new Date(Date.parse(`${instant.slice(0, 19)}Z`) + Math.trunc(ms / 1000) * 1000);
  const restMs = ms % 1000;
  if (restMs === 0) {
    const fraction = fractionOf(instant);
    const seconds = moved.toISOString().slice(0, 19);
    return (fraction === '' ? `${seconds}Z` : `${seconds}.${fraction}Z`) as Instant;
  }
  return instantFromMs(instantToMs(instant) + ms);
}

/** The later of two. */
export function maxInstant(left: Instant, right: Instant): Instant {
  return compareInstants(left, right) < 0 ? right : left;
}

export function minInstant(left: Instant, right: Instant): Instant {
  return compareInstants(left, right) <= 0 ? left : right;
}

function fractionOf(instant: Instant): string {
  return instant.length > 20 ? instant.slice(20, -1) : '';
}

const DATE_TEXT = /^\d{4}-\d{2}-\d{2}$/;

/** Reads `YYYY-MM-DD`, checks that the day exists. Throws `bad_instant`. */
export function parseTradeDate(text: string): TradeDate {
  const date = tryParseTradeDate(text);
  if (date === null) {
    throw new TruebookError('bad_instant', `"${text.slice(0, 40)}" is not a date.`, {
      hint: 'Write it like 2025-08-21.',
    });
  }
  return date;
}

export function tryParseTradeDate(text: string): TradeDate | null {
  if (!DATE_TEXT.test(text)) return null;
  const ms = Date.parse(`${text}T00:00:00Z`);
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== text) return null;
  return text as TradeDate;
}

export function addDays(date: TradeDate, days: number): TradeDate {
  return new Date(Date.parse(`${date}T00:00:00Z`) + days * 86_400_000)
    .toISOString()
    .slice(0, 10) as TradeDate;
}

/** 0 = Sunday ... 6 = Saturday. */
export function weekday(date: TradeDate): number {
  return new Date(`${date}T00:00:00Z`).getUTCDay();
}

export const NEW_YORK = 'America/New_York';

const zoneFormats = new Map<string, Intl.DateTimeFormat>();

function zoneFormat(zone: string): Intl.DateTimeFormat {
  let format = zoneFormats.get(zone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-CA', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    });
    zoneFormats.set(zone, format);
  }
  return format;
}

/** The wall-clock reading in a zone: `{date: '2025-08-21', time: '10:05:53'}`. */
export function inZone(instant: Instant, zone: string): { date: TradeDate; time: string } {
  const parts = new Map<string, string>();
  for (const part of zoneFormat(zone).formatToParts(Date.parse(`${instant.slice(0, 19)}Z`))) {
    parts.set(part.type, part.value);
  }
  return {
    date: `${parts.get('year')}-${parts.get('month')}-${parts.get('day')}` as TradeDate,
    time: `${parts.get('hour')}:${parts.get('minute')}:${parts.get('second')}`,
  };
}

/** The New York calendar day of an instant: the trade date of a US execution. */
export function newYorkDate(instant: Instant): TradeDate {
  // Days begin on a full hour of UTC, and thousands of fills share their hour.
  const hour = instant.slice(0, 13);
  let date = datesByHour.get(hour);
  if (date === undefined) {
    date = inZone(instant, NEW_YORK).date;
    if (datesByHour.size >= HOURS_MAX) datesByHour.clear();
    datesByHour.set(hour, date);
  }
  return date;
}

const HOURS_MAX = 2_000;
const datesByHour = new Map<string, TradeDate>();

/**
 * The instant of a wall-clock reading (`HH:MM` or `HH:MM:SS`) on a day in a zone. A reading that does not exist
 * (spring) means the hour after it, one that exists twice (autumn) the first.
 */
export function zonedInstant(date: TradeDate, time: string, zone: string): Instant {
  const wanted = Date.parse(`${date}T${time.length === 5 ? `${time}:00` : time}Z`);
  // The zone's offset changes at most twice a year: try the offset before and after, keep the one that reads right.
  for (const probe of [wanted - 14 * 3_600_000, wanted + 14 * 3_600_000]) {
    const offset = zoneOffsetMs(probe, zone);
    const candidate = wanted - offset;
    if (zoneOffsetMs(candidate, zone) === offset) return instantFromMs(candidate);
  }
  return instantFromMs(wanted - zoneOffsetMs(wanted - 14 * 3_600_000, zone));
}

function zoneOffsetMs(utcMs: number, zone: string): number {
  // Since 1973 offsets change on quarters of an hour, and whoever asks asks for the same few over and over.
  const quarter = utcMs < QUARTERS_SINCE_MS ? null : `${zone} ${Math.floor(utcMs / QUARTER_MS)}`;
  const known = quarter === null ? undefined : offsetsByQuarter.get(quarter);
  if (known !== undefined) return known;
  const seconds = Math.floor(utcMs / 1000) * 1000;
  const reading = inZone(instantFromMs(seconds), zone);
  const offset = Date.parse(`${reading.date}T${reading.time}Z`) - seconds;
  if (quarter === null) return offset;
  if (offsetsByQuarter.size >= HOURS_MAX) offsetsByQuarter.clear();
  offsetsByQuarter.set(quarter, offset);
  return offset;
}

const QUARTER_MS = 900_000;
/** 1973-01-01T00:00:00Z. */
const QUARTERS_SINCE_MS = 94_694_400_000;
const offsetsByQuarter = new Map<string, number>();
