/** The face against Alpaca's published samples: same fields, same types, and the rules of paging and refusing. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { keysOf, read, start, type Play, type Row } from './play.ts';

function sample(name: string): unknown {
  return JSON.parse(readFileSync(new URL(`../samples/alpaca/${name}.json`, import.meta.url), 'utf8'));
}

/** A value's shape: its field names with the JSON types under them. */
function shapeOf(value: unknown): unknown {
  if (value === null) return 'null';
  if (Array.isArray(value)) return value.length === 0 ? [] : [shapeOf(value[0])];
  if (typeof value !== 'object') return typeof value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, shapeOf(one)]));
}

const world = (): Promise<Play> => start({ scenario: 'default' });

describe('same shapes as the samples', () => {
  it('account and configurations', async () => {
    await using play = await world();
    expect(shapeOf((await play.get('/v2/account')).body)).toEqual(shapeOf(sample('account')));
    expect((await play.get('/v2/account/configurations')).body).toEqual(sample('account_configurations'));
  });

  it('positions: stocks, options long and short, coins without a slash', async () => {
    await using play = await world();
    const rows = await play.rows('/v2/positions');
    const shape = shapeOf((sample('positions') as Row[])[0]);
    for (const row of rows) expect(shapeOf(row)).toEqual(shape);
    expect(new Set(rows.map((row) => row['asset_class']))).toEqual(
      new Set(['us_equity', 'us_option', 'crypto']),
    );
    expect(rows.some((row) => row['side'] === 'short' && String(row['qty']).startsWith('-'))).toBe(true);
    expect((await play.get('/v2/positions/BTCUSD')).body).toMatchObject({
      symbol: 'BTCUSD',
      exchange: 'CRYPTO',
    });
    expect((await play.get('/v2/positions/BTC%2FUSD')).status).toBe(404);
    expect((await play.get('/v2/positions/NOPE')).body).toEqual({
      code: 40410000,
      message: 'position does not exist',
    });
  });

  it('orders: flat, nested, canceled with fills, resting, multi-leg', async () => {
    await using play = await world();
    const nested = await play.rows('/v2/orders?status=all&nested=True&limit=500');
    const flat = await play.rows('/v2/orders?status=all&limit=500');
    const keys = (rows: Row[], chosen: (row: Row) => boolean): string[] =>
      Object.keys(rows.find(chosen)!).sort();
    const samples = sample('orders_nested_all') as Row[];
    const parent = (row: Row): boolean => row['order_class'] === 'mleg' && row['symbol'] === '';
    const stock = (row: Row): boolean => row['asset_class'] === 'us_equity';
    expect(keys(nested, parent)).toEqual(keys(samples, parent));
    expect(keys(nested, stock)).toEqual(keys(samples, stock));
    const leg = (nested.find(parent)!['legs'] as Row[])[0]!;
    const sampleLeg = (samples.find(parent)!['legs'] as Row[])[0]!;
    expect(shapeOf(leg)).toEqual(shapeOf(sampleLeg));
    expect(flat.length).toBe(nested.length + 2);
    expect(flat.every((row) => row['legs'] === null)).toBe(true);
    expect(nested.find((row) => row['status'] === 'canceled')).toMatchObject({ filled_qty: '40', qty: '50' });
    expect(String(nested[0]!['submitted_at'])).toMatch(/\.\d{9}Z$/);
  });

  it('activities: every type of the samples has the fields it has there', async () => {
    await using play = await world();
    const fields = (rows: Row[]): Map<string, string> =>
      new Map(rows.map((row) => [String(row['activity_type']), Object.keys(row).sort().join(' ')]));
    const ours = fields(await play.rows('/v2/account/activities'));
    for (const [type, names] of fields(sample('activities') as Row[])) {
      // The sample's dividend belongs to a group, which ours has none to belong to.
      const expected = type === 'DIV' ? names.replace(' group_id', '') : names;
      expect(`${type}: ${ours.get(type)}`).toBe(`${type}: ${expected}`);
    }
  });

  it('ids begin with New York time for fills, with the date and zeros for the rest', async () => {
    await using play = await world();
    for (const row of await play.rows('/v2/account/activities')) {
      const prefix = String(row['id']).split('::')[0]!;
      if (row['activity_type'] === 'FILL') {
        const local = new Date(String(row['transaction_time'])).toLocaleString('sv-SE', {
          timeZone: 'America/New_York',
        });
        expect(prefix.slice(0, 14)).toBe(local.replace(/\D/g, ''));
      } else expect(prefix).toBe(`${String(row['date']).replaceAll('-', '')}000000000`);
    }
  });

  it('portfolio history, clock, calendar', async () => {
    await using play = await world();
    const history = (
      await play.get('/v2/account/portfolio/history?period=1M&timeframe=1D&cashflow_types=ALL')
    ).body as Row;
    const expected = sample('portfolio_history_1D') as Row;
    expect(Object.keys(history).sort()).toEqual(Object.keys(expected).sort());
    const lengths = ['timestamp', 'equity', 'profit_loss', 'profit_loss_pct'].map(
      (name) => (history[name] as unknown[]).length,
    );
    expect(new Set(lengths).size).toBe(1);
    expect((history['equity'] as unknown[]).every((value) => typeof value === 'number')).toBe(true);
    expect((await play.get('/v2/clock')).body).toEqual({
      timestamp: '2025-08-21T12:00:00-04:00',
      is_open: true,
      next_open: '2025-08-22T09:30:00-04:00',
      next_close: '2025-08-21T16:00:00-04:00',
    });
    const calendar = await play.get('/v2/calendar?start=2025-08-01&end=2025-08-21');
    expect(calendar.body).toEqual(sample('calendar'));
  });

  it('assets, contracts and market data', async () => {
    await using play = await world();
    const assets = sample('assets') as Row[];
    expect(shapeOf((await play.get('/v2/assets/AAPL')).body)).toEqual(shapeOf(assets[0]));
    expect((await play.get('/v2/assets/BTC%2FUSD')).body).toMatchObject({
      class: 'crypto',
      symbol: 'BTC/USD',
    });
    const contracts = (await play.get('/v2/options/contracts?expiration_date_lte=2030-01-01')).body as Row;
    expect(shapeOf(contracts)).toEqual(shapeOf(sample('options_contracts')));
    const options = (await play.rows('/v2/positions'))
      .filter((row) => row['asset_class'] === 'us_option')
      .map((row) => row['symbol']);
    const snapshots = (
      await play.data(`/v1beta1/options/snapshots?symbols=${options.join(',')},SPY300118C09990000`)
    ).body as Row;
    const all = snapshots['snapshots'] as Record<string, Row>;
    const expected = (sample('option_snapshots') as { snapshots: Record<string, Row> }).snapshots;
    expect(shapeOf(Object.values(all)[0])).toEqual(shapeOf(Object.values(expected)[0]));
    expect(Object.keys(all)).toEqual([...options, 'SPY300118C09990000']);
    const stocks = (await play.data('/v2/stocks/snapshots?symbols=AAPL,NOPE1')).body as Row;
    expect(shapeOf(stocks['AAPL'])).toEqual(shapeOf((sample('stock_snapshots') as Row)['AAPL']));
    expect(Object.keys(stocks)).toEqual(['AAPL']);
    const coins = (await play.data('/v1beta3/crypto/us/snapshots?symbols=BTC/USD')).body as {
      snapshots: Row;
    };
    expect(Object.keys(coins.snapshots)).toEqual(['BTC/USD']);
  });

  it('positions, cash and equity add up', async () => {
    await using play = await world();
    const account = (await play.get('/v2/account')).body as Record<string, string>;
    // Whole ten-thousandths: sums in integers stay exact.
    const units = (text: unknown): bigint => {
      const [whole = '0', fraction = ''] = String(text).split('.');
      return BigInt(whole + fraction.padEnd(12, '0'));
    };
    const value = (await play.rows('/v2/positions')).reduce(
      (sum, row) => sum + units(row['market_value']),
      0n,
    );
    const difference = units(account['equity']) - units(account['cash']) - value;
    expect(difference < 10n ** 8n && difference > -(10n ** 8n)).toBe(true); // equity is shown with four decimals
    expect(play.truth().balances).toEqual({
      cash: account['cash'],
      equity: account['equity'],
      buyingPower: account['buying_power'],
    });
  });
});

