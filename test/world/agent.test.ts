/**
 * The agent on a real wire with a stream: when it runs, what it says, how it stops. Its clock is the sandbox's manual
 * one, so five minutes are one call.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { now as instantNow } from '../../src/domain/time.ts';
import { realMonoMs, realSleep } from '../../src/platform.ts';
import { runAgent, type AgentOptions, type AgentSummary, type CycleReport } from '../../src/sync/agent.ts';
import { REFUSED, requestSync } from '../../src/sync/requestSync.ts';
import { type SyncType } from '../../src/store/store.ts';
import { holdings, openWorld, type World } from './world.ts';

const PAPER = 'alpaca-paper';
const LIVE = 'alpaca-live';

interface Running {
  readonly world: World;
  readonly lines: string[];
  readonly cycles: CycleReport[];
  readonly ended: Promise<AgentSummary>;
  stop(): Promise<AgentSummary>;
}

const cleanUps: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function world(): Promise<World> {
  const made = await openWorld({});
  cleanUps.push(() => made.close());
  return made;
}

async function start(at: World, more: Partial<AgentOptions> & { only?: string } = {}): Promise<Running> {
  const controller = new AbortController();
  const lines: string[] = [];
  const cycles: CycleReport[] = [];
  const say = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  const accounts = (await at.truebook.agentAccounts()).filter(
    ({ account }) => account.name === (more.only ?? PAPER),
  );
  const ended = runAgent({
    store: at.truebook.store,
    clock: at.truebook.clock,
    log: { debug: say('DEBUG'), info: say('INFO'), warning: say('WARNING'), error: say('ERROR') },
    accounts,
    holder: at.truebook.holder('agent'),
    isGone: (holder) => at.truebook.isGone(holder),
    dependencies: at.truebook.dependencies,
    once: false,
    stop: controller.signal,
    onCycle: (cycle) => void cycles.push(cycle),
    ...more,
  });
  ended.catch(() => undefined);
  const stop = async (): Promise<AgentSummary> => {
    controller.abort();
    return ended;
  };
  cleanUps.push(() => stop().catch(() => undefined));
  return { world: at, lines, cycles, ended, stop };
}

/** Waits on real time, for at most 15 s, until something is so. */
async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = realMonoMs() + 15_000;
  while (!(await isSo())) {
    if (realMonoMs() > deadline) throw new Error(`not within 15 s: ${what}`);
    await realSleep(50);
  }
}

const cycleCount = (agent: Running, count: number) =>
  until(`cycle #${count}`, () => agent.cycles.length >= count);

describe('what it says', () => {
  test('the lines of a cycle and the statistics, in the words of the user guide', async () => {
    const agent = await start(await world());
    await cycleCount(agent, 1);
    await agent.stop();
    const said = agent.lines.filter((line) => line.startsWith('INFO ')).map((line) => line.slice(5));
    expect(said.filter((line) => line.startsWith('[ALPACA-SYNC] '))).toContain(
      '[ALPACA-SYNC] Found 3 options positions in Alpaca account',
    );
    const info = said.filter((line) => !line.startsWith('[ALPACA-SYNC] '));
    expect(info).toEqual([
      'Starting sync cycle #1',
      'Syncing positions...',
      '✓ Synced 5 stock positions',
      '✓ Synced 3 option positions',
      '✓ Synced 2 crypto positions',
      expect.stringMatching(/^✓ Synced \d+ new activities$/),
      expect.stringMatching(/^✓ Buying Power: \$\d{1,3}(,\d{3})*\.\d\d$/),
      expect.stringMatching(/^✓ Portfolio Value: \$\d{1,3}(,\d{3})*\.\d\d$/),
      '✓ Portfolio balance recorded',
      '✓ Sync cycle #1 completed successfully',
      expect.stringMatching(/^Cycle duration: \d+\.\d\ds$/),
      'Next sync in 300s',
      expect.stringMatching(/^last_sync_time=\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/),
      'Stopping: finishing the running cycle...',
      '='.repeat(60),
      'Agent Statistics:',
      '  Total sync cycles: 1',
      '  Total errors: 0',
      expect.stringMatching(/^ {2}Last successful sync: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/),
      '='.repeat(60),
    ]);
  });

  test('an interval below two minutes earns a warning', async () => {
    const at = await world();
    const accounts = (await at.truebook.agentAccounts()).map((entry) => ({ ...entry, intervalSeconds: 60 }));
    const agent = await start(at, { accounts });
    await cycleCount(agent, 1);
    expect(agent.lines).toContain('WARNING Interval of 60s: intervals < 2 minutes may trigger rate limits');
  });

  test('a failed login is told with its fix and counted as an error', async () => {
    const at = await world();
    await at.control('fault', {
      broker: 'alpaca',
      account: PAPER,
      resource: 'account',
      kind: 'session-expired',
    });
    const agent = await start(at);
    await cycleCount(agent, 1);
    expect((await agent.stop()).errors).toBe(1);
    expect(agent.lines.filter((line) => line.startsWith('ERROR')).join('\n')).toContain('broker_auth');
    expect(agent.lines).toContain('INFO   Total errors: 1');
    expect(agent.lines).toContain('INFO last_sync_time=never');
  });
});

