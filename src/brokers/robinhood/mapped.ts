/** What mapping a row of Robinhood's can give, and the small pieces that all maps share. Pure. */
import { type Activity } from '../../domain/activity.ts';
import { Decimal } from '../../domain/decimal.ts';
import { type Currency } from '../../domain/money.ts';
import { type Instant, NEW_YORK, newYorkDate, type TradeDate, zonedInstant } from '../../domain/time.ts';

/** Robinhood's accounts are kept in dollars. */
export const HOME: Currency = 'USD';

export interface Problem {
  /** Path to the value: `orders[17].executions[0].price`. */
  readonly path: string;
  readonly reason: string;
}

/** A row understood, not understood (`row` null), or understood but for one value that became null (both). */
export interface Mapped<Row> {
  readonly row: Row | null;
  readonly problem: Problem | null;
}

/** What one row of a list comes to: an order holds several executions, an event has several legs, a pending one none. */
export interface Understood {
  readonly rows: readonly Activity[];
  readonly problems: readonly Problem[];
}

export const NOTHING: Understood = { rows: [], problems: [] };

export function bad<Row>(path: string, reason: string): Mapped<Row> {
  return { row: null, problem: { path, reason } };
}

export function notUnderstood(path: string, reason: string): Understood {
  return { rows: [], problems: [{ path, reason }] };
}

export function understood(...rows: readonly Activity[]): Understood {
  return { rows, problems: [] };
}

type Given = 'rootId' | 'kind' | 'amount' | 'executedAt' | 'externalId' | 'brokerType';

/** An activity of this broker; what is not given is absent. The trade date is the New York day unless given. */
export function activityOf(given: Pick<Activity, Given> & Partial<Activity>): Activity {
  return {
    status: 'ok',
    brokerRev: null,
    instrument: null,
    quantity: Decimal.zero,
    price: null,
    currency: HOME,
    fees: null,
    feesCurrency: null,
    timePrecision: 'instant',
    tradeDate: newYorkDate(given.executedAt),
    publishedAt: null,
    side: null,
    orderId: null,
    groupId: null,
    description: null,
    source: 'robinhood',
    details: {},
    ...given,
  };
}

/** When something took effect that has a date and no time: 00:00:00 or 23:59:59 in New York. */
export function onDay(
  date: TradeDate,
  end: 'start' | 'end',
): Pick<Activity, 'executedAt' | 'timePrecision' | 'tradeDate'> {
  const time = end === 'start' ? '00:00:00' : '23:59:59';
  return { executedAt: zonedInstant(date, time, NEW_YORK), timePrecision: 'day', tradeDate: date };
}

/** The moment where it is known, else the end of the day. */
export function atOrOn(
  at: Instant | null,
  date: TradeDate,
): Pick<Activity, 'executedAt' | 'timePrecision' | 'tradeDate'> {
  return at === null
    ? onDay(date, 'end')
    : { executedAt: at, timePrecision: 'instant', tradeDate: newYorkDate(at) };
}

/** The last piece of a path or address: `https://.../instruments/<id>/` names `<id>`. Null where `kind` is not before it. */
export function idInUrl(url: string | null, kind: string): string | null {
  const match = url === null ? null : /([^/]+)\/([0-9A-Za-z_-]{1,64})\/?$/.exec(url);
  return match?.[1] === kind ? match[2]! : null;
}

/** `credit` is money that comes, `debit` money that goes; null for any other word. */
export function directed(amount: Decimal, direction: string | null): Decimal | null {
  if (direction === 'credit') return amount;
  return direction === 'debit' ? amount.negate() : null;
}

/** The first 40 characters, for a reason. */
export function quoted(word: string | null): string {
  return `"${(word ?? '').slice(0, 40)}"`;
}

/**
 * A sum dealt out by weight, exactly: each part is rounded half-even at 18 digits, the last one takes what is left.
 * Weights must not sum to zero.
 */
export function dealtOut(total: Decimal, weights: readonly Decimal[]): readonly Decimal[] {
  const whole = Decimal.sum(weights);
  const parts: Decimal[] = [];
  let left = total;
  for (const [index, weight] of weights.entries()) {
    const isLast = index === weights.length - 1;
    const part = isLast ? left : total.times(weight).dividedBy(whole, 18);
    left = left.minus(part);
    parts.push(part);
  }
  return parts;
}

/** `buy`, `sell` and longer words that begin with them (`sell_short`); null for another word. */
export function sideOf(word: string): 'buy' | 'sell' | null {
  if (word.startsWith('buy')) return 'buy';
  return word.startsWith('sell') ? 'sell' : null;
}

/**
 * Whether a row of this state counts: `ok`, taken back (`bust`), not yet (`open`) or nobody knows (null). Booked rows
 * of a state that was never seen would be a guess, so an unknown word is no `open`.
 */
export function standing(state: string, done: ReadonlySet<string>): 'ok' | 'bust' | 'open' | null {
  if (done.has(state)) return 'ok';
  if (TAKEN_BACK.has(state)) return 'bust';
  return NOT_YET.has(state) ? 'open' : null;
}

const TAKEN_BACK: ReadonlySet<string> = new Set([
  'voided',
  'reversed',
  'failed',
  'rejected',
  'cancelled',
  'canceled',
  'deleted',
]);
const NOT_YET: ReadonlySet<string> = new Set([
  'pending',
  'preparing',
  'queued',
  'new',
  'approved',
  'unsubmitted',
  'submitted',
  'initiated',
  'requested',
  'processing',
]);
