/** Runs: the record of every attempt to sync, complete or not. */
import { type AccountId } from '../domain/account.ts';
import { TruebookError } from '../domain/errors.ts';
import { instantFromKey, instantKey, type Instant } from '../domain/time.ts';
import { evidenceHash } from './chain.ts';
import { type Database, type Queries } from './database.ts';
import { checkFence } from './leases.ts';
import { insertRows, isTrue, keyOrNull, storableRow } from './rows.ts';
import { type SyncRunTable } from './schema.ts';
import {
  type AccountFilter,
  type RunCommit,
  type RunOutcome,
  type RunRecord,
  type SyncReadRow,
  type SyncStatistics,
  type SyncTrigger,
  type SyncType,
} from './store.ts';
import { CompiledQuery, type Selectable } from 'kysely';

/** Writes the run, if the lease is still held, and answers it with its number and the hash of its row. Throws `lease_lost`. */
export async function insertRun(
  database: Database,
  queries: Queries,
  commit: RunCommit,
  marker: string,
): Promise<{ readonly run: RunRecord; readonly rowHash: string }> {
  const { run } = commit;
  if (run.accountId !== commit.lease.accountId) {
    throw new TruebookError('internal', 'The run and its lease name different accounts.', {
      hint: 'This is a fault of Truebook: report it with the command that was run.',
    });
  }
  const content = storableRow({
    marker,
    account_id: run.accountId,
    epoch: run.epoch,
    fence: commit.lease.fence,
    triggered_by: run.trigger as string,
    type: run.type as string,
    started_at: instantKey(run.startedAt),
    finished_at: instantKey(run.finishedAt),
    duration_ms: Math.round(run.durationMs),
    outcome: run.outcome as string,
    reconciled: run.reconciled,
    error_code: run.errorCode,
    error_message: run.errorMessage,
    created_count: run.counts.created,
    updated_count: run.counts.updated,
    closed_count: run.counts.closed,
    missing_count: run.counts.missing,
    findings_count: run.counts.findings,
    new_activities_count: run.counts.newActivities,
    deep_scan: run.deepScan,
    ledger_seq: commit.ledgerSeq,
  });
  // The fence is checked by the very statement that writes the run, which holds the lease until the transaction ends.
  const values = { ...content, row_hash: evidenceHash('sync_run', content) };
  const columns = Object.keys(values);
  const { accountId, fence, holder } = commit.lease;
  const place = (index: number): string => `$${columns.length + index}`;
  const {
    rows: [row],
  } = await queries.executeQuery<Selectable<SyncRunTable>>(
    CompiledQuery.raw(
      `INSERT INTO sync_run (${columns.join(', ')}) SELECT ${columns.map((_, index) => `$${index + 1}`).join(', ')}
       FROM lease WHERE account_id = ${place(1)} AND fence = ${place(2)} AND incarnation = ${place(3)}
       ${database.dialect === 'postgres' ? 'FOR UPDATE' : ''} RETURNING *`,
      [...Object.values(values), accountId, fence, holder.incarnation],
    ),
  );
  if (row === undefined) {
    await checkFence(database, queries, commit.lease);
    throw new TruebookError('internal', 'A run was not written although its lease is held.', {
      hint: 'This is a fault of Truebook: report it with the command that was run.',
    });
  }
  return { run: readRun(row), rowHash: row.row_hash };
}

/** The run of a marker, where its transaction was committed. */
export async function runByMarker(queries: Queries, marker: string): Promise<RunRecord | null> {
  const row = await queries
    .selectFrom('sync_run')
    .selectAll()
    .where('marker', '=', marker)
    .executeTakeFirst();
  return row === undefined ? null : readRun(row);
}

/** Completeness of each read, with the hashes of the payloads of the same resource. */
export async function insertReads(queries: Queries, runId: number, commit: RunCommit): Promise<void> {
  const rows = commit.reads.map((read, place) => {
    const content = storableRow({ ...readContent(read, commit), run_id: runId, place });
    return { ...content, row_hash: evidenceHash('sync_read', content) };
  });
  await insertRows(queries, 'sync_read', rows);
}

function readContent(read: SyncReadRow, commit: RunCommit) {
  const payloads = commit.payloads.filter((payload) => payload.resource === read.resource);
  return {
    resource: read.resource,
    kind: read.kind as string,
    reason: read.reason,
    row_count: read.rowCount,
    as_of: keyOrNull(read.asOf),
    started_at: instantKey(read.startedAt),
    payloads: JSON.stringify(payloads.map((payload) => payload.sha256)),
  };
}

