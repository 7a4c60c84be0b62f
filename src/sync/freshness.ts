/**
 * Freshness: may somebody act on this data now? (design section 4, "Freshness"). Pure; every answer that is not fresh
 * says why in words a person can use.
 */
import { instantToMs, type Instant } from '../domain/time.ts';
import { type DataClass, type FreshnessRow, type RunRecord } from '../store/store.ts';

/** The clock as an answer needs it: one reading for a whole listing. */
export interface ClockReading {
  readonly wallMs: number;
  readonly monoMs: number;
  readonly monoEpoch: string;
}

export interface Freshness {
  /** Broker's stamp of the older of the needed classes, null before the first. */
  readonly asOf: Instant | null;
  readonly fetchedAt: Instant | null;
  /** Whole seconds; null before the first, and while this machine's clock cannot tell. */
  readonly age: number | null;
  readonly fresh: boolean;
  /** Null exactly when fresh. */
  readonly why: string | null;
}

export interface FreshnessInput {
  readonly rows: readonly FreshnessRow[];
  readonly newestRun: RunRecord | null;
  /** Classes that must agree: positions need activities too, because each proves the other. */
  readonly needs: readonly DataClass[];
  readonly maxAgeSeconds: number;
  readonly clock: ClockReading;
}

export function freshness(input: FreshnessInput): Freshness {
  const rows = input.needs.map((dataClass) => input.rows.find((row) => row.dataClass === dataClass));
  const known = rows.filter((row) => row !== undefined);
  if (known.length < rows.length || known.length === 0) {
    const why = input.newestRun === null ? 'never_synced' : failureWords(input.newestRun);
    return { asOf: null, fetchedAt: null, age: null, fresh: false, why };
  }
  const oldest = known.reduce((left, right) =>
    (age(left, input.clock) ?? Infinity) >= (age(right, input.clock) ?? Infinity) ? left : right,
  );
  const ms = age(oldest, input.clock);
  const seconds = ms === null ? null : Math.max(0, Math.floor(ms / 1000));
  const why = reason(known, seconds, input);
  return { asOf: oldest.asOf, fetchedAt: oldest.fetchedAt, age: seconds, fresh: why === null, why };
}

/** How far a clock may be put back by those who keep it right. */
const CLOCK_TOLERANCE_MS = 5_000;

/**
 * Milliseconds since `asOf`, by the larger of wall and monotonic clock: the monotonic one survives a clock that is set
 * back, the wall one a machine that slept or restarted. Null where only the wall is left and stands before the moment
 * the data was fetched (which was read from a clock of ours, never from the broker's): it cannot tell an age.
 */
function age(row: FreshnessRow, clock: ClockReading): number | null {
  const wall = clock.wallMs - instantToMs(row.asOf);
  if (row.monoEpoch === clock.monoEpoch) return Math.max(wall, clock.monoMs - row.asOfMonoMs);
  return clock.wallMs < instantToMs(row.fetchedAt) - CLOCK_TOLERANCE_MS ? null : wall;
}

function reason(
  rows: readonly FreshnessRow[],
  ageSeconds: number | null,
  input: FreshnessInput,
): string | null {
  if (input.newestRun !== null && input.newestRun.outcome !== 'complete')
    return failureWords(input.newestRun);
  if (rows.some((row) => !row.verified)) return 'agent_started: the first run is not finished';
  // Positions and activities prove each other within one run; balances are reconciled by themselves.
  const proving = rows.filter((row) => row.dataClass !== 'balances');
  if (new Set(proving.map((row) => row.runId)).size > 1)
    return 'versions_differ: not all data is of one run, sync everything';
  if (rows.some((row) => !row.reconciled)) return 'unreconciled: broker and book differ, see findings';
  // A run of one part that saw more than it may write leaves older data behind it: still of one run, no longer true.
  if (input.newestRun !== null && input.newestRun.type !== 'all' && !input.newestRun.reconciled)
    return `unreconciled: a run of ${input.newestRun.type} saw what the book does not have, sync everything`;
  if (ageSeconds === null)
    return 'clock_before_data: the clock of this machine stands before the time of the data, set it right';
  if (ageSeconds > input.maxAgeSeconds)
    return `stale: ${ageSeconds} s old, at most ${input.maxAgeSeconds} s allowed`;
  return null;
}

function failureWords(run: RunRecord): string {
  if (run.outcome === 'progress') return 'first_contact: reading history';
  if (run.outcome === 'complete') return `never_synced: only ${run.type} was synced so far`;
  return `sync_failed: ${run.errorCode ?? run.outcome}`;
}
