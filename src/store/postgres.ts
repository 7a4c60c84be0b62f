/**
 * PostgreSQL through `pg` under Kysely. Everything lives in schema `truebook`; writers take the account's lease row
 * first, so transactions of one account follow each other and those of different accounts do not meet.
 */
import { CompiledQuery, Kysely, PostgresDialect, PostgresDriver, type DatabaseConnection } from 'kysely';
import pg from 'pg';
import { TruebookError } from '../domain/errors.ts';
import { type Clock } from '../domain/time.ts';
import { type Database, type Queries, type SentStatement } from './database.ts';
import { migrate, NEWEST_VERSION, PRODUCT, refuseNewer, type SchemaVersion } from './migrations/migrate.ts';
import { type Schema } from './schema.ts';
import { isConflict, isConnectionLoss, storageError } from './storageErrors.ts';

const CONNECTIONS_MAX = 8;
const CONNECT_TIMEOUT_MS = 10_000;

/** Attempts at a transaction that the server refused for a conflict with another one (40001, 40P01). */
const WRITE_ATTEMPTS = 5;

/** Attempts to ask about a lost COMMIT: a server that restarts after a crash takes seconds. */
const OUTCOME_ATTEMPTS = 20;
const OUTCOME_PAUSE_MS = 250;

/** Key of the advisory lock that lets one process migrate at a time. */
const MIGRATION_LOCK = 0x7472626b;

const INT8 = 20;
const INEXACT_OR_EXACT_DECIMALS = [700, 701, 1700];

export interface PostgresOptions {
  readonly url: string;
  readonly clock: Clock;
  readonly readonly: boolean;
  readonly migrate: boolean;
  readonly allowUnsafeDurability: boolean;
  readonly leaseNow?: () => number;
  readonly onStatement?: (statement: SentStatement) => void;
}

export async function openPostgres(options: PostgresOptions): Promise<Database> {
  const place = placeOf(options.url);
  const pool = openPool(options);
  const kysely = new Kysely<Schema>({ dialect: new CarefulDialect({ pool }) });
  try {
    const facts = await checkServer(pool, options);
    await bringUpToDate(kysely, pool, options);
    return postgresDatabase(kysely, pool, options, {
      dialect: 'postgres',
      version: facts.version,
      place,
      durability: facts.durability,
    });
  } catch (error) {
    await pool.end();
    throw storageError(error);
  }
}

/** `postgres://host:port/database`: what may be shown. Throws `config` for text that is no address, without the text. */
function placeOf(url: string): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    // Not kept as a cause: Node's error holds the whole text, password included.
    throw new TruebookError('config', 'DATABASE_URL is not an address (its value is not shown).', {
      hint: 'Write postgres://user:password@host:5432/database; characters like @ or # in the password as %40, %23.',
    });
  }
  return `postgres://${parsed.hostname === '' ? 'localhost' : parsed.hostname}:${parsed.port === '' ? '5432' : parsed.port}${parsed.pathname}`;
}

function openPool(options: PostgresOptions): pg.Pool {
  const pool = new pg.Pool({
    connectionString: options.url,
    max: CONNECTIONS_MAX,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    application_name: 'truebook',
    types: { getTypeParser: parserOf as typeof pg.types.getTypeParser },
    verify: (client, done) => {
      prepareSession(client, options.readonly).then(() => {
        done();
      }, done);
    },
  });
  // A connection that breaks reports it to the query that runs on it; without a listener the event would end the process.
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  const { onStatement } = options;
  if (onStatement !== undefined) pool.on('connect', (client) => tellStatements(client, onStatement));
  return pool;
}

/** `client.query` that says what it sent. Only the promise form, which Kysely uses: the pool's own calls are none of ours. */
function tellStatements(client: pg.PoolClient, tell: (statement: SentStatement) => void): void {
  const query = client.query.bind(client) as (...given: unknown[]) => Promise<pg.QueryResult>;
  const telling = (...given: unknown[]): Promise<pg.QueryResult> => {
    const sent = query(...given);
    const [text] = given;
    if (typeof text !== 'string' || typeof given.at(-1) === 'function') return sent;
    return sent.then((result) => {
      const writes = ['INSERT', 'UPDATE', 'DELETE'].includes(result.command);
      tell({ sql: text, rowsWritten: writes ? (result.rowCount ?? 0) : 0 });
      return result;
    });
  };
  client.query = telling as unknown as typeof client.query;
}

async function prepareSession(client: pg.PoolClient, readonly: boolean): Promise<void> {
  await client.query(
    `SET search_path = truebook; SET synchronous_commit = on; SET default_transaction_read_only = ${readonly ? 'on' : 'off'}`,
  );
}

