/** Days as numbers and texts in order. */
import { type TradeDate } from '../../domain/time.ts';

const DAY_MS = 86_400_000;

/** Days since 1970; kept, because thousands of rows share a day. */
export function dayNumber(date: TradeDate): number {
  let day = days.get(date);
  if (day === undefined) {
    day = Date.parse(`${date}T00:00:00Z`) / DAY_MS;
    if (days.size >= DAYS_MAX) days.clear();
    days.set(date, day);
  }
  return day;
}

export function dateOfDay(day: number): TradeDate {
  let date = dates.get(day);
  if (date === undefined) {
    date = new Date(day * DAY_MS).toISOString().slice(0, 10) as TradeDate;
    if (dates.size >= DAYS_MAX) dates.clear();
    dates.set(day, date);
  }
  return date;
}

const DAYS_MAX = 20_000;
const days = new Map<TradeDate, number>();
const dates = new Map<number, TradeDate>();

export function compareTexts(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
