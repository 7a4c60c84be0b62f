/** Bankroll records: every change of an account's local bankroll, with its reason. */
import { type AccountScope, type RecordContext } from './context.ts';
import { accountNames } from './fields.ts';

export interface BankrollRecord {
  readonly account: string;
  readonly env: string;
  /** `imported` (from a file), `opening` (the account's equity), `sync_adjustment`. */
  readonly event: string;
  readonly before: string | null;
  readonly after: string;
  /** `after` less `before`; `after` itself where there was nothing before. */
  readonly amount: string;
  readonly currency: string;
  /** The main cause. */
  readonly cause: string;
  readonly causes: readonly string[];
  readonly source: string;
  readonly at: string;
  readonly tradeDate: string;
  readonly firstSeenAt: string;
}

/** Newest first; of the account's current epoch and those before. */
export async function bankrollRecords(
  { store }: RecordContext,
  { account, limit }: AccountScope & { readonly limit?: number } = {},
): Promise<readonly BankrollRecord[]> {
  const names = await accountNames(store);
  const entries = await store.bankroll({
    ...(account === undefined ? {} : { accountId: account.id }),
    ...(limit === undefined ? {} : { limit }),
  });
  return entries.map((entry) => ({
    account: names.get(entry.accountId) ?? String(entry.accountId),
    env: entry.env,
    event: entry.kind,
    before: entry.before?.toString() ?? null,
    after: entry.after.toString(),
    amount: entry.amount.toString(),
    currency: entry.currency,
    cause: entry.causes[0] ?? 'tolerance_exceeded',
    causes: entry.causes,
    source: entry.source,
    at: entry.at,
    tradeDate: entry.tradeDate,
    firstSeenAt: entry.firstSeenAt,
  }));
}
