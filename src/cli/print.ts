/**
 * Everything the command line says: tables for people, `--json` and `--csv` for programs. No secret passes, and nothing
 * a broker wrote into a name can move the cursor of a terminal or become a formula in a spreadsheet.
 */
import { stripVTControlCharacters } from 'node:util';
import { decimal, Decimal } from '../domain/decimal.ts';
import { scrub } from '../log.ts';

/** How a listing is wanted. Text for people unless one is set. */
export interface ListingFormat {
  readonly json?: boolean;
  readonly csv?: boolean;
}

/** One column of a table for people. `decimal` puts the points of a column below each other. */
export interface Column<Row> {
  readonly title: string;
  readonly align?: 'left' | 'right' | 'decimal';
  readonly cell: (row: Row) => string | null;
}

/** The fields of a record in the order CSV has them; a field that holds a record itself names that one's fields. */
export type Fields<Row> = readonly (keyof Row & string)[];
export type NestedFields = Readonly<Record<string, readonly string[]>>;

export interface Listing<Row> {
  readonly columns: readonly Column<Row>[];
  readonly fields: Fields<Row>;
  readonly nested?: NestedFields;
  /** Said instead of a table without rows. */
  readonly nothing: string;
}

/** One line (or several) on stdout. */
export function printLine(text = ''): void {
  process.stdout.write(`${scrub(text)}\n`);
}

/** One line (or several) on stderr. */
export function printProblem(text: string): void {
  process.stderr.write(`${scrub(text)}\n`);
}

/** A JSON document; the records of an array stand one per line. */
export function printJson(value: unknown): void {
  if (!Array.isArray(value)) {
    printLine(JSON.stringify(value, null, 2));
    return;
  }
  const lines = value.map((row) => `  ${JSON.stringify(row)}`);
  printLine(lines.length === 0 ? '[]' : `[\n${lines.join(',\n')}\n]`);
}

/** A listing in the wanted format. */
export function printListing<Row extends object>(
  rows: readonly Row[],
  listing: Listing<Row>,
  format: ListingFormat,
): void {
  if (format.json === true) printJson(rows);
  else if (format.csv === true) printLine(csvText(rows, listing.fields, listing.nested ?? {}));
  else if (rows.length === 0) printLine(listing.nothing);
  else printLine(tableLines(rows, listing.columns).join('\n'));
}

// ---- tables ----------------------------------------------------------------------------------------------------

/** A table with its header; no line ends in spaces. */
export function tableLines<Row>(rows: readonly Row[], columns: readonly Column<Row>[]): string[] {
  const texts = columns.map((column) => {
    const cells = rows.map((row) => shown(column.cell(row) ?? ''));
    const body = column.align === 'decimal' ? alignPoints(cells) : cells;
    const width = Math.max(shownWidth(column.title), ...body.map(shownWidth));
    const left = (column.align ?? 'left') === 'left';
    return [column.title, ...body].map((cell) => {
      const space = ' '.repeat(width - shownWidth(cell));
      return left ? `${cell}${space}` : `${space}${cell}`;
    });
  });
  return ['', ...rows].map((_row, line) =>
    texts
      .map((column) => column[line] ?? '')
      .join('  ')
      .trimEnd(),
  );
}

/** Fills up behind the digits, so that points stand below each other once all are flush right. */
function alignPoints(cells: readonly string[]): string[] {
  const behind = (cell: string): number => (cell.includes('.') ? cell.length - cell.indexOf('.') : 0);
  const most = Math.max(0, ...cells.map(behind));
  return cells.map((cell) => `${cell}${' '.repeat(most - behind(cell))}`);
}

const HARMFUL = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu;

/** Text of others as one harmless line: no escape sequences, no control characters, no change of direction. */
export function shown(text: string): string {
  // Every sequence begins with a control character; the first search for one takes 10 ms, so it is not made for nothing.
  if (text.search(HARMFUL) === -1) return text;
  return stripVTControlCharacters(text).replaceAll(HARMFUL, ' ');
}

function shownWidth(text: string): number {
  return [...text].length;
}

/** `-1,234.50`: two places and groups of three, for people; exact digits are in `--json`. */
export function money(text: string | null): string | null {
  if (text === null) return null;
  const [whole = '', cents = ''] = decimal(text).toFixed(2).split('.');
  return `${whole.replaceAll(/\B(?=(\d{3})+$)/g, ',')}.${cents}`;
}

/** A price, rate or percentage with at most `places` digits behind the point. */
export function rounded(text: string | null, places: number): string | null {
  return text === null ? null : decimal(text).round(places).toString();
}

/** `2025-08-21 14:05:53Z`: UTC, to the second. */
export function moment(instant: string | null): string | null {
  return instant === null ? null : `${instant.slice(0, 10)} ${instant.slice(11, 19)}Z`;
}

/** `12 s`, `5 min`, `3 h`, `2 d`. */
export function ageText(seconds: number | null): string | null {
  if (seconds === null) return null;
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

// ---- CSV -------------------------------------------------------------------------------------------------------

/** RFC 4180 with a header row and plain line feeds; lists stand as JSON in their cell. */
export function csvText<Row extends object>(
  rows: readonly Row[],
  fields: Fields<Row>,
  nested: NestedFields = {},
): string {
  const header = fields.flatMap((field) => {
    const inner = nested[field];
    return inner === undefined ? [field] : inner.map((name) => `${field}.${name}`);
  });
  const lines = rows.map((row) =>
    fields.flatMap((field) => {
      const inner = nested[field];
      const value: unknown = row[field];
      if (inner === undefined) return [csvCell(value)];
      return inner.map((name) => csvCell((value as Readonly<Record<string, unknown>> | null)?.[name]));
    }),
  );
  return [header, ...lines].map((cells) => cells.join(',')).join('\n');
}

/** A spreadsheet runs what begins with one of these, unless it is a number. */
const FORMULA_START = /^[=+\-@\t\r]/;

function csvCell(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text =
    typeof value === 'string'
      ? value
      : typeof value === 'object'
        ? JSON.stringify(value)
        : String(value as number | boolean);
  const isNumber = /^[+-]?[\d.]+$/.test(text) && Decimal.tryParse(text) !== null;
  const safe = FORMULA_START.test(text) && !isNumber ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
