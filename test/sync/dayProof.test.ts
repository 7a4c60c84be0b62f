import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_RULES, EMPTY_BOOK, foldBook } from '../../src/book/foldBook.ts';
import { type Activity } from '../../src/domain/activity.ts';
import { decimal, Decimal } from '../../src/domain/decimal.ts';
import { type Election } from '../../src/domain/election.ts';
import { type Finding } from '../../src/domain/finding.ts';
import { type Instrument, type InstrumentId } from '../../src/domain/instrument.ts';
import { parseTradeDate, type TradeDate } from '../../src/domain/time.ts';
import { type NewRevision } from '../../src/store/store.ts';
import { dayFindings } from '../../src/sync/dayFindings.ts';
import { firstDayToProve, proveDays, type ProofInput, type ProvedDay } from '../../src/sync/dayProof.ts';
import { changedProofs, proofColumnsOf } from '../../src/sync/dayRows.ts';
import { foldedBefore } from '../../src/sync/beginOfWalk.ts';
import {
  endOfDay,
  statementOf,
  type DayStatement,
  type StatedPosition,
} from '../../src/sync/dayStatements.ts';
import { proofText } from '../book/dayStory.ts';
import { activities, at, instrumentOf } from '../notation.ts';
import { revisions } from './lookNotation.ts';

/**
 * `2025-08-15 20:05 = 98519.90 | 74427.20 | AAPL 30 @ 231.44, KO 100 @ 69.50`: when somebody looked, equity, cash and
 * positions. Without a time: the broker's own word of the day afterwards, which knows equity alone.
 */
function statements(text: string): DayStatement[] {
  return linesOf(text).map((line) => {
    const match = /^(\S+)(?: (\d\d:\d\d))? = (\S+)(?: \| (\S+) \|(.*))?$/.exec(line);
    if (match === null) throw new Error(`not in the notation: ${line}`);
    const [, day = '', time, equity = '', cash, held] = match;
    const date = parseTradeDate(day);
    return {
      date,
      currency: 'USD',
      source: time === undefined ? ('broker' as const) : ('recorded' as const),
      asOf: time === undefined ? endOfDay(date) : at(`${day} ${time}`),
      equity: decimal(equity),
      cash: cash === undefined ? null : decimal(cash),
      marketValue: null,
      positions: held === undefined ? null : held_(held),
    };
  });
}

