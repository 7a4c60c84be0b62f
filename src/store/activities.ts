/** The ledger of activity revisions: appended, read, never changed. */
import { type AccountId } from '../domain/account.ts';
import {
  compareActivities,
  type Activity,
  type ActivityKind,
  type ActivityRevision,
  type ActivityStatus,
} from '../domain/activity.ts';
import { canonicalJson } from '../domain/contentHash.ts';
import { Decimal } from '../domain/decimal.ts';
import { TruebookError } from '../domain/errors.ts';
import { type Instrument, type InstrumentId } from '../domain/instrument.ts';
import { compareInstants, instantFromKey, instantKey, type Instant, type TradeDate } from '../domain/time.ts';
import { sql, type ExpressionBuilder } from 'kysely';
import { type Queries } from './database.ts';
import { loadInstruments, readInstrument } from './instruments.ts';
import {
  decimalText,
  inParts,
  insertRows,
  isTrue,
  keyOrNull,
  readDecimalOrNull,
  readInstantOrNull,
  readJson,
  storableRow,
} from './rows.ts';
import { type ActivityTable, type Schema } from './schema.ts';
import {
  type AccountFilter,
  type ActivityWatchRow,
  type CheckpointPlace,
  type ExpectedIdentity,
  type LedgerBeside,
  type LedgerRow,
  type LedgerWindow,
  type NewRevision,
  type RevisionChain,
  type TimeTravel,
  type ViewBasis,
  type WantedOrder,
} from './store.ts';

/** What an activity's ledger row says, before it gets its place in the chain. */
export function activityContent(
  accountId: AccountId,
  epoch: number,
  runId: number | null,
  revision: NewRevision,
): Omit<ActivityTable, 'seq' | 'prev_hash' | 'hash'> & Record<string, string | number | null> {
  const { instrument } = revision;
  return storableRow({
    account_id: accountId,
    epoch,
    root_id: revision.rootId,
    rev: revision.rev,
    broker_rev: revision.brokerRev,
    kind: revision.kind as string,
    status: revision.status as string,
    instrument: (instrument?.id ?? null) as string | null,
    symbol: instrument?.symbol ?? null,
    multiplier: decimalText(instrument?.multiplier ?? null),
    quantity: revision.quantity.toString(),
    price: decimalText(revision.price),
    amount: decimalText(revision.amount),
    currency: revision.currency,
    fees: decimalText(revision.fees),
    fees_currency: revision.feesCurrency,
    executed_at: instantKey(revision.executedAt),
    time_precision: revision.timePrecision as string,
    trade_date: revision.tradeDate as string,
    published_at: keyOrNull(revision.publishedAt),
    side: revision.side as string | null,
    order_id: revision.orderId,
    group_id: revision.groupId,
    external_id: revision.externalId,
    broker_type: revision.brokerType,
    description: revision.description,
    source: revision.source,
    details: canonicalJson(revision.details),
    first_seen_at: instantKey(revision.firstSeenAt),
    content_hash: revision.contentHash,
    run_id: runId,
  });
}

type Instruments = ReadonlyMap<InstrumentId, Instrument>;

function readRevision(row: ActivityTable, instruments: Instruments): ActivityRevision {
  return {
    rootId: row.root_id,
    rev: row.rev,
    brokerRev: row.broker_rev,
    kind: row.kind as ActivityKind,
    status: row.status as ActivityStatus,
    instrument: instrumentAtExecution(row, instruments),
    quantity: Decimal.parse(row.quantity),
    price: readDecimalOrNull(row.price),
    amount: readDecimalOrNull(row.amount),
    currency: row.currency,
    fees: readDecimalOrNull(row.fees),
    feesCurrency: row.fees_currency,
    executedAt: instantFromKey(row.executed_at),
    timePrecision: row.time_precision as Activity['timePrecision'],
    tradeDate: row.trade_date as TradeDate,
    publishedAt: readInstantOrNull(row.published_at),
    side: row.side as Activity['side'],
    orderId: row.order_id,
    groupId: row.group_id,
    externalId: row.external_id,
    brokerType: row.broker_type,
    description: row.description,
    source: row.source,
    details: readJson(row.details),
    firstSeenAt: instantFromKey(row.first_seen_at),
    contentHash: row.content_hash,
  };
}

