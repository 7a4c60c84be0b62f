/** A fill of yesterday is corrected or busted today: what was stated yesterday held it as it was, and both days add up. */
import { afterEach, describe, expect, test } from 'vitest';
import { dailyBalanceRecords, findingRecords } from '../../src/sync/records.ts';
import { verifyViews } from '../../src/sync/rebuild.ts';
import { openWorld, type World } from './world.ts';

const PAPER = 'alpaca-paper';
let world: World | null = null;

afterEach(async () => {
  await world?.close();
  world = null;
});

/** `date proof: corrected N, residual N`, oldest first. */
async function days(at: World): Promise<string[]> {
  const rows = await dailyBalanceRecords(at.truebook.records, { account: await at.truebook.account(PAPER) });
  return rows
    .toReversed()
    .map((row) => `${row.date} ${row.residualState}: corrected ${row.corrections}, residual ${row.residual}`);
}

/** Buys 10 @ 200 and 4 @ 210, sells 5 @ 230 on Monday; answers the ids of the fills. */
async function monday(database: 'sqlite' | 'postgres'): Promise<{ at: World; fills: string[] }> {
  const at = (world = await openWorld({ database, scenario: 'empty', at: '2025-08-04T14:00:00Z' }));
  await at.control('cash', { account: PAPER, kind: 'deposit', amount: '50000' });
  const fills: string[] = [];
  for (const [side, quantity, price] of [
    ['buy', '10', '200'],
    ['buy', '4', '210'],
    ['sell', '5', '230'],
  ]) {
    const order = { account: PAPER, symbol: 'AAPL', side, quantity, price };
    fills.push(String((await at.control('trade', order)).created[0]!['id']));
    await at.advance('5m');
    await at.sync(PAPER);
  }
  return { at, fills };
}

async function mornings(at: World, ...dates: string[]): Promise<void> {
  for (const date of dates) {
    await at.advance('5m');
    await at.sync(PAPER);
    await at.advance(`${date}T14:00:00Z`);
    await at.sync(PAPER);
  }
}

describe.each(['sqlite', 'postgres'] as const)('on %s', (database) => {
  test('a price is corrected the next day', async () => {
    const { at, fills } = await monday(database);
    await at.advance('2025-08-05T14:00:00Z');
    await at.sync(PAPER);
    await at.control('amend', { account: PAPER, fill: fills[2], kind: 'correct', price: '231' });
    await mornings(at, '2025-08-06', '2025-08-07');
    expect((await days(at)).slice(0, 3)).toEqual([
      '2025-08-04 proved: corrected -5, residual 0',
      '2025-08-05 proved: corrected 5, residual 0',
      '2025-08-06 proved: corrected 0, residual 0',
    ]);
    expect(await findingRecords(at.truebook.records)).toEqual([]);
    expect((await verifyViews(at.truebook.store, await at.truebook.account(PAPER), null)).same).toBe(true);
  });

  test('a purchase is busted the next day, and a sale two days later', async () => {
    const { at, fills } = await monday(database);
    await at.advance('2025-08-05T14:00:00Z');
    await at.sync(PAPER);
    await at.control('amend', { account: PAPER, fill: fills[1], kind: 'bust' });
    await mornings(at, '2025-08-06');
    await at.control('amend', { account: PAPER, fill: fills[2], kind: 'bust' });
    await mornings(at, '2025-08-07');
    const shown = (await days(at)).slice(0, 3);
    expect(shown.map((row) => row.replace(/corrected [^,]+/, 'corrected'))).toEqual([
      '2025-08-04 proved: corrected, residual 0',
      '2025-08-05 proved: corrected, residual 0',
      '2025-08-06 proved: corrected, residual 0',
    ]);
    expect(shown.every((row) => !row.includes('corrected 0'))).toBe(true);
    expect(await findingRecords(at.truebook.records)).toEqual([]);
    expect((await verifyViews(at.truebook.store, await at.truebook.account(PAPER), null)).same).toBe(true);
  });

  test.each([
    ['a price is corrected', { kind: 'correct', price: '231' }],
    ['a sale is busted', { kind: 'bust' }],
  ])('what is amended a week later, when proofs begin with a book that holds it: %s', async (_what, how) => {
    const { at, fills } = await monday(database);
    await mornings(at, '2025-08-05', '2025-08-06', '2025-08-07', '2025-08-08', '2025-08-11');
    await at.control('amend', { account: PAPER, fill: fills[2], ...how });
    await mornings(at, '2025-08-12', '2025-08-13');
    const shown = await days(at);
    expect(shown.slice(0, 7).filter((row) => !/ proved: .+ residual 0$/.test(row))).toEqual([]);
    if (how.kind === 'correct') expect(shown[5]).toBe('2025-08-11 proved: corrected 5, residual 0');
    expect(await findingRecords(at.truebook.records)).toEqual([]);
    expect((await verifyViews(at.truebook.store, await at.truebook.account(PAPER), null)).same).toBe(true);
  });

  test('a purchase is published the next day and busted after that', async () => {
    const { at } = await monday(database);
    const late = { side: 'buy', quantity: '3', price: '220', publish: 'next-day' };
    const { created } = await at.control('trade', { account: PAPER, symbol: 'AAPL', ...late });
    await at.advance('5m');
    await at.sync(PAPER);
    await mornings(at, '2025-08-05');
    await at.control('amend', { account: PAPER, fill: String(created[0]!['id']), kind: 'bust' });
    await mornings(at, '2025-08-06', '2025-08-07');
    const shown = (await days(at)).slice(0, 3);
    expect(shown.map((row) => row.replace(/corrected [^,]+/, 'corrected'))).toEqual([
      '2025-08-04 proved: corrected, residual 0',
      '2025-08-05 proved: corrected, residual 0',
      '2025-08-06 proved: corrected, residual 0',
    ]);
    expect(shown[0]).not.toContain('corrected 0');
    expect(await findingRecords(at.truebook.records)).toEqual([]);
  });
});
