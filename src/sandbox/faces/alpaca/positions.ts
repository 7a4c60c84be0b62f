/** `GET /v2/positions` and `/v2/positions/{symbol or asset id}`: brokers/alpaca.md section 3. */
import { Decimal } from '../../../domain/decimal.ts';
import { compareInstants, NEW_YORK, newYorkDate, zonedInstant } from '../../../domain/time.ts';
import { type Holding } from '../../fold.ts';
import { filledOf, isWorking } from '../../ledger.ts';
import { type View } from '../../view.ts';
import { valueOf } from './account.ts';
import { type AssetBook } from './assets.ts';
import { AlpacaError, assetClass, positionSymbol, text } from './wire.ts';

/** Digits of a fraction on the wire. */
const RATIO_PLACES = 16;
const KIND_ORDER = ['equity', 'option', 'crypto'];

export function positionsAnswer(view: View, assets: AssetBook): Record<string, unknown>[] {
  return [...view.standing.holdings.values()]
    .sort((left, right) => {
      const kinds = KIND_ORDER.indexOf(left.instrument.kind) - KIND_ORDER.indexOf(right.instrument.kind);
      return kinds || (left.instrument.symbol < right.instrument.symbol ? -1 : 1);
    })
    .map((holding) => positionAnswer(view, assets, holding));
}

/** One position by symbol (coins without slash) or asset id; 404 where nothing is held. */
export function onePositionAnswer(view: View, assets: AssetBook, name: string): Record<string, unknown> {
  const found = positionsAnswer(view, assets).find(
    (position) => position['symbol'] === name || position['asset_id'] === name,
  );
  if (found === undefined) throw new AlpacaError(404, 40410000, 'position does not exist');
  return found;
}

function positionAnswer(view: View, assets: AssetBook, holding: Holding): Record<string, unknown> {
  const { instrument, quantity, averagePrice } = holding;
  const price = view.market.price(instrument, view.now);
  const lastDay = view.market.previousClose(instrument, view.now);
  const value = valueOf(holding, price);
  const cost = valueOf(holding, averagePrice);
  const gain = value.minus(cost);
  // A position opened today counts its day from its entry, an older one from the last close.
  const base = openedToday(view, holding) ? cost : valueOf(holding, lastDay);
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
    qty_available: text(availableOf(view, holding)),
  };
}

function openedToday(view: View, holding: Holding): boolean {
  const midnight = zonedInstant(newYorkDate(view.now), '00:00', NEW_YORK);
  return !view.account.entries.some(
    (entry) =>
      entry.instrument?.id === holding.instrument.id &&
      entry.status === 'ok' &&
      compareInstants(entry.at, midnight) < 0,
  );
}

/** The quantity that no open order is about to close. */
function availableOf(view: View, holding: Holding): Decimal {
  let rest = holding.quantity;
  for (const order of view.orders) {
    if (order.instrument?.id !== holding.instrument.id || !isWorking(view.account, order)) continue;
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
