/** Which calls in which order: the reads of one Alpaca account. */
import { createHash } from 'node:crypto';
import { type Activity } from '../../domain/activity.ts';
import { type Instrument } from '../../domain/instrument.ts';
import { type ExactJson } from '../../domain/json.ts';
import {
  type OrderProgress,
  type OrderReference,
  type Quote,
  type Read,
  type SnapshotPosition,
} from '../../domain/snapshot.ts';
import {
  addMs,
  type Instant,
  NEW_YORK,
  parseInstant,
  type TradeDate,
  zonedInstant,
} from '../../domain/time.ts';
import {
  type ActivitiesAnswer,
  type ActivityWindow,
  type BalancesAnswer,
  type DayRange,
  type EquityDay,
  type MarketClock,
  type TradingDay,
} from '../broker.ts';
import { readEquityHistory } from './equityHistory.ts';
import { type ContractTerms, isAdjustedOption } from './instruments.ts';
import { mapActivity, mapBalance, mapOrders, mapPosition, mapQuote, mapRestrictions } from './map.ts';
import { type Direction, judgePage, nextToken, PAGE_SIZE, type PageRow } from './pages.ts';
import { readOrderProgress } from './orderProgress.ts';
import { type Connection, type Reading, readWith } from './reading.ts';
import { learnSplits, splitRows, type SplitTerms, withSplitTerms } from './splitTerms.ts';
import {
  firstProblem,
  wireAccount,
  wireCalendarDay,
  wireClock,
  wireOptionContract,
  type WireOrder,
  wireOrder,
  wireSnapshot,
  wireSnapshotPage,
  wireStockSnapshots,
} from './wire.ts';

/** A re-read longer than this many pages is a loop or a mistake: 200,000 rows. */
const PAGES_MAX = 2_000;
/** Orders looked up one by one where the caller sets no limit. */
const LOOKUPS_MAX = 3;
/** Symbols per snapshot request (alpaca.md 6.4). */
const SYMBOLS_MAX = 100;
const SNAPSHOT_PAGES_MAX = 20;

export interface AlpacaClient {
  readBalances(signal?: AbortSignal): Promise<Read<BalancesAnswer>>;
  readPositions(signal?: AbortSignal): Promise<Read<readonly SnapshotPosition[]>>;
  readActivities(window: ActivityWindow, signal?: AbortSignal): Promise<Read<ActivitiesAnswer>>;
  readOrders(
    orderIds: readonly string[],
    signal?: AbortSignal,
    lookupsMax?: number,
  ): Promise<Read<readonly OrderReference[]>>;
  readOrderProgress(signal?: AbortSignal): Promise<Read<readonly OrderProgress[]>>;
  readQuotes(instruments: readonly Instrument[], signal?: AbortSignal): Promise<Read<readonly Quote[]>>;
  readMarketClock(signal?: AbortSignal): Promise<Read<MarketClock>>;
  readCalendar(from: TradeDate, to: TradeDate, signal?: AbortSignal): Promise<Read<readonly TradingDay[]>>;
  readEquityHistory(range: DayRange, signal?: AbortSignal): Promise<Read<readonly EquityDay[]>>;
}

