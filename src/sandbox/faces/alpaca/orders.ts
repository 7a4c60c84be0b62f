/** Orders: brokers/alpaca.md section 4. What an order has filled follows from the fills, so a correction shows here too. */
import { Decimal } from '../../../domain/decimal.ts';
import {
  compareInstants,
  NEW_YORK,
  newYorkDate,
  addDays,
  addMs,
  zonedInstant,
  type Instant,
} from '../../../domain/time.ts';
import { type Order } from '../../entries.ts';
import { fillsOf, isWorking } from '../../orderBook.ts';
import { type View } from '../../view.ts';
import { type AssetBook } from './assets.ts';
import {
  AlpacaError,
  assetClass,
  nanoseconds,
  queryBoolean,
  queryInstant,
  queryInteger,
  queryList,
  text,
} from './wire.ts';

/** Decimal places of an average fill price. */
const AVERAGE_PLACES = 9;
/** How long a good-till-canceled order rests. */
const GTC_DAYS = 90;

interface Progress {
  readonly filled: Decimal;
  readonly average: Decimal | null;
  readonly status: 'new' | 'partially_filled' | 'filled' | 'canceled';
  readonly filledAt: Instant | null;
  readonly updatedAt: Instant;
}

export function ordersAnswer(
  view: View,
  assets: AssetBook,
  query: URLSearchParams,
): Record<string, unknown>[] {
  const status = query.get('status') ?? 'open';
  if (!['open', 'closed', 'all'].includes(status))
    throw new AlpacaError(422, 42210000, `invalid status: ${status}`);
  const limit = queryInteger('limit', query.get('limit'), 1, 500, 50);
  const after = queryInstant('after', query.get('after'));
  const until = queryInstant('until', query.get('until'));
  const beforeId = query.get('before_order_id');
  const afterId = query.get('after_order_id');
  if (
    (beforeId !== null && afterId !== null) ||
    ((beforeId ?? afterId) !== null && (after ?? until) !== null)
  ) {
    throw new AlpacaError(
      422,
      42210000,
      'before_order_id, after_order_id and after/until exclude each other',
    );
  }
  const symbols = queryList(query.get('symbols')).map((symbol) => symbol.replace('/', ''));
  const classes = queryList(query.get('asset_class'));
  const nested = queryBoolean(query.get('nested'));
  const side = query.get('side');

  const ascending = [...view.orders].sort((left, right) =>
    compareInstants(left.submittedAt, right.submittedAt),
  );
  const ordered = query.get('direction') === 'asc' ? ascending : ascending.reverse();
  const chosen = ordered.filter((order) => {
    if (order.parentId !== null) return false;
    const open = statusIsOpen(progressOf(view, order).status);
    const legs = [order, ...legsOf(view, order)];
    return (
      (status === 'all' || open === (status === 'open')) &&
      (after === null || compareInstants(order.submittedAt, after) > 0) &&
      (until === null || compareInstants(order.submittedAt, until) < 0) &&
      (side === null || order.side === side) &&
      (symbols.length === 0 ||
        legs.some((leg) => leg.instrument !== null && matchesSymbol(leg, symbols, classes))) &&
      (classes.length === 0 ||
        classes.includes('all') ||
        legs.some((leg) => leg.instrument !== null && classes.includes(assetClass(leg.instrument))))
    );
  });
  const page = cut(chosen, beforeId, afterId, query.get('direction') === 'asc', view).slice(0, limit);
  if (nested) return page.map((order) => orderAnswer(view, assets, order, true));
  return page.flatMap((order) =>
    [order, ...legsOf(view, order)].map((one) => orderAnswer(view, assets, one, false)),
  );
}

export function oneOrderAnswer(
  view: View,
  assets: AssetBook,
  id: string,
  nested: boolean,
): Record<string, unknown> {
  const order = view.orders.find((one) => one.id === id);
  if (order === undefined) throw new AlpacaError(404, 40410000, `order not found for ${id}`);
  return orderAnswer(view, assets, order, nested);
}

export function orderByClientIdAnswer(
  view: View,
  assets: AssetBook,
  clientOrderId: string,
): Record<string, unknown> {
  const order = view.orders.find((one) => one.clientOrderId === clientOrderId);
  if (order === undefined) throw new AlpacaError(404, 40410000, `order not found for ${clientOrderId}`);
  return orderAnswer(view, assets, order, false);
}

function cut(
  orders: Order[],
  beforeId: string | null,
  afterId: string | null,
  ascending: boolean,
  view: View,
): Order[] {
  const id = beforeId ?? afterId;
  if (id === null) return orders;
  const mark = view.orders.find((order) => order.id === id);
  if (mark === undefined) throw new AlpacaError(404, 40410000, `order not found for ${id}`);
  const at = orders.findIndex((order) => order.id === id);
  if (at >= 0) return (afterId !== null) === ascending ? orders.slice(at + 1) : orders.slice(0, at);
  return orders.filter(
    (order) => compareInstants(order.submittedAt, mark.submittedAt) === (afterId !== null ? 1 : -1),
  );
}

