/**
 * What a broker promises. The sync sees only this file: an adapter folder turns a broker's wire into these reads.
 * Every method is a read; there is no verb that could place, change or cancel an order.
 */
import { type BrokerName, type AccountEnv } from '../domain/account.ts';
import { type Activity } from '../domain/activity.ts';
import { type Decimal } from '../domain/decimal.ts';
import { type Instrument } from '../domain/instrument.ts';
import { type Currency } from '../domain/money.ts';
import {
  type OrderProgress,
  type OrderReference,
  type Quote,
  type Read,
  type SnapshotBalance,
  type SnapshotPosition,
} from '../domain/snapshot.ts';
import { type Instant, type TradeDate } from '../domain/time.ts';

/** Facts about a broker that the sync asks for instead of asking for its name. */
export interface Capabilities {
  /** Whether an execution keeps its id for ever (identity), or a statement must be matched. */
  readonly stableActivityIds: boolean;
  /** How far back activities can be read; null = to the beginning. */
  readonly historyDaysMax: number | null;
  /** Whether reading activities in every run is cheap. */
  readonly activitiesEveryRun: boolean;
  /**
   * When the broker publishes what it did not publish at once (option events): New York wall-clock time on the day
   * after. Until then a difference may be `pending`, not wrong. Null = everything is published at once.
   */
  readonly latePublishing: { readonly time: string; readonly daysLater: number } | null;
  readonly greeks: boolean;
  readonly stream: boolean;
  readonly statement: boolean;
  /** Whether the balances state the total market value of the positions, so that a short list can be told. */
  readonly totalsProvePositions: boolean;
}

/** The answer for the account: identity first, then figures. */
export interface BalancesAnswer {
  /** Fingerprint of the broker's account id: equal ids give equal fingerprints, the id itself never leaves the adapter. */
  readonly accountFingerprint: string;
  /** Last four characters of the account number, for a display name; null when the broker gives none. */
  readonly accountLast4: string | null;
  readonly baseCurrency: Currency;
  readonly balances: readonly SnapshotBalance[];
  /** Restrictions the broker states (`trading_blocked`, `status LIMITED`): the gate closes on them. */
  readonly restrictions: readonly string[];
}

/** Which activities to read. */
export type ActivityWindow =
  /** Everything the broker created after this instant, newest pages included: a re-read. */
  | { readonly kind: 'since'; readonly after: Instant }
  /** The history from its beginning, oldest first, going on after `resumeAfter` (an id a page ended with), at most `pagesMax` pages. */
  | { readonly kind: 'history'; readonly resumeAfter: string | null; readonly pagesMax: number };

export interface ActivitiesAnswer {
  readonly activities: readonly Activity[];
  /** For `history`: where to go on, null when the end was reached. */
  readonly resumeAfter: string | null;
}

/** A hint that something happened: it triggers a run, it proves nothing. */
export interface Hint {
  readonly reason: 'trade_update' | 'stream_connected' | 'position_update';
  readonly orderId: string | null;
  readonly at: Instant;
}

export interface StreamStatus {
  readonly state: 'connecting' | 'live' | 'retrying' | 'refused' | 'closed';
  readonly since: Instant;
  readonly lastError: string | null;
  readonly reconnects: number;
}

export interface Watch {
  status(): StreamStatus;
  /** Closes the socket for good and resolves when it is closed. */
  close(): Promise<void>;
}

export interface MarketClock {
  /** The broker's own time. */
  readonly at: Instant;
  readonly isOpen: boolean;
  readonly nextOpen: Instant;
  readonly nextClose: Instant;
}

export interface TradingDay {
  readonly date: TradeDate;
  readonly open: Instant;
  readonly close: Instant;
}

/** Days from `from` to `to`, both included. */
export interface DayRange {
  readonly from: TradeDate;
  readonly to: TradeDate;
}

/** How the account stood at the end of a past day, as the broker says it afterwards. */
export interface EquityDay {
  readonly date: TradeDate;
  /** In the account's base currency. Never a zero that stands for "unknown": such a day is absent. */
  readonly equity: Decimal;
  /** The broker's own figure of the day, deposits included or not as its documents say; null where it states none. */
  readonly profitLoss: Decimal | null;
}

export interface Broker {
  readonly name: BrokerName;
  readonly env: AccountEnv;
  readonly capabilities: Capabilities;
  /**
   * Reads never throw for what a broker or the network does: they answer `incomplete` with a `TruebookError` inside.
   */
  readBalances(signal?: AbortSignal): Promise<Read<BalancesAnswer>>;
  readPositions(signal?: AbortSignal): Promise<Read<readonly SnapshotPosition[]>>;
  readActivities(window: ActivityWindow, signal?: AbortSignal): Promise<Read<ActivitiesAnswer>>;
  /**
   * Orders behind these order ids: recent ones in one call, the rest one by one in the given order, at most `lookupsMax`.
   * An order that was looked up and that the broker does not know is in the answer with nulls; one that
   * was not looked up is not in the answer.
   */
  readOrders(
    orderIds: readonly string[],
    signal?: AbortSignal,
    lookupsMax?: number,
  ): Promise<Read<readonly OrderReference[]>>;
  /**
   * The newest orders with what was executed of them, in one call; orders whose terms cannot be read are absent. Asked
   * for only where broker and book differ.
   */
  readOrderProgress?(signal?: AbortSignal): Promise<Read<readonly OrderProgress[]>>;
  /** Marks and Greeks, null-safe: an instrument without data is simply not in the answer. */
  readQuotes(instruments: readonly Instrument[], signal?: AbortSignal): Promise<Read<readonly Quote[]>>;
  readMarketClock(signal?: AbortSignal): Promise<Read<MarketClock>>;
  readCalendar(from: TradeDate, to: TradeDate, signal?: AbortSignal): Promise<Read<readonly TradingDay[]>>;
  /** Equity at the end of past days, oldest first; days the broker does not know are absent. */
  readEquityHistory?(range: DayRange, signal?: AbortSignal): Promise<Read<readonly EquityDay[]>>;
  /** Opens the broker's stream; `onHint` is called for every sign of life that matters. One stream per broker object. */
  watch?(onHint: (hint: Hint) => void): Watch;
  close(): Promise<void>;
}
