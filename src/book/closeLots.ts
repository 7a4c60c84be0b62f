/** Closing: units leave their lots by the method in force, and each piece gives a row. */
import { Decimal } from '../domain/decimal.ts';
import { type Election, type LotMethod } from '../domain/election.ts';
import { type LotClosure, type LotDirection } from '../domain/lot.ts';
import { closureOf, type Manner, type Taken } from './closure.ts';
import { emit, type LotFold, refuse, settle, sideFor, touch, workOn } from './lotFold.ts';
import { type Movement } from './movement.ts';
import { type OpenLot, shareOf } from './openLot.ts';
import { methodOn } from './rules.ts';
import { averageAmong, nextLot, type Side, strikeAverage, takeAverage } from './side.ts';

/** Closes up to `units` of one direction; answers how many found no lot. */
export function closeLots(
  fold: LotFold,
  movement: Movement,
  direction: LotDirection,
  units: Decimal,
  manner: Manner,
): Decimal {
  const { activity, instrument } = movement;
  const side = sideFor(workOn(fold, instrument.id), direction);
  if (side.lots.length === 0) return units;
  const method = methodOn(fold.choices, instrument.id, activity.tradeDate);
  if (method !== 'AVERAGE') settle(fold, side);
  const choice = fold.choices.lotChoices.get(activity.rootId);
  if (choice === undefined && method === 'SPECIFIC') refuse(fold, activity, 'no_match');
  let rest = choice === undefined ? units : closeChosen(fold, movement, side, units, manner, method, choice);
  while (!rest.isZero()) {
    const lot = nextLot(side, method, fold.choices.costKey);
    if (lot === undefined) return rest;
    const empties = lot.openQuantity.compare(rest) <= 0;
    const k = empties ? lot.openQuantity : rest;
    closePiece(fold, movement, lot, k, manner, method === 'AVERAGE' ? side : null);
    rest = empties ? rest.minus(k) : Decimal.zero;
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
  choice: Election,
): Decimal {
  const { activity } = movement;
  settle(fold, side);
  const open = new Map(side.lots.filter((lot) => !lot.openQuantity.isZero()).map((lot) => [lot.id, lot]));
  const named = Object.entries(choice.details).map(([id, text]) => ({
    lot: open.get(id),
    wanted: Decimal.tryParse(text),
  }));
  if (method === 'AVERAGE') {
    const lots = named.flatMap(({ lot }) => (lot === undefined ? [] : [lot]));
    averageAmong(side, lots, (lot) => touch(fold, lot));
  }
  let rest = units;
  for (const { lot, wanted } of named) {
    if (wanted === null || lot === undefined) {
      refuse(fold, activity, 'no_match');
      continue;
    }
    const isShort = lot.openQuantity.compare(wanted) < 0;
    if (isShort) refuse(fold, activity, 'insufficient_lots');
    const k = least(isShort ? lot.openQuantity : wanted, rest);
    if (k.sign() <= 0) continue;
    closePiece(fold, movement, lot, k, manner, null);
    rest = rest.minus(k);
  }
  if (rest.sign() > 0) refuse(fold, activity, 'insufficient_lots');
  return rest;
}

function least(left: Decimal, right: Decimal): Decimal {
  return left.compare(right) <= 0 ? left : right;
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
  const row = closureOf(fold, movement, lot, k, taken, manner);
  const closure = isRepeated(fold, row) ? { ...row, id: `${row.id}#2` } : row;
  emit(fold, closure);
  if (lot.sameDay !== null && lot.acquiredDate === closure.closedDate)
    lot.sameDay = [...lot.sameDay, closure];
}

/** A lot that was chosen for some of the units may be next by the method for the rest. */
function isRepeated(fold: LotFold, row: LotClosure): boolean {
  if (!fold.choices.lotChoices.has(row.activityRootId)) return false;
  return fold.closures.some((closure) => closure.id === row.id);
}

/** Takes `k` units out of a lot with their share of everything; the piece that empties it takes the remainder. */
export function takeFrom(fold: LotFold, lot: OpenLot, k: Decimal, averaged: Side | null): Taken {
  touch(fold, lot);
  const isLast = k.equals(lot.openQuantity);
  const taken: Taken = { cost: null, costBase: null, fees: Decimal.zero, rolled: Decimal.zero };
  if (averaged !== null) takeAveraged(averaged, lot, k, isLast, taken);
  else if (isLast) takeAll(lot, taken);
  else takeCost(lot, k, taken);
  if (!lot.openFees.isZero()) {
    const isWhole = isLast || fold.choices.feeSharing === 'first_piece';
    taken.fees = isWhole ? lot.openFees : shareOf(lot.openFees, k, lot.openQuantity);
    lot.openFees = isWhole ? Decimal.zero : lot.openFees.minus(taken.fees);
  }
  if (!lot.rolled.isZero()) {
    taken.rolled = isLast ? lot.rolled : shareOf(lot.rolled, k, lot.openQuantity);
    lot.rolled = lot.rolled.minus(taken.rolled);
  }
  lot.openQuantity = isLast ? Decimal.zero : lot.openQuantity.minus(k);
  return taken;
}

function takeAveraged(side: Side, lot: OpenLot, k: Decimal, isLast: boolean, taken: Taken): void {
  const pool = strikeAverage(side);
  if (lot.pooled) {
    takeAverage(pool, k, taken);
    if (isLast) lot.openCost = lot.openCostBase = Decimal.zero;
  } else if (isLast) takeAll(lot, taken);
  else takeCost(lot, k, taken);
}

function takeAll(lot: OpenLot, taken: Taken): void {
  taken.cost = lot.openCost;
  taken.costBase = lot.openCostBase;
  lot.openCost = lot.openCostBase = Decimal.zero;
}

function takeCost(lot: OpenLot, k: Decimal, taken: Taken): void {
  const { openCost, openCostBase, unitCost } = lot;
  if (openCost === null || unitCost === null) return;
  taken.cost = shareOf(unitCost, k, lot.unitQuantity);
  lot.openCost = openCost.minus(taken.cost);
  if (openCostBase === openCost) {
    taken.costBase = taken.cost;
    lot.openCostBase = lot.openCost;
  } else if (openCostBase !== null) {
    taken.costBase = shareOf(openCostBase, k, lot.openQuantity);
    lot.openCostBase = openCostBase.minus(taken.costBase);
  }
}
