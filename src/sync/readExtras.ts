/**
 * Reads that decorate the book and prove nothing: option market data, order references, equity of past days. Failing is
 * no failure.
 */
import { compareActivities } from '../domain/activity.ts';
import { type OrderProgress, type OrderReference, type Quote, type Read } from '../domain/snapshot.ts';
import { addMs, instantToMs, type Instant } from '../domain/time.ts';
import { type NewRevision, type OrderMemory, type WantedOrder } from '../store/store.ts';
import { type RunFrame } from './commit.ts';
import { readPastDays, type PastDays } from './pastDays.ts';
import { record, type Look } from './readBroker.ts';
import { type WorkedOut } from './workOut.ts';

export interface Extras {
  /** Orders to remember. */
  readonly orders: readonly OrderMemory[];
  /** Orders as the broker answered in this run, also those it does not know. */
  readonly answered: readonly OrderReference[];
  /** What was executed of the newest orders, asked for where broker and book differ; null where it is not known. */
  readonly orderProgress: readonly OrderProgress[] | null;
  readonly quotes: readonly Quote[];
  /** Equity of past days as the broker states it, and how far it was asked for. */
  readonly pastDays: PastDays;
}

/** As many as one page of the broker's list of orders can hold. */
const ORDERS_PER_RUN = 500;

/** Calls of a quiet run, all told: lookups of single orders take what the reads before them left. */
const CALLS_PER_RUN = 8;

const MINUTE_MS = 60_000;
const LOOKUP_AFTER_MS_MIN = 10 * MINUTE_MS;
const LOOKUP_AFTER_MS_MAX = 30 * 24 * 60 * MINUTE_MS;

export async function readExtras(
  frame: RunFrame,
  look: Look,
  result: WorkedOut,
  historyBooked: readonly NewRevision[] = [],
): Promise<Extras> {
  const quotes = await readQuotes(frame, look);
  const pastDays = await readPastDays(frame, look, result, CALLS_PER_RUN);
  const { answered, toRemember } = await readOrders(frame, [...historyBooked, ...result.revisions]);
  const orderProgress = await readOrderProgress(frame, result);
  return { orders: toRemember, answered, orderProgress, quotes, pastDays };
}

/**
 * The witness of trades whose activities are not listed yet. A run without a difference needs none, but where a finding
 * rests on an order it must see what became of that.
 */
async function readOrderProgress(
  frame: RunFrame,
  { differences }: WorkedOut,
): Promise<readonly OrderProgress[] | null> {
  const { broker } = frame.deps;
  const rests = frame.state.findings.some(({ evidence }) => evidence.some((piece) => piece.kind === 'order'));
  if ((differences.length === 0 && !rests) || broker.readOrderProgress === undefined) return null;
  const read = await broker.readOrderProgress(frame.options.signal);
  const progress = record(frame.dossier, 'order_progress', read, (rows) => rows.length);
  return progress.kind === 'complete' ? progress.rows : null;
}

async function readQuotes(frame: RunFrame, look: Look): Promise<readonly Quote[]> {
  const { broker } = frame.deps;
  const options = look.positions.rows
    .map((position) => position.instrument)
    .filter((instrument) => instrument.kind === 'option');
  if (options.length === 0 || !broker.capabilities.greeks) return [];
  const read = await broker.readQuotes(options, frame.options.signal);
  return rowsOf(record(frame.dossier, 'marketdata', read, (rows) => rows.length));
}

interface OrdersRead {
  /** As the broker answered. */
  readonly answered: readonly OrderReference[];
  readonly toRemember: readonly OrderMemory[];
}

async function readOrders(frame: RunFrame, booked: readonly NewRevision[]): Promise<OrdersRead> {
  const { broker, store } = frame.deps;
  const { account } = frame.state;
  // The newest first: of a long history not all orders are still to be had. A dry run asks as the run itself does.
  const fromRun = booked
    .filter((row) => row.kind === 'fill' && row.orderId !== null)
    .toSorted((left, right) => compareActivities(right, left))
    .flatMap((row) => row.orderId ?? []);
  const stored = await store.ordersWanted(account.id, account.epoch, frame.now, ORDERS_PER_RUN);
  const ids = [...new Set([...fromRun, ...stored.map((order) => order.orderId)])];
  if (ids.length === 0) return { answered: [], toRemember: [] };
  const lookupsMax = Math.max(1, CALLS_PER_RUN - frame.dossier.payloads.length - 1);
  const read = await broker.readOrders(ids, frame.options.signal, lookupsMax);
  record(frame.dossier, 'orders', read, (rows) => rows.length);
  // Every order stands for itself: what was understood before a lookup failed is kept.
  const answered = read.kind === 'complete' ? read.rows : (read.partialRows ?? []);
  return { answered, toRemember: toRemember(answered, stored, frame.now) };
}

/**
 * Known orders, and those asked for in vain. The latter only where the ledger says that nothing is known of them: an
 * order known for long that has left the broker's list, asked for because its fill was corrected, must stay known.
 */
function toRemember(
  answered: readonly OrderReference[],
  stored: readonly WantedOrder[],
  now: Instant,
): readonly OrderMemory[] {
  const wanted = new Map(stored.map((order) => [order.orderId, order]));
  return answered.flatMap((order): readonly OrderMemory[] => {
    if (order.clientOrderId !== null || order.parentOrderId !== null)
      return [{ ...order, nextLookupAt: null }];
    const unknown = wanted.get(order.orderId);
    return unknown === undefined ? [] : [{ ...order, nextLookupAt: nextLookup(unknown.executedAt, now) }];
  });
}

/** An unknown order is asked for again when its fill is twice as old: soon while it is news, seldom when it is gone. */
export function nextLookup(executedAt: Instant, now: Instant): Instant {
  const ageMs = instantToMs(now) - instantToMs(executedAt);
  return addMs(now, Math.min(LOOKUP_AFTER_MS_MAX, Math.max(LOOKUP_AFTER_MS_MIN, ageMs)));
}

function rowsOf<Row>(read: Read<readonly Row[]>): readonly Row[] {
  return read.kind === 'complete' ? read.rows : [];
}
