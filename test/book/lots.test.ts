import { describe, expect, test } from 'vitest';
import { parseBook, printBook } from '../../src/book/checkpoint.ts';
import {
  DEFAULT_RULES,
  EMPTY_BOOK,
  foldBook,
  pendingPremiums,
  uncoveredUnits,
  type FoldRules,
} from '../../src/book/foldBook.ts';
import { type Activity } from '../../src/domain/activity.ts';
import { decimal } from '../../src/domain/decimal.ts';
import { type Election } from '../../src/domain/election.ts';
import { type InstrumentId } from '../../src/domain/instrument.ts';
import { parseInstant, parseTradeDate } from '../../src/domain/time.ts';
import { activities, closuresText, instrumentOf, lotsText } from '../notation.ts';

/** What the book says after a text: its open lots and every close. */
function book(text: string, rules: Partial<FoldRules> = {}): { lots: string[]; closes: string[] } {
  const fold = foldBook(EMPTY_BOOK, activities(text), { rules: { ...DEFAULT_RULES, ...rules } });
  expect(printBook(parseBook(printBook(fold.book)))).toBe(printBook(fold.book));
  return { lots: lotsText(fold.book), closes: closuresText(fold.closures) };
}

function elect(kind: Election['kind'], choice: string, more: Partial<Election> = {}): Election {
  const firstSeenAt = parseInstant('2025-01-01T00:00:00Z');
  const always = { validFrom: null, validTo: null };
  return { kind, object: null, choice, source: 'user', details: {}, firstSeenAt, ...always, ...more };
}

const only = (...elections: Election[]): Partial<FoldRules> => ({ elections });
const AAPL = 'equity:AAPL:USD' as InstrumentId;

describe('trades', () => {
  test('a fee is inside the cost of a purchase and off the proceeds of a sale', () => {
    expect(
      book(`
        2024-01-02 10:00  buy 100 AAPL @ 10 fee=1     #a
        2024-01-03 10:00  sell 50 AAPL @ 12 fee=0.50  #b`),
    ).toEqual({
      lots: ['AAPL 50 cost 500.5 since 2024-01-02 (#a)'],
      closes: ['sale 50 of #a: cost 500.5, got 599.5 = 99 short'],
    });
  });

  test.each([
    ['in_basis', '99'],
    ['excluded', '100'],
    ['expensed', '98.5'],
  ])('the same trades with fees %s realize %s', (policy, realized) => {
    const fold = foldBook(
      EMPTY_BOOK,
      activities(`
        2024-01-02 10:00  buy 100 AAPL @ 10 fee=1     #a
        2024-01-03 10:00  sell 50 AAPL @ 12 fee=0.50  #b`),
      { rules: { ...DEFAULT_RULES, elections: [elect('fee_policy', policy)] } },
    );
    const total = fold.closures.reduce((sum, row) => sum.plus(row.realized!), fold.closures[0]!.realized!);
    expect(total.minus(fold.closures[0]!.realized!).toString()).toBe(realized);
  });

  test('a rebate is a negative fee', () => {
    expect(book(`2024-01-02 10:00  buy 100 AAPL @ 10 fee=-0.05 #a`).lots).toEqual([
      'AAPL 100 cost 999.95 since 2024-01-02 (#a)',
    ]);
  });

  test('a short: a fee lowers what it brought', () => {
    expect(
      book(`
        2024-01-02 10:00  sell 100 AAPL @ 50 fee=1   #a
        2024-01-05 10:00  buy 40 AAPL @ 45 fee=0.4   #b
        2024-01-08 10:00  buy 60 AAPL @ 55 fee=0.6   #c`),
    ).toEqual({
      lots: [],
      closes: [
        'cover 40 of #a: cost 1800.4, got 1999.6 = 199.2 short',
        'cover 60 of #a: cost 3300.6, got 2999.4 = -301.2 short',
      ],
    });
  });

  test('a flip closes one lifecycle and opens the next, its fee split by quantity', () => {
    const text = `
      2024-01-02 10:00  buy 100 AAPL @ 10 fee=1   #a
      2024-01-03 10:00  sell 150 AAPL @ 12 fee=3  #b
      2024-01-04 10:00  buy 50 AAPL @ 11 fee=1    #c`;
    const { closures, lots } = foldBook(EMPTY_BOOK, activities(text));
    expect(closuresText(closures)).toEqual([
      'sale 100 of #a: cost 1001, got 1198 = 197 short',
      'cover 50 of #b: cost 551, got 599 = 48 short',
    ]);
    expect(lots.map((lot) => [lot.id, lot.openedRootId, lot.direction])).toEqual([
      ['a', 'a', 'long'],
      ['b', 'b', 'short'],
    ]);
  });

  test('what the broker says was paid beats price times quantity', () => {
    const [drip] = activities(`2024-03-28 10:00  buy 0.123396 AAPL @ 81.04  #a`);
    const paid = { ...drip!, amount: drip!.amount!.round(2) };
    expect(lotsText(foldBook(EMPTY_BOOK, [paid]).book)).toEqual([
      'AAPL 0.123396 cost 10 since 2024-03-28 (#a)',
    ]);
  });

  test('a fill whose money nobody knows has a lot without cost: unknown, never zero', () => {
    const [fill] = activities(`2024-03-28 10:00  buy 1 SPY1250822C00635000 @ 2  #a`);
    const fold = foldBook(EMPTY_BOOK, [
      { ...fill!, amount: null },
      ...activities(`2024-03-29 10:00  sell 1 SPY1250822C00635000 @ 3  #b`),
    ]);
    expect(closuresText(fold.closures)).toEqual([
      'sale 1 of #a: cost unknown, got 300 = unknown short (unknown)',
    ]);
    expect(fold.lots[0]).toMatchObject({ cost: null, costSource: 'unknown' });
  });

  test('thirds: the piece that empties a lot takes the remainder', () => {
    const { closes, lots } = book(`
      2024-01-02 10:00  buy 3 AAPL @ 3.3333333333 fee=0.0000000001  #a
      2024-01-03 10:00  sell 1 AAPL @ 4  #b
      2024-01-03 10:01  sell 1 AAPL @ 4  #c
      2024-01-03 10:02  sell 1 AAPL @ 4  #d`);
    expect(lots).toEqual([]);
    expect(closes).toEqual([
      'sale 1 of #a: cost 3.333333333333333333, got 4 = 0.666666666666666667 short',
      'sale 1 of #a: cost 3.333333333333333333, got 4 = 0.666666666666666667 short',
      'sale 1 of #a: cost 3.333333333333333334, got 4 = 0.666666666666666666 short',
    ]);
  });

  test('a share that ends is exact, though it has more than 18 digits', () => {
    const { closes, lots } = book(`
      2024-01-02 10:00  buy 1.000000000000000001 AAPL @ 2000.55   #a
      2024-03-01 10:00  sell 0.333333333333333333 AAPL @ 2100.57  #b`);
    expect(lots).toEqual(['AAPL 0.666666666666666668 cost 1333.7000000000000026674 since 2024-01-02 (#a)']);
    expect(closes).toEqual([
      'sale 0.333333333333333333 of #a: cost 666.84999999999999933315, ' +
        'got 700.18999999999999929981 = 33.33999999999999996666 short',
    ]);
  });
});

