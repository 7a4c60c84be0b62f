/** Closing: units leave their lots by the method in force, and each piece gives a row. */
import { type Activity } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type FeePolicy, type LotMethod } from '../domain/election.ts';
import { type Instrument } from '../domain/instrument.ts';
import {
  type ClosureKind,
  type HoldingTerm,
  type LotClosure,
  type LotDirection,
  type LotId,
  type RealizedBasis,
} from '../domain/lot.ts';
import { emit, type LotFold, rateToBase, settle, sideFor, touch, type Work, workOn } from './lotFold.ts';
import { deal, type OpenLot, type Purse, purse, shareOf } from './openLot.ts';
import { feePolicyOn, methodOn } from './rules.ts';
import { nextLot, type Side, strikeAverage, takeAverage } from './side.ts';
import { daysBetween, termOf } from './term.ts';

/** What an activity moves: dealt out over the pieces it closes and the rest it opens. */
export interface Movement {
  readonly activity: Activity;
  readonly instrument: Instrument;
  /** Money for the units without fees: what came in for a sale, what was paid for a purchase. Null: nobody said. */
  readonly money: Purse;
  readonly fees: Purse;
  readonly policy: FeePolicy;
  /** Of a delivered stock: premium that rolls in, signed as cost. */
  readonly rolled: Purse;
  /** The premium of the option behind a delivery is not known wholly. */
  readonly estimated: boolean;
  readonly rate: Decimal | null;
}

/** How a close counts. `moves`: cost is carried away and nothing is realized. */
export interface Manner {
  readonly kind: ClosureKind;
  readonly moves: boolean;
}

export function movementOf(
  fold: LotFold,
  activity: Activity,
  instrument: Instrument,
  units: Decimal,
  money: Decimal | null,
): Movement {
  const ownFees = activity.fees !== null && isInCurrency(activity) ? activity.fees : Decimal.zero;
  return {
    activity,
    instrument,
    money: purse(money, units),
    fees: purse(ownFees, units),
    policy: feePolicyOn(fold.choices, activity.tradeDate),
    rolled: purse(Decimal.zero, units),
    estimated: false,
    rate: rateToBase(fold, activity),
  };
}

/** Fees in another currency are no part of a cost: no rate of that moment is known. */
function isInCurrency({ feesCurrency, currency }: Activity): boolean {
  return feesCurrency === null || feesCurrency === currency;
}

/** Closes up to `units` of one direction; answers how many found no lot. */
export function closeLots(
  fold: LotFold,
  movement: Movement,
  direction: LotDirection,
  units: Decimal,
  manner: Manner,
): Decimal {
  const { activity, instrument } = movement;
  const work = workOn(fold, instrument.id);
  const side = sideFor(work, direction);
  const method = methodOn(fold.choices, instrument.id, activity.tradeDate);
  if (method !== 'AVERAGE') settle(fold, side);
  let rest = closeChosen(fold, movement, side, units, manner, method);
  while (rest.sign() > 0) {
    const lot = nextLot(side, method, fold.choices.costKey);
    if (lot === undefined) return rest;
    const k = lot.openQuantity.compare(rest) <= 0 ? lot.openQuantity : rest;
    closePiece(fold, movement, lot, k, manner, method === 'AVERAGE' ? side : null);
    rest = rest.minus(k);
  }
  return rest;
}

/** The lots a person or the broker chose for this activity; answers how many units are left for the method. */
function closeChosen(
  fold: LotFold,
  movement: Movement,
  side: Side,
  units: Decimal,
  manner: Manner,
  method: LotMethod,
): Decimal {
  const { rootId } = movement.activity;
  const choice = fold.choices.lotChoices.get(rootId);
  if (choice === undefined) {
    if (method === 'SPECIFIC') fold.refusals.push({ activityRootId: rootId, reason: 'no_match' });
    return units;
  }
  settle(fold, side);
  let rest = units;
  for (const [lotId, text] of Object.entries(choice.details)) {
    const wanted = Decimal.tryParse(text);
    const lot = side.lots.find((candidate) => candidate.id === lotId && !candidate.openQuantity.isZero());
    if (wanted === null || lot === undefined) {
      fold.refusals.push({ activityRootId: rootId, reason: 'no_match' });
      continue;
    }
    const held = lot.openQuantity.compare(wanted) < 0 ? lot.openQuantity : wanted;
    const k = held.compare(rest) < 0 ? held : rest;
    if (held !== wanted) fold.refusals.push({ activityRootId: rootId, reason: 'insufficient_lots' });
    if (k.sign() <= 0) continue;
    closePiece(fold, movement, lot, k, manner, null);
    rest = rest.minus(k);
  }
  if (rest.sign() > 0) fold.refusals.push({ activityRootId: rootId, reason: 'insufficient_lots' });
  return rest;
}

