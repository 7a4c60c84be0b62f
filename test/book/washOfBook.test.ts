/** Which lots and closes of a book take part in wash sales, and as what. */
import { describe, expect, test } from 'vitest';
import {
  ACCOUNT_WASH,
  TAXPAYER_WASH,
  type WashActivity,
  type WashBook,
  washOfBook,
  type WashPolicy,
  washSecurity,
} from '../../src/book/wash.ts';
import { type ActivityKind } from '../../src/domain/activity.ts';
import { Decimal, decimal } from '../../src/domain/decimal.ts';
import {
  crypto,
  equity,
  type Instrument,
  type InstrumentId,
  option,
  otherInstrument,
} from '../../src/domain/instrument.ts';
import { type ClosureKind, type Lot, type LotClosure } from '../../src/domain/lot.ts';
import { parseTradeDate } from '../../src/domain/time.ts';
import { at, instrumentOf } from '../notation.ts';
import { heldBasis, putOff } from './washNotation.ts';

const CALL = 'X240920C00010000';
const PUT = 'X240920P00010000';

interface LotText {
  readonly held?: string;
  readonly cost?: string | null;
  readonly by?: ActivityKind;
  readonly order?: string;
  readonly group?: string;
  readonly rolled?: string;
  readonly short?: boolean;
}

/** A book made by hand: `lot('#a', '2024-01-02', 'X')`, `close('#a', '2024-03-01', 'sale 10', 100, 80)`. */
class BookByHand {
  readonly lots: Lot[] = [];
  readonly closures: LotClosure[] = [];
  readonly instruments = new Map<InstrumentId, Instrument>();
  readonly activities = new Map<string, WashActivity>();
  readonly accountId: number;
  readonly accountType: WashBook['accountType'];

  constructor(accountId = 1, accountType: WashBook['accountType'] = 'taxable') {
    this.accountId = accountId;
    this.accountType = accountType;
  }

  lot(id: string, day: string, symbol: string, text: LotText = {}): this {
    const instrument = instrumentOf(symbol);
    const { held = '0', cost = '0', by = 'fill', rolled = '0' } = text;
    this.instruments.set(instrument.id, instrument);
    this.activities.set(id, { kind: by, orderId: text.order ?? null, groupId: text.group ?? null });
    const openCost = cost === null ? null : decimal(cost);
    const moment = { openedAt: at(day), acquiredAt: at(day), acquiredDate: parseTradeDate(day) };
    this.lots.push({
      id,
      instrument: instrument.id,
      openedRootId: id,
      activityRootId: id,
      direction: text.short === true ? 'short' : 'long',
      ...moment,
      holdingFrom: moment.acquiredDate,
      quantity: decimal(held),
      openQuantity: decimal(held),
      cost: openCost,
      openCost,
      rolled: decimal(rolled),
      costSource: cost === null ? 'unknown' : 'fill',
      currency: 'USD',
      openCostBase: openCost,
    });
    return this;
  }

  close(
    lotId: string,
    day: string,
    what: `${ClosureKind} ${string}`,
    cost: string | null,
    proceeds: string | null,
    text: { rolled?: string; group?: string } = {},
  ): this {
    const [kind, quantity = ''] = what.split(' ') as [ClosureKind, string];
    const lot = this.lots.find(({ id }) => id === lotId);
    const id = `${lotId}/${day}`;
    this.activities.set(id, { kind: 'fill', orderId: null, groupId: text.group ?? null });
    const realized = cost === null || proceeds === null ? null : decimal(proceeds).minus(decimal(cost));
    this.closures.push({
      id,
      lotId,
      instrument: lot?.instrument ?? equity('X').id,
      openedRootId: lotId,
      activityRootId: id,
      kind,
      direction: lot?.direction ?? 'long',
      acquiredDate: lot?.acquiredDate ?? parseTradeDate(day),
      closedAt: at(day),
      closedDate: parseTradeDate(day),
      quantity: decimal(quantity),
      cost: cost === null ? null : decimal(cost),
      proceeds: proceeds === null ? null : decimal(proceeds),
      fees: Decimal.zero,
      realized,
      rolled: decimal(text.rolled ?? '0'),
      realizedBasis: realized === null ? 'unknown' : 'exact',
      term: realized === null ? null : 'short',
      holdingDays: realized === null ? null : 1,
      currency: 'USD',
      realizedBaseCloseRate: realized,
      realizedBaseHistorical: realized,
    });
    return this;
  }

