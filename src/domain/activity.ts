/**
 * Activities: everything that ever moved a position or cash. The ledger is a list of activity revisions; positions,
 * lots and profit are worked out from it and never the other way round.
 */
import { type Decimal } from './decimal.ts';
import { type Instrument } from './instrument.ts';
import { type Currency } from './money.ts';
import { compareInstants, type Instant, type TradeDate } from './time.ts';

/**
 * What happened. Only `fill` is a trade; the rest explains positions and cash.
 * `opening` is what reachable history does not explain at first contact, `adjustment` what a person stated.
 */
export const ACTIVITY_KINDS = [
  'opening',
  'split',
  'rename',
  'option_corporate_action',
  'spinoff',
  'merger',
  'reorganization',
  'stock_dividend',
  'fill',
  'security_transfer',
  'option_expiry',
  'option_assignment',
  'option_exercise',
  'option_delivery',
  'deposit',
  'withdrawal',
  'cash_transfer',
  'dividend',
  'return_of_capital',
  'capital_gain_distribution',
  'cash_in_lieu',
  'interest',
  'fee',
  'crypto_fee',
  'tax_withheld',
  'rebate',
  'other',
  'adjustment',
] as const;

export type ActivityKind = (typeof ACTIVITY_KINDS)[number];

/** `bust`: the broker took it back. It counts nothing, its last good values stay visible. */
export type ActivityStatus = 'ok' | 'bust';

export interface Activity {
  /** Identity within the account (design section 4.4), e.g. `FILL:20250821100553694::f5929bd3-...`. */
  readonly rootId: string;
  readonly kind: ActivityKind;
  readonly status: ActivityStatus;
  /** The broker's own revision number, null where it has none: then the ledger counts. */
  readonly brokerRev: number | null;
  /** Null for pure cash. */
  readonly instrument: Instrument | null;
  /** Signed effect on the position, in units (shares, contracts, coins); zero for pure cash. */
  readonly quantity: Decimal;
  /** Per unit; for options the premium per share. Null where there is none. */
  readonly price: Decimal | null;
  /** Signed effect on cash, fees not included. Null only where the broker does not say and it cannot be worked out. */
  readonly amount: Decimal | null;
  readonly currency: Currency;
  /** Fees of this very activity, positive = paid. Null where the broker states none per activity. */
  readonly fees: Decimal | null;
  readonly feesCurrency: Currency | null;
  /** When it took effect economically. Day-only activities carry the instant that `timePrecision: 'day'` explains. */
  readonly executedAt: Instant;
  /** `day`: the broker gave a date only; `executedAt` is then the start or end of that New York day by kind. */
  readonly timePrecision: 'instant' | 'day';
  readonly tradeDate: TradeDate;
  /** When the broker created the row, where it says so: what a re-read window filters on. */
  readonly publishedAt: Instant | null;
  /** For fills: which side. Short sales are `sell`. */
  readonly side: 'buy' | 'sell' | null;
  readonly orderId: string | null;
  /** Links rows that are one event at the broker (split pair, assignment and its stock leg). */
  readonly groupId: string | null;
  /** Id as the wire shows it; a trade's `id` in listings. */
  readonly externalId: string;
  /** The broker's own type word, e.g. `OPASN` or `DIV/CDIV`. */
  readonly brokerType: string;
  readonly description: string | null;
  /** Where the row came from: a broker, a person (`user`) or our own first contact (`truebook`). */
  readonly source: string;
  /** Further terms in canonical JSON-able form (strings only), e.g. `{"basis":"broker"}` of an opening. */
  readonly details: Readonly<Record<string, string>>;
}

/** One row of the ledger: an activity as it was believed from `firstSeenAt` on. */
export interface ActivityRevision extends Activity {
  /** 0 for the first sight, +1 for each correction. */
  readonly rev: number;
  readonly firstSeenAt: Instant;
  /** Hash over the content alone (without rev and first sight): equal content = nothing new. */
  readonly contentHash: string;
}

const KIND_ORDER = new Map(ACTIVITY_KINDS.map((kind, index) => [kind, index]));

/**
 * The order in which the book applies activities: economic time, then kind (openings and corporate actions before
 * fills, option events and cash after), then identity - so that the order of arrival never matters.
 */
export function compareActivities(left: Activity, right: Activity): number {
  return (
    compareInstants(left.executedAt, right.executedAt) ||
    KIND_ORDER.get(left.kind)! - KIND_ORDER.get(right.kind)! ||
    (left.rootId < right.rootId ? -1 : left.rootId > right.rootId ? 1 : 0)
  );
}
