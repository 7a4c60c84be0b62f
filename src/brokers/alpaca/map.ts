/** Alpaca's rows -> ours. Pure: the same row and the same contract terms always give the same result. */
import { type Activity } from '../../domain/activity.ts';
import { Decimal } from '../../domain/decimal.ts';
import { type Instrument } from '../../domain/instrument.ts';
import { type Currency } from '../../domain/money.ts';
import {
  type Greeks,
  type OrderReference,
  type Quote,
  type SnapshotBalance,
  type SnapshotPosition,
} from '../../domain/snapshot.ts';
import {
  compareInstants,
  type Instant,
  NEW_YORK,
  newYorkDate,
  type TradeDate,
  zonedInstant,
} from '../../domain/time.ts';
import {
  type ActivityRule,
  type QuantityRule,
  ruleOf,
  type TimeRule,
  UNKNOWN_RULE,
} from './activityRules.ts';
import { descriptionOf, restatesCost, termsInWords } from './descriptions.ts';
import {
  ASSET_CLASSES,
  type ContractTerms,
  instrumentOfActivity,
  instrumentOfPosition,
  type KnownInstrument,
  multiplierFromCost,
} from './instruments.ts';
import {
  accountFigures,
  firstProblem,
  RESTRICTION_FLAGS,
  type WireAccount,
  wireActivityHead,
  type WireFill,
  wireFill,
  type WireNonTrade,
  wireNonTrade,
  type WireOrder,
  wirePosition,
  type WireSnapshot,
} from './wire.ts';

/** The currency of US instruments and of every row that names none. */
const HOME: Currency = 'USD';

export interface Problem {
  /** Path to the value: `activities[17].qty`. */
  readonly path: string;
  readonly reason: string;
}

/** A row understood, not understood (`row` null), or understood but for one value that became null (both). */
export interface Mapped<Row> {
  readonly row: Row | null;
  readonly problem: Problem | null;
}

type Terms = ReadonlyMap<string, ContractTerms>;

// ---- account ----------------------------------------------------------------------------------------------------

/** The one balance row and what could not be read of it: an unreadable figure is null, never zero. */
export function mapBalance(account: WireAccount): { balance: SnapshotBalance; problems: readonly Problem[] } {
  const problems: Problem[] = [];
  const figure = (name: keyof typeof accountFigures): Decimal | null => {
    const parsed = accountFigures[name].safeParse(account[name]);
    if (parsed.success && parsed.data !== null) return parsed.data;
    const path = `account.${name}`;
    problems.push(
      parsed.success ? { path, reason: 'the field is missing' } : firstProblem(parsed.error, path),
    );
    return null;
  };
  const balance: SnapshotBalance = {
    currency: account.currency ?? HOME,
    equity: figure('equity'),
    cash: figure('cash'),
    buyingPower: figure('buying_power'),
    longMarketValue: figure('long_market_value'),
    shortMarketValue: figure('short_market_value'),
  };
  return { balance, problems };
}

/** Everything that should close the gate. A flag that is neither true, false nor absent counts as set. */
export function mapRestrictions(account: WireAccount): readonly string[] {
  const restrictions = account.status === 'ACTIVE' ? [] : [`status ${account.status.slice(0, 40)}`];
  for (const name of RESTRICTION_FLAGS) {
    const flag = account[name];
    if (flag === true) restrictions.push(name);
    else if (flag !== false && flag !== undefined && flag !== null)
      restrictions.push(`${name} is not readable`);
  }
  return restrictions;
}

// ---- positions --------------------------------------------------------------------------------------------------

/**
 * A position row. Both conventions of the wire for shorts (`-1` and `1` with `side: short`) give a negative quantity.
 * `asOf` stands in as time of the mark, which Alpaca does not state.
 */
