/**
 * THE STORY: how one account is brought up to date (design section 4). It reads top to bottom; every step that decides
 * something is a pure function of its own file, and everything a run changes is committed in one transaction.
 */
import { type Broker } from '../brokers/broker.ts';
import { type Account } from '../domain/account.ts';
import { isTruebookError, TruebookError } from '../domain/errors.ts';
import { compareInstants, now as instantNow, type Clock, type Instant } from '../domain/time.ts';
import {
  type Lease,
  type RunRecord,
  type Store,
  type SyncState,
  type SyncTrigger,
  type SyncType,
} from '../store/store.ts';
import { believedCommit, refusedCommit, type RunFrame } from './commit.ts';
import { readHistory, refuseForeignFills, refuseUnstable } from './firstContact.ts';
import { isSettled, isSuspicious, suspicionOf } from './proof.ts';
import { readExtras } from './readExtras.ts';
import { emptyDossier, KNOWN_ID_ABSENT, lookAtBroker, type Look, type Refusal } from './readBroker.ts';
import { differenceKey } from './reconcile.ts';
import { countsAbsence, depthDue, searchDepth, windowStart, type ReadDepth } from './schedule.ts';
import { workOut, type MissingPolicy, type WorkedOut } from './workOut.ts';

export interface SyncDependencies {
  readonly store: Store;
  readonly broker: Broker;
  readonly clock: Clock;
  /** Who appears in the audit: `agent:<pid>@<host>`. */
  readonly actor: string;
  /** What the user decided about positions that stay missing. */
  readonly missing: MissingPolicy;
  /** Told about long work (reading history); plain sentences. */
  readonly onProgress?: (sentence: string) => void;
}

export interface SyncOptions {
  readonly lease: Lease;
  readonly trigger: SyncTrigger;
  readonly type: SyncType;
  readonly requestIds: readonly number[];
  readonly signal?: AbortSignal;
}

/**
 * Brings one account up to date and answers the run's record. What the broker or the network does wrong is an
 * `incomplete` or `failed` record, not an error; thrown are faults of storage and a lost lease, with nothing written.
 */
export async function syncAccount(
  deps: SyncDependencies,
  account: Account,
  options: SyncOptions,
): Promise<RunRecord> {
  const { store, clock } = deps;
  const state = await store.syncState(account.id);
  const now = instantNow(clock);
  const frame: RunFrame = {
    deps,
    options,
    state,
    now,
    startedMonoMs: clock.monoMs(),
    dossier: emptyDossier(),
  };

  // First contact: the history from its beginning, resumable; everything after it is an ordinary run.
  const history = await readHistory(frame);
  if (history.kind === 'refusal') return commitRefusal(frame, history);

  // Read, and work out what it means.
  const due = depthDue(history.state.cursors, history.state.checkpoint?.activityCount ?? 0, now);
  let look = await takeLook(frame, history.state, due);
  // A known id is absent from a short window: only a deep scan can tell a short answer from a withdrawn row.
  if (look.kind === 'refusal' && look.reason === KNOWN_ID_ABSENT && look.depth === 'recent') {
    look = await takeLook(frame, history.state, 'deep');
  }
  if (look.kind === 'refusal') return commitRefusal(frame, look);
  const unstable = refuseUnstable(history.held, look);
  if (unstable !== null) return commitRefusal(frame, { ...unstable, depth: look.depth });
  let result = await workOut(store, history.state, look, now, deps.missing);

  // Something differs: look again, deeper, before believing it. A fill that fell between two calls settles here, a
  // short answer shows itself, and what is really missing was searched for at once.
  if (result.differences.length > 0 || result.openingsBooked) {
    const activityCount = (result.checkpoint ?? history.state.checkpoint)?.activityCount ?? 0;
    const depth = searchDepth(
      history.state.cursors,
      activityCount,
      result.openingsBooked || !isSettled(history.state, result),
      differsSince(history.state, result),
      now,
    );
    const again = await takeLook(frame, history.state, depth);
    if (again.kind === 'refusal') return commitRefusal(frame, { depth: look.depth, ...again });
    const shaken = refuseUnstable(history.held, again);
    if (shaken !== null) return commitRefusal(frame, { ...shaken, depth: again.depth });
    look = again;
    result = await workOut(store, history.state, look, now, deps.missing);
  }
  if (!history.state.cursors.some((cursor) => cursor.name === 'first_contact')) {
    const foreign = await refuseForeignFills(frame, look.activities.rows);
    if (foreign !== null) return commitRefusal(frame, { ...foreign, depth: look.depth });
  }
  if (isSuspicious(history.state, look, result))
    return commitRefusal(frame, totalsRefusal(history.state, look, result));

  // What decorates the book but proves nothing: who placed the trades, prices and Greeks of options.
  const extras = await readExtras(frame, look, result);
  return store.commitRun(
    believedCommit(
      { ...frame, state: history.state, historyHeld: history.held !== null },
      look,
      result,
      extras,
    ),
  );
}

/** One look at the broker, as deep as asked. */
async function takeLook(frame: RunFrame, state: SyncState, depth: ReadDepth): Promise<Look | Refusal> {
  const cursor = state.cursors.find((row) => row.name === 'activities');
  return lookAtBroker({
    broker: frame.deps.broker,
    store: frame.deps.store,
    account: state.account,
    dossier: frame.dossier,
    depth,
    windowAfter: windowStart(depth, (cursor?.position ?? frame.now) as typeof frame.now, frame.now),
    countsAbsence: countsAbsence(depth, state.cursors, frame.now),
    now: frame.now,
    signal: frame.options.signal,
  });
}

/** When the newest of the differences took the form it has, as far as findings tell; null when none is known. */
function differsSince(state: SyncState, result: WorkedOut): Instant | null {
  const keys = new Set(result.differences.map(differenceKey));
  const instants = state.findings.filter((finding) => keys.has(finding.key)).map((row) => row.lastSeenAt);
  return instants.toSorted(compareInstants).at(-1) ?? null;
}

function totalsRefusal(state: SyncState, look: Look, result: WorkedOut): Refusal {
  return {
    kind: 'refusal',
    resource: 'positions',
    reason: 'totals_disagree',
    depth: look.depth,
    error: new TruebookError(
      'broker_bad_answer',
      'The list of positions does not add up to the market value that the account states.',
      {
        hint: 'The list was cut short or is of another moment; nothing was changed, the next run reads again.',
        retry: 'later',
      },
    ),
    watch: [],
    withdrawn: [],
    foreignFingerprint: null,
    suspicion: suspicionOf(state, look, result),
  };
}

/** A run that believes nothing still leaves its evidence. */
async function commitRefusal(frame: RunFrame, refusal: Refusal): Promise<RunRecord> {
  if (isTruebookError(refusal.error, 'stopped')) throw refusal.error;
  return frame.deps.store.commitRun(refusedCommit(frame, refusal));
}