  book(more: Partial<WashBook> = {}): WashBook {
    const { accountId, accountType, lots, closures, instruments, activities } = this;
    return {
      accountId,
      accountType,
      lots,
      closures,
      instruments,
      activityOf: (rootId) => activities.get(rootId) ?? null,
      ...more,
    };
  }

  wash(policy: WashPolicy = ACCOUNT_WASH, more: Partial<WashBook> = {}) {
    return washOfBook([this.book(more)], policy);
  }
}

/** Ten shares bought for 100 and sold for 80 on 2024-03-01. */
const loss = (): BookByHand =>
  new BookByHand().lot('#a', '2024-01-02', 'X').close('#a', '2024-03-01', 'sale 10', '100', '80');

const doubts = (result: ReturnType<typeof washOfBook>): string[] =>
  result.unknown.map(({ lotId, closureId, doubt }) => `${closureId ?? lotId} ${doubt}`);

describe('what cannot be told', () => {
  test('units sold without a lot: no loss is worked out, and that is told once', () => {
    const book = loss()
      .close('unknown:root', '2024-03-02', 'sale 5', null, '50')
      .close('unknown:root', '2024-03-03', 'transfer_out 5', null, null);
    expect(doubts(book.wash())).toEqual(['unknown:root/2024-03-02 cost_unknown']);
  });

  test('an instrument without terms takes no part', () => {
    const book = loss().lot('#b', '2024-03-10', 'X', { held: '10', cost: '90' });
    const result = book.wash(ACCOUNT_WASH, { instruments: new Map() });
    expect(result.adjustments).toEqual([]);
    expect(doubts(result)).toEqual(['#a instrument_unknown', '#b instrument_unknown']);
  });

  test('an opening near a loss may have been bought in its 61 days', () => {
    const book = loss().lot('#o', '2024-02-20', 'X', { held: '10', cost: '90', by: 'opening' });
    expect(putOff(book.wash())).toEqual([]);
    expect(doubts(book.wash())).toEqual(['#a/2024-03-01 replacement_unknown']);
  });

  test('a lot of unknown acquisition lends no days', () => {
    const book = loss().lot('#b', '2024-03-10', 'X', { held: '10', cost: '90' });
    const undated = book.closures.map((closure) => ({ ...closure, term: null, holdingDays: null }));
    const result = book.wash(ACCOUNT_WASH, { closures: undated });
    expect(putOff(result)).toEqual(['10 of #a -> #b: 20 put off, held from 2024-03-10']);
    expect(doubts(result)).toEqual(['#b holding_unknown']);
  });
});

describe('what replaces', () => {
  const replacedBy = (by: ActivityKind): number =>
    loss().lot('#b', '2024-03-10', 'X', { held: '10', cost: '90', by }).wash().adjustments.length;

  test('purchases: fills, deliveries of options, dividends that were reinvested', () => {
    expect((['fill', 'option_delivery', 'dividend'] as const).map(replacedBy)).toEqual([1, 1, 1]);
  });

  test('no purchases: transfers, spin-offs, mergers, share dividends', () => {
    const kinds = ['security_transfer', 'spinoff', 'merger', 'stock_dividend', 'opening'] as const;
    expect(kinds.map(replacedBy)).toEqual([0, 0, 0, 0, 0]);
  });

  test('without the activity the source of the cost decides', () => {
    const book = loss()
      .lot('#b', '2024-03-10', 'X', { held: '4', cost: '40' })
      .lot('#c', '2024-03-11', 'X', { held: '4', cost: null });
    expect(putOff(book.wash(ACCOUNT_WASH, { activityOf: () => null }))).toEqual([
      '4 of #a -> #b: 8 put off, held from 2024-01-11',
    ]);
  });

  test('fills of one order are one purchase', () => {
    const book = new BookByHand()
      .lot('#a', '2024-03-01', 'X', { order: 'o1' })
      .lot('#b', '2024-03-01', 'X', { order: 'o1', held: '10', cost: '100' })
      .close('#a', '2024-03-05', 'sale 10', '100', '80');
    expect(putOff(book.wash())).toEqual([]);
  });
});

