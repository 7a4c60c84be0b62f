/**
 * A small real HTTP server that answers with the recorded bytes of test/samples/robinhood as Robinhood would: filters by
 * account and by ids, three hosts behind three prefixes, pages on request. It can be told to misbehave.
 */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import {
  createRobinhoodClient,
  type RobinhoodClient,
  type RobinhoodSession,
} from '../../src/brokers/robinhood/client.ts';
import { type Clock } from '../../src/domain/time.ts';
import { createEgress, type EgressOptions, type SentRequest } from '../../src/egress/egress.ts';
import { systemClock } from '../../src/platform.ts';
import { QUICK_RETRY, sendJson } from './replay.ts';

export const TOKEN = 'canary-token-7c1e';
export const MARGIN = '5QA10001';
export const IRA = '876500002';

export interface Row {
  readonly [name: string]: unknown;
}
export interface List {
  readonly results: readonly (Row | null)[];
}

export function sampleText(name: string): string {
  return readFileSync(new URL(`../samples/robinhood/${name}.json`, import.meta.url), 'utf8');
}

export function sampleOf<Shape>(name: string): Shape {
  return JSON.parse(sampleText(name)) as Shape;
}

/** Which sample stands behind an address, and which query names the account there. */
const LISTS: Readonly<Record<string, readonly [sample: string, filter: string | null]>> = {
  '/api/positions/': ['positions_all_rows', 'account_number'],
  '/api/instruments/': ['instruments', null],
  '/api/marketdata/quotes/': ['quotes', null],
  '/api/options/positions/': ['options_positions', 'account_numbers'],
  '/api/options/instruments/': ['options_instruments', null],
  '/api/marketdata/options/': ['marketdata_options', null],
  '/api/orders/': ['orders', 'account_numbers'],
  '/api/options/orders/': ['options_orders', 'account_numbers'],
  '/api/options/events/': ['options_events', 'account_numbers'],
  '/api/dividends/': ['dividends', 'account_numbers'],
  '/api/ach/transfers/': ['ach_transfers', null],
  '/bonfire/paymenthub/unified_transfers/': ['unified_transfers', null],
  '/api/accounts/sweeps/': ['sweeps', null],
  '/api/accounts/stock_loan_payments/': ['stock_loan_payments', null],
  '/api/subscription/subscription_fees/': ['subscription_fees', null],
  '/api/corp_actions/v2/split_payments/': ['split_payments', null],
  '/api/marketdata/forex/quotes/': ['forex_quotes', null],
  '/nummus/accounts/': ['nummus_accounts', null],
  '/nummus/holdings/': ['nummus_holdings', null],
  '/nummus/currency_pairs/': ['nummus_currency_pairs', null],
  '/nummus/orders/': ['nummus_orders', null],
  '/bonfire/accounts/unified/': ['unified', null],
};
const EMPTY = ['/api/cash_journal/margin_interest_charges/', '/api/corp_actions/adr_fees/'];

type Handler = (request: IncomingMessage, response: ServerResponse, url: URL) => void;

export interface RobinhoodReplay {
  readonly url: string;
  readonly requests: { method: string; path: string; url: URL; authorization: string | undefined }[];
  /** Rows per page; null = all on one. */
  pageRows: number | null;
  /** Replaces the answer of one path; null takes it back. */
  answer(path: string, handler: Handler | null): void;
  /** The rows of one path, filters still applied. */
  rows(path: string, rows: readonly (Row | null)[] | null): void;
  reset(): void;
  close(): Promise<void>;
}

