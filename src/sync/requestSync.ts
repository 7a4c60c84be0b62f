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
  type Store,
  SYNC_TYPES,
  type SyncTrigger,
  type SyncType,
} from '../store/store.ts';
import { type SyncOutcome } from './difference.ts';
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
  /** Works everything out and commits nothing. */
  readonly dryRun?: boolean;
  readonly requestedBy: string;
  readonly signal?: AbortSignal;
}

/** What a requested sync came to, and whether the living agent did it or this process. */
export interface RequestedSync extends SyncOutcome {
  readonly by: 'agent' | 'here';
}

/**
 * Brings an account up to date and answers the run that did it, started after the call. Throws `lease_held` when
 * somebody else keeps the account busy, `stopped` when the signal aborts, `usage` for a type that does not exist.
 */
export async function requestSync(
  deps: SyncDependencies,
  account: Account,
  options: RequestOptions,
): Promise<RequestedSync> {
  if (!isSyncType(options.type)) throw unknownType(options.type);
  const asked: { id: number | null } = { id: null };
  try {
    return await waitForRun(deps, account, options, asked);
  } catch (error) {
    // Nobody waits any more: no agent shall make a run for nobody.
    if (asked.id !== null) await deps.store.withdrawRequest(asked.id).catch(() => undefined);
    throw error;
  }
}

async function waitForRun(
  deps: SyncDependencies,
  account: Account,
  options: RequestOptions,
  asked: { id: number | null },
): Promise<RequestedSync> {
  const { store, clock } = deps;
  const deadline = clock.monoMs() + WAIT_FOR_AGENT_MS;
  for (let attempt = 0; attempt < WAIT_FOR_AGENT_MS / POLL_MS; attempt += 1) {
    if (options.signal?.aborted === true) throw stopped();
    if (asked.id !== null) {
      const outcome = await answerOf(store, asked.id);
      if (outcome !== null) return { ...outcome, by: 'agent' };
    }
    const grant = await store.acquireLease(account.id, options.holder, LEASE_TTL_MS, options.isGone);
    if ('lease' in grant) {
      const outcome = await runUnderLease(deps, account, grant.lease, options);
      return { ...outcome, by: 'here' };
    }
    asked.id ??=
      grant.heldBy.kind !== 'agent'
        ? null
        : await store.requestSync({
            accountId: account.id,
            type: options.type,
            trigger: options.trigger,
            requestedAt: instantNow(clock),
            requestedBy: options.requestedBy,
            dryRun: options.dryRun === true,
          });
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

/** How long an agent that is starting waits for the one that keeps an account. */
const WAIT_FOR_HOLDER_MS = 30_000;

/** A run of an account that another agent keeps, begun after the call; null where it gave no answer in half a minute. */
export async function runOfHolder(
  { store, clock }: Pick<SyncDependencies, 'store' | 'clock'>,
  accountId: Account['id'],
  requestedBy: string,
): Promise<RunRecord | null> {
  const deadline = clock.monoMs() + WAIT_FOR_HOLDER_MS;
  const id = await store.requestSync({
    accountId,
    type: 'all',
    trigger: 'request',
    requestedAt: instantNow(clock),
    requestedBy,
  });
  for (let look = 0; look < WAIT_FOR_HOLDER_MS / POLL_MS && clock.monoMs() <= deadline; look += 1) {
    const runId = (await store.syncRequest(id))?.runId ?? null;
    if (runId !== null) return await store.run(runId);
    await clock.sleep(POLL_MS);
  }
  await store.withdrawRequest(id);
  return null;
}

/** The agent's answer to a request; null while it waits. */
async function answerOf(store: Store, requestId: number): Promise<SyncOutcome | null> {
  const request = await store.syncRequest(requestId);
  if (request === null) return null;
  const { answer, runId } = request;
  if (answer === REFUSED) throw unknownType(request.type);
  if (request.dryRun) return answer === null ? null : (JSON.parse(answer) as SyncOutcome);
  const run = runId === null ? null : await store.run(runId);
  if (run === null) return null;
  return { run, difference: answer === null ? null : (JSON.parse(answer) as SyncOutcome['difference']) };
}

async function runUnderLease(
  deps: SyncDependencies,
  account: Account,
  lease: Lease,
  options: RequestOptions,
): Promise<SyncOutcome> {
  const heartbeat = keepLease(deps, lease);
  try {
    // Whoever waits for the same, this process among them, is answered by this run.
    const waiting = await deps.store.pendingRequests([account.id]);
    const requestIds = waiting
      .filter(({ type, dryRun }) => type === options.type && dryRun === (options.dryRun === true))
      .map(({ id }) => id);
    return await syncAccount(deps, account, {
      lease,
      trigger: options.trigger,
      type: options.type,
      ...(options.dryRun === true ? { dryRun: true } : {}),
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

/** Text of the agent's answer to a request of a type that it does not know. */
export const REFUSED = '{"refused":"type"}';

/** A type may come from a program without types, or from a newer Truebook through the database. */
export function isSyncType(type: unknown): type is SyncType {
  return (SYNC_TYPES as readonly unknown[]).includes(type);
}

function unknownType(type: unknown): TruebookError {
  return new TruebookError('usage', `There is no sync of type ${JSON.stringify(type)?.slice(0, 60)}.`, {
    hint: `Types are ${SYNC_TYPES.join(', ')}.`,
  });
}

function stopped(): TruebookError {
  return new TruebookError('stopped', 'Stopped before it was finished.', { retry: 'later' });
}
