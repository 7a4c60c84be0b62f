/** A simulated brokerage with many positions, in another process, and the words to move it. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseInstant, type Instant } from '../../src/domain/time.ts';
import { type ReadyLine } from '../../src/sandbox/sandbox.ts';

/** A Thursday noon in New York: prices move. */
export const THURSDAY = '2025-08-21T16:00:00Z';
/** The Saturday after it: time passes and no price moves. */
export const SATURDAY = '2025-08-23T16:00:00Z';

export interface Brokerage extends AsyncDisposable {
  readonly ready: ReadyLine;
  /** For files of the measurement; removed at the end. */
  readonly folder: string;
  /** Settings with which a Truebook reads this brokerage. */
  readonly envFile: string;
  now(): Promise<Instant>;
  /** Moves its clock: `5m`, or an instant. Prices drift on trading days. */
  advance(by: string): Promise<Instant>;
  /** An order and a fill for every stock held. */
  tradeAll(quantity: string): Promise<void>;
}

export async function openBrokerage(positions: number, at: string): Promise<Brokerage> {
  const folder = mkdtempSync(path.join(tmpdir(), 'truebook-bench-'));
  const envFile = path.join(folder, 'sandbox.env');
  const script = fileURLToPath(new URL('sandboxProcess.ts', import.meta.url));
  const child = spawn(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', script, String(positions), at, envFile],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: plainEnvironment(),
    },
  );
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const ready = await firstLine(child.stdout);
  if (ready === null) throw new Error('The simulated brokerage did not start.');
  const line = JSON.parse(ready) as ReadyLine;
  const post = async (name: string, body: object): Promise<void> => {
    const answer = await fetch(`${line.control}/control/${name}`, {
      method: 'POST',
      body: JSON.stringify(body),
    });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(`/control/${name}: ${text}`);
  };
  const now = async (): Promise<Instant> => {
    const answer = await fetch(`${line.control}/control/clock`);
    return parseInstant(((await answer.json()) as { now: string }).now);
  };
  return {
    ready: line,
    folder,
    envFile,
    now,
    advance: async (by) => {
      await post('clock', /^\d{4}-/.test(by) ? { at: by } : { advance: by });
      return await now();
    },
    tradeAll: (quantity) => post('trade-all', { account: 'alpaca-paper', side: 'buy', quantity }),
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The environment without settings of the user's own: what is measured lies in the folder of the measurement alone. */
export function plainEnvironment(): NodeJS.ProcessEnv {
  const own = /^(TRUEBOOK_|ALPACA_|POSITION_SYNC_|MIRROR_|LOG_|HOOKS$|DATABASE_URL$)/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name)));
}

async function firstLine(stream: NodeJS.ReadableStream): Promise<string | null> {
  for await (const line of createInterface({ input: stream })) return line;
  return null;
}
