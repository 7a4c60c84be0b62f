/** Robinhood's traps, row by row: averages of zero, signs, fees dealt out, states, what is withheld, adjusted contracts. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contractFrom, createDirectory, type Directory } from '../../src/brokers/robinhood/directory.ts';
import { mapBalance, mapRestrictions } from '../../src/brokers/robinhood/mapAccount.ts';
import {
  mapAdrFee,
  mapDividend,
  mapMarginInterest,
  mapSubscriptionFee,
} from '../../src/brokers/robinhood/mapCash.ts';
import { mapHolding } from '../../src/brokers/robinhood/mapCrypto.ts';
import { mapOptionEvent } from '../../src/brokers/robinhood/mapOptionEvents.ts';
import { mapOptionOrder } from '../../src/brokers/robinhood/mapOptionOrders.ts';
import { mapOptionPosition, netted } from '../../src/brokers/robinhood/mapOptions.ts';
import { mapCryptoOrder, mapOrder } from '../../src/brokers/robinhood/mapOrders.ts';
import { dealtOut, type Understood } from '../../src/brokers/robinhood/mapped.ts';
import { mapStockMark, mapStockPosition } from '../../src/brokers/robinhood/mapPositions.ts';
import { mapSplitPayment } from '../../src/brokers/robinhood/mapSplits.ts';
import { mapAchTransfer } from '../../src/brokers/robinhood/mapTransfers.ts';
import { wireAccount, wirePortfolio, wireStockQuote, wireUnified } from '../../src/brokers/robinhood/wire.ts';
import { Decimal, decimal } from '../../src/domain/decimal.ts';
import { parseExactJson } from '../../src/domain/json.ts';
import { parseInstant, parseTradeDate } from '../../src/domain/time.ts';
import { type List, type Row, sampleText } from './robinhoodReplay.ts';

/** Rows as the wire gives them: numbers as text. */
function rows(name: string): readonly Row[] {
  return (parseExactJson(sampleText(name)) as unknown as List).results.filter((row) => row !== null);
}

const AAPL = 'eb639b56-67b3-48b6-90e3-125d87d44760';
const CALL = '444f3131-e809-404a-9f47-35eacc01e808';
const KO_PUT = '26896dcf-70d1-4e29-89fd-2dc25a3b2c9f';
const BTC = '3d961844-d360-45fc-989b-f6fca761d511';

/** The samples' instruments and contracts. */
function known(): Directory {
  const directory = createDirectory();
  for (const row of rows('instruments')) directory.stocks.set(String(row['id']), String(row['symbol']));
  for (const row of rows('options_instruments')) {
    const contract = contractFrom({
      chainId: String(row['chain_id']),
      chainSymbol: String(row['chain_symbol']),
      expiry: parseTradeDate(String(row['expiration_date'])),
      strike: decimal(String(row['strike_price'])),
      right: row['type'] as 'call' | 'put',
    });
    directory.contracts.set(String(row['id']), contract!);
  }
  directory.pairs.set(BTC, 'BTC/USD');
  return directory;
}

/** A row in short: kind, quantity, amount, fees. */
function short({ rows: found, problems }: Understood): unknown {
  const texts = found.map((row) =>
    [row.kind, row.quantity, row.amount, row.fees].map((value) => value?.toString() ?? 'null').join(' '),
  );
  return problems.length === 0 ? texts : [...texts, ...problems.map((problem) => `? ${problem.path}`)];
}

