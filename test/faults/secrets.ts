/** What must be in nothing that Truebook leaves behind: keys, secrets and whole account numbers of a trial. */
import { DatabaseSync } from 'node:sqlite';
import { inflateSync } from 'node:zlib';
import pg from 'pg';
import { findCanaries, type Canary } from '../canary.ts';
import { type TrialWorld } from './trialWorld.ts';

/** The secrets of both accounts as they are now. Collected again after a reset or with new keys. */
export async function secretsOf({ sandbox }: TrialWorld): Promise<Canary[]> {
  const secrets: Canary[] = [];
  for (const [name, ready] of Object.entries(sandbox.ready.alpaca)) {
    secrets.push({ name: `key of ${name}`, value: ready.keyId });
    secrets.push({ name: `secret of ${name}`, value: ready.secretKey });
    const headers = { 'APCA-API-KEY-ID': ready.keyId, 'APCA-API-SECRET-KEY': ready.secretKey };
    const answer = await fetch(`${ready.tradingUrl}/v2/account`, { headers });
    if (answer.status !== 200) continue;
    const account = (await answer.json()) as { id: string; account_number: string };
    secrets.push({ name: `id of ${name}`, value: account.id });
    secrets.push({ name: `number of ${name}`, value: account.account_number });
  }
  return secrets;
}

/** Each leak as a sentence without its value. */
export function leaks(secrets: readonly Canary[], outputs: Readonly<Record<string, string>>): string[] {
  return findCanaries(secrets, { outputs }).map(
    ({ canary, spelling, place }) => `the ${canary} stands in ${place}, spelled ${spelling}`,
  );
}

/** Every row of every table as text, compressed answers unpacked. */
export async function rowsAsText(databaseUrl: string): Promise<Record<string, string>> {
  const tables = databaseUrl.startsWith('sqlite:')
    ? sqliteTables(databaseUrl)
    : await postgresTables(databaseUrl);
  return Object.fromEntries(
    [...tables].map(([table, rows]) => [`table ${table}`, rows.map(rowText).join('\n')]),
  );
}

type Rows = readonly Readonly<Record<string, unknown>>[];

function rowText(row: Readonly<Record<string, unknown>>): string {
  const columns = Object.entries(row).map(([name, value]) => [name, plain(value)] as const);
  return JSON.stringify(Object.fromEntries(columns));
}

/** Bytes unpacked where they are packed, else as they are: `JSON.stringify` would make a list of numbers of them. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return value.toString();
  if (!(value instanceof Uint8Array)) return value;
  try {
    return inflateSync(value).toString('utf8');
  } catch {
    return Buffer.from(value).toString('latin1');
  }
}

function sqliteTables(url: string): Map<string, Rows> {
  const connection = new DatabaseSync(url.slice('sqlite:'.length), { readOnly: true, timeout: 5000 });
  try {
    const names = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all();
    return new Map(
      names.map(({ name }) => {
        const statement = connection.prepare(`SELECT * FROM "${String(name)}"`);
        statement.setReadBigInts(true);
        return [String(name), statement.all()];
      }),
    );
  } finally {
    connection.close();
  }
}

async function postgresTables(url: string): Promise<Map<string, Rows>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows: names } = await client.query<{ name: string }>(
      "SELECT tablename AS name FROM pg_tables WHERE schemaname = 'truebook'",
    );
    const tables = new Map<string, Rows>();
    for (const { name } of names) {
      const { rows } = await client.query<Record<string, unknown>>(
        `SELECT * FROM truebook.${pg.escapeIdentifier(name)}`,
      );
      tables.set(name, rows);
    }
    return tables;
  } finally {
    await client.end();
  }
}
