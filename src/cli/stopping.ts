import { exit, onSignal } from '../platform.ts';

/** A wish to stop: the first signal asks politely, a second one ends the process at once with exit code 1. */
export interface Stopping {
  readonly signal: AbortSignal;
  /** Resolves when somebody wants to stop. */
  readonly asked: Promise<void>;
  /** Gives the signals back. */
  end(): void;
}

/** `beforeExit` runs on the second signal: to leave a terminal as it was. */
export function listenForStop(beforeExit: () => void = () => undefined): Stopping {
  const controller = new AbortController();
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = onSignal(() => {
    if (controller.signal.aborted) {
      beforeExit();
      exit(1);
    }
    controller.abort();
    resolve();
  });
  return { signal: controller.signal, asked: promise, end };
}
