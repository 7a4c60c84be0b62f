/**
 * A trial: one row of the matrix on one database. It begins with a healthy book, lets the row do its harm, ends the
 * fault, and has the judge look after every run; what it counts on the way are the row's figures.
 */
import { errorText } from '../../src/domain/errors.ts';
import { realMonoMs, realSleep } from '../../src/platform.ts';
import { type LeaseHolder, type SyncType } from '../../src/store/store.ts';
import { type DatabaseKind } from '../world/world.ts';
import { type BookLook } from './bookLook.ts';
import { startPostgres } from '../postgres.ts';
import { Judge } from './judge.ts';
import { leaks, rowsAsText, secretsOf } from './secrets.ts';
import { type Canary } from '../canary.ts';
import {
  endWord,
  openTrialWorld,
  PAPER,
  type CycleEnd,
  type Process,
  type Settings,
  type TrialWorld,
} from './trialWorld.ts';

/** What happens at the broker before a run. */
export type Move = (world: TrialWorld) => void;

export interface FaultRow {
  /** Short and stable: names the row in tests, on the command line and in the documents. */
  readonly id: string;
  readonly name: string;
  /** Rows of the catalogue of faults that it answers. */
  readonly catalogue: readonly string[];
  /** How the fault is made, for the table. */
  readonly made: string;
  readonly databases?: readonly DatabaseKind[];
  readonly scenario?: 'default' | 'empty';
  /** Faults that are there from the very first run on. Default: one healthy run comes before. */
  readonly firstContact?: true;
  /** How the runs under the fault end, in order: `complete`, or an error's code. Null: the row looks at that itself. */
  readonly ends: readonly string[] | null;
  readonly play: (trial: Trial) => Promise<void>;
  /** Publishing delays that must run out before the book can equal the truth, e.g. `1d`. */
  readonly delay?: string;
  /** Healthy runs until the book equals the truth, 5 minutes apart: 1 unless the contract says otherwise. */
  readonly healthyRuns?: number;
  /** Takes many seconds on PostgreSQL: played there by `npm run faults` only. */
  readonly long?: true;
  /** A PostgreSQL of its own, which the row may kill. */
  readonly ownServer?: true;
  /** An agent lives in it: how many requests and runs there are depends on the machine, so they are no figures. */
  readonly living?: true;
  /** The most that figures of the row's own may be. */
  readonly limits?: Readonly<Record<string, number>>;
  /** Simulated time after which the first healthy run comes, where the broker itself asked to be left alone. */
  readonly pause?: string;
  /** Several processes take turns in it: each run gives its lease back. */
  readonly turns?: true;
}

export interface RowFigures {
  readonly id: string;
  readonly database: DatabaseKind;
  /** Runs while the fault was active, and how many of them believed nothing. */
  readonly cycles: number;
  readonly refused: number;
  /** Requests that reached the broker while the fault was active; null where that depends on the machine. */
  readonly requests: number | null;
  /** Simulated milliseconds from the end of the fault to the end of the run after which everything was right. */
  readonly healedMs: number | null;
  /** Byte offsets tested; null where the row tests none. */
  readonly offsets: number | null;
  /** Further figures of the row's own, by what they are called. */
  readonly more: Readonly<Record<string, number>>;
  readonly looks: number;
  readonly ends: readonly string[];
  readonly violations: readonly string[];
}

/** Answers the address of an empty database, or null for a SQLite file of the trial's own. */
export type MakeDatabase = (kind: DatabaseKind) => Promise<string | null>;

const INTERVAL = '5m';

export class Trial {
  readonly database: DatabaseKind;
  readonly world: TrialWorld;
  readonly judge: Judge;
  /** The process whose book is looked at; rows may replace it. */
  process: Process;
  /** Everything that was said: run records, errors, lines of logs. */
  readonly said: string[] = [];
  readonly ends: string[] = [];
  /** Secrets that came up on the way. */
  readonly secrets: Canary[] = [];
  readonly more: Record<string, number> = {};
  offsets: number | null = null;
  /** What is to be closed when all is over. */
  readonly afterwards: (() => Promise<void>)[] = [];
  /** Looks at the book in place of the process that runs, where that one cannot read it. */
  witness: Process | null = null;
  #requestsBefore = 0;
  #lastLook: BookLook | null = null;
  #lastEnd: CycleEnd = { run: null, error: null };

