import { createHash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, expect, it } from 'vitest';
import { decimal } from '../../src/domain/decimal.ts';
import { openDatabase } from '../../src/store/open.ts';
import { payloadBody } from '../../src/store/payloads.ts';
import { bookStore } from '../../src/store/bookStore.ts';
import { CompiledQuery } from 'kysely';
import {
  closeAll,
  emptyDatabase,
  forEachDatabase,
  later,
  stillClock,
  type TestDatabase,
} from './databases.ts';
import {
  AAPL,
  asText,
  AT,
  commitOf,
  DAY,
  fill,
  findingOf,
  fullCommit,
  holder,
  minutesLater,
  MSFT,
  observationOf,
  positionOf,
  ready,
} from './samples.ts';

const TABLES = [
  'sync_run sync_read payload payload_body quarantine position_observation balance_observation greeks_observation',
  'activity book_event chain_head position balance_day book_checkpoint finding cursor activity_watch order_reference',
  'freshness mark bankroll position_latest greeks_latest outbox audit instrument instrument_alias',
]
  .join(' ')
  .split(' ');

/** Number of rows of each table that has any. */
async function rowCounts(database: TestDatabase): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of TABLES) {
    const [row] = await database.sql(`SELECT count(*) AS rows FROM ${table}`);
    if (Number(row!['rows']) > 0) counts[table] = Number(row!['rows']);
  }
  return counts;
}

