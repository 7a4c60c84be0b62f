/** From results to the one transaction: what a believed, a refused and a history run write. Pure. */
import { compareActivities, type Activity, type ActivityKind } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type BookEvent } from '../domain/event.ts';
import { isTruebookError } from '../domain/errors.ts';
import { type Finding } from '../domain/finding.ts';
import { sameInstrument, type Instrument, type InstrumentId } from '../domain/instrument.ts';
import { type Greeks, type QuarantinedRow, type Quote, type SnapshotPosition } from '../domain/snapshot.ts';
import { compareInstants, newYorkDate, now as instantNow, type Instant } from '../domain/time.ts';
import {
  type AuditEntry,
  type BalanceDayRow,
  type BalanceObservation,
  type BankrollCause,
  type BankrollEntry,
  type CursorRow,
  type MarkRow,
  type NewRevision,
  type PositionObservation,
  type RunCommit,
  type RunCounts,
  type RunOutcome,
  type SyncState,
  type SyncType,
} from '../store/store.ts';
import { NO_BOOK_CHANGES } from './bookChanges.ts';
import { dayFindings } from './dayFindings.ts';
import { witnessesOf } from './causes/witnesses.ts';
import { choiceFindings } from './choiceFindings.ts';
import { adjustBankroll, bankrollCauses, type StartingBankroll } from './bankroll.ts';
import { type SyncDifference } from './difference.ts';
import { findingDifference, positionsDifference, transactionDifference } from './differenceOf.ts';
import { eventOf, explain } from './explain.ts';
import { applyLifecycle } from './lifecycle.ts';
import { hasHoles, suspicionOf } from './proof.ts';
import { type Extras } from './readExtras.ts';
import { type Dossier, type Look, type Refusal } from './readBroker.ts';
import { HISTORY_DONE, OPENINGS_UNCONFIRMED, type ReadDepth } from './schedule.ts';
import { recordedDays } from './pastDays.ts';
import { type ProvenRun } from './proveRun.ts';
import { type StepContext } from './steps.ts';
import { type SyncDependencies, type SyncOptions } from './syncAccount.ts';
import { type WorkedOut } from './workOut.ts';

/** What stays the same through one run. */
export interface RunFrame {
  readonly deps: SyncDependencies;
  readonly options: SyncOptions;
  readonly context: StepContext;
  readonly state: SyncState;
  /** The run's one `now`. */
  readonly now: Instant;
  readonly startedMonoMs: number;
  readonly dossier: Dossier;
  /** The whole of a short history is in this very run: it is done with it. */
  readonly historyHeld?: boolean;
}

const NO_COUNTS: RunCounts = { created: 0, updated: 0, closed: 0, missing: 0, findings: 0, newActivities: 0 };

/** Complete answers in a row with the same foreign account before it is called a changed account (design section 6). */
const ACCOUNT_CHANGED_AFTER = 3;

/** What a believed run writes, and what that makes different. */
export interface Believed {
  readonly commit: RunCommit;
  readonly difference: SyncDifference;
}

/** What was read besides the look itself. */
export interface Surroundings {
  readonly extras: Extras;
  readonly isManual: (activity: Activity) => boolean | null;
  /** Whose an order is, for orders of earlier runs. */
  readonly isManualOrder: (orderId: string) => boolean | null;
  /** `unknown`: an older program's value may be there and could not be read: nothing is opened over it. */
  readonly startingBankroll: StartingBankroll | 'unknown' | null;
  /** Activities that chunks of a first contact committed before this run. */
  readonly historyBooked: readonly NewRevision[];
  /** How the last day ended, where this run is the first of a new one. */
  readonly dayEnds: RunCommit['dayEnds'];
  /** Days proved in this run. */
  readonly proven: ProvenRun;
}

/**
 * `result` is the book this run commits to; `evidence` the book with everything the broker published. They are one,
 * except in a run that may not write activities: there `result` knows only what was written before.
 */
