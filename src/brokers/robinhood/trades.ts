/** Activities: executions of three lists of orders, and the slow lists. Two calls in a quiet cycle, three with coins. */
import { type Activity } from '../../domain/activity.ts';
import { type ExactJson } from '../../domain/json.ts';
import { type OrderReference } from '../../domain/snapshot.ts';
import { addMs, compareInstants, type Instant, tryParseInstant } from '../../domain/time.ts';
import { type ActivitiesAnswer, type ActivityWindow } from '../broker.ts';
import { type Known } from './accounts.ts';
import { explains, type Figures } from './anchor.ts';
import { cryptoAccountOf, ownCoins } from './coins.ts';
import { readLanes } from './lanes.ts';
import { learnContracts, learnFromOrders, learnPairs, learnStocks } from './learn.ts';
import { type ListLimits, type ListQuestion, type ListRow, readList } from './lists.ts';
import { mapCryptoOrder, mapOrder } from './mapOrders.ts';
import { mapOptionOrder } from './mapOptionOrders.ts';
import { type Understood } from './mapped.ts';
import { instrumentIdOf } from './mapPositions.ts';
import { PAGE_SIZE } from './pages.ts';
import { type Reading } from './reading.ts';
import { type ClientState } from './state.ts';
import { wireCryptoOrder, wireOrder } from './wireOrders.ts';

type Answering = Reading<ActivitiesAnswer>;

/** The lists of a history in the order they are read; a place to go on from is `<list>:<cursor>`. */
const STAGES = ['orders', 'options_orders', 'nummus_orders', 'rest'] as const;
type Stage = (typeof STAGES)[number];
type OrderList = Exclude<Stage, 'rest'>;

/** What reading activities needs besides the reading itself. */
export interface TradesContext {
  readonly state: ClientState;
  readonly known: Known;
  readonly monoMs: number;
}

export async function readTrades(
  reading: Answering,
  context: TradesContext,
  window: ActivityWindow,
): Promise<ActivitiesAnswer> {
  return window.kind === 'since'
    ? await readSince(reading, context, window.after)
    : await readHistory(reading, context, window.resumeAfter, window.pagesMax);
}

/** Everything that changed after an instant. Executions carry their order's time of change, so none is left out. */
async function readSince(
  reading: Answering,
  context: TradesContext,
  after: Instant,
): Promise<ActivitiesAnswer> {
  const found = collect(reading);
  const from = addMs(after, -1_000);
  const { state, known, monoMs } = context;
  const limits: ListLimits = { isPast: (raws) => areBefore(raws, from) };
  for (const list of ['orders', 'options_orders', 'nummus_orders'] as const)
    await readOrders(reading, context, list, found, limits, from, false);
  const trades = found.rows();
  let others = await readLanes(reading, state, known, monoMs, 'due');
  if (needsAll(context, [...trades, ...others]))
    others = await readLanes(reading, state, known, monoMs, 'all');
  found.add(others);
  moveAnchor(context, after, found.rows());
  return { activities: found.rows(), resumeAfter: null };
}

/** Slow lists are read anew once in this time while something is not explained: its row may be published later. */
const LANE_REST_MS = 15 * 60_000;

/** What stays unexplained this long is no news any more; the book knows of it by then. */
const ANCHOR_MS_MAX = 6 * 3_600_000;

/** Whether cash or quantities moved by something that is in none of these rows. */
function needsAll({ state, monoMs }: TradesContext, rows: readonly Activity[]): boolean {
  const figures = figuresOf(state);
  if (figures === null || state.anchor === null || explains(state.anchor, figures, rows)) return false;
  return [...state.lanes.values()].some((lane) => monoMs - lane.monoMs >= LANE_REST_MS);
}

/** The newest moment at which everything added up is where the next comparison starts. */
function moveAnchor({ state, monoMs }: TradesContext, since: Instant, rows: readonly Activity[]): void {
  const figures = figuresOf(state);
  const { anchor } = state;
  if (figures === null) return;
  const stays = anchor !== null && monoMs - anchor.monoMs < ANCHOR_MS_MAX && !explains(anchor, figures, rows);
  if (stays) return;
  state.anchor = { figures, ids: new Set(rows.map((row) => row.rootId)), since, monoMs };
}

function figuresOf({ cash, quantities }: ClientState): Figures | null {
  return quantities === null ? null : { cash, quantities };
}

/** A page of which every row says that it changed before: rows are newest first, so nothing wanted comes behind it. */
function areBefore(raws: readonly ExactJson[], from: Instant): boolean {
  return raws.length > 0 && raws.every((raw) => isBefore(changedAt(raw), from));
}

function isBefore(at: Instant | null, from: Instant): boolean {
  return at !== null && compareInstants(at, from) < 0;
}

function changedAt(raw: ExactJson): Instant | null {
  if (raw === null || typeof raw !== 'object' || Array.isArray(raw)) return null;
  const text = (raw as { readonly [name: string]: ExactJson })['updated_at'];
  return typeof text === 'string' ? tryParseInstant(text) : null;
}

/** The whole history, list after list, at most `pagesMax` pages of orders in one answer. */
async function readHistory(
  reading: Answering,
  context: TradesContext,
  resumeAfter: string | null,
  pagesMax: number,
): Promise<ActivitiesAnswer> {
  const found = collect(reading);
  let { stage, cursor } = placeOf(resumeAfter);
  let left = pagesMax;
  for (; stage !== 'rest'; stage = STAGES[STAGES.indexOf(stage) + 1]!, cursor = null) {
    const end = await readOrders(reading, context, stage, found, { pagesMax: left, cursor }, null, true);
    left -= end.pages;
    if (end.cursor !== null) return { activities: found.rows(), resumeAfter: `${stage}:${end.cursor}` };
    if (left <= 0) return { activities: found.rows(), resumeAfter: `${STAGES[STAGES.indexOf(stage) + 1]!}:` };
  }
  const { state, known, monoMs } = context;
  found.add(await readLanes(reading, state, known, monoMs, 'all'));
  return { activities: found.rows(), resumeAfter: null };
}