describe('when it runs', () => {
  test('at once, then at its interval, not before', async () => {
    const at = await world();
    const agent = await start(at);
    await cycleCount(agent, 1);
    // The stream's own connecting is a hint of its own: let it settle before counting.
    await realSleep(2500);
    const settled = agent.cycles.length;
    await at.advance('4m');
    await realSleep(2500);
    expect(agent.cycles).toHaveLength(settled);
    await at.advance('61s');
    await cycleCount(agent, settled + 1);
  });

  test('a trade announced by the stream shows within seconds', async () => {
    const at = await world();
    const agent = await start(at);
    await cycleCount(agent, 1);
    await until('the stream listens', () => at.requests().some((request) => request.path === 'listen'));
    await at.control('trade', { account: PAPER, symbol: 'HINT', side: 'buy', quantity: '1', price: '10' });
    await until('the position is in the book', async () =>
      holdings(await at.positions(PAPER)).includes('HINT 1'),
    );
    const methods = new Set(
      at.requests().map((request) => (request.method === 'WS' ? request.path : request.method)),
    );
    expect([...methods].sort()).toEqual(['GET', 'authenticate', 'listen']);
  });

  test('switched off: no scheduled run and none for a hint, a request is answered all the same', async () => {
    const at = await world();
    const accounts = (await at.truebook.agentAccounts())
      .filter(({ account }) => account.name === PAPER)
      .map((entry) => ({ ...entry, enabled: false, watch: true }));
    const agent = await start(at, { accounts });
    await realSleep(1000);
    await at.control('trade', { account: PAPER, symbol: 'HINT', side: 'buy', quantity: '1', price: '10' });
    await at.advance('10m');
    await realSleep(2500);
    expect(agent.cycles).toHaveLength(0);
    expect(at.requests().filter((request) => request.method === 'WS')).toEqual([]);
    const run = await ask(at);
    expect(run).toMatchObject({ by: 'agent', run: { outcome: 'complete', trigger: 'command' } });
  });

  test('requests go through the living agent and get a run that started after them', async () => {
    const at = await world();
    const agent = await start(at);
    await cycleCount(agent, 1);
    const first = agent.cycles[0]!.runs[0]!.run!;
    await at.advance('1m');
    const [one, two] = await Promise.all([ask(at), ask(at)]);
    expect(one.by).toBe('agent');
    expect(one.run.id).toBeGreaterThan(first.id);
    expect(one.run.startedAt > first.startedAt).toBe(true);
    // Both asked at the same moment: one run answers both.
    expect(two.run.id).toBe(one.run.id);
  });
});

