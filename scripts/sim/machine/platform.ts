/** Takes the place of `src/platform.ts` for `compose.ts`: the machine of the simulated process that asks. */
import type * as real from '../../../src/platform.ts';
import { currentProcess } from '../stage.ts';

export { pacingClock, refreshClock } from '../../../src/platform.ts';

export const randomUnit: typeof real.randomUnit = () => currentProcess().chance.unit();

export const randomBytes: typeof real.randomBytes = (count) => {
  const { chance } = currentProcess();
  return Buffer.from(Array.from({ length: count }, () => chance.integer(0, 255)));
};

export const processId: typeof real.processId = () => currentProcess().pid;

export const hostName: typeof real.hostName = () => currentProcess().machine.name;

export const isProcessAlive: typeof real.isProcessAlive = (pid) =>
  currentProcess().machine.processes.has(pid);

export const openClock: typeof real.openClock = () => Promise.resolve(currentProcess().clock);

export const afterRealMs: typeof real.afterRealMs = (ms, action) =>
  currentProcess().after(ms, 'timer', action);
