/** What one activity does to lots, by its kind. Rows that are one corporate action together are in `exchangeLots.ts`. */
import { type Activity } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type Instrument } from '../domain/instrument.ts';
import { payForFractions } from './cashInLieu.ts';
import { closeLots } from './closeLots.ts';
import { closeUnknown, type Manner } from './closure.ts';
import { type Movement, movementOf } from './movement.ts';
import { takeCoinFee } from './coinFee.ts';
import { type LotFold } from './lotFold.ts';
import { openLot, type StatedCost } from './openLots.ts';
import { delivered, exerciseOption, settleInCash } from './optionEvents.ts';
import { returnCapital } from './returnOfCapital.ts';
import { growLots } from './scaleLots.ts';
import { spinOff } from './spinOff.ts';

export function moveLots(fold: LotFold, activity: Activity): void {
  const { instrument } = activity;
  if (instrument === null) return;
  switch (activity.kind) {
    case 'fill':
      return trade(fold, activity, instrument);
    case 'option_expiry':
      return expire(fold, activity, instrument);
    case 'option_assignment':
    case 'option_exercise':
      return exerciseOption(fold, activity, instrument);
    case 'option_delivery':
      if (activity.quantity.isZero()) return settleInCash(fold, activity, instrument);
      return deliver(fold, activity, instrument);
    case 'crypto_fee':
      return takeCoinFee(fold, activity, instrument);
    case 'return_of_capital':
      return returnCapital(fold, activity, instrument);
    case 'cash_in_lieu':
      if (activity.quantity.isZero()) return payForFractions(fold, activity, instrument);
      return carry(fold, activity, instrument);
    case 'spinoff':
      return spinOff(fold, activity, instrument, openUnexplained);
    case 'stock_dividend':
    case 'split':
      return growLots(fold, activity, instrument, openUnexplained);
    default:
      return carry(fold, activity, instrument);
  }
}

/** An execution: closes what is open the other way, and opens with the rest. A flip is both, with its fee split. */
function trade(fold: LotFold, activity: Activity, instrument: Instrument): void {
  const movement = movementOf(
    fold,
    activity,
    instrument,
    activity.quantity.abs(),
    moneyOf(activity, instrument),
  );
  closeThenOpen(fold, movement, { money: null, source: 'fill' });
}

/** Shares that an exercise or assignment brought or took, at the strike; the premium of its option rolls in. */
function deliver(fold: LotFold, activity: Activity, instrument: Instrument): void {
  const units = activity.quantity.abs();
  const movement = movementOf(fold, activity, instrument, units, moneyOf(activity, instrument));
  closeThenOpen(fold, delivered(fold, movement), { money: null, source: 'fill' });
}

function closeThenOpen(fold: LotFold, movement: Movement, stated: StatedCost): void {
  const { activity, instrument } = movement;
  const { quantity } = activity;
  if (quantity.isZero()) return;
  const isBuy = quantity.sign() > 0;
  const closes = isBuy ? 'short' : 'long';
  const manner: Manner = { kind: isBuy ? 'cover' : 'sale', moves: false };
  const { intent } = activity.details;
  const rest = intent === 'open' ? quantity.abs() : closeLots(fold, movement, closes, quantity.abs(), manner);
  if (rest.isZero()) return;
  if (opens(fold, activity, instrument))
    openLot(fold, movement, isBuy ? 'long' : 'short', rest, stated.source);
  else closeUnknown(fold, movement, closes, rest, manner);
}

/**
 * Whether units beyond what is known open a lot. A purchase does. A sale of more than is known is a short sale only
 * where somebody says so: the fill, or the broker that has reported this instrument short, or an option (written
 * options are the rule there). Else the units come from history nobody told us.
 */
function opens(fold: LotFold, { quantity, details }: Activity, { id, kind }: Instrument): boolean {
  if (details['intent'] === 'close') return false;
  if (quantity.sign() > 0 || details['intent'] === 'open' || details['side'] === 'sell_short') return true;
  const { shortsReported } = fold.choices.rules;
  return kind === 'option' || kind === 'fop' || shortsReported === 'all' || shortsReported.has(id);
}

/**
 * Money of a trade without fees, positive for what a sale brought and what a purchase took. The broker's amount is
 * authoritative; price times quantity stands in where there is none, but not for options, whose multiplier a missing
 * amount means to be unknown.
 */
export function moneyOf({ amount, price, quantity }: Activity, instrument: Instrument): Decimal | null {
  if (amount !== null) return quantity.sign() > 0 ? amount.negate() : amount;
  if (price === null || instrument.kind === 'option') return null;
  return price.times(quantity.abs()).times(instrument.multiplier);
}

