/**
 * Plausible option prices and Greeks (Black-Scholes, no dividends). Floating point is right here and only here: this is
 * a model that invents a market, like weather; its price leaves as decimal text with two digits and is exact from then
 * on.
 */
import { Decimal } from '../domain/decimal.ts';
import { instantToMs, NEW_YORK, zonedInstant, type Instant } from '../domain/time.ts';
import { type OptionTerms } from '../domain/instrument.ts';

/** Yearly rate without risk that the model assumes. */
const RATE = 0.04;
const YEAR_MS = 365 * 86_400_000;

export interface OptionQuote {
  /** Premium per share, at least one cent before expiry, the intrinsic value after it. */
  readonly price: Decimal;
  readonly impliedVolatility: Decimal;
  /** Null where the model has no answer: expired, or so far out of the money that nothing moves. */
  readonly greeks: Readonly<Record<'delta' | 'gamma' | 'theta' | 'vega' | 'rho', Decimal>> | null;
}

/** Price and Greeks of one option. `theta` is per day, `vega` and `rho` per percentage point, as on the wire. */
export function quoteOption(
  terms: OptionTerms,
  underlying: Decimal,
  volatilityPercent: number,
  now: Instant,
): OptionQuote {
  const spot = Number.parseFloat(underlying.toString());
  const strike = Number.parseFloat(terms.strike.toString());
  const years = (instantToMs(zonedInstant(terms.expiry, '16:00', NEW_YORK)) - instantToMs(now)) / YEAR_MS;
  const skew = Math.min(0.15, Math.abs(Math.log(strike / spot)) * 0.2);
  const volatility = volatilityPercent / 100 + skew;
  const call = terms.right === 'call';
  if (years <= 0 || spot <= 0) {
    const intrinsic = Math.max(0, call ? spot - strike : strike - spot);
    return { price: decimalOf(intrinsic, 2), impliedVolatility: decimalOf(volatility, 4), greeks: null };
  }
  const spread = volatility * Math.sqrt(years);
  const d1 = (Math.log(spot / strike) + (RATE + (volatility * volatility) / 2) * years) / spread;
  const d2 = d1 - spread;
  const discount = Math.exp(-RATE * years);
  const up = call ? 1 : -1;
  const value = up * (spot * cumulative(up * d1) - strike * discount * cumulative(up * d2));
  const density = Math.exp((-d1 * d1) / 2) / Math.sqrt(2 * Math.PI);
  const decay =
    (-spot * density * volatility) / (2 * Math.sqrt(years)) -
    up * RATE * strike * discount * cumulative(up * d2);
  const price = decimalOf(Math.max(0.01, value), 2);
  return {
    price,
    impliedVolatility: decimalOf(volatility, 4),
    greeks:
      Math.abs(d1) > 4
        ? null
        : {
            delta: decimalOf(up * cumulative(up * d1), 4),
            gamma: decimalOf(density / (spot * spread), 4),
            theta: decimalOf(decay / 365, 4),
            vega: decimalOf((spot * density * Math.sqrt(years)) / 100, 4),
            rho: decimalOf((up * strike * years * discount * cumulative(up * d2)) / 100, 4),
          },
  };
}

function decimalOf(value: number, places: number): Decimal {
  return Decimal.parse(value.toFixed(places));
}

/** The standard normal distribution (Abramowitz and Stegun 26.2.17, error below 7.5e-8). */
function cumulative(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const tail =
    (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) *
    t *
    (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return x >= 0 ? 1 - tail : tail;
}
