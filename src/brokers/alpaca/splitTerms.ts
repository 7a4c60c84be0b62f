/**
 * The terms of splits. Alpaca's rows of a split say what left and what came; where that was cut to whole shares, to be
 * paid for in cash later, the ratio is in neither, but among the corporate actions of its market data (`GET
 * /v1/corporate-actions`, alpaca.md 6). Only splits whose rows leave it open are asked for.
 */
import { type Activity } from '../../domain/activity.ts';
import { Decimal } from '../../domain/decimal.ts';
import { isTruebookError } from '../../domain/errors.ts';
import { type ExactJson } from '../../domain/json.ts';
import { type Reading } from './reading.ts';
import { wireNonTrade, wireSplitTerms, type WireNonTrade } from './wire.ts';

/** By symbol and day; null where nobody knows. Terms never change once read. */
export type SplitTerms = Map<string, { readonly news: Decimal; readonly olds: Decimal } | null>;

/** Asks for the terms of splits in `raws` that are open and not known yet. */
export async function learnSplits<Rows>(
  reading: Reading<Rows>,
  raws: readonly ExactJson[],
  known: SplitTerms,
): Promise<void> {
  for (const [key, { symbol, date, rows }] of splitsIn(raws)) {
    if (known.has(key) || !leavesRatioOpen(rows)) continue;
    known.set(key, await readTerms(reading, symbol, date));
  }
}

/** A split's row with its terms, where they were read. */
export function withSplitTerms(row: Activity, known: SplitTerms): Activity {
  const terms =
    row.kind === 'split' && row.instrument !== null
      ? known.get(keyOf(row.instrument.symbol, row.tradeDate))
      : undefined;
  if (terms === undefined || terms === null) return row;
  const told = { ratioNew: terms.news.toString(), ratioOld: terms.olds.toString() };
  return { ...row, details: { ...row.details, ...told } };
}

function keyOf(symbol: string, date: string): string {
  return `${symbol} ${date}`;
}

interface Split {
  readonly symbol: string;
  readonly date: string;
  readonly rows: WireNonTrade[];
}

function splitsIn(raws: readonly ExactJson[]): ReadonlyMap<string, Split> {
  const splits = new Map<string, Split>();
  for (const raw of raws) {
    if ((raw as { readonly activity_type?: unknown } | null)?.activity_type !== 'SPLIT') continue;
    const parsed = wireNonTrade.safeParse(raw);
    if (!parsed.success || parsed.data.symbol === null) continue;
    const { symbol, date } = parsed.data;
    const split = splits.get(keyOf(symbol, date)) ?? { symbol, date, rows: [] };
    split.rows.push(parsed.data);
    splits.set(keyOf(symbol, date), split);
  }
  return splits;
}

/** Whole shares that came may have been cut: always in a reverse split, else where they are no multiple. */
function leavesRatioOpen(rows: readonly WireNonTrade[]): boolean {
  const sum = (sign: 1 | -1): Decimal =>
    Decimal.sum(rows.flatMap(({ qty }) => (qty !== null && qty.sign() === sign ? [qty.abs()] : [])));
  const sides = [sum(1), sum(-1)].sort((left, right) => left.compare(right));
  const [less, more] = sides as [Decimal, Decimal];
  if (less.isZero() || !isWhole(less) || !isWhole(more)) return false;
  return rows.some((row) => row.activity_sub_type === 'RSPLIT') || !isWhole(more.dividedBy(less, 20));
}

function isWhole(value: Decimal): boolean {
  return value.round(0).equals(value);
}

async function readTerms<Rows>(
  reading: Reading<Rows>,
  symbol: string,
  date: string,
): Promise<{ news: Decimal; olds: Decimal } | null> {
  const query = { symbols: symbol, types: 'forward_split,reverse_split', start: date, end: date };
  let answer: { readonly json: ExactJson } | null;
  try {
    answer = await reading.find('corporate_actions', 'data', '/v1/corporate-actions', query);
  } catch (error) {
    // A key without market data: the rows are still true, only their ratio stays open.
    if (isTruebookError(error, 'broker_forbidden', 'broker_auth')) return null;
    throw error;
  }
  const parsed = answer === null ? null : wireSplitTerms.safeParse(answer.json);
  if (parsed === null) return null;
  if (!parsed.success)
    return reading.fail('bad_corporate_actions', `Alpaca's terms of the split of ${symbol} cannot be read.`);
  const { forward_splits, reverse_splits } = parsed.data.corporate_actions;
  const found = [...(forward_splits ?? []), ...(reverse_splits ?? [])].filter(
    (one) => one.symbol === symbol && (one.ex_date === date || one.process_date === date),
  );
  const [only, another] = found;
  if (only === undefined || another !== undefined) return null;
  return only.new_rate.sign() > 0 && only.old_rate.sign() > 0
    ? { news: only.new_rate, olds: only.old_rate }
    : null;
}
