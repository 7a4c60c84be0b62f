/** Why a difference of positions or cash is gone: what the activities that arrived since say about it. Pure. */
import { type Activity, type ActivityKind } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type Confidence, type Finding, type FindingCause, type FindingEvidence } from '../domain/finding.ts';
import { compareInstants, newYorkDate, type Instant } from '../domain/time.ts';
import { type NewRevision } from '../store/store.ts';
import { partsOf } from './causes/claim.ts';
import { subsets } from './causes/subsets.ts';
import { CASH_TOLERANCE } from './reconcile.ts';

/** Cause, how sure it is, and the activities that say so. */
export type Explanation = [FindingCause, Confidence, FindingEvidence[]];

/** Whether a person placed a trade; null while nobody said. */
export type IsManual = (activity: Activity) => boolean | null;

/**
 * Why a difference is gone. Certain only where the activities that arrived are of one cause and add up to exactly the
 * difference that was found; whoever merely arrived in the same run explains nothing.
 */
export function explanationOf(
  finding: Finding,
  changed: readonly NewRevision[],
  isManual: IsManual = () => null,
): Explanation {
  const moved = movesOf(finding, changed);
  const why = (moves: readonly Move[]): FindingCause => causeOf(finding, largest(moves), changed, isManual);
  if (moved.length === 0) return withoutActivity(finding);
  // What happened after the difference was stated moved broker and book alike.
  const before = moved.filter(({ activity }) => happenedBy(activity, finding.lastSeenAt));
  const ordered = moved.filter(({ activity }) => isOfOrder(finding, activity));
  for (const explaining of [ordered, before, moved]) {
    if (!addsUp(explaining, finding)) continue;
    const causes = new Set(explaining.map((move) => causeOf(finding, move, changed, isManual)));
    // Several things at once: the largest names it, but it is not the only one.
    return [why(explaining), causes.size === 1 ? 'certain' : 'possible', evidenceOf(explaining)];
  }
  const exact = subsets(moved).filter((some) => addsUp(some, finding));
  const [only] = exact;
  if (exact.length === 1 && only !== undefined) {
    const causes = new Set(only.map((move) => causeOf(finding, move, changed, isManual)));
    return [why(only), causes.size === 1 ? 'likely' : 'possible', evidenceOf(only)];
  }
  if (exact.length > 1) return [why(exact.at(-1)!), 'possible', evidenceOf(moved)];
  if (moved.length === 1)
    return [why(moved), isCorrection(moved[0]!) ? 'likely' : 'possible', evidenceOf(moved)];
  return ['unknown', 'possible', evidenceOf(moved)];
}

/** The broker came round by itself. Only where it was seen to be late, or to round, does that say why. */
function withoutActivity(finding: Finding): Explanation {
  const text = 'The broker agrees with the book again; no new activity was needed.';
  const evidence: FindingEvidence[] = [{ kind: 'rule', reference: 'positions', text }];
  const wasSeen = finding.cause === 'stale_source' || finding.cause === 'rounding';
  return wasSeen ? [finding.cause, finding.confidence, evidence] : ['stale_source', 'possible', evidence];
}

/** Whether the finding was claimed by the very order of a fill. */
function isOfOrder(finding: Finding, activity: Activity): boolean {
  return (
    activity.orderId !== null &&
    finding.evidence.some((piece) => piece.kind === 'order' && piece.reference === activity.orderId)
  );
}

/** A correction replaces values that are not at hand here, so nothing of it adds up. */
function isCorrection({ activity, effect }: Move): boolean {
  return effect === null && activity.rev > 0;
}

/** An activity of this run and what it moved of the finding's position or cash; null where that cannot be told. */
interface Move {
  readonly activity: NewRevision;
  readonly effect: Decimal | null;
}

function movesOf(finding: Finding, changed: readonly NewRevision[]): Move[] {
  return changed.flatMap((activity) => {
    const value =
      finding.instrument === null
        ? cashOf(activity, finding.symbol)
        : activity.instrument?.id === finding.instrument
          ? activity.quantity
          : Decimal.zero;
    if (value.isZero()) return [];
    const isNew = activity.rev === 0;
    if (activity.status === 'bust') return isNew ? [] : [{ activity, effect: value.negate() }];
    // Of a correction the values before are not at hand here.
    return [{ activity, effect: isNew ? value : null }];
  });
}