export function createAlpacaClient(connection: Connection): AlpacaClient {
  /** Terms of adjusted options never change once read: a new adjustment gets a new root. */
  const terms = new Map<string, ContractTerms>();
  const splits: SplitTerms = new Map();
  const lastPositions: LastPositions = { sha256: null, rows: [] };
  const lastActivities: LastActivities = { sha256: null, rows: [] };
  return {
    readBalances: (signal) => readWith(connection, signal, (reading) => readAccount(reading, connection)),
    readPositions: (signal) =>
      readWith(connection, signal, (reading) => readPositions(reading, terms, lastPositions)),
    readActivities: (window, signal) =>
      readWith(connection, signal, (reading) =>
        window.kind === 'since'
          ? walkSince(reading, { terms, splits }, window, lastActivities)
          : walkHistory(reading, { terms, splits }, window.resumeAfter, window.pagesMax),
      ),
    readOrders: (orderIds, signal, lookupsMax = LOOKUPS_MAX) =>
      readWith(connection, signal, (reading) => readOrders(reading, orderIds, lookupsMax)),
    readOrderProgress: (signal) =>
      readWith(connection, signal, (reading) => readOrderProgress(reading, terms)),
    readQuotes: (instruments, signal) =>
      readWith(connection, signal, (reading) => readQuotes(reading, instruments)),
    readMarketClock: (signal) => readWith(connection, signal, readMarketClock),
    readCalendar: (from, to, signal) =>
      readWith(connection, signal, (reading) => readCalendar(reading, from, to)),
    readEquityHistory: (range, signal) =>
      readWith(connection, signal, (reading) => readEquityHistory(reading, range)),
  };
}

// ---- account and positions --------------------------------------------------------------------------------------

async function readAccount(
  reading: Reading<BalancesAnswer>,
  connection: Connection,
): Promise<BalancesAnswer> {
  const { json, sha256 } = await reading.get('account', 'trading', '/v2/account');
  const parsed = wireAccount.safeParse(json);
  if (!parsed.success) {
    const { path, reason } = firstProblem(parsed.error, 'account');
    reading.fail(
      isErrorObject(json) ? 'error_object' : 'no_account',
      `Alpaca's answer is no account: ${path}: ${reason}.`,
    );
  }
  const account = parsed.data;
  connection.redactor.learn(account.id);
  if (account.account_number !== null) connection.redactor.learn(account.account_number);
  const { balance, problems } = mapBalance(account);
  for (const problem of problems) reading.quarantine('account', problem, json, sha256);
  return {
    accountFingerprint: fingerprint(account.id),
    accountLast4: account.account_number === null ? null : account.account_number.slice(-4),
    baseCurrency: balance.currency,
    balances: [balance],
    restrictions: mapRestrictions(account),
  };
}

/** The id behind it cannot be worked out in practice; equal ids give equal fingerprints. */
function fingerprint(accountId: string): string {
  return createHash('sha256').update(`truebook-account|alpaca|${accountId}`).digest('hex');
}

/** The newest answer that was understood in full. */
interface LastPositions {
  sha256: string | null;
  rows: readonly SnapshotPosition[];
}

async function readPositions(
  reading: Reading<readonly SnapshotPosition[]>,
  terms: Map<string, ContractTerms>,
  last: LastPositions,
): Promise<readonly SnapshotPosition[]> {
  const { read, sha256 } = await reading.getLater('positions', 'trading', '/v2/positions');
  // The same bytes say the same: only the moment they speak of is a new one.
  if (sha256 === last.sha256) {
    const { startedAt } = reading;
    return last.rows.map((row) => (row.markAsOf === null ? row : { ...row, markAsOf: startedAt }));
  }
  const json = read();
  let isWhole = true;
  const raws = rowsOf(json, 'positions', reading);
  await learnTerms(reading, raws, terms);
  const rows = new Map<string, SnapshotPosition>();
  for (const [index, raw] of raws.entries()) {
    const path = `positions[${index}]`;
    const { row, problem } = mapPosition(raw, path, reading.startedAt, terms);
    if (problem !== null) {
      isWhole = false;
      reading.quarantine('positions', problem, raw, sha256);
    }
    if (row === null) continue;
    if (rows.has(row.instrument.id)) {
      // Two rows of one instrument cannot both be its position, and nothing says which one is.
      reading.fail('duplicate_position', `Alpaca listed ${row.instrument.symbol} twice in one answer.`);
    }
    rows.set(row.instrument.id, row);
  }
  const understood = [...rows.values()];
  last.sha256 = isWhole ? sha256 : null;
  last.rows = isWhole ? understood : [];
  return understood;
}

