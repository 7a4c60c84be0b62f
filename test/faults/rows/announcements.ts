/** Faults of what decorates rows that are true without it: the book must neither wait for it nor believe it. */
import { type FaultRow, type Move, type Trial } from '../trial.ts';
import { PAPER } from '../trialWorld.ts';
import { moveOf } from './moves.ts';

/** The announcement of a split stands at another address than the rows: the book waits for its rows alone. */
const ANNOUNCEMENT_FAULTS: readonly (readonly [kind: string, more?: object])[] = [
  ['html'],
  ['status', { status: 503, retryAfter: '3600' }],
  ['status', { status: 429, retryAfter: '900' }],
  ['truncate'],
  ['cut-line'],
  ['refuse'],
  ['timeout'],
];

const splitTerms: FaultRow = {
  id: 'split-terms',
  name: 'the announcement of a reverse split cannot be read',
  catalogue: ['T04', 'T05', 'T06'],
  made: 'a page, 503, 429, half an answer, cut lines and silence for the market data, one in each run; then the truth',
  ends: Array<string>(ANNOUNCEMENT_FAULTS.length + 3).fill('complete'),
  play: async (trial) => {
    await trial.cycle('5m', boughtBeforeSplit);
    // Likely is 1:3 of 25 that became 8; what is likely is no more than that.
    for (const [run, [kind, more]] of ANNOUNCEMENT_FAULTS.entries()) {
      trial.world.faultsOff();
      trial.fault('marketdata', kind, more);
      trial.process.clock.longWaitMs = kind === 'timeout' ? 40 : null;
      await trial.cycle('5m', run === 0 ? reverseSplit : moveOf(run));
      await sayIfRatioIs(trial, 'exact', 'although nobody could read it');
      const open = trial.lastLook?.openFindings.filter((row) => row.key.startsWith('quarantine:corporate'));
      if (open?.length !== 1) trial.judge.note([`${open?.length} findings say that it cannot be read`]);
    }
    trial.process.clock.longWaitMs = null;
    trial.world.faultsOff();
    await trial.cycle();
    await sayIfRatioIs(trial, 'estimated', 'although it can be read now');
    // A process that does not know it yet and cannot read it does not take it back.
    await trial.restart();
    trial.fault('marketdata', 'html');
    await trial.cycle();
    await sayIfRatioIs(trial, 'estimated', 'because it cannot be read again');
  },
};

const boughtBeforeSplit: Move = (world) =>
  void world.control('trade', { account: PAPER, symbol: 'SPLT', side: 'buy', quantity: '25', price: '4' });

const reverseSplit: Move = (world) =>
  void world.control('corporate-action', {
    kind: 'split',
    symbol: 'SPLT',
    newShares: '1',
    oldShares: '3',
    cashInLieu: '4.10',
  });

async function sayIfRatioIs(trial: Trial, wrong: 'exact' | 'estimated', why: string): Promise<void> {
  const { store } = trial.process.truebook;
  const account = await trial.process.truebook.account(PAPER);
  const lots = await store.lots({ accountId: account.id, open: true });
  const split = lots.filter((lot) => lot.instrument.includes('SPLT'));
  if (split.length === 0) trial.judge.note(['no lot of the split is open']);
  if (split.some((lot) => (lot.costSource === 'estimated') === (wrong === 'estimated')))
    trial.judge.note([`the lots of the split are ${wrong} ${why}`]);
}

export const ANNOUNCEMENT_ROWS: readonly FaultRow[] = [splitTerms];
