import { describe, expect, test } from 'vitest';
import { Decimal, decimal } from '../../src/domain/decimal.ts';
import { parseTradeDate } from '../../src/domain/time.ts';
import {
  averageBy,
  explainAverage,
  explainCost,
  figureMoves,
  figureText,
  type Explained,
  type FigureMove,
} from '../../src/sync/brokerFigures.ts';
import { activities } from '../notation.ts';

/** `2024-01-02 buy 100 @ 10 fee 1`, `2024-01-03 split 4:1`, `2024-01-03 coinfee 0.0025`, `... premium 0.79`. */
function moves(text: string): FigureMove[] {
  return text
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((words) => words.length > 1)
    .map(([day = '', verb = '', amount = '', ...rest]): FigureMove => {
      const figure = (name: string): Decimal | null => {
        const place = rest.indexOf(name);
        return place < 0 ? null : decimal(rest[place + 1]!);
      };
      const [to, from] = amount.split(':');
      const isOut = verb === 'sell' || verb === 'coinfee';
      return {
        quantity: verb === 'split' ? Decimal.zero : isOut ? decimal(amount).negate() : decimal(amount),
        price: figure('@'),
        tradeDate: parseTradeDate(day),
        fees: figure('fee') ?? Decimal.zero,
        premium: figure('premium'),
        isCoinFee: verb === 'coinfee',
        split: verb === 'split' ? { to: decimal(to!), from: decimal(from!) } : null,
      };
    });
}

function why(explained: Explained): string {
  return explained.kind === 'explained' ? figureText(explained.label) : 'unexplained';
}

// The three examples of docs.alpaca.markets/docs/position-average-entry-price-calculation.
const BOUGHT_ON_TWO_DAYS = `
  2024-01-02 buy 100 @ 10
  2024-01-02 buy 50 @ 12
  2024-01-03 buy 30 @ 15
  2024-01-04 sell 120 @ 16`;
const BOUGHT_AFTER_A_SALE = `
  2024-01-02 buy 100 @ 10
  2024-01-02 buy 50 @ 9
  2024-01-02 sell 50 @ 10
  2024-01-02 buy 50 @ 11`;

describe('the average Alpaca shows', () => {
  test.each([
    ['within the day of the sale', BOUGHT_ON_TWO_DAYS, '11.39', 'weighted average, fees out'],
    ['the next morning', BOUGHT_ON_TWO_DAYS, '12.83', 'FIFO of the averages of each day, fees out'],
    [
      'a buy after the sale counts with its day',
      BOUGHT_AFTER_A_SALE,
      '10',
      'FIFO of the averages of each day, fees out',
    ],
  ])('is explained by its documented convention: %s', (_name, text, shown, label) => {
    expect(why(explainAverage(moves(text), shown))).toBe(label);
  });

  test('a total cost is the average of what is left', () => {
    expect(why(explainCost(moves(BOUGHT_ON_TWO_DAYS), Decimal.one, '770'))).toBe(
      'FIFO of the averages of each day, fees out',
    );
    expect(why(explainCost(moves(BOUGHT_ON_TWO_DAYS), Decimal.one, '683.33'))).toBe(
      'weighted average, fees out',
    );
    expect(why(explainCost(moves('2024-01-02 buy 2 @ 6.05'), decimal('100'), '1210'))).toBe(
      'weighted average, fees out',
    );
  });

  test('within a day: the average upon what the morning made of the days before', () => {
    const text = `${BOUGHT_ON_TWO_DAYS}
      2024-01-05 buy 60 @ 20
      2024-01-05 sell 30 @ 21`;
    // (770 + 1200) / 120, of which the sale moves nothing.
    expect(why(explainAverage(moves(text), '16.4167'))).toBe(
      'weighted average today, FIFO of the averages of each day before, fees out',
    );
  });

  test('shorts count the same way', () => {
    const short = `
      2024-01-02 sell 100 @ 10
      2024-01-03 sell 100 @ 15
      2024-01-04 buy 100 @ 12.5`;
    expect(why(explainAverage(moves(short), '12.5'))).toBe('weighted average, fees out');
    expect(why(explainAverage(moves(short), '15'))).toBe('FIFO of the averages of each day, fees out');
  });

  test('a split rescales what was held before it', () => {
    expect(why(explainAverage(moves('2024-01-02 buy 25 @ 400\n2024-01-03 split 4:1'), '100'))).toBe(
      'weighted average, fees out',
    );
  });
});

