/** Assets and option contracts: brokers/alpaca.md section 6.3. Ids follow from the seed and a symbol's first name. */
import { Decimal } from '../../../domain/decimal.ts';
import { isTradingDay, previousTradingDay } from '../../../domain/calendar.ts';
import { option, parseOcc, type Instrument } from '../../../domain/instrument.ts';
import {
  addDays,
  NEW_YORK,
  newYorkDate,
  compareInstants,
  weekday,
  zonedInstant,
  type TradeDate,
} from '../../../domain/time.ts';
import { sharesOf, underlyingOf } from '../../changes.ts';
import { type AdjustedContract } from '../../entries.ts';
import { instrumentOf } from '../../instruments.ts';
import { LISTINGS } from '../../listings.ts';
import { type Market } from '../../market.ts';
import { type Seeded } from '../../seeded.ts';
import { type View } from '../../view.ts';
import { AlpacaError, queryInteger, queryList, type Answer } from './wire.ts';

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

export class AssetBook {
  readonly #seeded: Seeded;
  readonly #market: Market;

  constructor(seeded: Seeded, market: Market) {
    this.#seeded = seeded;
    this.#market = market;
  }

  /** The id of `/v2/assets` and orders. It stays over a rename; a coin's differs from the one its position shows. */
  assetId(instrument: Instrument): string {
    return this.#seeded.namedUuid(`asset:${this.#market.firstName(instrument.symbol)}`);
  }

  positionAssetId(instrument: Instrument): string {
    return instrument.kind === 'crypto'
      ? this.#seeded.namedUuid(`position asset:${instrument.symbol}`)
      : this.assetId(instrument);
  }

  exchangeOf(instrument: Instrument): string {
    if (instrument.kind === 'option') return '';
    const name = this.#market.firstName(instrument.symbol);
    return LISTINGS.find((listing) => listing.symbol === name)?.exchange ?? 'NASDAQ';
  }

  /** Nine characters that look like a CUSIP; of an option, the OCC symbol itself, as Alpaca has it. */
  cusipOf(instrument: Instrument): string {
    if (instrument.kind === 'option') return instrument.symbol;
    return this.#seeded.namedText(`cusip:${this.#market.firstName(instrument.symbol)}`, 9, '0123456789');
  }

  assets(query: URLSearchParams): Record<string, unknown>[] {
    const status = query.get('status');
    const assetClass = query.get('asset_class') ?? 'us_equity';
    const exchange = query.get('exchange');
    return this.#market
      .symbols()
      .map((symbol) => this.#asset(instrumentOf(symbol)!))
      .filter(
        (asset) =>
          asset['class'] === assetClass &&
          (status === null || status === '' || asset['status'] === status) &&
          (exchange === null || asset['exchange'] === exchange),
      );
  }

  asset(name: string): Record<string, unknown> {
    for (const symbol of this.#market.symbols()) {
      const asset = this.#asset(instrumentOf(symbol)!);
      if (asset['id'] === name || asset['symbol'] === name || symbol.replace('/', '') === name) return asset;
    }
    throw new AlpacaError(404, 40410000, `asset not found for ${name}`);
  }

  #asset(instrument: Instrument): Record<string, unknown> {
    const coin = instrument.kind === 'crypto';
    const name = this.#market.firstName(instrument.symbol);
    const common = {
      id: this.assetId(instrument),
      class: coin ? 'crypto' : 'us_equity',
      exchange: this.exchangeOf(instrument),
      symbol: instrument.symbol,
      name: LISTINGS.find((listing) => listing.symbol === name)?.name ?? `${instrument.symbol} Common Stock`,
      status: this.#market.isGone(instrument.symbol) ? 'inactive' : 'active',
      tradable: !this.#market.isGone(instrument.symbol),
      marginable: !coin,
      margin_requirement_long: coin ? '100' : '30',
      margin_requirement_short: coin ? '0' : '100',
      maintenance_margin_requirement: coin ? 100 : 30,
      shortable: !coin,
      easy_to_borrow: !coin,
      borrow_status: coin ? 'hard_to_borrow' : 'easy_to_borrow',
      fractionable: true,
      attributes: coin ? [] : ['has_options', 'fractional_eh_enabled', 'overnight_tradable'],
      cusip: null,
    };
    return coin
      ? {
          ...common,
          min_order_size: '0.000000002',
          min_trade_increment: '0.000000001',
          price_increment: '0.000000001',
        }
      : common;
  }
}

/** Every contract this account has ever had to do with, and what a listed underlying makes of any OCC symbol. */
function contractInstrument(view: View, symbol: string): Instrument | null {
  const adjusted = view.contracts.get(symbol);
  if (adjusted !== undefined) return option(symbol, { underlying: adjusted.underlying });
  const occ = parseOcc(symbol);
  if (occ === null || !view.market.symbols().includes(view.market.currentName(occ.root))) return null;
  return option(symbol);
}

function knownContracts(view: View): string[] {
  const symbols = new Set<string>(view.contracts.keys());
  for (const entry of view.account.entries)
    if (entry.instrument?.kind === 'option') symbols.add(entry.instrument.symbol);
  return [...symbols].sort();
}

