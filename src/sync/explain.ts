/**
 * Explanations: every difference becomes a finding with a cause, a confidence and evidence; a finding whose difference
 * is gone is resolved and says by what. Pure.
 *
 * Until the full reconciliation exists, causes are claimed only where an identity proves them (an explaining activity)
 * or where one rule fits (an option past its expiry); everything else is honestly `unknown` or merely `possible`.
 */
import { type BookEvent, type BookEventKind } from '../domain/event.ts';
import {
  type Confidence,
  type Finding,
  type FindingCause,
  type FindingEvidence,
  type FindingType,
} from '../domain/finding.ts';
import { type Instrument, type InstrumentId } from '../domain/instrument.ts';
import { type QuarantinedRow } from '../domain/snapshot.ts';
import { compareInstants, newYorkDate, type Instant } from '../domain/time.ts';
import { type NewRevision } from '../store/store.ts';
import { CAUSE_OF_KIND, explanationOf } from './explanation.ts';
import { windowStart } from './schedule.ts';
import { differenceKey, type Difference, type PositionDifference } from './reconcile.ts';

export interface ExplainInput {
  readonly differences: readonly Difference[];
  readonly quarantined: readonly QuarantinedRow[];
  /** Resources read completely in this run: their quarantine findings may be resolved. */
  readonly resourcesRead: readonly string[];
  /** Ids (as the wire shows them) of all activity rows that were understood in this run. */
  readonly understoodIds: ReadonlySet<string>;
  /** Start of the activity window read in this run, null when none was read. */
  readonly windowAfter: Instant | null;
  /** Identities that left the known-id proof in this run. */
  readonly withdrawn: readonly string[];
  /** Findings that are open or reopened. */
  readonly open: readonly Finding[];
  /** New and corrected activities of this run. */
  readonly changed: readonly NewRevision[];
  /** Activities the broker published that this run may not write (a run of positions only). */
  readonly unbooked?: readonly NewRevision[];
  readonly instruments: ReadonlyMap<InstrumentId, Instrument>;
  readonly now: Instant;
}

export interface ExplainResult {
  /** Findings to write: opened, changed and resolved ones. Unchanged ones are left alone. */
  readonly findings: readonly Finding[];
  readonly events: readonly BookEvent[];
  readonly opened: number;
  readonly stillOpen: number;
}

export function explain(input: ExplainInput): ExplainResult {
  const wanted = new Map<string, Finding>();
  for (const difference of input.differences) {
    const finding = ofDifference(input, difference);
    wanted.set(finding.key, finding);
  }
  for (const row of input.quarantined) {
    const finding = ofQuarantine(input.now, row);
    wanted.set(finding.key, finding);
  }
  for (const rootId of input.withdrawn) {
    const finding = ofWithdrawal(input.now, rootId);
    wanted.set(finding.key, finding);
  }
  const findings: Finding[] = [];
  const events: BookEvent[] = [];
  const openByKey = new Map(input.open.map((finding) => [finding.key, finding]));
  let opened = 0;
  for (const finding of wanted.values()) {
    const before = openByKey.get(finding.key);
    if (before === undefined) {
      opened += 1;
      findings.push(finding);
      events.push(eventOf('finding_opened', finding, input.now));
    } else if (meaning(before) !== meaning(finding)) {
      const changed = { ...finding, state: before.state, firstSeenAt: before.firstSeenAt };
      findings.push(changed);
      events.push(eventOf('finding_changed', changed, input.now));
    }
  }
  let stillOpen = wanted.size;
  for (const finding of input.open) {
    if (wanted.has(finding.key)) continue;
    const resolved = resolution(input, finding);
    if (resolved === null) {
      stillOpen += 1;
      continue;
    }
    findings.push(resolved);
    events.push(eventOf('finding_resolved', resolved, input.now));
  }
  return { findings, events, opened, stillOpen };
}

/** What a person would call "the same finding, unchanged". */
function meaning(finding: Finding): string {
  return JSON.stringify([
    finding.type,
    finding.cause,
    finding.confidence,
    finding.expected,
    finding.observed,
  ]);
}

