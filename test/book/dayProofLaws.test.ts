/**
 * Laws of the day proof over random days. Equity is worked out here from nothing but cash and quantities at their
 * marks; the proof comes to it by way of lots, costs and closures.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_RULES } from '../../src/book/foldBook.ts';
import { type Activity } from '../../src/domain/activity.ts';
import { Decimal } from '../../src/domain/decimal.ts';
import { type Instrument, type InstrumentId } from '../../src/domain/instrument.ts';
import { type Election, FEE_POLICIES, LOT_METHODS } from '../../src/domain/election.ts';
import { addDays, type Instant, parseTradeDate } from '../../src/domain/time.ts';
import { activities, instrumentOf } from '../notation.ts';
import { bookLots, proofs, type Story, type StoryDay } from './dayStory.ts';

const SYMBOLS = ['AAPL', 'KO', 'KO250815P00070000', 'BTC/USD'];
const FIRST = parseTradeDate('2025-08-04');
const DAYS = 5;
const dateOf = (day: number) => addDays(FIRST, day);

const cents = (min: number, max: number) =>
  fc.integer({ min, max }).map((value) => Decimal.ofInteger(value).times(Decimal.parse('0.01')));
const day = fc.integer({ min: 0, max: DAYS - 1 });
const quantity = fc
  .integer({ min: 1, max: 4000 })
  .map((value) => Decimal.ofInteger(value).dividedBy(Decimal.ofInteger(8), 3));

const trade = fc.record({
  day,
  hour: fc.integer({ min: 4, max: 19 }),
  side: fc.constantFrom('buy', 'sell'),
  quantity,
  symbol: fc.constantFrom(...SYMBOLS),
  price: cents(1, 50_000),
  fees: fc.option(cents(-50, 200), { nil: null }),
});
const transfer = fc.record({
  day,
  side: fc.constantFrom('', '-'),
  quantity,
  symbol: fc.constantFrom(...SYMBOLS),
  basis: fc.option(cents(0, 100_000), { nil: null }),
});
const cash = fc.record({
  day,
  verb: fc.constantFrom('deposit', 'withdrawal', 'dividend', 'interest', 'fee'),
  amount: cents(1, 500_000),
});
const flow = fc.record({
  day,
  verb: fc.constantFrom('deposit' as const, 'withdrawal' as const),
  amount: cents(1, 500_000),
});
const marks = fc.array(fc.array(cents(1, 60_000), { minLength: SYMBOLS.length, maxLength: SYMBOLS.length }), {
  minLength: DAYS,
  maxLength: DAYS,
});

/** What the broker does to whatever is held: made to fit when the rows are known. */
const event = fc.record({
  day,
  what: fc.constantFrom('split', 'expire', 'return_of_capital', 'cash_in_lieu', 'crypto_fee'),
  amount: cents(1, 90_000),
});

const random = fc.record({
  trades: fc.array(trade, { maxLength: 14 }),
  transfers: fc.array(transfer, { maxLength: 4 }),
  cash: fc.array(cash, { maxLength: 8 }),
  marks,
});
type Random = typeof random extends fc.Arbitrary<infer Value> ? Value : never;
type Event = typeof event extends fc.Arbitrary<infer Value> ? Value : never;

const EVENT_SYMBOLS = {
  split: 'AAPL',
  expire: 'KO250815P00070000',
  return_of_capital: 'KO',
  cash_in_lieu: 'AAPL',
  crypto_fee: 'BTC/USD',
} as const;

/** Rows with the events among them, each by what is held when it happens. */
function withEvents(rows: readonly Activity[], events: readonly Event[]): Activity[] {
  let all = [...rows];
  for (const [index, { day: on, what, amount }] of events
    .toSorted((left, right) => left.day - right.day)
    .entries()) {
    const symbol = EVENT_SYMBOLS[what];
    const [row] = activities(`${dateOf(on)} ${what === 'expire' ? 'expire 1' : 'transfer 1'} ${symbol}`);
    const at = what === 'split' ? `${dateOf(on)}T04:00:00Z` : `${dateOf(on + 1)}T03:59:59Z`;
    const base = { ...row!, rootId: `event:${index}`, executedAt: at as Activity['executedAt'] };
    const held = heldBefore(all, base);
    all = [...all, ...happened(base, what, held, amount)];
  }
  return all;
}

function heldBefore(rows: readonly Activity[], base: Activity): Decimal {
  const earlier = rows.filter(
    (row) => row.instrument?.id === base.instrument!.id && row.executedAt < base.executedAt,
  );
  return Decimal.sum(earlier.map((row) => row.quantity));
}

function happened(base: Activity, what: Event['what'], held: Decimal, amount: Decimal): Activity[] {
  if (what === 'return_of_capital' || what === 'cash_in_lieu')
    return [{ ...base, kind: what, quantity: Decimal.zero, amount }];
  if (held.isZero()) return [];
  if (what === 'expire') return [{ ...base, quantity: held.negate() }];
  if (what === 'crypto_fee') {
    const coins = held.abs().times(Decimal.parse('0.0025'));
    return [{ ...base, kind: what, quantity: coins.negate() }];
  }
  const pair = { ...base, kind: what, groupId: base.rootId } as const;
  const after = held.times(Decimal.ofInteger(3)).times(Decimal.parse('0.5'));
  return [
    { ...pair, rootId: `${base.rootId}-`, quantity: held.negate() },
    { ...pair, rootId: `${base.rootId}+`, quantity: after },
  ];
}

