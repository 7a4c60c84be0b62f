/** Transactions of a vector as activities of a ledger. */
import { scaled } from '../../src/book/scaleLots.ts';
import { type Activity, type ActivityKind } from '../../src/domain/activity.ts';
import { Decimal } from '../../src/domain/decimal.ts';
import { type Instrument, type InstrumentId } from '../../src/domain/instrument.ts';
import {
  addMs,
  compareInstants,
  type Instant,
  parseInstant,
  parseTradeDate,
  newYorkDate,
  type TradeDate,
} from '../../src/domain/time.ts';
import { type Transaction, Unsupported, type Vector } from './format.ts';

export function number(text: string | undefined): Decimal {
  return Decimal.parse(text ?? '0');
}

// ---- instruments --------------------------------------------------------------------------------------------------

/** The instrument of a symbol in a currency. An option has the terms of the transaction that exercises it. */
export function instrumentOf(vector: Vector, symbol: string, currency: string): Instrument {
  const own = vector.transactions.filter((transaction) => transaction.symbol === symbol);
  const event = vector.transactions.find((transaction) => transaction.option === symbol);
  const told = event?.option_multiplier ?? own.find(({ multiplier }) => multiplier !== undefined)?.multiplier;
  const multiplier = number(told ?? vector.multiplier ?? '1');
  const isOption = event !== undefined || own.some(({ type }) => type === 'expire');
  const kind = isOption ? 'option' : multiplier.equals(Decimal.one) ? 'equity' : 'future';
  return {
    id: `${kind}:${symbol}:${currency}` as InstrumentId,
    kind,
    symbol,
    currency,
    multiplier,
    option:
      event === undefined
        ? null
        : {
            underlying: event.symbol,
            expiry: momentOf(event.ts).date,
            strike: number(event.strike),
            right: event.right === 'P' ? 'put' : 'call',
          },
  };
}

// ---- time ---------------------------------------------------------------------------------------------------------

/**
 * Vectors tell days, some also times. A time is an instant of UTC and its day the one in New York (rules of accounting, 9:
 * 03:00Z is the day before there) - but in the first hour after midnight of UTC: so peers write plain days, and count
 * minutes to keep the rows of one in order.
 */
export function momentOf(ts: string): { readonly date: TradeDate; readonly at: Instant } {
  const day = parseTradeDate(ts.slice(0, 10));
  if (ts.length === 10) return { date: day, at: parseInstant(`${ts}T12:00:00Z`) };
  const at = parseInstant(ts);
  return { date: ts.slice(10, 13) === 'T00' ? day : newYorkDate(at), at };
}

/** The list is in order: what is not later than the one before happened a millisecond after it. */
export function nextInstant(before: Instant | null, at: Instant): Instant {
  return before === null || compareInstants(at, before) > 0 ? at : addMs(before, 1);
}

// ---- activities ---------------------------------------------------------------------------------------------------

/** What is held when a transaction happens, and where its rows go in time. */
export interface Scene {
  readonly vector: Vector;
  readonly instrument: Instrument;
  readonly executedAt: Instant;
  readonly held: (instrument: Instrument) => Decimal;
}

/** The rows a broker would have for a transaction; none where nothing moves. */
export function activitiesOf(transaction: Transaction, scene: Scene): readonly Activity[] {
  const { type } = transaction;
  if (!Object.hasOwn(TRANSLATIONS, type)) throw new Unsupported(`unsupported value type=${type}`);
  return TRANSLATIONS[type]!(transaction, scene);
}

type Translation = (transaction: Transaction, scene: Scene) => readonly Activity[];

