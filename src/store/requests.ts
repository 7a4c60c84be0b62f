/** What processes ask of each other: syncs, and the announcement of the user's own orders. */
import { type AccountId } from '../domain/account.ts';
import { instantFromKey, instantKey, type Instant } from '../domain/time.ts';
import { type OrderReference } from '../domain/snapshot.ts';
import { type Queries } from './database.ts';
import { storableText } from '../domain/contentHash.ts';
import { inParts, isTrue } from './rows.ts';
import { type Schema } from './schema.ts';
import { type Store, type SyncRequest, type SyncTrigger, type SyncType } from './store.ts';
import { type Selectable } from 'kysely';

export async function insertRequest(
  queries: Queries,
  request: Parameters<Store['requestSync']>[0],
): Promise<number> {
  const row = await queries
    .insertInto('sync_request')
    .values({
      account_id: request.accountId,
      type: request.type,
      triggered_by: request.trigger,
      requested_at: instantKey(request.requestedAt),
      requested_by: request.requestedBy,
      run_id: null,
      dry_run: request.dryRun === true,
      answer: null,
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return row.id;
}

export async function pendingRequests(
  queries: Queries,
  accountIds: readonly AccountId[],
): Promise<readonly SyncRequest[]> {
  if (accountIds.length === 0) return [];
  const rows = await queries
    .selectFrom('sync_request')
    .selectAll()
    .where('account_id', 'in', [...accountIds])
    .where('run_id', 'is', null)
    .where('answer', 'is', null)
    .orderBy('id')
    .execute();
  return rows.map(readRequest);
}

export async function requestById(queries: Queries, id: number): Promise<SyncRequest | null> {
  const row = await queries.selectFrom('sync_request').selectAll().where('id', '=', id).executeTakeFirst();
  return row === undefined ? null : readRequest(row);
}

export async function answerRequests(
  queries: Queries,
  accountId: AccountId,
  ids: readonly number[],
  runId: number | null,
  answer: string | null,
): Promise<void> {
  for (const part of inParts(ids)) {
    await queries
      .updateTable('sync_request')
      .set({ run_id: runId, answer: answer === null ? null : storableText(answer) })
      .where('id', 'in', part)
      .where('account_id', '=', accountId)
      .where('run_id', 'is', null)
      .execute();
  }
}

export async function announceOrder(
  queries: Queries,
  accountId: AccountId,
  orderId: string,
  at: Instant,
): Promise<void> {
  await queries
    .insertInto('announced_order')
    .values({ account_id: accountId, order_id: orderId, announced_at: instantKey(at) })
    .onConflict((conflict) => conflict.columns(['account_id', 'order_id']).doNothing())
    .execute();
}

/** Text of an answer that says nobody wants one any more. */
const WITHDRAWN = 'null';

export async function withdrawRequest(queries: Queries, id: number): Promise<void> {
  await queries
    .updateTable('sync_request')
    .set({ answer: WITHDRAWN })
    .where('id', '=', id)
    .where('run_id', 'is', null)
    .where('answer', 'is', null)
    .execute();
}

export async function knownOrders(
  queries: Queries,
  accountId: AccountId,
  orderIds: readonly string[],
): ReturnType<Store['knownOrders']> {
  const references: OrderReference[] = [];
  const announced = new Set<string>();
  for (const part of inParts([...new Set(orderIds)])) {
    const known = await queries
      .selectFrom('order_reference')
      .select(['order_id', 'client_order_id', 'parent_order_id'])
      .where('account_id', '=', accountId)
      .where('order_id', 'in', part)
      .execute();
    for (const row of known)
      references.push({
        orderId: row.order_id,
        clientOrderId: row.client_order_id,
        parentOrderId: row.parent_order_id,
      });
    const parents = known.flatMap((row) => row.parent_order_id ?? []);
    const named = await queries
      .selectFrom('announced_order')
      .select('order_id')
      .where('account_id', '=', accountId)
      .where('order_id', 'in', [...part, ...parents])
      .execute();
    for (const row of named) announced.add(row.order_id);
  }
  return { references, announced };
}

function readRequest(row: Selectable<Schema['sync_request']>): SyncRequest {
  return {
    id: row.id,
    accountId: row.account_id,
    type: row.type as SyncType,
    trigger: row.triggered_by as SyncTrigger,
    requestedAt: instantFromKey(row.requested_at),
    requestedBy: row.requested_by,
    runId: row.run_id,
    dryRun: isTrue(row.dry_run),
    answer: row.answer,
  };
}
