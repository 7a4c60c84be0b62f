/** One broker and one database that outlive the processes which work on them and are killed. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { compose, type Truebook } from '../../src/compose.ts';
import { loadConfig } from '../../src/config/load.ts';
import { parseInstant } from '../../src/domain/time.ts';
import { randomBytes, refreshClock, systemClock } from '../../src/platform.ts';
import { Seeded } from '../../src/sandbox/seeded.ts';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { openDatabase } from '../../src/store/open.ts';
import { type RunRecord } from '../../src/store/store.ts';
import { positionRecords, tradeRecords } from '../../src/sync/records.ts';
import { requestSync } from '../../src/sync/requestSync.ts';
import { ACCOUNTS, BrokerPlay, type Fill } from './brokerPlay.ts';
import { checkBook, type BookCheck } from './checkBook.ts';
import { type Acknowledgement } from './marks.ts';

/** How a database is made: the URL of a new one, given a folder for its file. */
export type MakeDatabase = (folder: string) => string | Promise<string>;

export interface CrashWorld {
  /** Holds `sandbox.env`. */
  readonly folder: string;
  readonly databaseUrl: string;
  readonly chance: Seeded;
  readonly play: BrokerPlay;
  /** Opens the database anew and looks underneath the store. */
  check(acknowledged: readonly Acknowledgement[]): Promise<BookCheck>;
  /**
   * One run of each account in this process, while nothing changes at the broker, against the truth. With `settled`
   * every publishing delay has run out, and the book must equal the truth in full.
   */
  healthyRun(settled: boolean): Promise<HealthyRun>;
  close(): Promise<void>;
}

export interface HealthyRun {
  readonly violations: readonly string[];
  /** Until the leases of the dead process were taken over and the runs were done. */
  readonly durationMs: number;
}

const START = '2025-08-21T16:00:00Z';

export async function openCrashWorld(seed: number, makeDatabase: MakeDatabase): Promise<CrashWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'truebook-crash-'));
  const envFile = join(folder, 'sandbox.env');
  const sandbox = await startSandbox({
    seed,
    clock: { kind: 'manual', at: parseInstant(START) },
    envFile,
  });
  const databaseUrl = await makeDatabase(folder);
  const chance = new Seeded(seed);
  const play = new BrokerPlay(sandbox, chance);
  const open = (): Promise<Truebook> =>
    compose({
      config: loadConfig({
        env: { ...parseEnv(readFileSync(envFile, 'utf8')), DATABASE_URL: databaseUrl },
        cwd: folder,
        machine: { operatingSystem: 'linux', userHome: folder },
        randomBytes,
      }),
      allowUnsafeDurability: true,
    });
  /** Of this process's own runs. */
  const ownIncarnations = new Set<string>();
  return {
    folder,
    databaseUrl,
    chance,
    play,
    check: async (acknowledged) => {
      const clock = systemClock();
      const database = await openDatabase({ url: databaseUrl, clock, allowUnsafeDurability: true });
      try {
        return await checkBook(database, { acknowledged, published: play.published, ownIncarnations });
      } finally {
        await database.close();
      }
    },
    healthyRun: async (settled) => {
      const startedMs = performance.now();
      const truebook = await open();
      ownIncarnations.add(truebook.holder('command').incarnation);
      try {
        const violations: string[] = [];
        for (let run = settled ? 1 : 2; run <= 2; run += 1) {
          if (settled) play.advance(run === 1 ? '2d' : '10m');
          await refreshClock(truebook.clock);
          const found = await Promise.all(
            ACCOUNTS.map((account) => syncToTruth(truebook, play, account, settled)),
          );
          violations.splice(0, violations.length, ...found.flat());
        }
        return { violations, durationMs: performance.now() - startedMs };
      } finally {
        await truebook.close();
      }
    },
    close: async () => {
      await sandbox.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function syncToTruth(
  truebook: Truebook,
  play: BrokerPlay,
  name: string,
  settled: boolean,
): Promise<string[]> {
  const run = await syncOnce(truebook, name);
  if (run.outcome !== 'complete') return [`healthy run of ${name}: ${run.outcome}, ${run.errorMessage}`];
  const account = await truebook.account(name);
  const positions = await positionRecords(truebook.records, { account });
  const truth = play.truth(name);
  const stated = positions
    .filter((row) => row.brokerQuantity !== '0')
    .map((row) => `${row.symbol} ${row.brokerQuantity}`);
  const held = truth.positions.map((row) => `${row.symbol} ${row.quantity}`);
  const violations = [
    ...differences(`${name}: broker's positions`, held, stated),
    ...differences(
      `${name}: trades`,
      truth.fills.map(execution),
      (await tradeRecords(truebook.records, { account })).map(execution),
    ),
  ];
  if (!settled) return violations;
  const booked = positions.map((row) => `${row.symbol} ${row.bookQuantity}`);
  const missing = positions
    .filter((row) => row.state === 'missing')
    .map((row) => `${name}: ${row.symbol} is missing`);
  return [
    ...violations,
    ...missing,
    ...differences(`${name}: the book`, held, booked),
    ...(run.reconciled
      ? []
      : [`${name}: broker and book do not agree in the end: ${await openFindings(truebook)}`]),
  ];
}

async function openFindings(truebook: Truebook): Promise<string> {
  const findings = await truebook.store.findings({ states: ['open', 'reopened'] });
  return findings
    .map(({ key, expected, observed }) => `${key}: book ${expected}, broker ${observed}`)
    .join('; ');
}

async function syncOnce(truebook: Truebook, name: string): Promise<RunRecord> {
  const entry = (await truebook.agentAccounts()).find(({ account }) => account.name === name)!;
  const { store, clock } = truebook;
  const { run } = await requestSync(
    { ...truebook.dependencies(entry, 'crash test'), store, clock },
    entry.account,
    {
      holder: truebook.holder('command'),
      isGone: (holder) => truebook.isGone(holder),
      trigger: 'command',
      type: 'all',
      requestedBy: 'crash test',
    },
  );
  return run;
}

function execution(fill: Fill): string {
  return `${fill.id} ${fill.side} ${fill.quantity} ${fill.symbol} @ ${fill.price} ${fill.status}`;
}

function differences(what: string, expected: readonly string[], found: readonly string[]): string[] {
  const wrong = [
    ...withoutOnce(expected, found).map((line) => `${what}: "${line}" is not there`),
    ...withoutOnce(found, expected).map((line) => `${what}: "${line}" should not be there`),
  ];
  return wrong;
}

/** Lines of `left` that `right` has not, counted: a line that stands twice must be there twice. */
function withoutOnce(left: readonly string[], right: readonly string[]): string[] {
  const rest = [...right];
  return left.filter((line) => {
    const at = rest.indexOf(line);
    if (at === -1) return true;
    rest.splice(at, 1);
    return false;
  });
}