describe('methods', () => {
  const TRADES = `
    2024-01-10 10:00  buy 100 AAPL @ 10 fee=1       #a
    2024-03-10 10:00  buy 100 AAPL @ 12 fee=1       #b
    2024-06-10 10:00  buy 100 AAPL @ 9 fee=1        #c
    2024-09-10 10:00  sell 150 AAPL @ 11 fee=1.50   #d`;

  test.each([
    ['FIFO', '47'],
    ['LIFO', '147'],
    ['HIFO', '-53'],
    ['LOFO', '247'],
    ['AVERAGE', '97'],
    ['COMPRESSED_FIFO', '47'],
    ['ZERO_BASIS_FIRST_FIFO', '47'],
  ])('%s realizes %s; with what remains it is always the same', (method, realized) => {
    const { book, closures } = foldBook(EMPTY_BOOK, activities(TRADES), {
      rules: { ...DEFAULT_RULES, elections: [elect('lot_method', method)] },
    });
    const total = closures.map((row) => row.realized!).reduce((left, right) => left.plus(right));
    expect(total.toString()).toBe(realized);
    const left = [...foldBook(book, []).book.lots.entries.values()].length;
    expect(left).toBe(1);
    const remaining = lotsText(book).map((line) => Number.parseInt(line.split(' ')[1]!, 10));
    expect(remaining.reduce((sum, units) => sum + units, 0)).toBe(150);
  });

  test('lots named for one close win over the method, and the broker names them better than a person', () => {
    const choose = (source: string, details: Record<string, string>): Election =>
      elect('lot_choice', 'lots', { object: 'd', details, source });
    const user = choose('user', { a: '100', c: '50' });
    expect(book(TRADES, only(choose('user', { b: '100', c: '50' }))).closes).toEqual([
      'sale 100 of #b: cost 1201, got 1099 = -102 short',
      'sale 50 of #c: cost 450.5, got 549.5 = 99 short',
    ]);
    expect(book(TRADES, only(user, choose('ibkr', { b: '150' }))).closes[0]).toContain('of #b');
  });

  test('a choice that cannot be followed is told, and the method takes its place: no unit gets lost', () => {
    const rules = {
      ...DEFAULT_RULES,
      elections: [elect('lot_choice', 'lots', { object: 'd', details: { b: '120', nobody: '10' } })],
    };
    const fold = foldBook(EMPTY_BOOK, activities(TRADES), { rules });
    expect(fold.refusals).toEqual([
      { activityRootId: 'd', reason: 'insufficient_lots' },
      { activityRootId: 'd', reason: 'no_match' },
      { activityRootId: 'd', reason: 'insufficient_lots' },
    ]);
    expect(fold.closures.map((row) => `${row.lotId} ${row.quantity.toString()}`)).toEqual(['b 100', 'a 50']);
  });

  test('a lot that is named for some units and next by FIFO for the rest gives two rows with ids of their own', () => {
    const rules = {
      ...DEFAULT_RULES,
      elections: [elect('lot_choice', 'lots', { object: 'd', details: { a: '10' } })],
    };
    const { closures } = foldBook(EMPTY_BOOK, activities(TRADES), { rules });
    expect(closures.map((row) => row.id)).toEqual(['d/a', 'd/a#2', 'd/b']);
  });

  test('a method is valid for its days, the instrument before the account, the newest before the older', () => {
    const later = parseInstant('2025-06-01T00:00:00Z');
    const elections = [
      elect('lot_method', 'LIFO'),
      elect('lot_method', 'HIFO', { object: AAPL, validTo: parseTradeDate('2024-09-09') }),
      elect('lot_method', 'LOFO', { validFrom: parseTradeDate('2024-09-10'), firstSeenAt: later }),
    ];
    expect(book(TRADES, only(...elections)).closes[0]).toContain('of #c');
    expect(book(TRADES, only(elections[0]!, elections[1]!)).closes[0]).toContain('of #c');
    const hifo = elect('lot_method', 'HIFO', { object: AAPL });
    expect(book(TRADES, only(...elections, hifo)).closes[0]).toContain('of #b');
  });

  test('averages are struck when something closes; what was bought since keeps its own cost', () => {
    const text = `
      2026-01-15 10:00  buy 10 AAPL @ 40   #a
      2026-01-16 10:00  buy 10 AAPL @ 60   #b
      2026-02-01 10:00  sell 5 AAPL @ 55   #c
      2026-03-01 10:00  buy 10 AAPL @ 70   #d`;
    expect(book(text, only(elect('lot_method', 'AVERAGE')))).toEqual({
      lots: [
        'AAPL 5 cost 250 since 2026-01-15 (#a)',
        'AAPL 10 cost 500 since 2026-01-16 (#b)',
        'AAPL 10 cost 700 since 2026-03-01 (#d)',
      ],
      closes: ['sale 5 of #a: cost 250, got 275 = 25 short'],
    });
  });

  test('no average knows a lot of unknown cost', () => {
    const text = `
      2026-01-15        opening 10 AAPL    #a
      2026-01-16 10:00  buy 10 AAPL @ 60   #b
      2026-02-01 10:00  sell 15 AAPL @ 55  #c`;
    expect(book(text, only(elect('lot_method', 'AVERAGE'))).closes).toEqual([
      'sale 10 of #a: cost unknown, got 550 = unknown - (unknown)',
      'sale 5 of #b: cost 300, got 275 = -25 short',
    ]);
  });

  test('compressed FIFO: a buy after the sale of its day moves the cost of that sale, also in a later fold', () => {
    const rules = { ...DEFAULT_RULES, elections: [elect('lot_method', 'COMPRESSED_FIFO')] };
    const rows = activities(`
      2024-01-02 10:00  buy 100 AAPL @ 10   #a
      2024-01-02 10:01  buy 50 AAPL @ 9     #b
      2024-01-02 10:02  sell 50 AAPL @ 10   #c
      2024-01-02 10:03  buy 50 AAPL @ 11    #d`);
    const first = foldBook(EMPTY_BOOK, rows.slice(0, 3), { rules });
    expect(closuresText(first.closures)).toEqual([
      'sale 50 of #a: cost 483.333333333333333333, got 500 = 16.666666666666666667 short',
    ]);
    const second = foldBook(parseBook(printBook(first.book)), rows.slice(3), { rules });
    expect(second.closures.map((row) => row.id)).toEqual([first.closures[0]!.id]);
    expect(closuresText(second.closures)).toEqual(['sale 50 of #a: cost 500, got 500 = 0 short']);
    expect(lotsText(second.book)).toEqual(['AAPL 150 cost 1500 since 2024-01-02 (#a)']);
  });

  test('Robinhood crypto: lots of no or unknown basis go first', () => {
    const text = `
      2024-01-02 10:00  buy 1 BTC/USD @ 30000   #a
      2024-02-01        transfer 1 BTC/USD      #b
      2024-03-01 10:00  sell 1 BTC/USD @ 40000  #c`;
    expect(book(text, only(elect('lot_method', 'ZERO_BASIS_FIRST_FIFO'))).closes).toEqual([
      'sale 1 of #b: cost unknown, got 40000 = unknown - (unknown)',
    ]);
  });
});

