/** Two processes want to write for one account. */
import { isTruebookError } from '../../../src/domain/errors.ts';
import { runAgent } from '../../../src/sync/agent.ts';
import { type FaultRow, type Trial } from '../trial.ts';
import { type Process } from '../trialWorld.ts';
import { moveOf } from './moves.ts';
import { agentOptions, startAgent } from '../livingAgent.ts';
import { inTheMiddle } from './storage.ts';

export const AGENT_ROWS: readonly FaultRow[] = [
  {
    id: 'two-agents',
    name: 'a second agent is started for the same account',
    catalogue: ['T51'],
    made: 'two processes on one database; a command of the second goes through the first',
    living: true,
    turns: true,
    ends: ['lease_held', 'complete'],
    play: async (trial) => {
      const agent = await startAgent(trial, { watch: false });
      await trial.until('the first run', () => agent.reports.length > 0);
      await agent.judged();
      const second = await trial.world.start();
      trial.ends.push(await refusal(trial, second));
      moveOf(0)?.(trial.world);
      const asked = await second.sync();
      await trial.until('the agent told its run', () =>
        agent.reports.some((run) => run.id === asked.run?.id),
      );
      await agent.judged();
      trial.count(asked);
      trial.more['runs made by the second process'] = asked.run !== null && asked.by === 'here' ? 1 : 0;
      await agent.stop();
    },
  },
  {
    id: 'paused-agent',
    name: 'a process is paused in the middle of a run, another takes over',
    catalogue: ['T32', 'T51'],
    made: 'the second is told that the first is gone and takes its lease; then the first goes on',
    turns: true,
    ends: ['complete', 'lease_lost', 'complete', 'lease_lost'],
    play: async (trial) => {
      const second = await trial.world.start();
      const first = trial.process;
      for (const run of [0, 1]) {
        trial.world.advance('5m');
        moveOf(run)?.(trial.world);
        const end = await inTheMiddle(
          trial,
          () => first.sync(),
          async () => {
            const taken = await trial.afterRun(second, () => second.sync(undefined, () => true));
            trial.count(taken);
          },
        );
        trial.count(await trial.afterRun(first, () => Promise.resolve(end)));
      }
    },
  },
];

/** The word with which a second agent is turned away. */
async function refusal(trial: Trial, second: Process): Promise<string> {
  try {
    await runAgent({ ...(await agentOptions(trial, second, false)), once: true, isGone: () => false });
    return 'complete';
  } catch (error) {
    if (!isTruebookError(error)) throw error;
    trial.hear({ run: null, error });
    return error.code;
  }
}
