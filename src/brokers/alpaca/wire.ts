/**
 * Alpaca's shapes as they come over the wire, validated. Only what we need is required; everything else may be absent,
 * null or new (their own published schema is not usable as a strict validator: alpaca.md, "ten things" 6).
 * Texts come from `parseExactJson`, so numbers are text here and `5` and `"5"` are the same.
 */
import { z } from 'zod';
import { type Decimal } from '../../domain/decimal.ts';
import { type Instant } from '../../domain/time.ts';
import { day, decimal, instant, optional, optionalDecimal, symbol, text } from '../wireWords.ts';

export { firstProblem } from '../wireWords.ts';

// ---- account (alpaca.md 2.1) ------------------------------------------------------------------------------------

/** Identity and state: without these the answer is no account. Figures are read one by one, see `accountFigures`. */
export const wireAccount = z.looseObject({
  id: text,
  status: text,
  account_number: optional(text),
  currency: optional(text),
});
export type WireAccount = z.infer<typeof wireAccount>;

/** The figures of the account; each may be missing or unreadable without harm to the others. */
export const accountFigures = {
  equity: optional(decimal),
  cash: optional(decimal),
  buying_power: optional(decimal),
  long_market_value: optional(decimal),
  short_market_value: optional(decimal),
} as const;

/** Flags that close the gate when true. PDT fields are gone since 2026-07-06 and never asked for. */
export const RESTRICTION_FLAGS = [
  'trading_blocked',
  'transfers_blocked',
  'account_blocked',
  'trade_suspended_by_user',
] as const;

export const wireAccountConfigurations = z.looseObject({
  suspend_trade: z.boolean().nullish(),
  no_shorting: z.boolean().nullish(),
  fractional_trading: z.boolean().nullish(),
  max_options_trading_level: optional(z.string()),
});

// ---- positions (3) ----------------------------------------------------------------------------------------------

export const wirePosition = z.object({
  asset_id: optional(text),
  symbol,
  asset_class: text,
  qty: decimal,
  side: z.enum(['long', 'short']),
  avg_entry_price: optionalDecimal,
  cost_basis: optionalDecimal,
  market_value: optionalDecimal,
  current_price: optionalDecimal,
  unrealized_pl: optionalDecimal,
});
export type WirePosition = z.infer<typeof wirePosition>;

// ---- orders (4) -------------------------------------------------------------------------------------------------

export interface WireOrder {
  readonly id: string;
  readonly client_order_id: string | null;
  readonly order_class: string | null;
  readonly symbol: string | null;
  readonly submitted_at: Instant | null;
  readonly legs: readonly WireOrder[] | null;
}

export const wireOrder: z.ZodType<WireOrder> = z.looseObject({
  id: text,
  client_order_id: optional(text),
  order_class: optional(text),
  symbol: optional(text),
  submitted_at: optional(instant),
  get legs() {
    return optional(z.array(wireOrder));
  },
});

/** How far an order has come (4.2). A leg of a combination has no legs; a combination has neither symbol nor side. */
export interface WireOrderProgress {
  readonly id: string;
  readonly client_order_id: string | null;
  readonly symbol: string | null;
  readonly side: string | null;
  readonly qty: Decimal | null;
  readonly filled_qty: Decimal | null;
  readonly filled_avg_price: Decimal | null;
  readonly submitted_at: Instant | null;
  readonly updated_at: Instant | null;
  readonly legs: readonly WireOrderProgress[] | null;
}

export const wireOrderProgress: z.ZodType<WireOrderProgress> = z.looseObject({
  id: text,
  client_order_id: optional(text),
  symbol: optional(symbol),
  side: optional(text),
  qty: optional(decimal),
  filled_qty: optional(decimal),
  filled_avg_price: optional(decimal),
  submitted_at: optional(instant),
  updated_at: optional(instant),
  get legs() {
    return optional(z.array(wireOrderProgress));
  },
});

// ---- activities (5) ---------------------------------------------------------------------------------------------

export const wireActivityHead = z.looseObject({ id: text, activity_type: text });

/** An execution. `status` is our documented assumption for busts (`canceled`), absent otherwise. */
export const wireFill = z.looseObject({
  id: text,
  activity_type: z.literal('FILL'),
  transaction_time: instant,
  price: decimal,
  qty: decimal,
  side: text,
  symbol,
  order_id: optional(text),
  status: optional(text),
});
export type WireFill = z.infer<typeof wireFill>;

