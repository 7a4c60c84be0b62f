/**
 * The clock of a trial: the sandbox's manual clock, with what a machine does to its own on top. The wall may jump while
 * the monotonic reading goes on, and waits that only pace (backoff, budgets) need not be sat out: nobody else lives in
 * this world, and what paces counts the waits it asked for.
 */
import { type Clock } from '../../src/domain/time.ts';
import { realSleep, refreshClock } from '../../src/platform.ts';

/** Waits below this are pauses between tries; time limits of requests and beats of leases lie above it. */
const PAUSE_MS_MAX = 10_000;

export class TrialClock implements Clock {
  readonly #inner: Clock;
  /** How far this machine's wall clock is off: nobody but this process sees it. */
  wallOffsetMs = 0;
  /** How long the monotonic reading stood still: a machine that slept, while the wall went on. */
  sleptMs = 0;
  /** Pauses end at once. Off where an agent ticks, which would tick without end. */
  hurries = true;
  /** Real milliseconds after which a long wait ends; null: only the simulated time ends it. */
  longWaitMs: number | null = null;

  #boots = 0;

  constructor(inner: Clock) {
    this.#inner = inner;
  }

  get epoch(): string {
    return this.#boots === 0 ? this.#inner.epoch : `${this.#inner.epoch}#${this.#boots}`;
  }

  /** The machine starts anew: the monotonic reading begins at zero and says nothing of before. */
  reboot(): void {
    this.#boots += 1;
    this.sleptMs = this.#inner.monoMs();
  }

  wallMs(): number {
    return this.#inner.wallMs() + this.wallOffsetMs;
  }

  monoMs(): number {
    return this.#inner.monoMs() - this.sleptMs;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (this.hurries && ms < PAUSE_MS_MAX) await realSleep(1, signal);
    else if (this.longWaitMs !== null && ms >= PAUSE_MS_MAX) await realSleep(this.longWaitMs, signal);
    else await this.#inner.sleep(ms, signal);
  }

  async refresh(): Promise<void> {
    await refreshClock(this.#inner);
  }

  close(): void {
    if ('close' in this.#inner && typeof this.#inner.close === 'function') {
      (this.#inner as { close(): void }).close();
    }
  }
}
