/** Trades of an older program's own file: evidence of that file, never part of the ledger. */
import { type AccountId } from '../domain/account.ts';
import { canonicalJson } from '../domain/contentHash.ts';
import { type Instant, instantFromKey, instantKey } from '../domain/time.ts';
import { type Queries } from './database.ts';
import {
  decimalText,
  inParts,
  insertRows,
  readDecimal,
  readDecimalOrNull,
  readJson,
  storableRow,
} from './rows.ts';
import { type AccountFilter, type ImportedTrade, type NewImportedTrade } from './store.ts';

/** Writes those that are not there yet, by content; answers how many were new. */
export async function saveImportedTrades(
  queries: Queries,
  accountId: AccountId,
  trades: readonly NewImportedTrade[],
  at: Instant,
): Promise<number> {
  const known = new Set<string>();
  for (const part of inParts(trades.map((trade) => trade.contentHash))) {
    const rows = await queries
      .selectFrom('imported_trade')
      .select('content_hash')
      .where('account_id', '=', accountId)
      .where('content_hash', 'in', part)
      .execute();
    for (const row of rows) known.add(row.content_hash);
  }
  const fresh = [...new Map(trades.map((trade) => [trade.contentHash, trade])).values()].filter(
    (trade) => !known.has(trade.contentHash),
  );
  const rows = fresh.map((trade) =>
    storableRow({
      account_id: accountId,
      content_hash: trade.contentHash,
      file: trade.file,
      line: trade.line,
      executed_at: instantKey(trade.executedAt),
      symbol: trade.symbol,
      side: trade.side as string | null,
      quantity: trade.quantity.toString(),
      price: decimalText(trade.price),
      fees: decimalText(trade.fees),
      realized_pnl: decimalText(trade.realizedPnl),
      order_id: trade.orderId,
      trade_id: trade.tradeId,
      status: trade.status,
      cells: canonicalJson(trade.cells),
      imported_at: instantKey(at),
    }),
  );
  await insertRows(queries, 'imported_trade', rows, {
    keys: ['account_id', 'content_hash'],
    then: 'nothing',
  });
  return rows.length;
}

/** In the order they were imported. */
export async function listImportedTrades(
  queries: Queries,
  filter: AccountFilter & { afterId?: number },
): Promise<readonly ImportedTrade[]> {
  let query = queries.selectFrom('imported_trade').selectAll().orderBy('id');
  if (filter.accountId !== undefined) query = query.where('account_id', '=', filter.accountId);
  if (filter.afterId !== undefined) query = query.where('id', '>', filter.afterId);
  return (await query.execute()).map((row) => ({
    id: row.id,
    accountId: row.account_id,
    contentHash: row.content_hash,
    file: row.file,
    line: row.line,
    executedAt: instantFromKey(row.executed_at),
    symbol: row.symbol,
    side: row.side as ImportedTrade['side'],
    quantity: readDecimal(row.quantity),
    price: readDecimalOrNull(row.price),
    fees: readDecimalOrNull(row.fees),
    realizedPnl: readDecimalOrNull(row.realized_pnl),
    orderId: row.order_id,
    tradeId: row.trade_id,
    status: row.status,
    cells: readJson<Record<string, string>>(row.cells),
    importedAt: instantFromKey(row.imported_at),
  }));
}
