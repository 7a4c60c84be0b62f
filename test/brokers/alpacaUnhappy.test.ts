/** Everything a broker can answer that is not the truth must end as `incomplete`, never as a smaller book. */
import { type ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Broker } from '../../src/brokers/broker.ts';
import { parseInstant, parseTradeDate } from '../../src/domain/time.ts';
import { option } from '../../src/domain/instrument.ts';
import { turningClock } from '../egress/clocks.ts';
import {
  KEY_ID,
  openReplayed,
  type Replay,
  rowsOf,
  sample,
  sampleJson,
  SECRET,
  sendJson,
  startReplay,
} from './replay.ts';

let replay: Replay;
let broker: Broker;
beforeAll(async () => {
  replay = await startReplay();
  broker = openReplayed(replay).broker;
});
afterEach(() => {
  for (const { path } of READS) replay.answer(path, null);
});
afterAll(async () => {
  await broker.close();
  await replay.close();
});

/** Every read and the address it stands or falls with. */
const READS = [
  { name: 'balances', path: '/v2/account', read: (one: Broker) => one.readBalances() },
  { name: 'positions', path: '/v2/positions', read: (one: Broker) => one.readPositions() },
  {
    name: 'activities since',
    path: '/v2/account/activities',
    read: (one: Broker) => one.readActivities({ kind: 'since', after: parseInstant('2025-08-01T00:00:00Z') }),
  },
  {
    name: 'activity history',
    path: '/v2/account/activities',
    read: (one: Broker) => one.readActivities({ kind: 'history', resumeAfter: null, pagesMax: 9 }),
  },
  {
    name: 'orders',
    path: '/v2/orders',
    read: (one: Broker) => one.readOrders(['9b301e14-8697-44d7-9af8-1e3796d23241']),
  },
  {
    name: 'quotes',
    path: '/v1beta1/options/snapshots',
    read: (one: Broker) => one.readQuotes([option('SPY250822C00635000')]),
  },
  { name: 'market clock', path: '/v2/clock', read: (one: Broker) => one.readMarketClock() },
  {
    name: 'calendar',
    path: '/v2/calendar',
    read: (one: Broker) => one.readCalendar(parseTradeDate('2025-08-01'), parseTradeDate('2025-08-29')),
  },
  {
    name: 'equity history',
    path: '/v2/account/portfolio/history',
    read: (one: Broker) =>
      one.readEquityHistory!({ from: parseTradeDate('2025-08-01'), to: parseTradeDate('2025-08-21') }),
  },
] as const;

const html = '<!doctype html><html><body>Sign in to the hotel network</body></html>';

describe.each(READS)('$name', ({ path, read }) => {
  const broken: readonly [string, (response: ServerResponse) => void, string, string][] = [
    [
      'a login page with status 200',
      (response) => response.writeHead(200, { 'content-type': 'text/html' }).end(html),
      'not_json',
      'broker_bad_answer',
    ],
    ['nothing at all', (response) => sendJson(response, 200, ''), 'empty', 'broker_bad_answer'],
    ['only spaces', (response) => sendJson(response, 200, ' \n'), 'empty', 'broker_bad_answer'],
    ['204', (response) => response.writeHead(204).end(), 'http_204', 'broker_bad_answer'],
    ['a part of the content', (response) => sendJson(response, 206, '[]'), 'http_206', 'broker_bad_answer'],
    [
      'an error object with status 200',
      (response) => sendJson(response, 200, '{"code":50010000,"message":"internal"}'),
      'error_object',
      'broker_bad_answer',
    ],
    ['401', (response) => sendJson(response, 401, '{"message":"unauthorized."}'), 'http_401', 'broker_auth'],
    [
      '403',
      (response) => sendJson(response, 403, '{"code":40310000,"message":"no"}'),
      'http_403',
      'broker_forbidden',
    ],
    ['404', (response) => sendJson(response, 404, '{"message":"not found"}'), 'http_404', 'broker_not_found'],
    [
      '422',
      (response) => sendJson(response, 422, '{"code":40010001,"message":"no"}'),
      'http_422',
      'broker_rejected',
    ],
    [
      '500 with HTML',
      (response) => response.writeHead(500, { 'content-type': 'text/html' }).end(html),
      'http_500',
      'broker_fault',
    ],
    ['503 with nothing', (response) => response.writeHead(503).end(), 'http_503', 'broker_fault'],
    [
      'a redirect',
      (response) => response.writeHead(302, { location: '/login' }).end(),
      'redirect',
      'broker_bad_answer',
    ],
    ['null', (response) => sendJson(response, 200, 'null'), '', 'broker_bad_answer'],
    ['a number', (response) => sendJson(response, 200, '7'), '', 'broker_bad_answer'],
    ['a text', (response) => sendJson(response, 200, '"ok"'), '', 'broker_bad_answer'],
  ];

  test.each(broken)('%s is incomplete', async (_name, handler, reason, code) => {
    replay.answer(path, (_request, response) => handler(response));
    const answer = await read(broker);
    expect(answer.kind).toBe('incomplete');
    if (answer.kind !== 'incomplete') return;
    if (reason !== '') expect(answer.reason).toBe(reason);
    expect(answer.error.code).toBe(code);
    expect(answer.error.retry).toBe(
      code === 'broker_auth' || code === 'broker_forbidden' || code === 'broker_rejected' ? 'never' : 'later',
    );
    expect(answer.error.hint).not.toBeNull();
    expect(JSON.stringify([answer.error.message, answer.error.hint, answer.evidence])).not.toContain(SECRET);
  });
});

