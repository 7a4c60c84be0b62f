/** Runs of one part while the broker answers badly: what a part may not write must not look as if it had been written. */
import { type SyncType } from '../../../src/store/store.ts';
import { type FaultRow, type Trial } from '../trial.ts';
import { moveOf } from './moves.ts';

const PARTS: readonly SyncType[] = ['positions', 'transactions', 'bankroll'];

/** Each part in turn under the fault, then each without it; things happen at the broker all the while. */
async function partsUnder(trial: Trial, resource: string, kind: string, more: object = {}): Promise<void> {
  trial.fault(resource, kind, more);
  for (const [run, type] of PARTS.entries()) await trial.cycle('5m', moveOf(run), type);
  trial.world.faultsOff();
  for (const [run, type] of PARTS.entries())
    await trial.cycle('5m', run === 1 ? moveOf(PARTS.length) : undefined, type);
}

function parts(
  id: string,
  words: string,
  fault: readonly [resource: string, kind: string, more?: object],
  ends: readonly string[],
): FaultRow {
  return {
    id: `parts-${id}`,
    name: `runs of one part while ${words}`,
    catalogue: [],
    made: 'a run of positions, of transactions and of the bankroll under the fault, then the same without it',
    ends,
    play: (trial) => partsUnder(trial, ...fault),
  };
}

/** Every part waits for whole answers of all it is compared with. */
const REFUSED = [...Array<string>(3).fill('broker_bad_answer'), ...Array<string>(3).fill('complete')];

export const PART_ROWS: readonly FaultRow[] = [
  parts('html', 'the account answers with a page', ['account', 'html'], REFUSED),
  parts('empty', 'the list of positions is empty', ['positions', 'empty'], REFUSED),
  parts('partial', 'rows of the activities are left out', ['activities', 'partial'], REFUSED),
  parts(
    'stale',
    'the list of positions is an old one',
    ['positions', 'stale'],
    ['complete', ...REFUSED.slice(1)],
  ),
];
