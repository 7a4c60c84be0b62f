/** Calls of a cycle: an account of 15 stocks and 8 options in at most 9, with coins in 12 (robinhood.md 10). */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RobinhoodClient } from '../../src/brokers/robinhood/client.ts';
import { addMs, instantFromMs, now } from '../../src/domain/time.ts';
import { systemClock } from '../../src/platform.ts';
import { turningClock } from '../egress/clocks.ts';
import { rowsOf } from './replay.ts';
import {
  IRA,
  type List,
  MARGIN,
  openRobinhood,
  type RobinhoodReplay,
  type Row,
  sampleOf,
  startRobinhood,
} from './robinhoodReplay.ts';

let replay: RobinhoodReplay;
beforeAll(async () => {
  replay = await startRobinhood();
});
afterEach(() => replay.reset());
afterAll(() => replay.close());

function uuid(kind: number, number: number): string {
  return `${String(kind).padStart(8, '0')}-0000-4000-8000-${String(number).padStart(12, '0')}`;
}

/** 15 stocks S1..S15 and 8 options of them, each made of a sample row. */
function fillAccount(): void {
  const first = (name: string): Row => sampleOf<List>(name).results[0]!;
  const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
  const stock = (name: string, number: number): Row => ({
    ...first(name),
    instrument_id: uuid(1, number),
    instrument: `https://api.robinhood.com/instruments/${uuid(1, number)}/`,
    symbol: `S${String.fromCharCode(64 + number)}`,
  });
  const contract = (name: string, number: number): Row => ({
    ...first(name),
    option_id: uuid(2, number),
    option: `https://api.robinhood.com/options/instruments/${uuid(2, number)}/`,
    instrument_id: uuid(2, number),
  });
  replay.rows(
    '/api/positions/',
    numbers(15).map((number) => stock('positions', number)),
  );
  replay.rows('/api/instruments/', [
    ...sampleOf<List>('instruments').results,
    ...numbers(15).map((number) => {
      const { instrument_id: _id, ...row } = stock('instruments', number);
      return { ...row, id: uuid(1, number) };
    }),
  ]);
  replay.rows(
    '/api/marketdata/quotes/',
    numbers(15).map((number) => stock('quotes', number)),
  );
  replay.rows(
    '/api/options/positions/',
    numbers(8).map((number) => ({ ...contract('options_positions', number), id: uuid(3, number) })),
  );
  replay.rows('/api/options/instruments/', [
    ...sampleOf<List>('options_instruments').results,
    ...numbers(8).map((number) => {
      const { instrument_id: _id, ...row } = contract('options_instruments', number);
      return { ...row, id: uuid(2, number), strike_price: `${200 + number}.0000` };
    }),
  ]);
  replay.rows(
    '/api/marketdata/options/',
    numbers(8).map((number) => contract('marketdata_options', number)),
  );
}

/** What a run reads, in its order. Answers the calls it took, as paths. */
async function cycle(client: RobinhoodClient, stocks: number, options: number): Promise<readonly string[]> {
  const before = replay.requests.length;
  rowsOf(await client.readBalances());
  const positions = rowsOf(await client.readPositions());
  const after = addMs(now(systemClock()), -86_400_000);
  rowsOf(await client.readActivities({ kind: 'since', after }));
  const contracts = positions.map((row) => row.instrument).filter((one) => one.kind === 'option');
  const quotes = rowsOf(await client.readQuotes(contracts));
  expect(positions.filter((row) => row.instrument.kind === 'equity')).toHaveLength(stocks);
  expect(quotes.filter((quote) => quote.greeks !== null)).toHaveLength(options);
  return replay.requests.slice(before).map((request) => request.path);
}

test('15 stocks and 8 options, no coins: 9 calls', async () => {
  fillAccount();
  const unified = sampleOf<List>('unified').results.map((row) => ({ ...row, crypto: null }));
  replay.rows('/bonfire/accounts/unified/', unified);
  const { client } = openRobinhood(replay);
  const first = await cycle(client, 15, 8);
  const rows = rowsOf(await client.readPositions());
  expect(rows.every((row) => row.mark !== null)).toBe(true);
  expect(await cycle(client, 15, 8)).toEqual([
    '/api/accounts/',
    `/api/portfolios/${MARGIN}/`,
    '/bonfire/accounts/unified/',
    '/api/positions/',
    '/api/options/positions/',
    '/api/marketdata/quotes/',
    '/api/marketdata/options/',
    '/api/orders/',
    '/api/options/orders/',
  ]);
  // The first cycle also asks what the ids mean, once for all stocks and once for all contracts, and the slow lists.
  expect(first.filter((path) => path === '/api/options/instruments/').length).toBeLessThanOrEqual(2);
  expect(first.length).toBeLessThanOrEqual(30);
});

