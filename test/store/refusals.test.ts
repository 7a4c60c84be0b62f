import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { decimal } from '../../src/domain/decimal.ts';
import { TruebookError } from '../../src/domain/errors.ts';
import { MIGRATIONS, NEWEST_VERSION } from '../../src/store/migrations/migrate.ts';
import { openStore, type OpenOptions } from '../../src/store/open.ts';
import { checkSqliteVersion } from '../../src/store/sqlite.ts';
import { startPostgres } from '../postgres.ts';
import {
  closeAll,
  emptyDatabase,
  forEachDatabase,
  later,
  openTestDatabase,
  postgresSql,
  sqliteSql,
  stillClock,
  temporaryFolder,
} from './databases.ts';
import { createAccount, commitOf, DAY, takeLease } from './samples.ts';

afterEach(closeAll);

async function open(url: string, options: Partial<OpenOptions> = {}) {
  const store = await openStore({ url, clock: stillClock(), ...options });
  later(() => store.close());
  return store;
}

/** The error of opening, as people get it: a typed one, with a hint. */
async function refusal(url: string, options: Partial<OpenOptions> = {}): Promise<TruebookError> {
  const error = await open(url, options).then(
    () => new Error('it opened'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof TruebookError)) throw error;
  expect(error.hint).not.toBeNull();
  return error;
}

describe('SQLite', () => {
  it.each(['3.7.0', '3.40.1', '3.51.2', '3.50.99', 'unknown'])('%s is too old', (version) => {
    expect(() => checkSqliteVersion(version)).toThrow(expect.objectContaining({ code: 'storage_too_old' }));
  });

  it.each(['3.51.3', '3.51.10', '3.53.4', '4.0.0'])('%s is good', (version) => {
    expect(() => checkSqliteVersion(version)).not.toThrow();
  });

  it('keeps file and folder to its owner, whatever the umask', async () => {
    const folder = path.join(temporaryFolder(), 'new', 'home');
    const file = path.join(folder, 'book.db');
    const store = await open(`sqlite:${file}`);
    await createAccount(store);
    const mode = (name: string) => (statSync(name).mode & 0o777).toString(8);
    expect([folder, path.dirname(folder), file, `${file}-wal`, `${file}-shm`].map(mode)).toEqual([
      '700',
      '700',
      '600',
      '600',
      '600',
    ]);
    await store.close();
    chmodSync(file, 0o644);
    await open(`sqlite:${file}`);
    expect(mode(file)).toBe('600');
  });

  it('runs with the settings that survive power loss', async () => {
    const url = await emptyDatabase('sqlite');
    const store = await open(url);
    expect(store.facts).toMatchObject({
      dialect: 'sqlite',
      schemaVersion: String(NEWEST_VERSION),
      durability: 'journal_mode=wal, synchronous=full',
    });
    expect(store.facts.place).toBe(url.slice('sqlite:'.length));
    expect(await sqliteSql(url, 'PRAGMA journal_mode')).toEqual([{ journal_mode: 'wal' }]);
    expect(await sqliteSql(url, 'PRAGMA application_id')).toEqual([{ application_id: 0x7472626b }]);
    expect(await sqliteSql(url, 'PRAGMA user_version')).toEqual([{ user_version: NEWEST_VERSION }]);
  });

  it('moves its log into the file only when told to, and cuts it back', async () => {
    const url = await emptyDatabase('sqlite');
    const file = url.slice('sqlite:'.length);
    const store = await open(url);
    const account = await createAccount(store);
    const lease = await takeLease(store, account.id);
    const outbox = Array.from({ length: 5000 }, () => ({
      kind: 'x'.repeat(2000),
      at: lease.holder.startedAt,
      facts: {},
    }));
    await store.commitRun(commitOf(lease, { outbox }));
    expect(statSync(`${file}-wal`).size).toBeGreaterThan(8_000_000);
    expect(statSync(file).size).toBeLessThan(1_000_000);
    await store.maintain();
    expect(statSync(`${file}-wal`).size).toBe(0);
    expect(statSync(file).size).toBeGreaterThan(8_000_000);
  });

  it('refuses a file that is no database, and leaves it as it was', async () => {
    const file = path.join(temporaryFolder(), 'letter.txt');
    writeFileSync(file, 'Dear reader, this is no database.', { mode: 0o644 });
    expect((await refusal(`sqlite:${file}`)).code).toBe('storage_foreign');
    expect(readFileSync(file, 'utf8')).toBe('Dear reader, this is no database.');
    expect(statSync(file).mode & 0o777).toBe(0o644);
  });

  it('refuses a database of another program, and leaves it as it was', async () => {
    const url = await emptyDatabase('sqlite');
    await sqliteSql(url, 'CREATE TABLE positions (id INTEGER)');
    const before = readFileSync(url.slice('sqlite:'.length));
    expect((await refusal(url)).code).toBe('storage_foreign');
    expect(readFileSync(url.slice('sqlite:'.length)).equals(before)).toBe(true);
    expect(existsSync(`${url.slice('sqlite:'.length)}-wal`)).toBe(false);
  });

  it('refuses damage, a folder, and a place it may not write', async () => {
    const folder = temporaryFolder();
    expect(await refusal(`sqlite:${folder}`)).toMatchObject({ code: 'storage_unreachable' });
    const file = path.join(folder, 'damaged.db');
    writeFileSync(file, `SQLite format 3\0${'x'.repeat(5000)}`);
    expect((await refusal(`sqlite:${file}`)).code).toBe('storage_corrupt');
    // A file where a folder should be: also root cannot create something in it.
    expect(await refusal(`sqlite:${file}/book.db`)).toMatchObject({ code: 'storage_unreachable' });
  });
});

