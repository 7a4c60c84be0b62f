import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { returnsByEpoch, returnsWithin, type ReturnDay } from '../../src/book/returns.ts';
import { decimal, Decimal } from '../../src/domain/decimal.ts';
import { addDays, parseTradeDate } from '../../src/domain/time.ts';
import { isTradingDay } from '../../src/domain/calendar.ts';

/** `2025-08-04: 100 +50 -> 165`: start, what was paid in or out, end; the state behind it where it is not proved. */
function days(text: string, epoch = 1): ReturnDay[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => {
      const match = /^(\S+): (\S+) (?:([+-]\S+) )?-> (\S+)(?: (\w+))?$/.exec(line);
      if (match === null) throw new Error(`not in the notation: ${line}`);
      const [, date = '', start = '', flow = '0', end = '', state = 'proved'] = match;
      return {
        epoch,
        date: parseTradeDate(date),
        startEquity: decimal(start),
        flows: decimal(flow),
        transfers: Decimal.zero,
        endEquity: decimal(end),
        state: state as ReturnDay['state'],
      };
    });
}

/** `twr 10 mwr 10 a year 3.2`, or the gaps. */
function told(text: string): string {
  const [result] = returnsByEpoch(days(text));
  const { timeWeighted, moneyWeighted, gaps } = result!;
  if (gaps.length > 0) return gaps.map(({ from, to, reason }) => `${from}..${to} ${reason}`).join(', ');
  return `twr ${timeWeighted?.toString() ?? 'unknown'} mwr ${moneyWeighted?.toString() ?? 'unknown'}`;
}

describe('what no return can stand on', () => {
  test('a trading day that nobody recorded', () => {
    expect(
      told(`
        2025-08-04: 100 -> 110
        2025-08-07: 110 -> 120`),
    ).toBe('2025-08-05..2025-08-06 no_day');
  });

  test('days that are not proved, each run of them named once', () => {
    expect(
      told(`
        2025-08-04: 100 -> 110 unknown
        2025-08-05: 110 -> 120 unknown
        2025-08-06: 120 -> 130
        2025-08-07: 130 -> 140 pending
        2025-08-08: 140 -> 150 unexplained`),
    ).toBe(
      '2025-08-04..2025-08-05 unknown, 2025-08-07..2025-08-07 pending, 2025-08-08..2025-08-08 unexplained',
    );
  });

  test('a day that does not start where the last one ended', () => {
    expect(
      told(`
        2025-08-04: 100 -> 110
        2025-08-05: 111 -> 120`),
    ).toBe('2025-08-05..2025-08-05 no_link');
  });

  test('an account in debt: no rate describes it, and nothing is divided by it', () => {
    expect(told('2025-08-04: -50 -> -40')).toBe('twr unknown mwr unknown');
    expect(told('2025-08-04: 0 -> 10')).toBe('twr unknown mwr unknown');
  });

  test('it is of the days from the first proved one to the last; a hole between them is named and hides no figure', () => {
    const within = (text: string, from: string | null = null, to: string | null = null): string[] => {
      const date = (day: string | null) => (day === null ? null : parseTradeDate(day));
      return returnsWithin(days(text), { from: date(from), to: date(to) }).map(
        (row) =>
          `${row.from}..${row.to} ${row.timeWeighted?.toString() ?? 'unknown'}` +
          row.gaps.map((gap) => ` [${gap.from}..${gap.to} ${gap.reason}]`).join(''),
      );
    };
    // How the account began nobody knows; the last day is not over.
    const ends = `
      2025-08-04: 0 -> 100 unknown
      2025-08-05: 100 -> 110
      2025-08-06: 110 -> 121
      2025-08-07: 121 -> 130 pending`;
    expect(within(ends)).toEqual(['2025-08-05..2025-08-06 21 [2025-08-07..2025-08-07 pending]']);
    expect(within(ends, '2025-08-04')).toEqual([
      '2025-08-04..2025-08-06 unknown [2025-08-04..2025-08-04 unknown] [2025-08-07..2025-08-07 pending]',
    ]);
    expect(within(ends, null, '2025-08-07')).toEqual([
      '2025-08-05..2025-08-07 unknown [2025-08-07..2025-08-07 pending]',
    ]);
    expect(within(ends, '2025-08-06', '2025-08-06')).toEqual(['2025-08-06..2025-08-06 10']);
    // Nobody looked on the 6th, so that nobody knows how the 7th began.
    const missed = `
      2025-08-05: 100 -> 110
      2025-08-07: 110 -> 121 unknown
      2025-08-08: 121 -> 130`;
    const hole = '[2025-08-06..2025-08-06 no_day] [2025-08-07..2025-08-07 unknown]';
    expect(within(missed)).toEqual([`2025-08-05..2025-08-08 unknown ${hole}`]);
    expect(within(missed, '2025-08-06')).toEqual([`2025-08-07..2025-08-08 unknown ${hole}`]);
    expect(within(missed, '2025-08-08')).toEqual(['2025-08-08..2025-08-08 7.4380165289']);
    // Before the book nothing is missing.
    expect(within('2025-08-05: 100 -> 110', '2025-01-01')).toEqual(['2025-08-05..2025-08-05 10']);
    expect(within('2025-08-04: 100 -> 110 pending')).toEqual([
      '2025-08-04..2025-08-04 unknown [2025-08-04..2025-08-04 pending]',
    ]);
    expect(within(missed, '2025-09-01')).toEqual([]);
  });
});

