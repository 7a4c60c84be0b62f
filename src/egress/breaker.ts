/**
 * A fuse per address and credential: after several failures in a row it opens and nobody asks for a while, then the
 * next request tries (half-open) and its outcome decides. It heals by itself; a broker's refusal (4xx) never opens it.
 */
import { type Clock } from '../domain/time.ts';

export interface BreakerLimits {
  /** Failures in a row that open it. */
  readonly failuresMax: number;
  /** The first rest; it doubles with every failed try. */
  readonly openMs: number;
  readonly openMsMax: number;
}

export const DEFAULT_BREAKER: BreakerLimits = { failuresMax: 5, openMs: 5_000, openMsMax: 300_000 };

export interface Breaker {
  /** Milliseconds until a request may try; 0 = now. Asking changes nothing. */
  waitMs(key: string): number;
  succeeded(key: string): void;
  failed(key: string): void;
}

interface Fuse {
  failures: number;
  openMs: number;
  closedAgainAt: number;
}

/** `clock` should be a pacing clock: one whose `monoMs` moves with completed sleeps. */
export function createBreaker(
  clock: Pick<Clock, 'monoMs'>,
  limits: BreakerLimits = DEFAULT_BREAKER,
): Breaker {
  const fuses = new Map<string, Fuse>();
  return {
    waitMs(key) {
      const fuse = fuses.get(key);
      return fuse === undefined ? 0 : Math.max(0, fuse.closedAgainAt - clock.monoMs());
    },
    succeeded(key) {
      fuses.delete(key);
    },
    failed(key) {
      const fuse = fuses.get(key) ?? { failures: 0, openMs: 0, closedAgainAt: Number.NEGATIVE_INFINITY };
      fuse.failures += 1;
      if (fuse.failures >= limits.failuresMax && fuse.closedAgainAt <= clock.monoMs()) {
        fuse.openMs = Math.min(limits.openMsMax, fuse.openMs === 0 ? limits.openMs : fuse.openMs * 2);
        fuse.closedAgainAt = clock.monoMs() + fuse.openMs;
      }
      fuses.set(key, fuse);
    },
  };
}
