import { describe, expect, test } from 'vitest';
import { proveDay, toleranceOf, type DayFacts } from '../../src/book/dayProof.ts';
import { DEFAULT_RULES } from '../../src/book/foldBook.ts';
import { type Activity } from '../../src/domain/activity.ts';
import { decimal, Decimal } from '../../src/domain/decimal.ts';
import { type Instrument, type InstrumentId } from '../../src/domain/instrument.ts';
import { type LotClosure } from '../../src/domain/lot.ts';
import { type Currency } from '../../src/domain/money.ts';
import { parseTradeDate } from '../../src/domain/time.ts';
import { activities, at, instrumentOf } from '../notation.ts';
import { bookLots, doubtText, marksOf, proofs, proofText, story, type Telling } from './dayStory.ts';
import { handFold } from './handLots.ts';

/** The proofs of a story's days as text, without the first `skip`. */
function told(text: string, telling: Telling = {}, skip = 1): string[] {
  return proofs(story(text), telling).slice(skip).map(proofText);
}

/** The last day of a story. */
function lastOf(text: string, telling: Telling = {}) {
  return proofs(story(text), telling).at(-1)!;
}

/** One day of hand-made facts. */
function day(facts: Partial<DayFacts> & { lines?: string }): DayFacts {
  const { lines = '', ...rest } = facts;
  const rows = rest.activities ?? activities(lines);
  const instruments = new Map<InstrumentId, Instrument>();
  for (const { instrument } of rows) if (instrument !== null) instruments.set(instrument.id, instrument);
  return {
    date: parseTradeDate('2025-08-05'),
    currency: 'USD',
    before: { equity: decimal('100'), lots: [], marks: new Map() },
    end: { equity: decimal('100'), lots: [], marks: new Map() },
    activities: rows,
    closures: [],
    instruments,
    openedLater: [],
    feesApart: false,
    awaited: [],
    isOver: true,
    ...rest,
  };
}

const HELD = `
  2025-08-04        deposit 1000
  2025-08-04 10:00  buy 10 AAPL @ 50
`;

describe('what cannot be known is not made up', () => {
  test('without a mark the change in unrealized is unknown, and says whose mark is missing on which end', () => {
    const without = lastOf(`${HELD}
      2025-08-04 = 1020  AAPL 52
      2025-08-05 = 1030`);
    expect(proofText(without)).toBe('2025-08-05 unknown: 1020 + unrealized ? = 1030 residual ?');
    expect(doubtText(without)).toEqual(['unrealizedChange no_mark AAPL']);
    const before = lastOf(`${HELD}
      2025-08-04 = 1020
      2025-08-05 = 1030  AAPL 53`);
    expect(before.state).toBe('unknown');
    expect(doubtText(before)).toEqual(['unrealizedChange no_mark_before AAPL']);
  });

  test('an instrument whose multiplier nobody knows has no value', () => {
    const proof = lastOf(
      `${HELD}
      2025-08-04 = 1020  AAPL 52
      2025-08-05 = 1030  AAPL 53`,
      { more: () => ({ instruments: new Map() }) },
    );
    expect(proof.state).toBe('unknown');
  });

  test('equity that nobody stated is unknown on either end, never zero', () => {
    expect(
      told(`
        2025-08-04        deposit 1000
        2025-08-04 = 1000
        2025-08-05 = ?
        2025-08-06 = 1000`),
    ).toEqual(['2025-08-05 unknown: 1000 = ? residual ?', '2025-08-06 unknown: ? = 1000 residual ?']);
  });

  test('money of a row that is not known makes its line unknown', () => {
    const deposit: Activity = { ...activities('2025-08-05 deposit 1')[0]!, amount: null };
    const proof = proveDay(day({ activities: [deposit] }));
    expect(proofText(proof)).toBe('2025-08-05 unknown: 100 + flows ? = 100 residual ?');
    expect(doubtText(proof)).toEqual(['flows amount_unknown']);
  });

  test('selling what the book never had: what it was worth before is unknown, so its proceeds are no profit', () => {
    const lines = '2025-08-05 10:00 sell 10 AAPL @ 50 #sold';
    const sale = closure({ lotId: 'unknown:sold', proceeds: decimal('500'), activityRootId: 'sold' });
    const proof = proveDay(day({ lines, closures: [sale], end: { ...ENDED, equity: decimal('600') } }));
    expect(proofText(proof)).toBe('2025-08-05 unknown: 100 + unrealized ? = 600 residual ?');
    expect(doubtText(proof)).toEqual(['unrealizedChange uncovered_close AAPL']);
    expect(proof.profit).toBeNull();
  });

  test('a fill whose money is not known closes a lot for an unknown amount', () => {
    const bought = handFold(activities('2025-08-04 10:00 buy 10 AAPL @ 50 #bought'));
    const sale = closure({ lotId: bought.lots[0]!.id, cost: decimal('500') });
    const proof = proveDay(
      day({
        lines: '2025-08-05 10:00 sell 10 AAPL @ 50 #sold',
        before: { equity: decimal('100'), lots: bought.lots, marks: marksOf('AAPL 50') },
        closures: [sale],
      }),
    );
    expect(doubtText(proof)).toEqual(['unrealizedChange amount_unknown AAPL']);
  });

  test('a missing rate leaves FX unknown', () => {
    expect(doubtText(proveDay(day({ fx: null })))).toEqual(['fx no_rate']);
    expect(proveDay(day({ fx: null })).state).toBe('unknown');
  });
});