/** The instrument with the name and multiplier it had then; option terms come from its own row. */
function instrumentAtExecution(row: ActivityTable, instruments: Instruments): Instrument | null {
  if (row.instrument === null) return null;
  const today = instruments.get(row.instrument as InstrumentId);
  if (today === undefined) {
    throw new TruebookError(
      'storage_corrupt',
      `The ledger names instrument ${row.instrument}, which is not in the database.`,
      {
        hint: 'Restore the newest backup.',
      },
    );
  }
  // Nearly always it had those of today: then all its activities share one object.
  if (row.symbol === today.symbol && row.multiplier === today.multiplier.toString()) return today;
  return { ...today, symbol: row.symbol!, multiplier: Decimal.parse(row.multiplier!) };
}

async function readRevisions(queries: Queries, rows: readonly ActivityTable[]): Promise<ActivityRevision[]> {
  const instruments = await instrumentsOf(queries, rows);
  return rows.map((row) => readRevision(row, instruments));
}

async function instrumentsOf(queries: Queries, rows: readonly ActivityTable[]): Promise<Instruments> {
  return await loadInstruments(
    queries,
    rows.flatMap((row) => row.instrument ?? []),
  );
}

export async function revisions(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
  rootIds: readonly string[],
): Promise<ReadonlyMap<string, RevisionChain>> {
  const rows: ActivityTable[] = [];
  for (const part of inParts([...new Set(rootIds)])) {
    const found = await queries
      .selectFrom('activity')
      .selectAll()
      .where('account_id', '=', accountId)
      .where('epoch', '=', epoch)
      .where('root_id', 'in', part)
      .orderBy('root_id')
      .orderBy('rev')
      .execute();
    rows.push(...found);
  }
  return chainsByRoot(await readRevisions(queries, rows));
}

/** All revisions of the activities of an epoch that move one of these instruments, or ever did. */
export async function revisionsMoving(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
  instruments: readonly InstrumentId[],
): Promise<ReadonlyMap<string, RevisionChain>> {
  const chains = new Map<string, RevisionChain>();
  for (const part of inParts([...new Set(instruments)])) {
    const rows = await queries
      .selectFrom('activity as a')
      .selectAll('a')
      .where('a.account_id', '=', accountId)
      .where('a.epoch', '=', epoch)
      .where('a.root_id', 'in', (where) =>
        where
          .selectFrom('activity as moving')
          .select('moving.root_id')
          .where('moving.account_id', '=', accountId)
          .where('moving.epoch', '=', epoch)
          .where('moving.instrument', 'in', part),
      )
      .orderBy('a.root_id')
      .orderBy('a.rev')
      .execute();
    for (const [root, chain] of chainsByRoot(await readRevisions(queries, rows))) chains.set(root, chain);
  }
  return chains;
}

/** All revisions of the activities of an epoch of which one was seen first after that moment. */
export async function revisionsSeenAfter(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
  seenAfter: Instant,
): Promise<ReadonlyMap<string, RevisionChain>> {
  const rows = await queries
    .selectFrom('activity as a')
    .selectAll('a')
    .where('a.account_id', '=', accountId)
    .where('a.epoch', '=', epoch)
    .where('a.root_id', 'in', (where) =>
      where
        .selectFrom('activity as seen')
        .select('seen.root_id')
        .where('seen.account_id', '=', accountId)
        .where('seen.epoch', '=', epoch)
        .where('seen.first_seen_at', '>', instantKey(seenAfter)),
    )
    .orderBy('a.root_id')
    .orderBy('a.rev')
    .execute();
  return chainsByRoot(await readRevisions(queries, rows));
}

