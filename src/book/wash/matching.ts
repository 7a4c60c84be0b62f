/** Which acquisition replaces which loss: the heart of the layer, share by share. */
import { type Decimal } from '../../domain/decimal.ts';
import { compareClosed, cut, dateOfDay, type Group, lossOf, type Piece, quantityOf } from './pieces.ts';
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
}

/** Puts off the losses of one group; adds to `adjustments` and `unknown`. */
export function washGroup(group: Group, adjustments: WashDeferral[], unknown: WashUnknown[]): void {
  tellUnknownCosts(group, unknown);
  const losses = new LossQueue();
  for (const piece of group.pieces) if (isTaxedLoss(piece)) losses.add(piece);
  if (losses.isEmpty()) return;
  const replacements = replacementsOf(group);
  const work = {
    group,
    losses,
    replacements,
    adjustments,
    unknown,
    counts: new Map<string, number>(),
  };
  for (let loss = losses.take(); loss !== null; loss = losses.take()) washOne(work, loss);
  tellUnknownReplacements(group, unknown);
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
  const { losses, group } = work;
  const disallowed = lossOf(loss)!;
  const inIra = replacement.lot.row.accountType === 'ira';
  loss.disallowed = disallowed;
  replacement.used = true;
  if (inIra) loss.permanentlyLost = disallowed;
  else takeOver(work, loss, replacement, disallowed);
  if (group.policy.ancestors === 'not_eligible') {
    replacement.ancestors = [...replacement.ancestors, ...loss.ancestors, loss.lot.order];
  }
  record(work, loss, replacement);
  // A gain may have become a loss, and a loss is larger now: in both cases its own turn is still to come.
  if (!replacement.queued && isTaxedLoss(replacement)) losses.add(replacement);
}

/** The replacement's basis and holding period (1.1091-2; section 1223(3)). A short has no holding period to add to. */
function takeOver({ unknown }: Work, loss: Piece, replacement: Piece, disallowed: Decimal): void {
  replacement.washIn = replacement.washIn.plus(disallowed);
  if (replacement.basis !== null) replacement.basis = replacement.basis.plus(disallowed);
  const { accountId, lotId, direction } = replacement.lot.row;
  if (direction === 'short') return;
  if (loss.close.row!.acquisitionKnown ?? true) replacement.holdingDay -= loss.close.day - loss.holdingDay;
  else {
    const closureId = replacement.close.row?.closureId ?? null;
    unknown.push({ accountId, lotId, closureId, doubt: 'holding_unknown' });
  }
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
  for (const { lot, close, basis, proceeds } of group.pieces) {
    if (close.row === null || (close.row.disposal ?? 'taxed') !== 'taxed') continue;
    if (basis !== null && proceeds !== null) continue;
    const { accountId, lotId } = lot.row;
    unknown.push({ accountId, lotId, closureId: close.row.closureId, doubt: 'cost_unknown' });
  }
}

/** Losses that count, though units bought nobody knows when were there by the end of the 61 days. */
function tellUnknownReplacements(group: Group, unknown: WashUnknown[]): void {
  const undated = group.lots.filter((lot) => lot.row.purchased === 'unknown');
  if (undated.length === 0) return;
  const told = new Set<string>();
  for (const piece of group.pieces) {
    const { accountId, lotId } = piece.lot.row;
    const closureId = piece.close.row?.closureId ?? null;
    if (closureId === null || piece.disallowed.sign() > 0 || !isTaxedLoss(piece)) continue;
    const possible = (lot: Group['lots'][number]): boolean =>
      lot !== piece.lot && lot.acquiredDay >= piece.close.day - WINDOW_DAYS;
    if (told.has(`${accountId}|${closureId}`) || !undated.some(possible)) continue;
    told.add(`${accountId}|${closureId}`);
    unknown.push({ accountId, lotId, closureId, doubt: 'replacement_unknown' });
  }
}