describe('unknown history', () => {
  const OVERSOLD = `
    2024-01-02 10:00  buy 10 AAPL @ 100   #a
    2024-01-03 10:00  sell 15 AAPL @ 110  #b`;
  const nobodyShort: Partial<FoldRules> = { shortsReported: new Set() };

  test('a sale of more than is known is no short sale: its proceeds are known, its profit is not', () => {
    const fold = foldBook(EMPTY_BOOK, activities(OVERSOLD), { rules: { ...DEFAULT_RULES, ...nobodyShort } });
    expect(closuresText(fold.closures)).toEqual([
      'sale 10 of #a: cost 1000, got 1100 = 100 short',
      'sale 5 of #unknown:b: cost unknown, got 550 = unknown - (unknown)',
    ]);
    expect(lotsText(fold.book)).toEqual([]);
    expect(uncoveredUnits(fold.book, AAPL).toString()).toBe('5');
  });

  test('a person says what units cost that came from no lot, and when they were acquired', () => {
    const stated = elect('basis', '480', { object: 'unknown:b', details: { acquired: '2022-12-30' } });
    const { closes } = book(OVERSOLD, { ...nobodyShort, ...only(stated) });
    expect(closes).toEqual([
      'sale 10 of #a: cost 1000, got 1100 = 100 short',
      'sale 5 of #unknown:b: cost 480, got 550 = 70 long',
    ]);
    const ofCash = elect('basis', '8', { object: 'unknown:c', details: { acquired: '2024-03-01' } });
    expect(book(`2024-03-05 10:00  inlieu 11 X #c`, only(ofCash)).closes).toEqual([
      'cash_in_lieu 0 of #unknown:c: cost 8, got 11 = 3 short',
    ]);
  });

  test('it is one where the broker reports it short, or the fill says so', () => {
    const short = ['AAPL -5 cost 550 since 2024-01-03 (#b)'];
    expect(book(OVERSOLD, { shortsReported: new Set([AAPL]) }).lots).toEqual(short);
    expect(book(OVERSOLD.replace('#b', 'side=sell_short #b'), nobodyShort).lots).toEqual(short);
  });

  test('units bought after it are a lot of their own: they cover nothing', () => {
    const text = `${OVERSOLD}
      2024-01-04 10:00  buy 5 AAPL @ 90  #c`;
    const fold = foldBook(EMPTY_BOOK, activities(text), { rules: { ...DEFAULT_RULES, ...nobodyShort } });
    expect(lotsText(fold.book)).toEqual(['AAPL 5 cost 450 since 2024-01-04 (#c)']);
    expect(uncoveredUnits(fold.book, AAPL).toString()).toBe('5');
    expect(fold.book.open.has(AAPL)).toBe(false);
  });

  test('an opening that arrives later gives the units their lot', () => {
    const text = `${OVERSOLD}
      2023-12-01  opening 5 AAPL @ 80  #o`;
    expect(book(text, nobodyShort)).toEqual({
      lots: [],
      closes: [
        'sale 5 of #o: cost 400, got 550 = 150 - (estimated)',
        'sale 10 of #a: cost 1000, got 1100 = 100 short',
      ],
    });
  });

  test('an opening without an average has no cost, and says when it was bought to nobody', () => {
    expect(book(`2024-01-02  opening 5 AAPL #o\n2026-01-02 10:00  sell 5 AAPL @ 3 #s`).closes).toEqual([
      'sale 5 of #o: cost unknown, got 15 = unknown - (unknown)',
    ]);
  });

  test('a person who knows gives cost and date, and the close becomes exact', () => {
    const basis = elect('basis', '250', { object: 'o', details: { acquired: '2020-02-03' } });
    const text = `2024-01-02  opening 5 AAPL #o\n2026-01-02 10:00  sell 2 AAPL @ 80 #s`;
    expect(book(text, only(basis))).toEqual({
      lots: ['AAPL 3 cost 150 since 2020-02-03 (#o)'],
      closes: ['sale 2 of #o: cost 100, got 160 = 60 long'],
    });
  });

  test('a transfer with basis keeps it and its date; one without has none', () => {
    expect(
      book(`
        2024-01-02        transfer 10 AAPL basis=900 acquired=2020-05-05  #a
        2024-01-03        transfer 5 AAPL                                 #b
        2024-06-01 10:00  sell 12 AAPL @ 100                              #c`).closes,
    ).toEqual([
      'sale 10 of #a: cost 900, got 1000 = 100 long (estimated)',
      'sale 2 of #b: cost unknown, got 200 = unknown - (unknown)',
    ]);
  });

  test('a transfer out carries its cost away and realizes nothing', () => {
    expect(
      book(`
        2024-01-02 10:00  buy 10 AAPL @ 100  #a
        2024-01-03        transfer -4 AAPL   #b`),
    ).toEqual({
      lots: ['AAPL 6 cost 600 since 2024-01-02 (#a)'],
      closes: ['transfer_out 4 of #a: cost 400, got 400 = 0 -'],
    });
  });

  test("a transfer out by a person's word carries its cost away like one the broker publishes", () => {
    const [published, told] = ['transfer -10 AAPL #x', 'adjustment -10 AAPL as=transfer source=user #x'].map(
      (row) =>
        book(`
          2024-01-02 10:00  buy 10 AAPL @ 100 #a
          2024-02-01        ${row}`),
    );
    expect(told).toEqual(published);
    expect(told!.closes).toEqual(['transfer_out 10 of #a: cost 1000, got 1000 = 0 -']);
  });

  test('an adjustment closes with what a person says it brought, else nobody knows', () => {
    const text = `2024-01-02 10:00  buy 10 AAPL @ 100  #a\n`;
    expect(book(`${text}2024-02-01  adjustment -10 AAPL @ 90 source=user #x`).closes).toEqual([
      'adjustment 10 of #a: cost 1000, got 900 = -100 short',
    ]);
    const told = `${text}2024-02-01  adjustment -10 AAPL @ 90 as=external-change source=user #x`;
    expect(book(told).closes).toEqual(['adjustment 10 of #a: cost 1000, got 900 = -100 short (estimated)']);
    expect(
      book(`
        2024-02-01        adjustment 10 AAPL @ 90 as=external-change source=user #x
        2024-02-02 10:00  sell 10 AAPL @ 95 #y`).closes,
    ).toEqual(['sale 10 of #x: cost 900, got 950 = 50 - (estimated)']);
    expect(book(`${text}2024-02-01  adjustment -10 AAPL source=truebook #x`).closes).toEqual([
      'adjustment 10 of #a: cost 1000, got unknown = unknown short (unknown)',
    ]);
  });
});

