/** Hooks of a run that somebody may give up. */
import { type StepHooks } from '../sync/steps.ts';

/**
 * The same hooks until the signal aborts. After that only the end of the run is told: a run that nobody waits for any
 * more shall end, not call on.
 */
export function untilAborted(hooks: StepHooks, signal: AbortSignal): StepHooks {
  return {
    before: async (step, context) => {
      if (!signal.aborted) await hooks.before(step, context);
    },
    after: async (step, context, result) => {
      if (!signal.aborted || step === 'sync') await hooks.after(step, context, result);
    },
  };
}