test('JSON is accepted whatever the content type says', async () => {
  for (const [path, name] of Object.entries({
    '/v2/account': 'account.json',
    '/v2/positions': 'positions.json',
  })) {
    replay.answer(path, (_request, response) =>
      response.writeHead(200, { 'content-type': 'text/plain' }).end(sample(name)),
    );
  }
  expect([(await broker.readBalances()).kind, (await broker.readPositions()).kind]).toEqual([
    'complete',
    'complete',
  ]);
});

test('positions cut off at every single byte are never complete', async () => {
  const whole = Buffer.from(JSON.stringify(sampleJson<unknown[]>('positions.json').slice(0, 2)));
  let cut = 0;
  // A server that announces the short length: only the JSON itself can tell.
  replay.answer('/v2/positions', (_request, response) =>
    sendJson(response, 200, whole.subarray(0, cut).toString()),
  );
  for (cut = 0; cut < whole.length; cut += 1) {
    const answer = await broker.readPositions();
    if (answer.kind === 'complete') throw new Error(`cut at byte ${cut} was believed`);
  }
  expect(cut).toBeGreaterThan(800);
  expect((await broker.readPositions()).kind).toBe('complete');
});

test('a line cut in the middle of the activities is incomplete and named', async () => {
  replay.answer('/v2/account/activities', (_request, response) => {
    response.writeHead(200, { 'content-length': String(sample('activities.json').length) });
    response.write(sample('activities.json').slice(0, 3000));
    setTimeout(() => response.destroy(), 2);
  });
  const answer = await READS[2].read(broker);
  expect(answer).toMatchObject({ kind: 'incomplete', reason: 'truncated' });
});

test('the request id of the broker stands in the error', async () => {
  replay.answer('/v2/positions', (_request, response) =>
    sendJson(response, 500, '{"message":"internal server error"}'),
  );
  const answer = await broker.readPositions();
  expect(answer).toMatchObject({
    error: { message: expect.stringContaining('649c5a79da1ab9cb20742ffdada0a7bb'), retry: 'later' },
    evidence: { payloads: [{ status: 500, resource: 'positions', path: '/v2/positions' }] },
  });
});

test('429 with a reset 50 s away ends the run at once and says retry later', async () => {
  const clock = turningClock();
  const own = openReplayed(replay, { clock });
  const reset = String(clock.wallMs() / 1000 + 50);
  replay.answer('/v2/positions', (_request, response) =>
    sendJson(response, 429, '{"code":42910000,"message":"rate limit exceeded"}', {
      'x-ratelimit-reset': reset,
    }),
  );
  const before = replay.requests.length;
  const answer = await own.broker.readPositions();
  expect(answer).toMatchObject({
    kind: 'incomplete',
    reason: 'http_429',
    error: { code: 'broker_rate_limit', retry: 'later' },
  });
  expect(replay.requests.length - before).toBe(1);
});

