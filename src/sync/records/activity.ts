/** Activity records: everything that moved a position or cash. */
import { type LedgerScope, type RecordContext } from './context.ts';
import { accountNames, text } from './fields.ts';
import { ledgerRows } from './ledgerRows.ts';

export interface ActivityRecord {
  readonly account: string;
  readonly id: string;
  readonly rootId: string;
  readonly rev: number;
  readonly status: 'ok' | 'bust';
  readonly kind: string;
  readonly brokerType: string;
  readonly symbol: string | null;
  readonly instrument: string | null;
  readonly quantity: string;
  readonly price: string | null;
  readonly amount: string | null;
  readonly currency: string;
  readonly fees: string | null;
  readonly executedAt: string;
  readonly tradeDate: string;
  readonly groupId: string | null;
  readonly description: string | null;
  readonly firstSeenAt: string;
  readonly source: string;
}

/** Everything that moved a position or cash, newest first. */
export async function activityRecords(
  context: RecordContext,
  scope: LedgerScope = {},
): Promise<readonly ActivityRecord[]> {
  const names = await accountNames(context.store);
  const rows = await ledgerRows(context.store, scope);
  return rows.map((row) => ({
    account: names.get(row.accountId) ?? String(row.accountId),
    id: row.externalId,
    rootId: row.rootId,
    rev: row.rev,
    status: row.status,
    kind: row.kind,
    brokerType: row.brokerType,
    symbol: row.instrument?.symbol ?? null,
    instrument: row.instrument?.id ?? null,
    quantity: row.quantity.toString(),
    price: text(row.price),
    amount: text(row.amount),
    currency: row.currency,
    fees: text(row.fees),
    executedAt: row.executedAt,
    tradeDate: row.tradeDate,
    groupId: row.groupId,
    description: row.description,
    firstSeenAt: row.firstSeenAt,
    source: row.source,
  }));
}
