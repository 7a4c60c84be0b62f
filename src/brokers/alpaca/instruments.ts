/** Which instrument a symbol of Alpaca's wire means. Pure; terms of adjusted options are handed in. */
import { type Decimal } from '../../domain/decimal.ts';
import {
  crypto,
  cryptoPair,
  equity,
  type Instrument,
  isAdjustedRoot,
  option,
  otherInstrument,
  parseOcc,
} from '../../domain/instrument.ts';
import { type Currency } from '../../domain/money.ts';

/** What `/v2/options/contracts/{symbol}` says of an adjusted contract; null = Alpaca does not know it. */
export type ContractTerms = { readonly multiplier: Decimal; readonly underlying: string } | null;

export interface KnownInstrument {
  readonly instrument: Instrument;
  /** False for an adjusted option whose multiplier nobody told: money must not be worked out from it. */
  readonly multiplierKnown: boolean;
}

/** OCC symbols of adjusted contracts (root ends in a digit): their multiplier must be asked for (alpaca.md 3.1). */
export function isAdjustedOption(symbol: string): boolean {
  const occ = parseOcc(symbol);
  return occ !== null && isAdjustedRoot(occ.root);
}

/** Classes of positions whose symbols we know how to read. */
export const ASSET_CLASSES: ReadonlySet<string> = new Set(['us_equity', 'us_option', 'crypto']);

/**
 * The instrument of a position row; null when a `us_option` row has no OCC symbol or a crypto row no pair, and for a
 * class we do not know: a name of our own making would stand beside the position that the activities book.
 */
export function instrumentOfPosition(
  symbol: string,
  assetClass: string,
  currency: Currency,
  terms: ReadonlyMap<string, ContractTerms>,
): KnownInstrument | null {
  if (assetClass === 'us_equity') return { instrument: equity(symbol, currency), multiplierKnown: true };
  if (assetClass === 'us_option') return parseOcc(symbol) === null ? null : optionOf(symbol, currency, terms);
  if (assetClass === 'crypto') {
    return cryptoPair(symbol) === null ? null : { instrument: crypto(symbol), multiplierKnown: true };
  }
  return null;
}

/**
 * The instrument of an activity, which names no asset class: an OCC symbol is an option, a slash or six and more
 * letters that end in a quote currency (`BTCUSD`) are crypto, the nine characters of a CUSIP are something else, the
 * rest is a US stock - tickers have at most five letters before a dot.
 */
export function instrumentOfActivity(
  symbol: string,
  currency: Currency,
  terms: ReadonlyMap<string, ContractTerms>,
): KnownInstrument {
  if (parseOcc(symbol) !== null) return optionOf(symbol, currency, terms);
  if (isCryptoSymbol(symbol)) return { instrument: crypto(symbol), multiplierKnown: true };
  if (/^[0-9A-Z]{8}\d$/.test(symbol)) {
    return { instrument: otherInstrument('alpaca', symbol, symbol, currency), multiplierKnown: true };
  }
  return { instrument: equity(symbol, currency), multiplierKnown: true };
}

function isCryptoSymbol(symbol: string): boolean {
  const pair = cryptoPair(symbol);
  if (pair === null || pair.base === '') return false;
  return symbol.includes('/') || (/^[A-Z0-9]{6,}$/.test(symbol) && pair.base.length >= 2);
}

function optionOf(
  symbol: string,
  currency: Currency,
  terms: ReadonlyMap<string, ContractTerms>,
): KnownInstrument {
  if (!isAdjustedOption(symbol)) return { instrument: option(symbol, { currency }), multiplierKnown: true };
  const known = terms.get(symbol) ?? null;
  if (known === null) return { instrument: option(symbol, { currency }), multiplierKnown: false };
  return { instrument: option(symbol, { currency, ...known }), multiplierKnown: true };
}

/** The multiplier behind `cost_basis = quantity x average x multiplier`, where it divides exactly; else null. */
export function multiplierFromCost(
  quantity: Decimal,
  average: Decimal | null,
  cost: Decimal | null,
): Decimal | null {
  if (average === null || cost === null) return null;
  const plain = quantity.times(average).abs();
  if (plain.isZero()) return null;
  const multiplier = cost.abs().dividedBy(plain, 0);
  return multiplier.sign() > 0 && multiplier.times(plain).equals(cost.abs()) ? multiplier : null;
}
