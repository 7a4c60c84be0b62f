/** `--as-of T` and `--known-at K`: the book at a moment, as it is known today or as it was known then. */
import { type Account } from '../domain/account.ts';
import { TruebookError } from '../domain/errors.ts';
import {
  compareInstants,
  NEW_YORK,
  newYorkDate,
  tryParseInstant,
  tryParseTradeDate,
  zonedInstant,
  type Instant,
  type TradeDate,
} from '../domain/time.ts';
import { type Store } from '../store/store.ts';
import { epochOf, type When } from '../sync/asOf.ts';
import { printProblem } from './print.ts';

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

/** A span whose end lies before its start holds nothing, which would look like an answer. Throws `usage`. */
export function checkSpan(from: TradeDate, to: TradeDate): void {
  if (from <= to) return;
  throw new TruebookError('usage', `--from ${from} lies behind --to ${to}.`, {
    hint: 'Give the earlier day to --from.',
  });
}

export function isPast(when: When): boolean {
  return when.asOf !== undefined || when.knownAt !== undefined;
}

/**
 * Says on stderr why there is nothing: an account of which nothing was known yet, or in which nothing had happened. An
 * empty listing alone would look like an empty account.
 */
export async function tellBeginnings(
  store: Store,
  scope: { readonly account?: Account },
  { asOf, knownAt }: When,
): Promise<void> {
  for (const account of scope.account === undefined ? await store.accounts() : [scope.account]) {
    const { name, createdAt } = account;
    if (knownAt !== undefined && compareInstants(knownAt, createdAt) < 0) {
      printProblem(
        `${name}: nothing was known of it at ${knownAt}; it was read for the first time at ${createdAt}.`,
      );
      continue;
    }
    if (asOf === undefined) continue;
    const epoch = await epochOf(store, account, { asOf });
    const first = await store.firstTradeDate(account.id, epoch);
    if (first === null || newYorkDate(asOf) >= first) continue;
    printProblem(`${name}: nothing had happened in it by ${asOf}; its history begins on ${first}.`);
  }
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
