import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseBook, printBook } from '../../src/book/checkpoint.ts';
import { EMPTY_BOOK, foldBook } from '../../src/book/foldBook.ts';
import { type Activity } from '../../src/domain/activity.ts';
import { Decimal } from '../../src/domain/decimal.ts';
import { activities, bookText, closedText } from '../notation.ts';

function fold(text: string): { book: string; closed: string[] } {
  const { book, closed } = foldBook(EMPTY_BOOK, activities(text));
  return { book: bookText(book), closed: closedText(closed) };
}

describe('quantities and cash', () => {
  test('buys add up and keep the day the position was opened', () => {
    expect(
      fold(`
        2025-08-04 10:00  buy 10 AAPL @ 200   #first
        2025-08-05 10:00  buy 5 AAPL @ 210.5  #second
        2025-08-06 10:00  sell 3 AAPL @ 220   #third`),
    ).toEqual({ book: 'AAPL 12 since 2025-08-04 (#first) | cash USD -2392.5', closed: [] });
  });

  test('selling all ends the episode, buying again starts the next', () => {
    expect(
      fold(`
        2025-08-04 10:00  buy 10 AAPL @ 1   #a
        2025-08-05 10:00  sell 10 AAPL @ 2  #b
        2025-08-06 10:00  buy 1 AAPL @ 3    #c`),
    ).toEqual({
      book: 'AAPL 1 since 2025-08-06 (#c) | cash USD 7',
      closed: ['AAPL 2025-08-04 (#a) -> 2025-08-05 (#b) by fill'],
    });
  });

  test('a flip through zero is two episodes of one trade', () => {
    expect(
      fold(`
        2025-08-04 10:00  buy 10 AAPL @ 1   #a
        2025-08-05 10:00  sell 15 AAPL @ 2  #b`),
    ).toEqual({
      book: 'AAPL -5 since 2025-08-05 (#b) | cash USD 20',
      closed: ['AAPL 2025-08-04 (#a) -> 2025-08-05 (#b) by fill'],
    });
  });

  test('a busted fill counts nothing', () => {
    expect(fold(`2025-08-04 10:00  buy 10 AAPL @ 1 (bust)`)).toEqual({ book: '', closed: [] });
  });

  test('options move cash by their multiplier', () => {
    expect(fold(`2025-08-18 10:00  buy 3 SPY250822C00635000 @ 4.2 #a`).book).toBe(
      'SPY250822C00635000 3 since 2025-08-18 (#a) | cash USD -1260',
    );
  });

  test('an assignment ends the option and delivers the shares', () => {
    expect(
      fold(`
        2025-08-05 10:00  sell 1 KO250815P00070000 @ 0.85  #sold
        2025-08-15        assign 1 KO250815P00070000       #assigned
        2025-08-15        deliver 100 KO @ 70              #delivered`),
    ).toEqual({
      book: 'KO 100 since 2025-08-15 (#delivered) | cash USD -6915',
      closed: ['KO250815P00070000 2025-08-05 (#sold) -> 2025-08-15 (#assigned) by option_assignment'],
    });
  });
});

describe('corporate actions', () => {
  test('a split is one step: the position never passes through flat', () => {
    expect(
      fold(`
        2025-08-05 10:00  buy 25 XMPL @ 400      #a
        2025-08-20        split XMPL 25 -> 100   #s`),
    ).toEqual({ book: 'XMPL 100 since 2025-08-05 (#a) | cash USD -10000', closed: [] });
  });

  test('a split before the trades of its day, whatever arrived first', () => {
    expect(
      fold(`
        2025-08-20 10:00  sell 100 XMPL @ 100    #sold
        2025-08-20        split XMPL 25 -> 100   #s
        2025-08-05 10:00  buy 25 XMPL @ 400      #a`),
    ).toEqual({ book: 'cash USD 0', closed: ['XMPL 2025-08-05 (#a) -> 2025-08-20 (#sold) by fill'] });
  });

  test('a renaming carries the episode to the new name', () => {
    expect(
      fold(`
        2025-08-05 10:00  buy 40 FB @ 1          #a
        2025-08-20        rename META <- FB 40   #r`),
    ).toEqual({ book: 'META 40 since 2025-08-05 (#a) | cash USD -40', closed: [] });
  });

  test('a reverse split of a short', () => {
    expect(
      fold(`
        2025-08-05 10:00  sell 40 XMPL @ 1       #a
        2025-08-20        split XMPL -40 -> -4   #s`),
    ).toEqual({ book: 'XMPL -4 since 2025-08-05 (#a) | cash USD 40', closed: [] });
  });

  describe('rows that the broker does not link', () => {
    const ids: Record<string, string> = {
      'fb-': 'NC:1:FB:-',
      'fb+': 'NC:4:META:+',
      'old-': 'NC:2:OLD:-',
      'old+': 'NC:3:NEW:+',
    };
    const unlinked = (text: string) =>
      activities(text).map((activity) => ({
        ...activity,
        groupId: null,
        rootId: ids[activity.rootId] ?? activity.rootId,
      }));

    test('two renamings of one day are told apart by their quantities', () => {
      const { book, closed } = foldBook(
        EMPTY_BOOK,
        unlinked(`
          2025-08-05 10:00  buy 40 FB @ 1         #a
          2025-08-06 10:00  buy 10 OLD @ 1        #b
          2025-08-20        rename META <- FB 40  #fb
          2025-08-20        rename NEW <- OLD 10  #old`),
      );
      expect(bookText(book)).toBe(
        'META 40 since 2025-08-05 (#a) | NEW 10 since 2025-08-06 (#b) | cash USD -50',
      );
      expect(closed).toEqual([]);
    });

    test('two of equal quantity could be either: each row moves alone, quantities stay right', () => {
      const { book, closed } = foldBook(
        EMPTY_BOOK,
        unlinked(`
          2025-08-05 10:00  buy 40 FB @ 1         #a
          2025-08-06 10:00  buy 40 OLD @ 1        #b
          2025-08-20        rename META <- FB 40  #fb
          2025-08-20        rename NEW <- OLD 40  #old`),
      );
      expect(bookText(book)).toBe(
        'META 40 since 2025-08-20 (#NC:4:META:+) | NEW 40 since 2025-08-20 (#NC:3:NEW:+) | cash USD -80',
      );
      expect(closed).toHaveLength(2);
    });

    test('the only pair of its day belongs together, whatever its quantities', () => {
      const { book } = foldBook(
        EMPTY_BOOK,
        unlinked(`
          2025-08-05 10:00  buy 40 FB @ 1         #a
          2025-08-20        rename META <- FB 40  #fb`).map((activity) =>
          activity.rootId === 'NC:4:META:+' ? { ...activity, quantity: Decimal.parse('4') } : activity,
        ),
      );
      expect(bookText(book)).toBe('META 4 since 2025-08-05 (#a) | cash USD -40');
    });
  });
});

