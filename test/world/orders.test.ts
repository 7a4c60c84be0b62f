/** Who placed a trade: orders that the broker still knows, knows later, or does not know any more. */
import { afterEach, expect, test } from 'vitest';
import { openWorld, type World } from './world.ts';

const PAPER = 'alpaca-paper';
const open: World[] = [];

afterEach(async () => {
  for (const made of open.splice(0)) await made.close();
});

async function world(options: Parameters<typeof openWorld>[0] = {}): Promise<World> {
  const made = await openWorld(options);
  open.push(made);
  return made;
}

const ordersFault = (kind: string, more: object = {}) => ({
  broker: 'alpaca',
  account: PAPER,
  resource: 'orders',
  kind,
  ...more,
});

/** Syncs and answers which paths were called. */
async function calls(at: World): Promise<string[]> {
  const before = at.requests().length;
  expect(await at.sync(PAPER)).toMatchObject({ outcome: 'complete' });
  return at
    .requests()
    .slice(before)
    .map((request) => request.path);
}

const lookups = (paths: readonly string[]): string[] => paths.filter((path) => path.startsWith('/v2/orders'));

const manual = async (at: World, symbol: string): Promise<unknown> =>
  (await at.trades(PAPER)).find((trade) => trade.symbol === symbol)?.manual;

test.each(['sqlite', 'postgres'] as const)(
  'orders that are gone are each asked for once, never in more than eight calls, and again much later (%s)',
  async (database) => {
    const at = await world({ database });
    // A few are left, or the account would not be believed to be the one of these fills.
    await at.control('fault', ordersFault('short-history', { at: 3 }));
    await at.sync(PAPER);
    const asked: string[] = [];
    for (let cycle = 0; cycle < 12; cycle += 1) {
      await at.advance('5m');
      const paths = await calls(at);
      expect(paths.length, paths.join(' ')).toBeLessThanOrEqual(8);
      asked.push(...lookups(paths).filter((path) => path !== '/v2/orders'));
    }
    expect(asked.length).toBeGreaterThan(1);
    expect(new Set(asked).size).toBe(asked.length);
    await at.advance('5m');
    expect(lookups(await calls(at))).toEqual([]);
    // A new trade does not wait behind them.
    const trade = { account: PAPER, side: 'buy', quantity: '1', price: '10' };
    await at.control('trade', { ...trade, symbol: 'NEWCO', clientRef: 'auto-new' });
    await at.advance('5m');
    await at.sync(PAPER);
    expect(await manual(at, 'NEWCO')).toBe(false);
    // They may come back.
    await at.faultsOff();
    await at.advance('31d');
    expect(lookups(await calls(at))).toEqual(['/v2/orders']);
    await at.advance('31d');
    expect(lookups(await calls(at))).toEqual([]);
  },
);

test('an order that shows later than its fill is found minutes later', async () => {
  const at = await world();
  await at.sync(PAPER);
  await at.sync(PAPER);
  await at.control('fault', ordersFault('late'));
  await at.advance('1m');
  const trade = { account: PAPER, symbol: 'LATE', side: 'buy', quantity: '1', price: '10' };
  await at.control('trade', { ...trade, clientRef: 'auto-late' });
  await at.advance('1m');
  await at.sync(PAPER);
  await at.advance('5m');
  await at.sync(PAPER);
  expect(await manual(at, 'LATE')).toBe(true);
  await at.faultsOff();
  await at.advance('5m');
  expect(lookups(await calls(at))).toEqual([]);
  await at.advance('5m');
  await at.sync(PAPER);
  expect(await manual(at, 'LATE')).toBe(false);
});

test('an order once known stays known when its fill is corrected after the broker forgot it', async () => {
  const at = await world();
  await at.sync(PAPER);
  const trade = { account: PAPER, symbol: 'KEPT', side: 'buy', quantity: '2', price: '10' };
  const { created } = await at.control('trade', { ...trade, clientRef: 'auto-kept' });
  await at.advance('5m');
  await at.sync(PAPER);
  expect(await manual(at, 'KEPT')).toBe(false);
  await at.control('trade', { ...trade, symbol: 'OTHER' });
  await at.control('fault', ordersFault('short-history', { at: 1 }));
  const fill = created.find((record) => record['symbol'] === 'KEPT')!['id'];
  await at.control('amend', { account: PAPER, fill, kind: 'correct', price: '11' });
  for (let cycle = 0; cycle < 3; cycle += 1) {
    await at.advance('5m');
    await at.sync(PAPER);
  }
  expect((await at.trades(PAPER)).find((row) => row.symbol === 'KEPT')).toMatchObject({
    price: '11',
    manual: false,
  });
});
