/** Ends of days through the real wire: what fills the days before Truebook watched and those it was off, and what never does. */
import { afterEach, describe, expect, it } from 'vitest';
import { dailyBalanceRecords, type DailyBalanceRecord } from '../../src/sync/records.ts';
import { openWorld, type World, type WorldOptions } from './world.ts';

const PAPER = 'alpaca-paper';
const HISTORY = '/v2/account/portfolio/history';

const worlds: World[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});
async function world(options: WorldOptions = {}): Promise<World> {
  const opened = await openWorld(options);
  worlds.push(opened);
  return opened;
}

async function days(from: World): Promise<readonly DailyBalanceRecord[]> {
  return dailyBalanceRecords(from.truebook.records, { account: await from.truebook.account(PAPER) });
}
const asked = (from: World): string[] =>
  from
    .requests()
    .filter(({ path, account }) => path === HISTORY && account === PAPER)
    .map(({ query }) => decodeURIComponent(query ?? ''));

interface Points {
  readonly timestamp: readonly number[];
  readonly equity: readonly number[];
  readonly profit_loss: readonly number[];
}
/** What the broker itself states, asked with the keys as any client would: `2025-08-20 98491.82 -97.18`. */
async function stated(from: World): Promise<string[]> {
  const { tradingUrl, keyId, secretKey } = from.sandbox.ready.alpaca.paper;
  const answer = await fetch(`${tradingUrl}${HISTORY}?period=1A&timeframe=1D`, {
    headers: { 'APCA-API-KEY-ID': keyId, 'APCA-API-SECRET-KEY': secretKey },
  });
  const { timestamp, equity, profit_loss } = (await answer.json()) as Points;
  return timestamp.map((seconds, index) => {
    const date = new Date(seconds * 1000).toLocaleDateString('sv-SE', { timeZone: 'America/New_York' });
    return `${date} ${equity[index]} ${profit_loss[index]}`;
  });
}
const byBroker = (rows: readonly DailyBalanceRecord[]): string[] =>
  rows
    .filter(({ source }) => source === 'broker')
    .map(({ date, equity, profitLoss }) => `${date} ${equity} ${profitLoss}`)
    .reverse();

describe.each(['sqlite', 'postgres'] as const)('days before Truebook watched, on %s,', (database) => {
  it('are filled at first contact with what the broker states of them; today is recorded', async () => {
    const here = await world({ database });
    await here.sync(PAPER);
    const rows = await days(here);
    const theirs = await stated(here);
    expect(theirs.length).toBeGreaterThan(20);
    expect(byBroker(rows)).toEqual(theirs.slice(0, -1));
    const { balances } = here.truth(PAPER) as unknown as { balances: { equity: string; cash: string } };
    // How the day began nobody knows: the account was not looked at before.
    expect(rows[0]).toMatchObject({
      start: null,
      residual: null,
      residualState: 'unknown',
      account: PAPER,
      date: '2025-08-21',
      currency: 'USD',
      equity: balances.equity,
      cash: balances.cash,
      profitLoss: null,
      source: 'recorded',
    });
    expect(rows.slice(1).every(({ cash }) => cash === null)).toBe(true);
  });
});

describe('the broker is asked', () => {
  it('once a day and never twice, and a quiet cycle makes no call more', async () => {
    const here = await world();
    await here.sync(PAPER);
    expect(asked(here)).toHaveLength(1);
    await here.advance('2h');
    const before = here.requests().length;
    await here.sync(PAPER);
    expect(here.requests().length - before).toBeLessThanOrEqual(8);
    expect(asked(here)).toHaveLength(1);
    await here.advance('next-day');
    await here.sync(PAPER);
    await here.sync(PAPER);
    expect(asked(here)).toHaveLength(2);
    // A week once more, up to yesterday.
    expect(asked(here)[1]).toBe('timeframe=1D&start=2025-08-13T16:00:00Z&end=2025-08-22T00:00:00Z');
  });

  it('again after an hour where it failed, and the run is complete and fresh all the same', async () => {
    const here = await world();
    await here.control('fault', { broker: 'alpaca', resource: 'marketdata', kind: 'status', status: 500 });
    expect(await here.sync(PAPER)).toMatchObject({ outcome: 'complete', reconciled: true, errorCode: null });
    expect(byBroker(await days(here))).toEqual([]);
    await here.faultsOff();
    await here.advance('30m');
    await here.sync(PAPER);
    expect(byBroker(await days(here))).toEqual([]);
    await here.advance('31m');
    await here.sync(PAPER);
    expect(byBroker(await days(here))).toEqual((await stated(here)).slice(0, -1));
  });
});

describe('a day', () => {
  it('Truebook was off is filled, one it recorded stands whatever the broker says', async () => {
    const here = await world();
    await here.sync(PAPER);
    const recorded = (await days(here))[0]!;
    // After the last look of Thursday the market moves, then nobody looks until Wednesday.
    await here.control('price', { symbol: 'AAPL', price: '500' });
    await here.advance('2025-08-27T16:00:00Z');
    await here.sync(PAPER);
    const rows = await days(here);
    expect(rows.slice(0, 5).map(({ date, source }) => `${date} ${source}`)).toEqual([
      '2025-08-27 recorded',
      '2025-08-26 broker',
      '2025-08-25 broker',
      '2025-08-22 broker',
      '2025-08-21 recorded',
    ]);
    expect(rows[4]).toEqual(recorded);
    const theirs = (await stated(here)).find((line) => line.startsWith('2025-08-21'))!;
    expect(theirs).not.toContain(recorded.equity!);
    expect(byBroker(rows).slice(-3)).toEqual((await stated(here)).slice(-4, -1));
  });

  it('nobody knows is absent: an account without money has no zeros, and its first money begins its days', async () => {
    const here = await world({ scenario: 'empty' });
    await here.sync(PAPER);
    expect(asked(here)).toEqual([]);
    expect(byBroker(await days(here))).toEqual([]);
    await here.control('cash', { account: PAPER, kind: 'deposit', amount: '1000' });
    await here.advance('2025-08-26T16:00:00Z');
    await here.sync(PAPER);
    expect(byBroker(await days(here))).toEqual(['2025-08-22 1000 0', '2025-08-25 1000 0']);
  });
});
