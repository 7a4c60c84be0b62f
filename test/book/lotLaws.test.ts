/** Laws of the lots, over random histories. Exact where nothing is rounded, else to the eighteenth digit. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkpointBefore, parseBook, printBook } from '../../src/book/checkpoint.ts';
import {
  type Book,
  DEFAULT_RULES,
  EMPTY_BOOK,
  type Fold,
  foldBook,
  type FoldRules,
  openLots,
  pendingPremiums,
  uncoveredUnits,
} from '../../src/book/foldBook.ts';
import { scaled } from '../../src/book/scaleLots.ts';
import { type Activity, compareActivities } from '../../src/domain/activity.ts';
import { Decimal, decimal } from '../../src/domain/decimal.ts';
import { type Lot, type LotClosure } from '../../src/domain/lot.ts';
import { activities } from '../notation.ts';
import { electMethod, histories, knownHistories, methods, trades } from './histories.ts';

const rulesFor = (
  method: Parameters<typeof electMethod>[0],
  shorts: FoldRules['shortsReported'] = 'all',
): FoldRules => ({
  ...DEFAULT_RULES,
  shortsReported: shorts,
  elections: [electMethod(method)],
});
const sum = (values: readonly Decimal[]): Decimal => Decimal.sum(values);
const signed = (lot: Lot, value: Decimal): Decimal => (lot.direction === 'long' ? value : value.negate());
/** A few units of the last digit that is kept. */
const isNear = (left: Decimal, right: Decimal): boolean =>
  left.minus(right).abs().compare(decimal('0.0000000000000001')) <= 0;

describe('conservation', () => {
  test('open lots, shorts negative, less what is uncovered and waits for cash are the position', () => {
    fc.assert(
      fc.property(
        histories,
        methods,
        fc.constantFrom('all' as const, 'none' as const),
        (list, method, shorts) => {
          const { book } = foldBook(EMPTY_BOOK, list, {
            rules: rulesFor(method, shorts === 'all' ? 'all' : new Set()),
          });
          const ids = new Set([
            ...book.open.keys(),
            ...list.flatMap(({ instrument }) => instrument?.id ?? []),
          ]);
          for (const id of ids) {
            const lots = sum([...openLots(book, id)].map((lot) => signed(lot, lot.openQuantity)));
            const position = book.open.get(id)?.quantity ?? Decimal.zero;
            expect(lots.minus(uncoveredUnits(book, id)).toString(), id).toBe(position.toString());
          }
        },
      ),
    );
  });

  test('cash and what the open lots cost is what was realized, to the last digit, in every method', () => {
    fc.assert(
      fc.property(knownHistories, methods, (list, method) => {
        const income = sum(list.filter((row) => row.kind === 'dividend').map((row) => row.amount!));
        const { book, closures } = foldBook(EMPTY_BOOK, list, { rules: rulesFor(method) });
        const cash = sum([...book.cash.values()]).minus(income);
        const cost = sum([...openLots(book)].map((lot) => signed(lot, lot.openCost!)));
        expect(cash.plus(cost).toString()).toBe(sum(latest(closures).map((row) => row.realized!)).toString());
      }),
    );
  });

  test('so the total from flat to flat is the same in every method', () => {
    fc.assert(
      fc.property(trades, methods, (list, method) => {
        const flat = [...list, ...closing(list)];
        const totals = ([method, 'FIFO'] as const).map((one) => {
          const { book, closures, lots } = foldBook(EMPTY_BOOK, flat, { rules: rulesFor(one) });
          expect([...openLots(book)]).toEqual([]);
          for (const lot of lots) expect(lot.openCost!.toString()).toBe('0');
          return sum(latest(closures).map((row) => row.realized!)).toString();
        });
        expect(totals[0]).toBe(totals[1]);
      }),
    );
  });

  test('premium that leaves an option is in stock, waits for it, or came back', () => {
    fc.assert(
      fc.property(knownHistories, methods, (list, method) => {
        const { book, closures } = foldBook(EMPTY_BOOK, list, { rules: rulesFor(method) });
        const inLots = sum([...openLots(book)].map((lot) => lot.rolled));
        const waiting = sum(pendingPremiums(book).map((premium) => premium.rolled));
        expect(sum(latest(closures).map((row) => row.rolled)).toString()).toBe(
          inLots.plus(waiting).toString(),
        );
      }),
    );
  });

  test('a close is proceeds less cost, and no figure of something unknown is a number', () => {
    fc.assert(
      fc.property(histories, methods, (list, method) => {
        for (const row of foldBook(EMPTY_BOOK, list, { rules: rulesFor(method) }).closures) {
          const known = row.cost !== null && row.proceeds !== null;
          if (row.kind === 'transfer_out') expect(row.realized!.toString()).toBe('0');
          else
            expect(row.realized?.toString()).toBe(
              known ? row.proceeds.minus(row.cost).toString() : undefined,
            );
          expect(row.realizedBasis === 'unknown').toBe(row.realized === null);
        }
      }),
    );
  });
});