describe('several accounts', () => {
  test('one whose broker hangs keeps no other waiting: schedule, hint and request go on', async () => {
    const at = await world();
    await at.control('fault', { broker: 'alpaca', account: PAPER, resource: 'account', kind: 'timeout' });
    const agent = await start(at, { accounts: await at.truebook.agentAccounts() });
    await until('both are read', () => agent.lines.includes('INFO Starting sync cycle #1'));
    // A request for the one that hangs waits: two runs of one account at once would be two writers.
    await at.truebook.store.requestSync({
      accountId: (await at.truebook.account(PAPER)).id,
      type: 'all',
      trigger: 'command',
      requestedAt: instantNow(at.truebook.clock),
      requestedBy: 'test',
    });
    const asked = realMonoMs();
    const { by, run } = await ask(at, LIVE);
    expect({ by, outcome: run.outcome }).toEqual({ by: 'agent', outcome: 'complete' });
    expect(realMonoMs() - asked).toBeLessThan(5000);
    const listens = () => at.requests().some((request) => request.path === 'listen');
    await until('the stream listens', listens);
    await at.control('trade', { account: LIVE, symbol: 'HINT', side: 'buy', quantity: '1', price: '10' });
    await until('the position is in the book', async () =>
      holdings(await at.positions(LIVE)).includes('HINT 1'),
    );
    const hanging = at.requests().filter(({ account, path }) => account === PAPER && path === '/v2/account');
    expect(hanging).toHaveLength(1);
    // The account that hangs is still in its first cycle, and started no second run beside it.
    expect(agent.cycles.map((cycle) => cycle.number)).not.toContain(1);
    expect(agent.cycles.flatMap((cycle) => cycle.runs.map((entry) => entry.account.name))).not.toContain(
      PAPER,
    );
  });

  test('cycles that overlap are numbered as they start, and each tells its lines in one piece', async () => {
    const at = await world();
    await at.control('fault', {
      broker: 'alpaca',
      account: PAPER,
      resource: 'account',
      kind: 'slow',
      at: 3000,
      times: 1,
    });
    const accounts = (await at.truebook.agentAccounts()).map((entry) => ({ ...entry, watch: false }));
    const agent = await start(at, { accounts });
    await until('both are read', () => agent.lines.includes('INFO Starting sync cycle #1'));
    await ask(at, LIVE);
    await at.advance('4s');
    await cycleCount(agent, 2);
    expect(agent.cycles.map((cycle) => cycle.number)).toEqual([2, 1]);
    const first = agent.lines.indexOf('INFO ✓ Sync cycle #1 completed successfully');
    const second = agent.lines.indexOf('INFO ✓ Sync cycle #2 completed successfully');
    expect(agent.lines.slice(0, 4)).toEqual([
      'INFO Starting sync cycle #1',
      'INFO Starting sync cycle #2',
      'INFO Account alpaca-live',
      'INFO Syncing positions...',
    ]);
    expect(agent.lines.slice(second + 1, second + 5)).toEqual([
      expect.stringMatching(/^INFO Cycle duration: /),
      'INFO Next sync in 300s',
      expect.stringMatching(/^INFO last_sync_time=2/),
      expect.stringMatching(/^INFO Account alpaca-(paper|live)$/),
    ]);
    const told = agent.lines.slice(second, first).filter((line) => line.startsWith('INFO Account '));
    expect(told.sort()).toEqual(['INFO Account alpaca-live', 'INFO Account alpaca-paper']);
  });
});

describe('runs that break off', () => {
  test('are held back, longer each time, and a request is answered once they work again', async () => {
    const at = await world();
    let broken = true;
    let calls = 0;
    const accounts = (await at.truebook.agentAccounts())
      .filter(({ account }) => account.name === PAPER)
      .map((entry) => ({
        ...entry,
        watch: false,
        broker: {
          ...entry.broker,
          readBalances: async (signal?: AbortSignal) => {
            calls += 1;
            if (broken) throw new TypeError('a fault of ours');
            return entry.broker.readBalances(signal);
          },
        },
      }));
    const agent = await start(at, { accounts });
    await cycleCount(agent, 1);
    const answered = ask(at);
    answered.catch(() => undefined);
    // The simulated clock stands still all the time: the pauses count ticks.
    await realSleep(7500);
    expect(calls).toBeGreaterThan(1);
    expect(calls).toBeLessThan(5);
    expect(agent.lines.filter((line) => line.startsWith('ERROR')).length).toBeLessThan(12);
    broken = false;
    expect(await answered).toMatchObject({ by: 'agent', run: { outcome: 'complete' } });
    expect(await ask(at)).toMatchObject({ by: 'agent', run: { outcome: 'complete' } });
    expect((await agent.stop()).errors).toBeGreaterThan(1);
  }, 60_000);
});

describe('asked for less than everything', () => {
  test('a dry run through the agent commits nothing and equals the run that follows', async () => {
    const at = await world();
    const agent = await start(at);
    await cycleCount(agent, 1);
    await at.control('trade', {
      account: PAPER,
      symbol: 'KO',
      side: 'buy',
      quantity: '3',
      price: '70',
      publish: 'never',
    });
    const runs = await at.truebook.store.runs({ limit: 100 });
    const foretold = await ask(at, PAPER, 'all', true);
    expect(foretold).toMatchObject({ by: 'agent', run: { id: 0, outcome: 'complete' } });
    expect(await at.truebook.store.runs({ limit: 100 })).toEqual(runs);
    const made = await ask(at);
    expect(made.by).toBe('agent');
    expect(made.difference).toEqual(foretold.difference);
    expect(made.difference).toMatchObject({ positions: { differing: [{ symbol: 'KO' }] } });
  });

  test('each wish is answered by a run of its own kind', async () => {
    const at = await world();
    const agent = await start(at);
    await cycleCount(agent, 1);
    const answers = await Promise.all([
      ask(at, PAPER, 'positions'),
      ask(at, PAPER, 'all', true),
      ask(at, PAPER, 'transactions'),
      ask(at, PAPER, 'positions'),
    ]);
    expect(answers.map(({ run, difference }) => [run.type, difference?.type])).toEqual([
      ['positions', 'positions'],
      ['all', 'all'],
      ['transactions', 'transactions'],
      ['positions', 'positions'],
    ]);
    expect(answers[0]!.run.id).toBe(answers[3]!.run.id);
  });
});

