/** The view tables as a whole: their digests, what differs from views that were derived again, and putting those in place. */
import { createHash } from 'node:crypto';
import { type AccountId } from '../domain/account.ts';
import { canonicalJson } from '../domain/contentHash.ts';
import { TruebookError } from '../domain/errors.ts';
import { accountById, allAccounts } from './accounts.ts';
import { appendAudit } from './audit.ts';
import { endOfDay, proofColumns, writeBalanceDays } from './balanceDays.ts';
import { accountChain, lockHead } from './chain.ts';
import { checkpointRow, writeCheckpoints } from './checkpoints.ts';
import { type Database, type Queries } from './database.ts';
import { checkFence } from './leases.ts';
import { closureRow, lotRow, saveLots, washRow } from './lots.ts';
import { rowsByKey, type TableRow } from './pages.ts';
import { positionRow, savePositions } from './positions.ts';
import { isTrue } from './rows.ts';
import {
  VIEW_TABLES,
  type BookViews,
  type Store,
  type ViewDifference,
  type ViewDigest,
  type ViewRow,
  type ViewTable,
} from './store.ts';

/** Columns of the key behind account and epoch: all of them text. */
const KEYS: Readonly<Record<ViewTable, readonly string[]>> = {
  position: ['instrument', 'opened_root_id'],
  lot: ['lot_id'],
  lot_closure: ['closure_id'],
  wash_adjustment: ['adjustment_id'],
  balance_day: ['trade_date', 'currency'],
  book_checkpoint: ['last_executed_at', 'last_root_id'],
};

/** Numbers that another database may count otherwise. */
const OWN_NUMBERS = ['account_id', 'number', 'replacement_account_id'];

/** Names of accounts by id: what a row says of another account. */
type Names = ReadonlyMap<AccountId, string>;

async function accountNames(queries: Queries): Promise<Names> {
  return new Map((await allAccounts(queries)).map(({ id, name }) => [id, name]));
}

function canonicalRow(row: TableRow, names: Names): ViewRow {
  const canonical: Record<string, string | number | boolean | null> = {};
  for (const [column, value] of Object.entries(row)) {
    if (!OWN_NUMBERS.includes(column)) canonical[column] = value as string | number | null;
  }
  const { explained, replacement_account_id: replacement } = row;
  if (explained !== undefined) canonical['explained'] = isTrue(explained as boolean | number);
  if (replacement !== undefined) {
    canonical['replacement_account'] =
      replacement === null ? null : (names.get(replacement as number) ?? String(replacement));
  }
  return canonical;
}

// ---- digests --------------------------------------------------------------------------------------------------

/** Counts rows and hashes them as they pass. */
class Digest {
  readonly #hash = createHash('sha256');
  rows = 0;

  add(row: ViewRow): void {
    this.#hash.update(`${canonicalJson(row)}\n`);
    this.rows += 1;
  }

