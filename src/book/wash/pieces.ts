/** Lots cut into pieces: the units one close took, or those still held. Wash sales cut them further. */
import { Decimal } from '../../domain/decimal.ts';
import { TruebookError } from '../../domain/errors.ts';
import { instantKey, type TradeDate } from '../../domain/time.ts';
import { type ListPlace } from './queues.ts';
import { type WashAcquisition, type WashClose, type WashPolicy } from './terms.ts';

/** A quotient that does not end is cut here; the rest takes the remainder, so nothing is lost. */
export const PLACES = 18;
const DAY_MS = 86_400_000;
const CENTS = 2;

export interface LotRecord {
  readonly row: WashAcquisition;
  readonly acquiredDay: number;
  readonly acquiredKey: string;
  /** Orders are told apart by account; a lot without one is an order of its own. */
  readonly order: string;
  readonly weight: Decimal;
  readonly pieces: Piece[];
}

/** A close with its instants as numbers and text that sort. `day` is beyond every day for units still held. */
export interface CloseRecord {
  readonly row: WashClose | null;
  readonly day: number;
  readonly key: string;
}

/** Money of some units: tax cost with `washIn`, proceeds, and what was put off into them. */
interface Amounts {
  units: Decimal;
  basis: Decimal | null;
  proceeds: Decimal | null;
  washIn: Decimal;
}

/** Changed while losses are put off; nobody outside this folder sees one. Its units count by their weight. */
export interface Piece extends Amounts {
  readonly lot: LotRecord;
  readonly close: CloseRecord;
  /** What it was before it was cut: parts are shares of that, so that many cuts round as one. */
  whole: Readonly<Amounts>;
  holdingDay: number;
  /** Its shares put off a loss: each does so once (1.1091-1(e)). */
  used: boolean;
  /** Its loss had its turn. */
  dealtWith: boolean;
  queued: boolean;
  disallowed: Decimal;
  permanentlyLost: Decimal;
  /** Orders whose losses are inside `washIn`. */
  ancestors: readonly string[];
  /** Place among losses and among replacements; equal for pieces that nothing tells apart but `position`. */
  lossRank: number;
  replacementRank: number;
  readonly position: number;
  /** Its places in the lists of possible replacements: of its own security, and of the stock a call is on. */
  readonly places: ListPlace[];
}

/** All lots that can replace each other. */
export interface Group {
  readonly policy: WashPolicy;
  readonly lots: readonly LotRecord[];
  /** Grows with every cut. */
  readonly pieces: Piece[];
}

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
    const record = { row, day: dayNumber(row.closedDate), key: instantKey(row.closedAt) };
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

const HELD: CloseRecord = { row: null, day: Number.POSITIVE_INFINITY, key: '' };

function groupOf(
  lots: readonly LotRecord[],
  taken: ReadonlyMap<LotRecord, readonly CloseRecord[]>,
  policy: WashPolicy,
): Group {
  const pieces: Piece[] = [];
  for (const lot of lots) {
    const { openQuantity, openCost, openProceeds } = lot.row;
    for (const close of taken.get(lot) ?? []) {
      const { quantity, cost, proceeds } = close.row!;
      pieces.push(firstPiece(lot, close, quantity, cost, proceeds, pieces.length));
    }
    if (openQuantity.isZero()) continue;
    pieces.push(firstPiece(lot, HELD, openQuantity, openCost, openProceeds ?? null, pieces.length));
  }
  rank(pieces, compareLosses, (piece, place) => (piece.lossRank = place));
  rank(pieces, compareAcquired, (piece, place) => (piece.replacementRank = place));
  return { policy, lots, pieces };
}