export function mapPosition(
  raw: unknown,
  path: string,
  asOf: Instant,
  terms: Terms,
): Mapped<SnapshotPosition> {
  const parsed = wirePosition.safeParse(raw);
  if (!parsed.success) return bad(firstProblem(parsed.error, path));
  const wire = parsed.data;
  if (wire.qty.isZero()) return bad({ path: `${path}.qty`, reason: 'a position of zero is not a position' });
  if (!ASSET_CLASSES.has(wire.asset_class)) {
    return bad({
      path: `${path}.asset_class`,
      reason: `unknown asset class "${wire.asset_class.slice(0, 40)}"`,
    });
  }
  const known = instrumentOfPosition(wire.symbol, wire.asset_class, HOME, terms);
  if (known === null) {
    return bad({
      path: `${path}.symbol`,
      reason: `"${wire.symbol.slice(0, 40)}" is no ${wire.asset_class} symbol`,
    });
  }
  const size = wire.qty.abs();
  const { instrument, certain } = withMultiplier(known, () =>
    multiplierFromCost(size, wire.avg_entry_price, wire.cost_basis),
  );
  const row: SnapshotPosition = {
    instrument,
    quantity: wire.side === 'short' ? size.negate() : size,
    averageCost: wire.avg_entry_price,
    mark: wire.current_price,
    markAsOf: wire.current_price === null ? null : asOf,
    marketValue: certain ? wire.market_value : null,
    unrealizedPnl: certain ? wire.unrealized_pl : null,
    brokerInstrumentId: wire.asset_id,
  };
  return { row, problem: certain ? null : unknownMultiplier(path, wire.symbol) };
}

function withMultiplier(
  known: KnownInstrument,
  derive: () => Decimal | null,
): { instrument: Instrument; certain: boolean } {
  if (known.multiplierKnown) return { instrument: known.instrument, certain: true };
  const multiplier = derive();
  if (multiplier === null) return { instrument: known.instrument, certain: false };
  return { instrument: { ...known.instrument, multiplier }, certain: true };
}

function unknownMultiplier(path: string, symbol: string): Problem {
  return {
    path: `${path}.symbol`,
    reason: `the multiplier of the adjusted option ${symbol.slice(0, 40)} is not known`,
  };
}

// ---- activities -------------------------------------------------------------------------------------------------

/** An activity row of any type. */
export function mapActivity(raw: unknown, path: string, terms: Terms): Mapped<Activity> {
  const head = wireActivityHead.safeParse(raw);
  if (!head.success) return bad(firstProblem(head.error, path));
  if (head.data.activity_type === 'FILL') {
    const fill = wireFill.safeParse(raw);
    return fill.success ? mapFill(fill.data, path, terms) : bad(firstProblem(fill.error, path));
  }
  const other = wireNonTrade.safeParse(raw);
  return other.success ? mapNonTrade(other.data, path, terms) : bad(firstProblem(other.error, path));
}

function mapFill(wire: WireFill, path: string, terms: Terms): Mapped<Activity> {
  // `sell_short` and further spellings with these beginnings are real (alpaca.md, "ten things" 5).
  const side = wire.side.startsWith('buy') ? 'buy' : wire.side.startsWith('sell') ? 'sell' : null;
  if (side === null) return bad({ path: `${path}.side`, reason: `unknown side "${wire.side.slice(0, 40)}"` });
  if (wire.qty.isZero()) return bad({ path: `${path}.qty`, reason: 'an execution of zero' });
  const status = statusOf(wire.status);
  if (status === null) return bad(unknownStatus(path, wire.status));
  const { instrument, multiplierKnown } = instrumentOfActivity(wire.symbol, HOME, terms);
  const size = wire.qty.abs();
  const quantity = side === 'buy' ? size : size.negate();
  const row: Activity = {
    rootId: `FILL:${wire.id}`,
    kind: 'fill',
    status,
    brokerRev: null,
    instrument,
    quantity,
    price: wire.price,
    amount: multiplierKnown ? quantity.times(wire.price).times(instrument.multiplier).negate() : null,
    currency: instrument.currency,
    fees: null,
    feesCurrency: null,
    executedAt: wire.transaction_time,
    timePrecision: 'instant',
    tradeDate: newYorkDate(wire.transaction_time),
    publishedAt: wire.transaction_time,
    side,
    orderId: wire.order_id,
    groupId: null,
    externalId: wire.id,
    brokerType: 'FILL',
    description: null,
    source: 'alpaca',
    details: wire.side === side ? {} : { side: wire.side },
  };
  return { row, problem: multiplierKnown ? null : unknownMultiplier(path, wire.symbol) };
}

