/** The stream breaks, dies without a word, loses what it should tell, or belongs to somebody else. Polling goes on. */
import { startAgent, type LivingAgent } from '../livingAgent.ts';
import { type FaultRow, type Trial } from '../trial.ts';
import { PAPER } from '../trialWorld.ts';

const logins = (trial: Trial): number =>
  trial.world.requests().filter((request) => request.path === 'listen' && request.account === PAPER).length;

/** An agent whose stream listens and whose first run is done. */
async function listening(trial: Trial): Promise<LivingAgent> {
  const agent = await startAgent(trial, { watch: true });
  await trial.until('the first run', () => agent.reports.length > 0);
  await trial.until('the stream listens', () => logins(trial) > 0);
  await agent.live(5);
  return agent;
}

function buy(trial: Trial): void {
  const terms = { account: PAPER, symbol: 'HINT', side: 'buy', quantity: '1', price: '10' };
  trial.world.control('trade', terms);
}

/** Simulated seconds until what was bought is in the book. */
async function untilSeen(
  trial: Trial,
  agent: LivingAgent,
  secondsMax: number,
  stepSeconds = 1,
): Promise<number> {
  const isSeen = (): boolean =>
    trial.lastLook?.positions.some((position) => position.symbol === 'HINT') === true;
  return agent.live(secondsMax, isSeen, stepSeconds);
}

export const STREAM_ROWS: readonly FaultRow[] = [
  {
    id: 'stream-drop',
    name: 'the stream is dropped',
    catalogue: [],
    made: 'the broker closes the connection once; then something is bought',
    living: true,
    ends: [],
    limits: { 's until it listens again': 15, 's until the trade is in the book': 15 },
    play: async (trial) => {
      const agent = await listening(trial);
      trial.fault('stream', 'stream-drop', { times: 1 });
      const before = logins(trial);
      trial.more['s until it listens again'] = await agent.live(60, () => logins(trial) > before);
      buy(trial);
      trial.more['s until the trade is in the book'] = await untilSeen(trial, agent, 60);
      await agent.stop();
    },
  },
  {
    id: 'stream-half-open',
    name: 'the stream is half open',
    catalogue: ['T14'],
    made: 'nothing comes and no ping is answered, and no end is told; something is bought meanwhile',
    living: true,
    ends: [],
    limits: { 's until it listens again': 40, 's until the trade is in the book': 40 },
    play: async (trial) => {
      const agent = await listening(trial);
      trial.fault('stream', 'half-open', { times: 1 });
      const before = logins(trial);
      buy(trial);
      const again = await agent.live(120, () => logins(trial) > before);
      trial.more['s until it listens again'] = again;
      trial.more['s until the trade is in the book'] = again + (await untilSeen(trial, agent, 60));
      await agent.stop();
    },
  },
  {
    id: 'stream-lossy',
    name: 'the stream loses every frame while its heartbeats go on',
    catalogue: ['T13'],
    made: 'no trade update comes, every ping is answered; something is bought',
    living: true,
    ends: [],
    limits: { 'new logins': 0, 's until the trade is in the book': 320 },
    play: async (trial) => {
      const agent = await listening(trial);
      trial.fault('stream', 'lose-frames');
      const before = logins(trial);
      buy(trial);
      trial.more['s until the trade is in the book'] = await untilSeen(trial, agent, 400, 5);
      trial.more['new logins'] = logins(trial) - before;
      await agent.stop();
    },
  },
  {
    id: 'stream-taken',
    name: 'another program holds the only stream, for an hour',
    catalogue: ['T15'],
    made: '429 for every connection of the stream; something is bought',
    living: true,
    ends: [],
    limits: { 'tries to connect in an hour': 62, 's until the trade is in the book': 330 },
    play: async (trial) => {
      trial.fault('stream', 'status', { status: 429 });
      const agent = await startAgent(trial, { watch: true });
      await trial.until('the first run', () => agent.reports.length > 0);
      buy(trial);
      const seen = await untilSeen(trial, agent, 400, 5);
      trial.more['s until the trade is in the book'] = seen;
      await agent.live(3600 - seen, undefined, 30);
      const active = trial.world.sandbox.control('GET', '/control/faults').body as { applied: number }[];
      trial.more['tries to connect in an hour'] = active[0]?.applied ?? 0;
      await agent.stop();
    },
  },
];
