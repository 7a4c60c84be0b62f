/** `truebook balances --daily`, as people, programs and spreadsheets read it. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { type DailyBalanceRecord } from '../../src/sync/records.ts';
import { Place } from './command.ts';

const place = new Place();
const settings = place.path('sandbox.env');
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox({ envFile: settings });
  expect((await place.run(['sync', '--config', settings])).code).toBe(0);
});
afterAll(async () => {
  await sandbox.close();
  place.remove();
});

const run = async (...args: string[]): Promise<string> =>
  (await place.run(['balances', ...args, '--config', settings])).stdout;

it('answers the same days as JSON, CSV and table, newest first, of all accounts or one', async () => {
  const all = JSON.parse(await run('--daily', '--json')) as DailyBalanceRecord[];
  expect(new Set(all.map(({ account }) => account))).toEqual(new Set(['alpaca-live', 'alpaca-paper']));
  const live = JSON.parse(await run('--daily', '--json', '--account', 'alpaca-live')) as DailyBalanceRecord[];
  expect(live).toEqual(all.filter(({ account }) => account === 'alpaca-live'));
  expect(live.length).toBeGreaterThan(10);
  expect(live.map(({ date }) => date)).toEqual(
    live
      .map(({ date }) => date)
      .sort()
      .reverse(),
  );
  expect(Object.keys(live[0]!)).toEqual([
    'account',
    'date',
    'currency',
    'equity',
    'cash',
    'profitLoss',
    'source',
    'start',
    'flows',
    'transfers',
    'realized',
    'unrealizedChange',
    'income',
    'fees',
    'fx',
    'corrections',
    'residual',
    'residualState',
  ]);
  expect(new Set(live.map(({ source }) => source))).toEqual(new Set(['recorded', 'broker']));

  const csv = (await run('--daily', '--csv', '--account', 'alpaca-live')).trimEnd().split('\n');
  expect(csv[0]).toBe(
    'account,date,currency,equity,cash,profitLoss,source,start,flows,transfers,realized,unrealizedChange,income,fees,fx,corrections,residual,residualState',
  );
  const oldest = live.at(-1)!;
  expect(csv.at(-1)).toBe(
    `alpaca-live,${oldest.date},USD,${oldest.equity},,${oldest.profitLoss},broker,,,,,,,,,,,`,
  );
  expect(csv).toHaveLength(live.length + 1);
  expect((await run('--daily')).split('\n')[0]).toMatch(
    /^DATE +ACCOUNT +CURRENCY +EQUITY +CASH +FLOWS +TRANSFERS +REALIZED +UNREALIZED +INCOME +FEES +CORRECTED +RESIDUAL +PROOF +SOURCE$/,
  );
  expect((await run()).split('\n')[0]).toMatch(/BUYING POWER/);
});
