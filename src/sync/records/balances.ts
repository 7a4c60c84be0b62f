/** Balance records: equity, cash and buying power per currency. */
import { accountFreshness, freshFields } from './accountFreshness.ts';
import { type AccountScope, type RecordContext } from './context.ts';
import { text } from './fields.ts';

export interface BalanceRecord {
  readonly account: string;
  readonly currency: string;
  readonly equity: string | null;
  readonly cash: string | null;
  readonly buyingPower: string | null;
  readonly longMarketValue: string | null;
  readonly shortMarketValue: string | null;
  readonly asOf: string | null;
  readonly fetchedAt: string | null;
  readonly age: number | null;
  readonly fresh: boolean;
  readonly why: string | null;
}

export async function balanceRecords(
  context: RecordContext,
  scope: AccountScope = {},
): Promise<readonly BalanceRecord[]> {
  const filter = scope.account === undefined ? {} : { accountId: scope.account.id };
  const accounts = await accountFreshness(context, scope, ['balances']);
  return (await context.store.balances(filter)).flatMap((row) => {
    const owner = accounts.get(row.accountId);
    if (owner === undefined) return [];
    return [
      {
        account: owner.account.name,
        currency: row.currency,
        equity: text(row.equity),
        cash: text(row.cash),
        buyingPower: text(row.buyingPower),
        longMarketValue: text(row.longMarketValue),
        shortMarketValue: text(row.shortMarketValue),
        ...freshFields(owner.freshness),
      },
    ];
  });
}
