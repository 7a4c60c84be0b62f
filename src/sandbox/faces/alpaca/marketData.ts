/** The data host: snapshots, latest quotes and trades, corporate actions (brokers/alpaca.md section 6.4). Numbers are JSON numbers. */
import { Decimal, decimal } from '../../../domain/decimal.ts';
import { previousTradingDay } from '../../../domain/calendar.ts';
import { option, parseOcc, type Instrument } from '../../../domain/instrument.ts';
import { NEW_YORK, newYorkDate, zonedInstant, type Instant, type TradeDate } from '../../../domain/time.ts';
import { underlyingOf } from '../../changes.ts';
import { type CorporateAction } from '../../entries.ts';
import { instrumentOf } from '../../instruments.ts';
import { jsonNumber } from '../../json.ts';
import { type View } from '../../view.ts';
import { AlpacaError, isForward, nanoseconds, queryInteger, queryList } from './wire.ts';

const CENT = decimal('0.01');
const NICKEL = decimal('0.05');
const SYMBOLS_MAX = 100;

export function stockSnapshots(view: View, query: URLSearchParams): Record<string, unknown> {
  return perSymbol(stocks(view, query), (stock) => stockSnapshot(view, stock));
}

export function stockQuotes(view: View, query: URLSearchParams): Record<string, unknown> {
  return { quotes: perSymbol(stocks(view, query), (stock) => stockQuote(view, stock)) };
}

export function stockTrades(view: View, query: URLSearchParams): Record<string, unknown> {
  return { trades: perSymbol(stocks(view, query), (stock) => stockTrade(view, stock)) };
}

export function oneStockSnapshot(view: View, symbol: string): Record<string, unknown> {
  const stock = stocks(view, new URLSearchParams({ symbols: symbol }))[0];
  if (stock === undefined) throw new AlpacaError(404, 40410000, `no data for ${symbol}`);
  return { symbol: stock.symbol, ...stockSnapshot(view, stock) };
}

export function cryptoSnapshots(view: View, query: URLSearchParams): Record<string, unknown> {
  return {
    snapshots: perSymbol(coins(view, query), (coin) => ({
      latestTrade: coinTrade(view, coin),
      latestQuote: coinQuote(view, coin),
      ...bars(view, coin),
    })),
  };
}

export function cryptoQuotes(view: View, query: URLSearchParams): Record<string, unknown> {
  return { quotes: perSymbol(coins(view, query), (coin) => coinQuote(view, coin)) };
}

export function cryptoTrades(view: View, query: URLSearchParams): Record<string, unknown> {
  return { trades: perSymbol(coins(view, query), (coin) => coinTrade(view, coin)) };
}

/** Snapshots by `symbols`, or of every known contract of one underlying; unknown symbols are simply missing. */
export function optionSnapshots(
  view: View,
  underlying: string | null,
  query: URLSearchParams,
): Record<string, unknown> {
  const chosen =
    underlying === null ? options(view, queryList(query.get('symbols'))) : chain(view, underlying, query);
  const limit = queryInteger('limit', query.get('limit'), 1, 1000, 100);
  const start = queryInteger('page_token', query.get('page_token'), 0, 999_999, 0);
  const next = start + limit < chosen.length ? String(start + limit) : null;
  return {
    snapshots: perSymbol(chosen.slice(start, start + limit), (one) => optionSnapshot(view, one)),
    next_page_token: next,
  };
}

export function optionQuotes(view: View, query: URLSearchParams): Record<string, unknown> {
  return {
    quotes: perSymbol(options(view, queryList(query.get('symbols'))), (one) => optionQuote(view, one)),
  };
}

export function optionTrades(view: View, query: URLSearchParams): Record<string, unknown> {
  return {
    trades: perSymbol(options(view, queryList(query.get('symbols'))), (one) => optionTrade(view, one)),
  };
}

/** `GET /v1/corporate-actions`: the terms of splits, renames, spin-offs and mergers. */
export function corporateActions(view: View, query: URLSearchParams): Record<string, unknown> {
  const wanted = queryList(query.get('symbols'));
  const groups = new Map<string, unknown[]>();
  for (const action of view.actions) {
    if (wanted.length > 0 && !wanted.includes(action.symbol) && !wanted.includes(action.to ?? '')) continue;
    const { group, terms } = termsOf(action);
    const day = newYorkDate(action.at);
    groups.set(group, [...(groups.get(group) ?? []), { id: action.id, ...terms, process_date: day }]);
  }
  return { corporate_actions: Object.fromEntries(groups), next_page_token: null };
}

