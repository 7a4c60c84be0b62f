/** Robinhood's shapes of crypto as they come over the wire, validated (robinhood.md 5.1). */
import { z } from 'zod';
import { decimal, instant, optional, optionalDecimal, text } from '../wireWords.ts';
import { id } from './wire.ts';

/** `rhs_account_number` is the number of the brokerage account it belongs to; its own numbers are others. */
export const wireCryptoAccount = z.looseObject({
  id,
  account_number: optional(text),
  rhs_account_number: optional(text),
  status: optional(text),
});
export type WireCryptoAccount = z.infer<typeof wireCryptoAccount>;

export const wireCurrencyPair = z.looseObject({
  id,
  asset_currency: z.looseObject({ code: text }),
  quote_currency: z.looseObject({ code: text }),
});
export type WireCurrencyPair = z.infer<typeof wireCurrencyPair>;

const wireCostBasis = z.looseObject({
  direct_cost_basis: optionalDecimal,
  direct_quantity: optionalDecimal,
  intraday_cost_basis: optionalDecimal,
  intraday_quantity: optionalDecimal,
});

/** The cost stands in a list; coins that were sent here have none. */
export const wireCryptoHolding = z.looseObject({
  id,
  account_id: id,
  currency_pair_id: optional(id),
  currency: z.looseObject({ code: text, type: optional(text) }),
  quantity: decimal,
  cost_bases: optional(z.array(wireCostBasis)),
});
export type WireCryptoHolding = z.infer<typeof wireCryptoHolding>;

export const wireForexQuote = z.looseObject({
  id,
  mark_price: optionalDecimal,
  bid_price: optionalDecimal,
  ask_price: optionalDecimal,
  updated_at: optional(instant),
});
export type WireForexQuote = z.infer<typeof wireForexQuote>;
