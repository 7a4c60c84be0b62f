/** CSV as older bots write and read it: RFC 4180, a header row, plain line feeds when we write. Pure. */
import { type Decimal } from '../domain/decimal.ts';
import { TruebookError } from '../domain/errors.ts';

export type CsvCell = string | boolean | Decimal | null;

/** Header and rows; the cells of a row are named by column, absent = empty. Ends in a line feed. */
export function csvText<Column extends string>(
  columns: readonly Column[],
  rows: readonly Readonly<Record<Column, CsvCell>>[],
): string {
  const lines = rows.map((row) => columns.map((column) => csvCell(row[column])).join(','));
  return [columns.join(','), ...lines, ''].join('\n');
}

/** A spreadsheet runs what begins with one of these; a comma, a quote or a line break needs quotes. */
const FORMULA_START = /^[=+\-@\t\r]/;
const NOT_PLAIN = /[",\r\n]|^[=+\-@\t]/;
/** Numbers are not touched, so that programs can go on reading them. */
const NUMBER = /^-?\d+(?:\.\d+)?$/;

function csvCell(cell: CsvCell): string {
  if (cell === null) return '';
  if (typeof cell !== 'string') return cell.toString();
  if (!NOT_PLAIN.test(cell) || NUMBER.test(cell)) return cell;
  const safe = FORMULA_START.test(cell) ? `'${cell}` : cell;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export interface CsvRow {
  /** Of the file, 1-based: where the row begins. */
  readonly line: number;
  readonly cells: readonly string[];
}

/** Takes CSV text apart; empty lines are left out. Throws `usage` where a quote is never closed. */
export function parseCsv(text: string): readonly CsvRow[] {
  const rows: CsvRow[] = [];
  let line = 1;
  let at = text.startsWith('\uFEFF') ? 1 : 0;
  while (at < text.length) {
    const start = line;
    const cells: string[] = [];
    for (let ended = false; !ended;) {
      const cell = readCell(text, at, start);
      line += cell.lineFeeds;
      cells.push(cell.value);
      at = cell.next;
      ended = text[at] !== ',';
      if (!ended) at += 1;
    }
    if (text[at] === '\r') at += 1;
    if (text[at] === '\n') at += 1;
    line += 1;
    if (cells.length > 1 || cells[0] !== '') rows.push({ line: start, cells });
  }
  return rows;
}

function readCell(
  text: string,
  at: number,
  line: number,
): { readonly value: string; readonly next: number; readonly lineFeeds: number } {
  if (text[at] !== '"') {
    let next = at;
    while (next < text.length && !',\r\n'.includes(text[next]!)) next += 1;
    return { value: text.slice(at, next), next, lineFeeds: 0 };
  }
  let value = '';
  for (let from = at + 1; ;) {
    const quote = text.indexOf('"', from);
    if (quote === -1) {
      throw new TruebookError('usage', `A quoted text that begins in line ${line} has no end.`, {
        hint: 'The file is cut short, or is no CSV.',
      });
    }
    value += text.slice(from, quote);
    if (text[quote + 1] !== '"') {
      // What stands between the closing quote and the next comma belongs to no cell; writers do not make it.
      let next = quote + 1;
      while (next < text.length && !',\r\n'.includes(text[next]!)) next += 1;
      value += text.slice(quote + 1, next);
      return { value, next, lineFeeds: value.split('\n').length - 1 };
    }
    value += '"';
    from = quote + 2;
  }
}
