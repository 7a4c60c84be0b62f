/** Reading a whole table in the order of its key, a page at a time: on both databases text sorts byte by byte. */
import { CompiledQuery } from 'kysely';
import { type Queries } from './database.ts';
import { type ColumnValue } from './rows.ts';
import { type Schema } from './schema.ts';

const PAGE = 2000;

export type TableRow = Readonly<Record<string, ColumnValue>>;

/** Rows by key; `only` narrows to rows that have these values. */
export async function* rowsByKey(
  queries: Queries,
  table: keyof Schema,
  keys: readonly string[],
  only: Readonly<Record<string, string | number>> = {},
): AsyncGenerator<TableRow> {
  let last: readonly ColumnValue[] | null = null;
  for (;;) {
    const parameters: ColumnValue[] = [];
    const place = (value: ColumnValue): string => `$${parameters.push(value)}`;
    const conditions = Object.entries(only).map(([column, value]) => `${column} = ${place(value)}`);
    if (last !== null) conditions.push(`(${keys.join(', ')}) > (${last.map(place).join(', ')})`);
    const where = conditions.length === 0 ? '' : ` WHERE ${conditions.join(' AND ')}`;
    const { rows }: { rows: TableRow[] } = await queries.executeQuery<TableRow>(
      CompiledQuery.raw(
        `SELECT * FROM ${table}${where} ORDER BY ${keys.join(', ')} LIMIT ${PAGE}`,
        parameters,
      ),
    );
    yield* rows;
    const end = rows.at(-1);
    if (end === undefined || rows.length < PAGE) return;
    last = keys.map((key) => end[key]!);
  }
}
