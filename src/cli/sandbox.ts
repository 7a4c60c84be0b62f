/** `truebook sandbox`: the simulated brokerage as a process of its own. */
import { TruebookError } from '../domain/errors.ts';
import { parseInstant } from '../domain/time.ts';
import { printLine } from './print.ts';
import { listenForStop } from './stopping.ts';

export interface SandboxCommandOptions {
  readonly port?: number;
  readonly seed?: number;
  readonly scenario?: 'default' | 'empty' | 'large';
  readonly envFile?: string;
  readonly clock?: 'wall' | 'manual';
  readonly at?: string;
}

/** Prints the ready line and runs until a signal. */
export async function sandbox(options: SandboxCommandOptions): Promise<number> {
  const { port, seed, scenario, envFile, clock, at } = options;
  if ((clock === 'manual') !== (at !== undefined)) {
    throw new TruebookError('usage', '--clock manual and --at belong together.', {
      hint: 'Write --clock manual --at 2025-08-21T14:00:00Z, or leave both out.',
    });
  }
  if (port !== undefined && port > 65_532) {
    throw new TruebookError('usage', `--port ${port} leaves no room for the three ports after it.`, {
      hint: 'Choose a port up to 65532.',
    });
  }
  const stopping = listenForStop();
  const { startSandbox } = await import('../sandbox/sandbox.ts');
  const running = await startSandbox({
    ...(port === undefined ? {} : { port }),
    ...(seed === undefined ? {} : { seed }),
    ...(scenario === undefined ? {} : { scenario }),
    ...(envFile === undefined ? {} : { envFile }),
    ...(at === undefined ? {} : { clock: { kind: 'manual', at: parseInstant(at) } }),
  });
  try {
    printLine(JSON.stringify(running.ready));
    await stopping.asked;
  } finally {
    await running.close();
    stopping.end();
  }
  return 0;
}
