import { type RunRecord } from '../store/store.ts';

/** What a sync of one account came to (design section 11). */
export interface SyncResult {
  readonly account: string;
  /** A complete run was committed. */
  readonly ok: boolean;
  readonly created: number;
  readonly updated: number;
  readonly closed: number;
  readonly missing: number;
  readonly findings: number;
  readonly durationMs: number;
}

/** The result of a run; null when nothing could be committed. */
export function syncResult(account: string, run: RunRecord | null): SyncResult {
  const { created, updated, closed, missing, findings } = run?.counts ?? NOTHING;
  const ok = run?.outcome === 'complete';
  return { account, ok, created, updated, closed, missing, findings, durationMs: run?.durationMs ?? 0 };
}

const NOTHING = { created: 0, updated: 0, closed: 0, missing: 0, findings: 0 };

/** A sentence for people. */
export function resultSentence({
  account,
  ok,
  created,
  updated,
  closed,
  missing,
  findings,
  durationMs,
}: SyncResult): string {
  if (!ok) return `✗ ${account}: not synced; the book is as it was`;
  const parts = [
    `${created} created`,
    `${updated} updated`,
    `${closed} closed`,
    ...(missing > 0 ? [`${missing} missing at the broker`] : []),
    `${findings} findings`,
  ];
  return `✓ ${account}: synced, ${parts.join(', ')} (${durationMs} ms)`;
}
