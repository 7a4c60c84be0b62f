/** What was worked out, as rows: by piece, by lot and by close. */
import { Decimal } from '../../domain/decimal.ts';
import { type LotId } from '../../domain/lot.ts';
import { dateOfDay } from './order.ts';
import { comparePlaces, type Group, type LotRecord, type Piece, quantityOf } from './pieces.ts';
import { type AccountId, type AccountWash, type ClosureWash, type LotWash, type WashPiece } from './terms.ts';

/** Lots by acquisition, the pieces of a lot as they were sold, those still held last. */
export function piecesOf(group: Group): WashPiece[] {
  return [...group.lots].sort(compareLots).flatMap((lot) => [...lot.pieces].sort(comparePieces).map(row));
}

function compareLots(left: LotRecord, right: LotRecord): number {
  return left.acquiredKey < right.acquiredKey ? -1 : left.acquiredKey > right.acquiredKey ? 1 : 0;
}

function comparePieces(left: Piece, right: Piece): number {
  return left.lossRank - right.lossRank || comparePlaces(left, right);
}

function row(piece: Piece): WashPiece {
  const { lot, close } = piece;
  return {
    accountId: lot.row.accountId,
    lotId: lot.row.lotId,
    closureId: close.row?.closureId ?? null,
    quantity: quantityOf(piece),
    holdingFrom: dateOfDay(piece.holdingDay),
    adjustedBasis: piece.basis,
    washIn: piece.washIn,
    closedDate: close.row?.closedDate ?? null,
    proceeds: piece.proceeds,
    code: piece.disallowed.sign() > 0 ? 'W' : '',
    disallowed: piece.disallowed,
    permanentlyLost: piece.permanentlyLost,
    isReplacement: piece.used,
  };
}

interface MutableAccount {
  readonly byLot: Map<LotId, LotWash>;
  readonly byClosure: Map<string, ClosureWash>;
}

/** Sums of the pieces, of lots and closes that wash sales touched. */
export function accountsOf(pieces: readonly WashPiece[]): Map<AccountId, AccountWash> {
  const accounts = new Map<AccountId, MutableAccount>();
  for (const piece of pieces) {
    let account = accounts.get(piece.accountId);
    if (account === undefined) {
      account = { byLot: new Map(), byClosure: new Map() };
      accounts.set(piece.accountId, account);
    }
    if (!piece.washIn.isZero()) addToLot(account.byLot, piece);
    if (piece.closureId === null || (piece.washIn.isZero() && piece.disallowed.isZero())) continue;
    addToClosure(account.byClosure, piece.closureId, piece);
  }
  for (const piece of pieces) addHoldingFrom(accounts.get(piece.accountId)!.byLot, piece);
  return accounts;
}

function addToLot(byLot: Map<LotId, LotWash>, { lotId, closureId, washIn }: WashPiece): void {
  const sum = byLot.get(lotId);
  const open = closureId === null ? washIn : Decimal.zero;
  byLot.set(lotId, {
    washIn: sum === undefined ? washIn : sum.washIn.plus(washIn),
    openWashIn: sum === undefined ? open : sum.openWashIn.plus(open),
    openHoldingFrom: [],
  });
}

/** Units of a touched lot that replaced nothing count from another day than those that did. */
function addHoldingFrom(byLot: Map<LotId, LotWash>, { lotId, closureId, holdingFrom }: WashPiece): void {
  const sum = closureId === null ? byLot.get(lotId) : undefined;
  if (sum === undefined || sum.openHoldingFrom.includes(holdingFrom)) return;
  byLot.set(lotId, { ...sum, openHoldingFrom: [...sum.openHoldingFrom, holdingFrom].sort() });
}

function addToClosure(byClosure: Map<string, ClosureWash>, closureId: string, piece: WashPiece): void {
  const { washIn, disallowed: washOut, permanentlyLost } = piece;
  const sum = byClosure.get(closureId);
  byClosure.set(
    closureId,
    sum === undefined
      ? { washIn, washOut, permanentlyLost }
      : {
          washIn: sum.washIn.plus(washIn),
          washOut: sum.washOut.plus(washOut),
          permanentlyLost: sum.permanentlyLost.plus(permanentlyLost),
        },
  );
}
