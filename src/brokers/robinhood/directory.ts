/**
 * What Robinhood's ids mean: instruments, option contracts, currency pairs. Terms never change once read, so they are
 * kept for as long as the client lives; a stock's ticker is read again when a position shows another one. An id that
 * Robinhood did not know is not kept: it is asked for again.
 */
import { Decimal } from '../../domain/decimal.ts';
import {
  crypto,
  equity,
  type Instrument,
  isAdjustedRoot,
  option,
  type OptionRight,
  printOcc,
} from '../../domain/instrument.ts';
import { type TradeDate } from '../../domain/time.ts';
import { HOME } from './mapped.ts';

/** A contract by Robinhood's id. */
export interface Contract {
  readonly occ: string;
  readonly isAdjusted: boolean;
  readonly chainId: string | null;
}

/** What a chain says of all its contracts. */
export interface Chain {
  readonly multiplier: Decimal | null;
  readonly underlying: string | null;
}

export interface Directory {
  /** Instrument id -> ticker. */
  readonly stocks: Map<string, string>;
  readonly contracts: Map<string, Contract>;
  /** Contract id -> multiplier, as rows of positions and orders state it. */
  readonly multipliers: Map<string, Decimal>;
  readonly chains: Map<string, Chain>;
  /** Currency pair id -> `BTC/USD`. */
  readonly pairs: Map<string, string>;
  /** Option position id -> its side, which never changes: the only place that tells which side expired. */
  readonly optionSides: Map<string, 'long' | 'short'>;
}

export function createDirectory(): Directory {
  return {
    stocks: new Map(),
    contracts: new Map(),
    multipliers: new Map(),
    chains: new Map(),
    pairs: new Map(),
    optionSides: new Map(),
  };
}

/** Null for an id nobody has explained. */
export function stockOf(directory: Directory, id: string | null): Instrument | null {
  const symbol = id === null ? undefined : directory.stocks.get(id);
  return symbol === undefined ? null : equity(symbol, HOME);
}

export interface KnownContract {
  readonly instrument: Instrument;
  /** False for an adjusted contract whose multiplier nobody told: money must not be worked out from it. */
  readonly multiplierKnown: boolean;
}

/** The contract behind an id, null for one nobody has explained. A multiplier is what a row or the chain states. */
export function contractOf(directory: Directory, id: string | null): KnownContract | null {
  const contract = id === null ? undefined : directory.contracts.get(id);
  if (id === null || contract === undefined) return null;
  const chain = contract.chainId === null ? undefined : directory.chains.get(contract.chainId);
  const multiplier = directory.multipliers.get(id) ?? chain?.multiplier ?? null;
  const underlying = contract.isAdjusted ? (chain?.underlying ?? null) : null;
  const details = {
    currency: HOME,
    ...(multiplier === null ? {} : { multiplier }),
    ...(underlying === null ? {} : { underlying }),
  };
  return {
    instrument: option(contract.occ, details),
    multiplierKnown: multiplier !== null || !contract.isAdjusted,
  };
}

export function pairOf(directory: Directory, id: string | null): Instrument | null {
  const pair = id === null ? undefined : directory.pairs.get(id);
  return pair === undefined ? null : crypto(pair);
}

export interface ContractWords {
  readonly chainId: string | null;
  readonly chainSymbol: string;
  readonly expiry: TradeDate;
  readonly strike: Decimal;
  readonly right: OptionRight;
}

/**
 * A contract from its terms, null where they make no OCC symbol. A chain of adjusted contracts is named with the digit
 * in front (`1AAPL`, robinhood.md 4.3), an OCC root has it behind: the root is OCC's.
 */
export function contractFrom(words: ContractWords): Contract | null {
  const [, digits = '', letters = ''] = /^(\d*)(.*)$/.exec(words.chainSymbol) ?? [];
  const root = `${letters}${digits}`;
  if (!/^[A-Z][A-Z0-9.]{0,5}$/.test(root) || words.strike.sign() <= 0) return null;
  if (!words.strike.round(3).equals(words.strike) || words.strike.compare(STRIKE_END) >= 0) return null;
  const occ = printOcc({ root, expiry: words.expiry, right: words.right, strike: words.strike });
  return { occ, isAdjusted: isAdjustedRoot(root), chainId: words.chainId };
}

/** An OCC symbol has room for five digits before the point. */
const STRIKE_END = Decimal.ofInteger(100_000);
