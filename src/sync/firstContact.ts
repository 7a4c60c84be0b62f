/**
 * First contact: the account's history from its beginning, oldest first, in chunks. Each chunk is committed with the
 * place to go on from, so an interruption costs at most one chunk.
 */
import { type Activity } from '../domain/activity.ts';
import { TruebookError } from '../domain/errors.ts';
import { compareInstants, now as instantNow } from '../domain/time.ts';
import { type NewRevision, type SyncState } from '../store/store.ts';
import { historyCommit, type RunFrame } from './commit.ts';
import { mergeActivities } from './mergeActivities.ts';
import { HISTORY_DONE } from './schedule.ts';
import { emptyDossier, record, refuse, type Dossier, type Look, type Refusal } from './readBroker.ts';

/** Pages of 100 rows between two commits. */
const PAGES_PER_CHUNK = 20;

/** The history as far as it must be known before an ordinary run. */
export interface History {
  readonly kind: 'ready';
  readonly state: SyncState;
  /** Identities of a short history that was read but not committed: the run's own reading must hold them all. */
  readonly held: ReadonlySet<string> | null;
  /** What the chunks of this very run committed. */
  readonly booked: readonly NewRevision[];
}

/** Reads what is left of the history. Answers the state to go on with: unchanged when there was nothing to read. */
export async function readHistory(frame: RunFrame): Promise<History | Refusal> {
  const { store, broker, onProgress } = frame.deps;
  let { state } = frame;
  let position = state.cursors.find((cursor) => cursor.name === 'history')?.position ?? null;
  if (position === HISTORY_DONE) return { kind: 'ready', state, held: null, booked: [] };

  // Rows created while we walk may slip in behind us: the ordinary re-read starts where the walk started.
  const walkStartedAt = state.cursors.find((cursor) => cursor.name === 'activities')?.position ?? frame.now;
  let total = 0;
  const resumes = position !== null;
  const booked: NewRevision[] = [];
  const seen = new Set<string>();
  while (position !== HISTORY_DONE) {
    const dossier = emptyDossier();
    const read = record(
      dossier,
      'activities',
      await broker.readActivities(
        { kind: 'history', resumeAfter: position, pagesMax: PAGES_PER_CHUNK },
        frame.options.signal,
      ),
      (rows) => rows.activities.length,
    );
    if (read.kind === 'incomplete') {
      takeOver(frame.dossier, dossier);
      return refuse('activities', read);
    }
    const { activities, resumeAfter } = read.rows;
    if (!resumes && total === 0) {
      // A short history is not committed in chunks: the run itself reads it once more, and both readings must agree.
      if (resumeAfter === null) {
        takeOver(frame.dossier, dossier);
        return {
          kind: 'ready',
          state,
          held: new Set(activities.map((activity) => activity.rootId)),
          booked,
        };
      }
      const foreign = await refuseForeignFills(frame, activities);
      if (foreign !== null) return foreign;
    }
    if (frame.context.dryRun) {
      // Nothing is committed: the run's own reading goes to the beginning and must hold all of this.
      takeOver(frame.dossier, dossier);
      for (const { rootId } of activities) seen.add(rootId);
      position = resumeAfter ?? HISTORY_DONE;
      total += activities.length;
      continue;
    }
    const rootIds = activities.map((activity) => activity.rootId);
    const known = await store.revisions(state.account.id, state.account.epoch, rootIds);
    const merged = mergeActivities(activities, known, new Map(), instantNow(frame.deps.clock));
    position = resumeAfter ?? HISTORY_DONE;
    total += activities.length;
    booked.push(...merged.revisions);
    await store.commitRun(
      historyCommit({ ...frame, state, dossier }, merged.revisions, position, walkStartedAt),
    );
    if (position !== HISTORY_DONE) onProgress?.(`Reading history: ${total} activities so far`);
    state = await store.syncState(state.account.id);
  }
  return { kind: 'ready', state, held: frame.context.dryRun ? seen : null, booked };
}

function takeOver(into: Dossier, from: Dossier): void {
  into.reads.push(...from.reads);
  into.payloads.push(...from.payloads);
  into.quarantined.push(...from.quarantined);
}

/** Two readings of a short history disagree: nothing of either is believed. */
export function refuseUnstable(held: ReadonlySet<string> | null, look: Look): Refusal | null {
  const listed = new Set(look.activities.rows.map((activity) => activity.rootId));
  const absent = [...(held ?? [])].filter((rootId) => !listed.has(rootId));
  if (absent.length === 0) return null;
  return refusal(
    'history_unstable',
    `Two readings of the history disagree: ${absent.length} row(s) of the first are gone.`,
  );
}

/** Newest fills whose orders are looked up as a second witness. */
const WITNESSES = 5;

/**
 * Rows of activities do not say whose they are. At first contact, when no known identity can tell, the account's orders
 * are asked: an account that knows none of the orders behind its newest fills is not the account of these fills.
 */
export async function refuseForeignFills(
  frame: RunFrame,
  activities: readonly Activity[],
): Promise<Refusal | null> {
  const fills = activities.filter((activity) => activity.kind === 'fill' && activity.orderId !== null);
  const newest = fills.toSorted((left, right) => compareInstants(right.executedAt, left.executedAt));
  const orderIds = [...new Set(newest.flatMap((fill) => fill.orderId ?? []))].slice(0, WITNESSES);
  if (orderIds.length === 0) return null;
  const read = await frame.deps.broker.readOrders(orderIds, frame.options.signal, WITNESSES);
  record(frame.dossier, 'orders', read, (rows) => rows.length);
  // Orders that cannot be read witness nothing, for or against.
  if (read.kind === 'incomplete') return null;
  const known = read.rows.some((order) => order.clientOrderId !== null || order.parentOrderId !== null);
  if (known) return null;
  return refusal('foreign_activities', 'The account knows none of the orders behind its newest fills.');
}

function refusal(reason: string, message: string): Refusal {
  return {
    kind: 'refusal',
    resource: 'activities',
    reason,
    error: new TruebookError('broker_bad_answer', message, {
      hint: 'Nothing was changed; the next run begins the first contact anew.',
      retry: 'later',
    }),
    watch: [],
    withdrawn: [],
    foreignFingerprint: null,
  };
}