function chainsByRoot(rows: readonly ActivityRevision[]): ReadonlyMap<string, RevisionChain> {
  const chains = new Map<string, ActivityRevision[]>();
  for (const revision of rows) {
    const chain = chains.get(revision.rootId);
    if (chain === undefined) chains.set(revision.rootId, [revision]);
    else chain.push(revision);
  }
  return chains;
}

/**
 * No later revision of the same activity exists. A scalar subquery on purpose: it is one look into the unique index
 * per row on both databases, where an anti-join without statistics (just after first contact) took PostgreSQL 12 s.
 */
function isNewest(where: Where) {
  return where('a.rev', '=', newestRevision(where));
}

function newestRevision(where: Pick<Where, 'selectFrom'>) {
  return where
    .selectFrom('activity as other')
    .select((column) => column.fn.max('other.rev').as('rev'))
    .whereRef('other.account_id', '=', 'a.account_id')
    .whereRef('other.epoch', '=', 'a.epoch')
    .whereRef('other.root_id', '=', 'a.root_id');
}

type Where = ExpressionBuilder<Schema & { a: ActivityTable }, 'a'>;

/** Sources of activities that no broker shows again. */
const OWN_SOURCES = ['user', 'truebook'];

/** What the ledger holds beside a read, before the end of its window is applied: that end moves on with the clock. */
export interface RowsBeside {
  readonly accountId: AccountId;
  readonly epoch: number;
  /** Start of the window, exclusive. */
  readonly publishedAfter: Instant;
  /** Identities that were asked for, each once. */
  readonly asked: ReadonlySet<string>;
  /** Everything behind the start of the window that the broker must show again, by time of publishing. */
  readonly shown: readonly (ExpectedIdentity & { readonly publishedAt: string })[];
  readonly chains: LedgerBeside['chains'];
  readonly watched: LedgerBeside['watched'];
}

/** The rows as of a window that begins with theirs or later. */
export function besideWithin(rows: RowsBeside, window: LedgerWindow): LedgerBeside {
  const [after, before] = [instantKey(window.publishedAfter), instantKey(window.publishedBefore)];
  const expected = rows.shown
    .filter(({ publishedAt }) => publishedAt > after && publishedAt < before)
    .map(({ rootId, watch }) => ({ rootId, watch }));
  return { expected, chains: rows.chains, watched: rows.watched };
}

/**
 * One statement for up to 500 identities: their revisions and memory, and what of the window must be shown again. Rows
 * of the window that nobody asked for tell only that they exist.
 */
export async function readBeside(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
  publishedAfter: Instant,
  rootIds: readonly string[],
): Promise<RowsBeside> {
  const shown: (ExpectedIdentity & { readonly publishedAt: string })[] = [];
  const chains = new Map<string, ActivityRevision[]>();
  const watched = new Map<string, ActivityWatchRow>();
  const after = instantKey(publishedAfter);
  const unique = [...new Set(rootIds)];
  const parts = unique.length === 0 ? [[]] : [...inParts(unique)];
  for (const [index, part] of parts.entries()) {
    const asked = new Set(part);
    const isFirst = index === 0;
    for (const row of await rowsBeside(queries, accountId, epoch, isFirst ? after : null, part)) {
      const watch = watchOf(row);
      if (asked.has(row.root_id)) {
        const revision = readRevision(row, joinedInstrument(row));
        const chain = chains.get(row.root_id);
        if (chain === undefined) chains.set(row.root_id, [revision]);
        else chain.push(revision);
        if (watch !== null) watched.set(row.root_id, watch);
      }
      const isExpected =
        isFirst &&
        row.rev === row.newest_rev &&
        row.published_at !== null &&
        row.published_at > after &&
        !OWN_SOURCES.includes(row.source) &&
        watch?.withdrawn !== true;
      if (isExpected) shown.push({ rootId: row.root_id, watch, publishedAt: row.published_at! });
    }
  }
  shown.sort(
    (left, right) =>
      compareTexts(left.publishedAt, right.publishedAt) || compareTexts(left.rootId, right.rootId),
  );
  return { accountId, epoch, publishedAfter, asked: new Set(unique), shown, chains, watched };
}

