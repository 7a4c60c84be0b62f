/**
 * Merge by identity (design section 4.4): which rows of a read are new, corrected or busted. Identity is
 * (account, root id); two trades that look alike but have different ids are two trades.
 */
import { type Activity, type ActivityRevision } from '../domain/activity.ts';
import { contentHash } from '../domain/contentHash.ts';
import { compareInstants, type Instant } from '../domain/time.ts';
import { type ActivityWatchRow, type NewRevision, type RevisionChain } from '../store/store.ts';

export interface MergeResult {
  /** Revisions to append to the ledger, at most one per identity. */
  readonly revisions: readonly NewRevision[];
  /** What to remember until the next run. */
  readonly watch: readonly ActivityWatchRow[];
}

/**
 * Compares the rows of one complete read with what the ledger holds. A row whose content is new becomes a revision;
 * content that returns to an *older* revision needs two complete reads in a row, because a stale answer of the broker
 * looks exactly like that.
 */
export function mergeActivities(
  incoming: readonly Activity[],
  known: ReadonlyMap<string, RevisionChain>,
  watched: ReadonlyMap<string, ActivityWatchRow>,
  now: Instant,
  windowAfter: Instant | null = null,
): MergeResult {
  const revisions: NewRevision[] = [];
  const watch: ActivityWatchRow[] = [];
  const seen = new Set<string>();
  for (const given of incoming) {
    if (seen.has(given.rootId)) continue;
    seen.add(given.rootId);
    const chain = known.get(given.rootId) ?? [];
    const activity = withTermsKnown(given, chain.at(-1));
    const memory = watched.get(activity.rootId);
    const hash = contentHash(activity);
    const decision = decide(activity, chain, memory?.pendingContentHash ?? null, hash);
    if (decision.rev !== null) {
      revisions.push({ ...activity, rev: decision.rev, firstSeenAt: now, contentHash: hash });
    }
    if ((memory?.pendingContentHash ?? null) !== decision.pending || (memory?.absentScans ?? 0) > 0) {
      watch.push({
        rootId: activity.rootId,
        absentScans: 0,
        withdrawn: false,
        pendingContentHash: decision.pending,
      });
    }
  }
  for (const opposite of supersededBy(incoming, known, watched, windowAfter)) {
    const memory = watched.get(opposite.rootId);
    const again = memory?.pendingContentHash === SUPERSEDED;
    if (again) revisions.push(busted(opposite, now));
    watch.push({
      rootId: opposite.rootId,
      absentScans: memory?.absentScans ?? 0,
      // The broker will not list the superseded sign again: it leaves the known-id proof.
      withdrawn: again || memory?.withdrawn === true,
      pendingContentHash: again ? null : SUPERSEDED,
    });
  }
  return { revisions, watch };
}

/**
 * Terms of a split that an announcement told once stay: a later read that did not get the announcement says nothing
 * against them.
 */
function withTermsKnown(activity: Activity, newest: ActivityRevision | undefined): Activity {
  const { ratioNew, ratioOld } = newest?.details ?? {};
  if (activity.kind !== 'split' || ratioNew === undefined || ratioOld === undefined) return activity;
  return { ...activity, details: { ratioNew, ratioOld, ...activity.details } };
}

/** Stands in the memory of an identity whose row came back with the other sign. */
const SUPERSEDED = 'superseded';

/**
 * Identities end in the sign of what they move, because two rows of one event may share the broker's id. So a row that
 * comes back with the other sign looks like a new one beside the old: where the old identity should have been listed
 * and only its opposite was, the broker corrected the sign. It takes two complete reads in a row to believe that.
 */
