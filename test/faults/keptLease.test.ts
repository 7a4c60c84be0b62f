/**
 * What the store keeps from run to run is really carried on: runs of one lease that book fills without anything that
 * makes the store read anew (no bankroll entry, no finding, no option), each held against the three laws.
 */
import { afterEach, expect, test } from 'vitest';
import { createTestDatabase } from '../testDatabase.ts';
import { type BookLook } from './bookLook.ts';
import { Judge } from './judge.ts';
import { openTrialWorld, PAPER, type TrialWorld } from './trialWorld.ts';

const plain = (rows: readonly object[]): unknown => JSON.parse(JSON.stringify(rows));

const open: TrialWorld[] = [];
afterEach(async () => {
  for (const world of open.splice(0)) await world.close();
});

test.each(['sqlite', 'postgres'])('runs that go on from what was kept are right on %s', async (kind) => {
  const world = await openTrialWorld({
    databaseUrl: kind === 'postgres' ? await createTestDatabase() : null,
    scenario: 'empty',
    keepsLease: true,
  });
  open.push(world);
  const process = await world.start();
  const judge = new Judge(world);
  const trade = (side: 'buy' | 'sell', symbol: string, quantity: string): void =>
    void world.control('trade', {
      account: PAPER,
      symbol,
      side,
      quantity,
      price: '10',
      clientRef: 'auto-trial',
    });
  const moves: (() => void)[] = [
    () => void world.control('cash', { account: PAPER, kind: 'deposit', amount: '1000000' }),
    () => undefined,
    () => trade('buy', 'KEPT', '5'),
    () => trade('buy', 'ALSO', '3'),
    () => trade('sell', 'KEPT', '2'),
    () => undefined,
    () => trade('sell', 'KEPT', '3'),
    () => trade('buy', 'KEPT', '1'),
    () => undefined,
  ];
  let trades: BookLook['trades'] = [];
  for (const move of moves) {
    world.advance('5m');
    move();
    judge.noteEquity();
    const startedMs = world.nowMs();
    const end = await process.sync();
    const look = await judge.afterRun(process, end, { startedMs, endedMs: world.nowMs() });
    judge.note(judge.healed(look, end, true));
    expect(judge.violations).toEqual([]);
    const stored = await (await world.start()).truebook.store.syncState(look.accountId);
    expect(plain((await process.truebook.store.syncState(look.accountId)).positions)).toEqual(
      plain(stored.positions),
    );
    trades = look.trades;
  }
  // The order of each fill was asked for: it tells whose trade it was.
  expect(trades.map(({ symbol, manual }) => `${symbol} ${manual}`).sort()).toEqual([
    'ALSO false',
    ...Array<string>(4).fill('KEPT false'),
  ]);
  // Nothing but the deposit set the bankroll anew: else the test would not look at what was kept.
  const { id: accountId } = await process.truebook.account(PAPER);
  expect((await process.truebook.store.bankroll({ accountId })).length).toBeLessThanOrEqual(2);
  expect(await process.truebook.store.findings({ accountId })).toEqual([]);
});
