/**
 * What a run makes different, as a person and a program can read it: worked out from the very commit that is written (or
 * would be written: a dry run), so that the two cannot disagree. Exact text only, no instants of this machine's clock.
 */
import { type BankrollCause, type RunRecord, type SyncType } from '../store/store.ts';

export interface SyncDifference {
  readonly type: SyncType;
  /** Null: not a part of this run, or the broker states no equity. */
  readonly bankroll: BankrollDifference | null;
  /** Null: not a part of this run. In the order of symbols. */
  readonly positions: PositionsDifference | null;
  /** Null: not a part of this run. In the book's order. */
  readonly transactions: readonly TransactionDifference[] | null;
  /** Findings that open, change, close or open again. */
  readonly findings: readonly FindingDifference[];
}

export interface BankrollDifference {
  readonly currency: string;
  /** What the book had before; null = no local value. */
  readonly before: string | null;
  /** What it has afterwards; equals `before` where nothing is adjusted. */
  readonly after: string;
  readonly equity: string;
  readonly cash: string | null;
  /** |before - equity| / |before| in percent, half-even to 10 decimals; null without a local value or with 0. */
  readonly differencePct: string | null;
  readonly tolerancePct: string;
  /** Whether the difference is beyond the tolerance. */
  readonly exceeded: boolean;
  /** The entries that are booked, in order: `imported`, `opening`, `sync_adjustment`. */
  readonly entries: readonly {
    readonly kind: string;
    readonly before: string | null;
    readonly after: string;
    /** `after` less `before`. */
    readonly amount: string;
    readonly source: string;
    readonly causes: readonly BankrollCause[];
  }[];
}

export interface PositionsDifference {
  /** Rows of the broker's list by kind of instrument: `equity`, `option`, `crypto` ... */
  readonly found: Readonly<Record<string, number>>;
  readonly changes: readonly PositionDifference[];
  /** Where broker and book still differ after this run. */
  readonly differing: readonly {
    readonly instrument: string;
    readonly symbol: string;
    readonly book: string;
    readonly broker: string;
  }[];
}

export interface PositionDifference {
  readonly instrument: string;
  readonly symbol: string;
  readonly kind: string;
  /** Lifecycle event (`opened`, `increased`, `closed`, `missing`, `appeared` ...). */
  readonly event: string;
  /** Signed quantities; null where there was or is no row. */
  readonly before: string | null;
  readonly after: string | null;
  /** True when a trade behind it is not of the user's own programs; null when no trade is known, or not yet whose. */
  readonly manual: boolean | null;
}

export interface TransactionDifference {
  /** As the broker's wire shows it. */
  readonly id: string;
  readonly rev: number;
  /** `fill`, `dividend`, `deposit`, ... */
  readonly kind: string;
  readonly status: string;
  readonly instrument: string | null;
  readonly symbol: string | null;
  /** Signed. */
  readonly quantity: string;
  readonly price: string | null;
  readonly amount: string | null;
  readonly currency: string;
  readonly executedAt: string;
  readonly orderId: string | null;
  /** Null where it is no trade, and while the broker did not say whose order it was. */
  readonly manual: boolean | null;
}

export interface FindingDifference {
  readonly type: string;
  readonly cause: string;
  readonly state: string;
  readonly symbol: string | null;
  readonly expected: string | null;
  readonly observed: string | null;
}

/** What a sync came to. */
export interface SyncOutcome {
  /** For a dry run the record it would write, with id 0. */
  readonly run: RunRecord;
  /** Null when nothing was believed. */
  readonly difference: SyncDifference | null;
}

/** Why a sync is needed, as `sync --check-only` and `checkSyncNeeded()` tell it; empty = everything agrees. */
export type SyncNeed =
  'equity_unknown' | 'no_local_bankroll' | 'tolerance_exceeded' | 'quantity_difference' | 'unknown_fill';

export function syncNeeds({ type, bankroll, positions, transactions }: SyncDifference): readonly SyncNeed[] {
  const needs: SyncNeed[] = [];
  // What cannot be judged is not in order.
  if (bankroll === null && (type === 'all' || type === 'bankroll')) needs.push('equity_unknown');
  if (bankroll !== null && bankroll.before === null) needs.push('no_local_bankroll');
  if (bankroll?.exceeded === true) needs.push('tolerance_exceeded');
  const moved =
    positions?.changes.some(({ event, before, after }) => event !== 'renamed' && before !== after) === true;
  if (moved || (positions?.differing.length ?? 0) > 0) needs.push('quantity_difference');
  if (transactions?.some(({ kind }) => kind === 'fill') === true) needs.push('unknown_fill');
  return needs;
}
