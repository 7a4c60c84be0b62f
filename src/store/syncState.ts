/** What a sync needs to know before it reads, in one consistent look. */
import { type AccountId } from '../domain/account.ts';
import { latestBankroll } from './bankroll.ts';
import { coveringCheckpoint } from './checkpoints.ts';
import { type Database, type Queries } from './database.ts';
import { listElections } from './elections.ts';
import { listFindings } from './findings.ts';
import { loadInstruments } from './instruments.ts';
import {
  latestBalances,
  latestGreeks,
  latestMarks,
  latestObservations,
  shortsEverReported,
} from './observations.ts';
import { type KnownPayloads } from './payloads.ts';
import { listPositions } from './positions.ts';
import { listCursors, listFreshness } from './progress.ts';
import { lastRun } from './runs.ts';
import { inOrder, positionPlace, readStamp, type StateCache, type StateStamp } from './stateCache.ts';
import { type SyncState } from './store.ts';

/** The state as it is kept while its stamp stays the same, else read; then nothing else that is remembered holds either. */
export async function syncState(
  database: Database,
  cache: StateCache,
  payloads: KnownPayloads,
  accountId: AccountId,
): Promise<SyncState> {
  const drops = cache.drops(accountId);
  const known = cache.find(await database.single((queries) => readStamp(queries, accountId)));
  if (known !== null) return known;
  payloads.forget(accountId);
  // Read again in the same look as the rows: they belong together.
  const [stamp, state] = await database.read(async (queries) => {
    const read = await readStamp(queries, accountId);
    return [read, await readState(queries, read)] as const;
  });
  cache.keep(stamp, state, drops);
  return state;
}

async function readState(queries: Queries, { account, chainSeq }: StateStamp): Promise<SyncState> {
  const accountId = account.id;
  const rows = await listPositions(queries, {
    accountId,
    epoch: account.epoch,
    states: ['open', 'missing'],
  });
  const positions = inOrder(rows, positionPlace);
  const observations = inOrder(await latestObservations(queries, accountId), (row) => row.instrument);
  const marks = inOrder(await latestMarks(queries, { accountId }), (row) => row.instrument);
  const findings = await listFindings(queries, { accountId, states: ['open', 'reopened', 'dismissed'] });
  const named = [...positions, ...observations, ...marks, ...findings].flatMap((row) => row.instrument ?? []);
  return {
    account,
    cursors: await listCursors(queries, accountId),
    freshness: await listFreshness(queries, accountId),
    positions,
    observations,
    balances: await latestBalances(queries, { accountId }),
    marks,
    greeks: await latestGreeks(queries, { accountId }),
    findings,
    checkpoint: await coveringCheckpoint(queries, accountId, account.epoch),
    elections: await listElections(queries, account),
    shortsReported: await shortsEverReported(queries, accountId, account.epoch),
    ledgerSeq: chainSeq,
    bankroll: await latestBankroll(queries, account),
    instruments: await loadInstruments(queries, named),
    lastRun: await lastRun(queries, accountId),
  };
}