export async function listRuns(
  queries: Queries,
  filter: AccountFilter & {
    limit: number;
    outcome?: RunOutcome;
    type?: SyncType;
    from?: Instant;
    to?: Instant;
  },
): Promise<readonly RunRecord[]> {
  let query = queries.selectFrom('sync_run').selectAll().orderBy('id', 'desc').limit(filter.limit);
  if (filter.accountId !== undefined) query = query.where('account_id', '=', filter.accountId);
  if (filter.outcome !== undefined) query = query.where('outcome', '=', filter.outcome);
  if (filter.type !== undefined) query = query.where('type', '=', filter.type);
  if (filter.from !== undefined) query = query.where('started_at', '>=', instantKey(filter.from));
  if (filter.to !== undefined) query = query.where('started_at', '<=', instantKey(filter.to));
  return (await query.execute()).map(readRun);
}

export async function runById(queries: Queries, id: number): Promise<RunRecord | null> {
  const row = await queries.selectFrom('sync_run').selectAll().where('id', '=', id).executeTakeFirst();
  return row === undefined ? null : readRun(row);
}

export async function lastRun(
  queries: Queries,
  accountId: AccountId,
  outcome?: RunOutcome,
  type?: SyncType,
): Promise<RunRecord | null> {
  const [run] = await listRuns(queries, {
    accountId,
    limit: 1,
    ...(outcome === undefined ? {} : { outcome }),
    ...(type === undefined ? {} : { type }),
  });
  return run ?? null;
}

/** Reads of positions that had no row nobody could read, of complete runs that wrote positions; oldest first. */
export async function completeAnswers(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
  since: Instant,
): Promise<readonly Instant[]> {
  const rows = await queries
    .selectFrom('sync_run as r')
    .innerJoin('sync_read as read', 'read.run_id', 'r.id')
    .select('read.as_of')
    .where('r.account_id', '=', accountId)
    .where('r.epoch', '=', epoch)
    .where('r.outcome', '=', 'complete')
    .where('r.type', 'in', [...POSITION_TYPES])
    .where('read.resource', '=', 'positions')
    .where('read.kind', '=', 'complete')
    .where('read.reason', 'is', null)
    .where('read.as_of', '>=', instantKey(since))
    .orderBy('read.as_of')
    .execute();
  return rows.flatMap((row) => (row.as_of === null ? [] : [instantFromKey(row.as_of)]));
}

/** Runs that write position rows. */
export const POSITION_TYPES: readonly SyncType[] = ['all', 'positions'];

function readRun(row: Selectable<SyncRunTable>): RunRecord {
  return {
    id: row.id,
    accountId: row.account_id,
    epoch: row.epoch,
    trigger: row.triggered_by as SyncTrigger,
    type: row.type as SyncType,
    startedAt: instantFromKey(row.started_at),
    finishedAt: instantFromKey(row.finished_at),
    durationMs: row.duration_ms,
    outcome: row.outcome as RunOutcome,
    reconciled: isTrue(row.reconciled),
    errorCode: row.error_code,
    errorMessage: row.error_message,
    counts: {
      created: row.created_count,
      updated: row.updated_count,
      closed: row.closed_count,
      missing: row.missing_count,
      findings: row.findings_count,
      newActivities: row.new_activities_count,
    },
    deepScan: isTrue(row.deep_scan),
  };
}

/**
 * Sums since the database began, or since an instant. Counts are whole numbers, so the database may add them. Chunks of
 * a first contact's history (`progress`) are part of the run they lead to: they count as nothing.
 */
export async function statistics(
  queries: Queries,
  filter: AccountFilter & { since?: Instant },
): Promise<SyncStatistics> {
  let query = queries
    .selectFrom('sync_run')
    .select((column) => [
      'outcome',
      column.fn.countAll<number | string>().as('runs'),
      column.fn.sum<number | string>('created_count').as('created'),
      column.fn.sum<number | string>('updated_count').as('updated'),
      column.fn.sum<number | string>('closed_count').as('closed'),
      column.fn.max('finished_at').as('last'),
    ])
    .where('outcome', '!=', 'progress')
    .groupBy('outcome');
  if (filter.accountId !== undefined) query = query.where('account_id', '=', filter.accountId);
  if (filter.since !== undefined) query = query.where('started_at', '>=', instantKey(filter.since));
  const rows = await query.execute();
  const total = (
    name: 'runs' | 'created' | 'updated' | 'closed',
    wanted: (outcome: string) => boolean,
  ): number =>
    rows.filter((row) => wanted(row.outcome)).reduce((sum, row) => sum + wholeNumber(row[name]), 0);
  const all = (): boolean => true;
  const complete = (outcome: string): boolean => outcome === 'complete';
  const last = rows.find((row) => row.outcome === 'complete')?.last ?? null;
  return {
    totalSyncs: total('runs', all),
    successfulSyncs: total('runs', complete),
    failedSyncs: total('runs', (outcome) => !complete(outcome)),
    positionsCreated: total('created', all),
    positionsUpdated: total('updated', all),
    positionsClosed: total('closed', all),
    lastSyncTime: last === null ? null : instantFromKey(last),
  };
}

/** PostgreSQL sums whole numbers as NUMERIC, which comes as text. */
function wholeNumber(value: number | string): number {
  return typeof value === 'number' ? value : Number.parseInt(value, 10);
}
