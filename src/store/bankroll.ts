/** The bankroll: what a person's programs may count on, per account, with its whole history in the ledger. */
import { canonicalJson } from '../domain/contentHash.ts';
import { instantFromKey, instantKey, type Instant, type TradeDate } from '../domain/time.ts';
import { type Account, type AccountId } from '../domain/account.ts';
import { appendAudit } from './audit.ts';
import { accountById } from './accounts.ts';
import { accountChain, chainRows, lockHead, saveHead } from './chain.ts';
import { type Database, type Queries } from './database.ts';
import { checkFence } from './leases.ts';
import { decimalText, insertRows, readDecimal, readDecimalOrNull, readJson, storableRow } from './rows.ts';
import { type Schema } from './schema.ts';
import {
  type AccountFilter,
  type AuditEntry,
  type BankrollCause,
  type BankrollEntry,
  type BankrollKind,
  type Lease,
  type StoredBankrollEntry,
} from './store.ts';
import { type Selectable } from 'kysely';

interface Details {
  readonly before: string | null;
  readonly after: string;
  readonly causes: readonly BankrollCause[];
  readonly env: string;
}

/** What an entry's ledger row says, before it gets its place in the chain. */
export function bankrollContent(
  accountId: AccountId,
  epoch: number,
  runId: number | null,
  entry: BankrollEntry,
  firstSeenAt: string,
) {
  const before = decimalText(entry.before);
  const details = { before, after: entry.after.toString(), causes: [...entry.causes], env: entry.env };
  return storableRow({
    account_id: accountId,
    epoch,
    kind: entry.kind as string,
    amount: (entry.before === null ? entry.after : entry.after.minus(entry.before)).toString(),
    currency: entry.currency,
    at: instantKey(entry.at),
    trade_date: entry.tradeDate as string,
    source: entry.source,
    details: canonicalJson(details),
    first_seen_at: firstSeenAt,
    run_id: runId,
  });
}

/** The newest entry of an epoch: its `after` is the local bankroll. */
export async function latestBankroll(
  queries: Queries,
  { id, epoch }: Pick<Account, 'id' | 'epoch'>,
): Promise<StoredBankrollEntry | null> {
  const row = await queries
    .selectFrom('bankroll_entry')
    .selectAll()
    .where('account_id', '=', id)
    .where('epoch', '=', epoch)
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? null : readEntry(row);
}

/** Outside a run: the value an older program left. Nothing is written where the epoch has a bankroll. */
export async function importBankroll(
  database: Database,
  queries: Queries,
  lease: Lease,
  entry: BankrollEntry,
  audit: AuditEntry,
): Promise<boolean> {
  await checkFence(database, queries, lease);
  const account = await accountById(queries, lease.accountId);
  if ((await latestBankroll(queries, account)) !== null) return false;
  const start = await lockHead(database, queries, accountChain(account.name));
  const content = bankrollContent(account.id, account.epoch, null, entry, instantKey(entry.at));
  const { rows, head } = chainRows(start, 'bankroll_entry', [content]);
  await insertRows(queries, 'bankroll_entry', rows);
  await saveHead(queries, head);
  await appendAudit(database, queries, [audit]);
  return true;
}

/** Newest first. */
export async function listBankroll(
  queries: Queries,
  filter: AccountFilter & { limit?: number; knownAt?: Instant },
): Promise<readonly StoredBankrollEntry[]> {
  let query = queries.selectFrom('bankroll_entry').selectAll();
  if (filter.accountId !== undefined) query = query.where('account_id', '=', filter.accountId);
  if (filter.knownAt !== undefined) query = query.where('first_seen_at', '<=', instantKey(filter.knownAt));
  query = query.orderBy('first_seen_at', 'desc').orderBy('account_id').orderBy('seq', 'desc');
  if (filter.limit !== undefined) query = query.limit(filter.limit);
  return (await query.execute()).map(readEntry);
}

export function readEntry(row: Selectable<Schema['bankroll_entry']>): StoredBankrollEntry {
  const details = readJson<Details>(row.details);
  return {
    accountId: row.account_id,
    epoch: row.epoch,
    seq: row.seq,
    kind: row.kind as BankrollKind,
    before: readDecimalOrNull(details.before),
    after: readDecimal(details.after),
    amount: readDecimal(row.amount),
    currency: row.currency,
    at: instantFromKey(row.at),
    tradeDate: row.trade_date as TradeDate,
    source: row.source,
    causes: details.causes,
    env: details.env as BankrollEntry['env'],
    firstSeenAt: instantFromKey(row.first_seen_at),
  };
}
