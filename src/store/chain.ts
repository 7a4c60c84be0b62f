/**
 * The hash chain: one per account over everything in its ledger, one over the audit. Each row's hash covers what the
 * row says and the hash before it, so a changed, removed or inserted row shows (integrity_check misses most of them).
 */
import { canonicalJson, sha256 } from '../domain/contentHash.ts';
import { type AccountId } from '../domain/account.ts';
import { type Database, type Queries } from './database.ts';
import { type ColumnValue } from './rows.ts';
import { type AccountFilter, type ChainReport } from './store.ts';

/** The hash before the first row. */
export const GENESIS = '0'.repeat(64);

/** Name of the audit's own chain; an account's chain is `account:<name>`. */
export const AUDIT_CHAIN = 'audit';

export const LEDGER_TABLES = ['activity', 'election', 'bankroll_entry', 'book_event'] as const;
export type LedgerTable = (typeof LEDGER_TABLES)[number];

/** Columns that are about this database rather than about what happened: not part of the hash. */
const UNHASHED = new Set(['account_id', 'run_id', 'prev_hash', 'hash']);

export interface ChainHead {
  readonly chain: string;
  readonly seq: number;
  readonly hash: string;
}

export function accountChain(accountName: string): string {
  return `account:${accountName}`;
}

/** SHA-256 over `domain|content|previous hash`, where the content is canonical JSON of the row and its chain's name. */
export function rowHash(
  chain: string,
  table: LedgerTable | 'audit',
  row: Readonly<Record<string, ColumnValue>>,
  previous: string,
): string {
  const content: Record<string, string | number | boolean | null> = { chain };
  for (const [column, value] of Object.entries(row)) {
    if (!UNHASHED.has(column)) content[column] = value as string | number | boolean | null;
  }
  return sha256(`truebook/${table}/1|${canonicalJson(content)}|${previous}`);
}

/** Hash of an evidence row by itself: outside the chain, so that `prune` may remove it. */
export function evidenceHash(
  table: string,
  content: Readonly<Record<string, string | number | boolean | null>>,
): string {
  return sha256(`truebook/${table}/1|${canonicalJson(content)}`);
}

export async function startChain(queries: Queries, accountName: string, accountId: AccountId): Promise<void> {
  await insertHead(queries, accountChain(accountName), accountId);
}

async function insertHead(queries: Queries, chain: string, accountId: AccountId | null): Promise<void> {
  await queries
    .insertInto('chain_head')
    .values({ chain, account_id: accountId, seq: 0, hash: GENESIS, signature: null, signed_at: null })
    .onConflict((conflict) => conflict.column('chain').doNothing())
    .execute();
}

/** The head of a chain, held until the transaction ends. */
export async function lockHead(database: Database, queries: Queries, chain: string): Promise<ChainHead> {
  if (chain === AUDIT_CHAIN) await insertHead(queries, chain, null);
  const query = queries.selectFrom('chain_head').select(['chain', 'seq', 'hash']).where('chain', '=', chain);
  return await (database.dialect === 'postgres' ? query.forUpdate() : query).executeTakeFirstOrThrow();
}

export async function saveHead(queries: Queries, head: ChainHead): Promise<void> {
  await queries
    .updateTable('chain_head')
    .set({ seq: head.seq, hash: head.hash })
    .where('chain', '=', head.chain)
    .execute();
}

/** As `saveHead`, but only from this very head on; false when the chain ends elsewhere. */
export async function moveHead(queries: Queries, from: ChainHead, to: ChainHead): Promise<boolean> {
  const { numUpdatedRows } = await queries
    .updateTable('chain_head')
    .set({ seq: to.seq, hash: to.hash })
    .where('chain', '=', from.chain)
    .where('seq', '=', from.seq)
    .where('hash', '=', from.hash)
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 1n;
}

/** Gives rows their places and hashes, one after another. */
export function chainRows<Content extends Readonly<Record<string, ColumnValue>>>(
  head: ChainHead,
  table: LedgerTable | 'audit',
  contents: readonly Content[],
): { rows: (Content & { seq: number; prev_hash: string; hash: string })[]; head: ChainHead } {
  let { seq, hash } = head;
  const rows = contents.map((content) => {
    seq += 1;
    const row = { ...content, seq };
    const previous = hash;
    hash = rowHash(head.chain, table, row, previous);
    return { ...row, prev_hash: previous, hash };
  });
  return { rows, head: { chain: head.chain, seq, hash } };
}

