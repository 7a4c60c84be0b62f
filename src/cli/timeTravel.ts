/** `--as-of T` and `--known-at K`: the book at a moment, as it is known today or as it was known then. */
import { TruebookError } from '../domain/errors.ts';
import { NEW_YORK, tryParseInstant, tryParseTradeDate, zonedInstant, type Instant } from '../domain/time.ts';

export interface TimeTravelOptions {
  readonly asOf?: string;
  readonly knownAt?: string;
}

/**
 * What the options say; empty = the book as it stands. A day means its very end in New York,
 * with what is only dated. Throws `usage`.
 */
export function whenOf(options: TimeTravelOptions): { asOf?: Instant; knownAt?: Instant } {
  return {
    ...(options.asOf === undefined ? {} : { asOf: instantOf('--as-of', options.asOf) }),
    ...(options.knownAt === undefined ? {} : { knownAt: instantOf('--known-at', options.knownAt) }),
  };
}

function instantOf(option: string, text: string): Instant {
  const day = tryParseTradeDate(text);
  if (day !== null) return zonedInstant(day, '23:59:59', NEW_YORK);
  const instant = tryParseInstant(text);
  if (instant !== null) return instant;
  throw new TruebookError('usage', `${option} ${text.slice(0, 40)} is no time.`, {
    hint: 'Write an instant such as 2025-08-21T19:45:07Z, or a day such as 2025-08-21 for its end in New York.',
  });
}