const TRANSLATIONS: Readonly<Record<string, Translation>> = {
  buy: (transaction, scene) => trade(transaction, scene, 1),
  sell: (transaction, scene) => trade(transaction, scene, -1),
  /** Units as income are an acquisition at what they were worth. */
  income: (transaction, scene) => trade(transaction, scene, 1),
  split: (transaction, scene) => {
    const { instrument } = scene;
    const held = scene.held(instrument);
    const now = scaledHolding(transaction, scene);
    const details = {
      ...told('ratioNew', transaction.ratio_new),
      ...told('ratioOld', transaction.ratio_old),
    };
    const rows = exchange('split', transaction, scene, [instrument, held], [instrument, now]);
    return rows.map((one) => ({ ...one, details: { ...one.details, ...details } }));
  },
  rename: (transaction, scene) => {
    const held = scene.held(scene.instrument);
    return exchange(
      'rename',
      transaction,
      scene,
      [scene.instrument, held],
      [targetOf(transaction, scene), held],
    );
  },
  spin_off: (transaction, scene) => {
    const units = scaledHolding(transaction, scene);
    const details = { parent: scene.instrument.id, ...told('basisFraction', transaction.basis_fraction) };
    return [
      row('spinoff', transaction, scene, {
        instrument: targetOf(transaction, scene),
        quantity: units,
        details,
      }),
    ];
  },
  merger,
  return_of_capital: (transaction, scene) => [
    row('return_of_capital', transaction, scene, {
      quantity: Decimal.zero,
      amount: moneyOf(transaction, scene),
    }),
  ],
  cash_in_lieu: (transaction, scene) => {
    const held = scene.held(scene.instrument);
    const part =
      transaction.qty === undefined ? held.minus(held.round(0, 'down')).abs() : number(transaction.qty);
    const money = moneyOf({ ...transaction, qty: part.toString() }, scene);
    // Who is short pays for the part.
    const isShort = held.sign() < 0;
    const quantity = isShort ? part : part.negate();
    return [row('cash_in_lieu', transaction, scene, { quantity, amount: isShort ? negated(money) : money })];
  },
  dividend: (transaction, scene) => [
    row('dividend', transaction, scene, { quantity: Decimal.zero, amount: number(transaction.amount) }),
  ],
  /** All that is held, unless it says how many. */
  expire: (transaction, scene) => {
    const held = scene.held(scene.instrument);
    const told = transaction.qty === undefined ? held.abs() : number(transaction.qty);
    const quantity = held.sign() < 0 ? told : told.negate();
    return [row('option_expiry', transaction, scene, { quantity })];
  },
  exercise: (transaction, scene) => delivery(transaction, scene, 'option_exercise'),
  assign: (transaction, scene) => delivery(transaction, scene, 'option_assignment'),
};

function trade(transaction: Transaction, scene: Scene, sign: 1 | -1): readonly Activity[] {
  const { instrument, vector } = scene;
  const units = number(transaction.qty);
  if (units.isZero()) return [];
  const quantity = sign === 1 ? units : units.negate();
  const money = moneyOf(transaction, scene);
  const amount = sign === -1 ? money : negated(money);
  const isNone = vector.method === 'NONE';
  const intent = isNone ? 'open' : transaction.intent === 'auto' ? undefined : transaction.intent;
  const details = told('intent', intent);
  const price = transaction.price === undefined ? null : number(transaction.price);
  const isCoinFee = hasCoinFee(transaction);
  const fill = row('fill', transaction, scene, { quantity, amount, price, details });
  if (!isCoinFee) return [{ ...fill, side: sign === 1 ? 'buy' : 'sell' }];
  const coins = number(transaction.fee).negate();
  const fee = row('crypto_fee', transaction, scene, { instrument, quantity: coins, amount: Decimal.zero });
  return [
    { ...fill, side: sign === 1 ? 'buy' : 'sell', fees: null },
    { ...fee, rootId: `${fee.rootId}:fee`, fees: null },
  ];
}

const MONEY_ASSETS = /^(USD|USDT|USDC|EUR|GBP|CHF|JPY|CAD|AUD)$/;

/** A fee in something that is not the money of the pair. */
function hasCoinFee({ fee_asset: asset, symbol }: Transaction): boolean {
  return (
    asset !== undefined &&
    !MONEY_ASSETS.test(asset) &&
    !(symbol.length > asset.length && symbol.endsWith(asset))
  );
}

function negated(money: Decimal | null): Decimal | null {
  return money?.negate() ?? null;
}

function moneyOf({ amount, price, qty }: Transaction, { instrument }: Scene): Decimal | null {
  if (amount !== undefined) return number(amount);
  return price === undefined ? null : number(price).times(number(qty)).times(instrument.multiplier);
}

function merger(transaction: Transaction, scene: Scene): readonly Activity[] {
  const held = scene.held(scene.instrument);
  const cash = number(transaction.cash_per_old).times(held);
  const details = told('fmvNew', transaction.fmv_new);
  if (transaction.to_symbol === undefined) {
    const amount = transaction.cash_per_old === undefined ? moneyOf(transaction, scene) : cash;
    return [row('merger', transaction, scene, { quantity: held.negate(), amount })];
  }
  const target = targetOf(transaction, scene);
  const rows = exchange(
    'merger',
    transaction,
    scene,
    [scene.instrument, held],
    [target, scaledHolding(transaction, scene)],
  );
  return rows.map((one, index) => ({ ...one, details, amount: index === 1 ? cash : Decimal.zero }));
}