function supersededBy(
  incoming: readonly Activity[],
  known: ReadonlyMap<string, RevisionChain>,
  watched: ReadonlyMap<string, ActivityWatchRow>,
  windowAfter: Instant | null,
): readonly ActivityRevision[] {
  if (windowAfter === null) return [];
  const present = new Set(incoming.map((activity) => activity.rootId));
  return incoming.flatMap((activity) => {
    const opposite = oppositeSign(activity.rootId);
    if (opposite === null || present.has(opposite)) return [];
    // Where both signs were known before, one of them is merely absent - unless they took turns before.
    const isNews =
      !known.has(activity.rootId) ||
      takesTurns(watched.get(activity.rootId)) ||
      takesTurns(watched.get(opposite));
    if (!isNews) return [];
    const newest = known.get(opposite)?.at(-1);
    if (newest === undefined || newest.status !== 'ok' || newest.publishedAt === null) return [];
    return compareInstants(newest.publishedAt, windowAfter) > 0 ? [newest] : [];
  });
}

/** Whether an identity was superseded by its opposite sign, or is about to be. */
export function takesTurns(memory: ActivityWatchRow | null | undefined): boolean {
  return memory?.pendingContentHash === SUPERSEDED || memory?.withdrawn === true;
}

function busted(revision: ActivityRevision, now: Instant): NewRevision {
  const bust = { ...revision, status: 'bust' as const };
  return { ...bust, rev: revision.rev + 1, firstSeenAt: now, contentHash: contentHash(bust) };
}

/** The same identity with the other sign; null for identities without one (fills). */
export function oppositeSign(rootId: string): string | null {
  if (rootId.endsWith(':+')) return `${rootId.slice(0, -1)}-`;
  return rootId.endsWith(':-') ? `${rootId.slice(0, -1)}+` : null;
}

interface Decision {
  /** Revision number to write, null = nothing new. */
  readonly rev: number | null;
  /** Content hash to remember for the next read. */
  readonly pending: string | null;
}

function decide(activity: Activity, chain: RevisionChain, pending: string | null, hash: string): Decision {
  const newest = chain.at(-1);
  if (newest === undefined) return { rev: activity.brokerRev ?? 0, pending: null };
  if (newest.contentHash === hash) return { rev: null, pending: null };
  if (activity.brokerRev !== null) {
    // The broker numbers its revisions: a lower one is an old answer, never news.
    return { rev: activity.brokerRev > newest.rev ? activity.brokerRev : null, pending: null };
  }
  const returned = chain.some((revision) => revision.contentHash === hash);
  if (returned && pending !== hash) return { rev: null, pending: hash };
  return { rev: newest.rev + 1, pending: null };
}

/**
 * Known-id proof: identities that a complete re-read of this window must show and did not. Any of them makes the read
 * incomplete, whatever its status code said (reliability.md 2.2).
 */
export function absentFrom(
  incoming: readonly Activity[],
  expected: readonly { readonly rootId: string; readonly watch: ActivityWatchRow | null }[],
  watched: ReadonlyMap<string, ActivityWatchRow> = new Map(),
): readonly { readonly rootId: string; readonly watch: ActivityWatchRow | null }[] {
  const present = new Set(incoming.map((activity) => activity.rootId));
  const known = new Set(expected.map((row) => row.rootId));
  return expected.filter(({ rootId, watch }) => {
    const opposite = oppositeSign(rootId);
    // The other sign stands for this one only while it is news, not where both are rows of one event.
    const changedSign =
      opposite !== null &&
      present.has(opposite) &&
      (!known.has(opposite) || takesTurns(watch) || takesTurns(watched.get(opposite)));
    const listed = present.has(rootId) || changedSign;
    return !listed && watch?.withdrawn !== true;
  });
}

/** Deep scans in a row after which an absent identity leaves the proof and becomes a finding. */
export const ABSENT_SCANS_MAX = 3;

/** Counts an absence in a deep scan. */
export function countAbsence(rootId: string, watch: ActivityWatchRow | null): ActivityWatchRow {
  const absentScans = (watch?.absentScans ?? 0) + 1;
  return {
    rootId,
    absentScans,
    withdrawn: absentScans >= ABSENT_SCANS_MAX,
    pendingContentHash: watch?.pendingContentHash ?? null,
  };
}