  constructor(database: DatabaseKind, world: TrialWorld, process: Process) {
    this.database = database;
    this.world = world;
    this.process = process;
    this.judge = new Judge(world);
  }

  get lastLook(): BookLook | null {
    return this.#lastLook;
  }

  get lastEnd(): CycleEnd {
    return this.#lastEnd;
  }

  beginFault(): void {
    this.#requestsBefore = this.world.requests().length;
  }

  requestsSoFar(): number {
    return this.world.requests().length - this.#requestsBefore;
  }

  /** Posts a fault that meets the paper account. */
  fault(resource: string | null, kind: string, more: object = {}): void {
    this.world.control('fault', {
      broker: 'alpaca',
      account: PAPER,
      ...(resource === null ? {} : { resource }),
      kind,
      ...more,
    });
  }

  /** Time passes, something happens at the broker, one run is made, the judge looks. Counts as a run under the fault. */
  async cycle(by = INTERVAL, move?: Move, type: SyncType = 'all'): Promise<CycleEnd> {
    const end = await this.#run(by, move, type);
    this.ends.push(endWord(end));
    return end;
  }

  async #run(by: string, move?: Move, type: SyncType = 'all'): Promise<CycleEnd> {
    this.world.advance(by);
    move?.(this.world);
    return this.afterRun(this.process, () => this.process.sync(undefined, undefined, type));
  }

  /** Makes a run as it is told and has the judge look at what is left of it. */
  async afterRun(process: Process, run: () => Promise<CycleEnd>): Promise<CycleEnd> {
    this.judge.noteEquity();
    const startedMs = this.world.nowMs();
    const { wallOffsetMs, epoch: monoEpoch } = process.clock;
    const end = await run();
    const span = { startedMs, endedMs: this.world.nowMs(), wallOffsetMs, monoEpoch };
    this.#lastEnd = end;
    this.hear(end);
    this.#lastLook = await this.judge.afterRun(this.witness ?? process, end, span);
    return end;
  }

  /** See `Judge.lookUnless`. */
  async lookUnless(process: Process, disturbed: () => Promise<boolean>): Promise<void> {
    this.#lastLook = await this.judge.lookUnless(process, disturbed);
  }

  /** Counts a run that was made in another way than by `cycle`. */
  count(end: CycleEnd): void {
    this.ends.push(endWord(end));
  }

  hear(end: CycleEnd): void {
    this.said.push(JSON.stringify(end.run));
    if (end.error !== null)
      this.said.push(`${end.error.message} ${end.error.hint} ${JSON.stringify(end.error.facts)}`);
  }

  /** Another process takes over, with other settings where they are given. */
  async restart(settings: Settings = {}): Promise<void> {
    await this.process.close();
    this.process = await this.world.start(settings);
  }

  /** One healthy run, as a book begins. */
  async begin(): Promise<void> {
    await this.#run('1m');
    const end = this.#lastEnd;
    const wrong = this.judge.healed(this.#lastLook!, end, true);
    this.judge.note(wrong.map((sentence) => `before the fault: ${sentence}`));
  }

  /** Ends every fault and answers the simulated time until everything was right. */
  async heal(row: FaultRow): Promise<number | null> {
    this.world.faultsOff();
    const offMs = this.world.nowMs();
    const runs = row.healthyRuns ?? 1;
    for (let run = 1; run <= runs; run += 1) {
      const wait = run > 1 ? INTERVAL : (row.delay ?? row.pause ?? INTERVAL);
      // Something new happens too: what heals must also see what comes.
      await this.#run(wait, run === 1 ? healthyTrade : undefined);
      const settled = run === runs;
      const wrong = this.judge.healed(this.#lastLook!, this.#lastEnd, settled);
      this.judge.note(wrong.map((sentence) => `healthy run ${run}: ${sentence}`));
      if (wrong.length > 0) return null;
    }
    return this.world.nowMs() - offMs;
  }

  /** Waits on real time, for at most 20 s, until something is so. */
  async until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = realMonoMs() + 20_000;
    while (!(await isSo())) {
      if (realMonoMs() > deadline) throw new Error(`not within 20 s: ${what}`);
      await realSleep(10);
    }
  }

  /** Asks a person's command for a new epoch of the account. */
  async newEpoch(): Promise<void> {
    const { truebook } = this.process;
    const account = await truebook.account(PAPER);
    const holder: LeaseHolder = truebook.holder('command');
    const grant = await truebook.store.acquireLease(account.id, holder, 60_000);
    if (!('lease' in grant)) throw new Error('somebody holds the account');
    await truebook.store.newEpoch(grant.lease, account.createdAt, 'trial');
    await truebook.store.releaseLease(grant.lease);
    this.judge.newEpoch();
  }
}