/** Asks for the terms of adjusted options that are not known yet. A refusal (404) is an answer: nobody knows. */
async function learnTerms<Rows>(
  reading: Reading<Rows>,
  raws: readonly ExactJson[],
  terms: Map<string, ContractTerms>,
): Promise<void> {
  for (const symbol of new Set(raws.flatMap((raw) => textOf(raw, 'symbol') ?? []))) {
    if (!isAdjustedOption(symbol) || terms.has(symbol)) continue;
    const answer = await reading.find(
      'option_contract',
      'trading',
      `/v2/options/contracts/${encodeURIComponent(symbol)}`,
    );
    const parsed = answer === null ? null : wireOptionContract.safeParse(answer.json);
    if (parsed === null) terms.set(symbol, null);
    else if (parsed.success && parsed.data.multiplier.sign() > 0) {
      terms.set(symbol, { multiplier: parsed.data.multiplier, underlying: parsed.data.underlying_symbol });
    } else reading.fail('bad_contract', `Alpaca's answer for the option contract ${symbol} cannot be read.`);
  }
}

// ---- activities -------------------------------------------------------------------------------------------------

/** The newest answer that was one page, understood in full. */
interface LastActivities {
  sha256: string | null;
  rows: readonly Activity[];
}

/** Everything created after an instant, newest first. The known ids of the window prove it, so a short page ends it. */
async function walkSince(
  reading: Reading<ActivitiesAnswer>,
  learnt: Learnt,
  window: { readonly after: Instant },
  last: LastActivities,
): Promise<ActivitiesAnswer> {
  // `after` is exclusive and knows whole seconds: one second earlier, so that no row of that second is missed.
  const after = addMs(parseInstant(`${window.after.slice(0, 19)}Z`), -1_000);
  const walk = createWalk(reading, learnt, 'desc', { after }, null, last);
  for (let page = 0; page < PAGES_MAX; page += 1) {
    if ((await walk.next()) === 'more') continue;
    await walk.learnSplits();
    const activities = walk.activities();
    last.sha256 = page === 0 ? walk.understoodSha256() : null;
    last.rows = last.sha256 === null ? [] : activities;
    return { activities, resumeAfter: null };
  }
  return reading.fail('page_limit', `The activities since ${after} did not end within ${PAGES_MAX} pages.`);
}

/** The history from its beginning. Nothing proves its end, so a short page is followed until nothing new comes. */
async function walkHistory(
  reading: Reading<ActivitiesAnswer>,
  learnt: Learnt,
  resumeAfter: string | null,
  pagesMax: number,
): Promise<ActivitiesAnswer> {
  const walk = createWalk(reading, learnt, 'asc', {}, resumeAfter);
  let isEnd = false;
  for (let page = 0; page < pagesMax && !isEnd; page += 1) isEnd = (await walk.next()) === 'end';
  await walk.learnSplits();
  return { activities: walk.activities(), resumeAfter: isEnd ? null : walk.token() };
}

/** What was asked for beside the rows, and stays true. */
interface Learnt {
  readonly terms: Map<string, ContractTerms>;
  readonly splits: SplitTerms;
}

interface Walk {
  /** Reads the next page. Throws `page_repeated`, `duplicate_differs` and what `Reading.get` throws. */
  next(): Promise<'more' | 'short' | 'end'>;
  /** Asks for what rows of splits leave open: once the pages are read, because the rows of one may stand on two. */
  learnSplits(): Promise<void>;
  activities(): readonly Activity[];
  token(): string | null;
  /** Hash of the newest page; null where a row of it is not understood, or may be understood better another time. */
  understoodSha256(): string | null;
}

