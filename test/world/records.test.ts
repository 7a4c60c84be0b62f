import { afterEach, describe, expect, test } from 'vitest';
import { parseInstant } from '../../src/domain/time.ts';
import { activityRecords, closeRecords, tradeRecords } from '../../src/sync/records.ts';
import { DEFAULT_NOW, executions, openWorld, type World } from './world.ts';

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

test('the mark of a missing position is as old as the last list that held it', async () => {
  const at = await world();
  await at.sync(PAPER);
  const { symbol, quantity } = at.truth(PAPER).positions.find((position) => position.kind === 'option')!;
  await at.control('option', {
    account: PAPER,
    kind: 'expire',
    symbol,
    quantity: quantity.replace('-', ''),
    publish: 'next-day',
  });
  await at.advance('5m');
  await at.sync(PAPER);
  await at.advance('2h');
  await at.sync(PAPER);
  const rows = await at.positions(PAPER);
  const gone = rows.find((row) => row.symbol === symbol)!;
  expect(gone.state).toBe('missing');
  expect(gone.mark).not.toBeNull();
  expect(gone.markAsOf).toBe(DEFAULT_NOW);
  // What is still listed has the list's time.
  const held = rows.find((row) => row.state === 'open' && row.kind === 'equity')!;
  expect(held.markAsOf).toBe(held.asOf);
});

describe('after a reset and a new epoch', () => {
  test('trades, activity and closes are those of the new one; the old ones are kept', async () => {
    const at = await world();
    await at.sync(PAPER);
    const oldTrades = await at.trades(PAPER);
    await at.control('account', { account: PAPER, action: 'reset' });
    await at.advance('5m');
    const { store, records } = at.truebook;
    const granted = await store.acquireLease(
      (await at.truebook.account(PAPER)).id,
      at.truebook.holder('command'),
      60_000,
    );
    if (!('lease' in granted)) throw new Error('the lease is taken');
    await store.newEpoch(granted.lease, parseInstant('2025-08-21T16:05:00Z'), 'test');
    await store.releaseLease(granted.lease);
    await at.control('trade', { account: PAPER, symbol: 'NEWCO', side: 'buy', quantity: '1', price: '10' });
    await at.control('trade', { account: PAPER, symbol: 'NEWCO', side: 'sell', quantity: '1', price: '11' });
    await at.advance('5m');
    expect(await at.sync(PAPER)).toMatchObject({ outcome: 'complete', reconciled: true });

    const account = await at.truebook.account(PAPER);
    expect(account.epoch).toBe(2);
    expect(executions(await at.trades(PAPER))).toEqual(executions(at.truth(PAPER).fills));
    // Also without naming the account, and with a bound that the older rows would use up.
    expect(await tradeRecords(records, { account, limit: 1 })).toHaveLength(1);
    expect((await tradeRecords(records)).every((row) => row.symbol === 'NEWCO')).toBe(true);
    expect(await tradeRecords(records, { account, allEpochs: true })).toHaveLength(oldTrades.length + 2);
    const moved = async (allEpochs: boolean) =>
      new Set((await activityRecords(records, { account, allEpochs })).map((row) => row.symbol));
    expect([...(await moved(false))].filter((symbol) => symbol !== null)).toEqual(['NEWCO']);
    expect((await moved(true)).size).toBeGreaterThan(5);
    const closes = await closeRecords(records, { account });
    expect(closes.map((row) => row.symbol)).toEqual(['NEWCO']);
    const resets = (await closeRecords(records, { account, allEpochs: true })).filter(
      (row) => row.exitActivity === null,
    );
    expect(resets.length).toBeGreaterThan(0);
    // Positions of the old epoch stay among the closed ones.
    expect((await at.positions(PAPER, true)).length).toBeGreaterThan(closes.length);
  });
});

describe('a close', () => {
  async function closeOf(at: World, symbol: string) {
    const rows = await closeRecords(at.truebook.records, { account: await at.truebook.account(PAPER) });
    return rows
      .filter((row) => row.symbol === symbol)
      .map(({ quantity, entry, exit, holdingDays }) => ({ quantity, entry, exit, holdingDays }));
  }

  async function trade(at: World, side: string, quantity: string, price: string, symbol = 'NEWCO') {
    await at.control('trade', { account: PAPER, symbol, side, quantity, price });
    await at.advance('1m');
  }

  test('says the largest size, average prices, and days by trade date', async () => {
    const at = await world();
    await at.sync(PAPER);
    await trade(at, 'buy', '10', '10');
    await trade(at, 'sell', '4', '13');
    await trade(at, 'buy', '2', '16');
    await at.advance('next-day');
    await at.advance('6h');
    await trade(at, 'sell', '8', '19');
    await at.sync(PAPER);
    expect(await closeOf(at, 'NEWCO')).toEqual([{ quantity: '10', entry: '11', exit: '17', holdingDays: 1 }]);
  });

  test('a short position: sold is its entry; a flip ends it with its own part of the trade', async () => {
    const at = await world();
    await at.sync(PAPER);
    await trade(at, 'sell', '3', '20');
    await trade(at, 'buy', '5', '18');
    await at.sync(PAPER);
    expect(await closeOf(at, 'NEWCO')).toEqual([{ quantity: '3', entry: '20', exit: '18', holdingDays: 0 }]);
    await trade(at, 'sell', '2', '21');
    await at.sync(PAPER);
    expect(await closeOf(at, 'NEWCO')).toContainEqual({
      quantity: '2',
      entry: '18',
      exit: '21',
      holdingDays: 0,
    });
  });

  test('counts in the units it was closed in, over a split', async () => {
    const at = await world();
    await at.sync(PAPER);
    await trade(at, 'buy', '10', '40');
    await at.advance('next-day');
    await at.control('corporate-action', { kind: 'split', symbol: 'NEWCO', newShares: '4', oldShares: '1' });
    await at.advance('6h');
    await trade(at, 'sell', '40', '11');
    await at.sync(PAPER);
    expect(await closeOf(at, 'NEWCO')).toEqual([{ quantity: '40', entry: '10', exit: '11', holdingDays: 1 }]);
  });

  test('an expired option was sold to nobody: its exit has no price', async () => {
    const at = await world();
    await at.sync(PAPER);
    const { symbol, quantity } = at.truth(PAPER).positions.find((position) => position.kind === 'option')!;
    const contracts = quantity.replace('-', '');
    await at.control('option', {
      account: PAPER,
      kind: 'expire',
      symbol,
      quantity: contracts,
      publish: 'now',
    });
    await at.advance('5m');
    await at.sync(PAPER);
    const [close] = await closeOf(at, symbol);
    expect(close).toMatchObject({ quantity: contracts, exit: null });
    expect(close!.entry).not.toBeNull();
  });
});
