import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Decimal, decimal } from '../../src/domain/decimal.ts';
import { type Finding } from '../../src/domain/finding.ts';
import { partsOf } from '../../src/sync/causes/claim.ts';
import { explain } from '../../src/sync/explain.ts';
import { at } from '../notation.ts';
import { findingsOf, inputOf, revisions, said, type LookText } from './lookNotation.ts';

/** What the first look says, and a second one twenty minutes later. */
function twice(text: LookText): readonly [string[], string[]] {
  const first = findingsOf({ now: '2025-08-20 12:00', ...text });
  const second = findingsOf({ ...text, now: '2025-08-20 12:20', open: first });
  return [said(first), said(second)];
}

function once(text: LookText): string[] {
  return said(findingsOf(text));
}

describe('a trade whose activity is not listed yet', () => {
  test.each([
    ['o1 by-hand buy 10 KO @ 70', 'KO 10, USD -700', 'KO manual_trade certain: KO +10, USD -700'],
    ['o1 auto-1 buy 10 KO @ 70', 'KO 10, USD -700', 'KO missing_fill certain: KO +10, USD -700'],
    ['o1 by-hand buy 4 of 10 KO @ 70', 'KO 4, USD -280', 'KO partial_fill certain: KO +4, USD -280'],
    ['o1 auto-1 sell 5 KO @ 70', 'KO -5, USD 350', 'KO missing_fill certain: KO -5, USD +350'],
    [
      'o1 by-hand sell 1 SPY251219C00640000 @ 3.1',
      'SPY251219C00640000 -1, USD 310',
      'SPY251219C00640000 manual_trade certain: SPY251219C00640000 -1, USD +310',
    ],
  ])('is proven by its order: %s', (orders, broker, finding) => {
    expect(once({ book: 'USD 0', broker, orders })).toEqual([finding]);
  });

  test('two orders of different hands are two findings, of one hand one', () => {
    const orders = `
      o1 by-hand buy 7 KO @ 70
      o2 auto-1 buy 5 KO @ 71`;
    expect(once({ book: 'USD 0', broker: 'KO 12, USD -845', orders })).toEqual([
      'KO manual_trade certain: KO +7, USD -490',
      'KO missing_fill certain: KO +5, USD -355',
    ]);
    expect(
      once({ book: 'USD 0', broker: 'KO 12, USD -845', orders: orders.replace('auto-1', 'by-hand') }),
    ).toEqual(['KO manual_trade certain: KO +12, USD -845']);
  });

  test('what is listed of the order is not missing', () => {
    const listed = '2025-08-20 10:00 buy 6 KO @ 70 #o1';
    const look = { book: 'KO 6, USD -420', broker: 'KO 10, USD -704', orders: 'o1 auto-1 buy 10 KO @ 70.4' };
    expect(once({ ...look, listed })).toEqual(['KO missing_fill certain: KO +4, USD -284']);
    // Something else moved the instrument as well: the order is still the order, but less sure.
    expect(once({ ...look, listed, broker: 'KO 9, USD -420' })).toEqual([
      'KO missing_fill possible: KO +4',
      'KO transfer possible: KO -1',
    ]);
  });

  test('an order that filled after the positions were read proves nothing about them', () => {
    const look = { book: 'USD 0', broker: 'KO 10, USD 0', orders: 'o1 auto-1 buy 10 KO @ 70' };
    const later = inputOf(look).witnesses!.orders!.map((order) => ({
      ...order,
      updatedAt: at('2025-08-20 12:01'),
    }));
    expect(once({ ...look, more: { orders: later } })).toEqual(['KO transfer possible: KO +10']);
  });

  test('an order of before the book and the broker agreed is no news', () => {
    const look = { book: 'USD 0', broker: 'KO 10, USD 0', orders: 'o1 auto-1 buy 10 KO @ 70' };
    const old = inputOf(look).witnesses!.orders!.map((order) => ({
      ...order,
      updatedAt: at('2025-08-12 12:00'),
    }));
    expect(once({ ...look, more: { orders: old } })).toEqual(['KO transfer possible: KO +10']);
    // With its money it is believed, but for one of before first contact: that is in the openings.
    const paid = { ...look, broker: 'KO 10 mark 99, USD -700' };
    expect(once({ ...paid, more: { orders: old } })).toEqual(['KO missing_fill certain: KO +10, USD -700']);
    const more = { orders: old, firstContactAt: at('2025-08-18') };
    expect(once({ ...paid, more })).toContain('KO unknown possible: KO +10');
  });
});