function placeOf(resumeAfter: string | null): { stage: Stage; cursor: string | null } {
  const [name = '', ...rest] = (resumeAfter ?? 'orders:').split(':');
  const stage = STAGES.find((one) => one === name) ?? 'orders';
  const cursor = rest.join(':');
  return { stage, cursor: cursor === '' ? null : cursor };
}

// ---- one list of orders -----------------------------------------------------------------------------------------

async function readOrders(
  reading: Answering,
  context: TradesContext,
  list: OrderList,
  found: Collected,
  limits: ListLimits,
  since: Instant | null,
  always: boolean,
): Promise<{ cursor: string | null; pages: number }> {
  if (list === 'nummus_orders') return await readCryptoOrders(reading, context, found, limits, always);
  const { state, known } = context;
  const { rows, cursor, pages } = await readList(reading, questionOf(list, known, since), known, limits);
  if (list === 'orders') {
    await learnStocks(reading, state.directory, executedIds(rows));
    take(reading, state, found, list, rows, (raw, path) => mapOrder(raw, path, state.directory));
  } else {
    await learnContracts(reading, state.directory, learnFromOrders(state.directory, rows));
    take(reading, state, found, list, rows, (raw, path) => mapOptionOrder(raw, path, state.directory));
  }
  return { cursor, pages };
}

/** Both spell the filter `account_numbers`; times in brackets are of the stock list, and seen at both (robinhood.md 6). */
function questionOf(list: 'orders' | 'options_orders', known: Known, since: Instant | null): ListQuestion {
  const query: Record<string, string> = { account_numbers: known.accountNumber, page_size: PAGE_SIZE };
  if (since !== null) query['updated_at[gte]'] = since;
  const path = list === 'orders' ? '/orders/' : '/options/orders/';
  return { resource: list, host: 'api', path, query, rows: 'filtered' };
}

function executedIds(rows: readonly ListRow[]): readonly (string | null)[] {
  return rows.flatMap(({ raw }) => {
    const parsed = wireOrder.safeParse(raw);
    return parsed.success && (parsed.data.executions ?? []).length > 0 ? [instrumentIdOf(parsed.data)] : [];
  });
}

async function readCryptoOrders(
  reading: Answering,
  { state, known, monoMs }: TradesContext,
  found: Collected,
  limits: ListLimits,
  always: boolean,
): Promise<{ cursor: string | null; pages: number }> {
  const account = await cryptoAccountOf(reading, state.crypto, known, monoMs, always);
  if (account === null) return { cursor: null, pages: 0 };
  const question: ListQuestion = {
    resource: 'nummus_orders',
    host: 'nummus',
    path: '/orders/',
    query: { account_id: account.id, page_size: PAGE_SIZE },
    rows: null,
  };
  const { rows: all, cursor, pages } = await readList(reading, question, null, limits);
  const rows = ownCoins(reading, 'nummus_orders', all, account);
  const pairs = rows.flatMap(({ raw }) => {
    const parsed = wireCryptoOrder.safeParse(raw);
    return parsed.success ? [parsed.data.currency_pair_id] : [];
  });
  await learnPairs(reading, state.directory, pairs);
  take(reading, state, found, 'nummus_orders', rows, (raw, path) =>
    mapCryptoOrder(raw, path, state.directory),
  );
  return { cursor, pages };
}

function take(
  reading: Answering,
  state: ClientState,
  found: Collected,
  resource: string,
  rows: readonly ListRow[],
  map: (raw: unknown, path: string) => Understood,
): void {
  for (const { raw, path, sha256 } of rows) {
    const reference = referenceOf(raw);
    if (reference !== null) state.orders.set(reference.orderId, reference);
    const { rows: activities, problems } = map(raw, path);
    found.add(activities);
    for (const problem of problems) reading.quarantine(resource, problem, raw, sha256);
  }
}

/**
 * An order's `ref_id` is what its placer called it: the client order id of other brokers. Orders that Robinhood places itself
 * (reinvested dividends) have none; their own id stands in, because null means that nobody knows the order.
 */
export function referenceOf(raw: unknown): OrderReference | null {
  if (raw === null || typeof raw !== 'object') return null;
  const { id, ref_id: ref } = raw as { id?: unknown; ref_id?: unknown };
  if (typeof id !== 'string' || id === '') return null;
  return {
    orderId: id,
    clientOrderId: typeof ref === 'string' && ref !== '' ? ref : id,
    parentOrderId: null,
  };
}

// ---- rows by identity -------------------------------------------------------------------------------------------

interface Collected {
  add(rows: readonly Activity[]): void;
  rows(): readonly Activity[];
}

/** Each identity once. The same one with other content in one answer is a contradiction nobody can decide. */
function collect(reading: Answering): Collected {
  const found = new Map<string, { activity: Activity; text: string }>();
  const rows = (): readonly Activity[] => [...found.values()].map((entry) => entry.activity);
  reading.understood(() => ({ activities: rows(), resumeAfter: null }));
  return {
    rows,
    add(activities) {
      for (const activity of activities) {
        const text = JSON.stringify(activity);
        const earlier = found.get(activity.rootId);
        if (earlier !== undefined && earlier.text !== text) {
          const message = `Robinhood listed ${activity.rootId} twice with different content in one answer.`;
          reading.fail('duplicate_differs', message);
        }
        found.set(activity.rootId, { activity, text });
      }
    },
  };
}