/** What left a lot. */
interface Taken {
  readonly cost: Decimal | null;
  readonly costBase: Decimal | null;
  readonly fees: Decimal;
  readonly rolled: Decimal;
}

/** Takes `k` units out of a lot with their share of everything; the piece that empties it takes the remainder. */
export function takeFrom(fold: LotFold, lot: OpenLot, k: Decimal, averaged: Side | null): Taken {
  touch(fold, lot);
  const isLast = k.equals(lot.openQuantity);
  const taken = {
    ...costOf(lot, k, isLast, averaged),
    fees: takeFees(fold, lot, k, isLast),
    rolled: isLast ? lot.rolled : shareOf(lot.rolled, k, lot.openQuantity),
  };
  lot.openFees = isLast ? Decimal.zero : lot.openFees.minus(taken.fees);
  lot.rolled = isLast ? Decimal.zero : lot.rolled.minus(taken.rolled);
  lot.openQuantity = isLast ? Decimal.zero : lot.openQuantity.minus(k);
  return taken;
}

function costOf(
  lot: OpenLot,
  k: Decimal,
  isLast: boolean,
  averaged: Side | null,
): Pick<Taken, 'cost' | 'costBase'> {
  if (averaged !== null) {
    const pool = strikeAverage(averaged);
    if (lot.pooled) {
      if (isLast) lot.openCost = lot.openCostBase = Decimal.zero;
      return takeAverage(pool, k);
    }
  }
  const { openCost, openCostBase } = lot;
  if (openCost === null || lot.unitCost === null) {
    if (isLast) lot.openCost = lot.openCostBase = Decimal.zero;
    return { cost: null, costBase: null };
  }
  if (isLast) {
    lot.openCost = lot.openCostBase = Decimal.zero;
    return { cost: openCost, costBase: openCostBase };
  }
  const cost = shareOf(lot.unitCost, k, lot.unitQuantity);
  lot.openCost = openCost.minus(cost);
  if (openCostBase === openCost) {
    lot.openCostBase = lot.openCost;
    return { cost, costBase: cost };
  }
  if (openCostBase === null) return { cost, costBase: null };
  const costBase = shareOf(openCostBase, k, lot.openQuantity);
  lot.openCostBase = openCostBase.minus(costBase);
  return { cost, costBase };
}

function takeFees(fold: LotFold, lot: OpenLot, k: Decimal, isLast: boolean): Decimal {
  if (isLast || fold.choices.feeSharing === 'first_piece') return lot.openFees;
  return shareOf(lot.openFees, k, lot.openQuantity);
}

/** The fee of the next `k` units of an activity. */
export function dealFees(fold: LotFold, movement: Movement, k: Decimal): Decimal {
  const { fees } = movement;
  if (fold.choices.feeSharing === 'by_quantity') return deal(fees, k) ?? Decimal.zero;
  const all = fees.left ?? Decimal.zero;
  fees.left = Decimal.zero;
  return all;
}

