/** One seed from its first event to its verdict: hours of faults, then quiet, in which everything must come to rest. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { LIVE, PAPER } from './brokerage.ts';
import { chanceOf, type Chance } from './chance.ts';
import { FAULT_KINDS, type FaultKind } from './faults.ts';
import { accountsOf, immediate, Life } from './life.ts';
import { closeIdleLines } from './machine/sqlite.ts';
import { watch } from './machine/witness.ts';
import { flipSomething } from './oracle/tamper.ts';
import { restingProofs, seesNoSecret, unrest } from './oracle/quiet.ts';
import { type SeedOptions, type SeedResult } from './messages.ts';
import { doSomething, playHistory } from './people.ts';
import { bookCommand } from './programs.ts';
import { runAs } from './stage.ts';
import { World, type WorldPlan, writeTemplate } from './world.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** Every seed is another mix: some kinds on, at a rate of their own (swarm testing). */
function swarm(chance: Chance, options: SeedOptions): readonly (readonly [FaultKind, number])[] {
  const share = chance.pick([0.15, 0.3, 0.3, 0.5]);
  return FAULT_KINDS.flatMap((kind) => {
    const own = chance.fork(`kind ${kind.id}`);
    const isOn = options.only === null ? own.maybe(share) : options.only.includes(kind.id);
    const rate = kind.perHour * own.pick([0.5, 1, 2]) * (options.intensity ?? 1);
    return isOn && !options.without.includes(kind.id) ? [[kind, rate] as const] : [];
  });
}

function planOf({ seed, level, databaseUrl, accounts }: SeedOptions, chance: Chance): WorldPlan {
  const day = chance.pick(['2025-08-18', '2025-08-20', '2025-08-21', '2025-08-22', '2025-08-23']);
  const time = chance.pick(['13:35:00', '15:10:00', '17:20:00', '19:40:00', '21:00:00', '23:30:00']);
  return {
    seed,
    level,
    databaseUrl,
    accounts: accounts === 2 ? [PAPER, LIVE] : accountsOf(chance.fork('accounts')),
    scenario: chance.maybe(0.06) ? 'default' : 'empty',
    beginsAt: `${day}T${time}Z`,
    intervalSeconds: chance.pick([900, 1200, 1800, 1800, 2700, 3600]),
    watchesStream: chance.maybe(0.6),
    marksMissingAsClosed: chance.maybe(0.05),
  };
}

export async function runSeed(options: SeedOptions, template: string): Promise<SeedResult> {
  const startedAt = performance.now();
  const chance = chanceOf(`seed ${options.seed}`);
  const plan = planOf(options, chance.fork('plan'));
  const life = new Life({ plan, folder: options.folder, template, trace: options.trace });
  const { world } = life;
  watch({
    level: options.level,
    beforeCommit: (process, [row]) => {
      life.judge.hold(
        'I23',
        row?.['process_id'] === process.pid && row['host'] === process.machine.name,
        () =>
          `${process.id} commits a run while the lease is of ${String(row?.['process_id'])}@${String(row?.['host'])}`,
      );
      life.runs += 1;
    },
    afterCommit: (process) => life.committed(process),
  });
  const kinds = swarm(chance.fork('swarm'), options);
  try {
    await life.begin();
    const databaseIsOurs = options.databaseUrl === null;
    const isLong = options.profile === 'long';
    prepare(life, chance.fork('history'), isLong);
    life.serve(world.machines[0], chance.fork('start').integer(0, isLong ? 2_400 : 30) * 1_000);
    const endMs = options.hours * HOUR_MS;
    for (const [kind, rate] of kinds) strikeNow(life, kind, rate, chance.fork(`strikes ${kind.id}`), endMs);
    trading(life, chance.fork('people'), endMs);
    looks(life, chance.fork('looks'), endMs);
    const isBroken = (): boolean => life.judge.violations.length > 0;
    await world.queue.run(endMs, () => life.settle(), isBroken);
    if (!isBroken())
      await comeToRest(life, isBroken, databaseIsOurs && kinds.some(([kind]) => kind.id === 'bit-flip'));
    if (!life.isDatabaseHidden) await seesNoSecret(life);
  } finally {
    if (options.keep !== null && life.judge.violations.length > 0)
      await life.judge.sql(`VACUUM INTO '${path.resolve(options.keep)}'`);
    await life.end();
    watch(null);
  }
  const { violations } = life.judge;
  return {
    seed: options.seed,
    hours: options.hours,
    traceHash: world.queue.traceHash(),
    events: world.queue.events,
    simulatedMs: world.queue.nowMs,
    realMs: performance.now() - startedAt,
    kills: life.kills,
    runs: life.runs,
    requests: life.traffic.requests,
    fills: life.accounts.reduce(
      (sum, name) =>
        sum + world.brokerage.account(name).entries.filter((entry) => entry.kind === 'fill').length,
      0,
    ),
    checks: life.judge.checks,
    faults: Object.fromEntries(life.faults),
    states: Object.fromEntries(life.states.reached),
    kinds: kinds.map(([kind]) => kind.id),
    violations,
    recent: violations.length > 0 ? world.queue.recent(200) : [],
  };
}

