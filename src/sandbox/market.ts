/**
 * The invented market: a price for every symbol, now and on any earlier day, out of the seed.
 *
 * On wall time prices drift every few seconds; on a manual clock they move only when the clock does, or when somebody
 * sets one. A step is a whole number of millionths, so even invented prices are exact decimals.
 */
import { Decimal, decimal } from '../domain/decimal.ts';
import { isTradingDay, previousTradingDay } from '../domain/calendar.ts';
import { type Instrument } from '../domain/instrument.ts';
import {
  addDays,
  instantFromMs,
  instantToMs,
  NEW_YORK,
  newYorkDate,
  zonedInstant,
  type Instant,
  type TradeDate,
} from '../domain/time.ts';
import { type CorporateAction } from './entries.ts';
import { LISTINGS } from './listings.ts';
import { quoteOption, type OptionQuote } from './optionModel.ts';
import { type Seeded } from './seeded.ts';

const MILLION = Decimal.ofInteger(1_000_000);

/** Part of its price that a stock loses by a spin-off of which nobody said what it is worth. */
const SPIN_OFF_SHARE = decimal('0.1');

/** How far back a price history may be asked for. */
const HISTORY_DAYS_MAX = 800;

interface Split {
  readonly symbol: string;
  readonly date: TradeDate;
  readonly newShares: Decimal;
  readonly oldShares: Decimal;
}

export class Market {
  readonly #seeded: Seeded;
  #prices = new Map<string, Decimal>();
  /** Day-end prices: recorded when a day passes, else walked backwards from the earliest known one. */
  #closes = new Map<string, Map<TradeDate, Decimal>>();
  #optionPrices = new Map<string, Decimal>();
  #splits: readonly Split[] = [];
  #newNames = new Map<string, string>();
  /** Symbols whose price stands until it is set again: held by somebody, or gone in a merger. */
  #held = new Set<string>();
  #gone = new Set<string>();

  constructor(seeded: Seeded, now: Instant) {
    this.#seeded = seeded;
    for (const listing of LISTINGS) this.know(listing.symbol, decimal(listing.price), now);
  }

