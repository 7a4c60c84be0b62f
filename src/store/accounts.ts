/** Accounts: created on first sight, pinned at first contact, never renamed. */
import { type Account, type AccountEnv, type AccountId, type BrokerName } from '../domain/account.ts';
import { type AccountType } from '../domain/election.ts';
import { TruebookError } from '../domain/errors.ts';
import { instantFromKey, instantKey, type Instant } from '../domain/time.ts';
import { type Queries } from './database.ts';
import { startChain } from './chain.ts';
import { type AccountTable } from './schema.ts';
import { type RunCommit, type Store } from './store.ts';
import { type Selectable } from 'kysely';

type NewAccount = Parameters<Store['ensureAccount']>[0];

export async function ensureAccount(queries: Queries, account: NewAccount): Promise<Account> {
  const connectionId = await ensureConnection(queries, account);
  const stored = await accountByName(queries, account.name);
  if (stored !== null) return readAccount(await atConnection(queries, stored, account, connectionId));
  await queries
    .insertInto('account')
    .values({
      name: account.name,
      connection_id: connectionId,
      broker: account.broker,
      env: account.env,
      pinned_fingerprint: null,
      pinned_last4: null,
      base_currency: account.baseCurrency,
      created_at: instantKey(account.at),
    })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute();
  const created = await accountByName(queries, account.name);
  await startChain(queries, created!.name, created!.id);
  return readAccount(created!);
}

/**
 * The stored account, now reached through this connection: people rename connections, and the pinned fingerprint
 * refuses an account that is another one. Throws `config` when broker or environment differ.
 */
async function atConnection(
  queries: Queries,
  stored: Selectable<AccountTable>,
  account: NewAccount,
  connectionId: number,
): Promise<Selectable<AccountTable>> {
  if (stored.broker !== account.broker || stored.env !== account.env) {
    throw new TruebookError(
      'config',
      `Account ${account.name} is a ${stored.broker} ${stored.env} account already.`,
      {
        hint: `Give connection ${account.connection} an account name of its own (name: in truebook.yaml).`,
      },
    );
  }
  if (stored.connection_id === connectionId) return stored;
  await queries
    .updateTable('account')
    .set({ connection_id: connectionId })
    .where('id', '=', stored.id)
    .execute();
  return { ...stored, connection_id: connectionId };
}

async function ensureConnection(queries: Queries, account: NewAccount): Promise<number> {
  await queries
    .insertInto('connection')
    .values({
      name: account.connection,
      broker: account.broker,
      env: account.env,
      created_at: instantKey(account.at),
    })
    .onConflict((conflict) => conflict.column('name').doNothing())
    .execute();
  const row = await queries
    .selectFrom('connection')
    .select('id')
    .where('name', '=', account.connection)
    .executeTakeFirstOrThrow();
  return row.id;
}

async function accountByName(queries: Queries, name: string): Promise<Selectable<AccountTable> | null> {
  return (
    (await queries.selectFrom('account').selectAll().where('name', '=', name).executeTakeFirst()) ?? null
  );
}

export async function allAccounts(queries: Queries): Promise<readonly Account[]> {
  return (await queries.selectFrom('account').selectAll().orderBy('id').execute()).map(readAccount);
}

/** By name, else by id in text. */
export async function findAccount(queries: Queries, nameOrId: string): Promise<Account | null> {
  const named = await accountByName(queries, nameOrId);
  if (named !== null) return readAccount(named);
  if (!/^\d{1,15}$/.test(nameOrId)) return null;
  const row = await queries
    .selectFrom('account')
    .selectAll()
    .where('id', '=', Number.parseInt(nameOrId, 10))
    .executeTakeFirst();
  return row === undefined ? null : readAccount(row);
}

/** Throws `unknown_account`. */
export async function accountById(queries: Queries, id: AccountId): Promise<Account> {
  const row = await queries.selectFrom('account').selectAll().where('id', '=', id).executeTakeFirst();
  if (row !== undefined) return readAccount(row);
  throw unknownAccount(id);
}

export function unknownAccount(id: AccountId): TruebookError {
  return new TruebookError('unknown_account', `There is no account ${id} in this database.`, {
    hint: 'List the accounts with `truebook accounts`.',
  });
}

/** Of a book of before account types were elections: said once, for all times. */
export async function accountTypes(queries: Queries): Promise<ReadonlyMap<AccountId, AccountType>> {
  const rows = await queries.selectFrom('account').select(['id', 'type']).orderBy('id').execute();
  return new Map(rows.flatMap((row) => (row.type === null ? [] : [[row.id, row.type as AccountType]])));
}

/** First contact: which account at the broker this is, for good (until a new epoch). */
export async function pinAccount(
  queries: Queries,
  id: AccountId,
  pin: NonNullable<RunCommit['pin']>,
): Promise<void> {
  await queries
    .updateTable('account')
    .set({ pinned_fingerprint: pin.fingerprint, pinned_last4: pin.last4, base_currency: pin.baseCurrency })
    .where('id', '=', id)
    .execute();
}

/** The next epoch, unpinned: the next contact pins it. */
export async function advanceEpoch(queries: Queries, account: Account): Promise<void> {
  await queries
    .updateTable('account')
    .set({ epoch: account.epoch + 1, pinned_fingerprint: null, pinned_last4: null })
    .where('id', '=', account.id)
    .execute();
}

export function readAccount(row: Selectable<AccountTable>): Account {
  return {
    id: row.id,
    name: row.name,
    broker: row.broker as BrokerName,
    env: row.env as AccountEnv,
    epoch: row.epoch,
    pinnedFingerprint: row.pinned_fingerprint,
    baseCurrency: row.base_currency,
    createdAt: instantFromKey(row.created_at) satisfies Instant,
  };
}
