/**
 * THE STORY: how one account is brought up to date (design section 4). It reads top to bottom; every step that decides
 * something is a pure function of its own file, and everything a run changes is committed in one transaction.
 */
import { type Broker } from '../brokers/broker.ts';
import { type Account } from '../domain/account.ts';
import { type Decimal } from '../domain/decimal.ts';
import { errorText, isTruebookError, TruebookError } from '../domain/errors.ts';
import { compareInstants, now as instantNow, type Clock, type Instant } from '../domain/time.ts';
import {
  type Lease,
  type NewRevision,
  type RunCommit,
  type Store,
  type SyncState,
  type SyncTrigger,
  type SyncType,
} from '../store/store.ts';
import { manualOrders, manualTrades } from './automation.ts';
import { type StartingBankroll } from './bankroll.ts';
import { partsOf } from './causes/claim.ts';
import {
  believedCommit,
  refusedCommit,
  untoldActivities,
  type RunFrame,
  type Surroundings,
} from './commit.ts';
import { type SyncDifference, type SyncOutcome } from './difference.ts';
import { readHistory, refuseForeignFills, refuseUnstable, type History } from './firstContact.ts';
import { isSettled, isSuspicious, suspicionOf } from './proof.ts';
import { dayEndsOf } from './dayEnds.ts';
import { NOTHING_PROVEN, proveRun, type ProvenRun } from './proveRun.ts';
import { readExtras, type Extras } from './readExtras.ts';
import { emptyDossier, KNOWN_ID_ABSENT, lookAtBroker, type Look, type Refusal } from './readBroker.ts';
import { differenceKey } from './reconcile.ts';
import { countsAbsence, depthDue, searchDepth, windowStart, type ReadDepth } from './schedule.ts';
import { type StepContext, type StepHooks } from './steps.ts';
import { workOut, workOutStored, type MissingPolicy, type WorkedOut } from './workOut.ts';

/** What the user decided, in settings. */
export interface SyncRules {
  /** What becomes of positions that stay missing. */
  readonly missing: MissingPolicy;
  /** `ALPACA_SYNC_TOLERANCE_PCT`: percent by which bankroll and equity may differ. */
  readonly tolerancePct: Decimal;
  /** `AUTOMATION_ORDER_IDS`: whose orders are not manual. */
  readonly automationOrderIds: readonly string[];
}

export interface SyncDependencies {
  readonly store: Store;
  readonly broker: Broker;
  readonly clock: Clock;
  /** Who appears in the audit: `agent:<pid>@<host>`. */
  readonly actor: string;
  readonly rules: SyncRules;
  /** The bankroll an older program left in a file; asked only while the book has none. `unknown`: ask again later. */
  readonly startingBankroll?: (account: Account) => Promise<StartingBankroll | 'unknown' | null>;
  /** The user's own code around each step. */
  readonly hooks?: StepHooks;
  /** Told after every run that was committed, still under its lease; it may fail and changes nothing by it. */
  readonly afterRun?: (account: Account, outcome: SyncOutcome) => Promise<void>;
  /** Told about long work (reading history); plain sentences. */
  readonly onProgress?: (sentence: string) => void;
  /** Told what went wrong beside the run. */
  readonly onWarning?: (sentence: string) => void;
}

export interface SyncOptions {
  readonly lease: Lease;
  readonly trigger: SyncTrigger;
  readonly type: SyncType;
  /** Works everything out and writes nothing. */
  readonly dryRun?: boolean;
  readonly requestIds: readonly number[];
  readonly signal?: AbortSignal;
  /** Number of the agent's cycle. */
  readonly cycle?: number;
}

/**
 * Brings one account up to date, or the part of it that `type` names, and answers the run's record and what it made
 * different. What the broker or the network does wrong is an `incomplete` or `failed` record, not an error; thrown are
 * faults of storage and a lost lease, with nothing written.
 */
export async function syncAccount(
  deps: SyncDependencies,
  account: Account,
  options: SyncOptions,
): Promise<SyncOutcome> {
  const { store, clock, hooks } = deps;
  const context: StepContext = {
    account: account.name,
    type: options.type,
    trigger: options.trigger,
    dryRun: options.dryRun === true,
    cycle: options.cycle ?? null,
  };
  await hooks?.before('sync', context);
  let outcome: SyncOutcome | null = null;
  try {
    const state = await store.syncState(account.id);
    const now = instantNow(clock);
    outcome = await run({
      deps,
      options,
      context,
      state,
      now,
      startedMonoMs: clock.monoMs(),
      dossier: emptyDossier(),
    });
    if (!context.dryRun) await tellAfterRun(deps, state.account, outcome);
    return outcome;
  } finally {
    await hooks?.after('sync', context, outcome);
  }
}

