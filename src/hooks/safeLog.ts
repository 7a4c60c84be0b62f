/** A program may hand over a log, and a log may fail: no sync ends for that. */

type Lines = { readonly [Level in 'debug' | 'info' | 'warning' | 'error']?: (message: string) => unknown };

/** Calls something of the user's that nobody waits for: what it throws, at once or later, is dropped. */
export function calledSafely(call: () => unknown): void {
  try {
    Promise.resolve(call()).catch(() => undefined);
  } catch {
    // There is nobody left to tell.
  }
}

/** The same log, that never throws. */
export function safeLog<Log extends Lines>(log: Log): Log {
  const line = (level: keyof Lines) =>
    log[level] === undefined
      ? {}
      : { [level]: (message: string): void => calledSafely(() => log[level]?.(message)) };
  return { ...line('debug'), ...line('info'), ...line('warning'), ...line('error') } as Log;
}
