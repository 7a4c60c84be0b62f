/** The broker's own figures beside ours, as `positions --broker` shows them: real sandbox, real book. */
import { afterEach, expect, test } from 'vitest';
import { brokerFigureRecords, type BrokerFigureRecord } from '../../src/sync/records.ts';
import { openWorld, type World } from '../world/world.ts';

const PAPER = 'alpaca-paper';
let world: World | null = null;

afterEach(async () => {
  await world?.close();
  world = null;
});

const figures = async (at: World): Promise<BrokerFigureRecord | undefined> =>
  (await brokerFigureRecords(at.truebook.records))[0];

/** Buys 100 @ 10 and 50 @ 12, the next day 30 @ 15, and sells 120 @ 16 the day after: the example of Alpaca's page. */
async function boughtOnTwoDays(): Promise<World> {
  const at = (world = await openWorld({ scenario: 'empty', at: '2025-08-04T14:00:00Z' }));
  const trade = (side: string, quantity: string, price: string): Promise<unknown> =>
    at.control('trade', { account: PAPER, symbol: 'AAPL', side, quantity, price });
  await at.control('cash', { account: PAPER, kind: 'deposit', amount: '50000' });
  await trade('buy', '100', '10');
  await at.advance('5m');
  await trade('buy', '50', '12');
  await at.advance('2025-08-05T14:00:00Z');
  await trade('buy', '30', '15');
  await at.advance('2025-08-06T14:00:00Z');
  await trade('sell', '120', '16');
  await at.advance('5m');
  return at;
}

// The sandbox counts by the running weighted average; compressed FIFO is in brokerFigures.test.ts.
test('an average that is another method is explained by it', async () => {
  const at = await boughtOnTwoDays();
  await at.sync(PAPER);
  expect(await figures(at)).toMatchObject({
    quantity: '60',
    averageCost: '13.5',
    averageAgreement: 'explained',
    convention: 'weighted average, fees out',
    unrealizedAgreement: 'explained',
  });
});

test('figures that are one say so; a quantity that differs is not compared', async () => {
  const at = (world = await openWorld({ scenario: 'empty', at: '2025-08-04T14:00:00Z' }));
  const trade = { account: PAPER, symbol: 'AAPL' };
  await at.control('trade', { ...trade, side: 'buy', quantity: '3', price: '200.01' });
  await at.advance('5m');
  await at.sync(PAPER);
  expect(await figures(at)).toMatchObject({
    averageCost: '200.01',
    brokerAverageCost: '200.01',
    averageDifference: '0',
    averageAgreement: 'same',
    convention: null,
    unrealizedAgreement: 'same',
  });
  await at.control('trade', { ...trade, side: 'sell', quantity: '1', price: '201', publish: 'next-day' });
  await at.advance('5m');
  await at.sync(PAPER);
  expect(await figures(at)).toMatchObject({
    averageAgreement: 'quantity_differs',
    unrealizedAgreement: 'quantity_differs',
  });
});

test('where no cost of ours is known, the broker is neither right nor wrong', async () => {
  const at = (world = await openWorld({ scenario: 'empty', at: '2025-08-04T14:00:00Z' }));
  await at.control('transfer', { account: PAPER, direction: 'in', symbol: 'IBM', quantity: '20' });
  await at.advance('5m');
  await at.sync(PAPER);
  expect(await figures(at)).toMatchObject({ averageCost: null, averageAgreement: 'unknown' });
});