describe('states', () => {
  const SHORT = `${HELD}
    2025-08-04 = 1000  AAPL 50
    2025-08-05 = 1030  AAPL 52`;

  test('a residual is a verdict when the day is over, and none before', () => {
    expect(told(SHORT)).toEqual(['2025-08-05 unexplained: 1000 + unrealized 20 = 1030 residual 10']);
    const running = lastOf(SHORT, { more: () => ({ isOver: false }) });
    expect([running.state, running.residual?.toString()]).toEqual(['pending', '10']);
  });

  test('what is awaited excuses a residual and a missing mark; a day that adds up by luck is not proved either', () => {
    const awaited = [{ instrument: null, reason: 'cash', until: at('2025-08-06 09:00') }];
    const waiting: Telling = { more: () => ({ awaited }) };
    expect(lastOf(SHORT, waiting).state).toBe('pending');
    expect(lastOf(SHORT.replace('AAPL 52', ''), waiting).state).toBe('pending');
    expect(lastOf(SHORT.replace('1030', '1020'), waiting).state).toBe('pending');
    expect(lastOf(SHORT.replace('1030', '1020')).state).toBe('proved');
  });

  test('half a cent for each stated equity, and for each row with parts of a cent; a cent more is no rounding', () => {
    const lines = `
      2025-08-05 10:00  buy 0.123396 AAPL @ 81.04
      2025-08-05        deposit 5
      2025-08-05 11:00  sell 0.1 AAPL @ 81.041 (bust)`;
    expect(toleranceOf(day({}))).toEqual(decimal('0.01'));
    expect(toleranceOf(day({ lines }))).toEqual(decimal('0.015'));
    expect(toleranceOf(day({ lines, currency: 'EUR' }))).toEqual(decimal('0.01'));
    const ends = (equity: string) => proveDay(day({ end: { ...ENDED, equity: decimal(equity) } })).state;
    expect([ends('100.01'), ends('99.99'), ends('100.011')]).toEqual(['proved', 'proved', 'unexplained']);
  });
});