/** Everything that is not an execution ("NTA"). */
export const wireNonTrade = z.looseObject({
  id: text,
  activity_type: text,
  activity_sub_type: optional(text),
  date: day,
  created_at: optional(instant),
  net_amount: optional(decimal),
  description: optional(z.string()),
  symbol: optional(symbol),
  cusip: optional(text),
  qty: optional(decimal),
  price: optional(decimal),
  per_share_amount: optional(decimal),
  status: optional(text),
  group_id: optional(text),
  currency: optional(text),
});
export type WireNonTrade = z.infer<typeof wireNonTrade>;

// ---- terms and market data (6) ----------------------------------------------------------------------------------

export const wireOptionContract = z.looseObject({
  symbol: text,
  underlying_symbol: text,
  multiplier: decimal,
  expiration_date: optional(day),
  strike_price: optional(decimal),
  type: optional(text),
});

export const wireOptionContracts = z.looseObject({
  option_contracts: z.array(wireOptionContract),
  next_page_token: optional(text),
});

const wireSplit = z.looseObject({
  symbol: optional(text),
  new_rate: decimal,
  old_rate: decimal,
  ex_date: optional(day),
  process_date: optional(day),
});

/** Terms of splits among the corporate actions of the market data. */
export const wireSplitTerms = z.looseObject({
  corporate_actions: z.looseObject({
    forward_splits: optional(z.array(wireSplit)),
    reverse_splits: optional(z.array(wireSplit)),
  }),
});

const wireTrade = z.looseObject({ t: optional(instant), p: optional(decimal) });
const wireQuote = z.looseObject({ t: optional(instant), bp: optional(decimal), ap: optional(decimal) });

/** Every member is optional: a contract nobody trades has none. */
export const wireSnapshot = z.looseObject({
  latestTrade: optional(wireTrade),
  latestQuote: optional(wireQuote),
  impliedVolatility: optional(decimal),
  greeks: optional(
    z.looseObject({
      delta: optional(decimal),
      gamma: optional(decimal),
      theta: optional(decimal),
      vega: optional(decimal),
      rho: optional(decimal),
    }),
  ),
});
export type WireSnapshot = z.infer<typeof wireSnapshot>;

/** Options and crypto wrap their rows and may page; stocks do neither. */
export const wireSnapshotPage = z.looseObject({
  snapshots: z.record(z.string(), z.unknown()),
  next_page_token: optional(text),
});
export const wireStockSnapshots = z.record(z.string(), z.unknown());

export const wireAsset = z.looseObject({ id: text, class: text, symbol: text, status: text });

/** Seconds since 1970, as text like every number here. */
const epochSeconds = z.string().regex(/^\d{1,11}$/, 'not a time in seconds');

/** Columns of equal length; base values are not asked for, they are null or `0000-00-00` at times (6.1). */
export const wirePortfolioHistory = z.looseObject({
  timestamp: z.array(epochSeconds),
  equity: z.array(decimal.nullable()),
  profit_loss: z.array(decimal.nullable()),
  timeframe: text,
});
export type WirePortfolioHistory = z.infer<typeof wirePortfolioHistory>;

export const wireClock = z.looseObject({
  timestamp: instant,
  is_open: z.boolean(),
  next_open: instant,
  next_close: instant,
});

const wallTime = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/);
export const wireCalendarDay = z.looseObject({ date: day, open: wallTime, close: wallTime });

// ---- errors and stream (1.3, 7) ---------------------------------------------------------------------------------

/** Some errors have no code; the message may change without notice, so only people read it. */
export const wireError = z.looseObject({ message: z.string(), code: optional(z.string()) });

export const wireStreamMessage = z.looseObject({
  stream: optional(text),
  action: optional(text),
  data: z
    .looseObject({
      status: optional(text),
      action: optional(text),
      streams: z.array(z.string()).nullish(),
      event: optional(text),
      error_message: optional(z.string()),
      order: optional(z.looseObject({ id: text })),
    })
    .nullish(),
});
export type WireStreamMessage = z.infer<typeof wireStreamMessage>;
