/** The ledger of one account from a place on, all its tables in one order; and marks of how far everything has come. */
import { CompiledQuery, type Selectable } from 'kysely';
import { type AccountId } from '../domain/account.ts';
import { type ActivityKind, type ActivityStatus } from '../domain/activity.ts';
import { type BookEventKind } from '../domain/event.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import { instantFromKey } from '../domain/time.ts';
import { readEntry } from './bankroll.ts';
import { type Queries } from './database.ts';
import { readDecimal, readDecimalOrNull, readJson } from './rows.ts';
import { type Schema } from './schema.ts';
import { type BookMarks, type ChronicleEntry } from './store.ts';

/** Entries behind `afterSeq` in the chain's order, of at most `span` places. */
export async function chronicle(
  queries: Queries,
  accountId: AccountId,
  afterSeq: number,
  span: number,
): Promise<readonly ChronicleEntry[]> {
  const entries = [
    ...(await activitiesAfter(queries, accountId, afterSeq, span)),
    ...(await eventsAfter(queries, accountId, afterSeq, span)),
    ...(await bankrollAfter(queries, accountId, afterSeq, span)),
  ];
  return entries.sort((left, right) => left.seq - right.seq);
}

/** A table whose rows have places in an account's chain. */
type ChainTable = 'activity' | 'book_event' | 'bankroll_entry';

async function placesAfter<Table extends ChainTable>(
  queries: Queries,
  table: Table,
  accountId: AccountId,
  afterSeq: number,
  span: number,
): Promise<readonly Selectable<Schema[Table]>[]> {
  const rows = await queries
    .selectFrom<ChainTable>(table)
    .selectAll()
    .where('account_id', '=', accountId)
    .where('seq', '>', afterSeq)
    .where('seq', '<=', afterSeq + span)
    .execute();
  // Kysely gives the union of the tables; it is this one.
  return rows as unknown as readonly Selectable<Schema[Table]>[];
}

/** What every entry says of its place. */
function placeOf(row: Pick<Selectable<Schema[ChainTable]>, 'seq' | 'epoch' | 'run_id' | 'first_seen_at'>) {
  return {
    seq: row.seq,
    epoch: row.epoch,
    runId: row.run_id,
    seenAt: instantFromKey(row.first_seen_at),
  };
}

async function activitiesAfter(
  queries: Queries,
  accountId: AccountId,
  afterSeq: number,
  span: number,
): Promise<readonly ChronicleEntry[]> {
  const rows = await placesAfter(queries, 'activity', accountId, afterSeq, span);
  return rows.map((row) => ({
    kind: 'activity',
    ...placeOf(row),
    activity: {
      rootId: row.root_id,
      rev: row.rev,
      kind: row.kind as ActivityKind,
      status: row.status as ActivityStatus,
      instrument: row.instrument as InstrumentId | null,
      symbol: row.symbol,
      quantity: readDecimal(row.quantity),
      price: readDecimalOrNull(row.price),
      amount: readDecimalOrNull(row.amount),
      currency: row.currency,
      executedAt: instantFromKey(row.executed_at),
      externalId: row.external_id,
      orderId: row.order_id,
      source: row.source,
    },
  }));
}

async function eventsAfter(
  queries: Queries,
  accountId: AccountId,
  afterSeq: number,
  span: number,
): Promise<readonly ChronicleEntry[]> {
  const rows = await placesAfter(queries, 'book_event', accountId, afterSeq, span);
  return rows.map((row) => ({
    kind: 'event',
    ...placeOf(row),
    event: {
      kind: row.kind as BookEventKind,
      at: instantFromKey(row.at),
      instrument: row.instrument as InstrumentId | null,
      symbol: row.symbol,
      facts: readJson<Record<string, string | null>>(row.facts),
    },
  }));
}

async function bankrollAfter(
  queries: Queries,
  accountId: AccountId,
  afterSeq: number,
  span: number,
): Promise<readonly ChronicleEntry[]> {
  const rows = await placesAfter(queries, 'bankroll_entry', accountId, afterSeq, span);
  return rows.map((row) => ({
    kind: 'bankroll',
    ...placeOf(row),
    entry: readEntry(row),
  }));
}

/** Of the balances: figures beside the time, because a clock that was set back makes no time newer. */
const FIGURES = ['fetched_at', 'equity', 'cash', 'buying_power', 'long_market_value', 'short_market_value']
  .map((column) => `coalesce(CAST(${column} AS TEXT), '')`)
  .join(" || '|' || ");

/** One statement whatever the size of the book. */
export async function bookMarks(queries: Queries, accountId: AccountId): Promise<BookMarks> {
  const parameters: number[] = [];
  const of = (what: string, table: string): string => {
    // Numbered in order, each for itself: SQLite takes them by place.
    parameters.push(accountId);
    return `(SELECT ${what} FROM ${table} WHERE account_id = $${parameters.length})`;
  };
  const sql = `SELECT ${of('max(seq)', 'chain_head')} AS ledger,
    ${of('max(id)', 'imported_trade')} AS imported,
    ${of('max(fetched_at)', 'mark')} AS marks,
    ${of(`max(${FIGURES})`, 'bankroll')} AS balances,
    ${of('count(*)', 'freshness')} AS classes,
    ${of('count(*)', 'order_reference')} AS orders,
    ${of('count(next_lookup_at)', 'order_reference')} AS unknown_orders,
    ${of('count(*)', 'announced_order')} AS announced`;
  const answer = await queries.executeQuery<Record<string, string | number | null>>(
    CompiledQuery.raw(sql, parameters),
  );
  const row = answer.rows[0] ?? {};
  return {
    ledgerSeq: wholeNumber(row['ledger']),
    importedId: wholeNumber(row['imported']),
    prices: [row['marks'], row['balances']].join('|'),
    orders: [row['orders'], row['unknown_orders'], row['announced']].join('|'),
    dataClasses: wholeNumber(row['classes']),
  };
}

/** PostgreSQL answers some whole numbers as text. */
function wholeNumber(value: string | number | null | undefined): number {
  if (typeof value === 'number') return value;
  return value === null || value === undefined ? 0 : Number.parseInt(value, 10);
}