test('no key, account id or account number in evidence or errors, also when the body is cut', async () => {
  const account = sampleJson<{ id: string; account_number: string }>('account.json');
  // Beginnings too: a cut body must not show most of an identity.
  const secrets = [SECRET, KEY_ID, account.id, account.account_number, account.id.slice(0, 24)];
  const own = openReplayed(replay).broker;
  const answers: unknown[] = [];
  for (const length of [40, 60, 70, 130, 150, 9_999]) {
    replay.answer('/v2/account', (_request, response) =>
      sendJson(response, 200, sample('account.json').slice(0, length)),
    );
    answers.push(await own.readBalances());
  }
  replay.answer('/v2/positions', (request, response) =>
    sendJson(
      response,
      500,
      JSON.stringify({
        message: `${String(request.headers['apca-api-secret-key'])} ${KEY_ID} ${account.id} ${account.account_number}`,
      }),
    ),
  );
  answers.push(await own.readPositions());
  const text = JSON.stringify(answers, (_name, value: unknown) =>
    value instanceof Error ? { ...value, message: value.message } : value,
  );
  for (const secret of secrets) expect(text).not.toContain(secret);
  expect(text).toContain('****EMO1');
});

test('a vanished or unreadable figure of the account is null and told, never zero', async () => {
  const { cash: _gone, ...rest } = sampleJson<Record<string, unknown>>('account.json');
  replay.answer('/v2/account', (_request, response) =>
    sendJson(response, 200, JSON.stringify({ ...rest, equity: 'NaN' })),
  );
  const answer = await broker.readBalances();
  expect(rowsOf(answer).balances[0]).toMatchObject({ cash: null, equity: null });
  expect(answer.evidence.quarantined.map((row) => [row.path, row.reason])).toEqual([
    ['account.equity', '"NaN" is not a decimal number'],
    ['account.cash', 'the field is missing'],
  ]);
  expect(answer.evidence.quarantined[0]!.row).toContain('"account_number":"****EMO1"');
});

test('restrictions: status, flags, and a flag nobody can read', async () => {
  const body = {
    ...sampleJson<object>('account.json'),
    status: 'LIMITED',
    trading_blocked: true,
    account_blocked: 'yes',
    pattern_day_trader: true,
  };
  replay.answer('/v2/account', (_request, response) => sendJson(response, 200, JSON.stringify(body)));
  expect(rowsOf(await broker.readBalances()).restrictions).toEqual([
    'status LIMITED',
    'trading_blocked',
    'account_blocked is not readable',
  ]);
});