function compareTexts(left: string, right: string): -1 | 0 | 1 {
  return left < right ? -1 : left > right ? 1 : 0;
}

async function rowsBeside(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
  after: string | null,
  rootIds: readonly string[],
) {
  return await queries
    .selectFrom('activity as a')
    .leftJoin('activity_watch as watch', (join) =>
      join.onRef('watch.account_id', '=', 'a.account_id').onRef('watch.root_id', '=', 'a.root_id'),
    )
    .leftJoin('instrument as i', 'i.id', 'a.instrument')
    .selectAll('a')
    .select(['watch.absent_scans', 'watch.withdrawn', 'watch.pending_content_hash'])
    .select([
      'i.kind as instrument_kind',
      'i.symbol as instrument_symbol',
      'i.currency as instrument_currency',
      'i.multiplier as instrument_multiplier',
      'i.option_underlying',
      'i.option_expiry',
      'i.option_strike',
      'i.option_right',
    ])
    .select((column) => newestRevision(column).as('newest_rev'))
    .where('a.account_id', '=', accountId)
    .where('a.epoch', '=', epoch)
    .where((where) =>
      where.or([
        ...(rootIds.length === 0 ? [] : [where('a.root_id', 'in', rootIds)]),
        ...(after === null ? [] : [where('a.published_at', '>', after)]),
      ]),
    )
    .orderBy('a.root_id')
    .orderBy('a.rev')
    .execute();
}

type RowBeside = Awaited<ReturnType<typeof rowsBeside>>[number];

function watchOf(row: RowBeside): ActivityWatchRow | null {
  return row.absent_scans === null
    ? null
    : readWatch({ ...row, absent_scans: row.absent_scans, withdrawn: row.withdrawn! });
}

/** The instrument that came with the row; one that is missing is found out by `readRevision`. */
function joinedInstrument(row: RowBeside): Instruments {
  if (row.instrument === null || row.instrument_kind === null) return new Map();
  const { option_underlying, option_expiry, option_strike, option_right } = row;
  const instrument = readInstrument({
    id: row.instrument,
    kind: row.instrument_kind,
    symbol: row.instrument_symbol!,
    currency: row.instrument_currency!,
    multiplier: row.instrument_multiplier!,
    option_underlying,
    option_expiry,
    option_strike,
    option_right,
  });
  return new Map([[instrument.id, instrument]]);
}

interface WatchFields {
  readonly root_id: string;
  readonly absent_scans: number;
  readonly withdrawn: boolean | number;
  readonly pending_content_hash: string | null;
}

function readWatch(row: WatchFields): ActivityWatchRow {
  return {
    rootId: row.root_id,
    absentScans: row.absent_scans,
    withdrawn: isTrue(row.withdrawn),
    pendingContentHash: row.pending_content_hash,
  };
}

export async function saveWatch(
  queries: Queries,
  accountId: AccountId,
  watch: readonly ActivityWatchRow[],
): Promise<void> {
  const rows = watch.map((row) => ({
    account_id: accountId,
    root_id: row.rootId,
    absent_scans: row.absentScans,
    withdrawn: row.withdrawn,
    pending_content_hash: row.pendingContentHash,
  }));
  await insertRows(queries, 'activity_watch', rows, { keys: ['account_id', 'root_id'], then: 'update' });
}

export async function bookActivities(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
  after: CheckpointPlace | null,
): Promise<readonly ActivityRevision[]> {
  let query = queries
    .selectFrom('activity as a')
    .selectAll('a')
    .where('a.account_id', '=', accountId)
    .where('a.epoch', '=', epoch)
    .where(isNewest);
  if (after !== null) query = query.where('a.executed_at', '>=', instantKey(after.lastExecutedAt));
  const found = (await readRevisions(queries, await query.execute())).sort(compareActivities);
  if (after === null) return found;
  const last = await checkpointActivity(queries, accountId, after);
  return found.filter((revision) => compareActivities(revision, last) > 0);
}