describe('a fill the broker took back or corrected, its row still unchanged', () => {
  const listed = '2025-08-20 10:00 buy 8 KO @ 70 #o1';
  const book = 'KO 8 @ 70, USD -560';

  test.each([
    ['a bust', 'o1 auto-1 buy 0 of 8 KO @ 70', 'USD 0', 'KO broker_correction certain: KO -8, USD +560'],
    [
      'fewer',
      'o1 auto-1 buy 5 of 8 KO @ 70',
      'KO 5 @ 70, USD -350',
      'KO broker_correction certain: KO -3, USD +210',
    ],
    [
      'more than ordered',
      'o1 auto-1 buy 11 of 8 KO @ 70',
      'KO 11 @ 70, USD -770',
      'KO broker_correction certain: KO +3, USD -210',
    ],
    [
      'another price',
      'o1 auto-1 buy 8 KO @ 72',
      'KO 8 @ 72, USD -576',
      'USD broker_correction certain: USD -16',
    ],
  ])('%s', (_name, orders, broker, finding) => {
    expect(once({ book, broker, orders, listed })).toEqual([finding]);
  });

  test('without the orders it is a guess', () => {
    expect(once({ book, broker: 'USD 0', orders: null, listed })).toEqual([
      'KO broker_correction possible: KO -8, USD +560',
    ]);
  });
});

