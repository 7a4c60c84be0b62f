/** Balance records of a moment in the past: what the broker had stated last by then, and how days ended until then. */
import { type Account } from '../../domain/account.ts';
import {
  addDays,
  compareInstants,
  minInstant,
  newYorkDate,
  now as instantNow,
  type TradeDate,
} from '../../domain/time.ts';
import { bookThen, epochOf, type When } from '../asOf.ts';
import { endOfDay } from '../dayStatements.ts';
import { epochProofs } from '../epochProofs.ts';
import { lastDayOver } from '../proveRun.ts';
import { type BalanceRecord } from './balances.ts';
import { type AccountScope, type RecordContext } from './context.ts';
import { dailyBalanceRecord, type DailyBalanceRecord } from './dailyBalances.ts';
import { text } from './fields.ts';
import { PAST } from './positionsThen.ts';

export async function balanceRecordsThen(
  { store }: RecordContext,
  scope: AccountScope & When,
): Promise<readonly BalanceRecord[]> {
  const records: BalanceRecord[] = [];
  for (const account of scope.account === undefined ? await store.accounts() : [scope.account]) {
    const epoch = await epochOf(store, account, scope);
    for (const row of await store.balancesAt(account.id, epoch, scope))
      records.push({
        account: account.name,
        currency: row.currency,
        equity: text(row.equity),
        cash: text(row.cash),
        buyingPower: text(row.buyingPower),
        longMarketValue: text(row.longMarketValue),
        shortMarketValue: text(row.shortMarketValue),
        ...PAST,
        asOf: row.asOf,
        fetchedAt: row.fetchedAt,
      });
  }
  return records;
}

/** Newest day first: days that were over by then. A day's end is 20:00 New York. */
export async function dailyBalanceRecordsThen(
  context: RecordContext,
  scope: AccountScope & When,
): Promise<readonly DailyBalanceRecord[]> {
  const { store, clock } = context;
  const records: DailyBalanceRecord[] = [];
  const moment = [scope.asOf, scope.knownAt]
    .flatMap((one) => one ?? [])
    .reduce(minInstant, instantNow(clock));
  for (const account of scope.account === undefined ? await store.accounts() : [scope.account])
    records.push(...(await daysOf(context, account, scope, lastEnded(moment))));
  return records.toSorted((left, right) => (left.date === right.date ? 0 : left.date < right.date ? 1 : -1));
}

async function daysOf(
  { store, clock, latePublishing }: RecordContext,
  account: Account,
  { asOf: _, ...known }: When,
  to: TradeDate,
): Promise<readonly DailyBalanceRecord[]> {
  // The proof of a day is of the whole day: what is known of it, not what had happened by a moment of it.
  const epoch = await epochOf(store, account, { ...known, asOf: endOfDay(to) });
  const then = await bookThen(store, account, known, epoch);
  const now = known.knownAt ?? instantNow(clock);
  const days = (await store.dayEnds(account.id, then.epoch, known.knownAt)).filter(
    (day) => day.tradeDate <= to,
  );
  const observed = then.observations.map((row) => row.instrument);
  const instruments = await store.instruments([...new Set([...then.instruments.keys(), ...observed])]);
  const proofs = await epochProofs(
    store,
    { ...then, days, instruments, latePublishing: latePublishing(account), now },
    lastDayOver(now),
  );
  return days.map((day) =>
    dailyBalanceRecord(account.name, day, proofs.get(`${day.tradeDate} ${day.currency}`) ?? null),
  );
}

function lastEnded(moment: When['asOf'] & string): TradeDate {
  const day = newYorkDate(moment);
  return compareInstants(endOfDay(day), moment) <= 0 ? day : addDays(day, -1);
}
