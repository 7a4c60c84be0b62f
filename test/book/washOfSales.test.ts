/** Wash sales over real books: what is sold together, and in how many executions it was sold. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EMPTY_BOOK, foldBook } from '../../src/book/foldBook.ts';
import { ACCOUNT_WASH, type WashResult, washOfBook } from '../../src/book/wash.ts';
import { type Activity } from '../../src/domain/activity.ts';
import { Decimal } from '../../src/domain/decimal.ts';
import { addMs } from '../../src/domain/time.ts';
import { activities, instrumentOf } from '../notation.ts';
import { heldBasis, putOff, taxable } from './washNotation.ts';

/** Orders of one execution each, all of X. */
function orders(text: string): Activity[] {
  return activities(text).map((row) => ({ ...row, orderId: `order of ${row.rootId}` }));
}

function washed(list: readonly Activity[]): WashResult {
  const { lots, closures } = foldBook(EMPTY_BOOK, list);
  const byRoot = new Map(list.map((row) => [row.rootId, row]));
  const instruments = new Map([[instrumentOf('X').id, instrumentOf('X')]]);
  const activityOf = (rootId: string) => byRoot.get(rootId) ?? null;
  return washOfBook(
    [{ accountId: 1, accountType: 'taxable', lots, closures, instruments, activityOf }],
    ACCOUNT_WASH,
  );
}

/** A sale as executions of one order a second apart; `null` orders make each a sale of its own. */
function inParts(row: Activity, sizes: readonly number[]): Activity[] {
  return sizes.map((size, index) => {
    const quantity = Decimal.ofInteger(-size);
    return {
      ...row,
      rootId: `${row.rootId}.${index}`,
      executedAt: addMs(row.executedAt, index * 1_000),
      quantity,
      amount: quantity.times(row.price!).negate(),
    };
  });
}

const BOUGHT = `
  2024-05-01 10:00  buy 10 X @ 100   #a
  2024-05-02 10:00  buy 10 X @ 120   #b
  2024-05-03 10:00  buy 10 X @ 90    #c`;

describe('what is sold together', () => {
  test('replaces nothing of its own sale: the loss goes to what is still held', () => {
    const result = washed(orders(`${BOUGHT}\n2024-05-10 10:00  sell 15 X @ 110  #s`));
    expect(putOff(result)).toEqual(['5 of b -> c: 50 put off, held from 2024-04-25']);
    expect(taxable(result)).toBe('100');
    expect(heldBasis(result)).toEqual(['b 5 basis 600', 'c 5 basis 500', 'c 5 basis 450']);
  });

  test('all of it at once: nothing is left that could replace, and the loss counts', () => {
    const all = washed(orders(`${BOUGHT}\n2024-05-10 10:00  sell 30 X @ 95  #s`));
    expect(putOff(all)).toEqual([]);
    expect(taxable(all)).toBe('-250');
  });

  test('two orders are two sales: what the second one sells was still there at the first', () => {
    const list = orders(`
      2024-05-01 10:00  buy 10 X @ 120   #a
      2024-05-02 10:00  buy 10 X @ 100   #b
      2024-05-10 10:00  sell 10 X @ 110  #s
      2024-05-10 10:01  sell 10 X @ 110  #t`);
    expect(putOff(washed(list))).toEqual(['10 of a -> b: 100 put off, held from 2024-04-23']);
    const together = list.map((row) => (row.rootId === 't' ? { ...row, orderId: 'order of s' } : row));
    expect(putOff(washed(together))).toEqual([]);
  });
});

const trade = fc.record({
  isBuy: fc.boolean(),
  units: fc.integer({ min: 1, max: 12 }),
  price: fc.integer({ min: 1, max: 9 }),
  days: fc.integer({ min: 0, max: 9 }),
  cuts: fc.array(fc.integer({ min: 1, max: 11 }), { maxLength: 3 }),
});

test('pieces = whole: a sale in several executions puts off what it would have in one', () => {
  fc.assert(
    fc.property(fc.array(trade, { minLength: 3, maxLength: 14 }), (trades) => {
      let [day, held] = [0, 0];
      const whole: Activity[] = [];
      const parts: Activity[] = [];
      for (const [index, { isBuy, units, price, days, cuts }] of trades.entries()) {
        day += days;
        const size = isBuy ? units : Math.min(units, held);
        if (size === 0) continue;
        held += isBuy ? size : -size;
        const date = new Date(Date.UTC(2024, 0, 2 + day)).toISOString().slice(0, 10);
        const [row] = orders(
          `${date} 10:${10 + index}  ${isBuy ? 'buy' : 'sell'} ${size} X @ ${price} #t${index}`,
        ) as [Activity];
        whole.push(row);
        const ends = [...new Set([...cuts.filter((cut) => cut < size), size])].sort((a, b) => a - b);
        const sizes = ends.map((end, place) => end - (ends[place - 1] ?? 0));
        parts.push(...(isBuy ? [row] : inParts(row, sizes)));
      }
      const [one, many] = [washed(whole), washed(parts)];
      expect(taxable(many)).toBe(taxable(one));
      expect(Decimal.sum(many.adjustments.map((row) => row.disallowed)).toString()).toBe(
        Decimal.sum(one.adjustments.map((row) => row.disallowed)).toString(),
      );
      expect(washInByLot(many)).toEqual(washInByLot(one));
    }),
    { numRuns: 300 },
  );
});

function washInByLot({ accounts }: WashResult): string[] {
  const byLot = [...accounts.values()].flatMap((account) => [...account.byLot]);
  return byLot.map(([lot, { openWashIn }]) => `${lot} ${openWashIn.toString()}`).sort();
}
