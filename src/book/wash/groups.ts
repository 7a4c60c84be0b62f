/** Rows as groups of lots that can replace each other, cut at first as their closes cut them, and put in order. */
import { Decimal } from '../../domain/decimal.ts';
import { TruebookError } from '../../domain/errors.ts';
import { type LotId } from '../../domain/lot.ts';
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
import { type AccountId, type WashAcquisition, type WashClose, type WashPolicy } from './terms.ts';

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
  const accounts = new Map<AccountId, Map<LotId, LotRecord>>();
  const groups = new Map<string, LotRecord[]>();
  for (const [index, row] of [...acquisitions].sort(compareRows).entries()) {
    const lot = lotRecord(row, index);
    const lots = accounts.get(row.accountId);
    if (lots === undefined) accounts.set(row.accountId, new Map([[row.lotId, lot]]));
    else lots.set(row.lotId, lot);
    const key = washGroupKey(row, policy);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [lot]);
    else group.push(lot);
  }
  addCloses(closes, accounts);
  return [...groups.values()].map((group) => groupOf(group, policy));
}

function compareRows(left: WashAcquisition, right: WashAcquisition): number {
  return (
    left.seq - right.seq ||
    compareTexts(left.lotId, right.lotId) ||
    (left.accountId ?? 0) - (right.accountId ?? 0)
  );
}

function lotRecord(row: WashAcquisition, index: number): LotRecord {
  return {
    row,
    index,
    day: dayNumber(row.acquiredDate),
    key: instantKey(row.acquiredAt),
    rank: 0,
    closes: [],
    weight: row.unitWeight ?? Decimal.one,
  };
}

function addCloses(
  closes: readonly WashClose[],
  accounts: ReadonlyMap<AccountId, ReadonlyMap<LotId, LotRecord>>,
): void {
  for (const row of closes) {
    const lot = accounts.get(row.accountId)?.get(row.lotId);
    if (lot === undefined) throw brokenRows(`Close ${row.closureId} names a lot that is not there.`);
    // A return of capital takes no units: it has no loss and nothing to replace.
    if (row.quantity.isZero()) continue;
    const [day, key] = [dayNumber(row.closedDate), instantKey(row.closedAt)];
    lot.closes.push({ row, day, key, rank: 0, adjustments: 0 });
  }
}

function compareCloses(left: CloseRecord, right: CloseRecord): number {
  return compareMoments(left, right) || compareTexts(left.row?.closureId ?? '', right.row?.closureId ?? '');
}

const NEVER = Number.POSITIVE_INFINITY;
const HELD: CloseRecord = { row: null, day: NEVER, key: '', rank: NEVER, adjustments: 0 };

function groupOf(lots: readonly LotRecord[], policy: WashPolicy): Group {
  const pieces: Piece[] = [];
  const add = (lot: LotRecord, close: CloseRecord, amounts: Amounts): void => {
    pieces.push(pieceOf(lot, close, amounts, pieces.length, null));
  };
  for (const lot of lots) {
    const { openQuantity, openCost, openProceeds } = lot.row;
    for (const close of lot.closes.sort(compareCloses)) {
      const { quantity, unitWeight, cost, proceeds } = close.row!;
      const units = weigh(quantity, unitWeight ?? lot.weight);
      add(lot, close, { units, basis: cost, proceeds, washIn: Decimal.zero });
    }
    if (openQuantity.isZero()) continue;
    const units = weigh(openQuantity, lot.weight);
    add(lot, HELD, { units, basis: openCost, proceeds: openProceeds ?? null, washIn: Decimal.zero });
  }
  return { policy, lots, pieces };
}

/** Puts the pieces of a group in the two orders of the regulation. Only a group with losses needs it. */
export function rankPieces({ lots, pieces }: Group): void {
  rank([...lots], compareMoments, (lot, place) => (lot.rank = place));
  const closes = new Set(pieces.map(({ close }) => close));
  closes.delete(HELD);
  rank([...closes], compareMoments, (close, place) => (close.rank = place));
  rank([...pieces], compareLosses, (piece, place) => (piece.lossRank = place));
  rank([...pieces], compareReplacements, (piece, place) => (piece.replacementRank = place));
}

/** Sorts and numbers; what compares as equal gets the same number. */
function rank<Item>(
  items: Item[],
  compare: (left: Item, right: Item) => number,
  give: (item: Item, place: number) => void,
): void {
  let place = 0;
  for (const [index, item] of items.sort(compare).entries()) {
    if (index > 0 && compare(items[index - 1]!, item) !== 0) place += 1;
    give(item, place);
  }
}

function compareMoments(left: LotRecord | CloseRecord, right: LotRecord | CloseRecord): number {
  return left.day - right.day || compareTexts(left.key, right.key);
}

/** By the time of sale; those of one moment by acquisition (1.1091-1(b)). */
function compareLosses(left: Piece, right: Piece): number {
  return compareClosed(left, right) || compareReplacements(left, right);
}

/** By acquisition (1.1091-1(c), (d)); of what was acquired at one moment, what was sold first. */
function compareReplacements(left: Piece, right: Piece): number {
  return (
    left.lot.rank - right.lot.rank ||
    compareClosed(left, right) ||
    compareTexts(left.lot.row.formPosition ?? '', right.lot.row.formPosition ?? '')
  );
}

function weigh(quantity: Decimal, weight: Decimal): Decimal {
  return weight === Decimal.one ? quantity : quantity.times(weight);
}

function brokenRows(message: string): TruebookError {
  return new TruebookError('internal', message, {
    hint: 'This is a fault of Truebook: run "truebook rebuild --verify" and report what it prints.',
  });
}
