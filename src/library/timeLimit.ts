/** How long a caller waits for a sync. */
import { TruebookError } from '../domain/errors.ts';
import { afterRealMs } from '../platform.ts';

export interface TimeLimit {
  /** Aborts when the time is up. */
  readonly passed: AbortSignal;
  /** The promise, or a `broker_timeout` when the time is up before it has ended. */
  within<Value>(promise: Promise<Value>): Promise<Value>;
  /** Nothing is limited any more. */
  end(): void;
}

/** A limit in real milliseconds for a sync that a caller waits for; it begins now. */
export function timeLimit(ms: number): TimeLimit {
  const passed = new AbortController();
  const tooLate = Promise.withResolvers<never>();
  tooLate.promise.catch(() => undefined);
  const cancel = afterRealMs(ms, () => {
    const error = new TruebookError('broker_timeout', `The sync took longer than ${ms / 1000} s.`, {
      retry: 'later',
    });
    tooLate.reject(error);
    passed.abort();
  });
  return {
    passed: passed.signal,
    within: (promise) => Promise.race([promise, tooLate.promise]),
    end: cancel,
  };
}
