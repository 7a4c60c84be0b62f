/** The user's own code around each step of a sync: which hooks there are and what each is told. Types and names only. */
import { type RunCounts, type RunOutcome } from '../store/store.ts';
import { type StepContext } from '../sync/steps.ts';
import { type SyncResult } from '../sync/syncResult.ts';
import { type TruebookEvent } from './events.ts';

/** Where and why a step runs: account (null for a cycle), type, trigger, dryRun, cycle. */
export type HookContext = StepContext;

/** One round of the agent over the accounts that were due. */
export interface CycleResult {
  /** Number of the cycle since the agent started, 1-based. */
  readonly syncCount: number;
  /** Instant of the last cycle in which an account succeeded; null before the first. */
  readonly lastSuccess: string | null;
  readonly durationMs: number;
  readonly nextInSeconds: number | null;
  /** `ok`: a complete run was committed. */
  readonly accounts: readonly ({ readonly account: string; readonly ok: boolean } & Partial<RunCounts>)[];
}

export interface ReadResult {
  /** Rows of the broker's lists. */
  readonly positions: number;
  readonly activities: number;
  /** `recent`, `deep`, `audit`, `search`. */
  readonly depth: string;
}

export interface ReconcileResult {
  /** Where broker and book differ. */
  readonly differences: number;
  readonly newActivities: number;
}

export interface CommittedRun {
  readonly id: number;
  readonly outcome: RunOutcome;
  readonly reconciled: boolean;
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly errorCode: string | null;
  readonly errorMessage: string | null;
  readonly counts: RunCounts;
}

/** What a hook gives back is waited for and otherwise ignored. */
type Answer = unknown;

/**
 * The hooks. Each is told plain, frozen data; none can change what is written. A hook that throws or takes longer than
 * `HOOKS_TIMEOUT` is logged, and the step goes on. `result` is null where the step failed.
 */
export interface Hooks {
  beforeCycle?(context: HookContext): Answer;
  afterCycle?(context: HookContext, result: CycleResult | null): Answer;
  beforeSync?(context: HookContext): Answer;
  afterSync?(context: HookContext, result: SyncResult | null): Answer;
  beforeRead?(context: HookContext): Answer;
  afterRead?(context: HookContext, result: ReadResult | null): Answer;
  beforeReconcile?(context: HookContext): Answer;
  afterReconcile?(context: HookContext, result: ReconcileResult | null): Answer;
  beforeCommit?(context: HookContext): Answer;
  afterCommit?(context: HookContext, result: CommittedRun | null): Answer;
  beforeMirror?(context: HookContext): Answer;
  afterMirror?(context: HookContext, result: unknown): Answer;
  /** Every event, in order, after its run was committed. */
  onEvent?(event: TruebookEvent): Answer;
}

export const HOOK_NAMES = [
  'beforeCycle',
  'afterCycle',
  'beforeSync',
  'afterSync',
  'beforeRead',
  'afterRead',
  'beforeReconcile',
  'afterReconcile',
  'beforeCommit',
  'afterCommit',
  'beforeMirror',
  'afterMirror',
  'onEvent',
] as const satisfies readonly (keyof Hooks)[];

export type HookName = (typeof HOOK_NAMES)[number];

/** Gives an editor the types of a hooks module; answers what it is given. */
export function defineHooks(hooks: Hooks): Hooks {
  return hooks;
}