describe('wishes that nobody waits for, and too many of them', () => {
  const leave = async (at: World, type: SyncType, dryRun: boolean): Promise<number> => {
    const { id } = await at.truebook.account(PAPER);
    const requestedAt = instantNow(at.truebook.clock);
    const wish = {
      accountId: id,
      type,
      trigger: 'command',
      requestedAt,
      requestedBy: 'gone',
      dryRun,
    } as const;
    return at.truebook.store.requestSync(wish);
  };

  test('one run of everything is made by an agent that runs once, whatever somebody left behind', async () => {
    const at = await world();
    await leave(at, 'bankroll', false);
    await leave(at, 'all', true);
    const whole = await leave(at, 'all', false);
    const agent = await start(at, { once: true });
    const { runs } = await agent.ended;
    expect(runs).toMatchObject([{ run: { type: 'all', outcome: 'complete' } }]);
    expect((await at.truebook.store.syncRequest(whole))?.runId).toBe(runs[0]!.run!.id);
    expect((await at.positions(PAPER)).every((row) => row.fresh)).toBe(true);
  });

  test('dry runs without end do not keep the schedule waiting', async () => {
    const at = await world();
    const agent = await start(at);
    await cycleCount(agent, 1);
    await at.advance('10m');
    for (let round = 0; round < 4; round += 1) await ask(at, PAPER, 'all', true);
    const whole = agent.cycles.filter(({ runs }) => runs.some(({ run }) => (run?.id ?? 0) > 0));
    expect(whole.length).toBeGreaterThanOrEqual(2);
  });

  test('of a type that does not exist are answered with a refusal, and no run is made of them', async () => {
    const at = await world();
    await expect(ask(at, PAPER, 'Positions' as SyncType)).rejects.toMatchObject({ code: 'usage' });
    const agent = await start(at);
    await cycleCount(agent, 1);
    await expect(ask(at, PAPER, 'Positions' as SyncType)).rejects.toMatchObject({ code: 'usage' });
    // A row of another program, past every door.
    const id = await leave(at, 'Positions' as SyncType, false);
    await until('the refusal', async () => (await at.truebook.store.syncRequest(id))?.answer !== null);
    expect(await at.truebook.store.syncRequest(id)).toMatchObject({ runId: null, answer: REFUSED });
    expect(
      agent.lines.filter((line) => line.includes('gone asked for an unknown type: Positions')),
    ).toHaveLength(1);
    expect((await ask(at)).by).toBe('agent');
    expect(agent.cycles.flatMap(({ runs }) => runs.map(({ run }) => run?.type))).not.toContain('Positions');
  });

  test('a caller that gives up takes its wish back', async () => {
    const at = await world();
    const { account, broker } = (await at.truebook.agentAccounts()).find(
      (entry) => entry.account.name === PAPER,
    )!;
    // An agent that holds the account and does nothing.
    const stuck = { ...at.truebook.holder('agent'), incarnation: 'stuck' };
    await at.truebook.store.acquireLease(account.id, stuck, 60_000);
    const giveUp = new AbortController();
    const asked = requestSync(at.truebook.dependencies({ account, broker }, 'test'), account, {
      holder: at.truebook.holder('command'),
      isGone: () => false,
      trigger: 'command',
      type: 'bankroll',
      requestedBy: 'test',
      signal: giveUp.signal,
    });
    await until('the wish', async () => (await at.truebook.store.pendingRequests([account.id])).length === 1);
    giveUp.abort();
    await expect(asked).rejects.toMatchObject({ code: 'stopped' });
    expect(await at.truebook.store.pendingRequests([account.id])).toEqual([]);
  });
});

function ask(
  at: World,
  name = PAPER,
  type: SyncType = 'all',
  dryRun = false,
): ReturnType<typeof requestSync> {
  return at.truebook.agentAccounts().then(async (accounts) => {
    const seat = accounts.find(({ account }) => account.name === name)!;
    return requestSync(at.truebook.dependencies(seat, 'test'), seat.account, {
      holder: { ...at.truebook.holder('command'), incarnation: 'another process' },
      isGone: () => false,
      trigger: 'command',
      type,
      dryRun,
      requestedBy: 'test',
    });
  });
}

