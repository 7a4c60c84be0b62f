/** How the oracles look at committed state: SQL past the store, on a connection of their own. */
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import pg from 'pg';

export type Row = Readonly<Record<string, string | number | null>>;

export interface Sql {
  /** `?` stands for a whole number of `numbers`, in order. */
  (text: string, ...numbers: readonly number[]): Promise<readonly Row[]>;
  close(): Promise<void>;
}

export async function openSql(databaseUrl: string): Promise<Sql> {
  return databaseUrl.startsWith('sqlite:')
    ? openSqlite(databaseUrl.slice('sqlite:'.length))
    : await openPostgres(databaseUrl);
}

function openSqlite(file: string): Sql {
  const connection = new DatabaseSync(file, { timeout: 2_000 });
  // Asked after every run: making the statements anew would cost more than the answers.
  const statements = new Map<string, StatementSync>();
  const sql = (text: string, ...numbers: readonly number[]): Promise<readonly Row[]> => {
    let statement = statements.get(text);
    if (statement === undefined) statements.set(text, (statement = connection.prepare(text)));
    return Promise.resolve(statement.all(...numbers) as unknown as Row[]);
  };
  return Object.assign(sql, {
    close: () => {
      if (connection.isOpen) connection.close();
      return Promise.resolve();
    },
  });
}

async function openPostgres(databaseUrl: string): Promise<Sql> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query('SET search_path = truebook, public');
  const sql = async (text: string, ...numbers: readonly number[]): Promise<readonly Row[]> => {
    let place = 0;
    const numbered = text.replaceAll('?', () => `$${(place += 1)}`);
    const { rows } = await client.query<Record<string, string | number | null>>(numbered, [...numbers]);
    return rows.map((row) =>
      // 64-bit numbers come as text.
      Object.fromEntries(
        Object.entries(row).map(([name, value]) => [name, COUNTS.has(name) ? Number(value) : value]),
      ),
    );
  };
  return Object.assign(sql, { close: () => client.end() });
}

const COUNTS: ReadonlySet<string> = new Set([
  'id',
  'account_id',
  'seq',
  'rev',
  'epoch',
  'run_id',
  'fence',
  'n',
]);
