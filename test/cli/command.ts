/** Real processes of the command line, in a folder and an environment of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const PINNED = join(
  ROOT,
  'node_modules',
  'node',
  'bin',
  process.platform === 'win32' ? 'node.exe' : 'node',
);

/** Compiled sources are kept between processes: starting one takes half as long. */
const COMPILED = join(ROOT, 'node_modules', '.cache', 'compiled');

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** From the start to the end, in milliseconds. */
  readonly tookMs: number;
}

export interface Running {
  readonly child: ChildProcess;
  readonly done: Promise<Finished>;
  stdout(): string;
  stderr(): string;
}

export interface Surroundings {
  readonly env?: Readonly<Record<string, string>>;
  /** What is piped into stdin; it is closed at once without it. Null: it stays open and silent. */
  readonly input?: string | null;
}

/** A fresh folder: working folder, home and temporary folder of the processes started in it. */
export class Place {
  readonly folder = mkdtempSync(join(tmpdir(), 'truebook-cli-'));
  readonly #running = new Set<ChildProcess>();

  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  start(args: readonly string[], { env = {}, input }: Surroundings = {}): Running {
    const startedAt = performance.now();
    // The two dashes keep Node from taking options such as --env-file for its own.
    const words = ['--', join(ROOT, 'bin', 'truebook.js'), ...args];
    const child = spawn(existsSync(PINNED) ? PINNED : process.execPath, words, {
      cwd: this.folder,
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: this.folder,
        TMPDIR: this.folder,
        NODE_COMPILE_CACHE: COMPILED,
        ...env,
      },
    });
    this.#running.add(child);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdin.on('error', () => undefined);
    if (input !== null) child.stdin.end(input ?? '');
    const done = new Promise<Finished>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => {
        this.#running.delete(child);
        resolve({ code, stdout, stderr, tookMs: performance.now() - startedAt });
      });
    });
    return { child, done, stdout: () => stdout, stderr: () => stderr };
  }

  async run(args: readonly string[], surroundings: Surroundings = {}): Promise<Finished> {
    return this.start(args, surroundings).done;
  }

  /** Takes over a process started elsewhere: `remove` ends it where a test left it running. */
  adopt(child: ChildProcess): void {
    this.#running.add(child);
    child.on('close', () => this.#running.delete(child));
  }

  /** Ends what still runs and removes the folder. */
  remove(): void {
    for (const child of this.#running) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Asks again until there is an answer, at most 15 s. */
export async function eventually<Answer>(ask: () => Promise<Answer | null> | Answer | null): Promise<Answer> {
  const end = performance.now() + 15_000;
  for (;;) {
    const answer = await ask();
    if (answer !== null) return answer;
    if (performance.now() > end) throw new Error('It did not happen within 15 s.');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
