/**
 * Snapshots: what a broker says at one moment. "Snapshot" is the broker's word, "book" is ours; the two are compared
 * and never swapped.
 */
import { type Decimal } from './decimal.ts';
import { type TruebookError } from './errors.ts';
import { type Instrument } from './instrument.ts';
import { type Currency } from './money.ts';
import { type Instant } from './time.ts';

/** One position as the broker states it. */
export interface SnapshotPosition {
  readonly instrument: Instrument;
  /** Signed: negative for shorts, whatever the wire does. Never zero except as a pushed statement of flat. */
  readonly quantity: Decimal;
  /** The broker's own average, per unit (premium per share for options). */
  readonly averageCost: Decimal | null;
  /** Per unit; null = unpriced, never zero. */
  readonly mark: Decimal | null;
  readonly markAsOf: Instant | null;
  /** The broker's own figures, kept beside ours. */
  readonly marketValue: Decimal | null;
  readonly unrealizedPnl: Decimal | null;
  /** The broker's id of the instrument, for aliases. */
  readonly brokerInstrumentId: string | null;
}

/** Balances of one currency. */
export interface SnapshotBalance {
  readonly currency: Currency;
  readonly equity: Decimal | null;
  readonly cash: Decimal | null;
  readonly buyingPower: Decimal | null;
  readonly longMarketValue: Decimal | null;
  /** Zero or negative. */
  readonly shortMarketValue: Decimal | null;
}

export interface Greeks {
  readonly delta: Decimal | null;
  readonly gamma: Decimal | null;
  readonly theta: Decimal | null;
  readonly vega: Decimal | null;
  readonly rho: Decimal | null;
  /** Implied volatility as a fraction: 0.19 is 19 %. */
  readonly iv: Decimal | null;
}

/** Market data of one instrument: a mark, and Greeks for options. */
export interface Quote {
  readonly instrument: Instrument;
  readonly mark: Decimal | null;
  readonly markAsOf: Instant | null;
  readonly greeks: Greeks | null;
  readonly greeksAsOf: Instant | null;
}

/** An order as far as it says who placed a trade. */
export interface OrderReference {
  readonly orderId: string;
  /** Of the order, or of its parent for the legs of a combination. */
  readonly clientOrderId: string | null;
  readonly parentOrderId: string | null;
}

/**
 * How far an order has come, by the broker's own list of orders. An order shows an execution at once, also one whose
 * activity is published later: so it proves a trade that the activities do not have yet.
 */
export interface OrderProgress extends OrderReference {
  readonly instrument: Instrument;
  readonly side: 'buy' | 'sell';
  /** Units ordered; null for an order given in money. */
  readonly quantity: Decimal | null;
  /** Units executed so far, never negative. */
  readonly filled: Decimal;
  /** Average price per unit of what was executed; null while nothing was. */
  readonly averagePrice: Decimal | null;
  readonly submittedAt: Instant;
  /** When it last changed, by the broker's clock; null where the broker does not say. */
  readonly updatedAt: Instant | null;
}

/** The bytes behind a read: hash, where from, when. The body is redacted before it comes here. */
export interface Payload {
  readonly sha256: string;
  /** `account`, `positions`, `activities`, ... */
  readonly resource: string;
  /** HTTP status. */
  readonly status: number;
  /** Path with query, never a credential. */
  readonly path: string;
  readonly requestId: string | null;
  readonly startedAt: Instant;
  readonly receivedAt: Instant;
  readonly body: string;
}

/** A row that could not be understood: kept whole, counted nowhere. */
export interface QuarantinedRow {
  readonly resource: string;
  /** Path to the offending value, e.g. `activities[17].qty`. */
  readonly path: string;
  readonly reason: string;
  /** The row as JSON text, redacted. */
  readonly row: string;
  readonly payloadSha256: string | null;
}

export interface Evidence {
  readonly payloads: readonly Payload[];
  readonly quarantined: readonly QuarantinedRow[];
}

/**
 * The answer to a read. Only a parser that saw a well-formed success body may build `complete`; an empty list from an
 * error page is `incomplete` by construction, so absence can never be made up.
 */
export type Read<Rows> = CompleteRead<Rows> | IncompleteRead<Rows>;

export interface CompleteRead<Rows> {
  readonly kind: 'complete';
  readonly rows: Rows;
  /** The broker's own stamp where it has one, else the start of the request: never its end. */
  readonly asOf: Instant;
  /** Clock readings at the start of the request, for ages that survive clock jumps. */
  readonly startedMonoMs: number;
  readonly startedAt: Instant;
  readonly evidence: Evidence;
}

export interface IncompleteRead<Rows> {
  readonly kind: 'incomplete';
  /** A short word for logs and `why`, e.g. `not_json`, `http_503`, `page_repeated`, `known_id_absent`. */
  readonly reason: string;
  readonly error: TruebookError;
  /** Rows that were understood before it broke off: good for the ledger, proof of nothing. */
  readonly partialRows: Rows | null;
  readonly startedAt: Instant;
  readonly evidence: Evidence;
}
