/** Book events: what happened to a position or a finding, in the ledger beside the activities. */
import { type InstrumentId } from './instrument.ts';
import { type Instant } from './time.ts';

/** Lifecycle words of design section 4.7, plus `withdrawn` (an unexplained appearance that broker and book both deny). */
export const LIFECYCLE_EVENTS = [
  'opened',
  'increased',
  'reduced',
  'closed',
  'flipped',
  'split',
  'renamed',
  'missing',
  'appeared',
  'reappeared',
  'explained',
  'withdrawn',
  'expired',
  'assigned',
  'exercised',
  'adjusted',
  'account_reset',
] as const;

export type LifecycleEventKind = (typeof LIFECYCLE_EVENTS)[number];

export type BookEventKind =
  | LifecycleEventKind
  | 'finding_opened'
  | 'finding_changed'
  | 'finding_resolved'
  | 'finding_reopened'
  | 'finding_dismissed'
  | 'account_pinned';

export interface BookEvent {
  readonly kind: BookEventKind;
  /** When it took effect (an execution's time) or was seen. */
  readonly at: Instant;
  readonly instrument: InstrumentId | null;
  readonly symbol: string | null;
  /** Facts in canonical form, strings only: quantities before and after, the mark behind an estimate, the root id. */
  readonly facts: Readonly<Record<string, string | null>>;
}