export function believedCommit(
  frame: RunFrame,
  look: Look,
  result: WorkedOut,
  evidence: WorkedOut,
  around: Surroundings,
): Believed {
  const { state, now } = frame;
  const { extras } = around;
  const parts = partsOf(frame.options.type);
  const booked = parts.transactions ? evidence.revisions : [];
  const unbooked = parts.transactions ? [] : evidence.revisions;
  // What no position row knows of yet: of this run, and of runs that wrote activities and no positions.
  const untold = parts.positions ? untoldActivities(state, result) : [];
  const news = [...around.historyBooked, ...untold, ...evidence.revisions];
  const asOf = look.positions.asOf;
  const absenceProves = !hasHoles(look.positions.rows, look.positions.evidence.quarantined);
  const lifecycle = applyLifecycle({
    accountId: state.account.id,
    epoch: state.account.epoch,
    source: frame.deps.broker.name,
    rows: result.refolded ? result.storedRows : state.positions,
    refolded: result.refolded,
    wholeEpoch: result.begins === null,
    results: result.changes.results,
    changedLots: new Set(result.changes.lots.upsert.map((lot) => lot.instrument)),
    book: result.book,
    closed: result.closed,
    positions: look.positions.rows,
    lastStated: new Map(state.observations.map((row) => [row.instrument, row])),
    absenceProves,
    totals: result.totals,
    asOf,
    instruments: result.instruments,
    changedBy: changedBy([...around.historyBooked, ...untold, ...result.revisions]),
    broughtBy: broughtBy([...around.historyBooked, ...untold, ...result.revisions]),
  });
  const explained = explain({
    differences: parts.positions
      ? result.differences.filter((row) => parts.isAll || row.kind === 'position')
      : [],
    quarantined: believedQuarantine(frame, look).filter((row) => parts.owns(row.resource)),
    resourcesRead: frame.dossier.reads
      .filter((read) => read.kind === 'complete')
      .map((read) => read.resource),
    understoodIds: new Set(look.activities.rows.map((activity) => activity.externalId)),
    windowAfter: look.windowAfter,
    withdrawn: [],
    open: state.findings.filter((finding) => parts.isAll || parts.owns(resourceOf(finding))),
    changed: [...untold, ...booked],
    unbooked,
    instruments: result.instruments,
    cashCompared: parts.isAll,
    ...(result.differences.length === 0 && state.findings.length === 0
      ? {}
      : { witnesses: witnessesOf(state, look, extras.orderProgress, around.isManualOrder) }),
    isManual: around.isManual,
    now,
  });
  // One cause is one finding: a difference that this run tells of says it for the day too.
  const days = dayFindings({
    days: around.proven.proved,
    open: [
      ...state.findings.filter((row) => !explained.findings.some((told) => told.key === row.key)),
      ...explained.findings.filter((row) => row.state === 'open' || row.state === 'reopened'),
    ],
    changed: evidence.revisions,
    now,
  });
  const choices = choiceFindings({
    refusals: parts.positions ? result.fold.refusals : [],
    wholeEpoch: parts.positions && result.begins === null,
    activities: result.activities,
    open: state.findings,
    now,
  });
  const noticed = noticeBankroll(frame, parts, evidence, around);
  const bankroll = parts.bankroll ? workOutBankroll(frame, look, around, noticed.causes) : null;
  const positionsAgree =
    !result.differences.some((difference) => difference.kind === 'position') && absenceProves;
  // Cash that nobody could read proves nothing.
  const cashAgrees =
    !result.differences.some((difference) => difference.kind === 'cash') &&
    look.balances.rows.balances.every((row) => row.cash !== null);
  // An opening is what the broker said once: it is proven by a second witness, or by the next run.
  const proven =
    positionsAgree && !result.lacksTrade && (!result.positionsOpened || result.totals === 'agree');
  const unchanged = result.differences.length === 0 && evidence.revisions.length === 0;
  const events = [
    ...pinEvents(frame, look),
    ...(parts.positions ? lifecycle.events : []),
    ...explained.events,
    ...days.events,
    ...choices.events,
  ];
  const difference: SyncDifference = {
    type: frame.options.type,
    bankroll: bankroll?.difference ?? null,
    positions: parts.positions
      ? positionsDifference(look, lifecycle.events, result, news, around.isManual)
      : null,
    transactions: parts.transactions
      ? [...around.historyBooked, ...booked]
          .toSorted(compareActivities)
          .map((revision) => transactionDifference(revision, around.isManual(revision)))
      : null,
    findings: [...explained.findings, ...days.findings, ...choices.findings].map(findingDifference),
  };
  const commit: RunCommit = {
    ...baseCommit(frame),
    reads: absenceProves ? frame.dossier.reads : withHoles(frame.dossier.reads),
    answer: JSON.stringify(difference),
    bankroll: bankroll?.entries ?? [],
    run: runRecord(
      frame,
      'complete',
      parts.isAll ? proven && cashAgrees : unchanged,
      null,
      {
        ...(parts.positions ? lifecycle.counts : NO_COUNTS),
        findings: explained.stillOpen,
        newActivities: booked.length,
      },
      look.depth,
    ),
    audit: [
      audit(frame, 'sync', {
        outcome: 'complete',
        ...(parts.isAll ? {} : { type: frame.options.type }),
        activities: booked.length,
        positions: look.positions.rows.length,
        differences: result.differences.length,
      }),
    ],
    instruments: changedInstruments(state, result),
    aliases: newAliases(frame, look),
    revisions: booked,
    events,
    orders: parts.transactions ? extras.orders : [],
    positionObservations: parts.positions ? positionObservations(state, look, absenceProves) : [],
    dayEnds: parts.isAll ? around.dayEnds : null,
    balanceObservations: parts.bankroll ? balanceObservations(state, look, frame) : [],
    greeks: parts.positions ? changedGreeks(state, extras.quotes) : [],
    marks: parts.positions ? changedMarks(state, look, extras.quotes, frame) : [],
    balanceDays: parts.bankroll
      ? [...withProofs(changedDays(state, look, frame), around.proven), ...extras.pastDays.days]
      : [],
    positions: parts.positions
      ? { upsert: lifecycle.upsert, remove: lifecycle.remove }
      : { upsert: [], remove: [] },
    lots: parts.positions ? result.changes.lots : NO_BOOK_CHANGES.lots,
    checkpoint: parts.positions ? result.checkpoint : booked.length > 0 ? 'drop' : null,
    earlierCheckpoints: parts.positions ? result.earlierCheckpoints : [],
    findings: [...explained.findings, ...days.findings, ...choices.findings],
    cursors: [
      ...(parts.transactions ? movedCursors(frame, look, evidence) : []),
      ...noticed.cursors(bankroll !== null),
      ...untoldCursor(frame, parts, booked.length > 0),
      ...(parts.bankroll ? extras.pastDays.cursors : []),
      ...around.proven.cursors,
    ],
    freshness: freshRows(frame, look, {
      balances: parts.bankroll ? cashAgrees && unbooked.length === 0 : null,
      // A part that changed is of another version than the rest: nothing is fresh until a run of all agrees. One that
      // did not change leaves what is fresh alone, and makes nothing younger than the rest.
      positions: parts.isAll || (parts.positions && lifecycleChanged(lifecycle)) ? proven : null,
      activities: parts.isAll || booked.length > 0 ? proven : null,
    }),
    watch: parts.transactions ? evidence.watch : [],
    outbox: [
      ...outboxOf(frame, parts.positions ? lifecycle.events : [], [...explained.findings, ...days.findings]),
      ...bankrollFacts(frame, bankroll?.entries ?? []),
    ],
    pin:
      state.account.pinnedFingerprint === null
        ? {
            fingerprint: look.balances.rows.accountFingerprint,
            last4: look.balances.rows.accountLast4,
            baseCurrency: look.balances.rows.baseCurrency,
          }
        : null,
  };
  return { commit, difference };
}