describe('lines of the equation', () => {
  test('money in and out is flow; dividends, interest and rebates are income; fees and withheld tax are fees', () => {
    const rows = activities(`
      2025-08-05 deposit 500
      2025-08-05 withdrawal 20
      2025-08-05 dividend 7.80
      2025-08-05 interest -1.25
      2025-08-05 fee 0.03
      2025-08-05 dividend 3
      2025-08-05 deposit 2`);
    const kinds: Partial<Record<number, Activity['kind']>> = { 5: 'tax_withheld', 6: 'cash_transfer' };
    const proof = proveDay(
      day({
        activities: rows.map((row, index) =>
          kinds[index] === undefined
            ? row
            : { ...row, kind: kinds[index], amount: index === 5 ? row.amount!.negate() : row.amount },
        ),
        end: { ...ENDED, equity: decimal('585.52') },
      }),
    );
    expect(proofText(proof)).toBe('2025-08-05 proved: 100 + flows 482 + income 6.55 + fees -3.03 = 585.52');
    expect(proof.profit?.toString()).toBe('3.52');
  });

  test('a busted row counts nothing, rows of another currency count in its own proof', () => {
    const [busted, euros] = activities(`
      2025-08-05 deposit 500 #a
      2025-08-05 deposit 70 #b`);
    const rows = [
      { ...busted!, status: 'bust' as const },
      { ...euros!, currency: 'EUR' as Currency },
    ];
    expect(proofText(proveDay(day({ activities: rows })))).toBe('2025-08-05 proved: 100 = 100');
    expect(proveDay(day({ activities: rows, currency: 'EUR' })).flows?.toString()).toBe('70');
  });

  test('a fee inside the cost is no line of its own; kept apart or in another currency it is', () => {
    const [buy] = activities('2025-08-05 10:00 buy 10 AAPL @ 50');
    const withFee = { ...buy!, fees: decimal('1'), feesCurrency: 'USD' };
    const fees = (facts: Partial<DayFacts>) => proveDay(day(facts)).fees?.toString();
    expect(fees({ activities: [withFee] })).toBe('0');
    expect(fees({ activities: [withFee], feesApart: true })).toBe('-1');
    const foreign = { ...withFee, feesCurrency: 'EUR' };
    expect(fees({ activities: [foreign] })).toBe('0');
    expect(fees({ activities: [foreign], currency: 'EUR' })).toBe('-1');
    const [deposit] = activities('2025-08-05 deposit 10');
    expect(fees({ activities: [{ ...deposit!, fees: decimal('2') }] })).toBe('-2');
  });

  test('shorts, a flip and an option: value, cost and realized with their signs', () => {
    expect(
      told(`
        2025-08-04        deposit 10000
        2025-08-04 10:00  sell 10 AAPL @ 50
        2025-08-04 10:00  sell 1 KO250815P00070000 @ 0.85
        2025-08-04 = 10000  AAPL 50, KO250815P00070000 0.85
        2025-08-05 10:00  buy 15 AAPL @ 48
        2025-08-05 = 10035  AAPL 49, KO250815P00070000 0.75`),
    ).toEqual(['2025-08-05 proved: 10000 + realized 20 + unrealized 15 = 10035']);
  });

  test('a split moves nothing', () => {
    expect(
      told(`${HELD}
        2025-08-04 = 1020  AAPL 52
        2025-08-05        split AAPL 10 -> 40
        2025-08-05 = 1040  AAPL 13.5`),
    ).toEqual(['2025-08-05 proved: 1020 + unrealized 20 = 1040']);
  });

  describe('corporate actions give nobody money', () => {
    const lots = bookLots(DEFAULT_RULES);
    const HELD_40 = `
      2025-08-04        deposit 10000
      2025-08-04 10:00  buy 40 IBM @ 200
      2025-08-04 = 10040  IBM 201`;

    test('a spin-off: the cost its child takes over left the parent, and no money came', () => {
      for (const fraction of ['basisFraction=0.125', '']) {
        expect(
          told(
            `${HELD_40}
            2025-08-05        spinoff 8 KD parent=IBM ${fraction}
            2025-08-05 = 10060  IBM 176.5, KD 125
            2025-08-06 10:00  sell 8 KD @ 126
            2025-08-06 = 10068  IBM 176.5`,
            { lots },
          ),
        ).toEqual([
          '2025-08-05 proved: 10040 + unrealized 20 = 10060',
          // What is realized of it nobody knows without the fraction; the day's profit is the same 8.
          fraction === ''
            ? '2025-08-06 proved: 10060 + unrealized 8 = 10068'
            : '2025-08-06 proved: 10060 + realized 8 = 10068',
        ]);
      }
    });

    test('a spin-off with a part of a share: worth nothing until its cash comes', () => {
      expect(
        told(
          `${HELD_40}
          2025-08-05        spinoff 5 KD parent=IBM basisFraction=0.125 ratioNew=11 ratioOld=80
          2025-08-05 = 9660  IBM 176.5, KD 120
          2025-08-06        inlieu 60 KD
          2025-08-06 = 9720  IBM 176.5, KD 120`,
          { lots },
        ),
      ).toEqual([
        '2025-08-05 proved: 10040 + unrealized -380 = 9660',
        // Half of 5.5 shares that cost 1,000: 90.909090... each.
        expect.stringMatching(
          /^2025-08-06 proved: 9660 \+ realized -30\.9\d+ \+ unrealized 90\.9\d+ = 9720$/,
        ),
      ]);
    });

    test('a spin-off and a sale of its child on one day, and a child whose cost a person stated', () => {
      const day = `
        2025-08-05        spinoff 8 KD parent=IBM basisFraction=0.125 #spun
        2025-08-05 10:00  sell 3 KD @ 126
        2025-08-05 = 10063  IBM 176.5, KD 125`;
      expect(told(`${HELD_40}${day}`, { lots })).toEqual([
        '2025-08-05 proved: 10040 + realized 3 + unrealized 20 = 10063',
      ]);
      const basis = {
        kind: 'basis' as const,
        object: 'spun>line:2',
        choice: '800',
        validFrom: null,
        validTo: null,
        source: 'user',
        details: {},
        firstSeenAt: at('2025-08-05'),
      };
      // Stated 800, not the 1,000 that left the parent: 300 of it is realized, and nobody earned the 200 in between.
      expect(
        told(`${HELD_40}${day}`, {
          lots: bookLots({ ...DEFAULT_RULES, elections: [basis] }),
          more: () => ({ basesStated: new Set(['spun>line:2']) }),
        }),
      ).toEqual(['2025-08-05 proved: 10040 + realized 78 + unrealized -55 = 10063']);
    });

    test('a merger for shares, for shares and cash, of a part: what is exchanged is not earned', () => {
      const merged = (terms: string, equity: string, marks: string): string[] =>
        told(
          `${HELD_40}
          2025-08-05        merger ACME <- IBM ${terms}
          2025-08-05 = ${equity}  ${marks}`,
          { lots },
        );
      expect(merged('40 -> 10', '10050', 'ACME 805')).toEqual([
        '2025-08-05 proved: 10040 + unrealized 10 = 10050',
      ]);
      expect(merged('40 -> 10 cash=400 fmvNew=780', '10250', 'ACME 785')).toEqual([
        '2025-08-05 proved: 10040 + realized 200 + unrealized 10 = 10250',
      ]);
      expect(merged('40 -> 10 cash=400', '10250', 'ACME 785')).toEqual([
        '2025-08-05 proved: 10040 + unrealized 210 = 10250',
      ]);
      expect(merged('10 -> 3', '10100', 'ACME 690, IBM 201')).toEqual([
        '2025-08-05 proved: 10040 + unrealized 60 = 10100',
      ]);
    });
  });

  test('cash in lieu: what its fraction cost is realized; without a fraction the money is income', () => {
    const [row] = activities('2025-08-05 dividend 11 #cil');
    const paid: Activity = { ...row!, kind: 'cash_in_lieu' };
    const end = { ...ENDED, equity: decimal('111') };
    const facts = { activities: [paid], end };
    expect(proofText(proveDay(day(facts)))).toBe('2025-08-05 proved: 100 + income 11 = 111');
    const fraction = closure({
      activityRootId: 'cil',
      kind: 'cash_in_lieu',
      cost: decimal('10'),
      proceeds: decimal('11'),
      realized: decimal('1'),
    });
    // Until its cash came the fraction was worth nothing and carried its cost: -10 on the day of the split.
    const before = { equity: decimal('100'), lots: [], marks: new Map(), fractionsCost: decimal('10') };
    expect(proofText(proveDay(day({ ...facts, before, closures: [fraction] })))).toBe(
      '2025-08-05 proved: 100 + realized 1 + unrealized 10 = 111',
    );
  });

  test('prices that moved between the two answers of a broker are no residual', () => {
    const text = `${HELD}
      2025-08-04 = 1000  AAPL 50
      2025-08-05 = 1030  AAPL 52`;
    const facts: Telling = {
      more: ({ marks }) => ({
        end: {
          equity: decimal('1030'),
          lots: handFold(story(text).activities).lots,
          marks,
          valueGap: decimal('10'),
        },
      }),
    };
    expect(lastOf(text, facts)).toMatchObject({ state: 'proved', unrealizedChange: decimal('30') });
  });
});

