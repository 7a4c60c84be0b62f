/**
 * First contact: the account's history from its beginning, oldest first, in chunks. Each chunk is committed with the
 * place to go on from, so an interruption costs at most one chunk.
 */
import { now as instantNow } from '../domain/time.ts';
import { type SyncState } from '../store/store.ts';
import { historyCommit, type RunFrame } from './commit.ts';
import { mergeActivities } from './mergeActivities.ts';
import { emptyDossier, record, refuse, type Refusal } from './readBroker.ts';

/** Pages of 100 rows between two commits. */
const PAGES_PER_CHUNK = 20;

/** Position of the `history` cursor when the beginning was reached and everything since read. */
export const HISTORY_DONE = 'done';

/** Reads what is left of the history. Answers the state to go on with: unchanged when there was nothing to read. */
export async function readHistory(frame: RunFrame): Promise<{ kind: 'ready'; state: SyncState } | Refusal> {
  const { store, broker, onProgress } = frame.deps;
  let { state } = frame;
  let position = state.cursors.find((cursor) => cursor.name === 'history')?.position ?? null;
  if (position === HISTORY_DONE) return { kind: 'ready', state };

  // Rows created while we walk may slip in behind us: the ordinary re-read starts where the walk started.
  const walkStartedAt = state.cursors.find((cursor) => cursor.name === 'activities')?.position ?? frame.now;
  let total = 0;
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
      frame.dossier.reads.push(...dossier.reads);
      frame.dossier.payloads.push(...dossier.payloads);
      frame.dossier.quarantined.push(...dossier.quarantined);
      return refuse('activities', read);
    }
    const { activities, resumeAfter } = read.rows;
    const rootIds = activities.map((activity) => activity.rootId);
    const known = await store.revisions(state.account.id, state.account.epoch, rootIds);
    const merged = mergeActivities(activities, known, new Map(), instantNow(frame.deps.clock));
    position = resumeAfter ?? HISTORY_DONE;
    total += activities.length;
    await store.commitRun(
      historyCommit({ ...frame, state, dossier }, merged.revisions, position, walkStartedAt),
    );
    if (position !== HISTORY_DONE) onProgress?.(`Reading history: ${total} activities so far`);
    state = await store.syncState(state.account.id);
  }
  return { kind: 'ready', state };
}