function termsOf(action: CorporateAction): { group: string; terms: Record<string, unknown> } {
  const { kind, symbol, to } = action;
  const [newRate, oldRate] = [jsonNumber(action.newShares), jsonNumber(action.oldShares)];
  const exDate = newYorkDate(action.at);
  if (kind === 'rename') return { group: 'name_changes', terms: { old_symbol: symbol, new_symbol: to } };
  if (kind === 'split') {
    const group = isForward(action) ? 'forward_splits' : 'reverse_splits';
    return { group, terms: { symbol, new_rate: newRate, old_rate: oldRate, ex_date: exDate } };
  }
  if (kind === 'spinoff') {
    const terms = { source_symbol: symbol, source_rate: oldRate, new_symbol: to, new_rate: newRate };
    return { group: 'spin_offs', terms: { ...terms, ex_date: exDate } };
  }
  const cash = action.cashPerShare === null ? null : jsonNumber(action.cashPerShare);
  if (to === null) return { group: 'cash_mergers', terms: { acquiree_symbol: symbol, rate: cash } };
  const terms = {
    acquirer_symbol: to,
    acquirer_rate: newRate,
    acquiree_symbol: symbol,
    acquiree_rate: oldRate,
  };
  return cash === null
    ? { group: 'stock_mergers', terms }
    : { group: 'stock_and_cash_mergers', terms: { ...terms, cash_rate: cash } };
}

function perSymbol(
  instruments: readonly Instrument[],
  answer: (instrument: Instrument) => unknown,
): Record<string, unknown> {
  return Object.fromEntries(instruments.map((instrument) => [instrument.symbol, answer(instrument)]));
}

function asked(query: URLSearchParams): string[] {
  const symbols = queryList(query.get('symbols'));
  if (symbols.length === 0) throw new AlpacaError(400, null, 'symbols is required');
  return symbols;
}

function stocks(view: View, query: URLSearchParams): Instrument[] {
  const listed = new Set(view.market.symbols());
  const found = asked(query).map(instrumentOf);
  return found.filter((one): one is Instrument => one?.kind === 'equity' && listed.has(one.symbol));
}

function coins(view: View, query: URLSearchParams): Instrument[] {
  const listed = new Set(view.market.symbols());
  return asked(query)
    .map(instrumentOf)
    .filter((one): one is Instrument => one?.kind === 'crypto' && listed.has(one.symbol));
}

function options(view: View, symbols: readonly string[]): Instrument[] {
  if (symbols.length === 0) throw new AlpacaError(400, null, 'symbols is required');
  if (symbols.length > SYMBOLS_MAX) throw new AlpacaError(400, null, `at most ${SYMBOLS_MAX} symbols`);
  const listed = new Set(view.market.symbols());
  const today = newYorkDate(view.now);
  return symbols.flatMap((symbol) => {
    const occ = parseOcc(symbol);
    if (occ === null || occ.expiry < today) return [];
    const adjusted = view.contracts.get(symbol);
    const instrument =
      adjusted === undefined ? option(symbol) : option(symbol, { underlying: adjusted.underlying });
    return listed.has(view.market.currentName(underlyingOf(instrument, view.contracts))) ? [instrument] : [];
  });
}

function chain(view: View, underlying: string, query: URLSearchParams): Instrument[] {
  const symbols = new Set<string>(view.contracts.keys());
  for (const entry of view.account.entries)
    if (entry.instrument?.kind === 'option') symbols.add(entry.instrument.symbol);
  const of = [...symbols].sort();
  if (of.length === 0) return [];
  return of
    .flatMap((symbol) => options(view, [symbol]))
    .filter((one) => {
      const terms = one.option!;
      return (
        view.market.currentName(underlyingOf(one, view.contracts)) === underlying &&
        (query.get('type') ?? terms.right) === terms.right &&
        (query.get('expiration_date') ?? terms.expiry) === terms.expiry &&
        (query.get('expiration_date_gte') ?? '') <= terms.expiry &&
        (query.get('expiration_date_lte') ?? '9999') >= terms.expiry
      );
    });
}