describe('contracts that went', () => {
  const CALL = 'SPY250822C00640000';
  const PUT = 'SPY250822P00650000';

  test.each([
    [
      'short call',
      `${CALL} -1 @ 3, SPY 100 @ 600 mark 645, USD 0`,
      'USD 64000',
      `${CALL} assignment`,
      `${CALL} +1, SPY -100, USD +64000`,
    ],
    [
      'short put',
      `${PUT} -2 @ 3, USD 0`,
      'SPY 200 @ 650, USD -130000',
      `${PUT} assignment`,
      `${PUT} +2, SPY +200, USD -130000`,
    ],
    [
      'long call',
      `${CALL} 1 @ 3, USD 0`,
      'SPY 100 @ 640, USD -64000',
      `${CALL} exercise`,
      `${CALL} -1, SPY +100, USD -64000`,
    ],
    [
      'long put, one of two',
      `${PUT} 2 @ 3, USD 0`,
      `${PUT} 1 @ 3, SPY -100, USD 65000`,
      `${PUT} exercise`,
      `${PUT} -1, SPY -100, USD +65000`,
    ],
  ])(
    'with shares and the strike: %s, one finding, likely once it was seen again',
    (_name, book, broker, cause, parts) => {
      expect(twice({ book, broker })).toEqual([
        [`${cause} possible: ${parts}`],
        [`${cause} likely: ${parts}`],
      ]);
    },
  );

  test('a spread: one leg assigned, the other worthless', () => {
    const look = {
      book: `${CALL} -1 @ 3, SPY250822C00700000 1 @ 1 mark 0.01, USD 0`,
      broker: 'SPY -100 @ 640, USD 64000',
      now: '2025-08-22 17:00',
    };
    expect(once(look)).toEqual([
      `SPY250822C00640000 assignment possible: ${CALL} +1, SPY -100, USD +64000`,
      'SPY250822C00700000 expiry possible: SPY250822C00700000 -1',
    ]);
  });

  test('worthless after its last day, and nothing else moved: expired', () => {
    const look = { book: `${CALL} -2 @ 3 mark 0.01, USD 0`, broker: 'USD 0' };
    const first = findingsOf({ ...look, now: '2025-08-22 17:00' });
    expect(said(first)).toEqual([`${CALL} expiry possible: ${CALL} +2`]);
    expect(once({ ...look, now: '2025-08-22 17:20', open: first })).toEqual([
      `${CALL} expiry likely: ${CALL} +2`,
    ]);
  });

  test.each([
    ['it was worth something', `${CALL} 2 @ 3 mark 4, USD 0`, 'USD 0', '2025-08-22 17:00'],
    ['its last day is not over', `${CALL} 2 @ 3 mark 0.01, USD 0`, 'USD 0', '2025-08-22 11:00'],
    ['shares moved too', `${CALL} 2 @ 3 mark 0.01, USD 0`, 'SPY 55, USD 0', '2025-08-22 17:00'],
  ])('expiry is never more than possible where %s', (_name, book, broker, now) => {
    const first = findingsOf({ book, broker, now });
    const later = now.replace(/:00$/, ':40');
    expect(once({ book, broker, now: later, open: first })).toContain(`${CALL} expiry possible: ${CALL} -2`);
  });

  test('a hundred shares that left without the strike are no assignment', () => {
    const look = { book: `${CALL} -1 @ 3 mark 0.01, SPY 130 @ 600, USD 0`, broker: 'SPY 30 @ 600, USD 0' };
    expect(once({ ...look, now: '2025-08-22 17:00' })).toEqual([
      'SPY transfer possible: SPY -100',
      `${CALL} expiry possible: ${CALL} +1`,
    ]);
  });

  test('nobody delivers at a loss: a contract out of the money is never more than possibly assigned', () => {
    const look = { book: `${CALL} -1 @ 3, SPY 130 @ 600, USD 0`, broker: 'SPY 30 @ 600, USD 64000' };
    expect(twice(look)[1]).toEqual([`${CALL} assignment possible: ${CALL} +1, SPY -100, USD +64000`]);
  });

  test('sold by orders at the strike is no assignment', () => {
    const look = {
      book: `${CALL} -1 @ 3, SPY 100 @ 600 mark 645, USD 0`,
      broker: 'USD 63600',
      orders: `
        o1 by-hand buy 1 ${CALL} @ 4
        o2 by-hand sell 100 SPY @ 640`,
    };
    expect(once(look)).toEqual([
      `SPY manual_trade certain: SPY -100, USD +64000`,
      `${CALL} manual_trade certain: ${CALL} +1, USD -400`,
    ]);
  });

  test('a deposit on the same day leaves it possible', () => {
    const look = { book: `${CALL} -1 @ 3, SPY 100 @ 600 mark 645, USD 0`, broker: 'USD 64750' };
    expect(twice(look)[1]).toEqual([
      `${CALL} assignment possible: ${CALL} +1, SPY -100, USD +64000`,
      'USD unknown possible: USD +750',
    ]);
  });

  test('a deposit that was known before hides nothing', () => {
    const first = findingsOf({ book: 'USD 0', broker: 'USD 750' });
    const look = { book: `${CALL} -1 @ 3, SPY 100 @ 600 mark 645, USD 0`, broker: 'USD 64750' };
    const second = findingsOf({ ...look, now: '2025-08-20 13:00', open: first });
    const third = findingsOf({ ...look, now: '2025-08-20 13:20', open: second });
    expect(said(third)).toEqual([
      `${CALL} assignment likely: ${CALL} +1, SPY -100, USD +64000`,
      'USD unknown possible: USD +750',
    ]);
  });
});

