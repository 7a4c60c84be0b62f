/** Between our values and table rows: exact text both ways, and many rows in one statement. */
import { CompiledQuery, PostgresAdapter } from 'kysely';
import { Decimal } from '../domain/decimal.ts';
import { storableText } from '../domain/contentHash.ts';
import { instantFromKey, instantKey, type Instant } from '../domain/time.ts';
import { type Queries } from './database.ts';
import { type Schema } from './schema.ts';

export type ColumnValue = string | number | boolean | null | Uint8Array;
export type Row = Readonly<Record<string, ColumnValue>>;

/** Members of one `IN (...)`: enough to make round trips rare, few enough for both databases' limits on parameters. */
const ROWS_MAX = 500;
const PARAMETERS_MAX = 30_000;

export function decimalText(value: Decimal | null): string | null {
  return value === null ? null : value.toString();
}

export function readDecimal(text: string): Decimal {
  return Decimal.parse(text);
}

export function readDecimalOrNull(text: string | null): Decimal | null {
  return text === null ? null : Decimal.parse(text);
}

export function keyOrNull(instant: Instant | null): string | null {
  return instant === null ? null : instantKey(instant);
}

export function readInstantOrNull(key: string | null): Instant | null {
  return key === null ? null : instantFromKey(key);
}

/** A flag as either database gives it. */
export function isTrue(flag: boolean | number): boolean {
  return flag === true || flag === 1;
}

/** What to do when a row with the same key exists. */
export type OnConflict =
  | { readonly keys: readonly string[]; readonly then: 'nothing' }
  /** Overwrites all other columns, and writes nothing where they are equal already. */
  | { readonly keys: readonly string[]; readonly then: 'update'; readonly keep?: readonly string[] };

/**
 * Inserts rows that have the same columns and answers how many were written. Few rows go as one `VALUES` list. Many go as
 * each database takes them fastest: PostgreSQL as one JSON text that it takes apart itself, SQLite row by row through
 * one prepared statement.
 */
export async function insertRows(
  queries: Queries,
  table: keyof Schema,
  rows: readonly Row[],
  onConflict?: OnConflict,
): Promise<number> {
  const first = rows[0];
  if (first === undefined) return 0;
  const columns = Object.keys(first);
  const tail = onConflict === undefined ? '' : conflictSql(table, columns, onConflict);
  const into = `INSERT INTO ${table} (${columns.join(', ')})`;
  if (rows.length <= FEW) {
    const parameters = rows.flatMap((row) => columns.map((column) => row[column]!));
    return await written(
      queries,
      CompiledQuery.raw(`${into} VALUES ${placeholders(rows.length, columns.length)}${tail}`, parameters),
    );
  }
  if (
    isPostgres(queries) &&
    !rows.some((row) => columns.some((column) => row[column] instanceof Uint8Array))
  ) {
    let count = 0;
    const source = `SELECT ${columns.join(', ')} FROM json_populate_recordset(NULL::"${table}", $1::json)`;
    for (const part of inParts(rows, ROWS_PER_TEXT))
      count += await written(queries, CompiledQuery.raw(`${into} ${source}${tail}`, [JSON.stringify(part)]));
    return count;
  }
  if (!isPostgres(queries)) {
    const sql = `${into} VALUES ${placeholders(1, columns.length)}${tail}`;
    const each = rows.map((row) => columns.map((column) => row[column]!));
    return await written(queries, manyTimes(sql, each));
  }
  let count = 0;
  for (const part of inParts(rows, Math.floor(PARAMETERS_MAX / columns.length))) {
    const parameters = part.flatMap((row) => columns.map((column) => row[column]!));
    const sql = `${into} VALUES ${placeholders(part.length, columns.length)}${tail}`;
    count += await written(queries, CompiledQuery.raw(sql, parameters));
  }
  return count;
}

/** Up to so many rows a list of values is as fast as anything. */
const FEW = 16;
const ROWS_PER_TEXT = 5_000;

async function written(queries: Queries, query: CompiledQuery): Promise<number> {
  return Number((await queries.executeQuery(query)).numAffectedRows ?? 0n);
}

function isPostgres(queries: Queries): boolean {
  return queries.getExecutor().adapter instanceof PostgresAdapter;
}

/** A statement that `sqlite.ts` runs once for each list of parameters. */
export interface ManyTimes extends CompiledQuery {
  readonly each: readonly (readonly ColumnValue[])[];
}

function manyTimes(sql: string, each: ManyTimes['each']): ManyTimes {
  return { ...CompiledQuery.raw(sql), each };
}

/** `($1, $2), ($3, $4)`: SQLite reads numbered parameters in this form too. */
function placeholders(rows: number, columns: number): string {
  const groups: string[] = [];
  for (let row = 0; row < rows; row += 1) {
    const names: string[] = [];
    for (let column = 1; column <= columns; column += 1) names.push(`$${row * columns + column}`);
    groups.push(`(${names.join(', ')})`);
  }
  return groups.join(', ');
}

function conflictSql(table: string, columns: readonly string[], onConflict: OnConflict): string {
  const target = ` ON CONFLICT (${onConflict.keys.join(', ')})`;
  if (onConflict.then === 'nothing') return `${target} DO NOTHING`;
  const fixed = [...onConflict.keys, ...(onConflict.keep ?? [])];
  const changing = columns.filter((column) => !fixed.includes(column));
  const assignments = changing.map((column) => `${column} = excluded.${column}`).join(', ');
  const differs = changing
    .map((column) => `${table}.${column} IS DISTINCT FROM excluded.${column}`)
    .join(' OR ');
  return `${target} DO UPDATE SET ${assignments} WHERE ${differs}`;
}

/** The row with every text made storable on both databases. Done before hashing, so that hashes fit what is stored. */
export function storableRow<Given extends Row>(row: Given): Given {
  let clean: Record<string, ColumnValue> | null = null;
  for (const column in row) {
    const value = row[column]!;
    if (typeof value !== 'string') continue;
    const text = storableText(value);
    if (text !== value) (clean ??= { ...row })[column] = text;
  }
  return (clean as Given | null) ?? row;
}

/** Parts of a list, for `IN (...)` with a bounded number of parameters. */
export function* inParts<Item>(items: readonly Item[], size = ROWS_MAX): Generator<readonly Item[]> {
  for (let from = 0; from < items.length; from += size) yield items.slice(from, from + size);
}

/** Reads facts or details back: a flat object of JSON scalars that we wrote ourselves. */
export function readJson<Value>(text: string): Value {
  return JSON.parse(text) as Value;
}
