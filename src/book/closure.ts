/** The row of one closed piece, with all layers. */
import { type Activity } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import {
  type ClosureKind,
  type HoldingTerm,
  type LotClosure,
  type LotDirection,
  type LotId,
  type RealizedBasis,
} from '../domain/lot.ts';
import { tryParseTradeDate } from '../domain/time.ts';
import { emit, type LotFold, workOn } from './lotFold.ts';
import { type Movement, nextPiece } from './movement.ts';
import { type OpenLot } from './openLot.ts';
import { daysBetween, termOf } from './term.ts';

/** How a close counts. `moves`: cost is carried away and nothing is realized. */
export interface Manner {
  readonly kind: ClosureKind;
  readonly moves: boolean;
}

/** Where the closed units came from: a lot, or a fraction of one that waited for its cash. */
export interface Origin {
  readonly id: LotId;
  readonly openedRootId: string;
  readonly direction: LotDirection;
  readonly acquiredDate: LotClosure['acquiredDate'];
  readonly holdingFrom: LotClosure['acquiredDate'];
  readonly dated: boolean;
  readonly costSource: OpenLot['costSource'];
  readonly estimated: boolean;
}

/** What left a lot. */
export interface Taken {
  cost: Decimal | null;
  costBase: Decimal | null;
  fees: Decimal;
  rolled: Decimal;
}

export const NOTHING_KNOWN: Taken = { cost: null, costBase: null, fees: Decimal.zero, rolled: Decimal.zero };

export function closureOf(
  fold: LotFold,
  movement: Movement,
  from: Origin,
  k: Decimal,
  taken: Taken,
  manner: Manner,
): LotClosure {
  nextPiece(fold, movement, k);
  const { activity, instrument, pieceMoney: gross, pieceFee: fee, pieceRolled } = movement;
  const isLong = from.direction === 'long';
  const { moves } = manner;
  const isNet = movement.policy !== 'excluded' && gross !== null && !fee.isZero();
  const inside = !isNet ? gross : isLong ? gross.minus(fee) : gross.plus(fee);
  const cost = moves || isLong ? taken.cost : inside;
  const proceeds = moves || !isLong ? taken.cost : inside;
  const realized = moves ? Decimal.zero : cost === null || proceeds === null ? null : proceeds.minus(cost);
  const isHome = moves || activity.currency === fold.choices.rules.baseCurrency;
  return {
    id: `${activity.rootId}/${from.id}`,
    lotId: from.id,
    instrument: instrument.id,
    openedRootId: from.openedRootId,
    activityRootId: activity.rootId,
    kind: manner.kind,
    direction: from.direction,
    acquiredDate: from.acquiredDate,
    closedAt: activity.executedAt,
    closedDate: activity.tradeDate,
    quantity: k,
    cost,
    proceeds,
    fees: fee.isZero() ? taken.fees : taken.fees.plus(fee),
    realized,
    rolled: rolledOut(taken.rolled, pieceRolled),
    // What came with a delivery belongs to the other side than what the lot carried.
    rolledProceeds: negated(isLong ? pieceRolled : taken.rolled),
    realizedBasis: basisOf(movement, from, realized),
    term: moves || !from.dated ? null : termFor(fold, from, activity.tradeDate),
    holdingDays: from.dated ? daysBetween(from.holdingFrom, activity.tradeDate) : null,
    currency: activity.currency,
    realizedBaseCloseRate: isHome ? realized : atCloseRate(movement, realized),
    realizedBaseHistorical: isHome ? realized : historical(movement, isLong, inside, realized, taken),
  };
}

/** What a lot or a delivery carried as cost leaves with the other sign. */
function rolledOut(ofLot: Decimal, ofPiece: Decimal): Decimal {
  if (ofPiece.isZero()) return ofLot.isZero() ? ofLot : ofLot.negate();
  return ofLot.plus(ofPiece).negate();
}

function negated(value: Decimal): Decimal {
  return value.isZero() ? value : value.negate();
}

function atCloseRate({ rate }: Movement, realized: Decimal | null): Decimal | null {
  return rate === null || realized === null ? null : realized.times(rate);
}

function historical(
  { rate }: Movement,
  isLong: boolean,
  inside: Decimal | null,
  realized: Decimal | null,
  { costBase }: Taken,
): Decimal | null {
  if (rate === null || realized === null || inside === null || costBase === null) return null;
  const now = inside.times(rate);
  return isLong ? now.minus(costBase) : costBase.minus(now);
}

function basisOf(movement: Movement, from: Origin, realized: Decimal | null): RealizedBasis {
  if (realized === null) return 'unknown';
  return from.costSource === 'broker' ||
    from.costSource === 'estimated' ||
    from.estimated ||
    movement.estimated
    ? 'estimated'
    : 'exact';
}

/** A short sale is short-term whatever the days (26 USC 1233); so is a written option (IRS Pub. 550). */
function termFor(fold: LotFold, from: Origin, closed: LotClosure['closedDate']): HoldingTerm {
  if (from.direction === 'short') return 'short';
  if (fold.choices.term === '365_days')
    return daysBetween(from.holdingFrom, closed) >= 365 ? 'long' : 'short';
  return termOf(from.holdingFrom, closed);
}

/** Units that left or came back, and no lot is known they could belong to: what came in is known, the cost is not. */
export function closeUnknown(
  fold: LotFold,
  movement: Movement,
  direction: LotDirection,
  units: Decimal,
  manner: Manner,
): void {
  const from = unknownOrigin(fold, movement, direction);
  emit(fold, closureOf(fold, movement, from, units, statedOf(fold, movement, from), manner));
  const work = workOn(fold, movement.instrument.id);
  work.uncovered = work.uncovered.plus(direction === 'long' ? units : units.negate());
}

export function unknownOrigin(
  fold: LotFold,
  { activity, instrument }: Movement,
  direction: LotDirection,
): Origin {
  const id = `unknown:${activity.rootId}`;
  const stated = fold.choices.bases.get(id);
  const day = tryParseTradeDate(stated?.details['acquired'] ?? '');
  return {
    ...undated(activity),
    ...(day === null ? {} : { acquiredDate: day, holdingFrom: day, dated: true }),
    id,
    openedRootId: fold.episodeOf(instrument.id) ?? activity.rootId,
    direction,
    costSource: stated === undefined ? 'unknown' : 'user',
  };
}

/** What a person says that units without a lot cost (`truebook basis unknown:...`); else nothing is known of them. */
export function statedOf(fold: LotFold, { activity }: Movement, { id }: Origin): Taken {
  const stated = fold.choices.bases.get(id);
  const cost = stated === undefined ? null : Decimal.tryParse(stated.choice);
  if (cost === null) return NOTHING_KNOWN;
  const isHome = activity.currency === fold.choices.rules.baseCurrency;
  return { ...NOTHING_KNOWN, cost, costBase: isHome ? cost : null };
}

/** The part of an origin that nobody knows. */
export function undated({
  tradeDate,
}: Pick<Activity, 'tradeDate'>): Pick<Origin, 'acquiredDate' | 'holdingFrom' | 'dated' | 'estimated'> {
  return { acquiredDate: tradeDate, holdingFrom: tradeDate, dated: false, estimated: false };
}
