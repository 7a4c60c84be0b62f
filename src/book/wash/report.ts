/** What was worked out, as rows: by piece, by lot and by close. */
import { Decimal } from '../../domain/decimal.ts';
import { type LotId } from '../../domain/lot.ts';
import { compareTexts, dateOfDay } from './order.ts';
import { comparePlaces, type Group, type LotRecord, type Piece, quantityOf } from './pieces.ts';
import { type AccountId, type AccountWash, type ClosureWash, type LotWash, type WashPiece } from './terms.ts';

/** Lots by acquisition, the pieces of a lot as they were sold, those still held last. */
export function piecesOf({ pieces }: Group): WashPiece[] {
  return [...pieces].sort(comparePieces).map(row);
}

function comparePieces(left: Piece, right: Piece): number {
  if (left.lot !== right.lot) return compareLots(left.lot, right.lot);
  return left.lossRank - right.lossRank || comparePlaces(left, right);
}

function compareLots(left: LotRecord, right: LotRecord): number {
  return compareTexts(left.key, right.key) || left.index - right.index;
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
export function accountsOf(groups: readonly Group[]): Map<AccountId, AccountWash> {
  const accounts = new Map<AccountId, MutableAccount>();
  for (const { lots, pieces } of groups) {
    for (const { row } of lots) {
      if (!accounts.has(row.accountId))
        accounts.set(row.accountId, { byLot: new Map(), byClosure: new Map() });
    }
    for (const piece of pieces) {
      const { byLot, byClosure } = accounts.get(piece.lot.row.accountId)!;
      if (!piece.washIn.isZero()) addToLot(byLot, piece);
      const closureId = piece.close.row?.closureId ?? null;
      const isTouched = !piece.washIn.isZero() || !piece.disallowed.isZero();
      if (closureId !== null && isTouched) addToClosure(byClosure, closureId, piece);
    }
    for (const piece of pieces) addHoldingFrom(accounts.get(piece.lot.row.accountId)!.byLot, piece);
  }
  return accounts;
}

function addToLot(byLot: Map<LotId, LotWash>, { lot, close, washIn }: Piece): void {
  const { lotId } = lot.row;
  const sum = byLot.get(lotId);
  const open = close.row === null ? washIn : Decimal.zero;
  byLot.set(lotId, {
    washIn: sum === undefined ? washIn : sum.washIn.plus(washIn),
    openWashIn: sum === undefined ? open : sum.openWashIn.plus(open),
    openHoldingFrom: [],
  });
}

/** Units of a touched lot that replaced nothing count from another day than those that did. */
function addHoldingFrom(byLot: Map<LotId, LotWash>, { lot, close, holdingDay }: Piece): void {
  const sum = close.row === null ? byLot.get(lot.row.lotId) : undefined;
  const holdingFrom = dateOfDay(holdingDay);
  if (sum === undefined || sum.openHoldingFrom.includes(holdingFrom)) return;
  const openHoldingFrom = [...sum.openHoldingFrom, holdingFrom].sort();
  byLot.set(lot.row.lotId, { ...sum, openHoldingFrom });
}

function addToClosure(byClosure: Map<string, ClosureWash>, closureId: string, piece: Piece): void {
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