/** Trading days that lie behind: some seeds begin with a ledger that is longer than a page, or than two. */
function prepare(life: Life, chance: Chance, isLong: boolean): void {
  for (const account of life.accounts)
    playHistory(
      life.world.brokerage,
      account,
      chance.fork(account),
      chance.maybe(isLong ? 0.6 : 0.12) ? chance.integer(150, 260) : chance.integer(0, 14),
      life.world.beginMs,
    );
}

function strikeNow(life: Life, kind: FaultKind, perHour: number, chance: Chance, endMs: number): void {
  const gapMs = Math.round((-Math.log(1 - chance.unit()) / perHour) * HOUR_MS);
  if (life.world.queue.nowMs + gapMs > endMs) return;
  life.after(gapMs, `fault ${kind.id}`, () => {
    kind.strike(life, chance);
    strikeNow(life, kind, perHour, chance, endMs);
  });
}

function trading(life: Life, chance: Chance, endMs: number): void {
  const gapMs = chance.integer(2, 80) * MINUTE_MS;
  if (life.world.queue.nowMs + gapMs > endMs) return;
  life.after(gapMs, 'something happens at the broker', () => {
    const what = doSomething(life.world.brokerage, life.anyAccount(chance), chance, life.isLagging);
    life.count(`trading: ${what}`);
    trading(life, chance, endMs);
  });
}

/** Moments at which somebody looks, whatever the agents do. */
function looks(life: Life, chance: Chance, endMs: number): void {
  const gapMs = chance.integer(10, 60) * MINUTE_MS;
  if (life.world.queue.nowMs + gapMs > endMs) return;
  life.after(gapMs, 'somebody looks', () => {
    life.wantLook();
    looks(life, chance, endMs);
  });
}

/** How long it may take until everything is at rest: a broker's longest Retry-After, a search an hour, and some cycles. */
const REST_MS = 3 * HOUR_MS;
const QUIET_INTERVAL_SECONDS = 300;
const ONCE_MORE_STEP_MS = 150_000;