describe('rates by hand', () => {
  test('a week-end is no gap, the days are linked', () => {
    expect(
      told(`
        2025-08-08: 100 -> 110
        2025-08-11: 110 -> 99`),
    ).toBe('twr -1 mwr -1');
  });

  test('a deposit that earned nothing is no gain', () => {
    expect(told('2025-08-04: 100 +1000000 -> 1000100')).toBe('twr 0 mwr 0');
    expect(told('2025-08-04: 0 +95000 -> 95000')).toBe('twr 0 mwr 0');
    expect(told('2025-08-04: 100 -100 -> 0')).toBe('twr 0 mwr 0');
  });

  test('what comes in works from the start of its day, what leaves until its end', () => {
    expect(told('2025-08-04: 100 +100 -> 220')).toBe('twr 10 mwr 10');
    expect(told('2025-08-04: 200 -100 -> 120')).toBe('twr 10 mwr 10');
  });

  test('the textbook: a deposit before a bad day weighs in the money-weighted rate alone', () => {
    // 10 % on 100, then -10 % on 1110: time-weighted 1.1 x 0.9 - 1; money-weighted solves 100 g^2 + 1000 g = 999.
    expect(
      told(`
        2025-08-04: 100 -> 110
        2025-08-05: 110 +1000 -> 999`),
    ).toBe('twr -1 mwr -16.2345684681');
  });

  test('a total loss is -100 %, and what was taken out before it still counts', () => {
    expect(told('2025-08-04: 100 -> 0')).toBe('twr -100 mwr -100');
    expect(
      told(`
        2025-08-04: 100 -50 -> 50
        2025-08-05: 50 -> 0`),
    ).toBe('twr -100 mwr -75');
  });

  test('a year of 365 days: 1 % of one day is 3678 % a year', () => {
    const [result] = returnsByEpoch(days('2025-08-04: 100 -> 101'));
    expect(result!.moneyWeightedYearly?.toString()).toBe('3678.3434332887');
  });

  test('a reset account is another account: one result for each epoch', () => {
    const results = returnsByEpoch([
      ...days('2025-08-05: 0 +500 -> 1000', 2),
      ...days('2025-08-04: 100 -> 50', 1),
    ]);
    expect(results.map(({ epoch, timeWeighted }) => `${epoch}: ${timeWeighted?.toString()}`)).toEqual([
      '1: -50',
      '2: 100',
    ]);
  });
});

describe('laws', () => {
  const rate = fc
    .integer({ min: -400, max: 400 })
    .map((bp) => Decimal.ofInteger(10_000 + bp).times(decimal('0.0001')));
  const flow = fc
    .integer({ min: -900, max: 5_000_000 })
    .map((cents) => Decimal.ofInteger(cents).times(decimal('0.01')));

  /** Equity that earns the given rates, with flows on top that work as money in the account does. */
  function earning(
    rates: readonly Decimal[],
    flows: readonly Decimal[],
    calendar: 'every' | 'trading',
  ): ReturnDay[] {
    let date = parseTradeDate('2025-08-03');
    let equity = Decimal.ofInteger(1000);
    return rates.map((daily, index) => {
      do date = addDays(date, 1);
      while (calendar === 'trading' && !isTradingDay(date));
      const net = flows[index] ?? Decimal.zero;
      const start = equity;
      const [cameIn, out] = net.sign() < 0 ? [Decimal.zero, net.negate()] : [net, Decimal.zero];
      equity = start.plus(cameIn).times(daily).minus(out);
      const flowed = index % 2 === 0;
      return {
        epoch: 1,
        date,
        startEquity: start,
        flows: flowed ? net : Decimal.zero,
        transfers: flowed ? Decimal.zero : net,
        endEquity: equity,
        state: 'proved' as const,
      };
    });
  }

  const week = fc.array(rate, { minLength: 1, maxLength: 12 });
  const near = (left: Decimal | null, right: Decimal | null): boolean =>
    left !== null && right !== null && left.minus(right).abs().compare(decimal('0.0000000002')) <= 0;

  test('deposits, withdrawals and transfers never change the time-weighted return', () => {
    fc.assert(
      fc.property(week, fc.array(flow, { maxLength: 12 }), (rates, flows) => {
        const [without] = returnsByEpoch(earning(rates, [], 'trading'));
        const [withFlows] = returnsByEpoch(earning(rates, flows, 'trading'));
        expect(without!.timeWeighted).not.toBeNull();
        expect(near(without!.timeWeighted, withFlows!.timeWeighted)).toBe(true);
      }),
    );
  });

  test('where every day earns the same, both returns are that rate whatever was paid in or out', () => {
    fc.assert(
      fc.property(rate, fc.array(flow, { minLength: 1, maxLength: 12 }), (daily, flows) => {
        const [result] = returnsByEpoch(
          earning(
            flows.map(() => daily),
            flows,
            'every',
          ),
        );
        expect(near(result!.moneyWeighted, result!.timeWeighted)).toBe(true);
      }),
    );
  });

  test('without flows both are end over start', () => {
    fc.assert(
      fc.property(week, (rates) => {
        const story = earning(rates, [], 'trading');
        const [result] = returnsByEpoch(story);
        const total = story.at(-1)!.endEquity!.dividedBy(decimal('10'), 40).minus(decimal('100'));
        expect(near(result!.timeWeighted, total)).toBe(true);
        expect(near(result!.moneyWeighted, total)).toBe(true);
      }),
    );
  });
});