describe('laws', () => {
  const symbols = ['AAPL', 'KO', 'BTC/USD', 'SPY250822C00635000'] as const;
  const trade = fc.record({
    minute: fc.integer({ min: 0, max: 59 }),
    day: fc.integer({ min: 1, max: 28 }),
    side: fc.constantFrom('buy', 'sell'),
    quantity: fc.integer({ min: 1, max: 20 }),
    symbol: fc.constantFrom(...symbols),
    price: fc.integer({ min: 1, max: 500 }),
  });
  const days = fc
    .array(trade, { maxLength: 40 })
    .map((trades) =>
      activities(
        trades
          .map(
            ({ day, minute, side, quantity, symbol, price }, index) =>
              `2025-07-${String(day).padStart(2, '0')} 10:${String(minute).padStart(2, '0')} ${side} ${quantity} ${symbol} @ ${price} #t${index}`,
          )
          .join('\n'),
      ),
    );

  test('the order of arrival never matters', () => {
    fc.assert(
      fc.property(days, fc.infiniteStream(fc.nat()), (list, noise) => {
        const shuffled = list
          .map((activity) => ({ activity, key: noise.next().value as number }))
          .sort((left, right) => left.key - right.key)
          .map(({ activity }) => activity);
        expect(foldBook(EMPTY_BOOK, shuffled)).toEqual(foldBook(EMPTY_BOOK, list));
      }),
    );
  });

  test('quantity is conserved: what is open is what was bought less what was sold', () => {
    fc.assert(
      fc.property(days, (list) => {
        const { book } = foldBook(EMPTY_BOOK, list);
        for (const id of new Set(list.map((activity) => activity.instrument!.id))) {
          const sum = Decimal.sum(list.filter((row) => row.instrument!.id === id).map((row) => row.quantity));
          expect((book.open.get(id)?.quantity ?? Decimal.zero).toString()).toBe(sum.toString());
        }
      }),
    );
  });

  test('folding in two halves through a printed checkpoint equals folding at once', () => {
    fc.assert(
      fc.property(days, fc.nat({ max: 28 }), (list, cut) => {
        const early = list.filter((activity) => Number.parseInt(activity.tradeDate.slice(8), 10) <= cut);
        const late = list.filter((activity) => !early.includes(activity));
        const first = foldBook(EMPTY_BOOK, early);
        const second = foldBook(parseBook(printBook(first.book)), late);
        const whole = foldBook(EMPTY_BOOK, list);
        expect(printBook(second.book)).toBe(printBook(whole.book));
        expect([...first.closed, ...second.closed]).toEqual(whole.closed);
      }),
    );
  });

  test('an episode never closes without an activity of its own instrument', () => {
    fc.assert(
      fc.property(days, (list) => {
        const byRoot = new Map<string, Activity>(list.map((activity) => [activity.rootId, activity]));
        for (const episode of foldBook(EMPTY_BOOK, list).closed) {
          expect(byRoot.get(episode.closedRootId)?.instrument?.id).toBe(episode.instrument);
          expect(byRoot.get(episode.openedRootId)?.instrument?.id).toBe(episode.instrument);
        }
      }),
    );
  });
});
