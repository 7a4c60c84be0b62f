/** Everything that stands around the steps of a sync, made into the one `StepHooks` that a composition takes. */
import { type Clock } from '../domain/time.ts';
import { type Store } from '../store/store.ts';
import { type StepHooks } from '../sync/steps.ts';
import { combined, eventTeller, type EventListener, type EventTeller } from './eventTeller.ts';
import { hookRunner, type HookRunnerOptions } from './hookRunner.ts';
import { type Hooks } from './hooks.ts';

export interface StepHooksOptions extends HookRunnerOptions {
  /** Null without any. */
  readonly hooks: Hooks | null;
  /** Who listens besides the hook `onEvent`. */
  readonly listeners?: readonly EventListener[];
  /** The clock of the book: a composition opens it, so it is known later. */
  readonly time: { readonly clock: Clock };
}

export interface StandingAround {
  readonly steps: StepHooks;
  /** For runs that another process does. */
  readonly teller: EventTeller;
}

/** Hooks first, then events: a listener hears of a run when `afterSync` is through. */
export function stepHooks(options: StepHooksOptions, store: Store): StandingAround {
  const runner = options.hooks === null ? null : hookRunner(options.hooks, options);
  const teller = eventTeller({
    store,
    clock: () => options.time.clock,
    log: options.log,
    listeners: [...(runner === null ? [] : [runner]), ...(options.listeners ?? [])],
  });
  return { steps: combined(runner === null ? [teller] : [runner, teller]), teller };
}
