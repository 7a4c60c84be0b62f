/** Which acquisition replaces which loss: the heart of the layer, share by share. */
import { Decimal } from '../../domain/decimal.ts';
import {
  addWashIn,
  compareClosed,
  cut,
  dateOfDay,
  type Group,
  lossOf,
  lotKey,
  type LotRecord,
  type Piece,
  PLACES,
  quantityOf,
} from './pieces.ts';
import { listBehind, LossQueue, ReplacementList } from './queues.ts';
import { type WashDeferral, type WashPolicy, type WashUnknown } from './terms.ts';

/** Days before and after the sale: with the day of the sale 61. */
const WINDOW_DAYS = 30;

interface Work {
  readonly group: Group;
  readonly losses: LossQueue;
  /** By the key of the security that can be replaced. */
  readonly replacements: ReadonlyMap<string, ReplacementList>;
  readonly adjustments: WashDeferral[];
  readonly unknown: WashUnknown[];
  /** How many adjustments a close has: what makes their ids. */
  readonly counts: Map<string, number>;
  /** By account and id; made when it is first asked for. */
  readonly lots: () => ReadonlyMap<string, LotRecord>;
}

/** Puts off the losses of one group; adds to `adjustments` and `unknown`. */
export function washGroup(group: Group, adjustments: WashDeferral[], unknown: WashUnknown[]): void {
  tellUnknownCosts(group, unknown);
  const losses = new LossQueue();
  for (const piece of group.pieces) if (isTaxedLoss(piece)) losses.add(piece);
  if (losses.isEmpty()) return;
  const work: Work = {
    group,
    losses,
    replacements: replacementsOf(group),
    adjustments,
    unknown,
    counts: new Map(),
    lots: lazily(() => new Map(group.lots.map((lot) => [lotKey(lot.row), lot]))),
  };
  for (let loss = losses.take(); loss !== null; loss = losses.take()) washOne(work, loss);
  tellUnknownReplacements(group, unknown);
}

function lazily<Value>(make: () => Value): () => Value {
  let made: { readonly value: Value } | null = null;
  return () => (made ??= { value: make() }).value;
}

/** A loss in an IRA is no loss for tax: there is nothing to put off. */
function isTaxedLoss(piece: Piece): boolean {
  return piece.lot.row.accountType !== 'ira' && lossOf(piece) !== null;
}

function canEverReplace(piece: Piece): boolean {
  return !piece.used && (piece.lot.row.purchased ?? true) === true && piece.close.row?.disposal !== 'gone';
}

/** A call stands in two lists where it can replace its stock. A loss on a call is replaced by the same call only. */
function replacementsOf({ pieces, policy }: Group): Map<string, ReplacementList> {
  const byKey = new Map<string, Piece[]>();
  const add = (key: string, piece: Piece): void => {
    const list = byKey.get(key);
    if (list === undefined) byKey.set(key, [piece]);
    else list.push(piece);
  };
  for (const piece of pieces) {
    if (!canEverReplace(piece)) continue;
    const { securityKey, optionOn } = piece.lot.row;
    add(securityKey, piece);
    if (policy.identical === 'option_on_stock' && optionOn != null) add(optionOn, piece);
  }
  return new Map([...byKey].map(([key, list]) => [key, new ReplacementList(list)]));
}

/** One loss, or as much of it as its first replacement has shares for; the rest goes back into the queue. */
function washOne(work: Work, loss: Piece): void {
  const replacement = findReplacement(work, loss);
  if (replacement === null) {
    loss.dealtWith = true;
    return;
  }
  const order = loss.units.compare(replacement.units);
  if (order > 0) {
    const rest = cut(loss, replacement.units, work.group);
    listBehind(rest, loss);
    work.losses.add(rest);
  } else if (order < 0) {
    const rest = cut(replacement, loss.units, work.group);
    listBehind(rest, replacement);
    if (replacement.queued && !replacement.dealtWith) work.losses.add(rest);
  }
  loss.dealtWith = true;
  putOff(work, loss, replacement);
}

function findReplacement({ group, replacements }: Work, loss: Piece): Piece | null {
  const list = replacements.get(loss.lot.row.securityKey);
  if (list === undefined) return null;
  // Losses come in order of their sale unless one can go back in time: then nothing may be dropped for its date.
  const forward = group.policy.replacementSoldBefore === 'not_eligible';
  const [firstDay, lastDay] = [loss.close.day - WINDOW_DAYS, loss.close.day + WINDOW_DAYS];
  let place = list.first;
  while (place !== null && place.piece.lot.acquiredDay <= lastDay) {
    const { piece, next } = place;
    const tooOld = piece.lot.acquiredDay < firstDay;
    if (spent(piece, group.policy) || (forward && (tooOld || soldBefore(piece, loss)))) list.drop(place);
    else if (!tooOld && !sameOrder(piece, loss, group.policy)) return piece;
    place = next;
  }
  return null;
}

function spent(piece: Piece, policy: WashPolicy): boolean {
  if (piece.used) return true;
  if (!piece.dealtWith) return false;
  return policy.sameMoment === 'in_turn' || piece.disallowed.sign() > 0;
}

