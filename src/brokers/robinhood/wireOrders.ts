/** Robinhood's orders as they come over the wire, validated (robinhood.md 6). Executions are read one by one. */
import { z } from 'zod';
import { day, decimal, instant, optional, optionalDecimal, text } from '../wireWords.ts';
import { id } from './wire.ts';

/** What an order says of itself. States are an open set and not trusted: a cancelled order may hold executions (6.1). */
export const wireOrder = z.looseObject({
  id,
  instrument_id: optional(id),
  instrument: optional(text),
  side: text,
  ref_id: optional(text),
  updated_at: optional(instant),
  fees: optionalDecimal,
  drip_dividend_id: optional(text),
  placed_agent: optional(text),
  executions: optional(z.array(z.unknown())),
});
export type WireOrder = z.infer<typeof wireOrder>;

export const wireExecution = z.looseObject({
  id,
  price: decimal,
  quantity: decimal,
  timestamp: instant,
  rounded_notional: optionalDecimal,
  fees: optionalDecimal,
});
export type WireExecution = z.infer<typeof wireExecution>;

const wireLeg = z.looseObject({
  id: optional(id),
  option: optional(text),
  option_id: optional(id),
  side: text,
  position_effect: optional(text),
  expiration_date: optional(day),
  strike_price: optionalDecimal,
  option_type: optional(text),
  executions: optional(z.array(z.unknown())),
});
export type WireLeg = z.infer<typeof wireLeg>;

/** `premium` is per contract, `processed_premium` total dollars, `net_amount` the same after fees (6.2). */
export const wireOptionOrder = z.looseObject({
  id,
  chain_id: optional(id),
  chain_symbol: optional(text),
  ref_id: optional(text),
  updated_at: optional(instant),
  trade_value_multiplier: optionalDecimal,
  processed_premium: optionalDecimal,
  processed_premium_direction: optional(text),
  net_amount: optionalDecimal,
  net_amount_direction: optional(text),
  regulatory_fees: optionalDecimal,
  contract_fees: optionalDecimal,
  strategy: optional(text),
  legs: z.array(wireLeg),
});
export type WireOptionOrder = z.infer<typeof wireOptionOrder>;

/** Prices per share of the leg, quantities in contracts. */
export const wireOptionExecution = z.looseObject({
  id,
  price: decimal,
  quantity: decimal,
  timestamp: instant,
});
export type WireOptionExecution = z.infer<typeof wireOptionExecution>;

/** Crypto, host `nummus` (6.3). */
export const wireCryptoOrder = z.looseObject({
  id,
  currency_pair_id: id,
  side: text,
  ref_id: optional(text),
  updated_at: optional(instant),
  rounded_executed_notional: optionalDecimal,
  fees: optional(z.array(z.unknown())),
  executions: optional(z.array(z.unknown())),
});
export type WireCryptoOrder = z.infer<typeof wireCryptoOrder>;

export const wireCryptoExecution = z.looseObject({
  id,
  effective_price: decimal,
  quantity: decimal,
  notional: optionalDecimal,
  fee_ratio: optionalDecimal,
  timestamp: instant,
});
export type WireCryptoExecution = z.infer<typeof wireCryptoExecution>;
