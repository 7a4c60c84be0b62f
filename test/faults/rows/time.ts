/** This machine's wall clock jumps; the broker's does not. */
import { type FaultRow, type Trial } from '../trial.ts';
import { tradeLong } from './longLedger.ts';
import { moveOf } from './moves.ts';

const HOUR = 3_600_000;
const YEAR = 365 * 24 * HOUR;

function jump(id: string, words: string, ms: number): FaultRow {
  return {
    id,
    name: `the wall clock ${words}`,
    catalogue: ['T58'],
    made: 'the clock of the process is off, the monotonic one goes on; a look before each run, then it is right again',
    ends: ['complete', 'complete', 'complete'],
    play: (trial) => jumpAndBack(trial, ms),
  };
}

/** The same with a ledger that is too long to be read whole in every run: windows depend on the clock then. */
function jumpLong(id: string, words: string, ms: number): FaultRow {
  return {
    ...jump(id, `${words}, a ledger of 230 activities`, ms),
    scenario: 'empty',
    play: async (trial) => {
      tradeLong(trial);
      await trial.begin();
      await jumpAndBack(trial, ms, [0, 3]);
    },
    ends: ['complete', 'complete'],
  };
}

async function jumpAndBack(trial: Trial, ms: number, moves: readonly number[] = [0, 1, 2]): Promise<void> {
  trial.process.clock.wallOffsetMs = ms;
  for (const move of moves) {
    await lookLater(trial);
    await trial.cycle('5m', moveOf(move));
  }
  trial.process.clock.wallOffsetMs = 0;
  await lookLater(trial);
}

/** The judge looks when the data is a little older: an age that the jump made younger shows only then. */
async function lookLater(trial: Trial): Promise<void> {
  trial.world.advance('2m');
  await trial.judge.look(trial.process);
}

export const TIME_ROWS: readonly FaultRow[] = [
  jump('clock-forward', 'jumps 5 hours forward', 5 * HOUR),
  jump('clock-back', 'jumps 5 hours back', -5 * HOUR),
  jump('clock-years-back', 'jumps 10 years back', -10 * YEAR),
  jump('clock-years-forward', 'jumps 13 years forward', 13 * YEAR),
  jumpLong('clock-forward-long', 'jumps 5 days forward', 120 * HOUR),
  jumpLong('clock-back-long', 'jumps 5 days back', -120 * HOUR),
  jumpLong('clock-years-forward-long', 'jumps 13 years forward', 13 * YEAR),
  {
    id: 'machine-sleeps',
    name: 'the machine sleeps for 5 hours, twice',
    catalogue: ['T33'],
    made: 'the monotonic clock stands still while the wall goes on; a look before each run',
    ends: ['complete', 'complete'],
    play: async (trial) => {
      for (const run of [0, 1]) {
        trial.process.clock.sleptMs += 5 * HOUR;
        trial.world.advance('5h');
        await trial.judge.look(trial.process);
        await trial.cycle('5m', moveOf(run));
      }
    },
  },
  {
    id: 'clock-back-restart',
    name: 'the machine starts anew with its wall clock 5 hours back',
    catalogue: ['T58'],
    made: 'the process is started again with another monotonic clock; a look before each run, then the wall is right again',
    ends: ['complete', 'complete', 'complete'],
    play: async (trial) => {
      for (const run of [0, 1]) {
        await trial.restart();
        for (let boot = 0; boot <= run; boot += 1) trial.process.clock.reboot();
        trial.process.clock.wallOffsetMs = -5 * HOUR;
        await lookLater(trial);
        await trial.cycle('5m', moveOf(run));
        await lookLater(trial);
      }
      trial.process.clock.wallOffsetMs = 0;
      await lookLater(trial);
      await trial.cycle('5m', moveOf(2));
    },
  },
  {
    id: 'clock-to-and-fro',
    name: 'the wall clock jumps to and fro by hours in each run',
    catalogue: ['T58'],
    made: 'off by +3, -3, +7, -1, +12, -12 hours, a look before each run',
    ends: Array<string>(6).fill('complete'),
    play: async (trial) => {
      for (const [run, hours] of [3, -3, 7, -1, 12, -12].entries()) {
        trial.process.clock.wallOffsetMs = hours * HOUR;
        await lookLater(trial);
        await trial.cycle('5m', moveOf(run));
      }
      trial.process.clock.wallOffsetMs = 0;
      await lookLater(trial);
    },
  },
];
