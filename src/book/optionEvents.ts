/**
 * Exercise and assignment. The option's own close realizes its premium (economic layer) and rolls the same sum away
 * (tax layer: zero, IRS Pub. 550); the stock that is delivered takes it into its cost or proceeds. Both rows are one
 * event: the premium waits until the delivery comes.
 */
import { type Activity } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type Instrument } from '../domain/instrument.ts';
import { type LotClosure } from '../domain/lot.ts';
import { closeLots } from './closeLots.ts';
import {
  closeUnknown,
  closureOf,
  type Manner,
  type Origin,
  type Taken,
  undated,
  unknownOrigin,
} from './closure.ts';
import { type PendingPremium } from './lotBook.ts';
import { emit, type LotFold } from './lotFold.ts';
import { type Movement, movementOf } from './movement.ts';
import { shareOf } from './openLot.ts';

export function exerciseOption(fold: LotFold, activity: Activity, instrument: Instrument): void {
  const units = activity.quantity.abs();
  if (units.isZero()) return;
  const kind = activity.kind === 'option_assignment' ? 'assignment' : 'exercise';
  const direction = activity.quantity.sign() > 0 ? 'short' : 'long';
  const manner: Manner = { kind, moves: false };
  const movement = movementOf(fold, activity, instrument, units, Decimal.zero);
  const from = fold.closures.length;
  const rest = closeLots(fold, movement, direction, units, manner);
  if (!rest.isZero()) closeUnknown(fold, movement, direction, rest, manner);
  rollAway(fold, activity, instrument, kind, from);
}

/** Takes the premium out of the closes since `from` and lets it wait for the stock. */
function rollAway(
  fold: LotFold,
  activity: Activity,
  instrument: Instrument,
  kind: PendingPremium['kind'],
  from: number,
): void {
  const closes = fold.closures.slice(from);
  const rolled = closes.map(({ realized }) => (realized === null ? Decimal.zero : realized.negate()));
  closes.forEach((closure, index) => {
    fold.closures[from + index] = rolledAway(closure, rolled[index]!);
  });
  const terms = instrument.option;
  if (terms === null) return;
  const isCall = terms.right === 'call';
  const isWritten = activity.quantity.sign() > 0;
  fold.premiums = [
    ...fold.premiums,
    {
      option: instrument.id,
      rootId: activity.rootId,
      lotId: closes[0]!.lotId,
      openedRootId: closes[0]!.openedRootId,
      kind,
      groupId: activity.groupId,
      tradeDate: activity.tradeDate,
      underlying: terms.underlying,
      strike: terms.strike,
      delivers: isCall === isWritten ? -1 : 1,
      units: activity.quantity.abs().times(instrument.multiplier),
      rolled: Decimal.sum(rolled),
      estimated: closes.some((closure) => closure.realizedBasis !== 'exact'),
    },
  ];
}

/** The premium leaves the close of its option: what was paid for it, or what it brought. */
function rolledAway(closure: LotClosure, premium: Decimal): LotClosure {
  const inProceeds = closure.rolledProceeds ?? Decimal.zero;
  return {
    ...closure,
    rolled: closure.rolled.plus(premium),
    rolledProceeds: closure.direction === 'long' ? inProceeds : inProceeds.plus(premium),
  };
}

/** A delivery with the premiums of its options, as far as they are known; without any it stays at the strike. */
export function delivered(fold: LotFold, movement: Movement): Movement {
  const { activity, instrument } = movement;
  let rest = activity.quantity.abs();
  let rolled = Decimal.zero;
  let estimated = false;
  const waiting: PendingPremium[] = [];
  for (const premium of fold.premiums) {
    if (rest.isZero() || !isOf(premium, activity, instrument)) {
      waiting.push(premium);
      continue;
    }
    const units = premium.units.compare(rest) <= 0 ? premium.units : rest;
    const isLast = units.equals(premium.units);
    const share = isLast ? premium.rolled : shareOf(premium.rolled, units, premium.units);
    rest = rest.minus(units);
    rolled = rolled.plus(share);
    estimated ||= premium.estimated;
    if (!isLast) {
      waiting.push({ ...premium, units: premium.units.minus(units), rolled: premium.rolled.minus(share) });
    }
  }
  if (waiting.length === fold.premiums.length && rest.equals(activity.quantity.abs())) return movement;
  fold.premiums = waiting;
  movement.rolled = movement.rolledLeft = rolled;
  movement.estimated = estimated;
  return movement;
}

/** By the broker's group where both have one; else by day, underlying, direction and strike. */
function isOf(premium: PendingPremium, activity: Activity, instrument: Instrument): boolean {
  if (premium.delivers !== activity.quantity.sign()) return false;
  if (premium.groupId !== null && activity.groupId !== null) return premium.groupId === activity.groupId;
  if (premium.tradeDate !== activity.tradeDate || premium.underlying !== instrument.symbol) return false;
  return strikeOf(activity)?.equals(premium.strike) === true;
}

/** From the money: the price on the wire may be wrong (Alpaca's documentation prints one). */
function strikeOf({ amount, price, quantity }: Activity): Decimal | null {
  if (amount === null || quantity.isZero()) return price;
  return amount.dividedBy(quantity, 10).abs();
}

/** An option settled in cash: what was paid for its intrinsic value, with the premium that waited. */
export function settleInCash(fold: LotFold, activity: Activity, instrument: Instrument): void {
  if (activity.amount === null || activity.amount.isZero()) return;
  const premium = fold.premiums.find((waiting) => isSettledBy(waiting, activity, instrument));
  const direction = activity.amount.sign() > 0 ? 'long' : 'short';
  const movement = movementOf(fold, activity, instrument, Decimal.zero, activity.amount.abs());
  movement.estimated = premium?.estimated ?? true;
  if (premium !== undefined) fold.premiums = fold.premiums.filter((waiting) => waiting !== premium);
  const from =
    premium === undefined ? unknownOrigin(fold, movement, direction) : originOf(premium, direction);
  const manner: Manner = { kind: premium?.kind ?? 'exercise', moves: false };
  // No stock takes the premium: it is what the option cost, or what it brought.
  const taken: Taken = { ...NOTHING, rolled: premium?.rolled ?? Decimal.zero };
  emit(fold, closureOf(fold, movement, from, Decimal.zero, taken, manner));
}

const NOTHING: Taken = {
  cost: Decimal.zero,
  costBase: Decimal.zero,
  fees: Decimal.zero,
  rolled: Decimal.zero,
};

function isSettledBy(premium: PendingPremium, activity: Activity, instrument: Instrument): boolean {
  if (premium.groupId !== null && activity.groupId !== null) return premium.groupId === activity.groupId;
  if (premium.tradeDate !== activity.tradeDate) return false;
  return premium.option === instrument.id || premium.underlying === instrument.symbol;
}

function originOf(premium: PendingPremium, direction: Origin['direction']): Origin {
  const { lotId, openedRootId } = premium;
  return { ...undated(premium), id: lotId, openedRootId, direction, costSource: 'fill' };
}