export async function startRobinhood(): Promise<RobinhoodReplay> {
  const handlers = new Map<string, Handler>();
  const replaced = new Map<string, readonly (Row | null)[]>();
  const requests: RobinhoodReplay['requests'] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', `http://${request.headers.host}`);
    requests.push({
      method: request.method ?? '',
      path: url.pathname,
      url,
      authorization: request.headers.authorization,
    });
    const own = handlers.get(url.pathname);
    if (own !== undefined) return own(request, response, url);
    if (request.headers.authorization !== `Bearer ${TOKEN}`)
      return sendJson(response, 401, '{"detail":"Incorrect authentication credentials."}');
    const rows = rowsAt(url, replaced);
    if (rows === null) return sendJson(response, 404, '{"detail":"Not found."}');
    sendJson(
      response,
      200,
      JSON.stringify('list' in rows ? paged(rows.list, url, replay.pageRows) : rows.one),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const replay: RobinhoodReplay = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    pageRows: null,
    answer(path, handler) {
      if (handler === null) handlers.delete(path);
      else handlers.set(path, handler);
    },
    rows(path, rows) {
      if (rows === null) replaced.delete(path);
      else replaced.set(path, rows);
    },
    reset() {
      handlers.clear();
      replaced.clear();
      requests.length = 0;
      replay.pageRows = null;
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
  return replay;
}

type Found = { readonly list: readonly (Row | null)[] } | { readonly one: unknown };

function rowsAt(url: URL, replaced: ReadonlyMap<string, readonly (Row | null)[]>): Found | null {
  const { pathname: path, searchParams: query } = url;
  if (EMPTY.includes(path)) return { list: replaced.get(path) ?? [] };
  // Like Robinhood: the plain list knows the default account alone.
  if (path === '/api/accounts/') {
    const all = replaced.get(path) ?? sampleOf<List>('accounts').results;
    return {
      list: query.has('default_to_all_accounts') ? all : all.filter((row) => row?.['is_default'] === true),
    };
  }
  const account = /^\/api\/(accounts|portfolios)\/([0-9A-Z]+)\/$/.exec(path);
  if (account !== null) return oneOf(account[1]!, account[2]!);
  const known = LISTS[path];
  if (known === undefined) return null;
  const [name, filter] = known;
  const rows = replaced.get(path) ?? sampleOf<List>(name).results;
  const wanted = filter === null ? null : (query.get(filter) ?? MARGIN);
  const mine = rows.filter((row) => row === null || wanted === null || isOf(row, wanted));
  const nonzero = query.has('nonzero') ? mine.filter((row) => Number(row?.['quantity']) !== 0) : mine;
  const ids = query.get('ids')?.split(',');
  if (ids === undefined) return { list: nonzero };
  return { list: nonzero.filter((row) => row !== null && ids.includes(idOf(row))) };
}

function oneOf(kind: string, number: string): Found | null {
  const rows =
    kind === 'accounts'
      ? sampleOf<List>('accounts').results
      : [...sampleOf<List>('portfolios').results, sampleOf<Row>('portfolio_ira')];
  const one = rows.find((row) => String(row?.['url']).endsWith(`/${number}/`));
  return one === undefined ? null : { one };
}

function isOf(row: Row, account: string): boolean {
  return row['account_number'] === account || String(row['account']).endsWith(`/accounts/${account}/`);
}

function idOf(row: Row): string {
  return String(row['instrument_id'] ?? row['id']);
}

/** `next` is absolute and carries the query along, as Robinhood's does. */
function paged(rows: readonly unknown[], url: URL, pageRows: number | null): unknown {
  if (pageRows === null) return { next: null, previous: null, results: rows };
  const from = Number(url.searchParams.get('cursor') ?? 0);
  const next = new URL(url);
  next.searchParams.set('cursor', String(from + pageRows));
  const isLast = from + pageRows >= rows.length;
  return { next: isLast ? null : next.href, previous: null, results: rows.slice(from, from + pageRows) };
}

/** A session with one token that is never renewed. */
export function fixedSession(token = TOKEN): RobinhoodSession & { readonly refusals: number[] } {
  const refusals: number[] = [];
  return {
    refusals,
    authorization: () => Promise.resolve(`Bearer ${token}`),
    refused: ({ status }) => {
      refusals.push(status);
      return Promise.resolve(false);
    },
    credential: 'robinhood-test',
    secrets: () => [token],
  };
}

export interface OpenedRobinhood {
  readonly client: RobinhoodClient;
  readonly sent: SentRequest[];
}

export function openRobinhood(
  replay: Pick<RobinhoodReplay, 'url'>,
  options: {
    account?: string | null;
    session?: RobinhoodSession;
    clock?: Clock;
    egress?: Partial<EgressOptions>;
  } = {},
): OpenedRobinhood {
  const clock = options.clock ?? systemClock();
  const hosts = {
    api: `${replay.url}/api`,
    nummus: `${replay.url}/nummus`,
    bonfire: `${replay.url}/bonfire`,
  };
  const sent: SentRequest[] = [];
  const egress = createEgress({
    clock,
    random: () => 0.5,
    allowLoopback: Object.values(hosts),
    retry: QUICK_RETRY,
    budget: { burst: 100_000, perMinute: 1_000_000 },
    breaker: { failuresMax: 1_000_000, openMs: 1_000, openMsMax: 1_000 },
    onRequest: (request) => sent.push(request),
    ...options.egress,
  });
  const client = createRobinhoodClient({
    session: options.session ?? fixedSession(),
    accountNumber: options.account === undefined ? MARGIN : options.account,
    hosts,
    egress,
    clock,
  });
  return { client, sent };
}
