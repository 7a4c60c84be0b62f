/** The sample account of alpaca.md section 10, read over real HTTP, must give the totals written there. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeFrame } from '../../src/brokers/alpaca/stream.ts';
import { mapOrders } from '../../src/brokers/alpaca/map.ts';
import {
  wireAccountConfigurations,
  wireAsset,
  wireOptionContracts,
  wireOrder,
  wirePortfolioHistory,
} from '../../src/brokers/alpaca/wire.ts';
import { Decimal } from '../../src/domain/decimal.ts';
import { equity, option } from '../../src/domain/instrument.ts';
import { parseExactJson } from '../../src/domain/json.ts';
import { parseInstant, parseTradeDate } from '../../src/domain/time.ts';
import { openReplayed, type Opened, type Replay, rowsOf, sample, sampleJson, startReplay } from './replay.ts';

let replay: Replay;
let opened: Opened;
beforeAll(async () => {
  replay = await startReplay();
  opened = openReplayed(replay);
});
afterAll(async () => {
  await opened.broker.close();
  await replay.close();
});

/** Golden text: one record per line, so that a difference is one line. */
function lines(rows: readonly unknown[]): string {
  return `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`;
}
const golden = (name: string): string => `../golden/alpaca/${name}`;

async function everyActivity() {
  return rowsOf(await opened.broker.readActivities({ kind: 'history', resumeAfter: null, pagesMax: 50 }))
    .activities;
}

