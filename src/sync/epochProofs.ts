/**
 * Proofs of an epoch's days worked out from ledger and evidence: for a rebuild, and for days whose proof no run has written
 * yet. The same walk over the same statements as a run's.
 */
import { type Capabilities } from '../brokers/broker.ts';
import { EMPTY_BOOK, type FoldRules } from '../book/foldBook.ts';
import { type Account } from '../domain/account.ts';
import { type ActivityRevision } from '../domain/activity.ts';
import { type Instrument, type InstrumentId } from '../domain/instrument.ts';
import { compareInstants, newYorkDate, type Instant, type TradeDate } from '../domain/time.ts';
import {
  type BalanceDayRow,
  type FreshnessRow,
  type PositionObservation,
  type Store,
} from '../store/store.ts';
import { marksOfLook } from './dayEnds.ts';
import { type ProofColumns, proofColumnsOf } from './dayRows.ts';
import { proveDays } from './dayProof.ts';
import { rulesOf } from './foldOnto.ts';
import { chainsOf } from './beginOfWalk.ts';
import { seenByRightClock, statementsFrom, storedEvidence } from './proveRun.ts';

export interface EpochLedger {
  readonly account: Account;
  readonly epoch: number;
  /** Oldest first. */
  readonly days: readonly BalanceDayRow[];
  readonly activities: readonly ActivityRevision[];
  readonly rules: FoldRules;
  readonly instruments: ReadonlyMap<InstrumentId, Instrument>;
  readonly latePublishing: Capabilities['latePublishing'];
  readonly now: Instant;
  /** Marks of the last look that no later day's run has written down yet. */
  readonly ends?: readonly PositionObservation[];
  /** Only evidence of runs that had begun by then. */
  readonly knownAt?: Instant;
}

/** By `2025-08-21 USD`, of every recorded day up to `to`. */
export async function epochProofs(
  store: Store,
  ledger: EpochLedger,
  to: TradeDate,
): Promise<ReadonlyMap<string, ProofColumns>> {
  const { account, epoch, activities, rules, instruments, latePublishing, now, ends = [], knownAt } = ledger;
  const days = ledger.days.filter((day) => day.tradeDate <= to);
  const first = days.find((day) => day.source === 'recorded')?.tradeDate;
  if (first === undefined) return new Map();
  const stated = await statementsFrom(days, first, (row) =>
    storedEvidence(store, account, epoch, row, ends, knownAt),
  );
  const statements = await seenByRightClock(store, account, epoch, stated);
  const proved = proveDays({
    statements,
    from: first,
    book: EMPTY_BOOK,
    activities,
    chains: await chainsOf(store, account, epoch, activities),
    isBeginning: true,
    rules,
    instruments,
    latePublishing,
    now,
  });
  return new Map(
    proved.map(({ proof }) => [`${proof.date} ${proof.currency}`, proofColumnsOf(proof)] as const),
  );
}

/** Of the days nobody has proved yet: today's, and those since the last run. The current epoch's alone. */
export async function proofsSoFar(
  store: Store,
  account: Account,
  days: readonly BalanceDayRow[],
  latePublishing: Capabilities['latePublishing'],
  now: Instant,
): Promise<ReadonlyMap<string, ProofColumns>> {
  const { id, epoch } = account;
  const activities = await store.bookActivitiesAsOf(id, epoch, {});
  const observed = await store.observationsAt(id, epoch, {});
  const ids = [
    ...activities.flatMap(({ instrument }) => instrument?.id ?? []),
    ...observed.map((row) => row.instrument),
  ];
  const rules = rulesOf({
    account,
    elections: await store.elections(id),
    shortsReported: await store.shortsEverReported(id, epoch),
  });
  const instruments = await store.instruments([...new Set(ids)]);
  const ends = await lastMarks(store, account, observed);
  const ledger = { account, epoch, days, activities, rules, instruments, latePublishing, now, ends };
  return epochProofs(store, ledger, newYorkDate(now));
}

/** When the broker's positions were seen last of all; null before the first time. */
export async function lastLookOf(store: Store, { id }: Pick<Account, 'id'>): Promise<FreshnessRow | null> {
  return (await store.freshness(id)).find((row) => row.dataClass === 'positions') ?? null;
}

/** The marks of the last look: what it wrote down itself is often of the day's first. */
export async function lastMarks(
  store: Store,
  { id }: Pick<Account, 'id'>,
  observed: readonly PositionObservation[],
): Promise<readonly PositionObservation[]> {
  const last = await lastLookOf(store, { id });
  if (last === null) return [];
  const seen = marksOfLook(await store.marks({ accountId: id }), last);
  const marks = new Map(seen.map((row) => [row.instrument, row]));
  return (
    observed
      // What was written down then or later has its marks already.
      .filter((row) => !row.quantity.isZero() && compareInstants(row.asOf, last.asOf) < 0)
      .map((row) => {
        const mark = marks.get(row.instrument);
        return {
          ...row,
          mark: mark?.mark ?? null,
          markAsOf: mark?.markAsOf ?? null,
          asOf: last.asOf,
          tradeDate: newYorkDate(last.asOf),
        };
      })
  );
}
