/** Walking along a chain: every row in its place, each held against its hash and the row before it. */
import { type AccountId } from '../domain/account.ts';
import { GENESIS, LEDGER_TABLES, rowHash, type ChainHead, type LedgerTable } from './chain.ts';
import { type Queries } from './database.ts';
import { type ColumnValue } from './rows.ts';
import { type BrokenRow } from './store.ts';

/** Rows of a chain read at once. */
const PAGE = 2000;

type ChainedTable = LedgerTable | 'audit';

interface LinkedRow {
  readonly table: ChainedTable;
  readonly row: Record<string, ColumnValue> & { seq: number; prev_hash: string; hash: string };
}

/** A chain with its head, as `chain_head` has it. */
export interface StoredHead extends ChainHead {
  readonly account_id: AccountId | null;
}

export interface Walk {
  /** Place of the last row that fits. */
  readonly seq: number;
  readonly broken: BrokenRow | null;
  /** Hashes at the places that were asked for, as far as the chain reaches. */
  readonly hashes: ReadonlyMap<number, string>;
}

/** Where a walk may begin: the beginning of the chain, or a place whose hash is known from elsewhere. */
export const BEGINNING = { seq: 0, hash: GENESIS };

/** Walks from behind `from` to the head. */
export async function walkChain(
  queries: Queries,
  head: StoredHead,
  from: { readonly seq: number; readonly hash: string } = BEGINNING,
  places: ReadonlySet<number> = new Set(),
): Promise<Walk> {
  let { seq, hash } = from;
  const hashes = new Map<number, string>();
  const broken = (row: Omit<BrokenRow, 'table' | 'id'>, link: LinkedRow | null): Walk => ({
    seq,
    broken: { ...row, table: link?.table ?? null, id: link === null ? null : nameOf(link) },
    hashes,
  });
  for (;;) {
    const page = await linkedRows(queries, head.account_id, seq);
    if (page.length === 0) break;
    for (const link of page) {
      const { row } = link;
      const reason = brokenLink(head.chain, link, seq, hash);
      if (reason !== null) return broken({ seq: seq + 1, reason }, row.seq > seq + 1 ? null : link);
      ({ seq, hash } = row);
      if (places.has(seq)) hashes.set(seq, hash);
    }
  }
  if (seq < head.seq) return broken({ seq: seq + 1, reason: 'the row is missing' }, null);
  if (seq > head.seq)
    return broken({ seq: head.seq + 1, reason: 'the row is beyond the head of the chain' }, null);
  if (hash !== head.hash)
    return broken({ seq, reason: 'the hash of the last row is not the head of the chain' }, null);
  return { seq, broken: null, hashes };
}

function brokenLink(chain: string, { table, row }: LinkedRow, seq: number, hash: string): string | null {
  if (row.seq !== seq + 1) return row.seq <= seq ? 'two rows have this place' : 'the row is missing';
  if (row.prev_hash !== hash) return 'the row does not follow the row before it';
  return rowHash(chain, table, row, hash) === row.hash ? null : 'the content does not fit its hash';
}

/** What a row calls itself, for people: whatever was changed in it, its place tells where it stands. */
function nameOf({ table, row }: LinkedRow): string {
  const words: Readonly<Record<ChainedTable, readonly (ColumnValue | undefined)[]>> = {
    activity: [row['root_id'], 'rev', row['rev']],
    election: [row['kind'], row['object'], row['choice']],
    bankroll_entry: [row['kind'], row['at']],
    book_event: [row['kind'], row['symbol'], row['at']],
    audit: [row['action'], row['object'], row['at']],
  };
  return words[table].flatMap((word) => (word === null || word === undefined ? [] : String(word))).join(' ');
}

/** The next rows after a place, whichever table they stand in, in order. */
async function linkedRows(
  queries: Queries,
  accountId: AccountId | null,
  after: number,
): Promise<LinkedRow[]> {
  if (accountId === null) return await page(queries, 'audit', null, after);
  const found: LinkedRow[] = [];
  for (const table of LEDGER_TABLES) found.push(...(await page(queries, table, accountId, after)));
  // Every table gave its next rows, so the first PAGE of all of them have no row of another table missing in between.
  return found.sort((left, right) => left.row.seq - right.row.seq).slice(0, PAGE);
}

async function page(
  queries: Queries,
  table: ChainedTable,
  accountId: AccountId | null,
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
