/** Lines of the day proof that are money: flows, income, fees. */
import { type Activity, type ActivityKind } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import {
  carriedCost,
  cashOfClosure,
  type Day,
  EXCHANGE_KINDS,
  isMoneyAlone,
  PARTLY_ACCOUNTED_KINDS,
  sumOf,
} from './dayFacts.ts';
import { type DayComponent } from './dayProof.ts';
import { signedCost } from './valuation.ts';

/** Money that comes from outside or leaves, also beside securities. An adjustment of money alone is a person's word. */
const FLOW_KINDS: ReadonlySet<ActivityKind> = new Set([
  'deposit',
  'withdrawal',
  'cash_transfer',
  'security_transfer',
  'opening',
  'adjustment',
]);

const INCOME_KINDS: ReadonlySet<ActivityKind> = new Set([
  'dividend',
  'capital_gain_distribution',
  'interest',
  'rebate',
]);

const FEE_KINDS: ReadonlySet<ActivityKind> = new Set(['fee', 'tax_withheld', 'crypto_fee']);

/** Sum of the amounts of the chosen activities in the day's currency. */
function cashOf(day: Day, component: DayComponent, chosen: (activity: Activity) => boolean): Decimal | null {
  const { currency } = day.facts;
  return sumOf(
    day.activities
      .filter((activity) => activity.currency === currency && chosen(activity))
      .map(
        (activity) =>
          activity.amount ?? day.doubt(component, 'amount_unknown', activity.instrument?.id ?? null),
      ),
  );
}

/** The line a row of money alone is counted in. */
export function lineOf({ kind }: Activity): 'flows' | 'income' | 'fees' {
  if (FEE_KINDS.has(kind)) return 'fees';
  return FLOW_KINDS.has(kind) ? 'flows' : 'income';
}

export function flowsOf(day: Day): Decimal | null {
  // At a price it is a trade, and its money belongs to the units.
  const isTrade = ({ kind, quantity }: Activity): boolean => kind === 'adjustment' && !quantity.isZero();
  return cashOf(day, 'flows', (activity) => FLOW_KINDS.has(activity.kind) && !isTrade(activity));
}

export function incomeOf(day: Day): Decimal | null {
  const booked = cashOf(day, 'income', ({ kind }) => INCOME_KINDS.has(kind));
  const unaccounted = day.activities
    .filter(({ kind, currency }) => PARTLY_ACCOUNTED_KINDS.has(kind) && currency === day.facts.currency)
    .map((activity) => unaccountedOf(day, activity));
  return sumOf([booked, ...unaccounted]);
}

/** Money of an activity that is neither the cost of a lot it brought nor the proceeds of one it closed. */
function unaccountedOf(day: Day, activity: Activity): Decimal | null {
  const { rootId, amount, fees, instrument } = activity;
  if (amount === null) return day.doubt('income', 'amount_unknown', instrument?.id ?? null);
  // What lots of an exchange cost was the cost of what they came for: no money was paid for them.
  const bought = EXCHANGE_KINDS.has(activity.kind) ? [] : day.facts.end.lots;
  const brought = bought
    .filter(({ activityRootId, currency }) => activityRootId === rootId && currency === day.facts.currency)
    .map((lot) => signedCost(lot, lot.cost) ?? Decimal.zero);
  const closed = day.closures
    .filter((closure) => closure.activityRootId === rootId && !isMoneyAlone(closure))
    .map((closure) => cashOfClosure(closure) ?? Decimal.zero);
  const inside = isInsideCost(day, activity) ? (fees ?? Decimal.zero) : Decimal.zero;
  return amount.minus(inside).plus(Decimal.sum(brought)).minus(Decimal.sum(closed));
}

/**
 * Fees and taxes as rows of their own; those of activities that no lot carries: all of pure money, and of trades where
 * the fee election keeps them out of cost or where they are in another currency than the trade; and the cost of coins
 * that were taken as a fee where the election keeps it apart too.
 */
export function feesOf(day: Day): Decimal | null {
  const { currency } = day.facts;
  const rows = cashOf(day, 'fees', ({ kind }) => FEE_KINDS.has(kind));
  const apart = day.activities
    .filter((activity) => activity.fees !== null && (activity.feesCurrency ?? activity.currency) === currency)
    .filter((activity) => !isInsideCost(day, activity))
    .map(({ fees }) => fees!.negate());
  const coins = day.closures
    .filter(({ kind, realized }) => kind === 'coin_fee' && realized?.isZero() === true)
    .map((closure) => carriedCost(closure)?.negate() ?? Decimal.zero);
  return sumOf([rows, ...apart, ...coins]);
}

function isInsideCost(day: Day, { kind, quantity, feesCurrency, currency }: Activity): boolean {
  const touchesLots = !quantity.isZero() || PARTLY_ACCOUNTED_KINDS.has(kind);
  return !day.facts.feesApart && touchesLots && (feesCurrency ?? currency) === currency;
}