test('with coins: 12 calls', async () => {
  fillAccount();
  const { client } = openRobinhood(replay);
  await cycle(client, 15, 8);
  const calls = await cycle(client, 15, 8);
  expect(calls).toHaveLength(12);
  expect(calls).toEqual(
    expect.arrayContaining(['/nummus/holdings/', '/api/marketdata/forex/quotes/', '/nummus/orders/']),
  );
});

test('an account that the list hides costs no call more', async () => {
  replay.rows(
    '/api/accounts/',
    sampleOf<List>('accounts').results.filter((row) => row?.['account_number'] === MARGIN),
  );
  const { client } = openRobinhood(replay, { account: IRA });
  await cycle(client, 1, 0);
  const calls = await cycle(client, 1, 0);
  expect(calls.slice(0, 3)).toEqual([
    `/api/accounts/${IRA}/`,
    `/api/portfolios/${IRA}/`,
    '/bonfire/accounts/unified/',
  ]);
  expect(calls.length).toBeLessThanOrEqual(9);
});

describe('lists that seldom change', () => {
  const MINUTE = 60_000;
  const clock = turningClock();
  let client: RobinhoodClient;
  beforeEach(() => {
    client = openRobinhood(replay, { clock }).client;
  });

  /** A run 20 minutes after the one before; answers how often the dividends were asked for, and the activities. */
  const run = async (minutes = 20): Promise<{ asked: number; ids: readonly string[] }> => {
    clock.advance(minutes * MINUTE);
    const before = replay.requests.length;
    rowsOf(await client.readBalances());
    rowsOf(await client.readPositions());
    const { activities } = rowsOf(await client.readActivities({ kind: 'since', after: instantFromMs(0) }));
    const asked = replay.requests.slice(before).filter((request) => request.path === '/api/dividends/');
    return { asked: asked.length, ids: activities.map((row) => row.rootId) };
  };
  const setCash = (cash: string): void =>
    replay.rows(
      '/api/accounts/',
      sampleOf<List>('accounts').results.map((row) => ({ ...row, portfolio_cash: cash })),
    );
  const PENDING = '404e9fbc-745e-4447-b45c-3acee20cace2';
  const payDividend = (): void =>
    replay.rows(
      '/api/dividends/',
      sampleOf<List>('dividends').results.map((row) =>
        row?.['id'] === PENDING ? { ...row, state: 'paid', paid_at: '2026-09-17T04:02:11.000000Z' } : row,
      ),
    );

  test('are read again after six hours, and in between their rows stand in', async () => {
    const first = await run();
    const second = await run();
    expect([first.asked, second.asked]).toEqual([1, 0]);
    expect(second.ids.toSorted()).toEqual(first.ids.toSorted());
    expect((await run(5 * 60)).asked).toBe(0);
    expect((await run(60)).asked).toBe(1);
  });

  test('are read at once when cash moves that no trade explains', async () => {
    await run();
    setCash('4538.2200');
    payDividend();
    const { asked, ids } = await run();
    expect(asked).toBe(1);
    expect(ids).toContain(`dividend:${PENDING}`);
    // Now it is explained.
    expect((await run()).asked).toBe(0);
  });

  test('are asked again every quarter of an hour while it stays unexplained, for six hours', async () => {
    await run();
    setCash('4538.2200');
    expect([(await run()).asked, (await run(5)).asked, (await run(10)).asked]).toEqual([1, 0, 1]);
    await run(6 * 60);
    expect((await run()).asked).toBe(0);
  });

  test('are left alone when a trade explains cash and position', async () => {
    await run();
    const [order] = sampleOf<List>('orders').results.filter((row) => row?.['state'] === 'cancelled') as [Row];
    const [execution] = order['executions'] as [Row];
    const bought = { ...order, id: uuid(7, 1), executions: [{ ...execution, id: uuid(8, 1) }] };
    replay.rows('/api/orders/', [bought, ...sampleOf<List>('orders').results]);
    replay.rows(
      '/api/positions/',
      sampleOf<List>('positions_all_rows').results.map((row) =>
        row?.['symbol'] === 'F' ? { ...row, quantity: '120.00000000' } : row,
      ),
    );
    setCash('4304.5000');
    expect((await run()).asked).toBe(0);
    setCash('4304.4000');
    expect((await run()).asked).toBe(1);
  });
});

test('every request is a GET that the table of requests knows, and shows no account number', async () => {
  const { client, sent } = openRobinhood(replay);
  await client.findAccounts();
  await cycle(client, 4, 4);
  expect(new Set(replay.requests.map((request) => request.method))).toEqual(new Set(['GET']));
  expect(sent.length).toBe(replay.requests.length);
  expect(JSON.stringify(sent)).not.toMatch(new RegExp(`${MARGIN}|${IRA}`));
});
