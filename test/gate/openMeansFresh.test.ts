/** Whatever happened in whatever order: an open gate means that every row says it is fresh, and no softening undoes that. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { askGate } from '../../src/gate/gate.ts';
import { balanceRecords, positionRecords, statusRecord } from '../../src/sync/records.ts';
import { openWorld, type World } from '../world/world.ts';

const PAPER = 'alpaca-paper';

let world: World;
beforeAll(async () => {
  world = await openWorld();
  await world.sync(PAPER);
});
afterAll(() => world.close());

const fault = (kind: string, more: object = {}): Promise<unknown> =>
  world.control('fault', { broker: 'alpaca', account: PAPER, kind, times: 20, ...more });
const transfer = (publish: 'now' | 'next-day') => async (): Promise<void> => {
  await world.control('transfer', { account: PAPER, direction: 'in', symbol: 'PFE', quantity: '3', publish });
};

/** What may happen between two questions. */
const HAPPENINGS: Readonly<Record<string, () => Promise<unknown>>> = {
  'shares, told at once': transfer('now'),
  'shares, told next day': transfer('next-day'),
  'a run of all': () => world.sync(PAPER),
  'a run of positions': () => world.syncPart(PAPER, 'positions'),
  'a run of transactions': () => world.syncPart(PAPER, 'transactions'),
  'a run of the bankroll': () => world.syncPart(PAPER, 'bankroll'),
  'a run that fails': async () => {
    await fault('html', { resource: 'positions' });
    await world.sync(PAPER);
    await world.faultsOff();
  },
  'a run answered by another account': async () => {
    await fault('wrong-account', { times: 1 });
    await world.sync(PAPER);
    await world.faultsOff();
  },
  'a minute': () => world.advance('1m'),
  'ten minutes': () => world.advance('10m'),
  'a day': () => world.advance('next-day'),
};

/** Names of what has just been seen to be open, so that a gate that is always closed fails too. */
const opened = new Set<string>();

async function look(): Promise<void> {
  const account = await world.truebook.account(PAPER);
  const { store, records } = world.truebook;
  const [newest, believed] = [await store.lastRun(account.id), await store.lastRun(account.id, 'complete')];
  for (const onSyncFailure of ['deny', 'caution'] as const) {
    const gate = await askGate(
      { store, records, policy: { onSyncFailure }, sync: null, onWarning: () => undefined },
      account,
    );
    if (!gate.ok) continue;
    opened.add(gate.caution ? 'caution' : 'open');
    // A caution is for a run that failed, and for nothing else: the rest must be as good as for an open gate.
    const told = gate.caution
      ? { ...records, store: { ...store, lastRun: () => Promise.resolve(believed) } }
      : records;
    expect(gate.caution).toBe(newest?.outcome !== 'complete');
    const rows = [
      ...(await positionRecords(told, { account })),
      ...(await balanceRecords(told, { account })),
      ...(await statusRecord(told, { account })).accounts,
    ];
    expect(rows.length).toBeGreaterThan(2);
    expect(rows.filter((row) => !row.fresh || row.why !== null)).toEqual([]);
    expect(rows.every((row) => (row.age ?? Infinity) <= 360)).toBe(true);
  }
}

it('an open gate means that every row is fresh, after anything in any order', async () => {
  const names = fc.array(fc.constantFrom(...Object.keys(HAPPENINGS)), { minLength: 3, maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(names, async (happenings) => {
      for (const name of happenings) {
        await HAPPENINGS[name]!();
        await look();
      }
      await world.advance('next-day');
      await world.sync(PAPER);
      await world.sync(PAPER);
      await look();
    }),
    {
      numRuns: 25,
      // What was found once is tried always.
      examples: [
        [['shares, told next day', 'a run of transactions']],
        [['shares, told next day', 'a run of transactions', 'a run that fails']],
        [['a run of all', 'a run answered by another account', 'a run that fails']],
        [['a run of all', 'a minute', 'a run that fails']],
      ],
    },
  );
  expect(opened).toEqual(new Set(['open', 'caution']));
});