// ---- verification ---------------------------------------------------------------------------------------------

/** Rows of a chain read at once. */
const PAGE = 2000;

interface LinkedRow {
  readonly table: LedgerTable | 'audit';
  readonly row: Record<string, ColumnValue> & { seq: number; prev_hash: string; hash: string };
}

/** Recomputes every hash; reports the first row that does not fit, or a head that does not fit the last row. */
export async function verifyChains(database: Database, filter: AccountFilter): Promise<ChainReport> {
  return await database.read(async (queries) => {
    let heads = queries
      .selectFrom('chain_head')
      .select(['chain', 'account_id', 'seq', 'hash'])
      .orderBy('chain');
    if (filter.accountId !== undefined) heads = heads.where('account_id', '=', filter.accountId);
    let rows = 0;
    for (const head of await heads.execute()) {
      const report = await verifyChain(queries, head);
      rows += report.rows;
      if (report.broken !== null) {
        return { ok: false, rows, firstBroken: { chain: head.chain, ...report.broken } };
      }
    }
    return { ok: true, rows, firstBroken: null };
  });
}

interface ChainResult {
  readonly rows: number;
  readonly broken: { readonly seq: number; readonly reason: string } | null;
}

async function verifyChain(
  queries: Queries,
  head: { chain: string; account_id: number | null; seq: number; hash: string },
): Promise<ChainResult> {
  let seq = 0;
  let hash = GENESIS;
  for (;;) {
    const page = await linkedRows(queries, head.account_id, seq);
    if (page.length === 0) break;
    for (const { table, row } of page) {
      const reason = brokenLink(head.chain, table, row, seq, hash);
      if (reason !== null) return { rows: seq, broken: { seq: seq + 1, reason } };
      seq = row.seq;
      hash = row.hash;
    }
  }
  if (seq < head.seq) return { rows: seq, broken: { seq: seq + 1, reason: 'the row is missing' } };
  if (seq > head.seq)
    return { rows: seq, broken: { seq: head.seq + 1, reason: 'the row is beyond the head of the chain' } };
  if (hash !== head.hash)
    return { rows: seq, broken: { seq, reason: 'the hash of the last row is not the head of the chain' } };
  return { rows: seq, broken: null };
}

function brokenLink(
  chain: string,
  table: LedgerTable | 'audit',
  row: LinkedRow['row'],
  seq: number,
  hash: string,
): string | null {
  if (row.seq !== seq + 1) return row.seq <= seq ? 'two rows have this place' : 'the row is missing';
  if (row.prev_hash !== hash) return 'the row does not follow the row before it';
  const { seq: place, ...rest } = row;
  if (rowHash(chain, table, { ...rest, seq: place }, hash) !== row.hash)
    return 'the content does not fit its hash';
  return null;
}

/** The next rows after a place, whichever table they stand in, in order. */
async function linkedRows(queries: Queries, accountId: number | null, after: number): Promise<LinkedRow[]> {
  if (accountId === null) return await page(queries, 'audit', null, after);
  const found: LinkedRow[] = [];
  for (const table of LEDGER_TABLES) found.push(...(await page(queries, table, accountId, after)));
  // Every table gave its next rows, so the first PAGE of all of them have no row of another table missing in between.
  return found.sort((left, right) => left.row.seq - right.row.seq).slice(0, PAGE);
}

async function page(
  queries: Queries,
  table: LedgerTable | 'audit',
  accountId: number | null,
  after: number,
): Promise<LinkedRow[]> {
  let query = queries
    .selectFrom(table as 'activity')
    .selectAll()
    .where('seq', '>', after)
    .orderBy('seq')
    .limit(PAGE);
  if (accountId !== null) query = query.where('account_id', '=', accountId);
  const rows = await query.execute();
  return rows.map((row) => ({ table, row: row as unknown as LinkedRow['row'] }));
}
