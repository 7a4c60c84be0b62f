/** Elections: what people and brokers chose about accounting, in the ledger beside the activities they change. */
import { type Account, type AccountId } from '../domain/account.ts';
import { canonicalJson } from '../domain/contentHash.ts';
import { type Election, type ElectionKind } from '../domain/election.ts';
import { instantFromKey, instantKey, type TradeDate } from '../domain/time.ts';
import { type Selectable } from 'kysely';
import { accountById } from './accounts.ts';
import { appendAudit } from './audit.ts';
import { accountChain, chainRows, lockHead, saveHead } from './chain.ts';
import { type Database, type Queries } from './database.ts';
import { insertRows, readJson, storableRow } from './rows.ts';
import { type Schema } from './schema.ts';
import { type AuditEntry, type NewElection, type TimeTravel } from './store.ts';

/** What an election's ledger row says, before it gets its place in the chain. */
export function electionContent(
  accountId: AccountId,
  epoch: number,
  election: NewElection,
  firstSeenAt: string,
) {
  return storableRow({
    account_id: accountId,
    epoch,
    kind: election.kind as string,
    object: election.object,
    choice: election.choice,
    valid_from: election.validFrom as string | null,
    valid_to: election.validTo as string | null,
    source: election.source,
    details: canonicalJson(election.details),
    first_seen_at: firstSeenAt,
  });
}

/** Beside the runs: the head of the account's chain is the only row that a run and this both write. */
export async function elect(
  database: Database,
  queries: Queries,
  accountId: AccountId,
  elections: readonly NewElection[],
  audit: AuditEntry,
): Promise<readonly Election[]> {
  const account = await accountById(queries, accountId);
  const start = await lockHead(database, queries, accountChain(account.name));
  const { rows, head } = chainRows(
    start,
    'election',
    elections.map((election) => electionContent(accountId, account.epoch, election, instantKey(audit.at))),
  );
  await insertRows(queries, 'election', rows);
  await saveHead(queries, head);
  await appendAudit(database, queries, [audit]);
  return elections.map((election) => ({ ...election, firstSeenAt: audit.at }));
}

/** Kinds whose object is a lot or an activity: ids of one epoch mean nothing in another. */
const OF_ONE_EPOCH: readonly ElectionKind[] = ['lot_choice', 'basis'];

/** Oldest first. */
export async function listElections(
  queries: Queries,
  { id, epoch }: Pick<Account, 'id' | 'epoch'>,
  { knownAt, basis }: Pick<TimeTravel, 'knownAt' | 'basis'> = {},
): Promise<readonly Election[]> {
  let query = queries
    .selectFrom('election')
    .selectAll()
    .where('account_id', '=', id)
    .where((where) =>
      where.or([
        where('epoch', '=', epoch),
        where.and([where('epoch', '<', epoch), where('kind', 'not in', [...OF_ONE_EPOCH])]),
      ]),
    )
    .orderBy('seq');
  if (knownAt !== undefined) query = query.where('first_seen_at', '<=', instantKey(knownAt));
  // What a run itself elects holds from the next one on.
  if (basis !== undefined && basis.ledgerSeq !== null) query = query.where('seq', '<=', basis.ledgerSeq);
  return (await query.execute()).map(readElection);
}

function readElection(row: Selectable<Schema['election']>): Election {
  return {
    kind: row.kind as ElectionKind,
    object: row.object,
    choice: row.choice,
    validFrom: row.valid_from as TradeDate | null,
    validTo: row.valid_to as TradeDate | null,
    source: row.source,
    details: readJson(row.details),
    firstSeenAt: instantFromKey(row.first_seen_at),
  };
}
