/** Everything Robinhood can answer that is not the truth must end as `incomplete`, never as a smaller book. */
import { type ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type RobinhoodClient, type RobinhoodSession } from '../../src/brokers/robinhood/client.ts';
import { parseInstant } from '../../src/domain/time.ts';
import { rowsOf, sendJson } from './replay.ts';
import {
  fixedSession,
  IRA,
  type List,
  MARGIN,
  openRobinhood,
  type RobinhoodReplay,
  type Row,
  sampleOf,
  sampleText,
  startRobinhood,
  TOKEN,
} from './robinhoodReplay.ts';

let replay: RobinhoodReplay;
let client: RobinhoodClient;
beforeAll(async () => {
  replay = await startRobinhood();
  client = openRobinhood(replay).client;
});
afterEach(() => replay.reset());
afterAll(() => replay.close());

const HISTORY = { kind: 'history', resumeAfter: null, pagesMax: 50 } as const;
const SINCE = { kind: 'since', after: parseInstant('2026-01-01T00:00:00Z') } as const;

/** Every read and the addresses it stands or falls with. */
const READS = [
  ['balances', '/api/accounts/', (one: RobinhoodClient) => one.readBalances()],
  ['balances', `/api/portfolios/${MARGIN}/`, (one: RobinhoodClient) => one.readBalances()],
  ['balances', '/bonfire/accounts/unified/', (one: RobinhoodClient) => one.readBalances()],
  ['positions', '/api/positions/', (one: RobinhoodClient) => one.readPositions()],
  ['positions', '/api/options/positions/', (one: RobinhoodClient) => one.readPositions()],
  ['positions', '/nummus/holdings/', (one: RobinhoodClient) => one.readPositions()],
  ['activities', '/api/orders/', (one: RobinhoodClient) => one.readActivities(SINCE)],
  ['activities', '/api/options/orders/', (one: RobinhoodClient) => one.readActivities(HISTORY)],
  ['activities', '/nummus/orders/', (one: RobinhoodClient) => one.readActivities(HISTORY)],
  ['activities', '/api/options/events/', (one: RobinhoodClient) => one.readActivities(HISTORY)],
  ['activities', '/api/dividends/', (one: RobinhoodClient) => one.readActivities(HISTORY)],
] as const;

const html = '<!doctype html><html><body>Sign in to the hotel network</body></html>';

describe.each(READS)('%s at %s', (_name, path, read) => {
  const broken: readonly [string, (response: ServerResponse) => void, string | null, string][] = [
    [
      'a login page with status 200',
      (response) => response.writeHead(200, { 'content-type': 'text/html' }).end(html),
      'not_json',
      'broker_bad_answer',
    ],
    ['nothing at all', (response) => sendJson(response, 200, ''), 'empty', 'broker_bad_answer'],
    ['204', (response) => response.writeHead(204).end(), 'http_204', 'broker_bad_answer'],
    [
      'an error with status 200',
      (response) => sendJson(response, 200, '{"detail":"Something went wrong."}'),
      null,
      'broker_bad_answer',
    ],
    ['null', (response) => sendJson(response, 200, 'null'), null, 'broker_bad_answer'],
    ['a list without its envelope', (response) => sendJson(response, 200, '[]'), null, 'broker_bad_answer'],
    [
      '401',
      (response) => sendJson(response, 401, '{"detail":"Incorrect authentication credentials."}'),
      'http_401',
      'broker_auth',
    ],
    [
      '403',
      (response) =>
        sendJson(response, 403, '{"detail":"You do not have permission to perform this action."}'),
      'http_403',
      'broker_forbidden',
    ],
    ['404', (response) => sendJson(response, 404, '{"detail":"Not found."}'), 'http_404', 'broker_not_found'],
    [
      '500 with HTML',
      (response) => response.writeHead(500, { 'content-type': 'text/html' }).end(html),
      'http_500',
      'broker_fault',
    ],
    [
      'a redirect',
      (response) => response.writeHead(301, { location: '/login/' }).end(),
      'redirect',
      'broker_bad_answer',
    ],
  ];

  test.each(broken)('%s is incomplete', async (_what, handler, reason, code) => {
    replay.answer(path, (_request, response) => handler(response));
    const answer = await read(openRobinhood(replay).client);
    expect(answer.kind).toBe('incomplete');
    if (answer.kind !== 'incomplete') return;
    if (reason !== null) expect(answer.reason).toBe(reason);
    expect(answer.error.code).toBe(code);
    expect(answer.error.hint).not.toBeNull();
    expect(JSON.stringify([answer.error.message, answer.evidence])).not.toContain(TOKEN);
  });
});

