/** The programs that live in the world: the agent as a service, commands of a person, a reader that only looks. */
import { compose, type Truebook } from '../../src/compose.ts';
import { errorText, isTruebookError } from '../../src/domain/errors.ts';
import { type SyncType } from '../../src/store/store.ts';
import { type AccountRun, runAgent } from '../../src/sync/agent.ts';
import { requestSync, type RequestedSync } from '../../src/sync/requestSync.ts';
import { type StepHooks } from '../../src/sync/steps.ts';
import { type AccountName } from './brokerage.ts';
import { type SimProcess } from './process.ts';
import { Killed } from './stage.ts';
import { type World } from './world.ts';

/** What the oracles hear from a program itself; they believe nothing of it. */
export interface ProgramEvents {
  onAgentStarted(process: SimProcess): void;
  onRuns(process: SimProcess, runs: readonly AccountRun[]): void;
  /** Something was told to the user's own code. */
  onTold(process: SimProcess, step: string, result: unknown): void;
  /** A fault of the program: neither a `TruebookError` nor a kill. */
  onCrash(process: SimProcess, error: unknown): void;
}

async function open(
  world: World,
  process: SimProcess,
  events: ProgramEvents,
  readonly: boolean,
): Promise<Truebook> {
  const hooks: StepHooks = {
    before: async () => undefined,
    after: async (step, _context, result) => {
      if (process.alive) events.onTold(process, step, result);
    },
  };
  return compose({
    config: world.config(),
    clock: process.clock,
    readonly,
    allowUnsafeDurability: true,
    onWarning: (sentence) => world.log(process, 'warning', sentence),
    hooks: () => hooks,
  });
}

/** An agent until it is stopped or ends by itself. Resolves when the process is over; a killed one never does. */
export async function agentProgram(
  world: World,
  process: SimProcess,
  events: ProgramEvents,
  stop: AbortSignal,
): Promise<void> {
  await living(world, process, events, async () => {
    const book = await open(world, process, events, false);
    try {
      const accounts = await book.agentAccounts('agent');
      await runAgent({
        store: book.store,
        clock: book.clock,
        log: logOf(world, process),
        accounts,
        holder: book.holder('agent'),
        isGone: book.isGone,
        dependencies: book.dependencies,
        ...(book.hooks === null ? {} : { hooks: book.hooks }),
        once: false,
        stop,
        onStarted: () => {
          process.attend(3_000);
          events.onAgentStarted(process);
        },
        onCycle: ({ runs }) => events.onRuns(process, runs),
      });
    } finally {
      await book.close();
    }
  });
}

/** `truebook sync`, of one account. */
export async function syncCommand(
  world: World,
  process: SimProcess,
  events: ProgramEvents,
  name: AccountName,
  type: SyncType,
  dryRun: boolean,
): Promise<RequestedSync | null> {
  let outcome: RequestedSync | null = null;
  await living(world, process, events, async () => {
    const book = await open(world, process, events, false);
    try {
      const entry = (await book.agentAccounts()).find(({ account }) => account.name === name);
      if (entry === undefined) return;
      outcome = await requestSync(
        book.dependencies(entry, `command:${process.pid}@${process.machine.name}`),
        entry.account,
        {
          holder: book.holder('command'),
          isGone: (holder) => book.isGone(holder),
          trigger: 'command',
          type,
          dryRun,
          requestedBy: process.id,
        },
      );
    } finally {
      await book.close();
    }
  });
  return outcome;
}

/** A book opened for something else; `work` runs as a command of its own. */
export async function bookCommand(
  world: World,
  process: SimProcess,
  events: ProgramEvents,
  work: (book: Truebook) => Promise<void>,
): Promise<void> {
  await living(world, process, events, async () => {
    const book = await open(world, process, events, false);
    try {
      await work(book);
    } finally {
      await book.close();
    }
  });
}

/** A book that is only read, for as long as its process lives. */
export function openReader(world: World, process: SimProcess, events: ProgramEvents): Promise<Truebook> {
  return open(world, process, events, true);
}

async function living(
  world: World,
  process: SimProcess,
  events: ProgramEvents,
  work: () => Promise<void>,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!process.alive || error instanceof Killed) return;
    if (isTruebookError(error)) world.log(process, 'error', `${error.code}: ${errorText(error)}`);
    else events.onCrash(process, error);
  } finally {
    process.end();
  }
}

function logOf(world: World, process: SimProcess) {
  const line =
    (level: string) =>
    (text: string): void =>
      world.log(process, level, text);
  return { debug: line('debug'), info: line('info'), warning: line('warning'), error: line('error') };
}