function matchesSymbol(order: Order, symbols: string[], classes: string[]): boolean {
  const instrument = order.instrument!;
  if (symbols.includes(instrument.symbol.replace('/', ''))) return true;
  return (
    classes.includes('us_option') &&
    instrument.option !== null &&
    symbols.includes(instrument.option.underlying)
  );
}

function legsOf(view: View, order: Order): Order[] {
  return order.instrument === null ? view.orders.filter((one) => one.parentId === order.id) : [];
}

function statusIsOpen(status: Progress['status']): boolean {
  return status === 'new' || status === 'partially_filled';
}

function progressOf(view: View, order: Order): Progress {
  if (order.instrument === null) return parentProgress(view, order);
  const fills = fillsOf(view.account, order);
  const filled = Decimal.sum(fills.map((fill) => fill.quantity.abs()));
  const spent = Decimal.sum(fills.map((fill) => fill.quantity.abs().times(fill.price!)));
  const working = isWorking(view.account, order);
  const last = fills.reduce<Instant>(
    (latest, fill) => (compareInstants(fill.at, latest) > 0 ? fill.at : latest),
    order.submittedAt,
  );
  const status =
    order.canceledAt !== null
      ? 'canceled'
      : !working
        ? 'filled'
        : filled.isZero()
          ? 'new'
          : 'partially_filled';
  return {
    filled,
    average: filled.isZero() ? null : spent.dividedBy(filled, AVERAGE_PLACES),
    status,
    filledAt: status === 'filled' ? last : null,
    updatedAt: order.canceledAt ?? last,
  };
}

function parentProgress(view: View, order: Order): Progress {
  const legs = legsOf(view, order).map((leg) => ({ leg, progress: progressOf(view, leg) }));
  const average = legs.reduce((sum, { leg, progress }) => {
    const price = (progress.average ?? Decimal.zero).times(leg.ratio ?? Decimal.one);
    return leg.side === 'buy' ? sum.plus(price) : sum.minus(price);
  }, Decimal.zero);
  return {
    filled: order.quantity,
    average,
    status: 'filled',
    filledAt: order.submittedAt,
    updatedAt: order.submittedAt,
  };
}

/** One order on the wire; legs stand inside their parent only where `nested` was asked. */
export function orderAnswer(
  view: View,
  assets: AssetBook,
  order: Order,
  nested: boolean,
): Record<string, unknown> {
  const { instrument } = order;
  const progress = progressOf(view, order);
  const parent = instrument === null;
  const leg = order.parentId !== null;
  const type = leg ? '' : order.type;
  const submitted = nanoseconds(order.submittedAt);
  return {
    id: order.id,
    client_order_id: order.clientOrderId,
    created_at: nanoseconds(addMs(order.submittedAt, -9)),
    updated_at: nanoseconds(progress.updatedAt),
    submitted_at: submitted,
    filled_at: progress.filledAt === null ? null : nanoseconds(progress.filledAt),
    expired_at: null,
    canceled_at: order.canceledAt === null ? null : nanoseconds(order.canceledAt),
    failed_at: null,
    replaced_at: null,
    replaced_by: null,
    replaces: null,
    asset_id: parent ? '' : assets.assetId(instrument),
    symbol: parent ? '' : instrument.symbol,
    asset_class: parent ? '' : assetClass(instrument),
    notional: text(order.notional),
    qty: order.notional === null ? text(order.quantity) : null,
    filled_qty: text(progress.filled),
    filled_avg_price: text(progress.average),
    order_class: parent || leg ? 'mleg' : instrument.kind === 'option' ? 'simple' : '',
    order_type: type,
    type,
    side: parent ? '' : order.side,
    time_in_force: order.timeInForce,
    limit_price: order.type === 'limit' && !leg ? text(order.limitPrice) : null,
    stop_price: null,
    status: progress.status,
    extended_hours: false,
    legs: nested && parent ? legsOf(view, order).map((one) => orderAnswer(view, assets, one, false)) : null,
    trail_percent: null,
    trail_price: null,
    hwm: null,
    subtag: null,
    source: null,
    expires_at: expiryOf(order),
    ...(parent ? {} : { position_intent: order.intent }),
    ...(leg ? { ratio_qty: text(order.ratio) } : {}),
  };
}

function expiryOf(order: Order): string {
  const day = newYorkDate(order.submittedAt);
  return zonedInstant(order.timeInForce === 'gtc' ? addDays(day, GTC_DAYS) : day, '16:00', NEW_YORK);
}
