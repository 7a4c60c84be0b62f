/**
 * The view tables as a whole: what a rebuild derived is held against what is stored, row for row and by hash, and
 * written in its place. A row is compared as text that is the same on both databases.
 */
import { createHash } from 'node:crypto';
import { CompiledQuery } from 'kysely';
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
import { insertRows, isTrue, type ColumnValue, type Row } from './rows.ts';
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

/** A row that the two sides of a table do not have alike; null where a side has none of that key. */
interface Difference {
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
  const comparisons = await withRoom(database, queries, async () => {
    const found: ViewComparison[] = [];
    for (const table of VIEW_TABLES) {
      const { comparison, differences } = await compareTable(
        queries,
        table,
        lease.accountId,
        views,
        examples,
      );
      await mend(queries, table, lease.accountId, differences);
      found.push(comparison);
    }
    return found;
  });
  const rows = comparisons.reduce((sum, { differing }) => sum + differing, 0);
  await appendAudit(database, queries, [{ ...audit, facts: { ...audit.facts, rows } }]);
  return comparisons;
}

/** SQLite's own cache holds 2 MB, and tables of 100,000 rows with their indexes would go to the log page by page. */
async function withRoom<Result>(
  { dialect }: Database,
  queries: Queries,
  work: () => Promise<Result>,
): Promise<Result> {
  if (dialect !== 'sqlite') return await work();
  const cache = (kib: number) => queries.executeQuery(CompiledQuery.raw(`PRAGMA cache_size = -${kib}`));
  await cache(ROOM_KIB);
  try {
    return await work();
  } finally {
    await cache(USUAL_KIB);
  }
}

const ROOM_KIB = 65_536;
const USUAL_KIB = 2_000;

async function compareTable(
  queries: Queries,
  table: ViewTable,
  accountId: AccountId,
  views: readonly EpochViews[],
  examples: number,
): Promise<{ readonly comparison: ViewComparison; readonly differences: readonly Difference[] }> {
  const stored = inKeyOrder(table, await storedRows(queries, table, accountId));
  const derived = inKeyOrder(table, derivedRows(table, accountId, views));
  const columns = columnsOf(stored[0]?.row, derived[0]?.row);
  const { differences, hashes } = walk(columns, stored, derived);
  return {
    differences,
    comparison: {
      table,
      stored: { rows: stored.length, hash: hashes.stored },
      derived: { rows: derived.length, hash: hashes.derived },
      differing: differences.length,
      examples: differences.slice(0, examples).map((difference) => ({
        key: keyOf(table, difference.stored ?? difference.derived!).join(' '),
        stored: shown(columns, difference.stored),
        derived: shown(columns, difference.derived),
      })),
    },
  };
}

interface Walk {
  readonly differences: readonly Difference[];
  readonly hashes: { readonly stored: string; readonly derived: string };
}

/** One walk along both sides in the order of their keys: the texts of the rows are hashed and compared, and not kept. */
function walk(columns: readonly string[], stored: readonly KeyedRow[], derived: readonly KeyedRow[]): Walk {
  const hashes = { stored: createHash('sha256'), derived: createHash('sha256') };
  const differences: Difference[] = [];
  for (let [left, right] = [0, 0]; left < stored.length || right < derived.length;) {
    const [was, is] = [stored[left], derived[right]];
    const here = {
      stored: was !== undefined && (is === undefined || was.key <= is.key) ? was.row : null,
      derived: is !== undefined && (was === undefined || is.key <= was.key) ? is.row : null,
    };
    const before = here.stored === null ? null : lineOf(columns, here.stored);
    const after = here.derived === null ? null : lineOf(columns, here.derived);
    if (before !== null) hashes.stored.update(before);
    if (after !== null) hashes.derived.update(after);
    if (before !== after) differences.push(here);
    if (here.stored !== null) left += 1;
    if (here.derived !== null) right += 1;
  }
  return {
    differences,
    hashes: { stored: hashes.stored.digest('hex'), derived: hashes.derived.digest('hex') },
  };
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

/** Rows made for this call alone, so that the columns they lack are added to them and no copies are made. */
function derivedRows(
  table: ViewTable,
  accountId: AccountId,
  views: readonly EpochViews[],
): readonly ViewRow[] {
  return views.flatMap((view) =>
    ROWS[table](view, accountId).map((row) => Object.assign(row, { epoch: view.epoch }) as ViewRow),
  );
}

interface KeyedRow {
  readonly key: string;
  readonly row: ViewRow;
}

/** No stored text holds a NUL, so that two keys are never taken for one. */
const BETWEEN = '\0';

function inKeyOrder(table: ViewTable, rows: readonly ViewRow[]): readonly KeyedRow[] {
  return rows
    .map((row) => ({ key: keyOf(table, row).join(BETWEEN), row }))
    .sort((left, right) => (left.key < right.key ? -1 : left.key > right.key ? 1 : 0));
}

function keyOf(table: ViewTable, row: ViewRow): readonly string[] {
  return KEYS[table].map((column) => String(row[column]));
}

/** Every column that either side has, but the account: one that nobody reads may be damaged too. */
function columnsOf(...rows: readonly (ViewRow | undefined)[]): readonly string[] {
  const columns = new Set(rows.flatMap((row) => Object.keys(row ?? {})));
  columns.delete('account_id');
  return [...columns].sort();
}

/** SQLite keeps flags as numbers. */
const FLAGS: ReadonlySet<string> = new Set(['explained']);

function valueOf(column: string, row: ViewRow): ViewRow[string] {
  const value = row[column] ?? null;
  return FLAGS.has(column) ? isTrue(value as boolean | number) : value;
}

function lineOf(columns: readonly string[], row: ViewRow): string {
  return `${JSON.stringify(columns.map((column) => valueOf(column, row)))}\n`;
}

function shown(columns: readonly string[], row: ViewRow | null): ViewRow | null {
  return row === null ? null : Object.fromEntries(columns.map((column) => [column, valueOf(column, row)]));
}

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
  const rowsOf = (isNew: boolean): readonly Row[] =>
    differences.flatMap(({ stored, derived }) => {
      if (derived === null || (stored === null) !== isNew) return [];
      return [Object.assign(derived as Record<string, ColumnValue>, { account_id: accountId })];
    });
  // A plain insert costs half of one that looks for the row first.
  await insertRows(queries, table, rowsOf(true));
  const keys = ['account_id', ...KEYS[table]];
  await insertRows(queries, table, rowsOf(false), { keys, then: 'update' });
}
