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

// ---- form ---------------------------------------------------------------------------------------------------------

/** `text`: numbers, days and words are texts (or null); `whole`: a place in a list; `yesNo`: true or false. */
type Form = 'text' | 'whole' | 'yesNo' | List | Fields;

interface List {
  readonly each: Form;
}

/** The fields of an object; `any` takes a name that is not among them. */
interface Fields {
  readonly fields: Readonly<Record<string, Form>>;
  readonly any?: Form;
}

type Named = Readonly<Record<string, Form>>;

const texts = (names: string): Named => Object.fromEntries(names.split(' ').map((name) => [name, 'text']));
const each = (form: Form): List => ({ each: form });
const listOf = (fields: Named): List => each({ fields });

/** Figures that stand beside lists; in `after` they speak of the moment after that transaction. */
const PLAIN = texts(
  'remaining_qty remaining_basis avg_price realized_pnl realized_cum fees_total total_pnl realized_pnl_net_all_fees ' +
    'pool_cost avg_exit avg_entry peak_qty realized_pnl_cash_truth realized_pnl_account_ccy fees_total_account_ccy ' +
    'missing_qty',
);
const TERMS: Fields = { fields: texts('LONG SHORT') };

const TRANSACTION: Named = {
  i: 'whole',
  ...texts('ts type symbol qty price amount fee fee_asset fee_included_in_amount coin_fee_included_in_qty'),
  ...texts(
    'multiplier lot label order form_position ccy intent account account_type to kind ratio_new ratio_old',
  ),
  ...texts('option right strike option_multiplier to_symbol basis_fraction cash_per_old fmv_new'),
  already_used_as_replacement: 'yesNo',
  select: { fields: texts('cost ccy date label') },
};

const EXPECTED: Named = {
  ...PLAIN,
  ...texts('error'),
  close_realized: each('text'),
  close_costs: each('text'),
  cycles: each('text'),
  unrealized: { fields: texts('mark pnl') },
  matches: listOf(texts('symbol lot qty unit_cost date')),
  lots: listOf(texts('symbol qty unit_cost date account')),
  closes: listOf(texts('entry exit qty direction realized fees')),
  pieces: listOf(texts('ts kind qty realized term lot_ts')),
  summary: listOf(texts('year kind term qty realized proceeds cost')),
  symbols: { fields: {}, any: { fields: texts('qty basis') } },
  realized_by_term: TERMS,
  cost_by_term: TERMS,
  qty_by_term: TERMS,
  after: listOf({ i: 'whole', ...PLAIN }),
  wash: {
    fields: {
      ...texts('disallowed_total permanently_lost'),
      rows: listOf({
        ...texts('qty holding_start adjusted_basis sell_date proceeds code disallowed'),
        is_replacement: 'yesNo',
      }),
    },
  },
};

const VECTOR: Fields = {
  fields: {
    ...texts('id source method multiplier fee_policy tolerance scope fee_attribution missing_basis hifo_key'),
    ...texts('term_rule split_rounding wash_policy check_symbol'),
    flags: each('text'),
    fx: { fields: texts('quote account rate_at_close') },
    transactions: listOf(TRANSACTION),
    expected: { fields: EXPECTED },
  },
};

/**
 * Throws `Unsupported` for the first field the format does not have or does not have so, and for a vector that shows
 * nothing: without transactions, or without anything that is expected.
 */
export function checkForm(vector: unknown): void {
  check(vector, VECTOR, '');
  const { transactions, expected } = vector as Partial<Vector>;
  if (transactions === undefined) throw new Unsupported('transactions: there are none');
  if (Object.keys(expected ?? {}).length === 0) throw new Unsupported('expected: nothing is expected');
  const known = new Set<number>();
  for (const { i } of transactions) {
    if (known.has(i)) throw new Unsupported(`transactions: two of them are number ${i}`);
    known.add(i);
  }
  for (const { i } of expected?.after ?? [])
    if (!known.has(i)) throw new Unsupported(`expected.after: there is no transaction ${i}`);
}

function check(value: unknown, form: Form, path: string): void {
  if (typeof form === 'string') {
    if (!isLeaf(value, form)) throw wrongForm(path, LEAVES[form]);
  } else if ('each' in form) {
    if (!Array.isArray(value)) throw wrongForm(path, 'a list');
    value.forEach((item, index) => check(item, form.each, `${path}[${index}]`));
  } else {
    if (value === null || typeof value !== 'object' || Array.isArray(value))
      throw wrongForm(path, 'an object');
    for (const [field, inner] of Object.entries(value)) {
      const known = Object.hasOwn(form.fields, field) ? form.fields[field] : form.any;
      const place = path === '' ? '' : ` (in ${path})`;
      if (known === undefined) throw new Unsupported(`unsupported field ${field}${place}`);
      check(inner, known, path === '' ? field : `${path}.${field}`);
    }
  }
}

const LEAVES = { text: 'a text', whole: 'a whole number', yesNo: 'true or false' } as const;

function isLeaf(value: unknown, form: keyof typeof LEAVES): boolean {
  if (form === 'text') return value === null || typeof value === 'string';
  return form === 'whole' ? Number.isSafeInteger(value) : typeof value === 'boolean';
}

function wrongForm(path: string, wanted: string): Unsupported {
  return new Unsupported(`${path === '' ? 'the vector' : path} is not ${wanted}`);
}

/** A word of a vector as one of those that are known. Throws `Unsupported`. */
export function oneOf<Word>(field: string, word: string, known: Readonly<Record<string, Word>>): Word {
  if (!Object.hasOwn(known, word)) throw new Unsupported(`unsupported value ${field}=${word}`);
  return known[word]!;
}
