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

type Mutable<Row> = { -readonly [Key in keyof Row]: Row[Key] };

interface Sums {
  readonly byLot: Map<LotId, Mutable<LotWash>>;
  readonly byClosure: Map<string, Mutable<ClosureWash>>;
}

/** Sums of the pieces, of lots and closes that wash sales touched. */
export function accountsOf(groups: readonly Group[]): Map<AccountId, AccountWash> {
  const accounts = new Map<AccountId, Sums>();
  for (const { lots, pieces } of groups) {
    for (const { row } of lots) {
      if (!accounts.has(row.accountId))
        accounts.set(row.accountId, { byLot: new Map(), byClosure: new Map() });
    }
    for (const piece of pieces) addPiece(accounts.get(piece.lot.row.accountId)!, piece);
    for (const piece of pieces) addHoldingFrom(accounts.get(piece.lot.row.accountId)!.byLot, piece);
  }
  return accounts;
}

function addPiece({ byLot, byClosure }: Sums, piece: Piece): void {
  if (!piece.washIn.isZero()) addToLot(byLot, piece);
  const closureId = piece.close.row?.closureId ?? null;
  if (closureId === null || (piece.washIn.isZero() && piece.disallowed.isZero())) return;
  addToClosure(byClosure, closureId, piece);
}

function addToLot(byLot: Sums['byLot'], { lot, close, washIn }: Piece): void {
  const { lotId } = lot.row;
  const openWashIn = close.row === null ? washIn : Decimal.zero;
  const sum = byLot.get(lotId);
  if (sum === undefined) {
    byLot.set(lotId, { washIn, openWashIn, openHoldingFrom: [] });
    return;
  }
  sum.washIn = sum.washIn.plus(washIn);
  sum.openWashIn = sum.openWashIn.plus(openWashIn);
}

/** Units of a touched lot that replaced nothing count from another day than those that did. */
function addHoldingFrom(byLot: Sums['byLot'], { lot, close, holdingDay }: Piece): void {
  const sum = close.row === null ? byLot.get(lot.row.lotId) : undefined;
  if (sum === undefined) return;
  const holdingFrom = dateOfDay(holdingDay);
  if (sum.openHoldingFrom.includes(holdingFrom)) return;
  sum.openHoldingFrom = [...sum.openHoldingFrom, holdingFrom].sort();
}

function addToClosure(byClosure: Sums['byClosure'], closureId: string, piece: Piece): void {
  const { washIn, disallowed: washOut, permanentlyLost } = piece;
  const sum = byClosure.get(closureId);
  if (sum === undefined) {
    byClosure.set(closureId, { washIn, washOut, permanentlyLost });
    return;
  }
  sum.washIn = sum.washIn.plus(washIn);
  sum.washOut = sum.washOut.plus(washOut);
  sum.permanentlyLost = sum.permanentlyLost.plus(permanentlyLost);
}
