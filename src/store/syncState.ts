/** What a sync needs to know before it reads, in one consistent look. */
import { type AccountId } from '../domain/account.ts';
import { accountById } from './accounts.ts';
import { lastBalanceDay } from './balanceDays.ts';
import { latestBankroll } from './bankroll.ts';
import { type Queries } from './database.ts';
import { listFindings } from './findings.ts';
import { loadInstruments } from './instruments.ts';
import { latestBalances, latestGreeks, latestMarks, latestObservations } from './observations.ts';
import { listPositions } from './positions.ts';
import { listCursors, listFreshness, loadCheckpoint } from './progress.ts';
import { lastRun } from './runs.ts';
import { type SyncState } from './store.ts';

export async function syncState(queries: Queries, accountId: AccountId): Promise<SyncState> {
  const account = await accountById(queries, accountId);
  const positions = await listPositions(queries, {
    accountId,
    epoch: account.epoch,
    states: ['open', 'missing'],
  });
  const observations = await latestObservations(queries, accountId);
  const marks = await latestMarks(queries, { accountId });
  const findings = await listFindings(queries, { accountId, states: ['open', 'reopened'] });
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
    checkpoint: await loadCheckpoint(queries, accountId, account.epoch),
    bankroll: await latestBankroll(queries, account),
    instruments: await loadInstruments(queries, named),
    lastRun: await lastRun(queries, accountId),
    lastCompleteRun: await lastRun(queries, accountId, 'complete'),
    lastBalanceDay: await lastBalanceDay(queries, accountId, account.epoch),
  };
}