describe('stock positions', () => {
  const [aapl] = rows('positions') as [Row];
  const average = (changes: Row): string | undefined =>
    mapStockPosition({ ...aapl, ...changes }, 'p', known(), new Map()).row?.averageCost?.toString();

  test.each([
    ['as stated', {}, '180'],
    [
      'zero: the clearing house total over the same quantity',
      { average_buy_price: '0.0000', clearing_cost_basis: '7201.00' },
      '180.025',
    ],
    [
      'zero: its rounded average, where its quantity is another',
      { average_buy_price: '0.0000', clearing_running_quantity: '39' },
      '180',
    ],
    [
      'zero everywhere is unknown',
      { average_buy_price: '0.0000', clearing_cost_basis: '0E-8', clearing_average_cost: '0.00' },
      undefined,
    ],
    [
      'an older row without clearing',
      {
        average_buy_price: '0',
        clearing_cost_basis: null,
        clearing_average_cost: null,
        clearing_running_quantity: null,
        clearing_direction: null,
      },
      undefined,
    ],
    ['clearing on the other side', { average_buy_price: '0', clearing_direction: 'credit' }, undefined],
  ])('the average: %s', (_name, changes, expected) => {
    expect(average(changes)).toBe(expected);
  });

  test('a short row is negative, a negative one is not understood, zero is none', () => {
    const quantity = (changes: Row): unknown => {
      const { row, problem } = mapStockPosition({ ...aapl, ...changes }, 'p', known(), new Map());
      return row?.quantity.toString() ?? problem?.path ?? 'none';
    };
    expect(quantity({ type: 'short' })).toBe('-40');
    expect(quantity({ quantity: '-40' })).toBe('p.quantity');
    expect(quantity({ quantity: '0E-8' })).toBe('none');
    expect(quantity({ type: 'sideways' })).toBe('p.type');
    expect(quantity({ instrument_id: 'unknown' })).toBe('p.instrument_id');
  });

  test('the price: of the session while it lasts, else the last one outside of it', () => {
    const [row] = rows('quotes') as [Row];
    const quote = wireStockQuote.parse({ ...row, last_extended_hours_trade_price: '230.10' });
    const at = (text: string): string | undefined =>
      mapStockMark(quote, parseInstant(text))?.price.toString();
    expect(at('2026-09-16T14:31:00Z')).toBe('231.5');
    expect(at('2026-09-16T20:30:00Z')).toBe('230.1');
    expect(at('2026-09-19T15:00:00Z')).toBe('230.1'); // a Saturday
    expect(
      mapStockMark(
        wireStockQuote.parse({ ...row, last_trade_price: '0.00' }),
        parseInstant('2026-09-16T14:31:00Z'),
      ),
    ).toBeNull();
  });
});

describe('option positions', () => {
  const [long] = rows('options_positions') as [Row];
  const average = (changes: Row): unknown => {
    const { row, problem } = mapOptionPosition({ ...long, ...changes }, 'p', known(), new Map());
    return [row?.quantity.toString(), row?.averageCost?.toString(), problem?.reason];
  };

  test('dollars per contract become premium per share, the sign is the side', () => {
    expect(average({})).toEqual(['2', '14.25', undefined]);
    expect(average({ type: 'short', average_price: '-774.0000' })).toEqual(['-2', '7.74', undefined]);
    expect(average({ average_price: '0.0000' })).toEqual(['2', '14.25', undefined]);
    expect(average({ average_price: '-1425.0000' })).toEqual([
      '2',
      undefined,
      "the average of a long row has the other side's sign",
    ]);
  });

  test('both sides of a contract are one position; what cancels out is none', () => {
    const held = (type: string, quantity: string) =>
      mapOptionPosition(
        { ...long, type, quantity, average_price: type === 'long' ? '100' : '-90' },
        'p',
        known(),
        new Map(),
      ).row!;
    expect(netted(held('long', '3'), held('short', '1'))).toMatchObject({ averageCost: null });
    expect(netted(held('long', '3'), held('short', '1'))?.quantity.toString()).toBe('2');
    expect(netted(held('long', '1'), held('short', '1'))).toBeNull();
  });

  test('an adjusted contract without a multiplier is there, its money is not', () => {
    const directory = known();
    const words = {
      chainId: null,
      expiry: parseTradeDate('2026-10-16'),
      strike: decimal('220'),
      right: 'call',
    } as const;
    directory.contracts.set(CALL, contractFrom({ ...words, chainSymbol: '1AAPL' })!);
    const before = mapOptionPosition(long, 'p', directory, new Map());
    expect([before.row?.instrument.symbol, before.row?.averageCost, before.problem?.path]).toEqual([
      'AAPL1261016C00220000',
      null,
      'p.trade_value_multiplier',
    ]);
    directory.multipliers.set(CALL, decimal('50'));
    const after = mapOptionPosition(long, 'p', directory, new Map());
    expect([after.row?.instrument.multiplier.toString(), after.row?.averageCost?.toString()]).toEqual([
      '50',
      '28.5',
    ]);
    expect(contractFrom({ ...words, chainSymbol: 'AAPL', strike: decimal('0.0001') })).toBeNull();
    expect(contractFrom({ ...words, chainSymbol: '123' })).toBeNull();
  });
});

