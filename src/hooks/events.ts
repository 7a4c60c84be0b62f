/** Events: what a run did, one by one, for listeners of the library and the hook `onEvent`. Pure. */
import { LIFECYCLE_EVENTS, type BookEventKind, type LifecycleEventKind } from '../domain/event.ts';
import { compareInstants } from '../domain/time.ts';
import { type StoredBookEvent, type SyncTrigger, type SyncType } from '../store/store.ts';
import { type PositionDifference, type SyncOutcome, type TransactionDifference } from '../sync/difference.ts';
import { type StepContext } from '../sync/steps.ts';
import { syncResult, type SyncResult } from '../sync/syncResult.ts';

interface OfAccount {
  readonly account: string;
  /** Instant: when a position moved or a finding changed; else when the run began or ended. */
  readonly at: string;
}

interface OfRun extends OfAccount {
  readonly runId: number;
}

/** A run begins. Not told of runs that another process does. */
export interface SyncStartedEvent extends OfAccount {
  readonly kind: 'sync_started';
  readonly type: SyncType;
  readonly trigger: SyncTrigger | null;
}

/** A complete run was committed. */
export interface SyncCompletedEvent extends OfRun {
  readonly kind: 'sync_completed';
  readonly result: SyncResult;
}

/** A run believed nothing, or could not be committed (`runId` null). */
export interface SyncFailedEvent extends OfAccount {
  readonly kind: 'sync_failed';
  readonly runId: number | null;
  readonly code: string;
  readonly message: string;
}

/** A position opened, moved, closed, went missing ... */
export interface PositionEvent extends OfRun {
  readonly kind: LifecycleEventKind;
  readonly position: PositionDifference;
}

/** An activity entered the ledger: a trade, dividend, fee ..., a correction (`rev` above 1) or a bust (`status`). */
export interface TransactionEvent extends OfRun {
  readonly kind: 'transaction';
  readonly transaction: TransactionDifference;
}

export type FindingEventKind = Extract<BookEventKind, `finding_${string}`>;

export interface FindingEvent extends OfRun {
  readonly kind: FindingEventKind;
  readonly symbol: string | null;
  /** key, type, cause, confidence, expected, observed. */
  readonly finding: Readonly<Record<string, string | null>>;
}

/** The local bankroll was set: `bankroll_imported`, `bankroll_opening`, `bankroll_sync_adjustment`. */
export interface BankrollEvent extends OfRun {
  readonly kind: 'bankroll_imported' | 'bankroll_opening' | 'bankroll_sync_adjustment';
  readonly before: string | null;
  readonly after: string;
  readonly amount: string;
  readonly currency: string;
  readonly source: string;
  readonly causes: readonly string[];
}

export type TruebookEvent =
  | SyncStartedEvent
  | SyncCompletedEvent
  | SyncFailedEvent
  | PositionEvent
  | TransactionEvent
  | FindingEvent
  | BankrollEvent;

export type EventKind = TruebookEvent['kind'];

const OTHER_KINDS: Readonly<Record<Exclude<EventKind, LifecycleEventKind>, true>> = {
  sync_started: true,
  sync_completed: true,
  sync_failed: true,
  transaction: true,
  bankroll_imported: true,
  bankroll_opening: true,
  bankroll_sync_adjustment: true,
  finding_opened: true,
  finding_changed: true,
  finding_resolved: true,
  finding_reopened: true,
  finding_dismissed: true,
};

/** All kinds there are. */
export const EVENT_KINDS: readonly EventKind[] = [
  ...LIFECYCLE_EVENTS,
  ...(Object.keys(OTHER_KINDS) as (keyof typeof OTHER_KINDS)[]),
];

/** The event of one kind. */
export type EventOf<Kind extends EventKind, Event = TruebookEvent> = Event extends {
  readonly kind: infer Own;
}
  ? Kind extends Own
    ? Event & { readonly kind: Kind }
    : never
  : never;

export function startedEvent(context: StepContext, account: string, at: string): SyncStartedEvent {
  return { kind: 'sync_started', account, at, type: context.type, trigger: context.trigger };
}

/** A run that threw: nothing was written. */
export function failedEvent(account: string, at: string, code: string, message: string): SyncFailedEvent {
  return { kind: 'sync_failed', account, at, runId: null, code, message };
}

/**
 * What a committed run did, in the order a reader wants it: its end first, then activities, positions, bankroll,
 * findings. `bookEvents` are the ledger's events of this run: findings of a refused run stand only there.
 */
export function eventsOf(
  account: string,
  outcome: SyncOutcome,
  bookEvents: readonly StoredBookEvent[],
): readonly TruebookEvent[] {
  const { run, difference } = outcome;
  const of = { account, at: run.finishedAt, runId: run.id };
  // Runs of others may stand between the mark and this one: its own events were seen when it began.
  const own = bookEvents.filter((event) => compareInstants(event.firstSeenAt, run.startedAt) === 0);
  // A chunk of a first contact's history, and every refusal, have no result to show.
  const end: TruebookEvent =
    run.outcome === 'complete'
      ? { kind: 'sync_completed', ...of, result: syncResult(account, run.type, outcome) }
      : {
          kind: 'sync_failed',
          ...of,
          code: run.errorCode ?? run.outcome,
          message: run.errorMessage ?? 'The run is not complete.',
        };
  const transactions = (difference?.transactions ?? []).map((transaction): TruebookEvent => ({
    kind: 'transaction',
    ...of,
    at: transaction.executedAt,
    transaction,
  }));
  const positions = (difference?.positions?.changes ?? []).map((position): TruebookEvent => ({
    kind: position.event as LifecycleEventKind,
    ...of,
    at: atOf(own, position) ?? of.at,
    position,
  }));
  const { currency = '', entries = [] } = difference?.bankroll ?? {};
  const bankroll = entries.map(({ kind, ...entry }): TruebookEvent => ({
    kind: `bankroll_${kind}` as BankrollEvent['kind'],
    ...of,
    ...entry,
    currency,
  }));
  const findings = own.filter(isFinding).map((event): TruebookEvent => ({
    kind: event.kind,
    ...of,
    at: event.at,
    symbol: event.symbol,
    finding: event.facts,
  }));
  return [end, ...transactions, ...positions, ...bankroll, ...findings];
}

function atOf(bookEvents: readonly StoredBookEvent[], position: PositionDifference): string | null {
  const found = bookEvents.find(
    (event) => event.kind === position.event && event.instrument === position.instrument,
  );
  return found?.at ?? null;
}

function isFinding(event: StoredBookEvent): event is StoredBookEvent & { readonly kind: FindingEventKind } {
  return event.kind.startsWith('finding_');
}