/** Closes as they are at last: under COMPRESSED_FIFO a row may come again. */
function latest(closures: readonly LotClosure[]): LotClosure[] {
  return [...new Map(closures.map((row) => [row.id, row])).values()];
}

/** Fills that bring every position to zero. */
function closing(list: readonly Activity[]): Activity[] {
  const { book } = foldBook(EMPTY_BOOK, list);
  const lines = [...book.open.values()].map(({ instrument, quantity }, index) => {
    const symbol = instrument.split(':')[1]!;
    const side = quantity.sign() > 0 ? 'sell' : 'buy';
    return `2028-01-03 10:${10 + index}  ${side} ${quantity.abs().toString()} ${symbol} @ 33.33 fee=0.07 #z${index}`;
  });
  return activities(lines.join('\n'));
}

describe('one book', () => {
  test('the order of arrival never matters, nor does a row that comes twice or was taken back', () => {
    fc.assert(
      fc.property(histories, methods, fc.infiniteStream(fc.nat()), (list, method, noise) => {
        const rules = rulesFor(method);
        const busted = list
          .slice(0, 3)
          .map((row): Activity => ({ ...row, rootId: `${row.rootId}:bust`, status: 'bust' }));
        const shuffled = [...list, ...list.slice(0, 5), ...busted]
          .map((row) => ({ row, key: noise.next().value as number }))
          .sort((left, right) => left.key - right.key)
          .map(({ row }) => row);
        const [one, other] = [
          foldBook(EMPTY_BOOK, list, { rules }),
          foldBook(EMPTY_BOOK, shuffled, { rules }),
        ];
        expect(printBook(other.book)).toBe(printBook(one.book));
        expect(other.closures).toEqual(one.closures);
        expect(other.lots).toEqual(one.lots);
      }),
    );
  });

  test('folded in pieces over printed checkpoints it is the book folded at once, row by row', () => {
    fc.assert(
      fc.property(
        histories,
        methods,
        fc.array(fc.nat({ max: 300 }), { maxLength: 4 }),
        (list, method, cuts) => {
          const rules = rulesFor(method);
          const whole = foldBook(EMPTY_BOOK, list, { rules });
          const pieces = inPieces(list, cuts);
          let book: Book = EMPTY_BOOK;
          const closures = new Map<string, LotClosure>();
          const lots = new Map<string, Lot>();
          for (const piece of pieces) {
            const before = printBook(book);
            const fold: Fold = foldBook(book, piece, { rules });
            expect(printBook(book)).toBe(before);
            for (const row of fold.closures) closures.set(row.id, row);
            for (const row of fold.lots) lots.set(row.id, row);
            book = parseBook(printBook(fold.book));
          }
          expect(printBook(book)).toBe(printBook(whole.book));
          expect(texts([...closures.values()])).toEqual(texts(latest(whole.closures)));
          expect(texts([...lots.values()])).toEqual(texts(whole.lots));
        },
      ),
    );
  });

  test('ids are unique', () => {
    fc.assert(
      fc.property(histories, methods, (list, method) => {
        const fold = foldBook(EMPTY_BOOK, list, { rules: rulesFor(method) });
        expect(new Set(fold.lots.map((lot) => lot.id)).size).toBe(fold.lots.length);
        if (method === 'COMPRESSED_FIFO') return;
        expect(new Set(fold.closures.map((row) => row.id)).size).toBe(fold.closures.length);
      }),
    );
  });

  test('a late activity is folded from the newest checkpoint before its moment', () => {
    fc.assert(
      fc.property(
        histories,
        fc.nat(),
        fc.array(fc.nat({ max: 300 }), { maxLength: 4 }),
        (list, place, cuts) => {
          const late = list[place % Math.max(1, list.length)];
          if (late === undefined) return;
          const rest = list.filter((row) => row !== late);
          const checkpoints = inPieces(rest, cuts)
            .filter((piece) => piece.length > 0)
            .map((piece) => {
              const last = piece.at(-1)!;
              const done = rest.filter((row) => compareActivities(row, last) <= 0);
              return {
                lastExecutedAt: last.executedAt,
                state: printBook(foldBook(EMPTY_BOOK, done).book),
                done,
              };
            });
          const from = checkpointBefore(checkpoints, late);
          const book = from === null ? EMPTY_BOOK : parseBook(from.state);
          const again = [...rest.filter((row) => from?.done.includes(row) !== true), late];
          expect(printBook(foldBook(book, again).book)).toBe(printBook(foldBook(EMPTY_BOOK, list).book));
        },
      ),
    );
  });
});

