/**
 * Whose code is running: every call of the simulated machine (sockets, disk, clock, chance) belongs to the process that
 * made it. The context follows promises, so a process is recognised wherever its code goes on.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { type SimProcess } from './process.ts';

const running = new AsyncLocalStorage<SimProcess>();

/** Runs code as this process; what it awaits goes on as this process too. */
export function runAs<Result>(process: SimProcess, work: () => Result): Result {
  return running.run(process, work);
}

/** Throws outside of every process: then code escaped the simulation. */
export function currentProcess(): SimProcess {
  const process = running.getStore();
  if (process === undefined) throw new Error('code of the product runs outside of every simulated process');
  return process;
}

/** Stands for the end of a process where its code cannot simply stop: it goes up as an error that nobody hears of. */
export class Killed extends Error {
  constructor() {
    super('the process was killed');
  }
}
