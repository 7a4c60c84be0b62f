/** Every kind of fault, over real HTTP: what it does, whom it meets, and when it ends. */
import { describe, expect, it } from 'vitest';
import { FAULT_KINDS, STREAM_ONLY } from '../../src/sandbox/faults.ts';
import { keysOf, PAPER, read, start, type Play, type Row } from './play.ts';

const POSITIONS = '/v2/positions';
const ACTIVITIES = '/v2/account/activities';

async function world(): Promise<Play> {
  return await start({ scenario: 'default' });
}

function fault(play: Play, kind: string, more: Row = {}): Row {
  return play.post('/control/fault', { broker: 'alpaca', kind, ...more })[0]!;
}

const ids = (rows: Row[]): unknown[] => rows.map((row) => row['id']);

describe('faults that replace the answer', () => {
  it('refuse breaks the connection', async () => {
    await using play = await world();
    fault(play, 'refuse', { times: 1 });
    await expect(play.get(POSITIONS)).rejects.toThrow();
    expect((await play.get(POSITIONS)).status).toBe(200);
  });

  it('timeout never answers, and does not keep the sandbox from closing', async () => {
    await using play = await world();
    fault(play, 'timeout', { times: 1 });
    const waiting = fetch(play.paper.tradingUrl + POSITIONS, {
      headers: keysOf(play.paper),
      signal: AbortSignal.timeout(150),
    });
    await expect(waiting).rejects.toThrow(/timeout/i);
    expect((await play.get(POSITIONS)).status).toBe(200);
  });

  it.each([
    [429, { code: 42910000, message: 'rate limit exceeded' }],
    [500, { message: 'internal server error' }],
    [403, { code: 40310000, message: 'account not authorized to read this' }],
  ])('status %i', async (status, body) => {
    await using play = await world();
    fault(play, 'status', { status, resource: 'positions' });
    const reply = await play.get(POSITIONS);
    expect(reply).toMatchObject({ status, body });
    if (status === 429) expect(reply.headers.get('x-ratelimit-remaining')).toBe('0');
    expect((await play.get(ACTIVITIES)).status).toBe(200);
  });

  it('a status with the wish to be left alone, as it was written', async () => {
    await using play = await world();
    for (const retryAfter of ['7', 'Thu, 21 Aug 2025 16:00:30 GMT', '99999999999', 'soon']) {
      fault(play, 'status', { status: 429, retryAfter, times: 1 });
      expect((await play.get(POSITIONS)).headers.get('retry-after')).toBe(retryAfter);
    }
    fault(play, 'status', { status: 503, times: 1 });
    expect((await play.get(POSITIONS)).headers.get('retry-after')).toBeNull();
  });

  it('html, session-expired', async () => {
    await using play = await world();
    fault(play, 'html', { times: 1 });
    const page = await play.get(POSITIONS);
    expect(page.status).toBe(200);
    expect(page.headers.get('content-type')).toContain('text/html');
    fault(play, 'session-expired', { times: 1 });
    expect(await play.get(POSITIONS)).toMatchObject({ status: 401, body: { code: 40110000 } });
  });

  it('slow answers only after the clock has moved', async () => {
    await using play = await world();
    fault(play, 'slow', { times: 1, at: 5000 });
    let answered = false;
    const reply = play.get(POSITIONS).then((one) => {
      answered = true;
      return one;
    });
    await play.get(ACTIVITIES);
    expect(answered).toBe(false);
    play.post('/control/clock', { advance: 5000 });
    expect((await reply).status).toBe(200);
  });
});

