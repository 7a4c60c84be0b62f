/**
 * One side of an instrument while it is folded: its open lots in the order of FIFO, and which of them is next by each
 * method. Nothing is shifted out of an array: FIFO moves a head, LIFO pops, the others keep a heap.
 */
import { Decimal } from '../domain/decimal.ts';
import { type LotMethod } from '../domain/election.ts';
import { compareInstants } from '../domain/time.ts';
import { type Taken } from './closure.ts';
import { heapOf, peek, pop, push, type Heap } from './heap.ts';
import { type OpenLot, PLACES } from './openLot.ts';

export interface Side {
  readonly lots: OpenLot[];
  /** Lots before it are empty. */
  head: number;
  /** The order of a method that FIFO's array cannot tell; made anew after anything that changes costs. */
  heap: { readonly key: HeapKey; readonly order: Heap<OpenLot> } | null;
  pool: Pool | null;
  sequence: number;
}

type HeapKey = 'HIFO' | 'LOFO' | 'HIFO:price' | 'LOFO:price' | 'ZERO_BASIS_FIRST_FIFO';

/** The pool of AVERAGE: everything bought up to the last close, less what left. */
interface Pool {
  quantity: Decimal;
  cost: Decimal;
  /** Null where a rate is not known; the very same object as `cost` where the currencies are the same. */
  costBase: Decimal | null;
  /** Lots opened since: they join at the next close. */
  readonly fresh: OpenLot[];
}

/** Copies, so that the book they came from stays as it is. */
export function sideOf(lots: readonly OpenLot[]): Side {
  const copies = lots.map((lot, sequence) => ({ ...lot, sequence, changed: false }));
  return { lots: copies, head: 0, heap: null, pool: null, sequence: copies.length };
}

/** The lots that are still open, in the order of FIFO. */
export function openOf({ lots, head }: Side): OpenLot[] {
  const open: OpenLot[] = [];
  for (let place = head; place < lots.length; place += 1) {
    const lot = lots[place]!;
    if (!lot.openQuantity.isZero()) open.push(lot);
  }
  return open;
}

/** Puts a new lot in its place by the time it was acquired; among equals it is the last. */
export function addLot(side: Side, lot: OpenLot): void {
  lot.sequence = side.sequence += 1;
  const { lots } = side;
  let place = lots.length;
  const last = lots.at(-1);
  if (last !== undefined && compareInstants(last.acquiredAt, lot.acquiredAt) > 0) {
    place = placeAfter(lots, lot);
    lots.splice(place, 0, lot);
    side.head = Math.min(side.head, place);
  } else lots.push(lot);
  if (side.heap !== null) push(side.heap.order, lot);
  side.pool?.fresh.push(lot);
}

function placeAfter(lots: readonly OpenLot[], lot: OpenLot): number {
  let low = 0;
  let high = lots.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareInstants(lots[middle]!.acquiredAt, lot.acquiredAt) > 0) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The lot that is closed next, undefined when none is open. */
export function nextLot(side: Side, method: LotMethod, costKey: 'cost' | 'price'): OpenLot | undefined {
  switch (method) {
    case 'LIFO':
      return last(side);
    case 'HIFO':
    case 'LOFO':
      return top(side, costKey === 'price' ? `${method}:price` : method);
    case 'ZERO_BASIS_FIRST_FIFO':
      return top(side, method);
    case 'FIFO':
    case 'AVERAGE':
    case 'SPECIFIC':
    case 'COMPRESSED_FIFO':
      return first(side);
  }
}

function first(side: Side): OpenLot | undefined {
  const { lots } = side;
  while (side.head < lots.length && lots[side.head]!.openQuantity.isZero()) side.head += 1;
  return lots[side.head];
}

function last(side: Side): OpenLot | undefined {
  const { lots } = side;
  while (lots.length > 0 && lots.at(-1)!.openQuantity.isZero()) lots.pop();
  if (side.head > lots.length) side.head = lots.length;
  return lots.at(-1);
}

function top(side: Side, key: HeapKey): OpenLot | undefined {
  if (side.heap?.key !== key) side.heap = { key, order: heapOf(openOf(side), BEFORE[key]) };
  const { order } = side.heap;
  let lot = peek(order);
  while (lot !== undefined && lot.openQuantity.isZero()) {
    pop(order);
    lot = peek(order);
  }
  return lot;
}

type Before = (left: OpenLot, right: OpenLot) => boolean;

const BEFORE: Readonly<Record<HeapKey, Before>> = {
  HIFO: byUnit((lot) => lot.unitCost, 1),
  LOFO: byUnit((lot) => lot.unitCost, -1),
  'HIFO:price': byUnit((lot) => lot.paid, 1),
  'LOFO:price': byUnit((lot) => lot.paid, -1),
  ZERO_BASIS_FIRST_FIFO: (left, right) => {
    const zero = Number(hasNoBasis(right)) - Number(hasNoBasis(left));
    return zero === 0 ? isEarlier(left, right) : zero < 0;
  },
};