/** The run itself: read, work out, look again where something differs, commit. */
async function run(frame: RunFrame): Promise<SyncOutcome> {
  const { store, hooks, rules } = frame.deps;
  const { now, context } = frame;

  // First contact: the history from its beginning, resumable; everything after it is an ordinary run. A run that may
  // not write activities has no history to begin.
  await hooks?.before('read', context);
  const history = writesActivities(frame) ? await readHistory(frame) : unread(frame);
  if (history.kind === 'refusal') return commitRefusal(frame, history);

  // Read, and work out what it means.
  const activityCount = await countActivities(frame, history.state);
  const due = depthDue(history.state.cursors, activityCount, now);
  let look = await takeLook(frame, history.state, due);
  // A known id is absent from a short window: only a deep scan can tell a short answer from a withdrawn row.
  if (look.kind === 'refusal' && look.reason === KNOWN_ID_ABSENT && look.depth === 'recent') {
    look = await takeLook(frame, history.state, 'deep');
  }
  await hooks?.after('read', context, lookCounts(look));
  if (look.kind === 'refusal') return commitRefusal(frame, look);
  const unstable = refuseUnstable(history.held, look);
  if (unstable !== null) return commitRefusal(frame, { ...unstable, depth: look.depth });
  await hooks?.before('reconcile', context);
  let known = withShorts(history, look);
  let evidence = await workOut(store, known.state, look, now, rules.missing);

  // Something differs: look again, deeper, before believing it. A fill that fell between two calls settles here, a
  // short answer shows itself, and what is really missing was searched for at once.
  // A run of the bankroll alone writes nothing that a difference touches.
  const differs = evidence.differences.length > 0 || evidence.openingsBooked;
  if (differs && frame.options.type !== 'bankroll') {
    const depth = searchDepth(
      history.state.cursors,
      evidence.checkpoint?.activityCount ?? activityCount,
      evidence.openingsBooked || !isSettled(history.state, evidence),
      differsSince(history.state, evidence),
      now,
    );
    const again = await takeLook(frame, history.state, depth);
    if (again.kind === 'refusal') return commitRefusal(frame, { depth: look.depth, ...again });
    const shaken = refuseUnstable(history.held, again);
    if (shaken !== null) return commitRefusal(frame, { ...shaken, depth: again.depth });
    look = again;
    known = withShorts(history, look);
    evidence = await workOut(store, known.state, look, now, rules.missing);
  }
  // Nothing that is known of an empty ledger could be absent from another account's answer: its orders are the witness.
  if (activityCount === 0 || !known.state.cursors.some((cursor) => cursor.name === 'first_contact')) {
    const foreign = await refuseForeignFills(frame, look.activities.rows);
    if (foreign !== null) return commitRefusal(frame, { ...foreign, depth: look.depth });
  }
  if (isSuspicious(known.state, look, evidence))
    return commitRefusal(frame, totalsRefusal(known.state, look, evidence));
  // What a run of one part commits to is the book as it was written before, not the evidence it read.
  const result = writesActivities(frame) ? evidence : await workOutStored(store, known.state, look);
  await hooks?.after('reconcile', context, {
    differences: result.differences.length,
    newActivities: evidence.revisions.length,
  });

  // What decorates the book but proves nothing: who placed the trades, prices and Greeks of options.
  const extras = await readExtras(frame, look, evidence, known.booked);
  const told = [...known.booked, ...untoldActivities(known.state, result), ...evidence.revisions];
  const believed = believedCommit(
    { ...frame, state: known.state, historyHeld: known.held !== null },
    look,
    result,
    evidence,
    await surroundings(frame, known, told, extras, look, result),
  );
  return commit(frame, believed.commit, believed.difference);
}

function writesActivities({ options }: RunFrame): boolean {
  return options.type === 'all' || options.type === 'transactions';
}

/** The size of the ledger; a book without a checkpoint has it from the ledger itself. */
async function countActivities(
  { deps }: RunFrame,
  { account, checkpoint, cursors }: SyncState,
): Promise<number> {
  if (checkpoint !== null) return checkpoint.activityCount;
  // Before the first run there is nothing to count.
  if (!cursors.some((cursor) => cursor.name === 'activities')) return 0;
  return deps.store.activityCount(account.id, account.epoch);
}

function unread({ state }: RunFrame): History {
  return { kind: 'ready', state, held: null, booked: [] };
}

/**
 * A broker that states a short does so from this answer on: units that left without a lot are short in the run that
 * sees it first.
 */
function withShorts<Known extends { readonly state: SyncState }>(known: Known, look: Look): Known {
  const { shortsReported } = known.state;
  const fresh = look.positions.rows.flatMap(({ instrument, quantity }) =>
    quantity.sign() < 0 && !shortsReported.includes(instrument.id) ? instrument.id : [],
  );
  if (fresh.length === 0) return known;
  return { ...known, state: { ...known.state, shortsReported: [...shortsReported, ...fresh].sort() } };
}

