/**
 * Looks underneath the store, in one consistent view, for anything a crash must never leave behind. Each violation is a
 * sentence. The witnesses are outside the database: what the killed process had been answered, and what the broker
 * published when.
 */
import { compareInstants, instantFromKey, type Instant } from '../../src/domain/time.ts';
import { bookStore } from '../../src/store/bookStore.ts';
import { type Database, type Queries } from '../../src/store/database.ts';
import { NEWEST_VERSION } from '../../src/store/migrations/migrate.ts';
import { type Published } from './brokerPlay.ts';
import { type Acknowledgement } from './marks.ts';

export interface Witnesses {
  readonly acknowledged: readonly Acknowledgement[];
  readonly published: readonly Published[];
  /** Processes whose runs are not asked about: the checking one's own. */
  readonly ownIncarnations: ReadonlySet<string>;
}

export interface BookCheck {
  readonly violations: readonly string[];
  readonly runs: number;
  readonly activities: number;
  /** Rows of the broker that lay behind a cursor and were looked for. */
  readonly behindCursors: number;
  /** Runs whose commit took effect although its answer never arrived. */
  readonly unanswered: number;
}

export async function checkBook(database: Database, witnesses: Witnesses): Promise<BookCheck> {
  const book = await database.read(readBook);
  const behind = behindCursors(book, witnesses.published);
  const chains = await bookStore(database, NEWEST_VERSION).verifyChains({});
  return {
    violations: [
      ...lostAcknowledgements(book, witnesses.acknowledged),
      ...storedTwice(book),
      ...behind.missing,
      ...halfWritten(book),
      ...(chains.ok ? [] : [`chain ${JSON.stringify(chains.firstBroken)}`]),
    ],
    runs: book.runs.length,
    activities: book.activities.length,
    behindCursors: behind.count,
    unanswered: unanswered(book, witnesses),
  };
}

type Book = Awaited<ReturnType<typeof readBook>>;

async function readBook(queries: Queries) {
  const ofRun = async (table: 'book_event' | 'outbox' | 'position_observation' | 'balance_observation') =>
    countBy(await queries.selectFrom(table).select('run_id').execute(), (row) => row.run_id);
  return {
    accounts: await queries.selectFrom('account').select(['id', 'name']).execute(),
    runs: await queries
      .selectFrom('sync_run')
      .select(['id', 'marker', 'account_id', 'outcome', 'new_activities_count'])
      .execute(),
    reads: countBy(await queries.selectFrom('sync_read').select('run_id').execute(), (row) => row.run_id),
    activities: await queries
      .selectFrom('activity')
      .select(['account_id', 'epoch', 'root_id', 'rev', 'kind', 'external_id', 'content_hash', 'run_id'])
      .orderBy('account_id')
      .orderBy('epoch')
      .orderBy('root_id')
      .orderBy('rev')
      .execute(),
    events: await ofRun('book_event'),
    outbox: await ofRun('outbox'),
    positionObservations: await ofRun('position_observation'),
    balanceObservations: await ofRun('balance_observation'),
    cursors: await queries.selectFrom('cursor').selectAll().execute(),
    freshness: await queries
      .selectFrom('freshness')
      .select(['account_id', 'data_class', 'as_of', 'run_id'])
      .execute(),
    audited: (await queries.selectFrom('audit').select('action').execute()).filter(
      ({ action }) => action === 'sync' || action === 'history',
    ).length,
  };
}

/** Everything whose writing was acknowledged stands in the book, under the run that wrote it. */
function lostAcknowledgements(book: Book, acknowledged: readonly Acknowledgement[]): string[] {
  const runs = new Map(book.runs.map((run) => [run.id, run]));
  const rows = new Map(book.activities.map((row) => [`${row.account_id}|${row.root_id}#${row.rev}`, row]));
  const lost: string[] = [];
  for (const { accountId, runId, outcome, revisions, events, outbox, cursor } of acknowledged) {
    const run = runId === null ? undefined : runs.get(runId);
    const name = `acknowledged run ${runId} of account ${accountId}`;
    if (runId !== null && run === undefined) lost.push(`${name} is not in the book`);
    if (run !== undefined && (run.account_id !== accountId || run.outcome !== outcome))
      lost.push(`${name} is in the book as another one`);
    for (const revision of revisions) {
      const row = rows.get(`${accountId}|${revision}`);
      if (row === undefined) lost.push(`${name}: its activity ${revision} is not in the book`);
      else if (runId !== null && row.run_id !== runId)
        lost.push(`${name}: its activity ${revision} is in the book as run ${row.run_id}'s`);
    }
    if (runId !== null && (book.events.get(runId) ?? 0) !== events) lost.push(`${name}: events are missing`);
    if (runId !== null && (book.outbox.get(runId) ?? 0) !== outbox)
      lost.push(`${name}: outbox facts are missing`);
    const stored = book.cursors.find((row) => row.account_id === accountId && row.name === 'activities');
    if (runId !== null && cursor !== null && !isAtLeast(stored?.place, cursor))
      lost.push(`${name}: the cursor went back from ${cursor} to ${stored?.place}`);
  }
  return lost;
}