function closePiece(
  fold: LotFold,
  movement: Movement,
  lot: OpenLot,
  k: Decimal,
  manner: Manner,
  averaged: Side | null,
): void {
  const taken = takeFrom(fold, lot, k, averaged);
  const closure = closureOf(fold, movement, lot, k, taken, manner);
  emit(fold, closure);
  if (lot.sameDay !== null && lot.acquiredDate === closure.closedDate)
    lot.sameDay = [...lot.sameDay, closure];
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

/** The row of one closed piece, with all layers. */
export function closureOf(
  fold: LotFold,
  movement: Movement,
  from: Origin,
  k: Decimal,
  taken: Taken,
  manner: Manner,
): LotClosure {
  const { activity, instrument, policy } = movement;
  const isLong = from.direction === 'long';
  const gross = deal(movement.money, k);
  const fee = dealFees(fold, movement, k);
  const inside =
    policy === 'excluded' || gross === null ? gross : isLong ? gross.minus(fee) : gross.plus(fee);
  const carried = manner.moves;
  const cost = carried || isLong ? taken.cost : inside;
  const proceeds = carried || !isLong ? taken.cost : inside;
  const realized = carried ? Decimal.zero : cost === null || proceeds === null ? null : proceeds.minus(cost);
  const rolledIn = deal(movement.rolled, k) ?? Decimal.zero;
  const base = inBase(movement, isLong, { inside, realized, carried }, taken, fold);
  return {
    id: closureId(activity, from.id),
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
    fees: taken.fees.plus(fee),
    realized,
    rolled: taken.rolled.isZero() ? rolledIn.negate() : taken.rolled.plus(rolledIn).negate(),
    realizedBasis: basisOf(movement, from, realized),
    term: carried || !from.dated ? null : termFor(fold, from, activity.tradeDate),
    holdingDays: from.dated ? daysBetween(from.holdingFrom, activity.tradeDate) : null,
    currency: activity.currency,
    ...base,
  };
}

function inBase(
  { rate, activity }: Movement,
  isLong: boolean,
  closed: { inside: Decimal | null; realized: Decimal | null; carried: boolean },
  taken: Taken,
  fold: LotFold,
): Pick<LotClosure, 'realizedBaseCloseRate' | 'realizedBaseHistorical'> {
  const { realized, inside } = closed;
  if (closed.carried || activity.currency === fold.choices.rules.baseCurrency)
    return { realizedBaseCloseRate: realized, realizedBaseHistorical: realized };
  if (rate === null || realized === null || inside === null)
    return { realizedBaseCloseRate: null, realizedBaseHistorical: null };
  const { costBase } = taken;
  const now = inside.times(rate);
  return {
    realizedBaseCloseRate: realized.times(rate),
    realizedBaseHistorical: costBase === null ? null : isLong ? now.minus(costBase) : costBase.minus(now),
  };
}

function basisOf(movement: Movement, from: Origin, realized: Decimal | null): RealizedBasis {
  if (realized === null) return 'unknown';
  return from.costSource === 'broker' || from.estimated || movement.estimated ? 'estimated' : 'exact';
}

/** A short sale is short-term whatever the days (26 USC 1233); so is a written option (IRS Pub. 550). */
function termFor(fold: LotFold, from: Origin, closed: LotClosure['closedDate']): HoldingTerm {
  if (from.direction === 'short') return 'short';
  if (fold.choices.term === '365_days')
    return daysBetween(from.holdingFrom, closed) >= 365 ? 'long' : 'short';
  return termOf(from.holdingFrom, closed);
}

export function closureId({ rootId }: Activity, lotId: LotId): string {
  return `${rootId}/${lotId}`;
}

/** Units that left or came back, and no lot is known they could belong to: what came in is known, the cost is not. */
export function closeUnknown(
  fold: LotFold,
  movement: Movement,
  direction: LotDirection,
  units: Decimal,
  manner: Manner,
): void {
  const { activity, instrument } = movement;
  const from: Origin = {
    id: `unknown:${activity.rootId}`,
    openedRootId: fold.episodeOf(instrument.id) ?? activity.rootId,
    direction,
    acquiredDate: activity.tradeDate,
    holdingFrom: activity.tradeDate,
    dated: false,
    costSource: 'unknown',
    estimated: false,
  };
  const taken = { cost: null, costBase: null, fees: Decimal.zero, rolled: Decimal.zero };
  emit(fold, closureOf(fold, movement, from, units, taken, manner));
  const work: Work = workOn(fold, instrument.id);
  work.uncovered = work.uncovered.plus(direction === 'long' ? units : units.negate());
}