function createWalk(
  reading: Reading<ActivitiesAnswer>,
  { terms, splits }: Learnt,
  direction: Direction,
  query: Record<string, string>,
  resumeAfter: string | null = null,
  last: LastActivities = { sha256: null, rows: [] },
): Walk {
  const found = new Map<string, { activity: Activity; text: string }>();
  const seen = new Set<string>();
  const rowsOfSplits: ExactJson[] = [];
  let token = resumeAfter;
  let rowsBefore = 0;
  let understood: string | null = null;
  let isWhole = true;

  const take = (raw: ExactJson, path: string, sha256: string): void => {
    const { row: mapped, problem } = mapActivity(raw, path, terms);
    if (problem !== null) reading.quarantine('activities', problem, raw, sha256);
    // The terms of a split may be told later, by another answer than this one.
    if (problem !== null || mapped?.kind === 'split') isWhole = false;
    if (mapped === null) return;
    const text = JSON.stringify(mapped);
    const earlier = found.get(mapped.rootId);
    if (earlier !== undefined && earlier.text !== text) {
      reading.fail(
        'duplicate_differs',
        `Alpaca listed ${mapped.rootId} twice with different content in one answer.`,
      );
    }
    found.set(mapped.rootId, { activity: mapped, text });
  };

  let known: readonly Activity[] | null = null;
  const activities = (): readonly Activity[] =>
    known ?? [...found.values()].map((entry) => withSplitTerms(entry.activity, splits));

  return {
    token: () => token,
    activities,
    understoodSha256: () => (isWhole ? understood : null),
    learnSplits: () => learnSplits(reading, rowsOfSplits, splits),
    async next() {
      const { read, sha256 } = await reading.getLater('activities', 'trading', '/v2/account/activities', {
        direction,
        page_size: String(PAGE_SIZE),
        ...query,
        ...(token === null ? {} : { page_token: token }),
      });
      understood = sha256;
      // The same bytes say the same, and a page that ended the list once ends it again.
      if (sha256 === last.sha256 && seen.size === 0) {
        known = last.rows;
        return 'end';
      }
      const json = read();
      const raws = rowsOf(json, 'activities', reading);
      await learnTerms(reading, raws, terms);
      rowsOfSplits.push(...splitRows(raws));
      const rows: PageRow[] = raws.map((raw) => ({ id: textOf(raw, 'id'), key: JSON.stringify(raw) }));
      const verdict = judgePage(rows, seen, token, direction);
      if (verdict === 'repeated') {
        reading.fail(
          'page_repeated',
          'Alpaca sent the same page of activities again instead of the next one.',
        );
      }
      for (const [index, raw] of raws.entries()) {
        // A row that comes again (our overlap, or shifted by new rows) is taken once, its quarantine too.
        if (!seen.has(rows[index]!.key)) take(raw, `activities[${rowsBefore + index}]`, sha256);
        seen.add(rows[index]!.key);
      }
      rowsBefore += raws.length;
      const next = nextToken(rows);
      if (verdict === 'more' && (next === null || next === token)) {
        reading.fail('page_repeated', 'A page of activities holds no id to go on from.');
      }
      token = next ?? token;
      reading.understood(() => ({
        activities: activities(),
        resumeAfter: direction === 'asc' ? token : null,
      }));
      return verdict;
    },
  };
}

// ---- orders -----------------------------------------------------------------------------------------------------

async function readOrders(
  reading: Reading<readonly OrderReference[]>,
  orderIds: readonly string[],
  lookupsMax: number,
): Promise<readonly OrderReference[]> {
  const wanted = new Set(orderIds);
  if (wanted.size === 0) return [];
  const query = { status: 'all', nested: 'true', direction: 'desc', limit: '500' };
  const { json, sha256 } = await reading.get('orders', 'trading', '/v2/orders', query);
  const orders: WireOrder[] = [];
  for (const [index, raw] of rowsOf(json, 'orders', reading).entries()) {
    takeOrder(reading, orders, raw, `orders[${index}]`, sha256);
  }
  const known = (): OrderReference[] =>
    mapOrders(orders).filter((reference) => wanted.has(reference.orderId));
  const listed = new Set(known().map((reference) => reference.orderId));
  const rest = [...wanted].filter((id) => !listed.has(id));
  // What cannot be an id of Alpaca's is not asked for: it is as unknown as one that is answered with 404.
  const lookedUp = rest.filter((id) => !isOrderId(id));
  const references = (): OrderReference[] => {
    const found = known();
    const foundIds = new Set(found.map((reference) => reference.orderId));
    const unknown = lookedUp.filter((id) => !foundIds.has(id));
    return [...found, ...unknown.map((orderId) => ({ orderId, clientOrderId: null, parentOrderId: null }))];
  };
  reading.understood(references);
  for (const id of rest.filter(isOrderId).slice(0, lookupsMax)) {
    const single = await reading.find('order', 'trading', `/v2/orders/${id}`, { nested: 'true' });
    if (single !== null) takeOrder(reading, orders, single.json, 'order', single.sha256);
    lookedUp.push(id);
  }
  return references();
}