describe('faults of the body', () => {
  it('truncate cuts at a byte, with a length that agrees', async () => {
    await using play = await world();
    const whole = (await play.get(POSITIONS)).text;
    fault(play, 'truncate', { at: 100, times: 1 });
    const cut = await play.get(POSITIONS);
    expect(cut.text).toBe(whole.slice(0, 100));
    expect(cut.headers.get('content-length')).toBe('100');
    fault(play, 'truncate', { times: 1 });
    expect((await play.get(POSITIONS)).text).toBe(whole.slice(0, Math.floor(whole.length / 2)));
  });

  it.each([0, 100, null])('cut-line announces the whole and breaks off after %s bytes', async (at) => {
    await using play = await world();
    const whole = (await play.get(POSITIONS)).text;
    fault(play, 'cut-line', { times: 1, ...(at === null ? {} : { at }) });
    const response = await fetch(play.paper.tradingUrl + POSITIONS, { headers: keysOf(play.paper) });
    expect(response.headers.get('content-length')).toBe(String(whole.length));
    let received = 0;
    const reading = async (): Promise<void> => {
      for await (const part of response.body!) received += part.byteLength;
    };
    await expect(reading()).rejects.toThrow();
    expect(received).toBe(at ?? Math.floor(whole.length / 2));
    expect((await play.get(POSITIONS)).text).toBe(whole);
  });

  it('empty, partial, duplicate, reorder', async () => {
    await using play = await world();
    const all = ids(await play.rows(ACTIVITIES));
    fault(play, 'empty', { times: 2 });
    expect(await play.rows(ACTIVITIES)).toEqual([]);
    expect((await play.get('/v2/account')).body).toEqual({});
    fault(play, 'partial', { times: 1 });
    expect(ids(await play.rows(ACTIVITIES))).toEqual(all.slice(0, Math.floor(all.length / 2)));
    fault(play, 'partial', { times: 1, at: 2 });
    expect(ids(await play.rows(ACTIVITIES))).toEqual(all.filter((_id, index) => index !== 2));
    fault(play, 'duplicate', { times: 1 });
    expect(ids(await play.rows(ACTIVITIES))).toEqual(all.flatMap((id) => [id, id]));
    fault(play, 'reorder', { times: 1 });
    const mixed = ids(await play.rows(ACTIVITIES));
    expect(mixed).not.toEqual(all);
    expect([...mixed].sort()).toEqual([...all].sort());
    fault(play, 'partial', { times: 1, resource: 'account' });
    const account = (await play.get('/v2/account')).body as Row;
    expect(account['id']).toBeDefined();
    expect(account['equity']).toBeUndefined();
  });

  it('rounded loses digits beyond the second', async () => {
    await using play = await world();
    fault(play, 'rounded', { resource: 'positions' });
    const coin = (await play.rows(POSITIONS)).find((row) => row['symbol'] === 'BTCUSD')!;
    expect(coin['qty']).toBe('0.25');
    expect(play.truth().positions).toContainEqual({
      symbol: 'BTC/USD',
      kind: 'crypto',
      quantity: '0.249375072',
    });
  });

  it('schema-drift in one row: another name, another type, an unseen word, in turn', async () => {
    await using play = await world();
    fault(play, 'schema-drift', { times: 3, at: 1, resource: 'positions' });
    const [renamed, retyped, reworded] = [
      await play.rows(POSITIONS),
      await play.rows(POSITIONS),
      await play.rows(POSITIONS),
    ];
    expect(renamed![1]).toMatchObject({ qty_v3: '100' });
    expect(renamed![1]!['qty']).toBeUndefined();
    expect(retyped![1]).toMatchObject({ qty: { value: '100' } });
    expect(reworded![1]).toMatchObject({ asset_class: 'NOT_SEEN_BEFORE' });
    expect(renamed![0]).toMatchObject({ qty: '30' });
    expect((await play.rows(POSITIONS))[1]).toMatchObject({ qty: '100' });
  });
});