/** Notes that nothing may be concluded from what these lists of positions lack. */
function withHoles(reads: RunCommit['reads']): RunCommit['reads'] {
  return reads.map((read) =>
    read.resource === 'positions' && read.kind === 'complete' ? { ...read, reason: 'unreadable_rows' } : read,
  );
}

/** Instruments whose terms are not in the database as they are now. */
function changedInstruments(state: SyncState, result: WorkedOut): readonly Instrument[] {
  return [...result.instruments.values()].filter((instrument) => {
    const stored = state.instruments.get(instrument.id);
    return stored !== instrument && (stored === undefined || !sameInstrument(stored, instrument));
  });
}

/** Rows of days with their proofs; a day of which only the proof is new is a row too. This look knows best how today stands. */
function withProofs(days: RunCommit['balanceDays'], { days: proved }: ProvenRun): RunCommit['balanceDays'] {
  const keyOf = (day: BalanceDayRow): string => `${day.tradeDate} ${day.currency}`;
  const fresh = new Map(days.map((day) => [keyOf(day), day]));
  const keys = new Set(proved.map(keyOf));
  return [
    ...days.filter((day) => !keys.has(keyOf(day))),
    ...proved.map((day) => ({ ...(fresh.get(keyOf(day)) ?? day), proof: day.proof ?? null })),
  ];
}

/** The broker's own ids, noted when an instrument is first seen and once per trading day. */
function newAliases(frame: RunFrame, look: Look): RunCommit['aliases'] {
  const day = newYorkDate(look.positions.asOf);
  const noted = new Set(
    frame.state.observations.filter((row) => row.tradeDate === day).map((row) => row.instrument),
  );
  const scheme = `${frame.deps.broker.name}:asset`;
  return look.positions.rows.flatMap(({ instrument, brokerInstrumentId }) =>
    brokerInstrumentId === null || noted.has(instrument.id)
      ? []
      : [{ instrument: instrument.id, scheme, alias: brokerInstrumentId }],
  );
}

/** The day's row, where a figure of it is new: it is written together with the balance. */
function changedDays(state: SyncState, look: Look, frame: RunFrame): RunCommit['balanceDays'] {
  const changed = new Set(balanceObservations(state, look, frame).map((row) => row.currency));
  return recordedDays(look).filter((row) => changed.has(row.currency));
}

