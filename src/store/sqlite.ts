/** SQLite through `node:sqlite` under Kysely: settings of reliability rule 3.1, one connection, one transaction at a time. */
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readSync,
  realpathSync,
  statSync,
} from 'node:fs';
import path from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import {
  CompiledQuery,
  Kysely,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type DatabaseConnection,
  type Dialect,
  type Driver,
  type QueryResult,
  type TransactionSettings,
} from 'kysely';
import { TruebookError } from '../domain/errors.ts';
import { type Clock } from '../domain/time.ts';
import { type Database, type Queries, type SentStatement } from './database.ts';
import { migrate, NEWEST_VERSION, refuseNewer, type SchemaVersion } from './migrations/migrate.ts';
import { type ManyTimes } from './rows.ts';
import { type Schema } from './schema.ts';
import { storageError } from './storageErrors.ts';

/** `trbk`: the file says whose it is. */
export const APPLICATION_ID = 0x7472626b;

/** Older releases can corrupt a database that two processes write (WAL reset bug, fixed in 3.51.3). */
export const OLDEST_SQLITE = '3.51.3';

/** How long one process waits for another one's transaction. */
const BUSY_TIMEOUT_MS = 5000;

/** Above this many pages the log is cut back to nothing when nobody reads. */
const LOG_PAGES_BEFORE_TRUNCATE = 1000;

const SQLITE_HEADER = 'SQLite format 3\0';

export interface SqliteOptions {
  /** A path, or `:memory:`. */
  readonly file: string;
  readonly clock: Clock;
  readonly readonly: boolean;
  readonly migrate: boolean;
  readonly leaseNow?: () => number;
  readonly onStatement?: (statement: SentStatement) => void;
  /** Tests of a full disk: the file may not grow beyond this many pages. */
  readonly maxPageCount?: number;
}

/** Throws `storage_too_old` below 3.51.3. */
export function checkSqliteVersion(version: string): void {
  const parts = version.split('.').map((part) => Number.parseInt(part, 10));
  const oldest = OLDEST_SQLITE.split('.').map((part) => Number.parseInt(part, 10));
  for (const [index, wanted] of oldest.entries()) {
    const found = parts[index] ?? 0;
    if (found > wanted) return;
    if (found < wanted || Number.isNaN(found)) {
      throw new TruebookError(
        'storage_too_old',
        `SQLite ${version} can corrupt a database that two programs write.`,
        {
          hint: `Use Node 24.15.0 or newer: it brings SQLite ${OLDEST_SQLITE} or newer.`,
        },
      );
    }
  }
}

export async function openSqlite(options: SqliteOptions): Promise<Database> {
  const inMemory = options.file === ':memory:';
  if (!inMemory) prepareFile(options);
  let connection: DatabaseSync | null = null;
  try {
    connection = new DatabaseSync(options.file, { readOnly: options.readonly, timeout: BUSY_TIMEOUT_MS });
    const version = textOf(connection, 'SELECT sqlite_version() AS value');
    checkSqliteVersion(version);
    const identity = inMemory ? null : fileIdentity(options.file);
    const found = inspect(connection, options.file);
    if (!options.readonly) {
      // Only now is it known to be ours: before this nothing in the file was touched.
      if (!inMemory) restrict(options.file);
      configure(connection, options);
    }
    const kysely = new Kysely<Schema>({ dialect: sqliteDialect(connection, options.onStatement) });
    await bringUpToDate(kysely, connection, options, found);
    return sqliteDatabase(kysely, connection, options, version, identity);
  } catch (error) {
    if (connection?.isOpen === true) connection.close();
    throw storageError(error);
  }
}

// ---- the file -------------------------------------------------------------------------------------------------

/** Makes the folder 0700 and the file 0600 before SQLite opens it: it would use 0644. */
function prepareFile(options: SqliteOptions): void {
  const { file } = options;
  const found = statSync(file, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) {
    throw new TruebookError('storage_unreachable', `${file} is a folder, not a database file.`, {
      hint: `Name a file in it, e.g. DATABASE_URL=sqlite:${path.join(file, 'truebook.db')}`,
    });
  }
  if (found !== undefined) {
    refuseForeignBytes(file);
    return;
  }
  if (options.readonly || !options.migrate) {
    throw new TruebookError('storage_unreachable', `There is no database at ${file} yet.`, {
      hint: 'Run `truebook sync` or `truebook agent` once, or check DATABASE_URL.',
    });
  }
  try {
    mkdirSync(path.dirname(path.resolve(file)), { recursive: true, mode: 0o700 });
    closeSync(openSync(file, 'a', 0o600));
  } catch (cause) {
    throw new TruebookError('storage_unreachable', `The database file ${file} cannot be created.`, {
      hint: 'Check that its folder exists and may be written by this user, or set DATABASE_URL to another place.',
      cause,
    });
  }
}

