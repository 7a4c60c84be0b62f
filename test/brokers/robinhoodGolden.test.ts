/** The sample accounts of robinhood.md section 9, read over real HTTP, must give the totals written there. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type RobinhoodClient } from '../../src/brokers/robinhood/client.ts';
import { wireTaxLot } from '../../src/brokers/robinhood/wire.ts';
import { wireAggregatePosition, wireOptionChain } from '../../src/brokers/robinhood/wireOptions.ts';
import { type Activity } from '../../src/domain/activity.ts';
import { Decimal } from '../../src/domain/decimal.ts';
import { parseExactJson } from '../../src/domain/json.ts';
import { parseInstant } from '../../src/domain/time.ts';
import { rowsOf } from './replay.ts';
import {
  IRA,
  type List,
  openRobinhood,
  type RobinhoodReplay,
  sampleText,
  startRobinhood,
} from './robinhoodReplay.ts';

let replay: RobinhoodReplay;
let margin: RobinhoodClient;
let ira: RobinhoodClient;
beforeAll(async () => {
  replay = await startRobinhood();
  margin = openRobinhood(replay).client;
  ira = openRobinhood(replay, { account: IRA }).client;
});
afterAll(() => replay.close());

/** Golden text: one record per line, so that a difference is one line. */
function lines(rows: readonly unknown[]): string {
  return `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`;
}
const golden = (name: string): string => `../golden/robinhood/${name}`;

async function everyActivity(client: RobinhoodClient): Promise<readonly Activity[]> {
  const read = await client.readActivities({ kind: 'history', resumeAfter: null, pagesMax: 50 });
  expect(read.evidence.quarantined).toEqual([]);
  return rowsOf(read).activities;
}

/** What moved the cash: amounts less fees. */
function cashOf(rows: readonly Activity[]): string {
  return Decimal.sum(rows.map((row) => row.amount!.minus(row.fees ?? Decimal.zero))).toString();
}

function total(values: readonly (Decimal | null)[]): string {
  return Decimal.sum(values.map((value) => value ?? Decimal.zero)).toString();
}

