/**
 * The view tables as a whole: what a rebuild derived is held against what is stored, row for row and by hash, and
 * written in its place. A row is compared as text that is the same on both databases.
 */
import { createHash } from 'node:crypto';
import { type AccountId } from '../domain/account.ts';
import { accountById } from './accounts.ts';
import { appendAudit } from './audit.ts';
import { endOfDay, proofColumns } from './balanceDays.ts';
import { accountChain, lockHead } from './chain.ts';
import { checkpointRow } from './checkpoints.ts';
import { type Database, type Queries } from './database.ts';
import { checkFence } from './leases.ts';
import { lotRow, numberedClosureRow, washRow } from './lots.ts';
import { positionRow } from './positions.ts';
import { insertRows, isTrue, type Row } from './rows.ts';
import {
  VIEW_TABLES,
  type AuditEntry,
  type EpochViews,
  type Lease,
  type ViewComparison,
  type ViewRow,
  type ViewTable,
} from './store.ts';

/** Columns that name a row of an account. */
const KEYS: Readonly<Record<ViewTable, readonly string[]>> = {
  position: ['epoch', 'instrument', 'opened_root_id'],
  lot: ['epoch', 'lot_id'],
  lot_closure: ['epoch', 'closure_id'],
  wash_adjustment: ['epoch', 'adjustment_id'],
  balance_day: ['epoch', 'trade_date', 'currency'],
  book_checkpoint: ['epoch', 'last_executed_at', 'last_root_id'],
};

/**
 * Rows of a table by their keys, each as the JSON list of its values in the order of `columns`: what is compared and
 * hashed, and short enough to hold two books of it.
 */
interface Lines {
  readonly columns: readonly string[];
  readonly texts: ReadonlyMap<string, string>;
}

interface Difference {
  readonly key: string;
  readonly stored: ViewRow | null;
  readonly derived: ViewRow | null;
}

export async function compareViews(
  queries: Queries,
  accountId: AccountId,
  views: readonly EpochViews[],
  examples: number,
): Promise<readonly ViewComparison[]> {
  const comparisons: ViewComparison[] = [];
  for (const table of VIEW_TABLES)
    comparisons.push((await compareTable(queries, table, accountId, views, examples)).comparison);
  return comparisons;
}

export interface Replacement {
  readonly views: readonly EpochViews[];
  readonly ledgerSeq: number;
  readonly audit: AuditEntry;
  readonly examples: number;
}

export async function replaceViews(
  database: Database,
  queries: Queries,
  lease: Lease,
  { views, ledgerSeq, audit, examples }: Replacement,
): Promise<readonly ViewComparison[] | null> {
  await checkFence(database, queries, lease);
  const { name } = await accountById(queries, lease.accountId);
  // Held until the end: what a person writes meanwhile comes behind it.
  const head = await lockHead(database, queries, accountChain(name));
  if (head.seq !== ledgerSeq) return null;
  const comparisons: ViewComparison[] = [];
  for (const table of VIEW_TABLES) {
    const { comparison, differences } = await compareTable(queries, table, lease.accountId, views, examples);
    await mend(queries, table, lease.accountId, differences);
    comparisons.push(comparison);
  }
  const rows = comparisons.reduce((sum, { differing }) => sum + differing, 0);
  await appendAudit(database, queries, [{ ...audit, facts: { ...audit.facts, rows } }]);
  return comparisons;
}

async function compareTable(
  queries: Queries,
  table: ViewTable,
  accountId: AccountId,
  views: readonly EpochViews[],
  examples: number,
): Promise<{ readonly comparison: ViewComparison; readonly differences: readonly Difference[] }> {
  const [storedOnes, derivedOnes] = [
    await storedRows(queries, table, accountId),
    derivedRows(table, accountId, views),
  ];
  const columns = columnsOf(storedOnes[0], derivedOnes[0]);
  const stored = linesOf(table, columns, storedOnes);
  const derived = linesOf(table, columns, derivedOnes);
  const differences = differencesOf(stored, derived);
  return {
    differences,
    comparison: {
      table,
      stored: digest(stored),
      derived: digest(derived),
      differing: differences.length,
      examples: differences.slice(0, examples),
    },
  };
}

