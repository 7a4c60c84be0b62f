/** Exact ratios of quantities, and sums of money that are equal as far as their digits tell. Pure. */
import { Decimal } from '../../domain/decimal.ts';
import { type OpenRest } from './claim.ts';

/** `to` new units for `from` old ones, in lowest terms. */
export interface Ratio {
  readonly to: Decimal;
  readonly from: Decimal;
}

/** Companies split by small numbers, in reverse by up to some hundred. */
const SMALL_MAX = 20;
const LARGE_MAX = 200;

/** Digits behind the point of a quantity that brokers keep. */
const QUANTITY_PLACES = 9;

/**
 * The ratio in lowest terms that makes `before` into `after`, but for the ninth digit behind the point; null where the
 * quantities are zero, of different sign, or in no ratio of one number up to 20 and one up to 200.
 */
export function ratioOf(before: Decimal, after: Decimal): Ratio | null {
  if (before.isZero() || before.sign() !== after.sign()) return null;
  if (before.equals(after)) return SAME;
  for (let number = 1; number <= LARGE_MAX; number += 1) {
    const from = Decimal.ofInteger(number);
    const to = after.times(from).dividedBy(before, 0);
    const most = number <= SMALL_MAX ? LARGE_MAX : SMALL_MAX;
    if (to.sign() <= 0 || to.compare(Decimal.ofInteger(most)) > 0) continue;
    if (before.times(to).dividedBy(from, QUANTITY_PLACES).equals(after)) return { to, from };
  }
  return null;
}

const SAME: Ratio = { to: Decimal.one, from: Decimal.one };

/** A quantity at an average price. */
interface Held {
  readonly quantity: Decimal;
  readonly average: Decimal;
}

/**
 * Whether two holdings cost the same, the later one `more` more: an average is only as exact as its last digit, so the
 * sums may differ by half a unit of it times the quantity.
 */
export function sameMoney(earlier: Held, later: Held, more: Decimal = Decimal.zero): boolean {
  const cost = ({ quantity, average }: Held): Decimal => quantity.times(average);
  const room = roomOf(earlier).plus(roomOf(later));
  return cost(earlier).plus(more).minus(cost(later)).abs().compare(room) <= 0;
}

/** Trailing zeros are not shown, so an average of few digits is taken to be exact to the fourth. */
function roomOf({ quantity, average }: Held): Decimal {
  const text = average.toString();
  const point = text.indexOf('.');
  const digits = point < 0 ? 0 : text.length - point - 1;
  const places = Math.min(Math.max(digits, 4), 12);
  return quantity.abs().times(Decimal.ofScaled(5, places + 1));
}

/** Whether one contract may be another under the terms a corporate action gave it: same last day and right, same worth. */
export function isSameContract(from: OpenRest, to: OpenRest): boolean {
  const [before, after] = [from.instrument.option, to.instrument.option];
  if (before === null || after === null) return false;
  if (before.expiry !== after.expiry || before.right !== after.right) return false;
  const units = from.without.times(before.strike);
  return (
    (to.amount.equals(from.without) && after.strike.equals(before.strike)) ||
    (to.amount.sign() === from.without.sign() && to.amount.times(after.strike).equals(units))
  );
}
