/** What was worked out, as rows: by piece, by lot and by close. */
import { Decimal } from '../../domain/decimal.ts';
import { type LotId } from '../../domain/lot.ts';
import { dateOfDay, type Group, type LotRecord, type Piece, quantityOf } from './pieces.ts';
import { type AccountId, type AccountWash, type ClosureWash, type LotWash, type WashPiece } from './terms.ts';

/** Lots by acquisition, the pieces of a lot as they were sold, those still held last. */
export function piecesOf(group: Group): WashPiece[] {
  return [...group.lots].sort(compareLots).flatMap((lot) => [...lot.pieces].sort(comparePieces).map(row));
}

function compareLots(left: LotRecord, right: LotRecord): number {
  return left.acquiredKey < right.acquiredKey ? -1 : left.acquiredKey > right.acquiredKey ? 1 : 0;
}

function comparePieces(left: Piece, right: Piece): number {
  return left.lossRank - right.lossRank || left.position - right.position;
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

/** Sums of the pieces, of lots and closes that wash sales touched. */
export function accountsOf(pieces: readonly WashPiece[]): Map<AccountId, AccountWash> {
  const accounts = new Map<AccountId, { byLot: Map<LotId, LotWash>; byClosure: Map<string, ClosureWash> }>();
  const touched = new Set<string>();
  for (const piece of pieces) if (!piece.washIn.isZero()) touched.add(`${piece.accountId}|${piece.lotId}`);
  for (const piece of pieces) {
    let account = accounts.get(piece.accountId);
    if (account === undefined) {
      account = { byLot: new Map(), byClosure: new Map() };
      accounts.set(piece.accountId, account);
    }
    if (touched.has(`${piece.accountId}|${piece.lotId}`)) addToLot(account.byLot, piece);
    if (!piece.washIn.isZero() || !piece.disallowed.isZero()) addToClosure(account.byClosure, piece);
  }
  return accounts;
}

function addToLot(byLot: Map<LotId, LotWash>, piece: WashPiece): void {
  const sum = byLot.get(piece.lotId) ?? {
    washIn: Decimal.zero,
    openWashIn: Decimal.zero,
    openHoldingFrom: [],
  };
  const washIn = sum.washIn.plus(piece.washIn);
  if (piece.closureId !== null) {
    byLot.set(piece.lotId, { ...sum, washIn });
    return;
  }
  const openHoldingFrom = [...new Set([...sum.openHoldingFrom, piece.holdingFrom])].sort();
  byLot.set(piece.lotId, { washIn, openWashIn: sum.openWashIn.plus(piece.washIn), openHoldingFrom });
}

function addToClosure(byClosure: Map<string, ClosureWash>, piece: WashPiece): void {
  if (piece.closureId === null) return;
  const sum = byClosure.get(piece.closureId);
  byClosure.set(piece.closureId, {
    washIn: (sum?.washIn ?? Decimal.zero).plus(piece.washIn),
    washOut: (sum?.washOut ?? Decimal.zero).plus(piece.disallowed),
    permanentlyLost: (sum?.permanentlyLost ?? Decimal.zero).plus(piece.permanentlyLost),
  });
}
