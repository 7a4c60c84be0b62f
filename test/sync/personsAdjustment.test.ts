/** What a person's word on a difference books: an activity of its own day, with the money of a trade nobody published. */
import { describe, expect, test } from 'vitest';
import { decimal } from '../../src/domain/decimal.ts';
import { type Finding } from '../../src/domain/finding.ts';
import { addMs, parseTradeDate, type Instant } from '../../src/domain/time.ts';
import {
  personsAdjustment,
  type OpenDifference,
  type PersonsAnswer,
} from '../../src/sync/personsAdjustment.ts';
import { at, instrumentOf } from '../notation.ts';

const XMPL = instrumentOf('XMPL');
const SEEN = at('2025-08-19 10:40');

/** Book and broker of one instrument (or of dollars), stated at `since` first and at `last` last. */
function difference(
  book: string,
  broker: string,
  { symbol = 'XMPL', since = SEEN, last = since }: { symbol?: string; since?: Instant; last?: Instant } = {},
): OpenDifference {
  const instrument = symbol === 'USD' ? null : instrumentOf(symbol);
  const finding: Finding = {
    key: instrument === null ? 'cash:USD' : `position:${instrument.id}`,
    type: 'difference',
    cause: 'unknown',
    confidence: 'possible',
    state: 'open',
    instrument: instrument?.id ?? null,
    symbol,
    expected: book,
    observed: broker,
    // The row's first sight stays, however often it is opened again.
    firstSeenAt: at('2025-08-01 10:00'),
    lastSeenAt: last,
    evidence: [],
  };
  return { finding, since, instrument, currency: instrument === null ? 'USD' : null, carried: null };
}

function answered(
  of: OpenDifference,
  answer: Partial<Omit<PersonsAnswer, 'price' | 'basis' | 'date'>> & {
    price?: string;
    basis?: string;
    date?: string;
  } = {},
  now: Instant = addMs(SEEN, 60_000),
) {
  const { price, basis, date, ...rest } = answer;
  return personsAdjustment(
    of,
    {
      as: 'external-change',
      reason: 'by phone',
      price: price === undefined ? null : decimal(price),
      basis: basis === undefined ? null : decimal(basis),
      date: date === undefined ? null : parseTradeDate(date),
      ...rest,
    },
    now,
  );
}

describe('when it was', () => {
  test('when the difference was there first, also of a finding that was opened again', () => {
    expect(answered(difference('10', '8'))).toMatchObject({
      executedAt: SEEN,
      tradeDate: '2025-08-19',
      timePrecision: 'instant',
    });
  });

  test('a day the person names: noon of an earlier one, the sight itself of the same one', () => {
    const of = difference('10', '8');
    expect(answered(of, { date: '2025-08-18' })).toMatchObject({
      executedAt: at('2025-08-18 12:00'),
      tradeDate: '2025-08-18',
      timePrecision: 'day',
    });
    expect(answered(of, { date: '2025-08-19' })).toMatchObject({
      executedAt: SEEN,
      tradeDate: '2025-08-19',
      timePrecision: 'day',
    });
  });

  test('of a difference that grew a later day may be named, up to the last sight and not beyond', () => {
    const grown = difference('10', '6', { last: at('2025-08-20 09:45') });
    expect(answered(grown, { date: '2025-08-20' })).toMatchObject({
      executedAt: at('2025-08-20 09:45'),
      tradeDate: '2025-08-20',
    });
    expect(() => answered(difference('10', '8'), { date: '2025-08-20' })).toThrow(
      'The difference was there before 2025-08-20: the broker stated it on 2025-08-19.',
    );
  });
});

describe('what it moves', () => {
  test('units at a price move the money too; without a price, or without a trade, none', () => {
    const moved = (of: OpenDifference, answer: Parameters<typeof answered>[1]): string => {
      const { quantity, amount } = answered(of, answer);
      return `${quantity.toString()} for ${amount!.toString()}`;
    };
    expect(moved(difference('10', '8'), { price: '114' })).toBe('-2 for 228');
    expect(moved(difference('10', '13'), { price: '114' })).toBe('3 for -342');
    expect(moved(difference('0', '-1', { symbol: 'KO250919P00070000' }), { price: '0.85' })).toBe(
      '-1 for 85',
    );
    expect(moved(difference('10', '13'), { basis: '350' })).toBe('3 for -350');
    expect(moved(difference('10', '8'), {})).toBe('-2 for 0');
    expect(moved(difference('10', '8'), { as: 'transfer', price: '114' })).toBe('-2 for 0');
    expect(moved(difference('10', '13'), { as: 'opening', basis: '350' })).toBe('3 for 0');
    expect(moved(difference('1000', '980', { symbol: 'USD' }), {})).toBe('0 for -20');
  });

  test('a total cost that was stated stands where the book looks for it', () => {
    expect(answered(difference('10', '13'), { as: 'transfer', basis: '350' }).details).toMatchObject({
      as: 'transfer',
      basis: '350',
    });
  });

  test('every decision is an activity of its own, the same one of the same instant goes on', () => {
    const of = difference('10', '8');
    const first = answered(of, { price: '114' });
    const second = answered(difference('8', '6'), { price: '115' }, addMs(SEEN, 86_400_000));
    expect(first.rootId).toBe(`adjustment:position:${XMPL.id}@2025-08-19T14:41:00Z`);
    expect(second.rootId).not.toBe(first.rootId);
    const carried = { ...first, rev: 0, firstSeenAt: SEEN, contentHash: '' };
    const again = answered({ ...difference('8', '6'), carried }, { price: '115' });
    expect(again).toMatchObject({
      rootId: first.rootId,
      quantity: decimal('-4'),
      amount: decimal('458'),
    });
  });

  test('a finding that states no two figures can only be dismissed', () => {
    const of = difference('10', '8');
    const bare = { ...of, finding: { ...of.finding, expected: null } };
    expect(() => answered(bare)).toThrow('is no difference of a position or of cash');
  });
});
