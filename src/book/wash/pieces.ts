/** Lots cut into pieces: the units one close took, or those still held. Wash sales cut them further. */
import { Decimal } from '../../domain/decimal.ts';
import { dayNumber } from './order.ts';
import { type ListPlace } from './queues.ts';
import { type WashAcquisition, type WashClose, type WashPolicy } from './terms.ts';

/** A quotient that does not end is cut here; the rest takes the remainder, so nothing is lost. */
export const PLACES = 18;
const CENTS = 2;

export interface LotRecord {
  readonly row: WashAcquisition;
  /** Place among all rows, the same in whatever order they came. */
  readonly index: number;
  /** Of the acquisition, as numbers and text that sort. */
  readonly day: number;
  readonly key: string;
  /** Place among all moments of acquisition of the group. */
  rank: number;
  readonly weight: Decimal;
  /** In order of their sale. */
  readonly closes: CloseRecord[];
}

/** A close with its instants as numbers and text that sort. `day` is beyond every day for units still held. */
export interface CloseRecord {
  readonly row: WashClose | null;
  readonly day: number;
  readonly key: string;
  /** Place among all moments of sale of the group, beyond all others for units still held. */
  rank: number;
  /** How many adjustments it has: what makes their ids. */
  adjustments: number;
}

/** Money of some units: tax cost with `washIn`, proceeds, and what was put off into them. */
export interface Amounts {
  units: Decimal;
  basis: Decimal | null;
  proceeds: Decimal | null;
  washIn: Decimal;
}

/** Changed while losses are put off; nobody outside this folder sees one. Its units count by their weight. */
export interface Piece extends Amounts {
  readonly lot: LotRecord;
  readonly close: CloseRecord;
  /** What it was before it was cut, null where it was not: parts are shares of that, so that many cuts round as one. */
  whole: Readonly<Amounts> | null;
  isCut: boolean;
  holdingDay: number;
  /** Its shares put off a loss: each does so once (1.1091-1(e)). */
  used: boolean;
  /** Its loss had its turn. */
  dealtWith: boolean;
  queued: boolean;
  disallowed: Decimal;
  permanentlyLost: Decimal;
  /** Lots whose losses are inside `washIn`; noted only where the policy asks for it. */
  ancestors: readonly LotRecord[];
  /** Place among losses and among replacements; equal for pieces that nothing tells apart but `position`. */
  lossRank: number;
  replacementRank: number;
  readonly position: number;
  /** Units of the same place before it. */
  offset: Decimal;
  /** Its places in the lists of possible replacements: of its own security, and of the stock a call is on. */
  place: ListPlace | null;
  placeAsCall: ListPlace | null;
}

/** All lots that can replace each other. */
export interface Group {
  readonly policy: WashPolicy;
  readonly lots: readonly LotRecord[];
  /** Grows with every cut. */
  readonly pieces: Piece[];
}

/** By the moment of sale; what is held comes after all that was sold. */
export function compareClosed({ close: left }: Piece, { close: right }: Piece): number {
  return left === right ? 0 : left.rank - right.rank; // infinite ranks give no number when subtracted
}

/** Order of pieces of one rank. */
export function comparePlaces(left: Piece, right: Piece): number {
  return left.position - right.position || left.offset.compare(right.offset);
}

/** What a piece begins with; all pieces are made here, so that they have one shape. */
export function pieceOf(
  lot: LotRecord,
  close: CloseRecord,
  { units, basis, proceeds, washIn }: Amounts,
  position: number,
  from: Piece | null,
): Piece {
  return {
    lot,
    close,
    units,
    basis,
    proceeds,
    washIn,
    whole: null,
    isCut: from !== null,
    holdingDay: from?.holdingDay ?? dayNumber(lot.row.holdingFrom),
    used: from?.used ?? lot.row.alreadyUsed ?? false,
    dealtWith: from?.dealtWith ?? false,
    queued: false,
    disallowed: Decimal.zero,
    permanentlyLost: Decimal.zero,
    ancestors: from?.ancestors ?? NO_LOTS,
    lossRank: from?.lossRank ?? 0,
    replacementRank: from?.replacementRank ?? 0,
    position,
    offset: Decimal.zero,
    place: null,
    placeAsCall: null,
  };
}

const NO_LOTS: readonly LotRecord[] = [];

/** Cuts `units` off the front of a piece; what is left becomes a piece of its own. */
export function cut(piece: Piece, units: Decimal, { policy, pieces }: Group): Piece {
  const isExact = policy.splitRounding === 'exact';
  const whole = piece.whole ?? amountsOf(piece, piece.units, (amount) => amount);
  const front = isExact ? shareOf(whole, units) : centsOf(piece, units);
  const behind = isExact ? restOf(piece, front) : centsOf(piece, piece.units.minus(units));
  const position = policy.restOfCut === 'in_place' ? piece.position : pieces.length;
  const rest = pieceOf(piece.lot, piece.close, behind, position, piece);
  rest.whole = whole;
  rest.offset = piece.offset.plus(units);
  piece.isCut = true;
  piece.units = units;
  piece.basis = front.basis;
  piece.proceeds = front.proceeds;
  piece.washIn = front.washIn;
  piece.whole = null;
  pieces.push(rest);
  return rest;
}

function shareOf(whole: Readonly<Amounts>, units: Decimal): Amounts {
  return amountsOf(whole, units, (amount) => amount.times(units).dividedBy(whole.units, PLACES));
}

function centsOf(whole: Readonly<Amounts>, units: Decimal): Amounts {
  return amountsOf(whole, units, (amount) => toCent(amount.times(units), whole.units));
}

function amountsOf(whole: Readonly<Amounts>, units: Decimal, share: (amount: Decimal) => Decimal): Amounts {
  return {
    units,
    basis: whole.basis === null ? null : share(whole.basis),
    proceeds: whole.proceeds === null ? null : share(whole.proceeds),
    washIn: whole.washIn.isZero() ? whole.washIn : share(whole.washIn),
  };
}

function restOf(piece: Amounts, front: Amounts): Amounts {
  return {
    units: piece.units.minus(front.units),
    basis: piece.basis?.minus(front.basis!) ?? null,
    proceeds: piece.proceeds?.minus(front.proceeds!) ?? null,
    washIn: front.washIn.isZero() ? piece.washIn : piece.washIn.minus(front.washIn),
  };
}

/** Puts a loss off into a piece (or takes it out again to hand it on). */
export function addWashIn(piece: Piece, amount: Decimal): void {
  piece.washIn = piece.washIn.plus(amount);
  piece.basis = piece.basis?.plus(amount) ?? null;
  piece.whole = null;
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
export function quantityOf({ lot, close, units, isCut }: Piece): Decimal {
  if (!isCut) return close.row?.quantity ?? lot.row.openQuantity;
  const weight = close.row?.unitWeight ?? lot.weight;
  return weight.equals(Decimal.one) ? units : units.dividedBy(weight, PLACES);
}
