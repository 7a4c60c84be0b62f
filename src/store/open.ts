/** Opens the store behind a `DATABASE_URL`. */
import { TruebookError } from '../domain/errors.ts';
import { type Clock } from '../domain/time.ts';
import { bookStore } from './bookStore.ts';
import { NEWEST_VERSION } from './migrations/migrate.ts';
import { openSqlite } from './sqlite.ts';
import { type Database, type SentStatement } from './database.ts';
import { type Store } from './store.ts';

export interface OpenOptions {
  /** `sqlite:PATH`, `sqlite::memory:` or `postgres://...`. */
  readonly url: string;
  readonly clock: Clock;
  /** Nothing is written, not even a missing file or schema. Default: false. */
  readonly readonly?: boolean;
  /** Bring an older schema up to date. Default: true. */
  readonly migrate?: boolean;
  /** Tests: accept a PostgreSQL that may lose acknowledged data (`fsync = off`). */
  readonly allowUnsafeDurability?: boolean;
  /** Simulations: the clock of leases, milliseconds since 1970. Default: the database's own clock. */
  readonly leaseNow?: () => number;
  /** Told of every statement after it ran, for measurements. */
  readonly onStatement?: (statement: SentStatement) => void;
  /**
   * The seed of the key that signs the heads of chains, 32 bytes; null where there is none. Asked for when it is needed.
   * Default: none.
   */
  readonly signingSeed?: () => Buffer | null;
  /** Tests of a full disk: SQLite refuses to grow beyond this many pages. */
  readonly maxPageCount?: number;
}

/**
 * Opens and, unless told otherwise, migrates. Throws `storage_too_old`, `storage_unsafe`, `storage_foreign`,
 * `storage_newer`, `storage_unreachable`, `config`; no text of an error ever holds a password.
 */
export async function openStore(options: OpenOptions): Promise<Store> {
  const { clock, signingSeed = () => null } = options;
  return bookStore(await openDatabase(options), NEWEST_VERSION, { clock, signingSeed });
}

/** The database alone: for the store and for tests that look underneath it. */
export async function openDatabase(options: OpenOptions): Promise<Database> {
  const { url, clock, readonly = false, migrate = true, leaseNow, onStatement, maxPageCount } = options;
  const given = {
    clock,
    readonly,
    migrate,
    ...(leaseNow === undefined ? {} : { leaseNow }),
    ...(onStatement === undefined ? {} : { onStatement }),
  };
  if (url.startsWith('sqlite:')) {
    const file = url.slice('sqlite:'.length);
    if (file !== '')
      return await openSqlite({ ...given, file, ...(maxPageCount === undefined ? {} : { maxPageCount }) });
  }
  if (/^postgres(ql)?:\/\//.test(url)) {
    const { allowUnsafeDurability = false } = options;
    // Its driver is loaded by those who use it: reading commands should answer at once.
    const { openPostgres } = await import('./postgres.ts');
    return await openPostgres({ ...given, url, allowUnsafeDurability });
  }
  throw new TruebookError('config', 'DATABASE_URL names no database that Truebook knows.', {
    hint: 'Write sqlite:PATH (e.g. sqlite:truebook.db) or postgres://user@host:5432/database.',
  });
}