function ofDifference(input: ExplainInput, difference: Difference): Finding {
  const shared = {
    key: differenceKey(difference),
    state: 'open',
    expected: difference.book.toString(),
    observed: difference.broker.toString(),
    firstSeenAt: input.now,
    lastSeenAt: input.now,
  } as const;
  if (difference.kind === 'cash') {
    return {
      ...shared,
      type: 'difference',
      cause: 'unknown',
      confidence: 'possible',
      instrument: null,
      symbol: difference.currency,
      evidence: [
        {
          kind: 'rule',
          reference: 'cash',
          text: 'Sum of all activities against the cash the broker states.',
        },
      ],
    };
  }
  const instrument = input.instruments.get(difference.instrument) ?? null;
  const guess = notYetBooked(input, difference) ?? possibleCause(instrument, difference, input.now);
  return {
    ...shared,
    type: typeOf(difference),
    cause: guess.cause,
    confidence: guess.confidence,
    instrument: difference.instrument,
    symbol: instrument?.symbol ?? difference.instrument,
    evidence: [guess.evidence],
  };
}

function typeOf(difference: PositionDifference): FindingType {
  if (difference.broker.isZero()) return 'missing';
  return difference.book.isZero() ? 'appeared' : 'difference';
}

/** The broker's own activities say what happened, but this run leaves the ledger alone. */
function notYetBooked(input: ExplainInput, difference: PositionDifference): Guess | null {
  const rows = (input.unbooked ?? []).filter(
    (row) =>
      row.instrument?.id === difference.instrument && row.source !== 'truebook' && !row.quantity.isZero(),
  );
  const [first] = rows;
  if (first === undefined) return null;
  return {
    cause: CAUSE_OF_KIND[first.kind],
    confidence: 'likely',
    evidence: {
      kind: 'activity',
      reference: first.rootId,
      text: `Published by the broker, not in the ledger yet (${rows.length} row(s)): sync transactions, or all.`,
    },
  };
}

interface Guess {
  readonly cause: FindingCause;
  readonly confidence: Confidence;
  readonly evidence: FindingEvidence;
}

function possibleCause(instrument: Instrument | null, difference: PositionDifference, now: Instant): Guess {
  const expiry = instrument?.option?.expiry;
  if (expiry !== undefined && difference.broker.isZero() && newYorkDate(now) >= expiry) {
    return {
      cause: 'expiry',
      confidence: 'possible',
      evidence: {
        kind: 'rule',
        reference: 'expiry',
        text: `The contract's last day was ${expiry}; expiry, assignment and exercise are published later.`,
      },
    };
  }
  return {
    cause: 'unknown',
    confidence: 'possible',
    evidence: { kind: 'rule', reference: 'positions', text: 'No activity explains what the broker states.' },
  };
}

function ofQuarantine(now: Instant, row: QuarantinedRow): Finding {
  // The number of the row changes from read to read, its id or the kind of trouble does not.
  const id = idOf(row);
  const place = row.path.replaceAll(/\[\d+\]/g, '[]');
  return {
    key: (id === null
      ? `quarantine:${row.resource}:?:${place}:${row.reason}`
      : `quarantine:${row.resource}:${id}`
    ).slice(0, 200),
    type: 'quarantine',
    cause: 'unknown',
    confidence: 'certain',
    state: 'open',
    instrument: null,
    symbol: null,
    expected: null,
    observed: `${row.path}: ${row.reason}`,
    firstSeenAt: now,
    lastSeenAt: now,
    evidence: [
      {
        kind: 'payload',
        reference: row.payloadSha256 ?? '',
        text: 'The row is kept whole in quarantine and counted nowhere.',
      },
    ],
  };
}

function idOf(row: QuarantinedRow): string | null {
  try {
    const value: unknown = JSON.parse(row.row);
    const id = typeof value === 'object' && value !== null && 'id' in value ? value.id : null;
    return typeof id === 'string' && id !== '' ? id : null;
  } catch {
    return null;
  }
}

