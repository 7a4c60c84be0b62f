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
  | 'spinoff'
  | 'merger'
  | 'cash_in_lieu'
  | 'transfer';

export type Side = 'buy' | 'sell';

/** When the broker lists what happened: at once, at 04:30 New York of the next day, or not at all. */
export type Publish = 'now' | 'next-day' | 'never';

/** What only an execution has. `remaining`, `filledSoFar` are of its order, right after it. */
export interface FillFacts {
  readonly side: Side;
  /** True where a sale opens or increases a short position. */
  readonly opensShort: boolean;
  readonly orderId: string;
  readonly remaining: Decimal;
  readonly filledSoFar: Decimal;
}

/**
 * What a corporate action's row is: the old holding going and coming (`remove`, `add`), shares of a spun-off company
 * (`new`), the money of a merger (`money`), cash for a fraction (`cash`).
 */
export type LegName = 'remove' | 'add' | 'new' | 'money' | 'cash';

export interface ActionLeg {
  readonly of: CorporateAction;
  readonly leg: LegName;
  /** Identity of the instrument that was held before. */
  readonly key: string;
  /** Signed quantity that was held, and what it turned into. */
  readonly held: Decimal;
  readonly becomes: Decimal;
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

/** A split, rename, spin-off or merger, for all accounts that hold the symbol at its time. */
export interface CorporateAction {
  readonly id: string;
  readonly serial: number;
  readonly at: Instant;
  /** When its rows are listed; null = never. Positions follow at `at`. */
  readonly publishedAt: Instant | null;
  readonly kind: 'split' | 'rename' | 'spinoff' | 'merger';
  readonly symbol: string;
  /** The new name; of a split, the same; the spun-off company; the acquirer, null where a merger gives no shares. */
  readonly to: string | null;
  /** Shares that `oldShares` of the old ones become or, in a spin-off, are given. Zero in a merger for cash alone. */
  readonly newShares: Decimal;
  readonly oldShares: Decimal;
  /** Of a merger, per old share; else null. */
  readonly cashPerShare: Decimal | null;
  /** Of a spin-off: the part of the cost that goes to the new shares; null where the broker has not worked it out. */
  readonly basisFraction: Decimal | null;
  /** Paid to each account instead of its fraction of a share; null keeps fractions. */
  readonly cashInLieu: Decimal | null;
  /** When `cashInLieu` is paid and listed. */
  readonly cashAt: Instant;
}

/** What one adjusted option contract delivers, where the standard 100 shares no longer hold. */
export interface AdjustedContract {
  readonly symbol: string;
  readonly underlying: string;
  readonly shares: Decimal;
  /** What it delivers besides: shares of a spun-off company, dollars of a merger. */
  readonly others: readonly { readonly symbol: string; readonly amount: Decimal }[];
}