describe('securities that come and go without money', () => {
  test('arrived shares are a transfer at their market value, whatever they once cost: no gain', () => {
    const [bare, known] = [undefined, '1000'].map((basis) => proofs(withBasis(ARRIVED, basis)).at(-1)!);
    for (const proof of [bare!, known!]) {
      expect(proofText(proof)).toBe('2025-08-05 proved: 1000 + transfers 5500 = 6500');
      expect(proof.profit?.toString()).toBe('0');
    }
    expect([bare!.unknownBasis, known!.unknownBasis]).toEqual([['equity:KO:USD'], []]);
  });

  test('sold without a basis: realized stays out, the movement of the day is still exact', () => {
    const text = `${ARRIVED}
      2025-08-06 10:00  sell 60 KO @ 58
      2025-08-06 = 6740  KO 56.5`;
    // 60 x (58 - 55) + 40 x (56.5 - 55): unknown apart, known together.
    expect(proofs(withBasis(text, undefined)).map(proofText).at(-1)).toBe(
      '2025-08-06 proved: 6500 + unrealized 240 = 6740',
    );
    expect(proofs(withBasis(text, '1000')).map(proofText).at(-1)).toBe(
      '2025-08-06 proved: 6500 + realized 2880 + unrealized -2640 = 6740',
    );
  });

  test('shares that leave go at the mark of the day before where the day has none', () => {
    expect(
      told(`${HELD}
        2025-08-04 = 1020  AAPL 52
        2025-08-05        transfer -10 AAPL
        2025-08-05 = 500`),
    ).toEqual(['2025-08-05 proved: 1020 + transfers -520 = 500']);
  });

  test('a part that leaves goes at the mark of its own day, which the rest still has', () => {
    expect(
      told(`${HELD}
        2025-08-04 = 1020  AAPL 52
        2025-08-05        transfer -4 AAPL
        2025-08-05 = 818  AAPL 53`),
    ).toEqual(['2025-08-05 proved: 1020 + transfers -212 + unrealized 10 = 818']);
  });

  test('arrived and sold within the day: at the price of the sale, so nothing is earned', () => {
    expect(
      told(`
        2025-08-04        deposit 1000
        2025-08-04 = 1000
        2025-08-05 09:00  transfer 10 KO
        2025-08-05 10:00  sell 10 KO @ 55
        2025-08-05 = 1550`),
    ).toEqual(['2025-08-05 proved: 1000 + transfers 550 = 1550']);
  });

  test('without any price the transfer is unknown; a mark in other units than the day is none', () => {
    const proof = lastOf(`
      2025-08-04        deposit 1000
      2025-08-04 = 1000
      2025-08-05        transfer 10 KO
      2025-08-05        transfer -10 KO
      2025-08-05 = 1000`);
    expect(proof.transfers).toBeNull();
    expect(doubtText(proof)).toContain('transfers no_mark KO');
    const split = lastOf(`${HELD}
      2025-08-04 = 1020  AAPL 52
      2025-08-05        split AAPL 10 -> 40
      2025-08-05        transfer -40 AAPL
      2025-08-05 = 500`);
    expect(split.transfers).toBeNull();
  });

  test('openings are there on the first day of the book; later they were in the equity already', () => {
    const opened = (text: string) => {
      const base = story(text);
      const rows = base.activities.map((row) =>
        row.kind === 'security_transfer'
          ? { ...row, kind: 'opening' as const, details: { basis: '400' } }
          : row.kind === 'deposit'
            ? { ...row, kind: 'opening' as const }
            : row,
      );
      return proofs({ ...base, activities: rows }).at(-1)!;
    };
    const first = opened(`
      2025-08-05 deposit 1000
      2025-08-05 transfer 10 KO
      2025-08-05 = 1550  KO 55`);
    expect(proofText(first)).toBe('2025-08-05 proved: 0 + flows 1000 + transfers 550 = 1550');
    expect(first.profit?.toString()).toBe('0');
    const later = opened(`
      2025-08-04 deposit 1000
      2025-08-04 = 1550
      2025-08-05 transfer 10 KO
      2025-08-05 = 1560  KO 56`);
    expect(doubtText(later)).toEqual(['unrealizedChange opening KO']);
    expect(later.state).toBe('unknown');
    const earlier = proveDay(day({ openedLater: [instrumentOf('KO').id] }));
    expect([earlier.state, doubtText(earlier)]).toEqual(['unknown', ['unrealizedChange opening KO']]);
  });
});

