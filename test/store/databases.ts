/**
 * Runs store tests on both databases: `forEachDatabase('leases', (open) => { it(..., async () => { const { store } =
 * await open(); ... }) })`. Every `open()` is a new, empty database; what was opened is closed after each test.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import { afterEach, describe } from 'vitest';
import { type Clock } from '../../src/domain/time.ts';
import { openStore, type OpenOptions } from '../../src/store/open.ts';
import { type Store } from '../../src/store/store.ts';
import { createTestDatabase } from '../testDatabase.ts';

export type Dialect = 'sqlite' | 'postgres';

export interface TestDatabase {
  readonly dialect: Dialect;
  readonly url: string;
  readonly store: Store;
  /** Another connection to the same database, as another process has it. */
  again(options?: Partial<OpenOptions>): Promise<Store>;
  /** SQL past the store: to look underneath, and to do what an attacker or a fault does. */
  sql(text: string): Promise<Record<string, unknown>[]>;
}

export type Open = (options?: Partial<OpenOptions>) => Promise<TestDatabase>;

const closers: (() => Promise<void> | void)[] = [];

export async function closeAll(): Promise<void> {
  for (const close of closers.splice(0).reverse()) await close();
}

/** Closes something after the test. */
export function later(close: () => Promise<void> | void): void {
  closers.push(close);
}

export function forEachDatabase(name: string, tests: (open: Open, dialect: Dialect) => void): void {
  for (const dialect of ['sqlite', 'postgres'] as const) {
    describe(`${name} on ${dialect}`, () => {
      afterEach(closeAll);
      tests((options) => openTestDatabase(dialect, options), dialect);
    });
  }
}

export async function openTestDatabase(
  dialect: Dialect,
  options: Partial<OpenOptions> = {},
): Promise<TestDatabase> {
  const url = options.url ?? (await emptyDatabase(dialect));
  const again = async (more: Partial<OpenOptions> = {}): Promise<Store> => {
    const store = await openStore({
      clock: stillClock(),
      allowUnsafeDurability: true,
      ...options,
      ...more,
      url,
    });
    closers.push(() => store.close());
    return store;
  };
  return {
    dialect,
    url,
    store: await again(),
    again,
    sql: (text) => (dialect === 'sqlite' ? sqliteSql(url, text) : postgresSql(url, text)),
  };
}

/** The URL of a database that is new and empty. */
export async function emptyDatabase(dialect: Dialect): Promise<string> {
  return dialect === 'sqlite'
    ? `sqlite:${path.join(temporaryFolder(), 'book.db')}`
    : await createTestDatabase();
}

/** A folder that vanishes after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'truebook-store-'));
  closers.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Type numbers of PostgreSQL: date, timestamp. */
const AS_PRINTED = [1082, 1114];

export async function postgresSql(url: string, text: string): Promise<Record<string, unknown>[]> {
  // Days and moments as the server prints them: as a Date they would depend on the zone of this machine.
  const parserOf = (oid: number, format: 'text') =>
    AS_PRINTED.includes(oid)
      ? (printed: string) => printed
      : (pg.types.getTypeParser(oid, format) as unknown);
  const types = { getTypeParser: parserOf as typeof pg.types.getTypeParser };
  const client = new pg.Client({ connectionString: url, types });
  await client.connect();
  try {
    await client.query('SET search_path = truebook, public');
    const answer = (await client.query(text)) as unknown as pg.QueryResult | pg.QueryResult[];
    const last = Array.isArray(answer) ? answer.at(-1)! : answer;
    return last.rows as Record<string, unknown>[];
  } finally {
    await client.end();
  }
}

export async function sqliteSql(url: string, text: string): Promise<Record<string, unknown>[]> {
  const connection = new DatabaseSync(url.slice('sqlite:'.length), { timeout: 5000 });
  try {
    if (!/^\s*(SELECT|PRAGMA)/i.test(text)) {
      connection.exec(text);
      return [];
    }
    return connection.prepare(text).all();
  } finally {
    connection.close();
  }
}

/** A clock that stands at one moment: the store takes its own time from the database. */
export function stillClock(): Clock {
  return {
    wallMs: () => Date.parse('2025-08-22T14:00:00Z'),
    monoMs: () => 0,
    epoch: `still-${randomBytes(4).toString('hex')}`,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, Math.min(ms, 50))),
  };
}
