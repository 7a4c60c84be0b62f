import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isTruebookError, type Truebook, type TruebookEvent } from '../../src/index.ts';
import { realSleep } from '../../src/platform.ts';
import { eventually, Place } from '../cli/command.ts';
import { openPlace, trade, type TruebookPlace } from './truebookPlace.ts';

let place: TruebookPlace;
let truebook: Truebook;

beforeAll(async () => {
  place = await openPlace();
  truebook = await place.open();
});
afterAll(() => place.close());

async function thrown(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => null,
    (error: unknown) => error,
  );
}

describe('sync', () => {
  it('answers one record for each account, in the shape of the command line', async () => {
    const results = await truebook.sync();
    expect(results.map(({ account, ok }) => `${account} ${ok}`)).toEqual([
      'alpaca-live true',
      'alpaca-paper true',
    ]);
    const cli = new Place();
    try {
      const { stdout } = await cli.run(['sync', '--json', '--config', place.settingsFile]);
      const printed = JSON.parse(stdout) as object[];
      const again = await truebook.sync();
      const withoutTime = (rows: readonly object[]) => rows.map((row) => ({ ...row, durationMs: 0 }));
      expect(withoutTime(again)).toEqual(withoutTime(printed));
    } finally {
      cli.remove();
    }
  });

  it('takes one account by name, id or env, and one part of it', async () => {
    const byEnv = await truebook.sync({ env: 'paper', type: 'positions' });
    expect(byEnv).toMatchObject({ account: 'alpaca-paper', ok: true, bankroll: null, positions: true });
    const [first] = await truebook.accounts();
    const byId = await truebook.sync({ account: String(first!.accountId) });
    expect(byId.account).toBe(first!.account);
  });

  it('shows in a dry run exactly what it then does', async () => {
    place.control('POST', 'trade', trade('alpaca-paper', 'KO', '7', '69'));
    const before = await truebook.positions({ account: 'alpaca-paper' });
    const dry = await truebook.sync({ account: 'alpaca-paper', dryRun: true });
    expect(await truebook.positions({ account: 'alpaca-paper' })).toMatchObject(
      before.map(({ symbol, quantity }) => ({ symbol, quantity })),
    );
    expect(dry.difference!.transactions!.map(({ symbol, quantity }) => `${symbol} ${quantity}`)).toEqual([
      'KO 7',
    ]);
    expect((await truebook.sync({ account: 'alpaca-paper' })).difference).toEqual(dry.difference);
  });

  it('refuses a name nobody has', async () => {
    expect(isTruebookError(await thrown(truebook.sync({ account: 'nobody' })), 'unknown_account')).toBe(true);
  });

  it('is a result that is not ok when the broker fails, and says why by event and status', async () => {
    const events: TruebookEvent[] = [];
    const off = truebook.on('sync_failed', (event) => void events.push(event));
    place.control('POST', 'fault', {
      broker: 'alpaca',
      account: 'alpaca-paper',
      kind: 'status',
      status: 401,
    });
    const result = await truebook.sync({ account: 'alpaca-paper' });
    place.control('DELETE', 'fault');
    off();
    expect(result).toMatchObject({ ok: false, positions: false, difference: null });
    expect(events).toMatchObject([{ kind: 'sync_failed', account: 'alpaca-paper', code: 'broker_auth' }]);
    const { accounts } = await truebook.status({ account: 'alpaca-paper' });
    expect(accounts[0]).toMatchObject({ auth: 'failed', fresh: false });
    await truebook.sync({ account: 'alpaca-paper' });
  });

  it('lets two calls at a time both come to an end, one after the other', async () => {
    const results = await Promise.all([1, 2, 3].map(() => truebook.sync({ env: 'live' })));
    expect(results.map(({ ok }) => ok)).toEqual([true, true, true]);
  });
});