/** Which parts of the book a run writes, and whose findings it may open and close. */
function partsOf(type: SyncType) {
  const isAll = type === 'all';
  const [bankroll, positions, transactions] = (['bankroll', 'positions', 'transactions'] as const).map(
    (part) => isAll || type === part,
  ) as [boolean, boolean, boolean];
  const owned = new Set<string>([
    'run',
    ...(bankroll ? ['account'] : []),
    ...(positions ? ['positions', 'marketdata'] : []),
    ...(transactions ? ['activities', 'orders', 'corporate_actions'] : []),
  ]);
  return {
    isAll,
    bankroll,
    positions,
    transactions,
    owns: (resource: string) => isAll || owned.has(resource),
  };
}

/** The resource whose part may settle a finding; `run`: any believed run. Cash is settled by a run of all alone. */
function resourceOf({ key, type }: Finding): string {
  if (type === 'quarantine') return key.split(':')[1] ?? '';
  if (type === 'withdrawn_by_broker') return 'activities';
  if (key.startsWith('position:')) return 'positions';
  return key.startsWith('cash:') ? 'cash' : 'run';
}

function lifecycleChanged({ upsert, remove }: ReturnType<typeof applyLifecycle>): boolean {
  return upsert.length > 0 || remove.length > 0;
}

function freshRows(
  frame: RunFrame,
  look: Look,
  reconciled: Readonly<Record<'balances' | 'positions' | 'activities', boolean | null>>,
): RunCommit['freshness'] {
  return (['balances', 'positions', 'activities'] as const).flatMap((dataClass) => {
    const { asOf, startedMonoMs } = look[dataClass];
    const agrees = reconciled[dataClass];
    return agrees === null ? [] : [freshRow(frame, dataClass, asOf, startedMonoMs, agrees)];
  });
}

// ---- bankroll --------------------------------------------------------------------------------------------------

function workOutBankroll(
  frame: RunFrame,
  look: Look,
  around: Surroundings,
  happened: readonly BankrollCause[],
): ReturnType<typeof adjustBankroll> | null {
  const { state, deps } = frame;
  const { baseCurrency, balances } = look.balances.rows;
  const balance = balances.find((row) => row.currency === baseCurrency);
  const { startingBankroll } = around;
  if (balance === undefined || balance.equity === null || startingBankroll === 'unknown') return null;
  return adjustBankroll({
    local: state.bankroll?.currency === baseCurrency ? state.bankroll.after : null,
    starting: startingBankroll,
    equity: balance.equity,
    cash: balance.cash,
    currency: baseCurrency,
    asOf: look.balances.asOf,
    tolerancePct: deps.rules.tolerancePct,
    happened,
    source: deps.broker.name,
    env: state.account.env,
  });
}

/** Orders whose owner nobody named are remembered up to this many: more are an old history, not news. */
const UNDECIDED_MAX = 2000;

interface Noticed {
  /** What sets the bankroll anew whatever the tolerance. */
  readonly causes: readonly BankrollCause[];
  /** What to remember of it, by whether the bankroll was looked at. */
  cursors(isActedOn: boolean): readonly CursorRow[];
}

/**
 * What happened that no program did. Each activity counts once: a run of the bankroll alone remembers what it acted on
 * before it was booked, a run that could not act leaves word, and a trade whose order nobody could look up waits until
 * it is known whose it was. The history read at first contact is no news.
 */
function noticeBankroll(
  frame: RunFrame,
  parts: ReturnType<typeof partsOf>,
  evidence: WorkedOut,
  { isManual, isManualOrder }: Surroundings,
): Noticed {
  if (!parts.bankroll && !parts.transactions) return { causes: [], cursors: () => [] };
  const { cursors } = frame.state;
  const stored = (name: CursorRow['name']): string =>
    cursors.find((row) => row.name === name)?.position ?? '';
  const due = stored('bankroll_due');
  const seen = listOf(stored('bankroll_seen'));
  const waiting = listOf(stored('bankroll_undecided'));
  const isNews = cursors.some((row) => row.name === 'first_contact');

  const keyOf = (row: NewRevision): string => `${row.rootId}#${row.rev}`;
  const news = isNews ? evidence.revisions.filter((row) => !seen.includes(keyOf(row))) : [];
  const causes = new Set<BankrollCause>(due === '' ? [] : (due.split(',') as BankrollCause[]));
  if (waiting.some((orderId) => isManualOrder(orderId) === true)) causes.add('manual_trade');
  for (const cause of bankrollCauses(news, isManual)) causes.add(cause);

  const undecided = news.flatMap((row) =>
    row.kind === 'fill' && isManual(row) === null ? (row.orderId ?? []) : [],
  );
  const stillWaiting = waiting.filter((orderId) => isManualOrder(orderId) === null);
  return {
    causes: [...causes],
    cursors: (isActedOn) => {
      const acted = parts.bankroll && isActedOn;
      // Booked activities are news to nobody any more; of those that are not, it is remembered that they were seen.
      const unbooked = isNews && !parts.transactions ? evidence.revisions.map(keyOf) : [];
      const next: readonly [CursorRow['name'], string][] = [
        ['bankroll_due', acted ? '' : [...causes].join(',')],
        ['bankroll_seen', textOf(unbooked)],
        ['bankroll_undecided', textOf([...new Set([...stillWaiting, ...undecided])].slice(-UNDECIDED_MAX))],
      ];
      return next.flatMap(([name, position]) =>
        stored(name) === position ? [] : [cursor(name, position, frame.now)],
      );
    },
  };
}

