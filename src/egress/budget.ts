/**
 * Requests per minute, per credential: one bucket for everything in this process that uses the same key, because the
 * broker counts per key too. The rule is the generic cell rate algorithm: a reservation moves one number and tells at
 * once how long to wait, so nobody loops until a clock has moved - a clock may stand still.
 */
import { type Clock } from '../domain/time.ts';

export interface BudgetLimits {
  /** Requests that may go out at once after a rest. */
  readonly burst: number;
  readonly perMinute: number;
}

/** 200 a minute is Alpaca's limit per key (support article on usage limits): burst + a full minute stay below it. */
export const DEFAULT_BUDGET: BudgetLimits = { burst: 70, perMinute: 120 };

/**
 * Robinhood publishes no limit. Public clients report that a request a second goes on for ever and that bursts of 20 to 30
 * within 15 s are throttled (robinhood.md 8): a cycle of 12 calls fits into the burst.
 */
export const ROBINHOOD_BUDGET: BudgetLimits = { burst: 12, perMinute: 60 };

export interface Budget {
  /** Milliseconds to wait before this request may go out, or how long it would have been when that is above `waitMsMax`. */
  reserve(credential: string, waitMsMax: number): Reservation;
  /** The broker said no more before `ms` have passed. */
  pause(credential: string, ms: number): void;
}

export type Reservation =
  { readonly granted: true; readonly waitMs: number } | { readonly granted: false; readonly waitMs: number };

interface Bucket {
  /** When the bucket is full again, on the pacing clock. */
  fullAt: number;
  pausedUntil: number;
}

/** `clock` should be a pacing clock: one whose `monoMs` moves with completed sleeps. */
export function createBudget(clock: Pick<Clock, 'monoMs'>, limits: BudgetLimits = DEFAULT_BUDGET): Budget {
  const intervalMs = 60_000 / limits.perMinute;
  const buckets = new Map<string, Bucket>();

  const bucketOf = (credential: string): Bucket => {
    const known = buckets.get(credential);
    if (known !== undefined) return known;
    const fresh: Bucket = { fullAt: Number.NEGATIVE_INFINITY, pausedUntil: Number.NEGATIVE_INFINITY };
    buckets.set(credential, fresh);
    return fresh;
  };

  return {
    reserve(credential, waitMsMax) {
      const bucket = bucketOf(credential);
      const now = clock.monoMs();
      const fullAt = Math.max(bucket.fullAt, now) + intervalMs;
      const waitMs = Math.max(0, fullAt - limits.burst * intervalMs - now, bucket.pausedUntil - now);
      if (waitMs > waitMsMax) return { granted: false, waitMs };
      bucket.fullAt = fullAt;
      return { granted: true, waitMs };
    },
    pause(credential, ms) {
      const bucket = bucketOf(credential);
      bucket.pausedUntil = Math.max(bucket.pausedUntil, clock.monoMs() + ms);
    },
  };
}
