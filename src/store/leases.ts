/** One writer per account: a lease row with a fencing token, timed by the database's own clock. */
import { type AccountId } from '../domain/account.ts';
import { TruebookError } from '../domain/errors.ts';
import { instantFromKey, instantKey } from '../domain/time.ts';
import { type Database, type Queries } from './database.ts';
import { type Schema } from './schema.ts';
import { type Lease, type LeaseHolder, type LeaseState } from './store.ts';

type LeaseRow = Schema['lease'];

export async function acquireLease(
  database: Database,
  accountId: AccountId,
  holder: LeaseHolder,
  ttlMs: number,
  isGone: (holder: LeaseHolder) => boolean,
): Promise<{ readonly lease: Lease } | { readonly heldBy: LeaseHolder }> {
  return await database.write(async (queries) => {
    await queries
      .insertInto('lease')
      .values({ account_id: accountId, fence: 0, ...NOBODY })
      .onConflict((conflict) => conflict.column('account_id').doNothing())
      .execute();
    const row = await lockLease(database, queries, accountId);
    const nowMs = await database.nowMs(queries);
    const current = readHolder(row!);
    const mine = current?.incarnation === holder.incarnation;
    if (
      current !== null &&
      !mine &&
      row!.expires_at_ms > nowMs &&
      !(current.host === holder.host && isGone(current))
    ) {
      return { heldBy: current };
    }
    const fence = mine ? row!.fence : row!.fence + 1;
    await queries
      .updateTable('lease')
      .set({
        fence,
        incarnation: holder.incarnation,
        kind: holder.kind,
        process_id: holder.processId,
        host: holder.host,
        started_at: instantKey(holder.startedAt),
        expires_at_ms: nowMs + ttlMs,
      })
      .where('account_id', '=', accountId)
      .execute();
    return { lease: { accountId, fence, holder } };
  });
}

const NOBODY = {
  incarnation: null,
  kind: null,
  process_id: null,
  host: null,
  started_at: null,
  expires_at_ms: 0,
} as const;

export async function renewLease(database: Database, lease: Lease, ttlMs: number): Promise<boolean> {
  return await database.write(async (queries) => {
    const row = await lockLease(database, queries, lease.accountId);
    if (!isHolder(row, lease)) return false;
    const nowMs = await database.nowMs(queries);
    await queries
      .updateTable('lease')
      .set({ expires_at_ms: nowMs + ttlMs })
      .where('account_id', '=', lease.accountId)
      .execute();
    return true;
  });
}

/** Gives the lease back; a lease that somebody else has meanwhile is left alone. */
export async function releaseLease(database: Database, lease: Lease): Promise<void> {
  await database.write(async (queries) => {
    await queries
      .updateTable('lease')
      .set(NOBODY)
      .where('account_id', '=', lease.accountId)
      .where('fence', '=', lease.fence)
      .where('incarnation', '=', lease.holder.incarnation)
      .execute();
  });
}

export async function leaseState(database: Database, accountId: AccountId): Promise<LeaseState | null> {
  return await database.read(async (queries) => {
    const row = await queries
      .selectFrom('lease')
      .selectAll()
      .where('account_id', '=', accountId)
      .executeTakeFirst();
    if (row === undefined) return null;
    const holder = readHolder(row);
    const live = holder !== null && row.expires_at_ms > (await database.nowMs(queries));
    return { accountId, fence: row.fence, holder, live };
  });
}

/**
 * The first thing every fenced write does. Holds the row until the transaction ends, so that nobody can take the
 * lease in between. A lease that has run out but that nobody took is still ours: nobody else can have written.
 * Throws `lease_lost`.
 */
export async function checkFence(database: Database, queries: Queries, lease: Lease): Promise<void> {
  const row = await lockLease(database, queries, lease.accountId);
  if (isHolder(row, lease)) return;
  throw new TruebookError('lease_lost', 'Another process took over this account; nothing was written.', {
    hint: 'Two Truebooks work on one account. Stop one of them; the other goes on by itself.',
    retry: 'later',
    facts: { account_id: lease.accountId, fence: lease.fence, fence_now: row?.fence ?? null },
  });
}

/** The lease row, held until the transaction ends. */
export async function lockLease(
  database: Database,
  queries: Queries,
  accountId: AccountId,
): Promise<LeaseRow | undefined> {
  const query = queries.selectFrom('lease').selectAll().where('account_id', '=', accountId);
  // SQLite has locked the whole database with BEGIN IMMEDIATE.
  return await (database.dialect === 'postgres' ? query.forUpdate() : query).executeTakeFirst();
}

function isHolder(row: LeaseRow | undefined, lease: Lease): boolean {
  return row !== undefined && row.fence === lease.fence && row.incarnation === lease.holder.incarnation;
}

function readHolder(row: LeaseRow): LeaseHolder | null {
  if (row.incarnation === null) return null;
  return {
    incarnation: row.incarnation,
    kind: row.kind as LeaseHolder['kind'],
    processId: row.process_id!,
    host: row.host!,
    startedAt: instantFromKey(row.started_at!),
  };
}
