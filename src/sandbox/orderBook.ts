/** Orders and their executions: what is filled, what is left, what a call about them must not ask. */
import { Decimal } from '../domain/decimal.ts';
import { type Instrument } from '../domain/instrument.ts';
import { type Instant } from '../domain/time.ts';
import { type Account, type Entry, type Order, type Publish, type Side } from './entries.ts';
import { Refusal } from './refusal.ts';

/** Digits behind the point of a quantity that brokers keep. */
const QUANTITY_PLACES = 9;
/** Digits of one fill's part of a fee. */
const FEE_PLACES = 4;

/** An execution at the broker, or the end of an order. */
export interface TradeCall {
  readonly symbol: string;
  readonly side: Side;
  readonly quantity: Decimal;
  readonly price: Decimal;
  readonly at?: Instant;
  readonly fees?: Decimal;
  readonly clientRef?: string;
  readonly publish?: Publish;
  readonly order?: {
    readonly id?: string;
    readonly quantity?: Decimal;
    /** Dollars the order was given in, instead of a quantity. */
    readonly notional?: Decimal;
    readonly cancel?: boolean;
  };
}

export function findOrder(account: Account, id: string): Order | undefined {
  return account.orders.find((order) => order.id === id || order.label === id);
}

const fillsByOrder = new WeakMap<readonly Entry[], ReadonlyMap<string, readonly Entry[]>>();

/** Every execution of an order, busts included, in the order they were booked. */
function executionsOf(account: Account, order: Order): readonly Entry[] {
  let byOrder = fillsByOrder.get(account.entries);
  if (byOrder === undefined) {
    byOrder = Map.groupBy(
      account.entries.filter((entry) => entry.fill !== null),
      (entry) => entry.fill!.orderId,
    );
    fillsByOrder.set(account.entries, byOrder);
  }
  return byOrder.get(order.id) ?? [];
}

/** The fills of an order that still count, published or not: the order itself shows them at once. */
export function fillsOf(account: Account, order: Order): Entry[] {
  return executionsOf(account, order).filter((entry) => entry.status === 'ok');
}

export function filledOf(account: Account, order: Order): Decimal {
  return Decimal.sum(fillsOf(account, order).map((entry) => entry.quantity.abs()));
}

/** Whether an order can still fill. Only what was left after the last execution counts: a bust re-opens nothing. */
export function isWorking(account: Account, order: Order): boolean {
  if (order.canceledAt !== null || order.instrument === null) return false;
  const last = executionsOf(account, order).at(-1);
  return last === undefined || !last.fill!.remaining.isZero();
}

export function checkSameOrder(
  account: Account,
  order: Order,
  call: TradeCall,
  instrument: Instrument,
): void {
  if (order.instrument?.id !== instrument.id || order.side !== call.side) {
    throw new Refusal(`order ${order.label} is to ${order.side} ${order.instrument?.symbol ?? 'a spread'}`);
  }
  if (call.order?.quantity !== undefined && !call.order.quantity.equals(order.quantity)) {
    throw new Refusal(`order ${order.label} is for ${order.quantity.toString()}`);
  }
  if (call.clientRef !== undefined && call.clientRef !== order.clientOrderId) {
    throw new Refusal(`order ${order.label} has the reference ${order.clientOrderId}`);
  }
  if (!isWorking(account, order)) throw new Refusal(`order ${order.label} is not open any more`);
  if (call.quantity.isZero() && call.order?.cancel !== true)
    throw new Refusal('the quantity must be above 0');
}

export function checkQuantity(instrument: Instrument, quantity: Decimal, zeroAllowed: boolean): void {
  if (quantity.sign() < 0 || (quantity.isZero() && !zeroAllowed))
    throw new Refusal('the quantity must be above 0');
  if (instrument.kind === 'option' && !quantity.round(0).equals(quantity))
    throw new Refusal('options trade in whole contracts');
  if (!quantity.round(QUANTITY_PLACES).equals(quantity))
    throw new Refusal(`a quantity has at most ${QUANTITY_PLACES} decimals`);
}

export function corrected(fill: Entry, price: Decimal | null, quantity: Decimal | null): Entry {
  if (price === null && quantity === null) throw new Refusal('a correction names a price or a quantity');
  const positive = quantity ?? fill.quantity.abs();
  checkQuantity(fill.instrument!, positive, false);
  const signed = fill.fill!.side === 'buy' ? positive : positive.negate();
  const perUnit = price ?? fill.price!;
  const before = fill.fill!.filledSoFar.minus(fill.quantity.abs());
  return {
    ...fill,
    quantity: signed,
    price: perUnit,
    amount: signed.times(perUnit).times(fill.instrument!.multiplier).negate(),
    fill: { ...fill.fill!, filledSoFar: before.plus(positive) },
  };
}

/** A fill's part of the fees of all, by quantity; the last one takes what is left. */
export function shareOf(fees: Decimal, fill: Entry, fills: readonly Entry[]): Decimal {
  const whole = Decimal.sum(fills.map((one) => one.quantity.abs()));
  const part = (one: Entry): Decimal => fees.times(one.quantity.abs()).dividedBy(whole, FEE_PLACES);
  if (fill !== fills.at(-1)) return part(fill);
  return fees.minus(Decimal.sum(fills.slice(0, -1).map(part)));
}

export function isFeeOf(entry: Entry, fill: Entry): boolean {
  return (entry.kind === 'fee' || entry.kind === 'coin_fee') && entry.group === fill.uuid;
}

/** One leg of a spread, per unit. */
export interface SpreadLeg {
  readonly symbol: string;
  readonly side: Side;
  readonly price: Decimal;
}
