import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { printBook } from '../../src/book/checkpoint.ts';
import { EMPTY_BOOK, foldBook, inFoldOrder } from '../../src/book/foldBook.ts';
import { changesFrom } from '../../src/book/eventOrder.ts';
import { type Activity, compareActivities } from '../../src/domain/activity.ts';
import { parseInstant } from '../../src/domain/time.ts';
import { activities, bookText, lotsText } from '../notation.ts';

function fold(text: string) {
  const { book } = foldBook(EMPTY_BOOK, activities(text));
  return { book: bookText(book), lots: lotsText(book) };
}

describe('corporate actions of one day', () => {
  test('a split with its time of day comes before the renaming of its day that has none', () => {
    expect(
      fold(`
        2025-08-05 10:00  buy 10 OLD @ 4         #a
        2025-08-20        rename NEW <- OLD 40   #r
        2025-08-20 12:00  split OLD 10 -> 40     #s`),
    ).toEqual({
      book: 'NEW 40 since 2025-08-05 (#a) | cash USD -40',
      lots: ['NEW 40 cost 40 since 2025-08-05 (#a)'],
    });
  });

  test('so it is of shorts', () => {
    expect(
      fold(`
        2025-08-05 10:00  sell 10 OLD @ 4        #a
        2025-08-20        rename NEW <- OLD -40  #r
        2025-08-20 12:00  split OLD -10 -> -40   #s`),
    ).toEqual({
      book: 'NEW -40 since 2025-08-05 (#a) | cash USD 40',
      lots: ['NEW -40 cost 40 since 2025-08-05 (#a)'],
    });
  });

  test('the rows of a short that is split and then renamed stay where they are', () => {
    const short = `
        2025-08-05 10:00  sell 10 OLD @ 4        #a
        2025-08-20        split OLD -10 -> -40   #s
        2025-08-20        rename NEW <- OLD -40  #r`;
    expect(fold(short).lots).toEqual(['NEW -40 cost 40 since 2025-08-05 (#a)']);
  });

  test('trades of the day before the split are split and renamed with the rest', () => {
    expect(
      fold(`
        2025-08-05 10:00  buy 10 OLD @ 4         #a
        2025-08-20        rename NEW <- OLD 60   #r
        2025-08-20 10:00  buy 5 OLD @ 4          #b
        2025-08-20 12:00  split OLD 15 -> 60     #s
        2025-08-20 15:00  sell 20 NEW @ 2        #c`).lots,
    ).toEqual(['NEW 20 cost 20 since 2025-08-05 (#a)', 'NEW 20 cost 20 since 2025-08-20 (#b)']);
  });

  test('a split of the new name comes behind the renaming, though splits come first', () => {
    expect(
      fold(`
        2025-08-05 10:00  buy 10 OLD @ 4         #a
        2025-08-20        split NEW 10 -> 40     #s
        2025-08-20        rename NEW <- OLD 10   #r`).lots,
    ).toEqual(['NEW 40 cost 40 since 2025-08-05 (#a)']);
  });

  test('a chain of renamings, whatever their ids', () => {
    expect(
      fold(`
        2025-08-05 10:00  buy 10 ONE @ 4         #a
        2025-08-20        rename FOUR <- THREE 10  #r1
        2025-08-20        rename THREE <- TWO 10   #r2
        2025-08-20        rename TWO <- ONE 10     #r3`),
    ).toEqual({
      book: 'FOUR 10 since 2025-08-05 (#a) | cash USD -40',
      lots: ['FOUR 10 cost 40 since 2025-08-05 (#a)'],
    });
  });

  test('a split and its inverse on one day: the one that takes what is held comes first', () => {
    const bought = '2025-08-19 15:50  buy 20 XMPL @ 10  #a';
    const there = '2025-08-22 19:28  split XMPL 20 -> 40  group=g1 #s';
    const back = '2025-08-22        split XMPL 40 -> 20  group=g2 #t';
    expect(fold([bought, back, there].join('\n')).lots).toEqual(['XMPL 20 cost 200 since 2025-08-19 (#a)']);
  });

  test('what does not fit together stays in the order of the book', () => {
    const rows = activities(`
        2025-08-05 10:00  buy 10 OLD @ 4         #a
        2025-08-20        rename NEW <- OLD 10   #r
        2025-08-20 12:00  split KO 10 -> 40      #s
        2025-08-21        rename NEW <- OLD 40   #later`);
    expect(inFoldOrder(rows).ordered).toEqual(rows.toSorted(compareActivities));
  });

  test('what stands alone is waited for, too, and no row is lost', () => {
    const alone = activities(`
        2025-08-05 10:00  buy 10 A @ 4           #a
        2025-08-05 10:00  buy 10 C @ 4           #c
        2025-08-20        rename B <- A 10       #r1
        2025-08-20        rename D <- C 10       #r2
        2025-08-20        split B 10 -> 40       #s`).map((row) =>
      row.kind === 'rename' ? { ...row, groupId: null } : row,
    );
    expect(inFoldOrder(alone).ordered.map(({ rootId }) => rootId)).toEqual([
      'a',
      'c',
      'r1+',
      's+',
      's-',
      'r1-',
      'r2+',
      'r2-',
    ]);
  });

  describe('worked off after a movement before the open', () => {
    test('a split of what was left is of what was left', () => {
      expect(
        fold(`
        2025-08-05 10:00  buy 60 XYZ @ 50        #a
        2025-08-20        split XYZ 40 -> 120    #s
        2025-08-20 04:40  sell 20 XYZ @ 51       #b`),
      ).toEqual({
        book: 'XYZ 120 since 2025-08-05 (#a) | cash USD -1980',
        lots: ['XYZ 120 cost 2000 since 2025-08-05 (#a)'],
      });
    });

    test('so it is of shorts, and of a merger with what was bought', () => {
      expect(
        fold(`
        2025-08-05 10:00  sell 60 XYZ @ 50       #a
        2025-08-05 10:00  buy 60 OLD @ 10        #o
        2025-08-20        split XYZ -40 -> -120  #s
        2025-08-20        rename NEW <- OLD 70   #r
        2025-08-20 04:40  buy 20 XYZ @ 51        #b
        2025-08-20 04:41  buy 10 OLD @ 11        #p`).lots,
      ).toEqual([
        'XYZ -120 cost 2000 since 2025-08-05 (#a)',
        'NEW 60 cost 600 since 2025-08-05 (#o)',
        'NEW 10 cost 110 since 2025-08-20 (#p)',
      ]);
    });

    test('a renaming of what it made comes behind both', () => {
      expect(
        fold(`
        2025-08-05 10:00  buy 60 OLD @ 50        #a
        2025-08-20        rename NEW <- OLD 120  #r
        2025-08-20        split OLD 40 -> 120    #s
        2025-08-20 04:40  sell 20 OLD @ 51       #b`).lots,
      ).toEqual(['NEW 120 cost 2000 since 2025-08-05 (#a)']);
    });

    test('what was held at the start of the day is split there, whatever was sold then', () => {
      expect(
        fold(`
        2025-08-05 10:00  buy 60 XYZ @ 60        #a
        2025-08-20        split XYZ 60 -> 180    #s
        2025-08-20 04:40  sell 30 XYZ @ 21       #b`).lots,
      ).toEqual(['XYZ 150 cost 3000 since 2025-08-05 (#a)']);
    });

    test('a trade after the open, or after its rows were made, is behind it', () => {
      const trade = (time: string): string => `
        2025-08-05 10:00  buy 60 XYZ @ 60        #a
        2025-08-20        split XYZ 40 -> 120    #s
        2025-08-20 ${time}  sell 20 XYZ @ 21     #b`;
      const namesOf = (rows: readonly Activity[]): string[] =>
        inFoldOrder(rows).ordered.map(({ rootId }) => rootId);
      expect(namesOf(activities(trade('04:40')))).toEqual(['a', 'b', 's+', 's-']);
      expect(namesOf(activities(trade('09:31')))).toEqual(['a', 's+', 's-', 'b']);
      const made = activities(trade('04:40')).map((row) => ({
        ...row,
        publishedAt: parseInstant('2025-08-20T08:31:00Z'),
      }));
      expect(namesOf(made)).toEqual(['a', 's+', 's-', 'b']);
    });

    test('at one moment a split is before or behind a trade as its quantities say', () => {
      const at = (held: number): string => `
        2025-08-05 10:00  buy 60 XYZ @ 60        #a
        2025-08-20 10:30  split XYZ ${held} -> ${held * 3}  #s
        2025-08-20 10:30  sell 20 XYZ @ 21       #b`;
      expect(fold(at(60)).lots).toEqual(['XYZ 160 cost 3200 since 2025-08-05 (#a)']);
      expect(fold(at(40)).lots).toEqual(['XYZ 120 cost 2400 since 2025-08-05 (#a)']);
    });

    test('a spin-off restates the cost of what was left', () => {
      const [buy, minus, plus, child, sale] = activities(`
        2025-08-05 10:00  buy 60 SPI @ 60        #a
        2025-08-20        spinoff 0 SPI          group=g  quantityOnWire=-40 price=60
        2025-08-20        spinoff 0 SPI          group=g  quantityOnWire=40 price=45
        2025-08-20        spinoff 10 SPO         group=g  parent=SPI basisFraction=0.25
        2025-08-20 04:40  sell 20 SPI @ 80       #b`);
      expect(lotsText(foldBook(EMPTY_BOOK, [buy!, minus!, plus!, child!, sale!]).book)).toEqual([
        'SPI 40 cost 1800 since 2025-08-05 (#a)',
        'SPO 10 cost 600 since 2025-08-05 (#line:4>a)',
      ]);
    });

    test('such a trade that comes late changes the book from the start of its day', () => {
      const [sale] = activities('2025-08-20 04:40  sell 20 XYZ @ 51 #b');
      const [later] = activities('2025-08-20 09:31  sell 20 XYZ @ 51 #b');
      expect(changesFrom(sale!)).toBe('2025-08-20T04:00:00Z');
      expect(changesFrom(later!)).toBe('2025-08-20T13:31:00Z');
    });
  });

  test('names that were exchanged wait for nothing', () => {
    const { ordered } = inFoldOrder(
      activities(`
        2025-08-05 10:00  buy 10 ONE @ 4         #a
        2025-08-05 10:00  buy 10 TWO @ 4         #b
        2025-08-20        rename TWO <- ONE 10   #r1
        2025-08-20        rename ONE <- TWO 10   #r2`),
    );
    expect(ordered.map(({ rootId }) => rootId)).toEqual(['a', 'b', 'r1+', 'r1-', 'r2+', 'r2-']);
  });
});

