/**
 * Robinhood's shapes as they come over the wire, validated: accounts, stocks, lists, errors. The API is private and
 * undocumented; what is known of it is what public clients read (robinhood.md, gathered 2026-11). Only what we need is
 * required; everything else may be absent, null or new. Numbers are text here (`parseExactJson`), so the integer
 * `rhs_account_number` of one host and the string of another are the same.
 */
import { z } from 'zod';
import { decimal, instant, optional, optionalDecimal, symbol, text } from '../wireWords.ts';

/** A UUID nearly always, but nothing promises that: what may stand in a path. */
export const id = z.string().regex(/^[0-9A-Za-z_-]{1,64}$/, 'not an id');

/** Account numbers are letters and digits (`5QA10001`). */
export const accountNumber = z.string().regex(/^[0-9A-Za-z]{4,32}$/, 'not an account number');

/** `{"amount": "1.00", "currency_code": "USD", "currency_id": ...}` (robinhood.md 2.4). */
export const wireMoney = z.looseObject({ amount: decimal, currency_code: optional(text) });

const flag = z.boolean().nullish();

// ---- lists and errors (robinhood.md 0, 1.6) ---------------------------------------------------------------------

/** `next` is an absolute address. Rows may be null where an id was unknown or has expired. */
export const wireList = z.looseObject({ results: z.array(z.unknown()), next: optional(text) });

/** The words of an error; only people read them, except for the seconds of a throttling. */
export const wireError = z.looseObject({
  detail: optional(z.string()),
  error: optional(z.string()),
  non_field_errors: z.array(z.string()).nullish(),
});

// ---- accounts (2) -----------------------------------------------------------------------------------------------

/** Identity and state: without them the answer is no account. Figures are read one by one, see `accountFigures`. */
export const wireAccount = z.looseObject({
  account_number: accountNumber,
  rhs_account_number: optional(text),
  brokerage_account_type: optional(text),
  state: optional(text),
  is_default: flag,
});
export type WireAccount = z.infer<typeof wireAccount>;

/** Figures of the account; each may be missing or unreadable without harm to the others. */
export const accountFigures = { portfolio_cash: optional(decimal), buying_power: optional(decimal) } as const;

/** Flags that close the gate when true. */
export const RESTRICTION_FLAGS = [
  'deactivated',
  'permanently_deactivated',
  'locked',
  'only_position_closing_trades',
  'deposit_halted',
  'withdrawal_halted',
] as const;

/** Words that close the gate unless they are `none`. */
export const RESTRICTION_LOCKS = ['equity_trading_lock', 'option_trading_lock'] as const;

/** Stocks, funds and options without coins; the figures have four digits (2.3). */
export const wirePortfolio = z.looseObject({
  account: text,
  market_value: optional(decimal),
  equity: optional(decimal),
});
export type WirePortfolio = z.infer<typeof wirePortfolio>;

/** The account as the app shows it, coins included, in whole cents (2.4). */
export const wireUnified = z.looseObject({
  account_number: accountNumber,
  rhs_account_number: optional(text),
  brokerage_account_type: optional(text),
  total_equity: optional(wireMoney),
  crypto: optional(z.looseObject({ equity: optional(wireMoney), market_value: optional(wireMoney) })),
});
export type WireUnified = z.infer<typeof wireUnified>;

// ---- stocks (3) -------------------------------------------------------------------------------------------------

export const wireStockPosition = z.looseObject({
  instrument_id: optional(id),
  instrument: optional(text),
  symbol: optional(symbol),
  type: optional(text),
  quantity: decimal,
  average_buy_price: optionalDecimal,
  clearing_average_cost: optionalDecimal,
  clearing_cost_basis: optionalDecimal,
  clearing_running_quantity: optionalDecimal,
  clearing_direction: optional(text),
});
export type WireStockPosition = z.infer<typeof wireStockPosition>;

export const wireInstrument = z.looseObject({ id, symbol, type: optional(text), state: optional(text) });
export type WireInstrument = z.infer<typeof wireInstrument>;

export const wireStockQuote = z.looseObject({
  instrument_id: optional(id),
  instrument: optional(text),
  last_trade_price: optionalDecimal,
  venue_last_trade_time: optional(instant),
  last_extended_hours_trade_price: optionalDecimal,
  last_non_reg_trade_price: optionalDecimal,
  venue_last_non_reg_trade_time: optional(instant),
  updated_at: optional(instant),
});
export type WireStockQuote = z.infer<typeof wireStockQuote>;

/** Lots as the clearing house keeps them, where an account has them (3, "tax lots"). */
export const wireTaxLot = z.looseObject({
  open_lot_id: id,
  account_number: accountNumber,
  instrument_id: id,
  order_id: optional(id),
  quantity: decimal,
  tax_cost_basis: optional(decimal),
  open_date: optional(text),
});