describe('the tax layer is what is washed', () => {
  test('a premium that joined the stock can make the loss, or take it away', () => {
    const put = (rolled: string) =>
      new BookByHand()
        .lot('#a', '2024-01-02', 'X')
        .close('#a', '2024-03-01', 'sale 10', '100', '95', { rolled })
        .lot('#b', '2024-03-10', 'X', { held: '10', cost: '90' });
    expect(putOff(put('-7').wash())).toEqual(['10 of #a -> #b: 12 put off, held from 2024-01-11']);
    expect(putOff(put('6').wash())).toEqual([]);
  });

  test('premium in the basis of what is held is shown with it', () => {
    const book = loss().lot('#b', '2024-03-10', 'X', { held: '10', cost: '90', rolled: '-3' });
    expect(heldBasis(book.wash())).toEqual(['#b 10 basis 107']);
  });

  test('an exercised option leaves no loss behind', () => {
    const book = new BookByHand()
      .lot('#c', '2024-01-02', CALL)
      .close('#c', '2024-03-01', 'exercise 1', '300', '0', { rolled: '300' })
      .lot('#d', '2024-03-05', CALL, { held: '1', cost: '200' });
    expect(putOff(book.wash())).toEqual([]);
  });

  test('the economic rows are not touched', () => {
    const book = loss().lot('#b', '2024-03-10', 'X', { held: '10', cost: '90' });
    const before = JSON.stringify([book.lots, book.closures]);
    book.wash();
    expect(JSON.stringify([book.lots, book.closures])).toBe(before);
  });
});

describe('options', () => {
  const stockLoss = (): BookByHand =>
    new BookByHand().lot('#a', '2024-01-02', 'X').close('#a', '2024-03-01', 'sale 150', '1500', '1350');

  test('a call replaces its stock for the taxpayer, a put and a written call never', () => {
    const book = stockLoss()
      .lot('#p', '2024-03-08', PUT, { held: '1', cost: '100' })
      .lot('#w', '2024-03-09', CALL, { held: '1', cost: '100', short: true })
      .lot('#c', '2024-03-10', CALL, { held: '1', cost: '100' });
    expect(putOff(book.wash(ACCOUNT_WASH))).toEqual([]);
    expect(putOff(book.wash(TAXPAYER_WASH))).toEqual(['100 of #a -> #c: 100 put off, held from 2024-01-11']);
  });

  test('a lost put is replaced by the same put, not by another strike', () => {
    const book = new BookByHand()
      .lot('#p', '2024-01-02', PUT)
      .close('#p', '2024-03-01', 'expiry 1', '100', '0')
      .lot('#q', '2024-03-09', 'X240920P00011000', { held: '1', cost: '100' })
      .lot('#r', '2024-03-10', PUT, { held: '1', cost: '100' });
    expect(putOff(book.wash(TAXPAYER_WASH))).toEqual(['1 of #p -> #r: 100 put off, held from 2024-01-11']);
  });

  const exercised = (more: (book: BookByHand) => BookByHand): ReturnType<typeof washOfBook> =>
    more(
      stockLoss()
        .lot('#c', '2024-03-10', CALL, {})
        .close('#c', '2024-03-20', 'exercise 1', '300', '0', { rolled: '300', group: 'g' }),
    ).wash(TAXPAYER_WASH);

  test('exercised, it hands on what was put off into it: by the broker group, else by the day', () => {
    const delivered = { held: '100', cost: '1000', rolled: '300', by: 'option_delivery' } as const;
    for (const group of ['g', undefined]) {
      const result = exercised((book) =>
        book.lot('#s', '2024-03-20', 'X', group === undefined ? delivered : { ...delivered, group }),
      );
      // The stock came in the 61 days, too, but its shares are those of the call: they replace no other 50.
      expect(putOff(result)).toEqual(['100 of #a -> #c: 100 put off, held from 2024-01-11']);
      expect(result.accounts.get(1)!.byLot.get('#s')!.openWashIn.toString()).toBe('100');
      expect(doubts(result)).toEqual([]);
    }
  });

  test('exercised into a lot that cannot be told, the amount is in no basis, and that is told', () => {
    const result = exercised((book) => book);
    expect(doubts(result)).toEqual(['#c/2024-03-20 carry_unknown']);
  });
});