function ofWithdrawal(now: Instant, rootId: string): Finding {
  return {
    key: `withdrawn:${rootId}`,
    type: 'withdrawn_by_broker',
    cause: 'broker_correction',
    confidence: 'possible',
    state: 'open',
    instrument: null,
    symbol: null,
    expected: rootId,
    observed: null,
    firstSeenAt: now,
    lastSeenAt: now,
    evidence: [
      {
        kind: 'activity',
        reference: rootId,
        text: 'Stored once, absent from three deep scans in a row. It still counts.',
      },
    ],
  };
}

const DECORATIONS: ReadonlySet<string> = new Set(['orders', 'marketdata']);

/** Resolved when what it says is no longer so; null when this run cannot tell. */
function resolution(input: ExplainInput, finding: Finding): Finding | null {
  if (finding.type === 'quarantine') {
    const resource = finding.key.split(':')[1] ?? '';
    const isRead = input.resourcesRead.includes(resource);
    // Orders and market data decorate: a believed run that needed none of them has none to doubt either.
    const isSettled = isRead || (DECORATIONS.has(resource) && input.resourcesRead.length > 0);
    if (!isSettled) return null;
    if (resource === 'activities' && !activityUnderstood(input, finding)) return null;
    return close(input, finding, 'broker_correction', 'certain', [
      { kind: 'rule', reference: resource, text: 'A later complete answer had no such row.' },
    ]);
  }
  if (finding.type === 'auth' || finding.type === 'storage' || finding.type === 'account_changed') {
    if (input.resourcesRead.length === 0) return null;
    return close(input, finding, finding.cause, 'certain', [
      { kind: 'rule', reference: 'run', text: 'A later run completed.' },
    ]);
  }
  if (finding.type === 'withdrawn_by_broker') {
    if (!listedAgain(input, finding)) return null;
    return close(input, finding, 'stale_source', 'likely', [
      { kind: 'rule', reference: 'activities', text: 'The broker lists it again.' },
    ]);
  }
  if (finding.key.startsWith('position:') || finding.key.startsWith('cash:')) {
    return close(input, finding, ...explanationOf(finding, input.changed));
  }
  return null;
}

/**
 * A row of the ledger's source is settled only when the very row was understood; one without an id when a window that
 * covers the time it was seen held no such row any more. Falling out of the window settles nothing.
 */
function activityUnderstood(input: ExplainInput, finding: Finding): boolean {
  const id = finding.key.slice('quarantine:activities:'.length);
  if (!id.startsWith('?:')) return input.understoodIds.has(id);
  const covered = windowStart('recent', finding.firstSeenAt, finding.firstSeenAt);
  return input.windowAfter !== null && compareInstants(input.windowAfter, covered) <= 0;
}

/** Whether the identity that left the known-id proof was in this run's answer: ids as the wire shows them. */
function listedAgain(input: ExplainInput, finding: Finding): boolean {
  const rootId = finding.key.slice('withdrawn:'.length);
  // `FILL:<id>` or `<type>:<id>:<symbol>:<sign>`; ids contain colons themselves.
  const rest = rootId.slice(rootId.indexOf(':') + 1);
  return [...input.understoodIds].some((id) => rest === id || rest.startsWith(`${id}:`));
}

function close(
  input: ExplainInput,
  finding: Finding,
  cause: FindingCause,
  confidence: Confidence,
  evidence: readonly FindingEvidence[],
): Finding {
  return {
    ...finding,
    state: 'resolved',
    cause,
    confidence,
    lastSeenAt: input.now,
    evidence: [...finding.evidence, ...evidence],
  };
}

/** The book event of a finding's change: findings can be told again from these alone. */
export function eventOf(kind: BookEventKind, finding: Finding, now: Instant): BookEvent {
  return {
    kind,
    at: now,
    instrument: finding.instrument,
    symbol: finding.symbol,
    facts: {
      key: finding.key,
      type: finding.type,
      cause: finding.cause,
      confidence: finding.confidence,
      expected: finding.expected,
      observed: finding.observed,
    },
  };
}