describe('stock orders', () => {
  const two = rows('orders').find((row) => (row['executions'] as unknown[]).length === 2)!;
  const [first, second] = two['executions'] as [Row, Row];
  const map = (changes: Row): unknown => short(mapOrder({ ...two, ...changes }, 'o', known()));

  test('fees of executions count where they are the order total, else the total is dealt out, the rest to the last', () => {
    expect(map({})).toEqual(['fill 12 -2039.4 0', 'fill 8 -1360.6 0']);
    const own = [
      { ...first, fees: '0.01' },
      { ...second, fees: '0.02' },
    ];
    expect(map({ fees: '0.03', executions: own })).toEqual(['fill 12 -2039.4 0.01', 'fill 8 -1360.6 0.02']);
    expect(map({ fees: '0.05' })).toEqual(['fill 12 -2039.4 0.03', 'fill 8 -1360.6 0.02']);
    expect(map({ fees: null, executions: [{ ...first, fees: null }] })).toEqual(['fill 12 -2039.4 null']);
  });

  test('the cash is the rounded notional; one that contradicts price and quantity is not believed', () => {
    expect(map({ executions: [{ ...first, rounded_notional: null }] })).toEqual(['fill 12 -2039.4 0']);
    expect(map({ executions: [{ ...first, rounded_notional: '2093.40' }] })).toEqual(['? o.executions']);
  });

  test('a short sale is a sale, a voided order is taken back, an unknown side is not understood', () => {
    expect(map({ side: 'sell_short', executions: [first] })).toEqual(['fill -12 2039.4 0']);
    expect(mapOrder({ ...two, state: 'voided' }, 'o', known()).rows.map((row) => row.status)).toEqual([
      'bust',
      'bust',
    ]);
    expect(map({ side: 'give' })).toEqual(['? o.side']);
    expect(map({ state: 'partially_filled_and_more' })).toEqual(['fill 12 -2039.4 0', 'fill 8 -1360.6 0']);
    expect(map({ executions: [] })).toEqual([]);
    expect(map({ executions: null })).toEqual([]);
  });

  test('whatever is dealt out adds up exactly', () => {
    const cents = fc.integer({ min: 0, max: 100_000 }).map((value) => Decimal.ofScaled(value, 2));
    const weights = fc.array(
      fc.integer({ min: 1, max: 1_000_000_000 }).map((value) => Decimal.ofScaled(value, 8)),
      {
        minLength: 1,
        maxLength: 12,
      },
    );
    fc.assert(
      fc.property(cents, weights, (total, parts) => {
        const dealt = dealtOut(total, parts);
        expect(Decimal.sum(dealt).toString()).toBe(total.toString());
        expect(dealt).toHaveLength(parts.length);
      }),
    );
  });
});

describe('option orders', () => {
  const spread = rows('options_orders').find((row) => (row['legs'] as unknown[]).length === 2)!;
  const map = (changes: Row): unknown => short(mapOptionOrder({ ...spread, ...changes }, 'o', known()));

  test('one execution per leg; the fees of the order by quantity', () => {
    expect(map({})).toEqual(['fill -1 620 0.04', 'fill 1 -395 0.04']);
  });

  test('fees are what the premium lost on its way, else the fees it lists, else unknown', () => {
    expect(map({ net_amount: '224.91', gold_savings: '0.01' })).toEqual([
      'fill -1 620 0.045',
      'fill 1 -395 0.045',
    ]);
    expect(map({ net_amount: null, contract_fees: '0.02' })).toEqual([
      'fill -1 620 0.05',
      'fill 1 -395 0.05',
    ]);
    expect(map({ net_amount: null, regulatory_fees: null })).toEqual([
      'fill -1 620 null',
      'fill 1 -395 null',
    ]);
  });

  test('a leg that cannot be understood leaves the other one, whose fees are then unknown', () => {
    const [sold, bought] = spread['legs'] as [Row, Row];
    expect(map({ legs: [{ ...sold, side: 'give' }, bought] })).toEqual([
      'fill 1 -395 null',
      '? o.legs[0].side',
    ]);
  });
});

