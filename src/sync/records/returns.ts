/** Returns: what an account earned over its proved days, whatever was paid in or out meanwhile. */
import { returnsWithin, type ReturnDay } from '../../book/returns.ts';
import { type Account } from '../../domain/account.ts';
import { type TradeDate } from '../../domain/time.ts';
import { epochOf, isTimeTravel, type When } from '../asOf.ts';
import { provedDaysThen } from './balancesThen.ts';
import { type AccountScope, type RecordContext } from './context.ts';
import { provedDays, type ProvedDayRow } from './dailyBalances.ts';
import { text } from './fields.ts';

export interface ReturnsRecord {
  readonly account: string;
  readonly currency: string;
  readonly epoch: number;
  /** First and last day, both included: from the first proved day to the last one, unless others are asked for. */
  readonly from: string;
  readonly to: string;
  /** Percent: 12.5 means 12.5 %. Null where a day of the span is missing or not proved: see `gaps`. */
  readonly timeWeighted: string | null;
  readonly moneyWeighted: string | null;
  /** Of a year of 365 days; wild for a short time. */
  readonly moneyWeightedYearly: string | null;
  /** `2025-08-18..2025-08-19 no_day`: what makes it unknown; behind `to`: days that are not in it yet. */
  readonly gaps: readonly string[];
}

export interface ReturnsScope extends AccountScope, When {
  readonly from?: TradeDate;
  readonly to?: TradeDate;
  /** Also what was before the account was reset at its broker, epoch by epoch; only the one of then without it. */
  readonly allEpochs?: boolean;
}

/** One per account, currency and epoch: a return never spans a reset. */
export async function returnsRecords(
  context: RecordContext,
  scope: ReturnsScope = {},
): Promise<readonly ReturnsRecord[]> {
  const { store } = context;
  const accounts = scope.account === undefined ? await store.accounts() : [scope.account];
  const records: ReturnsRecord[] = [];
  for (const account of accounts) {
    const last = await epochOf(store, account, scope);
    for (let epoch = scope.allEpochs === true ? 1 : last; epoch <= last; epoch += 1)
      records.push(...(await returnsOf(context, account, epoch, scope)));
  }
  return records;
}

async function returnsOf(
  context: RecordContext,
  account: Account,
  epoch: number,
  scope: ReturnsScope,
): Promise<readonly ReturnsRecord[]> {
  const days = (await daysOf(context, account, epoch, scope)).filter((day) => day.source === 'recorded');
  const bounds = { from: scope.from ?? null, to: scope.to ?? null };
  return [...new Set(days.map((day) => day.currency))].flatMap((currency) => {
    const own = days.filter((day) => day.currency === currency).map((day) => returnDay(day, epoch));
    return returnsWithin(own, bounds).map((row) => ({
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

/** The days of an epoch with their proofs: of an earlier moment as they were then. */
async function daysOf(
  context: RecordContext,
  account: Account,
  epoch: number,
  { asOf, knownAt }: When,
): Promise<readonly Day[]> {
  const when = { ...(asOf === undefined ? {} : { asOf }), ...(knownAt === undefined ? {} : { knownAt }) };
  if (isTimeTravel(when)) return provedDaysThen(context, account, when, epoch);
  const days = await provedDays(context, account, epoch);
  // The last day before a reset is proved by no run: the ones behind it belong to another epoch.
  if (!days.some((day) => day.source === 'recorded' && day.proof === null)) return days;
  const keyOf = (day: Day): string => `${day.tradeDate} ${day.currency}`;
  const worked = new Map(
    (await provedDaysThen(context, account, {}, epoch)).map((day) => [keyOf(day), day.proof]),
  );
  return days.map((day) => ({ ...day, proof: day.proof ?? worked.get(keyOf(day)) ?? null }));
}

type Day = Pick<ProvedDayRow, 'tradeDate' | 'currency' | 'endEquity' | 'source' | 'proof'>;

function returnDay({ tradeDate, endEquity, proof }: Day, epoch: number): ReturnDay {
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
