/** Findings: one row per difference, kept under its key for good. Every change of one is a book event as well. */
import { type AccountId } from '../domain/account.ts';
import { canonicalJson } from '../domain/contentHash.ts';
import {
  type Confidence,
  type Finding,
  type FindingCause,
  type FindingEvidence,
  type FindingState,
  type FindingType,
} from '../domain/finding.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import { instantFromKey, instantKey } from '../domain/time.ts';
import { type Queries } from './database.ts';
import { inParts, insertRows, readJson, storableRow } from './rows.ts';
import { type FindingTable } from './schema.ts';
import { type AccountFilter, type RunCommit, type StoredFinding } from './store.ts';
import { type Selectable } from 'kysely';

/** Upserts by (account, key); the id and `firstSeenAt` of the first sight stay. */
export async function saveFindings(
  queries: Queries,
  accountId: AccountId,
  findings: readonly Finding[],
): Promise<void> {
  const rows = findings.map((finding) =>
    storableRow({
      account_id: accountId,
      finding_key: finding.key,
      type: finding.type as string,
      cause: finding.cause as string,
      confidence: finding.confidence as string,
      state: finding.state as string,
      instrument: finding.instrument as string | null,
      symbol: finding.symbol,
      expected: finding.expected,
      observed: finding.observed,
      first_seen_at: instantKey(finding.firstSeenAt),
      last_seen_at: instantKey(finding.lastSeenAt),
      evidence: canonicalJson(finding.evidence.map((piece) => ({ ...piece }))),
    }),
  );
  const keys = ['account_id', 'finding_key'];
  await insertRows(queries, 'finding', rows, { keys, then: 'update', keep: ['first_seen_at'] });
}

/**
 * A run's findings with those that return named so: a difference that was resolved or dismissed before and is opened
 * again is `reopened`, in its row, in its book event and in the fact for the outbox. Only the store knows the closed ones.
 */
export async function withReopened(queries: Queries, commit: RunCommit): Promise<RunCommit> {
  const opened = commit.findings.filter((finding) => finding.state === 'open').map((finding) => finding.key);
  const returning = new Set<string>();
  for (const part of inParts(opened)) {
    const rows = await queries
      .selectFrom('finding')
      .select('finding_key')
      .where('account_id', '=', commit.lease.accountId)
      .where('finding_key', 'in', part)
      .where('state', 'in', ['resolved', 'dismissed'])
      .execute();
    for (const row of rows) returning.add(row.finding_key);
  }
  if (returning.size === 0) return commit;
  const returns = (key: unknown): boolean => typeof key === 'string' && returning.has(key);
  return {
    ...commit,
    findings: commit.findings.map((finding) =>
      returns(finding.key) && finding.state === 'open' ? { ...finding, state: 'reopened' } : finding,
    ),
    events: commit.events.map((event) =>
      event.kind === 'finding_opened' && returns(event.facts['key'])
        ? { ...event, kind: 'finding_reopened' }
        : event,
    ),
    outbox: commit.outbox.map((fact) =>
      fact.kind === 'finding_open' && returns(fact.facts['key'])
        ? { ...fact, kind: 'finding_reopened' }
        : fact,
    ),
  };
}

export async function listFindings(
  queries: Queries,
  filter: AccountFilter & { states?: readonly FindingState[]; types?: readonly FindingType[] },
): Promise<readonly StoredFinding[]> {
  let query = queries.selectFrom('finding').selectAll().orderBy('id');
  if (filter.accountId !== undefined) query = query.where('account_id', '=', filter.accountId);
  if (filter.states !== undefined) query = query.where('state', 'in', [...filter.states, '']);
  if (filter.types !== undefined) query = query.where('type', 'in', [...filter.types, '']);
  return (await query.execute()).map(readFinding);
}

export function readFinding(row: Selectable<FindingTable>): StoredFinding {
  return {
    id: row.id,
    accountId: row.account_id,
    key: row.finding_key,
    type: row.type as FindingType,
    cause: row.cause as FindingCause,
    confidence: row.confidence as Confidence,
    state: row.state as FindingState,
    instrument: row.instrument as InstrumentId | null,
    symbol: row.symbol,
    expected: row.expected,
    observed: row.observed,
    firstSeenAt: instantFromKey(row.first_seen_at),
    lastSeenAt: instantFromKey(row.last_seen_at),
    evidence: readJson<FindingEvidence[]>(row.evidence),
  };
}
