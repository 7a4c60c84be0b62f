/** The three weeks of the sample account (brokers/alpaca.md, section 10), day by day. */
import { describe, expect, test } from 'vitest';
import { type Awaited, type DayProof } from '../../src/book/dayProof.ts';
import { returnsByEpoch } from '../../src/book/returns.ts';
import { type Activity } from '../../src/domain/activity.ts';
import { Decimal } from '../../src/domain/decimal.ts';
import { at, instrumentOf } from '../notation.ts';
import { DEFAULT_RULES } from '../../src/book/foldBook.ts';
import {
  bookLots,
  doubtText,
  proofs,
  proofText,
  story,
  sumOfDays,
  type Lots,
  type StoryDay,
} from './dayStory.ts';
import { handFold } from './handLots.ts';

const STORY = story(`
  2025-08-01        deposit 95000                              #funding
  2025-08-01 = 95000
  2025-08-04 09:41  buy 15 AAPL @ 201.90                       #first
  2025-08-04 10:02  buy 10 AAPL @ 201.96                       #second
  2025-08-04 13:17  buy 15 AAPL @ 202                          #third
  2025-08-04 = 95055.90  AAPL 203.35
  2025-08-05 09:35  buy 25 XMPL @ 400
  2025-08-05 10:12  sell 1 KO250815P00070000 @ 0.85            #written
  2025-08-05 = 95064.70  AAPL 202.82, XMPL 401, KO250815P00070000 0.80
  2025-08-06 11:00  buy 2 SPY250815P00620000 @ 1.10
  2025-08-06 = 95509.40  AAPL 210.3125, XMPL 405, KO250815P00070000 0.75, SPY250815P00620000 1.30
  2025-08-07 14:03  sell 10 AAPL @ 213.25                      #partly
  2025-08-07 = 95722.30  AAPL 217.63, XMPL 406.96, KO250815P00070000 0.90, SPY250815P00620000 0.95
  2025-08-08 = 95978.90  AAPL 224, XMPL 409.98, KO250815P00070000 0.70, SPY250815P00620000 0.80
  2025-08-11 = 95844.80  AAPL 222.03, XMPL 405.98, KO250815P00070000 0.65, SPY250815P00620000 0.90
  2025-08-12        deposit 2500                               #ach
  2025-08-12 = 98472.90  AAPL 226.95, XMPL 407, KO250815P00070000 0.50, SPY250815P00620000 0.60
  2025-08-13 = 98611.30  AAPL 231.43, XMPL 408.96, KO250815P00070000 0.45, SPY250815P00620000 0.35
  2025-08-14        dividend 7.80                              #dividend
  2025-08-14 = 98635.60  AAPL 233.03, XMPL 409.50, KO250815P00070000 0.40, SPY250815P00620000 0.10
  2025-08-15        assign 1 KO250815P00070000                 #assigned
  2025-08-15        deliver 100 KO @ 70                        #delivered
  2025-08-15        expire -2 SPY250815P00620000               #expired
  2025-08-15 = 98519.90  AAPL 231.44, XMPL 407.98, KO 69.50
  2025-08-18 10:22  buy 3 SPY250822C00635000 @ 4.20
  2025-08-18 = 98638.90  AAPL 234.89, XMPL 409, KO 69.70, SPY250822C00635000 4.10
  2025-08-19 = 98589     AAPL 229.91, XMPL 409.98, KO 69.55, SPY250822C00635000 4.40
  2025-08-20        split XMPL 25 -> 100
  2025-08-20 12:00  buy 1.6 VTI @ 312.50
  2025-08-20 = 98491.82  AAPL 226.01, XMPL 102, KO 69.60, SPY250822C00635000 4.60, VTI 315.20
  2025-08-21 10:05  buy 1 QQQ250919C00580000 @ 9.40
  2025-08-21 10:05  sell 1 QQQ250919C00590000 @ 6.30
  2025-08-21 = 98929.80  AAPL 226.40, XMPL 103.50, KO 69.85, SPY250822C00635000 5.35, VTI 316, QQQ250919C00580000 9.80, QQQ250919C00590000 6.45
`);

/** Rows of 08-15 that the broker published in the night after. */
const LATE = new Set(['assigned', 'delivered', 'expired']);
const known = ({ rootId }: Activity): boolean => !LATE.has(rootId);
const AWAITED: readonly Awaited[] = ['KO250815P00070000', 'KO', 'SPY250815P00620000'].map((symbol) => ({
  instrument: instrumentOf(symbol).id,
  reason: 'position',
  until: at('2025-08-16 09:00'),
}));
const awaiting = (day: StoryDay) => (day.date === '2025-08-15' ? { awaited: AWAITED } : {});

const BOOK = bookLots(DEFAULT_RULES);

/** The book of lots, and a second one that shares no line with it. */
const BOOKS: readonly (readonly [string, Lots])[] = [
  ['the book', BOOK],
  ['lots by hand', handFold],
];

/** Alpaca's own lots: the buys of a day are one lot at their average (alpaca.md 3.3). The sample's totals are by these. */
const compressed = bookLots({
  ...DEFAULT_RULES,
  elections: [
    {
      kind: 'lot_method',
      object: null,
      choice: 'COMPRESSED_FIFO',
      validFrom: null,
      validTo: null,
      source: 'user',
      details: {},
      firstSeenAt: at('2025-08-01'),
    },
  ],
});