/** A file that is neither empty nor a SQLite database is somebody's document. */
function refuseForeignBytes(file: string): void {
  const start = Buffer.alloc(SQLITE_HEADER.length);
  let length: number;
  try {
    const descriptor = openSync(file, 'r');
    length = readSync(descriptor, start, 0, start.length, 0);
    closeSync(descriptor);
  } catch (cause) {
    throw new TruebookError('storage_unreachable', `The database file ${file} cannot be read.`, {
      hint: 'Check its permissions, or set DATABASE_URL to another place.',
      cause,
    });
  }
  if (length === 0 || start.toString('latin1') === SQLITE_HEADER) return;
  throw new TruebookError('storage_foreign', `${file} is not a SQLite database.`, {
    hint: 'Set DATABASE_URL to another file; Truebook leaves this one alone.',
  });
}

/** Takes rights of others away from the file and its companions (Windows keeps its own lists of rights). */
function restrict(file: string): void {
  if (process.platform === 'win32') return;
  for (const name of [file, `${file}-wal`, `${file}-shm`]) {
    if (existsSync(name) && (statSync(name).mode & 0o077) !== 0) chmodSync(name, 0o600);
  }
}

// ---- what is in it --------------------------------------------------------------------------------------------

/** The schema version of our file, null for an empty one. Throws `storage_foreign`, `storage_newer`. */
function inspect(connection: DatabaseSync, file: string): SchemaVersion {
  const applicationId = integerOf(connection, 'PRAGMA application_id');
  const objects = integerOf(connection, 'SELECT count(*) AS value FROM sqlite_schema');
  if (applicationId === 0 && objects === 0) return null;
  if (applicationId !== APPLICATION_ID) {
    throw new TruebookError('storage_foreign', `${file} is a database of another program.`, {
      hint: 'Set DATABASE_URL to another file; Truebook leaves this one alone.',
    });
  }
  if (objects === 0) return null;
  const version = integerOf(connection, 'PRAGMA user_version');
  refuseNewer(version);
  return version;
}

function configure(connection: DatabaseSync, options: SqliteOptions): void {
  connection.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  connection.exec('PRAGMA journal_mode = WAL');
  connection.exec('PRAGMA synchronous = FULL');
  connection.exec('PRAGMA wal_autocheckpoint = 0');
  connection.exec('PRAGMA foreign_keys = ON');
  connection.exec('PRAGMA recursive_triggers = ON');
  connection.exec('PRAGMA trusted_schema = OFF');
  connection.exec('PRAGMA cell_size_check = ON');
  if (options.maxPageCount !== undefined) connection.exec(`PRAGMA max_page_count = ${options.maxPageCount}`);
}

async function bringUpToDate(
  kysely: Queries,
  connection: DatabaseSync,
  options: SqliteOptions,
  found: SchemaVersion,
): Promise<void> {
  if (found === NEWEST_VERSION) return;
  if (options.readonly || !options.migrate) {
    throw new TruebookError('storage_unreachable', 'The database has no or an older schema.', {
      hint: 'Run `truebook migrate` once.',
    });
  }
  const migrating = kysely.transaction();
  await oneWriter(options.file, () =>
    migrating.execute(async (transaction) => {
      // Asked again inside: another process may have migrated between our look and our lock.
      const version = inspect(connection, options.file);
      await migrate(transaction, 'sqlite', version, options.clock);
      connection.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
      connection.exec(`PRAGMA user_version = ${NEWEST_VERSION}`);
    }),
  );
}

