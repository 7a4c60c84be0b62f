/**
 * Calls the user's hooks around each step: bounded in time, shielded from what they throw, with frozen copies of the
 * data. Nothing a hook does can fail a step or change what it writes; only blocking the event loop cannot be bounded.
 */
import { errorText } from '../domain/errors.ts';
import { type SyncOutcome } from '../sync/difference.ts';
import { type StepContext, type StepHooks, type SyncStep } from '../sync/steps.ts';
import { syncResult } from '../sync/syncResult.ts';
import { type TruebookEvent } from './events.ts';
import { type HookName, type Hooks } from './hooks.ts';
import { safeLog } from './safeLog.ts';

export interface HookRunnerOptions {
  /** How long one call may take; all calls of `onEvent` of one run together have as long. */
  readonly timeoutMs: number;
  readonly log: { error(message: string): void };
  /** Real time, because users' code runs in it. `sleep` ends early when the signal aborts. */
  readonly clock: {
    monoMs(): number;
    sleep(ms: number, signal?: AbortSignal): Promise<void>;
  };
}

export interface HookRunner extends StepHooks {
  /** Whether there is an `onEvent`. */
  listens(): boolean;
  /** Hands the events of one run to `onEvent`, in order. Never rejects. */
  tell(account: string, events: readonly TruebookEvent[]): Promise<void>;
}

export function hookRunner(hooks: Hooks, options: HookRunnerOptions): HookRunner {
  return new Runner(hooks, options);
}

class Runner implements HookRunner {
  readonly #hooks: Hooks;
  readonly #options: HookRunnerOptions;
  readonly #log: HookRunnerOptions['log'];
  /** What was logged in the current run of each account: a hook is told of once a run. */
  readonly #told = new Map<string, Set<HookName>>();
  /** Calls that were cut off and have not ended: their hook is not called again for that account meanwhile. */
  readonly #stuck = new Set<string>();

  constructor(hooks: Hooks, options: HookRunnerOptions) {
    this.#hooks = hooks;
    this.#options = options;
    this.#log = safeLog(options.log);
  }

  async before(step: SyncStep, context: StepContext): Promise<void> {
    if (step === 'sync' || step === 'cycle') this.#told.delete(context.account ?? '');
    const name = hookName('before', step);
    if (this.#hooks[name] !== undefined) await this.#bounded(name, context.account, () => [frozen(context)]);
  }

  async after(step: SyncStep, context: StepContext, result: unknown): Promise<void> {
    const name = hookName('after', step);
    if (this.#hooks[name] === undefined) return;
    await this.#bounded(name, context.account, () => [frozen(context), frozen(shown(step, context, result))]);
  }

  listens(): boolean {
    return this.#hooks.onEvent !== undefined;
  }

  async tell(account: string, events: readonly TruebookEvent[]): Promise<void> {
    if (!this.listens()) return;
    const { clock, timeoutMs } = this.#options;
    const end = clock.monoMs() + timeoutMs;
    for (const [index, event] of events.entries()) {
      const left = end - clock.monoMs();
      const done = left > 0 && (await this.#bounded('onEvent', account, () => [frozen(event)], left));
      if (done) continue;
      const lost = events.length - index - 1;
      if (lost > 0) this.#log.error(`Hook onEvent: ${lost} later events of ${account} were not told.`);
      return;
    }
  }

  /** False when the call was cut off or not made. */
  async #bounded(
    name: HookName,
    account: string | null,
    given: () => readonly unknown[],
    timeoutMs: number = this.#options.timeoutMs,
  ): Promise<boolean> {
    const place = `${account ?? ''}:${name}`;
    if (this.#stuck.has(place)) {
      this.#logOnce(name, account, 'its last call has not ended; it is left out until it does');
      return false;
    }
    const ended = new AbortController();
    let hasEnded = false;
    const hook = this.#hooks[name] as (...given: readonly unknown[]) => unknown;
    const call = (async () => {
      try {
        await hook.apply(this.#hooks, [...given()]);
      } catch (error) {
        this.#logOnce(name, account, `it threw: ${errorText(error).slice(0, 500)}`);
      } finally {
        hasEnded = true;
        this.#stuck.delete(place);
      }
    })();
    await Promise.race([call, this.#options.clock.sleep(timeoutMs, ended.signal)]);
    ended.abort();
    if (hasEnded) return true;
    this.#stuck.add(place);
    this.#logOnce(
      name,
      account,
      `it took longer than ${Math.round(timeoutMs) / 1000} s; the sync goes on without it`,
    );
    return false;
  }

  #logOnce(name: HookName, account: string | null, what: string): void {
    const told = this.#told.get(account ?? '') ?? new Set();
    this.#told.set(account ?? '', told);
    if (told.has(name)) return;
    told.add(name);
    this.#log.error(`Hook ${name}${account === null ? '' : ` (${account})`}: ${what}`);
  }
}

function hookName(when: 'before' | 'after', step: SyncStep): Exclude<HookName, 'onEvent'> {
  return `${when}${step[0]!.toUpperCase()}${step.slice(1)}` as Exclude<HookName, 'onEvent'>;
}

/** A sync is shown as every other door shows it. */
function shown(step: SyncStep, context: StepContext, result: unknown): unknown {
  if (step !== 'sync' || result === null) return result;
  return syncResult(context.account ?? '', context.type, result as SyncOutcome);
}

/** A copy that neither reaches what Truebook works with nor can be changed. */
function frozen<Value>(value: Value): Value {
  return freeze(structuredClone(value));
}

function freeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const part of Object.values(value)) freeze(part);
  return Object.freeze(value);
}
