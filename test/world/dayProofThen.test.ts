/** Day proofs, findings and returns of an earlier moment: what was shown then is what is shown of then, word for word. */
import { afterEach, describe, expect, test } from 'vitest';
import { type Instant } from '../../src/domain/time.ts';
import {
  dailyBalanceRecords,
  dailyBalanceRecordsThen,
  findingRecords,
  findingRecordsThen,
  returnsRecords,
  type DailyBalanceRecord,
} from '../../src/sync/records.ts';
import { PAPER } from './walks.ts';
import { openWorld, type DatabaseKind, type World } from './world.ts';

const open: World[] = [];

afterEach(async () => {
  for (const made of open.splice(0)) await made.close();
});

async function start(database: DatabaseKind): Promise<World> {
  const at = await openWorld({ database, scenario: 'empty', at: '2025-08-13T13:00:00Z' });
  open.push(at);
  await at.control('cash', { account: PAPER, kind: 'deposit', amount: '50000' });
  await look(at, '2025-08-13T14:00:00Z');
  return at;
}

async function look(at: World, when: string): Promise<void> {
  await at.advance(when);
  await at.sync(PAPER);
}

async function now(at: World): Promise<readonly DailyBalanceRecord[]> {
  return dailyBalanceRecords(at.truebook.records, { account: await at.truebook.account(PAPER) });
}

async function then(at: World, knownAt: string): Promise<readonly DailyBalanceRecord[]> {
  const account = await at.truebook.account(PAPER);
  return dailyBalanceRecordsThen(at.truebook.records, { account, knownAt: knownAt as Instant });
}

const states = (days: readonly DailyBalanceRecord[]): string[] =>
  days.map((day) => `${day.date} ${day.residualState ?? '-'} ${day.residual ?? '?'}`);

