/**
 * Holding periods. Counting starts the day after the acquisition and the day of the disposal counts; long-term is more
 * than one year (26 USC 1222, IRS Pub. 550), by calendar days of the exchange. 365 days are another rule: 2023-03-15 to
 * 2024-03-14 are 365 days and short-term.
 */
import { type HoldingTerm } from '../domain/lot.ts';
import { type TradeDate } from '../domain/time.ts';

/** Term of a long lot that was disposed of on `closed`; `from` is the day the counting starts after. */
export function termOf(from: TradeDate, closed: TradeDate): HoldingTerm {
  if (isSameYear(from, closed)) return 'short';
  const year = Number.parseInt(from.slice(0, 4), 10) + 1;
  // The day after 28 February may be the 29th or 1 March; a year later both are over with the 29th.
  const monthDay = from.slice(5) === '02-28' ? '02-29' : from.slice(5);
  return closed > `${year}-${monthDay}` ? 'long' : 'short';
}

function isSameYear(from: TradeDate, closed: TradeDate): boolean {
  for (let place = 3; place >= 0; place -= 1) {
    if (from.charCodeAt(place) !== closed.charCodeAt(place)) return false;
  }
  return true;
}

/** Calendar days between two dates. */
export function daysBetween(from: TradeDate, to: TradeDate): number {
  return from === to ? 0 : dayNumber(to) - dayNumber(from);
}

const DAY_NUMBERS = new Map<TradeDate, number>();
const DAYS_KEPT = 20_000;

/** Days since 1970; kept, because one date is asked for by every fill of its day. */
function dayNumber(date: TradeDate): number {
  let day = DAY_NUMBERS.get(date);
  if (day === undefined) {
    day = Math.round(Date.parse(date) / 86_400_000);
    if (DAY_NUMBERS.size >= DAYS_KEPT) DAY_NUMBERS.clear();
    DAY_NUMBERS.set(date, day);
  }
  return day;
}
