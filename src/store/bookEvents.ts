/** Book events: what happened to positions and findings, in the ledger beside the activities. */
import { type AccountId } from '../domain/account.ts';
import { canonicalJson } from '../domain/contentHash.ts';
import { type BookEvent, type BookEventKind } from '../domain/event.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import { instantFromKey, instantKey, type Instant } from '../domain/time.ts';
import { type Queries } from './database.ts';
import { readJson, storableRow } from './rows.ts';
import { type AccountFilter, type StoredBookEvent } from './store.ts';

/** What an event's ledger row says, before it gets its place in the chain. */
export function eventContent(
  accountId: AccountId,
  epoch: number,
  runId: number | null,
  event: BookEvent,
  firstSeenAt: string,
) {
  return storableRow({
    account_id: accountId,
    epoch,
    kind: event.kind as string,
    at: instantKey(event.at),
    instrument: event.instrument as string | null,
    symbol: event.symbol,
    facts: canonicalJson(event.facts),
    first_seen_at: firstSeenAt,
    run_id: runId,
  });
}

type EventFilter = AccountFilter & {
  limit?: number;
  afterSeq?: number;
  epoch?: number;
  kinds?: readonly BookEventKind[];
  knownAt?: Instant;
};

/** Oldest first. With a limit and no start, the newest that many. */
export async function listBookEvents(
  queries: Queries,
  filter: EventFilter,
): Promise<readonly StoredBookEvent[]> {
  const newest = filter.limit !== undefined && filter.afterSeq === undefined;
  const direction = newest ? 'desc' : 'asc';
  let query = queries.selectFrom('book_event').selectAll();
  // Places count per account; over all accounts, time of sight orders.
  if (filter.accountId === undefined)
    query = query.orderBy('first_seen_at', direction).orderBy('account_id', direction);
  else query = query.where('account_id', '=', filter.accountId);
  query = query.orderBy('seq', direction);
  if (filter.afterSeq !== undefined) query = query.where('seq', '>', filter.afterSeq);
  if (filter.epoch !== undefined) query = query.where('epoch', '=', filter.epoch);
  if (filter.kinds !== undefined) query = query.where('kind', 'in', [...filter.kinds, '']);
  if (filter.knownAt !== undefined) query = query.where('first_seen_at', '<=', instantKey(filter.knownAt));
  if (filter.limit !== undefined) query = query.limit(filter.limit);
  const rows = await query.execute();
  const events = rows.map((row) => ({
    accountId: row.account_id,
    epoch: row.epoch,
    seq: row.seq,
    kind: row.kind as BookEventKind,
    at: instantFromKey(row.at),
    instrument: row.instrument as InstrumentId | null,
    symbol: row.symbol,
    facts: readJson<Record<string, string | null>>(row.facts),
    firstSeenAt: instantFromKey(row.first_seen_at),
  }));
  return newest ? events.reverse() : events;
}
