/** How far syncs have come: cursors and freshness. */
import { type AccountId } from '../domain/account.ts';
import { instantFromKey, instantKey } from '../domain/time.ts';
import { type Queries } from './database.ts';
import { insertRows, isTrue } from './rows.ts';
import { type CursorRow, type DataClass, type FreshnessRow } from './store.ts';

export async function saveCursors(
  queries: Queries,
  accountId: AccountId,
  cursors: readonly CursorRow[],
): Promise<void> {
  const rows = cursors.map((cursor) => ({
    account_id: accountId,
    name: cursor.name as string,
    place: cursor.position,
    updated_at: instantKey(cursor.updatedAt),
  }));
  await insertRows(queries, 'cursor', rows, { keys: ['account_id', 'name'], then: 'update' });
}

export async function listCursors(queries: Queries, accountId: AccountId): Promise<readonly CursorRow[]> {
  const rows = await queries
    .selectFrom('cursor')
    .selectAll()
    .where('account_id', '=', accountId)
    .orderBy('name')
    .execute();
  return rows.map((row) => ({
    name: row.name as CursorRow['name'],
    position: row.place,
    updatedAt: instantFromKey(row.updated_at),
  }));
}

export async function saveFreshness(
  queries: Queries,
  accountId: AccountId,
  runId: number,
  freshness: readonly Omit<FreshnessRow, 'runId'>[],
): Promise<void> {
  const rows = freshness.map((row) => ({
    account_id: accountId,
    data_class: row.dataClass as string,
    as_of: instantKey(row.asOf),
    // Text: a reading of the monotonic clock may have a fraction of a millisecond.
    as_of_mono: String(row.asOfMonoMs),
    mono_epoch: row.monoEpoch,
    fetched_at: instantKey(row.fetchedAt),
    run_id: runId,
    reconciled: row.reconciled,
    verified: row.verified,
  }));
  await insertRows(queries, 'freshness', rows, { keys: ['account_id', 'data_class'], then: 'update' });
}

export async function listFreshness(
  queries: Queries,
  accountId: AccountId,
): Promise<readonly FreshnessRow[]> {
  const rows = await queries
    .selectFrom('freshness')
    .selectAll()
    .where('account_id', '=', accountId)
    .orderBy('data_class')
    .execute();
  return rows.map((row) => ({
    dataClass: row.data_class as DataClass,
    asOf: instantFromKey(row.as_of),
    asOfMonoMs: Number(row.as_of_mono),
    monoEpoch: row.mono_epoch,
    fetchedAt: instantFromKey(row.fetched_at),
    runId: row.run_id,
    reconciled: isTrue(row.reconciled),
    verified: isTrue(row.verified),
  }));
}

export async function endVerification(queries: Queries, accountId: AccountId): Promise<void> {
  await queries
    .updateTable('freshness')
    .set({ verified: false })
    .where('account_id', '=', accountId)
    .execute();
}