describe('corporate actions', () => {
  test.each([
    ['4:1', 'AAPL 25 @ 400', 'AAPL 100 @ 100'],
    ['1:10', 'AAPL 40 @ 5', 'AAPL 4 @ 50'],
    ['3:2 with fractions', 'AAPL 0.54796447 @ 62.32', 'AAPL 0.821946705 @ 41.5467'],
  ])('a split: quantity by an exact ratio, cost and value as before: %s', (_name, book, broker) => {
    const [first, second] = twice({ book: `${book}, USD 0`, broker: `${broker}, USD 0` });
    expect(first).toMatchObject([expect.stringMatching(/^AAPL split possible/)]);
    expect(second).toMatchObject([expect.stringMatching(/^AAPL split likely/)]);
  });

  test('a fraction that was paid out belongs to the split', () => {
    expect(once({ book: 'AAPL 41 @ 100, USD 0', broker: 'AAPL 10 @ 410, USD 21.5' })).toEqual([
      'AAPL split possible: AAPL -31, USD +21.5',
    ]);
  });

  test('bought unlisted on the day of the split: both are told', () => {
    const look = {
      book: 'AAPL 40 @ 200, USD 0',
      broker: 'AAPL 170 @ 50 mark 50, USD -500',
      orders: 'o1 by-hand buy 10 AAPL @ 50',
    };
    expect(once(look)).toEqual([
      'AAPL manual_trade likely: AAPL +10, USD -500',
      'AAPL split possible: AAPL +120',
    ]);
  });

  test.each([
    ['transferred at the price', 'AAPL 60 @ 201 mark 202'],
    ['transferred at no cost', 'AAPL 60 @ 100 mark 202'],
  ])('twice the shares are no split where cost or value grew: %s', (_name, broker) => {
    expect(once({ book: 'AAPL 30 @ 200, USD 0', broker: `${broker}, USD 0` })).toEqual([
      'AAPL transfer possible: AAPL +30',
    ]);
  });

  test('a rename with its contracts is one finding', () => {
    const look = {
      book: 'FB 40 @ 300, FB251219C00350000 2 @ 6, USD 0',
      broker: 'META 40 @ 300, META251219C00350000 2 @ 6, USD 0',
    };
    expect(twice(look)[1]).toEqual([
      'FB symbol_change likely: FB -40, META +40, FB251219C00350000 -2, META251219C00350000 +2',
    ]);
  });

  test('as many of another name at another cost are two transfers', () => {
    expect(once({ book: 'FB 40 @ 300, USD 0', broker: 'KO 40 @ 70, USD 0' })).toEqual([
      'FB transfer possible: FB -40',
      'KO transfer possible: KO +40',
    ]);
  });

  test('a merger for shares and money takes the cost along, less the money', () => {
    const look = { book: 'OLD 40 @ 30, USD 0', broker: 'NEW 20 @ 45, USD 300' };
    expect(once(look)).toEqual(['OLD symbol_change possible: OLD -40, NEW +20, USD +300']);
  });

  test('a spin-off: what the new shares cost came out of the old ones', () => {
    const look = { book: 'T 40 @ 100, USD 0', broker: 'T 40 @ 87.5, WBD 10 @ 50, USD 0' };
    expect(twice(look)[1]).toEqual(['WBD split likely: WBD +10']);
    expect(once({ ...look, broker: 'T 40 @ 100, WBD 10 @ 50, USD 0' })).toEqual([
      'WBD transfer possible: WBD +10',
    ]);
  });
});

