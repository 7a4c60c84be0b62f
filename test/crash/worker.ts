/**
 * The process that gets killed: Truebook composed as the command line composes it, syncing its accounts without a pause
 * over real HTTP. It waits for a word on its standard input before it opens anything, and ends when that closes.
 */
import { readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseEnv } from 'node:util';
import pg from 'pg';
import type * as Compose from '../../src/compose.ts';
import type * as Load from '../../src/config/load.ts';
import type * as Platform from '../../src/platform.ts';
import type * as RequestSync from '../../src/sync/requestSync.ts';
import { type RunCommit, type Store } from '../../src/store/store.ts';
import { type Harm, type Mark, type WorkerOrders } from './marks.ts';

const orders = JSON.parse(process.argv[2] ?? '') as WorkerOrders;
const load = async <Module>(file: string): Promise<Module> =>
  (await import(new URL(file, orders.source).href)) as Module;
const { compose } = await load<typeof Compose>('compose.ts');
const { loadConfig } = await load<typeof Load>('config/load.ts');
const { requestSync } = await load<typeof RequestSync>('sync/requestSync.ts');
const { randomBytes, refreshClock } = await load<typeof Platform>('platform.ts');

/** Commits of runs under way in this process. */
let committing = 0;
listenToDrivers();
say({ mark: 'ready' });
await new Promise<void>((resolve) => {
  process.stdin.once('data', () => resolve());
  process.stdin.once('end', () => process.exit(0));
});

const truebook = await compose({
  config: loadConfig({
    env: {
      ...parseEnv(readFileSync(join(orders.folder, 'sandbox.env'), 'utf8')),
      DATABASE_URL: process.env['DATABASE_URL'],
    },
    cwd: orders.folder,
    machine: { operatingSystem: 'linux', userHome: orders.folder },
    randomBytes,
  }),
  allowUnsafeDurability: true,
  onRequest: (sent) => say({ mark: 'reading', path: sent.path }),
});
const store = talkative(harmed(truebook.store, orders.harm));
const accounts = await truebook.agentAccounts();
for (;;) {
  await refreshClock(truebook.clock);
  const runs = await Promise.all(accounts.map(syncOnce));
  // A database that was cut off is asked again a little later, not in a tight loop.
  if (runs.includes(false)) await truebook.clock.sleep(50);
}

/** One run of one account, as the agent makes it. False when storage threw. */
async function syncOnce({ account, broker }: (typeof accounts)[number]): Promise<boolean> {
  say({ mark: 'run', accountId: account.id });
  try {
    const { run } = await requestSync(
      { ...truebook.dependencies({ account, broker }, 'crash test'), store },
      account,
      {
        holder: truebook.holder('agent'),
        isGone: (holder) => truebook.isGone(holder),
        trigger: 'schedule',
        type: 'all',
        requestedBy: 'crash test',
      },
    );
    say({ mark: 'finished', accountId: account.id, outcome: run.outcome, error: run.errorMessage });
    return true;
  } catch (error) {
    say({ mark: 'finished', accountId: account.id, outcome: null, error: told(error) });
    return false;
  }
}

/** The store, saying what it is about to do and what it was answered. */
function talkative(inner: Store): Store {
  return {
    ...inner,
    acquireLease: async (accountId, ...rest) => {
      const grant = await inner.acquireLease(accountId, ...rest);
      if ('lease' in grant) say({ mark: 'leased', accountId, fence: grant.lease.fence });
      else say({ mark: 'held', accountId, processId: grant.heldBy.processId });
      return grant;
    },
    commitRun: async (commit) => {
      const { accountId } = commit.lease;
      say({ mark: 'committing', accountId });
      if (orders.harm === 'acknowledge-first') acknowledge(commit, null);
      committing += 1;
      try {
        const run = await inner.commitRun(commit);
        if (orders.harm !== 'acknowledge-first') acknowledge(commit, run.id);
        return run;
      } catch (error) {
        say({ mark: 'refused', accountId, error: told(error) });
        throw error;
      } finally {
        committing -= 1;
      }
    },
  };
}

/** Tells the moment at which a driver sends the COMMIT of a run: the narrow place where a crash may fall on either side. */
function listenToDrivers(): void {
  const sqlite = DatabaseSync.prototype;
  const exec = sqlite.exec;
  let writing = false;
  sqlite.exec = function (this: DatabaseSync, sql: string) {
    if (sql === 'COMMIT' && writing && committing > 0) say({ mark: 'sealing', backend: null });
    writing = sql === 'BEGIN IMMEDIATE';
    return exec.call(this, sql);
  };
  const postgres = pg.Client.prototype as { query: (...given: unknown[]) => unknown };
  const query = postgres.query;
  const inRun = new WeakSet<object>();
  postgres.query = function (this: { processID: number }, ...given: unknown[]) {
    const sql = typeof given[0] === 'string' ? given[0] : '';
    if (/^insert into "?sync_run"?\s/i.test(sql)) {
      inRun.add(this);
      say({ mark: 'writing', backend: this.processID });
    }
    if (sql === 'commit' && inRun.delete(this)) say({ mark: 'sealing', backend: this.processID });
    if (sql === 'rollback') inRun.delete(this);
    return query.apply(this, given);
  };
}

/** `code: message` of a fault people are told about, anything else as it is. */
function told(error: unknown): string {
  return error instanceof Error && 'code' in error
    ? `${String(error.code)}: ${error.message}`
    : String(error);
}

function acknowledge(commit: RunCommit, runId: number | null): void {
  say({
    mark: 'acknowledged',
    accountId: commit.lease.accountId,
    runId,
    outcome: commit.run.outcome,
    revisions: commit.revisions.map((revision) => `${revision.rootId}#${revision.rev}`),
    events: commit.events.length,
    outbox: commit.outbox.length,
    cursor: commit.cursors.find((row) => row.name === 'activities')?.position ?? null,
  });
}

/** A Truebook with a fault put in on purpose. */
function harmed(inner: Store, harm: Harm | null): Store {
  if (harm !== 'cursors-first') return inner;
  return {
    ...inner,
    commitRun: async (commit) => {
      await inner.commitRun({
        ...commit,
        run: { ...commit.run, counts: { ...commit.run.counts, newActivities: 0 } },
        revisions: [],
        events: [],
        positions: { upsert: [], remove: [] },
        // Written for an earlier run, so the second of these two commits may write them and the first may not.
        dayEnds: null,
        checkpoint: null,
        findings: [],
        freshness: [],
        watch: [],
        outbox: [],
        pin: null,
      });
      return await inner.commitRun({ ...commit, cursors: [] });
    },
  };
}

/** In one piece and at once: what was said is out of this process before the next step begins. */
function say(mark: Mark): void {
  let left = Buffer.from(`${JSON.stringify(mark)}\n`);
  while (left.length > 0) {
    try {
      left = left.subarray(writeSync(1, left));
    } catch (error) {
      // The pipe is full: the reader is busy.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}
