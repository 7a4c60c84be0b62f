/** `GET /v2/clock` and `/v2/calendar`: brokers/alpaca.md section 6.2. */
import { isEarlyClose, isTradingDay, nextTradingDay } from '../../../domain/calendar.ts';
import {
  addDays,
  compareInstants,
  NEW_YORK,
  newYorkDate,
  tryParseTradeDate,
  zonedInstant,
  type Instant,
  type TradeDate,
} from '../../../domain/time.ts';
import { AlpacaError, newYorkTime } from './wire.ts';

const FIRST = '1970-01-01' as TradeDate;
const LAST = '2029-12-31' as TradeDate;

export function clockAnswer(now: Instant): Record<string, unknown> {
  const today = newYorkDate(now);
  const open = isTradingDay(today) && !isBefore(now, openOf(today)) && isBefore(now, closeOf(today));
  const nextOpenDay = isTradingDay(today) && isBefore(now, openOf(today)) ? today : nextTradingDay(today);
  return {
    timestamp: newYorkTime(now),
    is_open: open,
    next_open: newYorkTime(openOf(nextOpenDay)),
    next_close: newYorkTime(closeOf(open ? today : nextOpenDay)),
  };
}

export function calendarAnswer(query: URLSearchParams): Record<string, unknown>[] {
  const start = dateOf('start', query.get('start'), FIRST);
  const end = dateOf('end', query.get('end'), LAST);
  const days: Record<string, unknown>[] = [];
  for (let day = start; day <= end; day = addDays(day, 1)) {
    if (!isTradingDay(day)) continue;
    days.push({
      date: day,
      open: '09:30',
      close: isEarlyClose(day) ? '13:00' : '16:00',
      session_open: '0400',
      session_close: isEarlyClose(day) ? '1700' : '2000',
      settlement_date: nextTradingDay(day),
    });
  }
  return days;
}

function dateOf(name: string, value: string | null, otherwise: TradeDate): TradeDate {
  if (value === null || value === '') return otherwise;
  const date = tryParseTradeDate(value.slice(0, 10));
  if (date === null) throw new AlpacaError(422, 42210000, `invalid ${name}: ${value}`);
  return date < FIRST ? FIRST : date > LAST ? LAST : date;
}

function openOf(day: TradeDate): Instant {
  return zonedInstant(day, '09:30', NEW_YORK);
}

function closeOf(day: TradeDate): Instant {
  return zonedInstant(day, isEarlyClose(day) ? '13:00' : '16:00', NEW_YORK);
}

function isBefore(left: Instant, right: Instant): boolean {
  return compareInstants(left, right) < 0;
}
