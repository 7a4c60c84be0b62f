/** Returns: what an account earned over its proved days, whatever was paid in or out meanwhile. */
import { provenSpan, returnsByEpoch, type ReturnDay } from '../../book/returns.ts';
import { type Account } from '../../domain/account.ts';
import { type TradeDate } from '../../domain/time.ts';
import { type AccountScope, type RecordContext } from './context.ts';
import { provedDays, type ProvedDayRow } from './dailyBalances.ts';
import { text } from './fields.ts';

export interface ReturnsRecord {
  readonly account: string;
  readonly currency: string;
  readonly epoch: number;
  /** First and last day, both included: the longest span that ends with the newest proved day. */
  readonly from: string;
  readonly to: string;
  /** Percent: 12.5 means 12.5 %. Null where a day of the span is not proved: see `gaps`. */
  readonly timeWeighted: string | null;
  readonly moneyWeighted: string | null;
  /** Of a year of 365 days; wild for a short time. */
  readonly moneyWeightedYearly: string | null;
  /** `2025-08-18..2025-08-19 no_day`: days a return cannot do without. */
  readonly gaps: readonly string[];
}

export interface ReturnsScope extends AccountScope {
  readonly from?: TradeDate;
  readonly to?: TradeDate;
}

/** One per account, currency and epoch: a return never spans a reset. With `from`, gaps since then are told. */
export async function returnsRecords(
  context: RecordContext,
  scope: ReturnsScope = {},
): Promise<readonly ReturnsRecord[]> {
  const accounts = scope.account === undefined ? await context.store.accounts() : [scope.account];
  const records: ReturnsRecord[] = [];
  for (const account of accounts)
    for (let epoch = 1; epoch <= account.epoch; epoch += 1)
      records.push(...(await returnsOf(context, account, epoch, scope)));
  return records;
}

async function returnsOf(
  context: RecordContext,
  account: Account,
  epoch: number,
  { from, to }: ReturnsScope,
): Promise<readonly ReturnsRecord[]> {
  const days = (await provedDays(context, account, epoch)).filter(
    (day) =>
      day.source === 'recorded' &&
      (from === undefined || day.tradeDate >= from) &&
      (to === undefined || day.tradeDate <= to),
  );
  return [...new Set(days.map((day) => day.currency))].flatMap((currency) => {
    const own = days.filter((day) => day.currency === currency).map((day) => returnDay(day, epoch));
    const span = from === undefined ? provenSpan(own) : own;
    return returnsByEpoch(span).map((row) => ({
      account: account.name,
      currency,
      epoch,
      from: row.from,
      to: row.to,
      timeWeighted: text(row.timeWeighted),
      moneyWeighted: text(row.moneyWeighted),
      moneyWeightedYearly: text(row.moneyWeightedYearly),
      gaps: row.gaps.map((gap) => `${gap.from}..${gap.to} ${gap.reason}`),
    }));
  });
}

function returnDay({ tradeDate, endEquity, proof }: ProvedDayRow, epoch: number): ReturnDay {
  return {
    epoch,
    date: tradeDate,
    startEquity: proof?.start ?? null,
    flows: proof?.flows ?? null,
    transfers: proof?.transfers ?? null,
    endEquity,
    state: proof?.residualState ?? 'unknown',
  };
}
