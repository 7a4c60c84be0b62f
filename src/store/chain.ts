/**
 * The hash chain: one per account over everything in its ledger, one over the audit. Each row's hash covers what the
 * row says and the hash before it, so a changed, removed or inserted row shows (integrity_check misses most of them).
 */
import { CompiledQuery } from 'kysely';
import { canonicalJson, sha256 } from '../domain/contentHash.ts';
import { type AccountId } from '../domain/account.ts';
import { type Database, type Queries } from './database.ts';
import { type ColumnValue } from './rows.ts';

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
  const { numAffectedRows } = await queries.executeQuery(
    CompiledQuery.raw(
      'UPDATE chain_head SET seq = $1, hash = $2 WHERE chain = $3 AND seq = $4 AND hash = $5',
      [to.seq, to.hash, from.chain, from.seq, from.hash],
    ),
  );
  return numAffectedRows === 1n;
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