describe('what is only guessed', () => {
  test.each([
    ['units alone: a transfer', 'KO 5 @ 70, USD 0', 'KO 9 @ 70, USD 0', 'KO transfer possible: KO +4'],
    [
      'units and money in no proportion',
      'KO 9 @ 70, USD 0',
      'KO 2 @ 70, USD -93.5',
      'KO unknown possible: KO -7',
    ],
    [
      'like a sale, without an order',
      'KO 9 @ 70, USD 0',
      'KO 2 @ 70, USD 490',
      'KO unknown possible: KO -7, USD +490',
    ],
    ['money alone', 'USD 0', 'USD 17.31', 'USD unknown possible: USD +17.31'],
    ['whole hundreds', 'USD 0', 'USD -300', 'USD deposit_withdrawal possible: USD -300'],
  ])('%s', (_name, book, broker, finding) => {
    expect(twice({ book, broker }).map((look) => look.includes(finding))).toEqual([true, true]);
  });

  test('a trade near the mark while the orders cannot be read', () => {
    expect(once({ book: 'KO 9 @ 70, USD 0', broker: 'KO 2 @ 70, USD 490', orders: null })).toEqual([
      'KO missing_fill possible: KO -7, USD +490',
    ]);
  });

  test('nobody looked for days', () => {
    const more = { lastLookAt: at('2025-08-16 12:00') };
    expect(once({ book: 'KO 9 @ 70, USD 0', broker: 'USD 630', more })).toEqual([
      'KO history_gap possible: KO -9, USD +630',
    ]);
    expect(once({ book: 'KO 9 @ 70', broker: 'KO 2 @ 70', more: { firstContactDone: false } })).toEqual([
      'KO history_gap possible: KO -7',
    ]);
  });

  test('digits that are not shown: rounded, likely where the average lost its digits too', () => {
    const broker = 'KO 4.12 @ 70.33, USD 0';
    expect(twice({ book: 'KO 4.12345 @ 70.3333, USD 0', broker })).toEqual([
      ['KO rounding possible: KO -0.00345'],
      ['KO rounding likely: KO -0.00345'],
    ]);
    expect(twice({ book: 'KO 4.12345 @ 70.33, USD 0', broker })[1]).toEqual([
      'KO rounding possible: KO -0.00345',
    ]);
    expect(once({ book: 'KO 4.12345 @ 70.3333, USD 0', broker: 'KO 4.13 @ 70.33, USD 0' })).toEqual([
      'KO transfer possible: KO +0.00655',
    ]);
  });

  test('the account counts what its list of positions lacks: the list is stale, likely once it was seen again', () => {
    const look = { book: 'KO 9 @ 70, SPY 10 @ 600, USD 0', broker: 'SPY 10 @ 600, USD 0' };
    const totals = { gap: decimal('631'), noise: decimal('7') };
    expect(twice({ ...look, more: { totals } })).toEqual([
      ['KO stale_source possible: KO -9'],
      ['KO stale_source likely: KO -9'],
    ]);
    // Smaller than what marks move between two answers: it says nothing.
    expect(once({ ...look, more: { totals: { gap: decimal('631'), noise: decimal('700') } } })).toEqual([
      'KO transfer possible: KO -9',
    ]);
  });

  test('coins that went after a day of trades: a fee perhaps', () => {
    const listed = '2025-08-20 10:00 buy 2 ETH/USD @ 4200 #o1';
    const look = {
      book: 'ETH/USD 2, USD 0',
      broker: 'ETH/USD 1.995, USD 0',
      orders: 'o1 auto-1 buy 2 ETH/USD @ 4200',
    };
    expect(once({ ...look, listed })).toEqual(['ETH/USD fee possible: ETH/USD -0.005']);
    expect(once({ ...look, listed, broker: 'ETH/USD 1.9, USD 0' })).toEqual([
      'ETH/USD transfer possible: ETH/USD -0.1',
    ]);
  });

  test('a list that says what it said before the newest activities is perhaps behind, unless the totals agree', () => {
    const arrived = '2025-08-20 11:00 buy 3 KO @ 70 #o1';
    const input = { broker: 'KO 5 @ 70, USD 0', orders: 'o1 auto-1 buy 3 KO @ 70', arrived };
    const before = inputOf({ book: 'KO 5 @ 70' }).witnesses!.before;
    const look = { ...input, book: 'KO 8 @ 70, USD 0' };
    expect(once({ ...look, more: { before } })).toEqual(['KO stale_source possible: KO -3']);
    const totals = { gap: decimal('0'), noise: decimal('1') };
    expect(once({ ...look, more: { before, totals } })).toEqual(['KO transfer possible: KO -3']);
  });
});