function differencesOf(stored: Lines, derived: Lines): readonly Difference[] {
  const keys: string[] = [];
  for (const [key, text] of derived.texts) if (stored.texts.get(key) !== text) keys.push(key);
  for (const key of stored.texts.keys()) if (!derived.texts.has(key)) keys.push(key);
  return keys.sort().map((key) => ({ key, stored: rowOf(stored, key), derived: rowOf(derived, key) }));
}

function rowOf({ columns, texts }: Lines, key: string): ViewRow | null {
  const text = texts.get(key);
  if (text === undefined) return null;
  const values = JSON.parse(text) as ViewRow[string][];
  return Object.fromEntries(columns.map((column, place) => [column, values[place]!]));
}

function digest({ texts }: Lines): ViewComparison['stored'] {
  const hash = createHash('sha256');
  for (const key of [...texts.keys()].sort()) hash.update(`${texts.get(key)!}\n`);
  return { rows: texts.size, hash: hash.digest('hex') };
}

// ---- rows -----------------------------------------------------------------------------------------------------------

/** Whatever SQL finds. */
async function storedRows(
  queries: Queries,
  table: ViewTable,
  accountId: AccountId,
): Promise<readonly ViewRow[]> {
  return (await queries
    .selectFrom(table as 'position')
    .selectAll()
    .where('account_id', '=', accountId)
    .execute()) as readonly ViewRow[];
}

function derivedRows(
  table: ViewTable,
  accountId: AccountId,
  views: readonly EpochViews[],
): readonly ViewRow[] {
  return views.flatMap((view) =>
    ROWS[table](view, accountId).map((row) => ({ epoch: view.epoch, ...row }) as ViewRow),
  );
}

/** Every column that either side has, but the account: one that nobody reads may be damaged too. */
function columnsOf(...rows: readonly (ViewRow | undefined)[]): readonly string[] {
  const columns = new Set(rows.flatMap((row) => Object.keys(row ?? {})));
  columns.delete('account_id');
  return [...columns].sort();
}

function linesOf(table: ViewTable, columns: readonly string[], rows: readonly ViewRow[]): Lines {
  const keys = KEYS[table];
  const texts = new Map<string, string>();
  for (const row of rows) {
    const values = columns.map((column) =>
      FLAGS.has(column) ? isTrue(row[column] as boolean) : row[column],
    );
    texts.set(keys.map((key) => String(row[key])).join(' '), JSON.stringify(values));
  }
  return { columns, texts };
}

/** SQLite keeps flags as numbers. */
const FLAGS: ReadonlySet<string> = new Set(['explained']);

const ROWS: Readonly<Record<ViewTable, (view: EpochViews, accountId: AccountId) => readonly Row[]>> = {
  position: ({ positions }) => positions.map(positionRow),
  lot: ({ lots }) => lots.map(lotRow),
  lot_closure: ({ closures, epoch }, accountId) =>
    closures.map((closure) => numberedClosureRow(accountId, epoch, closure)),
  wash_adjustment: ({ wash }) => wash.map(washRow),
  balance_day: ({ balanceDays }) =>
    balanceDays.map((day) => ({ ...endOfDay(day), ...proofColumns(day.proof ?? null) })),
  book_checkpoint: ({ checkpoints }) => checkpoints.map(checkpointRow),
};

// ---- writing --------------------------------------------------------------------------------------------------------

async function mend(
  queries: Queries,
  table: ViewTable,
  accountId: AccountId,
  differences: readonly Difference[],
): Promise<void> {
  for (const { stored, derived } of differences) {
    if (stored === null || derived !== null) continue;
    let removal = queries.deleteFrom(table as 'position').where('account_id', '=', accountId);
    for (const key of KEYS[table])
      removal = removal.where(queries.dynamic.ref(key), '=', stored[key] as string);
    await removal.execute();
  }
  await insertRows(
    queries,
    table,
    differences.flatMap(({ derived }) => (derived === null ? [] : [{ account_id: accountId, ...derived }])),
    { keys: ['account_id', ...KEYS[table]], then: 'update' },
  );
}
