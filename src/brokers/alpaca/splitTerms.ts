/**
 * The terms of splits. Alpaca's rows of a split say what left and what came; where that was cut to whole shares, to be
 * paid for in cash later, the ratio is in neither, but among the corporate actions of its market data (`GET
 * /v1/corporate-actions`, alpaca.md 6). Only splits whose rows leave it open are asked for, after the rows were read:
 * the rows are true without their ratio, so nothing that goes wrong here fails the read or holds it up for long.
 */
import { type Activity } from '../../domain/activity.ts';
import { Decimal } from '../../domain/decimal.ts';
import { isTruebookError } from '../../domain/errors.ts';
import { type ExactJson } from '../../domain/json.ts';
import { instantToMs, type Instant } from '../../domain/time.ts';
import { type Problem } from './map.ts';
import { type Answer, type Reading } from './reading.ts';
import { firstProblem, wireNonTrade, wireSplitTerms, type WireNonTrade } from './wire.ts';

interface Terms {
  readonly news: Decimal;
  readonly olds: Decimal;
}

/** Asked for in vain. */
interface Unknown {
  readonly askedAt: Instant;
  readonly againAfterMs: number;
  /** What stood in the way; null where nobody announces that split, or the key may not read it. */
  readonly trouble: {
    readonly problem: Problem;
    readonly row: object;
    readonly sha256: string | null;
  } | null;
}

/** By symbol and day. Terms never change once read; what is unknown is asked for again. */
export type SplitTerms = Map<string, Terms | Unknown>;

const MINUTE_MS = 60_000;
/** A little less than the usual time between runs, so that the next one asks again. */
const AFTER_TROUBLE_MS = 4 * MINUTE_MS;
/** Announcements may come after the rows, and rights with another key. */
const AFTER_NOTHING_MS = 60 * MINUTE_MS;

/** Asks for the terms of splits in `raws` that are open and not known yet. What cannot be read is told, and stays open. */
export async function learnSplits<Rows>(
  reading: Reading<Rows>,
  raws: readonly ExactJson[],
  known: SplitTerms,
): Promise<void> {
  let isReachable = true;
  for (const split of splitsIn(raws)) {
    const key = keyOf(split.symbol, split.date);
    const before = known.get(key);
    if (isRead(before) || !leavesRatioOpen(split.rows)) continue;
    if (isReachable && isDue(before, reading.startedAt)) {
      const found = await readTerms(reading, split);
      known.set(key, found);
      // One answer that does not come is enough: the others would keep the rows waiting too.
      isReachable = isRead(found) || found.trouble?.sha256 !== null;
    }
    tellTrouble(reading, known.get(key));
  }
}

/** Rows of splits, whole or not: what `learnSplits` looks at. */
export function splitRows(raws: readonly ExactJson[]): readonly ExactJson[] {
  return raws.filter(
    (raw) => (raw as { readonly activity_type?: unknown } | null)?.activity_type === 'SPLIT',
  );
}

function isRead(found: Terms | Unknown | undefined): found is Terms {
  return found !== undefined && 'news' in found;
}

/** A clock that was put back makes it due as well. */
function isDue(before: Unknown | undefined, now: Instant): boolean {
  if (before === undefined) return true;
  return Math.abs(instantToMs(now) - instantToMs(before.askedAt)) >= before.againAfterMs;
}

/** In every read until the terms are known, or nobody says that they can be: a finding ends when nothing tells of it. */
function tellTrouble<Rows>(reading: Reading<Rows>, found: Terms | Unknown | undefined): void {
  if (found === undefined || isRead(found) || found.trouble === null) return;
  const { problem, row, sha256 } = found.trouble;
  reading.quarantine('corporate_actions', problem, row, sha256);
}

/** A split's row with its terms, where they were read. */
export function withSplitTerms(row: Activity, known: SplitTerms): Activity {
  const terms =
    row.kind === 'split' && row.instrument !== null
      ? known.get(keyOf(row.instrument.symbol, row.tradeDate))
      : undefined;
  if (!isRead(terms)) return row;
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

function splitsIn(raws: readonly ExactJson[]): readonly Split[] {
  const splits = new Map<string, Split>();
  for (const raw of splitRows(raws)) {
    const parsed = wireNonTrade.safeParse(raw);
    if (!parsed.success || parsed.data.symbol === null) continue;
    const { symbol, date } = parsed.data;
    const split = splits.get(keyOf(symbol, date)) ?? { symbol, date, rows: [] };
    split.rows.push(parsed.data);
    splits.set(keyOf(symbol, date), split);
  }
  return [...splits.values()];
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

async function readTerms<Rows>(reading: Reading<Rows>, split: Split): Promise<Terms | Unknown> {
  const { symbol, date } = split;
  const query = { symbols: symbol, types: 'forward_split,reverse_split', start: date, end: date };
  let answer: Answer | null;
  try {
    answer = await reading.find('corporate_actions', 'data', '/v1/corporate-actions', query, { once: true });
  } catch (error) {
    if (!isTruebookError(error) || error.code === 'stopped') throw error;
    // A key without market data is no trouble: it may read everything that counts.
    if (error.code === 'broker_forbidden' || error.code === 'broker_auth') return unannounced(reading);
    return troubled(reading, split, String(error.facts['reason'] ?? error.code), null);
  }
  if (answer === null) return unannounced(reading);
  const parsed = wireSplitTerms.safeParse(answer.json);
  if (!parsed.success) {
    const { path, reason } = firstProblem(parsed.error, 'corporate_actions');
    return troubled(reading, split, `${path}: ${reason}`, answer);
  }
  const { forward_splits, reverse_splits } = parsed.data.corporate_actions;
  const found = [...(forward_splits ?? []), ...(reverse_splits ?? [])].filter(
    (one) => one.symbol === symbol && (one.ex_date === date || one.process_date === date),
  );
  const [only, another] = found;
  if (only === undefined || another !== undefined) return unannounced(reading);
  return only.new_rate.sign() > 0 && only.old_rate.sign() > 0
    ? { news: only.new_rate, olds: only.old_rate }
    : unannounced(reading);
}

function unannounced({ startedAt }: { readonly startedAt: Instant }): Unknown {
  return { askedAt: startedAt, againAfterMs: AFTER_NOTHING_MS, trouble: null };
}

/** `why` without what changes from try to try: the same trouble is one finding. */
function troubled(
  { startedAt }: { readonly startedAt: Instant },
  { symbol, date }: Split,
  why: string,
  answer: Answer | null,
): Unknown {
  const problem = {
    path: `corporate_actions of ${symbol} on ${date}`,
    reason: `the terms of the split cannot be read (${why}); its ratio is an estimate until they can`,
  };
  const row = { id: `split:${symbol}:${date}`, symbol, date, answer: answer?.json ?? null };
  const sha256 = answer?.sha256 ?? null;
  return { askedAt: startedAt, againAfterMs: AFTER_TROUBLE_MS, trouble: { problem, row, sha256 } };
}
