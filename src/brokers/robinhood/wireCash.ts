/** What moves cash or shares without an order, as it comes over the wire, validated (robinhood.md 7). */
import { z } from 'zod';
import { day, decimal, instant, optional, optionalDecimal, text } from '../wireWords.ts';
import { id, wireMoney } from './wire.ts';

export const wireDividend = z.looseObject({
  id,
  instrument: text,
  state: text,
  amount: decimal,
  gross_amount: optionalDecimal,
  fee: optionalDecimal,
  withholding: optionalDecimal,
  nra_withholding: optionalDecimal,
  rate: optionalDecimal,
  position: optionalDecimal,
  payable_date: optional(day),
  paid_at: optional(instant),
});
export type WireDividend = z.infer<typeof wireDividend>;

/** Every key but these five is optional in what public clients saw. */
export const wireAchTransfer = z.looseObject({
  id,
  amount: decimal,
  direction: text,
  state: text,
  created_at: instant,
  updated_at: optional(instant),
  expected_landing_date: optional(day),
  fees: optionalDecimal,
});
export type WireAchTransfer = z.infer<typeof wireAchTransfer>;

export const wireUnifiedTransfer = z.looseObject({
  id,
  transfer_type: text,
  amount: decimal,
  currency: optional(text),
  direction: optional(text),
  state: text,
  originating_account_id: optional(text),
  originating_account_type: optional(text),
  receiving_account_id: optional(text),
  receiving_account_type: optional(text),
  service_fee: optional(z.looseObject({ total_fee: optionalDecimal })),
  description: optional(z.string()),
  created_at: instant,
  completed_at: optional(instant),
});
export type WireUnifiedTransfer = z.infer<typeof wireUnifiedTransfer>;

/** Interest on swept cash. */
export const wireSweep = z.looseObject({
  id,
  amount: wireMoney,
  direction: text,
  pay_date: day,
  payout_type: optional(text),
  reason: optional(text),
});
export type WireSweep = z.infer<typeof wireSweep>;

export const wireStockLoanPayment = z.looseObject({
  id,
  amount: wireMoney,
  created_at: instant,
  description: optional(z.string()),
  instrument_id: optional(id),
});
export type WireStockLoanPayment = z.infer<typeof wireStockLoanPayment>;

export const wireMarginInterest = z.looseObject({ id, amount: decimal, billing_due_date: day });
export type WireMarginInterest = z.infer<typeof wireMarginInterest>;

export const wireSubscriptionFee = z.looseObject({
  id,
  amount: decimal,
  credit: optionalDecimal,
  date: day,
  state: text,
  created_at: optional(instant),
  refunds: optional(z.array(z.unknown())),
});
export type WireSubscriptionFee = z.infer<typeof wireSubscriptionFee>;

export const wireAdrFee = z.looseObject({
  id,
  amount: wireMoney,
  instrument: optional(text),
  paid_at: optional(instant),
  state: text,
});
export type WireAdrFee = z.infer<typeof wireAdrFee>;

export const wireSplitPayment = z.looseObject({
  id,
  state: text,
  old_shares: decimal,
  new_shares: decimal,
  fractional_remainder: optionalDecimal,
  paid_at: optional(instant),
  split: z.looseObject({
    multiplier: optionalDecimal,
    divisor: optionalDecimal,
    effective_date: day,
    old_instrument_id: id,
    new_instrument_id: id,
  }),
});
export type WireSplitPayment = z.infer<typeof wireSplitPayment>;
