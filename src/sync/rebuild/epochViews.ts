/** All view rows of an account's epoch, worked out from ledger and evidence alone: no work table and no view is read. */
import { EMPTY_BOOK } from '../../book/foldBook.ts';
import { type Account } from '../../domain/account.ts';
import { LIFECYCLE_EVENTS } from '../../domain/event.ts';
import { compareInstants, minInstant } from '../../domain/time.ts';
import {
  type BookCheckpoint,
  type EpochBasis,
  type EpochViews,
  type Store,
  type ViewBasis,
} from '../../store/store.ts';
import { type Capabilities } from '../../brokers/broker.ts';
import { epochProofs, type EpochLedger } from '../epochProofs.ts';
import { lastDayOver } from '../proveRun.ts';
import { episodeResults } from '../episodeResults.ts';
import { foldInPieces, rulesHash } from '../foldOnto.ts';
import { washOfAccount } from '../washOfAccount.ts';
import { positionViews } from './positionViews.ts';

/** `basis` null: no run ever wrote positions in this epoch, so that it has days at most. */
export async function epochViews(
  store: Store,
  account: Account,
  epoch: number,
  basis: EpochBasis | null,
  latePublishing: Capabilities['latePublishing'],
): Promise<EpochViews> {
  const balanceDays = await store.dayEnds(account.id, epoch);
  if (basis === null)
    return { epoch, positions: [], lots: [], closures: [], wash: [], balanceDays, checkpoints: [] };
  const known = await ledgerOf(store, account, basis);
  const { activities, rules } = known;
  const { fold, checkpoints } = foldInPieces(EMPTY_BOOK, activities, rules, {
    countBefore: 0,
    epoch,
    rulesHash: rulesHash(rules),
  });
  const statements = await store.lastStatements(account.id, epoch);
  const named = [
    ...activities.flatMap((row) => row.instrument?.id ?? []),
    ...statements.map((row) => row.instrument),
  ];
  const instruments = await store.instruments([...new Set(named)]);
  const { closures, lots } = fold;
  const days = { account, epoch, days: balanceDays, instruments, latePublishing };
  const proofs = await proofsOf(store, basis, known, days);
  return {
    epoch,
    positions: positionViews({
      owner: { accountId: account.id, epoch, source: account.broker },
      book: fold.book,
      closed: fold.closed,
      results: episodeResults(closures),
      instruments,
      statements,
      events: await store.bookEvents({ accountId: account.id, epoch, kinds: LIFECYCLE_EVENTS }),
    }),
    lots,
    closures,
    wash: washOfAccount({ account, lots, closures, activities, instruments, elections: rules.elections }),
    balanceDays: balanceDays.map((day) => {
      const proof = proofs.get(`${day.tradeDate} ${day.currency}`);
      return proof === undefined ? day : { ...day, proof };
    }),
    checkpoints: await standing(store, account, basis, [
      ...checkpoints.earlierCheckpoints,
      ...(checkpoints.checkpoint === null ? [] : [checkpoints.checkpoint]),
    ]),
  };
}

type KnownLedger = Pick<EpochLedger, 'activities' | 'rules'>;

/** What a run knew. */
async function ledgerOf(store: Store, account: Account, basis: ViewBasis): Promise<KnownLedger> {
  const { epoch } = basis;
  return {
    activities: await store.bookActivitiesAsOf(account.id, epoch, { basis }),
    rules: {
      elections: await store.elections(account.id, { epoch, basis }),
      shortsReported: new Set(await store.shortsEverReported(account.id, epoch, { basis })),
      baseCurrency: account.baseCurrency,
    },
  };
}

/** Proofs as the last run that proves days has them: what others read since is in none yet. */
async function proofsOf(
  store: Store,
  { runId, proving }: EpochBasis,
  known: KnownLedger,
  days: Omit<EpochLedger, 'activities' | 'rules' | 'now'>,
): ReturnType<typeof epochProofs> {
  if (proving === null) return new Map();
  const { activities, rules } =
    proving.runId === runId ? known : await ledgerOf(store, days.account, proving);
  const now = proving.startedAt;
  return epochProofs(store, { ...days, activities, rules, now }, lastDayOver(now));
}

/**
 * Checkpoints that hold for the ledger as it is now. Those behind the place of an activity that the views do not know of
 * yet are of no use; a run that booked activities without positions leaves none at all.
 */
async function standing(
  store: Store,
  account: Account,
  basis: ViewBasis,
  checkpoints: readonly BookCheckpoint[],
): Promise<readonly BookCheckpoint[]> {
  const pending = (await store.pendingEntries(account.id, basis)).flatMap((entry) =>
    entry.kind === 'activity' ? [entry] : [],
  );
  if (pending.length === 0) return checkpoints;
  if (pending.some((entry) => entry.byRun)) return [];
  const first = pending.map((entry) => entry.firstExecutedAt).reduce(minInstant);
  return checkpoints.filter((row) => compareInstants(row.lastExecutedAt, first) < 0);
}
