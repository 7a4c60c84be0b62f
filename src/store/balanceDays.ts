/** How accounts stood at the end of days: recorded by the runs of that day, or stated by the broker afterwards. */
import { type AccountId } from '../domain/account.ts';
import { type TradeDate } from '../domain/time.ts';
import { type Queries } from './database.ts';
import { type Sight } from './observations.ts';
import { decimalText, insertRows, readDecimalOrNull } from './rows.ts';
import { type AccountFilter, type BalanceDayRow, type BalanceDaySource } from './store.ts';

/** A day that a run of ours recorded is never replaced by what the broker says of it later. */
export async function saveBalanceDays(
  queries: Queries,
  sight: Sight,
  days: readonly BalanceDayRow[],
): Promise<void> {
  const recorded = await recordedDays(queries, sight, days);
  const rows = days
    .filter((day) => day.source === 'recorded' || !recorded.has(`${day.tradeDate} ${day.currency}`))
    .map((day) => ({
      account_id: sight.accountId,
      epoch: sight.epoch,
      trade_date: day.tradeDate as string,
      currency: day.currency,
      end_equity: decimalText(day.endEquity),
      end_cash: decimalText(day.endCash),
      buying_power: decimalText(day.buyingPower),
      source: day.source,
      profit_loss: decimalText(day.profitLoss),
    }));
  await insertRows(queries, 'balance_day', rows, {
    keys: ['account_id', 'epoch', 'trade_date', 'currency'],
    then: 'update',
  });
}

/** `2025-08-21 USD` of every recorded day among those the broker states; asks nothing where it states none. */
async function recordedDays(
  queries: Queries,
  sight: Sight,
  days: readonly BalanceDayRow[],
): Promise<ReadonlySet<string>> {
  const stated = days.filter((day) => day.source === 'broker').map((day) => day.tradeDate as string);
  if (stated.length === 0) return new Set();
  const rows = await queries
    .selectFrom('balance_day')
    .select(['trade_date', 'currency'])
    .where('account_id', '=', sight.accountId)
    .where('epoch', '=', sight.epoch)
    .where('source', '=', 'recorded')
    .where(
      'trade_date',
      '>=',
      stated.reduce((first, day) => (day < first ? day : first)),
    )
    .execute();
  const known = rows.map((row) => `${row.trade_date} ${row.currency}`);
  // Rows of this very commit count as well.
  const own = days
    .filter((day) => day.source === 'recorded')
    .map((day) => `${day.tradeDate} ${day.currency}`);
  return new Set([...known, ...own]);
}

/** Of each account's current epoch, newest day first. */
export async function listBalanceDays(
  queries: Queries,
  filter: AccountFilter,
): Promise<readonly (BalanceDayRow & { accountId: AccountId })[]> {
  let query = queries
    .selectFrom('balance_day as d')
    .innerJoin('account as a', (join) =>
      join.onRef('a.id', '=', 'd.account_id').onRef('a.epoch', '=', 'd.epoch'),
    )
    .selectAll('d')
    .orderBy('d.trade_date', 'desc')
    .orderBy('d.account_id')
    .orderBy('d.currency');
  if (filter.accountId !== undefined) query = query.where('d.account_id', '=', filter.accountId);
  return (await query.execute()).map((row) => ({
    accountId: row.account_id,
    tradeDate: row.trade_date as TradeDate,
    currency: row.currency,
    endEquity: readDecimalOrNull(row.end_equity),
    endCash: readDecimalOrNull(row.end_cash),
    buyingPower: readDecimalOrNull(row.buying_power),
    profitLoss: readDecimalOrNull(row.profit_loss),
    source: row.source as BalanceDaySource,
  }));
}