describe('securities', () => {
  test('futures, coins, index options and what no rule knows take no part', () => {
    const security = (instrument: Instrument, policy = TAXPAYER_WASH) => washSecurity(instrument, policy);
    expect(security(equity('X'))).toBe('equity:X:USD');
    expect(security(option(CALL))).toBe('equity:X:USD');
    expect(security(option('SPXW240920C05000000'))).toBeNull();
    expect(security(otherInstrument('ibkr', '1', 'FUND', 'USD'))).toBeNull();
    expect(security(crypto('BTC/USD'))).toBeNull();
    expect(security(crypto('BTC/USD'), { ...ACCOUNT_WASH, crypto: 'on' })).toBe('crypto:BTC/USD');
  });

  test('a coin lost and bought again counts, unless it is chosen otherwise', () => {
    const book = new BookByHand()
      .lot('#a', '2024-01-02', 'BTC/USD')
      .close('#a', '2024-03-01', 'sale 1', '100', '80')
      .lot('#b', '2024-03-10', 'BTC/USD', { held: '1', cost: '90' });
    expect(putOff(book.wash())).toEqual([]);
    expect(putOff(book.wash({ ...ACCOUNT_WASH, crypto: 'on' }))).toHaveLength(1);
  });

  test('a renamed stock is the same', () => {
    const book = loss().lot('#b', '2024-03-10', 'Z', { held: '10', cost: '90' });
    expect(putOff(book.wash())).toEqual([]);
    const [x, z] = [equity('X').id, equity('Z').id];
    const currentOf: WashBook['currentOf'] = (id) => (id === x ? z : id);
    expect(putOff(book.wash(ACCOUNT_WASH, { currentOf }))).toHaveLength(1);
  });

  test('units of before a split count as what they became, also in a reverse split of three to one', () => {
    const splits = (from: string, to: string): Partial<WashBook> => {
      const split = { at: at('2024-03-05'), from: decimal(from), to: decimal(to) };
      return { splits: new Map([[equity('X').id, [split]]]) };
    };
    const book = loss().lot('#b', '2024-03-10', 'X', { held: '20', cost: '180' });
    expect(putOff(book.wash(ACCOUNT_WASH, splits('1', '4')))).toEqual([
      '5 of #a -> #b: 10 put off, held from 2024-01-11',
    ]);
    const reversed = book.wash(ACCOUNT_WASH, splits('3', '1'));
    expect(putOff(reversed)).toEqual(['10 of #a -> #b: 20 put off, held from 2024-01-11']);
    expect(reversed.pieces.filter(({ closureId }) => closureId === null)).toMatchObject([
      { quantity: decimal('3.333333333333333333') },
      { quantity: decimal('16.666666666666666667') },
    ]);
  });
});

test('two accounts of a person: one alone sees nothing, both together the wash; an IRA loses it for ever', () => {
  const sold = loss();
  const bought = (type: WashBook['accountType']): BookByHand =>
    new BookByHand(2, type).lot('#a', '2024-03-10', 'X', { held: '10', cost: '90' });
  for (const policy of [ACCOUNT_WASH, TAXPAYER_WASH]) {
    expect(washOfBook([sold.book()], policy).adjustments).toEqual([]);
  }
  expect(washOfBook([sold.book(), bought('taxable').book()], ACCOUNT_WASH).adjustments).toEqual([]);
  // Lots are named within their account: here both are #a.
  const result = washOfBook([sold.book(), bought('taxable').book()], TAXPAYER_WASH);
  expect(putOff(result)).toEqual(['10 of #a -> #a: 20 put off, held from 2024-01-11']);
  expect(result.accounts.get(1)!.byLot.has('#a')).toBe(false);
  expect(result.accounts.get(2)!.byLot.get('#a')!.openWashIn.toString()).toBe('20');
  const ira = washOfBook([sold.book(), bought('ira').book()], TAXPAYER_WASH);
  expect(putOff(ira)).toEqual(['10 of #a -> #a: 20 lost, held from 2024-03-10']);
  // What an account was on the day counts: of the purchase, and of the loss.
  const since = (first: string): Partial<WashBook> => ({
    accountTypeOn: (day) => (day < first ? 'taxable' : 'ira'),
  });
  const turned = (own: string, other: string) =>
    putOff(washOfBook([sold.book(since(own)), bought('taxable').book(since(other))], TAXPAYER_WASH));
  expect(turned('2024-03-02', '2024-03-11')).toEqual(['10 of #a -> #a: 20 put off, held from 2024-01-11']);
  expect(turned('2024-03-02', '2024-03-10')).toEqual(['10 of #a -> #a: 20 lost, held from 2024-03-10']);
  expect(turned('2024-03-01', '2024-03-11')).toEqual([]);
});