describe('rows that cannot be understood', () => {
  const good = sampleJson<Record<string, unknown>[]>('positions.json')[0]!;
  const shortCall = sampleJson<Record<string, unknown>[]>('positions.json')[5]!;

  async function positions(rows: unknown[]) {
    replay.answer('/v2/positions', (_request, response) => sendJson(response, 200, JSON.stringify(rows)));
    const read = await broker.readPositions();
    return { rows: rowsOf(read), quarantined: read.evidence.quarantined };
  }

  test('one bad row goes to quarantine with its path, the others stay', async () => {
    const { qty: _gone, ...withoutQuantity } = good;
    const bad: [unknown, string, string][] = [
      [withoutQuantity, 'positions[1].qty', 'the field is missing'],
      [{ ...good, qty: 'many' }, 'positions[1].qty', '"many" is not a decimal number'],
      [{ ...good, qty: null }, 'positions[1].qty', 'Invalid input: expected string, received null'],
      [{ ...good, qty: '0' }, 'positions[1].qty', 'a position of zero is not a position'],
      [{ ...good, side: 'sideways' }, 'positions[1].side', 'Invalid option: expected one of "long"|"short"'],
      [{ ...good, asset_class: 'us_option' }, 'positions[1].symbol', '"AAPL" is no us_option symbol'],
      [7, 'positions[1]', 'Invalid input: expected object, received string'],
    ];
    for (const [row, path, reason] of bad) {
      const result = await positions([{ ...good, symbol: 'KO' }, row]);
      expect(result.rows.map((position) => position.instrument.id)).toEqual(['equity:KO:USD']);
      expect(result.quarantined).toMatchObject([{ path, reason, resource: 'positions' }]);
      expect(result.quarantined[0]!.payloadSha256).toMatch(/^[0-9a-f]{64}$/);
    }
  });

  test('both conventions for shorts are negative', async () => {
    const { rows } = await positions([
      { ...shortCall, qty: '-2' },
      { ...good, symbol: 'TSLA', side: 'short', qty: '3' },
    ]);
    expect(rows.map((row) => row.quantity.toString())).toEqual(['-2', '-3']);
  });

  test('unpriced stays unpriced; new fields do no harm', async () => {
    const { rows, quarantined } = await positions([
      { ...good, current_price: null, market_value: '', unrealized_pl: undefined, brand_new: { a: [1] } },
    ]);
    expect(rows[0]).toMatchObject({ mark: null, markAsOf: null, marketValue: null, unrealizedPnl: null });
    expect(quarantined).toEqual([]);
  });

  test('crypto meets its pair; a row of an unknown asset class names nothing we know', async () => {
    const { rows, quarantined } = await positions([
      { ...good, symbol: 'BTCUSD', asset_class: 'crypto', qty: '0.049875' },
      { ...good, symbol: 'AAPL', asset_class: 'us_equity_perp' },
      { ...good, symbol: 'ETHUSD', asset_class: 'crypto_perp' },
    ]);
    expect(rows.map((row) => row.instrument.id)).toEqual(['crypto:BTC/USD']);
    expect(quarantined).toMatchObject([
      { path: 'positions[1].asset_class', reason: 'unknown asset class "us_equity_perp"' },
      { path: 'positions[2].asset_class', reason: 'unknown asset class "crypto_perp"' },
    ]);
  });

  test('the same instrument twice in one answer is incomplete', async () => {
    replay.answer('/v2/positions', (_request, response) =>
      sendJson(response, 200, JSON.stringify([good, good])),
    );
    expect(await broker.readPositions()).toMatchObject({ kind: 'incomplete', reason: 'duplicate_position' });
  });

  test('adjusted options: the broker tells the multiplier, else the cost basis, else the value is unknown', async () => {
    const contract = '/v2/options/contracts/SOXS2260821C00005000';
    const row = {
      ...good,
      symbol: 'SOXS2260821C00005000',
      asset_class: 'us_option',
      qty: '2',
      avg_entry_price: '1.5',
      cost_basis: '30',
      market_value: '40',
    };
    const read = async (terms: object | null, position: object) => {
      const own = openReplayed(replay).broker;
      replay.answer(
        contract,
        terms === null ? null : (_request, response) => sendJson(response, 200, JSON.stringify(terms)),
      );
      replay.answer('/v2/positions', (_request, response) =>
        sendJson(response, 200, JSON.stringify([position])),
      );
      const first = await own.readPositions();
      const asked = replay.requests.filter((request) => request.path === contract).length;
      await own.readPositions();
      // Known terms are asked for once, an answer "unknown" too.
      expect(replay.requests.filter((request) => request.path === contract)).toHaveLength(asked);
      replay.answer(contract, null);
      return { position: rowsOf(first)[0]!, quarantined: first.evidence.quarantined };
    };
    const told = await read({ symbol: row.symbol, underlying_symbol: 'SOXS', multiplier: '50' }, row);
    expect(told.position.instrument).toMatchObject({ option: { underlying: 'SOXS' } });
    expect(told.position.instrument.multiplier.toString()).toBe('50');
    const derived = await read(null, row);
    expect([
      derived.position.instrument.multiplier.toString(),
      derived.position.marketValue?.toString(),
    ]).toEqual(['10', '40']);
    expect(derived.quarantined).toEqual([]);
    const unknown = await read(null, { ...row, cost_basis: '31' });
    expect(unknown.position.marketValue).toBeNull();
    expect(unknown.quarantined).toMatchObject([
      { reason: expect.stringContaining('multiplier of the adjusted option') },
    ]);
  });
});

