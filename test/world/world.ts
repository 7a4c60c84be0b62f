/**
 * A whole world for a test: a sandbox brokerage on real sockets with a manual clock, and a Truebook composed as the
 * command line composes it, on a real database. Nothing is mocked.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { compose, type Truebook } from '../../src/compose.ts';
import { loadConfig } from '../../src/config/load.ts';
import { parseInstant } from '../../src/domain/time.ts';
import { randomBytes, refreshClock } from '../../src/platform.ts';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { type RunRecord, type SyncTrigger, type SyncType } from '../../src/store/store.ts';
import {
  positionRecords,
  tradeRecords,
  type PositionRecord,
  type TradeRecord,
} from '../../src/sync/records.ts';
import { LEASE_TTL_MS, requestSync, type RequestedSync } from '../../src/sync/requestSync.ts';
import { syncAccount } from '../../src/sync/syncAccount.ts';

export type DatabaseKind = 'sqlite' | 'postgres';

export interface WorldOptions {
  readonly database?: DatabaseKind;
  /** An empty database of the caller's own, instead of `database`. */
  readonly databaseUrl?: string;
  readonly at?: string;
  readonly seed?: number;
  readonly scenario?: 'default' | 'empty';
  /** Further settings, as the environment has them. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Runs keep the lease from one to the next as an agent's do, and with it what the store keeps. Default: given back. */
  readonly keepsLease?: boolean;
}

export interface Truth {
  readonly account: string;
  readonly positions: readonly { symbol: string; kind: string; quantity: string }[];
  readonly fills: readonly {
    id: string;
    symbol: string;
    side: string;
    quantity: string;
    price: string;
    status: string;
    executedAt: string;
  }[];
  readonly cash: readonly unknown[];
  readonly balances: { cash: string; equity: string; buyingPower: string };
}

export interface World {
  readonly sandbox: Sandbox;
  readonly truebook: Truebook;
  readonly databaseUrl: string;
  readonly folder: string;
  /** Plays broker. Throws with the sandbox's sentence when it refuses. */
  control(path: string, body?: unknown): Promise<{ created: Record<string, unknown>[] }>;
  faultsOff(): Promise<void>;
  /** Moves the manual clock: `5m`, `2h`, `next-day` or an instant. */
  advance(by: string): Promise<void>;
  sync(account: string, trigger?: SyncTrigger): Promise<RunRecord>;
  /** A run of one part, or a dry one, with what it made different. */
  syncPart(account: string, type: SyncType, dryRun?: boolean): Promise<RequestedSync>;
  truth(account: string): Truth;
  positions(account: string, all?: boolean): Promise<readonly PositionRecord[]>;
  trades(account: string): Promise<readonly TradeRecord[]>;
  requests(): { method: string; path: string; query?: string; account?: string }[];
  close(): Promise<void>;
}

/** Noon in New York on a Thursday, after the default world's history. */
export const DEFAULT_NOW = '2025-08-21T16:00:00Z';

export async function openWorld(options: WorldOptions = {}): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'truebook-world-'));
  const envFile = join(folder, 'sandbox.env');
  const sandbox = await startSandbox({
    seed: options.seed ?? 1,
    scenario: options.scenario ?? 'default',
    clock: { kind: 'manual', at: parseInstant(options.at ?? DEFAULT_NOW) },
    envFile,
  });
  const databaseUrl = options.databaseUrl ?? (await emptyDatabase(options.database ?? 'sqlite', folder));
  const config = loadConfig({
    env: { ...parseEnv(readFileSync(envFile, 'utf8')), DATABASE_URL: databaseUrl, ...options.settings },
    cwd: folder,
    machine: { operatingSystem: 'linux', userHome: folder },
    randomBytes,
  });
  const truebook = await compose({ config, allowUnsafeDurability: true });
  const accounts = await truebook.agentAccounts();
  const seat = (name: string) => {
    const found = accounts.find((entry) => entry.account.name === name);
    if (found === undefined) throw new Error(`no account ${name} in this world`);
    return found;
  };
  const refresh = (): Promise<void> => refreshClock(truebook.clock);
  const call = (method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): unknown => {
    const answer = sandbox.control(method, path, body);
    if (answer.status >= 300) throw new Error(`${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  };
  const runOnce = async (
    name: string,
    trigger: SyncTrigger,
    type: SyncType,
    dryRun: boolean,
  ): Promise<RequestedSync> => {
    await refresh();
    const { account, broker } = seat(name);
    const dependencies = truebook.dependencies({ account, broker }, 'test');
    const holder = truebook.holder('command');
    if (options.keepsLease === true) {
      const grant = await truebook.store.acquireLease(account.id, holder, LEASE_TTL_MS);
      if (!('lease' in grant)) throw new Error(`somebody holds ${name}`);
      const how = { lease: grant.lease, trigger, type, dryRun, requestIds: [] };
      return { ...(await syncAccount(dependencies, account, how)), by: 'here' };
    }
    return requestSync(dependencies, account, {
      holder,
      isGone: (holder) => truebook.isGone(holder),
      trigger,
      type,
      dryRun,
      requestedBy: 'test',
    });
  };
  return {
    sandbox,
    truebook,
    databaseUrl,
    folder,
    control: async (path, body = {}) => {
      const answer = call('POST', `/control/${path}`, body) as { created: Record<string, unknown>[] };
      await refresh();
      return answer;
    },
    faultsOff: async () => {
      call('DELETE', '/control/fault');
      await refresh();
    },
    advance: async (by) => {
      call('POST', '/control/clock', /^\d{4}-/.test(by) ? { at: by } : { advance: by });
      await refresh();
    },
    sync: async (name, trigger = 'command') => (await runOnce(name, trigger, 'all', false)).run,
    syncPart: (name, type, dryRun = false) => runOnce(name, 'command', type, dryRun),
    truth: (account) => call('GET', `/control/truth?account=${account}`) as Truth,
    positions: async (name, all = false) =>
      positionRecords(truebook.records, {
        account: await truebook.account(name),
        ...(all ? { states: ['open', 'missing', 'closed'] as const } : {}),
      }),
    trades: async (name) => tradeRecords(truebook.records, { account: await truebook.account(name) }),
    requests: () =>
      call('GET', '/control/requests') as {
        method: string;
        path: string;
        query?: string;
        account?: string;
      }[],
    close: async () => {
      await truebook.close();
      await sandbox.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function emptyDatabase(kind: DatabaseKind, folder: string): Promise<string> {
  if (kind === 'sqlite') return `sqlite:${join(folder, 'truebook.db')}`;
  // Loaded only here: outside the test runner there is no server to share.
  const { createTestDatabase } = await import('../testDatabase.ts');
  return createTestDatabase();
}

/** `AAPL 30, KO 100`: open rows as a trader writes them, sorted. */
export function holdings(rows: readonly { symbol: string; quantity: string; state?: string }[]): string[] {
  return rows
    .filter((row) => row.state === undefined || row.state === 'open')
    .map((row) => `${row.symbol} ${row.quantity}`)
    .sort();
}

/** Trades or fills in the same words. */
export function executions(
  rows: readonly {
    id: string;
    symbol: string;
    side: string;
    quantity: string;
    price: string | null;
    status: string;
  }[],
): string[] {
  return rows
    .map((row) => `${row.id} ${row.side} ${row.quantity} ${row.symbol} @ ${row.price ?? '?'} ${row.status}`)
    .sort();
}