forEachDatabase('commitRun', (open) => {
  it('gives back everything a run held', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    const commit = fullCommit(lease);
    const run = await store.commitRun(commit);
    expect(run).toEqual({ id: 1, ...commit.run });
    expect(await store.run(run.id)).toEqual(run);

    const state = await store.syncState(account.id);
    expect(asText(state)).toEqual(
      asText({
        bankroll: null,
        account: { ...account, pinnedFingerprint: 'f'.repeat(64) },
        cursors: commit.cursors,
        freshness: commit.freshness.map((row) => ({ ...row, runId: run.id })),
        positions: commit.positions.upsert,
        observations: commit.positionObservations,
        balances: commit.balanceObservations.map((row) => ({ ...row, accountId: account.id })),
        marks: commit.marks.map((row) => ({ ...row, accountId: account.id })),
        greeks: commit.greeks.map((row) => ({ ...row, accountId: account.id })),
        findings: commit.findings.map((finding) => ({ ...finding, id: 1, accountId: account.id })),
        checkpoint: commit.checkpoint,
        elections: [],
        shortsReported: [],
        ledgerSeq: 2,
        instruments: new Map([[AAPL.id, AAPL]]),
        lastRun: run,
      }),
    );
    expect((await store.balanceDays({})).map((day) => day.tradeDate)).toContain(DAY);
    expect(asText(await store.lots({}))).toEqual(
      asText(commit.lots.upsert.map((lot) => ({ ...lot, accountId: account.id, epoch: 1 }))),
    );
    const [row] = await store.ledger({});
    expect(asText(row)).toEqual(
      asText({
        ...commit.revisions[0],
        accountId: account.id,
        epoch: 1,
        clientOrderId: 'auto-1',
        announced: false,
      }),
    );
    expect(await store.bookEvents({})).toEqual([
      { ...commit.events[0], accountId: account.id, epoch: 1, seq: 2, firstSeenAt: AT },
    ]);
    const window = { publishedAfter: minutesLater(500), publishedBefore: minutesLater(501) };
    const { watched } = await store.ledgerBeside(account.id, 1, window, ['FILL:1', 'FILL:2']);
    expect([...watched.values()]).toEqual(commit.watch.filter((row) => row.rootId === 'FILL:1'));
    expect(await store.verifyChains({})).toEqual({ ok: true, rows: 3, firstBroken: null });
  });

  it('writes nothing at all when the lease was lost', async () => {
    const database = await open();
    const { store } = database;
    const { account, lease } = await ready(store);
    const before = await rowCounts(database);
    const other = await database.again();
    await takeLeaseBack(other, account.id);
    await expect(store.commitRun(fullCommit(lease))).rejects.toMatchObject({ code: 'lease_lost' });
    expect(await rowCounts(database)).toEqual(before);
  });

  it('leaves nothing of a run that fails in its middle', async () => {
    const database = await open();
    const { store } = database;
    const { lease } = await ready(store);
    const before = await rowCounts(database);
    const full = fullCommit(lease);
    const broken = { ...full, revisions: [fill('FILL:1'), fill('FILL:1')] };
    await expect(store.commitRun(broken)).rejects.toThrow();
    expect(await rowCounts(database)).toEqual(before);
    const late = { ...full, audit: [{ ...full.audit[0]!, facts: { broken: 0.5 } }] };
    await expect(store.commitRun(late)).rejects.toThrow('0.5');
    expect(await rowCounts(database)).toEqual(before);
    expect((await store.commitRun(full)).outcome).toBe('complete');
  });

  it('commits the evidence of a failed run and none of the belief', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    await store.commitRun(fullCommit(lease));
    const before = await store.syncState(account.id);
    const failed = await store.commitRun(
      commitOf(
        lease,
        {
          reads: [
            {
              resource: 'positions',
              kind: 'incomplete',
              reason: 'not_json',
              rowCount: null,
              asOf: null,
              startedAt: AT,
            },
          ],
          findings: [findingOf({ key: 'auth', type: 'auth', instrument: null, symbol: null })],
        },
        { outcome: 'failed', reconciled: false, errorCode: 'broker_bad_answer', errorMessage: 'HTML' },
      ),
    );
    const after = await store.syncState(account.id);
    expect(after).toMatchObject({ lastRun: failed });
    expect(asText({ ...after, lastRun: 0, findings: 0 })).toEqual(
      asText({ ...before, lastRun: 0, findings: 0 }),
    );
    expect(await store.lastRun(account.id, 'failed')).toEqual(failed);
    expect(await store.runs({ limit: 10 })).toHaveLength(2);
    expect(await store.statistics({})).toMatchObject({ totalSyncs: 2, successfulSyncs: 1, failedSyncs: 1 });
    expect(await store.statistics({})).toMatchObject({ positionsCreated: 1, lastSyncTime: minutesLater(1) });
  });

  it('keeps the id and the first sight of a finding', async () => {
    const { store } = await open();
    const { lease } = await ready(store);
    await store.commitRun(commitOf(lease, { findings: [findingOf()] }));
    const later = { firstSeenAt: minutesLater(9), lastSeenAt: minutesLater(9), state: 'resolved' as const };
    await store.commitRun(commitOf(lease, { findings: [findingOf(later), findingOf({ key: 'other' })] }));
    expect(await store.findings({})).toMatchObject([
      {
        id: 1,
        key: 'missing:equity:AAPL:USD',
        state: 'resolved',
        firstSeenAt: AT,
        lastSeenAt: minutesLater(9),
      },
      { key: 'other', state: 'open' },
    ]);
    expect(await store.findings({ states: ['open'], types: ['missing'] })).toMatchObject([{ key: 'other' }]);
    expect(await store.findings({ states: [] })).toEqual([]);
  });

  it('replaces, removes and keeps position rows by their episode', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    const unexplained = positionOf(account.id, { openedRootId: '', explained: false });
    const instruments = [AAPL, MSFT];
    const other = positionOf(account.id, { instrument: MSFT.id });
    await store.commitRun(
      commitOf(lease, { instruments, positions: { upsert: [unexplained, other], remove: [] } }),
    );
    const explained = positionOf(account.id, {
      quantity: decimal('-0.000000001'),
      state: 'closed',
      closedAt: AT,
    });
    await store.commitRun(commitOf(lease, { positions: { upsert: [explained], remove: [unexplained] } }));
    expect(asText(await store.allPositions(account.id, 1))).toEqual(asText([explained, other]));
    expect(asText(await store.positions({ states: ['open', 'missing'] }))).toEqual(asText([other]));
    expect(await store.positions({ accountId: account.id + 1 })).toEqual([]);
  });

  it('forgets the newest observation of an instrument that went to zero, never its evidence', async () => {
    const database = await open();
    const { store } = database;
    const { account, lease } = await ready(store);
    const both = [observationOf(), observationOf({ instrument: MSFT.id })];
    await store.commitRun(commitOf(lease, { positionObservations: both }));
    const gone = observationOf({ quantity: decimal('0'), mark: null });
    await store.commitRun(commitOf(lease, { positionObservations: [gone] }));
    expect((await store.syncState(account.id)).observations.map((row) => row.instrument)).toEqual([MSFT.id]);
    expect(await database.sql('SELECT quantity FROM position_observation')).toHaveLength(3);
  });

  it('answers the requests of its own account only', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    const second = await ready(store, 'alpaca-live');
    const ask = { type: 'all', trigger: 'request', requestedAt: AT, requestedBy: 'cli' } as const;
    const mine = await store.requestSync({ ...ask, accountId: account.id });
    const theirs = await store.requestSync({ ...ask, accountId: second.account.id });
    const both = [account.id, second.account.id];
    expect((await store.pendingRequests(both)).map((request) => request.id)).toEqual([mine, theirs]);
    const run = await store.commitRun(commitOf(lease, { requestIds: [mine, theirs] }));
    expect(await store.pendingRequests(both)).toEqual([
      {
        ...ask,
        accountId: second.account.id,
        id: theirs,
        runId: null,
        dryRun: false,
        answer: null,
      },
    ]);
    expect(await store.syncRequest(mine)).toMatchObject({ runId: run.id });
    expect(await store.syncRequest(999)).toBeNull();
    expect(await store.pendingRequests([])).toEqual([]);
  });

  it('stores an unchanged answer once a day, and a row nobody can read once', async () => {
    const database = await open();
    const { store } = database;
    const { lease } = await ready(store);
    const full = fullCommit(lease);
    const { payloads, quarantine, reads } = full;
    await store.commitRun(commitOf(lease, { payloads, quarantine, reads }));
    await store.commitRun(commitOf(lease, { payloads, quarantine, reads }));
    const tomorrow = payloads.map((payload) => ({ ...payload, receivedAt: minutesLater(24 * 60) }));
    await store.commitRun(commitOf(lease, { payloads: tomorrow }));
    expect(await database.sql('SELECT trade_date FROM payload ORDER BY 1')).toEqual([
      { trade_date: '2025-08-22' },
      { trade_date: '2025-08-23' },
    ]);
    expect(await database.sql('SELECT size_bytes FROM payload_body')).toHaveLength(1);
    expect(await database.sql('SELECT reason FROM quarantine')).toHaveLength(1);
    // Every run still says which bytes it saw.
    const named = await database.sql("SELECT payloads FROM sync_read WHERE resource = 'positions'");
    expect(named).toEqual([
      { payloads: JSON.stringify(['a'.repeat(64)]) },
      { payloads: JSON.stringify(['a'.repeat(64)]) },
    ]);
  });

  it('refuses a run of another account than its lease', async () => {
    const { store } = await open();
    const { lease } = await ready(store);
    const second = await ready(store, 'alpaca-live');
    const stray = commitOf(lease, {}, { accountId: second.account.id });
    await expect(store.commitRun(stray)).rejects.toMatchObject({ code: 'internal' });
  });
});

