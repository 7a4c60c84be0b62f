/**
 * The US equity market's trading days, worked out by rule.
 *
 * Source: NYSE Rule 7.2 and the exchange's published holiday list (New Year, Martin Luther King, Washington's
 * Birthday, Good Friday, Memorial Day, Juneteenth since 2022, Independence Day, Labor Day, Thanksgiving, Christmas).
 * Unscheduled closings (a state funeral, a storm) are not here: they only make a re-read window a day longer.
 */
import { addDays, weekday, type TradeDate } from './time.ts';

export function isTradingDay(date: TradeDate): boolean {
  const day = weekday(date);
  return day !== 0 && day !== 6 && !isHoliday(date);
}

/** The last trading day before `date`. */
export function previousTradingDay(date: TradeDate): TradeDate {
  let day = addDays(date, -1);
  while (!isTradingDay(day)) day = addDays(day, -1);
  return day;
}

/** The first trading day after `date`. */
export function nextTradingDay(date: TradeDate): TradeDate {
  let day = addDays(date, 1);
  while (!isTradingDay(day)) day = addDays(day, 1);
  return day;
}

/** 13:00 New York: the day after Thanksgiving, Christmas Eve, the day before a weekday Independence Day. */
export function isEarlyClose(date: TradeDate): boolean {
  if (!isTradingDay(date)) return false;
  const month = date.slice(5, 7);
  const day = Number.parseInt(date.slice(8), 10);
  if (month === '11') return isThanksgiving(addDays(date, -1));
  if (month === '12') return day === 24;
  return month === '07' && day === 3 && weekday(date) !== 5;
}

function isHoliday(date: TradeDate): boolean {
  const year = Number.parseInt(date.slice(0, 4), 10);
  const month = Number.parseInt(date.slice(5, 7), 10);
  const day = Number.parseInt(date.slice(8), 10);
  const wd = weekday(date);
  const nth = Math.ceil(day / 7);
  // A fixed holiday on Saturday is kept on Friday, on Sunday on Monday - but New Year on Saturday is not kept at all.
  const fixed = (m: number, d: number): boolean =>
    (month === m && day === d) ||
    (wd === 1 && month === m && day === d + 1) ||
    (wd === 5 && month === m && day === d - 1);
  return (
    (month === 1 && ((day === 1 && wd !== 6) || (day === 2 && wd === 1))) ||
    (month === 1 && wd === 1 && nth === 3) ||
    (month === 2 && wd === 1 && nth === 3) ||
    addDays(date, 2) === easter(year) ||
    (month === 5 && wd === 1 && day > 24) ||
    (year >= 2022 && fixed(6, 19)) ||
    fixed(7, 4) ||
    (month === 9 && wd === 1 && nth === 1) ||
    isThanksgiving(date) ||
    fixed(12, 25)
  );
}

function isThanksgiving(date: TradeDate): boolean {
  return (
    date.slice(5, 7) === '11' &&
    weekday(date) === 4 &&
    Math.ceil(Number.parseInt(date.slice(8), 10) / 7) === 4
  );
}

/** Easter Sunday by the anonymous Gregorian algorithm (Meeus, Jones, Butcher). */
function easter(year: number): TradeDate {
  const a = year % 19;
  const b = Math.floor(year / 100);
  const c = year % 100;
  const d = Math.floor(b / 4);
  const e = b % 4;
  const f = Math.floor((b + 8) / 25);
  const g = Math.floor((b - f + 1) / 3);
  const h = (19 * a + b - d - g + 15) % 30;
  const i = Math.floor(c / 4);
  const k = c % 4;
  const l = (32 + 2 * e + 2 * i - h - k) % 7;
  const m = Math.floor((a + 11 * h + 22 * l) / 451);
  const month = Math.floor((h + l - 7 * m + 114) / 31);
  const day = ((h + l - 7 * m + 114) % 31) + 1;
  return `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}` as TradeDate;
}