/** Units carried elsewhere (a transfer, an exercise) were not sold. */
function soldBefore(piece: Piece, loss: Piece): boolean {
  return piece.close.row?.disposal !== 'carried' && compareClosed(piece, loss) < 0;
}

/** Whether one order bought both, or bought what is inside the loss by earlier wash sales. */
function sameOrder(piece: Piece, loss: Piece, policy: WashPolicy): boolean {
  if (piece.lot.order === loss.lot.order) return true;
  return policy.ancestors === 'not_eligible' && loss.ancestors.includes(piece.lot.order);
}

function putOff(work: Work, loss: Piece, replacement: Piece): void {
  const { policy } = work.group;
  const disallowed = lossOf(loss)!;
  const inIra = replacement.lot.row.accountType === 'ira';
  loss.disallowed = disallowed;
  replacement.used = true;
  if (policy.ancestors === 'not_eligible') {
    replacement.ancestors = [...replacement.ancestors, ...loss.ancestors, loss.lot.order];
  }
  if (inIra) loss.permanentlyLost = disallowed;
  else {
    tackDays(work, loss, replacement);
    takeOver(work, replacement, disallowed);
  }
  record(work, loss, replacement);
}

/** Section 1223(3). A short has no holding period to add to. */
function tackDays({ unknown }: Work, loss: Piece, replacement: Piece): void {
  if (replacement.lot.row.direction === 'short') return;
  if (loss.close.row!.acquisitionKnown ?? true) replacement.holdingDay -= loss.close.day - loss.holdingDay;
  else unknown.push(doubtOf(replacement, 'holding_unknown'));
}

/** 1.1091-2. Units that were carried on hand the amount on, too. */
function takeOver(work: Work, piece: Piece, amount: Decimal): void {
  addWashIn(piece, amount);
  if (piece.close.row?.disposal === 'carried') carryOn(work, piece, amount);
  // A gain may have become a loss, and a loss is larger now: in both cases its own turn is still to come.
  else if (!piece.queued && isTaxedLoss(piece)) work.losses.add(piece);
}

/** Over all units of the lot that the carried ones became, as its cost is. */
function carryOn(work: Work, piece: Piece, amount: Decimal): void {
  const { accountId } = piece.lot.row;
  const lotId = piece.close.row?.carriedInto ?? null;
  const into = lotId === null ? undefined : work.lots().get(lotKey({ accountId, lotId }));
  if (into === undefined || into.pieces.length === 0) {
    work.unknown.push(doubtOf(piece, 'carry_unknown'));
    return;
  }
  addWashIn(piece, amount.negate());
  const whole = Decimal.sum(into.pieces.map(({ units }) => units));
  let left = amount;
  for (const part of into.pieces) {
    const isLast = part === into.pieces.at(-1);
    const share = isLast ? left : amount.times(part.units).dividedBy(whole, PLACES);
    left = left.minus(share);
    takeOver(work, part, share);
  }
}

function doubtOf(piece: Piece, doubt: WashUnknown['doubt']): WashUnknown {
  const { accountId, lotId } = piece.lot.row;
  return { accountId, lotId, closureId: piece.close.row?.closureId ?? null, doubt };
}

function record({ adjustments, counts, group }: Work, loss: Piece, replacement: Piece): void {
  const { accountId, lotId, currency } = loss.lot.row;
  const { closureId } = loss.close.row!;
  const closeKey = `${accountId}|${closureId}`;
  const count = (counts.get(closeKey) ?? 0) + 1;
  counts.set(closeKey, count);
  adjustments.push({
    id: `${group.policy.scope}:${closureId}:${count}`,
    scope: group.policy.scope,
    accountId,
    lotId,
    closureId,
    replacementAccountId: replacement.lot.row.accountId,
    replacementLotId: replacement.lot.row.lotId,
    quantity: quantityOf(loss),
    disallowed: loss.disallowed,
    permanentlyLost: loss.permanentlyLost,
    holdingFrom: dateOfDay(replacement.holdingDay),
    currency,
  });
}

function tellUnknownCosts(group: Group, unknown: WashUnknown[]): void {
  for (const piece of group.pieces) {
    const { close, basis, proceeds } = piece;
    if (close.row === null || (close.row.disposal ?? 'taxed') !== 'taxed') continue;
    if (basis !== null && proceeds !== null) continue;
    unknown.push(doubtOf(piece, 'cost_unknown'));
  }
}

/** Losses that count, though units bought nobody knows when were there by the end of the 61 days. */
function tellUnknownReplacements(group: Group, unknown: WashUnknown[]): void {
  const undated = group.lots.filter((lot) => lot.row.purchased === 'unknown');
  if (undated.length === 0) return;
  const told = new Set<string>();
  for (const piece of group.pieces) {
    const closureId = piece.close.row?.closureId ?? null;
    if (closureId === null || piece.disallowed.sign() > 0 || !isTaxedLoss(piece)) continue;
    const possible = (lot: Group['lots'][number]): boolean =>
      lot !== piece.lot && lot.acquiredDay >= piece.close.day - WINDOW_DAYS;
    if (told.has(`${piece.lot.row.accountId}|${closureId}`) || !undated.some(possible)) continue;
    told.add(`${piece.lot.row.accountId}|${closureId}`);
    unknown.push(doubtOf(piece, 'replacement_unknown'));
  }
}