function expire(fold: LotFold, activity: Activity, instrument: Instrument): void {
  const units = activity.quantity.abs();
  if (units.isZero()) return;
  const movement = movementOf(fold, activity, instrument, units, Decimal.zero);
  const direction = activity.quantity.sign() > 0 ? 'short' : 'long';
  const manner: Manner = { kind: 'expiry', moves: false };
  const rest = closeLots(fold, movement, direction, units, manner);
  if (!rest.isZero()) closeUnknown(fold, movement, direction, rest, manner);
}

/** Everything else that moves units: openings, transfers, adjustments, mergers without a partner. */
function carry(fold: LotFold, activity: Activity, instrument: Instrument): void {
  const { quantity } = activity;
  if (quantity.isZero()) return;
  const units = quantity.abs();
  const closes = quantity.sign() > 0 ? 'short' : 'long';
  const manner = mannerOf(activity);
  const leaving = movementOf(fold, activity, instrument, units, proceedsOf(activity, instrument));
  // A person's memory of a trade, until the broker publishes the trade itself.
  leaving.estimated = activity.details['as'] === 'external-change';
  const rest = closeLots(fold, leaving, closes, units, manner);
  if (rest.isZero()) return;
  if (quantity.sign() < 0 && !bringsShort(fold, activity, instrument))
    return closeUnknown(fold, leaving, closes, rest, manner);
  const stated = statedCost(activity, instrument, units);
  const coming = movementOf(fold, activity, instrument, units, stated.money);
  coming.estimated = leaving.estimated;
  coming.rolled = coming.rolledLeft = carriedPremium(activity);
  openLot(fold, coming, quantity.sign() > 0 ? 'long' : 'short', rest, stated.source);
}

/** `details.rolled`: premium in the tax cost of units that come from an account of one's own, signed as cost. */
function carriedPremium({ details }: Activity): Decimal {
  const { rolled } = details;
  return rolled === undefined ? Decimal.zero : (Decimal.tryParse(rolled) ?? Decimal.zero);
}

/** Units brought by a row that says nothing of their cost. */
export function openUnexplained(
  fold: LotFold,
  activity: Activity,
  instrument: Instrument,
  units: Decimal,
): void {
  const size = units.abs();
  if (size.isZero()) return;
  const movement = movementOf(fold, { ...activity, fees: null }, instrument, size, null);
  if (units.sign() > 0) openLot(fold, movement, 'long', size, 'unknown');
  else closeUnknown(fold, movement, 'long', size, { kind: 'adjustment', moves: false });
}

/** An opening short is stated by the broker; a transfer out of more than is known is none unless it was reported. */
function bringsShort(fold: LotFold, { kind, details }: Activity, { id }: Instrument): boolean {
  const { shortsReported } = fold.choices.rules;
  if (shortsReported !== 'all' && shortsReported.has(id)) return true;
  if (kind === 'opening') return (details['stated'] ?? '-').startsWith('-');
  return kind === 'adjustment' && shortsReported === 'all';
}

function mannerOf({ kind, details }: Activity): Manner {
  // A person's word for a transfer the broker does not publish: the cost goes along, as with one it does.
  if (kind === 'adjustment' && details['as'] === 'transfer') return { kind: 'transfer_out', moves: true };
  switch (kind) {
    case 'security_transfer':
      return { kind: 'transfer_out', moves: true };
    case 'merger':
    case 'reorganization':
      return { kind: 'merger', moves: false };
    case 'cash_in_lieu':
      return { kind: 'cash_in_lieu', moves: false };
    default:
      return { kind: 'adjustment', moves: false };
  }
}

/** What came in for units that left by such a row; null where nobody said. */
function proceedsOf(activity: Activity, instrument: Instrument): Decimal | null {
  const { amount, quantity, price } = activity;
  if (amount !== null && !amount.isZero()) return quantity.sign() > 0 ? amount.negate() : amount;
  if (activity.kind === 'adjustment' && price !== null)
    return price.times(quantity.abs()).times(instrument.multiplier);
  // The broker's word for a removal of worthless shares.
  return activity.brokerType.endsWith('/WRM') ? Decimal.zero : null;
}

/**
 * What the units of an opening, a transfer or an adjustment are said to have cost in total: `details.basis` as a
 * number, or the price per unit. A person's word is a person's, all else is the broker's.
 */
export function statedCost(activity: Activity, instrument: Instrument, units: Decimal): StatedCost {
  const { price, details, kind } = activity;
  const source = activity.source === 'user' ? 'user' : 'broker';
  const total = details['basis'] === undefined ? null : Decimal.tryParse(details['basis']);
  if (total !== null) return { money: total, source };
  const speaks = kind === 'opening' || kind === 'adjustment' || details['basis'] === 'broker';
  if (price === null || !speaks || details['basis'] === 'unknown') return { money: null, source: 'unknown' };
  return { money: price.abs().times(units).times(instrument.multiplier), source };
}
