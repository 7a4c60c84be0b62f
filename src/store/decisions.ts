/**
 * What a person decides about a finding, in one transaction: the provisional activity, the finding's new state, its book
 * event, the audit. It is written beside the lease, because an agent holds that all day: an append to the account's
 * chain, which every run and every kept state looks at.
 */
import { type Account } from '../domain/account.ts';
import { type ActivityRevision } from '../domain/activity.ts';
import { canonicalJson, contentHash } from '../domain/contentHash.ts';
import { TruebookError } from '../domain/errors.ts';
import { type BookEvent } from '../domain/event.ts';
import { instantKey, type Instant } from '../domain/time.ts';
import { accountById } from './accounts.ts';
import { activityContent, revisions } from './activities.ts';
import { appendAudit } from './audit.ts';
import { eventContent } from './bookEvents.ts';
import { accountChain, chainRows, lockHead, saveHead } from './chain.ts';
import { dropBehind } from './checkpoints.ts';
import { type Database, type Queries } from './database.ts';
import { readFinding, saveFindings } from './findings.ts';
import { saveInstruments } from './instruments.ts';
import { insertRows } from './rows.ts';
import { type FindingDecision, type StoredFinding } from './store.ts';

export async function decideFinding(
  database: Database,
  queries: Queries,
  decision: FindingDecision,
): Promise<{ readonly finding: StoredFinding; readonly adjustment: ActivityRevision | null }> {
  const account = await accountById(queries, decision.accountId);
  const stated = decision.adjustment?.instrument ?? null;
  // Before the head, as a run does it: two who wait for each other in a circle would have to begin again.
  if (stated !== null) await saveInstruments(queries, [], [stated]);
  // Held until the end: a run that writes at the same moment comes before or after all of this.
  const start = await lockHead(database, queries, accountChain(account.name));
  const finding = decided(await openFinding(queries, decision), decision);
  const adjustment = await provisional(queries, account, decision);
  const seenAt = instantKey(decision.at);
  const activities = chainRows(
    start,
    'activity',
    adjustment === null ? [] : [activityContent(account.id, account.epoch, null, adjustment)],
  );
  const event = eventOf(finding, decision, adjustment);
  const events = chainRows(activities.head, 'book_event', [
    eventContent(account.id, account.epoch, null, event, seenAt),
  ]);
  await insertRows(queries, 'activity', activities.rows);
  await insertRows(queries, 'book_event', events.rows);
  await saveHead(queries, events.head);
  await saveFindings(queries, account.id, [finding]);
  if (adjustment !== null) {
    await dropBehind(queries, account.id, account.epoch, [adjustment]);
    await noteUntold(queries, account.id, decision.at);
  }
  await tellOthers(database, queries, account, finding, decision, adjustment);
  return { finding, adjustment };
}

async function openFinding(queries: Queries, decision: FindingDecision): Promise<StoredFinding> {
  const row = await queries
    .selectFrom('finding')
    .selectAll()
    .where('id', '=', decision.findingId)
    .where('account_id', '=', decision.accountId)
    .executeTakeFirst();
  const hint = 'List the open findings with `truebook findings`.';
  if (row === undefined) {
    throw new TruebookError('usage', `There is no finding ${decision.findingId} in this account.`, { hint });
  }
  if (row.state === 'open' || row.state === 'reopened') return readFinding(row);
  throw new TruebookError('usage', `Finding ${decision.findingId} is ${row.state} already.`, { hint });
}

function decided(finding: StoredFinding, decision: FindingDecision): StoredFinding {
  const { actor, reason, state } = decision;
  return {
    ...finding,
    state,
    cause: decision.cause ?? finding.cause,
    lastSeenAt: decision.at,
    evidence: [...finding.evidence, { kind: 'person', reference: actor, text: reason }],
  };
}

/** The next revision of the person's activity. */
async function provisional(
  queries: Queries,
  account: Account,
  { adjustment, at }: FindingDecision,
): Promise<ActivityRevision | null> {
  if (adjustment === null) return null;
  if (adjustment.source !== 'user') {
    throw new TruebookError('internal', 'What a person states must be of source `user`.', {
      hint: 'This is a fault of Truebook: report it with the command that was run.',
    });
  }
  const chain = (await revisions(queries, account.id, account.epoch, [adjustment.rootId])).get(
    adjustment.rootId,
  );
  const rev = (chain?.at(-1)?.rev ?? -1) + 1;
  return { ...adjustment, rev, firstSeenAt: at, contentHash: contentHash(adjustment) };
}

function eventOf(
  finding: StoredFinding,
  { actor, at, reason, state }: FindingDecision,
  adjustment: ActivityRevision | null,
): BookEvent {
  return {
    kind: state === 'resolved' ? 'finding_resolved' : 'finding_dismissed',
    at,
    instrument: finding.instrument,
    symbol: finding.symbol,
    facts: {
      key: finding.key,
      type: finding.type,
      cause: finding.cause,
      confidence: finding.confidence,
      expected: finding.expected,
      observed: finding.observed,
      evidence: canonicalJson(finding.evidence.map((piece) => ({ ...piece }))),
      state,
      reason,
      actor,
      adjustment: adjustment?.rootId ?? null,
    },
  };
}

/** The next run tells what became of the positions, as after runs that wrote activities alone. */
async function noteUntold(queries: Queries, accountId: number, at: Instant): Promise<void> {
  const cursor = { account_id: accountId, name: 'untold', place: at as string, updated_at: instantKey(at) };
  await queries
    .insertInto('cursor')
    .values(cursor)
    .onConflict((conflict) =>
      conflict
        .columns(['account_id', 'name'])
        .doUpdateSet({ place: cursor.place, updated_at: cursor.updated_at })
        // What has been waiting longer is told first.
        .where('cursor.place', '=', ''),
    )
    .execute();
}

async function tellOthers(
  database: Database,
  queries: Queries,
  account: Account,
  finding: StoredFinding,
  { actor, at, reason, state }: FindingDecision,
  adjustment: ActivityRevision | null,
): Promise<void> {
  const { key, type, cause, symbol } = finding;
  const facts = { account: account.name, key, type, cause, symbol };
  await insertRows(queries, 'outbox', [
    {
      account_id: account.id,
      run_id: null,
      kind: `finding_${state}`,
      at: instantKey(at),
      facts: canonicalJson(facts),
    },
  ]);
  await appendAudit(database, queries, [
    {
      at,
      actor,
      action: state === 'resolved' ? 'resolve_finding' : 'dismiss_finding',
      object: account.name,
      facts: { finding: key, reason, adjustment: adjustment?.rootId ?? null },
    },
  ]);
}
