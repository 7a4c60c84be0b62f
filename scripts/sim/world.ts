/** One simulated world: a broker, the way to it, a machine or two, a database, and the processes that come and go. */
import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { loadConfig, type Config } from '../../src/config/load.ts';
import { parseInstant } from '../../src/domain/time.ts';
import { Brokerage, LIVE, PAPER, type AccountName, type Answer } from './brokerage.ts';
import { type Chance, chanceOf } from './chance.ts';
import { Disk } from './machine/disk.ts';
import { closeIdleLines, renewFile } from './machine/sqlite.ts';
import { Network, type SimRequest } from './network.ts';
import { Machine, SimProcess, type Surroundings } from './process.ts';
import { EventQueue } from './queue.ts';
import { StreamServer } from './streams.ts';

/** What a seed chose for its whole life (swarm testing: every seed is another world). */
export interface WorldPlan {
  readonly seed: number;
  readonly level: 1 | 2;
  /** An empty database, migrated; null: SQLite from the template. */
  readonly databaseUrl: string | null;
  readonly accounts: readonly AccountName[];
  readonly scenario: 'default' | 'empty';
  /** New York time of day and the day at which it begins. */
  readonly beginsAt: string;
  readonly intervalSeconds: number;
  readonly watchesStream: boolean;
  readonly marksMissingAsClosed: boolean;
}

export interface WorldEvents {
  onFault(kind: string): void;
  onRequest(request: SimRequest): void;
  onDelivered(request: SimRequest, answer: Answer, askedMs: number): void;
}

const BROKERS = 4;

export class World implements Surroundings {
  readonly plan: WorldPlan;
  readonly queue: EventQueue;
  readonly chance: Chance;
  readonly beginMs: number;
  readonly brokerage: Brokerage;
  readonly network: Network;
  readonly disk: Disk;
  readonly streams: StreamServer;
  readonly machines: readonly [Machine, Machine];
  readonly folder: string;
  readonly databaseUrl: string;
  readonly lines: string[] = [];
  /** Hears of every line that a living process writes. */
  onLine: (line: string) => void = () => undefined;
  #processes = 0;
  #kept: { readonly key: string; readonly config: Config } | null = null;
  intervalSeconds: number;

  constructor(
    plan: WorldPlan,
    folder: string,
    template: string,
    events: WorldEvents,
    trace: ((line: string) => void) | null,
  ) {
    this.plan = plan;
    this.intervalSeconds = plan.intervalSeconds;
    this.queue = new EventQueue(trace);
    this.chance = chanceOf(`seed ${plan.seed}`);
    this.beginMs = Date.parse(parseInstant(plan.beginsAt));
    // Few brokers, so few keys: a process remembers every key it ever had, to keep it out of its logs.
    this.brokerage = new Brokerage(
      1 + (plan.seed % BROKERS),
      plan.scenario,
      () => this.beginMs + this.queue.nowMs,
    );
    this.streams = new StreamServer(this.queue, this.brokerage, (trouble) => events.onFault(trouble));
    this.network = new Network(this.queue, this.brokerage, this.chance.fork('latency'), this.streams, events);
    this.disk = new Disk((trouble) => events.onFault(`disk-${trouble}`));
    this.machines = [
      new Machine('home', this.queue, this.beginMs),
      new Machine('server', this.queue, this.beginMs),
    ];
    this.folder = folder;
    this.#makeFolder(template);
    this.databaseUrl = plan.databaseUrl ?? `sqlite:${this.databaseFile}`;
  }

  get databaseFile(): string {
    return path.join(this.folder, 'truebook.db');
  }

  start(kind: SimProcess['kind'], machine: Machine): SimProcess {
    this.#processes += 1;
    const id = `${kind}${this.#processes}`;
    return new SimProcess(id, kind, machine, this, this.chance.fork(`process ${this.#processes}`));
  }

  /** The settings as the environment of a process has them now. */
  config(): Config {
    const [paper, live] = [this.brokerage.account(PAPER), this.brokerage.account(LIVE)];
    const env: Record<string, string> = {
      TRUEBOOK_HOME: this.folder,
      DATABASE_URL: this.databaseUrl,
      ALPACA_API_KEY__PAPER: paper.keyId,
      ALPACA_SECRET_KEY__PAPER: paper.secretKey,
      ALPACA_ENV__PAPER: 'paper',
      ...(this.plan.accounts.includes(LIVE)
        ? {
            ALPACA_API_KEY__LIVE: live.keyId,
            ALPACA_SECRET_KEY__LIVE: live.secretKey,
            ALPACA_ENV__LIVE: 'live',
          }
        : {}),
      AUTOMATION_ORDER_IDS: 'auto-*',
      MIRROR_FILES: 'false',
      POSITION_SYNC_SYNC_INTERVAL: String(this.intervalSeconds),
      POSITION_SYNC_SYNC_ON_POSITION_UPDATE: String(this.plan.watchesStream),
      POSITION_SYNC_MARK_MISSING_AS_CLOSED: String(this.plan.marksMissingAsClosed),
    };
    const key = JSON.stringify(env);
    if (this.#kept?.key === key) return this.#kept.config;
    const config = loadConfig({
      env,
      cwd: this.folder,
      machine: { operatingSystem: 'linux', userHome: this.folder },
      randomBytes: (count) => Buffer.alloc(count, 7),
    });
    this.#kept = { key, config };
    return config;
  }

  /** A line that some process wrote to its log. */
  log(process: SimProcess, level: string, text: string): void {
    if (!process.alive) return;
    const line = `${process.id} ${level}: ${text}`;
    this.lines.push(line);
    this.onLine(line);
    // Where the file lies is another place in each process.
    this.queue.note(line.replaceAll(this.folder, '~'));
  }

  close(): void {
    for (const machine of this.machines) for (const process of [...machine.processes.values()]) process.end();
  }

  /** An empty folder, but for a database as the template is. */
  #makeFolder(template: string): void {
    const { folder, plan, databaseFile } = this;
    const isRenewed = plan.level === 1 && renewFile(databaseFile, template);
    if (!isRenewed) {
      closeIdleLines();
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      if (plan.databaseUrl === null) copyFileSync(template, databaseFile);
      return;
    }
    const kept = ['', '-wal', '-shm'].map((ending) => path.basename(databaseFile) + ending);
    for (const name of readdirSync(folder).filter((found) => !kept.includes(found)))
      rmSync(path.join(folder, name), { recursive: true, force: true });
  }
}

/** Writes the bytes of a template database, so that the tables need not be made for every seed. */
export function writeTemplate(file: string, bytes: Buffer): void {
  writeFileSync(file, bytes, { mode: 0o600 });
}
