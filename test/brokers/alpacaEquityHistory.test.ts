/** Equity of past days over a real socket: the published sample, and every way such an answer is known to be odd. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type DayRange, type EquityDay } from '../../src/brokers/broker.ts';
import { parseTradeDate } from '../../src/domain/time.ts';
import {
  openReplayed,
  type Opened,
  type Replay,
  rowsOf,
  sendJson,
  sampleJson,
  startReplay,
} from './replay.ts';

const PATH = '/v2/account/portfolio/history';
const range = (from: string, to: string): DayRange => ({
  from: parseTradeDate(from),
  to: parseTradeDate(to),
});
const AUGUST = range('2025-08-01', '2025-08-21');

let replay: Replay;
let opened: Opened;
beforeAll(async () => {
  replay = await startReplay();
  opened = openReplayed(replay);
});
beforeEach(() => replay.answer(PATH, null));
afterAll(async () => {
  await opened.broker.close();
  await replay.close();
});

const read = () => opened.broker.readEquityHistory!(AUGUST);
const days = async (): Promise<readonly EquityDay[]> => rowsOf(await read());
const shown = (rows: readonly EquityDay[]): string[] =>
  rows.map(({ date, equity, profitLoss }) => `${date} ${equity.toString()} ${profitLoss?.toString() ?? '-'}`);

/** An answer of these columns; numbers are written as they stand, so that their digits are on the wire. */
function answer(columns: {
  timestamp: string;
  equity: string;
  profit_loss: string;
  timeframe?: string;
}): void {
  const body =
    `{"timestamp":[${columns.timestamp}],"equity":[${columns.equity}],"profit_loss":[${columns.profit_loss}],` +
    `"profit_loss_pct":[],"base_value":null,"base_value_asof":"0000-00-00","timeframe":"${columns.timeframe ?? '1D'}"}`;
  replay.answer(PATH, (_request, response) => sendJson(response, 200, body));
}

/** 20:00 New York on 2025-08-18, 19, 20. */
const THREE = '1755561600,1755648000,1755734400';

describe('the published sample', () => {
  test('gives a day per point, on its New York date, with the digits of the wire', async () => {
    const rows = shown(await days());
    const sample = sampleJson<{ equity: number[] }>('portfolio_history_1D.json');
    expect(rows).toHaveLength(sample.equity.length);
    expect(rows.slice(0, 2)).toEqual(['2025-08-01 95000 0', '2025-08-04 95055.9 55.9']);
    expect(rows.slice(-2)).toEqual(['2025-08-20 98491.82 -97.18', '2025-08-21 98929.8 437.98']);
  });

  test('is asked for in whole days of New York, in one request', async () => {
    const before = replay.requests.length;
    await days();
    const asked = replay.requests
      .slice(before)
      .map(({ method, url }) => `${method} ${url.pathname} ${url.searchParams}`);
    expect(asked).toEqual([
      'GET /v2/account/portfolio/history timeframe=1D&start=2025-08-01T16%3A00%3A00Z&end=2025-08-22T00%3A00%3A00Z',
    ]);
  });

  test('days outside the range are left out', async () => {
    const rows = rowsOf(await opened.broker.readEquityHistory!(range('2025-08-19', '2025-08-20')));
    expect(shown(rows).map((row) => row.slice(0, 10))).toEqual(['2025-08-19', '2025-08-20']);
  });
});

describe('unknown is absent, never zero', () => {
  test('zeros before funding, and nulls, are no days', async () => {
    answer({ timestamp: THREE, equity: '0,null,100.10', profit_loss: '0,null,100.10' });
    expect(shown(await days())).toEqual(['2025-08-20 100.1 100.1']);
  });

  test('a day without a stated profit has none', async () => {
    answer({ timestamp: THREE, equity: '1,2,3', profit_loss: 'null,null,null' });
    expect(shown(await days())).toEqual(['2025-08-18 1 -', '2025-08-19 2 -', '2025-08-20 3 -']);
  });

  test('empty columns are no days at all', async () => {
    answer({ timestamp: '', equity: '', profit_loss: '' });
    expect(await days()).toEqual([]);
  });

  test('digits beyond a double are kept', async () => {
    answer({ timestamp: '1755561600', equity: '98491.820000000000001', profit_loss: '1e-3' });
    expect(shown(await days())).toEqual(['2025-08-18 98491.820000000000001 0.001']);
  });

  test('points at 09:30, as they stood before 2021, and twice the same day', async () => {
    answer({ timestamp: '1755523800,1755561600', equity: '5,6', profit_loss: '0,1' });
    expect(shown(await days())).toEqual(['2025-08-18 6 1']);
  });
});

describe('an answer that cannot be believed is incomplete', () => {
  test.each([
    ['columns of different length', { timestamp: THREE, equity: '1,2', profit_loss: '1,2,3' }],
    ['another timeframe', { timestamp: THREE, equity: '1,2,3', profit_loss: '1,2,3', timeframe: '15Min' }],
    ['text for a number', { timestamp: THREE, equity: '1,"x",3', profit_loss: '1,2,3' }],
    ['a time in milliseconds', { timestamp: '1755561600000,2,3', equity: '1,2,3', profit_loss: '1,2,3' }],
  ])('%s', async (_what, columns) => {
    answer(columns);
    expect(await read()).toMatchObject({ kind: 'incomplete', reason: 'bad_history' });
  });

  test('an error with status 200, a list, a 422', async () => {
    replay.answer(PATH, (_request, response) => sendJson(response, 200, '{"message":"internal"}'));
    expect(await read()).toMatchObject({ kind: 'incomplete', reason: 'error_object' });
    replay.answer(PATH, (_request, response) => sendJson(response, 200, '[]'));
    expect(await read()).toMatchObject({ kind: 'incomplete', reason: 'bad_history' });
    replay.answer(PATH, (_request, response) =>
      sendJson(response, 422, '{"code":42210000,"message":"invalid timeframe"}'),
    );
    expect(await read()).toMatchObject({ kind: 'incomplete', reason: 'http_422' });
  });
});