  end(): { rows: number; digest: string } {
    return { rows: this.rows, digest: this.#hash.digest('hex') };
  }
}

async function* storedRows(
  queries: Queries,
  table: ViewTable,
  accountId: AccountId,
  epoch: number,
  names: Names,
): AsyncGenerator<ViewRow> {
  const only = { account_id: accountId, epoch };
  for await (const row of rowsByKey(queries, table, KEYS[table], only)) yield canonicalRow(row, names);
}

export async function viewDigest(queries: Queries, accountId: AccountId, epoch: number): Promise<ViewDigest> {
  const names = await accountNames(queries);
  const digests: Partial<Record<ViewTable, string>> = {};
  for (const table of VIEW_TABLES) {
    const digest = new Digest();
    for await (const row of storedRows(queries, table, accountId, epoch, names)) digest.add(row);
    digests[table] = digest.end().digest;
  }
  return digests as ViewDigest;
}

export async function viewRows(
  queries: Queries,
  table: ViewTable,
  accountId: AccountId,
  epoch: number,
): Promise<readonly ViewRow[]> {
  const names = await accountNames(queries);
  const rows: ViewRow[] = [];
  for await (const row of storedRows(queries, table, accountId, epoch, names)) rows.push(row);
  return rows;
}

// ---- comparing ------------------------------------------------------------------------------------------------

const SHOWN = 10;

export async function compareViews(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
  views: Partial<BookViews>,
): Promise<readonly ViewDifference[]> {
  const names = await accountNames(queries);
  const differences: ViewDifference[] = [];
  for (const table of VIEW_TABLES) {
    const rebuilt = rebuiltRows(table, epoch, views, names);
    if (rebuilt === null) continue;
    const stored = storedRows(queries, table, accountId, epoch, names);
    differences.push(await compareTable(table, stored, rebuilt));
  }
  return differences;
}

/** Both sides stand in the order of their keys: one walk along both. */
async function compareTable(
  table: ViewTable,
  storedOnes: AsyncGenerator<ViewRow>,
  rebuiltOnes: readonly ViewRow[],
): Promise<ViewDifference> {
  const [stored, rebuilt] = [new Digest(), new Digest()];
  let differing = 0;
  const first: ViewDifference['first'][number][] = [];
  const differ = (one: ViewRow | null, other: ViewRow | null): void => {
    differing += 1;
    if (first.length < SHOWN)
      first.push({ key: keyOf(table, (one ?? other)!).join(' '), stored: one, rebuilt: other });
  };
  let at = 0;
  const skipTo = (key: Buffer | null): void => {
    for (; at < rebuiltOnes.length; at += 1) {
      const row = rebuiltOnes[at]!;
      if (key !== null && sortKey(table, row).compare(key) >= 0) return;
      rebuilt.add(row);
      differ(null, row);
    }
  };
  for await (const row of storedOnes) {
    stored.add(row);
    const key = sortKey(table, row);
    skipTo(key);
    const other = rebuiltOnes[at];
    if (other === undefined || !sortKey(table, other).equals(key)) {
      differ(row, null);
      continue;
    }
    at += 1;
    rebuilt.add(other);
    if (canonicalJson(row) !== canonicalJson(other)) differ(row, other);
  }
  skipTo(null);
  return { table, stored: stored.end(), rebuilt: rebuilt.end(), differing, first };
}

/** As they would stand in the table, by key; null for a table that was not given. */
function rebuiltRows(
  table: ViewTable,
  epoch: number,
  views: Partial<BookViews>,
  names: Names,
): readonly ViewRow[] | null {
  const rows = tableRows(table, epoch, views)?.map((row) => canonicalRow(row, names));
  if (rows === undefined) return null;
  return rows
    .map((row) => ({ row, key: sortKey(table, row) }))
    .sort((left, right) => left.key.compare(right.key))
    .map(({ row }) => row);
}

function tableRows(
  table: ViewTable,
  epoch: number,
  views: Partial<BookViews>,
): readonly TableRow[] | undefined {
  switch (table) {
    case 'position':
      return views.position?.map(positionRow);
    case 'lot':
      return views.lot?.map((lot) => ({ epoch, ...lotRow(lot) }));
    case 'lot_closure':
      return views.lot_closure?.map((closure) => ({ epoch, ...closureRow(closure) }));
    case 'wash_adjustment':
      return views.wash_adjustment?.map((row) => ({ epoch, ...washRow(row) }));
    case 'balance_day':
      return views.balance_day?.map((day) => ({
        epoch,
        ...endOfDay(day),
        ...proofColumns(day.proof ?? null),
      }));
    case 'book_checkpoint':
      return views.book_checkpoint?.map(checkpointRow);
  }
}

function keyOf(table: ViewTable, row: ViewRow): readonly string[] {
  return KEYS[table].map((column) => String(row[column]));
}

/** Byte order, as both databases sort text; no text of ours holds the character between the parts. */
function sortKey(table: ViewTable, row: ViewRow): Buffer {
  return Buffer.from(keyOf(table, row).join('\0'), 'utf8');
}

// ---- putting in place -----------------------------------------------------------------------------------------

export async function replaceViews(
  database: Database,
  queries: Queries,
  { lease, epoch, ledgerSeq, views, audit }: Parameters<Store['replaceViews']>[0],
): Promise<void> {
  await checkFence(database, queries, lease);
  const account = await accountById(queries, lease.accountId);
  const { seq } = await lockHead(database, queries, accountChain(account.name));
  if (seq !== ledgerSeq) {
    throw new TruebookError('storage_busy', 'The ledger went on while its views were derived again.', {
      hint: 'Nothing was written: run `truebook rebuild` again.',
      retry: 'now',
      facts: { expected_seq: ledgerSeq, seq },
    });
  }
  for (const table of VIEW_TABLES) {
    if (views[table] === undefined) continue;
    await queries
      .deleteFrom<ViewTable>(table)
      .where('account_id', '=', account.id)
      .where('epoch', '=', epoch)
      .execute();
  }
  await savePositions(queries, views.position ?? [], [], account.id);
  await saveLots(queries, account.id, epoch, {
    upsert: views.lot ?? [],
    remove: [],
    closures: { upsert: views.lot_closure ?? [], remove: [] },
    wash: { upsert: views.wash_adjustment ?? [], remove: [] },
  });
  await writeBalanceDays(queries, { accountId: account.id, epoch }, views.balance_day ?? []);
  await writeCheckpoints(queries, account.id, views.book_checkpoint ?? []);
  await appendAudit(database, queries, [audit]);
}