  /** An independent copy: what the market looked like at this moment. */
  copy(): Market {
    const copy = new Market(this.#seeded, instantFromMs(0));
    copy.#prices = new Map(this.#prices);
    copy.#closes = new Map([...this.#closes].map(([symbol, days]) => [symbol, new Map(days)]));
    copy.#optionPrices = new Map(this.#optionPrices);
    copy.#splits = this.#splits;
    copy.#newNames = new Map(this.#newNames);
    copy.#held = new Set(this.#held);
    copy.#gone = new Set(this.#gone);
    return copy;
  }

  /** Lists a symbol at a price, unless it is listed. */
  know(symbol: string, price: Decimal, now: Instant): void {
    if (this.#prices.has(symbol) || this.#newNames.has(symbol)) return;
    this.#prices.set(symbol, price);
    this.#closes.set(symbol, new Map([[newYorkDate(now), price]]));
  }

  /** Every listed share and coin, in the order they were listed. */
  symbols(): string[] {
    return [...this.#prices.keys()];
  }

  /** The name a symbol goes by today. */
  currentName(symbol: string): string {
    let name = symbol;
    for (let next = this.#newNames.get(name); next !== undefined; next = this.#newNames.get(name))
      name = next;
    return name;
  }

  /** The name a symbol began with: what its asset id hangs on. */
  firstName(symbol: string): string {
    const olderNames = new Map([...this.#newNames].map(([from, to]) => [to, from]));
    let name = symbol;
    for (let older = olderNames.get(name); older !== undefined; older = olderNames.get(name)) name = older;
    return name;
  }

  /** Whether a merger has taken it off the market. */
  isGone(symbol: string): boolean {
    return this.#gone.has(symbol);
  }

  /**
   * Sets a price: of a share or coin by its symbol, of one option contract by its OCC symbol. An option's stands until
   * another is set; any other drifts on from it unless it is held.
   */
  setPrice(instrument: Instrument, price: Decimal, now: Instant, hold = false): void {
    if (instrument.option !== null) {
      this.#optionPrices.set(instrument.symbol, price);
      return;
    }
    this.know(instrument.symbol, price, now);
    const name = this.currentName(instrument.symbol);
    this.#prices.set(name, price);
    if (hold) this.#held.add(name);
    else this.#held.delete(name);
  }

  /** Today's price per share, coin or - for an option - per share of its premium. */
  price(instrument: Instrument, now: Instant): Decimal {
    return instrument.option === null
      ? this.#spot(instrument.symbol, now)
      : this.quote(instrument, now).price;
  }

  /** An option's price and Greeks. A price somebody set stands until another is set. */
  quote(instrument: Instrument, now: Instant): OptionQuote {
    const quote = this.#modelled(instrument, this.#spot(instrument.option!.underlying, now), now);
    const set = this.#optionPrices.get(instrument.symbol);
    return set === undefined ? quote : { ...quote, price: set };
  }

  /** The price at the end of a day; for a day without trading, of the trading day before it. */
  closeOn(instrument: Instrument, date: TradeDate): Decimal {
    const day = instrument.kind === 'crypto' || isTradingDay(date) ? date : previousTradingDay(date);
    if (instrument.option === null) return this.#closeOf(this.currentName(instrument.symbol), day);
    const set = this.#closes.get(instrument.symbol)?.get(day);
    if (set !== undefined) return set;
    const underlying = this.#closeOf(this.currentName(instrument.option.underlying), day);
    return this.#modelled(instrument, underlying, zonedInstant(day, '16:00', NEW_YORK)).price;
  }

  /** The last close before today, in today's shares: what the day's change is counted from. */
  previousClose(instrument: Instrument, now: Instant): Decimal {
    const date = previousTradingDay(newYorkDate(now));
    let close = this.closeOn(instrument, date);
    for (const split of this.#splits) {
      if (
        instrument.option === null &&
        this.currentName(instrument.symbol) === split.symbol &&
        split.date > date
      ) {
        close = close.times(split.oldShares).dividedBy(split.newShares, 4);
      }
    }
    return close;
  }

  /**
   * A split as of `now`. One that lies before the newest recorded day (the history the world begins with) leaves
   * today's price alone and raises the days before it; one of today changes today's price.
   */
  split(symbol: string, newShares: Decimal, oldShares: Decimal, now: Instant): void {
    const price = this.#spot(symbol, now);
    const days = this.#closes.get(symbol)!;
    const date = newYorkDate(now);
    const dayBefore = previousTradingDay(date);
    if ([...days.keys()].some((day) => day > date)) {
      const unadjusted = this.#closeOf(symbol, date).times(newShares).dividedBy(oldShares, 4);
      for (const day of [...days.keys()]) if (day < date) days.delete(day);
      days.set(dayBefore, unadjusted);
    } else {
      // Anchor the days before the split at the old price; from today on the new one counts.
      days.set(dayBefore, this.#closeOf(symbol, dayBefore));
      this.#prices.set(symbol, atLeastACent(price.times(oldShares).dividedBy(newShares, 4)));
      days.set(date, this.#prices.get(symbol)!);
    }
    this.#splits = [...this.#splits, { symbol, date, newShares, oldShares }];
  }

  rename(symbol: string, to: string): void {
    this.#prices.set(to, this.#prices.get(symbol)!);
    this.#closes.set(to, this.#closes.get(symbol)!);
    this.#prices.delete(symbol);
    this.#closes.delete(symbol);
    this.#splits = this.#splits.map((split) => (split.symbol === symbol ? { ...split, symbol: to } : split));
    this.#newNames.set(symbol, to);
    if (this.#held.delete(symbol)) this.#held.add(to);
  }

  /** From now on the old shares are worth what is left without the new ones; those are listed unless they were. */
  spinOff({ symbol, to, newShares, oldShares, basisFraction, at }: CorporateAction): void {
    const price = this.#spot(symbol, at);
    const share = price.times(basisFraction ?? SPIN_OFF_SHARE);
    this.know(to!, atLeastACent(share.times(oldShares).dividedBy(newShares, 4)), at);
    const given = this.#spot(to!, at).times(newShares).dividedBy(oldShares, 4);
    this.#anchor(symbol, at);
    this.#prices.set(symbol, atLeastACent(price.minus(given)));
    this.#closes.get(symbol)!.set(newYorkDate(at), this.#prices.get(symbol)!);
  }

  /** The old shares keep what is paid for them and trade no more; the acquirer is listed unless it was. */
  merge({ symbol, to, newShares, oldShares, cashPerShare, at }: CorporateAction): void {
    const price = this.#spot(symbol, at);
    const cash = cashPerShare ?? Decimal.zero;
    const ratio = newShares.dividedBy(oldShares, 9);
    if (to !== null) this.know(to, atLeastACent(price.minus(cash).dividedBy(ratio, 2)), at);
    const given = to === null ? Decimal.zero : this.#spot(to, at).times(ratio).round(4);
    this.#prices.set(symbol, atLeastACent(cash.plus(given)));
    this.#held.add(symbol);
    this.#gone.add(symbol);
  }

  /** Days before an action keep the prices they had. */
  #anchor(symbol: string, at: Instant): void {
    const dayBefore = previousTradingDay(newYorkDate(at));
    this.#closes.get(symbol)!.set(dayBefore, this.#closeOf(symbol, dayBefore));
  }

  /** Moves every price over a stretch of time, day by day, recording each day's end on the way. */
  step(fromMs: number, toMs: number): void {
    let atMs = fromMs;
    for (let days = 0; atMs < toMs && days < HISTORY_DAYS_MAX; days += 1) {
      const date = newYorkDate(instantFromMs(atMs));
      const midnightMs = instantToMs(zonedInstant(addDays(date, 1), '00:00', NEW_YORK));
      const untilMs = Math.min(toMs, midnightMs);
      this.#drift(date, untilMs - atMs);
      if (untilMs === midnightMs)
        for (const [symbol, price] of [...this.#prices, ...this.#optionPrices])
          this.#close(symbol, date, price);
      atMs = untilMs;
    }
  }

  #close(symbol: string, date: TradeDate, price: Decimal): void {
    const days = this.#closes.get(symbol);
    if (days === undefined) this.#closes.set(symbol, new Map([[date, price]]));
    else days.set(date, price);
  }

  #drift(date: TradeDate, elapsedMs: number): void {
    // Random walks spread with the root of time; a day of 24 hours by up to two percent.
    const reach = Math.max(1, Math.floor(20_000 * Math.sqrt(elapsedMs / 86_400_000)));
    for (const [symbol, price] of this.#prices) {
      if (this.#held.has(symbol) || (!symbol.includes('/') && !isTradingDay(date))) continue;
      const factor = Decimal.ofInteger(1_000_000 + this.#seeded.integer(-reach, reach));
      this.#prices.set(
        symbol,
        atLeastACent(price.times(factor).dividedBy(MILLION, price.compare(decimal('1')) < 0 ? 4 : 2)),
      );
    }
  }

  #spot(symbol: string, now: Instant): Decimal {
    const name = this.currentName(symbol);
    const price = this.#prices.get(name);
    if (price !== undefined) return price;
    const invented = Decimal.ofInteger(this.#seeded.namedInteger(`price:${name}`, 2_000, 30_000)).dividedBy(
      decimal('100'),
      2,
    );
    this.know(name, invented, now);
    return invented;
  }

  #modelled(instrument: Instrument, underlying: Decimal, now: Instant): OptionQuote {
    const name = this.currentName(instrument.option!.underlying);
    const listed = LISTINGS.find((listing) => listing.symbol === name)?.volatility;
    return quoteOption(
      instrument.option!,
      underlying,
      listed ?? this.#seeded.namedInteger(`volatility:${name}`, 18, 60),
      now,
    );
  }

  #closeOf(symbol: string, date: TradeDate): Decimal {
    const days = this.#closes.get(symbol);
    if (days === undefined) return this.#prices.get(symbol) ?? Decimal.zero;
    const known = days.get(date);
    if (known !== undefined) return known;
    const recorded = [...days.keys()].sort();
    const earliest = recorded[0]!;
    if (date > earliest) {
      const before = recorded.filter((day) => day < date).at(-1)!;
      return days.get(before)!;
    }
    let price = days.get(earliest)!;
    let day = earliest;
    for (let walked = 0; day > date && walked < HISTORY_DAYS_MAX; walked += 1) {
      day = addDays(day, -1);
      if (symbol.includes('/') || isTradingDay(day)) {
        const factor = Decimal.ofInteger(
          1_000_000 + this.#seeded.namedInteger(`${symbol}:${day}`, -14_000, 15_000),
        );
        price = atLeastACent(price.times(factor).dividedBy(MILLION, 2));
      }
      days.set(day, price);
    }
    return price;
  }
}

function atLeastACent(price: Decimal): Decimal {
  return price.compare(decimal('0.01')) < 0 ? decimal('0.01') : price;
}