/** An option event and its stock leg at the strike. The fee belongs to the stock (IRS Pub. 550). */
function delivery(transaction: Transaction, scene: Scene, kind: ActivityKind): readonly Activity[] {
  const option = instrumentOf(scene.vector, transaction.option ?? '', scene.instrument.currency);
  const contracts = number(transaction.qty);
  const shares = contracts.times(option.multiplier);
  const isCall = option.option?.right === 'call';
  const brings = isCall === (kind === 'option_exercise');
  const amount = shares.times(number(transaction.strike));
  const event = row(kind, transaction, scene, {
    instrument: option,
    quantity: kind === 'option_exercise' ? contracts.negate() : contracts,
  });
  const stock = row('option_delivery', transaction, scene, {
    quantity: brings ? shares : shares.negate(),
    amount: brings ? amount.negate() : amount,
    price: number(transaction.strike),
  });
  return [
    { ...event, fees: null, rootId: `${event.rootId}:option` },
    { ...stock, executedAt: addMs(stock.executedAt, 1) },
  ];
}

function exchange(
  kind: ActivityKind,
  transaction: Transaction,
  scene: Scene,
  [from, old]: readonly [Instrument, Decimal],
  [to, now]: readonly [Instrument, Decimal],
): readonly Activity[] {
  if (old.isZero()) return [];
  const out = row(kind, transaction, scene, { instrument: from, quantity: old.negate() });
  const into = row(kind, transaction, scene, { instrument: to, quantity: now });
  const pair = { groupId: out.rootId, fees: null };
  return [
    { ...out, ...pair, rootId: `${out.rootId}-` },
    { ...into, ...pair, rootId: `${into.rootId}+` },
  ];
}

function targetOf(transaction: Transaction, { vector, instrument }: Scene): Instrument {
  return instrumentOf(vector, transaction.to_symbol ?? '', instrument.currency);
}

function scaledHolding({ ratio_new: news, ratio_old: olds }: Transaction, scene: Scene): Decimal {
  return scaled(scene.held(scene.instrument), { news: number(news), olds: number(olds) });
}

function told(name: string, value: string | undefined): Record<string, string> {
  return value === undefined ? {} : { [name]: value };
}

export function stamped(acquired: TradeDate, acquiredAt: Instant): Record<string, string> {
  return { acquired, acquiredAt };
}

export function rootOf(transaction: Pick<Transaction, 'i'>): string {
  return `tx:${String(transaction.i).padStart(4, '0')}`;
}

interface Moves {
  readonly instrument?: Instrument;
  readonly quantity: Decimal;
  readonly amount?: Decimal | null;
  readonly price?: Decimal | null;
  readonly details?: Readonly<Record<string, string>>;
}

export function row(kind: ActivityKind, transaction: Transaction, scene: Scene, moves: Moves): Activity {
  const { executedAt, vector } = scene;
  const instrument = moves.instrument ?? scene.instrument;
  const { date, at } = momentOf(transaction.ts);
  const rootId = rootOf(transaction);
  const rate = told('fxRateToBase', vector.fx?.rate_at_close);
  // Lists are not always in order of time: lots keep the day they were acquired on.
  const acquired = compareInstants(at, executedAt) === 0 ? {} : stamped(date, at);
  return {
    rootId,
    kind,
    status: 'ok',
    brokerRev: null,
    instrument,
    quantity: moves.quantity,
    price: moves.price ?? null,
    amount: moves.amount === undefined ? Decimal.zero : moves.amount,
    currency: instrument.currency,
    fees: transaction.fee === undefined || hasCoinFee(transaction) ? null : number(transaction.fee),
    feesCurrency: null,
    executedAt,
    timePrecision: 'instant',
    tradeDate: date,
    publishedAt: null,
    side: null,
    orderId: transaction.order ?? null,
    groupId: null,
    externalId: rootId,
    brokerType: transaction.type,
    description: null,
    source: 'vector',
    details: { ...rate, ...acquired, ...moves.details },
  };
}
