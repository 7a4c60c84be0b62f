/**
 * The nouns of the sandbox's truth: entries (everything that ever moved a position or money), orders, accounts and
 * corporate actions. All are values: a change makes a new one, so an older state can be kept by keeping a reference.
 */
import { type Decimal } from '../domain/decimal.ts';
import { type Instrument } from '../domain/instrument.ts';
import { type Instant } from '../domain/time.ts';

export type EntryKind =
  | 'fill'
  | 'deposit'
  | 'withdrawal'
  | 'funding'
  | 'dividend'
  | 'interest'
  | 'fee'
  | 'coin_fee'
  | 'expire'
  | 'assign'
  | 'exercise'
  | 'delivery'
  | 'split'
  | 'rename'
  | 'cash_in_lieu'
  | 'transfer';

export type Side = 'buy' | 'sell';

/** What only an execution has. `remaining`, `filledSoFar` are of its order, right after it. */
export interface FillFacts {
  readonly side: Side;
  /** True where a sale opens or increases a short position. */
  readonly opensShort: boolean;
  readonly orderId: string;
  readonly remaining: Decimal;
  readonly filledSoFar: Decimal;
}

export interface ActionLeg {
  readonly id: string;
  readonly leg: 'remove' | 'add' | 'cash';
  /** Identity of the instrument that was held before. */
  readonly key: string;
  /** False for a reverse split. */
  readonly forward: boolean;
}

export interface Entry {
  /** Order of booking; entries of one instant fold in this order. */
  readonly serial: number;
  readonly uuid: string;
  readonly kind: EntryKind;
  /** When it happened, and when it begins to count: fees wait for the end of the day. At most microseconds. */
  readonly at: Instant;
  /** When the broker begins to list it; null = never. */
  readonly publishedAt: Instant | null;
  readonly instrument: Instrument | null;
  /** Signed change of the position: shares, contracts or coins. Zero where none moves. */
  readonly quantity: Decimal;
  /** Per share, coin, or share of an option's premium; null where the event has none. */
  readonly price: Decimal | null;
  /** Signed change of cash in the account's currency. */
  readonly amount: Decimal;
  readonly status: 'ok' | 'bust';
  /** Entries that belong to one event: both legs of a split, an assignment and its shares. */
  readonly group: string | null;
  readonly fill: FillFacts | null;
  /** The corporate action that made it, which of its legs it is, and of which holding. */
  readonly action: ActionLeg | null;
  /** The position it speaks of without moving it: shares that earned a dividend. */
  readonly entitled: Decimal | null;
}

export interface Order {
  readonly id: string;
  /** What a person called it in a control call; an order is found by this or by its id. */
  readonly label: string;
  readonly clientOrderId: string;
  /** Null for the parent of a multi-leg order. */
  readonly instrument: Instrument | null;
  readonly side: Side;
  readonly quantity: Decimal;
  /** Where the order was given in dollars instead of shares. */
  readonly notional: Decimal | null;
  readonly type: 'market' | 'limit';
  readonly limitPrice: Decimal | null;
  readonly timeInForce: 'day' | 'gtc';
  readonly submittedAt: Instant;
  readonly canceledAt: Instant | null;
  readonly intent: 'buy_to_open' | 'buy_to_close' | 'sell_to_open' | 'sell_to_close';
  readonly parentId: string | null;
  /** Contracts per unit of the parent. */
  readonly ratio: Decimal | null;
}

export interface Account {
  /** Stable name in control calls: `alpaca-paper`. */
  readonly name: string;
  readonly broker: 'alpaca';
  readonly env: 'paper' | 'live';
  /** The broker's id and number: both change when the account is reset. */
  readonly id: string;
  readonly number: string;
  readonly createdAt: Instant;
  readonly keyId: string;
  readonly secretKey: string;
  readonly entries: readonly Entry[];
  readonly orders: readonly Order[];
}

/** A split or a rename, for all accounts that hold the symbol at its time. */
export interface CorporateAction {
  readonly id: string;
  readonly serial: number;
  readonly at: Instant;
  readonly kind: 'split' | 'rename';
  readonly symbol: string;
  /** The new name; of a split, the same. */
  readonly to: string;
  readonly newShares: Decimal;
  readonly oldShares: Decimal;
  /** Paid to each account instead of its fraction of a share; null keeps fractions. */
  readonly cashInLieu: Decimal | null;
}

/** What one adjusted option contract delivers, where the standard 100 shares no longer hold. */
export interface AdjustedContract {
  readonly symbol: string;
  readonly underlying: string;
  readonly shares: Decimal;
}
