/** The store over either database: each verb of `store.ts` is one transaction around the files of its nouns. */
import { Decimal } from '../domain/decimal.ts';
import { instantKey } from '../domain/time.ts';
import { accountById, accountTypes, allAccounts, ensureAccount, findAccount } from './accounts.ts';
import {
  activityCount,
  besideWithin,
  bookActivities,
  bookActivitiesAsOf,
  firstTradeDate,
  ledger,
  nextOrderLookup,
  ordersWanted,
  readBeside,
  revisions,
  revisionsMoving,
  revisionsSeenAfter,
} from './activities.ts';
import { appendAudit } from './audit.ts';
import { importBankroll, listBankroll } from './bankroll.ts';
import { listBookEvents } from './bookEvents.ts';
import { checkpointAt, listCheckpoints } from './checkpoints.ts';
import { bookMarks, chronicle } from './chronicle.ts';
import { commitRun, newEpoch } from './commitRun.ts';
import { type Database } from './database.ts';
import { decideFinding } from './decisions.ts';
import { elect, listElections } from './elections.ts';
import { listFindings } from './findings.ts';
import { listImportedTrades, saveImportedTrades } from './importedTrades.ts';
import { loadInstruments } from './instruments.ts';
import { acquireLease, checkFence, leaseState, releaseLease, renewLease } from './leases.ts';
import { dayEnds, listBalanceDays } from './balanceDays.ts';
import { listClosures, listLots, listWash, lotsSince } from './lots.ts';
import {
  lastStatements,
  latestBalances,
  latestGreeks,
  latestMarks,
  shortsEverReported,
} from './observations.ts';
import { listPositions } from './positions.ts';
import { endVerification, listFreshness } from './progress.ts';
import {
  announceOrder,
  answerRequests,
  insertRequest,
  knownOrders,
  pendingRequests,
  requestById,
  withdrawRequest,
} from './requests.ts';
import { completeAnswers, lastRun, listRuns, runById, statistics } from './runs.ts';
import { KnownPayloads } from './payloads.ts';
import { StateCache } from './stateCache.ts';
import { type RunCommit, type Store } from './store.ts';
import { syncState } from './syncState.ts';
import { signDaily, signHeads, UNSIGNED, writtenHeads, type Signing } from './sign.ts';
import { pendingEntries, viewBases } from './viewBasis.ts';
import { compareViews, replaceViews } from './views.ts';
import {
  balancesAt,
  epochThen,
  findingsThen,
  lastLookOfDay,
  looksBehind,
  observationsAt,
} from './timeTravel.ts';
import { verifyBook, verifyChains } from './verify.ts';

/** Counts attempts to commit in this process: with the incarnation and the fence it makes a marker unique. */
let attempts = 0;

