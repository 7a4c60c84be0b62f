/** The last look of a day was a run of one part: balances and positions of two moments, with a trade between them. */
import { afterEach, expect, test } from 'vitest';
import { dailyBalanceRecords, findingRecords } from '../../src/sync/records.ts';
import { verifyViews } from '../../src/sync/rebuild.ts';
import { openWorld, type World } from './world.ts';

const PAPER = 'alpaca-paper';
let world: World | null = null;

afterEach(async () => {
  await world?.close();
  world = null;
});

async function days(at: World): Promise<string[]> {
  const rows = await dailyBalanceRecords(at.truebook.records, { account: await at.truebook.account(PAPER) });
  return rows.toReversed().map((row) => `${row.date} ${row.residualState}: residual ${row.residual}`);
}

test.each(['sqlite', 'postgres'] as const)('bankroll after a purchase, on %s', async (database) => {
  const at = (world = await openWorld({ database, scenario: 'empty', at: '2025-08-04T14:00:00Z' }));
  await at.control('cash', { account: PAPER, kind: 'deposit', amount: '50000' });
  const buy = async (quantity: string, price: string): Promise<void> => {
    await at.control('trade', { account: PAPER, symbol: 'AAPL', side: 'buy', quantity, price });
    await at.advance('30m');
  };
  await buy('10', '200');
  await at.sync(PAPER);
  await at.advance('2025-08-05T14:00:00Z');
  await at.sync(PAPER);
  await buy('4', '230');
  await at.syncPart(PAPER, 'bankroll');
  for (const date of ['2025-08-06', '2025-08-07', '2025-08-08']) {
    await at.advance(`${date}T14:00:00Z`);
    await at.sync(PAPER);
  }
  // Without the positions of that moment nobody knows what they were worth: unknown, and no residual that blames anything.
  expect(await days(at)).toEqual([
    '2025-08-04 proved: residual 0',
    '2025-08-05 unknown: residual null',
    '2025-08-06 unknown: residual null',
    '2025-08-07 proved: residual 0',
    '2025-08-08 proved: residual 0',
  ]);
  expect(await findingRecords(at.truebook.records)).toEqual([]);
  expect((await verifyViews(at.truebook.store, await at.truebook.account(PAPER), null)).same).toBe(true);
});