describe.each(['sqlite', 'postgres'] as const)('on %s', (database) => {
  test('days as they were shown: pending while a row is awaited, also once it is proved', async () => {
    const at = await start(database);
    await at.control('trade', {
      account: PAPER,
      side: 'sell',
      quantity: '1',
      symbol: 'KO250815P00070000',
      price: '0.85',
    });
    await look(at, '2025-08-13T15:00:00Z');
    await look(at, '2025-08-14T00:05:00Z');
    await look(at, '2025-08-15T00:05:00Z');
    await look(at, '2025-08-15T14:00:00Z');
    await at.advance('2025-08-15T19:55:00Z');
    const option = { account: PAPER, kind: 'assign', symbol: 'KO250815P00070000', quantity: '1' };
    await at.control('option', option);
    const shown = new Map<string, readonly DailyBalanceRecord[]>();
    for (const moment of ['2025-08-16T00:30:00Z', '2025-08-16T05:00:00Z', '2025-08-16T14:00:00Z']) {
      await look(at, moment);
      shown.set(moment, await now(at));
    }
    expect(states(shown.get('2025-08-16T00:30:00Z')!)[0]).toMatch(/^2025-08-15 pending /);
    expect(states(shown.get('2025-08-16T05:00:00Z')!)).toContainEqual(
      expect.stringMatching(/^2025-08-15 pending /),
    );
    await look(at, '2025-08-18T14:00:00Z');
    expect(states(await now(at))).toContain('2025-08-15 proved 0');
    for (const [moment, rows] of shown) expect(await then(at, moment)).toEqual(rows);
  });

  test("a day of which only an earlier look is known has no marks of it: its parts are unknown, not another look's", async () => {
    const at = await start(database);
    await at.control('trade', { account: PAPER, side: 'buy', quantity: '10', symbol: 'AAPL', price: '200' });
    await look(at, '2025-08-13T15:00:00Z');
    await at.control('price', { symbol: 'AAPL', price: '203', hold: true });
    await look(at, '2025-08-13T17:00:00Z');
    const noon = await now(at);
    expect(states(noon)).toEqual(['2025-08-13 proved 0']);
    expect(await then(at, '2025-08-13T17:00:00Z')).toEqual(noon);
    await at.control('price', { symbol: 'AAPL', price: '230', hold: true });
    await look(at, '2025-08-13T19:00:00Z');
    // The marks of 17:00 are written over: what the equity was is known, what of it was whose is not.
    const [day] = await then(at, '2025-08-13T17:00:00Z');
    expect(day).toMatchObject({ equity: noon[0]!.equity, unrealizedChange: null, residual: null });
    expect(states(await then(at, '2025-08-13T19:00:00Z'))).toEqual(states(await now(at)));
  });

  test('returns stand on what was known then, and each epoch has its own', async () => {
    const at = await start(database);
    await at.control('trade', { account: PAPER, side: 'buy', quantity: '10', symbol: 'IBM', price: '200' });
    await at.control('price', { symbol: 'IBM', price: '210', hold: true });
    await look(at, '2025-08-13T15:00:00Z');
    const returns = async (more: object = {}): Promise<string[]> =>
      (
        await returnsRecords(at.truebook.records, {
          account: await at.truebook.account(PAPER),
          allEpochs: true,
          ...more,
        })
      ).map((row) =>
        `${row.epoch}: ${row.from}..${row.to} ${row.timeWeighted ?? 'unknown'} ${row.gaps.join(' ')}`.trim(),
      );
    const shown = new Map<string, string[]>();
    for (const [moment, price] of [
      ['2025-08-14T14:00:00Z', '220'],
      ['2025-08-15T14:00:00Z', '230'],
    ] as const) {
      await at.control('price', { symbol: 'IBM', price, hold: true });
      await look(at, moment);
      shown.set(moment, await returns());
    }
    expect(shown.get('2025-08-14T14:00:00Z')).toEqual(['1: 2025-08-13..2025-08-14 0.4']);
    expect(shown.get('2025-08-15T14:00:00Z')).toEqual(['1: 2025-08-13..2025-08-15 0.6']);
    await at.control('account', { account: PAPER, action: 'reset' });
    for (const moment of ['2025-08-15T14:05:00Z', '2025-08-15T14:10:00Z', '2025-08-15T14:15:00Z'])
      await look(at, moment);
    const { truebook } = at;
    const { id } = await truebook.account(PAPER);
    const grant = await truebook.store.acquireLease(id, truebook.holder('command'), 60_000);
    if (!('lease' in grant)) throw new Error('held');
    await truebook.store.newEpoch(grant.lease, '2025-08-15T14:20:00Z' as Instant, 'test');
    await truebook.store.releaseLease(grant.lease);
    await look(at, '2025-08-15T14:25:00Z');
    await look(at, '2025-08-18T14:00:00Z');
    for (const [knownAt, rows] of shown) {
      expect(await returns({ knownAt })).toEqual(rows);
      expect(await returns({ asOf: '2025-08-14T04:00:00Z' })).toEqual(['1: 2025-08-13..2025-08-13 0.2']);
    }
    const [first, second] = await returns();
    expect(first).toMatch(/^1: 2025-08-13\.\.2025-08-1[45] 0\.[46]/);
    expect(second).toMatch(/^2: 2025-08-1[58]/);
    expect((await returns({ allEpochs: false })).map((line) => line.slice(0, 2))).toEqual(['2:']);
  });

  test('a day nobody looked at makes a return unknown, and is named', async () => {
    const at = await start(database);
    await look(at, '2025-08-15T14:00:00Z');
    await look(at, '2025-08-18T14:00:00Z');
    const account = await at.truebook.account(PAPER);
    expect(await returnsRecords(at.truebook.records, { account })).toMatchObject([
      {
        from: '2025-08-13',
        to: '2025-08-18',
        timeWeighted: null,
        moneyWeighted: null,
        gaps: ['2025-08-14..2025-08-14 no_day', '2025-08-15..2025-08-15 unknown'],
      },
    ]);
  });

  test('findings have the evidence they had', async () => {
    const at = await start(database);
    await at.control('trade', { account: PAPER, side: 'buy', quantity: '10', symbol: 'AAPL', price: '200' });
    await look(at, '2025-08-13T15:00:00Z');
    const sale = { side: 'sell', quantity: '4', symbol: 'AAPL', price: '210', publish: 'next-day' };
    await at.control('trade', { account: PAPER, ...sale });
    await look(at, '2025-08-13T15:05:00Z');
    const account = await at.truebook.account(PAPER);
    const shown = await findingRecords(at.truebook.records, { account });
    expect(shown.map((row) => row.evidence.length > 0)).toEqual([true]);
    await look(at, '2025-08-14T14:00:00Z');
    expect(await findingRecords(at.truebook.records, { account })).toEqual([]);
    const knownAt = '2025-08-13T15:05:00Z' as Instant;
    const told = await findingRecordsThen(at.truebook.records, { account, knownAt });
    expect(told.map((row) => row.evidence)).toEqual(shown.map((row) => row.evidence));
    const [settled] = await findingRecordsThen(at.truebook.records, {
      account,
      knownAt: '2025-08-14T14:00:00Z' as Instant,
      all: true,
    });
    expect(settled!.evidence).toEqual(
      (await findingRecords(at.truebook.records, { account, all: true }))[0]!.evidence,
    );
  });
});
