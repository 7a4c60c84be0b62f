/** Which acquisition replaces which loss: the heart of the layer, share by share. */
import { Decimal } from '../../domain/decimal.ts';
import { rankPieces } from './groups.ts';
import { dateOfDay } from './order.ts';
import {
  addWashIn,
  compareClosed,
  cut,
  type Group,
  lossOf,
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
}

/** Puts off the losses of one group; adds to `adjustments` and `unknown`. */
export function washGroup(group: Group, adjustments: WashDeferral[], unknown: WashUnknown[]): void {
  tellUnknownCosts(group, unknown);
  if (!group.pieces.some(isTaxedLoss)) return;
  rankPieces(group);
  const losses = new LossQueue();
  for (const piece of group.pieces) if (isTaxedLoss(piece)) losses.add(piece);
  const work: Work = {
    group,
    losses,
    replacements: replacementsOf(group),
    adjustments,
    unknown,
  };
  for (let loss = losses.take(); loss !== null; loss = losses.take()) washOne(work, loss);
  tellUnknownReplacements(group, unknown);
}

/** A loss in an IRA is no loss for tax: there is nothing to put off. */
function isTaxedLoss(piece: Piece): boolean {
  const type = piece.close.row?.accountType ?? piece.lot.row.accountType;
  return type !== 'ira' && lossOf(piece) !== null;
}

function canEverReplace(piece: Piece): boolean {
  return !piece.used && (piece.lot.row.purchased ?? true) === true && piece.close.row?.disposal !== 'gone';
}

/** A call stands in two lists where it can replace its stock. A loss on a call is replaced by the same call only. */
function replacementsOf({ pieces, policy }: Group): Map<string, ReplacementList> {
  const lists = new Map<string, Piece[]>();
  for (const piece of pieces) {
    if (!canEverReplace(piece)) continue;
    const { securityKey, optionOn } = piece.lot.row;
    addTo(lists, securityKey, piece);
    if (policy.identical === 'option_on_stock' && optionOn != null) addTo(lists, optionOn, piece);
  }
  return new Map(
    [...lists].map(([key, list]) => [
      key,
      new ReplacementList(list, (piece, place) => {
        if (piece.lot.row.securityKey === key) piece.place = place;
        else piece.placeAsCall = place;
      }),
    ]),
  );
}

function addTo(lists: Map<string, Piece[]>, key: string, piece: Piece): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [piece]);
  else list.push(piece);
}

/** One loss, or as much of it as its first replacement has shares for; the rest goes back into the queue. */
function washOne(work: Work, loss: Piece): void {
  const replacement = lossOf(loss) === null ? null : findReplacement(work, loss);
  if (replacement === null) {
    loss.dealtWith = true;
    return;
  }
  const order = loss.units.compare(replacement.units);
  if (order > 0) cutOff(work, loss, replacement.units);
  else if (order < 0) cutOff(work, replacement, loss.units);
  loss.dealtWith = true;
  // A loss of the last digit may be none for a part of its units.
  const disallowed = lossOf(loss);
  if (disallowed !== null) putOff(work, loss, replacement, disallowed);
}

/** Makes `units` of a piece a piece of its own; what is left keeps its places among losses and replacements. */
function cutOff({ group, losses }: Work, piece: Piece, units: Decimal): void {
  const waits = piece.queued && !piece.dealtWith;
  const rest = cut(piece, units, group);
  listBehind(rest, piece);
  if (waits) losses.add(rest);
}