function mapNonTrade(wire: WireNonTrade, path: string, terms: Terms): Mapped<Activity> {
  const known = ruleOf(wire.activity_type, wire.activity_sub_type);
  const rule = known ?? UNKNOWN_RULE;
  if (known === null && (wire.symbol !== null || wire.qty !== null)) {
    return bad({
      path: `${path}.activity_type`,
      reason: `unknown activity type "${wire.activity_type.slice(0, 40)}"`,
    });
  }
  const status = statusOf(wire.status);
  if (status === null) return bad(unknownStatus(path, wire.status));
  const quantity = restatesCost(wire) ? Decimal.zero : quantityOf(wire, rule.quantity);
  if (typeof quantity === 'string') return bad({ path: `${path}.qty`, reason: quantity });
  const amount = wire.net_amount ?? (rule.amount === 'securities' ? Decimal.zero : null);
  if (amount === null) return bad({ path: `${path}.net_amount`, reason: 'the field is missing' });
  if (!quantity.isZero() && wire.symbol === null)
    return bad({ path: `${path}.symbol`, reason: 'the field is missing' });
  const time = timeOf(wire.date, wire.created_at, rule.time);
  const sign = signOf(wire, quantity, amount) < 0 ? '-' : '+';
  const row: Activity = {
    rootId: `${wire.activity_type}:${wire.id}:${wire.symbol ?? ''}:${sign}`,
    kind: rule.kind,
    status,
    brokerRev: null,
    instrument: wire.symbol === null ? null : instrumentOfActivity(wire.symbol, HOME, terms).instrument,
    quantity,
    price: priceOf(rule, quantity, amount, wire.price),
    amount,
    currency: wire.currency ?? HOME,
    fees: null,
    feesCurrency: null,
    executedAt: time.executedAt,
    timePrecision: time.precision,
    tradeDate: wire.date,
    publishedAt: wire.created_at,
    side: null,
    orderId: null,
    groupId: wire.group_id,
    externalId: wire.id,
    brokerType:
      wire.activity_sub_type === null
        ? wire.activity_type
        : `${wire.activity_type}/${wire.activity_sub_type}`,
    description: descriptionOf(wire),
    source: 'alpaca',
    details: detailsOf(wire, quantity),
  };
  return { row, problem: null };
}

/** The sign in an identity: of the quantity where the row moves or restates one, else of the money. */
function signOf(wire: WireNonTrade, quantity: Decimal, amount: Decimal): number {
  if (restatesCost(wire) && wire.qty !== null) return wire.qty.sign();
  return (quantity.isZero() ? amount : quantity).sign();
}

/** `correct` = entered by a person at the broker, valid; absent in old rows; `canceled` = taken back. */
function statusOf(word: string | null): Activity['status'] | null {
  if (word === null || word === 'executed' || word === 'correct') return 'ok';
  return word === 'canceled' ? 'bust' : null;
}

function unknownStatus(path: string, word: string | null): Problem {
  return { path: `${path}.status`, reason: `unknown activity status "${(word ?? '').slice(0, 40)}"` };
}

/** The effect on the position, or the reason why it cannot be told. */
function quantityOf(wire: WireNonTrade, rule: QuantityRule): Decimal | string {
  const { qty } = wire;
  if (rule === 'none') return Decimal.zero;
  if (rule === 'unclear') {
    if (qty === null || qty.isZero()) return Decimal.zero;
    return `nobody says what a quantity does in an activity of type "${wire.activity_type.slice(0, 40)}"`;
  }
  if (qty === null || qty.isZero())
    return rule === 'signed' || rule === 'coins' ? Decimal.zero : 'the field is missing';
  if (rule === 'add') return qty.abs();
  return rule === 'take' || rule === 'coins' ? qty.abs().negate() : qty;
}

/**
 * Price of a stock leg of assignment or exercise, worked out from the money: the documentation prints a wrong one in
 * one of its samples (alpaca.md 5.5). Fees in coins and others keep theirs; split rows carry a cost there, not a price.
 */
function priceOf(
  rule: ActivityRule,
  quantity: Decimal,
  amount: Decimal,
  price: Decimal | null,
): Decimal | null {
  if (rule.kind === 'option_delivery') {
    return quantity.isZero() ? price : amount.dividedBy(quantity, 10).abs();
  }
  return rule.kind === 'crypto_fee' ? price : null;
}

/** What the wire says beyond our fields, as text. */
function detailsOf(wire: WireNonTrade, quantity: Decimal): Record<string, string> {
  const details = termsInWords(wire);
  if (wire.price !== null) details['price'] = wire.price.toString();
  if (wire.qty !== null && !wire.qty.equals(quantity)) details['quantityOnWire'] = wire.qty.toString();
  if (wire.per_share_amount !== null) details['perShareAmount'] = wire.per_share_amount.toString();
  if (wire.cusip !== null && wire.cusip !== wire.symbol) details['cusip'] = wire.cusip;
  return details;
}

