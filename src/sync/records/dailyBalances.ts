/** Daily balance records: how an account stood at the end of each day that somebody knows. */
import { type AccountScope, type RecordContext } from './context.ts';
import { accountNames, text } from './fields.ts';

export interface DailyBalanceRecord {
  readonly account: string;
  /** The New York day. */
  readonly date: string;
  readonly currency: string;
  readonly equity: string | null;
  /** Null for days known from the broker's statement alone. */
  readonly cash: string | null;
  /** As the broker states it for the day, deposits included where its documents say so; null for recorded days. */
  readonly profitLoss: string | null;
  /** `recorded`: the last look of a run of that day. `broker`: what the broker says of the day afterwards. */
  readonly source: string;
  /** The proof: `start + flows + transfers + realized + unrealizedChange + income + fees + fx = equity`, less `residual`. */
  readonly start: string | null;
  readonly flows: string | null;
  readonly transfers: string | null;
  readonly realized: string | null;
  readonly unrealizedChange: string | null;
  readonly income: string | null;
  readonly fees: string | null;
  readonly fx: string | null;
  readonly residual: string | null;
  /** `proved`, `pending`, `unexplained`, `unknown`; null where nobody worked the day out. */
  readonly residualState: string | null;
}

/** Newest day first, of each account's current epoch. Days nobody knows are absent. */
export async function dailyBalanceRecords(
  context: RecordContext,
  scope: AccountScope = {},
): Promise<readonly DailyBalanceRecord[]> {
  const names = await accountNames(context.store);
  const filter = scope.account === undefined ? {} : { accountId: scope.account.id };
  return (await context.store.balanceDays(filter)).map((row) => ({
    account: names.get(row.accountId) ?? String(row.accountId),
    date: row.tradeDate,
    currency: row.currency,
    equity: text(row.endEquity),
    cash: text(row.endCash),
    profitLoss: text(row.profitLoss),
    source: row.source,
    start: text(row.proof?.start ?? null),
    flows: text(row.proof?.flows ?? null),
    transfers: text(row.proof?.transfers ?? null),
    realized: text(row.proof?.realized ?? null),
    unrealizedChange: text(row.proof?.unrealizedChange ?? null),
    income: text(row.proof?.income ?? null),
    fees: text(row.proof?.fees ?? null),
    fx: text(row.proof?.fx ?? null),
    residual: text(row.proof?.residual ?? null),
    residualState: row.proof?.residualState ?? null,
  }));
}
