/**
 * Elections: what a person (or the broker) chose about accounting, in the ledger, so that a rebuild is a function of
 * the ledger alone. The newest election of a kind and object wins where several are valid for a date.
 */
import { type Instant, type TradeDate } from './time.ts';

export const LOT_METHODS = [
  'FIFO',
  'LIFO',
  'HIFO',
  'LOFO',
  'AVERAGE',
  'SPECIFIC',
  'COMPRESSED_FIFO',
  'ZERO_BASIS_FIRST_FIFO',
] as const;
export type LotMethod = (typeof LOT_METHODS)[number];

/** `in_basis`: fees raise cost and lower proceeds; `excluded`: kept apart; `expensed`: every fee is realized at once. */
export const FEE_POLICIES = ['in_basis', 'excluded', 'expensed'] as const;
export type FeePolicy = (typeof FEE_POLICIES)[number];

export const WASH_SCOPES = ['off', 'account', 'taxpayer'] as const;
export type WashScope = (typeof WASH_SCOPES)[number];

/** How an account is taxed, as a person says. */
export const ACCOUNT_TYPES = ['taxable', 'ira', 'roth_ira', 'other'] as const;
export type AccountType = (typeof ACCOUNT_TYPES)[number];

/**
 * - `lot_method`: object = instrument id or null (whole account); choice = a `LotMethod`
 * - `fee_policy`: object null; choice = a `FeePolicy`
 * - `wash_scope`: object null; choice = a `WashScope`
 * - `account_type`: object null; choice = an `AccountType`
 * - `lot_choice`: object = root id of a closing activity; details = lot id -> quantity (the lots to close)
 * - `basis`: object = lot id; choice = total cost of the lot as it was acquired; details `{acquired: YYYY-MM-DD}`; with
 *   `{settles: root id}` total cost of what that event left open of it; of `unknown:<root id>` that of the units closed
 */
export type ElectionKind =
  'lot_method' | 'fee_policy' | 'wash_scope' | 'account_type' | 'lot_choice' | 'basis';

export interface Election {
  readonly kind: ElectionKind;
  readonly object: string | null;
  readonly choice: string;
  /** First and last trade date it is valid for; null = open. */
  readonly validFrom: TradeDate | null;
  readonly validTo: TradeDate | null;
  /** `user`, or the broker's name for its own lot assignments (those win). */
  readonly source: string;
  readonly details: Readonly<Record<string, string>>;
  /** When the ledger learned of it: what `--known-at` filters on. */
  readonly firstSeenAt: Instant;
}

/** Whether an election counts on a trade date. */
export function isValidOn({ validFrom, validTo }: Election, date: TradeDate): boolean {
  return (validFrom === null || validFrom <= date) && (validTo === null || date <= validTo);
}

/** How an account was taxed on a day: the newest `account_type` that is valid then; null where nobody said. */
export function accountTypeOn(elections: readonly Election[], date: TradeDate): AccountType | null {
  const said = elections.findLast((row) => row.kind === 'account_type' && isValidOn(row, date));
  return said === undefined ? null : (said.choice as AccountType);
}