describe('paging and filters of activities', () => {
  it('page in both directions to exhaustion, each row once', async () => {
    await using play = await world();
    const all = await play.rows('/v2/account/activities');
    for (const direction of ['desc', 'asc']) {
      const seen: unknown[] = [];
      for (let token = ''; ; token = String(seen.at(-1))) {
        const page = await play.rows(
          `/v2/account/activities?direction=${direction}&page_size=7&page_token=${token}`,
        );
        seen.push(...page.map((row) => row['id']));
        if (page.length < 7) break;
      }
      const ids = all.map((row) => row['id']);
      expect(seen).toEqual(direction === 'desc' ? ids : ids.reverse());
    }
  });

  it('filter by created time, day, type, category and order', async () => {
    await using play = await world();
    const all = await play.rows('/v2/account/activities');
    const expired = all.find((row) => row['activity_type'] === 'OPEXP')!;
    const day = String(expired['created_at']).slice(0, 10);
    expect(day > String(expired['date'])).toBe(true);
    const ids = async (query: string): Promise<unknown[]> =>
      (await play.rows(`/v2/account/activities${query}`)).map((row) => row['id']);
    expect(await ids(`?date=${day}`)).toContain(expired['id']);
    expect(await ids(`?date=${String(expired['date'])}`)).not.toContain(expired['id']);
    expect(await ids(`?after=${day}`)).toContain(expired['id']);
    expect(await ids(`?until=${day}`)).not.toContain(expired['id']);
    expect(await ids('?activity_types=OPEXP,SPLIT')).toHaveLength(3);
    expect(await ids('/OPEXP')).toEqual([expired['id']]);
    const trades = await play.rows('/v2/account/activities?category=trade_activity');
    expect(new Set(trades.map((row) => row['activity_type']))).toEqual(new Set(['FILL']));
    const partial = trades.filter((row) => row['type'] === 'partial_fill');
    expect(await ids(`?order_id=${String(partial[0]!['order_id'])}`)).toHaveLength(3);
    for (const [query, status] of [
      ['/FFFFF', 422],
      ['?activity_types=NOPE', 422],
      ['?page_size=101', 422],
      ['?page_size=0', 422],
      ['?date=2025-08-01&after=2025-08-01', 422],
      ['?category=other', 422],
      ['?direction=up', 422],
    ] as const) {
      expect((await play.get(`/v2/account/activities${query}`)).status, query).toBe(status);
    }
  });

  it('orders page by id and by time', async () => {
    await using play = await world();
    const all = (await play.rows('/v2/orders?status=all&direction=asc&nested=true')).map((row) => row['id']);
    const after = await play.rows(
      `/v2/orders?status=all&direction=asc&nested=true&limit=2&after_order_id=${String(all[3])}`,
    );
    expect(after.map((row) => row['id'])).toEqual(all.slice(4, 6));
    expect((await play.get(`/v2/orders?after_order_id=${String(all[3])}&after=2025-01-01`)).status).toBe(422);
    expect(await play.rows('/v2/orders?status=all&symbols=BTCUSD')).toHaveLength(1);
    expect(await play.rows('/v2/orders?status=all&asset_class=us_option&symbols=QQQ&nested=1')).toHaveLength(
      1,
    );
    const byClient = await play.get('/v2/orders:by_client_order_id?client_order_id=auto-aapl-1');
    expect(byClient.body).toMatchObject({ id: all[0], symbol: 'AAPL' });
    expect((await play.get(`/v2/orders/${String(all[0])}?nested=t`)).body).toMatchObject({ id: all[0] });
  });
});