async function comeToRest(life: Life, isBroken: () => boolean, flips: boolean): Promise<void> {
  const { world } = life;
  const settle = (): Promise<void> => life.settle();
  life.isQuiet = true;
  life.countWatched();
  world.network.clear();
  world.streams.clear();
  world.disk.clear();
  world.brokerage.faults.clear();
  for (const machine of world.machines) [machine.wallOffsetMs, machine.driftPpm] = [0, 0];
  for (const machine of world.machines)
    for (const process of machine.processes.values()) process.killAtPoint = null;
  // Some agents live through it: what went wrong inside them must heal inside them too.
  const goesOn = world.intervalSeconds >= 1_800 && world.chance.fork('goes on').maybe(0.4);
  if (!goesOn) world.intervalSeconds = QUIET_INTERVAL_SECONDS;
  // What was on its way may end, pauses of 12 minutes too; the machine is off until the broker has published all of the day.
  await world.queue.run(world.queue.nowMs + 13 * MINUTE_MS, settle, isBroken);
  if (!goesOn) {
    life.stopAgents();
    await world.queue.run(world.queue.nowMs + 20 * MINUTE_MS, settle, isBroken);
  }
  const dueMs = world.brokerage.lastDueMs();
  const waitMs = dueMs === null ? 0 : dueMs - world.beginMs - world.queue.nowMs;
  // A night in which agents only wait costs more than all the rest of a seed: mostly the machines sleep through it.
  if (goesOn && waitMs > HOUR_MS && world.chance.fork('sleeps').maybe(0.9)) life.sleepOver(waitMs);
  if (dueMs !== null) await world.queue.run(dueMs - world.beginMs + MINUTE_MS, settle, isBroken);
  if (world.brokerage.hasReset && !isBroken()) {
    life.newEpoch();
    await world.queue.run(world.queue.nowMs + 2 * MINUTE_MS, settle, isBroken);
  }
  if (!goesOn) life.serve(world.machines[0], 1_000);
  const stepMs = goesOn ? 1_800_000 : QUIET_INTERVAL_SECONDS * 1_000;
  const lastMs = world.queue.nowMs + (goesOn ? 2 * REST_MS : REST_MS);
  let left: Awaited<ReturnType<typeof unrest>> = [];
  while (world.queue.nowMs < lastMs && !isBroken()) {
    await world.queue.run(world.queue.nowMs + stepMs, settle, isBroken);
    left = (await Promise.all(life.accounts.map((name) => unrest(life, name)))).flat();
    if (left.length === 0) break;
  }
  if (isBroken()) return;
  for (const [invariant, says] of left) life.judge.broken(invariant, says);
  if (left.length > 0) return;
  for (const name of life.accounts) await restingProofs(life, name);
  await onceMore(life, isBroken, goesOn ? world.intervalSeconds : QUIET_INTERVAL_SECONDS);
  if (!isBroken() && flips) await flipSomething(life, world.chance.fork('flip'));
}

/** The same run once more finds nothing new. It is waited for, two intervals at most. */
async function onceMore(life: Life, isBroken: () => boolean, intervalSeconds: number): Promise<void> {
  const count = async (): Promise<string> =>
    JSON.stringify(
      await life.judge.sql('SELECT chain, seq FROM chain_head WHERE account_id IS NOT NULL ORDER BY chain'),
    );
  const before = await count();
  const { queue } = life.world;
  const [runsBefore, lastMs] = [life.runs, queue.nowMs + 2 * intervalSeconds * 1_000];
  while (life.runs === runsBefore && queue.nowMs < lastMs && !isBroken())
    await queue.run(queue.nowMs + ONCE_MORE_STEP_MS, () => life.settle(), isBroken);
  const after = await count();
  life.judge.hold(
    'I28',
    before === after,
    () => `runs that read the same changed the chains from ${before} to ${after}`,
  );
}

/** An empty, migrated database, and everything loaded that the product loads late. */
export async function makeTemplate(folder: string): Promise<string> {
  const template = path.join(folder, 'template.db');
  writeTemplate(template, Buffer.alloc(0));
  watch({ level: 1, beforeCommit: () => undefined, afterCommit: () => undefined });
  const plan = planOf({ seed: 0, level: 1, databaseUrl: null } as SeedOptions, chanceOf('template'));
  const world = new World(
    plan,
    path.join(folder, 'template'),
    template,
    { onFault: () => undefined, onRequest: () => undefined, onDelivered: () => undefined },
    null,
  );
  const process = world.start('command', world.machines[0]);
  const crash = (error: unknown): never => {
    throw error;
  };
  const events = {
    onAgentStarted: () => undefined,
    onRuns: () => undefined,
    onTold: () => undefined,
    onCrash: (_process: unknown, error: unknown) => crash(error),
  };
  await runAs(process, () =>
    bookCommand(world, process, events, async (book) => void (await book.agentAccounts())),
  );
  // Loaded at their first use by the product: here before time begins, or the first seed would not be like the others.
  await Promise.all([import('../../src/brokers/registry.ts'), import('./machine/websocket.ts')]);
  await immediate();
  // The last connection that closes moves the write-ahead log into the file.
  closeIdleLines();
  writeTemplate(template, readFileSync(world.databaseFile));
  world.close();
  watch(null);
  return template;
}
