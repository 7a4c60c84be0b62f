/** The one transaction of a run: fence first, then everything it saw and everything it changed, then the audit. */
import { type BookEvent } from '../domain/event.ts';
import { instantKey } from '../domain/time.ts';
import { canonicalJson } from '../domain/contentHash.ts';
import { accountById, advanceEpoch, pinAccount } from './accounts.ts';
import { activityContent, saveWatch } from './activities.ts';
import { appendAudit } from './audit.ts';
import { saveBalanceDays } from './balanceDays.ts';
import { bankrollContent } from './bankroll.ts';
import { eventContent } from './bookEvents.ts';
import { accountChain, chainRows, lockHead, saveHead } from './chain.ts';
import { type Database, type Queries } from './database.ts';
import { saveCheckpoints } from './checkpoints.ts';
import { electionContent } from './elections.ts';
import { listFindings, saveFindings, withReopened } from './findings.ts';
import { loadInstruments, saveAliases, saveInstruments } from './instruments.ts';
import { checkFence, lockLease } from './leases.ts';
import {
  saveBalanceObservations,
  saveGreeks,
  saveMarks,
  saveDayEnds,
  savePositionObservations,
  type Sight,
} from './observations.ts';
import { savePayloads, saveQuarantine, type KnownPayloads } from './payloads.ts';
import { saveLots } from './lots.ts';
import { listPositions, savePositions } from './positions.ts';
import { saveCursors, saveFreshness } from './progress.ts';
import { answerRequests } from './requests.ts';
import { insertRows, keyOrNull, storableRow } from './rows.ts';
import { insertReads, insertRun, runByMarker } from './runs.ts';
import { type CommitTrace } from './stateCache.ts';
import { type Lease, type RunCommit, type RunRecord } from './store.ts';
import { type Account } from '../domain/account.ts';
import { type Decimal } from '../domain/decimal.ts';
import { type Instant } from '../domain/time.ts';

/** The run as it was written; no trace where only its marker tells that it was. */
interface Committed {
  readonly run: RunRecord;
  readonly trace: CommitTrace | null;
}

export async function commitRun(
  database: Database,
  commit: RunCommit,
  marker: string,
  known: KnownPayloads,
): Promise<Committed> {
  return await database.write(
    (queries) => writeRun(database, queries, commit, marker, known),
    async (queries) => {
      // Waits for the lost transaction where it still holds the lease row; then its marker is there or never comes.
      await lockLease(database, queries, commit.lease.accountId);
      const run = await runByMarker(queries, marker);
      return run === null ? null : { run, trace: null };
    },
  );
}

async function writeRun(
  database: Database,
  queries: Queries,
  given: RunCommit,
  marker: string,
  known: KnownPayloads,
): Promise<Committed> {
  const { accountId } = given.lease;
  const { run, rowHash } = await insertRun(database, queries, given, marker);
  const commit = await withReopened(queries, given);
  const sight: Sight = { accountId, epoch: run.epoch, runId: run.id };

  await saveEvidence(queries, sight, commit, known);
  const chain = await appendLedger(database, queries, sight, commit, run.startedAt);
  await saveBelief(queries, sight, commit);
  await saveWork(queries, sight, commit);
  await appendAudit(database, queries, commit.audit);
  return { run, trace: { runHash: rowHash, chain } };
}

async function saveEvidence(
  queries: Queries,
  sight: Sight,
  commit: RunCommit,
  known: KnownPayloads,
): Promise<void> {
  await savePayloads(queries, sight, commit.payloads, known);
  await insertReads(queries, sight.runId, commit);
  await saveQuarantine(queries, sight, commit.quarantine);
  await saveInstruments(queries, commit.instruments, [
    ...commit.revisions.flatMap((revision) => revision.instrument ?? []),
    ...commit.greeks.map((quote) => quote.instrument),
  ]);
  await saveAliases(queries, commit.aliases, commit.run.startedAt);
  await saveDayEnds(queries, sight, commit.dayEnds);
  await savePositionObservations(queries, sight, commit.positionObservations);
  await saveBalanceObservations(queries, sight, commit.balanceObservations);
  await saveGreeks(queries, sight, commit.greeks, instantKey(commit.run.startedAt));
}

/** Activities first, then the events they caused, then the bankroll and elections, in one chain. */
async function appendLedger(
  database: Database,
  queries: Queries,
  sight: Sight,
  { revisions, events, bankroll, elections }: LedgerPart,
  seenAt: Instant,
): Promise<CommitTrace['chain']> {
  if (revisions.length + events.length + bankroll.length + elections.length === 0) return null;
  const account = await accountById(queries, sight.accountId);
  const start = await lockHead(database, queries, accountChain(account.name));
  const activities = chainRows(
    start,
    'activity',
    revisions.map((revision) => activityContent(sight.accountId, sight.epoch, sight.runId, revision)),
  );
  const booked = chainRows(
    activities.head,
    'book_event',
    events.map((event) => eventContent(sight.accountId, sight.epoch, sight.runId, event, instantKey(seenAt))),
  );
  const rolled = chainRows(
    booked.head,
    'bankroll_entry',
    bankroll.map((entry) =>
      bankrollContent(sight.accountId, sight.epoch, sight.runId, entry, instantKey(seenAt)),
    ),
  );
  const elected = chainRows(
    rolled.head,
    'election',
    elections.map((election) => electionContent(sight.accountId, sight.epoch, election, instantKey(seenAt))),
  );
  await insertRows(queries, 'activity', activities.rows);
  await insertRows(queries, 'book_event', booked.rows);
  await insertRows(queries, 'bankroll_entry', rolled.rows);
  await insertRows(queries, 'election', elected.rows);
  await saveHead(queries, elected.head);
  return { before: start.hash, after: elected.head.hash, seq: elected.head.seq };
}