describe('access', () => {
  it('knows headers, Basic and Bearer, and keeps paper and live apart', async () => {
    await using play = await world();
    const url = `${play.paper.tradingUrl}/v2/account`;
    const basic = Buffer.from(`${play.paper.keyId}:${play.paper.secretKey}`).toString('base64');
    expect((await read(url, { authorization: `Basic ${basic}` })).status).toBe(200);
    expect((await read(url, { authorization: `Bearer ${play.paper.oauthToken}` })).status).toBe(200);
    expect(await read(url, { authorization: 'Bearer wrong' })).toMatchObject({
      status: 401,
      body: { message: 'unauthorized.' },
    });
    expect(await read(url, {})).toMatchObject({ status: 403, body: { message: 'forbidden.' } });
    expect((await read(url, keysOf(play.live))).status).toBe(401);
    expect((await read(`${play.live.tradingUrl}/v2/account`, keysOf(play.live))).body).not.toMatchObject({
      account_number: expect.stringMatching(/^PA/) as string,
    });
    expect(
      (await read(`${play.paper.dataUrl}/v2/stocks/snapshots?symbols=AAPL`, keysOf(play.live))).status,
    ).toBe(200);
  });

  it('refuses to trade and writes the attempt down', async () => {
    await using play = await world();
    const attempt = await read(`${play.paper.tradingUrl}/v2/orders`, keysOf(play.paper), {
      method: 'POST',
      body: JSON.stringify({ symbol: 'AAPL', qty: '1', side: 'buy', type: 'market', time_in_force: 'day' }),
    });
    expect(attempt).toMatchObject({ status: 403, body: { code: 40310000 } });
    expect(
      (await read(`${play.paper.tradingUrl}/v2/orders`, keysOf(play.paper), { method: 'DELETE' })).status,
    ).toBe(403);
    const log = play.sandbox.control('GET', '/control/requests').body as Row[];
    expect(log.map((request) => request['method'])).toEqual(['POST', 'DELETE']);
  });

  it('sends limit headers and a request id on every answer', async () => {
    await using play = await world();
    for (const path of ['/v2/account', '/v2/nothing']) {
      const { headers } = await play.get(path);
      expect(headers.get('x-ratelimit-limit')).toBe('200');
      expect(headers.get('x-ratelimit-reset')).toMatch(/^\d{10}$/);
      expect(headers.get('x-request-id')).toMatch(/^[0-9a-f]{32}$/);
    }
    expect((await play.get('/v2/nothing')).status).toBe(404);
  });
});
