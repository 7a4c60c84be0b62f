/** Trade histories of older bots: CSV under whatever names they chose for their columns. Pure. */
import { canonicalJson, sha256 } from '../domain/contentHash.ts';
import { Decimal } from '../domain/decimal.ts';
import { TruebookError } from '../domain/errors.ts';
import { NEW_YORK, tryParseInstant, tryParseTradeDate, zonedInstant, type Instant } from '../domain/time.ts';
import { type NewImportedTrade } from '../store/store.ts';
import { parseCsv, type CsvRow } from './csv.ts';

/** Accepted names of a column, the best first; case, spaces and underscores do not count. */
const COLUMN_NAMES = {
  time: ['timestamp', 'datetime', 'executed_at', 'filled_at', 'date', 'time'],
  symbol: ['occ_symbol', 'symbol', 'ticker'],
  side: ['side', 'action', 'direction', 'decision'],
  quantity: ['qty', 'quantity', 'contracts', 'filled_qty', 'shares'],
  price: ['fill_price', 'price', 'filled_avg_price', 'avg_price', 'premium', 'entry_price'],
  fees: ['fees', 'fee', 'commission'],
  orderId: ['order_id', 'alpaca_order_id', 'client_order_id'],
  tradeId: ['trade_id', 'activity_id', 'execution_id', 'id'],
  realizedPnl: ['realized_pnl', 'pnl', 'pnl_amount', 'profit'],
  status: ['status'],
} as const;

type Field = keyof typeof COLUMN_NAMES;

/** Without these a table is no trade history. */
const REQUIRED: readonly Field[] = ['time', 'symbol', 'quantity'];

export interface BadLine {
  readonly line: number;
  readonly reason: string;
}

export interface ForeignTrades {
  readonly trades: readonly NewImportedTrade[];
  /** Lines that could not be understood; the others are good without them. */
  readonly bad: readonly BadLine[];
}

/**
 * Reads a trade history. `file` is its name for the record. Throws `usage` for text that is no CSV with columns for
 * time, symbol and quantity. Empty text holds no trades.
 */
export function readForeignTrades(text: string, file: string): ForeignTrades {
  const [header, ...rows] = parseCsv(text);
  if (header === undefined) return { trades: [], bad: [] };
  const columns = columnsOf(header.cells, file);
  const trades: NewImportedTrade[] = [];
  const bad: BadLine[] = [];
  const seen = new Map<string, number>();
  const hasDecimalCommas = rows.some((row) =>
    AMOUNTS.some((field) => DECIMAL_COMMA.test(digitsOf(cell(row, columns, field) ?? ''))),
  );
  for (const row of rows) {
    try {
      const trade = tradeOf(row, header.cells, columns, hasDecimalCommas);
      // Two equal lines of one file are two trades: the second is the second wherever it is read.
      const number = (seen.get(trade.content) ?? 0) + 1;
      seen.set(trade.content, number);
      trades.push({
        ...trade.fields,
        contentHash: sha256(`truebook/imported-trade/1|${trade.content}|${number}`),
        file,
        line: row.line,
        cells: cellsByName(row, header.cells),
      });
    } catch (error) {
      if (!(error instanceof BadCell)) throw error;
      bad.push({ line: row.line, reason: error.message });
    }
  }
  return { trades, bad };
}

class BadCell extends Error {}

type Columns = Readonly<Record<Field, readonly number[]>>;

function columnsOf(header: readonly string[], file: string): Columns {
  const names = header.map((name) =>
    name
      .trim()
      .toLowerCase()
      .replaceAll(/[\s_]+/g, '_'),
  );
  const columns = Object.fromEntries(
    Object.entries(COLUMN_NAMES).map(([field, accepted]) => [
      field,
      accepted.map((name) => names.indexOf(name)).filter((index) => index >= 0),
    ]),
  ) as Record<Field, number[]>;
  const missing = REQUIRED.filter((field) => columns[field].length === 0);
  if (missing.length === 0) return columns;
  throw new TruebookError('usage', `${file} has no column for ${missing.join(', ')}.`, {
    hint: missing.map((field) => `${field}: ${COLUMN_NAMES[field].join(', ')}`).join('; '),
  });
}