describe('the margin account', () => {
  test('balances: cash and the equity that the app shows', async () => {
    const read = await margin.readBalances();
    const answer = rowsOf(read);
    expect(read.evidence.quarantined).toEqual([]);
    expect(answer.balances.map((row) => [row.cash?.toString(), row.equity?.toString()])).toEqual([
      ['4529.5', '29976.34'],
    ]);
    expect(answer.accountLast4).toBe('0001');
    expect(answer.restrictions).toEqual([]);
    await expect(lines([answer])).toMatchFileSnapshot(golden('balances.txt'));
  });

  test('positions: stocks 17568.84048, options 2978, coins 4900', async () => {
    const read = await margin.readPositions();
    const rows = rowsOf(read);
    expect(read.evidence.quarantined).toEqual([]);
    const valueOf = (kind: string): string =>
      total(
        rows
          .filter((row) => row.instrument.kind === kind)
          .map((row) => row.quantity.times(row.mark!).times(row.instrument.multiplier)),
      );
    expect([valueOf('equity'), valueOf('option'), valueOf('crypto')]).toEqual([
      '17568.84048',
      '2978',
      '4900',
    ]);
    const cost = (kind: string): string =>
      Decimal.sum(
        rows
          .filter((row) => row.instrument.kind === kind)
          .map((row) => row.quantity.times(row.averageCost!).times(row.instrument.multiplier)),
      )
        .round(6)
        .toString();
    // Bought: AAPL 7200, MSFT 4200, F 1125, VTI 1479 and 7.31 reinvested; options 2850 - 45 - 620 + 395.
    expect([cost('equity'), cost('option'), cost('crypto')]).toEqual(['14011.31', '2580', '3000']);
    await expect(lines(rows.map((row) => ({ ...row, markAsOf: null })))).toMatchFileSnapshot(
      golden('positions.txt'),
    );
  });

  test('Greeks are of what is held: the signs of shorts turn, absent ones are no Greeks', async () => {
    const rows = rowsOf(await margin.readPositions());
    const options = rows.map((row) => row.instrument).filter((one) => one.kind === 'option');
    const quotes = rowsOf(await margin.readQuotes(options));
    expect(
      quotes.map(({ instrument, greeks }) => [
        instrument.symbol,
        greeks?.delta?.toString(),
        greeks?.theta?.sign(),
        greeks?.iv?.sign(),
      ]),
    ).toEqual([
      ['AAPL261016C00220000', '0.736861', -1, 1],
      ['F261016C00013000', '-0.364757', 1, 1],
      ['MSFT261016P00480000', '0.181304', 1, 1],
      ['MSFT261016P00470000', '-0.123753', -1, 1],
    ]);
  });

  test('activities: their cash is the account, line by line', async () => {
    const activities = await everyActivity(margin);
    expect(cashOf(activities)).toBe('4529.5');
    const cash = (chosen: (row: Activity) => boolean): string => cashOf(activities.filter(chosen));
    const kind = (word: Activity['kind']): string => cash((row) => row.kind === word);
    expect([kind('deposit'), kind('withdrawal')]).toEqual(['29000', '-5000']);
    const fills = (type: string, side: string): string =>
      cash((row) => row.kind === 'fill' && row.brokerType === type && row.side === side);
    // 15204 of orders and 7.31 reinvested; NVDA 1314.99 and KO 6209.98.
    expect([fills('order', 'buy'), fills('order', 'sell')]).toEqual(['-15211.31', '7524.97']);
    const order = (symbol: string): string =>
      cash((row) => row.brokerType === 'option_order' && row.instrument!.symbol.startsWith(symbol));
    expect(['AAPL', 'F2', 'MSFT', 'TSLA', 'KO'].map(order)).toEqual([
      '-2850.08',
      '44.96',
      '224.92',
      '-310.04',
      '84.96',
    ]);
    expect(kind('option_delivery')).toBe('-6000');
    expect(fills('crypto_order', 'buy')).toBe('-3000');
    expect([kind('dividend'), kind('fee')]).toEqual(['17.71', '-5']);
    const interest = (type: string): string => cash((row) => row.brokerType.startsWith(type));
    expect([interest('sweep'), interest('stock_loan')]).toEqual(['7.99', '0.42']);
    await expect(lines(activities)).toMatchFileSnapshot(golden('activities.txt'));
  });

  test('activities: their quantities are the positions', async () => {
    const held = new Map<string, Decimal>();
    for (const { instrument, quantity } of await everyActivity(margin)) {
      if (instrument !== null)
        held.set(instrument.id, (held.get(instrument.id) ?? Decimal.zero).plus(quantity));
    }
    const open = [...held].filter(([, quantity]) => !quantity.isZero());
    const positions = rowsOf(await margin.readPositions());
    expect(open.map(([id, quantity]) => `${id} ${quantity.toString()}`).sort()).toEqual(
      positions.map((row) => `${row.instrument.id} ${row.quantity.toString()}`).sort(),
    );
  });

  test('an assignment is one event: the contract comes back, the shares come at the strike', async () => {
    const rows = (await everyActivity(margin)).filter(
      (row) => row.groupId?.startsWith('event:5f8c15ea') === true,
    );
    expect(
      rows.map((row) => [
        row.kind,
        row.instrument?.symbol,
        row.quantity.toString(),
        row.price?.toString(),
        row.amount?.toString(),
      ]),
    ).toEqual([
      ['option_assignment', 'KO260717P00060000', '1', undefined, '0'],
      ['option_delivery', 'KO', '100', '60', '-6000'],
    ]);
  });

  test('an expiry takes the contract away on the side it was held, without a call for each event', async () => {
    const before = replay.requests.length;
    const expiry = (await everyActivity(openRobinhood(replay).client)).find(
      (row) => row.kind === 'option_expiry',
    );
    expect([expiry?.instrument?.symbol, expiry?.quantity.toString()]).toEqual(['TSLA260821P00250000', '-1']);
    const asked = replay.requests.slice(before).map((request) => request.path);
    expect(asked.filter((path) => path === '/api/options/positions/')).toHaveLength(1);
  });

  test('a cancelled order keeps what was executed of it; identities are those of the design', async () => {
    const activities = await everyActivity(margin);
    const ids = activities.map((row) => row.rootId);
    expect(new Set(ids).size).toBe(ids.length);
    const cancelled = activities.find((row) => row.orderId === 'a92407a8-1e1f-4859-ab84-bc9438dc0112');
    expect([cancelled?.rootId, cancelled?.quantity.toString()]).toEqual([
      '2a75be86-aa3c-49d5-baef-8b662aa4b436',
      '20',
    ]);
    for (const id of [
      'event:9e5c8e37-9833-4e24-87c3-c5ee17cd8a99:option',
      'event:5f8c15ea-897a-4289-bce3-3087d616fd28:56fcf497-9b7b-482a-ae31-9cdfd2d3e757',
      'dividend:f4abddc0-3e4e-4a7d-a5bb-e8300b5db10d',
      'ach:3c74e61d-4f16-42e6-8f92-8ddcdf6dfdef',
      'sweep:a40cfb34-0c43-424b-b71d-e6c130fd084d',
      'stock_loan:7490dff2-05e5-4dc0-9e65-8e117b2ac9ed',
      'subscription_fee:8b6d4911-260c-4d4f-962c-a1a22e748cc8',
    ])
      expect(ids).toContain(id);
  });

  test('a window is the same rows as the history, whichever way the pages are cut', async () => {
    const key = (rows: readonly unknown[]): string[] => rows.map((row) => JSON.stringify(row)).sort();
    const whole = key(await everyActivity(margin));
    const since = await margin.readActivities({ kind: 'since', after: parseInstant('2026-01-01T00:00:00Z') });
    expect(key(rowsOf(since).activities)).toEqual(whole);
    replay.pageRows = 2;
    try {
      const found: Activity[] = [];
      let resumeAfter: string | null = null;
      let reads = 0;
      do {
        const read: Awaited<ReturnType<RobinhoodClient['readActivities']>> = await margin.readActivities({
          kind: 'history',
          resumeAfter,
          pagesMax: 2,
        });
        const rows = rowsOf(read);
        found.push(...rows.activities);
        resumeAfter = rows.resumeAfter;
        // It is stored: no account number, no address.
        expect(resumeAfter ?? '').not.toMatch(/5QA10001|http/);
        reads += 1;
      } while (resumeAfter !== null);
      expect(reads).toBeGreaterThan(4);
      expect(key(found)).toEqual(whole);
    } finally {
      replay.pageRows = null;
    }
  });

  test('who placed a trade: known from the lists, an unknown order is answered with nulls', async () => {
    await everyActivity(margin);
    const before = replay.requests.length;
    const known = rowsOf(await margin.readOrders(['88efc1ba-9cd2-47f8-8fc5-4d6fbc318d2c']));
    expect(known.map((row) => row.clientOrderId)).toEqual(['6aba2a66-a308-46cb-a96f-668acc472e0f']);
    // Robinhood's own order has no name but its id, and is known all the same.
    const reinvested = 'a99efe6a-f121-453a-9f3e-b78d540912a3';
    expect(rowsOf(await margin.readOrders([reinvested]))[0]?.clientOrderId).toBe(reinvested);
    expect(replay.requests.length).toBe(before);
    expect(rowsOf(await margin.readOrders(['00000000-0000-0000-0000-000000000000']))).toEqual([
      { orderId: '00000000-0000-0000-0000-000000000000', clientOrderId: null, parentOrderId: null },
    ]);
  });
});