export function contractsAnswer(view: View, assets: AssetBook, query: URLSearchParams): Answer {
  const today = newYorkDate(view.now);
  const dated = ['expiration_date', 'expiration_date_gte', 'expiration_date_lte'].some((name) =>
    query.has(name),
  );
  const latest = query.get('expiration_date_lte') ?? (dated ? null : addDays(nextSaturday(today), -1));
  const underlyings = queryList(query.get('underlying_symbols'));
  const limit = queryInteger('limit', query.get('limit'), 1, 10_000, 100);
  const start = queryInteger('page_token', query.get('page_token'), 0, 999_999, 0);
  const all = knownContracts(view)
    .map((symbol) => contractAnswer(view, assets, symbol))
    .filter((contract): contract is Record<string, unknown> => contract !== null)
    .filter((contract) => {
      const expiry = contract['expiration_date'] as string;
      return (
        contract['status'] === (query.get('status') ?? 'active') &&
        (underlyings.length === 0 || underlyings.includes(contract['underlying_symbol'] as string)) &&
        (latest === null || expiry <= latest) &&
        (query.get('expiration_date_gte') ?? '') <= expiry &&
        (query.get('expiration_date') ?? expiry) === expiry &&
        (query.get('type') ?? contract['type']) === contract['type'] &&
        (query.get('root_symbol') ?? contract['root_symbol']) === contract['root_symbol'] &&
        inStrikes(contract['strike_price'] as string, query)
      );
    });
  const page = all.slice(start, start + limit);
  const next = start + limit < all.length ? String(start + limit) : null;
  return { status: 200, body: { option_contracts: page, next_page_token: next } };
}

function inStrikes(strike: string, query: URLSearchParams): boolean {
  const least = Decimal.tryParse(query.get('strike_price_gte') ?? '0');
  const most = Decimal.tryParse(query.get('strike_price_lte') ?? '99999999');
  const price = Decimal.parse(strike);
  return least !== null && most !== null && price.compare(least) >= 0 && price.compare(most) <= 0;
}

/** "Next weekend": the default reach of the contracts listing. */
function nextSaturday(date: TradeDate): TradeDate {
  let day = addDays(date, 1);
  while (weekday(day) !== 6) day = addDays(day, 1);
  return day;
}

export function oneContractAnswer(view: View, assets: AssetBook, name: string): Record<string, unknown> {
  const bySymbol = contractAnswer(view, assets, name);
  if (bySymbol !== null) return bySymbol;
  for (const symbol of knownContracts(view)) {
    const contract = contractAnswer(view, assets, symbol);
    if (contract?.['id'] === name) return contract;
  }
  throw new AlpacaError(404, 40410000, `option contract ${name} not found`);
}

function contractAnswer(view: View, assets: AssetBook, symbol: string): Record<string, unknown> | null {
  const instrument = contractInstrument(view, symbol);
  const occ = parseOcc(symbol);
  if (instrument === null || occ === null) return null;
  const underlyingSymbol = view.market.currentName(underlyingOf(instrument, view.contracts));
  const underlying = instrumentOf(underlyingSymbol)!;
  const today = newYorkDate(view.now);
  const lastDay = previousTradingDay(today);
  const [year, month, day] = occ.expiry.split('-') as [string, string, string];
  const right = occ.right === 'call' ? 'Call' : 'Put';
  const shares = sharesOf(instrument, view.contracts);
  const adjusted = view.contracts.get(symbol);
  // An expired contract stays active until the evening of its last day.
  const expired = compareInstants(view.now, zonedInstant(occ.expiry, '20:00', NEW_YORK)) >= 0;
  return {
    id: assets.assetId(instrument),
    symbol,
    name: `${occ.root} ${MONTHS[Number.parseInt(month, 10) - 1]} ${day} ${year} ${occ.strike.toString()} ${right}`,
    status: expired ? 'inactive' : 'active',
    tradable: !expired && isTradingDay(occ.expiry),
    expiration_date: occ.expiry,
    root_symbol: occ.root,
    underlying_symbol: underlyingSymbol,
    underlying_asset_id: assets.assetId(underlying),
    type: occ.right,
    style: 'american',
    strike_price: occ.strike.toString(),
    multiplier: '100',
    size: shares.toString(),
    open_interest: '4127',
    open_interest_date: lastDay,
    close_price: view.market.closeOn(instrument, lastDay).toString(),
    close_price_date: lastDay,
    ...(adjusted === undefined ? {} : { deliverables: deliverablesOf(view, assets, adjusted) }),
  };
}

/** What one adjusted contract delivers; the cost goes to the first of its shares, as nobody says otherwise. */
function deliverablesOf(view: View, assets: AssetBook, contract: AdjustedContract): unknown[] {
  const shares = contract.shares.isZero() ? [] : [{ symbol: contract.underlying, amount: contract.shares }];
  return [...shares, ...contract.others].map(({ symbol, amount }, index) => {
    const cash = symbol === 'USD';
    const name = cash ? symbol : view.market.currentName(symbol);
    return {
      type: cash ? 'cash' : 'equity',
      symbol: name,
      ...(cash ? {} : { asset_id: assets.assetId(instrumentOf(name)!) }),
      amount: amount.toString(),
      allocation_percentage: index === 0 ? '100' : '0',
      settlement_type: 'T+1',
      settlement_method: 'CCC',
      delayed_settlement: false,
    };
  });
}