function sqliteDatabase(
  kysely: Kysely<Schema>,
  connection: DatabaseSync,
  options: SqliteOptions,
  version: string,
  identity: string | null,
): Database {
  const { leaseNow } = options;
  const transaction = kysely.transaction();
  return {
    dialect: 'sqlite',
    facts: {
      dialect: 'sqlite',
      version,
      place: options.file,
      durability: `journal_mode=${textOf(connection, 'PRAGMA journal_mode')}, synchronous=${synchronousWord(connection)}`,
    },
    single: (work) => typed(() => work(kysely)),
    read: (work) => typed(() => transaction.setAccessMode('read only').execute(work)),
    write: (work) =>
      typed(() => {
        requireSameFile(options.file, identity);
        return oneWriter(options.file, () => {
          // Asked again: the file may have gone while this write stood in the queue.
          requireSameFile(options.file, identity);
          return transaction.execute(work);
        });
      }),
    nowMs: async (queries) => {
      if (leaseNow !== undefined) return Math.trunc(leaseNow());
      const { rows } = await queries.executeQuery<{ now: number }>(
        CompiledQuery.raw("SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now"),
      );
      return rows[0]!.now;
    },
    maintain: () =>
      typed(() => {
        requireSameFile(options.file, identity);
        return kysely.connection().execute(async () => checkpoint(connection, options));
      }),
    close: () => kysely.destroy(),
  };
}

/** Which file a path leads to, whatever it is called; null where there is none. */
function fileIdentity(file: string): string | null {
  const found = statSync(file, { bigint: true, throwIfNoEntry: false });
  return found === undefined ? null : `${found.dev}:${found.ino}`;
}

/**
 * A file that is renamed, deleted or replaced stays open, and SQLite would go on writing into what nobody finds again:
 * acknowledged and lost. What was read before is still true, so readers go on.
 */
function requireSameFile(file: string, identity: string | null): void {
  if (identity === null) return;
  const now = fileIdentity(file);
  if (now === identity) return;
  const happened = now === null ? 'is gone' : 'was replaced by another file';
  throw new TruebookError(
    'storage_unreachable',
    `The database file ${file} ${happened} while Truebook runs.`,
    {
      hint: 'Put the file back, or stop Truebook, restore a backup and start it again. Nothing was written.',
      retry: 'later',
    },
  );
}

/** The last write of each file in this process, done or not. */
const lastWrites = new Map<string, Promise<unknown>>();

/**
 * Lets the connections of this process write one after another. SQLite waits for a lock by standing still, and the
 * holder in the same process could then never finish; other processes wait as they should.
 */
async function oneWriter<Result>(file: string, work: () => Promise<Result>): Promise<Result> {
  if (file === ':memory:') return await work();
  const key = realpathSync(file);
  const mine = (lastWrites.get(key) ?? Promise.resolve()).then(work);
  const done = mine.catch(() => undefined);
  lastWrites.set(key, done);
  try {
    return await mine;
  } finally {
    if (lastWrites.get(key) === done) lastWrites.delete(key);
  }
}

async function typed<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw storageError(error);
  }
}

/**
 * Moves the write-ahead log into the file. Our own call instead of SQLite's automatic one, because a failed fsync in
 * an automatic checkpoint is silent. A reader in the way is no fault: the rest is moved the next time.
 */
function checkpoint(connection: DatabaseSync, options: SqliteOptions): void {
  if (options.file === ':memory:' || options.readonly) return;
  const moved = checkpointRow(connection, 'PASSIVE');
  if (moved.log < 0) {
    throw new TruebookError('storage_corrupt', 'The database lost its write-ahead log mode.', {
      hint: 'Another program changed journal_mode. Restart Truebook; it sets the mode again.',
    });
  }
  if (moved.log !== moved.checkpointed || moved.log < LOG_PAGES_BEFORE_TRUNCATE) return;
  connection.exec('PRAGMA busy_timeout = 0');
  try {
    checkpointRow(connection, 'TRUNCATE');
  } finally {
    connection.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
  }
}

function checkpointRow(
  connection: DatabaseSync,
  mode: 'PASSIVE' | 'TRUNCATE',
): { log: number; checkpointed: number } {
  const row = connection.prepare(`PRAGMA wal_checkpoint(${mode})`).get();
  return { log: Number(row?.['log']), checkpointed: Number(row?.['checkpointed']) };
}

function synchronousWord(connection: DatabaseSync): string {
  const level = integerOf(connection, 'PRAGMA synchronous');
  return ['off', 'normal', 'full', 'extra'][level] ?? String(level);
}

function textOf(connection: DatabaseSync, sql: string): string {
  return String(Object.values(connection.prepare(sql).get()!)[0]);
}

function integerOf(connection: DatabaseSync, sql: string): number {
  return Number(Object.values(connection.prepare(sql).get()!)[0]);
}

// ---- under Kysely ---------------------------------------------------------------------------------------------

type Tell = ((statement: SentStatement) => void) | undefined;

function sqliteDialect(connection: DatabaseSync, tell: Tell): Dialect {
  return {
    createAdapter: () => new OneConnectionAdapter(),
    createDriver: () => new NodeSqliteDriver(connection, tell),
    createQueryCompiler: () => new SqliteQueryCompiler(),
    createIntrospector: (kysely) => new SqliteIntrospector(kysely),
  };
}

