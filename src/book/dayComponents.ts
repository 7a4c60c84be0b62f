/** The lines of the day proof, each worked out from its own source: kinds of activities, closures, lots and marks. */
import { type Activity, type ActivityKind } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import { type LotClosure, type LotId } from '../domain/lot.ts';
import {
  type DayComponent,
  type DayComponents,
  type DayEnd,
  type DayFacts,
  type Doubt,
  type DoubtReason,
} from './dayProof.ts';
import { signedCost, valueLots, valueOf } from './valuation.ts';

/** Pure money that comes from outside or leaves. An adjustment without an instrument is money a person stated. */
const FLOW_KINDS: ReadonlySet<ActivityKind> = new Set([
  'deposit',
  'withdrawal',
  'cash_transfer',
  'opening',
  'adjustment',
]);

const INCOME_KINDS: ReadonlySet<ActivityKind> = new Set([
  'dividend',
  'capital_gain_distribution',
  'interest',
  'rebate',
  // A type nobody documents: its money counts, and it is neither a deposit nor a trade of ours.
  'other',
]);

const FEE_KINDS: ReadonlySet<ActivityKind> = new Set(['fee', 'tax_withheld', 'crypto_fee']);

/** Kinds that bring or take securities without a trade. */
const TRANSFER_KINDS: ReadonlySet<ActivityKind> = new Set(['security_transfer', 'opening', 'adjustment']);

/** Kinds whose rows exchange units for other units: a mark of the day before is then per unit of another size. */
const EXCHANGE_KINDS: ReadonlySet<ActivityKind> = new Set([
  'split',
  'rename',
  'option_corporate_action',
  'spinoff',
  'merger',
  'reorganization',
  'stock_dividend',
]);

/** Kinds whose money may be more than what lots and closures account for; the rest is income as it was booked. */
const PARTLY_ACCOUNTED_KINDS: ReadonlySet<ActivityKind> = new Set([
  ...EXCHANGE_KINDS,
  'cash_in_lieu',
  'return_of_capital',
  'option_expiry',
  'option_assignment',
  'option_exercise',
  'option_delivery',
]);

/** What a day is worked out of, narrowed to its currency. */
interface Day {
  readonly facts: DayFacts;
  readonly activities: readonly Activity[];
  readonly closures: readonly LotClosure[];
  readonly doubt: (component: DayComponent, reason: DoubtReason, instrument?: InstrumentId | null) => null;
}

export interface WorkedOutDay {
  readonly components: DayComponents;
  readonly doubts: readonly Doubt[];
  readonly unknownBasis: readonly InstrumentId[];
}

export function dayComponents(facts: DayFacts): WorkedOutDay {
  const doubts: Doubt[] = [];
  const day: Day = {
    facts,
    activities: facts.activities.filter(({ status }) => status === 'ok'),
    closures: facts.closures.filter(({ currency }) => currency === facts.currency),
    doubt: (component, reason, instrument = null) => {
      doubts.push({ component, instrument, reason });
      return null;
    },
  };
  const transfers = transfersOf(day);
  const components: DayComponents = {
    startEquity: startOf(day),
    flows: cashOf(day, 'flows', (activity) => FLOW_KINDS.has(activity.kind) && activity.instrument === null),
    transfers: transfers.value,
    realized: realizedOf(day),
    unrealizedChange: unrealizedChangeOf(day, transfers),
    income: incomeOf(day),
    fees: feesOf(day),
    fx: facts.fx === undefined ? Decimal.zero : (facts.fx ?? day.doubt('fx', 'no_rate')),
    endEquity: facts.end.equity ?? day.doubt('endEquity', 'not_stated'),
  };
  return { components, doubts, unknownBasis: unknownBasisOf(day) };
}

function startOf({ facts, doubt }: Day): Decimal | null {
  return facts.before === null ? Decimal.zero : (facts.before.equity ?? doubt('startEquity', 'not_stated'));
}

// ---- money ------------------------------------------------------------------------------------------------------

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

function incomeOf(day: Day): Decimal | null {
  const booked = cashOf(day, 'income', ({ kind }) => INCOME_KINDS.has(kind));
  const unaccounted = day.activities
    .filter(({ kind, currency }) => PARTLY_ACCOUNTED_KINDS.has(kind) && currency === day.facts.currency)
    .map((activity) => unaccountedOf(day, activity));
  return sumOf([booked, ...unaccounted]);
}