describe('faults of the truth behind the answer', () => {
  it('stale keeps answering as it was when the fault began', async () => {
    await using play = await world();
    const before = (await play.get(POSITIONS)).body;
    fault(play, 'stale');
    play.play('buy 5 AAPL @ 200\n price KO 99\n clock 1h');
    expect((await play.get(POSITIONS)).body).toEqual(before);
    play.sandbox.control('DELETE', '/control/fault');
    expect((await play.get(POSITIONS)).body).not.toEqual(before);
  });

  it('late withholds the newest rows', async () => {
    await using play = await world();
    const before = ids(await play.rows(ACTIVITIES));
    fault(play, 'late', { resource: 'activities' });
    expect(await play.rows(ACTIVITIES)).toHaveLength(before.length - 1);
    play.play('clock 1s\n buy 5 AAPL @ 200\n clock 1s\n buy 6 AAPL @ 200');
    expect(ids(await play.rows(ACTIVITIES))).toEqual(before);
    play.sandbox.control('DELETE', '/control/fault');
    expect(await play.rows(ACTIVITIES)).toHaveLength(before.length + 2);
  });

  it('wrong-account answers with the other account', async () => {
    await using play = await world();
    const live = (await read(`${play.live.tradingUrl}/v2/account`, keysOf(play.live))).body as Row;
    fault(play, 'wrong-account', { account: PAPER, times: 1 });
    expect((await play.get('/v2/account')).body).toMatchObject({
      id: live['id'],
      account_number: live['account_number'],
    });
    expect((await play.get('/v2/account')).body).not.toMatchObject({ id: live['id'] });
  });

  it('short-history shows the last week, or as many rows as asked', async () => {
    await using play = await world();
    const all = await play.rows(ACTIVITIES);
    fault(play, 'short-history', { resource: 'activities', times: 1 });
    const week = await play.rows(ACTIVITIES);
    expect(week.length).toBeLessThan(all.length);
    fault(play, 'short-history', { resource: 'activities', at: 3, times: 1 });
    expect(ids(await play.rows(ACTIVITIES))).toEqual(ids(all).slice(0, 3));
  });

  it('clock-skew shifts the clock and the Date header', async () => {
    await using play = await world();
    fault(play, 'clock-skew', { times: 1 });
    const reply = await play.get('/v2/clock');
    expect(reply.body).toMatchObject({ timestamp: '2025-08-21T12:01:30-04:00' });
    expect(reply.headers.get('date')).toBe('Thu, 21 Aug 2025 16:01:30 GMT');
    expect((await play.get('/v2/clock')).headers.get('date')).toBe('Thu, 21 Aug 2025 16:00:00 GMT');
    fault(play, 'clock-skew', { times: 1, at: -7_200_000 });
    expect((await play.get('/v2/clock')).headers.get('date')).toBe('Thu, 21 Aug 2025 14:00:00 GMT');
  });
});

it('new keys: the account stays, its old keys are refused', async () => {
  await using play = await world();
  const before = play.truth();
  const [made] = play.post('/control/account', { account: PAPER, action: 'new-keys' });
  expect((await play.get(POSITIONS)).status).toBe(401);
  const keys = keysOf({
    ...play.paper,
    keyId: String(made!['keyId']),
    secretKey: String(made!['secretKey']),
  });
  expect((await read(play.paper.tradingUrl + POSITIONS, keys)).status).toBe(200);
  expect(play.truth()).toEqual(before);
});

describe('faults of paging', () => {
  const page = (play: Play, token: unknown): Promise<Row[]> =>
    play.rows(`${ACTIVITIES}?page_size=5&page_token=${String(token)}`);

  it('repeat-cursor answers the same page again', async () => {
    await using play = await world();
    fault(play, 'repeat-cursor', { times: 1 });
    const first = await play.rows(`${ACTIVITIES}?page_size=5`);
    expect(ids(await page(play, first.at(-1)!['id']))).toEqual(ids(first));
    expect(ids(await page(play, first.at(-1)!['id']))).not.toEqual(ids(first));
  });

  it('page: only that page of the listing fails, also when it is asked for again', async () => {
    await using play = await world();
    fault(play, 'status', { resource: 'activities', page: 2 });
    const first = await play.rows(`${ACTIVITIES}?page_size=5`);
    const second = `${ACTIVITIES}?page_size=5&page_token=${String(first.at(-1)!['id'])}`;
    expect((await play.get(second)).status).toBe(500);
    expect((await play.get(second)).status).toBe(500);
    expect((await play.get(`${ACTIVITIES}?page_size=5`)).status).toBe(200);
    expect(play.refused('/control/fault', { broker: 'alpaca', kind: 'status', page: 2 })).toContain('page');
  });

  it('insert-while-paging executes a real fill and shifts the rows by one', async () => {
    await using play = await world();
    const before = play.truth().fills.length;
    fault(play, 'insert-while-paging', { times: 1 });
    const first = await play.rows(`${ACTIVITIES}?page_size=5`);
    const second = await page(play, first.at(-1)!['id']);
    expect(second).toHaveLength(5);
    expect(second[0]!['id']).toBe(first.at(-1)!['id']);
    expect(play.truth().fills).toHaveLength(before + 1);
    expect((await play.rows(ACTIVITIES))[0]).toMatchObject({ symbol: 'AAPL', qty: '1' });
  });
});