function listOf(text: string): readonly string[] {
  return text === '' ? [] : (JSON.parse(text) as string[]);
}

function textOf(list: readonly string[]): string {
  return list.length === 0 ? '' : JSON.stringify(list);
}

/** Activities that runs without positions booked since positions were written last. */
export function untoldActivities(state: SyncState, result: WorkedOut): readonly NewRevision[] {
  const since = state.cursors.find((row) => row.name === 'untold')?.position ?? '';
  if (since === '') return [];
  const own = new Set(result.revisions.map((row) => row.rootId));
  return result.activities.filter(
    (row) => !own.has(row.rootId) && compareInstants(row.firstSeenAt, since as Instant) >= 0,
  );
}

function untoldCursor(
  frame: RunFrame,
  parts: ReturnType<typeof partsOf>,
  isBooking: boolean,
): readonly CursorRow[] {
  const since = frame.state.cursors.find((row) => row.name === 'untold')?.position ?? '';
  if (parts.positions) return since === '' ? [] : [cursor('untold', '', frame.now)];
  return parts.transactions && isBooking && since === '' ? [cursor('untold', frame.now, frame.now)] : [];
}

function bankrollFacts(frame: RunFrame, entries: readonly BankrollEntry[]): RunCommit['outbox'] {
  return entries.map((entry) => ({
    kind: `bankroll_${entry.kind}`,
    at: frame.now,
    facts: {
      account: frame.state.account.name,
      before: entry.before?.toString() ?? null,
      after: entry.after.toString(),
      currency: entry.currency,
      cause: entry.causes.join(','),
      source: entry.source,
      env: entry.env,
    },
  }));
}

/** Rows nobody could read in the look that was believed; an earlier look of the same run may have had others. */
function believedQuarantine(frame: RunFrame, look: Look): readonly QuarantinedRow[] {
  const ofLook = [look.balances, look.positions, look.activities].flatMap(
    (read) => read.evidence.quarantined,
  );
  const resources = new Set(['account', 'positions', 'activities']);
  return [...ofLook, ...frame.dossier.quarantined.filter((row) => !resources.has(row.resource))];
}

/** A run that believes nothing: its record, what it was told, and what a person must know. */
export function refusedCommit(frame: RunFrame, refusal: Refusal): RunCommit {
  const { state, now } = frame;
  const foreign = foreignMemory(state, refusal);
  const changed = foreign !== null && foreign.count >= ACCOUNT_CHANGED_AFTER;
  const code = changed ? 'account_changed' : refusal.error.code;
  const findings = refusalFindings(frame, refusal, changed);
  const explained = explain({
    differences: [],
    quarantined: frame.dossier.quarantined,
    resourcesRead: [],
    understoodIds: new Set(),
    windowAfter: null,
    withdrawn: refusal.withdrawn,
    open: state.findings.filter(
      (finding) => finding.type === 'quarantine' || finding.type === 'withdrawn_by_broker',
    ),
    changed: [],
    instruments: state.instruments,
    now,
  });
  const opened = findings.filter((finding) => !state.findings.some((open) => open.key === finding.key));
  const outcome: RunOutcome =
    foreign !== null || isTruebookError(refusal.error, 'broker_auth') ? 'failed' : 'incomplete';
  return {
    ...baseCommit(frame),
    run: runRecord(
      frame,
      outcome,
      false,
      { code, message: `${refusal.resource}: ${refusal.error.message}` },
      NO_COUNTS,
      refusal.depth,
    ),
    audit: [audit(frame, 'sync', { outcome, resource: refusal.resource, reason: refusal.reason, code })],
    events: [...opened.map((finding) => eventOf('finding_opened', finding, now)), ...explained.events],
    findings: [...opened, ...explained.findings],
    watch: refusal.watch,
    cursors: [
      ...(foreign === null
        ? []
        : [cursor('account_changed', `${foreign.fingerprint}:${foreign.count}`, now)]),
      ...(refusal.watch.length === 0 ? [] : [cursor('absence', '', now)]),
      ...(refusal.suspicion === undefined ? [] : [cursor('totals', refusal.suspicion, now)]),
    ],
    outbox: [
      {
        kind: 'sync_failed',
        at: now,
        facts: { account: state.account.name, code, resource: refusal.resource, reason: refusal.reason },
      },
    ],
  };
}

