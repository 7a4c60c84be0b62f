/** How often time travel reads the ledger: not once for every statement that today's ledger contradicts. */
import { afterEach, expect, test } from 'vitest';
import { parseInstant } from '../../src/domain/time.ts';
import { type Store } from '../../src/store/store.ts';
import { bookThen } from '../../src/sync/asOf.ts';
import { openWorld, type World } from './world.ts';

const PAPER = 'alpaca-paper';
let world: World | null = null;

afterEach(async () => {
  await world?.close();
  world = null;
});

/** The store, with the names of its verbs as they are called. */
function counted(store: Store, calls: string[]): Store {
  return new Proxy(store, {
    get: (of, name, self) => {
      if (typeof name === 'string') calls.push(name);
      return Reflect.get(of, name, self) as unknown;
    },
  });
}

test('bought and sold on three days, all purchases busted later: one look at their revisions', async () => {
  const at = (world = await openWorld({ scenario: 'empty', at: '2025-08-04T14:00:00Z' }));
  await at.control('cash', { account: PAPER, kind: 'deposit', amount: '50000' });
  const fills: unknown[] = [];
  for (const symbol of ['AAPL', 'KO', 'TSLA']) {
    const order = { account: PAPER, symbol, side: 'buy', quantity: '3', price: '60' };
    fills.push((await at.control('trade', order)).created[0]!['id']);
    await at.advance('5m');
    await at.sync(PAPER);
    await at.control('trade', { ...order, side: 'sell' });
    await at.advance('5m');
    await at.sync(PAPER);
    await at.advance('1d');
  }
  for (const fill of fills) await at.control('amend', { account: PAPER, fill, kind: 'bust' });
  await at.sync(PAPER);
  const calls: string[] = [];
  const account = await at.truebook.account(PAPER);
  const asOf = parseInstant('2025-08-06T20:00:00Z');
  const then = await bookThen(counted(at.truebook.store, calls), account, { asOf }, account.epoch);
  expect([...then.fold.book.open.values()].map(({ quantity }) => quantity.toString())).toEqual([
    '-3',
    '-3',
    '-3',
  ]);
  expect(new Set(then.observations.map((row) => row.asOf)).size).toBe(3);
  for (const { instrument, quantity, asOf: seen } of then.observations)
    expect(then.heldAbout(instrument, quantity, seen)).toBe(true);
  expect(calls.filter((name) => name === 'bookActivitiesAsOf' || name.startsWith('revisions'))).toEqual([
    'bookActivitiesAsOf',
    'revisionsMoving',
  ]);
});