describe('findings go on', () => {
  test('a first look is merely possible, a second too soon after it as well', () => {
    const look = { book: 'AAPL 25 @ 400, USD 0', broker: 'AAPL 100 @ 100, USD 0' };
    const first = findingsOf(look);
    const input = inputOf({ ...look, now: '2025-08-20 12:10', open: first });
    expect(explain(input)).toMatchObject({ findings: [], events: [], opened: 0, stillOpen: 1 });
  });

  test('a guess stands although what it was concluded from is gone, and is dropped when the difference is another', () => {
    const look = { book: 'AAPL 25 @ 400, USD 0', broker: 'AAPL 100 @ 100, USD 0' };
    const first = findingsOf(look);
    const before = inputOf({ book: 'AAPL 100 @ 100' }).witnesses!.before;
    const later = { ...look, now: '2025-08-20 12:20', open: first, more: { before } };
    expect(once(later)).toEqual(['AAPL split likely: AAPL +75']);
    expect(once({ ...later, broker: 'AAPL 90 @ 100, USD 0' })).toEqual(['AAPL transfer possible: AAPL +65']);
  });

  test('the contract is seen gone a look after its shares: they become one finding, and none is left behind', () => {
    const CALL = 'SPY250822C00640000';
    const book = `${CALL} -1 @ 3, SPY 100 @ 600 mark 645, USD 0`;
    const first = findingsOf({ book, broker: `${CALL} -1 @ 3, USD 64000` });
    expect(first.map((finding) => finding.key)).toEqual(['position:equity:SPY:USD']);
    const second = findingsOf({ book, broker: 'USD 64000', now: '2025-08-20 12:05', open: first });
    expect(second.map((finding) => `${finding.key} ${finding.symbol} ${finding.cause}`)).toEqual([
      `position:equity:SPY:USD ${CALL} assignment`,
    ]);
  });

  test('a second cause in one instrument is a finding beside the first', () => {
    const first = findingsOf({ book: 'KO 5 @ 70, USD 0', broker: 'KO 9 @ 70, USD 0' });
    const orders = 'o1 by-hand buy 2 KO @ 70';
    const second = findingsOf({
      book: 'KO 5 @ 70, USD 0',
      broker: 'KO 11 @ 70, USD -140',
      orders,
      now: '2025-08-20 12:05',
      open: first,
    });
    expect(second.map((finding) => `${finding.key} ${finding.expected} -> ${finding.observed}`)).toEqual([
      'position:equity:KO:USD#2 9 -> 11',
      'position:equity:KO:USD 7 -> 11',
    ]);
    // The fill is listed: its finding is explained, the other stays as it is.
    const arrived = '2025-08-20 12:04 buy 2 KO @ 70 #o1';
    const { findings } = explain(
      inputOf({
        book: 'KO 7 @ 70, USD -140',
        broker: 'KO 11 @ 70, USD -140',
        orders,
        arrived,
        now: '2025-08-20 12:10',
        open: second,
      }),
    );
    const closed = findings.filter((finding) => finding.state === 'resolved');
    expect(closed).toMatchObject([{ key: 'position:equity:KO:USD#2', confidence: 'certain' }]);
  });

  test('what a person dismissed stays so while it is the same, and is told again when it is not', () => {
    const look = { book: 'KO 5 @ 70, USD 0', broker: 'KO 9 @ 70, USD 0' };
    const dismissed = findingsOf(look).map((finding): Finding => ({ ...finding, state: 'dismissed' }));
    const later = { ...look, now: '2025-08-20 15:00', open: dismissed };
    expect(explain(inputOf(later))).toMatchObject({ findings: [], events: [], opened: 0, stillOpen: 0 });
    const other = explain(inputOf({ ...later, broker: 'KO 8 @ 70, USD 0' }));
    expect(other).toMatchObject({ findings: [{ state: 'open' }], opened: 1, stillOpen: 1 });
    expect(other.events.map((event) => event.kind)).toEqual(['finding_opened']);
    const gone = explain(inputOf({ ...later, broker: 'KO 5 @ 70, USD 0' }));
    expect(gone).toMatchObject({ findings: [{ state: 'resolved' }], stillOpen: 0 });
  });

  test('a run that compares no cash takes nothing back of what one that did had found', () => {
    const look = { book: 'SPY250822C00640000 1 @ 3, USD 0', broker: 'SPY 100 @ 640, USD -64000' };
    const first = findingsOf(look);
    const second = findingsOf({ ...look, now: '2025-08-20 12:20', open: first });
    const positions = { book: 'SPY250822C00640000 1 @ 3', broker: 'SPY 100 @ 640', cashCompared: false };
    expect(explain(inputOf({ ...positions, now: '2025-08-20 12:40', open: second })).events).toEqual([]);
  });
});

