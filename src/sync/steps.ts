/**
 * The steps of a sync that a user's own code may stand around (`hooks/`). Here are only the names and the promise; the
 * sync knows nothing of modules, time limits or listeners.
 */
import { type SyncTrigger, type SyncType } from '../store/store.ts';

/**
 * `cycle`: one round of the agent over the accounts that are due; `sync`: one account, everything of it; inside it
 * `read` (the broker's answers), `reconcile` (what they mean), `commit` (the one transaction) and `mirror` (files).
 */
export const SYNC_STEPS = ['cycle', 'sync', 'read', 'reconcile', 'commit', 'mirror'] as const;
export type SyncStep = (typeof SYNC_STEPS)[number];

export interface StepContext {
  /** Null for a cycle. */
  readonly account: string | null;
  readonly type: SyncType;
  readonly trigger: SyncTrigger | null;
  /** Nothing will be committed. */
  readonly dryRun: boolean;
  /** Number of the cycle since the agent started, 1-based; null outside an agent. */
  readonly cycle: number | null;
}

/** Neither call ever rejects or takes for ever: whoever implements this bounds and catches what users wrote. */
export interface StepHooks {
  before(step: SyncStep, context: StepContext): Promise<void>;
  /** `result` is plain data: the outcome of a `sync`, counts of a `read` ... and null where the step failed. */
  after(step: SyncStep, context: StepContext, result: unknown): Promise<void>;
}
