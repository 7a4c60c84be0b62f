/** Findings: every difference between broker and book, with a cause, how sure we are, and the evidence. */
import { type InstrumentId } from './instrument.ts';
import { type Instant } from './time.ts';

export const FINDING_TYPES = [
  'difference',
  'missing',
  'appeared',
  'quarantine',
  'account_changed',
  'withdrawn_by_broker',
  'auth',
  'storage',
  /** Lots chosen for a close that could not be followed. */
  'choice',
] as const;
export type FindingType = (typeof FINDING_TYPES)[number];

/**
 * The causes of design section 4.6 in snake_case. Of what has no name of its own there, a spin-off is a `split` (one
 * holding became two) and a merger a `symbol_change`.
 */
export const FINDING_CAUSES = [
  'manual_trade',
  'missing_fill',
  'partial_fill',
  'split',
  'symbol_change',
  'assignment',
  'exercise',
  'expiry',
  'transfer',
  'deposit_withdrawal',
  'dividend',
  'interest',
  'fee',
  'fx',
  'rounding',
  'stale_source',
  'broker_correction',
  'history_gap',
  'account_changed',
  'unknown',
] as const;
export type FindingCause = (typeof FINDING_CAUSES)[number];

/** `certain`: identities prove it; `likely`: one cause fits; `possible`: others fit too. */
export type Confidence = 'certain' | 'likely' | 'possible';

export type FindingState = 'open' | 'resolved' | 'dismissed' | 'reopened';

/** One piece of evidence, as a person reads it: an activity, an order, an observation, or the rule that concluded. */
export interface FindingEvidence {
  /** `activity`, `order`, `payload`, `run`, `observation`, `rule`. */
  readonly kind: string;
  /** Identity: a root id, an order id, a payload hash, a run number, the key of a difference, the name of a rule. */
  readonly reference: string;
  readonly text: string;
  /**
   * Only of an `observation`: the signed part of the difference `reference` names (broker less book, units or money)
   * that this finding answers for. Several findings may share one difference, one finding may answer for several.
   */
  readonly amount?: string;
}

export interface Finding {
  /** Names the difference for good: the same difference seen again is the same finding. E.g. `missing:equity:AAPL:USD`. */
  readonly key: string;
  readonly type: FindingType;
  readonly cause: FindingCause;
  readonly confidence: Confidence;
  readonly state: FindingState;
  readonly instrument: InstrumentId | null;
  readonly symbol: string | null;
  /** What the book says, decimal or short text. */
  readonly expected: string | null;
  /** What the broker says. */
  readonly observed: string | null;
  readonly firstSeenAt: Instant;
  readonly lastSeenAt: Instant;
  readonly evidence: readonly FindingEvidence[];
}