/** The first of the columns of that meaning that says something. */
function cell(row: CsvRow, columns: Columns, field: Field): string | null {
  for (const index of columns[field]) {
    const text = (row.cells[index] ?? '').trim().replace(/^'(?=[=+\-@])/, '');
    if (!/^(|nan|none|null|nat|n\/a)$/i.test(text)) return text;
  }
  return null;
}

function tradeOf(
  row: CsvRow,
  header: readonly string[],
  columns: Columns,
  hasDecimalCommas: boolean,
): {
  readonly fields: Omit<NewImportedTrade, 'contentHash' | 'file' | 'line' | 'cells'>;
  readonly content: string;
} {
  if (row.cells.length !== header.length)
    throw new BadCell(`${row.cells.length} cells where the header has ${header.length}`);
  const time = required(row, columns, 'time');
  const executedAt = instantOf(time);
  if (executedAt === null) throw new BadCell(`"${short(time)}" is no time`);
  const symbol = required(row, columns, 'symbol').toUpperCase();
  const signed = amount(required(row, columns, 'quantity'), 'quantity', hasDecimalCommas);
  if (signed.isZero()) throw new BadCell('the quantity is 0');
  const side = sideOf(cell(row, columns, 'side'));
  // Programs that sign sold quantities write them negative; a negative purchase is a slip that nobody can read for sure.
  if (side === 'buy' && signed.sign() < 0) throw new BadCell('a purchase of a negative quantity');
  const number = (field: Field): Decimal | null => {
    const text = cell(row, columns, field);
    return text === null ? null : amount(text, field, hasDecimalCommas);
  };
  const fields = {
    executedAt,
    symbol,
    side: side ?? (signed.sign() < 0 ? 'sell' : null),
    quantity: signed.abs(),
    price: number('price'),
    fees: number('fees'),
    realizedPnl: number('realizedPnl'),
    orderId: cell(row, columns, 'orderId'),
    tradeId: cell(row, columns, 'tradeId'),
    status: cell(row, columns, 'status'),
  } as const;
  return { fields, content: canonicalJson({ ...fields, status: undefined }) };
}

function required(row: CsvRow, columns: Columns, field: Field): string {
  const text = cell(row, columns, field);
  if (text === null) throw new BadCell(`no ${field}`);
  return text;
}

const AMOUNTS = ['quantity', 'price', 'fees', 'realizedPnl'] as const satisfies readonly Field[];

const THOUSANDS = /^[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?$/;
/** `12,50`, `0,125`, `1.234,50`: a comma that can only be a decimal one. */
const DECIMAL_COMMA = /^[+-]?(\d+,\d{1,2}|\d+,\d{4,}|0\d*,\d+|\d{4,},\d+|\d{1,3}(\.\d{3})+,\d+)$/;
/** `1,234` and `1.234`: a thousand or so to some, one and a bit to others. */
const AMBIGUOUS = /^[+-]?[1-9]\d{0,2}([.,]\d{3})+$/;

/**
 * `1,234.50`, `$12`, `(12.50)` as people and spreadsheets write them. Nothing is guessed: a comma is a thousands
 * separator where it stands as one, and what could be either is no number in a file that has decimal commas.
 */
function amount(text: string, field: Field, hasDecimalCommas: boolean): Decimal {
  const digits = digitsOf(text);
  if (digits.includes(',') && !THOUSANDS.test(digits))
    throw new BadCell(`${field} "${short(text)}" has a comma that separates no thousands`);
  if (hasDecimalCommas && AMBIGUOUS.test(digits))
    throw new BadCell(`${field} "${short(text)}" is ambiguous in a file with decimal commas`);
  const value = Decimal.tryParse(digits.replaceAll(',', ''));
  if (value === null) throw new BadCell(`${field} "${short(text)}" is no number`);
  return isInParentheses(text) ? value.negate() : value;
}

/** Without the signs of money and of a loss in parentheses, which stand around a number. */
function digitsOf(text: string): string {
  const inner = isInParentheses(text) ? text.slice(1, -1).trim() : text;
  return inner.replace(/^([+-]?)\s*\$\s*/, '$1').replace(/\s*\$$/, '');
}

function isInParentheses(text: string): boolean {
  return /^\([^+-]*\)$/.test(text);
}

const SIDES: Readonly<Record<string, 'buy' | 'sell'>> = {
  buy: 'buy',
  bought: 'buy',
  bot: 'buy',
  b: 'buy',
  long: 'buy',
  buy_to_open: 'buy',
  buy_to_close: 'buy',
  sell: 'sell',
  sold: 'sell',
  sld: 'sell',
  s: 'sell',
  short: 'sell',
  sell_short: 'sell',
  sell_to_open: 'sell',
  sell_to_close: 'sell',
};

function sideOf(text: string | null): 'buy' | 'sell' | null {
  if (text === null) return null;
  const word = text.toLowerCase().replaceAll(/[\s-]+/g, '_');
  return Object.hasOwn(SIDES, word) ? SIDES[word]! : null;
}

const LOCAL_TIME = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2})?)(?:\.(\d+))?)?$/;
const AMERICAN_DATE = /^(\d{1,2})\/(\d{1,2})\/(\d{4})(.*)$/;

/** ISO 8601 or `8/21/2025 10:05`; a time without a zone is New York's, where the markets are. */
function instantOf(text: string): Instant | null {
  const american = AMERICAN_DATE.exec(text);
  const iso =
    american === null
      ? text
      : `${american[3]}-${american[1]!.padStart(2, '0')}-${american[2]!.padStart(2, '0')}${american[4]}`;
  const exact = tryParseInstant(iso);
  if (exact !== null) return exact;
  const local = LOCAL_TIME.exec(iso.trim());
  if (local === null) return null;
  const [, day = '', time = '00:00', fraction = ''] = local;
  const date = tryParseTradeDate(day);
  if (date === null || !/^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$/.test(time)) return null;
  const instant = zonedInstant(date, time, NEW_YORK);
  return fraction === '' ? instant : tryParseInstant(`${instant.slice(0, 19)}.${fraction}Z`);
}

function cellsByName(row: CsvRow, header: readonly string[]): Readonly<Record<string, string>> {
  return Object.fromEntries(header.map((name, index) => [name, row.cells[index] ?? '']));
}

function short(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}