function isOrderId(text: string): boolean {
  return /^[0-9A-Za-z-]{1,64}$/.test(text);
}

function takeOrder<Rows>(
  reading: Reading<Rows>,
  orders: WireOrder[],
  raw: ExactJson,
  path: string,
  sha256: string,
): void {
  const parsed = wireOrder.safeParse(raw);
  if (parsed.success) orders.push(parsed.data);
  else reading.quarantine('orders', firstProblem(parsed.error, path), raw, sha256);
}

// ---- market data ------------------------------------------------------------------------------------------------

/** Options, stocks and crypto live at three addresses; only those that were asked for are called. */
async function readQuotes(
  reading: Reading<readonly Quote[]>,
  instruments: readonly Instrument[],
): Promise<readonly Quote[]> {
  const quotes = new Map<string, Quote>();
  for (const kind of ['option', 'equity', 'crypto'] as const) {
    const wanted = [
      ...new Map(instruments.filter((one) => one.kind === kind).map((one) => [one.symbol, one])).values(),
    ];
    for (let start = 0; start < wanted.length; start += SYMBOLS_MAX) {
      const chunk = wanted.slice(start, start + SYMBOLS_MAX);
      const rows =
        kind === 'equity' ? await stockSnapshots(reading, chunk) : await pagedSnapshots(reading, kind, chunk);
      for (const { symbol, raw, path, sha256 } of rows) {
        const instrument = chunk.find((one) => one.symbol === symbol);
        if (instrument === undefined) continue;
        const parsed = wireSnapshot.safeParse(raw);
        if (parsed.success) quotes.set(instrument.id, mapQuote(instrument, parsed.data));
        else reading.quarantine('marketdata', firstProblem(parsed.error, path), raw, sha256);
      }
      reading.understood(() => [...quotes.values()]);
    }
  }
  return [...quotes.values()];
}

interface SnapshotRow {
  readonly symbol: string;
  readonly raw: unknown;
  readonly path: string;
  readonly sha256: string;
}

async function pagedSnapshots<Rows>(
  reading: Reading<Rows>,
  kind: 'option' | 'crypto',
  chunk: readonly Instrument[],
): Promise<readonly SnapshotRow[]> {
  const path = kind === 'option' ? '/v1beta1/options/snapshots' : '/v1beta3/crypto/us/snapshots';
  const resource = kind === 'option' ? 'option_snapshots' : 'crypto_snapshots';
  const symbols = chunk.map((one) => one.symbol).join(',');
  const rows: SnapshotRow[] = [];
  const tokens = new Set<string>();
  for (let token: string | null = null; ;) {
    const query: Record<string, string> = { symbols, ...(kind === 'option' ? { limit: '1000' } : {}) };
    const { json, sha256 } = await reading.get(
      resource,
      'data',
      path,
      token === null ? query : { ...query, page_token: token },
    );
    const page = wireSnapshotPage.safeParse(json);
    if (!page.success) return noSnapshots(reading, resource, json);
    rows.push(...snapshotRows(page.data.snapshots, resource, sha256));
    token = page.data.next_page_token;
    if (token === null) return rows;
    if (tokens.has(token))
      return reading.fail('page_repeated', `Alpaca sent the same page of ${resource} again.`);
    tokens.add(token);
    if (tokens.size > SNAPSHOT_PAGES_MAX) return reading.fail('page_limit', `${resource} did not end.`);
  }
}