/** Nothing becomes a JavaScript float: decimals stay text, whole numbers beyond 2^53 are an error. */
function parserOf(oid: number, format?: 'text' | 'binary'): (text: string) => unknown {
  if (oid === INT8) return safeInteger;
  if (INEXACT_OR_EXACT_DECIMALS.includes(oid)) return (text) => text;
  return pg.types.getTypeParser(oid, format as 'text') as (text: string) => unknown;
}

function safeInteger(text: string): number {
  const value = Number.parseInt(text, 10);
  if (Number.isSafeInteger(value)) return value;
  throw new RangeError(`${text} is beyond the whole numbers that JavaScript keeps exactly`);
}

// ---- is this a server we trust? -------------------------------------------------------------------------------

interface ServerFacts {
  readonly version: string;
  readonly durability: string;
}

/** Throws `storage_unsafe`, `storage_readonly`. */
async function checkServer(pool: pg.Pool, options: PostgresOptions): Promise<ServerFacts> {
  const { rows } = await pool.query<Record<string, string>>(
    `SELECT current_setting('server_version') AS version, current_setting('fsync') AS fsync,
      current_setting('full_page_writes') AS full_page_writes, current_setting('synchronous_commit') AS synchronous_commit,
      current_setting('transaction_read_only') AS read_only`,
  );
  const settings = rows[0]!;
  for (const name of ['fsync', 'full_page_writes']) {
    if (settings[name] !== 'on' && !options.allowUnsafeDurability) {
      throw new TruebookError(
        'storage_unsafe',
        `The PostgreSQL server runs with ${name} = ${settings[name]}: it can lose what it acknowledged.`,
        {
          hint: `Set ${name} = on in postgresql.conf and restart the server.`,
        },
      );
    }
  }
  if (settings['read_only'] === 'on' && !options.readonly) {
    throw new TruebookError(
      'storage_readonly',
      'The PostgreSQL server accepts no writes (is it a standby?).',
      {
        hint: 'Point DATABASE_URL at the primary server.',
      },
    );
  }
  return {
    version: settings['version']!.split(' ')[0]!,
    durability: ['fsync', 'full_page_writes', 'synchronous_commit']
      .map((name) => `${name}=${settings[name]}`)
      .join(', '),
  };
}

/** The version of our schema, null where there is none yet. Throws `storage_foreign`, `storage_newer`. */
async function inspect(pool: pg.Pool | Queries): Promise<SchemaVersion> {
  const ask = async <Row>(text: string): Promise<Row[]> =>
    'executeQuery' in pool
      ? (await pool.executeQuery<Row>(CompiledQuery.raw(text))).rows
      : ((await pool.query(text)).rows as Row[]);
  const [found] = await ask<{ relations: number; meta: number }>(
    `SELECT count(*) AS relations, count(*) FILTER (WHERE c.relname IN ('meta', 'schema_migration')) AS meta
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'truebook'`,
  );
  if (found!.relations === 0) return null;
  const product =
    found!.meta < 2
      ? []
      : await ask("SELECT 1 FROM truebook.meta WHERE key = 'product' AND value = '" + PRODUCT + "'");
  if (product.length === 0) {
    throw new TruebookError(
      'storage_foreign',
      'The database has a schema "truebook" that another program made.',
      {
        hint: 'Use another database for Truebook, or rename that schema; Truebook leaves it alone.',
      },
    );
  }
  const [row] = await ask<{ version: number | null }>(
    'SELECT max(version) AS version FROM truebook.schema_migration',
  );
  refuseNewer(row!.version);
  return row!.version ?? 0;
}

