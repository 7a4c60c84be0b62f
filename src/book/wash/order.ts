/** Days as numbers and texts in order. */
import { type TradeDate } from '../../domain/time.ts';

const DAY_MS = 86_400_000;

export function dayNumber(date: TradeDate): number {
  return Date.parse(`${date}T00:00:00Z`) / DAY_MS;
}

export function dateOfDay(day: number): TradeDate {
  return new Date(day * DAY_MS).toISOString().slice(0, 10) as TradeDate;
}

export function compareTexts(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