test('positions cut off at every single byte are never complete', async () => {
  const whole = Buffer.from(
    JSON.stringify({ next: null, previous: null, results: sampleOf<List>('positions').results.slice(0, 1) }),
  );
  let cut = 0;
  // A server that announces the short length: only the JSON itself can tell.
  replay.answer('/api/positions/', (_request, response) =>
    sendJson(response, 200, whole.subarray(0, cut).toString()),
  );
  for (cut = 0; cut < whole.length; cut += 1) {
    const answer = await client.readPositions();
    if (answer.kind === 'complete') throw new Error(`cut at byte ${cut} was believed`);
    expect(JSON.stringify(answer.evidence)).not.toContain(MARGIN);
  }
  expect(cut).toBeGreaterThan(1_500);
  expect((await client.readPositions()).kind).toBe('complete');
}, 60_000);

describe('pages', () => {
  const answerNext = (next: (url: URL) => string | number): void =>
    replay.answer('/api/orders/', (_request, response, url) =>
      sendJson(response, 200, JSON.stringify({ next: next(url), previous: null, results: [] })),
    );

  test.each([
    ['another host', () => 'https://robinhood.example.com/orders/?cursor=a'],
    ['the same machine under another name', (url: URL) => url.href.replace('127.0.0.1', 'localhost')],
    ['another path of the same host', (url: URL) => new URL('/api/options/orders/?cursor=a', url).href],
    ['an address with a login', (url: URL) => url.href.replace('//', '//user:pass@')],
    ['no address', () => 'cursor=a'],
  ])('%s gets no token', async (_name, next) => {
    answerNext(next);
    const answer = await client.readActivities(SINCE);
    expect(answer).toMatchObject({ kind: 'incomplete', reason: 'foreign_next' });
    expect(replay.requests.every((request) => !request.url.searchParams.has('cursor'))).toBe(true);
  });

  test('that go round in a circle end the read', async () => {
    answerNext((url) => {
      const next = new URL(url);
      next.searchParams.set('cursor', url.searchParams.get('cursor') === 'a' ? 'b' : 'a');
      return next.href;
    });
    expect(await client.readActivities(SINCE)).toMatchObject({ kind: 'incomplete', reason: 'page_repeated' });
  });
});

describe('whose rows', () => {
  test('rows of another account alone are refused: the filter was not understood', async () => {
    const others = sampleOf<List>('positions_all_rows').results.filter(
      (row) => row?.['account_number'] === MARGIN,
    );
    replay.answer('/api/positions/', (_request, response) =>
      sendJson(response, 200, JSON.stringify({ next: null, results: others })),
    );
    const answer = await openRobinhood(replay, { account: IRA }).client.readPositions();
    expect(answer).toMatchObject({ kind: 'incomplete', reason: 'wrong_account' });
  });

  test('of a list of all accounts only ours are taken', async () => {
    replay.answer('/api/orders/', (_request, response) => sendJson(response, 200, sampleText('orders')));
    const ira = rowsOf(await openRobinhood(replay, { account: IRA }).client.readActivities(HISTORY));
    expect(ira.activities.filter((row) => row.kind === 'fill').map((row) => row.instrument?.symbol)).toEqual([
      'SCHD',
    ]);
  });

  test('the portfolio of another account, and an account this login does not have', async () => {
    replay.answer(`/api/portfolios/${MARGIN}/`, (_request, response) =>
      sendJson(response, 200, sampleText('portfolio_ira')),
    );
    expect(await client.readBalances()).toMatchObject({ kind: 'incomplete', reason: 'wrong_account' });
    const stranger = openRobinhood(replay, { account: '5XX99999' }).client;
    const answer = await stranger.readBalances();
    expect(answer).toMatchObject({ kind: 'incomplete', reason: 'wrong_account' });
    expect(JSON.stringify(answer)).not.toContain('5XX99999');
  });
});

describe('a login that is refused', () => {
  test('is asked once for another header, and the read goes on with it', async () => {
    const asked: string[] = [];
    const renewing: RobinhoodSession = {
      ...fixedSession(),
      authorization: ({ resource }) =>
        Promise.resolve(asked.length === 0 ? `Bearer old-${resource}` : `Bearer ${TOKEN}`),
      refused: ({ authorization, status }) => {
        asked.push(`${status} ${authorization}`);
        return Promise.resolve(true);
      },
    };
    expect((await openRobinhood(replay, { session: renewing }).client.readPositions()).kind).toBe('complete');
    expect(asked).toEqual(['401 Bearer old-accounts']);
  });

  test('a second refusal ends the read, and the session has been told of both', async () => {
    const session = fixedSession('wrong');
    const again = {
      ...session,
      refused: (refusal: { status: 401 | 403 }) =>
        session.refused({ ...refusal, authorization: '', host: 'api', resource: '' }).then(() => true),
    };
    const answer = await openRobinhood(replay, { session: again }).client.readPositions();
    expect(answer).toMatchObject({
      kind: 'incomplete',
      reason: 'http_401',
      error: { code: 'broker_auth', retry: 'never' },
    });
    expect(session.refusals).toEqual([401, 401]);
    expect(replay.requests).toHaveLength(2);
  });
});