/** One chunk of first contact: ledger rows and where to go on. */
export function historyCommit(
  frame: RunFrame,
  revisions: readonly NewRevision[],
  position: string,
  walkStartedAt: string,
): RunCommit {
  const explained = explain({
    differences: [],
    quarantined: frame.dossier.quarantined,
    resourcesRead: [],
    understoodIds: new Set(),
    windowAfter: null,
    withdrawn: [],
    open: frame.state.findings.filter((finding) => finding.type === 'quarantine'),
    changed: [],
    instruments: frame.state.instruments,
    now: frame.now,
  });
  return {
    ...baseCommit(frame),
    run: runRecord(frame, 'progress', false, null, { ...NO_COUNTS, newActivities: revisions.length }),
    events: explained.events,
    findings: explained.findings,
    outbox: outboxOf(frame, [], explained.findings),
    audit: [audit(frame, 'history', { activities: revisions.length, done: position === HISTORY_DONE })],
    instruments: revisions.flatMap((revision) => (revision.instrument === null ? [] : [revision.instrument])),
    revisions,
    cursors: [
      cursor('history', position, frame.now),
      cursor('activities', walkStartedAt, frame.now),
      // The whole history is a deep scan and an audit too: neither is due right after it.
      ...(position === HISTORY_DONE
        ? [cursor('deep_scan', walkStartedAt, frame.now), cursor('audit', walkStartedAt, frame.now)]
        : []),
    ],
    requestIds: [],
  };
}

function baseCommit(frame: RunFrame): Omit<RunCommit, 'run' | 'audit'> {
  return {
    lease: frame.options.lease,
    reads: frame.dossier.reads,
    payloads: frame.dossier.payloads,
    quarantine: frame.dossier.quarantined,
    instruments: [],
    aliases: [],
    revisions: [],
    events: [],
    orders: [],
    positionObservations: [],
    dayEnds: null,
    balanceObservations: [],
    greeks: [],
    marks: [],
    balanceDays: [],
    positions: { upsert: [], remove: [] },
    lots: NO_BOOK_CHANGES.lots,
    elections: [],
    checkpoint: null,
    earlierCheckpoints: [],
    ledgerSeq: frame.state.ledgerSeq,
    findings: [],
    cursors: [],
    freshness: [],
    watch: [],
    outbox: [],
    pin: null,
    requestIds: frame.options.requestIds,
    answer: null,
    bankroll: [],
  };
}

function runRecord(
  frame: RunFrame,
  outcome: RunOutcome,
  reconciled: boolean,
  error: { code: string; message: string } | null,
  counts: RunCounts,
  depth: ReadDepth = 'recent',
): RunCommit['run'] {
  const { clock } = frame.deps;
  return {
    accountId: frame.state.account.id,
    epoch: frame.state.account.epoch,
    trigger: outcome === 'progress' ? 'first_contact' : frame.options.trigger,
    type: frame.options.type,
    startedAt: frame.now,
    finishedAt: instantNow(clock),
    durationMs: Math.max(0, Math.round(clock.monoMs() - frame.startedMonoMs)),
    outcome,
    reconciled,
    errorCode: error?.code ?? null,
    errorMessage: error?.message ?? null,
    counts,
    deepScan: depth !== 'recent',
  };
}

function audit(frame: RunFrame, action: string, facts: AuditEntry['facts']): AuditEntry {
  return { at: frame.now, actor: frame.deps.actor, action, object: frame.state.account.name, facts };
}

function cursor(name: CursorRow['name'], position: string, now: Instant): CursorRow {
  return { name, position, updatedAt: now };
}

function freshRow(
  frame: RunFrame,
  dataClass: 'balances' | 'positions' | 'activities',
  asOf: Instant,
  asOfMonoMs: number,
  reconciled: boolean,
): RunCommit['freshness'][number] {
  return {
    dataClass,
    asOf,
    asOfMonoMs,
    monoEpoch: frame.deps.clock.epoch,
    fetchedAt: instantNow(frame.deps.clock),
    reconciled,
    verified: true,
  };
}

function changedBy(revisions: readonly Activity[]): ReadonlyMap<InstrumentId, ReadonlySet<ActivityKind>> {
  const kinds = new Map<InstrumentId, Set<ActivityKind>>();
  for (const { instrument, kind } of revisions) {
    if (instrument === null) continue;
    const known = kinds.get(instrument.id);
    if (known === undefined) kinds.set(instrument.id, new Set([kind]));
    else known.add(kind);
  }
  return kinds;
}