function cashOf(activity: NewRevision, currency: string | null): Decimal {
  const amount = activity.currency === currency ? activity.amount : null;
  const fees = (activity.feesCurrency ?? activity.currency) === currency ? activity.fees : null;
  return (amount ?? Decimal.zero).minus(fees ?? Decimal.zero);
}

function happenedBy(activity: NewRevision, statedAt: Instant): boolean {
  return activity.timePrecision === 'day'
    ? activity.tradeDate <= newYorkDate(statedAt)
    : compareInstants(activity.executedAt, statedAt) <= 0;
}

function addsUp(moves: readonly Move[], finding: Finding): boolean {
  const effects = moves.flatMap(({ effect }) => effect ?? []);
  if (effects.length === 0 || effects.length < moves.length) return false;
  const difference = partsOf(finding)[0]?.amount;
  if (difference === undefined) return false;
  const rest = Decimal.sum(effects).minus(difference).abs();
  return finding.instrument === null ? rest.compare(CASH_TOLERANCE) <= 0 : rest.isZero();
}

function largest(moves: readonly Move[]): Move {
  const size = (move: Move): Decimal => (move.effect ?? Decimal.zero).abs();
  return moves.reduce((most, move) => (size(move).compare(size(most)) > 0 ? move : most));
}

function causeOf(
  finding: Finding,
  { activity }: Move,
  changed: readonly NewRevision[],
  isManual: IsManual,
): FindingCause {
  // Our own adjustment closes what stayed missing; it does not know why it went.
  if (activity.kind === 'adjustment' && activity.source === 'truebook') return 'unknown';
  const corrected = activity.status === 'bust' || activity.rev > 0;
  if (corrected && activity.source !== 'truebook') return 'broker_correction';
  if (activity.kind === 'fill') return causeOfFill(finding, activity, isManual);
  if (activity.kind === 'option_delivery') return causeOfDelivery(activity, changed);
  return CAUSE_OF_KIND[activity.kind];
}

/** A fill of an order that was seen to be filled in part, or one that was late: manual unless a program claims it. */
function causeOfFill(finding: Finding, activity: Activity, isManual: IsManual): FindingCause {
  if (finding.cause === 'partial_fill' && isOfOrder(finding, activity)) return 'partial_fill';
  return isManual(activity) === true ? 'manual_trade' : 'missing_fill';
}

/** Shares of an exercise and of an assignment look alike: the row of the contracts, of the same event, tells. */
function causeOfDelivery({ groupId, description }: Activity, changed: readonly NewRevision[]): FindingCause {
  const siblings = changed.filter((row) => groupId !== null && row.groupId === groupId);
  const isExercise =
    siblings.some((row) => row.kind === 'option_exercise') || /exercise/i.test(description ?? '');
  return isExercise ? 'exercise' : 'assignment';
}

function evidenceOf(moves: readonly Move[]): FindingEvidence[] {
  return moves.slice(0, 10).map(({ activity }) => ({
    kind: 'activity',
    reference: activity.rootId,
    text: `${activity.kind} ${activity.quantity.toString()} ${activity.instrument?.symbol ?? activity.currency}`,
  }));
}

/** What an activity of a kind says of the difference it explains. */
export const CAUSE_OF_KIND: Readonly<Record<ActivityKind, FindingCause>> = {
  opening: 'history_gap',
  split: 'split',
  rename: 'symbol_change',
  option_corporate_action: 'split',
  spinoff: 'split',
  merger: 'symbol_change',
  reorganization: 'symbol_change',
  stock_dividend: 'dividend',
  fill: 'missing_fill',
  security_transfer: 'transfer',
  option_expiry: 'expiry',
  option_assignment: 'assignment',
  option_exercise: 'exercise',
  option_delivery: 'assignment',
  deposit: 'deposit_withdrawal',
  withdrawal: 'deposit_withdrawal',
  cash_transfer: 'deposit_withdrawal',
  dividend: 'dividend',
  return_of_capital: 'dividend',
  capital_gain_distribution: 'dividend',
  cash_in_lieu: 'split',
  interest: 'interest',
  fee: 'fee',
  crypto_fee: 'fee',
  tax_withheld: 'fee',
  rebate: 'fee',
  other: 'unknown',
  adjustment: 'manual_trade',
};
