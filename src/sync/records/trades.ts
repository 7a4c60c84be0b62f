/** Trade records: every execution once, with who placed it. */
import { Decimal } from '../../domain/decimal.ts';
import { type LedgerRow, type Store } from '../../store/store.ts';
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
  /** What it realized, premiums of options at their own close; null where it closed nothing or its cost is unknown. */
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
  const realized = context.showsRealized
    ? await realizedByFill(context.store, scope, rows)
    : new Map<string, string>();
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
        realizedPnl: realized.get(`${row.accountId}:${row.epoch}:${row.rootId}`) ?? null,
        firstSeenAt: row.firstSeenAt,
        source: row.source,
      } satisfies TradeRecord,
    ];
  });
}

/** By account, epoch and root id. Closes of part of a sale that are unknown make the whole unknown. */
async function realizedByFill(
  store: Store,
  scope: LedgerScope,
  rows: readonly LedgerRow[],
): Promise<ReadonlyMap<string, string>> {
  if (rows.length === 0) return new Map();
  const filter = scope.account === undefined ? {} : { accountId: scope.account.id };
  const epochs = [...new Set(rows.map((row) => row.epoch))];
  const sums = new Map<string, Decimal | null>();
  for (const epoch of epochs) {
    for (const closure of await store.closures({ ...filter, epoch })) {
      const key = `${closure.accountId}:${epoch}:${closure.activityRootId}`;
      const before = sums.get(key);
      const isUnknown = before === null || closure.realized === null;
      sums.set(key, isUnknown ? null : (before ?? Decimal.zero).plus(closure.realized));
    }
  }
  return new Map([...sums].flatMap(([key, sum]) => (sum === null ? [] : [[key, sum.toString()] as const])));
}
