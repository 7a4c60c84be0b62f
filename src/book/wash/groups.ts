/** Rows as groups of lots that can replace each other, cut at first as their closes cut them, and put in order. */
import { Decimal } from '../../domain/decimal.ts';
import { TruebookError } from '../../domain/errors.ts';
import { instantKey } from '../../domain/time.ts';
import { compareTexts, dayNumber } from './order.ts';
import {
  type Amounts,
  type CloseRecord,
  compareClosed,
  type Group,
  type LotRecord,
  type Piece,
  pieceOf,
} from './pieces.ts';
import { type WashAcquisition, type WashClose, type WashPolicy } from './terms.ts';

/** The key under which rows must be worked out together: a stock with all calls on it, else a security. */
export function washGroupKey(row: WashAcquisition, policy: WashPolicy): string {
  const account = policy.scope === 'account' ? row.accountId : 'all';
  return `${account}|${row.direction ?? 'long'}|${row.optionOn ?? row.securityKey}`;
}

export function groupsOf(
  acquisitions: readonly WashAcquisition[],
  closes: readonly WashClose[],
  policy: WashPolicy,
): Group[] {
  const lots = new Map<string, LotRecord>();
  const groups = new Map<string, LotRecord[]>();
  for (const row of [...acquisitions].sort(compareRows)) {
    const lot = lotRecord(row);
    lots.set(lotKey(row), lot);
    const key = washGroupKey(row, policy);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [lot]);
    else group.push(lot);
  }
  const taken = closesByLot(closes, lots);
  return [...groups.values()].map((group) => groupOf(group, taken, policy));
}

function compareRows(left: WashAcquisition, right: WashAcquisition): number {
  return (
    left.seq - right.seq || compareTexts(left.lotId, right.lotId) || compareTexts(lotKey(left), lotKey(right))
  );
}

function lotRecord(row: WashAcquisition): LotRecord {
  return {
    row,
    acquiredDay: dayNumber(row.acquiredDate),
    acquiredKey: instantKey(row.acquiredAt),
    order: row.orderId == null ? `lot|${lotKey(row)}` : `order|${row.accountId}|${row.orderId}`,
    weight: row.unitWeight ?? Decimal.one,
    pieces: [],
  };
}

function closesByLot(
  closes: readonly WashClose[],
  lots: ReadonlyMap<string, LotRecord>,
): Map<LotRecord, CloseRecord[]> {
  const taken = new Map<LotRecord, CloseRecord[]>();
  for (const row of closes) {
    const lot = lots.get(lotKey(row));
    if (lot === undefined) throw brokenRows(`Close ${row.closureId} names a lot that is not there.`);
    // A return of capital takes no units: it has no loss and nothing to replace.
    if (row.quantity.isZero()) continue;
    const record = { row, day: dayNumber(row.closedDate), key: instantKey(row.closedAt), adjustments: 0 };
    const list = taken.get(lot);
    if (list === undefined) taken.set(lot, [record]);
    else list.push(record);
  }
  for (const list of taken.values()) list.sort(compareCloses);
  return taken;
}

function compareCloses(left: CloseRecord, right: CloseRecord): number {
  return (
    left.day - right.day ||
    compareTexts(left.key, right.key) ||
    compareTexts(left.row?.closureId ?? '', right.row?.closureId ?? '')
  );
}

const HELD: CloseRecord = { row: null, day: Number.POSITIVE_INFINITY, key: '', adjustments: 0 };

function groupOf(
  lots: readonly LotRecord[],
  taken: ReadonlyMap<LotRecord, readonly CloseRecord[]>,
  policy: WashPolicy,
): Group {
  const pieces: Piece[] = [];
  const add = (lot: LotRecord, close: CloseRecord, amounts: Amounts): void => {
    const piece = pieceOf(lot, close, amounts, pieces.length, null);
    pieces.push(piece);
    lot.pieces.push(piece);
  };
  for (const lot of lots) {
    const { openQuantity, openCost, openProceeds } = lot.row;
    for (const close of taken.get(lot) ?? []) {
      const { quantity, unitWeight, cost, proceeds } = close.row!;
      const units = weigh(quantity, unitWeight ?? lot.weight);
      add(lot, close, { units, basis: cost, proceeds, washIn: Decimal.zero });
    }
    if (openQuantity.isZero()) continue;
    const units = weigh(openQuantity, lot.weight);
    add(lot, HELD, { units, basis: openCost, proceeds: openProceeds ?? null, washIn: Decimal.zero });
  }
  rank(pieces, compareLosses, (piece, place) => (piece.lossRank = place));
  rank(pieces, compareAcquired, (piece, place) => (piece.replacementRank = place));
  return { policy, lots, pieces };
}

function rank(
  pieces: readonly Piece[],
  compare: (left: Piece, right: Piece) => number,
  give: (piece: Piece, place: number) => void,
): void {
  let before: Piece | null = null;
  let place = 0;
  for (const piece of [...pieces].sort(compare)) {
    if (before !== null && compare(before, piece) !== 0) place += 1;
    give(piece, place);
    before = piece;
  }
}

/** By the time of sale; those of one moment by acquisition (1.1091-1(b)). */
function compareLosses(left: Piece, right: Piece): number {
  return compareClosed(left, right) || compareAcquired(left, right);
}

/** By acquisition (1.1091-1(c), (d)); of what was acquired at one moment, what was sold first. */
function compareAcquired(left: Piece, right: Piece): number {
  return (
    left.lot.acquiredDay - right.lot.acquiredDay ||
    compareTexts(left.lot.acquiredKey, right.lot.acquiredKey) ||
    compareClosed(left, right) ||
    compareTexts(left.lot.row.formPosition ?? '', right.lot.row.formPosition ?? '')
  );
}

function weigh(quantity: Decimal, weight: Decimal): Decimal {
  return weight === Decimal.one ? quantity : quantity.times(weight);
}

export function lotKey(row: { accountId: number | null; lotId: string }): string {
  return `${row.accountId}|${row.lotId}`;
}

function brokenRows(message: string): TruebookError {
  return new TruebookError('internal', message, {
    hint: 'This is a fault of Truebook: run "truebook rebuild --verify" and report what it prints.',
  });
}