describe('one writer', () => {
  test('a second agent is refused and told who holds the account', async () => {
    const at = await world();
    const agent = await start(at);
    await cycleCount(agent, 1);
    const second = runAgent({
      store: at.truebook.store,
      clock: at.truebook.clock,
      log: {
        debug: () => undefined,
        info: () => undefined,
        warning: () => undefined,
        error: () => undefined,
      },
      accounts: (await at.truebook.agentAccounts()).filter(({ account }) => account.name === PAPER),
      holder: { ...at.truebook.holder('agent'), incarnation: 'another process' },
      isGone: () => false,
      dependencies: at.truebook.dependencies,
      once: true,
      stop: new AbortController().signal,
    });
    await expect(second).rejects.toMatchObject({
      code: 'lease_held',
      message: expect.stringContaining(`process id ${process.pid}`) as string,
    });
  });

  test('an account that another agent kept at the start is taken over once it is free', async () => {
    const at = await world();
    const { store } = at.truebook;
    const accounts = await at.truebook.agentAccounts();
    const { account } = accounts.find((entry) => entry.account.name === PAPER)!;
    const other = { ...at.truebook.holder('agent'), incarnation: 'another agent', processId: process.ppid };
    const grant = await store.acquireLease(account.id, other, 60_000);
    if (!('lease' in grant)) throw new Error('the other agent did not get it');
    const kept: string[][] = [];
    const agent = await start(at, {
      accounts: accounts.map((entry) => ({ ...entry, watch: false })),
      onStarted: (names) => void kept.push(names.map(({ name }) => name)),
    });
    await cycleCount(agent, 1);
    await at.advance('20s');
    await realSleep(1_500);
    expect(kept).toEqual([[LIVE]]);

    await store.releaseLease(grant.lease);
    await at.advance('20s');
    await until('it is synced', async () => (await store.lastRun(account.id))?.outcome === 'complete');
    expect(kept).toEqual([[LIVE], [LIVE, PAPER]]);
    expect(agent.lines).toContain(`INFO ${PAPER} was free and is looked after from now on.`);
    expect((await store.leaseState(account.id))?.holder?.processId).toBe(process.pid);
  });

  test('the account of a process that is gone is taken over at once', async () => {
    const at = await world();
    const account = await at.truebook.account(PAPER);
    const dead = { ...at.truebook.holder('agent'), incarnation: 'dead', processId: 2 ** 22 + 1 };
    await at.truebook.store.acquireLease(account.id, dead, 60_000);
    const agent = await start(at);
    await cycleCount(agent, 1);
    expect(agent.cycles[0]!.runs[0]!.run?.outcome).toBe('complete');
  });
});

describe('freshness', () => {
  test('nothing is fresh from the moment an agent starts until its first verified run', async () => {
    const at = await world();
    await at.sync(PAPER);
    expect((await at.positions(PAPER))[0]).toMatchObject({ fresh: true, why: null });
    const accounts = (await at.truebook.agentAccounts())
      .filter(({ account }) => account.name === PAPER)
      .map((entry) => ({ ...entry, enabled: false, watch: false }));
    await start(at, { accounts });
    await until('no longer fresh', async () => (await at.positions(PAPER))[0]?.fresh === false);
    expect((await at.positions(PAPER))[0]?.why).toMatch(/^agent_started/);
    await ask(at);
    expect((await at.positions(PAPER))[0]).toMatchObject({ fresh: true, why: null });
  });

  test('it ages by the clock and says so', async () => {
    const at = await world();
    await at.sync(PAPER);
    await at.advance('6m');
    expect((await at.positions(PAPER))[0]).toMatchObject({ age: 360, fresh: true });
    await at.advance('1s');
    expect((await at.positions(PAPER))[0]).toMatchObject({
      age: 361,
      fresh: false,
      why: 'stale: 361 s old, at most 360 s allowed',
    });
  });
});

describe('how it stops', () => {
  test('within ten seconds, also while a broker never answers; what was believed stays', async () => {
    const at = await world();
    await at.sync(PAPER);
    const before = holdings(await at.positions(PAPER));
    await at.control('fault', { broker: 'alpaca', account: PAPER, resource: 'account', kind: 'timeout' });
    const agent = await start(at);
    await until('the cycle hangs', () => agent.lines.includes('INFO Starting sync cycle #1'));
    await realSleep(300);
    const asked = realMonoMs();
    await agent.stop();
    expect(realMonoMs() - asked).toBeLessThan(10_000);
    expect(holdings(await at.positions(PAPER))).toEqual(before);
    await at.faultsOff();
    expect(await at.sync(PAPER)).toMatchObject({ outcome: 'complete' });
  });
});
