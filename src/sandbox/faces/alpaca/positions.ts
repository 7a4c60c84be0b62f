/** `GET /v2/positions` and `/v2/positions/{symbol or asset id}`: brokers/alpaca.md section 3. */
import { Decimal } from '../../../domain/decimal.ts';
import { compareInstants, NEW_YORK, newYorkDate, zonedInstant } from '../../../domain/time.ts';
import { type Entry, type Order } from '../../entries.ts';
import { type Holding } from '../../fold.ts';
import { filledOf, isWorking } from '../../orderBook.ts';
import { type View } from '../../view.ts';
import { valueOf } from './account.ts';
import { type AssetBook } from './assets.ts';
import { AlpacaError, assetClass, positionSymbol, text } from './wire.ts';

/** Digits of a fraction on the wire. */
const RATIO_PLACES = 16;
const KIND_ORDER = ['equity', 'option', 'crypto'];

export function positionsAnswer(view: View, assets: AssetBook): Record<string, unknown>[] {
  const known = lookOnce(view);
  return [...view.standing.holdings.values()]
    .sort((left, right) => {
      const kinds = KIND_ORDER.indexOf(left.instrument.kind) - KIND_ORDER.indexOf(right.instrument.kind);
      return kinds || (left.instrument.symbol < right.instrument.symbol ? -1 : 1);
    })
    .map((holding) => positionAnswer(view, assets, holding, known));
}

/** One position by symbol (coins without slash) or asset id; 404 where nothing is held. */
export function onePositionAnswer(view: View, assets: AssetBook, name: string): Record<string, unknown> {
  const found = positionsAnswer(view, assets).find(
    (position) => position['symbol'] === name || position['asset_id'] === name,
  );
  if (found === undefined) throw new AlpacaError(404, 40410000, 'position does not exist');
  return found;
}

/** What every row asks of the account, gathered once: an account may hold ten thousand positions. */
interface Known {
  /** Instruments that something moved before today. */
  readonly older: ReadonlySet<string>;
  /** Orders that can still fill, by instrument. */
  readonly working: ReadonlyMap<string, readonly Order[]>;
}

function lookOnce(view: View): Known {
  const midnight = zonedInstant(newYorkDate(view.now), '00:00', NEW_YORK);
  const older = new Set<string>();
  const lastFills = new Map<string, Entry>();
  for (const entry of view.account.entries) {
    if (entry.instrument !== null && entry.status === 'ok' && compareInstants(entry.at, midnight) < 0)
      older.add(entry.instrument.id);
    if (entry.fill !== null) lastFills.set(entry.fill.orderId, entry);
  }
  const working = new Map<string, Order[]>();
  for (const order of view.orders) {
    if (lastFills.get(order.id)?.fill?.remaining.isZero() === true || !isWorking(view.account, order))
      continue;
    const { id } = order.instrument!;
    working.set(id, [...(working.get(id) ?? []), order]);
  }
  return { older, working };
}

function positionAnswer(
  view: View,
  assets: AssetBook,
  holding: Holding,
  known: Known,
): Record<string, unknown> {
  const { instrument, quantity, averagePrice } = holding;
  const price = view.market.price(instrument, view.now);
  const lastDay = view.market.previousClose(instrument, view.now);
  const value = valueOf(holding, price);
  const cost = valueOf(holding, averagePrice);
  const gain = value.minus(cost);
  // A position opened today counts its day from its entry, an older one from the last close.
  const base = known.older.has(instrument.id) ? valueOf(holding, lastDay) : cost;
  const dayGain = value.minus(base);
  return {
    asset_id: assets.positionAssetId(instrument),
    symbol: positionSymbol(instrument),
    exchange: assets.exchangeOf(instrument),
    asset_class: assetClass(instrument),
    asset_marginable: instrument.kind === 'equity',
    qty: text(quantity),
    avg_entry_price: text(averagePrice),
    side: quantity.sign() < 0 ? 'short' : 'long',
    market_value: text(value),
    cost_basis: text(cost),
    unrealized_pl: text(gain),
    unrealized_plpc: ratio(gain, cost.abs()),
    unrealized_intraday_pl: text(dayGain),
    unrealized_intraday_plpc: ratio(dayGain, base.abs()),
    current_price: text(price),
    lastday_price: text(lastDay),
    change_today: ratio(price.minus(lastDay), lastDay),
    qty_available: text(availableOf(view, holding, known)),
  };
}

/** The quantity that no open order is about to close. */
function availableOf(view: View, holding: Holding, known: Known): Decimal {
  let rest = holding.quantity;
  for (const order of known.working.get(holding.instrument.id) ?? []) {
    const left = order.quantity.minus(filledOf(view.account, order));
    if (order.side === 'sell' && rest.sign() > 0)
      rest = rest.minus(left).sign() < 0 ? Decimal.zero : rest.minus(left);
    if (order.side === 'buy' && rest.sign() < 0)
      rest = rest.plus(left).sign() > 0 ? Decimal.zero : rest.plus(left);
  }
  return rest;
}

function ratio(part: Decimal, whole: Decimal): string {
  return whole.isZero() ? '0' : part.dividedBy(whole, RATIO_PLACES).toString();
}
