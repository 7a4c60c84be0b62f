/**
 * COMPRESSED_FIFO: all buys of one trading day are one lot at their average, also one made after that day's sale; then
 * FIFO by day (Alpaca, "Position average entry price calculation"). So a later buy moves the cost of what was sold
 * earlier that day: those rows are written again under their ids.
 */
import { type Decimal } from '../domain/decimal.ts';
import { type LotClosure } from '../domain/lot.ts';
import { emit, type LotFold, touch } from './lotFold.ts';
import { type OpenLot, shareOf } from './openLot.ts';
import { type Side } from './side.ts';

/** Joins a new lot to the one of its day; null where there is none it could join. */
export function averageOfDay(fold: LotFold, side: Side, added: OpenLot): OpenLot | null {
  const lot = side.lots.findLast((candidate) => candidate.acquiredDate <= added.acquiredDate);
  if (lot === undefined || lot.acquiredDate !== added.acquiredDate || lot.sameDay === null) return null;
  if (lot.openQuantity.isZero() || lot.costSource !== 'fill' || added.costSource !== 'fill') return null;
  touch(fold, lot);
  const closed = lot.quantity.minus(lot.openQuantity);
  lot.quantity = lot.quantity.plus(added.quantity);
  lot.openQuantity = lot.openQuantity.plus(added.openQuantity);
  lot.cost = sum(lot.cost, added.cost);
  lot.paid = sum(lot.paid, added.paid);
  lot.openFees = lot.openFees.plus(added.openFees);
  lot.rolled = lot.rolled.plus(added.rolled);
  lot.unitCost = lot.cost;
  lot.unitQuantity = lot.quantity;
  const isHome = lot.currency === fold.choices.rules.baseCurrency;
  lot.openCost = lot.cost;
  if (!closed.isZero()) writeAgain(fold, lot);
  lot.openCostBase = isHome ? lot.openCost : sum(lot.openCostBase, added.openCostBase);
  side.heap = null;
  return lot;
}

function sum(left: Decimal | null, right: Decimal | null): Decimal | null {
  return left === null || right === null ? null : left.plus(right);
}

/** The day's closes of this lot once more, at the average it has now. */
function writeAgain(fold: LotFold, lot: OpenLot): void {
  const isLong = lot.direction === 'long';
  const isHome = lot.currency === fold.choices.rules.baseCurrency;
  const rows: LotClosure[] = [];
  for (const before of lot.sameDay ?? []) {
    const taken = lot.cost === null ? null : shareOf(lot.cost, before.quantity, lot.quantity);
    if (taken !== null && lot.openCost !== null) lot.openCost = lot.openCost.minus(taken);
    const [cost, proceeds] = isLong ? [taken, before.proceeds] : [before.cost, taken];
    const realized = cost === null || proceeds === null ? null : proceeds.minus(cost);
    const row: LotClosure = {
      ...before,
      cost,
      proceeds,
      realized,
      realizedBaseCloseRate: isHome ? realized : null,
      realizedBaseHistorical: isHome ? realized : null,
    };
    rows.push(row);
    replace(fold, before, row);
  }
  lot.sameDay = rows;
}

/** In its place where this fold made it, else as a row that replaces the one of an earlier fold. */
function replace(fold: LotFold, before: LotClosure, row: LotClosure): void {
  const place = fold.closures.lastIndexOf(before);
  if (place === -1) emit(fold, row);
  else fold.closures[place] = row;
}