export function bookStore(database: Database, schemaVersion: number, signing: Signing = UNSIGNED): Store {
  const states = new StateCache();
  const payloads = new KnownPayloads();
  return {
    facts: { ...database.facts, schemaVersion: String(schemaVersion) },
    close: () => database.close(),

    ensureAccount: (account) => database.write((queries) => ensureAccount(queries, account)),
    accounts: () => database.read(allAccounts),
    findAccount: (nameOrId) => database.read((queries) => findAccount(queries, nameOrId)),

    acquireLease: (accountId, holder, ttlMs, isGone = () => false) =>
      acquireLease(database, accountId, holder, ttlMs, isGone),
    renewLease: (lease, ttlMs) => renewLease(database, lease, ttlMs),
    releaseLease: (lease) => releaseLease(database, lease),
    leaseState: (accountId) => leaseState(database, accountId),
    endVerification: async (lease) => {
      await database.write(async (queries) => {
        await checkFence(database, queries, lease);
        await endVerification(queries, lease.accountId);
      });
      // Not before: who reads before the COMMIT sees the old rows under the same stamp.
      states.drop(lease.accountId);
    },

    syncState: (accountId) => syncState(database, states, payloads, accountId),
    revisions: (accountId, epoch, rootIds) =>
      database.read((queries) => revisions(queries, accountId, epoch, rootIds)),
    revisionsMoving: (accountId, epoch, instruments) =>
      database.read((queries) => revisionsMoving(queries, accountId, epoch, instruments)),
    revisionsSeenAfter: (accountId, epoch, seenAfter) =>
      database.read((queries) => revisionsSeenAfter(queries, accountId, epoch, seenAfter)),
    ledgerBeside: async (accountId, epoch, window, rootIds) => {
      const known = states.findBeside(accountId, epoch, window.publishedAfter, rootIds);
      if (known !== null) return besideWithin(known, window);
      const drops = states.drops(accountId);
      // Up to 500 identities are one statement; more of them must all be of one moment.
      const read = rootIds.length <= 500 ? database.single : database.read;
      const rows = await read((queries) =>
        readBeside(queries, accountId, epoch, window.publishedAfter, rootIds),
      );
      states.noteBeside(rows, drops);
      return besideWithin(rows, window);
    },
    bookActivities: (accountId, epoch, after) =>
      database.read((queries) => bookActivities(queries, accountId, epoch, after)),
    ordersWanted: async (accountId, epoch, now, limit) => {
      if (states.noOrdersBefore(accountId, now)) return [];
      const wanted = await database.single((queries) => ordersWanted(queries, accountId, epoch, now, limit));
      if (wanted.length === 0) {
        const next = await database.single((queries) => nextOrderLookup(queries, accountId, now));
        states.noteOrders(accountId, next);
      }
      return wanted;
    },
    checkpoints: (accountId, epoch) => database.read((queries) => listCheckpoints(queries, accountId, epoch)),
    checkpointAt: (accountId, place) => database.read((queries) => checkpointAt(queries, accountId, place)),
    lotsSince: (accountId, epoch, after) =>
      database.read((queries) => lotsSince(queries, accountId, epoch, after)),
    firstTradeDate: (accountId, epoch) =>
      database.read((queries) => firstTradeDate(queries, accountId, epoch)),
    allPositions: (accountId, epoch) =>
      database.read((queries) => listPositions(queries, { accountId, epoch })),
    commitRun: async (commit) => {
      const { accountId } = commit.lease;
      const { run, trace } = await commitRun(database, commit, nextMarker(commit), payloads).catch(
        (error: unknown) => {
          states.drop(accountId);
          throw error;
        },
      );
      states.advance(commit, run, trace);
      payloads.note(accountId, commit.payloads);
      return run;
    },
    newEpoch: (lease, at, actor) => newEpoch(database, lease, at, actor, Decimal.zero),

    importTrades: (accountId, trades, audit) =>
      database.write(async (queries) => {
        const added = await saveImportedTrades(queries, accountId, trades, audit.at);
        await appendAudit(database, queries, [{ ...audit, facts: { ...audit.facts, new: added } }]);
        return added;
      }),
    importBankroll: (lease, entry, audit) =>
      database.write((queries) => importBankroll(database, queries, lease, entry, audit)),

    elect: (accountId, elections, audit) =>
      database.write((queries) => elect(database, queries, accountId, elections, audit)),
    decideFinding: (decision) => database.write((queries) => decideFinding(database, queries, decision)),

    requestSync: (request) => database.write((queries) => insertRequest(queries, request)),
    pendingRequests: (accountIds) => database.read((queries) => pendingRequests(queries, accountIds)),
    syncRequest: (id) => database.read((queries) => requestById(queries, id)),
    answerRequests: (lease, ids, answer) =>
      database.write(async (queries) => {
        await checkFence(database, queries, lease);
        await answerRequests(queries, lease.accountId, ids, null, answer);
      }),
    withdrawRequest: (id) => database.write((queries) => withdrawRequest(queries, id)),
    knownOrders: (accountId, orderIds) =>
      database.read((queries) => knownOrders(queries, accountId, orderIds)),
    activityCount: (accountId, epoch) => database.read((queries) => activityCount(queries, accountId, epoch)),
    announceOrder: (accountId, orderId, at) =>
      database.write((queries) => announceOrder(queries, accountId, orderId, at)),

    positions: (filter) => database.read((queries) => listPositions(queries, filter)),
    instruments: (ids) => database.read((queries) => loadInstruments(queries, ids)),
    marks: (filter) => database.read((queries) => latestMarks(queries, filter)),
    latestGreeks: (filter) => database.read((queries) => latestGreeks(queries, filter)),
    balances: (filter) => database.read((queries) => latestBalances(queries, filter)),
    balanceDays: (filter) => database.read((queries) => listBalanceDays(queries, filter)),
    lots: (filter) => database.read((queries) => listLots(queries, filter)),
    closures: (filter) => database.read((queries) => listClosures(queries, filter)),
    washAdjustments: (filter) => database.read((queries) => listWash(queries, filter)),
    elections: (accountId, { epoch, ...when } = {}) =>
      database.read(async (queries) => {
        const account = await accountById(queries, accountId);
        return await listElections(queries, { ...account, epoch: epoch ?? account.epoch }, when);
      }),
    accountTypes: () => database.read(accountTypes),
    shortsEverReported: (accountId, epoch, when) =>
      database.read((queries) => shortsEverReported(queries, accountId, epoch, when)),
    ledger: (filter) => database.read((queries) => ledger(queries, filter)),
    bankroll: (filter) => database.read((queries) => listBankroll(queries, filter)),
    chronicle: (accountId, afterSeq, span) =>
      database.read((queries) => chronicle(queries, accountId, afterSeq, span)),
    bookMarks: (accountId) => database.read((queries) => bookMarks(queries, accountId)),
    importedTrades: (filter) => database.read((queries) => listImportedTrades(queries, filter)),
    bookEvents: (filter) => database.read((queries) => listBookEvents(queries, filter)),
    findings: (filter) => database.read((queries) => listFindings(queries, filter)),
    freshness: (accountId) => database.read((queries) => listFreshness(queries, accountId)),
    runs: (filter) => database.read((queries) => listRuns(queries, filter)),
    run: (id) => database.read((queries) => runById(queries, id)),
    lastRun: (accountId, outcome, type) =>
      database.read((queries) => lastRun(queries, accountId, outcome, type)),
    statistics: (filter) => database.read((queries) => statistics(queries, filter)),

    bookActivitiesAsOf: (accountId, epoch, when) =>
      database.read((queries) => bookActivitiesAsOf(queries, accountId, epoch, when)),
    observationsAt: (accountId, epoch, when) =>
      database.read((queries) => observationsAt(queries, accountId, epoch, when)),
    balancesAt: (accountId, epoch, when) =>
      database.read((queries) => balancesAt(queries, accountId, epoch, when)),
    lastLookOfDay: (accountId, epoch, date, knownAt) =>
      database.read((queries) => lastLookOfDay(queries, { accountId, epoch }, date, knownAt)),
    looksBehind: (accountId, epoch, from, doubtMs) =>
      database.read((queries) => looksBehind(queries, accountId, epoch, from, doubtMs)),
    findingsThen: (filter) => database.read((queries) => findingsThen(queries, filter)),
    epochThen: (accountId, knownAt) =>
      database.read(async (queries) => epochThen(queries, await accountById(queries, accountId), knownAt)),

    lastStatements: (accountId, epoch) =>
      database.read((queries) => lastStatements(queries, accountId, epoch)),
    dayEnds: (accountId, epoch, knownAt) =>
      database.read((queries) => dayEnds(queries, accountId, epoch, knownAt)),
    completeAnswers: (accountId, epoch, since) =>
      database.read((queries) => completeAnswers(queries, accountId, epoch, since)),

    viewBases: (accountId) => database.read((queries) => viewBases(queries, accountId)),
    pendingEntries: (accountId, basis) =>
      database.read((queries) => pendingEntries(queries, accountId, basis)),
    compareViews: (accountId, views, examples) =>
      database.read((queries) => compareViews(queries, accountId, views, examples)),
    replaceViews: async (lease, views, ledgerSeq, audit, examples) => {
      const written = await database.write((queries) =>
        replaceViews(database, queries, lease, { views, ledgerSeq, audit, examples }),
      );
      states.drop(lease.accountId);
      return written;
    },

    verifyChains: (filter) => verifyChains(database, filter),
    verifyBook: (heads = []) => verifyBook(database, signing, heads),
    writtenHeads: () => writtenHeads(database, signing),
    signHeads: () => signHeads(database, signing),
    appendAudit: (entry) => database.write((queries) => appendAudit(database, queries, [entry])),
    maintain: async () => {
      await database.maintain();
      await signDaily(database, signing);
    },
  };
}

/** Names this attempt to commit, so that it can be found when the answer to COMMIT is lost. */
function nextMarker(commit: RunCommit): string {
  attempts += 1;
  const { lease, run } = commit;
  return `${lease.holder.incarnation}/${lease.accountId}/${lease.fence}/${instantKey(run.startedAt)}/${attempts}`;
}