function findReplacement({ group, replacements }: Work, loss: Piece): Piece | null {
  const list = replacements.get(loss.lot.row.securityKey);
  if (list === undefined) return null;
  // Losses come in order of their sale unless one can go back in time: then nothing may be dropped for its date.
  const forward = group.policy.replacementSoldBefore === 'not_eligible';
  const [firstDay, lastDay] = [loss.close.day - WINDOW_DAYS, loss.close.day + WINDOW_DAYS];
  let place = list.first;
  while (place !== null && place.piece.lot.day <= lastDay) {
    const { piece, next } = place;
    const tooOld = piece.lot.day < firstDay;
    if (spent(piece, group.policy) || (forward && (tooOld || soldBefore(piece, loss)))) list.drop(place);
    else if (!tooOld && !sameOrder(piece, loss, group.policy) && !soldTogether(piece, loss)) return piece;
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

/** What the same sale took was not there any more to replace anything. */
function soldTogether({ lot, close }: Piece, loss: Piece): boolean {
  const saleId = close.row?.saleId ?? null;
  return saleId !== null && saleId === loss.close.row!.saleId && lot.row.accountId === loss.lot.row.accountId;
}

/** Whether one order bought both, or bought what is inside the loss by earlier wash sales. */
function sameOrder(piece: Piece, loss: Piece, policy: WashPolicy): boolean {
  if (ofOneOrder(piece.lot, loss.lot)) return true;
  return policy.ancestors === 'not_eligible' && loss.ancestors.some((lot) => ofOneOrder(piece.lot, lot));
}

/** A lot without an order is an order of its own. */
function ofOneOrder(left: LotRecord, right: LotRecord): boolean {
  if (left === right) return true;
  const { orderId, accountId } = left.row;
  return orderId != null && orderId === right.row.orderId && accountId === right.row.accountId;
}

function putOff(work: Work, loss: Piece, replacement: Piece, disallowed: Decimal): void {
  const { policy } = work.group;
  const inIra = replacement.lot.row.accountType === 'ira';
  loss.disallowed = disallowed;
  replacement.used = true;
  if (policy.ancestors === 'not_eligible') {
    replacement.ancestors = [...replacement.ancestors, ...loss.ancestors, loss.lot];
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

/**
 * To as many shares of the stock as the exercised call stood for. They are the same acquisition (1.1091-1(f)), so they
 * replace nothing else.
 */
function carryOn(work: Work, piece: Piece, amount: Decimal): void {
  const { accountId } = piece.lot.row;
  const into = piece.close.row?.carriedInto ?? null;
  const parts = work.group.pieces.filter(({ lot: { row } }) => {
    return row.lotId === into && row.accountId === accountId;
  });
  if (parts.length === 0) {
    work.unknown.push(doubtOf(piece, 'carry_unknown'));
    return;
  }
  addWashIn(piece, amount.negate());
  const taken = takeShares(work, parts, piece.units);
  spread(work, taken.length > 0 ? taken : parts, amount);
}

function takeShares(work: Work, parts: readonly Piece[], units: Decimal): Piece[] {
  const taken: Piece[] = [];
  let left = units;
  for (const part of parts) {
    if (left.isZero()) break;
    if (part.used || part.dealtWith) continue;
    if (part.units.compare(left) > 0) cutOff(work, part, left);
    part.used = true;
    left = left.minus(part.units);
    taken.push(part);
  }
  return taken;
}

/** By units, the last piece takes what is left. */
function spread(work: Work, parts: readonly Piece[], amount: Decimal): void {
  const units = Decimal.sum(parts.map((part) => part.units));
  let left = amount;
  for (const part of parts) {
    const isLast = part === parts.at(-1);
    const share = isLast ? left : amount.times(part.units).dividedBy(units, PLACES);
    left = left.minus(share);
    takeOver(work, part, share);
  }
}

function doubtOf(piece: Piece, doubt: WashUnknown['doubt']): WashUnknown {
  const { accountId, lotId } = piece.lot.row;
  return { accountId, lotId, closureId: piece.close.row?.closureId ?? null, doubt };
}

function record({ adjustments, group }: Work, loss: Piece, replacement: Piece): void {
  const { accountId, lotId, currency } = loss.lot.row;
  const { closureId } = loss.close.row!;
  loss.close.adjustments += 1;
  adjustments.push({
    id: `${group.policy.scope}:${closureId}:${loss.close.adjustments}`,
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
      lot !== piece.lot && lot.day >= piece.close.day - WINDOW_DAYS;
    if (told.has(`${piece.lot.row.accountId}|${closureId}`) || !undated.some(possible)) continue;
    told.add(`${piece.lot.row.accountId}|${closureId}`);
    unknown.push(doubtOf(piece, 'replacement_unknown'));
  }
}
