/** Rows of evidence held against their own hashes. They stand outside the chains: what was pruned is not missed. */
import { inflateSync } from 'node:zlib';
import { evidenceHash } from './chain.ts';
import { type Queries } from './database.ts';
import { bodyHash, earlierBodyHash } from './payloads.ts';
import { rowsByKey, type TableRow } from './pages.ts';
import { isTrue } from './rows.ts';
import { type Schema } from './schema.ts';
import { type EvidenceProof } from './store.ts';

interface EvidenceTable {
  readonly keys: readonly string[];
  /** Columns that the hash does not cover: numbers of this database and where the row was seen. */
  readonly unhashed: readonly string[];
  readonly flags?: readonly string[];
  /** Columns of a later release: rows from before it have nothing there, and hashes without them. */
  readonly later?: readonly string[];
}

const TABLES = {
  sync_run: {
    keys: ['id'],
    unhashed: ['id'],
    flags: ['reconciled', 'deep_scan'],
    later: ['ledger_seq'],
  },
  sync_read: { keys: ['run_id', 'place'], unhashed: [] },
  payload: { keys: ['account_id', 'resource', 'trade_date', 'sha256'], unhashed: ['run_id'] },
  payload_body: { keys: ['sha256'], unhashed: [] },
  quarantine: {
    keys: ['account_id', 'row_hash'],
    unhashed: ['run_id', 'path', 'payload_sha256'],
  },
  position_observation: { keys: ['run_id', 'instrument'], unhashed: ['run_id'] },
  balance_observation: { keys: ['run_id', 'currency'], unhashed: ['run_id'] },
  day_observation: { keys: ['id'], unhashed: ['id', 'run_id'] },
  greeks_observation: { keys: ['run_id', 'instrument'], unhashed: ['run_id'], flags: ['has_greeks'] },
} as const satisfies Partial<Record<keyof Schema, EvidenceTable>>;

type Name = keyof typeof TABLES;

export async function verifyEvidence(queries: Queries): Promise<readonly EvidenceProof[]> {
  const proofs: EvidenceProof[] = [];
  for (const name of Object.keys(TABLES) as Name[]) proofs.push(await verifyTable(queries, name));
  return proofs;
}

async function verifyTable(queries: Queries, table: Name): Promise<EvidenceProof> {
  const { keys } = TABLES[table];
  let rows = 0;
  for await (const row of rowsByKey(queries, table, keys)) {
    const reason = misfit(table, row);
    if (reason !== null)
      return { table, rows, broken: { id: keys.map((key) => row[key]).join(' '), reason } };
    rows += 1;
  }
  return { table, rows, broken: null };
}

function misfit(table: Name, row: TableRow): string | null {
  if (table === 'payload_body') return misfitOfBody(row);
  const content = hashedContent(TABLES[table], row);
  return evidenceHash(table, content) === row['row_hash'] ? null : UNFIT;
}

const UNFIT = 'the content does not fit its hash';

type Content = Record<string, string | number | boolean | null>;

function hashedContent({ unhashed, flags = [], later = [] }: EvidenceTable, row: TableRow): Content {
  const content: Content = {};
  for (const [column, value] of Object.entries(row)) {
    if (column === 'row_hash' || unhashed.includes(column)) continue;
    if (value === null && later.includes(column)) continue;
    content[column] = flags.includes(column) ? isTrue(value as boolean | number) : (value as string);
  }
  return content;
}

/** The hash is over the text, because compressed bytes differ between releases of zlib. */
function misfitOfBody({ sha256, body, row_hash }: TableRow): string | null {
  let text: string;
  try {
    text = inflateSync(body as Uint8Array).toString('utf8');
  } catch {
    return 'the body cannot be unpacked';
  }
  const hashes = [bodyHash, earlierBodyHash].map((hash) => hash(sha256 as string, text));
  return hashes.includes(row_hash as string) ? null : UNFIT;
}