describe('options', () => {
  test('expired: the holder loses the premium, the writer keeps it', () => {
    expect(
      book(`
        2024-01-02 10:00  buy 2 SPY240216C00500000 @ 1.50 fee=1.30  #a
        2024-01-02 10:00  sell 1 SPY240216P00400000 @ 2.00 fee=0.65 #b
        2024-02-16        expire -2 SPY240216C00500000              #c
        2024-02-16        expire 1 SPY240216P00400000               #d`).closes,
    ).toEqual([
      'expiry 2 of #a: cost 301.3, got 0 = -301.3 short',
      'expiry 1 of #b: cost 0, got 199.35 = 199.35 short',
    ]);
  });

  test('a written put assigned: the premium is realized, and rolled into the stock for the tax layer', () => {
    const rows = activities(`
      2025-08-05 10:00  sell 1 KO250815P00070000 @ 0.85  #sold
      2025-08-15        assign 1 KO250815P00070000       #assigned
      2025-08-15        deliver 100 KO @ 70              #delivered
      2025-08-18 10:00  sell 40 KO @ 71                  #s`);
    const { closures, book } = foldBook(EMPTY_BOOK, rows);
    expect(closuresText(closures)).toEqual([
      'assignment 1 of #sold: cost 0, got 85 = 85 rolled -85 short',
      'sale 40 of #delivered: cost 2800, got 2840 = 40 rolled 34 short',
    ]);
    expect(lotsText(book)).toEqual(['KO 60 cost 4200 rolled -51 since 2025-08-15 (#delivered)']);
  });

  test.each([
    [
      'a long call exercised raises the cost',
      'buy 1 X240216C00050000 @ 3 fee=0.65',
      'exercise -1 X240216C00050000',
      '100 X @ 50',
      'X 100 cost 5000 rolled 300.65',
    ],
    [
      'a written call assigned without shares raises what the short brought',
      'sell 1 X240216C00045000 @ 1.5 fee=0.65',
      'assign 1 X240216C00045000',
      '-100 X @ 45',
      'X -100 cost 4500 rolled -149.35',
    ],
    [
      'a long put exercised without shares lowers it',
      'buy 1 X240216P00055000 @ 2 fee=0.65',
      'exercise -1 X240216P00055000',
      '-100 X @ 55',
      'X -100 cost 5500 rolled 200.65',
    ],
  ])('%s', (_, trade, event, delivery, lot) => {
    const { lots } = book(`
      2024-01-02 10:00  ${trade}            #a
      2024-02-16        ${event}            #b
      2024-02-16        deliver ${delivery} #c`);
    expect(lots).toEqual([`${lot} since 2024-02-16 (#c)`]);
  });

  test('a covered call assigned: the shares held go, for the strike and the premium', () => {
    expect(
      book(`
        2023-12-01 10:00  buy 100 X @ 40                            #s
        2024-01-02 10:00  sell 1 X240216C00045000 @ 1.5 fee=0.65    #a
        2024-02-16        assign 1 X240216C00045000                 #b
        2024-02-16        deliver -100 X @ 45                       #c`).closes,
    ).toEqual([
      'assignment 1 of #a: cost 0, got 149.35 = 149.35 rolled -149.35 short',
      'sale 100 of #s: cost 4000, got 4500 = 500 rolled 149.35 short',
    ]);
  });

  test('one of three contracts moves a third of the premium', () => {
    const { lots } = book(`
      2024-01-02 10:00  buy 3 X240216C00050000 @ 3 fee=1.95  #a
      2024-02-16        exercise -1 X240216C00050000         #b
      2024-02-16        deliver 100 X @ 50                   #c`);
    expect(lots).toEqual([
      'X240216C00050000 2 cost 601.3 since 2024-01-02 (#a)',
      'X 100 cost 5000 rolled 300.65 since 2024-02-16 (#c)',
    ]);
  });

  test('the premium waits for its delivery over a checkpoint, in parts too', () => {
    const rows = activities(`
      2024-01-02 10:00  sell 2 X240216P00050000 @ 1          #a
      2024-02-16        assign 2 X240216P00050000 group=g    #b
      2024-02-17 10:00  deliver 100 X @ 50 group=g           #c
      2024-02-17 11:00  deliver 100 X @ 50 group=g           #d`);
    const first = foldBook(EMPTY_BOOK, rows.slice(0, 2));
    expect(
      pendingPremiums(first.book).map(({ rolled, units }) => `${rolled.toString()} for ${units.toString()}`),
    ).toEqual(['-200 for 200']);
    const second = foldBook(parseBook(printBook(first.book)), rows.slice(2, 3));
    const third = foldBook(parseBook(printBook(second.book)), rows.slice(3));
    expect(lotsText(third.book).map((line) => line.split(' since')[0])).toEqual([
      'X 100 cost 5000 rolled -100',
      'X 100 cost 5000 rolled -100',
    ]);
    expect(pendingPremiums(third.book)).toEqual([]);
    expect(printBook(third.book)).toBe(printBook(foldBook(EMPTY_BOOK, rows).book));
  });

  test('a delivery without its option row stays at the strike; when the row arrives the refold rolls', () => {
    const all = activities(`
      2024-01-02 10:00  sell 1 X240216P00050000 @ 1  #a
      2024-02-16        assign 1 X240216P00050000    #b
      2024-02-16        deliver 100 X @ 50           #c`);
    const without = foldBook(
      EMPTY_BOOK,
      all.filter((row) => row.rootId !== 'b'),
    );
    expect(lotsText(without.book)).toContain('X 100 cost 5000 since 2024-02-16 (#c)');
    expect(lotsText(foldBook(EMPTY_BOOK, all).book)).toEqual([
      'X 100 cost 5000 rolled -100 since 2024-02-16 (#c)',
    ]);
  });

  test('another strike, day or direction is another event', () => {
    const { lots } = book(`
      2024-01-02 10:00  sell 1 X240216P00050000 @ 1  #a
      2024-02-16        assign 1 X240216P00050000    #b
      2024-02-16        deliver 100 X @ 51           #c
      2024-02-17        deliver 100 X @ 50           #d`);
    expect(lots.map((line) => line.includes('rolled'))).toEqual([false, false]);
  });

  test('settled in cash: the premium joins the cash', () => {
    const [event, cash] = activities(`
      2024-02-16  exercise -1 SPX240216C05000000 group=g  #b
      2024-02-16  deliver 1 SPX240216C05000000 group=g    #c`);
    const rows = [
      ...activities(`2024-01-02 10:00  buy 1 SPX240216C05000000 @ 3  #a`),
      event!,
      {
        ...cash!,
        quantity: event!.quantity.minus(event!.quantity),
        amount: event!.quantity.times(event!.quantity),
      },
    ];
    expect(closuresText(foldBook(EMPTY_BOOK, rows).closures)).toEqual([
      'exercise 1 of #a: cost 300, got 0 = -300 rolled 300 short',
      'exercise 0 of #a: cost 0, got 1 = 1 rolled -300 -',
    ]);
  });
});