/** What is bought just before the healthy run. */
const healthyTrade: Move = (world) =>
  void world.control('trade', { account: PAPER, symbol: 'HLTH', side: 'buy', quantity: '2', price: '9.5' });

/** Plays one row on one database. Violations are answered, not thrown; so is what a row throws. */
export async function playRow(
  row: FaultRow,
  database: DatabaseKind,
  makeDatabase: MakeDatabase,
  keepsLease = false,
): Promise<RowFigures> {
  const server = row.ownServer === true ? await startPostgres() : null;
  try {
    return await playOn(row, database, server?.url ?? (await makeDatabase(database)), keepsLease);
  } finally {
    await server?.stop();
  }
}

async function playOn(
  row: FaultRow,
  database: DatabaseKind,
  databaseUrl: string | null,
  keepsLease: boolean,
): Promise<RowFigures> {
  const world = await openTrialWorld({
    databaseUrl,
    keepsLease,
    ...(row.scenario === undefined ? {} : { scenario: row.scenario }),
  });
  const trial = new Trial(database, world, await world.start());
  try {
    const secrets = await secretsOf(world);
    let healedMs: number | null = null;
    let requests = 0;
    try {
      if (row.firstContact !== true) await trial.begin();
      trial.beginFault();
      await row.play(trial);
      requests = trial.requestsSoFar();
      healedMs = await trial.heal(row);
      secrets.push(...(await secretsOf(world)));
    } catch (error) {
      trial.judge.note([
        `the trial broke off: ${error instanceof Error ? (error.stack ?? '') : errorText(error)}`,
      ]);
    }
    trial.judge.note(await lastLaws(trial, [...secrets, ...trial.secrets], row));
    return {
      id: row.id,
      database,
      cycles: trial.ends.length,
      refused: trial.ends.filter((word) => word !== 'complete').length,
      requests: row.living === true ? null : requests,
      healedMs,
      offsets: trial.offsets,
      more: trial.more,
      looks: trial.judge.looks,
      ends: trial.ends,
      violations: trial.judge.violations,
    };
  } finally {
    await world.close();
    for (const close of trial.afterwards) await close();
  }
}

/** What is looked at once, when everything is over: chains, secrets, requests, and how the runs ended. */
async function lastLaws(trial: Trial, secrets: readonly Canary[], row: FaultRow): Promise<string[]> {
  const wrong: string[] = [];
  const chains = await trial.process.truebook.store.verifyChains({});
  if (!chains.ok) wrong.push(`a chain is broken: ${JSON.stringify(chains.firstBroken)}`);
  const outputs = await rowsAsText(trial.world.databaseUrl);
  wrong.push(...leaks(secrets, { ...outputs, 'what was said': trial.said.join('\n') }));
  const reading = new Set(['GET', 'WS authenticate', 'WS listen']);
  for (const { method, path } of trial.world.requests()) {
    const word = method === 'WS' ? `WS ${path}` : method;
    if (!reading.has(word)) wrong.push(`${word} ${path} is no reading request`);
  }
  for (const [figure, most] of Object.entries(row.limits ?? {})) {
    const found = trial.more[figure];
    if (found === undefined || found > most)
      wrong.push(`${figure}: ${found ?? 'not measured'}, at most ${most}`);
  }
  if (row.ends !== null && trial.ends.join() !== row.ends.join())
    wrong.push(`the runs ended as ${trial.ends.join(', ')}; expected ${row.ends.join(', ')}`);
  return wrong;
}
