import { describe, expect, it } from 'vitest';
import { type TruebookEvent } from '../../src/hooks/events.ts';
import { hookRunner } from '../../src/hooks/hookRunner.ts';
import { type Hooks } from '../../src/hooks/hooks.ts';
import { realMonoMs, realSleep } from '../../src/platform.ts';
import { type StepContext } from '../../src/sync/steps.ts';

const CONTEXT: StepContext = {
  account: 'alpaca-paper',
  type: 'all',
  trigger: 'command',
  dryRun: false,
  cycle: null,
};
const EVENTS: readonly TruebookEvent[] = [1, 2, 3].map((seq) => ({
  kind: 'sync_failed',
  account: 'alpaca-paper',
  at: '2025-08-21T16:00:00Z',
  runId: seq,
  code: 'broker_auth',
  message: 'no',
}));

function runner(hooks: Hooks, timeoutMs = 60) {
  const lines: string[] = [];
  const log = { error: (line: string) => void lines.push(line) };
  return {
    lines,
    ...bound(hookRunner(hooks, { timeoutMs, log, clock: { monoMs: realMonoMs, sleep: realSleep } })),
  };
}

function bound(made: ReturnType<typeof hookRunner>) {
  return {
    before: made.before.bind(made),
    after: made.after.bind(made),
    tell: made.tell.bind(made),
    listens: made.listens.bind(made),
  };
}

describe('a hook', () => {
  it('is called at its step with its context and result, and waited for', async () => {
    const calls: unknown[] = [];
    const { before, after } = runner({
      beforeRead: async (context) => {
        await realSleep(5);
        calls.push(['beforeRead', context]);
      },
      afterRead: (context, result) => calls.push(['afterRead', context, result]),
    });
    await before('read', CONTEXT);
    await before('commit', CONTEXT);
    await after('read', CONTEXT, { positions: 3, activities: 4, depth: 'deep' });
    await after('read', CONTEXT, null);
    expect(calls).toEqual([
      ['beforeRead', CONTEXT],
      ['afterRead', CONTEXT, { positions: 3, activities: 4, depth: 'deep' }],
      ['afterRead', CONTEXT, null],
    ]);
  });

  it('gets frozen copies: it reaches nothing that Truebook works with', async () => {
    const result = { positions: 3, activities: 4, depth: 'deep', inner: { rows: [1] } };
    const { after, lines } = runner({
      afterRead: (context, given) => {
        expect(Object.isFrozen(context)).toBe(true);
        (given as unknown as typeof result).inner.rows.push(2);
      },
    });
    await after('read', CONTEXT, result);
    expect(result.inner.rows).toEqual([1]);
    expect(lines).toEqual([expect.stringContaining('Hook afterRead (alpaca-paper): it threw: ')]);
  });

  it('that throws, at once or later, anything, is logged with its name and stops nothing', async () => {
    const { before, after, lines } = runner({
      beforeSync: () => {
        throw new Error('at once');
      },
      beforeRead: () => Promise.reject(new Error('later')),
      beforeCommit: () => Promise.reject(null),
      afterCommit: () => undefined,
    });
    await before('sync', CONTEXT);
    await before('read', CONTEXT);
    await before('commit', CONTEXT);
    // What cannot be copied cannot be told, and is no reason to fail either.
    await after('commit', CONTEXT, { run: () => 1 });
    expect(lines).toEqual([
      'Hook beforeSync (alpaca-paper): it threw: at once',
      'Hook beforeRead (alpaca-paper): it threw: later',
      'Hook beforeCommit (alpaca-paper): it threw: null',
      expect.stringContaining('Hook afterCommit (alpaca-paper): it threw: '),
    ]);
  });

  it('is logged once a run and account, however often it throws', async () => {
    const { before, lines } = runner({ beforeRead: () => Promise.reject(new Error('no')) });
    const other = { ...CONTEXT, account: 'alpaca-live' };
    for (const _again of [1, 2]) await before('read', CONTEXT);
    await before('read', other);
    await before('sync', CONTEXT);
    await before('read', CONTEXT);
    expect(lines.map((line) => line.slice(0, 30))).toEqual([
      'Hook beforeRead (alpaca-paper)',
      'Hook beforeRead (alpaca-live):',
      'Hook beforeRead (alpaca-paper)',
    ]);
  });

  it('that takes too long is cut off, and left out until it has ended', async () => {
    let calls = 0;
    const gate = Promise.withResolvers<void>();
    const { before, lines } = runner({
      beforeRead: async () => {
        calls += 1;
        if (calls === 1) await gate.promise;
      },
    });
    const begun = performance.now();
    await before('read', CONTEXT);
    expect(performance.now() - begun).toBeLessThan(1000);
    await before('sync', CONTEXT);
    await before('read', CONTEXT);
    expect(calls).toBe(1);
    // Another account has a call of its own.
    await before('read', { ...CONTEXT, account: 'alpaca-live' });
    expect(calls).toBe(2);
    gate.resolve();
    await realSleep(5);
    await before('read', CONTEXT);
    expect(calls).toBe(3);
    expect(lines).toEqual([
      'Hook beforeRead (alpaca-paper): it took longer than 0.06 s; the sync goes on without it',
      'Hook beforeRead (alpaca-paper): its last call has not ended; it is left out until it does',
    ]);
  });

  it('that rejects after it was cut off ends no process', async () => {
    const late = Promise.withResolvers<void>();
    const { before } = runner({ beforeRead: () => late.promise });
    await before('read', CONTEXT);
    late.reject(new Error('too late'));
    await realSleep(5);
  });

  it('survives a log that throws', async () => {
    const broken = hookRunner(
      { beforeRead: () => Promise.reject(new Error('no')) },
      {
        timeoutMs: 50,
        log: {
          error: () => {
            throw new Error('log');
          },
        },
        clock: { monoMs: realMonoMs, sleep: realSleep },
      },
    );
    await broken.before('read', CONTEXT);
  });
});

describe('onEvent', () => {
  it('is told every event in order, also after one it threw at', async () => {
    const told: (number | null)[] = [];
    const { tell, lines, listens } = runner({
      onEvent: async (event) => {
        await realSleep(1);
        told.push('runId' in event ? event.runId : null);
        if (told.length === 1) throw new Error('first');
      },
    });
    expect(listens()).toBe(true);
    await tell('alpaca-paper', EVENTS);
    expect(told).toEqual([1, 2, 3]);
    expect(lines).toEqual(['Hook onEvent (alpaca-paper): it threw: first']);
  });

  it('has one bound for all events of a run, and says how many it did not get', async () => {
    let calls = 0;
    const { tell, lines } = runner({
      onEvent: () => {
        calls += 1;
        return new Promise(() => undefined);
      },
    });
    await tell('alpaca-paper', EVENTS);
    expect(calls).toBe(1);
    expect(lines).toEqual([
      expect.stringContaining('Hook onEvent (alpaca-paper): it took longer than'),
      'Hook onEvent: 2 later events of alpaca-paper were not told.',
    ]);
  });

  it('is not asked where there is none', async () => {
    const { tell, listens } = runner({ afterSync: () => undefined });
    expect(listens()).toBe(false);
    await tell('alpaca-paper', EVENTS);
  });
});
