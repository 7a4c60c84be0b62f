/** The result of a sync as the command line, the library and later the API answer it (design section 11). */
import { type TruebookError } from '../domain/errors.ts';
import { type RunRecord, type SyncType } from '../store/store.ts';
import { syncNeeds, type SyncDifference, type SyncNeed, type SyncOutcome } from './difference.ts';

/** What a sync of one account came to. */
export interface SyncResult {
  readonly account: string;
  /** A complete run was committed (in a dry run: would be). */
  readonly ok: boolean;
  readonly created: number;
  readonly updated: number;
  readonly closed: number;
  readonly missing: number;
  readonly findings: number;
  readonly durationMs: number;
  /** Each part: true = done, false = not, null = not a part of this run. */
  readonly bankroll: boolean | null;
  readonly positions: boolean | null;
  readonly transactions: boolean | null;
  /** What it changed, or would change; null when nothing was believed. */
  readonly difference: SyncDifference | null;
  /** Null exactly when `ok`. */
  readonly error: SyncError | null;
}

/** What became of an attempt: an outcome, or what kept it from one. */
export interface SyncAttempt extends Partial<SyncOutcome> {
  readonly error?: TruebookError;
}

/** Why an attempt came to nothing; null where it did not. */
export interface SyncError {
  readonly code: string;
  readonly message: string;
}

function errorOf({ run, error }: SyncAttempt): SyncError | null {
  if (error !== undefined) return { code: error.code, message: error.message };
  if (run === undefined) return { code: 'internal', message: 'Nothing could be committed.' };
  if (run.outcome === 'complete') return null;
  return { code: run.errorCode ?? run.outcome, message: run.errorMessage ?? 'The run is not complete.' };
}

/** The result of a run; without one nothing could be committed. */
export function syncResult(account: string, type: SyncType, outcome: SyncAttempt): SyncResult {
  const run: RunRecord | undefined = outcome.run;
  const { created, updated, closed, missing, findings } = run?.counts ?? NOTHING;
  const ok = run?.outcome === 'complete';
  const part = (name: SyncType): boolean | null => (type === 'all' || type === name ? ok : null);
  return {
    account,
    ok,
    created,
    updated,
    closed,
    missing,
    findings,
    durationMs: run?.durationMs ?? 0,
    bankroll: part('bankroll'),
    positions: part('positions'),
    transactions: part('transactions'),
    difference: outcome.difference ?? null,
    error: errorOf(outcome),
  };
}

/** Whether an account needs a sync, and why. */
export interface SyncCheck {
  readonly account: string;
  /** The broker could be asked. */
  readonly ok: boolean;
  /** Null when it could not. */
  readonly needed: boolean | null;
  readonly reasons: readonly SyncNeed[];
  readonly difference: SyncDifference | null;
  /** Null exactly when `ok`. */
  readonly error: SyncError | null;
}

export function syncCheck(account: string, outcome: SyncAttempt): SyncCheck {
  const ok = outcome.run?.outcome === 'complete' && outcome.difference != null;
  if (!ok || outcome.difference == null)
    return { account, ok: false, needed: null, reasons: [], difference: null, error: errorOf(outcome) };
  const reasons = syncNeeds(outcome.difference);
  return { account, ok, needed: reasons.length > 0, reasons, difference: outcome.difference, error: null };
}

const NOTHING = { created: 0, updated: 0, closed: 0, missing: 0, findings: 0 };

/** A sentence for people. */
export function resultSentence(result: SyncResult, dryRun = false): string {
  const { account, ok, created, updated, closed, missing, findings, durationMs } = result;
  if (!ok) return `✗ ${account}: not synced; the book is as it was`;
  const counts = [
    `${created} created`,
    `${updated} updated`,
    `${closed} closed`,
    ...(missing > 0 ? [`${missing} missing at the broker`] : []),
  ];
  const parts = [
    ...(result.positions === null ? [] : counts),
    ...(result.transactions === null ? [] : [`${result.difference?.transactions?.length ?? 0} activities`]),
    ...(result.bankroll === null || result.difference?.bankroll == null
      ? []
      : [result.difference.bankroll.entries.length > 0 ? 'bankroll set' : 'bankroll unchanged']),
    `${findings} findings`,
  ];
  return dryRun
    ? `~ ${account}: dry run, nothing was written: ${parts.join(', ')} (${durationMs} ms)`
    : `✓ ${account}: synced, ${parts.join(', ')} (${durationMs} ms)`;
}

const NEED_WORDS: Readonly<Record<SyncNeed, string>> = {
  equity_unknown: 'the broker states no equity to compare the bankroll with',
  no_local_bankroll: 'no local bankroll yet',
  tolerance_exceeded: 'bankroll and equity differ by more than the tolerance',
  quantity_difference: 'quantities differ',
  unknown_fill: 'trades that the book does not have',
};

export function checkSentence({ account, needed, reasons, difference }: SyncCheck): string {
  if (needed === null) return `✗ ${account}: could not be checked; the book is as it was`;
  if (needed) return `! ${account}: sync needed: ${reasons.map((reason) => NEED_WORDS[reason]).join('; ')}`;
  const activities = difference?.transactions?.length ?? 0;
  const isBankrollSet = (difference?.bankroll?.entries.length ?? 0) > 0;
  const would = [
    ...(activities > 0 ? [`import ${activities} ${activities === 1 ? 'activity' : 'activities'}`] : []),
    ...(isBankrollSet ? ['set the bankroll'] : []),
  ];
  if (would.length === 0) return `✓ ${account}: in sync`;
  return `✓ ${account}: no sync needed; a run would ${would.join(' and ')}`;
}