function rowsOf({ trades, transfers, cash: money }: Random): Activity[] {
  const traded = trades.map(({ day: on, hour, side, quantity: units, symbol, price, fees }, index) => {
    const time = `${String(hour).padStart(2, '0')}:${String(index).padStart(2, '0')}`;
    const [row] = activities(
      `${dateOf(on)} ${time} ${side} ${units.toString()} ${symbol} @ ${price.toString()}`,
    );
    return { ...row!, fees, feesCurrency: fees === null ? null : 'USD' };
  });
  const moved: Activity[] = transfers.map(({ day: on, side, quantity: units, symbol, basis }) => {
    const [row] = activities(`${dateOf(on)} transfer ${side}${units.toString()} ${symbol}`);
    return basis === null ? row! : { ...row!, details: { basis: basis.toString() } };
  });
  const paid = money.flatMap(({ day: on, verb, amount }) =>
    activities(`${dateOf(on)} ${verb} ${amount.toString()}`),
  );
  return [...traded, ...moved, ...paid].map((row, index) => ({ ...row, rootId: `row:${index}` }));
}

/** The story with the equity a broker would state: cash plus quantity x mark x multiplier. */
function stated(rows: readonly Activity[], prices: Random['marks']): Story {
  const days = prices.map((row, index): StoryDay => {
    const priced = new Map<InstrumentId, Decimal>(
      SYMBOLS.map((symbol, place) => [instrumentOf(symbol).id, row[place]!]),
    );
    const date = dateOf(index);
    const past = rows.filter((activity) => activity.tradeDate <= date);
    return { date, equity: Decimal.sum(past.map((activity) => effectOf(activity, priced))), marks: priced };
  });
  return { activities: rows, days };
}

/** What one activity makes of equity at given marks. */
function effectOf(activity: Activity, priced: ReadonlyMap<InstrumentId, Decimal>): Decimal {
  const money = (activity.amount ?? Decimal.zero).minus(activity.fees ?? Decimal.zero);
  const { instrument } = activity;
  return instrument === null ? money : money.plus(valueOf(activity.quantity, instrument, priced));
}

function valueOf(
  units: Decimal,
  { id, multiplier }: Instrument,
  priced: ReadonlyMap<InstrumentId, Decimal>,
): Decimal {
  return units.times(priced.get(id)!).times(multiplier);
}

describe('the book', () => {
  const methods = fc.constantFrom(...LOT_METHODS.filter((method) => method !== 'SPECIFIC'));
  const policies = fc.constantFrom(...FEE_POLICIES);

  test('whatever method and fee election, and whatever a broker does beside trades: nothing is left over', () => {
    fc.assert(
      fc.property(
        random,
        fc.uniqueArray(event, { maxLength: 6, selector: (one) => `${one.day} ${one.what}` }),
        methods,
        policies,
        (world, events, method, policy) => {
          const told = stated(withEvents(rowsOf(world), events), world.marks);
          const rules = {
            ...DEFAULT_RULES,
            shortsReported: new Set(SYMBOLS.map((symbol) => instrumentOf(symbol).id)),
            elections: [elected('lot_method', method), elected('fee_policy', policy)],
          };
          const days = proofs(told, {
            lots: bookLots(rules),
            more: () => ({ feesApart: policy === 'excluded' }),
          });
          for (const proof of days) {
            expect(proof.doubts).toEqual([]);
            expect(proof.residual?.toString()).toBe('0');
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});

function elected(kind: Election['kind'], choice: string): Election {
  const dates = { validFrom: null, validTo: null, firstSeenAt: '2025-08-01T00:00:00Z' as Instant };
  return { ...dates, kind, object: null, choice, source: 'user', details: {} };
}

describe('laws', () => {
  test('whatever happened, nothing is left over, to the last digit', () => {
    fc.assert(
      fc.property(random, (world) => {
        for (const proof of proofs(stated(rowsOf(world), world.marks))) {
          expect(proof.doubts).toEqual([]);
          expect(proof.residual?.toString()).toBe('0');
          expect(proof.state).toBe('proved');
        }
      }),
      { numRuns: 150 },
    );
  });

  test('one activity that the book lacks leaves exactly what it made of equity on its day', () => {
    fc.assert(
      fc.property(random, fc.nat(), (world, pick) => {
        const rows = rowsOf(world);
        fc.pre(rows.length > 0);
        const missing = rows[pick % rows.length]!;
        const told = stated(rows, world.marks);
        const known = ({ rootId }: Activity): boolean => rootId !== missing.rootId;
        const index = told.days.findIndex(({ date }) => date === missing.tradeDate);
        const proof = proofs(told, { known })[index]!;
        const expected = effectOf(missing, told.days[index]!.marks);
        expect(proof.residual?.toString()).toBe(expected.toString());
        const earlier = proofs(told, { known }).slice(0, index);
        expect(earlier.every(({ residual }) => residual!.isZero())).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  test('deposits and withdrawals change no profit of any day', () => {
    fc.assert(
      fc.property(random, fc.array(flow, { minLength: 1, maxLength: 6 }), (world, flows) => {
        const before = proofs(stated(rowsOf(world), world.marks));
        const funded = rowsOf({ ...world, cash: [...world.cash, ...flows] });
        const after = proofs(stated(funded, world.marks));
        expect(after.map(({ profit }) => profit!.toString())).toEqual(
          before.map(({ profit }) => profit!.toString()),
        );
      }),
    );
  });

  test('a basis that a person states later moves profit between realized and unrealized, and no day as a whole', () => {
    fc.assert(
      fc.property(random, cents(0, 100_000), (world, stating) => {
        const unknown = { ...world, transfers: world.transfers.map((row) => ({ ...row, basis: null })) };
        const known = { ...world, transfers: world.transfers.map((row) => ({ ...row, basis: stating })) };
        const profits = (of: Random) =>
          proofs(stated(rowsOf(of), of.marks)).map(({ profit }) => profit!.toString());
        expect(profits(known)).toEqual(profits(unknown));
      }),
    );
  });
});
