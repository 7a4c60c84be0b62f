/** Finding records: where broker and book disagree, and why. */
import { type FindingEvidence } from '../../domain/finding.ts';
import { compareInstants, type Instant } from '../../domain/time.ts';
import { type RunRecord } from '../../store/store.ts';
import { type AccountScope, type RecordContext } from './context.ts';
import { accountNames } from './fields.ts';

export interface FindingRecord {
  readonly id: number;
  readonly account: string;
  readonly type: string;
  readonly cause: string;
  readonly confidence: string;
  readonly state: string;
  readonly symbol: string | null;
  readonly expected: string | null;
  readonly observed: string | null;
  readonly firstSeenAt: string;
  readonly lastSeenAt: string;
  readonly evidence: readonly { kind: string; reference: string; text: string }[];
}

/** Findings, open and reopened ones unless `all`. */
export async function findingRecords(
  context: RecordContext,
  scope: AccountScope & { all?: boolean } = {},
): Promise<readonly FindingRecord[]> {
  const { store } = context;
  const names = await accountNames(store);
  const filter = scope.account === undefined ? {} : { accountId: scope.account.id };
  const states = scope.all === true ? {} : { states: ['open', 'reopened'] as const };
  const lastRuns = new Map<number, RunRecord | null>();
  const records: FindingRecord[] = [];
  for (const finding of await store.findings({ ...filter, ...states })) {
    if (!lastRuns.has(finding.accountId)) {
      lastRuns.set(finding.accountId, await store.lastRun(finding.accountId, 'complete'));
    }
    const isOpen = finding.state === 'open' || finding.state === 'reopened';
    const lastRunAt = lastRuns.get(finding.accountId)?.startedAt ?? finding.lastSeenAt;
    records.push({
      id: finding.id,
      account: names.get(finding.accountId) ?? String(finding.accountId),
      type: finding.type,
      cause: finding.cause,
      confidence: finding.confidence,
      state: finding.state,
      symbol: finding.symbol,
      expected: finding.expected,
      observed: finding.observed,
      firstSeenAt: finding.firstSeenAt,
      // An open finding is confirmed by every complete run; only changes are written.
      lastSeenAt:
        isOpen && compareInstants(lastRunAt, finding.lastSeenAt) > 0 ? lastRunAt : finding.lastSeenAt,
      evidence: finding.evidence.map(shownEvidence),
    });
  }
  return records;
}

/** As they were known then, told from the ledger with the evidence of then. Open and reopened ones unless `all`. */
export async function findingRecordsThen(
  { store }: RecordContext,
  scope: AccountScope & { readonly all?: boolean; readonly knownAt: Instant },
): Promise<readonly FindingRecord[]> {
  const names = await accountNames(store);
  const { knownAt } = scope;
  const filter = scope.account === undefined ? {} : { accountId: scope.account.id };
  const ids = new Map((await store.findings(filter)).map((row) => [`${row.accountId} ${row.key}`, row.id]));
  const wanted: readonly string[] = scope.all === true ? ALL_STATES : ['open', 'reopened'];
  return (await store.findingsThen({ ...filter, knownAt }))
    .filter((row) => wanted.includes(row.state))
    .map(({ accountId, epoch: _, key, instrument: __, evidence, ...row }) => ({
      id: ids.get(`${accountId} ${key}`) ?? 0,
      account: names.get(accountId) ?? String(accountId),
      ...row,
      evidence: evidence.map(shownEvidence),
    }));
}

function shownEvidence({ kind, reference, text }: FindingEvidence): FindingRecord['evidence'][number] {
  return { kind, reference, text };
}

const ALL_STATES = ['open', 'resolved', 'dismissed', 'reopened'];