describe('resolved by fills', () => {
  const look = { book: 'USD 0', broker: 'KO 4, USD -280', orders: 'o1 by-hand buy 4 of 10 KO @ 70' };
  const arrived = '2025-08-20 10:00 buy 4 KO @ 70 #o1';
  const resolved = (open: readonly Finding[], isManual: boolean | null): string[] => {
    const input = inputOf({
      book: 'KO 4, USD -280',
      broker: 'KO 4, USD -280',
      arrived,
      open,
      now: '2025-08-21 09:00',
    });
    return said(explain({ ...input, isManual: () => isManual }).findings);
  };

  test('a trade that its order no longer shows was taken back', () => {
    const gone = { book: 'USD 0', broker: 'USD 0', open: findingsOf(look), now: '2025-08-20 13:00' };
    const why = (orders: string): string[] => said(explain(inputOf({ ...gone, orders })).findings);
    expect(why('o1 by-hand buy 0 of 10 KO @ 70')).toEqual(['KO broker_correction likely: KO +4, USD -280']);
    expect(why('o1 by-hand buy 4 of 10 KO @ 70')).toEqual(['KO stale_source possible: KO +4, USD -280']);
  });

  test('the cause is whose trade it was, and partial where its order was seen to be', () => {
    expect(resolved(findingsOf(look), true)).toEqual(['KO partial_fill certain: KO +4, USD -280']);
    const whole = findingsOf({ ...look, orders: 'o1 by-hand buy 4 KO @ 70' });
    expect(resolved(whole, true)).toEqual(['KO manual_trade certain: KO +4, USD -280']);
    expect(resolved(whole, false)).toEqual(['KO missing_fill certain: KO +4, USD -280']);
  });
});

test('law: claims add up to every difference, and nothing is certain without an order or an activity', () => {
  const symbols = ['KO', 'SPY', 'SPY250822C00640000', 'SPY250822P00650000', 'ETH/USD', 'META'];
  const holding = fc.record({
    symbol: fc.constantFrom(...symbols),
    quantity: fc.integer({ min: -3, max: 4 }).map((units) => units * 50),
    average: fc.integer({ min: 1, max: 4 }).map((price) => price * 100),
  });
  const holdings = fc
    .uniqueArray(holding, { selector: (row) => row.symbol, maxLength: 5 })
    .map((rows) => rows.filter((row) => row.quantity !== 0));
  const cash = fc.constantFrom(0, 64_000, -64_000, 6_400_000, 500, -20);
  const order = fc.record({
    symbol: fc.constantFrom(...symbols),
    side: fc.constantFrom('buy', 'sell'),
    filled: fc.integer({ min: 1, max: 3 }).map((units) => units * 50),
  });
  const textOf = (
    rows: readonly { symbol: string; quantity: number; average: number }[],
    money: number,
  ): string =>
    [...rows.map((row) => `${row.symbol} ${row.quantity} @ ${row.average}`), `USD ${money}`].join(', ');
  fc.assert(
    fc.property(
      holdings,
      holdings,
      cash,
      fc.array(order, { maxLength: 2 }),
      (book, broker, money, placed) => {
        const orders = placed
          .map((one, number) => `o${number} auto-1 ${one.side} ${one.filled} ${one.symbol} @ 100`)
          .join('\n');
        const input = inputOf({
          book: textOf(book, 0),
          broker: textOf(broker, money),
          orders,
          now: '2025-08-22 17:00',
        });
        const { findings } = explain(input);
        const rest = new Map(
          input.differences.map((row) => [
            row.kind === 'cash' ? `cash:${row.currency}` : `position:${row.instrument}`,
            row.broker.minus(row.book),
          ]),
        );
        for (const finding of findings) {
          for (const { key, amount } of partsOf(finding))
            rest.set(key, (rest.get(key) ?? Decimal.zero).minus(amount));
          const hasProof = finding.evidence.some(
            (piece) => piece.kind === 'order' || piece.kind === 'activity',
          );
          expect(finding.confidence === 'certain' && !hasProof).toBe(false);
        }
        expect([...rest.values()].every((amount) => amount.isZero())).toBe(true);
        expect(new Set(findings.map((finding) => finding.key)).size).toBe(findings.length);
      },
    ),
    { numRuns: 500 },
  );
});

test('an activity that is not written yet names the cause in a run of positions only', () => {
  const input = inputOf({ book: 'KO 5 @ 70', broker: 'KO 9 @ 70', cashCompared: false });
  const unbooked = revisions('2025-08-20 10:00 transfer 4 KO #t', input.now);
  expect(said(explain({ ...input, unbooked }).findings)).toEqual(['KO transfer likely: KO +4']);
});