/** Money of an activity that is neither the cost of a lot it brought nor the proceeds of one it closed. */
function unaccountedOf(day: Day, { rootId, amount }: Activity): Decimal {
  const brought = day.facts.end.lots
    .filter(({ activityRootId, currency }) => activityRootId === rootId && currency === day.facts.currency)
    .map((lot) => signedCost(lot, lot.cost) ?? Decimal.zero);
  const closed = day.closures
    .filter(({ activityRootId }) => activityRootId === rootId)
    .map((closure) => cashOfClosure(closure) ?? Decimal.zero);
  return (amount ?? Decimal.zero).plus(Decimal.sum(brought)).minus(Decimal.sum(closed));
}

/** What a close moved in cash: what a sale brought in, or what buying a short back took. */
function cashOfClosure({ direction, proceeds, cost }: LotClosure): Decimal | null {
  return direction === 'long' ? proceeds : (cost?.negate() ?? null);
}

/**
 * Fees and taxes as rows of their own, and those of activities that no lot carries: all of pure money, and of trades
 * where the fee election keeps them out of cost or where they are in another currency than the trade.
 */
function feesOf(day: Day): Decimal | null {
  const { currency } = day.facts;
  const rows = cashOf(day, 'fees', ({ kind }) => FEE_KINDS.has(kind));
  const apart = day.activities
    .filter((activity) => activity.fees !== null && (activity.feesCurrency ?? activity.currency) === currency)
    .filter((activity) => !isInsideCost(day, activity))
    .map(({ fees }) => fees!.negate());
  return sumOf([rows, ...apart]);
}

function isInsideCost(day: Day, { quantity, feesCurrency, currency }: Activity): boolean {
  return !day.facts.feesApart && !quantity.isZero() && (feesCurrency ?? currency) === currency;
}

// ---- securities -------------------------------------------------------------------------------------------------

interface Transfers {
  /** Market value of what came less that of what left. */
  readonly value: Decimal | null;
  /** Known basis of the same, as the valuation counts it. */
  readonly basis: Decimal;
}

function transfersOf(day: Day): Transfers {
  const rows = day.activities.filter((activity) => isTransfer(activity) && isOfDay(day, activity));
  const roots = new Set(rows.map(({ rootId }) => rootId));
  const came = day.facts.end.lots
    .filter(({ activityRootId, currency }) => roots.has(activityRootId) && currency === day.facts.currency)
    .map((lot) => signedCost(lot, lot.cost) ?? Decimal.zero);
  const left = day.closures
    .filter(({ activityRootId }) => roots.has(activityRootId))
    .map((closure) => (carriedCost(closure) ?? Decimal.zero).plus(closure.realized ?? Decimal.zero));
  return {
    value: sumOf(rows.map((activity) => transferValue(day, activity))),
    basis: Decimal.sum(came).minus(Decimal.sum(left)),
  };
}

/** Without money: an adjustment at a price a person gave is a trade like any other. */
function isTransfer({ kind, instrument, quantity, amount }: Activity): boolean {
  const moved = instrument !== null && !quantity.isZero();
  return moved && TRANSFER_KINDS.has(kind) && (amount === null || amount.isZero());
}

function isOfDay(day: Day, { instrument }: Activity): boolean {
  return instrument?.currency === day.facts.currency;
}

/**
 * At the day's own end; for what is gone by then at the mark of the day before, else at the price the row names or that
 * of the day's last trade.
 */
function transferValue(day: Day, activity: Activity): Decimal | null {
  const { before, end, instruments } = day.facts;
  const instrument = activity.instrument!;
  const known = instruments.has(instrument.id) ? instruments : new Map([[instrument.id, instrument]]);
  const value = (marks: DayEnd['marks'] | undefined): Decimal | null =>
    marks === undefined ? null : valueOf(activity.quantity, instrument.id, marks, known);
  const isExchanged = day.activities.some(
    (other) => EXCHANGE_KINDS.has(other.kind) && other.instrument?.id === instrument.id,
  );
  const priced = activity.price ?? lastPrice(day, instrument.id);
  return (
    value(end.marks) ??
    (isExchanged ? null : value(before?.marks)) ??
    (priced === null ? null : value(new Map([[instrument.id, priced]]))) ??
    day.doubt('transfers', 'no_mark', instrument.id)
  );
}

