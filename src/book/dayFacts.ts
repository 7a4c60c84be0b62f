/** What the lines of a day proof share: the day's rows, which kinds do what, and how a close counts. */
import { type Activity, type ActivityKind } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import { type LotClosure } from '../domain/lot.ts';
import { type DayComponent, type DayFacts, type DoubtReason } from './dayProof.ts';

/** What a day is worked out of, narrowed to its currency. */
export interface Day {
  readonly facts: DayFacts;
  readonly activities: readonly Activity[];
  readonly closures: readonly LotClosure[];
  readonly doubt: (component: DayComponent, reason: DoubtReason, instrument?: InstrumentId | null) => null;
}

/** Kinds whose rows exchange units for other units: a mark of the day before is then per unit of another size. */
export const EXCHANGE_KINDS: ReadonlySet<ActivityKind> = new Set([
  'split',
  'rename',
  'option_corporate_action',
  'spinoff',
  'merger',
  'reorganization',
  'stock_dividend',
]);

/** Kinds whose money may be more than what lots and closures account for; the rest is income as it was booked. */
export const PARTLY_ACCOUNTED_KINDS: ReadonlySet<ActivityKind> = new Set([
  ...EXCHANGE_KINDS,
  'cash_in_lieu',
  'return_of_capital',
  'option_expiry',
  'option_assignment',
  'option_exercise',
  'option_delivery',
  // A type nobody documents: its money counts, and it is neither a deposit nor a trade of ours.
  'other',
]);

/** What a close moved in cash: what a sale brought in, or what buying a short back took. */
export function cashOfClosure({ kind, direction, proceeds, cost, realized }: LotClosure): Decimal | null {
  if (kind === 'fee') return realized;
  return direction === 'long' ? proceeds : (cost?.negate() ?? null);
}

/** Cash in lieu for which no fraction waited: income, because no units left. */
export function isMoneyAlone({ lotId, quantity, realized }: LotClosure): boolean {
  return realized === null && quantity.isZero() && lotId.startsWith(UNKNOWN_LOT);
}

/** How the lot of a close begins where the book has no lot that its units could come from. */
export const UNKNOWN_LOT = 'unknown:';

/** What the valuation loses with a close: the cost of a long lot, or minus what a short one had brought in. */
export function carriedCost({ direction, cost, proceeds }: LotClosure): Decimal | null {
  return direction === 'long' ? cost : (proceeds?.negate() ?? null);
}

/** Null where any of them is. */
export function sumOf(values: readonly (Decimal | null)[]): Decimal | null {
  let total = Decimal.zero;
  for (const value of values) {
    if (value === null) return null;
    total = total.plus(value);
  }
  return total;
}
