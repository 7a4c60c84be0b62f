/** A world in motion: services that are kept running, people, faults as they strike, and the oracle that looks on. */
import { copyFileSync, existsSync, renameSync, rmSync } from 'node:fs';
import { type Truebook } from '../../src/compose.ts';
import { now as instantNow } from '../../src/domain/time.ts';
import { type Fault } from '../../src/sandbox/faults.ts';
import { SYNC_TYPES } from '../../src/store/store.ts';
import { LEASE_TTL_MS } from '../../src/sync/requestSync.ts';
import { openDifference, personsAdjustment } from '../../src/sync/personsAdjustment.ts';
import { LIVE, PAPER, type AccountName, type Answer } from './brokerage.ts';
import { type Chance } from './chance.ts';
import { type SimRequest } from './network.ts';
import { Judge } from './oracle/judge.ts';
import { Received } from './oracle/received.ts';
import { openSql, type Sql } from './oracle/sql.ts';
import { States } from './oracle/states.ts';
import { Traffic } from './oracle/traffic.ts';
import { agentProgram, bookCommand, openReader, syncCommand, type ProgramEvents } from './programs.ts';
import { waiting } from './machine/waiting.ts';
import { type Machine, type SimProcess } from './process.ts';
import { Killed, runAs } from './stage.ts';
import { World, type WorldPlan } from './world.ts';

/** An agent that somebody wants to run: started again whenever it ends. */
interface Service {
  readonly machine: Machine;
  wanted: boolean;
  process: SimProcess | null;
  stop: AbortController;
}

export interface LifeOptions {
  readonly plan: WorldPlan;
  readonly folder: string;
  readonly template: string;
  readonly trace: ((line: string) => void) | null;
}

const HOUR_MS = 3_600_000;
/** More of them is a loop that nobody asked for: people, hints and several agents come to a tenth of it. */
const RUNS_AN_HOUR = 300;

export class Life {
  readonly world: World;
  readonly states = new States();
  readonly received = new Received();
  readonly traffic: Traffic;
  readonly faults = new Map<string, number>();
  readonly services: Service[] = [];
  readonly accounts: readonly AccountName[];
  kills = 0;
  commits = 0;
  runs = 0;
  #judge: Judge | null = null;
  #reader: { readonly process: SimProcess; readonly book: Truebook } | null = null;
  #commits: SimProcess[] = [];
  #wantsLook = false;
  #commitTimes: number[] = [];
  #watched: { readonly kind: string; readonly fault: Fault }[] = [];
  #lags = new Map<string, number>();
  readonly #keptBy = new WeakMap<SimProcess, ReadonlySet<number>>();
  #armedPauseMs: number | null = null;
  #databaseHidden = false;
  #busy: Promise<unknown>[] = [];
  /** True when faults are over: nobody dies any more. */
  isQuiet = false;
  readonly events: ProgramEvents;

