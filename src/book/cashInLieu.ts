/**
 * Cash in lieu. A corporate action that would leave part of a unit gives whole units and, days later, cash. The part
 * is one per account, not per lot; it leaves its lots by the account's method when the action happens, and is realized
 * when the cash comes.
 */
import { type Activity } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type Instrument } from '../domain/instrument.ts';
import { type LotDirection } from '../domain/lot.ts';
import { takeFrom } from './closeLots.ts';
import { closureOf, type Manner, statedOf, unknownOrigin } from './closure.ts';
import { doubt } from './doubt.ts';
import { movementOf } from './movement.ts';
import { type Fraction } from './lotBook.ts';
import { emit, type LotFold, settle, sideFor, workOn } from './lotFold.ts';
import { methodOn } from './rules.ts';
import { nextLot, openOf, type Side } from './side.ts';

const MANNER: Manner = { kind: 'cash_in_lieu', moves: false };

function doubtAll(fold: LotFold, side: Side, activity: Activity): void {
  settle(fold, side);
  for (const lot of openOf(side)) doubt(fold, lot, activity);
  side.heap = null;
}

/** Takes the part of a unit out of its lots, to wait for its cash. */
export function setAside(
  fold: LotFold,
  activity: Activity,
  instrument: Instrument,
  direction: LotDirection,
  part: Decimal,
): void {
  const work = workOn(fold, instrument.id);
  const side = sideFor(work, direction);
  const method = methodOn(fold.choices, instrument.id, activity.tradeDate);
  settle(fold, side);
  const pieces: Fraction[] = [];
  let rest = part;
  while (rest.sign() > 0) {
    const lot = nextLot(side, method, fold.choices.costKey);
    if (lot === undefined) break;
    const k = lot.openQuantity.compare(rest) <= 0 ? lot.openQuantity : rest;
    const { id, openedRootId, acquiredDate, holdingFrom, dated, costSource, estimated } = lot;
    const origin = { lotId: id, openedRootId, direction, acquiredDate, holdingFrom, dated };
    pieces.push({ ...origin, costSource, estimated, quantity: k, ...takeFrom(fold, lot, k, null) });
    rest = rest.minus(k);
  }
  work.fractions = [...work.fractions, ...pieces];
}

/**
 * The cash for the parts that wait. Cash for which none waits is income of an unknown cost: the lots that are left carry
 * the cost of what it was paid for, so they are estimated from then on.
 */
export function payForFractions(fold: LotFold, activity: Activity, instrument: Instrument): void {
  const work = workOn(fold, instrument.id);
  const { fractions } = work;
  const units = Decimal.sum(fractions.map((piece) => piece.quantity));
  const movement = movementOf(fold, activity, instrument, units, activity.amount);
  if (fractions.length === 0) {
    if (activity.amount === null || activity.amount.isZero()) return;
    for (const side of [work.long, work.short]) doubtAll(fold, side, activity);
    const from = unknownOrigin(fold, movement, 'long');
    return emit(fold, closureOf(fold, movement, from, Decimal.zero, statedOf(fold, movement, from), MANNER));
  }
  work.fractions = [];
  for (const piece of fractions) {
    emit(fold, closureOf(fold, movement, { ...piece, id: piece.lotId }, piece.quantity, piece, MANNER));
  }
}