function firstPiece(
  lot: LotRecord,
  close: CloseRecord,
  quantity: Decimal,
  basis: Decimal | null,
  proceeds: Decimal | null,
  position: number,
): Piece {
  const units = weigh(quantity, close.row?.unitWeight ?? lot.weight);
  const whole = { units, basis, proceeds, washIn: Decimal.zero };
  const piece: Piece = {
    ...whole,
    lot,
    close,
    whole,
    holdingDay:
      lot.row.holdingFrom === lot.row.acquiredDate ? lot.acquiredDay : dayNumber(lot.row.holdingFrom),
    used: lot.row.alreadyUsed ?? false,
    dealtWith: false,
    queued: false,
    disallowed: Decimal.zero,
    permanentlyLost: Decimal.zero,
    ancestors: [],
    lossRank: 0,
    replacementRank: 0,
    position,
    places: [],
  };
  lot.pieces.push(piece);
  return piece;
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

/** By the moment of sale; what is held comes after all that was sold. */
export function compareClosed(left: Piece, right: Piece): number {
  if (left.close === right.close) return 0; // two that are held, too: infinite days give no number when subtracted
  return left.close.day - right.close.day || compareTexts(left.close.key, right.close.key);
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

/**
 * Cuts `units` off the front of a piece; what is left becomes a piece of its own, later in place than all that nothing
 * else tells apart from it.
 */
export function cut(piece: Piece, units: Decimal, group: Group): Piece {
  const front = group.policy.splitRounding === 'exact' ? shareOf(piece.whole, units) : centsOf(piece, units);
  const left = piece.units.minus(units);
  const behind = group.policy.splitRounding === 'exact' ? restOf(piece, front) : centsOf(piece, left);
  const rest: Piece = { ...piece, ...behind, queued: false, position: group.pieces.length, places: [] };
  Object.assign(piece, front, { whole: front });
  group.pieces.push(rest);
  piece.lot.pieces.push(rest);
  return rest;
}

function shareOf(whole: Readonly<Amounts>, units: Decimal): Amounts {
  const share = (amount: Decimal): Decimal =>
    amount.isZero() ? amount : amount.times(units).dividedBy(whole.units, PLACES);
  return amountsOf(whole, units, share);
}

function centsOf(whole: Readonly<Amounts>, units: Decimal): Amounts {
  return amountsOf(whole, units, (amount) => toCent(amount.times(units), whole.units));
}

function amountsOf(whole: Readonly<Amounts>, units: Decimal, share: (amount: Decimal) => Decimal): Amounts {
  return {
    units,
    basis: whole.basis === null ? null : share(whole.basis),
    proceeds: whole.proceeds === null ? null : share(whole.proceeds),
    washIn: share(whole.washIn),
  };
}

function restOf(piece: Amounts, front: Amounts): Amounts {
  return {
    units: piece.units.minus(front.units),
    basis: piece.basis?.minus(front.basis!) ?? null,
    proceeds: piece.proceeds?.minus(front.proceeds!) ?? null,
    washIn: piece.washIn.minus(front.washIn),
  };
}

/** Puts a loss off into a piece (or takes it out again to hand it on). */
export function addWashIn(piece: Piece, amount: Decimal): void {
  piece.washIn = piece.washIn.plus(amount);
  piece.basis = piece.basis?.plus(amount) ?? null;
  const { units, basis, proceeds, washIn } = piece;
  piece.whole = { units, basis, proceeds, washIn };
}

const TWO = Decimal.ofInteger(2);
const HUNDRED = Decimal.ofInteger(100);

/** `dividend / divisor` to a cent, half away from zero: how forms and the tools that fill them round. */
function toCent(dividend: Decimal, divisor: Decimal): Decimal {
  const doubled = dividend.abs().times(TWO).times(HUNDRED).plus(divisor);
  const cents = doubled.dividedBy(divisor.times(TWO), 0, 'down');
  const amount = cents.dividedBy(HUNDRED, CENTS);
  return dividend.sign() < 0 ? amount.negate() : amount;
}

/** Positive where the piece was sold at a loss, what earlier losses put into it included; null where it was not. */
export function lossOf(piece: Piece): Decimal | null {
  const row = piece.close.row;
  if (row === null || (row.disposal ?? 'taxed') !== 'taxed') return null;
  if (piece.basis === null || piece.proceeds === null) return null;
  const loss = piece.basis.minus(piece.proceeds);
  return loss.sign() > 0 ? loss : null;
}

/** Units as the row counts them. */
export function quantityOf({ lot, close, units }: Piece): Decimal {
  const weight = close.row?.unitWeight ?? lot.weight;
  return weight === Decimal.one ? units : units.dividedBy(weight, PLACES);
}

function weigh(quantity: Decimal, weight: Decimal): Decimal {
  return weight === Decimal.one ? quantity : quantity.times(weight);
}

export function dayNumber(date: TradeDate): number {
  return Date.parse(`${date}T00:00:00Z`) / DAY_MS;
}

export function dateOfDay(day: number): TradeDate {
  return new Date(day * DAY_MS).toISOString().slice(0, 10) as TradeDate;
}

export function compareTexts(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

export function lotKey(row: { accountId: number | null; lotId: string }): string {
  return `${row.accountId}|${row.lotId}`;
}

function brokenRows(message: string): TruebookError {
  return new TruebookError('internal', message, {
    hint: 'This is a fault of Truebook: run "truebook rebuild --verify" and report what it prints.',
  });
}
