/** What each fault does to an answer: first to the truth it is made from, then to the finished body. */
import { compareInstants, type Instant } from '../../../domain/time.ts';
import { Decimal } from '../../../domain/decimal.ts';
import { type Fault, type FaultResource } from '../../faults.ts';
import { isJsonNumber } from '../../json.ts';
import { type View } from '../../view.ts';

/** Rows a short history still shows where the fault names no number. */
const SHORT_DAYS = 7;
const DAY_MS = 86_400_000;

/** The truth an answer is made from, as the fault leaves it; null where the fault has no effect on it. */
export function faultyView(
  fault: Fault,
  view: View,
  resource: FaultResource,
  other: () => View | null,
): View | null {
  switch (fault.kind) {
    case 'stale':
      return fault.before.get(view.account.name) ?? null;
    case 'late':
      return lateView(fault, view, resource);
    case 'wrong-account':
      return other();
    case 'short-history':
      return resource === 'activities' || resource === 'orders' || resource === 'account'
        ? shortHistory(fault, view)
        : null;
    default:
      return null;
  }
}

/** Rows made since the fault began are withheld - or, where there are none, the newest one. Positions simply lag. */
function lateView(fault: Fault, view: View, resource: FaultResource): View | null {
  if (resource !== 'activities' && resource !== 'orders') return fault.before.get(view.account.name) ?? null;
  const newest = fault.at ?? 1;
  return {
    ...view,
    listed: withoutNewest(view.listed, (entry) => entry.publishedAt!, fault.since, newest),
    orders: withoutNewest(view.orders, (order) => order.submittedAt, fault.since, newest),
  };
}

function withoutNewest<Row>(
  rows: readonly Row[],
  timeOf: (row: Row) => Instant,
  since: Instant,
  newest: number,
): Row[] {
  const sorted = [...rows].sort((left, right) => compareInstants(timeOf(left), timeOf(right)));
  const fresh = sorted.filter((row) => compareInstants(timeOf(row), since) > 0).length;
  const withheld = new Set(sorted.slice(Math.max(0, sorted.length - Math.max(fresh, newest))));
  return rows.filter((row) => !withheld.has(row));
}

/** Only the last `at` rows, or those of the last week. */
function shortHistory(fault: Fault, view: View): View {
  const first = Date.parse(view.now) - SHORT_DAYS * DAY_MS;
  const keep = <Row>(rows: readonly Row[], timeOf: (row: Row) => Instant): Row[] => {
    if (fault.at === null) return rows.filter((row) => Date.parse(timeOf(row)) >= first);
    const sorted = [...rows].sort((left, right) => compareInstants(timeOf(left), timeOf(right)));
    const kept = new Set(sorted.slice(Math.max(0, sorted.length - fault.at)));
    return rows.filter((row) => kept.has(row));
  };
  return {
    ...view,
    listed: keep(view.listed, (entry) => entry.at),
    orders: keep(view.orders, (order) => order.submittedAt),
  };
}

/** The body as the fault leaves it; null where the fault has no effect on it. */
export function faultyBody(fault: Fault, body: unknown): unknown {
  switch (fault.kind) {
    case 'empty':
      return Array.isArray(body) ? [] : {};
    case 'partial':
      return onRows(body, (rows) => partial(fault, rows)) ?? withoutTail(body);
    case 'duplicate':
      return onRows(body, (rows) => rows.flatMap((row) => [row, row]));
    case 'reorder':
      return onRows(body, (rows) => reordered(rows));
    case 'rounded':
      return rounded(body);
    case 'schema-drift':
      return onRows(body, (rows) => drifted(fault, rows)) ?? drift(fault, body);
    default:
      return null;
  }
}

/** Applies to the list that a body is, or that it holds (`option_contracts`); null where there is none. */
function onRows(body: unknown, change: (rows: unknown[]) => unknown[]): unknown {
  if (Array.isArray(body)) return change(body);
  if (!isRecord(body)) return null;
  for (const [name, value] of Object.entries(body)) {
    if (Array.isArray(value) && value.some(isRecord)) return { ...body, [name]: change(value) };
  }
  return null;
}

/** The row numbered `at` goes missing; else the second half of the rows. */
function partial(fault: Fault, rows: unknown[]): unknown[] {
  if (fault.at !== null) return rows.filter((_row, index) => index !== fault.at);
  return rows.slice(0, Math.floor(rows.length / 2));
}

function withoutTail(body: unknown): unknown {
  if (!isRecord(body)) return null;
  const fields = Object.entries(body);
  return Object.fromEntries(fields.slice(0, Math.floor(fields.length / 2)));
}

/** Every other row first: no order that any cursor would expect. */
function reordered(rows: unknown[]): unknown[] {
  const odd = rows.filter((_row, index) => index % 2 === 1);
  const even = rows.filter((_row, index) => index % 2 === 0);
  return [...odd, ...even.reverse()];
}

/** Every decimal with more than two digits behind the point loses them. */
function rounded(value: unknown): unknown {
  if (typeof value === 'string')
    return /^-?\d+\.\d{3,}$/.test(value) ? Decimal.parse(value).round(2).toString() : value;
  if (Array.isArray(value)) return value.map(rounded);
  if (isRecord(value) && !isJsonNumber(value))
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, rounded(one)]));
  return value;
}

function drifted(fault: Fault, rows: unknown[]): unknown[] {
  const chosen = Math.min(fault.at ?? 0, rows.length - 1);
  return rows.map((row, index) => (index === chosen ? drift(fault, row) : row));
}

/** Fields whose change hurts, the most telling first. */
const NUMBER_FIELDS = ['qty', 'net_amount', 'filled_qty', 'cash', 'multiplier', 'timestamp'];
const WORD_FIELDS = ['activity_type', 'asset_class', 'side', 'status', 'type', 'class', 'timeframe'];

/** In turn: a field gets another name, a number becomes an object, a word gets a value nobody has seen. */
function drift(fault: Fault, row: unknown): unknown {
  if (!isRecord(row)) return row;
  const number = NUMBER_FIELDS.find((name) => row[name] !== undefined) ?? Object.keys(row)[0];
  const word = WORD_FIELDS.find((name) => row[name] !== undefined) ?? number;
  if (number === undefined || word === undefined) return row;
  const turn = fault.applied % 3;
  const fields = Object.entries(row);
  if (turn === 0)
    return Object.fromEntries(fields.map(([name, value]) => [name === number ? `${name}_v3` : name, value]));
  if (turn === 1) return { ...row, [number]: { value: row[number] } };
  return { ...row, [word]: 'NOT_SEEN_BEFORE' };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
