/** Trade records: every execution once, with who placed it. */
import { isAutomated } from '../automation.ts';
import { type LedgerScope, type RecordContext } from './context.ts';
import { accountNames, text } from './fields.ts';
import { ledgerRows } from './ledgerRows.ts';

export interface TradeRecord {
  readonly account: string;
  readonly id: string;
  readonly rev: number;
  readonly status: 'ok' | 'bust';
  readonly symbol: string;
  readonly instrument: string;
  readonly side: 'buy' | 'sell';
  readonly quantity: string;
  readonly price: string | null;
  readonly fees: string | null;
  readonly feesCurrency: string | null;
  /** Signed effect on cash without fees: negative for a purchase. */
  readonly amount: string | null;
  readonly currency: string;
  readonly executedAt: string;
  readonly tradeDate: string;
  readonly orderId: string | null;
  readonly manual: boolean;
  readonly realizedPnl: string | null;
  readonly firstSeenAt: string;
  readonly source: string;
}

/** Newest revision of every execution, newest first; busts with their last good values. */
export async function tradeRecords(
  context: RecordContext,
  scope: LedgerScope = {},
): Promise<readonly TradeRecord[]> {
  const names = await accountNames(context.store);
  const rows = await ledgerRows(context.store, scope, ['fill']);
  return rows.flatMap((row) => {
    if (row.instrument === null) return [];
    return [
      {
        account: names.get(row.accountId) ?? String(row.accountId),
        id: row.externalId,
        rev: row.rev,
        status: row.status,
        symbol: row.instrument.symbol,
        instrument: row.instrument.id,
        side: row.side ?? (row.quantity.sign() < 0 ? 'sell' : 'buy'),
        quantity: row.quantity.abs().toString(),
        price: text(row.price),
        fees: text(row.fees),
        feesCurrency: row.feesCurrency,
        amount: text(row.amount),
        currency: row.currency,
        executedAt: row.executedAt,
        tradeDate: row.tradeDate,
        orderId: row.orderId,
        manual: !row.announced && !isAutomated(row.clientOrderId, context.automationOrderIds),
        realizedPnl: null,
        firstSeenAt: row.firstSeenAt,
        source: row.source,
      } satisfies TradeRecord,
    ];
  });
}
