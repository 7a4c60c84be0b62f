/** A process with Truebook in it, and what it said until it died. */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Harm, type Mark, type Acknowledgement, markReader, type WorkerOrders } from './marks.ts';

export interface VictimOptions {
  readonly folder: string;
  readonly databaseUrl: string;
  /** Folder of the sources it runs, default: this checkout's. */
  readonly source?: string | undefined;
  readonly harm?: Harm | undefined;
  /** Folder in which compiled sources are kept from one process to the next. */
  readonly compileCache: string;
}

export interface Death {
  readonly acknowledged: readonly Acknowledgement[];
  /** Accounts whose run, lease and commit were under way. */
  readonly runs: number;
  readonly leases: number;
  readonly commits: number;
  /** Why it ended by itself, null when it was killed. */
  readonly ownFault: string | null;
}

const WORKER = fileURLToPath(new URL('worker.ts', import.meta.url));
const SOURCE = new URL('../../src/', import.meta.url).href;

export class Victim {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #acknowledged: Acknowledgement[] = [];
  readonly #running = new Set<number>();
  readonly #leased = new Set<number>();
  readonly #committing = new Set<number>();
  #complaints = '';
  #onMark: (mark: Mark) => void = () => undefined;

  /** Starts the process; it loads its program and then waits for `go`. */
  constructor(options: VictimOptions) {
    const orders: WorkerOrders = {
      folder: options.folder,
      source: options.source ?? SOURCE,
      harm: options.harm ?? null,
    };
    this.#child = spawn(process.execPath, [WORKER, JSON.stringify(orders)], {
      cwd: options.folder,
      env: {
        PATH: process.env['PATH'],
        SystemRoot: process.env['SystemRoot'],
        DATABASE_URL: options.databaseUrl,
        NODE_COMPILE_CACHE: options.compileCache,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.#child.stdin!.on('error', () => undefined);
    const read = markReader((mark) => this.#hear(mark));
    this.#child.stdout!.setEncoding('utf8').on('data', read);
    this.#child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.#complaints += text));
    // 'close' comes after the last word was read.
    this.#ended = new Promise((resolve) => this.#child.once('close', () => resolve()));
  }

  get acknowledged(): readonly Acknowledgement[] {
    return this.#acknowledged;
  }

  /** Lets it open the database and work, telling every mark. */
  go(onMark: (mark: Mark) => void): void {
    this.#onMark = onMark;
    this.#child.stdin!.write('go\n');
  }

  /** kill -9 (TerminateProcess on Windows). */
  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async death(): Promise<Death> {
    await this.#ended;
    const killed =
      this.#child.signalCode === 'SIGKILL' || (process.platform === 'win32' && this.#child.killed);
    return {
      acknowledged: this.#acknowledged,
      runs: this.#running.size,
      leases: this.#leased.size,
      commits: this.#committing.size,
      ownFault: killed ? null : `the process ended by itself (${this.#child.exitCode}): ${this.#complaints}`,
    };
  }

  #hear(mark: Mark): void {
    if (mark.mark === 'run') this.#running.add(mark.accountId);
    if (mark.mark === 'leased') this.#leased.add(mark.accountId);
    if (mark.mark === 'committing') this.#committing.add(mark.accountId);
    if (mark.mark === 'acknowledged') this.#acknowledged.push(mark);
    if (mark.mark === 'acknowledged' || mark.mark === 'refused') this.#committing.delete(mark.accountId);
    if (mark.mark === 'finished') {
      this.#running.delete(mark.accountId);
      this.#leased.delete(mark.accountId);
    }
    this.#onMark(mark);
  }
}
