/**
 * The view tables as a whole: what a rebuild derived is held against what is stored, row for row and by hash, and
 * written in its place. A row is compared as text that is the same on both databases.
 */
import { type AccountId } from '../domain/account.ts';
import { canonicalJson, sha256 } from '../domain/contentHash.ts';
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

/** A row with the text it is compared by. */
interface Line {
  readonly row: ViewRow;
  readonly text: string;
}
type Lines = ReadonlyMap<string, Line>;

interface Difference {
  readonly key: string;
  readonly stored: Line | null;
  readonly derived: Line | null;
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
  const stored = await storedLines(queries, table, accountId);
  const derived = linesOf(table, derivedRows(table, accountId, views));
  const differences = differencesOf(stored, derived);
  return {
    differences,
    comparison: {
      table,
      stored: digest(stored),
      derived: digest(derived),
      differing: differences.length,
      examples: differences.slice(0, examples).map((difference) => ({
        key: difference.key,
        stored: difference.stored?.row ?? null,
        derived: difference.derived?.row ?? null,
      })),
    },
  };
}

function differencesOf(stored: Lines, derived: Lines): readonly Difference[] {
  const differences: Difference[] = [];
  for (const [key, line] of derived) {
    const before = stored.get(key) ?? null;
    if (before?.text !== line.text) differences.push({ key, stored: before, derived: line });
  }
  for (const [key, line] of stored)
    if (!derived.has(key)) differences.push({ key, stored: line, derived: null });
  return differences.sort((left, right) => (left.key < right.key ? -1 : 1));
}

function digest(lines: Lines): ViewComparison['stored'] {
  const texts = [...lines].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, line]) => line.text);
  return { rows: lines.size, hash: sha256(texts.join('\n')) };
}

// ---- rows -----------------------------------------------------------------------------------------------------------

/** Whatever SQL finds, every column of it but the account: a column nobody reads may be damaged too. */
async function storedLines(queries: Queries, table: ViewTable, accountId: AccountId): Promise<Lines> {
  const rows = await queries
    .selectFrom(table as 'position')
    .selectAll()
    .where('account_id', '=', accountId)
    .execute();
  return linesOf(
    table,
    rows.map(({ account_id: _, ...row }) =>
      'explained' in row ? { ...row, explained: isTrue(row.explained) } : row,
    ) as ViewRow[],
  );
}

function linesOf(table: ViewTable, rows: readonly ViewRow[]): Lines {
  const keys = KEYS[table];
  return new Map(
    rows.map((row) => [
      keys.map((key) => String(row[key])).join(' '),
      { row, text: sha256(canonicalJson(row)) },
    ]),
  );
}

function derivedRows(
  table: ViewTable,
  accountId: AccountId,
  views: readonly EpochViews[],
): readonly ViewRow[] {
  return views.flatMap((view) => {
    const { epoch } = view;
    return ROWS[table](view, accountId).map(({ account_id: _, ...row }: Row): ViewRow => ({
      epoch,
      ...(row as ViewRow),
    }));
  });
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
      removal = removal.where(queries.dynamic.ref(key), '=', stored.row[key] as string);
    await removal.execute();
  }
  await insertRows(
    queries,
    table,
    differences.flatMap(({ derived }) =>
      derived === null ? [] : [{ account_id: accountId, ...derived.row }],
    ),
    { keys: ['account_id', ...KEYS[table]], then: 'update' },
  );
}
