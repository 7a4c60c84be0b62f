/** The user's hooks (`HOOKS`) for the commands that sync. */
import { type ComposeOptions } from '../compose.ts';
import { type Config } from '../config/load.ts';
import { errorText } from '../domain/errors.ts';
import { type Clock } from '../domain/time.ts';
import { loadHooks } from '../hooks/loadHooks.ts';
import { stepHooks } from '../hooks/stepHooks.ts';
import { onUnhandledRejection, realMonoMs, realSleep } from '../platform.ts';

export interface CommandHooks {
  /** For the composition; empty without hooks. */
  readonly composed: Pick<ComposeOptions, 'hooks'>;
  /** Stops looking after them. */
  end(): void;
}

/** Loads them. Throws `config` with the file and the reason. */
export async function openHooks(
  { settings }: Config,
  log: { error(message: string): void },
  time: { readonly clock: Clock },
): Promise<CommandHooks> {
  if (settings.HOOKS === null) return { composed: {}, end: () => undefined };
  const hooks = await loadHooks(settings.HOOKS, { sleep: realSleep });
  const around = {
    hooks,
    timeoutMs: settings.HOOKS_TIMEOUT * 1000,
    log,
    clock: { monoMs: realMonoMs, sleep: realSleep },
    time,
  };
  // A promise that a hook forgot to wait for would end the process when it rejects.
  const end = onUnhandledRejection((reason) =>
    log.error(`A promise that nobody waited for was rejected, probably in a hook: ${errorText(reason)}`),
  );
  return { composed: { hooks: (store) => stepHooks(around, store).steps }, end };
}
