/** Where the premium of an exercised or assigned option stands for tax: the table of IRS Publication 550. */
import { describe, expect, test } from 'vitest';
import { parseBook, printBook } from '../../src/book/checkpoint.ts';
import { DEFAULT_RULES, EMPTY_BOOK, foldBook } from '../../src/book/foldBook.ts';
import { taxFigures } from '../../src/book/taxLayer.ts';
import { ACCOUNT_WASH, washOfBook } from '../../src/book/wash.ts';
import { Decimal } from '../../src/domain/decimal.ts';
import { parseInstant } from '../../src/domain/time.ts';
import { activities, instrumentOf } from '../notation.ts';

const CALL = 'X240216C00045000';
const PUT = 'X240216P00045000';

/** `sale: cost 4000, got 4649.35 = 649.35`, for tax. */
function taxed(text: string): string[] {
  return foldBook(EMPTY_BOOK, activities(text)).closures.map((row) => {
    const { cost, proceeds, realized } = taxFigures(row);
    return `${row.kind}: cost ${cost!.toString()}, got ${proceeds!.toString()} = ${realized!.toString()}`;
  });
}

describe('premium', () => {
  test('of an assigned call adds to what its stock was sold for', () => {
    expect(
      taxed(`
        2023-12-01        buy 100 X @ 40
        2024-01-02        sell 1 ${CALL} @ 1.50 fee=0.65
        2024-02-16        assign 1 ${CALL} group=g
        2024-02-16        deliver -100 X @ 45 group=g`),
    ).toEqual(['assignment: cost 0, got 0 = 0', 'sale: cost 4000, got 4649.35 = 649.35']);
  });

  test('of an exercised put comes off what its stock was sold for', () => {
    expect(
      taxed(`
        2023-12-01        buy 100 X @ 60
        2024-01-02        buy 1 ${PUT} @ 2 fee=0.65
        2024-02-16        exercise -1 ${PUT} group=g
        2024-02-16        deliver -100 X @ 45 group=g`),
    ).toEqual(['exercise: cost 0, got 0 = 0', 'sale: cost 6000, got 4299.35 = -1700.65']);
  });

  test('of an assigned put comes off what covering a short cost', () => {
    expect(
      taxed(`
        2023-12-01        sell 100 X @ 50
        2024-01-02        sell 1 ${PUT} @ 2
        2024-02-16        assign 1 ${PUT} group=g
        2024-02-16        deliver 100 X @ 45 group=g`),
    ).toEqual(['assignment: cost 0, got 0 = 0', 'cover: cost 4300, got 5000 = 700']);
  });

  test('of an assigned put lowers what its stock cost, piece by piece', () => {
    expect(
      taxed(`
        2024-01-02        sell 1 ${PUT} @ 2 fee=0.65
        2024-02-16        assign 1 ${PUT} group=g
        2024-02-16        deliver 100 X @ 45 group=g
        2024-02-20        sell 40 X @ 50
        2024-02-21        sell 60 X @ 51`),
    ).toEqual([
      'assignment: cost 0, got 0 = 0',
      'sale: cost 1720.26, got 2000 = 279.74',
      'sale: cost 2580.39, got 3060 = 479.61',
    ]);
  });

  test('of an exercised call is in what its stock cost', () => {
    expect(
      taxed(`
        2024-01-02        buy 1 ${CALL} @ 3 fee=0.65
        2024-02-16        exercise -1 ${CALL} group=g
        2024-02-16        deliver 100 X @ 45 group=g
        2024-02-20        sell 100 X @ 50`),
    ).toEqual(['exercise: cost 0, got 0 = 0', 'sale: cost 4800.65, got 5000 = 199.35']);
  });

  test('of an assigned call without shares is in what the short brought: its proceeds', () => {
    expect(
      taxed(`
        2024-01-02        sell 1 ${CALL} @ 1.50 fee=0.65
        2024-02-16        assign 1 ${CALL} group=g
        2024-02-16        deliver -100 X @ 45 group=g
        2024-02-20        buy 100 X @ 44`),
    ).toEqual(['assignment: cost 0, got 0 = 0', 'cover: cost 4400, got 4649.35 = 249.35']);
  });

  test('of a put that brought shares and one that took them stand on both sides, though together they are zero', () => {
    const rows = `
      2024-01-02        sell 1 ${PUT} @ 2
      2024-01-10        assign 1 ${PUT} group=p
      2024-01-10        deliver 100 X @ 45 group=p
      2024-01-11        buy 1 ${PUT} @ 2
      2024-02-16        exercise -1 ${PUT} group=g
      2024-02-16        deliver -100 X @ 45 group=g`;
    expect(foldBook(EMPTY_BOOK, activities(rows)).closures.at(-1)!.rolled.toString()).toBe('0');
    expect(taxed(rows).at(-1)).toBe('sale: cost 4300, got 4300 = 0');
  });

  test('of both: shares that a put brought are called away', () => {
    expect(
      taxed(`
        2024-01-02        sell 1 ${PUT} @ 2
        2024-01-10        assign 1 ${PUT} group=p
        2024-01-10        deliver 100 X @ 45 group=p
        2024-01-11        sell 1 ${CALL} @ 1.50
        2024-02-16        assign 1 ${CALL} group=g
        2024-02-16        deliver -100 X @ 45 group=g`).at(-1),
    ).toBe('sale: cost 4300, got 4650 = 350');
  });

  test('of an option settled in cash is its own cost, or what it brought', () => {
    expect(
      taxed(`
        2024-01-02        buy 1 ${CALL} @ 3
        2024-02-16        exercise -1 ${CALL} group=g
        2024-02-16        deliver 0 X @ 0 group=g`),
    ).toEqual(['exercise: cost 0, got 0 = 0']);
    const [bought, exercised] = activities(`
      2024-01-02        buy 1 ${CALL} @ 3
      2024-02-16        exercise -1 ${CALL} group=g`);
    const settled = { ...exercised!, rootId: 's', kind: 'option_delivery' as const, quantity: Decimal.zero };
    const cash = { ...settled, amount: Decimal.parse('500') };
    const { closures } = foldBook(EMPTY_BOOK, [bought!, exercised!, cash]);
    expect(taxFigures(closures.at(-1)!)).toMatchObject({
      cost: Decimal.parse('300'),
      proceeds: Decimal.parse('500'),
    });
  });

  test('goes along with a transfer: nothing is realized for tax, and it is in the basis on the other side', () => {
    const carried = taxed(`
      2024-01-02        buy 1 ${CALL} @ 3
      2024-02-16        exercise -1 ${CALL} group=g
      2024-02-16        deliver 100 X @ 45 group=g
      2024-03-01        transfer -100 X`);
    expect(carried.at(-1)).toBe('transfer_out: cost 4500, got 4500 = 0');
    const there = taxed(`
      2024-03-01        transfer 100 X basis=4500 acquired=2024-02-16 rolled=300
      2024-03-05        sell 100 X @ 50`);
    expect(there).toEqual(['sale: cost 4800, got 5000 = 200']);
  });
});

