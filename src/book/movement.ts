/**
 * What an activity moves: units with their money, fees and premium, dealt out over the pieces it closes and the rest
 * it opens. Each piece takes `total x k / units`, the last one what is left, so that the pieces add up exactly.
 */
import { type Activity } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type FeePolicy } from '../domain/election.ts';
import { type Instrument } from '../domain/instrument.ts';
import { type LotFold, rateToBase } from './lotFold.ts';
import { shareOf } from './openLot.ts';
import { feePolicyOn } from './rules.ts';

export interface Movement {
  readonly activity: Activity;
  readonly instrument: Instrument;
  readonly policy: FeePolicy;
  /** Into base currency; null where nobody told it. */
  readonly rate: Decimal | null;
  /** All units, positive. */
  readonly units: Decimal;
  unitsLeft: Decimal;
  /** Without fees: what came in for a sale, what was paid for a purchase. Null: nobody said. */
  readonly money: Decimal | null;
  moneyLeft: Decimal | null;
  readonly fees: Decimal;
  feesLeft: Decimal;
  /** Of delivered stock: the premium that rolls in, signed as cost. */
  rolled: Decimal;
  rolledLeft: Decimal;
  /** The premium of the option behind a delivery is not known wholly. */
  estimated: boolean;
  /** The share of the piece at hand, set by `nextPiece`. */
  pieceMoney: Decimal | null;
  pieceFee: Decimal;
  pieceRolled: Decimal;
}

export function movementOf(
  fold: LotFold,
  activity: Activity,
  instrument: Instrument,
  units: Decimal,
  money: Decimal | null,
): Movement {
  const { fees: stated, feesCurrency, currency } = activity;
  // Fees in another currency are no part of a cost: no rate of that moment is known.
  const isOwn = stated !== null && (feesCurrency === null || feesCurrency === currency);
  const fees = isOwn ? stated : Decimal.zero;
  return {
    activity,
    instrument,
    policy: feePolicyOn(fold.choices, activity.tradeDate),
    rate: rateToBase(fold, activity),
    units,
    unitsLeft: units,
    money,
    moneyLeft: money,
    fees,
    feesLeft: fees,
    rolled: Decimal.zero,
    rolledLeft: Decimal.zero,
    estimated: false,
    pieceMoney: null,
    pieceFee: Decimal.zero,
    pieceRolled: Decimal.zero,
  };
}

/** Deals the share of the next `k` units. */
export function nextPiece(fold: LotFold, movement: Movement, k: Decimal): void {
  const { units, money, moneyLeft, rolled, rolledLeft } = movement;
  if (fold.choices.feeSharing === 'first_piece' || movement.feesLeft.isZero()) {
    movement.pieceFee = movement.feesLeft;
    movement.feesLeft = Decimal.zero;
  } else dealFee(movement, k);
  if (k.equals(movement.unitsLeft)) {
    movement.pieceMoney = moneyLeft;
    movement.pieceRolled = rolledLeft;
    movement.unitsLeft = movement.moneyLeft = movement.rolledLeft = Decimal.zero;
    return;
  }
  movement.unitsLeft = movement.unitsLeft.minus(k);
  if (money !== null && moneyLeft !== null) {
    movement.pieceMoney = shareOf(money, k, units);
    movement.moneyLeft = moneyLeft.minus(movement.pieceMoney);
  } else movement.pieceMoney = null;
  if (rolled.isZero()) return;
  movement.pieceRolled = shareOf(rolled, k, units);
  movement.rolledLeft = rolledLeft.minus(movement.pieceRolled);
}

function dealFee(movement: Movement, k: Decimal): void {
  const { fees, feesLeft, units, unitsLeft } = movement;
  movement.pieceFee = k.equals(unitsLeft) ? feesLeft : shareOf(fees, k, units);
  movement.feesLeft = feesLeft.minus(movement.pieceFee);
}
