/** What the account was worth at the end of past days: `GET /v2/account/portfolio/history` (alpaca.md 6.1). */
import { type ExactJson } from '../../domain/json.ts';
import { instantFromMs, NEW_YORK, newYorkDate, type TradeDate, zonedInstant } from '../../domain/time.ts';
import { type DayRange, type EquityDay } from '../broker.ts';
import { type Reading } from './reading.ts';
import { firstProblem, wireError, type WirePortfolioHistory, wirePortfolioHistory } from './wire.ts';

export async function readEquityHistory(
  reading: Reading<readonly EquityDay[]>,
  range: DayRange,
): Promise<readonly EquityDay[]> {
  const { json } = await reading.get('portfolio_history', 'trading', '/v2/account/portfolio/history', {
    timeframe: '1D',
    // Rounded by Alpaca to whole days of New York; noon and evening name the day whatever the season.
    start: zonedInstant(range.from, '12:00', NEW_YORK),
    end: zonedInstant(range.to, '20:00', NEW_YORK),
  });
  const history = parse(json, reading);
  if (history.timeframe !== '1D')
    return reading.fail('bad_history', 'Alpaca answered with another timeframe than whole days.');
  const counts = [history.timestamp, history.equity, history.profit_loss].map((column) => column.length);
  if (new Set(counts).size > 1)
    return reading.fail(
      'bad_history',
      `The columns of the portfolio history differ in length: ${counts.join(', ')}.`,
    );
  return mapEquityHistory(history, range);
}

function parse(json: ExactJson, reading: Reading<readonly EquityDay[]>): WirePortfolioHistory {
  const parsed = wirePortfolioHistory.safeParse(json);
  if (parsed.success) return parsed.data;
  const { path, reason } = firstProblem(parsed.error, 'portfolio_history');
  return reading.fail(
    wireError.safeParse(json).success ? 'error_object' : 'bad_history',
    `Alpaca's portfolio history cannot be read: ${path}: ${reason}.`,
  );
}

/**
 * The days of the range, oldest first. A point without a value or with the value 0 is no day: Alpaca writes zeros where
 * it knows nothing, before an account was funded above all. A day that is listed twice counts as it is listed last.
 */
export function mapEquityHistory(history: WirePortfolioHistory, range: DayRange): readonly EquityDay[] {
  const days = new Map<TradeDate, EquityDay>();
  for (const [index, seconds] of history.timestamp.entries()) {
    // Points stand at 20:00 New York, older ones at 09:30: of the same day either way.
    const date = newYorkDate(instantFromMs(Number.parseInt(seconds, 10) * 1000));
    const equity = history.equity[index] ?? null;
    if (date < range.from || date > range.to || equity === null || equity.isZero()) continue;
    days.set(date, { date, equity, profitLoss: history.profit_loss[index] ?? null });
  }
  return [...days.values()].sort((left, right) => (left.date < right.date ? -1 : 1));
}
