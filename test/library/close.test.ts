/** Closing while calls are under way, and how long anybody waits for what. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Truebook } from '../../src/index.ts';
import { realMonoMs, realSleep } from '../../src/platform.ts';
import { eventually } from '../cli/command.ts';
import { openPlace, trade, type TruebookPlace } from './truebookPlace.ts';

let place: TruebookPlace;
let witness: Truebook;

beforeAll(async () => {
  place = await openPlace();
  witness = await place.open();
  await witness.sync();
});
beforeEach(() => {
  place.lines.length = 0;
});
afterAll(() => place.close());

/** What a call may end with: an answer, or the word that it was closed. */
async function endOf(call: Promise<unknown>): Promise<string> {
  return await call.then(
    () => 'answered',
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  );
}

/** A lease that was left behind would keep a sync waiting for a minute. */
async function expectNoLease(): Promise<void> {
  const begun = realMonoMs();
  const results = await witness.sync();
  expect(results.map(({ ok }) => ok)).toEqual([true, true]);
  expect(realMonoMs() - begun).toBeLessThan(10_000);
}

const CALLS: Readonly<Record<string, (truebook: Truebook) => Promise<unknown>>> = {
  sync: (truebook) => truebook.sync(),
  checkSyncNeeded: (truebook) => truebook.checkSyncNeeded(),
  syncBeforeTrade: (truebook) => truebook.syncBeforeTrade({ env: 'paper' }),
  tradeExecuted: (truebook) => truebook.tradeExecuted('alpaca-paper', 'an-order'),
  positions: (truebook) => truebook.positions(),
  lastSyncTime: (truebook) => truebook.lastSyncTime(),
};

describe('close', () => {
  it.each(Object.entries(CALLS))('waits for a running %s and leaves no lease', async (_name, call) => {
    for (const delay of [0, 1, 3, 8, 20, 50]) {
      const truebook = await place.open();
      const calls = [call(truebook), call(truebook)];
      if (delay > 0) await realSleep(delay);
      const closing = truebook.close();
      expect(await endOf(call(truebook))).toMatch(/^(answered|This Truebook was closed\.)$/);
      await closing;
      for (const running of calls) expect(await endOf(running)).toBe('answered');
    }
    await expectNoLease();
    expect(place.lines.filter((line) => line.includes('destroyed') || line.includes('not open'))).toEqual([]);
  });

  it('breaks off a run that waits for a broker', async () => {
    const truebook = await place.open();
    place.control('POST', 'fault', { broker: 'alpaca', kind: 'timeout' });
    const running = truebook.sync();
    await realSleep(100);
    const begun = realMonoMs();
    await truebook.close();
    expect(realMonoMs() - begun).toBeLessThan(3_000);
    place.control('DELETE', 'fault');
    expect((await running).map(({ ok }) => ok)).toEqual([false, false]);
    await expectNoLease();
  });

  it('still reads what was announced', async () => {
    const truebook = await place.open();
    place.control('POST', 'trade', trade('alpaca-paper', 'PEP', '4', '150'));
    await truebook.tradeExecuted('alpaca-paper');
    await truebook.close();
    expect((await witness.trades({ account: 'alpaca-paper' })).map(({ symbol }) => symbol)).toContain('PEP');
  });

  it('does not wait for ever for what was announced', async () => {
    const truebook = await place.open();
    place.control('POST', 'fault', { broker: 'alpaca', kind: 'timeout' });
    await truebook.tradeExecuted('alpaca-paper');
    await realSleep(400);
    const begun = realMonoMs();
    await truebook.close();
    expect(realMonoMs() - begun).toBeLessThan(9_000);
    place.control('DELETE', 'fault');
    await expectNoLease();
  });
});

describe('the time limit of syncBeforeTrade', () => {
  it('holds whatever hooks do; the run ends by itself and calls no further ones', async () => {
    const called: string[] = [];
    const slow = (name: string) => async (): Promise<void> => {
      called.push(name);
      await realSleep(1_500);
    };
    const truebook = await place.open(
      {},
      {
        hooks: {
          beforeSync: slow('beforeSync'),
          beforeRead: slow('beforeRead'),
          beforeCommit: slow('beforeCommit'),
        },
      },
    );
    const told: string[] = [];
    truebook.on('event', ({ kind }) => void told.push(kind));
    const begun = realMonoMs();
    const gate = await truebook.syncBeforeTrade({ env: 'paper', timeout: 1 });
    expect(realMonoMs() - begun).toBeLessThan(1_450);
    expect(gate).toMatchObject({ ok: false, reasons: ['sync_failed'] });
    expect(place.lines.join('\n')).toContain('The sync took longer than 1 s.');
    await eventually(() => (told.includes('sync_failed') ? true : null));
    expect(called).toEqual(['beforeSync']);
    await truebook.close();
    await expectNoLease();
  });

  it('is waited for by close, as every run is', async () => {
    let hasEnded = false;
    const hooks = {
      beforeSync: () => realSleep(1_300),
      afterSync: () => {
        hasEnded = true;
      },
    };
    const truebook = await place.open({}, { hooks });
    await truebook.syncBeforeTrade({ env: 'paper', timeout: 1 });
    expect(hasEnded).toBe(false);
    await truebook.close();
    expect(hasEnded).toBe(true);
    await expectNoLease();
  });
});

describe('a program whose log, warnings and listeners all throw', () => {
  it('is synced all the same', async () => {
    const no = (): never => {
      throw new Error('no');
    };
    const log = { debug: no, info: no, warning: no, error: no };
    const truebook = await place.open({}, { log, onWarning: no, hooks: { beforeRead: no, onEvent: no } });
    truebook.on('event', no);
    truebook.on('sync_completed', () => Promise.reject(new Error('later')));
    // Not a promise, but what an older library takes for one.
    const thenable = {
      then: (_done: unknown, failed: (error: Error) => void) => failed(new Error('thenable')),
    };
    truebook.on('event', () => thenable);
    expect((await truebook.sync()).map(({ ok }) => ok)).toEqual([true, true]);
    place.control('POST', 'fault', { broker: 'alpaca', kind: 'status', status: 401 });
    expect((await truebook.sync()).map(({ ok }) => ok)).toEqual([false, false]);
    expect(await truebook.syncBeforeTrade({ env: 'paper' })).toMatchObject({ ok: false });
    place.control('DELETE', 'fault');
    expect(await truebook.tradeExecuted('nobody')).toMatchObject({ accepted: false });
    await truebook.close();
    await expectNoLease();
  });

  it('has the failure of a thenable in its log', async () => {
    const thenable = {
      then: (_done: unknown, failed: (error: Error) => void) => failed(new Error('thenable')),
    };
    const off = witness.on('sync_completed', () => thenable);
    await witness.sync({ env: 'paper' });
    off();
    expect(place.lines.filter((line) => line.includes('threw: thenable'))).toHaveLength(1);
  });
});
