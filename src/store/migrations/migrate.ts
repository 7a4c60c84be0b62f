/** Brings a database to the newest schema, in one transaction, whoever else tries it at the same moment. */
import { CompiledQuery, type Kysely } from 'kysely';
import { TruebookError } from '../../domain/errors.ts';
import { now, type Clock } from '../../domain/time.ts';
import { instantKey } from '../../domain/time.ts';
import { type Schema } from '../schema.ts';
import { type DialectName, type Migration } from './definition.ts';
import { book } from './001_book.ts';
import { orderLookups } from './002_orderLookups.ts';
import { syncParts } from './003_syncParts.ts';
import { equityHistory } from './004_equityHistory.ts';
import { importedTrades } from './005_importedTrades.ts';
import { bookViews } from './006_bookViews.ts';
import { rebuild } from './007_rebuild.ts';
import { corrections } from './008_corrections.ts';
import { rolledProceeds } from './009_rolledProceeds.ts';
import { seenAfter } from './010_seenAfter.ts';
import { OLD_NAMES, oldNameViews } from './oldNames.ts';

/** Every migration there is, in order. Append only: what was released is never edited. */
export const MIGRATIONS: readonly Migration[] = [
  book,
  orderLookups,
  syncParts,
  equityHistory,
  importedTrades,
  bookViews,
  rebuild,
  corrections,
  rolledProceeds,
  seenAfter,
];

export const NEWEST_VERSION = MIGRATIONS.at(-1)!.version;

/** Text of `meta.product`: how we know a PostgreSQL schema `truebook` as ours. */
export const PRODUCT = 'truebook';

/** What a database says of its schema: 0 = ours and empty, null = no table of ours. */
export type SchemaVersion = number | null;

/** Runs what is missing inside the caller's transaction. `from` is what the database has now. */
export async function migrate(
  transaction: Kysely<Schema>,
  dialect: DialectName,
  from: SchemaVersion,
  clock: Clock,
): Promise<void> {
  refuseNewer(from);
  if (from === NEWEST_VERSION) return;
  if (from === null) await run(transaction, bookkeeping());
  await dropOldNameViews(transaction, dialect);
  for (const migration of MIGRATIONS) {
    if (migration.version <= (from ?? 0)) continue;
    await run(transaction, migration.statements(dialect));
    await migration.fill?.(transaction);
    await transaction
      .insertInto('schema_migration')
      .values({ version: migration.version, name: migration.name, applied_at: instantKey(now(clock)) })
      .execute();
  }
  await createOldNameViews(transaction, dialect);
}

/** Throws `storage_newer` when a later Truebook wrote this database. */
export function refuseNewer(version: SchemaVersion): void {
  if (version === null || version <= NEWEST_VERSION) return;
  throw new TruebookError(
    'storage_newer',
    `The database has schema version ${version}, this Truebook knows up to ${NEWEST_VERSION}.`,
    { hint: 'Use the newer Truebook that wrote it, or restore a backup made before the upgrade.' },
  );
}

function bookkeeping(): string[] {
  return [
    'CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)',
    'CREATE TABLE schema_migration (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied_at TEXT NOT NULL)',
    `INSERT INTO meta (key, value) VALUES ('product', '${PRODUCT}')`,
  ];
}

async function run(transaction: Kysely<Schema>, statements: readonly string[]): Promise<void> {
  for (const statement of statements) await transaction.executeQuery(CompiledQuery.raw(statement));
}

async function dropOldNameViews(transaction: Kysely<Schema>, dialect: DialectName): Promise<void> {
  for (const name of OLD_NAMES) {
    // CASCADE takes our view of the same name in `public` with it; it is made anew below.
    await run(transaction, [
      dialect === 'sqlite' ? `DROP VIEW IF EXISTS ${name}` : `DROP VIEW IF EXISTS truebook.${name} CASCADE`,
    ]);
  }
}

async function createOldNameViews(transaction: Kysely<Schema>, dialect: DialectName): Promise<void> {
  for (const view of oldNameViews(dialect)) {
    await run(transaction, [`CREATE VIEW ${view.name} AS\n${view.query}`]);
  }
  if (dialect === 'postgres') await createPublicViews(transaction);
}

/** The old names in `public`, each only where nothing of that name exists and only if we may create there. */
async function createPublicViews(transaction: Kysely<Schema>): Promise<void> {
  const allowed = await transaction.executeQuery<{ allowed: boolean }>(
    CompiledQuery.raw(
      "SELECT coalesce(has_schema_privilege(oid, 'CREATE'), false) AS allowed FROM pg_namespace WHERE nspname = 'public'",
    ),
  );
  if (allowed.rows[0]?.allowed !== true) return;
  for (const name of OLD_NAMES) {
    const taken = await transaction.executeQuery(
      CompiledQuery.raw(
        "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relname = $1",
        [name],
      ),
    );
    if (taken.rows.length === 0) {
      await run(transaction, [`CREATE VIEW public.${name} AS SELECT * FROM truebook.${name}`]);
    }
  }
}
