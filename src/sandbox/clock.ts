/**
 * The sandbox's own time: the machine's, or one that stands still until `POST /control/clock` moves it. Whatever is due
 * (next-day rows, fees at day's end, the end of a fault) is worked out from "now", so a moved clock needs no schedule.
 */
import {
  instantFromMs,
  instantToMs,
  NEW_YORK,
  addDays,
  newYorkDate,
  zonedInstant,
  type Instant,
} from '../domain/time.ts';
import { machineInterval, machineNowMs, machineTimer } from './platform.ts';

export type ClockSetting = 'wall' | { readonly kind: 'manual'; readonly at: Instant };

export class SandboxClock {
  readonly manual: boolean;
  #manualMs: number;
  #waiting: { readonly dueMs: number; readonly wake: () => void }[] = [];
  #moved: ((fromMs: number, toMs: number) => void)[] = [];
  #stops: (() => void)[] = [];

  constructor(setting: ClockSetting) {
    this.manual = setting !== 'wall';
    this.#manualMs = setting === 'wall' ? 0 : instantToMs(setting.at);
  }

  nowMs(): number {
    return this.manual ? this.#manualMs : machineNowMs();
  }

  now(): Instant {
    return instantFromMs(this.nowMs());
  }

  /** Hears of every step: of a manual clock when it is moved, of the wall clock every `everyMs`. */
  onStep(everyMs: number, hear: (fromMs: number, toMs: number) => void): void {
    if (this.manual) {
      this.#moved.push(hear);
      return;
    }
    let lastMs = machineNowMs();
    this.#stops.push(
      machineInterval(everyMs, () => {
        const fromMs = lastMs;
        lastMs = machineNowMs();
        hear(fromMs, lastMs);
      }),
    );
  }

  /** Moves a manual clock forward; sleepers wake in the order they are due. */
  moveTo(ms: number): void {
    const fromMs = this.#manualMs;
    this.#manualMs = ms;
    for (const hear of this.#moved) hear(fromMs, ms);
    const due = this.#waiting.filter((sleeper) => sleeper.dueMs <= ms).sort((a, b) => a.dueMs - b.dueMs);
    this.#waiting = this.#waiting.filter((sleeper) => sleeper.dueMs > ms);
    for (const sleeper of due) sleeper.wake();
  }

  /** Waits on this clock: on a manual one until it has been moved far enough. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.manual) this.#waiting.push({ dueMs: this.#manualMs + ms, wake: resolve });
      else machineTimer(ms, resolve);
    });
  }

  close(): void {
    for (const stop of this.#stops) stop();
    for (const sleeper of this.#waiting) sleeper.wake();
    this.#waiting = [];
    this.#moved = [];
  }
}

/** When Alpaca's clearing shows today's non-trade rows: 04:30 New York on the next calendar day (design section 9). */
export function nextDay(now: Instant): Instant {
  return zonedInstant(addDays(newYorkDate(now), 1), '04:30', NEW_YORK);
}

/** Day's end: 20:00 New York of the day `at` belongs to. */
export function dayEnd(at: Instant): Instant {
  return zonedInstant(newYorkDate(at), '20:00', NEW_YORK);
}