/** The latest activity of each instrument that moved its quantity. */
function broughtBy(revisions: readonly Activity[]): ReadonlyMap<InstrumentId, string> {
  const latest = new Map<InstrumentId, Activity>();
  for (const activity of revisions) {
    const id = activity.instrument?.id;
    if (id === undefined || activity.quantity.isZero()) continue;
    const before = latest.get(id);
    if (before === undefined || compareActivities(activity, before) > 0) latest.set(id, activity);
  }
  return new Map([...latest].map(([id, activity]) => [id, activity.rootId]));
}

function pinEvents(frame: RunFrame, look: Look): readonly BookEvent[] {
  if (frame.state.account.pinnedFingerprint !== null) return [];
  return [
    {
      kind: 'account_pinned',
      at: look.balances.asOf,
      instrument: null,
      symbol: null,
      facts: { account: frame.state.account.name, last4: look.balances.rows.accountLast4 },
    },
  ];
}

function goneObservation({ instrument }: PositionObservation, asOf: Instant): PositionObservation {
  return {
    instrument,
    quantity: Decimal.zero,
    averageCost: null,
    mark: null,
    markAsOf: null,
    marketValue: null,
    unrealizedPnl: null,
    asOf,
    tradeDate: newYorkDate(asOf),
  };
}

/** Written when quantity or average changed, and once per trading day: unchanged runs stay small. */
function positionObservations(
  state: SyncState,
  look: Look,
  absenceProves: boolean,
): readonly PositionObservation[] {
  const day = newYorkDate(look.positions.asOf);
  const before = new Map(state.observations.map((row) => [row.instrument, row]));
  const rows: PositionObservation[] = [];
  for (const position of look.positions.rows) {
    const last = before.get(position.instrument.id);
    before.delete(position.instrument.id);
    const same =
      last !== undefined &&
      last.tradeDate === day &&
      last.quantity.equals(position.quantity) &&
      sameDecimal(last.averageCost, position.averageCost);
    if (!same) rows.push(observation(position, look.positions.asOf));
  }
  if (!absenceProves) return rows;
  for (const gone of before.values()) {
    if (gone.quantity.isZero()) continue;
    rows.push(goneObservation(gone, look.positions.asOf));
  }
  return rows;
}

function observation(position: SnapshotPosition, asOf: Instant): PositionObservation {
  const { averageCost, mark, markAsOf, marketValue, unrealizedPnl, quantity } = position;
  return {
    instrument: position.instrument.id,
    quantity,
    averageCost,
    mark,
    markAsOf,
    marketValue,
    unrealizedPnl,
    asOf,
    tradeDate: newYorkDate(asOf),
  };
}

function balanceObservations(state: SyncState, look: Look, frame: RunFrame): readonly BalanceObservation[] {
  const day = newYorkDate(look.balances.asOf);
  return look.balances.rows.balances
    .map((balance) => ({ ...balance, asOf: look.balances.asOf, fetchedAt: frame.now, tradeDate: day }))
    .filter((balance) => {
      const last = state.balances.find((row) => row.currency === balance.currency);
      return last === undefined || last.tradeDate !== day || figures(last) !== figures(balance);
    });
}

function figures(balance: BalanceObservation): string {
  const { equity, cash, buyingPower, longMarketValue, shortMarketValue } = balance;
  return JSON.stringify([equity, cash, buyingPower, longMarketValue, shortMarketValue]);
}

function sameDecimal(left: Decimal | null, right: Decimal | null): boolean {
  return left === null || right === null ? left === right : left.equals(right);
}

function changedGreeks(state: SyncState, quotes: readonly Quote[]): readonly Quote[] {
  const before = new Map(state.greeks.map((quote) => [quote.instrument.id, quote.greeks]));
  return quotes.filter(
    (quote) =>
      quote.greeks !== null &&
      greeksText(quote.greeks) !== greeksText(before.get(quote.instrument.id) ?? null),
  );
}

function greeksText(greeks: Greeks | null): string {
  if (greeks === null) return '';
  const { delta, gamma, theta, vega, rho, iv } = greeks;
  return JSON.stringify([delta, gamma, theta, vega, rho, iv]);
}

