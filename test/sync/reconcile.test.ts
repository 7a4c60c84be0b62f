import { describe, expect, test } from 'vitest';
import { decimal } from '../../src/domain/decimal.ts';
import { type SnapshotBalance, type SnapshotPosition } from '../../src/domain/snapshot.ts';
import { lacksTrade, type Difference } from '../../src/sync/reconcile.ts';
import { instrumentOf } from '../notation.ts';

/** `AAPL 10 = 2000`: what is listed, with its market value; `?` has no mark. */
function listed(text: string): SnapshotPosition[] {
  return text
    .split(',')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [symbol = '', quantity = '', , value = ''] = line.trim().split(' ');
      return {
        instrument: instrumentOf(symbol),
        quantity: decimal(quantity),
        averageCost: null,
        mark: null,
        markAsOf: null,
        marketValue: value === '?' ? null : decimal(value),
        unrealizedPnl: null,
        brokerInstrumentId: null,
      };
    });
}

/** The account's own totals of longs and shorts. */
function totals(long: string | null, short: string | null = '0'): SnapshotBalance[] {
  const figure = (text: string | null) => (text === null ? null : decimal(text));
  const [longMarketValue, shortMarketValue] = [figure(long), figure(short)];
  return [
    { currency: 'USD', equity: null, cash: null, buyingPower: null, longMarketValue, shortMarketValue },
  ];
}

const cash = (book: string, broker: string): Difference[] => [
  { kind: 'cash', currency: 'USD', book: decimal(book), broker: decimal(broker) },
];

describe('a trade that only the cash knows of', () => {
  const portfolio = listed('AAPL 10 = 2000, KO 100 = 7000, TSLA -5 = -1500');

  test('a purchase: cash went, and the account is worth more than the list', () => {
    expect(lacksTrade(cash('1000', '790'), portfolio, totals('9210', '-1500'))).toBe(true);
    // Small beside the portfolio, but it is what was paid.
    expect(lacksTrade(cash('1000', '995'), portfolio, totals('9005', '-1500'))).toBe(true);
  });

  test('a purchase far from the mark, and something else that moved cash beside it', () => {
    expect(lacksTrade(cash('1000', '586'), portfolio, totals('9136.7', '-1500'))).toBe(true);
    expect(lacksTrade(cash('1000', '1100'), portfolio, totals('9136.7', '-1500'))).toBe(true);
  });

  test('a short sale', () => {
    expect(lacksTrade(cash('1000', '1300'), portfolio, totals('9000', '-1800'))).toBe(true);
  });

  test('a payment moves the cash alone, whatever the marks do meanwhile', () => {
    expect(lacksTrade(cash('1000', '1050'), portfolio, totals('9000', '-1500'))).toBe(false);
    expect(lacksTrade(cash('1000', '1050'), portfolio, totals('8995', '-1498'))).toBe(false);
    expect(lacksTrade(cash('1000', '6000'), [], totals('0'))).toBe(false);
  });

  test('where the cash agrees there is none, and where a figure is missing nobody knows', () => {
    expect(lacksTrade([], portfolio, totals('12000', '-1500'))).toBe(false);
    expect(lacksTrade(cash('1000', '1050'), portfolio, totals(null))).toBe(true);
    expect(lacksTrade(cash('1000', '1050'), listed('AAPL 10 = ?'), totals('2000'))).toBe(true);
  });
});