/** Unit costs are compared as fractions, exactly. A lot without one is closed last, and equals by FIFO. */
function byUnit(total: (lot: OpenLot) => Decimal | null, sign: 1 | -1): Before {
  return (left, right) => {
    const [leftTotal, rightTotal] = [total(left), total(right)];
    if (leftTotal === null || rightTotal === null)
      return leftTotal === rightTotal ? isEarlier(left, right) : rightTotal === null;
    const order = leftTotal.times(right.unitQuantity).compare(rightTotal.times(left.unitQuantity));
    return order === 0 ? isEarlier(left, right) : order === sign;
  };
}

function hasNoBasis(lot: OpenLot): boolean {
  return lot.unitCost === null || lot.unitCost.isZero();
}

function isEarlier(left: OpenLot, right: OpenLot): boolean {
  const order = compareInstants(left.acquiredAt, right.acquiredAt);
  return order === 0 ? left.sequence < right.sequence : order < 0;
}

// ---- AVERAGE ------------------------------------------------------------------------------------------------------

/** Brings everything with a known cost into one pool. A lot of unknown cost stays out: no average knows it. */
export function strikeAverage(side: Side): Pool {
  if (side.pool === null) {
    side.pool = { quantity: Decimal.zero, cost: Decimal.zero, costBase: Decimal.zero, fresh: openOf(side) };
    side.heap = null;
  }
  const { pool } = side;
  for (const lot of pool.fresh) join(pool, lot);
  pool.fresh.length = 0;
  return pool;
}

function join(pool: Pool, lot: OpenLot): void {
  if (lot.openCost === null || lot.openQuantity.isZero()) return;
  const isHome = pool.costBase === pool.cost && lot.openCostBase === lot.openCost;
  pool.quantity = pool.quantity.plus(lot.openQuantity);
  pool.cost = pool.cost.plus(lot.openCost);
  if (isHome) pool.costBase = pool.cost;
  else if (lot.openCostBase === null) pool.costBase = null;
  else pool.costBase = pool.costBase?.plus(lot.openCostBase) ?? null;
  lot.pooled = true;
}

/** Cost of `k` units at the average. */
export function takeAverage(pool: Pool, k: Decimal, taken: Taken): void {
  const { cost, costBase, quantity } = pool;
  taken.cost = cost;
  taken.costBase = costBase;
  if (k.equals(quantity)) {
    // An empty pool knows what it cost in base currency, too: what is bought next begins anew.
    pool.quantity = pool.cost = pool.costBase = Decimal.zero;
    return;
  }
  taken.cost = poolShare(cost, k, quantity);
  pool.quantity = quantity.minus(k);
  pool.cost = cost.minus(taken.cost);
  if (costBase === cost) {
    taken.costBase = taken.cost;
    pool.costBase = pool.cost;
  } else if (costBase !== null) {
    taken.costBase = poolShare(costBase, k, quantity);
    pool.costBase = costBase.minus(taken.costBase);
  }
}

/**
 * Of a pool that many sales share, always to the same digits: what one share was rounded by, the next makes good, where
 * all digits of the rest would carry it on.
 */
function poolShare(total: Decimal, k: Decimal, quantity: Decimal): Decimal {
  return total.isZero() ? total : total.share(k, quantity, PLACES, 'rounded');
}

/** Brings some lots to their common average at once (a choice of lots under AVERAGE names all it is struck over). */
export function averageAmong(side: Side, lots: readonly OpenLot[], touch: (lot: OpenLot) => void): void {
  const pool: Pool = { quantity: Decimal.zero, cost: Decimal.zero, costBase: Decimal.zero, fresh: [] };
  for (const lot of lots) join(pool, lot);
  side.pool = pool;
  settleAverage(side, touch);
}

/** Gives the pool's cost back to its lots, each by its units, the last one the rest; they are changed by that. */
export function settleAverage(side: Side, touch: (lot: OpenLot) => void): void {
  const { pool } = side;
  if (pool === null) return;
  const lots = side.lots.filter((lot) => lot.pooled);
  const open = lots.filter((lot) => !lot.openQuantity.isZero());
  let { cost, costBase } = pool;
  const isHome = costBase === cost;
  for (const lot of open) {
    const isLast = lot === open.at(-1);
    lot.openCost = isLast ? cost : poolShare(pool.cost, lot.openQuantity, pool.quantity);
    cost = cost.minus(lot.openCost);
    if (isHome) lot.openCostBase = lot.openCost;
    else if (costBase === null || pool.costBase === null) lot.openCostBase = null;
    else {
      lot.openCostBase = isLast ? costBase : poolShare(pool.costBase, lot.openQuantity, pool.quantity);
      costBase = costBase.minus(lot.openCostBase);
    }
    lot.unitCost = lot.paid = pool.cost;
    lot.unitQuantity = pool.quantity;
    touch(lot);
  }
  for (const lot of lots) lot.pooled = false;
  side.pool = null;
  side.heap = null;
}
