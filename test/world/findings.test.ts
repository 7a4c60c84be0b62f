import { afterEach, expect, test } from 'vitest';
import { balanceRecords, statusRecord } from '../../src/sync/records.ts';
import { openWorld, type World } from './world.ts';

const PAPER = 'alpaca-paper';
const open: World[] = [];

async function world(options: Parameters<typeof openWorld>[0] = {}): Promise<World> {
  const made = await openWorld(options);
  open.push(made);
  return made;
}

afterEach(async () => {
  for (const made of open.splice(0)) await made.close();
});

/** `state key: cause confidence` of all findings. */
async function findings(at: World): Promise<string[]> {
  const rows = await at.truebook.store.findings({});
  return rows.map((row) => `${row.state} ${row.key}: ${row.cause} ${row.confidence}`);
}

test.each(['sqlite', 'postgres'] as const)(
  'a difference that comes back is reopened (%s)',
  async (database) => {
    const at = await world({ database });
    await at.sync(PAPER);
    const seen: string[] = [];
    for (const _ of [1, 2]) {
      await at.control('transfer', {
        account: PAPER,
        direction: 'in',
        symbol: 'AAPL',
        quantity: '1',
        publish: 'next-day',
      });
      await at.advance('5m');
      await at.sync(PAPER);
      seen.push(...(await findings(at)));
      await at.advance('next-day');
      await at.advance('6h');
      await at.sync(PAPER);
      seen.push(...(await findings(at)));
    }
    expect(seen).toEqual([
      'open position:equity:AAPL:USD: transfer possible',
      'resolved position:equity:AAPL:USD: transfer certain',
      'reopened position:equity:AAPL:USD: transfer possible',
      'resolved position:equity:AAPL:USD: transfer certain',
    ]);
    const events = await at.truebook.store.bookEvents({});
    expect(events.filter((event) => event.kind.startsWith('finding_')).map((event) => event.kind)).toEqual([
      'finding_opened',
      'finding_resolved',
      'finding_reopened',
      'finding_resolved',
    ]);
  },
);

test('a trade that arrives in the run which settles a cash difference is not its cause', async () => {
  const at = await world();
  await at.sync(PAPER);
  await at.control('cash', { account: PAPER, kind: 'deposit', amount: '500', publish: 'next-day' });
  await at.advance('5m');
  await at.sync(PAPER);
  await at.advance('next-day');
  await at.advance('6h');
  await at.control('trade', { account: PAPER, symbol: 'KO', side: 'sell', quantity: '1', price: '70' });
  const run = await at.sync(PAPER);
  expect(run.reconciled).toBe(true);
  expect(await findings(at)).toEqual(['resolved cash:USD: deposit_withdrawal certain']);
});

test('while only cash differs, balances and the account are not fresh, positions are', async () => {
  const at = await world();
  await at.sync(PAPER);
  await at.advance('5m');
  await at.sync(PAPER);
  await at.control('cash', { account: PAPER, kind: 'deposit', amount: '500', publish: 'next-day' });
  await at.advance('5m');
  await at.sync(PAPER);
  const { records } = at.truebook;
  const account = await at.truebook.account(PAPER);
  expect(await balanceRecords(records, { account })).toMatchObject([
    { fresh: false, why: expect.stringMatching(/^unreconciled/) },
  ]);
  expect((await statusRecord(records, { account })).accounts).toMatchObject([
    { fresh: false, why: expect.stringMatching(/^unreconciled/) },
  ]);
  const positions = await at.positions(PAPER);
  expect(positions.map((row) => row.why)).toEqual(positions.map(() => null));
});