describe('corporate actions', () => {
  test('a split changes units, not cost, dates or identity; shorts too', () => {
    expect(
      book(`
        2024-01-02 10:00  buy 25 X @ 400      #a
        2024-01-03 10:00  sell 10 Y @ 40      #b
        2024-03-01        split X 25 -> 100   #s
        2024-03-01        split Y -10 -> -40  #t
        2024-03-05 10:00  buy 40 Y @ 9        #c`),
    ).toEqual({
      lots: ['X 100 cost 10000 since 2024-01-02 (#a)'],
      closes: ['cover 40 of #b: cost 360, got 400 = 40 short'],
    });
  });

  test('a split at the very instant of a trade comes first, whatever arrived first and whatever they are called', () => {
    const texts = [
      '2024-01-02 10:00  buy 25 X @ 400      #a',
      '2024-03-01        split X 25 -> 100   #s',
      '2024-03-01 00:00  buy 10 X @ 100      #before',
      '2024-03-01 00:00  sell 30 X @ 110     #z',
    ];
    const told = {
      lots: ['X 70 cost 7000 since 2024-01-02 (#a)', 'X 10 cost 1000 since 2024-03-01 (#before)'],
      closes: ['sale 30 of #a: cost 3000, got 3300 = 300 short'],
    };
    expect(book(texts.join('\n'))).toEqual(told);
    expect(book([...texts].reverse().join('\n'))).toEqual(told);
  });

  test('a merger and a spin-off at the very instant of a trade come first', () => {
    const merged = ['2024-01-02 10:00  buy 100 T @ 30  #t', '2024-06-03 00:00  sell 10 A @ 70  #sold'];
    const merger = '2024-06-03        merger A <- T 100 -> 50  #m';
    const closes = ['sale 10 of #t: cost 600, got 700 = 100 short'];
    expect(book([...merged, merger].join('\n')).closes).toEqual(closes);
    expect(book([merger, ...merged].join('\n')).closes).toEqual(closes);
    expect(
      book(`
        2024-06-03 00:00  sell 10 P @ 40                            #sold
        2024-06-03        spinoff 10 C parent=P basisFraction=0.125 #s
        2024-01-02 10:00  buy 40 P @ 40                             #p`).closes,
    ).toEqual(['sale 10 of #p: cost 350, got 400 = 50 short']);
  });

  describe('a split that was cut to whole units, without terms', () => {
    const text = `
      2024-01-02 10:00  buy 10 X @ 400         #a
      2024-01-03 10:00  buy 15 X @ 410         #b
      2024-02-01        split X 25 -> 8        #s
      2024-02-02        inlieu 400 X           #cil
      2024-02-05 10:00  sell 8 X @ 1250        #c`;

    test('is one for three where nothing else is likely; all of it is an estimate', () => {
      const { lots, closes } = book(text.split('\n').slice(0, 5).join('\n'));
      expect(lots.map((line) => line.replace(/(\.\d{4})\d+/g, '$1'))).toEqual([
        'X 3 cost 3600 since 2024-01-02 (#a)',
        'X 5 cost 6150 since 2024-01-03 (#b)',
      ]);
      expect(closes.map((line) => line.replace(/(\.\d{4})\d+/g, '$1'))).toEqual([
        'cash_in_lieu 0.3333 of #a: cost 400, got 400 = 0 short (estimated)',
      ]);
      expect(book(text).closes.slice(1)).toEqual([
        'sale 3 of #a: cost 3600, got 3750 = 150 short (estimated)',
        'sale 5 of #b: cost 6150, got 6250 = 100 short (estimated)',
      ]);
    });

    test('is exact where the terms are told', () => {
      const told = text.replace('25 -> 8', '25 -> 8 ratioNew=1 ratioOld=3');
      expect(book(told).closes.join()).not.toContain('estimated');
      expect(book(told).closes).toHaveLength(3);
    });

    test('stays as stated where several ratios are likely, and cash for no known part makes an estimate, too', () => {
      const several = text
        .replace('buy 15', 'buy 5')
        .replace('25 -> 8', '15 -> 1')
        .replace('sell 8', 'sell 1');
      expect(book(several).closes).toEqual([
        'cash_in_lieu 0 of #unknown:cil: cost unknown, got 400 = unknown - (unknown)',
        expect.stringMatching(/of #a: .*\(estimated\)$/),
        expect.stringMatching(/of #b: .*\(estimated\)$/),
      ]);
      const odd = text.replace('25 -> 8', '25 -> 2').replace('sell 8', 'sell 2');
      expect(book(odd).closes.slice(1).join()).toMatch(/estimated.*estimated/);
    });

    test('a usual ratio is what it says: no estimate', () => {
      for (const [from, to] of [
        [25, 50],
        [25, 5],
        [20, 30],
        [21, 9],
      ] as const) {
        const plain = `
          2024-01-02 10:00  buy ${from} X @ 4      #a
          2024-02-01        split X ${from} -> ${to}  #s
          2024-02-05 10:00  sell ${to} X @ 5       #c`;
        expect(book(plain).closes.join(), `${from} -> ${to}`).not.toContain('estimated');
      }
    });
  });

  test('three for seven and back is what it was, also where the broker keeps nine digits', () => {
    const text = `
      2024-01-02 10:00  buy 10 X @ 3                                        #a
      2024-01-03 10:00  buy 7 X @ 6                                         #b
      2024-02-01        split X 17 -> 7.285714286 ratioNew=3 ratioOld=7     #s`;
    expect(book(text).lots).toEqual([
      'X 4.285714285714285714285714285714285714 cost 30 since 2024-01-02 (#a)',
      'X 3.000000000285714285714285714285714286 cost 42 since 2024-01-03 (#b)',
    ]);
    expect(book(`${text}\n2024-02-02  split X 7.285714286 -> 17 ratioNew=7 ratioOld=3  #t`).lots).toEqual([
      'X 10 cost 30 since 2024-01-02 (#a)',
      'X 7 cost 42 since 2024-01-03 (#b)',
    ]);
  });

  test('a part of a unit waits for its cash, one for the account, and is realized when that comes', () => {
    const rows = activities(`
      2024-01-02 10:00  buy 101 X @ 30                              #a
      2024-03-01        split X 101 -> 151 ratioNew=3 ratioOld=2    #s
      2024-03-05 10:00  inlieu 11 X                                 #c`);
    const before = foldBook(EMPTY_BOOK, rows.slice(0, 3));
    expect(lotsText(before.book)).toEqual(['X 151 cost 3020 since 2024-01-02 (#a)']);
    expect(before.closures).toEqual([]);
    const after = foldBook(parseBook(printBook(before.book)), rows.slice(3));
    expect(closuresText(after.closures)).toEqual(['cash_in_lieu 0.5 of #a: cost 10, got 11 = 1 short']);
    expect(printBook(after.book)).toBe(printBook(foldBook(EMPTY_BOOK, rows).book));
  });

  test('cash in lieu for which no part waits: nobody knows its cost', () => {
    expect(book(`2024-03-05 10:00  inlieu 11 X #c`).closes).toEqual([
      'cash_in_lieu 0 of #unknown:c: cost unknown, got 11 = unknown - (unknown)',
    ]);
  });

  test('a split of more than the book has brings units of unknown cost', () => {
    expect(
      book(`
        2024-01-02 10:00  buy 20 X @ 400      #a
        2024-03-01        split X 25 -> 100   #s`).lots,
    ).toEqual(['X 80 cost 8000 since 2024-01-02 (#a)', 'X 15 cost unknown since 2024-03-01 (#s+)']);
  });

  test('a spin-off divides cost by the stated part, keeps dates, and gives each lot a child', () => {
    expect(
      book(`
        2023-01-05 10:00  buy 60 P @ 50                             #a
        2024-02-05 10:00  buy 40 P @ 80                             #b
        2024-06-03        spinoff 25 C parent=P basisFraction=0.125 #s`).lots,
    ).toEqual([
      'P 60 cost 2625 since 2023-01-05 (#a)',
      'P 40 cost 2800 since 2024-02-05 (#b)',
      'C 15 cost 375 since 2023-01-05 (#s>a)',
      'C 10 cost 400 since 2024-02-05 (#s>b)',
    ]);
  });

  test('without the part nobody knows: the child has no cost and the parent is estimated', () => {
    expect(
      book(`
        2023-01-05 10:00  buy 60 P @ 50         #a
        2024-06-03        spinoff 15 C parent=P #s
        2024-06-04 10:00  sell 60 P @ 40        #p
        2024-06-04 10:00  sell 15 C @ 40        #c`).closes,
    ).toEqual([
      'sale 15 of #s>a: cost unknown, got 600 = unknown long (unknown)',
      'sale 60 of #a: cost 3000, got 2400 = -600 long (estimated)',
    ]);
  });

  test('a part that only rounded costs tell is an estimate: both are, and what a person states is not', () => {
    const [buy, child, ...sales] = activities(`
      2023-01-05 10:00  buy 100 P @ 62                  #a
      2024-06-03        spinoff 25 C parent=P price=31  #s
      2024-06-04 10:00  sell 100 P @ 60                 #p
      2024-06-04 10:00  sell 25 C @ 40                  #c`);
    const restated = (name: string, quantityOnWire: string, price: string): Activity => ({
      ...child!,
      rootId: name,
      instrument: instrumentOf('P'),
      quantity: decimal('0'),
      details: { restates: 'cost', quantityOnWire, price },
    });
    const rows = [buy!, child!, restated('out', '-100', '62'), restated('in', '100', '54.25'), ...sales];
    const closes = (rules: Partial<FoldRules>): string[] =>
      closuresText(foldBook(EMPTY_BOOK, rows, { rules: { ...DEFAULT_RULES, ...rules } }).closures);
    expect(closes({})).toEqual([
      'sale 25 of #s>a: cost 775, got 1000 = 225 long (estimated)',
      'sale 100 of #a: cost 5425, got 6000 = 575 long (estimated)',
    ]);
    expect(closes(only(elect('basis', '780', { object: 's>a' })))[0]).toBe(
      'sale 25 of #s>a: cost 780, got 1000 = 220 long',
    );
    const stated = { ...child!, details: { ...child!.details, basisFraction: '0.12' } };
    expect(closuresText(foldBook(EMPTY_BOOK, [buy!, stated, ...sales]).closures)).toEqual([
      'sale 25 of #s>a: cost 744, got 1000 = 256 long',
      'sale 100 of #a: cost 5456, got 6000 = 544 long',
    ]);
  });

  test.each([
    [
      'a gain counts up to the cash',
      '30',
      'A 50 cost 3000',
      ['merger 0 of #t: cost 0, got 1000 = 1000 long'],
    ],
    ['a loss never counts', '55', 'A 50 cost 4500', ['merger 0 of #t: cost 1000, got 1000 = 0 long']],
    ['a small gain counts whole', '38', 'A 50 cost 3000', ['merger 0 of #t: cost 800, got 1000 = 200 long']],
  ])('a merger for shares and cash: %s', (_, price, lot, closes) => {
    const made = book(`
      2023-01-05 10:00  buy 100 T @ ${price}                           #t
      2024-06-03        merger A <- T 100 -> 50 cash=1000 fmvNew=60    #m`);
    expect(made).toEqual({ lots: [`${lot} since 2023-01-05 (#t)`], closes });
  });

  test('an average in base currency goes along through a merger with cash', () => {
    const { lots } = foldBook(
      EMPTY_BOOK,
      activities(`
        2023-01-05 10:00  buy 60 T @ 30                               #t
        2023-01-06 10:00  buy 40 T @ 35                               #u
        2024-06-03        merger A <- T 100 -> 50 cash=500 fmvNew=60  #m`),
      { rules: { ...DEFAULT_RULES, elections: [elect('lot_method', 'AVERAGE')] } },
    );
    expect(lots.map((lot) => lot.openCostBase?.toString())).toEqual(
      lots.map((lot) => lot.openCost?.toString()),
    );
  });

  test('shares and cash of which nobody states the value: neither gain nor cost is known', () => {
    expect(
      book(`
        2023-01-05 10:00  buy 100 T @ 30                     #t
        2024-06-03        merger A <- T 100 -> 50 cash=1000  #m`),
    ).toEqual({
      lots: ['A 50 cost unknown since 2023-01-05 (#t)'],
      closes: ['merger 0 of #t: cost unknown, got 1000 = unknown long (unknown)'],
    });
  });

  test('bought out for cash: a sale', () => {
    expect(
      book(`
        2023-01-05 10:00  buy 100 T @ 30          #t
        2023-06-03        buyout -100 T cash=4000 #m`).closes,
    ).toEqual(['merger 100 of #t: cost 3000, got 4000 = 1000 short']);
  });

  test('a basis for shares that came for shares and cash is theirs: what was before stays, cost is conserved', () => {
    const text = `
      2023-01-05 10:00  buy 12 T @ 30                    #a
      2023-02-05 10:00  sell 2 T @ 25                    #b
      2024-06-03        merger A <- T 10 -> 5 cash=40    #m`;
    const stated = { object: 'a', details: { acquired: '2023-01-05', settles: 'm+' } };
    expect(book(text, only(elect('basis', '290', stated)))).toEqual({
      lots: ['A 5 cost 290 since 2023-01-05 (#a)'],
      closes: ['sale 2 of #a: cost 60, got 50 = -10 short', 'merger 0 of #a: cost 10, got 40 = 30 long'],
    });
    const { lots } = foldBook(EMPTY_BOOK, activities(text));
    expect(lots[0]).toMatchObject({ openCost: null, costSource: 'unknown', doubtedBy: 'm+' });
  });

  test('a basis for the parent of a spin-off counts from the spin-off on', () => {
    const text = `
      2023-01-05 10:00  buy 12 P @ 30              #a
      2023-02-05 10:00  sell 2 P @ 25              #b
      2024-06-03        spinoff 5 C parent=P       #s
      2024-07-03 10:00  sell 10 P @ 30             #c`;
    const stated = { object: 'a', details: { acquired: '2023-01-05', settles: 's' } };
    const before = foldBook(EMPTY_BOOK, activities(text.split('\n').slice(0, 4).join('\n')));
    expect(before.lots.find((lot) => lot.id === 'a')).toMatchObject({
      costSource: 'estimated',
      doubtedBy: 's',
    });
    expect(book(text, only(elect('basis', '270', stated))).closes).toEqual([
      'sale 2 of #a: cost 60, got 50 = -10 short',
      'sale 10 of #a: cost 270, got 300 = 30 long',
    ]);
  });

  test('a basis settles a split without terms, too', () => {
    const text = `
      2024-01-02 10:00  buy 25 X @ 400         #a
      2024-02-01        split X 25 -> 8        #s
      2024-02-05 10:00  sell 8 X @ 1250        #c`;
    const stated = { object: 'a', details: { acquired: '2024-01-02', settles: 's+' } };
    expect(book(text).closes[0]).toBe('sale 8 of #a: cost 9600, got 10000 = 400 short (estimated)');
    expect(book(text, only(elect('basis', '9500', stated))).closes[0]).toBe(
      'sale 8 of #a: cost 9500, got 10000 = 500 short',
    );
  });

  test('a renaming keeps lots, cost and dates', () => {
    expect(
      book(`
        2021-08-05 10:00  buy 40 FB @ 1          #a
        2022-06-09        rename META <- FB 40   #r
        2022-08-06 10:00  sell 40 META @ 2       #s`).closes,
    ).toEqual(['sale 40 of #a: cost 40, got 80 = 40 long']);
  });

  test('return of capital lowers cost lot by lot; what is beyond it is gain', () => {
    expect(
      book(`
        2024-01-02 10:00  buy 50 X @ 10  #a
        2024-01-03 10:00  buy 50 X @ 2   #b
        2024-06-03 10:00  capital 300 X  #r`),
    ).toEqual({
      lots: ['X 50 cost 350 since 2024-01-02 (#a)', 'X 50 cost 0 since 2024-01-03 (#b)'],
      closes: [
        'return_of_capital 0 of #a: cost 150, got 150 = 0 short',
        'return_of_capital 0 of #b: cost 100, got 150 = 50 short',
      ],
    });
  });

  test('under AVERAGE all lots are one pool: nothing is gain before all of their cost came back', () => {
    const text = `
      2024-01-02 10:00  buy 50 X @ 10             #a
      2024-01-03 10:00  buy 50 X @ 2              #b
      2024-02-01        capital 300 X             #roc`;
    const { lots, closes } = book(text, only(elect('lot_method', 'AVERAGE')));
    expect(lots).toEqual(['X 50 cost 150 since 2024-01-02 (#a)', 'X 50 cost 150 since 2024-01-03 (#b)']);
    expect(closes).toEqual([
      'return_of_capital 0 of #a: cost 150, got 150 = 0 short',
      'return_of_capital 0 of #b: cost 150, got 150 = 0 short',
    ]);
    const more = text.replace('300', '650');
    expect(book(more, only(elect('lot_method', 'AVERAGE'))).closes).toEqual([
      'return_of_capital 0 of #a: cost 300, got 325 = 25 short',
      'return_of_capital 0 of #b: cost 300, got 325 = 25 short',
    ]);
  });

  test('under AVERAGE the cash of a merger has one gain, too', () => {
    expect(
      book(
        `
        2024-01-02 10:00  buy 50 T @ 100                              #a
        2024-01-03 10:00  buy 50 T @ 20                               #b
        2024-06-03        merger A <- T 100 -> 100 cash=1000 fmvNew=60 #m`,
        only(elect('lot_method', 'AVERAGE')),
      ),
    ).toEqual({
      lots: ['A 50 cost 3000 since 2024-01-02 (#a)', 'A 50 cost 3000 since 2024-01-03 (#b)'],
      closes: ['merger 0 of #a: cost 0, got 500 = 500 short', 'merger 0 of #b: cost 0, got 500 = 500 short'],
    });
  });

  test('who is short owes what the holder gets: shares of a spin-off, capital, the cash of a merger', () => {
    const short = '2024-01-02 10:00  sell 100 X @ 50   #a';
    expect(book(`${short}\n2024-02-01  spinoff -25 C parent=X basisFraction=0.2  #s`)).toEqual({
      lots: ['X -100 cost 4000 since 2024-01-02 (#a)', 'C -25 cost 1000 since 2024-01-02 (#s>a)'],
      closes: [],
    });
    expect(book(`${short}\n2024-02-01  capital -100 X  #r\n2024-03-01 10:00  buy 100 X @ 45  #b`)).toEqual({
      lots: [],
      closes: [
        'return_of_capital 0 of #a: cost 100, got 100 = 0 short',
        'cover 100 of #a: cost 4500, got 4900 = 400 short',
      ],
    });
    expect(book(`${short}\n2024-02-01  capital -5100 X  #r`)).toEqual({
      lots: ['X -100 cost 0 since 2024-01-02 (#a)'],
      closes: ['return_of_capital 0 of #a: cost 5100, got 5000 = -100 short'],
    });
    expect(book(`${short}\n2024-02-01  merger A <- X -100 -> -50 cash=-1000  #m`)).toEqual({
      lots: ['A -50 cost 4000 since 2024-01-02 (#a)'],
      closes: ['merger 0 of #a: cost 1000, got 1000 = 0 short'],
    });
  });

  test('capital that is taken back from what is held raises its cost again', () => {
    const text = `
      2024-01-02 10:00  buy 100 X @ 50    #a
      2024-02-01        capital 100 X     #r
      2024-02-02        capital -100 X    #t`;
    expect(book(text).lots).toEqual(['X 100 cost 5000 since 2024-01-02 (#a)']);
  });

  test('a stock dividend is more units at the same cost and dates', () => {
    expect(
      book(`
        2024-01-02 10:00  buy 100 X @ 10      #a
        2024-06-03        stockdividend 5 X   #d`).lots,
    ).toEqual(['X 105 cost 1000 since 2024-01-02 (#a)']);
  });

  test('a fee in coins leaves the money: fewer coins at the same cost', () => {
    const text = `
      2024-01-02 10:00  buy 1 ETH/USD @ 2000     #a
      2024-01-02        coinfee 0.0025 ETH/USD   #f`;
    expect(book(text).lots).toEqual(['ETH/USD 0.9975 cost 2000 since 2024-01-02 (#a)']);
    expect(book(text, only(elect('fee_policy', 'excluded')))).toEqual({
      lots: ['ETH/USD 0.9975 cost 1995 since 2024-01-02 (#a)'],
      closes: ['coin_fee 0.0025 of #a: cost 5, got 5 = 0 -'],
    });
    expect(book(text, only(elect('fee_policy', 'expensed'))).closes).toEqual([
      'coin_fee 0.0025 of #a: cost 5, got 0 = -5 short',
    ]);
  });
});

describe('several currencies', () => {
  test('an average without a rate ends when all is sold: what is bought next has one, folded at once or piece by piece', () => {
    const rows = activities(`
      2024-01-02 10:00  buy 100 SAP @ 100 currency=EUR                     #a
      2024-02-01 10:00  sell 100 SAP @ 120 currency=EUR fxRateToBase=1.20  #b
      2024-03-01 10:00  buy 10 SAP @ 100 currency=EUR fxRateToBase=1.10    #c
      2024-04-01 10:00  sell 5 SAP @ 120 currency=EUR fxRateToBase=1.20    #d`);
    const rules = { ...DEFAULT_RULES, elections: [elect('lot_method', 'AVERAGE')] };
    const whole = foldBook(EMPTY_BOOK, rows, { rules });
    let pieces = foldBook(EMPTY_BOOK, [], { rules });
    for (const row of rows) pieces = foldBook(pieces.book, [row], { rules });
    expect(printBook(whole.book)).toBe(printBook(pieces.book));
    expect(whole.closures.map((row) => row.realizedBaseHistorical?.toString())).toEqual([undefined, '170']);
  });

  test('both conventions: at the rate of the close, and each side at its own day', () => {
    const rows = activities(`
      2024-01-02 10:00  buy 100 SAP @ 100 currency=EUR fxRateToBase=1.10   #a
      2024-02-01 10:00  sell 50 SAP @ 120 currency=EUR fxRateToBase=1.20   #b`);
    const { closures, lots } = foldBook(EMPTY_BOOK, rows);
    expect(closures[0]!.realized!.toString()).toBe('1000');
    expect(closures[0]!.realizedBaseCloseRate!.toString()).toBe('1200');
    expect(closures[0]!.realizedBaseHistorical!.toString()).toBe('1700');
    expect(lots[0]!.openCostBase!.toString()).toBe('5500');
  });

  test('without a rate there is no figure in base currency', () => {
    const rows = activities(`
      2024-01-02 10:00  buy 100 SAP @ 100 currency=EUR                     #a
      2024-02-01 10:00  sell 50 SAP @ 120 currency=EUR fxRateToBase=1.20   #b`);
    const [closure] = foldBook(EMPTY_BOOK, rows).closures;
    expect(closure!.realizedBaseCloseRate!.toString()).toBe('1200');
    expect(closure!.realizedBaseHistorical).toBeNull();
  });
});

describe('holding period', () => {
  test.each([
    ['2023-03-15', '2024-03-14', 'short'],
    ['2023-03-15', '2024-03-15', 'short'],
    ['2023-03-15', '2024-03-16', 'long'],
    ['2024-02-29', '2025-02-28', 'short'],
    ['2024-02-29', '2025-03-01', 'long'],
    ['2023-02-28', '2024-02-29', 'short'],
    ['2023-02-28', '2024-03-01', 'long'],
    ['2024-02-28', '2025-02-28', 'short'],
    ['2024-02-28', '2025-03-01', 'long'],
    ['2023-11-30', '2024-11-30', 'short'],
    ['2023-11-30', '2024-12-01', 'long'],
    ['2023-12-31', '2025-01-01', 'long'],
  ])('%s to %s is %s', (bought, sold, term) => {
    const { closes } = book(`${bought} 10:00  buy 1 X @ 10 #a\n${sold} 10:00  sell 1 X @ 12 #b`);
    expect(closes).toEqual([`sale 1 of #a: cost 10, got 12 = 2 ${term}`]);
  });

  test('a short is short-term whatever the days', () => {
    const { closes } = book(`2020-01-02 10:00  sell 1 X @ 10 #a\n2024-01-02 10:00  buy 1 X @ 8 #b`);
    expect(closes).toEqual(['cover 1 of #a: cost 8, got 10 = 2 short']);
  });
});