describe('what another convention would show', () => {
  test.each([
    ['fees in it', '2024-01-02 buy 10 @ 10 fee 1', '10.1', 'weighted average, fees in'],
    [
      'single lots',
      '2024-01-02 buy 10 @ 10\n2024-01-02 buy 10 @ 20\n2024-01-02 sell 10 @ 30',
      '20',
      'FIFO of lots, fees out',
    ],
    [
      'all that was bought',
      '2024-01-02 buy 10 @ 10\n2024-01-03 buy 20 @ 20\n2024-01-04 sell 15 @ 30\n2024-01-05 buy 10 @ 40',
      '22.5',
      'average of all that opened it since it was flat, fees out',
    ],
    [
      'the premium rolled in',
      '2024-01-02 buy 100 @ 47 premium 0.79',
      '47.79',
      'weighted average, fees out, premium in the cost of the shares',
    ],
    [
      'the coins of a fee in the cost',
      '2024-01-02 buy 1 @ 2000\n2024-01-02 coinfee 0.0025',
      '2005.0125',
      'weighted average, fees out, fees in coins in the cost',
    ],
  ])('%s', (_name, text, shown, label) => {
    expect(why(explainAverage(moves(text), shown))).toBe(label);
  });

  test('the cost of coins that paid a fee leaves with them, at Alpaca', () => {
    const text = '2024-01-02 buy 1 @ 20983\n2024-01-02 coinfee 0.0025';
    expect(why(explainAverage(moves(text), '20983'))).toBe('weighted average, fees out');
    expect(why(explainCost(moves(text), Decimal.one, '20930.5425'))).toBe('weighted average, fees out');
  });

  test('nothing fits: it is unexplained, and nothing is adjusted', () => {
    const explained = explainAverage(moves(BOUGHT_ON_TWO_DAYS), '11.5');
    expect(explained.kind).toBe('unexplained');
    expect(explained.kind === 'unexplained' && explained.nearest?.round(2).toString()).toBe('11.39');
  });

  test('half a unit of the last digit shown is the room, no more', () => {
    const one = moves('2024-01-02 buy 3 @ 1.005');
    expect(why(explainAverage(one, '1.01'))).toBe('weighted average, fees out');
    expect(why(explainAverage(one, '1.02'))).toBe('unexplained');
    expect(why(explainAverage(one, '1.0051'))).toBe('unexplained');
  });

  test('an unknown cost explains nothing', () => {
    expect(why(explainAverage(moves('2024-01-02 buy 3'), '1'))).toBe('unexplained');
    expect(explainAverage(moves(''), '1')).toEqual({ kind: 'unexplained', nearest: null });
  });
});

describe('from activities', () => {
  test('since it was flat last, splits joined to their ratio, busts left out', () => {
    const rows = activities(`
      2024-01-02 10:00 buy 5 AAPL @ 300
      2024-01-02 11:00 sell 5 AAPL @ 310
      2024-01-03 10:00 buy 25 AAPL @ 400
      2024-01-03 11:00 buy 9 AAPL @ 999 (bust)
      2024-01-04 split AAPL 25 -> 100
      2024-01-05 10:00 buy 100 AAPL @ 110`);
    const found = figureMoves(rows)!;
    expect(found).toHaveLength(3);
    expect(why(explainAverage(found, '105'))).toBe('weighted average, fees out');
  });

  test('half a split cannot be counted', () => {
    const [removed] = activities('2024-01-04 split AAPL 25 -> 100');
    expect(figureMoves([removed!])).toBeNull();
  });
});

test('going through zero starts anew with what is beyond it', () => {
  const text = `
    2024-01-02 buy 10 @ 10
    2024-01-03 sell 15 @ 12`;
  const label = { method: 'average', fees: 'out', premium: 'strike', coinFee: 'out' } as const;
  expect(averageBy(moves(text), label)?.toString()).toBe('12');
  expect(averageBy(moves(text), { ...label, method: 'all_since_flat' })?.toString()).toBe('12');
  expect(averageBy(moves(`${text}\n2024-01-04 buy 5 @ 9`), label)).toBeNull();
});
