/**
 * Explanations: every difference becomes a finding with a cause, a confidence and evidence; a finding whose difference
 * is gone is resolved and says by what. Pure.
 *
 * Which cause is claimed for a difference is decided in `causes/`; here claims become findings, and findings change,
 * are resolved, go on as part of another, or stay as a person dismissed them.
 */
import { type Activity } from '../domain/activity.ts';
import { canonicalJson } from '../domain/contentHash.ts';
import { Decimal } from '../domain/decimal.ts';
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
import { compareInstants, type Instant } from '../domain/time.ts';
import { type NewRevision } from '../store/store.ts';
import { left, partsOf, type Circumstances, type Claim, type Witnesses } from './causes/claim.ts';
import { claimsOf, confidenceOf } from './causes/claims.ts';
import { keysOf } from './causes/keys.ts';
import { explanationOf, type Explanation } from './explanation.ts';
import { windowStart } from './schedule.ts';
import { differenceKey, type Difference } from './reconcile.ts';

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
  /** Findings that are open or reopened, and dismissed ones whose difference may still be there. */
  readonly open: readonly Finding[];
  /** New and corrected activities of this run. */
  readonly changed: readonly NewRevision[];
  /** Activities the broker published that this run may not write (a run of positions only). */
  readonly unbooked?: readonly NewRevision[];
  readonly instruments: ReadonlyMap<InstrumentId, Instrument>;
  /** Whether `differences` would hold one of cash. */
  readonly cashCompared?: boolean;
  /** What the broker showed besides; absent where there are no differences to explain. */
  readonly witnesses?: Witnesses;
  /** Whether a person placed a trade; null while nobody said. */
  readonly isManual?: (activity: Activity) => boolean | null;
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
  const claimed = ofDifferences(input);
  const wanted = new Map<string, Finding>([...claimed].map(([finding]) => [finding.key, finding]));
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
  const tell = (kind: BookEventKind, finding: Finding): void => {
    findings.push(finding);
    events.push(eventOf(kind, finding, input.now));
  };
  const openByKey = new Map(input.open.map((finding) => [finding.key, finding]));
  let opened = 0;
  let stillOpen = 0;
  for (const finding of wanted.values()) {
    const before = openByKey.get(finding.key);
    // What a person dismissed stays so while it is the same; the store tells one that returns `reopened`.
    if (before?.state === 'dismissed' && isSameDifference(before, finding)) continue;
    stillOpen += 1;
    if (before === undefined || before.state === 'dismissed') {
      opened += 1;
      tell('finding_opened', finding);
    } else if (meaning(before) !== meaning(finding)) {
      tell('finding_changed', { ...finding, state: before.state, firstSeenAt: before.firstSeenAt });
    }
  }
  for (const finding of input.open) {
    if (wanted.has(finding.key)) continue;
    const resolved = resolution(input, finding, claimed);
    if (resolved !== null) tell('finding_resolved', resolved);
    else if (finding.state !== 'dismissed') stillOpen += 1;
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

/** Whether two findings answer for the same pieces of the same differences. */
function isSameDifference(one: Finding, other: Finding): boolean {
  const text = (finding: Finding): string =>
    JSON.stringify(partsOf(finding).map(({ key, amount }) => [key, amount.toString()]));
  return text(one) === text(other);
}

/** A finding per claim, with the claim it came from. */
function ofDifferences(input: ExplainInput): ReadonlyMap<Finding, Claim> {
  if (input.differences.length === 0) return new Map();
  const standing = input.open.filter(isOfDifference);
  const circumstances: Circumstances = {
    ...(input.witnesses ?? blind(input.now)),
    differences: input.differences,
    cashCompared: input.cashCompared ?? true,
    instruments: input.instruments,
    changed: [...input.changed, ...(input.unbooked ?? [])],
    unbooked: input.unbooked ?? [],
    standing,
    now: input.now,
  };
  const claims = claimsOf(circumstances);
  const keys = keysOf(claims, standing);
  const before = new Map(standing.map((finding) => [finding.key, finding]));
  return new Map(
    claims.map((claim) => {
      const key = keys.get(claim)!;
      return [ofClaim(input, claim, claims, key, before.get(key)), claim];
    }),
  );
}

/** Nothing but the differences is known. */
function blind(now: Instant): Witnesses {
  return {
    positions: new Map(),
    before: new Map(),
    marks: new Map(),
    cashBefore: new Map(),
    listed: [],
    listedAfter: now,
    orders: null,
    isManualOrder: () => null,
    totals: null,
    firstContactAt: null,
    asOf: now,
    lastLookAt: null,
    firstContactDone: true,
  };
}

function ofClaim(
  input: ExplainInput,
  claim: Claim,
  claims: readonly Claim[],
  key: string,
  before: Finding | undefined,
): Finding {
  const part = claim.parts[0]!;
  const difference = input.differences.find((row) => differenceKey(row) === part.key)!;
  // What other claims take of the same difference is explained elsewhere: it counts to what is expected here.
  const elsewhere = new Map<string, typeof part.amount>();
  for (const other of claims) {
    if (other === claim) continue;
    for (const { key: of, amount } of other.parts) elsewhere.set(of, left(elsewhere, of).plus(amount));
  }
  return {
    key,
    type: typeOf(difference),
    cause: claim.cause,
    confidence: confidenceOf(claim, before, input.now),
    state: 'open',
    instrument: part.instrument,
    symbol: difference.kind === 'cash' ? difference.currency : symbolOf(input, difference.instrument),
    expected: difference.book.plus(left(elsewhere, part.key)).toString(),
    observed: difference.broker.toString(),
    firstSeenAt: input.now,
    lastSeenAt: input.now,
    evidence: [
      // What stands is read back from here: the rule is always that of the claim.
      ...claim.evidence.map((piece) => (piece.kind === 'rule' ? { ...piece, reference: claim.rule } : piece)),
      ...claim.parts.map((one) => observed(input, one)),
    ],
  };
}

/** One piece of a difference, as a person reads it. */
function observed(input: ExplainInput, { key, instrument, amount }: Claim['parts'][number]): FindingEvidence {
  const difference = input.differences.find((row) => differenceKey(row) === key);
  const name = instrument === null ? key.slice(key.indexOf(':') + 1) : symbolOf(input, instrument);
  const sign = amount.sign() > 0 ? '+' : '';
  const figures =
    difference === undefined
      ? 'book and broker agree'
      : `book ${difference.book.toString()}, broker ${difference.broker.toString()}`;
  return {
    kind: 'observation',
    reference: key,
    text: `${name} ${sign}${amount.toString()} (${figures})`,
    amount: amount.toString(),
  };
}

function symbolOf({ instruments }: ExplainInput, id: InstrumentId): string {
  return instruments.get(id)?.symbol ?? id;
}

function typeOf(difference: Difference): FindingType {
  if (difference.kind === 'cash') return 'difference';
  if (difference.broker.isZero()) return 'missing';
  return difference.book.isZero() ? 'appeared' : 'difference';
}

function isOfDifference({ key }: Finding): boolean {
  return key.startsWith('position:') || key.startsWith('cash:');
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
        text:
          row.resource === 'corporate_actions'
            ? 'The rows of the corporate action count; only what the announcement adds to them is not known.'
            : 'The row is kept whole in quarantine and counted nowhere.',
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

const DECORATIONS: ReadonlySet<string> = new Set(['orders', 'marketdata', 'corporate_actions']);

/** Resolved when what it says is no longer so; null when this run cannot tell. */
function resolution(
  input: ExplainInput,
  finding: Finding,
  claimed: ReadonlyMap<Finding, Claim>,
): Finding | null {
  if (finding.type === 'quarantine') {
    const resource = finding.key.split(':')[1] ?? '';
    const isRead = input.resourcesRead.includes(resource);
    // Orders, market data and announcements decorate: a believed run that needed none of them has none to doubt either.
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
  if (isOfDifference(finding)) {
    const whole = wholeOf(finding, claimed);
    if (whole === null) {
      const explained = takenBack(input, finding) ?? explanationOf(finding, input.changed, input.isManual);
      return close(input, finding, ...explained);
    }
    const text = `Goes on as part of the finding of ${whole.symbol ?? whole.key}.`;
    return close(input, finding, whole.cause, 'possible', [{ kind: 'rule', reference: whole.key, text }]);
  }
  return null;
}

/** A trade known by its order alone that the order no longer shows, and no activity either: the broker took it back. */
function takenBack(input: ExplainInput, finding: Finding): Explanation | null {
  const orderIds = finding.evidence.filter((piece) => piece.kind === 'order').map((piece) => piece.reference);
  const { orders = null, listed = [] } = input.witnesses ?? {};
  const own = (orders ?? []).filter((order) => orderIds.includes(order.orderId));
  if (orderIds.length === 0 || own.length < orderIds.length) return null;
  const moved = input.changed.some((row) => row.instrument?.id === finding.instrument);
  const isListed = own.every(({ orderId, filled }) => {
    const fills = listed.filter(
      (row) => row.kind === 'fill' && row.status === 'ok' && row.orderId === orderId,
    );
    return Decimal.sum(fills.map((row) => row.quantity.abs())).equals(filled);
  });
  if (moved || !isListed) return null;
  const text = 'The order no longer shows what it had executed, and no activity came of it.';
  return [
    'broker_correction',
    'likely',
    own.map(({ orderId }) => ({ kind: 'order', reference: orderId, text })),
  ];
}

/** The finding of this run that answers for a whole of which this one was a piece; null where there is none. */
function wholeOf(finding: Finding, claimed: ReadonlyMap<Finding, Claim>): Finding | null {
  const part = partsOf(finding)[0];
  if (part === undefined) return null;
  for (const [whole, claim] of claimed) {
    if (claim.parts.some(({ key, amount }) => key === part.key && amount.equals(part.amount))) return whole;
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
      evidence: canonicalJson(finding.evidence.map((piece) => ({ ...piece }))),
    },
  };
}