test('market data that is down leaves positions unpriced, not absent', async () => {
  for (const path of ['/api/marketdata/quotes/', '/api/marketdata/options/', '/api/marketdata/forex/quotes/'])
    replay.answer(path, (_request, response) => response.writeHead(503).end());
  const rows = rowsOf(await client.readPositions());
  expect(rows).toHaveLength(9);
  expect(rows.every((row) => row.mark === null && row.markAsOf === null)).toBe(true);
});

test('null Greeks and a null row of market data: the contract is priced or not, and never zero', async () => {
  const [first, second] = sampleOf<List>('marketdata_options').results as readonly Row[];
  const greekless = {
    ...first,
    delta: null,
    gamma: null,
    theta: null,
    vega: null,
    rho: null,
    implied_volatility: null,
  };
  replay.rows('/api/marketdata/options/', [greekless, { ...second, delta: null }]);
  const own = openRobinhood(replay).client;
  const rows = rowsOf(await own.readPositions());
  const options = rows.map((row) => row.instrument).filter((one) => one.kind === 'option');
  const quotes = rowsOf(await own.readQuotes(options));
  expect(
    quotes.map((quote) => [quote.mark?.toString(), quote.greeks?.delta, quote.greeks?.theta?.sign()]),
  ).toEqual([
    ['15.8', undefined, undefined],
    ['0.32', null, 1],
  ]);
  expect(rows.filter((row) => row.instrument.kind === 'option').map((row) => row.mark?.toString())).toEqual([
    '15.8',
    '0.32',
    undefined,
    undefined,
  ]);
});

test('a part of the private API that is gone is told, and what is vital is not given up', async () => {
  replay.answer('/api/accounts/sweeps/', (_request, response) =>
    sendJson(response, 404, '{"detail":"Not found."}'),
  );
  const read = await openRobinhood(replay).client.readActivities(HISTORY);
  expect(rowsOf(read).activities.filter((row) => row.brokerType.startsWith('sweep'))).toEqual([]);
  expect(read.evidence.quarantined.map((row) => [row.resource, row.reason])).toEqual([
    ['sweeps', 'Robinhood no longer has this list (404)'],
  ]);
});

test('a list that breaks off at its second page with 404 is no shorter list', async () => {
  replay.answer('/api/ach/transfers/', (_request, response, url) => {
    if (url.searchParams.has('cursor')) return sendJson(response, 404, '{"detail":"Not found."}');
    const { results } = sampleOf<List>('ach_transfers');
    sendJson(response, 200, JSON.stringify({ next: `${url.href}?cursor=a`, results: results.slice(0, 2) }));
  });
  const answer = await openRobinhood(replay).client.readActivities(HISTORY);
  expect(answer).toMatchObject({ kind: 'incomplete', reason: 'http_404' });
});

test('one bad row goes to quarantine, the others stay', async () => {
  const orders = sampleOf<List>('orders').results as readonly Row[];
  const damaged = orders.map((row) => {
    if (row['id'] !== '88efc1ba-9cd2-47f8-8fc5-4d6fbc318d2c') return row;
    const [good, bad] = row['executions'] as readonly Row[];
    return { ...row, executions: [good, { ...bad, price: '1e' }] };
  });
  replay.rows('/api/orders/', damaged);
  const read = await openRobinhood(replay).client.readActivities(HISTORY);
  const rows = rowsOf(read).activities.filter(
    (row) => row.orderId === '88efc1ba-9cd2-47f8-8fc5-4d6fbc318d2c',
  );
  expect(rows.map((row) => row.rootId)).toEqual(['6f8f6756-2c4e-4107-bfa2-45063e3aba91']);
  expect(read.evidence.quarantined.map((row) => [row.path, row.reason])).toEqual([
    [expect.stringMatching(/^orders\[\d+\]\.executions\[1\]\.price$/), '"1e" is not a decimal number'],
  ]);
});

test('no token and no account number in evidence or errors, also where an answer is cut or refused', async () => {
  const own = openRobinhood(replay).client;
  const answers: unknown[] = [await own.findAccounts(), await own.readBalances(), await own.readPositions()];
  answers.push(await own.readActivities(HISTORY));
  // Numbers are for the adapter; everything but the list of accounts itself must be without them.
  const [found, ...rest] = answers as [{ evidence: unknown }, ...unknown[]];
  for (const length of [30, 60, 90, 120, 150]) {
    replay.answer('/api/accounts/', (_request, response) =>
      sendJson(response, 200, sampleText('accounts').slice(0, length)),
    );
    rest.push(await openRobinhood(replay, { account: null }).client.readBalances());
  }
  replay.answer('/api/positions/', (request, response) =>
    sendJson(
      response,
      500,
      JSON.stringify({ detail: `${String(request.headers.authorization)} ${MARGIN} ${IRA}` }),
    ),
  );
  rest.push(await own.readPositions());
  const text = JSON.stringify([found.evidence, rest], (_name, value: unknown) =>
    value instanceof Error ? { ...value, message: value.message } : value,
  );
  for (const secret of [TOKEN, MARGIN, IRA, '510010001', 'demo@example.test'])
    expect(text).not.toContain(secret);
  expect(text).toContain('****0001');
});