describe('orders', () => {
  test('what the list does not hold is looked up one by one, as many as allowed; 404 is an answer, not a failure', async () => {
    const ids = Array.from({ length: 8 }, (_, index) => `0000000${index}-0000-4000-8000-000000000000`);
    replay.answer(`/v2/orders/${ids[1]}`, (_request, response) =>
      sendJson(response, 200, JSON.stringify({ id: ids[1], client_order_id: 'auto-1' })),
    );
    const before = replay.requests.length;
    const unknown = { clientOrderId: null, parentOrderId: null };
    // Those that were not looked up are not in the answer: nothing is known of them.
    expect(rowsOf(await broker.readOrders([...ids, 'not/an/id'], undefined, 4))).toEqual([
      { orderId: ids[1], clientOrderId: 'auto-1', parentOrderId: null },
      { orderId: 'not/an/id', ...unknown },
      ...[ids[0], ids[2], ids[3]].map((orderId) => ({ orderId, ...unknown })),
    ]);
    expect(replay.requests.length - before).toBe(5);
    await broker.readOrders(ids);
    expect(replay.requests.length - before).toBe(9);
    replay.answer(`/v2/orders/${ids[1]}`, null);
  });

  test('nothing asked, nothing sent', async () => {
    const before = replay.requests.length;
    expect(rowsOf(await broker.readOrders([]))).toEqual([]);
    expect(rowsOf(await broker.readQuotes([]))).toEqual([]);
    expect(replay.requests.length).toBe(before);
  });
});

test('credentials that cannot be sent are refused without being shown', async () => {
  const own = () =>
    openReplayed(replay, {
      credentials: { kind: 'key', keyId: 'PK', secretKey: { reveal: () => 'canary\nsecret' } },
    });
  expect(own).toThrow(expect.objectContaining({ code: 'config' }));
  expect(own).not.toThrow(/canary/);
});

test('OAuth sends a bearer token and no key headers', async () => {
  const own = openReplayed(replay, {
    credentials: { kind: 'oauth', token: { reveal: () => 'token-1' } },
  }).broker;
  rowsOf(await own.readBalances());
  const { headers } = replay.requests.at(-1)!;
  expect([headers.authorization, headers['apca-api-key-id']]).toEqual(['Bearer token-1', undefined]);
});

test('every adapter call uses rows of the table only, and every GET row of Alpaca is used', async () => {
  const { EGRESS_TABLE } = await import('../../src/egress/table.ts');
  const own = openReplayed(replay);
  const before = replay.requests.length;
  for (const { read } of READS) await read(own.broker);
  await own.broker.readOrders(['00000000-0000-4000-8000-000000000000']);
  const { equity, crypto } = await import('../../src/domain/instrument.ts');
  await own.broker.readQuotes([option('SPY250822C00635000'), equity('AAPL'), crypto('BTC/USD')]);
  replay.answer('/v2/positions', (_request, response) =>
    sendJson(
      response,
      200,
      JSON.stringify([
        {
          ...sampleJson<object[]>('positions.json')[0],
          asset_class: 'us_option',
          symbol: 'SOXS2260821C00005000',
        },
      ]),
    ),
  );
  await own.broker.readPositions();
  const split = { activity_type: 'SPLIT', activity_sub_type: 'RSPLIT', date: '2025-08-20', symbol: 'XMPL' };
  const cut = ['-25', '8'].map((qty) => ({
    ...split,
    id: `20250820000000000::${qty}`,
    net_amount: '0',
    qty,
  }));
  replay.answer('/v2/account/activities', (_request, response, url) =>
    sendJson(response, 200, url.searchParams.has('page_token') ? '[]' : JSON.stringify(cut)),
  );
  await own.broker.readActivities({ kind: 'history', resumeAfter: null, pagesMax: 2 });
  const rows = EGRESS_TABLE.filter((row) => row.broker === 'alpaca' && row.method === 'GET');
  const used = rows.filter((row) => own.sent.some((sent) => row.path.test(sent.path)));
  expect(used.map((row) => row.purpose)).toEqual(rows.map((row) => row.purpose));
  expect(
    own.sent.every((sent) => rows.some((row) => row.path.test(sent.path) && row.purpose === sent.purpose)),
  ).toBe(true);
  const received = replay.requests.slice(before);
  expect(received.map((request) => request.method)).toEqual(own.sent.map(() => 'GET'));
  expect(received.map((request) => request.path)).toEqual(own.sent.map((sent) => sent.path));
});
