/** Event records: what happened to positions and findings. */
import { type AccountScope, type RecordContext } from './context.ts';
import { accountNames } from './fields.ts';

export interface EventRecord {
  readonly account: string;
  readonly kind: string;
  readonly at: string;
  readonly symbol: string | null;
  readonly instrument: string | null;
  readonly facts: Readonly<Record<string, string | null>>;
  readonly firstSeenAt: string;
}

/** Lifecycle and finding events of all epochs, newest first. */
export async function eventRecords(
  context: RecordContext,
  scope: AccountScope & { limit?: number } = {},
): Promise<readonly EventRecord[]> {
  const names = await accountNames(context.store);
  const rows = await context.store.bookEvents({
    ...(scope.account === undefined ? {} : { accountId: scope.account.id }),
    ...(scope.limit === undefined ? {} : { limit: scope.limit }),
  });
  return rows.toReversed().map((row) => ({
    account: names.get(row.accountId) ?? String(row.accountId),
    kind: row.kind,
    at: row.at,
    symbol: row.symbol,
    instrument: row.instrument,
    facts: row.facts,
    firstSeenAt: row.firstSeenAt,
  }));
}