async function bringUpToDate(kysely: Kysely<Schema>, pool: pg.Pool, options: PostgresOptions): Promise<void> {
  const found = await inspect(pool);
  if (found === NEWEST_VERSION) return;
  if (options.readonly || !options.migrate) {
    throw new TruebookError('storage_unreachable', 'The database has no or an older schema of Truebook.', {
      hint: 'Run `truebook migrate` once.',
    });
  }
  await kysely.transaction().execute(async (transaction) => {
    await transaction.executeQuery(CompiledQuery.raw('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]));
    // Asked again under the lock: another process may have migrated meanwhile.
    const version = await inspect(transaction);
    if (version === null) await createSchema(transaction);
    await migrate(transaction, 'postgres', version, options.clock);
  });
}

/** Only where it is missing: `IF NOT EXISTS` would want the right to create schemas even when ours stands ready. */
async function createSchema(transaction: Queries): Promise<void> {
  const { rows } = await transaction.executeQuery(
    CompiledQuery.raw("SELECT 1 FROM pg_namespace WHERE nspname = 'truebook'"),
  );
  if (rows.length === 0) await transaction.executeQuery(CompiledQuery.raw('CREATE SCHEMA truebook'));
}

// ---- transactions ---------------------------------------------------------------------------------------------

function postgresDatabase(
  kysely: Kysely<Schema>,
  pool: pg.Pool,
  options: PostgresOptions,
  facts: Database['facts'],
): Database {
  const { leaseNow } = options;
  const reading = kysely.transaction().setIsolationLevel('repeatable read').setAccessMode('read only');
  const writing = kysely.transaction().setIsolationLevel('read committed');
  return {
    dialect: 'postgres',
    facts,
    single: async (work) => {
      try {
        return await work(kysely);
      } catch (error) {
        throw storageError(causeOf(error));
      }
    },
    read: async (work) => {
      try {
        return await reading.execute(work);
      } catch (error) {
        throw storageError(causeOf(error));
      }
    },
    write: (work, findOutcome) => write(writing, options.clock, work, findOutcome),
    nowMs: async (queries) => {
      if (leaseNow !== undefined) return Math.trunc(leaseNow());
      const { rows } = await queries.executeQuery<{ now: number }>(
        CompiledQuery.raw(
          'SELECT CAST(floor(extract(epoch FROM clock_timestamp()) * 1000) AS BIGINT) AS now',
        ),
      );
      return rows[0]!.now;
    },
    maintain: async () => {
      await checkServer(pool, options).catch((error: unknown) => {
        throw storageError(error);
      });
    },
    close: () => kysely.destroy(),
  };
}

type Transactions = ReturnType<Kysely<Schema>['transaction']>;

/**
 * Read committed is enough because every writer first locks the one row that guards what it reads and writes: the
 * account's lease, then the heads of the chains. What still collides (instruments of two accounts) is tried again.
 */
async function write<Result>(
  transactions: Transactions,
  clock: Clock,
  work: (queries: Queries) => Promise<Result>,
  findOutcome?: (queries: Queries) => Promise<Result | null>,
): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await transactions.execute(work);
    } catch (error) {
      const cause = causeOf(error);
      if (error instanceof CommitError && isConnectionLoss(cause)) {
        const found = findOutcome === undefined ? UNKNOWN : await outcome(transactions, clock, findOutcome);
        if (found === UNKNOWN) throw unknownOutcome(cause);
        if (found !== null) return found;
      } else if (!isConflict(cause)) {
        throw storageError(cause);
      }
      if (attempt >= WRITE_ATTEMPTS) throw storageError(cause);
    }
  }
}

const UNKNOWN = Symbol('unknown outcome');

/** Asks until the server answers: the result, null when nothing was written, `UNKNOWN` when it stays silent. */
async function outcome<Result>(
  transactions: Transactions,
  clock: Clock,
  findOutcome: (queries: Queries) => Promise<Result | null>,
): Promise<Result | null | typeof UNKNOWN> {
  for (let attempt = 1; attempt <= OUTCOME_ATTEMPTS; attempt += 1) {
    try {
      return await transactions.execute(findOutcome);
    } catch (error) {
      if (!isConnectionLoss(causeOf(error)) && !isStarting(error)) throw storageError(causeOf(error));
      await clock.sleep(OUTCOME_PAUSE_MS);
    }
  }
  return UNKNOWN;
}

function isStarting(error: unknown): boolean {
  return error instanceof AggregateError;
}

function unknownOutcome(cause: unknown): TruebookError {
  return new TruebookError(
    'storage_unreachable',
    'The connection broke while a change was being committed; its outcome is not known.',
    {
      hint: 'Nothing needs to be done: the next run reads again what it needs, and identities keep rows from being counted twice.',
      retry: 'later',
      cause,
    },
  );
}

/** What went wrong while COMMIT was under way: only then may the outcome be unknown. */
class CommitError extends Error {
  override readonly cause: unknown;

  constructor(cause: unknown) {
    super('COMMIT failed', { cause });
    this.cause = cause;
  }
}

function causeOf(error: unknown): unknown {
  return error instanceof CommitError ? error.cause : error;
}

class CarefulDialect extends PostgresDialect {
  readonly #pool: pg.Pool;

  constructor(config: { pool: pg.Pool }) {
    super(config);
    this.#pool = config.pool;
  }

  override createDriver(): PostgresDriver {
    return new CarefulDriver({ pool: this.#pool });
  }
}

class CarefulDriver extends PostgresDriver {
  override async commitTransaction(connection: DatabaseConnection): Promise<void> {
    try {
      await super.commitTransaction(connection);
    } catch (cause) {
      throw new CommitError(cause);
    }
  }

  /** On a broken connection the server has rolled back already; the error that broke it is the one to report. */
  override async rollbackTransaction(
    ...given: Parameters<PostgresDriver['rollbackTransaction']>
  ): Promise<void> {
    try {
      await super.rollbackTransaction(...given);
    } catch {
      // The connection is marked for discard by now and never used again.
    }
  }
}