async function takeLeaseBack(store: TestDatabase['store'], accountId: number): Promise<void> {
  const answer = await store.acquireLease(accountId, holder(), 60_000, () => true);
  expect(answer).toHaveProperty('lease.fence', 2);
}

afterEach(closeAll);

it('writes at most 16 rows when nothing changed, whatever the number of positions', async () => {
  const url = await emptyDatabase('sqlite');
  const database = await openDatabase({ url, clock: stillClock() });
  later(() => database.close());
  const store = bookStore(database, 1);
  const { lease } = await ready(store);
  const full = fullCommit(lease);
  await store.commitRun(full);
  const written = async (): Promise<number> =>
    await database.read(async (queries) => {
      const { rows } = await queries.executeQuery<{ n: number }>(
        CompiledQuery.raw('SELECT total_changes() AS n'),
      );
      return rows[0]!.n;
    });
  const before = await written();
  const reads = ['account', 'positions', 'activities', 'orders', 'quotes', 'clock'].map((resource) => ({
    ...full.reads[0]!,
    resource,
  }));
  const freshness = (['balances', 'positions', 'activities'] as const).map((dataClass) => ({
    ...full.freshness[0]!,
    dataClass,
    asOf: minutesLater(5),
  }));
  const cursors = [{ ...full.cursors[0]!, updatedAt: minutesLater(5) }];
  const { payloads, instruments, aliases, quarantine } = full;
  await store.commitRun(
    commitOf(lease, { reads, payloads, quarantine, instruments, aliases, freshness, cursors }),
  );
  expect((await written()) - before).toBeLessThanOrEqual(16);
});

