/**
 * The world of a trial: one brokerage on real sockets, one database, and one process of Truebook after another - or two
 * at once - composed as the command line composes it. Nothing is mocked.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DatabaseSync } from 'node:sqlite';
import { parseEnv } from 'node:util';
import { compose, type Truebook } from '../../src/compose.ts';
import { loadConfig } from '../../src/config/load.ts';
import { isTruebookError, type TruebookError } from '../../src/domain/errors.ts';
import { parseInstant } from '../../src/domain/time.ts';
import { openClock, randomBytes, refreshClock } from '../../src/platform.ts';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { type Lease, type LeaseHolder, type RunRecord, type SyncType } from '../../src/store/store.ts';
import { type AgentAccount } from '../../src/sync/agent.ts';
import { LEASE_TTL_MS, requestSync } from '../../src/sync/requestSync.ts';
import { syncAccount } from '../../src/sync/syncAccount.ts';
import { type Truth } from '../world/world.ts';
import { connectionsOf } from './sqliteConnections.ts';
import { TrialClock } from './trialClock.ts';

export const PAPER = 'alpaca-paper';
export const LIVE = 'alpaca-live';

/** Noon in New York on a Thursday, after the default world's history. */
const START = '2025-08-21T16:00:00Z';

/** Settings on top of those the sandbox wrote, as the environment has them. */
export type Settings = Readonly<Record<string, string>>;

/** How a run ended. An error means that nothing could be committed. */
export interface CycleEnd {
  readonly run: RunRecord | null;
  readonly error: TruebookError | null;
  /** Who made the run, where a command asked for it. */
  readonly by?: 'agent' | 'here';
}

/** `complete`, or the code of what went wrong. */
export function endWord({ run, error }: CycleEnd): string {
  if (error !== null) return error.code;
  return run?.outcome === 'complete' ? 'complete' : (run?.errorCode ?? 'nothing');
}

/** One process of Truebook. */
export interface Process {
  readonly truebook: Truebook;
  readonly clock: TrialClock;
  /** Its own connections to SQLite; none where the database is another. */
  readonly connections: readonly DatabaseSync[];
  seat(account?: string): Promise<AgentAccount>;
  /** One run, as a command asks for it. Faults of ours (not a `TruebookError`) are thrown. */
  sync(account?: string, isGone?: (holder: LeaseHolder) => boolean, type?: SyncType): Promise<CycleEnd>;
  close(): Promise<void>;
}

export interface TrialWorld {
  readonly sandbox: Sandbox;
  readonly databaseUrl: string;
  /** Plays broker; throws with the sandbox's sentence when it refuses. Answers what was created. */
  control(path: string, body?: unknown): Record<string, unknown>[];
  faultsOff(): void;
  /** Moves the broker's clock, and with it everybody's. */
  advance(by: string): void;
  /** The broker's own time: nothing that a machine does to its clock moves it. */
  nowMs(): number;
  truth(account?: string): Truth;
  requests(): readonly { method: string; path: string; account?: string }[];
  start(settings?: Settings): Promise<Process>;
  close(): Promise<void>;
}

export interface TrialWorldOptions {
  /** Null: a SQLite file of the world's own. */
  readonly databaseUrl: string | null;
  readonly scenario?: 'default' | 'empty';
  /** Runs keep the lease from one to the next as an agent's do, and with it what the store keeps. Default: given back. */
  readonly keepsLease?: boolean;
}

export async function openTrialWorld(options: TrialWorldOptions): Promise<TrialWorld> {
  const folder = mkdtempSync(join(tmpdir(), 'truebook-faults-'));
  const envFile = join(folder, 'sandbox.env');
  const sandbox = await startSandbox({
    seed: 1,
    scenario: options.scenario ?? 'default',
    clock: { kind: 'manual', at: parseInstant(START) },
    envFile,
  });
  // A folder of its own, which can be searched for secrets: the one above holds the file with the keys.
  mkdirSync(join(folder, 'book'), { mode: 0o700 });
  const databaseUrl = options.databaseUrl ?? `sqlite:${join(folder, 'book', 'truebook.db')}`;
  const call = (method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): unknown => {
    const answer = sandbox.control(method, path, body);
    if (answer.status >= 300) throw new Error(`${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const processes: Process[] = [];
  return {
    sandbox,
    databaseUrl,
    control: (path, body = {}) =>
      (call('POST', `/control/${path}`, body) as { created: Record<string, unknown>[] }).created,
    faultsOff: () => void call('DELETE', '/control/fault'),
    advance: (by) => void call('POST', '/control/clock', { advance: by }),
    nowMs: () => Date.parse((call('GET', '/control/clock') as { now: string }).now),
    truth: (account = PAPER) => call('GET', `/control/truth?account=${account}`) as Truth,
    requests: () => call('GET', '/control/requests') as { method: string; path: string; account?: string }[],
    start: async (settings = {}) => {
      const made = await startProcess(
        envFile,
        folder,
        { DATABASE_URL: databaseUrl, ...settings },
        options.keepsLease === true,
      );
      processes.push(made);
      return made;
    },
    close: async () => {
      for (const one of processes) await one.close();
      await sandbox.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function startProcess(
  envFile: string,
  folder: string,
  settings: Settings,
  keepsLease: boolean,
): Promise<Process> {
  const config = loadConfig({
    env: { ...parseEnv(readFileSync(envFile, 'utf8')), ...settings },
    cwd: folder,
    machine: { operatingSystem: 'linux', userHome: folder },
    randomBytes,
  });
  const clock = new TrialClock(await openClock(config.settings.TRUEBOOK_CLOCK_URL));
  let truebook: Truebook;
  let connections: readonly DatabaseSync[];
  try {
    ({ result: truebook, connections } = await connectionsOf(() =>
      compose({ config, clock, allowUnsafeDurability: true }),
    ));
  } catch (error) {
    clock.close();
    throw error;
  }
  let isOpen = true;
  const seat = async (name = PAPER): Promise<AgentAccount> => {
    const found = (await truebook.agentAccounts()).find((entry) => entry.account.name === name);
    if (found === undefined) throw new Error(`no account ${name} in this world`);
    return found;
  };
  const held = new Map<string, Lease>();
  return {
    truebook,
    clock,
    connections,
    seat,
    sync: async (name = PAPER, isGone = (holder) => truebook.isGone(holder), type = 'all') => {
      await refreshClock(clock);
      try {
        const { account, broker } = await seat(name);
        const { store } = truebook;
        const grant = keepsLease
          ? await store.acquireLease(account.id, truebook.holder('command'), LEASE_TTL_MS, isGone)
          : null;
        if (grant !== null && 'lease' in grant) {
          held.set(name, grant.lease);
          const deps = truebook.dependencies({ account, broker }, 'trial');
          const options = { lease: grant.lease, trigger: 'command', type, requestIds: [] } as const;
          return { run: (await syncAccount(deps, account, options)).run, by: 'here', error: null };
        }
        const { run, by } = await requestSync(truebook.dependencies({ account, broker }, 'trial'), account, {
          holder: truebook.holder('command'),
          isGone,
          trigger: 'command',
          type,
          requestedBy: 'trial',
        });
        return { run, by, error: null };
      } catch (error) {
        if (isTruebookError(error)) return { run: null, error };
        throw error;
      }
    },
    close: async () => {
      if (!isOpen) return;
      isOpen = false;
      // A database that is out of reach keeps the lease; it runs out.
      for (const lease of held.values()) await truebook.store.releaseLease(lease).catch(() => undefined);
      await truebook.close();
    },
  };
}