  constructor(options: LifeOptions) {
    this.accounts = options.plan.accounts;
    this.traffic = new Traffic((invariant, holds, says) => this.#judge?.hold(invariant, holds, says));
    this.world = new World(
      options.plan,
      options.folder,
      options.template,
      {
        onFault: (kind) => this.count(kind),
        onRequest: (request) => {
          this.received.sent(request);
          this.traffic.see(request, this.world.queue.nowMs);
        },
        onDelivered: (request, answer, askedMs) => this.#delivered(request, answer, askedMs),
      },
      options.trace,
    );
    this.world.onLine = (line) => {
      const met = / error: .*\b(lease_held|lease_lost|storage_[a-z]+)\b/.exec(line);
      if (met !== null) this.states.reach(`a program met ${met[1]}`);
    };
    this.events = {
      onAgentStarted: (process) => this.#agentStarted(process),
      onRuns: () => undefined,
      onTold: (process, step, result) => {
        if (step !== 'commit' || result === null) return;
        this.judge.told((result as { id: number }).id, process.id);
      },
      onCrash: (process, error) => this.judge.broken('X01', `${process.id}: ${stackOf(error)}`),
    };
  }

  get judge(): Judge {
    if (this.#judge === null) throw new Error('this life has not begun');
    return this.#judge;
  }

  async begin(): Promise<void> {
    // The database of a server is empty: a first command makes its tables, as the template has them.
    if (this.world.plan.databaseUrl !== null) {
      const process = this.world.start('command', this.world.machines[0]);
      await runAs(process, () =>
        bookCommand(this.world, process, this.events, async ({ store }) => void (await store.accounts())),
      );
    }
    this.#judge = new Judge(this.world, await openSql(this.world.databaseUrl), this.states, this.received);
  }

  // ---- what the world does to it ------------------------------------------------------------------------------------

  count(kind: string, times = 1): void {
    if (times > 0) this.faults.set(kind, (this.faults.get(kind) ?? 0) + times);
  }

  after(ms: number, label: string, work: () => void): void {
    this.world.queue.after(ms, label, work);
  }

  during(ms: number, begin: () => void, end: () => void): void {
    begin();
    this.after(ms, 'a fault ends', end);
  }

  watchFault(kind: string, fault: Fault): void {
    this.#watched.push({ kind, fault });
  }

  /** Counts what the broker's own faults have done. */
  countWatched(): void {
    for (const { kind, fault } of this.#watched.splice(0)) this.count(kind, fault.applied);
  }

  anyAccount(chance: Chance): AccountName {
    return chance.pick(this.accounts);
  }

  /** At most one kind of answer lags at a time: several that lie alike can be told by nobody (docs/reliability.md). */
  claimLag(account: string, ms: number): boolean {
    const { nowMs } = this.world.queue;
    if ((this.#lags.get(account) ?? 0) > nowMs) return false;
    this.#lags.set(account, nowMs + ms);
    return true;
  }

  /** Some kind of answer lags, of whatever account. */
  get isLagging(): boolean {
    return [...this.#lags.values()].some((untilMs) => untilMs > this.world.queue.nowMs);
  }

  #delivered(request: SimRequest, answer: Answer, askedMs: number): void {
    this.received.delivered(request, answer, askedMs);
    if (this.#armedPauseMs === null || request.resource !== 'positions') return;
    request.process.pause(this.#armedPauseMs);
    this.#armedPauseMs = null;
    this.count('pause-in-run');
  }

  // ---- commits and looks --------------------------------------------------------------------------------------------

  committed(process: SimProcess): void {
    this.commits += 1;
    const { nowMs } = this.world.queue;
    this.#commitTimes = [...this.#commitTimes.filter((ms) => ms > nowMs - HOUR_MS), nowMs];
    this.judge.hold(
      'I31',
      this.#commitTimes.length <= RUNS_AN_HOUR,
      () => `${this.#commitTimes.length} runs within an hour`,
    );
    this.#commits.push(process);
  }

  wantLook(): void {
    this.#wantsLook = true;
  }

  /** Waits until everything an event set off is done, then looks where something was committed. */
  async settle(): Promise<void> {
    await immediate();
    while (waiting.answers > 0) await immediate();
    while (this.#busy.length > 0) await Promise.all(this.#busy.splice(0));
    if ((this.#commits.length === 0 && !this.#wantsLook) || this.#databaseHidden) return;
    const commits = this.#commits.splice(0);
    const isAsked = this.#wantsLook;
    this.#wantsLook = false;
    const by = new Set(commits.map((process) => process.id));
    const reader = await this.#openReader();
    const look = (): Promise<void> =>
      this.judge.afterCommit(reader?.book ?? null, by.size === 1 ? [...by][0]! : null, isAsked);
    await (reader === null ? look() : runAs(reader.process, look));
  }

  async #openReader(): Promise<{ readonly process: SimProcess; readonly book: Truebook } | null> {
    if (this.#reader?.process.alive === true) return this.#reader;
    if (this.#databaseHidden) return null;
    const process = this.world.start('reader', this.world.machines[0]);
    const book = await runAs(process, () => openReader(this.world, process, this.events));
    this.#reader = { process, book };
    return this.#reader;
  }

  /** What the account's owner is shown now. */
  async shown(name: AccountName) {
    const reader = await this.#openReader();
    const memory = (await this.judge.memories()).find((one) => one.name === name);
    if (reader === null || memory === undefined) return null;
    return runAs(reader.process, () => this.judge.look(reader.book, memory, true));
  }

  async withReader<Result>(work: (book: Truebook) => Promise<Result>): Promise<Result> {
    const reader = (await this.#openReader())!;
    return runAs(reader.process, () => work(reader.book));
  }

  // ---- services -----------------------------------------------------------------------------------------------------

  /** Keeps an agent running on this machine. */
  serve(machine: Machine, delayMs: number): Service {
    const service: Service = { machine, wanted: true, process: null, stop: new AbortController() };
    this.services.push(service);
    this.after(delayMs, 'an agent is started', () => this.#start(service));
    return service;
  }

  #start(service: Service): void {
    if (!service.wanted || service.process !== null) return;
    if (this.#databaseHidden) {
      this.after(60_000, 'an agent waits for its database', () => this.#start(service));
      return;
    }
    const process = this.world.start('agent', service.machine);
    service.process = process;
    service.stop = new AbortController();
    const again = (): void => {
      if (service.process !== process) return;
      service.process = null;
      // What ended by itself (another one holds the account) is tried again at leisure.
      const seconds =
        process.diedAt === null ? process.chance.integer(60, 420) : process.chance.integer(5, 120);
      this.after(seconds * 1_000, 'an agent is started again', () => this.#start(service));
    };
    process.onDeath = (where) => {
      this.kills += 1;
      if (where.startsWith('store')) this.states.reach(`killed at the ${where}`);
      again();
    };
    void runAs(process, () => agentProgram(this.world, process, this.events, service.stop.signal)).then(
      again,
      (error: unknown) => {
        if (!(error instanceof Killed)) this.events.onCrash(process, error);
        again();
      },
    );
  }

  stopAgents(): void {
    for (const service of this.services) {
      service.wanted = false;
      service.stop.abort();
    }
  }

  /** Whoever looks next reads the settings anew. */
  forgetReader(): void {
    this.#reader?.process.end();
    this.#reader = null;
  }

  restartAgents(why: string): void {
    this.world.queue.note(`agents are restarted: ${why}`);
    for (const service of this.services) if (service.wanted) service.stop.abort();
  }

  #agentStarted(process: SimProcess): void {
    const held = this.judge
      .sql(
        `SELECT account_id FROM lease WHERE process_id = ${process.pid} AND host = '${process.machine.name}'`,
      )
      .then((rows) => {
        // An agent that took one more over has looked at the others already.
        const known = this.#keptBy.get(process) ?? new Set();
        const kept = rows.map((row) => Number(row['account_id']));
        this.#keptBy.set(process, new Set(kept));
        return this.judge.agentStarted(kept.filter((id) => !known.has(id)));
      });
    this.#busy.push(held);
    this.#wantsLook = true;
  }

  #living(chance: Chance): SimProcess | null {
    const living = this.world.machines
      .flatMap((machine) => [...machine.processes.values()])
      .filter((process) => process.kind !== 'reader' && process.alive);
    return living.length === 0 || this.isQuiet ? null : chance.pick(living);
  }

  condemn(points: number, chance: Chance): void {
    const process = this.#living(chance);
    if (process === null || process.killAtPoint !== null) return;
    process.killAtPoint = points;
    this.count('kill-at-store');
  }

  killSomebody(chance: Chance): void {
    const process = this.#living(chance);
    if (process === null) return;
    this.count('kill');
    process.kill('where it stands');
  }

  pauseSomebody(ms: number, chance: Chance): void {
    const process = this.#living(chance);
    if (process === null) return;
    this.count('pause');
    process.pause(ms);
  }

  pauseInRun(ms: number, chance: Chance): void {
    if (this.isQuiet) return;
    this.#armedPauseMs = ms;
    // Where another one waits, the lease is taken over meanwhile.
    if (chance.maybe(0.6)) this.secondAgent(chance);
  }

  secondAgent(chance: Chance): void {
    if (this.isQuiet || this.services.filter((one) => one.wanted).length > 1) return;
    this.count('second-agent');
    const service = this.serve(chance.pick(this.world.machines), chance.integer(1, 60) * 1_000);
    this.after(chance.integer(10, 90) * 60_000, 'the second agent is stopped', () => {
      service.wanted = false;
      service.stop.abort();
    });
  }

  jump(ms: number, chance: Chance): void {
    chance.pick(this.world.machines).wallOffsetMs = ms;
  }

  suspend(ms: number, chance: Chance): void {
    const machine = chance.pick(this.world.machines);
    if (machine.processes.size === 0 || this.isQuiet) return;
    this.count('suspend');
    for (const process of machine.processes.values()) if (process.kind !== 'reader') process.pause(ms);
    machine.slept(ms);
  }

  /** Everything sleeps, agents too: the lids are closed for the night. */
  sleepOver(ms: number): void {
    this.count('slept-over');
    for (const machine of this.world.machines) {
      for (const process of machine.processes.values()) if (process.kind !== 'reader') process.pause(ms);
      machine.slept(ms);
    }
  }

  // ---- the database ---------------------------------------------------------------------------------------------------

  hideDatabase(ms: number): void {
    if (this.isQuiet || this.#databaseHidden || this.world.plan.databaseUrl !== null) return;
    this.count('database-gone');
    this.#databaseHidden = true;
    moveAll(this.world.databaseFile, `${this.world.databaseFile}.away`);
    this.after(ms, 'the database file is back', () => {
      moveAll(`${this.world.databaseFile}.away`, this.world.databaseFile);
      this.#databaseHidden = false;
    });
  }

  restoreBackup(ageMs: number): void {
    if (this.isQuiet || this.#databaseHidden || this.world.plan.databaseUrl !== null) return;
    const backup = `${this.world.databaseFile}.backup`;
    rmSync(backup, { force: true });
    this.#busy.push(this.judge.sql(`VACUUM INTO '${backup}'`));
    this.after(ageMs, 'a backup is put back', () => {
      if (this.isQuiet || this.#databaseHidden) return;
      this.count('restored');
      for (const machine of this.world.machines)
        for (const process of [...machine.processes.values()]) process.kill('stopped for a restore');
      this.#busy.push(this.#putBack(backup));
    });
  }

  async #putBack(backup: string): Promise<void> {
    const epoch = await this.#paperEpoch();
    await this.judge.sql.close();
    const file = this.world.databaseFile;
    for (const name of [file, `${file}-wal`, `${file}-shm`]) rmSync(name, { force: true });
    copyFileSync(backup, file);
    this.judge.restored(await openSql(this.world.databaseUrl));
    this.states.reach('an older backup was put back');
    this.#wantsLook = true;
    // A backup from before a reset: its owner has to begin the new epoch once more.
    if ((await this.#paperEpoch()) === epoch) return;
    this.world.brokerage.hasReset = true;
    this.after(20 * 60_000, 'a new epoch is started again', () => this.newEpoch());
  }

  async #paperEpoch(): Promise<unknown> {
    const [row] = await this.judge.sql(`SELECT epoch FROM account WHERE name = '${PAPER}'`);
    return row?.['epoch'];
  }

  // ---- people ---------------------------------------------------------------------------------------------------------

  #command(work: (process: SimProcess) => Promise<unknown>): void {
    if (this.#databaseHidden) return;
    const process = this.world.start('command', this.world.machines[0]);
    process.onDeath = (where) => {
      this.kills += 1;
      if (where.startsWith('store')) this.states.reach('a command was killed at the store');
    };
    for (const service of this.services) if (service.process !== null) service.process.attend(60_000);
    void runAs(process, () => work(process)).catch((error: unknown) => {
      if (!(error instanceof Killed)) this.events.onCrash(process, error);
    });
  }

  syncNow(chance: Chance): void {
    const account = this.anyAccount(chance);
    const type = chance.maybe(0.5) ? 'all' : chance.pick(SYNC_TYPES);
    const dryRun = chance.maybe(0.15);
    this.count('sync-now');
    this.#command(async (process) => {
      const outcome = await syncCommand(this.world, process, this.events, account, type, dryRun);
      if (outcome === null) return;
      this.states.reach(`a command was answered ${outcome.by === 'agent' ? 'by the agent' : 'here'}`);
      if (dryRun) this.states.reach('a dry run was answered');
      else if (outcome.run.id > 0) this.judge.told(outcome.run.id, process.id);
    });
  }

  resolveSomething(chance: Chance): void {
    const dismisses = chance.maybe(0.3);
    const as = chance.pick(['external-change', 'transfer', 'opening'] as const);
    this.#command((process) =>
      bookCommand(this.world, process, this.events, async ({ store, clock }) => {
        const findings = (await store.findings({ states: ['open', 'reopened'] })).filter(
          (row) =>
            row.instrument !== null &&
            row.expected !== null &&
            row.observed !== null &&
            row.type !== 'quarantine' &&
            row.type !== 'choice',
        );
        if (findings.length === 0) return;
        const finding = chance.pick(findings);
        const at = instantNow(clock);
        const answer = { as, price: null, basis: null, date: null, reason: 'it is so' };
        await store.decideFinding({
          accountId: finding.accountId,
          findingId: finding.id,
          state: dismisses ? 'dismissed' : 'resolved',
          reason: 'it is so',
          actor: 'user',
          at,
          adjustment: dismisses
            ? null
            : personsAdjustment(await openDifference(store, finding, at), answer, at),
        });
        this.count('resolve');
        this.states.reach(dismisses ? 'a finding was dismissed' : 'a finding was settled by hand');
      }),
    );
  }

  announceSomething(chance: Chance): void {
    const account = this.anyAccount(chance);
    const order = this.world.brokerage.account(account).orders.at(-1);
    if (order === undefined) return;
    this.#command((process) =>
      bookCommand(this.world, process, this.events, async ({ store, clock }) => {
        const known = await store.findAccount(account);
        if (known === null) return;
        await store.announceOrder(known.id, order.id, instantNow(clock));
        this.count('announce');
        this.states.reach('an order was announced');
      }),
    );
  }

  /** The broker resets the paper account; some minutes later its owner starts a new epoch. */
  resetAccount(): void {
    if (this.isQuiet) return;
    if (this.world.brokerage.play('account', { account: PAPER, action: 'reset' }) === null) return;
    this.count('reset');
    this.after(20 * 60_000, 'a new epoch is started', () => this.newEpoch());
  }

  /** What `truebook accounts new-epoch` does, after the agents were stopped for it. */
  newEpoch(): void {
    for (const service of this.services) service.stop.abort();
    this.after(15_000, 'the owner begins the new epoch', () => {
      this.#command((process) =>
        bookCommand(this.world, process, this.events, async (book) => {
          const account = await book.store.findAccount(PAPER);
          if (account === null) return;
          const grant = await book.store.acquireLease(
            account.id,
            book.holder('command'),
            LEASE_TTL_MS,
            book.isGone,
          );
          if ('heldBy' in grant) {
            this.after(30_000, 'the owner tries again', () => this.newEpoch());
            return;
          }
          await book.store.newEpoch(grant.lease, instantNow(book.clock), 'user');
          await book.store.releaseLease(grant.lease);
          this.world.brokerage.hasReset = false;
          this.states.reach('a new epoch was started');
        }),
      );
    });
  }

  get isDatabaseHidden(): boolean {
    return this.#databaseHidden;
  }

  async end(): Promise<void> {
    this.countWatched();
    await this.#judge?.sql.close();
    this.world.close();
  }
}

/** The accounts of a seed: mostly one, because a second costs as much as the first. */
export function accountsOf(chance: Chance): readonly AccountName[] {
  return chance.maybe(0.15) ? [PAPER, LIVE] : [PAPER];
}

export function immediate(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function moveAll(from: string, to: string): void {
  for (const ending of ['', '-wal', '-shm'])
    if (existsSync(from + ending)) renameSync(from + ending, to + ending);
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

export type { Sql };