it('says that the disk is full, leaves nothing behind and goes on when there is room', async () => {
  const url = await emptyDatabase('sqlite');
  const small = bookStore(await openDatabase({ url, clock: stillClock(), maxPageCount: 220 }), 1);
  later(() => small.close());
  const { account, lease } = await ready(small);
  const body = Array.from({ length: 400 }, (_none, index) =>
    createHash('sha256').update(`${index}`).digest('hex'),
  );
  const payloads = body.map((text, index) => ({
    ...fullCommit(lease).payloads[0]!,
    sha256: text,
    body: body.slice(index).join(''),
  }));
  await expect(small.commitRun(commitOf(lease, { payloads }))).rejects.toMatchObject({
    code: 'storage_full',
    retry: 'later',
  });
  expect(await small.runs({ limit: 1 })).toEqual([]);
  expect((await small.commitRun(commitOf(lease))).accountId).toBe(account.id);
  expect(await small.verifyChains({})).toMatchObject({ ok: true });
});

it('holds the only right to write from its first statement on', async () => {
  const url = await emptyDatabase('sqlite');
  const database = await openDatabase({ url, clock: stillClock() });
  later(() => database.close());
  const rival = new DatabaseSync(url.slice('sqlite:'.length), { timeout: 0 });
  later(() => rival.close());
  await database.write(async (queries) => {
    await queries.selectFrom('account').selectAll().execute();
    // A deferred transaction would let the rival in here, and fail itself when it comes to write.
    expect(() => rival.exec('BEGIN IMMEDIATE')).toThrow('database is locked');
  });
  rival.exec('BEGIN IMMEDIATE; ROLLBACK');
});

it('reports the cause when SQLite itself has rolled back already', async () => {
  const database = await openDatabase({ url: 'sqlite::memory:', clock: stillClock() });
  later(() => database.close());
  const full = Object.assign(new Error('database or disk is full'), {
    code: 'ERR_SQLITE_ERROR',
    errcode: 13,
  });
  const failing = database.write(async (queries) => {
    await queries.executeQuery(CompiledQuery.raw('ROLLBACK'));
    throw full;
  });
  await expect(failing).rejects.toMatchObject({ code: 'storage_full', cause: full });
  expect(await database.read((queries) => queries.selectFrom('account').selectAll().execute())).toEqual([]);
});

it('keeps the text of an answer readable', async () => {
  const database = await openDatabase({ url: 'sqlite::memory:', clock: stillClock() });
  later(() => database.close());
  const store = bookStore(database, 1);
  const { lease } = await ready(store);
  const { payloads } = fullCommit(lease);
  await store.commitRun(commitOf(lease, { payloads }));
  expect(await database.read((queries) => payloadBody(queries, 'a'.repeat(64)))).toBe(payloads[0]!.body);
  expect(await database.read((queries) => payloadBody(queries, 'b'.repeat(64)))).toBeNull();
});