describe('PostgreSQL', () => {
  it('is refused while it may lose what it acknowledged', async () => {
    const url = await emptyDatabase('postgres');
    const error = await refusal(url);
    expect(error.code).toBe('storage_unsafe');
    expect(error.message).toContain('fsync = off');
    expect(error.message + error.hint!).not.toContain(new URL(url).password);
    expect(await postgresSql(url, "SELECT 1 FROM pg_namespace WHERE nspname = 'truebook'")).toEqual([]);
  });

  it('is accepted with fsync on, and waits for the disk at every commit whatever the server says', async () => {
    const postgres = await startPostgres({ fsync: 'on' });
    later(() => postgres.stop());
    const name = decodeURIComponent(new URL(postgres.url).pathname.slice(1));
    await postgresSql(postgres.adminUrl, `ALTER DATABASE "${name}" SET synchronous_commit = off`);
    const store = await open(postgres.url);
    expect(store.facts).toMatchObject({
      dialect: 'postgres',
      durability: 'fsync=on, full_page_writes=on, synchronous_commit=on',
    });
    expect(store.facts.place).not.toContain(new URL(postgres.url).password);
    expect(store.facts.place).toMatch(/^postgres:\/\/127\.0\.0\.1:\d+\/truebook/);
    await store.maintain();
    await store.close();
    await postgres.stop();
    expect((await refusal(postgres.url)).code).toBe('storage_unreachable');
  });

  it('refuses a wrong password and a missing database without showing the password', async () => {
    const url = new URL(await emptyDatabase('postgres'));
    url.password = 'a-secret-password';
    const denied = await refusal(url.href);
    expect(denied).toMatchObject({ code: 'storage_unreachable', retry: 'never' });
    const missing = new URL(await emptyDatabase('postgres'));
    missing.pathname = '/nowhere';
    const absent = await refusal(missing.href);
    expect(absent).toMatchObject({ code: 'storage_unreachable', retry: 'never' });
    for (const error of [denied, absent]) {
      expect(`${error.stack} ${error.hint} ${JSON.stringify(error.facts)}`).not.toContain(
        'a-secret-password',
      );
    }
  });

  it('refuses text that is no address without repeating it', async () => {
    const error = await refusal('postgres://user:hunter2@[bad/db');
    expect(error.code).toBe('config');
    expect(`${error.message} ${error.hint} ${String(error.cause)}`).not.toContain('hunter2');
    expect((await refusal('mysql://localhost/x')).code).toBe('config');
    expect((await refusal('sqlite:')).code).toBe('config');
  });

  it('refuses a schema "truebook" that another program made, and leaves it alone', async () => {
    const url = await emptyDatabase('postgres');
    await postgresSql(url, 'CREATE SCHEMA truebook; CREATE TABLE truebook.meta (key TEXT, value TEXT)');
    expect((await refusal(url, { allowUnsafeDurability: true })).code).toBe('storage_foreign');
    expect(await postgresSql(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'truebook'")).toEqual([
      { tablename: 'meta' },
    ]);
  });

  it('uses an empty schema that an administrator made, by a user who may not create schemas', async () => {
    const admin = await emptyDatabase('postgres');
    const url = new URL(admin);
    await postgresSql(
      admin,
      `DROP ROLE IF EXISTS book_user; CREATE ROLE book_user LOGIN PASSWORD 'p'; CREATE SCHEMA truebook AUTHORIZATION book_user`,
    );
    later(async () => {
      await postgresSql(admin, 'DROP OWNED BY book_user CASCADE; DROP ROLE book_user');
    });
    url.username = 'book_user';
    url.password = 'p';
    const store = await open(url.href, { allowUnsafeDurability: true });
    expect((await createAccount(store)).id).toBe(1);
    // It may not create in public either: then the old names stand in schema truebook only.
    expect(await postgresSql(admin, "SELECT viewname FROM pg_views WHERE schemaname = 'public'")).toEqual([]);
    expect(await postgresSql(admin, 'SELECT account_name FROM truebook.trading_accounts')).toHaveLength(1);
    await store.close();
  });
});

