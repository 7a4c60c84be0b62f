/**
 * A sync asked for by a person or a program: through the living agent, or here when there is none. One writer per
 * account either way.
 */
import { type Account } from '../domain/account.ts';
import { TruebookError } from '../domain/errors.ts';
import { now as instantNow } from '../domain/time.ts';
import {
  type Lease,
  type LeaseHolder,
  type RunRecord,
  type SyncTrigger,
  type SyncType,
} from '../store/store.ts';
import { syncAccount, type SyncDependencies } from './syncAccount.ts';

/** A lease outlives three missed heartbeats. */
export const LEASE_TTL_MS = 60_000;
export const LEASE_HEARTBEAT_MS = 15_000;

/** How long a caller waits for the agent's run before it says so. */
const WAIT_FOR_AGENT_MS = 180_000;
const POLL_MS = 200;

export interface RequestOptions {
  readonly holder: LeaseHolder;
  /** Whether the process behind a lease no longer exists on this host. */
  readonly isGone: (holder: LeaseHolder) => boolean;
  readonly trigger: SyncTrigger;
  readonly type: SyncType;
  readonly requestedBy: string;
  readonly signal?: AbortSignal;
}

/**
 * Brings an account up to date and answers the run that did it, started after the call. Throws `lease_held` when
 * somebody else keeps the account busy, `stopped` when the signal aborts.
 */
export async function requestSync(
  deps: SyncDependencies,
  account: Account,
  options: RequestOptions,
): Promise<{ run: RunRecord; by: 'agent' | 'here' }> {
  const { store, clock } = deps;
  const deadline = clock.monoMs() + WAIT_FOR_AGENT_MS;
  let requestId: number | null = null;
  for (let attempt = 0; attempt < WAIT_FOR_AGENT_MS / POLL_MS; attempt += 1) {
    if (options.signal?.aborted === true) throw stopped();
    if (requestId !== null) {
      const request = await store.syncRequest(requestId);
      const run = request?.runId == null ? null : await store.run(request.runId);
      if (run !== null) return { run, by: 'agent' };
    }
    const grant = await store.acquireLease(account.id, options.holder, LEASE_TTL_MS, options.isGone);
    if ('lease' in grant) {
      const run = await runUnderLease(
        deps,
        account,
        grant.lease,
        options,
        requestId === null ? [] : [requestId],
      );
      return { run, by: 'here' };
    }
    if (grant.heldBy.kind === 'agent' && requestId === null) {
      requestId = await store.requestSync({
        accountId: account.id,
        type: options.type,
        trigger: options.trigger,
        requestedAt: instantNow(clock),
        requestedBy: options.requestedBy,
      });
    }
    if (clock.monoMs() > deadline) break;
    await clock.sleep(POLL_MS, options.signal);
  }
  const state = await store.leaseState(account.id);
  throw new TruebookError(
    'lease_held',
    `${account.name} is kept busy by ${holderName(state?.holder ?? null)}.`,
    {
      hint: 'Wait for it to finish, or stop that process, then try again.',
      retry: 'later',
    },
  );
}

async function runUnderLease(
  deps: SyncDependencies,
  account: Account,
  lease: Lease,
  options: RequestOptions,
  requestIds: readonly number[],
): Promise<RunRecord> {
  const heartbeat = keepLease(deps, lease);
  try {
    return await syncAccount(deps, account, {
      lease,
      trigger: options.trigger,
      type: options.type,
      requestIds,
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
  } finally {
    await heartbeat.stop();
    await deps.store.releaseLease(lease);
  }
}

/** Renews a lease until stopped; `lost` becomes true when somebody else has it. */
export function keepLease(
  deps: Pick<SyncDependencies, 'store' | 'clock'>,
  lease: Lease,
): { readonly lost: () => boolean; stop(): Promise<void> } {
  const controller = new AbortController();
  let lost = false;
  const loop = (async () => {
    for (;;) {
      await deps.clock.sleep(LEASE_HEARTBEAT_MS, controller.signal);
      if (controller.signal.aborted) return;
      try {
        if (!(await deps.store.renewLease(lease, LEASE_TTL_MS))) {
          lost = true;
          return;
        }
      } catch {
        // A database that does not answer now may answer at the next beat; every write checks the fence anyway.
      }
    }
  })();
  return {
    lost: () => lost,
    stop: async () => {
      controller.abort();
      await loop;
    },
  };
}

export function holderName(holder: LeaseHolder | null): string {
  if (holder === null) return 'another process';
  return `the ${holder.kind} with process id ${holder.processId} on ${holder.host}, started ${holder.startedAt}`;
}

function stopped(): TruebookError {
  return new TruebookError('stopped', 'Stopped before it was finished.', { retry: 'later' });
}