function stockSnapshot(view: View, stock: Instrument): Record<string, unknown> {
  return { latestTrade: stockTrade(view, stock), latestQuote: stockQuote(view, stock), ...bars(view, stock) };
}

function stockTrade(view: View, stock: Instrument): Record<string, unknown> {
  return {
    t: nanoseconds(view.now),
    x: 'V',
    p: jsonNumber(view.market.price(stock, view.now)),
    s: 100,
    c: ['@'],
    i: 52983525,
    z: 'C',
  };
}

function stockQuote(view: View, stock: Instrument): Record<string, unknown> {
  const price = view.market.price(stock, view.now);
  return {
    t: nanoseconds(view.now),
    ax: 'V',
    ap: jsonNumber(price.plus(CENT)),
    as: 100,
    bx: 'V',
    bp: jsonNumber(price.minus(CENT)),
    bs: 200,
    c: ['R'],
    z: 'C',
  };
}

function coinTrade(view: View, coin: Instrument): Record<string, unknown> {
  return {
    t: nanoseconds(view.now),
    p: jsonNumber(view.market.price(coin, view.now)),
    s: jsonNumber(decimal('0.015')),
    tks: 'B',
    i: 884123,
  };
}

function coinQuote(view: View, coin: Instrument): Record<string, unknown> {
  const price = view.market.price(coin, view.now);
  return {
    t: nanoseconds(view.now),
    bp: jsonNumber(price.minus(NICKEL)),
    bs: jsonNumber(decimal('0.51')),
    ap: jsonNumber(price.plus(NICKEL)),
    as: jsonNumber(decimal('0.49')),
  };
}

function optionSnapshot(view: View, instrument: Instrument): Record<string, unknown> {
  const quote = view.market.quote(instrument, view.now);
  // Not computable means absent, volatility with the Greeks: every member is optional on this wire.
  const model =
    quote.greeks === null
      ? {}
      : {
          impliedVolatility: jsonNumber(quote.impliedVolatility),
          greeks: Object.fromEntries(
            Object.entries(quote.greeks).map(([name, value]) => [name, jsonNumber(value)]),
          ),
        };
  return { latestTrade: optionTrade(view, instrument), latestQuote: optionQuote(view, instrument), ...model };
}

function optionTrade(view: View, instrument: Instrument): Record<string, unknown> {
  return {
    t: nanoseconds(view.now),
    x: 'N',
    p: jsonNumber(view.market.price(instrument, view.now)),
    s: 2,
    c: 'a',
  };
}

function optionQuote(view: View, instrument: Instrument): Record<string, unknown> {
  const price = view.market.price(instrument, view.now);
  const bid = price.minus(NICKEL);
  return {
    t: nanoseconds(view.now),
    bx: 'C',
    bp: jsonNumber(bid.sign() < 0 ? Decimal.zero : bid),
    bs: 41,
    ap: jsonNumber(price.plus(NICKEL)),
    ax: 'Q',
    c: 'A',
    as: 37,
  };
}

function bars(view: View, instrument: Instrument): Record<string, unknown> {
  const today = newYorkDate(view.now);
  const price = view.market.price(instrument, view.now);
  const lastDay = previousTradingDay(today);
  const close = view.market.previousClose(instrument, view.now);
  const before = view.market.closeOn(instrument, previousTradingDay(lastDay));
  const minute = `${view.now.slice(0, 16)}:00Z` as Instant;
  return {
    minuteBar: bar(minute, price, price, 812),
    dailyBar: bar(midnight(today), close, price, 40_123_456),
    prevDailyBar: bar(midnight(lastDay), before, close, 38_123_456),
  };
}

function midnight(day: TradeDate): Instant {
  return zonedInstant(day, '00:00', NEW_YORK);
}

function bar(at: Instant, open: Decimal, close: Decimal, volume: number): Record<string, unknown> {
  const [low, high] = open.compare(close) < 0 ? [open, close] : [close, open];
  const middle = open.plus(close).dividedBy(decimal('2'), 4);
  return {
    t: at,
    o: jsonNumber(open),
    h: jsonNumber(high),
    l: jsonNumber(low),
    c: jsonNumber(close),
    v: volume,
    n: 12,
    vw: jsonNumber(middle),
  };
}
