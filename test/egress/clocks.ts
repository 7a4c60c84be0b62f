/** Clocks for tests that turn by hand: no test here waits for real seconds. */
import { type Clock } from '../../src/domain/time.ts';

export interface HandClock extends Clock {
  /** What was asked to be slept, in order. */
  readonly sleeps: number[];
  advance(ms: number): void;
}

/** Sleeping moves it: a simulated day takes milliseconds. */
export function turningClock(startMs = Date.parse('2025-08-21T14:00:00Z')): HandClock {
  let ms = startMs;
  const sleeps: number[] = [];
  return {
    epoch: 'test',
    wallMs: () => ms,
    monoMs: () => ms,
    sleeps,
    advance: (by) => (ms += by),
    // Long time limits of requests would fire at once; only pauses that nobody cuts short count as slept.
    sleep: async (by, signal) => {
      if (signal !== undefined) return await new Promise((resolve) => onAbort(signal, resolve));
      sleeps.push(by);
      ms += by;
    },
  };
}

/** Never moves, whatever is slept: a manual clock that nobody advances. */
export function frozenClock(startMs = Date.parse('2025-08-21T14:00:00Z')): HandClock {
  const clock = turningClock(startMs);
  return {
    ...clock,
    wallMs: () => startMs,
    monoMs: () => startMs,
    sleep: async (by, signal) => {
      if (signal !== undefined) return await new Promise((resolve) => onAbort(signal, resolve));
      clock.sleeps.push(by);
    },
  };
}

function onAbort(signal: AbortSignal, resolve: () => void): void {
  if (signal.aborted) resolve();
  else signal.addEventListener('abort', () => resolve(), { once: true });
}