test('no row is lost or doubled, and the order of arrival does not matter', () => {
  const names = ['ONE', 'TWO', 'THREE'] as const;
  const name = fc.constantFrom(...names);
  const units = fc.constantFrom(10, 20, 40);
  const hour = fc.constantFrom('', '10:00', '12:00', '15:00');
  const action = fc.oneof(
    fc.tuple(hour, name, units, units).map(([time, of, from, to]) => `${time}  split ${of} ${from} -> ${to}`),
    fc.tuple(hour, name, name, units).map(([time, to, from, n]) => `${time}  rename ${to} <- ${from} ${n}`),
    fc.tuple(name, units).map(([of, n]) => `11:00  buy ${n} ${of} @ 1`),
    fc.tuple(name, units).map(([of, n]) => `11:00  sell ${n} ${of} @ 1`),
    fc.tuple(name, units).map(([of, n]) => `04:40  sell ${n} ${of} @ 1`),
  );
  const history = fc
    .array(action, { maxLength: 8 })
    .map((lines) =>
      [
        ...activities('2025-08-19 11:00 buy 20 ONE @ 1 #one'),
        ...activities(lines.map((line, index) => `2025-08-20 ${line} group=g${index} #x${index}`).join('\n')),
      ].map((row, index) => (index % 3 === 0 ? { ...row, groupId: null } : row)),
    );
  fc.assert(
    fc.property(
      history.chain((list) =>
        fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length })),
      ),
      ([list, shuffled]) => {
        const { ordered } = inFoldOrder(list);
        expect([...ordered].map(({ rootId }) => rootId).sort()).toEqual(
          list.map(({ rootId }) => rootId).sort(),
        );
        expect(printBook(foldBook(EMPTY_BOOK, shuffled).book)).toBe(
          printBook(foldBook(EMPTY_BOOK, list).book),
        );
        expect(inFoldOrder(ordered).ordered).toEqual(ordered);
      },
    ),
  );
});
