/**
 * Instruments and their identities (design section 11).
 *
 * Identity is text that names exactly one thing: `equity:AAPL:USD`, `option:SPY250822C00635000:USD`,
 * `future:ESZ25:USD`, `crypto:BTC/USD`, `other:<broker>:<id>`. It is built from what the instrument is, never from
 * where it was seen, so `BTCUSD` on one wire and `BTC/USD` on another meet in one position.
 */
import { Decimal } from './decimal.ts';
import { TruebookError } from './errors.ts';
import { type Currency } from './money.ts';
import { tryParseTradeDate, type TradeDate } from './time.ts';

export type InstrumentKind = 'equity' | 'option' | 'future' | 'fop' | 'forex' | 'bond' | 'crypto' | 'other';

/** The identity text, e.g. `equity:AAPL:USD`. */
export type InstrumentId = string & { readonly __instrument: never };

export type OptionRight = 'call' | 'put';

/** What an option contract says: terms, not market data. */
export interface OptionTerms {
  /** Symbol of the underlying, e.g. `SPY`; for an adjusted root (`SOXS2`) the root itself until a broker says more. */
  readonly underlying: string;
  readonly expiry: TradeDate;
  /** Price per unit of the underlying. */
  readonly strike: Decimal;
  readonly right: OptionRight;
}

export interface Instrument {
  readonly id: InstrumentId;
  readonly kind: InstrumentKind;
  /** Name shown to people: `AAPL`, an unpadded OCC symbol, `BTC/USD`. */
  readonly symbol: string;
  readonly currency: Currency;
  /** Units of the underlying per quantity 1: 100 for a standard option, 1 for shares and coins. */
  readonly multiplier: Decimal;
  readonly option: OptionTerms | null;
}

/** An OCC symbol taken apart. `root` may end in a digit: an adjusted contract (`SOXS2`), whose multiplier a broker must tell. */
export interface OccSymbol {
  readonly root: string;
  readonly expiry: TradeDate;
  readonly right: OptionRight;
  readonly strike: Decimal;
}

const OCC_TEXT = /^([A-Z0-9.]{1,6}) *(\d{2})(\d{2})(\d{2})([CP])(\d{8})$/;

/**
 * Reads an OCC option symbol, with the root padded to six (`SPY   250822C00635000`) or not. The strike is eight
 * digits in thousandths, so 2.5 and 0.001 are exact. Answers null for anything else, also for a day that does not exist.
 * Source: OCC Options Symbology Initiative.
 */
export function parseOcc(text: string): OccSymbol | null {
  const match = OCC_TEXT.exec(text.trim());
  if (match === null) return null;
  const [, root = '', year, month, day, letter, strike = ''] = match;
  const expiry = tryParseTradeDate(`20${year}-${month}-${day}`);
  if (expiry === null || !/[A-Z]/.test(root)) return null;
  return {
    root,
    expiry,
    right: letter === 'C' ? 'call' : 'put',
    strike: Decimal.parse(strike).dividedBy(Decimal.ofInteger(1000), 3),
  };
}

/**
 * Prints an OCC symbol, unpadded as brokers' wires and our screens have it, or padded to 21 characters. Throws
 * `bad_instrument` where the format has no room: a strike finer than a thousandth or above 99,999.999.
 */
export function printOcc(occ: OccSymbol, padded = false): string {
  const thousandths = occ.strike.times(Decimal.ofInteger(1000));
  const digits = thousandths.toString();
  if (digits.includes('.') || thousandths.sign() <= 0 || digits.length > 8 || !/^20\d\d-/.test(occ.expiry)) {
    throw new TruebookError(
      'bad_instrument',
      `Strike ${occ.strike.toString()} of ${occ.root} does not fit an OCC symbol.`,
      {
        hint: 'OCC strikes have at most five digits before and three behind the point.',
      },
    );
  }
  const root = padded ? occ.root.padEnd(6, ' ') : occ.root;
  const letter = occ.right === 'call' ? 'C' : 'P';
  return `${root}${occ.expiry.slice(2).replaceAll('-', '')}${letter}${digits.padStart(8, '0')}`;
}

/** Roots that end in a digit belong to contracts adjusted by a corporate action; their multiplier cannot be assumed. */
export function isAdjustedRoot(root: string): boolean {
  return /\d$/.test(root);
}

export function equity(symbol: string, currency: Currency = 'USD'): Instrument {
  return {
    id: `equity:${symbol}:${currency}` as InstrumentId,
    kind: 'equity',
    symbol,
    currency,
    multiplier: Decimal.one,
    option: null,
  };
}

