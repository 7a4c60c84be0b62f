/** Lines of the day proof that are securities: transfers, realized, the change in unrealized. */
import { type Activity, type ActivityKind } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import { type Lot, type LotId } from '../domain/lot.ts';
import {
  carriedCost,
  cashOfClosure,
  type Day,
  EXCHANGE_KINDS,
  isMoneyAlone,
  sumOf,
  UNKNOWN_LOT,
} from './dayFacts.ts';
import { type DayEnd, type DoubtReason } from './dayProof.ts';
import { restatedFractions } from './restatedCost.ts';
import { signedCost, valueLots, valueOf } from './valuation.ts';

/** Kinds that bring or take securities without a trade. */
const TRANSFER_KINDS: ReadonlySet<ActivityKind> = new Set(['security_transfer', 'opening', 'adjustment']);

export interface Transfers {
  /** Market value of what came less that of what left. */
  readonly value: Decimal | null;
  /** Known basis of the same, as the valuation counts it. */
  readonly basis: Decimal;
}

export function transfersOf(day: Day): Transfers {
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

/** An adjustment with money is a trade like any other. */
function isTransfer({ kind, instrument, quantity, amount }: Activity): boolean {
  const moved = instrument !== null && !quantity.isZero();
  const isTrade = kind === 'adjustment' && amount !== null && !amount.isZero();
  return moved && TRANSFER_KINDS.has(kind) && !isTrade;
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
export function realizedOf(day: Day): Decimal {
  return Decimal.sum(day.closures.flatMap(({ realized }) => realized ?? []));
}

/**
 * (V - C) now less (V - C) before, less the unrealized profit that transfers brought along, plus what closing lots of
 * unknown cost paid: their value left V and no cost left C.
 */
export function unrealizedChangeOf(day: Day, transfers: Transfers): Decimal | null {
  const { before, end } = day.facts;
  // A merger may make the cost of a lot unknown: then it counts by value from the day's start on.
  const withoutCost = new Set<LotId>([
    ...end.lots.filter(({ openCost }) => openCost === null).map(({ id }) => id),
    ...day.closures.filter((closure) => carriedCost(closure) === null).map(({ lotId }) => lotId),
  ]);
  const now = unrealizedAt(day, end, withoutCost, 'no_mark');
  const earlier = before === null ? Decimal.zero : unrealizedAt(day, before, withoutCost, 'no_mark_before');
  const paid = paidForUnknown(day);
  const brought = transfers.value === null ? null : transfers.value.minus(transfers.basis);
  const parts = [now, earlier?.negate() ?? null, paid, brought?.negate() ?? null, restatedOf(day)];
  return isExplained(day) ? sumOf(parts) : null;
}

/** Cost that lots of an exchange have by somebody's word, less what left the lots they came from: nobody paid it. */
function restatedOf(day: Day): Decimal {
  const { end, currency, basesStated } = day.facts;
  const rows = day.activities.filter(({ kind }) => EXCHANGE_KINDS.has(kind));
  if (rows.length === 0) return Decimal.zero;
  const fractions = restatedFractions(day.activities);
  return Decimal.sum(
    rows.flatMap((row) =>
      end.lots
        .filter((lot) => lot.activityRootId === row.rootId && lot.currency === currency)
        .filter((lot) => row.details['basis'] !== undefined || basesStated?.has(lot.id) === true)
        .map((lot) => (signedCost(lot, lot.cost) ?? Decimal.zero).minus(movedCost(day, row, lot, fractions))),
    ),
  );
}

/** What the parent's lot gave a spin-off's child; zero where nobody knows how the cost divides. */
function movedCost(
  { facts: { before, end } }: Day,
  row: Activity,
  lot: Lot,
  fractions: ReadonlyMap<string, Decimal>,
): Decimal {
  const fraction = Decimal.tryParse(row.details['basisFraction'] ?? '') ?? fractions.get(row.rootId);
  const isParent = ({ id }: Lot): boolean => lot.id === `${row.rootId}>${id}`;
  const cost = before?.lots.find(isParent)?.openCost ?? end.lots.find(isParent)?.cost ?? null;
  return fraction === undefined || cost === null ? Decimal.zero : cost.times(fraction);
}

function unrealizedAt(
  day: Day,
  at: DayEnd,
  withoutCost: ReadonlySet<LotId>,
  reason: 'no_mark' | 'no_mark_before',
): Decimal | null {
  const { instruments, currency } = day.facts;
  const { marketValue, cost, unmarked } = valueLots(at.lots, at.marks, instruments, currency, withoutCost);
  const apart = [...(at.withoutLots ?? [])].map(([id, units]) => {
    const value = valueOf(units, id, at.marks, instruments);
    return value ?? (unmarked.includes(id) ? null : day.doubt('unrealizedChange', reason, id));
  });
  for (const instrument of unmarked) day.doubt('unrealizedChange', reason, instrument);
  const withoutLots = sumOf(apart);
  if (marketValue === null || withoutLots === null) return null;
  return marketValue
    .plus(withoutLots)
    .plus(at.valueGap ?? Decimal.zero)
    .minus(cost)
    .minus(at.fractionsCost ?? Decimal.zero);
}

/** Cash of the closes of lots without a cost; null where nobody knows it. */
function paidForUnknown(day: Day): Decimal | null {
  const transferred = new Set(
    day.activities.filter((activity) => isTransfer(activity)).map(({ rootId }) => rootId),
  );
  const closes = day.closures.filter(
    (closure) =>
      closure.realized === null && !transferred.has(closure.activityRootId) && !isMoneyAlone(closure),
  );
  return sumOf(
    closes.map(
      (closure) =>
        cashOfClosure(closure) ?? day.doubt('unrealizedChange', 'amount_unknown', closure.instrument),
    ),
  );
}

/** Whether every unit of the day was in the book when it was in the equity: else a value of nowhere would be profit. */
function isExplained(day: Day): boolean {
  const { before, openedLater } = day.facts;
  const doubts: (readonly [DoubtReason, InstrumentId])[] = openedLater.map((id) => ['opening', id]);
  // What an opening brings was in the equity of the day before; only the book's first day begins with nothing.
  for (const activity of day.activities) {
    const isLate = before !== null && activity.kind === 'opening' && isOfDay(day, activity);
    if (isLate && activity.instrument !== null) doubts.push(['opening', activity.instrument.id]);
  }
  for (const { lotId, quantity, instrument } of day.closures)
    if (lotId.startsWith(UNKNOWN_LOT) && !quantity.isZero()) doubts.push(['uncovered_close', instrument]);
  doubts.push(...unexplainedArrivals(day));
  for (const [reason, instrument] of doubts) day.doubt('unrealizedChange', reason, instrument);
  return doubts.length === 0;
}

/** Kinds that may bring units of unknown cost out of the value of what is held, or at a market value of their own. */
const MAY_BRING_UNKNOWN: ReadonlySet<ActivityKind> = new Set([
  ...TRANSFER_KINDS,
  'spinoff',
  'stock_dividend',
  'merger',
  'reorganization',
]);

function unexplainedArrivals(day: Day): (readonly [DoubtReason, InstrumentId])[] {
  const kinds = new Map(day.activities.map(({ rootId, kind }) => [rootId, kind]));
  return day.facts.end.lots.flatMap(({ activityRootId, cost, instrument, currency }) => {
    const kind = kinds.get(activityRootId);
    if (cost !== null || kind === undefined || currency !== day.facts.currency) return [];
    if (MAY_BRING_UNKNOWN.has(kind)) return [];
    return [[EXCHANGE_KINDS.has(kind) ? 'unexplained_units' : 'amount_unknown', instrument] as const];
  });
}

export function unknownBasisOf(day: Day): readonly InstrumentId[] {
  const { before, end, currency } = day.facts;
  const open = [...(before?.lots ?? []), ...end.lots].filter(
    (lot) => lot.currency === currency && lot.cost === null,
  );
  const closed = day.closures.filter((closure) => carriedCost(closure) === null);
  return [...new Set([...open, ...closed].map(({ instrument }) => instrument))].sort();
}