/** The marker of a run begins with the process incarnation that tried to commit it. */
function unanswered(book: Book, { acknowledged, ownIncarnations }: Witnesses): number {
  const answered = new Set(acknowledged.map(({ runId }) => runId));
  return book.runs.filter(
    ({ id, marker }) => !answered.has(id) && !ownIncarnations.has(marker.slice(0, marker.indexOf('/'))),
  ).length;
}

function isAtLeast(place: string | undefined, wanted: string): boolean {
  return place !== undefined && compareInstants(place as Instant, wanted as Instant) >= 0;
}

/** No identity twice, no hole in its revisions, no content booked twice in a row, no fill under two identities. */
function storedTwice(book: Book): string[] {
  const twice: string[] = [];
  const fills = new Map<string, string>();
  for (const [index, row] of book.activities.entries()) {
    const name = `activity ${row.root_id}#${row.rev} of account ${row.account_id}`;
    const before = book.activities[index - 1];
    const sameRoot =
      before !== undefined &&
      before.account_id === row.account_id &&
      before.epoch === row.epoch &&
      before.root_id === row.root_id;
    if (row.rev !== (sameRoot ? before.rev + 1 : 0)) twice.push(`${name} follows revision ${before?.rev}`);
    if (sameRoot && before.content_hash === row.content_hash) twice.push(`${name} repeats the one before it`);
    if (row.kind !== 'fill') continue;
    const fill = `${row.account_id}|${row.external_id}`;
    const root = fills.get(fill) ?? row.root_id;
    if (root !== row.root_id) twice.push(`${name}: the same fill is also ${root}`);
    fills.set(fill, root);
  }
  return twice;
}

/**
 * No cursor ahead of its rows: what the broker published before the place of a cursor (or before data that is called
 * read) was in the answer that moved it, so it must be stored. At the very instant nobody can tell.
 */
function behindCursors(book: Book, published: readonly Published[]): { count: number; missing: string[] } {
  const missing: string[] = [];
  let count = 0;
  for (const { id: accountId, name } of book.accounts) {
    const cursors = book.cursors.filter((row) => row.account_id === accountId);
    if (cursors.find((row) => row.name === 'history')?.place !== 'done') continue;
    const read = [
      ...cursors.filter((row) => row.name === 'activities').map((row) => row.place as Instant),
      ...book.freshness
        .filter((row) => row.account_id === accountId && row.data_class === 'activities')
        .map((row) => instantFromKey(row.as_of)),
    ];
    const until = read.reduce<Instant | null>(
      (latest, at) => (latest === null || compareInstants(at, latest) > 0 ? at : latest),
      null,
    );
    if (until === null) continue;
    const stored = new Set(
      book.activities.filter((row) => row.account_id === accountId).map((row) => row.external_id),
    );
    for (const row of published) {
      if (row.account !== name || compareInstants(row.publishedAt as Instant, until) >= 0) continue;
      count += 1;
      if (!stored.has(row.id))
        missing.push(`${name}: read until ${until}, but ${row.id} of ${row.publishedAt} is not stored`);
    }
  }
  return { count, missing };
}

/** A run is there with all its parts or not at all. */
function halfWritten(book: Book): string[] {
  const half: string[] = [];
  const runs = new Set(book.runs.map((run) => run.id));
  const activities = countBy(book.activities, (row) => row.run_id);
  for (const run of book.runs) {
    if ((book.reads.get(run.id) ?? 0) === 0) half.push(`run ${run.id} is without its reads`);
    const rows = activities.get(run.id) ?? 0;
    if (rows !== run.new_activities_count)
      half.push(`run ${run.id} says ${run.new_activities_count} new activities, the ledger has ${rows}`);
  }
  if (new Set(book.runs.map((run) => run.marker)).size !== runs.size) half.push('one attempt is two runs');
  if (book.audited !== runs.size) half.push(`${runs.size} runs, but ${book.audited} in the audit`);
  const parts = {
    reads: book.reads,
    activities,
    events: book.events,
    outbox: book.outbox,
    positionObservations: book.positionObservations,
    balanceObservations: book.balanceObservations,
    freshness: countBy(book.freshness, (row) => row.run_id),
  };
  for (const [part, counts] of Object.entries(parts)) {
    for (const runId of counts.keys())
      if (runId !== null && !runs.has(runId)) half.push(`${part} of run ${runId}, which does not exist`);
  }
  for (const { id, name } of book.accounts) {
    const versions = new Set(book.freshness.filter((row) => row.account_id === id).map((row) => row.run_id));
    if (versions.size > 1)
      half.push(`${name}: freshness of runs ${[...versions].join(' and ')} side by side`);
  }
  return half;
}

function countBy<Row, Key>(rows: readonly Row[], keyOf: (row: Row) => Key): Map<Key, number> {
  const counts = new Map<Key, number>();
  for (const row of rows) counts.set(keyOf(row), (counts.get(keyOf(row)) ?? 0) + 1);
  return counts;
}