test('a row that does not say where its premium stands has a result for tax, and neither cost nor proceeds', () => {
  const list = activities(`
    2023-12-01        buy 100 X @ 40
    2024-01-02        sell 1 ${CALL} @ 1.50
    2024-02-16        assign 1 ${CALL} group=g
    2024-02-16        deliver -100 X @ 45 group=g`);
  const { rolledProceeds: _, ...untold } = foldBook(EMPTY_BOOK, list).closures.at(-1)!;
  expect(taxFigures(untold)).toEqual({ cost: null, proceeds: null, realized: Decimal.parse('650') });
  const cancelled = { ...untold, rolled: Decimal.zero };
  expect(taxFigures(cancelled)).toEqual({ cost: null, proceeds: null, realized: Decimal.parse('500') });
});

test('a checkpoint of an earlier release, whose rows of the day do not say it, tells only what is sure', () => {
  const averaged = [
    {
      kind: 'lot_method',
      object: null,
      choice: 'COMPRESSED_FIFO',
      validFrom: null,
      validTo: null,
      source: 'user',
      details: {},
      firstSeenAt: parseInstant('2024-01-01T00:00:00Z'),
    },
  ] as const;
  const rules = { ...DEFAULT_RULES, elections: averaged };
  const before = activities(`
    2024-01-02        sell 1 ${CALL} @ 1.50
    2024-02-16 10:00  buy 200 X @ 40
    2024-02-16 11:00  sell 50 X @ 41
    2024-02-16 16:00  assign 1 ${CALL} group=g
    2024-02-16 16:00  deliver -100 X @ 45 group=g`);
  const again = activities('2024-02-16 17:00  buy 50 X @ 42');
  const text = printBook(foldBook(EMPTY_BOOK, before, { rules }).book);
  const sides = (state: string): string[] =>
    foldBook(parseBook(state), again, { rules }).closures.map(
      (row) =>
        `${row.quantity.toString()} ${row.rolled.toString()} ${row.rolledProceeds?.toString() ?? 'unknown'}`,
    );
  expect(sides(text)).toEqual(['50 0 0', '100 150 150']);
  // Such a row ended with its result in base currency.
  const earlier = text.replaceAll(/("[^"]*"),"(?:0|150)"\](?=[,\]])/g, '$1]');
  expect(earlier).not.toBe(text);
  expect(sides(earlier)).toEqual(['50 0 0', '100 150 unknown']);
});

test('a wash sale of shares that were called away has the premium in its proceeds', () => {
  const list = activities(`
    2024-01-02        buy 100 X @ 60
    2024-02-01        sell 1 ${CALL} @ 1.50 fee=0.65
    2024-03-01        assign 1 ${CALL} group=g
    2024-03-01        deliver -100 X @ 45 group=g
    2024-03-10        buy 100 X @ 46`);
  const { lots, closures } = foldBook(EMPTY_BOOK, list);
  const instruments = new Map(['X', CALL].map((symbol) => [instrumentOf(symbol).id, instrumentOf(symbol)]));
  const byRoot = new Map(list.map((row) => [row.rootId, row]));
  const activityOf = (rootId: string) => byRoot.get(rootId) ?? null;
  const book = { accountId: 1, accountType: 'taxable' as const, lots, closures, instruments, activityOf };
  const washed = washOfBook([book], ACCOUNT_WASH).pieces.filter((piece) => piece.code === 'W');
  expect(washed).toMatchObject([
    {
      adjustedBasis: Decimal.parse('6000'),
      proceeds: Decimal.parse('4649.35'),
      disallowed: Decimal.parse('1350.65'),
    },
  ]);
});