/** The position list's own marks, and the option feed's where the list has none. */
function changedMarks(
  state: SyncState,
  look: Look,
  quotes: readonly Quote[],
  frame: RunFrame,
): readonly MarkRow[] {
  const before = new Map(state.marks.map((row) => [row.instrument, row]));
  const quoted = new Map(quotes.map((quote) => [quote.instrument.id, quote]));
  const rows: MarkRow[] = [];
  for (const position of look.positions.rows) {
    const quote = quoted.get(position.instrument.id);
    const mark = position.mark ?? quote?.mark ?? null;
    if (mark === null) continue;
    const last = before.get(position.instrument.id);
    if (last !== undefined && last.mark.equals(mark)) continue;
    rows.push({
      instrument: position.instrument.id,
      mark,
      markAsOf: position.mark === null ? (quote?.markAsOf ?? null) : ownStamp(position, look),
      fetchedAt: frame.now,
      source: frame.deps.broker.name,
    });
  }
  return rows;
}

/**
 * A mark that is merely as old as the list has no stamp of its own (null): every later complete list repeats it, so it
 * is as new as the newest one although nothing is written.
 */
function ownStamp(position: SnapshotPosition, look: Look): Instant | null {
  return position.markAsOf === look.positions.asOf || position.markAsOf === look.positions.startedAt
    ? null
    : position.markAsOf;
}

function movedCursors(frame: RunFrame, look: Look, result: WorkedOut): readonly CursorRow[] {
  const { now, state } = frame;
  const rows = [cursor('activities', look.activities.startedAt, now)];
  if (frame.historyHeld === true) rows.push(cursor('history', HISTORY_DONE, now));
  if (look.depth !== 'recent') rows.push(cursor('deep_scan', look.windowAfter, now));
  if (look.depth === 'audit' || look.depth === 'search') rows.push(cursor('audit', look.windowAfter, now));
  if (look.depth === 'search') rows.push(cursor('search', look.windowAfter, now));
  const contact = state.cursors.find((row) => row.name === 'first_contact')?.position ?? null;
  const holes = hasHoles(look.positions.rows, look.positions.evidence.quarantined);
  if (contact === null && !holes && result.totals !== 'disagree') {
    rows.push(cursor('first_contact', result.openingsBooked ? OPENINGS_UNCONFIRMED : 'done', now));
  }
  if (contact === OPENINGS_UNCONFIRMED && look.depth === 'search')
    rows.push(cursor('first_contact', 'done', now));
  const suspected = state.cursors.some((row) => row.name === 'totals' && row.position !== '');
  if (result.totals === 'disagree' && suspected)
    rows.push(cursor('totals', suspicionOf(state, look, result), now));
  else if (suspected) rows.push(cursor('totals', '', now));
  if (state.cursors.some((row) => row.name === 'account_changed' && row.position !== '')) {
    rows.push(cursor('account_changed', '', now));
  }
  return rows;
}

function foreignMemory(state: SyncState, refusal: Refusal): { fingerprint: string; count: number } | null {
  if (refusal.foreignFingerprint === null) return null;
  const memory = state.cursors.find((row) => row.name === 'account_changed')?.position ?? '';
  const [fingerprint, count] = memory.split(':');
  const inARow = fingerprint === refusal.foreignFingerprint ? Number.parseInt(count ?? '0', 10) + 1 : 1;
  return { fingerprint: refusal.foreignFingerprint, count: inARow };
}

function refusalFindings(frame: RunFrame, refusal: Refusal, accountChanged: boolean): readonly Finding[] {
  const shared = {
    confidence: 'certain',
    state: 'open',
    instrument: null,
    symbol: null,
    firstSeenAt: frame.now,
    lastSeenAt: frame.now,
  } as const;
  if (accountChanged) {
    return [
      {
        ...shared,
        key: 'account_changed',
        type: 'account_changed',
        cause: 'account_changed',
        expected: 'the pinned account',
        observed: 'another account id, three complete answers in a row',
        evidence: [{ kind: 'rule', reference: 'account', text: refusal.error.hint ?? refusal.error.message }],
      },
    ];
  }
  if (isTruebookError(refusal.error, 'broker_auth', 'broker_forbidden')) {
    return [
      {
        ...shared,
        key: 'auth',
        type: 'auth',
        cause: 'unknown',
        expected: null,
        observed: refusal.error.message,
        evidence: [{ kind: 'rule', reference: 'auth', text: refusal.error.hint ?? refusal.error.message }],
      },
    ];
  }
  return [];
}

function outboxOf(
  frame: RunFrame,
  events: readonly BookEvent[],
  findings: readonly Finding[],
): RunCommit['outbox'] {
  const account = frame.state.account.name;
  return [
    ...events.map((event) => ({
      kind: `position_${event.kind}`,
      at: event.at,
      facts: {
        account,
        symbol: event.symbol,
        before: event.facts['before'] ?? null,
        after: event.facts['after'] ?? null,
      },
    })),
    ...findings.map((finding) => ({
      kind: `finding_${finding.state}`,
      at: frame.now,
      facts: { account, key: finding.key, type: finding.type, cause: finding.cause, symbol: finding.symbol },
    })),
  ];
}
