/** Robinhood's shapes of options as they come over the wire, validated (robinhood.md 4). */
import { z } from 'zod';
import { day, decimal, instant, optional, optionalDecimal, text } from '../wireWords.ts';
import { id } from './wire.ts';

/** One row per contract and side. `average_price` is dollars per contract and negative for shorts (4.1). */
export const wireOptionPosition = z.looseObject({
  id,
  option_id: optional(id),
  option: optional(text),
  type: z.enum(['long', 'short']),
  quantity: decimal,
  average_price: optionalDecimal,
  trade_value_multiplier: optionalDecimal,
  clearing_cost_basis: optionalDecimal,
  clearing_running_quantity: optionalDecimal,
});
export type WireOptionPosition = z.infer<typeof wireOptionPosition>;

/** Terms of a contract: they never change (4.3). */
export const wireOptionInstrument = z.looseObject({
  id,
  chain_id: optional(id),
  chain_symbol: text,
  expiration_date: day,
  strike_price: decimal,
  type: z.enum(['call', 'put']),
});
export type WireOptionInstrument = z.infer<typeof wireOptionInstrument>;

/** What the contracts of a chain deliver. */
export const wireOptionChain = z.looseObject({
  id,
  symbol: text,
  trade_value_multiplier: optional(decimal),
  underlyings: optional(z.array(z.looseObject({ symbol: optional(text) }))),
});
export type WireOptionChain = z.infer<typeof wireOptionChain>;

/** Prices per share; Greeks of one long contract, null where nobody trades it (4.4). */
export const wireOptionQuote = z.looseObject({
  instrument_id: optional(id),
  instrument: optional(text),
  adjusted_mark_price: optionalDecimal,
  mark_price: optionalDecimal,
  bid_price: optionalDecimal,
  ask_price: optionalDecimal,
  updated_at: optional(instant),
  implied_volatility: optionalDecimal,
  delta: optionalDecimal,
  gamma: optionalDecimal,
  theta: optionalDecimal,
  vega: optionalDecimal,
  rho: optionalDecimal,
});
export type WireOptionQuote = z.infer<typeof wireOptionQuote>;

/** One row per strategy: for grouping only, its signs are the opposite of the rows' (4.2). */
export const wireAggregatePosition = z.looseObject({
  id,
  symbol: text,
  strategy: optional(text),
  direction: optional(text),
  quantity: decimal,
  average_open_price: optionalDecimal,
  legs: z.array(z.looseObject({ option_id: optional(id), position_type: optional(text) })),
});

const wireEquityComponent = z.looseObject({
  id: optional(id),
  instrument: optional(text),
  price: decimal,
  quantity: decimal,
  side: text,
});

/** Expiry, assignment, exercise: the only place where their shares and their money stand (7). */
export const wireOptionEvent = z.looseObject({
  id,
  type: text,
  state: text,
  direction: optional(text),
  quantity: decimal,
  option_id: optional(id),
  option: optional(text),
  position: optional(text),
  event_date: day,
  created_at: optional(instant),
  total_cash_amount: optionalDecimal,
  cash_component: z.unknown(),
  equity_components: optional(z.array(wireEquityComponent)),
});
export type WireOptionEvent = z.infer<typeof wireOptionEvent>;
export type WireEquityComponent = z.infer<typeof wireEquityComponent>;
