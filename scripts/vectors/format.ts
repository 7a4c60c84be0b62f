/**
 * The vector format: cases of other books and of documents, as JSON. Every field there is, and nothing else: a field
 * nobody knows would be a demand nobody checks, so it fails its vector.
 */

export interface Vector {
  readonly id: string;
  readonly source?: string;
  readonly method: string;
  readonly multiplier?: string;
  readonly fee_policy?: string;
  readonly transactions: readonly Transaction[];
  readonly expected: Expected;
  readonly flags?: readonly string[];
  readonly tolerance?: string;
  /** `account` (default): lots never cross accounts; `global`: they do. */
  readonly scope?: string;
  readonly fee_attribution?: string;
  readonly missing_basis?: string;
  readonly hifo_key?: string;
  readonly term_rule?: string;
  readonly split_rounding?: string;
  readonly wash_policy?: string;
  /** Figures without a symbol speak of this one alone. */
  readonly check_symbol?: string;
  readonly fx?: { readonly quote: string; readonly account: string; readonly rate_at_close: string };
}

export interface Transaction {
  readonly i: number;
  readonly ts: string;
  readonly type: string;
  readonly symbol: string;
  readonly qty?: string;
  readonly price?: string;
  /** Total money; beats price times quantity. */
  readonly amount?: string;
  readonly fee?: string;
  readonly fee_asset?: string;
  readonly fee_included_in_amount?: string;
  readonly coin_fee_included_in_qty?: string;
  readonly multiplier?: string;
  readonly lot?: string;
  readonly label?: string;
  readonly order?: string;
  readonly form_position?: string;
  readonly already_used_as_replacement?: boolean;
  readonly ccy?: string;
  readonly intent?: string;
  readonly select?: Select;
  readonly account?: string;
  readonly account_type?: string;
  readonly to?: string;
  readonly kind?: string;
  readonly ratio_new?: string;
  readonly ratio_old?: string;
  readonly option?: string;
  readonly right?: string;
  readonly strike?: string;
  readonly option_multiplier?: string;
  readonly to_symbol?: string;
  readonly basis_fraction?: string;
  readonly cash_per_old?: string;
  readonly fmv_new?: string;
}

export interface Select {
  readonly cost?: string;
  readonly ccy?: string;
  readonly date?: string;
  readonly label?: string;
}

export interface Expected {
  readonly error?: string;
  readonly matches?: readonly Match[];
  readonly lots?: readonly LotFigure[];
  readonly closes?: readonly CloseFigure[];
  readonly pieces?: readonly PieceFigure[];
  readonly summary?: readonly SummaryFigure[];
  readonly symbols?: Readonly<Record<string, { readonly qty?: string; readonly basis?: string }>>;
  readonly after?: readonly ({ readonly i: number } & Figures)[];
  readonly wash?: WashFigures;
  readonly [figure: string]: unknown;
}

/** Figures that are one value, by name; null where there must be none. */
export type Figures = Readonly<Record<string, unknown>>;

export interface Match {
  readonly symbol?: string;
  readonly lot?: string;
  readonly qty: string;
  readonly unit_cost?: string | null;
  readonly date?: string;
}

export interface LotFigure {
  readonly symbol?: string;
  readonly qty: string;
  readonly unit_cost?: string | null;
  readonly date?: string;
  readonly account?: string;
}

export interface CloseFigure {
  readonly entry: string;
  readonly exit: string;
  readonly qty: string;
  readonly direction: string;
  readonly realized: string;
  readonly fees: string;
}

export interface PieceFigure {
  readonly ts: string;
  readonly kind: string;
  readonly qty: string;
  readonly realized: string;
  readonly term: string;
  readonly lot_ts: string;
}

export interface SummaryFigure {
  readonly year: string;
  readonly kind: string;
  readonly term: string;
  readonly qty: string;
  readonly realized: string;
  readonly proceeds: string;
  readonly cost: string;
}