/** Who placed the trades this run talks about, and the bankroll to start from. */
async function surroundings(
  frame: RunFrame,
  history: History,
  told: readonly NewRevision[],
  extras: Extras,
  look: Look,
  result: WorkedOut,
): Promise<Surroundings> {
  const { store, rules, startingBankroll } = frame.deps;
  const dayEnds = dayEndsOf(history.state, look);
  const { account, bankroll, cursors } = history.state;
  const undecided = cursors.find((cursor) => cursor.name === 'bankroll_undecided')?.position ?? '';
  const orderIds = [
    ...told.flatMap((row) => row.orderId ?? []),
    ...(undecided === '' ? [] : (JSON.parse(undecided) as string[])),
  ];
  const progress = extras.orderProgress ?? [];
  orderIds.push(...progress.flatMap((order) => (order.filled.isZero() ? [] : order.orderId)));
  const parents = [...extras.answered, ...progress].flatMap((order) => order.parentOrderId ?? []);
  const known =
    orderIds.length === 0
      ? { references: [], announced: new Set<string>() }
      : await store.knownOrders(account.id, [...orderIds, ...parents]);
  const isManualOrder = manualOrders({
    orders: [...known.references, ...extras.answered, ...progress],
    announced: known.announced,
    patterns: rules.automationOrderIds,
  });
  const asks = bankroll === null && startingBankroll !== undefined;
  return {
    extras,
    isManual: manualTrades(isManualOrder),
    isManualOrder,
    startingBankroll: asks ? await startingBankroll(account) : null,
    historyBooked: history.booked,
    dayEnds,
    proven: await provenDays(frame, history, told, result, dayEnds),
  };
}

/** The days this run proves. A run of one part has not read what the proof stands on. */
async function provenDays(
  frame: RunFrame,
  { state }: History,
  told: readonly NewRevision[],
  result: WorkedOut,
  dayEnds: Surroundings['dayEnds'],
): Promise<ProvenRun> {
  if (frame.options.type !== 'all') return NOTHING_PROVEN;
  const own = new Set(result.revisions.map((row) => row.rootId));
  return proveRun({
    store: frame.deps.store,
    broker: frame.deps.broker,
    state,
    result,
    untold: told.filter((row) => !own.has(row.rootId)),
    dayEnds,
    now: frame.now,
  });
}

/** The one transaction, or nothing at all in a dry run. */
async function commit(
  frame: RunFrame,
  written: RunCommit,
  difference: SyncDifference | null,
): Promise<SyncOutcome> {
  const { hooks, store } = frame.deps;
  const { context, options } = frame;
  if (context.dryRun) {
    const outcome = { run: { ...written.run, id: 0 }, difference };
    if (options.requestIds.length > 0)
      await store.answerRequests(options.lease, options.requestIds, JSON.stringify(outcome));
    return outcome;
  }
  await hooks?.before('commit', context);
  let outcome: SyncOutcome | null = null;
  try {
    outcome = { run: await store.commitRun(written), difference };
    return outcome;
  } finally {
    await hooks?.after('commit', context, outcome?.run ?? null);
  }
}

async function tellAfterRun(deps: SyncDependencies, account: Account, outcome: SyncOutcome): Promise<void> {
  try {
    await deps.afterRun?.(account, outcome);
  } catch (error) {
    deps.onWarning?.(`${account.name}: after the run: ${errorText(error)}`);
  }
}

function lookCounts(look: Look | Refusal): object | null {
  if (look.kind === 'refusal') return null;
  return {
    positions: look.positions.rows.length,
    activities: look.activities.rows.length,
    depth: look.depth,
  };
}

/** One look at the broker, as deep as asked. */
async function takeLook(frame: RunFrame, state: SyncState, depth: ReadDepth): Promise<Look | Refusal> {
  const cursor = state.cursors.find((row) => row.name === 'activities');
  return lookAtBroker({
    broker: frame.deps.broker,
    store: frame.deps.store,
    account: state.account,
    dossier: frame.dossier,
    depth,
    windowAfter: windowStart(depth, (cursor?.position ?? frame.now) as typeof frame.now, frame.now),
    countsAbsence: countsAbsence(depth, state.cursors, frame.now),
    now: frame.now,
    signal: frame.options.signal,
  });
}

/** When the newest of the differences took the form it has, as far as findings tell; null when none is known. */
function differsSince(state: SyncState, result: WorkedOut): Instant | null {
  const keys = new Set(result.differences.map(differenceKey));
  const instants = state.findings
    .filter((finding) => partsOf(finding).some((part) => keys.has(part.key)))
    .map((row) => row.lastSeenAt);
  return instants.toSorted(compareInstants).at(-1) ?? null;
}

function totalsRefusal(state: SyncState, look: Look, result: WorkedOut): Refusal {
  return {
    kind: 'refusal',
    resource: 'positions',
    reason: 'totals_disagree',
    depth: look.depth,
    error: new TruebookError(
      'broker_bad_answer',
      'The list of positions does not add up to the market value that the account states.',
      {
        hint: 'The list was cut short or is of another moment; nothing was changed, the next run reads again.',
        retry: 'later',
      },
    ),
    watch: [],
    withdrawn: [],
    foreignFingerprint: null,
    suspicion: suspicionOf(state, look, result),
  };
}

/** A run that believes nothing still leaves its evidence. */
async function commitRefusal(frame: RunFrame, refusal: Refusal): Promise<SyncOutcome> {
  if (isTruebookError(refusal.error, 'stopped')) throw refusal.error;
  return commit(frame, refusedCommit(frame, refusal), null);
}