/**
 * An option by its OCC symbol. `multiplier` and `underlying` come from the broker for adjusted contracts; else 100
 * and the root. Throws `bad_instrument` when the text is no OCC symbol.
 */
export function option(
  occText: string,
  details: { currency?: Currency; multiplier?: Decimal; underlying?: string } = {},
): Instrument {
  const occ = parseOcc(occText);
  if (occ === null) {
    throw new TruebookError('bad_instrument', `"${occText.slice(0, 40)}" is not an OCC option symbol.`, {
      hint: 'It should look like SPY250822C00635000: root, YYMMDD, C or P, strike in thousandths with 8 digits.',
    });
  }
  const currency = details.currency ?? 'USD';
  const symbol = printOcc(occ);
  return {
    id: `option:${symbol}:${currency}` as InstrumentId,
    kind: 'option',
    symbol,
    currency,
    multiplier: details.multiplier ?? Decimal.ofInteger(100),
    option: {
      underlying: details.underlying ?? occ.root,
      expiry: occ.expiry,
      strike: occ.strike,
      right: occ.right,
    },
  };
}

/** Currencies that crypto pairs are quoted in, longest first: what may stand behind the base in `BTCUSD`. */
const CRYPTO_QUOTES = ['USDT', 'USDC', 'USDG', 'USD', 'EUR', 'GBP', 'BTC', 'ETH'];

/** `BTC/USD` of `BTC/USD` or `BTCUSD`. Null where no known quote currency ends the text. */
export function cryptoPair(text: string): { base: string; quote: string } | null {
  const upper = text.trim().toUpperCase();
  const slash = upper.indexOf('/');
  if (slash > 0) {
    const quote = upper.slice(slash + 1);
    return quote === '' || quote.includes('/') ? null : { base: upper.slice(0, slash), quote };
  }
  const quote = CRYPTO_QUOTES.find(
    (candidate) => upper.endsWith(candidate) && upper.length > candidate.length,
  );
  return quote === undefined ? null : { base: upper.slice(0, -quote.length), quote };
}

/** A crypto pair by either spelling. Throws `bad_instrument`. */
export function crypto(text: string): Instrument {
  const pair = cryptoPair(text);
  if (pair === null) {
    throw new TruebookError('bad_instrument', `"${text.slice(0, 40)}" is not a crypto pair.`, {
      hint: 'Write it like BTC/USD or BTCUSD.',
    });
  }
  const symbol = `${pair.base}/${pair.quote}`;
  return {
    id: `crypto:${symbol}` as InstrumentId,
    kind: 'crypto',
    symbol,
    currency: pair.quote,
    multiplier: Decimal.one,
    option: null,
  };
}

/** Anything no rule covers yet, kept under the broker's own id so that it is never mixed with something else. */
export function otherInstrument(
  broker: string,
  brokerId: string,
  symbol: string,
  currency: Currency,
): Instrument {
  return {
    id: `other:${broker}:${brokerId}` as InstrumentId,
    kind: 'other',
    symbol,
    currency,
    multiplier: Decimal.one,
    option: null,
  };
}

/** Whether two say the same: the same thing under the same name and terms. */
export function sameInstrument(left: Instrument, right: Instrument): boolean {
  return (
    left.id === right.id &&
    left.kind === right.kind &&
    left.symbol === right.symbol &&
    left.currency === right.currency &&
    left.multiplier.equals(right.multiplier) &&
    sameTerms(left.option, right.option)
  );
}

function sameTerms(left: OptionTerms | null, right: OptionTerms | null): boolean {
  if (left === null || right === null) return left === right;
  return (
    left.underlying === right.underlying &&
    left.expiry === right.expiry &&
    left.right === right.right &&
    left.strike.equals(right.strike)
  );
}

/** The kind at the front of an identity. Throws `bad_instrument` for text that is no identity. */
export function kindOf(id: string): InstrumentKind {
  const kind = id.slice(0, id.indexOf(':'));
  if (!(INSTRUMENT_KINDS as readonly string[]).includes(kind)) {
    throw new TruebookError('bad_instrument', `"${id.slice(0, 60)}" is not an instrument identity.`, {
      hint: 'Identities look like equity:AAPL:USD or option:SPY250822C00635000:USD.',
    });
  }
  return kind as InstrumentKind;
}

export const INSTRUMENT_KINDS: readonly InstrumentKind[] = [
  'equity',
  'option',
  'future',
  'fop',
  'forex',
  'bond',
  'crypto',
  'other',
];
