/** Which run the views are of, and what the ledger has beyond it. */
import { type AccountId } from '../domain/account.ts';
import { instantFromKey } from '../domain/time.ts';
import { accountById } from './accounts.ts';
import { type Queries } from './database.ts';
import { POSITION_TYPES } from './runs.ts';
import { type EpochBasis, type PendingEntry, type SyncType, type ViewBasis } from './store.ts';

/** Oldest epoch first; epochs in which no run ever wrote positions are absent. */
export async function viewBases(queries: Queries, accountId: AccountId): Promise<readonly EpochBasis[]> {
  const account = await accountById(queries, accountId);
  const bases: EpochBasis[] = [];
  for (let epoch = 1; epoch <= account.epoch; epoch += 1) {
    const basis = await lastOf(queries, accountId, epoch, POSITION_TYPES);
    if (basis !== null) bases.push({ ...basis, proving: await lastOf(queries, accountId, epoch, ['all']) });
  }
  return bases;
}

async function lastOf(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
  types: readonly SyncType[],
): Promise<ViewBasis | null> {
  const row = await queries
    .selectFrom('sync_run')
    .select(['id', 'started_at', 'ledger_seq'])
    .where('account_id', '=', accountId)
    .where('outcome', '=', 'complete')
    .where('type', 'in', [...types])
    .where('epoch', '=', epoch)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
  if (row === undefined) return null;
  return { epoch, runId: row.id, startedAt: instantFromKey(row.started_at), ledgerSeq: row.ledger_seq };
}

export async function pendingEntries(
  queries: Queries,
  accountId: AccountId,
  { epoch, runId, ledgerSeq }: ViewBasis,
): Promise<readonly PendingEntry[]> {
  let activities = queries
    .selectFrom('activity as a')
    .select(['a.run_id'])
    .select((column) =>
      column
        .selectFrom('activity as first')
        .select((part) => part.fn.min('first.executed_at').as('at'))
        .whereRef('first.account_id', '=', 'a.account_id')
        .whereRef('first.epoch', '=', 'a.epoch')
        .whereRef('first.root_id', '=', 'a.root_id')
        .whereRef('first.rev', '<=', 'a.rev')
        .as('first_executed_at'),
    )
    .where('a.account_id', '=', accountId)
    .where('a.epoch', '=', epoch)
    .orderBy('a.seq');
  activities =
    ledgerSeq === null
      ? activities.where('a.run_id', '>', runId)
      : activities
          .where('a.seq', '>', ledgerSeq)
          .where((where) => where.or([where('a.run_id', 'is', null), where('a.run_id', '>', runId)]));
  const found: PendingEntry[] = (await activities.execute()).map((row) => ({
    kind: 'activity',
    byRun: row.run_id !== null,
    firstExecutedAt: instantFromKey(row.first_executed_at!),
  }));
  if (ledgerSeq === null) return found;
  const elections = await queries
    .selectFrom('election')
    .select('seq')
    .where('account_id', '=', accountId)
    .where('epoch', '=', epoch)
    .where('seq', '>', ledgerSeq)
    .execute();
  return [...found, ...elections.map(() => ({ kind: 'election' as const }))];
}
