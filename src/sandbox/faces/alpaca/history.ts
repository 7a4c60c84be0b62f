/** `GET /v2/account/portfolio/history`: brokers/alpaca.md section 6.1. Daily points stand at 20:00 New York. */
import { isEarlyClose, isTradingDay, previousTradingDay } from '../../../domain/calendar.ts';
import { Decimal } from '../../../domain/decimal.ts';
import {
  addDays,
  addMs,
  compareInstants,
  instantToMs,
  NEW_YORK,
  newYorkDate,
  zonedInstant,
  type Instant,
  type TradeDate,
} from '../../../domain/time.ts';
import { jsonNumber } from '../../json.ts';
import { type View } from '../../view.ts';
import { totalsOf, totalsOn } from './account.ts';
import { activityType, AlpacaError, queryInstant, queryList } from './wire.ts';

const MINUTES: Readonly<Record<string, number>> = { '1Min': 1, '5Min': 5, '15Min': 15, '1H': 60 };
const DAYS_PER_UNIT: Readonly<Record<string, number>> = { D: 1, W: 7, M: 30, A: 365 };
const INTRADAY_DAYS_MAX = 30;

interface Point {
  readonly date: TradeDate;
  readonly at: Instant;
}

export function historyAnswer(view: View, query: URLSearchParams): Record<string, unknown> {
  const { first, last, days } = rangeOf(view, query);
  const timeframe = query.get('timeframe') || (days < 7 ? '1Min' : days < INTRADAY_DAYS_MAX ? '15Min' : '1D');
  if (timeframe !== '1D' && MINUTES[timeframe] === undefined)
    throw new AlpacaError(422, 42210000, `invalid timeframe: ${timeframe}`);
  if (timeframe !== '1D' && days > INTRADAY_DAYS_MAX)
    throw new AlpacaError(422, 42210000, 'intraday history reaches back 30 days');
  const points =
    timeframe === '1D' ? dailyPoints(first, last) : intradayPoints(view, first, last, MINUTES[timeframe]!);
  const equity = points.map((point) => equityAt(view, point).round(4));
  const base = equity[0] ?? Decimal.zero;
  const changes = equity.map((value, index) => value.minus(index === 0 ? base : equity[index - 1]!));
  const fractions = changes.map((change, index) => {
    const before = index === 0 ? base : equity[index - 1]!;
    return before.isZero() ? Decimal.zero : change.dividedBy(before, 4);
  });
  const types = query.get('cashflow_types');
  return {
    timestamp: points.map(({ at }) => Math.floor(instantToMs(at) / 1000)),
    equity: equity.map(jsonNumber),
    profit_loss: changes.map(jsonNumber),
    profit_loss_pct: fractions.map(jsonNumber),
    base_value: jsonNumber(base),
    base_value_asof: addDays(points[0]?.date ?? first, -1),
    timeframe,
    ...(types === null || types === 'NONE' ? {} : { cashflow: cashflow(view, points, types) }),
  };
}

/** First and last trading day asked for; nothing before the account was opened. */
function rangeOf(view: View, query: URLSearchParams): { first: TradeDate; last: TradeDate; days: number } {
  const today = newYorkDate(view.now);
  const start = queryInstant('start', query.get('start') ?? query.get('date_start'));
  const end = queryInstant('end', query.get('end') ?? query.get('date_end'));
  const period = /^(\d{1,3})([DWMA])$/.exec(query.get('period') || '1M');
  if (period === null) throw new AlpacaError(422, 42210000, `invalid period: ${query.get('period')}`);
  if (start !== null && end !== null && query.has('period'))
    throw new AlpacaError(422, 42210000, 'give at most two of start, end and period');
  const span = Number.parseInt(period[1]!, 10) * DAYS_PER_UNIT[period[2]!]!;
  const last =
    end === null
      ? start !== null && query.has('period')
        ? earlier(addDays(newYorkDate(start), span), today)
        : today
      : earlier(newYorkDate(end), today);
  const wanted = start === null ? addDays(last, -span) : newYorkDate(start);
  const opened = newYorkDate(view.account.createdAt);
  const first = wanted < opened ? opened : wanted;
  const days = Math.round((Date.parse(last) - Date.parse(wanted)) / 86_400_000);
  return { first, last, days };
}

function earlier(left: TradeDate, right: TradeDate): TradeDate {
  return left < right ? left : right;
}

function dailyPoints(first: TradeDate, last: TradeDate): Point[] {
  const points: Point[] = [];
  for (let date = first; date <= last; date = addDays(date, 1)) {
    if (isTradingDay(date)) points.push({ date, at: zonedInstant(date, '20:00', NEW_YORK) });
  }
  return points;
}

function intradayPoints(view: View, first: TradeDate, last: TradeDate, minutes: number): Point[] {
  const points: Point[] = [];
  for (let date = first; date <= last; date = addDays(date, 1)) {
    if (!isTradingDay(date)) continue;
    const close = zonedInstant(date, isEarlyClose(date) ? '13:00' : '16:00', NEW_YORK);
    for (
      let at = zonedInstant(date, '09:30', NEW_YORK);
      compareInstants(at, close) <= 0;
      at = addMs(at, minutes * 60_000)
    ) {
      if (compareInstants(at, view.now) <= 0) points.push({ date, at });
    }
  }
  return points;
}

function equityAt(view: View, point: Point): Decimal {
  const today = newYorkDate(view.now);
  if (point.date === today) return totalsOf(view).equity;
  return totalsOn(view, point.date, point.at).equity;
}

/** Money that came and went per type, each in the slot of its day (of a weekend: the trading day before). */
function cashflow(view: View, points: readonly Point[], types: string): Record<string, unknown[]> {
  const wanted = types === 'ALL' ? null : new Set(queryList(types));
  const flows = new Map<string, Decimal[]>();
  for (const entry of view.listed) {
    const { type } = activityType(entry);
    if (type === 'FILL' || type === 'OPTRD' || entry.amount.isZero() || entry.status === 'bust') continue;
    if (wanted !== null && !wanted.has(type)) continue;
    const day = newYorkDate(entry.at);
    const slotDay = isTradingDay(day) ? day : previousTradingDay(day);
    const slot = points.findLastIndex((point) => point.date === slotDay);
    if (slot < 0) continue;
    const row = flows.get(type) ?? points.map(() => Decimal.zero);
    row[slot] = row[slot]!.plus(entry.amount);
    flows.set(type, row);
  }
  return Object.fromEntries([...flows].map(([type, row]) => [type, row.map(jsonNumber)]));
}