forEachDatabase('opening', (_open, dialect) => {
  const unsafe = { allowUnsafeDurability: true };

  it('refuses a schema that a newer Truebook wrote', async () => {
    const url = await emptyDatabase(dialect);
    await (await open(url, unsafe)).close();
    if (dialect === 'postgres')
      await postgresSql(url, `INSERT INTO schema_migration VALUES (${NEWEST_VERSION + 1}, 'later', 'now')`);
    else await sqliteSql(url, `CREATE TABLE later (id INTEGER); PRAGMA user_version = ${NEWEST_VERSION + 1}`);
    expect((await refusal(url, unsafe)).code).toBe('storage_newer');
    expect((await refusal(url, { ...unsafe, readonly: true })).code).toBe('storage_newer');
  });

  it('creates nothing for a reader, and nothing without leave to migrate', async () => {
    const url = await emptyDatabase(dialect);
    expect((await refusal(url, { ...unsafe, readonly: true })).code).toBe('storage_unreachable');
    expect((await refusal(url, { ...unsafe, migrate: false })).code).toBe('storage_unreachable');
    if (dialect === 'sqlite') expect(existsSync(url.slice('sqlite:'.length))).toBe(false);
    else expect(await postgresSql(url, "SELECT 1 FROM pg_namespace WHERE nspname = 'truebook'")).toEqual([]);
  });

  it('lets a reader read beside a writer, and not write', async () => {
    const url = await emptyDatabase(dialect);
    const writer = await open(url, unsafe);
    const account = await createAccount(writer);
    const reader = await open(url, { ...unsafe, readonly: true });
    expect(await reader.accounts()).toEqual([account]);
    await expect(createAccount(reader, 'another')).rejects.toMatchObject({ code: 'storage_readonly' });
    await createAccount(writer, 'another');
    expect(await reader.accounts()).toHaveLength(2);
  });

  it('migrates once when several processes come at the same moment', async () => {
    const url = await emptyDatabase(dialect);
    if (dialect === 'sqlite') mkdirSync(path.dirname(url.slice('sqlite:'.length)), { recursive: true });
    const stores = await Promise.all([1, 2, 3, 4].map(() => open(url, unsafe)));
    const accounts = await Promise.all(stores.map((store) => createAccount(store)));
    expect(new Set(accounts.map((account) => account.id))).toEqual(new Set([1]));
    const migrations = dialect === 'sqlite' ? sqliteSql : postgresSql;
    expect(await migrations(url, 'SELECT name FROM schema_migration ORDER BY version')).toEqual(
      MIGRATIONS.map(({ name }) => ({ name })),
    );
  });

  it('brings a database of the first version to the newest and keeps what is in it', async () => {
    const { store, url, again, sql } = await openTestDatabase(dialect);
    const account = await createAccount(store);
    const lease = await takeLease(store, account.id);
    const order = { orderId: 'o1', clientOrderId: 'auto-1', parentOrderId: null, nextLookupAt: null };
    const day = {
      tradeDate: DAY,
      currency: 'USD',
      endEquity: decimal('10.5'),
      endCash: null,
      buyingPower: null,
    };
    const balanceDays = [{ ...day, profitLoss: null, source: 'recorded' as const }];
    await store.commitRun(commitOf(lease, { orders: [order], balanceDays }));
    await store.close();
    // As the first version left it.
    const cascade = dialect === 'sqlite' ? '' : ' CASCADE';
    for (const view of ['daily_portfolio_balances', 'trade_history'])
      await sql(`DROP VIEW ${view}${cascade}`);
    const later = MIGRATIONS.filter(({ version }) => version > 1);
    for (const statement of later.flatMap(({ statements }) => statements(dialect)).reverse()) {
      const [, table, column] = /^ALTER TABLE (\w+) ADD COLUMN (\w+) /.exec(statement) ?? [];
      if (table !== undefined) await sql(`ALTER TABLE ${table} DROP COLUMN ${column}`);
      const [, shortened, gone] = /^ALTER TABLE (\w+) DROP COLUMN (\w+)/.exec(statement) ?? [];
      if (shortened !== undefined) await sql(`ALTER TABLE ${shortened} ADD COLUMN ${gone} TEXT`);
      const [, created] = /^CREATE TABLE (\w+) /.exec(statement) ?? [];
      if (created !== undefined) await sql(`DROP TABLE ${created}${cascade}`);
    }
    await sql('DELETE FROM schema_migration WHERE version > 1');
    if (dialect === 'sqlite') await sqliteSql(url, 'PRAGMA user_version = 1');
    const migrated = await again();
    expect(migrated.facts.schemaVersion).toBe(String(NEWEST_VERSION));
    expect(await migrated.balanceDays({})).toEqual(
      balanceDays.map((row) => ({ ...row, accountId: account.id, epoch: 1, proof: null })),
    );
    expect(await sql('SELECT order_id, client_order_id, next_lookup_at FROM order_reference')).toEqual([
      { order_id: 'o1', client_order_id: 'auto-1', next_lookup_at: null },
    ]);
    expect(await sql('SELECT name FROM schema_migration ORDER BY version')).toHaveLength(NEWEST_VERSION);
    expect(await migrated.accounts()).toMatchObject([{ id: account.id, name: 'alpaca-paper' }]);
  });
});

it('keeps a database in memory for the life of the store', async () => {
  const store = await open('sqlite::memory:');
  const account = await createAccount(store);
  const lease = await takeLease(store, account.id);
  expect((await store.commitRun(commitOf(lease))).id).toBe(1);
  await store.maintain();
  expect(await store.verifyChains({})).toMatchObject({ ok: true, rows: 1 });
});