/** The activity a checkpoint stands behind, as it was folded (it may have been corrected since). */
export async function checkpointActivity(
  queries: Queries,
  accountId: AccountId,
  checkpoint: CheckpointPlace,
): Promise<ActivityRevision> {
  const chain = await revisions(queries, accountId, checkpoint.epoch, [checkpoint.lastRootId]);
  const folded = chain
    .get(checkpoint.lastRootId)
    ?.findLast((revision) => compareInstants(revision.executedAt, checkpoint.lastExecutedAt) === 0);
  if (folded !== undefined) return folded;
  throw new TruebookError(
    'internal',
    `The book's checkpoint names ${checkpoint.lastRootId}, which the ledger does not have.`,
    {
      hint: 'Run `truebook rebuild`.',
    },
  );
}

/** Newest revisions that were executed at this very instant. */
export async function newestAt(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
  executedAt: Instant,
): Promise<readonly ActivityRevision[]> {
  const rows = await queries
    .selectFrom('activity as a')
    .selectAll('a')
    .where('a.account_id', '=', accountId)
    .where('a.epoch', '=', epoch)
    .where('a.executed_at', '=', instantKey(executedAt))
    .where(isNewest)
    .execute();
  return await readRevisions(queries, rows);
}

/**
 * Of every activity the newest revision that was known then, where it was executed by `asOf`: a correction that moved
 * it counts from when it was known.
 */
export async function bookActivitiesAsOf(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
  { asOf, knownAt, basis }: TimeTravel,
): Promise<readonly ActivityRevision[]> {
  let query = queries
    .selectFrom('activity as a')
    .selectAll('a')
    .where('a.account_id', '=', accountId)
    .where('a.epoch', '=', epoch);
  if (knownAt === undefined && basis === undefined) query = query.where(isNewest);
  if (knownAt !== undefined) {
    query = query
      .where('a.first_seen_at', '<=', instantKey(knownAt))
      .where((where) =>
        where('a.rev', '=', newestRevision(where).where('other.first_seen_at', '<=', instantKey(knownAt))),
      );
  }
  if (basis !== undefined) {
    query = query
      .where(wasKnownTo(basis, 'a'))
      .where((where) => where('a.rev', '=', newestRevision(where).where(wasKnownTo(basis, 'other'))));
  }
  if (asOf !== undefined) query = query.where('a.executed_at', '<=', instantKey(asOf));
  return (await readRevisions(queries, await query.execute())).sort(compareActivities);
}

/** Rows of the ledger that a run worked from, and those it wrote. */
function wasKnownTo({ runId, ledgerSeq }: ViewBasis, alias: 'a' | 'other') {
  const column = (name: string) => sql.ref(`${alias}.${name}`);
  return ledgerSeq === null
    ? sql<boolean>`(${column('run_id')} IS NULL OR ${column('run_id')} <= ${runId})`
    : sql<boolean>`(${column('seq')} <= ${ledgerSeq} OR ${column('run_id')} = ${runId})`;
}

export async function firstTradeDate(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
): Promise<TradeDate | null> {
  const row = await queries
    .selectFrom('activity')
    .select('trade_date')
    .where('account_id', '=', accountId)
    .where('epoch', '=', epoch)
    .orderBy('executed_at')
    .limit(1)
    .executeTakeFirst();
  return (row?.trade_date ?? null) as TradeDate | null;
}

