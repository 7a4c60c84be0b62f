/** Why a difference of positions or cash is gone: what the activities that arrived since say about it. Pure. */
import { type ActivityKind } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type Confidence, type Finding, type FindingCause, type FindingEvidence } from '../domain/finding.ts';
import { compareInstants, newYorkDate, type Instant } from '../domain/time.ts';
import { type NewRevision } from '../store/store.ts';
import { CASH_TOLERANCE } from './reconcile.ts';

/** Cause, how sure it is, and the activities that say so. */
export type Explanation = [FindingCause, Confidence, FindingEvidence[]];

/**
 * Why a difference is gone. Certain only where the activities that arrived add up to exactly the difference that was
 * found; whoever merely arrived in the same run explains nothing for sure.
 */
export function explanationOf(finding: Finding, changed: readonly NewRevision[]): Explanation {
  const moved = movesOf(finding, changed);
  const first = moved[0];
  if (first === undefined) {
    const text = 'The broker agrees with the book again; no new activity was needed.';
    return ['stale_source', 'likely', [{ kind: 'rule', reference: 'positions', text }]];
  }
  // What happened after the difference was stated moved broker and book alike.
  const before = moved.filter(({ activity }) => happenedBy(activity, finding.lastSeenAt));
  for (const explaining of [before, moved]) {
    if (!addsUp(explaining, finding)) continue;
    const causes = new Set(explaining.map(causeOf));
    return [causeOf(largest(explaining)), causes.size === 1 ? 'certain' : 'likely', evidenceOf(explaining)];
  }
  const alone = moved.filter((move) => addsUp([move], finding));
  const single = alone.length === 1 ? alone[0] : moved.length === 1 ? first : undefined;
  if (single !== undefined) return [causeOf(single), 'likely', evidenceOf([single])];
  return ['unknown', 'possible', evidenceOf(moved)];
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
  if (finding.expected === null || finding.observed === null) return false;
  const difference = Decimal.parse(finding.observed).minus(Decimal.parse(finding.expected));
  const rest = Decimal.sum(effects).minus(difference).abs();
  return finding.instrument === null ? rest.compare(CASH_TOLERANCE) <= 0 : rest.isZero();
}

function largest(moves: readonly Move[]): Move {
  const size = (move: Move): Decimal => (move.effect ?? Decimal.zero).abs();
  return moves.reduce((most, move) => (size(move).compare(size(most)) > 0 ? move : most));
}

function causeOf({ activity }: Move): FindingCause {
  // Our own adjustment closes what stayed missing; it does not know why it went.
  if (activity.kind === 'adjustment' && activity.source === 'truebook') return 'unknown';
  const corrected = activity.status === 'bust' || activity.rev > 0;
  return corrected && activity.source !== 'truebook' ? 'broker_correction' : CAUSE_OF_KIND[activity.kind];
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
