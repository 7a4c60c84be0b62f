/**
 * Checkpoints of folds: several per epoch, close together at the end of the ledger and far apart further back, so that a
 * late activity is folded from shortly before its own place. Each is the fold of exactly the activities before its place:
 * whoever changes what lies before a place takes the checkpoint away.
 */
import { type AccountId } from '../domain/account.ts';
import { instantFromKey, instantKey } from '../domain/time.ts';
import { type Selectable } from 'kysely';
import { activityCount } from './activities.ts';
import { checkpointCounts } from './checkpointCounts.ts';
import { type Queries } from './database.ts';
import { inParts, insertRows } from './rows.ts';
import { type Schema } from './schema.ts';
import {
  type BookCheckpoint,
  type CheckpointEntry,
  type CheckpointPlace,
  type NewRevision,
  type RunCommit,
} from './store.ts';

const KEYS = ['account_id', 'epoch', 'last_executed_at', 'last_root_id'];

/** What a run does to the checkpoints of its epoch, once its revisions are written. */
export async function saveCheckpoints(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
  commit: Pick<RunCommit, 'revisions' | 'checkpoint' | 'earlierCheckpoints' | 'ledgerSeq'>,
): Promise<void> {
  await dropBehind(queries, accountId, epoch, commit.revisions);
  const { checkpoint } = commit;
  if (checkpoint === null) return;
  if (checkpoint === 'drop') {
    await dropFrom(queries, accountId, epoch, '');
    return;
  }
  await writeCheckpoints(queries, accountId, [...commit.earlierCheckpoints, checkpoint]);
  await thin(queries, accountId, checkpoint);
  // What a person wrote while the run was at work is not in its folds.
  await dropBehind(
    queries,
    accountId,
    epoch,
    await writtenBeside(queries, accountId, epoch, commit.ledgerSeq),
  );
}

/** Takes away every checkpoint at or behind the earliest place that these revisions change. */
export async function dropBehind(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
  revisions: readonly Pick<NewRevision, 'rootId' | 'rev' | 'executedAt'>[],
): Promise<void> {
  const places = revisions.map((revision) => instantKey(revision.executedAt));
  // A correction changes the place where the activity stood before as well.
  const corrected = revisions.filter((revision) => revision.rev > 0).map((revision) => revision.rootId);
  for (const part of inParts(corrected)) {
    const row = await queries
      .selectFrom('activity')
      .select((column) => column.fn.min('executed_at').as('first'))
      .where('account_id', '=', accountId)
      .where('epoch', '=', epoch)
      .where('root_id', 'in', part)
      .executeTakeFirst();
    if (row !== undefined && row.first !== null) places.push(row.first);
  }
  if (places.length === 0) return;
  const first = places.reduce((least, place) => (place < least ? place : least));
  await dropFrom(queries, accountId, epoch, first);
}

async function dropFrom(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
  executedAt: string,
): Promise<void> {
  await queries
    .deleteFrom('book_checkpoint')
    .where('account_id', '=', accountId)
    .where('epoch', '=', epoch)
    .where('last_executed_at', '>=', executedAt)
    .execute();
}

/** Activities written beside the runs behind this place of the chain. */
async function writtenBeside(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
  seq: number,
): Promise<readonly Pick<NewRevision, 'rootId' | 'rev' | 'executedAt'>[]> {
  const rows = await queries
    .selectFrom('activity')
    .select(['root_id', 'rev', 'executed_at'])
    .where('account_id', '=', accountId)
    .where('epoch', '=', epoch)
    .where('run_id', 'is', null)
    .where('seq', '>', seq)
    .execute();
  return rows.map((row) => ({
    rootId: row.root_id,
    rev: row.rev,
    executedAt: instantFromKey(row.executed_at),
  }));
}

export async function writeCheckpoints(
  queries: Queries,
  accountId: AccountId,
  checkpoints: readonly BookCheckpoint[],
): Promise<void> {
  const rows = checkpoints.map((checkpoint) => ({
    account_id: accountId,
    epoch: checkpoint.epoch,
    ...checkpointRow(checkpoint),
  }));
  await insertRows(queries, 'book_checkpoint', rows, { keys: KEYS, then: 'update' });
}

export function checkpointRow(checkpoint: BookCheckpoint) {
  return {
    last_executed_at: instantKey(checkpoint.lastExecutedAt),
    last_root_id: checkpoint.lastRootId,
    activity_count: checkpoint.activityCount,
    rules_hash: checkpoint.rulesHash,
    state: checkpoint.state,
    lots: checkpoint.lots,
  };
}

/** Leaves those that `checkpointCounts` names, made under the rules of the newest. */
async function thin(queries: Queries, accountId: AccountId, newest: CheckpointEntry): Promise<void> {
  const wanted = checkpointCounts(newest.activityCount);
  await queries
    .deleteFrom('book_checkpoint')
    .where('account_id', '=', accountId)
    .where('epoch', '=', newest.epoch)
    .where((where) =>
      where.or([
        where('rules_hash', '<>', newest.rulesHash),
        where('activity_count', 'not in', [...wanted, 0]),
      ]),
    )
    .execute();
}

/** Newest place first, without the texts. */
export async function listCheckpoints(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
): Promise<readonly CheckpointEntry[]> {
  const rows = await queries
    .selectFrom('book_checkpoint')
    .select(['epoch', 'last_executed_at', 'last_root_id', 'activity_count', 'rules_hash'])
    .where('account_id', '=', accountId)
    .where('epoch', '=', epoch)
    .orderBy('activity_count', 'desc')
    .execute();
  return rows.map(readEntry);
}

export async function checkpointAt(
  queries: Queries,
  accountId: AccountId,
  place: CheckpointPlace,
): Promise<BookCheckpoint | null> {
  const row = await queries
    .selectFrom('book_checkpoint')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('epoch', '=', place.epoch)
    .where('last_executed_at', '=', instantKey(place.lastExecutedAt))
    .where('last_root_id', '=', place.lastRootId)
    .executeTakeFirst();
  return row === undefined ? null : { ...readEntry(row), state: row.state, lots: row.lots };
}

/** The newest checkpoint, null where the ledger has activities that it does not hold. */
export async function coveringCheckpoint(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
): Promise<BookCheckpoint | null> {
  const [newest] = await listCheckpoints(queries, accountId, epoch);
  if (newest === undefined) return null;
  if (newest.activityCount !== (await activityCount(queries, accountId, epoch))) return null;
  return await checkpointAt(queries, accountId, newest);
}

function readEntry(
  row: Omit<Selectable<Schema['book_checkpoint']>, 'account_id' | 'state' | 'lots'>,
): CheckpointEntry {
  return {
    epoch: row.epoch,
    lastExecutedAt: instantFromKey(row.last_executed_at),
    lastRootId: row.last_root_id,
    activityCount: row.activity_count,
    rulesHash: row.rules_hash,
  };
}
