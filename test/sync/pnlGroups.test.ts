/** Profit and loss added up: unknown is in no sum and said, exact figures are added exactly, pieces of one sale are one. */
import { describe, expect, test } from 'vitest';
import { Decimal, decimal } from '../../src/domain/decimal.ts';
import { parseTradeDate } from '../../src/domain/time.ts';
import { groupPnl, pnlStats, type PnlItem } from '../../src/sync/records/pnlGroups.ts';

type Close = PnlItem & { closeKey: string };

/** `2025-08-07 AAPL 112.975 exact short` or `2025-08-07 AAPL ? unknown`: a close of ten units. */
function close(line: string, more: Partial<Close> = {}): Close {
  const [date = '', symbol = '', amount = '', basis = 'exact', term] = line.split(' ');
  return {
    account: 'alpaca-paper',
    currency: 'USD',
    date: parseTradeDate(date),
    symbol,
    kind: 'close',
    amount: amount === '?' ? null : decimal(amount),
    basis: basis as Close['basis'],
    rolled: Decimal.zero,
    washDisallowed: Decimal.zero,
    washIn: Decimal.zero,
    term: (term ?? null) as Close['term'],
    quantity: decimal('10'),
    proceeds: null,
    cost: null,
    holdingDays: 3,
    baseCloseRate: amount === '?' ? null : decimal(amount),
    baseHistorical: amount === '?' ? null : decimal(amount),
    closeKey: line,
    ...more,
  };
}

const money = (line: string): Close => {
  const [date = '', kind = '', amount = ''] = line.split(' ');
  return close(`${date} - ${amount}`, { kind: kind as 'income' | 'fee', symbol: null });
};

describe('groups', () => {
  const items = [
    close('2025-08-07 AAPL 112.975 exact short'),
    close('2025-08-15 KO 85 exact short', { rolled: decimal('-85') }),
    close('2025-08-15 SPY -220 exact short'),
    money('2025-08-14 income 7.80'),
    money('2025-08-15 fee -0.05'),
  ];

  test('of a month: realized, premiums the other way, income and fees apart', () => {
    const [group, ...more] = groupPnl(items, 'month');
    expect(more).toEqual([]);
    expect(JSON.parse(JSON.stringify(group))).toMatchObject({
      group: '2025-08',
      realized: '-22.025',
      realizedRolled: '-107.025',
      income: '7.8',
      fees: '-0.05',
      net: '-14.275',
      closes: 3,
      basis: 'exact',
      unknownQuantity: '0',
    });
  });

  test.each([
    ['day', ['2025-08-07', '2025-08-14', '2025-08-15']],
    ['year', ['2025']],
    ['symbol', ['', 'AAPL', 'KO', 'SPY']],
    ['term', ['none', 'short']],
    ['account', ['alpaca-paper']],
  ] as const)('by %s', (by, groups) => {
    expect(groupPnl(items, by).map((row) => row.group)).toEqual(groups);
    expect(Decimal.sum(groupPnl(items, by).map((row) => row.net!)).toString()).toBe('-14.275');
  });

  test('a close of unknown basis is in no sum, its units are told, and the sum is no whole', () => {
    const [group] = groupPnl([close('2025-08-07 X 5 exact'), close('2025-08-07 X ? unknown')], 'symbol');
    expect(JSON.parse(JSON.stringify(group))).toMatchObject({
      realized: '5',
      basis: 'unknown',
      unknownQuantity: '10',
      closes: 2,
    });
  });

  test('where nothing that closed has a known cost, the sums are unknown and what came in is told', () => {
    const sold = { proceeds: decimal('1860'), cost: null };
    const [group] = groupPnl([close('2025-08-07 CAT ? unknown', sold)], 'symbol');
    expect(JSON.parse(JSON.stringify(group))).toMatchObject({
      realized: null,
      realizedRolled: null,
      taxableGain: null,
      net: null,
      proceeds: '1860',
      cost: null,
      unknownQuantity: '10',
    });
  });

  test('what one close does not tell is in no sum of proceeds or cost', () => {
    const known = { proceeds: decimal('100'), cost: decimal('95') };
    const [group] = groupPnl([close('2025-08-07 X 5', known), close('2025-08-07 X 1 estimated')], 'symbol');
    expect(JSON.parse(JSON.stringify(group))).toMatchObject({ realized: '6', proceeds: null, cost: null });
  });

  test('a day without closes realized nothing', () => {
    const [group] = groupPnl([money('2025-08-14 income 7.80')], 'day');
    expect(JSON.parse(JSON.stringify(group))).toMatchObject({ realized: '0', proceeds: '0', net: '7.8' });
  });

  test('in base currency: at the rate of the close, and with cost at the rates of its days', () => {
    const rates = { currency: 'EUR', baseCloseRate: decimal('5.5'), baseHistorical: decimal('7') };
    const both = [close('2025-08-07 X 5', rates), close('2025-08-07 X 5', rates)];
    expect(JSON.parse(JSON.stringify(groupPnl(both, 'year')[0]))).toMatchObject({
      realizedBaseCloseRate: '11',
      realizedBaseHistorical: '14',
    });
    const [group] = groupPnl([...both, close('2025-08-07 X 5', { ...rates, baseHistorical: null })], 'year');
    expect(JSON.parse(JSON.stringify(group))).toMatchObject({
      realizedBaseCloseRate: '16.5',
      realizedBaseHistorical: null,
    });
  });

  test('one estimate makes an estimate of the sum', () => {
    const [group] = groupPnl([close('2025-08-07 X 5 exact'), close('2025-08-07 X 1 estimated')], 'symbol');
    expect(group!.basis).toBe('estimated');
  });

  test('currencies are never added up', () => {
    const rows = groupPnl([close('2025-08-07 X 5'), close('2025-08-07 X 5', { currency: 'EUR' })], 'year');
    expect(rows.map((row) => `${row.currency} ${String(row.realized)}`)).toEqual(['EUR 5', 'USD 5']);
  });
});

describe('statistics', () => {
  test('pieces of one sale are one close; unknown ones are counted apart', () => {
    const [stats] = pnlStats([
      close('2025-08-07 A 10', { closeKey: 'one' }),
      close('2025-08-07 A -4', { closeKey: 'one' }),
      close('2025-08-08 A -3', { closeKey: 'two' }),
      close('2025-08-09 A ?', { closeKey: 'three' }),
    ]);
    expect(JSON.parse(JSON.stringify(stats))).toMatchObject({
      closes: 2,
      wins: 1,
      losses: 1,
      winRate: '50',
      realized: '3',
      averageWin: '6',
      averageLoss: '-3',
      profitFactor: '2',
      expectancy: '1.5',
      unknown: 1,
    });
  });

  test('without losses there is no profit factor, and nothing is divided by zero', () => {
    const [stats] = pnlStats([close('2025-08-07 A 10')]);
    expect(stats).toMatchObject({ profitFactor: null, averageLoss: null, largestLoss: null });
    expect(pnlStats([])).toEqual([]);
  });
});