/** Tells Kysely to hand the connection to one caller at a time. */
class OneConnectionAdapter extends SqliteAdapter {
  override get supportsMultipleConnections(): boolean {
    return false;
  }
}

class NodeSqliteDriver implements Driver {
  readonly #database: DatabaseSync;
  readonly #connection: NodeSqliteConnection;
  readonly #tell: Tell;

  constructor(database: DatabaseSync, tell: Tell) {
    this.#database = database;
    this.#connection = new NodeSqliteConnection(database, tell);
    this.#tell = tell;
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<DatabaseConnection> {
    return this.#connection;
  }

  /** Writers take the lock at once: a deferred BEGIN that upgrades later fails under load (reliability H8). */
  async beginTransaction(_connection: DatabaseConnection, settings: TransactionSettings): Promise<void> {
    this.#run(settings.accessMode === 'read only' ? 'BEGIN' : 'BEGIN IMMEDIATE');
  }

  async commitTransaction(): Promise<void> {
    this.#run('COMMIT');
  }

  /** On a full disk SQLite has rolled back already; a second ROLLBACK would throw and hide the cause (reliability H4). */
  async rollbackTransaction(): Promise<void> {
    if (this.#database.isTransaction) this.#run('ROLLBACK');
  }

  #run(sql: string): void {
    this.#database.exec(sql);
    this.#tell?.({ sql, rowsWritten: 0 });
  }

  async releaseConnection(): Promise<void> {}

  async destroy(): Promise<void> {
    this.#connection.forget();
    if (this.#database.isOpen) this.#database.close();
  }
}

interface Prepared {
  readonly statement: StatementSync;
  /** A statement that writes and answers rows is an INSERT or UPDATE with RETURNING: a row for each written one. */
  readonly answersRows: boolean;
  readonly writes: boolean;
}

/** Statements kept prepared. The store's own texts are far fewer. */
const STATEMENTS_MAX = 200;

class NodeSqliteConnection implements DatabaseConnection {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, Prepared>();
  readonly #tell: Tell;

  constructor(database: DatabaseSync, tell: Tell) {
    this.#database = database;
    this.#tell = tell;
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    const { statement, answersRows, writes } = this.#prepare(query.sql);
    if ('each' in query) return this.#runEach<R>(statement, query as ManyTimes);
    const parameters = query.parameters.map(bindable);
    if (answersRows) {
      const rows = statement.all(...parameters) as R[];
      this.#tell?.({ sql: query.sql, rowsWritten: writes ? rows.length : 0 });
      return { rows };
    }
    const { changes, lastInsertRowid } = statement.run(...parameters);
    this.#tell?.({ sql: query.sql, rowsWritten: Number(changes) });
    return { rows: [], numAffectedRows: BigInt(changes), insertId: BigInt(lastInsertRowid) };
  }

  /** An INSERT for each list of parameters, within the transaction around it. */
  #runEach<R>(statement: StatementSync, { sql, each }: ManyTimes): QueryResult<R> {
    let rowsWritten = 0;
    for (const parameters of each) {
      const hasFlags = parameters.some((value) => typeof value === 'boolean');
      const values = hasFlags ? parameters.map(bindable) : (parameters as readonly SQLInputValue[]);
      rowsWritten += Number(statement.run(...values).changes);
    }
    this.#tell?.({ sql, rowsWritten });
    return { rows: [], numAffectedRows: BigInt(rowsWritten) };
  }

  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('Streams are not used: read in pages.');
  }

  forget(): void {
    this.#statements.clear();
  }

  #prepare(sql: string): Prepared {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    // Our own texts number their parameters in order, as PostgreSQL needs it; here `$1` would be a name.
    const statement = this.#database.prepare(sql.replaceAll(/\$\d+/g, '?'));
    const prepared = {
      statement,
      answersRows: statement.columns().length > 0,
      writes: !/^\s*(select|pragma|with)/i.test(sql),
    };
    if (this.#statements.size >= STATEMENTS_MAX) this.#statements.clear();
    // Definitions are run once; a statement that outlived a change of the schema would only be prepared again.
    if (!/^\s*(CREATE|DROP)/i.test(sql)) this.#statements.set(sql, prepared);
    return prepared;
  }
}

function bindable(value: unknown): SQLInputValue {
  return typeof value === 'boolean' ? (value ? 1 : 0) : (value as SQLInputValue);
}
