/** Balance records of a moment in the past: what the broker had stated last by then, and how days ended until then. */
import { type Account } from '../../domain/account.ts';
import {
  addDays,
  addMs,
  compareInstants,
  minInstant,
  newYorkDate,
  now as instantNow,
  type Instant,
  type TradeDate,
} from '../../domain/time.ts';
import { type BalanceDayRow, type PositionObservation, type Store } from '../../store/store.ts';
import { bookThen, epochOf, type BookThen, type When } from '../asOf.ts';
import { type ProofColumns } from '../dayRows.ts';
import { endOfDay } from '../dayStatements.ts';
import { epochProofs, lastLookOf, lastMarks } from '../epochProofs.ts';
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

/**
 * Newest day first. `knownAt` alone: the days as they were shown then, the running one with them; with `asOf` those that
 * were over by then. A day's end is 20:00 New York.
 */
export async function dailyBalanceRecordsThen(
  context: RecordContext,
  scope: AccountScope & When,
): Promise<readonly DailyBalanceRecord[]> {
  const { store } = context;
  const records: DailyBalanceRecord[] = [];
  for (const account of scope.account === undefined ? await store.accounts() : [scope.account])
    for (const { proof, ...day } of await provedDaysThen(context, account, scope))
      records.push(dailyBalanceRecord(account.name, day, proof));
  return records.toSorted((left, right) => (left.date === right.date ? 0 : left.date < right.date ? 1 : -1));
}

/** The days of the epoch of then with their proofs, oldest first. */
export async function provedDaysThen(
  context: RecordContext,
  account: Account,
  when: When,
  epoch?: number,
): Promise<readonly EpochDay[]> {
  const { store, clock } = context;
  const { asOf: _, ...known } = when;
  const now = known.knownAt ?? instantNow(clock);
  const to = lastShown(when, now);
  // The proof of a day is of the whole day: what is known of it, not what had happened by a moment of it.
  const of = epoch ?? (await epochOf(store, account, { ...known, asOf: endOfDay(to) }));
  const then = await bookThen(store, account, known, of);
  const days = (await store.dayEnds(account.id, of, known.knownAt)).filter((day) => day.tradeDate <= to);
  const observed = then.observations.map((row) => row.instrument);
  const instruments = await store.instruments([...new Set([...then.instruments.keys(), ...observed])]);
  const ends = await marksThen(store, then, now);
  const ledger = {
    ...{ ...then, days, instruments, ends, ...known },
    latePublishing: context.latePublishing(account),
  };
  // A day that was over had been proved by the last run, with what was awaited at its moment.
  const ranAt = await lastRunBy(store, account, of, now);
  const written = await epochProofs(store, { ...ledger, now: ranAt }, lastDayOver(ranAt));
  const running = await epochProofs(store, { ...ledger, now }, newYorkDate(now));
  return days.map((day) => {
    const key = `${day.tradeDate} ${day.currency}`;
    return { ...day, epoch: of, proof: written.get(key) ?? running.get(key) ?? null };
  });
}

export interface EpochDay extends Omit<BalanceDayRow, 'proof'> {
  readonly epoch: number;
  readonly proof: ProofColumns | null;
}

function lastShown({ asOf, knownAt }: When, now: Instant): TradeDate {
  if (asOf === undefined) return newYorkDate(now);
  const moment = minInstant(asOf, knownAt ?? now);
  const day = newYorkDate(moment);
  return compareInstants(endOfDay(day), moment) <= 0 ? day : addDays(day, -1);
}

/** When the last run had begun that proves days: those over by then stand as it left them. */
async function lastRunBy(store: Store, account: Account, epoch: number, now: Instant): Promise<Instant> {
  const runs = await store.runs({ accountId: account.id, limit: RUNS_LOOKED_AT, to: now });
  const last = runs.find((run) => run.epoch === epoch && run.type === 'all' && run.outcome === 'complete');
  return last?.startedAt ?? now;
}

const RUNS_LOOKED_AT = 200;

/**
 * Marks of the last look by then, of its own day: at hand where it was the last of all, else only what was written down
 * of that very look - the marks of a later one say nothing of the equity of then.
 */
async function marksThen(
  store: Store,
  then: BookThen,
  now: Instant,
): Promise<readonly PositionObservation[]> {
  const { account, epoch, observations } = then;
  const last = await lastLookOf(store, account);
  if (epoch === account.epoch && last !== null && compareInstants(last.asOf, now) <= 0)
    return lastMarks(store, account, observations);
  const today = newYorkDate(now);
  const looks = (await store.balancesAt(account.id, epoch, then.when)).filter(
    (row) => row.tradeDate === today,
  );
  const looked = looks.reduce<Instant | null>(
    (latest, row) => (latest === null || compareInstants(row.asOf, latest) > 0 ? row.asOf : latest),
    null,
  );
  if (looked === null) return [];
  const day = newYorkDate(looked);
  const isOlder = (row: PositionObservation): boolean =>
    compareInstants(row.asOf, addMs(looked, -SAME_LOOK_MS)) < 0;
  return observations
    .filter((row) => row.tradeDate === day && isOlder(row))
    .map((row) => ({ ...row, mark: null, markAsOf: null }));
}

/** Positions and balances of one look are some moments apart. */
const SAME_LOOK_MS = 120_000;