/** See `TimeRule`. */
function timeOf(
  date: TradeDate,
  createdAt: Instant | null,
  rule: TimeRule,
): { executedAt: Instant; precision: 'instant' | 'day' } {
  const isCreatedThatDay = createdAt !== null && newYorkDate(createdAt) === date;
  const usesCreated =
    rule === 'createdElseStart' ||
    rule === 'createdElseEnd' ||
    (rule === 'beforeOpen' && createdAt !== null && isAfterOpen(createdAt, date));
  if (isCreatedThatDay && usesCreated) return { executedAt: createdAt, precision: 'instant' };
  const time = rule === 'dayEnd' || rule === 'createdElseEnd' ? '23:59:59' : '00:00:00';
  return { executedAt: zonedInstant(date, time, NEW_YORK), precision: 'day' };
}

function isAfterOpen(instant: Instant, date: TradeDate): boolean {
  return compareInstants(instant, zonedInstant(date, '09:30:00', NEW_YORK)) >= 0;
}

// ---- orders -----------------------------------------------------------------------------------------------------

/**
 * References of orders and their legs. Legs carry the parent's client id, because theirs is made up by Alpaca. A list
 * that came flat (a server that did not understand `nested`) has the legs of a combination as rows of their own, next
 * to a parent without symbol submitted at the very same nanosecond: they are joined where exactly one parent fits.
 */
export function mapOrders(orders: readonly WireOrder[]): readonly OrderReference[] {
  const references = new Map<string, OrderReference>();
  for (const order of orders) {
    const parent = flatParent(order, orders);
    if (!references.has(order.id)) references.set(order.id, reference(order, parent));
    for (const leg of order.legs ?? []) references.set(leg.id, reference(leg, order));
  }
  return [...references.values()];
}

function reference(order: WireOrder, parent: WireOrder | null): OrderReference {
  return {
    orderId: order.id,
    clientOrderId: (parent ?? order).client_order_id,
    parentOrderId: parent?.id ?? null,
  };
}

function flatParent(order: WireOrder, orders: readonly WireOrder[]): WireOrder | null {
  if (order.order_class !== 'mleg' || order.symbol === null || order.submitted_at === null) return null;
  const parents = orders.filter(
    (other) =>
      other.order_class === 'mleg' && other.symbol === null && other.submitted_at === order.submitted_at,
  );
  return parents.length === 1 ? parents[0]! : null;
}

// ---- market data ------------------------------------------------------------------------------------------------

const HALF = Decimal.parse('0.5');

/**
 * Mark and Greeks of one instrument. Options trade seldom, so their mark is the middle of bid and ask when both are
 * there (0 means none), else the last trade; for the rest the last trade, else the middle.
 */
export function mapQuote(instrument: Instrument, wire: WireSnapshot): Quote {
  const middle = middleOf(wire);
  const last =
    wire.latestTrade?.p == null || wire.latestTrade.p.isZero()
      ? null
      : { price: wire.latestTrade.p, at: wire.latestTrade.t };
  const mark = instrument.kind === 'option' ? (middle ?? last) : (last ?? middle);
  const greeks: Greeks | null =
    wire.greeks === null && wire.impliedVolatility === null
      ? null
      : {
          delta: wire.greeks?.delta ?? null,
          gamma: wire.greeks?.gamma ?? null,
          theta: wire.greeks?.theta ?? null,
          vega: wire.greeks?.vega ?? null,
          rho: wire.greeks?.rho ?? null,
          iv: wire.impliedVolatility,
        };
  return {
    instrument,
    mark: mark?.price ?? null,
    markAsOf: mark?.at ?? null,
    greeks,
    greeksAsOf: greeks === null ? null : (wire.latestQuote?.t ?? wire.latestTrade?.t ?? null),
  };
}

function middleOf(wire: WireSnapshot): { price: Decimal; at: Instant | null } | null {
  const { bp, ap, t } = wire.latestQuote ?? {};
  if (bp == null || ap == null || bp.sign() <= 0 || ap.sign() <= 0) return null;
  return { price: bp.plus(ap).times(HALF), at: t ?? null };
}

function bad<Row>(problem: Problem): Mapped<Row> {
  return { row: null, problem };
}