describe('option events', () => {
  const [expiry, assignment] = rows('options_events') as [Row, Row];
  const map = (row: Row, directory = known()): unknown => short(mapOptionEvent(row, 'e', directory));

  test('assignment and exercise mirror each other, calls too', () => {
    expect(map(assignment)).toEqual(['option_assignment 1 0 null', 'option_delivery 100 -6000 null']);
    const [leg] = assignment['equity_components'] as [Row];
    const sold = {
      ...assignment,
      type: 'exercise',
      direction: 'credit',
      equity_components: [{ ...leg, side: 'sell' }],
    };
    expect(map(sold)).toEqual(['option_exercise -1 0 null', 'option_delivery -100 6000 null']);
  });

  test('an index option settles in cash; money that is nobody’s is not understood', () => {
    const cash = { ...assignment, equity_components: [], cash_component: null, total_cash_amount: '312.50' };
    expect(map(cash)).toEqual(['option_assignment 1 0 null', 'option_delivery 0 -312.5 null']);
    expect(map({ ...assignment, total_cash_amount: '6001.00' })).toEqual(['? e.total_cash_amount']);
    expect(map({ ...assignment, total_cash_amount: '6001.00', cash_component: '1.00' })).toEqual([
      'option_assignment 1 0 null',
      'option_delivery 100 -6000 null',
      'option_delivery 0 -1 null',
    ]);
  });

  test('an expiry needs the side that its position tells', () => {
    expect(map(expiry)).toEqual(['? e.position']);
    const directory = known();
    const position = '5f68191c-bb6c-41a6-8fec-befd5f6cae4f';
    directory.optionSides.set(position, 'short');
    expect(map(expiry, directory)).toEqual(['option_expiry 1 0 null']);
  });

  test('states: not yet, taken back, unknown', () => {
    expect(map({ ...assignment, state: 'preparing' })).toEqual([]);
    const bust = mapOptionEvent({ ...assignment, state: 'voided' }, 'e', known());
    expect(bust.rows.map((row) => row.status)).toEqual(['bust', 'bust']);
    expect(map({ ...assignment, state: 'sleeping' })).toEqual(['? e.state']);
    expect(map({ ...assignment, type: 'gift' })).toEqual(['? e.type']);
    expect(map({ ...assignment, option_id: 'unknown' })).toEqual(['? e.option_id']);
    expect(map({ ...assignment, option_id: KO_PUT, option: null })).toHaveLength(2);
  });
});

describe('money', () => {
  const [paid, , pending] = rows('dividends') as [Row, Row, Row];
  const dividend = (row: Row): unknown => short(mapDividend(row, 'd', known()));

  test('a dividend: pending is none, voided is taken back, withheld tax is a row of its own', () => {
    expect(dividend(paid)).toEqual(['dividend 0 10.4 null']);
    expect(dividend(pending)).toEqual([]);
    expect(mapDividend({ ...paid, state: 'voided' }, 'd', known()).rows.map((row) => row.status)).toEqual([
      'bust',
    ]);
    expect(dividend({ ...paid, amount: '8.84', nra_withholding: '1.56' })).toEqual([
      'dividend 0 10.4 null',
      'tax_withheld 0 -1.56 null',
    ]);
    expect(dividend({ ...paid, gross_amount: null })).toEqual(['dividend 0 10.4 null']);
  });

  test('a dividend whose gross and net do not add up is not understood', () => {
    expect(dividend({ ...paid, nra_withholding: '1.56' })).toEqual(['? d.amount']);
    expect(dividend({ ...paid, gross_amount: null, withholding: '1.56' })).toEqual(['? d.amount']);
  });

  test('a bank transfer counts when it is completed', () => {
    const [waiting, withdrawal] = rows('ach_transfers') as [Row, Row];
    const map = (row: Row): unknown => short(mapAchTransfer(row, 'a'));
    expect(map(waiting)).toEqual([]);
    expect(map(withdrawal)).toEqual(['withdrawal 0 -5000 null']);
    expect(map({ ...withdrawal, fees: '1.75' })).toEqual(['withdrawal 0 -5000 null', '? a.fees']);
    expect(map({ ...withdrawal, direction: 'sideways' })).toEqual(['? a.direction']);
    expect(mapAchTransfer({ ...withdrawal, state: 'reversed' }, 'a').rows[0]?.status).toBe('bust');
  });

  test('fees and interest', () => {
    const [gold] = rows('subscription_fees') as [Row];
    expect(short(mapSubscriptionFee(gold, 'g'))).toEqual(['fee 0 -5 null']);
    expect(short(mapSubscriptionFee({ ...gold, credit: '2.00', refunds: [{}] }, 'g'))).toEqual([
      'fee 0 -3 null',
      '? g.refunds',
    ]);
    expect(
      short(mapMarginInterest({ id: 'm', amount: '3.10', billing_due_date: '2026-09-01' }, 'm')),
    ).toEqual(['interest 0 -3.1 null']);
    const adr = {
      id: 'a',
      amount: { amount: '0.40' },
      state: 'paid',
      paid_at: '2026-09-01T12:00:00Z',
      instrument: `https://api.robinhood.com/instruments/${AAPL}/`,
    };
    expect(short(mapAdrFee(adr, 'a', known()))).toEqual(['fee 0 -0.4 null']);
  });

  test('a split: the old shares out, the new ones in, the ratio along; a remainder is told', () => {
    const [split] = rows('split_payments') as [Row];
    expect(short(mapSplitPayment(split, 's', known()))).toEqual(['split -4 0 null', 'split 12 0 null']);
    expect(mapSplitPayment(split, 's', known()).rows[0]?.details).toEqual({ ratioNew: '3', ratioOld: '1' });
    expect(short(mapSplitPayment({ ...split, fractional_remainder: '0.33' }, 's', known()))).toContain(
      '? s.fractional_remainder',
    );
    expect(short(mapSplitPayment({ ...split, state: 'pending' }, 's', known()))).toEqual([]);
  });
});

