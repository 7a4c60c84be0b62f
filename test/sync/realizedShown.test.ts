/** `POSITION_SYNC_CALCULATE_REALIZED_PNL`: whether positions and trades show what was realized. */
import { afterEach, expect, test } from 'vitest';
import { openWorld, type World } from '../world/world.ts';

const PAPER = 'alpaca-paper';
let world: World | null = null;

afterEach(async () => {
  await world?.close();
  world = null;
});

async function sold(settings: Record<string, string>): Promise<string[]> {
  const at = (world = await openWorld({ scenario: 'empty', settings }));
  const order = { account: PAPER, symbol: 'AAPL', quantity: '2' };
  await at.control('trade', { ...order, side: 'buy', price: '200' });
  await at.advance('5m');
  await at.control('trade', { ...order, side: 'sell', quantity: '1', price: '210' });
  await at.advance('5m');
  await at.sync(PAPER);
  const positions = (await at.positions(PAPER)).map((row) => `${row.realizedPnl} ${row.realizedBasis}`);
  const trades = (await at.trades(PAPER)).map((row) => `${row.side} ${row.realizedPnl}`);
  return [...positions, ...trades];
}

test('is shown with its basis, beside the sale that realized it', async () => {
  expect(await sold({})).toEqual(['10 exact', 'sell 10', 'buy null']);
});

test('is not shown where the user switched it off', async () => {
  expect(await sold({ POSITION_SYNC_CALCULATE_REALIZED_PNL: 'false' })).toEqual([
    'null unknown',
    'sell null',
    'buy null',
  ]);
});