function held_(text: string): Map<InstrumentId, StatedPosition> {
  const parts = text.split(',').map((part) => part.trim().split(/\s+/));
  return new Map(
    parts
      .filter(([symbol]) => symbol !== '')
      .map(([symbol = '', quantity = '', , mark]) => [
        instrumentOf(symbol).id,
        { quantity: decimal(quantity), mark: mark === undefined ? null : decimal(mark) },
      ]),
  );
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

interface World {
  readonly happened: string | readonly Activity[];
  readonly stated: string | readonly DayStatement[];
  readonly now?: string;
  readonly more?: Partial<ProofInput>;
}

function prove({ happened, stated, now = '2025-09-01 12:00', more = {} }: World): readonly ProvedDay[] {
  const rows = typeof happened === 'string' ? activities(happened) : happened;
  const instruments = new Map<InstrumentId, Instrument>();
  for (const { instrument } of rows) if (instrument !== null) instruments.set(instrument.id, instrument);
  return proveDays({
    statements: typeof stated === 'string' ? statements(stated) : stated,
    from: parseTradeDate('2025-01-01'),
    book: EMPTY_BOOK,
    activities: rows,
    isBeginning: true,
    rules: DEFAULT_RULES,
    instruments,
    latePublishing: { time: '09:00', daysLater: 1 },
    now: at(now),
    ...more,
  });
}

const told = (world: World): string[] => prove(world).map(({ proof }) => proofText(proof));
const awaitedText = ({ proof }: ProvedDay): string[] =>
  proof.awaited.map(({ instrument, reason }) => `${reason} ${instrument?.split(':')[1] ?? ''}`.trim());

const BOUGHT = `
  2025-08-14 09:00  deposit 10000
  2025-08-14 10:00  sell 1 KO250815P00070000 @ 0.85
`;
const EVENING = '2025-08-14 20:05 = 10005 | 10085 | KO250815P00070000 -1 @ 0.80';

describe('assigned today, published tomorrow', () => {
  const STATED = `
    ${EVENING}
    2025-08-15 20:05 = 10035 | 3085 | KO 100 @ 69.50`;
  const LATE = `
    2025-08-15  assign 1 KO250815P00070000  #assigned
    2025-08-15  deliver 100 KO @ 70         #delivered`;

  test('pending on the evening, with everything that is awaited named', () => {
    const days = prove({ happened: BOUGHT, stated: STATED, now: '2025-08-15 20:05' });
    expect(days.map(({ proof }) => proof.state)).toEqual(['proved', 'pending']);
    expect(awaitedText(days[1]!)).toEqual(['cash', 'position KO', 'position KO250815P00070000']);
    expect(days[1]!.proof.awaited[0]!.until).toBe(at('2025-08-16 09:00'));
  });

  test('also the next day until the rows come; overdue it is unknown, and no second finding is opened', () => {
    const stated = `${STATED}
      2025-08-16 08:00 = 10035 | 3085 | KO 100 @ 69.50`;
    const early = prove({ happened: BOUGHT, stated, now: '2025-08-16 08:59' });
    expect(early.map(({ proof }) => proof.state)).toEqual(['proved', 'pending', 'pending']);
    const late = prove({ happened: BOUGHT, stated, now: '2025-08-16 09:00' });
    expect(late.map(({ proof }) => proof.state)).toEqual(['proved', 'unknown', 'unknown']);
    const open = [finding({ key: 'position:option:KO250815P00070000:USD' })];
    expect(findingsOf(late, { open })).toEqual([]);
  });

  test('the rows, when they come, prove the day they belong to', () => {
    expect(told({ happened: BOUGHT + LATE, stated: STATED, now: '2025-08-16 09:30' })).toEqual([
      '2025-08-14 proved: 0 + flows 10000 + unrealized 5 = 10005',
      '2025-08-15 proved: 10005 + realized 85 + unrealized -55 = 10035',
    ]);
  });

  test('a look before the event is the end of a day without it: its rows count to the next', () => {
    const stated = `
      ${EVENING}
      2025-08-15 15:00 = 10065 | 10085 | KO250815P00070000 -1 @ 0.20
      2025-08-18 20:05 = 10035 | 3085 | KO 100 @ 69.50`;
    expect(told({ happened: BOUGHT + LATE, stated })).toEqual([
      '2025-08-14 proved: 0 + flows 10000 + unrealized 5 = 10005',
      '2025-08-15 proved: 10005 + unrealized 60 = 10065',
      '2025-08-18 proved: 10065 + realized 85 + unrealized -115 = 10035',
    ]);
  });
});

describe('which day a row counts to', () => {
  const FEE = `
    2025-08-14 09:00  deposit 1000
    2025-08-15        fee 0.05     #fee`;
  /** Fees are booked at the end of their day. */
  const atEnd = (text: string): Activity[] =>
    activities(text).map((row) =>
      row.kind === 'fee' ? { ...row, executedAt: at('2025-08-15 23:59:59') } : row,
    );

  test('a fee of the day is in what its evening ended with, and not in what its afternoon did', () => {
    expect(
      told({
        happened: atEnd(FEE),
        stated: `
          2025-08-14 20:05 = 1000 | 1000 |
          2025-08-15 20:05 = 999.95 | 999.95 |`,
      }),
    ).toContain('2025-08-15 proved: 1000 + fees -0.05 = 999.95');
    expect(
      told({
        happened: atEnd(FEE),
        stated: `
          2025-08-14 20:05 = 1000 | 1000 |
          2025-08-15 15:00 = 1000 | 1000 |
          2025-08-18 15:00 = 999.95 | 999.95 |`,
      }).slice(1),
    ).toEqual(['2025-08-15 proved: 1000 = 1000', '2025-08-18 proved: 1000 + fees -0.05 = 999.95']);
  });

  test('of a fill within the same minutes as the look the stated quantity says whether it is in', () => {
    const happened = `
      2025-08-14 09:00     deposit 1000
      2025-08-15 14:59:59  buy 1 AAPL @ 200
      2025-08-15 15:00:01  buy 1 AAPL @ 200`;
    const first = '2025-08-14 20:05 = 1000 | 1000 |';
    const days = (quantity: number, equity: string, cash: string) =>
      prove({
        happened,
        stated: `
          ${first}
          2025-08-15 15:00 = ${equity} | ${cash} | ${quantity === 0 ? '' : `AAPL ${quantity} @ 201`}`,
      })[1]!;
    expect(proofText(days(1, '1001', '800').proof)).toBe('2025-08-15 proved: 1000 + unrealized 1 = 1001');
    expect(proofText(days(2, '1002', '600').proof)).toBe('2025-08-15 proved: 1000 + unrealized 2 = 1002');
    expect(proofText(days(0, '1000', '1000').proof)).toBe('2025-08-15 proved: 1000 = 1000');
    // None of the two leads to three: then the clock says, and the rest is a difference.
    expect(days(3, '1003', '400').differing).toEqual(['cash:USD', 'position:equity:AAPL:USD']);
  });

  test('of money in the very second of the look the stated cash says whether it is in', () => {
    const days = (cash: string) =>
      told({
        happened: `
          2025-08-14 09:00     deposit 1000
          2025-08-15 15:00:01  deposit 5`,
        stated: `
          2025-08-14 20:05 = 1000 | 1000 |
          2025-08-15 15:00 = ${cash} | ${cash} |
          2025-08-18 20:05 = 1005 | 1005 |`,
      }).slice(1);
    expect(days('1000')).toEqual([
      '2025-08-15 proved: 1000 = 1000',
      '2025-08-18 proved: 1000 + flows 5 = 1005',
    ]);
    expect(days('1005')).toEqual([
      '2025-08-15 proved: 1000 + flows 5 = 1005',
      '2025-08-18 proved: 1005 = 1005',
    ]);
  });

  test('of money of the very instant of the look, or of the minutes before, the stated cash says the same', () => {
    for (const [time, look] of [
      ['15:00', '15:00'],
      ['14:58:30', '15:00'],
      ['15:00:01', '15:00'],
    ] as const) {
      const happened = `
        2025-08-14 09:00  deposit 1000
        2025-08-15 ${time}  dividend 3.60`;
      const stated = (first: string) => `
        2025-08-14 20:05 = 1000 | 1000 |
        2025-08-15 ${look} = ${first} | ${first} |
        2025-08-18 15:00 = 1003.60 | 1003.60 |`;
      expect(told({ happened, stated: stated('1003.60') }).slice(1)).toEqual([
        '2025-08-15 proved: 1000 + income 3.6 = 1003.6',
        '2025-08-18 proved: 1003.6 = 1003.6',
      ]);
      expect(told({ happened, stated: stated('1000') }).slice(1)).toEqual([
        '2025-08-15 proved: 1000 = 1000',
        '2025-08-18 proved: 1000 + income 3.6 = 1003.6',
      ]);
    }
    // Two minutes before the look no answer is in doubt: then the money is missing, and is a difference.
    const early = '2025-08-14 09:00 deposit 1000\n2025-08-15 14:58 dividend 3.60';
    const day = '2025-08-14 20:05 = 1000 | 1000 |\n2025-08-15 15:00 = 1000 | 1000 |';
    expect(told({ happened: early, stated: day })[1]).toBe(
      '2025-08-15 unexplained: 1000 + income 3.6 = 1000 residual -3.6',
    );
  });

  test('a dividend of which only the day is known and which was credited after the look belongs to the next day', () => {
    const happened = `
      2025-08-14 09:00  deposit 1000
      2025-08-15        dividend 3.60`;
    const dated = activities(happened).map((row) =>
      row.kind === 'dividend' ? { ...row, executedAt: at('2025-08-15 00:00') } : row,
    );
    const stated = (first: string) => `
      2025-08-14 20:05 = 1000 | 1000 |
      2025-08-15 15:00 = ${first} | ${first} |
      2025-08-18 15:00 = 1003.60 | 1003.60 |`;
    expect(told({ happened: dated, stated: stated('1000') }).slice(1)).toEqual([
      '2025-08-15 proved: 1000 = 1000',
      '2025-08-18 proved: 1000 + income 3.6 = 1003.6',
    ]);
    expect(told({ happened: dated, stated: stated('1003.60') }).slice(1)).toEqual([
      '2025-08-15 proved: 1000 + income 3.6 = 1003.6',
      '2025-08-18 proved: 1003.6 = 1003.6',
    ]);
    // Of money that is not the difference nothing can be told: it stays where it is dated.
    expect(told({ happened: dated, stated: stated('1001') })[1]).toBe(
      '2025-08-15 unexplained: 1000 + income 3.6 = 1001 residual -2.6',
    );
  });

  test('bought and sold again within those minutes: both or none, as the clock says', () => {
    const happened = (one: string, two: string) => `
      2025-08-14 09:00  deposit 1000
      2025-08-15 ${one}  buy 1 AAPL @ 200
      2025-08-15 ${two}  sell 1 AAPL @ 210`;
    const stated = (equity: string) => `
      2025-08-14 20:05 = 1000 | 1000 |
      2025-08-15 15:00 = ${equity} | ${equity} |`;
    expect(told({ happened: happened('14:59:01', '14:59:59'), stated: stated('1010') })[1]).toBe(
      '2025-08-15 proved: 1000 + realized 10 = 1010',
    );
    expect(told({ happened: happened('15:00:01', '15:00:59'), stated: stated('1000') })[1]).toBe(
      '2025-08-15 proved: 1000 = 1000',
    );
  });

  test('a buy after the look still moves the average of what was sold before it: only the change counts', () => {
    const happened = `
      2025-08-13 08:00  deposit 1000
      2025-08-14 09:00  buy 10 AAPL @ 10
      2025-08-14 10:00  sell 5 AAPL @ 20
      2025-08-14 14:00  buy 10 AAPL @ 40`;
    const stated = `
      2025-08-13 20:05 = 1000 | 1000 |
      2025-08-14 12:00 = 1100 | 1000 | AAPL 5 @ 20
      2025-08-15 20:05 = 1350 | 600 | AAPL 15 @ 50`;
    const rules = { ...DEFAULT_RULES, elections: [elected('COMPRESSED_FIFO')] };
    expect(told({ happened, stated, more: { rules } })).toEqual([
      '2025-08-13 proved: 0 + flows 1000 = 1000',
      '2025-08-14 proved: 1000 + realized 50 + unrealized 50 = 1100',
      // The five cost 25 each by now, not 10: 75 less than the day before had it.
      '2025-08-15 proved: 1100 + realized -75 + unrealized 325 = 1350',
    ]);
  });

  test('a split dated today that the evening does not hold yet belongs to the next day', () => {
    const happened = `
      2025-08-13 09:00  deposit 1000
      2025-08-13 10:00  buy 10 XMPL @ 100    #a
      2025-08-14        split XMPL 10 -> 20  #s`;
    const before = '2025-08-13 20:05 = 1000 | 0 | XMPL 10 @ 100';
    const rest = `
      2025-08-14 19:30 = 1010 | 0 | XMPL 10 @ 101
      2025-08-15 20:05 = 1020 | 0 | XMPL 20 @ 51`;
    expect(told({ happened, stated: before + rest })).toEqual([
      '2025-08-13 proved: 0 + flows 1000 = 1000',
      '2025-08-14 proved: 1000 + unrealized 10 = 1010',
      '2025-08-15 proved: 1010 + unrealized 10 = 1020',
    ]);
    // Held by the evening it is of the day, whenever it was listed.
    expect(told({ happened, stated: `${before}\n2025-08-14 19:30 = 1010 | 0 | XMPL 20 @ 50.5` })).toEqual([
      '2025-08-13 proved: 0 + flows 1000 = 1000',
      '2025-08-14 proved: 1000 + unrealized 10 = 1010',
    ]);
  });

  test('money of a week-end counts to the next stated day', () => {
    expect(
      told({
        happened: `
          2025-08-15 09:00  deposit 1000
          2025-08-16        deposit 500`,
        stated: `
          2025-08-15 20:05 = 1000 | 1000 |
          2025-08-18 20:05 = 1500 | 1500 |`,
      })[1],
    ).toBe('2025-08-18 proved: 1000 + flows 500 = 1500');
  });
});

describe('money that may be of this day or of the next: only one choice of rows is an identity', () => {
  const days = (happened: string, evening: string, next: string) =>
    prove({
      happened: `2025-08-14 09:00 deposit 1000\n${happened}`,
      stated: `
        2025-08-14 20:05 = 1000 | 1000 |
        2025-08-15 20:05 = ${evening} | ${evening} |
        2025-08-18 20:05 = ${next} | ${next} |`,
    }).slice(1);
  const said = (rows: readonly ProvedDay[]): string[] => rows.map(({ proof }) => proofText(proof));

  test('a fee of Monday that Friday has paid already is the one that leads to the stated cash', () => {
    expect(said(days('2025-08-18 fee 0.05\n2025-08-18 fee 0.07', '999.93', '999.88'))).toEqual([
      '2025-08-15 proved: 1000 + fees -0.07 = 999.93',
      '2025-08-18 proved: 999.93 + fees -0.05 = 999.88',
    ]);
  });

  test('of two rows of one kind and amount either says the same', () => {
    expect(said(days('2025-08-18 fee 0.05\n2025-08-18 fee 0.05', '999.95', '999.90'))).toEqual([
      '2025-08-15 proved: 1000 + fees -0.05 = 999.95',
      '2025-08-18 proved: 999.95 + fees -0.05 = 999.9',
    ]);
  });

  test('a deposit and interest of one amount: which of them came first nobody knows, and so says the proof', () => {
    // Two rows of income are told apart by no figure.
    const rows = days('2025-08-18 dividend 5\n2025-08-18 interest 5', '1005', '1010');
    expect(rows.map(({ proof }) => proof.state)).toEqual(['proved', 'proved']);
    const other = days('2025-08-18 deposit 5\n2025-08-18 interest 5', '1005', '1010');
    expect(said(other)).toEqual([
      '2025-08-15 unknown: 1000 + flows ? + income ? = 1005 residual ?',
      '2025-08-18 unknown: 1005 + flows ? + income ? = 1010 residual ?',
    ]);
    expect(other[0]!.proof.doubts.map(({ component, reason }) => `${component} ${reason}`)).toEqual([
      'flows which_day',
      'income which_day',
    ]);
    expect(findingsOf(other, {})).toEqual([]);
  });

  test('one large row, or two small ones of the same sum: the fewest are no better than the others', () => {
    const rows = days(
      '2025-08-18 fee 3\n2025-08-18 fee 1\n2025-08-18 interest 1\n2025-08-18 fee 4',
      '997',
      '993',
    );
    expect(rows.map(({ proof }) => proof.state)).toEqual(['unknown', 'unknown']);
  });
});

describe('what was corrected or busted before anybody saw it', () => {
  const evening = '2025-08-14 16:00 = 1000 | 1000 |';
  const bought = `
    2025-08-14 09:00  deposit 1000
    2025-08-15 10:00  buy 2 AAPL @ 100`;
  /** Published on Saturday, the statement is of Friday. */
  const late = (text: string) => revisions(text, at('2025-08-16 12:00'));
  const days = (rows: readonly NewRevision[], stated: string) =>
    prove({
      happened: [...activities(bought), ...rows],
      stated: `${evening}\n${stated}`,
      more: { chains: rows.filter(({ status }) => status === 'bust').map((row) => [row]) },
    });

  test('a sale that was first listed as busted: the evening holds it, both days add up', () => {
    const stated = `
      2025-08-15 16:00 = 1012 | 907 | AAPL 1 @ 105
      2025-08-18 16:00 = 1020 | 800 | AAPL 2 @ 110`;
    expect(
      days(late('2025-08-15 11:00 sell 1 AAPL @ 107 (bust)'), stated).map(({ proof }) => proofText(proof)),
    ).toEqual([
      '2025-08-14 proved: 0 + flows 1000 = 1000',
      '2025-08-15 proved: 1000 + unrealized 10 + corrections 2 = 1012',
      '2025-08-18 proved: 1012 + unrealized 10 + corrections -2 = 1020',
    ]);
  });

  test('busted before the evening it is in no statement, and corrects nothing', () => {
    const stated = '2025-08-15 16:00 = 1010 | 800 | AAPL 2 @ 105';
    const [, day] = days(late('2025-08-15 11:00 sell 1 AAPL @ 107 (bust)'), stated);
    expect(proofText(day!.proof)).toBe('2025-08-15 proved: 1000 + unrealized 10 = 1010');
  });

  test('of two such trades the statement tells which one it holds', () => {
    const two = late(`
      2025-08-15 11:00  sell 1 AAPL @ 107 (bust) #one
      2025-08-15 12:00  buy 1 KO @ 70 (bust) #two`);
    const stated = `
      2025-08-15 16:00 = 1012 | 907 | AAPL 1 @ 105
      2025-08-18 16:00 = 1020 | 800 | AAPL 2 @ 110`;
    expect(days(two, stated).map(({ proof }) => `${proof.state} ${proof.corrections?.toString()}`)).toEqual([
      'proved 0',
      'proved 2',
      'proved -2',
    ]);
  });

  test('a fill that was corrected before it was listed: nobody saw what the evening holds, so both days are unknown', () => {
    const stated = `
      2025-08-15 16:00 = 1020 | 910 | AAPL 1 @ 110
      2025-08-18 16:00 = 1015 | 905 | AAPL 1 @ 110`;
    const rows = days(late('2025-08-15 11:00 sell 1 AAPL @ 105'), stated);
    expect(rows.map(({ proof }) => proofText(proof))).toEqual([
      '2025-08-14 proved: 0 + flows 1000 = 1000',
      '2025-08-15 unknown: 1000 + realized 5 + unrealized 10 + corrections ? = 1020 residual ?',
      '2025-08-18 unknown: 1020 + corrections ? = 1015 residual ?',
    ]);
    expect(rows[1]!.proof.doubts).toEqual([
      { component: 'corrections', instrument: null, reason: 'corrected_unseen' },
    ]);
    // Seen in time, the same figures are a difference that nothing excuses.
    const seen = revisions('2025-08-15 11:00 sell 1 AAPL @ 105', at('2025-08-15 12:00'));
    expect(days(seen, stated).map(({ proof }) => proof.state)).toEqual([
      'proved',
      'unexplained',
      'unexplained',
    ]);
  });
});

describe('days that nobody can prove', () => {
  test('days the broker states afterwards have no marks; without holdings they need none', () => {
    expect(
      told({
        happened: `
          2025-08-13 09:00  deposit 1000
          2025-08-14 10:00  buy 1 AAPL @ 200`,
        stated: `
          2025-08-13 = 1000
          2025-08-14 = 1001
          2025-08-15 20:05 = 1002 | 800 | AAPL 1 @ 202`,
      }),
    ).toEqual([
      '2025-08-13 proved: 0 + flows 1000 = 1000',
      '2025-08-14 unknown: 1000 + unrealized ? = 1001 residual ?',
      '2025-08-15 unknown: 1001 + unrealized ? = 1002 residual ?',
    ]);
  });

  test('a trading day without a statement in between, and a beginning whose days nobody stated', () => {
    const happened = '2025-08-13 09:00 deposit 1000';
    const gap = `
      2025-08-13 20:05 = 1000 | 1000 |
      2025-08-15 20:05 = 1000 | 1000 |`;
    expect(told({ happened, stated: gap })[1]).toBe('2025-08-15 unknown: ? = 1000 residual ?');
    const late = '2025-08-15 20:05 = 1000 | 1000 |';
    expect(told({ happened, stated: late })).toEqual([
      '2025-08-15 unknown: ? + flows 1000 = 1000 residual ?',
    ]);
  });

  test('days before an opening, whose units were there already; the day of first contact by itself is whole', () => {
    const opening: Activity = {
      ...activities('2025-08-15 15:00 transfer 10 KO #opening:KO')[0]!,
      kind: 'opening',
      price: decimal('60'),
    };
    const happened = [...activities('2025-08-14 09:00 deposit 1000'), opening];
    const stated = `
      2025-08-14 = 1690
      2025-08-15 15:00 = 1700 | 1000 | KO 10 @ 70`;
    const days = prove({ happened, stated });
    expect(days.map(({ proof }) => proof.state)).toEqual(['unknown', 'unknown']);
    expect(days[0]!.proof.doubts.map(({ reason }) => reason)).toEqual(['opening']);
    const contact = activities('2025-08-15 09:00 deposit 1000');
    expect(
      told({ happened: [...contact, opening], stated: '2025-08-15 15:00 = 1700 | 1000 | KO 10 @ 70' }),
    ).toEqual(['2025-08-15 proved: 0 + flows 1000 + transfers 700 = 1700']);
  });
});

describe('today, and what moves between two answers', () => {
  const happened = `
    2025-08-14 09:00  deposit 1000
    2025-08-14 10:00  buy 1 AAPL @ 200`;
  const before = '2025-08-14 20:05 = 1000 | 800 | AAPL 1 @ 200';

  test('a residual is provisional until the day is over', () => {
    const stated = `
      ${before}
      2025-08-15 12:00 = 1005 | 800 | AAPL 1 @ 202`;
    const state = (now: string) => prove({ happened, stated, now })[1]!.proof.state;
    expect([state('2025-08-15 12:00'), state('2025-08-16 00:01')]).toEqual(['pending', 'unexplained']);
  });

  test('the market value inside the equity stands where prices moved a little, and not where they cannot have', () => {
    const [first, last] = statements(`
      ${before}
      2025-08-15 20:05 = 1002.90 | 800 | AAPL 1 @ 202`);
    const withValue = (equity: string, marketValue: string): string[] =>
      told({
        happened,
        stated: [first!, { ...last!, equity: decimal(equity), marketValue: decimal(marketValue) }],
      });
    expect(withValue('1002.90', '202.90')[1]).toBe('2025-08-15 proved: 1000 + unrealized 2.9 = 1002.9');
    expect(withValue('1012', '212')[1]).toBe(
      '2025-08-15 unexplained: 1000 + unrealized 2 = 1012 residual 10',
    );
  });

  test('a statement is made of the day row, its last balances and what was observed on that day', () => {
    const day = {
      tradeDate: parseTradeDate('2025-08-15'),
      currency: 'USD',
      endEquity: decimal('1002'),
      endCash: decimal('800'),
    };
    const balance = {
      ...day,
      equity: day.endEquity,
      cash: day.endCash,
      buyingPower: null,
      longMarketValue: decimal('202'),
      shortMarketValue: Decimal.zero,
      asOf: at('2025-08-15 19:00'),
      fetchedAt: at('2025-08-15 19:00'),
    };
    const seen = (symbol: string, quantity: string, date: string) => ({
      instrument: instrumentOf(symbol).id,
      quantity: decimal(quantity),
      averageCost: null,
      mark: decimal('202'),
      markAsOf: null,
      marketValue: null,
      unrealizedPnl: null,
      asOf: at(`${date} 19:00`),
      tradeDate: parseTradeDate(date),
    });
    const rows = [
      seen('AAPL', '1', '2025-08-15'),
      seen('KO', '2', '2025-08-14'),
      seen('F', '0', '2025-08-15'),
    ];
    const recorded = statementOf({ ...day, source: 'recorded' }, balance, rows);
    expect([...recorded.positions!].map(([id, { mark }]) => `${id} ${mark?.toString()}`)).toEqual([
      'equity:AAPL:USD 202',
      'equity:KO:USD undefined',
    ]);
    expect([recorded.asOf, recorded.marketValue?.toString()]).toEqual([at('2025-08-15 19:00'), '202']);
    // Nobody looked at the list that day: what is older says nothing of it.
    expect(statementOf({ ...day, source: 'recorded' }, balance, rows.slice(1, 2)).positions).toBeNull();
    expect(statementOf({ ...day, source: 'recorded' }, balance, rows.slice(2)).positions?.size).toBe(0);
    // Only balances were read, and they say whether anything is held.
    expect(statementOf({ ...day, source: 'recorded' }, balance, []).positions).toBeNull();
    const flat = { ...balance, longMarketValue: Decimal.zero };
    expect(statementOf({ ...day, source: 'recorded' }, flat, []).positions?.size).toBe(0);
    const stated = statementOf({ ...day, source: 'broker' }, balance, rows);
    expect([stated.positions, stated.asOf]).toEqual([null, at('2025-08-15 20:00')]);
  });
});

describe('findings of days', () => {
  const stated = `
    2025-08-14 20:05 = 1000 | 1000 |
    2025-08-15 20:05 = 1007.80 | 1007.80 |
    2025-08-18 20:05 = 1007.80 | 1007.80 |`;
  const deposit = '2025-08-14 09:00 deposit 1000 #ach';
  const dividend = activities('2025-08-15 dividend 7.80 #div');

  test('while the cash differs the finding of the cash is enough; without one the day has its own', () => {
    const days = prove({ happened: deposit, stated });
    expect(days.map(({ proof }) => proof.state)).toEqual(['proved', 'unexplained', 'proved']);
    expect(findingsOf(days, { open: [finding({ key: 'cash:USD' })] })).toEqual([]);
    expect(findingsOf(days, { open: [finding({ key: 'cash:USD#2' })] })).toEqual([]);
    expect(findingsOf(days, { open: [finding({ key: 'cash:EUR' })] })).toEqual([
      'finding_opened day:2025-08-15:USD unknown possible 1000 -> 1007.8',
    ]);
    const opened = dayFindings({ days, open: [], changed: [], now: at('2025-08-19') }).findings[0]!;
    expect(opened.evidence.map(({ text }) => text)).toEqual([
      'The day 2025-08-15 leaves 7.8 USD.',
      'start equity: 1000',
      'flows: 0',
      'transfers: 0',
      'realized: 0',
      'change in unrealized: 0',
      'income: 0',
      'fees: 0',
      'fx: 0',
      'corrections: 0',
      'end equity: 1007.8',
    ]);
  });

  test('seen again it is the same finding; another residual changes it', () => {
    const days = prove({ happened: deposit, stated });
    const open = dayFindings({ days, open: [], changed: [], now: at('2025-08-19') }).findings;
    expect(findingsOf(days, { open })).toEqual([]);
    const more = prove({ happened: deposit, stated: stated.replaceAll('1007.80', '1009') });
    expect(findingsOf(more, { open })).toEqual([
      'finding_changed day:2025-08-15:USD unknown possible 1000 -> 1009',
    ]);
  });

  test('the activity that arrives late resolves it, certain where its money is the residual', () => {
    const open = dayFindings({
      days: prove({ happened: deposit, stated }),
      open: [],
      changed: [],
      now: at('2025-08-19'),
    }).findings;
    const days = prove({ happened: [...activities(deposit), ...dividend], stated });
    const arrived = (row: Partial<NewRevision>) => [
      { ...dividend[0]!, rev: 0, firstSeenAt: at('2025-08-19'), contentHash: '', ...row },
    ];
    const cause = (changed: readonly NewRevision[]) => findingsOf(days, { open, changed });
    expect(cause(arrived({}))).toEqual([
      'finding_resolved day:2025-08-15:USD dividend certain 1000 -> 1007.8',
    ]);
    expect(cause(arrived({ rev: 1 }))).toEqual([
      'finding_resolved day:2025-08-15:USD broker_correction likely 1000 -> 1007.8',
    ]);
    const other: TradeDate = parseTradeDate('2025-08-14');
    expect(cause(arrived({ tradeDate: other }))).toEqual([
      'finding_resolved day:2025-08-15:USD stale_source likely 1000 -> 1007.8',
    ]);
    expect(cause([...arrived({}), ...arrived({ kind: 'interest', amount: decimal('1') })])).toEqual([
      'finding_resolved day:2025-08-15:USD dividend possible 1000 -> 1007.8',
    ]);
  });

  test('a day that is pending or unknown again settles nothing', () => {
    const open = dayFindings({
      days: prove({ happened: deposit, stated }),
      open: [],
      changed: [],
      now: at('2025-08-19'),
    }).findings;
    const early = prove({ happened: deposit, stated, now: '2025-08-15 21:00' });
    expect(early[1]!.proof.state).toBe('pending');
    expect(findingsOf(early, { open })).toEqual([]);
  });
});

describe('where to begin', () => {
  const day = (date: string, state: 'proved' | 'pending' | 'unknown' | null) => ({
    tradeDate: parseTradeDate(date),
    state,
  });
  const changed = (date: string) => [{ tradeDate: parseTradeDate(date) }];

  test('at the oldest day that changed, is pending or has no proof; else today', () => {
    const now = at('2025-08-18 10:00');
    const days = [day('2025-08-13', 'unknown'), day('2025-08-14', 'proved'), day('2025-08-15', 'proved')];
    expect(firstDayToProve(days, [], now)).toBe('2025-08-18');
    expect(firstDayToProve(days, changed('2025-08-14'), now)).toBe('2025-08-14');
    expect(firstDayToProve([...days, day('2025-08-16', 'pending')], [], now)).toBe('2025-08-16');
    expect(firstDayToProve([day('2025-08-12', null), ...days], changed('2025-08-14'), now)).toBe(
      '2025-08-12',
    );
  });

  test('a second pass writes nothing, another residual or state writes its day', () => {
    const happened = '2025-08-14 09:00 deposit 1000';
    const stated = `
      2025-08-14 20:05 = 1000 | 1000 |
      2025-08-15 20:05 = 1005 | 1000 |`;
    const days = prove({ happened, stated });
    const stored = days.map(({ proof }) => ({
      tradeDate: proof.date,
      currency: proof.currency,
      proof: proofColumnsOf(proof),
    }));
    const written = (of: readonly ProvedDay[], rows: Parameters<typeof changedProofs>[1]) =>
      changedProofs(of, rows).map(({ proof }) => proof.date);
    expect(written(days, stored)).toEqual([]);
    expect(written(days, [])).toEqual(['2025-08-14', '2025-08-15']);
    expect(
      written(
        days,
        stored.map((row) => ({ ...row, proof: null })),
      ),
    ).toHaveLength(2);
    expect(written(prove({ happened, stated: stated.replace('1005', '1006') }), stored)).toEqual([
      '2025-08-15',
    ]);
    expect(written(prove({ happened, stated, now: '2025-08-15 12:00' }), stored)).toEqual([]);
    const running = prove({
      happened,
      stated: stated.replace('15 20:05', '15 11:00'),
      now: '2025-08-15 12:00',
    });
    expect(written(running, stored)).toEqual(['2025-08-15']);
  });

  test('proving on from a later day gives the same proofs as proving all', () => {
    const happened = `
      2025-08-14 09:00  deposit 1000
      2025-08-14 10:00  buy 2 AAPL @ 100
      2025-08-15 10:00  sell 1 AAPL @ 110`;
    const stated = `
      2025-08-14 20:05 = 1000 | 800 | AAPL 2 @ 100
      2025-08-15 20:05 = 1022 | 910 | AAPL 1 @ 112
      2025-08-18 20:05 = 1023 | 910 | AAPL 1 @ 113`;
    const all = told({ happened, stated });
    expect(all.at(-1)).toBe('2025-08-18 proved: 1022 + unrealized 1 = 1023');
    expect(told({ happened, stated, more: { from: parseTradeDate('2025-08-15') } })).toEqual(all.slice(1));
  });
});

describe('the first day of an epoch that a history precedes', () => {
  const happened = `
    2025-08-01 09:00  deposit 10000
    2025-08-04 10:00  buy 10 AAPL @ 200
    2025-08-05 10:00  sell 5 AAPL @ 230
    2025-08-14 10:00  sell 1 AAPL @ 240`;
  /** The broker has not listed the sale of another one yet. */
  const stated = '2025-08-15 12:00 = 10400 | 9640 | AAPL 3 @ 250';

  test('says the same from wherever the fold began, also while something is awaited', () => {
    const rows = activities(happened);
    const instruments = new Map([[instrumentOf('AAPL').id, instrumentOf('AAPL')]]);
    for (const now of ['2025-08-15 12:00', '2025-08-18 12:00']) {
      const whole = prove({ happened, stated, now });
      for (const count of [1, 2, 3]) {
        const { book } = foldBook(EMPTY_BOOK, rows.slice(0, count));
        const more = { book, instruments, isBeginning: false };
        const later = prove({ happened: rows.slice(count), stated, now, more });
        expect(later.map(({ proof }) => proofColumnsOf(proof))).toEqual(
          whole.map(({ proof }) => proofColumnsOf(proof)),
        );
      }
      expect(whole.map(({ proof }) => proofColumnsOf(proof).realized)).toEqual([null]);
    }
  });

  test('a walk begins before the trading day ahead of its first statement, over a long week-end too', () => {
    const date = (text: string) => ({ date: parseTradeDate(text) });
    expect(foldedBefore(date('2025-08-15'))).toBe(at('2025-08-13 00:00'));
    // Monday: the margin reaches Saturday, as Friday's end does.
    expect(foldedBefore(date('2025-08-18'))).toBe(at('2025-08-16 00:00'));
    // The Tuesday behind Labor Day: what was traded on Saturday is of the first day.
    expect(foldedBefore(date('2025-09-02'))).toBe(at('2025-08-30 00:00'));
  });
});

describe('more was sold than the book had at that moment (a purchase was busted after its units were sold)', () => {
  const happened = `
    2025-08-13 09:00  deposit 1000
    2025-08-13 10:00  buy 2 AAPL @ 100
    2025-08-13 11:00  sell 3 AAPL @ 100
    2025-08-13 12:00  buy 5 AAPL @ 100`;
  const rules = { ...DEFAULT_RULES, shortsReported: new Set<InstrumentId>() };

  test('the day itself is unknown; later ones count the units the broker states, not one lot too many', () => {
    const stated = `
      2025-08-13 20:05 = 1000 | 600 | AAPL 4 @ 100
      2025-08-14 20:05 = 1004 | 600 | AAPL 4 @ 101
      2025-08-15 20:05 = 1012 | 600 | AAPL 4 @ 103`;
    expect(told({ happened, stated, more: { rules } })).toEqual([
      '2025-08-13 unknown: 0 + flows 1000 + unrealized ? = 1000 residual ?',
      '2025-08-14 proved: 1000 + unrealized 4 = 1004',
      '2025-08-15 proved: 1004 + unrealized 8 = 1012',
    ]);
  });

  test('where the broker states as many units as there are lots, those are what it values', () => {
    const stated = `
      2025-08-13 20:05 = 1100 | 600 | AAPL 5 @ 100
      2025-08-14 20:05 = 1105 | 600 | AAPL 5 @ 101`;
    const days = prove({ happened, stated, more: { rules } });
    expect(proofText(days[1]!.proof)).toBe('2025-08-14 proved: 1100 + unrealized 5 = 1105');
    expect(days[1]!.differing).toContain('position:equity:AAPL:USD');
  });
});

describe('a reverse split whose cash in lieu comes days later', () => {
  const happened = activities(`
    2025-08-13 09:00  deposit 12000
    2025-08-13 10:00  buy 25 AAPL @ 400
    2025-08-14        split AAPL 25 -> 8
    2025-08-18        inlieu 390 AAPL`).map((row) =>
    row.kind === 'split' ? { ...row, details: { ratioNew: '1', ratioOld: '3' } } : row,
  );

  test('the fraction costs its day what it was worth, its cash comes back on its own: 390 for what cost 400', () => {
    const stated = `
      2025-08-13 20:05 = 12000 | 2000 | AAPL 25 @ 400
      2025-08-14 20:05 = 11600 | 2000 | AAPL 8 @ 1200
      2025-08-15 20:05 = 11680 | 2000 | AAPL 8 @ 1210
      2025-08-18 20:05 = 12070 | 2390 | AAPL 8 @ 1210`;
    expect(told({ happened, stated })).toEqual([
      '2025-08-13 proved: 0 + flows 12000 = 12000',
      '2025-08-14 proved: 12000 + unrealized -400 = 11600',
      '2025-08-15 proved: 11600 + unrealized 80 = 11680',
      '2025-08-18 proved: 11680 + realized -10 + unrealized 400 = 12070',
    ]);
  });
});

describe('laws', () => {
  const minute = fc.integer({ min: 9 * 60, max: 21 * 60 });
  const fill = fc.record({
    day: fc.integer({ min: 0, max: 3 }),
    minute,
    side: fc.constantFrom('buy', 'sell'),
    quantity: fc.integer({ min: 1, max: 9 }),
    price: fc.integer({ min: 1, max: 400 }),
  });
  const look = fc.record({ minute, mark: fc.integer({ min: 1, max: 400 }) });
  const method = fc.constantFrom('FIFO', 'LIFO', 'AVERAGE', 'COMPRESSED_FIFO');
  const date = (day: number): string => ['2025-08-11', '2025-08-12', '2025-08-13', '2025-08-14'][day]!;
  const clock = (minutes: number): string =>
    `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;

  /** What a broker would state at each look: everything executed by then, at the mark of that moment. */
  function statedBy(
    rows: readonly Activity[],
    looks: readonly { minute: number; mark: number }[],
  ): DayStatement[] {
    return looks.map(({ minute: at_, mark }, day) => {
      const text = `${date(day)} ${clock(at_)}`;
      const done = rows.filter(({ executedAt }) => executedAt <= at(text));
      const cash = Decimal.sum(done.map(({ amount }) => amount!));
      const units = Decimal.sum(done.map(({ quantity }) => quantity));
      const equity = cash.plus(units.times(Decimal.ofInteger(mark)));
      const held = units.isZero() ? '' : `AAPL ${units.toString()} @ ${mark}`;
      return statements(`${text} = ${equity.toString()} | ${cash.toString()} | ${held}`)[0]!;
    });
  }

  test('whenever somebody looked, every day is proved, and a walk that begins in the middle says the same', () => {
    fc.assert(
      fc.property(
        fc.array(fill, { minLength: 1, maxLength: 14 }),
        fc.array(look, { minLength: 4, maxLength: 4 }),
        method,
        fc.integer({ min: 1, max: 3 }),
        (fills, looks, choice, middle) => {
          const lines = fills.map(
            (one) => `${date(one.day)} ${clock(one.minute)} ${one.side} ${one.quantity} AAPL @ ${one.price}`,
          );
          const happened = activities(['2025-08-11 08:00 deposit 5000', ...lines].join('\n'));
          const stated = statedBy(happened, looks);
          const rules = { ...DEFAULT_RULES, elections: [elected(choice)] };
          const days = prove({ happened, stated, more: { rules } });
          expect(days.map(({ proof }) => `${proof.state} ${proof.residual?.toString()}`)).toEqual(
            days.map(() => 'proved 0'),
          );
          const from = stated[middle]!;
          const start = stated[middle - 1]!;
          const earlier = happened.filter(({ executedAt }) => executedAt <= start.asOf);
          const later = happened.filter(({ executedAt }) => executedAt > start.asOf);
          const { book } = foldBook(EMPTY_BOOK, earlier, { rules });
          const instruments = new Map([[instrumentOf('AAPL').id, instrumentOf('AAPL')]]);
          const walk = { rules, book, instruments, from: from.date, isBeginning: false };
          const again = prove({ happened: later, stated: stated.slice(middle - 1), more: walk });
          // The average of a day that began before the walk may still move what was sold before it.
          const isSplit = choice === 'COMPRESSED_FIFO';
          const text = ({ proof }: ProvedDay): string =>
            isSplit ? `${proof.date} ${proof.profit?.toString()}` : proofText(proof);
          expect(again.map(text).slice(isSplit ? 1 : 0)).toEqual(
            days
              .slice(middle)
              .map(text)
              .slice(isSplit ? 1 : 0),
          );
        },
      ),
      { numRuns: 150 },
    );
  });
});

function elected(choice: string): Election {
  const dates = { validFrom: null, validTo: null, firstSeenAt: at('2025-08-01') };
  return { ...dates, kind: 'lot_method', object: null, choice, source: 'user', details: {} };
}

/** `finding_opened day:2025-08-15:USD unknown possible 1000 -> 1007.8` */
function findingsOf(
  days: readonly ProvedDay[],
  { open = [], changed = [] }: { open?: readonly Finding[]; changed?: readonly NewRevision[] },
): string[] {
  const { findings, events } = dayFindings({ days, open, changed, now: at('2025-08-19') });
  return findings.map(
    ({ key, cause, confidence, expected, observed }, index) =>
      `${events[index]!.kind} ${key} ${cause} ${confidence} ${expected} -> ${observed}`,
  );
}

function finding(of: Partial<Finding>): Finding {
  return {
    key: 'cash:USD',
    type: 'difference',
    cause: 'unknown',
    confidence: 'possible',
    state: 'open',
    instrument: null,
    symbol: 'USD',
    expected: null,
    observed: null,
    firstSeenAt: at('2025-08-15'),
    lastSeenAt: at('2025-08-15'),
    evidence: [],
    ...of,
  };
}