export interface WashFigures {
  readonly rows: readonly WashRow[];
  readonly disallowed_total?: string;
  readonly permanently_lost?: string;
}

export interface WashRow {
  readonly qty: string;
  readonly holding_start: string;
  readonly adjusted_basis: string;
  readonly sell_date: string | null;
  readonly proceeds: string | null;
  readonly code: string;
  readonly disallowed: string;
  readonly is_replacement?: boolean;
}

/** What fails a vector before anything is worked out. */
export class Unsupported extends Error {}

// ---- fields -------------------------------------------------------------------------------------------------------

/** A shape: the fields of an object; `*` takes any name. A list is checked item by item, a leaf is null. */
interface Shape {
  readonly [field: string]: Shape | null;
}

const leaves = (names: string): Shape => Object.fromEntries(names.split(' ').map((name) => [name, null]));

/** Figures that stand beside lists; in `after` they speak of the moment after that transaction. */
const PLAIN = leaves(
  'remaining_qty remaining_basis avg_price realized_pnl realized_cum fees_total total_pnl realized_pnl_net_all_fees ' +
    'pool_cost avg_exit avg_entry peak_qty realized_pnl_cash_truth realized_pnl_account_ccy fees_total_account_ccy ' +
    'missing_qty',
);
const TERMS = leaves('LONG SHORT');

const FIELDS: Shape = {
  ...leaves(
    'id source method multiplier fee_policy flags tolerance scope fee_attribution missing_basis hifo_key',
  ),
  ...leaves('term_rule split_rounding wash_policy check_symbol'),
  fx: leaves('quote account rate_at_close'),
  transactions: {
    ...leaves(
      'i ts type symbol qty price amount fee fee_asset fee_included_in_amount coin_fee_included_in_qty',
    ),
    ...leaves('multiplier lot label order form_position already_used_as_replacement ccy intent account'),
    ...leaves('account_type to kind ratio_new ratio_old option right strike option_multiplier to_symbol'),
    ...leaves('basis_fraction cash_per_old fmv_new'),
    select: leaves('cost ccy date label'),
  },
  expected: {
    ...PLAIN,
    ...leaves('error close_realized close_costs cycles'),
    unrealized: leaves('mark pnl'),
    matches: leaves('symbol lot qty unit_cost date'),
    lots: leaves('symbol qty unit_cost date account'),
    closes: leaves('entry exit qty direction realized fees'),
    pieces: leaves('ts kind qty realized term lot_ts'),
    summary: leaves('year kind term qty realized proceeds cost'),
    symbols: { '*': leaves('qty basis') },
    realized_by_term: TERMS,
    cost_by_term: TERMS,
    qty_by_term: TERMS,
    after: { i: null, ...PLAIN },
    wash: {
      ...leaves('disallowed_total permanently_lost'),
      rows: leaves('qty holding_start adjusted_basis sell_date proceeds code disallowed is_replacement'),
    },
  },
};

/** Throws `Unsupported` for the first field the format does not have. */
export function checkFields(vector: unknown): void {
  checkShape(vector, FIELDS, '');
}

function checkShape(value: unknown, shape: Shape | null, path: string): void {
  if (shape === null || value === null || typeof value !== 'object') return;
  if (Array.isArray(value)) {
    value.forEach((item, index) => checkShape(item, shape, `${path}[${index}]`));
    return;
  }
  for (const [field, inner] of Object.entries(value)) {
    const here = path === '' ? field : `${path}.${field}`;
    const known = Object.hasOwn(shape, field) ? shape[field] : shape['*'];
    if (known === undefined) throw new Unsupported(`unsupported field ${here}`);
    checkShape(inner, known, here);
  }
}

/** A word of a vector as one of those that are known. Throws `Unsupported`. */
export function oneOf<Word>(field: string, word: string, known: Readonly<Record<string, Word>>): Word {
  if (!Object.hasOwn(known, word)) throw new Unsupported(`unsupported value ${field}=${word}`);
  return known[word]!;
}
