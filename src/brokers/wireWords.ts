/**
 * Words that the wires of several brokers share, read tolerantly: "nothing" may be null, "" or absent, and numbers come
 * as text from `parseExactJson`. Every word says in its issue what was found instead.
 */
import { z } from 'zod';
import { Decimal } from '../domain/decimal.ts';
import { type Instant, type TradeDate, tryParseInstant, tryParseTradeDate } from '../domain/time.ts';

export const text = z.string().min(1);

/** A ticker, an OCC symbol, a pair, a CUSIP: letters and digits with a few signs between them. */
export const symbol = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9./_-]*$/, 'not a symbol');

/** Brokers write "nothing" as null, as "" or not at all. */
export function optional<Out>(schema: z.ZodType<Out>): z.ZodType<Out | null> {
  return z.preprocess(
    (value) => (value === '' || value === undefined ? null : value),
    schema.nullable(),
  ) as z.ZodType<Out | null>;
}

export const decimal: z.ZodType<Decimal> = z.string().transform((value, context) => {
  const parsed = Decimal.tryParse(value);
  if (parsed !== null) return parsed;
  context.addIssue({ code: 'custom', message: `"${value.slice(0, 40)}" is not a decimal number` });
  return z.NEVER;
});

/**
 * `optional(decimal)` in one step: a list of ten thousand positions holds fifty thousand of them, and each wrapper around a
 * schema costs as much as the reading.
 */
export const optionalDecimal: z.ZodType<Decimal | null> = z
  .unknown()
  .optional()
  .transform((value, context) => {
    if (value === null || value === undefined || value === '') return null;
    const parsed = typeof value === 'string' ? Decimal.tryParse(value) : null;
    if (parsed !== null) return parsed;
    const message =
      typeof value === 'string'
        ? `"${value.slice(0, 40)}" is not a decimal number`
        : `Invalid input: expected string, received ${typeof value}`;
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  });

export const instant: z.ZodType<Instant> = z.string().transform((value, context) => {
  const parsed = tryParseInstant(value);
  if (parsed !== null) return parsed;
  context.addIssue({ code: 'custom', message: `"${value.slice(0, 40)}" is not a point in time` });
  return z.NEVER;
});

/** A day; some wires write date-times where they mean days, so a time behind it is cut. */
export const day: z.ZodType<TradeDate> = z.string().transform((value, context) => {
  const parsed = tryParseTradeDate(value.slice(0, 10));
  if (parsed !== null) return parsed;
  context.addIssue({ code: 'custom', message: `"${value.slice(0, 40)}" is not a date` });
  return z.NEVER;
});

/** Path and sentence of the first thing that is wrong: `activities[17].qty: ...`. */
export function firstProblem(error: z.ZodError, at: string): { path: string; reason: string } {
  const issue = error.issues[0];
  let path = at;
  for (const part of issue?.path ?? []) path += typeof part === 'number' ? `[${part}]` : `.${String(part)}`;
  const isAbsent = issue?.code === 'invalid_type' && /received undefined/.test(issue.message);
  return { path, reason: isAbsent ? 'the field is missing' : (issue?.message ?? 'not readable') };
}