describe('coins', () => {
  const [holding] = rows('nummus_holdings') as [Row];
  const [order] = rows('nummus_orders') as [Row];

  test('coins that were sent here have no known cost', () => {
    const average = (changes: Row): string | undefined =>
      mapHolding({ ...holding, ...changes }, 'h', known(), new Map()).row?.averageCost?.toString();
    expect(average({})).toBe('60000');
    expect(average({ quantity: '0.06' })).toBeUndefined();
    expect(average({ cost_bases: [] })).toBeUndefined();
  });

  test('the cash of an order is rounded once; a fee nobody described is unknown', () => {
    const map = (changes: Row): unknown => short(mapCryptoOrder({ ...order, ...changes }, 'c', known()));
    const [execution] = order['executions'] as [Row];
    expect(map({})).toEqual(['fill 0.05 -3000 0']);
    const halves = ['a', 'b'].map((id) => ({ ...execution, id, quantity: '0.025', notional: '1500.003' }));
    expect(map({ executions: halves })).toEqual(['fill 0.025 -1500.003 0', 'fill 0.025 -1499.997 0']);
    expect(map({ rounded_executed_notional: '2999.00' })).toEqual(['? c.rounded_executed_notional']);
    expect(map({ fees: [{}] })).toEqual(['fill 0.05 -3000 null', '? c.fees']);
  });
});

describe('balances', () => {
  const [account] = rows('accounts') as [Row];
  const [portfolio] = rows('portfolios') as [Row];
  const [unified] = rows('unified') as [Row];

  test('an unreadable figure is null and told; equity is nobody’s guess', () => {
    const equity = (changes: Row | null): string | undefined =>
      mapBalance(
        wireAccount.parse(account),
        wirePortfolio.parse(portfolio),
        changes === null ? null : wireUnified.parse({ ...unified, ...changes }),
      ).balance.equity?.toString();
    expect(equity({})).toBe('29976.34');
    // Without the app's total the portfolio counts only where there are no coins beside it.
    expect(equity({ total_equity: null })).toBeUndefined();
    expect(equity({ total_equity: null, crypto: null })).toBe('25076.3405');
    expect(equity(null)).toBeUndefined();
    const broken = mapBalance(
      wireAccount.parse({ ...account, portfolio_cash: 'NaN' }),
      wirePortfolio.parse(portfolio),
      null,
    );
    expect([broken.balance.cash, broken.problems.map((problem) => problem.path)]).toEqual([
      null,
      ['account.portfolio_cash'],
    ]);
  });

  test('everything that should close the gate', () => {
    const restrictions = (changes: Row): readonly string[] =>
      mapRestrictions(wireAccount.parse({ ...account, ...changes }));
    expect(restrictions({})).toEqual([]);
    expect(
      restrictions({
        state: 'restricted',
        locked: true,
        deactivated: 'maybe',
        equity_trading_lock: 'sell_only',
      }),
    ).toEqual([
      'state restricted',
      'deactivated is not readable',
      'locked',
      'equity_trading_lock "sell_only"',
    ]);
    expect(restrictions({ state: null })).toEqual(['the state is not stated']);
  });
});
