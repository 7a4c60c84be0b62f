/**
 * A second, much smaller book of lots for the tests of the day proof: first in, first out, fees in the basis, nothing
 * rounded. It shares no line with the real one, so that both being wrong in the same way is no accident of code.
 */
import { compareActivities, type Activity } from '../../src/domain/activity.ts';
import { Decimal } from '../../src/domain/decimal.ts';
import { type ClosureKind, type Lot, type LotClosure } from '../../src/domain/lot.ts';

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

export interface HandBook {
  /** All lots that ever were, empty ones included. */
  readonly lots: Mutable<Lot>[];
  readonly closures: LotClosure[];
}

/** Lots and closures after these activities, from nothing. */
export function handFold(activities: readonly Activity[]): HandBook {
  const book: HandBook = { lots: [], closures: [] };
  const splits = new Map<string, Activity>();
  for (const activity of activities.filter(({ status }) => status === 'ok').sort(compareActivities)) {
    if (activity.instrument === null || activity.quantity.isZero()) continue;
    if (activity.kind === 'split') {
      const other = splits.get(activity.groupId!);
      splits.set(activity.groupId!, activity);
      if (other !== undefined) split(book, other, activity);
    } else move(book, activity);
  }
  return book;
}

function split(book: HandBook, one: Activity, other: Activity): void {
  const [out, into] = one.quantity.sign() < 0 ? [one, other] : [other, one];
  const exchanged = (quantity: Decimal): Decimal =>
    quantity.times(into.quantity.abs()).dividedBy(out.quantity.abs(), 18);
  for (const lot of book.lots.filter(({ instrument }) => instrument === out.instrument!.id)) {
    lot.quantity = exchanged(lot.quantity);
    lot.openQuantity = exchanged(lot.openQuantity);
  }
}

function move(book: HandBook, activity: Activity): void {
  const { quantity } = activity;
  const direction = quantity.sign() > 0 ? 'long' : 'short';
  const against = book.lots.filter(
    (lot) =>
      lot.instrument === activity.instrument!.id && lot.direction !== direction && !lot.openQuantity.isZero(),
  );
  let rest = quantity.abs();
  // Negative = paid. The last piece takes what is left.
  let moneyLeft = (activity.amount ?? Decimal.zero).minus(activity.fees ?? Decimal.zero);
  for (const lot of against) {
    if (rest.isZero()) break;
    const taken = lot.openQuantity.compare(rest) < 0 ? lot.openQuantity : rest;
    const share = taken.equals(rest) ? moneyLeft : moneyLeft.times(taken).dividedBy(rest, 18);
    close(book, lot, taken, share, activity);
    rest = rest.minus(taken);
    moneyLeft = moneyLeft.minus(share);
  }
  if (rest.isZero()) return;
  const isPaid = activity.kind === 'fill' || activity.kind === 'option_delivery';
  const basis = activity.details['basis'];
  const signed = direction === 'long' ? moneyLeft.negate() : moneyLeft;
  const money = isPaid ? signed : basis === undefined ? null : Decimal.parse(basis);
  book.lots.push({
    id: `${activity.rootId}/${direction}`,
    instrument: activity.instrument!.id,
    openedRootId: activity.rootId,
    activityRootId: activity.rootId,
    direction,
    openedAt: activity.executedAt,
    acquiredAt: activity.executedAt,
    acquiredDate: activity.tradeDate,
    holdingFrom: activity.tradeDate,
    quantity: rest,
    openQuantity: rest,
    cost: money,
    openCost: money,
    rolled: Decimal.zero,
    costSource: money === null ? 'unknown' : isPaid ? 'fill' : 'broker',
    currency: activity.currency,
    openCostBase: money,
  });
}

function close(book: HandBook, lot: Mutable<Lot>, taken: Decimal, share: Decimal, activity: Activity): void {
  const isLast = taken.equals(lot.openQuantity);
  const carried =
    lot.cost === null ? null : isLast ? lot.openCost! : lot.cost.times(taken).dividedBy(lot.quantity, 18);
  lot.openQuantity = lot.openQuantity.minus(taken);
  if (carried !== null) lot.openCost = lot.openCost!.minus(carried);
  const money = lot.direction === 'long' ? share : share.negate();
  const [cost, proceeds] = lot.direction === 'long' ? [carried, money] : [money, carried];
  const isCarried = activity.kind === 'security_transfer';
  const known = cost === null || proceeds === null ? null : proceeds.minus(cost);
  book.closures.push({
    id: `${activity.rootId}/${lot.id}`,
    lotId: lot.id,
    instrument: lot.instrument,
    openedRootId: lot.openedRootId,
    activityRootId: activity.rootId,
    kind: KINDS[activity.kind] ?? (lot.direction === 'long' ? 'sale' : 'cover'),
    direction: lot.direction,
    acquiredDate: lot.acquiredDate,
    closedAt: activity.executedAt,
    closedDate: activity.tradeDate,
    quantity: taken,
    cost: isCarried ? carried : cost,
    proceeds: isCarried ? carried : proceeds,
    fees: Decimal.zero,
    realized: isCarried ? Decimal.zero : known,
    rolled: Decimal.zero,
    realizedBasis: known === null ? 'unknown' : 'exact',
    term: null,
    holdingDays: null,
    currency: lot.currency,
    realizedBaseCloseRate: null,
    realizedBaseHistorical: null,
  });
}

const KINDS: Partial<Record<Activity['kind'], ClosureKind>> = {
  option_expiry: 'expiry',
  option_assignment: 'assignment',
  option_exercise: 'exercise',
  security_transfer: 'transfer_out',
};
