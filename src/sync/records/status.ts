/** The status document: how every account and the agent are doing. */
import { addMs } from '../../domain/time.ts';
import { type LeaseHolder, type RunRecord, type SyncStatistics } from '../../store/store.ts';
import { accountFreshness, type AccountFreshness } from './accountFreshness.ts';
import { type AccountScope, type RecordContext } from './context.ts';

/** Keys of seeds/002, so that programs written for it go on working. */
export interface PositionSyncRecord {
  readonly enabled: boolean;
  readonly sync_interval: number;
  readonly stats: {
    readonly total_syncs: number;
    readonly successful_syncs: number;
    readonly failed_syncs: number;
    readonly positions_created: number;
    readonly positions_updated: number;
    readonly positions_closed: number;
    readonly last_sync_time: string | null;
  };
}

export interface AccountStatusRecord {
  readonly account: string;
  readonly accountId: number;
  readonly broker: string;
  readonly env: string;
  readonly auth: 'ok' | 'failed' | 'unknown';
  readonly lastSuccess: string | null;
  readonly lastAttempt: string | null;
  readonly lastError: string | null;
  readonly nextRun: string | null;
  readonly age: number | null;
  readonly fresh: boolean;
  readonly why: string | null;
  readonly openFindings: number;
  readonly position_sync: PositionSyncRecord;
}

export interface StatusRecord {
  readonly accounts: readonly AccountStatusRecord[];
  readonly agent: {
    readonly running: boolean;
    readonly pid: number | null;
    readonly startedAt: string | null;
    readonly syncCount: number;
    readonly errorCount: number;
    readonly lastCycleMs: number | null;
  };
  readonly position_sync: PositionSyncRecord;
}

export async function statusRecord(context: RecordContext, scope: AccountScope = {}): Promise<StatusRecord> {
  const { store } = context;
  const owners = await accountFreshness(context, scope, ['positions', 'activities', 'balances']);
  const accounts: AccountStatusRecord[] = [];
  for (const owner of owners.values()) accounts.push(await accountStatus(context, owner));
  const agent = await agentStatus(context, owners);
  const filter = scope.account === undefined ? {} : { accountId: scope.account.id };
  const first = accounts[0]?.position_sync;
  return {
    accounts,
    agent,
    position_sync: positionSync(
      await store.statistics(filter),
      accounts.some((account) => account.position_sync.enabled) || accounts.length === 0,
      first?.sync_interval ?? 300,
    ),
  };
}

async function accountStatus(context: RecordContext, owner: AccountFreshness): Promise<AccountStatusRecord> {
  const { store } = context;
  const { account, newestRun } = owner;
  // A run of one part is no success of the account, and moves no schedule.
  const lastGood = await store.lastRun(account.id, 'complete', 'all');
  const lastWhole = newestRun?.type === 'all' ? newestRun : await store.lastRun(account.id, undefined, 'all');
  const findings = await store.findings({ accountId: account.id, states: ['open', 'reopened'] });
  const interval = context.intervalSeconds(account);
  const scheduled = (await livingAgent(context, account.id)) !== null && context.enabled(account);
  return {
    account: account.name,
    accountId: account.id,
    broker: account.broker,
    env: account.env,
    auth: authState(newestRun),
    lastSuccess: lastGood?.finishedAt ?? null,
    lastAttempt: newestRun?.startedAt ?? null,
    lastError: newestRun?.errorMessage ?? null,
    nextRun: scheduled && lastWhole !== null ? addMs(lastWhole.startedAt, interval * 1000) : null,
    age: owner.freshness.age,
    fresh: owner.freshness.fresh,
    why: owner.freshness.why,
    openFindings: findings.length,
    position_sync: positionSync(
      await store.statistics({ accountId: account.id }),
      context.enabled(account),
      interval,
    ),
  };
}

function authState(run: RunRecord | null): 'ok' | 'failed' | 'unknown' {
  if (run === null || run.outcome === 'progress') return 'unknown';
  if (run.errorCode === 'broker_auth' || run.errorCode === 'broker_forbidden') return 'failed';
  return run.outcome === 'complete' ? 'ok' : 'unknown';
}

/** The agent that keeps an account now: its lease is live and its process exists, as far as this host can tell. */
async function livingAgent(context: RecordContext, accountId: number): Promise<LeaseHolder | null> {
  const lease = await context.store.leaseState(accountId);
  if (lease?.live !== true || lease.holder?.kind !== 'agent') return null;
  return context.isGone(lease.holder) ? null : lease.holder;
}

async function agentStatus(
  context: RecordContext,
  owners: ReadonlyMap<number, AccountFreshness>,
): Promise<StatusRecord['agent']> {
  for (const { account, newestRun } of owners.values()) {
    const holder = await livingAgent(context, account.id);
    if (holder === null) continue;
    const counts = await context.store.statistics({ since: holder.startedAt });
    return {
      running: true,
      pid: holder.processId,
      startedAt: holder.startedAt,
      syncCount: counts.successfulSyncs,
      errorCount: counts.failedSyncs,
      lastCycleMs: newestRun?.durationMs ?? null,
    };
  }
  return { running: false, pid: null, startedAt: null, syncCount: 0, errorCount: 0, lastCycleMs: null };
}

function positionSync(statistics: SyncStatistics, enabled: boolean, interval: number): PositionSyncRecord {
  return {
    enabled,
    sync_interval: interval,
    stats: {
      total_syncs: statistics.totalSyncs,
      successful_syncs: statistics.successfulSyncs,
      failed_syncs: statistics.failedSyncs,
      positions_created: statistics.positionsCreated,
      positions_updated: statistics.positionsUpdated,
      positions_closed: statistics.positionsClosed,
      last_sync_time: statistics.lastSyncTime,
    },
  };
}