const ARRIVED = `
  2025-08-04        deposit 1000
  2025-08-04 = 1000
  2025-08-05        transfer 100 KO
  2025-08-05 = 6500  KO 55`;

function withBasis(text: string, basis: string | undefined) {
  const base = story(text);
  const rows = base.activities.map((row) =>
    row.kind === 'security_transfer' && basis !== undefined ? { ...row, details: { basis } } : row,
  );
  return { ...base, activities: rows };
}

const ENDED = { equity: decimal('100'), lots: [], marks: new Map<InstrumentId, Decimal>() };

function closure(of: Partial<LotClosure>): LotClosure {
  return {
    id: 'closure',
    lotId: 'lot',
    instrument: instrumentOf('AAPL').id,
    openedRootId: 'opened',
    activityRootId: 'closed',
    kind: 'sale',
    direction: 'long',
    acquiredDate: parseTradeDate('2025-08-04'),
    closedAt: at('2025-08-05 10:00'),
    closedDate: parseTradeDate('2025-08-05'),
    quantity: decimal('10'),
    cost: null,
    proceeds: null,
    fees: Decimal.zero,
    realized: null,
    rolled: Decimal.zero,
    realizedBasis: 'unknown',
    term: null,
    holdingDays: null,
    currency: 'USD',
    realizedBaseCloseRate: null,
    realizedBaseHistorical: null,
    ...of,
  };
}
