/** Lots as they are shown: dates and term only where somebody said when the units were acquired. */
import { expect, test } from 'vitest';
import { DEFAULT_RULES, EMPTY_BOOK, foldBook, openLots } from '../../src/book/foldBook.ts';
import { type Election } from '../../src/domain/election.ts';
import { parseInstant, parseTradeDate } from '../../src/domain/time.ts';
import { lotRecords } from '../../src/sync/records/lots.ts';
import { activities, instrumentOf } from '../notation.ts';

/** `IBM 10 2024-01-02 long`, `IBM 10 - -` where nobody knows. */
function shown(text: string, elections: readonly Election[] = []): string[] {
  const list = activities(text).map((row) => ({ ...row, accountId: 1 }));
  const { book } = foldBook(EMPTY_BOOK, list, { rules: { ...DEFAULT_RULES, elections } });
  const lots = [...openLots(book)].map((lot) => ({ ...lot, accountId: 1 }));
  const symbols = ['IBM', 'KD', 'ACME'];
  return lotRecords({
    lots,
    activities: list,
    wash: new Map(),
    accountNames: new Map(),
    instruments: new Map(symbols.map((symbol) => [instrumentOf(symbol).id, instrumentOf(symbol)])),
    marks: new Map(),
    today: parseTradeDate('2025-08-21'),
  }).map(
    ({ symbol, quantity, acquiredDate, acquiredAt, holdingFrom, term }) =>
      `${symbol} ${quantity} ${acquiredDate ?? '-'} ${term ?? '-'}` +
      ((acquiredAt === null) === (acquiredDate === null) && (holdingFrom === null) === (term === null)
        ? ''
        : ' (half told)'),
  );
}

function basis(lot: string, acquired: string): Election {
  const firstSeenAt = parseInstant('2025-01-01T00:00:00Z');
  const always = { validFrom: null, validTo: null };
  const details = { acquired };
  return { kind: 'basis', object: lot, choice: '5', source: 'user', details, firstSeenAt, ...always };
}

test('the day units arrived is not the day they were acquired', () => {
  expect(shown('2024-01-02  transfer 10 IBM #t')).toEqual(['IBM 10 - -']);
  expect(shown('2024-01-02  opening 10 IBM @ 200 #o')).toEqual(['IBM 10 - -']);
  expect(shown('2024-01-02  adjustment 10 IBM @ 200 source=user #a')).toEqual(['IBM 10 - -']);
});

test('premium raises what a long lot cost for tax, and what a short one brought', () => {
  const taxCost = (option: string, delivery: string) => {
    const list = activities(`
      2025-01-02        ${option}
      2025-02-21        ${delivery}`).map((row) => ({ ...row, accountId: 1 }));
    const { book } = foldBook(EMPTY_BOOK, list);
    const lots = [...openLots(book)].map((lot) => ({ ...lot, accountId: 1 }));
    const wash = new Map();
    const none = { wash, accountNames: new Map(), instruments: new Map(), marks: new Map() };
    const today = parseTradeDate('2025-08-21');
    return lotRecords({ ...none, lots, activities: list, today }).map(({ cost, taxCost }) => [cost, taxCost]);
  };
  const call = 'IBM250221C00200000';
  const assigned = `assign 1 ${call}
      2025-02-21        deliver -100 IBM @ 200`;
  const exercised = `exercise -1 ${call}
      2025-02-21        deliver 100 IBM @ 200`;
  expect(taxCost(`sell 1 ${call} @ 1.5`, assigned)).toEqual([['20000', '20150']]);
  expect(taxCost(`buy 1 ${call} @ 3`, exercised)).toEqual([['20000', '20300']]);
});

test('a purchase has its day, a transfer the one it was sent with', () => {
  expect(shown('2024-01-02 10:00  buy 10 IBM @ 200')).toEqual(['IBM 10 2024-01-02 long']);
  expect(shown('2025-01-02  transfer 10 IBM basis=5 acquired=2020-03-04')).toEqual([
    'IBM 10 2020-03-04 long',
  ]);
});

test('a person says when, also if that was the day it came', () => {
  const text = '2025-01-02  transfer 10 IBM #t';
  expect(shown(text, [basis('t', '2020-03-04')])).toEqual(['IBM 10 2020-03-04 long']);
  expect(shown(text, [basis('t', '2025-01-02')])).toEqual(['IBM 10 2025-01-02 short']);
});

test('what came of a lot by corporate actions has its dates, or none as it has none', () => {
  const actions = `
    2025-02-01  spinoff 5 KD parent=IBM basisFraction=0.1 #s
    2025-03-01  merger ACME <- KD 5 -> 10 fmvNew=1 #m`;
  expect(shown(`2024-01-02 10:00  buy 10 IBM @ 200 #a ${actions}`)).toEqual([
    'ACME 10 2024-01-02 long',
    'IBM 10 2024-01-02 long',
  ]);
  expect(shown(`2024-01-02  transfer 10 IBM #a ${actions}`)).toEqual(['ACME 10 - -', 'IBM 10 - -']);
});