/** Cuts between days, as a checkpoint lies between moments. */
function inPieces(list: readonly Activity[], cuts: readonly number[]): Activity[][] {
  const days = [...new Set(list.map((row) => row.tradeDate))].sort();
  const ends = [...new Set(cuts.map((cut) => days[cut % Math.max(1, days.length)] ?? ''))].sort();
  const ordered = [...list].sort(compareActivities);
  const pieces = ends.map((end, index) =>
    ordered.filter((row) => row.tradeDate <= end && (index === 0 || row.tradeDate > ends[index - 1]!)),
  );
  return [...pieces, ordered.filter((row) => row.tradeDate > (ends.at(-1) ?? ''))];
}

function texts(rows: readonly object[]): string[] {
  return rows.map((row) => JSON.stringify(row)).sort();
}

describe('restatements', () => {
  test('a split and its inverse change nothing, whatever the ratio and however the broker rounds', () => {
    const factor = fc.integer({ min: 1, max: 30 });
    const digits = fc.constantFrom(6, 9, 36);
    fc.assert(
      fc.property(
        trades,
        fc.tuple(factor, factor),
        digits,
        fc.boolean(),
        methods,
        (list, [news, olds], places, isTold, method) => {
          const rules = rulesFor(method);
          const start = foldBook(EMPTY_BOOK, list, { rules }).book;
          const lines = [...start.open.values()].flatMap(({ instrument, quantity }) => {
            const symbol = instrument.split(':')[1]!;
            const then = scaled(quantity, { news: Decimal.ofInteger(news), olds: Decimal.ofInteger(olds) });
            const rounded = then.round(places).toString();
            // Whole units without terms may have been cut.
            const told = (plus: number, minus: number): string =>
              isTold || !rounded.includes('.') ? `ratioNew=${plus} ratioOld=${minus}` : '';
            return [
              `2028-01-03 split ${symbol} ${quantity.toString()} -> ${rounded} ${told(news, olds)} #s${symbol}`,
              `2028-01-04 split ${symbol} ${rounded} -> ${quantity.toString()} ${told(olds, news)} #t${symbol}`,
            ];
          });
          const back = foldBook(start, activities(lines.join('\n')), { rules }).book;
          expect(texts([...openLots(back)])).toEqual(texts([...openLots(start)]));
        },
      ),
    );
  });

  test('one fill in several executions changes nothing beyond the eighteenth digit', () => {
    fc.assert(
      fc.property(
        trades,
        fc.integer({ min: 2, max: 5 }),
        fc.constantFrom('FIFO' as const, 'LIFO' as const),
        (some, parts, method) => {
          const rules = rulesFor(method);
          // How a broker would round the fees of the parts, nobody knows.
          const list = some.map((row) => ({ ...row, fees: null }));
          const whole = foldBook(EMPTY_BOOK, list, { rules });
          const split = foldBook(
            EMPTY_BOOK,
            list.flatMap((row) => executions(row, parts)),
            { rules },
          );
          const realized = ({ closures }: Fold): Decimal => sum(closures.map((row) => row.realized!));
          expect(isNear(realized(split), realized(whole))).toBe(true);
          const cost = ({ book }: Fold): Decimal =>
            sum([...openLots(book)].map((lot) => signed(lot, lot.openCost!)));
          expect(isNear(cost(split), cost(whole))).toBe(true);
        },
      ),
    );
  });

  test('of all methods HIFO closes at the highest cost', () => {
    fc.assert(
      fc.property(
        trades,
        fc.constantFrom('FIFO' as const, 'LIFO' as const, 'LOFO' as const, 'AVERAGE' as const),
        (list, other) => {
          const { book } = foldBook(EMPTY_BOOK, list);
          const long = [...book.open.values()].find(({ quantity }) => quantity.compare(Decimal.one) > 0);
          if (long === undefined) return;
          const half = long.quantity.times(decimal('0.5')).toString();
          const sale = activities(`2028-01-03 10:00 sell ${half} ${long.instrument.split(':')[1]!} @ 1 #z`);
          const cost = (method: typeof other | 'HIFO'): Decimal =>
            sum(foldBook(book, sale, { rules: rulesFor(method) }).closures.map((row) => row.cost!));
          const [highest, lower] = [cost('HIFO'), cost(other)];
          expect(highest.compare(lower) >= 0 || isNear(highest, lower)).toBe(true);
        },
      ),
    );
  });
});

/** The same execution in parts at the same price; the last takes what is left. */
function executions(row: Activity, parts: number): Activity[] {
  const count = Decimal.ofInteger(parts);
  const part = row.quantity.dividedBy(count, 3, 'down');
  return Array.from({ length: parts }, (_, index) => {
    const before = Decimal.ofInteger(index);
    const isLast = index === parts - 1;
    const quantity = isLast ? row.quantity.minus(part.times(before)) : part;
    return {
      ...row,
      rootId: `${row.rootId}.${index}`,
      quantity,
      amount: quantity.times(row.price!).times(row.instrument!.multiplier).negate(),
    };
  });
}