describe('the sample account', () => {
  test.each(BOOKS)('every day is proved with nothing left over, by %s', (_, lots) => {
    expect(proofs(STORY, { lots }).map(proofText)).toEqual([
      '2025-08-01 proved: 0 + flows 95000 = 95000',
      '2025-08-04 proved: 95000 + unrealized 55.9 = 95055.9',
      '2025-08-05 proved: 95055.9 + unrealized 8.8 = 95064.7',
      '2025-08-06 proved: 95064.7 + unrealized 444.7 = 95509.4',
      '2025-08-07 proved: 95509.4 + realized 113.5 + unrealized 99.4 = 95722.3',
      '2025-08-08 proved: 95722.3 + unrealized 256.6 = 95978.9',
      '2025-08-11 proved: 95978.9 + unrealized -134.1 = 95844.8',
      '2025-08-12 proved: 95844.8 + flows 2500 + unrealized 128.1 = 98472.9',
      '2025-08-13 proved: 98472.9 + unrealized 138.4 = 98611.3',
      '2025-08-14 proved: 98611.3 + unrealized 16.5 + income 7.8 = 98635.6',
      // The written put realizes its premium at its own close, whatever the tax layer makes of it.
      '2025-08-15 proved: 98635.6 + realized -135 + unrealized 19.3 = 98519.9',
      '2025-08-18 proved: 98519.9 + unrealized 119 = 98638.9',
      '2025-08-19 proved: 98638.9 + unrealized -49.9 = 98589',
      '2025-08-20 proved: 98589 + unrealized -97.18 = 98491.82',
      '2025-08-21 proved: 98491.82 + unrealized 437.98 = 98929.8',
    ]);
  });

  test('its totals by the lots of the broker: 97,500 - 22.025 + 7.80 + 1,444.025 = 98,929.80', () => {
    const days = proofs(STORY, { lots: compressed });
    expect(days.map(({ state }) => state)).toEqual(days.map(() => 'proved'));
    expect(sumOfDays(days, 'flows')).toBe('97500');
    expect(sumOfDays(days, 'realized')).toBe('-22.025');
    expect(sumOfDays(days, 'income')).toBe('7.8');
    expect(sumOfDays(days, 'unrealizedChange')).toBe('1444.025');
    expect(sumOfDays(days, 'residual')).toBe('0');
    // What the account earned: its last equity less what was paid in.
    expect(sumOfDays(days, 'profit')).toBe('1429.8');
  });

  test('in the evening of 08-15 the broker has yet to publish: that day alone is pending, and says what lacks a mark', () => {
    const evening = { ...STORY, days: STORY.days.filter(({ date }) => date <= '2025-08-15') };
    const days = proofs(evening, { lots: BOOK, known, more: awaiting });
    expect(days.filter(({ state }) => state !== 'proved').map(proofText)).toEqual([
      '2025-08-15 pending: 98635.6 + unrealized ? = 98519.9 residual ?',
    ]);
    expect(doubtText(days.at(-1)!)).toEqual([
      'unrealizedChange no_mark KO250815P00070000',
      'unrealizedChange no_mark SPY250815P00620000',
    ]);
    expect(days.at(-1)!.profit).toBeNull();
  });

  test('rows that never come leave the day unknown, not proved', () => {
    expect(proofs(STORY, { lots: BOOK, known }).find(({ date }) => date === '2025-08-15')?.state).toBe(
      'unknown',
    );
  });

  test('the rows that come in the night change the day they belong to, and no day before it', () => {
    const before = proofs(STORY, { lots: BOOK, known, more: awaiting });
    const after = proofs(STORY, { lots: BOOK });
    const changed = after.filter((day, index) => proofText(day) !== proofText(before[index]!));
    expect(changed[0]?.date).toBe('2025-08-15');
  });

  test('a late dividend changes its own day and no other', () => {
    const without = proofs(STORY, { lots: BOOK, known: ({ rootId }) => rootId !== 'dividend' });
    const changed = proofs(STORY, { lots: BOOK }).filter(
      (day, index) => proofText(day) !== proofText(without[index]!),
    );
    expect(changed.map(({ date }) => date)).toEqual(['2025-08-14']);
    expect(proofText(without.find(({ date }) => date === '2025-08-14')!)).toBe(
      '2025-08-14 unexplained: 98611.3 + unrealized 16.5 = 98635.6 residual 7.8',
    );
  });

  test('a deposit the book does not know of is a residual of its size, never a gain', () => {
    const day = proofs(STORY, { lots: BOOK, known: ({ rootId }) => rootId !== 'ach' }).find(
      ({ date }) => date === '2025-08-12',
    )!;
    expect(proofText(day)).toBe('2025-08-12 unexplained: 95844.8 + unrealized 128.1 = 98472.9 residual 2500');
    expect(day.profit?.toString()).toBe('128.1');
  });

  test('returns of the three weeks: deposits are no gain', () => {
    const days = proofs(STORY, { lots: BOOK });
    const [result] = returnsByEpoch(days.map((day) => ({ ...day, epoch: 1 })));
    // By hand: the quotient of each day's end over its start and what came in, multiplied.
    const linked = days.reduce((growth: Decimal, day: DayProof) => {
      const base = day.startEquity!.plus(day.flows!);
      return growth.times(day.endEquity!).dividedBy(base, 30);
    }, Decimal.one);
    const percent = linked.minus(Decimal.one).times(Decimal.ofInteger(100)).round(10);
    expect(result!.timeWeighted?.toString()).toBe(percent.toString());
    expect(result!.timeWeighted?.toString()).toBe('1.4893987924');
    expect(result!.gaps).toEqual([]);
  });
});