describe('checkSyncNeeded', () => {
  it('says no, then which account needs it and why, and changes nothing', async () => {
    await truebook.sync();
    expect(await truebook.checkSyncNeeded()).toMatchObject({
      needed: false,
      accounts: [
        { account: 'alpaca-live', needed: false },
        { account: 'alpaca-paper', needed: false },
      ],
    });
    place.control('POST', 'trade', trade('alpaca-live', 'KO', '3', '69'));
    const first = await truebook.checkSyncNeeded();
    expect(await truebook.checkSyncNeeded()).toEqual(first);
    expect(first.accounts.map(({ account, reasons }) => [account, [...reasons]])).toEqual([
      ['alpaca-live', expect.arrayContaining(['quantity_difference', 'unknown_fill'])],
      ['alpaca-paper', []],
    ]);
    expect((await truebook.checkSyncNeeded({ env: 'paper' })).needed).toBe(false);
  });

  it('is needed when nobody can tell', async () => {
    place.control('POST', 'fault', {
      broker: 'alpaca',
      kind: 'status',
      status: 401,
      account: 'alpaca-paper',
    });
    const check = await truebook.checkSyncNeeded({ env: 'paper' });
    place.control('DELETE', 'fault');
    expect(check).toMatchObject({ needed: true, accounts: [{ ok: false, needed: null }] });
  });
});

describe('syncBeforeTrade', () => {
  it('opens after a run, with the time until which it holds', async () => {
    place.control('POST', 'trade', trade('alpaca-paper', 'MSFT', '2', '500'));
    const gate = await truebook.syncBeforeTrade({ env: 'paper', symbol: 'MSFT', maxAge: '60s' });
    expect(gate).toMatchObject({
      ok: true,
      caution: false,
      reasons: [],
      account: 'alpaca-paper',
      symbol: 'MSFT',
    });
    expect(gate.age).toBeLessThan(60);
    expect(gate.validUntil).toBe('2025-08-21T16:01:00Z');
    const held = await truebook.positions({ account: 'alpaca-paper' });
    expect(held.map(({ symbol }) => symbol)).toContain('MSFT');
  });

  it('is closed, or open with a caution, when the sync fails; never an error', async () => {
    const cautious = await place.open({ GATE_ON_SYNC_FAILURE: 'caution' });
    await truebook.sync();
    place.control('POST', 'fault', { broker: 'alpaca', kind: 'status', status: 401 });
    const denied = await truebook.syncBeforeTrade({ env: 'paper' });
    const allowed = await cautious.syncBeforeTrade({ env: 'paper' });
    place.control('DELETE', 'fault');
    expect(denied).toMatchObject({ ok: false, caution: false, reasons: ['sync_failed'], validUntil: null });
    expect(allowed).toMatchObject({ ok: true, caution: true, reasons: ['sync_failed'] });
  });

  it('judges what is there where ALPACA_AUTO_SYNC_BEFORE_TRADE is off', async () => {
    const still = await place.open({ ALPACA_AUTO_SYNC_BEFORE_TRADE: 'false' });
    await truebook.sync();
    const before = await still.lastSyncTime('alpaca-paper');
    expect(await still.syncBeforeTrade({ env: 'paper' })).toMatchObject({ ok: true });
    place.control('POST', 'clock', { advance: '10m' });
    await eventually(async () =>
      (await still.syncBeforeTrade({ env: 'paper' })).reasons.includes('stale') ? true : null,
    );
    expect(await still.syncBeforeTrade({ env: 'paper', maxAge: '1h' })).toMatchObject({ ok: true });
    expect(await still.lastSyncTime('alpaca-paper')).toBe(before);
  });

  it('is closed where scheduled runs are switched off', async () => {
    const off = await place.open({ ALPACA_SYNC_ENABLED: 'false' });
    const gate = await off.syncBeforeTrade({ env: 'paper' });
    expect(gate).toMatchObject({ ok: false, reasons: ['sync_disabled'] });
  });

  it('wants to know which account, and a duration it can read', async () => {
    expect(isTruebookError(await thrown(truebook.syncBeforeTrade()), 'config')).toBe(true);
    const soon = thrown(truebook.syncBeforeTrade({ env: 'paper', maxAge: 'soon' }));
    expect(isTruebookError(await soon, 'usage')).toBe(true);
  });

  it('counts a sync that takes too long as failed', async () => {
    place.control('POST', 'fault', { broker: 'alpaca', account: 'alpaca-paper', kind: 'timeout' });
    const gate = await truebook.syncBeforeTrade({ env: 'paper', timeout: 1 });
    place.control('DELETE', 'fault');
    expect(gate.reasons).toContain('sync_failed');
    await truebook.sync();
  });
});

