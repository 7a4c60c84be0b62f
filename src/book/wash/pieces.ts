/** Lots cut into pieces: the units one close took, or those still held. Wash sales cut them further. */
import { Decimal } from '../../domain/decimal.ts';
import { compareTexts } from './order.ts';
import { type ListPlace } from './queues.ts';
import { type WashAcquisition, type WashClose, type WashPolicy } from './terms.ts';

/** A quotient that does not end is cut here; the rest takes the remainder, so nothing is lost. */
export const PLACES = 18;
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
  /** Units of the same place before it. */
  readonly offset: Decimal;
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

/** By the moment of sale; what is held comes after all that was sold. */
export function compareClosed(left: Piece, right: Piece): number {
  if (left.close === right.close) return 0; // two that are held, too: infinite days give no number when subtracted
  return left.close.day - right.close.day || compareTexts(left.close.key, right.close.key);
}

/** Order of pieces of one rank. */
export function comparePlaces(left: Piece, right: Piece): number {
  return left.position - right.position || left.offset.compare(right.offset);
}

/** Cuts `units` off the front of a piece; what is left becomes a piece of its own. */
export function cut(piece: Piece, units: Decimal, group: Group): Piece {
  const front = group.policy.splitRounding === 'exact' ? shareOf(piece.whole, units) : centsOf(piece, units);
  const left = piece.units.minus(units);
  const behind = group.policy.splitRounding === 'exact' ? restOf(piece, front) : centsOf(piece, left);
  const inPlace = group.policy.restOfCut === 'in_place';
  const rest: Piece = {
    ...piece,
    ...behind,
    queued: false,
    position: inPlace ? piece.position : group.pieces.length,
    offset: piece.offset.plus(units),
    places: [],
  };
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
