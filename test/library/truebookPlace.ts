/** A sandbox on real sockets with a manual clock, and Truebook opened against it as a program opens it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseInstant } from '../../src/domain/time.ts';
import { openTruebook, type OpenTruebookOptions, type Truebook } from '../../src/index.ts';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';

export interface TruebookPlace {
  readonly folder: string;
  readonly settingsFile: string;
  readonly sandbox: Sandbox;
  /** What was logged, as `warning: text`. */
  readonly lines: string[];
  /** Opens one more; all are closed with the place. */
  open(settings?: Readonly<Record<string, string>>, options?: OpenTruebookOptions): Promise<Truebook>;
  control(method: 'POST' | 'DELETE', path: string, body?: unknown): { created: Record<string, unknown>[] };
  close(): Promise<void>;
}

export async function openPlace(): Promise<TruebookPlace> {
  const folder = mkdtempSync(join(tmpdir(), 'truebook-library-'));
  const settingsFile = join(folder, 'sandbox.env');
  const clock = { kind: 'manual', at: parseInstant('2025-08-21T16:00:00Z') } as const;
  const sandbox = await startSandbox({ envFile: settingsFile, clock });
  const lines: string[] = [];
  const line = (level: string) => (text: string) => void lines.push(`${level}: ${text}`);
  const log = { debug: line('debug'), info: line('info'), warning: line('warning'), error: line('error') };
  const opened: Truebook[] = [];
  return {
    folder,
    settingsFile,
    sandbox,
    lines,
    open: async (settings = {}, options = {}) => {
      const truebook = await openTruebook({
        env: settings,
        workingFolder: folder,
        configFiles: [settingsFile],
        log,
        ...options,
      });
      opened.push(truebook);
      return truebook;
    },
    control: (method, path, body) => {
      const answer = sandbox.control(method, `/control/${path}`, body);
      if (answer.status >= 300) throw new Error(`${path}: ${JSON.stringify(answer.body)}`);
      return answer.body as { created: Record<string, unknown>[] };
    },
    close: async () => {
      for (const truebook of opened) await truebook.close();
      await sandbox.close();
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** `AAPL buy 5 @ 226.4` at the play broker. */
export function trade(
  account: string,
  symbol: string,
  quantity: string,
  price: string,
  more: object = {},
): object {
  return { account, symbol, side: 'buy', quantity, price, ...more };
}