function lastPrice(day: Day, instrument: InstrumentId): Decimal | null {
  const fill = day.activities.findLast(
    (activity) => activity.kind === 'fill' && activity.instrument?.id === instrument,
  );
  return fill?.price ?? null;
}

/** Of the closes whose lots have a cost; see `unknownBasisOf` for the others. */
function realizedOf(day: Day): Decimal {
  return Decimal.sum(day.closures.flatMap(({ realized }) => realized ?? []));
}

/** What the valuation loses with a close: the cost of a long lot, or minus what a short one had brought in. */
function carriedCost({ direction, cost, proceeds }: LotClosure): Decimal | null {
  return direction === 'long' ? cost : (proceeds?.negate() ?? null);
}

/**
 * (V - C) now less (V - C) before, less the unrealized profit that transfers brought along, plus what closing lots of
 * unknown cost paid: their value left V and no cost left C.
 */
function unrealizedChangeOf(day: Day, transfers: Transfers): Decimal | null {
  const { before, end, openedLater } = day.facts;
  const now = unrealizedAt(day, end, 'no_mark');
  const earlier = before === null ? Decimal.zero : unrealizedAt(day, before, 'no_mark_before');
  const openings = [
    ...openedLater,
    // What an opening brings was in the equity of the day before; only the book's first day begins with nothing.
    ...day.activities.flatMap((activity) =>
      before !== null && activity.kind === 'opening' && isOfDay(day, activity)
        ? (activity.instrument?.id ?? [])
        : [],
    ),
  ];
  for (const instrument of openings) day.doubt('unrealizedChange', 'opening', instrument);
  const paid = paidForUnknown(day);
  const brought = transfers.value === null ? null : transfers.value.minus(transfers.basis);
  const parts = [now, earlier?.negate() ?? null, paid, brought?.negate() ?? null];
  return openings.length > 0 ? null : sumOf(parts);
}

function unrealizedAt(day: Day, at: DayEnd, reason: 'no_mark' | 'no_mark_before'): Decimal | null {
  const { instruments, currency } = day.facts;
  const { marketValue, cost, unmarked } = valueLots(at.lots, at.marks, instruments, currency);
  for (const instrument of unmarked) day.doubt('unrealizedChange', reason, instrument);
  if (marketValue === null) return null;
  return marketValue
    .plus(at.valueGap ?? Decimal.zero)
    .minus(cost)
    .minus(at.fractionsCost ?? Decimal.zero);
}

/** Cash of the closes of lots without a cost. Null where a lot never was in the book: then its value is unknown too. */
function paidForUnknown(day: Day): Decimal | null {
  const held = new Set<LotId>([...(day.facts.before?.lots ?? []), ...day.facts.end.lots].map(({ id }) => id));
  const transferred = new Set(
    day.activities.filter((activity) => isTransfer(activity)).map(({ rootId }) => rootId),
  );
  return sumOf(
    day.closures
      .filter((closure) => closure.realized === null && !transferred.has(closure.activityRootId))
      .map((closure) => {
        if (!held.has(closure.lotId))
          return day.doubt('unrealizedChange', 'uncovered_close', closure.instrument);
        // A lot of known cost realizes nothing only where it carries its cost elsewhere.
        if (carriedCost(closure) !== null && cashOfClosure(closure) === null)
          return day.doubt('unrealizedChange', 'amount_unknown', closure.instrument);
        return cashOfClosure(closure) ?? day.doubt('unrealizedChange', 'amount_unknown', closure.instrument);
      }),
  );
}

function unknownBasisOf(day: Day): readonly InstrumentId[] {
  const { before, end, currency } = day.facts;
  const open = [...(before?.lots ?? []), ...end.lots].filter(
    (lot) => lot.currency === currency && lot.cost === null,
  );
  const closed = day.closures.filter((closure) => carriedCost(closure) === null);
  return [...new Set([...open, ...closed].map(({ instrument }) => instrument))].sort();
}

/** Null where any of them is. */
export function sumOf(values: readonly (Decimal | null)[]): Decimal | null {
  let total = Decimal.zero;
  for (const value of values) {
    if (value === null) return null;
    total = total.plus(value);
  }
  return total;
}