describe('the sample account', () => {
  test('balances', async () => {
    const answer = rowsOf(await opened.broker.readBalances());
    expect(
      answer.balances.map((row) => [row.currency, row.cash?.toString(), row.equity?.toString()]),
    ).toEqual([['USD', '72357.2', '98929.8']]);
    expect(answer.accountLast4).toBe('EMO1');
    expect(answer.accountFingerprint).toMatch(/^[0-9a-f]{64}$/);
    expect(answer.restrictions).toEqual([]);
    await expect(lines([answer])).toMatchFileSnapshot(golden('balances.txt'));
  });

  test('positions', async () => {
    const read = await opened.broker.readPositions();
    const rows = rowsOf(read);
    expect(read.evidence.quarantined).toEqual([]);
    const market = rows.map((row) => row.marketValue ?? Decimal.zero);
    expect(Decimal.sum(market.filter((value) => value.sign() > 0)).toString()).toBe('27217.6');
    expect(Decimal.sum(market.filter((value) => value.sign() < 0)).toString()).toBe('-645');
    const unrealized = Decimal.sum(rows.map((row) => row.unrealizedPnl ?? Decimal.zero));
    expect(unrealized.toString()).toBe('1444.025');
    for (const row of rows) {
      expect(row.marketValue?.toString()).toBe(
        row.quantity.times(row.mark!).times(row.instrument.multiplier).toString(),
      );
    }
    await expect(lines(rows.map((row) => ({ ...row, markAsOf: null })))).toMatchFileSnapshot(
      golden('positions.txt'),
    );
  });

  test('activities: their amounts sum to the cash, their quantities to the positions', async () => {
    const activities = await everyActivity();
    expect(activities).toHaveLength(sampleJson<unknown[]>('activities.json').length);
    expect(Decimal.sum(activities.map((activity) => activity.amount!)).toString()).toBe('72357.2');
    const held = new Map<string, Decimal>();
    for (const { instrument, quantity } of activities) {
      if (instrument !== null)
        held.set(instrument.id, (held.get(instrument.id) ?? Decimal.zero).plus(quantity));
    }
    const open = [...held].filter(([, quantity]) => !quantity.isZero()).sort();
    const positions = rowsOf(await opened.broker.readPositions());
    expect(open.map(([id, quantity]) => [id, quantity.toString()])).toEqual(
      positions.map((row) => [row.instrument.id as string, row.quantity.toString()]).sort(),
    );
    const flows = activities.filter((activity) => ['deposit', 'cash_transfer'].includes(activity.kind));
    expect(Decimal.sum(flows.map((activity) => activity.amount!)).toString()).toBe('97500');
    await expect(lines(activities)).toMatchFileSnapshot(golden('activities.txt'));
  });

  test('identities are those of the design', async () => {
    const ids = (await everyActivity()).map((activity) => activity.rootId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toContain('FILL:20250821100553694::f5929bd3-a17b-464c-8085-9dc69f77b4c9');
    expect(ids).toContain('SPLIT:20250820000000000::c58e7dea-8779-49e9-91fc-f4ee3087235b:XMPL:-');
    expect(ids).toContain('SPLIT:20250820000000000::f08c9a38-7fe2-4f43-9a79-5996ca0c9177:XMPL:+');
    expect(ids).toContain('JNLC:20250801000000000::e736b766-5753-454b-8e35-4837cc0417d7::+');
  });

  test('a window since an instant is the same rows', async () => {
    const since = await opened.broker.readActivities({
      kind: 'since',
      after: parseInstant('2025-07-01T00:00:00Z'),
    });
    const key = (rows: readonly unknown[]): string[] => rows.map((row) => JSON.stringify(row)).sort();
    expect(key(rowsOf(since).activities)).toEqual(key(await everyActivity()));
  });

  test('orders: flat and nested lists give the same references, legs know their parent', async () => {
    const parse = (name: string) =>
      (parseExactJson(sample(name)) as unknown[]).map((row) => wireOrder.parse(row));
    const byId = (name: string) =>
      mapOrders(parse(name)).toSorted((left, right) => (left.orderId < right.orderId ? -1 : 1));
    expect(byId('orders_flat_all.json')).toEqual(byId('orders_nested_all.json'));
    expect(byId('orders_nested_all.json')).toHaveLength(11);
    const legs = ['9f744cef-f6d5-424e-8751-544fd68aae9c', 'bbddac41-5337-4f30-93ab-117420b9a54d'];
    const references = rowsOf(
      await opened.broker.readOrders([...legs, '9b301e14-8697-44d7-9af8-1e3796d23241']),
    );
    for (const leg of legs) {
      expect(references).toContainEqual({
        orderId: leg,
        clientOrderId: '4379609d-eabd-4dce-9cd2-ebf0c141c2cb',
        parentOrderId: 'bebaa178-97e2-4c29-8fca-1a0d052940fd',
      });
    }
    await expect(lines(byId('orders_nested_all.json'))).toMatchFileSnapshot(golden('orders.txt'));
  });

  test('quotes: the middle for options, missing Greeks are null', async () => {
    const instruments = [
      option('SPY250822C00635000'),
      option('QQQ250919C00580000'),
      option('QQQ250919C00590000'),
      equity('AAPL'),
      equity('NEVER'),
    ];
    const quotes = rowsOf(await opened.broker.readQuotes(instruments));
    expect(
      quotes.map((quote) => [
        quote.instrument.symbol,
        quote.mark?.toString(),
        quote.greeks?.delta?.toString(),
      ]),
    ).toEqual([
      ['SPY250822C00635000', '5.35', '0.63'],
      ['QQQ250919C00580000', '9.8', '0.41'],
      ['QQQ250919C00590000', '6.45', undefined],
      ['AAPL', '226.4', undefined],
    ]);
    await expect(lines(quotes)).toMatchFileSnapshot(golden('quotes.txt'));
  });

  test('market clock and calendar', async () => {
    expect(rowsOf(await opened.broker.readMarketClock())).toEqual({
      at: '2025-08-21T19:45:07.318204Z',
      isOpen: true,
      nextOpen: '2025-08-22T13:30:00Z',
      nextClose: '2025-08-21T20:00:00Z',
    });
    const days = rowsOf(
      await opened.broker.readCalendar(parseTradeDate('2025-08-01'), parseTradeDate('2025-08-29')),
    );
    expect(days[0]).toEqual({
      date: '2025-08-01',
      open: '2025-08-01T13:30:00Z',
      close: '2025-08-01T20:00:00Z',
    });
    expect(days).toHaveLength(sampleJson<unknown[]>('calendar.json').length);
  });

  test('all 18 trade updates are understood and name their order', () => {
    const messages = sampleJson<unknown[]>('trade_updates.json').flatMap((one) =>
      decodeFrame(JSON.stringify(one)),
    );
    expect(messages).toHaveLength(18);
    for (const message of messages) {
      expect(message?.stream).toBe('trade_updates');
      expect(message?.data?.order?.id).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  test('the samples of addresses the adapter does not call are readable too', () => {
    const history = wirePortfolioHistory.parse(parseExactJson(sample('portfolio_history_1D.json')));
    expect(history.equity.at(-1)?.toString()).toBe('98929.8');
    expect(history.timestamp).toHaveLength(history.equity.length);
    const contracts = wireOptionContracts.parse(parseExactJson(sample('options_contracts.json')));
    expect(contracts.option_contracts.every((contract) => contract.multiplier.toString() === '100')).toBe(
      true,
    );
    const assets = (parseExactJson(sample('assets.json')) as unknown[]).map((row) => wireAsset.parse(row));
    expect(assets.map((asset) => asset.symbol)).toContain('AAPL');
    wireAccountConfigurations.parse(parseExactJson(sample('account_configurations.json')));
  });

  test('every sample row survives exactly: no digit of a number is lost', async () => {
    expect(parseExactJson('{"bp":226.39000000000001,"n":[0.10000000000000000001,-1e-8]}')).toEqual({
      bp: '226.39000000000001',
      n: ['0.10000000000000000001', '-1e-8'],
    });
  });
});
