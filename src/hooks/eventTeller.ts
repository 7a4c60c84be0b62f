/**
 * Makes the events of a run and hands them to whoever listens. Only where somebody does is the ledger asked for the
 * events of the run (two short reads).
 */
import { errorText } from '../domain/errors.ts';
import { now as instantNow, type Clock } from '../domain/time.ts';
import { type Store } from '../store/store.ts';
import { type SyncOutcome } from '../sync/difference.ts';
import { type StepContext, type StepHooks, type SyncStep } from '../sync/steps.ts';
import { eventsOf, failedEvent, startedEvent, type TruebookEvent } from './events.ts';
import { safeLog } from './safeLog.ts';

export interface EventListener {
  /** False while nobody would hear it. */
  listens(): boolean;
  /** Never rejects. */
  tell(account: string, events: readonly TruebookEvent[]): Promise<void>;
}

/**
 * Runs that were told, so that each is told once: calls at the same time are answered by one run, and each of them learns
 * of it by itself.
 */
export interface ToldRuns {
  /** True at the first call for this run of this account. */
  isNew(account: string, runId: number): boolean;
}

/** Calls that wait for one run end within minutes; older runs are not asked for again. */
const RUNS_REMEMBERED = 100;

export function toldRuns(): ToldRuns {
  const told = new Map<string, Set<number>>();
  return {
    isNew: (account, runId) => {
      const runs = told.get(account) ?? new Set();
      if (runs.has(runId)) return false;
      told.set(account, runs.add(runId));
      for (const oldest of runs) {
        if (runs.size <= RUNS_REMEMBERED) break;
        runs.delete(oldest);
      }
      return true;
    },
  };
}

export interface EventTellerOptions {
  readonly store: Store;
  readonly clock: () => Clock;
  readonly log: { error(message: string): void };
  readonly listeners: readonly EventListener[];
  /** Shared by all tellers of the same listeners. */
  readonly told: ToldRuns;
}

export interface EventTeller extends StepHooks {
  /** Before a run that another process may do: where the account's events end now. */
  mark(account: string): Promise<number | null>;
  /** After it: tells its end and what it did, unless that was told. */
  tellOutcome(account: string, outcome: SyncOutcome, mark: number | null): Promise<void>;
  /** Nothing could be committed. */
  tellFailure(account: string, code: string, message: string): Promise<void>;
}

/** A dry run tells nothing: nothing happened. */
export function eventTeller(options: EventTellerOptions): EventTeller {
  const { store, clock, listeners, told } = options;
  const log = safeLog(options.log);
  const marks = new Map<string, number | null>();

  async function tell(account: string, events: readonly TruebookEvent[]): Promise<void> {
    for (const listener of listeners) if (listener.listens()) await listener.tell(account, events);
  }
  const isHeard = (): boolean => listeners.some((listener) => listener.listens());

  async function mark(account: string): Promise<number | null> {
    if (!isHeard()) return null;
    try {
      const found = await store.findAccount(account);
      if (found === null) return 0;
      return (await store.bookEvents({ accountId: found.id, limit: 1 }))[0]?.seq ?? 0;
    } catch (error) {
      log.error(`Events of ${account} cannot be read: ${errorText(error)}`);
      return null;
    }
  }

  async function bookEvents(account: string, after: number | null) {
    try {
      const found = after === null ? null : await store.findAccount(account);
      if (found === null || after === null) return [];
      return await store.bookEvents({ accountId: found.id, afterSeq: after });
    } catch (error) {
      log.error(`Events of ${account} cannot be read: ${errorText(error)}`);
      return [];
    }
  }

  async function tellOutcome(account: string, outcome: SyncOutcome, after: number | null): Promise<void> {
    if (!isHeard() || !told.isNew(account, outcome.run.id)) return;
    await tell(account, eventsOf(account, outcome, await bookEvents(account, after)));
  }

  async function tellFailure(account: string, code: string, message: string): Promise<void> {
    await tell(account, [failedEvent(account, instantNow(clock()), code, message)]);
  }

  return {
    mark,
    tellOutcome,
    tellFailure,
    before: async (step: SyncStep, context: StepContext) => {
      const { account } = context;
      if (step !== 'sync' || context.dryRun || account === null || !isHeard()) return;
      marks.set(account, await mark(account));
      await tell(account, [startedEvent(context, account, instantNow(clock()))]);
    },
    after: async (step: SyncStep, context: StepContext, result: unknown) => {
      const { account } = context;
      if (step !== 'sync' || context.dryRun || account === null || !isHeard()) return;
      const after = marks.get(account) ?? null;
      marks.delete(account);
      if (result === null)
        await tellFailure(account, 'internal', 'The run broke off; nothing was written. The log says why.');
      else await tellOutcome(account, result as SyncOutcome, after);
    },
  };
}

/** Several as one, called in order. */
export function combined(all: readonly StepHooks[]): StepHooks {
  return {
    before: async (step, context) => {
      for (const one of all) await one.before(step, context);
    },
    after: async (step, context, result) => {
      for (const one of all) await one.after(step, context, result);
    },
  };
}