describe('reach and end of a fault', () => {
  it('account, resource, times, forMs on the sandbox clock, delete', async () => {
    await using play = await world();
    const live = (): Promise<{ status: number }> => read(play.live.tradingUrl + POSITIONS, keysOf(play.live));
    fault(play, 'status', { account: PAPER });
    expect((await play.get(POSITIONS)).status).toBe(500);
    expect((await live()).status).toBe(200);
    play.sandbox.control('DELETE', '/control/fault');
    fault(play, 'status', { resource: 'orders', forMs: 60_000 });
    expect((await play.get('/v2/orders')).status).toBe(500);
    expect((await play.get(POSITIONS)).status).toBe(200);
    expect(play.sandbox.control('GET', '/control/faults').body).toEqual([
      expect.objectContaining({
        kind: 'status',
        resource: 'orders',
        until: '2025-08-21T16:01:00Z',
        applied: 1,
      }),
    ]);
    play.play('clock 60s');
    expect((await play.get('/v2/orders')).status).toBe(200);
    expect(play.sandbox.control('GET', '/control/faults').body).toEqual([]);
    fault(play, 'status', { resource: 'auth', times: 2, status: 401 });
    expect((await play.get(POSITIONS)).status).toBe(401);
    expect((await play.get('/v2/orders')).status).toBe(401);
    expect((await play.get('/v2/orders')).status).toBe(200);
    fault(play, 'status', { resource: 'marketdata' });
    expect((await play.data('/v2/stocks/snapshots?symbols=AAPL')).status).toBe(500);
    expect((await play.data('/v1beta3/crypto/us/snapshots?symbols=BTC/USD')).status).toBe(200);
  });

  it('refuses what could have no effect', async () => {
    await using play = await world();
    const refused = (more: Row): string =>
      play.refused('/control/fault', { broker: 'alpaca', kind: 'status', ...more });
    expect(refused({ kind: 'device-approval' })).toContain('not for Alpaca');
    expect(refused({ resource: 'flex' })).toContain('not for Alpaca');
    expect(refused({ kind: 'nonsense' })).toContain('kind');
    expect(refused({ broker: 'robinhood' })).toContain('broker');
    expect(refused({ kind: 'half-open', resource: 'orders' })).toContain('stream');
    expect(refused({ kind: 'empty', resource: 'stream' })).toContain('no meaning');
    expect(refused({ kind: 'empty', status: 500 })).toContain('status');
    expect(refused({ times: 0 })).toContain('times');
    expect(refused({ times: -1 })).toContain('times');
    expect(refused({ kind: 'truncate', at: -1 })).toContain('at');
    expect(refused({ kind: 'html', retryAfter: '7' })).toContain('retryAfter');
    expect(refused({ retryAfter: 'a\nb' })).toContain('retryAfter');
    expect(refused({ byte: 3 })).toContain('"byte"');
  });

  it('every kind changes an answer that a twin without the fault gives', async () => {
    const quiet: string[] = [];
    for (const kind of FAULT_KINDS) {
      // Streams and waiting have tests of their own.
      if (STREAM_ONLY.has(kind) || ['device-approval', 'timeout', 'slow'].includes(kind)) continue;
      const [sick, healthy] = [await answersWith(kind), await answersWith(null)];
      if (sick === healthy) quiet.push(kind);
    }
    expect(quiet).toEqual([]);
    expect(await answersWith(null)).toBe(await answersWith(null));
  });
});

/** The same calls in a fresh world, with or without a fault: first page, second page, account. */
async function answersWith(kind: string | null): Promise<string> {
  await using play = await world();
  if (kind !== null) fault(play, kind, kind === 'short-history' ? { at: 2 } : {});
  play.play('clock 1s\n buy 1 AAPL @ 200');
  const answers: unknown[] = [];
  let token = '';
  for (const path of [`${ACTIVITIES}?page_size=5`, `${ACTIVITIES}?page_size=5`, '/v2/account', POSITIONS]) {
    const reply = await play
      .get(token === '' || !path.includes('?') ? path : `${path}&page_token=${token}`)
      .catch(() => null);
    const rows = reply?.body;
    if (Array.isArray(rows) && rows.length > 0) token = String((rows as Row[]).at(-1)!['id']);
    answers.push(reply === null ? null : [reply.status, reply.text, reply.headers.get('date')]);
  }
  return JSON.stringify(answers);
}
