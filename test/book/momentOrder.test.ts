import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { printBook } from '../../src/book/checkpoint.ts';
import { EMPTY_BOOK, foldBook, inFoldOrder, uncoveredUnits } from '../../src/book/foldBook.ts';
import { equity } from '../../src/domain/instrument.ts';
import { type Activity } from '../../src/domain/activity.ts';
import { activities, bookText, lotsText } from '../notation.ts';

function fold(rows: readonly Activity[]) {
  const { book, closures } = foldBook(EMPTY_BOOK, rows);
  return {
    book: bookText(book),
    lots: lotsText(book),
    realized: closures.map(({ realized }) => realized?.toString() ?? 'unknown'),
  };
}

/** Of trades at one moment the ids alone give an order: here the sale's comes first. */
const SALE_FIRST = `
  2025-08-04 10:00  sell 4 AAA @ 60   #1
  2025-08-04 10:00  buy 10 AAA @ 50   #2`;

function named(rows: readonly Activity[]): readonly string[] {
  return inFoldOrder(rows).ordered.map(({ rootId }) => rootId);
}

function shortSales(rows: readonly Activity[]): readonly Activity[] {
  return rows.map((row) => (row.side === 'sell' ? { ...row, details: { side: 'sell_short' } } : row));
}

describe('bought and sold at one moment', () => {
  test('nothing is sold before it is there', () => {
    expect(fold(activities(SALE_FIRST))).toEqual({
      book: 'AAA 6 since 2025-08-04 (#2) | cash USD -260',
      lots: ['AAA 6 cost 300 since 2025-08-04 (#2)'],
      realized: ['40'],
    });
  });

  test('so it is of shares that came by a transfer', () => {
    const rows = activities(SALE_FIRST).map((row) =>
      row.rootId === '2' ? { ...row, kind: 'security_transfer' as const } : row,
    );
    expect(lotsText(foldBook(EMPTY_BOOK, rows).book)).toEqual([expect.stringMatching(/^AAA 6 cost unknown/)]);
  });

  test('what is there already is sold in the order of the ids', () => {
    const held = activities(`2025-08-01 10:00  buy 4 AAA @ 40  #0 ${SALE_FIRST}`);
    expect(named(held)).toEqual(['0', '1', '2']);
  });

  test('a short sale comes before what covers it', () => {
    const rows = shortSales(
      activities(`
        2025-08-04 10:00  buy 4 AAA @ 50    #1
        2025-08-04 10:00  sell 10 AAA @ 60  #2`),
    );
    expect(fold(rows)).toEqual({
      book: 'AAA -6 since 2025-08-04 (#2) | cash USD 400',
      lots: ['AAA -6 cost 360 since 2025-08-04 (#2)'],
      realized: ['40'],
    });
  });

  test('what fits in no order stays in the order of the ids', () => {
    const rows = activities(`
        2025-08-04 10:00  sell 20 AAA @ 60  #1
        2025-08-04 10:00  sell 1 BBB @ 60   #2
        2025-08-04 10:00  buy 4 BBB @ 50    #3`);
    expect(named(rows)).toEqual(['1', '3', '2']);
  });

  test('other moments and other instruments keep their places', () => {
    const rows = activities(`
        2025-08-04 10:00  sell 4 AAA @ 60   #1
        2025-08-04 10:00  buy 5 BBB @ 50    #2
        2025-08-04 10:00  buy 10 AAA @ 50   #3
        2025-08-04 10:01  sell 5 CCC @ 50   #4
        2025-08-04 10:02  buy 5 CCC @ 50    #5`);
    expect(named(rows)).toEqual(['3', '2', '1', '4', '5']);
  });
});

test('of sales that are covered by purchases of their moment none is of unknown cost, whatever the ids', () => {
  const trade = fc.tuple(fc.constantFrom('AAA', 'BBB'), fc.integer({ min: 1, max: 9 }), fc.boolean());
  fc.assert(
    fc.property(fc.array(trade, { maxLength: 8 }), fc.infiniteStream(fc.nat(9)), (trades, digits) => {
      const there = new Map<string, number>();
      const lines = trades.flatMap(([symbol, units, isSale], index) => {
        const held = there.get(symbol) ?? 0;
        const change = isSale ? -Math.min(units, held) : units;
        if (change === 0) return [];
        there.set(symbol, held + change);
        const verb = change < 0 ? 'sell' : 'buy';
        return `2025-08-04 10:00  ${verb} ${Math.abs(change)} ${symbol} @ 5  #${digits.next().value}${index}`;
      });
      const rows = activities(lines.join('\n'));
      const { book } = foldBook(EMPTY_BOOK, rows);
      for (const symbol of ['AAA', 'BBB']) {
        expect(uncoveredUnits(book, equity(symbol, 'USD').id).toString()).toBe('0');
      }
      expect(printBook(foldBook(EMPTY_BOOK, rows.toReversed()).book)).toBe(printBook(book));
    }),
  );
});
