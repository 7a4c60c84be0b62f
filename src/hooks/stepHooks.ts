/** Everything that stands around the steps of a sync, made into the one `StepHooks` that a composition takes. */
import { type Clock } from '../domain/time.ts';
import { type Store } from '../store/store.ts';
import { type StepHooks } from '../sync/steps.ts';
import {
  combined,
  eventTeller,
  type EventListener,
  type EventTeller,
  toldRuns,
  type ToldRuns,
} from './eventTeller.ts';
import { hookRunner, type HookRunnerOptions } from './hookRunner.ts';
import { type Hooks } from './hooks.ts';

export interface StepHooksOptions extends HookRunnerOptions {
  /** Null without any. */
  readonly hooks: Hooks | null;
  /** Who listens besides the hook `onEvent`. */
  readonly listeners?: readonly EventListener[];
  /** What they were told of; shared where several compositions have the same listeners. */
  readonly told?: ToldRuns;
  /** The hooks are of the settings: a process that does a run tells them of it, so this one tells them of its own only. */
  readonly ownRunsOnly?: boolean;
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
  const listeners = options.listeners ?? [];
  const common = {
    store,
    clock: () => options.time.clock,
    log: options.log,
    told: options.told ?? toldRuns(),
  };
  const all = eventTeller({ ...common, listeners: [...(runner === null ? [] : [runner]), ...listeners] });
  const teller =
    options.ownRunsOnly === true
      ? { ...eventTeller({ ...common, listeners }), tellFailure: all.tellFailure }
      : all;
  return { steps: combined(runner === null ? [all] : [runner, all]), teller };
}