export async function activityCount(queries: Queries, accountId: AccountId, epoch: number): Promise<number> {
  const row = await queries
    .selectFrom('activity')
    .select((column) => column.fn.countAll().as('count'))
    .where('account_id', '=', accountId)
    .where('epoch', '=', epoch)
    .where('rev', '=', 0)
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

export async function ordersWanted(
  queries: Queries,
  accountId: AccountId,
  epoch: number,
  now: Instant,
  limit: number,
): Promise<readonly WantedOrder[]> {
  const rows = await queries
    .selectFrom('activity as a')
    .leftJoin('order_reference as known', (join) =>
      join.onRef('known.account_id', '=', 'a.account_id').onRef('known.order_id', '=', 'a.order_id'),
    )
    .select((column) => ['a.order_id', column.fn.max('a.executed_at').as('executed_at')])
    .where('a.account_id', '=', accountId)
    .where('a.epoch', '=', epoch)
    .where('a.kind', '=', 'fill')
    .where('a.order_id', 'is not', null)
    .where((where) =>
      where.or([where('known.order_id', 'is', null), where('known.next_lookup_at', '<=', instantKey(now))]),
    )
    .groupBy(['a.order_id', 'known.next_lookup_at'])
    // Never asked before overdue, so that orders that stay unknown keep nobody waiting.
    .orderBy('known.next_lookup_at', (order) => order.asc().nullsFirst())
    .orderBy((order) => order.fn.max('a.seq'), 'desc')
    .limit(limit)
    .execute();
  return rows.map((row) => ({ orderId: row.order_id!, executedAt: instantFromKey(row.executed_at) }));
}

/** When an unknown order is to be asked for again, at the earliest; null when none is remembered. */
export async function nextOrderLookup(
  queries: Queries,
  accountId: AccountId,
  now: Instant,
): Promise<Instant | null> {
  const row = await queries
    .selectFrom('order_reference')
    .select((column) => column.fn.min('next_lookup_at').as('next'))
    .where('account_id', '=', accountId)
    .where('next_lookup_at', '>', instantKey(now))
    .executeTakeFirst();
  return readInstantOrNull(row?.next ?? null);
}

/** Newest revisions with who placed them, newest first. */
export async function ledger(
  queries: Queries,
  filter: AccountFilter & { kinds?: readonly string[]; since?: Instant; limit?: number },
): Promise<readonly LedgerRow[]> {
  let query = queries
    .selectFrom('activity as a')
    .leftJoin('order_reference as reference', (join) =>
      join.onRef('reference.account_id', '=', 'a.account_id').onRef('reference.order_id', '=', 'a.order_id'),
    )
    .selectAll('a')
    .select(['reference.client_order_id', 'reference.parent_order_id'])
    .where(isNewest)
    .orderBy('a.executed_at', 'desc')
    .orderBy('a.account_id')
    .orderBy('a.epoch', 'desc')
    .orderBy('a.root_id', 'desc');
  if (filter.accountId !== undefined) query = query.where('a.account_id', '=', filter.accountId);
  if (filter.kinds !== undefined) query = query.where('a.kind', 'in', [...filter.kinds, '']);
  if (filter.since !== undefined) query = query.where('a.executed_at', '>=', instantKey(filter.since));
  if (filter.limit !== undefined) query = query.limit(filter.limit);
  const rows = await query.execute();
  const instruments = await instrumentsOf(queries, rows);
  const announced = await announcedOrders(queries, filter);
  return rows.map((row) => ({
    ...readRevision(row, instruments),
    accountId: row.account_id,
    epoch: row.epoch,
    clientOrderId: row.client_order_id,
    announced:
      announced.has(orderKey(row.account_id, row.order_id)) ||
      announced.has(orderKey(row.account_id, row.parent_order_id)),
  }));
}

/** Orders that `trade executed` calls named, as `account/order`. */
async function announcedOrders(queries: Queries, filter: AccountFilter): Promise<ReadonlySet<string>> {
  let query = queries.selectFrom('announced_order').select(['account_id', 'order_id']);
  if (filter.accountId !== undefined) query = query.where('account_id', '=', filter.accountId);
  return new Set((await query.execute()).map((row) => orderKey(row.account_id, row.order_id)));
}

function orderKey(accountId: number, orderId: string | null): string {
  return `${accountId}/${orderId ?? ''}`;
}