type LedgerPart = Pick<RunCommit, 'revisions' | 'events' | 'bankroll' | 'elections'>;

async function saveBelief(queries: Queries, sight: Sight, commit: RunCommit): Promise<void> {
  const { accountId } = sight;
  if (commit.pin !== null) await pinAccount(queries, accountId, commit.pin);
  await savePositions(queries, commit.positions.upsert, commit.positions.remove, accountId);
  await saveBalanceDays(queries, sight, commit.balanceDays);
  await saveLots(queries, accountId, sight.epoch, commit.lots);
  await saveCheckpoints(queries, accountId, sight.epoch, commit);
  await saveMarks(queries, accountId, commit.marks);
}

async function saveWork(queries: Queries, sight: Sight, commit: RunCommit): Promise<void> {
  const { accountId, runId } = sight;
  await saveFindings(queries, accountId, commit.findings);
  await saveCursors(queries, accountId, commit.cursors);
  await saveFreshness(queries, accountId, runId, commit.freshness);
  await saveWatch(queries, accountId, commit.watch);
  await saveOrders(queries, accountId, commit.orders);
  await answerRequests(queries, accountId, commit.requestIds, runId, commit.answer);
  const facts = commit.outbox.map((fact) =>
    storableRow({
      account_id: accountId,
      run_id: runId,
      kind: fact.kind,
      at: instantKey(fact.at),
      facts: canonicalJson(fact.facts),
    }),
  );
  await insertRows(queries, 'outbox', facts);
}

async function saveOrders(queries: Queries, accountId: number, orders: RunCommit['orders']): Promise<void> {
  const rows = [...new Map(orders.map((order) => [order.orderId, order])).values()].map((order) =>
    storableRow({
      account_id: accountId,
      order_id: order.orderId,
      client_order_id: order.clientOrderId,
      parent_order_id: order.parentOrderId,
      next_lookup_at: keyOrNull(order.nextLookupAt),
    }),
  );
  await insertRows(queries, 'order_reference', rows, { keys: ['account_id', 'order_id'], then: 'update' });
}

// ---- a new epoch ----------------------------------------------------------------------------------------------

/**
 * The account was reset at its broker: closes what the old epoch still held with `account_reset` (nothing was sold, so
 * nothing is realized), resolves its findings, forgets pin, cursors and freshness, and starts the next epoch.
 */
export async function newEpoch(
  database: Database,
  lease: Lease,
  at: Instant,
  actor: string,
  zero: Decimal,
): Promise<Account> {
  return await database.write(async (queries) => {
    await checkFence(database, queries, lease);
    const account = await accountById(queries, lease.accountId);
    const held = await listPositions(queries, {
      accountId: account.id,
      epoch: account.epoch,
      states: ['open', 'missing'],
    });
    const findings = await listFindings(queries, { accountId: account.id, states: ['open', 'reopened'] });
    const names = await loadInstruments(
      queries,
      held.map((row) => row.instrument),
    );
    const events: BookEvent[] = [
      { kind: 'account_reset', at, instrument: null, symbol: null, facts: epochFacts(account.epoch) },
      ...held.map((row) => ({
        kind: 'account_reset' as const,
        at,
        instrument: row.instrument,
        symbol: names.get(row.instrument)?.symbol ?? null,
        facts: {
          ...epochFacts(account.epoch),
          quantity: row.quantity.toString(),
          opened_root_id: row.openedRootId,
        },
      })),
      ...findings.map((finding) => ({
        kind: 'finding_resolved' as const,
        at,
        instrument: finding.instrument,
        symbol: finding.symbol,
        facts: { key: finding.key, state: 'resolved', reason: 'account_reset' },
      })),
    ];
    const sight = { accountId: account.id, epoch: account.epoch };
    await appendEvents(database, queries, account, events, at);
    await savePositions(
      queries,
      held.map((row) => ({
        ...row,
        state: 'closed',
        quantity: zero,
        brokerQuantity: null,
        bookQuantity: zero,
        closedAt: at,
        missingSince: null,
      })),
      [],
      account.id,
    );
    await saveFindings(
      queries,
      account.id,
      findings.map((finding) => ({ ...finding, state: 'resolved', lastSeenAt: at })),
    );
    await forgetWork(queries, sight.accountId);
    await advanceEpoch(queries, account);
    await appendAudit(database, queries, [
      {
        at,
        actor,
        action: 'new_epoch',
        object: account.name,
        facts: { from: account.epoch, to: account.epoch + 1 },
      },
    ]);
    return await accountById(queries, account.id);
  });
}

function epochFacts(epoch: number): { from_epoch: string; to_epoch: string } {
  return { from_epoch: String(epoch), to_epoch: String(epoch + 1) };
}

async function appendEvents(
  database: Database,
  queries: Queries,
  account: Account,
  events: readonly BookEvent[],
  at: Instant,
): Promise<void> {
  const start = await lockHead(database, queries, accountChain(account.name));
  const contents = events.map((event) =>
    eventContent(account.id, account.epoch, null, event, instantKey(at)),
  );
  const { rows, head } = chainRows(start, 'book_event', contents);
  await insertRows(queries, 'book_event', rows);
  await saveHead(queries, head);
}

/** What belongs to the old epoch and says nothing of the new one. */
async function forgetWork(queries: Queries, accountId: number): Promise<void> {
  for (const table of [
    'cursor',
    'freshness',
    'activity_watch',
    'mark',
    'bankroll',
    'position_latest',
    'greeks_latest',
  ] as const) {
    await queries.deleteFrom(table).where('account_id', '=', accountId).execute();
  }
}