async function stockSnapshots<Rows>(
  reading: Reading<Rows>,
  chunk: readonly Instrument[],
): Promise<readonly SnapshotRow[]> {
  const symbols = chunk.map((one) => one.symbol).join(',');
  const { json, sha256 } = await reading.get('stock_snapshots', 'data', '/v2/stocks/snapshots', { symbols });
  const page = wireStockSnapshots.safeParse(json);
  if (!page.success || isErrorObject(json)) return noSnapshots(reading, 'stock_snapshots', json);
  return snapshotRows(page.data, 'stock_snapshots', sha256);
}

function snapshotRows(
  snapshots: Record<string, unknown>,
  resource: string,
  sha256: string,
): readonly SnapshotRow[] {
  return Object.entries(snapshots)
    .filter(([, raw]) => raw !== null)
    .map(([symbol, raw]) => ({ symbol, raw, path: `${resource}.${symbol}`, sha256 }));
}

function noSnapshots<Rows>(reading: Reading<Rows>, resource: string, json: ExactJson): never {
  return reading.fail(
    isErrorObject(json) ? 'error_object' : 'no_snapshots',
    `Alpaca's answer for ${resource} holds no snapshots.`,
  );
}

// ---- clock and calendar -----------------------------------------------------------------------------------------

async function readMarketClock(reading: Reading<MarketClock>): Promise<MarketClock> {
  const { json } = await reading.get('clock', 'trading', '/v2/clock');
  const parsed = wireClock.safeParse(json);
  if (!parsed.success) {
    const { path, reason } = firstProblem(parsed.error, 'clock');
    return reading.fail(
      isErrorObject(json) ? 'error_object' : 'no_clock',
      `Alpaca's market clock cannot be read: ${path}: ${reason}.`,
    );
  }
  const { timestamp, is_open, next_open, next_close } = parsed.data;
  return { at: timestamp, isOpen: is_open, nextOpen: next_open, nextClose: next_close };
}

async function readCalendar(
  reading: Reading<readonly TradingDay[]>,
  from: TradeDate,
  to: TradeDate,
): Promise<readonly TradingDay[]> {
  const { json, sha256 } = await reading.get('calendar', 'trading', '/v2/calendar', { start: from, end: to });
  const days: TradingDay[] = [];
  for (const [index, raw] of rowsOf(json, 'calendar', reading).entries()) {
    const parsed = wireCalendarDay.safeParse(raw);
    if (!parsed.success) {
      reading.quarantine('calendar', firstProblem(parsed.error, `calendar[${index}]`), raw, sha256);
      continue;
    }
    const { date, open, close } = parsed.data;
    days.push({ date, open: zonedInstant(date, open, NEW_YORK), close: zonedInstant(date, close, NEW_YORK) });
  }
  return days;
}

// ---- shapes -----------------------------------------------------------------------------------------------------

/** The rows of an answer that must be a list: an error object with status 200 is not an empty list. */
function rowsOf<Rows>(json: ExactJson, resource: string, reading: Reading<Rows>): readonly ExactJson[] {
  if (Array.isArray(json)) return json as readonly ExactJson[];
  const reason = isErrorObject(json) ? 'error_object' : 'not_a_list';
  return reading.fail(reason, `Alpaca's answer for ${resource} is not a list.`);
}

/** `{"message": ...}` where data should be. */
function isErrorObject(json: ExactJson): boolean {
  return textOf(json, 'message') !== null;
}

function textOf(json: ExactJson, name: string): string | null {
  if (json === null || typeof json !== 'object' || Array.isArray(json)) return null;
  const value = (json as { readonly [key: string]: ExactJson })[name];
  return typeof value === 'string' && value !== '' ? value : null;
}
