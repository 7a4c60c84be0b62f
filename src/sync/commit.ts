/** From results to the one transaction: what a believed, a refused and a history run write. Pure. */
import { type Activity, type ActivityKind } from '../domain/activity.ts';
import { type BookEvent } from '../domain/event.ts';
import { isTruebookError } from '../domain/errors.ts';
import { type Finding } from '../domain/finding.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import { type Greeks, type QuarantinedRow, type Quote, type SnapshotPosition } from '../domain/snapshot.ts';
import { newYorkDate, now as instantNow, type Instant } from '../domain/time.ts';
import {
  type AuditEntry,
  type BalanceObservation,
  type CursorRow,
  type MarkRow,
  type NewRevision,
  type PositionObservation,
  type RunCommit,
  type RunCounts,
  type RunOutcome,
  type SyncState,
} from '../store/store.ts';
import { eventOf, explain } from './explain.ts';
import { applyLifecycle } from './lifecycle.ts';
import { hasHoles, suspicionOf } from './proof.ts';
import { type Extras } from './readExtras.ts';
import { type Dossier, type Look, type Refusal } from './readBroker.ts';
import { HISTORY_DONE, OPENINGS_UNCONFIRMED, type ReadDepth } from './schedule.ts';
import { type SyncDependencies, type SyncOptions } from './syncAccount.ts';
import { type WorkedOut } from './workOut.ts';

/** What stays the same through one run. */
export interface RunFrame {
  readonly deps: SyncDependencies;
  readonly options: SyncOptions;
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

export function believedCommit(frame: RunFrame, look: Look, result: WorkedOut, extras: Extras): RunCommit {
  const { state, now } = frame;
  const asOf = look.positions.asOf;
  const absenceProves = !hasHoles(look.positions.rows, look.positions.evidence.quarantined);
  const lifecycle = applyLifecycle({
    accountId: state.account.id,
    epoch: state.account.epoch,
    source: frame.deps.broker.name,
    rows: result.wholeEpoch ? result.storedRows : state.positions,
    wholeEpoch: result.wholeEpoch,
    book: result.book,
    closed: result.closed,
    positions: look.positions.rows,
    absenceProves,
    totals: result.totals,
    asOf,
    instruments: result.instruments,
    changedBy: changedBy(result.revisions),
  });
  const explained = explain({
    differences: result.differences,
    quarantined: believedQuarantine(frame, look),
    resourcesRead: frame.dossier.reads
      .filter((read) => read.kind === 'complete')
      .map((read) => read.resource),
    understoodIds: new Set(look.activities.rows.map((activity) => activity.externalId)),
    windowAfter: look.windowAfter,
    withdrawn: [],
    open: state.findings,
    changed: result.revisions,
    instruments: result.instruments,
    now,
  });
  const positionsAgree =
    !result.differences.some((difference) => difference.kind === 'position') && absenceProves;
  const cashAgrees = !result.differences.some((difference) => difference.kind === 'cash');
  // An opening is what the broker said once: it is proven by a second witness, or by the next run.
  const proven = positionsAgree && (!result.positionsOpened || result.totals === 'agree');
  return {
    ...baseCommit(frame),
    run: runRecord(
      frame,
      'complete',
      proven && cashAgrees,
      null,
      {
        created: lifecycle.counts.created,
        updated: lifecycle.counts.updated,
        closed: lifecycle.counts.closed,
        missing: lifecycle.counts.missing,
        findings: explained.stillOpen,
        newActivities: result.revisions.length,
      },
      look.depth,
    ),
    audit: [
      audit(frame, 'sync', {
        outcome: 'complete',
        activities: result.revisions.length,
        positions: look.positions.rows.length,
        differences: result.differences.length,
      }),
    ],
    instruments: [...result.instruments.values()],
    aliases: look.positions.rows.flatMap((position) =>
      position.brokerInstrumentId === null
        ? []
        : [
            {
              instrument: position.instrument.id,
              scheme: `${frame.deps.broker.name}:asset`,
              alias: position.brokerInstrumentId,
            },
          ],
    ),
    revisions: result.revisions,
    events: [...pinEvents(frame, look), ...lifecycle.events, ...explained.events],
    orders: extras.orders,
    positionObservations: positionObservations(state, look, absenceProves),
    balanceObservations: balanceObservations(state, look, frame),
    greeks: changedGreeks(state, extras.quotes),
    marks: changedMarks(state, look, extras.quotes, frame),
    balanceDays: look.balances.rows.balances.map((balance) => ({
      tradeDate: newYorkDate(look.balances.asOf),
      currency: balance.currency,
      endEquity: balance.equity,
      endCash: balance.cash,
      buyingPower: balance.buyingPower,
    })),
    positions: { upsert: lifecycle.upsert, remove: lifecycle.remove },
    checkpoint: result.checkpoint,
    findings: explained.findings,
    cursors: movedCursors(frame, look, result),
    freshness: [
      freshRow(frame, 'balances', look.balances.asOf, look.balances.startedMonoMs, cashAgrees),
      freshRow(frame, 'positions', asOf, look.positions.startedMonoMs, proven),
      freshRow(frame, 'activities', look.activities.asOf, look.activities.startedMonoMs, proven),
    ],
    watch: result.watch,
    outbox: outboxOf(frame, lifecycle.events, explained.findings),
    pin:
      state.account.pinnedFingerprint === null
        ? {
            fingerprint: look.balances.rows.accountFingerprint,
            last4: look.balances.rows.accountLast4,
            baseCurrency: look.balances.rows.baseCurrency,
          }
        : null,
  };
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
    balanceObservations: [],
    greeks: [],
    marks: [],
    balanceDays: [],
    positions: { upsert: [], remove: [] },
    checkpoint: null,
    findings: [],
    cursors: [],
    freshness: [],
    watch: [],
    outbox: [],
    pin: null,
    requestIds: frame.options.requestIds,
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
    rows.push({
      instrument: gone.instrument,
      quantity: gone.quantity.minus(gone.quantity),
      averageCost: null,
      mark: null,
      markAsOf: null,
      marketValue: null,
      unrealizedPnl: null,
      asOf: look.positions.asOf,
      tradeDate: day,
    });
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

function sameDecimal(left: { toString(): string } | null, right: { toString(): string } | null): boolean {
  return left === null || right === null ? left === right : left.toString() === right.toString();
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