describe('tradeExecuted', () => {
  it('answers at once; one run follows a burst, and the order is not manual', async () => {
    const [made] = place.control(
      'POST',
      'trade',
      trade('alpaca-paper', 'PEP', '4', '150', { order: {} }),
    ).created;
    const orderId = made!['orderId'] as string;
    const before = await truebook.status({ account: 'alpaca-paper' });
    const answers = await Promise.all(
      [orderId, undefined, orderId].map((id) => truebook.tradeExecuted('alpaca-paper', id)),
    );
    expect(answers).toEqual(answers.map(() => ({ accepted: true, reason: null })));
    const bought = await eventually(async () => {
      const trades = await truebook.trades({ account: 'alpaca-paper' });
      return trades.find(({ symbol }) => symbol === 'PEP') ?? null;
    });
    expect(bought).toMatchObject({ quantity: '4', manual: false, orderId });
    await realSleep(600);
    const after = await truebook.status({ account: 'alpaca-paper' });
    const runs = (status: typeof before): number => status.position_sync.stats.total_syncs;
    expect(runs(after) - runs(before)).toBe(1);
  });

  it('says what is wrong with a name instead of throwing', async () => {
    const answer = await truebook.tradeExecuted('nobody', 'x');
    expect(answer.accepted).toBe(false);
    expect(answer.reason).toContain('nobody');
  });

  it('runs nothing where POSITION_SYNC_SYNC_ON_TRADE is off', async () => {
    const off = await place.open({ POSITION_SYNC_SYNC_ON_TRADE: 'false' });
    const before = (await off.status()).position_sync.stats.total_syncs;
    expect(await off.tradeExecuted('alpaca-paper')).toEqual({ accepted: true, reason: null });
    await realSleep(600);
    expect((await off.status()).position_sync.stats.total_syncs).toBe(before);
  });
});

describe('events', () => {
  it('tell a run from beginning to end, each kind to who asked for it', async () => {
    const all: string[] = [];
    const quantities: string[] = [];
    const off = [
      truebook.on('event', (event) => void all.push(event.kind)),
      truebook.on('opened', ({ position }) => void quantities.push(`${position.symbol} ${position.after}`)),
      truebook.on('transaction', ({ transaction }) => void quantities.push(`fill ${transaction.quantity}`)),
    ];
    place.control('POST', 'trade', trade('alpaca-paper', 'DIS', '9', '110'));
    await truebook.sync({ env: 'paper' });
    off.forEach((end) => end());
    expect(all.slice(0, 4)).toEqual(['sync_started', 'sync_completed', 'transaction', 'opened']);
    expect(all).toContain('bankroll_sync_adjustment');
    expect(quantities).toEqual(['fill 9', 'DIS 9']);
    await truebook.sync({ env: 'paper' });
    expect(all.filter((kind) => kind === 'sync_started')).toHaveLength(1);
  });

  it('tell findings, also those of a refused run', async () => {
    const told: string[] = [];
    const off = truebook.on('event', (event) => {
      if (event.kind.startsWith('finding_')) told.push(event.kind);
    });
    place.control('POST', 'fault', { broker: 'alpaca', kind: 'status', status: 401, account: 'alpaca-live' });
    await truebook.sync({ env: 'live' });
    place.control('DELETE', 'fault');
    await truebook.sync({ env: 'live' });
    off();
    expect(told).toEqual([expect.stringMatching(/^finding_(re)?opened$/), 'finding_resolved']);
  });

  it('survive listeners that throw, at once or later, and tell nothing of a dry run', async () => {
    const heard: string[] = [];
    const off = [
      truebook.on('event', () => {
        throw new Error('a bad listener');
      }),
      truebook.on('sync_completed', () => Promise.reject(new Error('a late listener'))),
      truebook.on('event', ({ kind }) => void heard.push(kind)),
    ];
    expect((await truebook.sync({ env: 'paper', dryRun: true })).ok).toBe(true);
    expect(heard).toEqual([]);
    expect((await truebook.sync({ env: 'paper' })).ok).toBe(true);
    off.forEach((end) => end());
    expect(heard).toEqual(['sync_started', 'sync_completed']);
    expect(place.lines.filter((line) => line.includes('a bad listener'))).toHaveLength(2);
    expect(place.lines.filter((line) => line.includes('a late listener'))).toHaveLength(1);
  });
});