describe('the Roth IRA', () => {
  test('is found, read and adds up: a split, a contribution that only the newer list knows', async () => {
    const found = rowsOf(await ira.findAccounts());
    expect(found.map((row) => [row.last4, row.type, row.isDefault])).toEqual([
      ['0001', 'individual', true],
      ['0002', 'ira_roth', false],
    ]);
    const answer = rowsOf(await ira.readBalances());
    expect(answer.balances.map((row) => [row.cash?.toString(), row.equity?.toString()])).toEqual([
      ['682', '1007.2'],
    ]);
    const positions = rowsOf(await ira.readPositions());
    expect(positions.map((row) => [row.instrument.symbol, row.quantity.toString()])).toEqual([
      ['SCHD', '12'],
    ]);
    const activities = await everyActivity(ira);
    expect(cashOf(activities)).toBe('682');
    expect(activities.map((row) => [row.kind, row.quantity.toString(), row.amount?.toString()])).toEqual([
      ['fill', '4', '-318'],
      ['split', '-4', '0'],
      ['split', '12', '0'],
      ['deposit', '0', '1000'],
    ]);
    await expect(lines(activities)).toMatchFileSnapshot(golden('activitiesIra.txt'));
  });
});

describe('samples of addresses that are not called', () => {
  const rows = (name: string): readonly unknown[] =>
    (parseExactJson(sampleText(name)) as unknown as List).results;

  test('tax lots: 7200 of AAPL, as the position says', () => {
    const lots = rows('tax_lots_open_aapl').map((row) => wireTaxLot.parse(row));
    expect(total(lots.map((lot) => lot.tax_cost_basis))).toBe('7200');
    expect(total(lots.map((lot) => lot.quantity))).toBe('40');
  });

  test('strategies and chains', () => {
    const groups = rows('options_aggregate_positions').map((row) => wireAggregatePosition.parse(row));
    expect(groups.map((group) => [group.strategy, group.direction])).toEqual([
      ['long_call', 'debit'],
      ['short_call', 'credit'],
      ['short_put_spread', 'credit'],
    ]);
    for (const row of rows('options_chains')) {
      expect(wireOptionChain.parse(row).trade_value_multiplier?.toString()).toBe('100');
    }
  });
});
