/** Machines with clocks, and processes that can be killed or paused at any moment. */
import { type Clock } from '../../src/domain/time.ts';
import { type Chance } from './chance.ts';
import { type Disk } from './machine/disk.ts';
import { type EventQueue } from './queue.ts';
import { Killed, runAs } from './stage.ts';
import { type Network } from './network.ts';

/** What a process meets around it. */
export interface Surroundings {
  readonly queue: EventQueue;
  readonly network: Network;
  readonly disk: Disk;
  /** The right time of the world's beginning, milliseconds since 1970. */
  readonly beginMs: number;
}

/** A computer: what its clocks say, and which processes live on it. */
export class Machine {
  readonly name: string;
  readonly #queue: EventQueue;
  readonly #beginMs: number;
  readonly processes = new Map<number, SimProcess>();
  /** How far the wall clock is off. */
  wallOffsetMs = 0;
  /** How much faster than it should the wall runs, in parts of a million. */
  driftPpm = 0;
  #monoLostMs = 0;
  #boots = 1;
  #pids = 100;

  constructor(name: string, queue: EventQueue, beginMs: number) {
    this.name = name;
    this.#queue = queue;
    this.#beginMs = beginMs;
  }

  wallMs(): number {
    const drift = Math.round((this.#queue.nowMs * this.driftPpm) / 1_000_000);
    return this.#beginMs + this.#queue.nowMs + this.wallOffsetMs + drift;
  }

  /** Stands still while the machine sleeps, begins anew with each boot. */
  monoMs(): number {
    return 1_000_000 + this.#queue.nowMs - this.#monoLostMs;
  }

  get epoch(): string {
    return `boot:${this.name}:${this.#boots}`;
  }

  /** The machine slept: the monotonic clock did not see that time. */
  slept(ms: number): void {
    this.#monoLostMs += ms;
  }

  reboot(): void {
    for (const process of [...this.processes.values()]) process.kill('reboot');
    this.#boots += 1;
    this.#monoLostMs = this.#queue.nowMs;
  }

  nextPid(): number {
    this.#pids += 1;
    return this.#pids;
  }
}

/** Something of a process that the end of the process ends: a connection to the database, a socket. */
export interface Handle {
  drop(): void;
}

/**
 * Loops of the product that only look whether something happened: a loaded machine may wake them late, and here it always
 * does, because waking costs the simulation more than all the rest. Real pauses (retries, timeouts) come on time.
 */
const LOOKS_LATE: ReadonlyMap<number, number> = new Map([
  [200, 2_000],
  [1_000, 120_000],
  [10_000, 240_000],
  [15_000, 50_000],
]);

export class SimProcess {
  readonly id: string;
  readonly pid: number;
  readonly kind: 'agent' | 'command' | 'reader';
  readonly machine: Machine;
  readonly around: Surroundings;
  readonly chance: Chance;
  readonly clock: Clock;
  readonly handles = new Set<Handle>();
  alive = true;
  #pausedUntilMs: number | null = null;
  #waiting: (() => void)[] = [];
  /** Store points still to pass before this process is killed at one; null: not condemned. */
  killAtPoint: number | null = null;
  /** Where it was killed. */
  diedAt: string | null = null;
  #attentiveUntilMs = 0;
  /** Loops that were to look late. */
  readonly #late = new Set<() => void>();
  onDeath: (where: string) => void = () => undefined;

  constructor(id: string, kind: SimProcess['kind'], machine: Machine, around: Surroundings, chance: Chance) {
    this.id = id;
    this.kind = kind;
    this.machine = machine;
    this.around = around;
    this.chance = chance;
    this.pid = machine.nextPid();
    machine.processes.set(this.pid, this);
    this.clock = {
      wallMs: () => machine.wallMs(),
      monoMs: () => machine.monoMs(),
      epoch: machine.epoch,
      sleep: (ms, signal) => this.#sleep(ms, signal),
    };
  }

  /** Runs code of this process later; it never runs where the process is dead, and waits where it is paused. */
  after(ms: number, label: string, work: () => void): () => void {
    return this.around.queue.after(ms, `${this.id} ${label}`, () => this.deliver(work));
  }

  /** Runs code of this process now, or when its pause ends. */
  deliver(work: () => void): void {
    if (!this.alive) return;
    if (this.#pausedUntilMs !== null) this.#waiting.push(work);
    else runAs(this, work);
  }

  get isPaused(): boolean {
    return this.#pausedUntilMs !== null;
  }

  /** Stops it for a while, as SIGSTOP, a long collection or a laptop's lid do. */
  pause(ms: number): void {
    if (!this.alive || this.#pausedUntilMs !== null) return;
    this.#pausedUntilMs = this.around.queue.nowMs + ms;
    this.around.queue.after(ms, `${this.id} resumes`, () => {
      this.#pausedUntilMs = null;
      for (const work of this.#waiting.splice(0)) this.deliver(work);
    });
  }

  kill(where: string): void {
    if (!this.alive) return;
    this.alive = false;
    this.diedAt = where;
    this.#end();
    this.onDeath(where);
  }

  /** It ended by itself. */
  end(): void {
    if (!this.alive) return;
    this.alive = false;
    this.#end();
  }

  #end(): void {
    this.#waiting = [];
    this.machine.processes.delete(this.pid);
    for (const handle of [...this.handles]) handle.drop();
    this.handles.clear();
  }

  /** A point of the store at which a kill may come; throws `Killed` where it does. */
  storePoint(name: string): void {
    if (!this.alive) throw new Killed();
    if (this.killAtPoint === null) return;
    this.killAtPoint -= 1;
    if (this.killAtPoint > 0) return;
    this.kill(`store: ${name}`);
    throw new Killed();
  }

  /** Something is expected: for a while its loops look on time, those that sleep late within a second. */
  attend(ms: number): void {
    this.#attentiveUntilMs = this.around.queue.nowMs + ms;
    for (const soon of this.#late) soon();
    this.#late.clear();
  }

  #sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms <= 0 || signal?.aborted === true) return Promise.resolve();
    const late = this.around.queue.nowMs < this.#attentiveUntilMs ? undefined : LOOKS_LATE.get(ms);
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        this.#late.delete(soon);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      let cancel = this.after(late ?? ms, 'wakes', done);
      const soon = (): void => {
        cancel();
        cancel = this.after(1_000, 'wakes', done);
      };
      if (late !== undefined && ms <= 1_000) this.#late.add(soon);
      signal?.addEventListener('abort', done, { once: true });
    });
  }
}
