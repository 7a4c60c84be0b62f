/**
 * Trades by their orders: the broker's list of orders shows an execution at once, its activity may be listed later. Where
 * an order executed more than the fills the broker lists, exactly that is missing; where it executed less, or at another
 * price, the broker took back or corrected a fill. The order is the identity: this is proof, not resemblance.
 */
import { Decimal } from '../../domain/decimal.ts';
import { type FindingCause, type FindingEvidence } from '../../domain/finding.ts';
import { type Instrument } from '../../domain/instrument.ts';
import { type OrderProgress } from '../../domain/snapshot.ts';
import { addMs, compareInstants, type Instant } from '../../domain/time.ts';
import { CASH_TOLERANCE } from '../reconcile.ts';
import {
  cashKey,
  cashPart,
  left,
  openRests,
  partsOf,
  positionPart,
  type Circumstances,
  type Claim,
  type Rest,
} from './claim.ts';
import { subsets } from './subsets.ts';

/** What an order executed beyond the fills that are listed of it. */
interface Excess {
  readonly order: OrderProgress;
  readonly cause: FindingCause;
  /** Signed units that are not listed (or are listed and no longer count). */
  readonly quantity: Decimal;
  readonly cash: Decimal;
}

/** Averages are shown with nine digits at most (measured), so prices are compared to the sixth. */
const AVERAGE_PLACES = 6;

export function orderClaims(circumstances: Circumstances, rest: Rest): readonly Claim[] {
  const excesses = excessesOf(circumstances);
  const claims = openRests(circumstances, rest).flatMap(({ instrument, amount }) =>
    claimsOn(circumstances, rest, instrument, amount, excesses),
  );
  return [...claims, ...priceCorrections(rest, excesses)];
}

function claimsOn(
  circumstances: Circumstances,
  rest: Rest,
  instrument: Instrument,
  amount: Decimal,
  excesses: readonly Excess[],
): readonly Claim[] {
  const own = excesses.filter(
    (excess) => excess.order.instrument.id === instrument.id && !excess.quantity.isZero(),
  );
  if (own.length === 0) return [];
  const cash = left(rest, cashKey(instrument.currency));
  const fits = (some: readonly Excess[]): boolean => {
    const paid = sumOf(some, (one) => one.cash);
    return circumstances.cashCompared && cash.minus(paid).abs().compare(CASH_TOLERANCE) <= 0;
  };
  const isUnpaid = (some: readonly Excess[]): boolean =>
    circumstances.cashCompared && cash.abs().compare(CASH_TOLERANCE) <= 0 && !fits(some);
  // A person may have booked one of them by hand: then the others are the difference. Units whose money agrees already
  // are those of no order, and an order of long ago must show its money to be believed.
  const exact = subsets(own)
    .filter((some) => sumOf(some, (one) => one.quantity).equals(amount) && !isUnpaid(some))
    .find((some) => fits(some) || some.every((excess) => !isOld(circumstances, excess)));
  const chosen = exact ?? own.filter((excess) => !isOld(circumstances, excess));
  if (chosen.length === 0) return [];
  const rule = exact === undefined && !fits(chosen) ? 'order_among_others' : 'order';
  const groups = Map.groupBy(chosen, (one) => one.cause);
  return [...groups].map(([cause, some]) => ({
    cause,
    rule,
    ...(exact === undefined && rule === 'order' ? { atMost: 'likely' as const } : {}),
    parts: [
      positionPart(
        instrument.id,
        sumOf(some, (one) => one.quantity),
      ),
      ...(circumstances.cashCompared && !cash.isZero()
        ? [
            cashPart(
              instrument.currency,
              sumOf(some, (one) => one.cash),
            ),
          ]
        : []),
    ],
    evidence: some.map(evidenceOf),
  }));
}

/** Fills whose price was corrected: only money differs. */
function priceCorrections(rest: Rest, excesses: readonly Excess[]): readonly Claim[] {
  const claims: Claim[] = [];
  for (const [currency, some] of Map.groupBy(
    excesses.filter((one) => one.quantity.isZero()),
    (one) => one.order.instrument.currency,
  )) {
    const amount = left(rest, cashKey(currency));
    const exact = subsets(some).find(
      (chosen) =>
        sumOf(chosen, (one) => one.cash)
          .minus(amount)
          .abs()
          .compare(CASH_TOLERANCE) <= 0,
    );
    if (amount.isZero() || exact === undefined) continue;
    claims.push({
      cause: 'broker_correction',
      rule: 'order',
      parts: [cashPart(currency, amount)],
      evidence: exact.map(evidenceOf),
    });
  }
  return claims;
}

function excessesOf(circumstances: Circumstances): readonly Excess[] {
  const fills = Map.groupBy(
    circumstances.listed.filter((row) => row.kind === 'fill' && row.status === 'ok' && row.orderId !== null),
    (row) => row.orderId!,
  );
  return (circumstances.orders ?? []).flatMap((order): readonly Excess[] => {
    // Fills of older orders may lie before the list begins, and an order that went on since is ahead of the positions.
    if (compareInstants(order.submittedAt, circumstances.listedAfter) < 0) return [];
    if (order.updatedAt !== null && compareInstants(order.updatedAt, circumstances.asOf) > 0) return [];
    const own = fills.get(order.orderId) ?? [];
    const listed = Decimal.sum(own.map((row) => row.quantity.abs()));
    const listedCost = Decimal.sum(own.map((row) => row.quantity.abs().times(row.price ?? Decimal.zero)));
    const { averagePrice, filled } = order;
    if (own.some((row) => row.price === null) || (averagePrice === null && !filled.isZero())) return [];
    const units = filled.minus(listed);
    const cost = (averagePrice ?? Decimal.zero).times(filled).minus(listedCost);
    // What was executed before first contact and is not listed is in the book as an opening.
    if (own.length === 0 && isBefore(order.updatedAt, circumstances.firstContactAt)) return [];
    if (units.isZero() && (filled.isZero() || isSamePrice(listedCost, filled, averagePrice!))) return [];
    const sign = order.side === 'buy' ? Decimal.one : Decimal.one.negate();
    return [
      {
        order,
        cause: causeOf(circumstances, order, units, listed),
        quantity: units.times(sign),
        cash: cost.times(order.instrument.multiplier).times(sign).negate().round(CASH_PLACES),
      },
    ];
  });
}

/** How long before the difference was seen its order may have been executed: looks may have failed since. */
const BEFORE_SEEN_MS = 4 * 86_400_000;

/** Whether an order did all it did before anything differed: it may be in the book by another name. */
function isOld({ lastLookAt, standing }: Circumstances, { order }: Excess): boolean {
  if (lastLookAt === null) return false;
  const known = standing
    .filter((finding) => partsOf(finding).some((part) => part.instrument === order.instrument.id))
    .map((finding) => addMs(finding.firstSeenAt, -BEFORE_SEEN_MS));
  return [lastLookAt, ...known].every((since) => isBefore(order.updatedAt, since));
}

function isBefore(one: Instant | null, other: Instant | null): boolean {
  return one !== null && other !== null && compareInstants(one, other) < 0;
}

/** Digits of money worked out from a rounded average. */
const CASH_PLACES = 4;

/** Whether an average price is that of the listed fills, as far as its digits go. */
function isSamePrice(cost: Decimal, filled: Decimal, average: Decimal): boolean {
  return cost.dividedBy(filled, AVERAGE_PLACES).equals(average.round(AVERAGE_PLACES));
}

/** An order that was whole, or has become larger than it was given, has no fill missing: one was corrected. */
function causeOf(
  { isManualOrder }: Circumstances,
  { orderId, quantity, filled }: OrderProgress,
  units: Decimal,
  listed: Decimal,
): FindingCause {
  const wasWhole = quantity !== null && (listed.compare(quantity) >= 0 || filled.compare(quantity) > 0);
  if (units.sign() <= 0 || wasWhole) return 'broker_correction';
  if (quantity !== null && filled.compare(quantity) < 0) return 'partial_fill';
  return isManualOrder(orderId) === true ? 'manual_trade' : 'missing_fill';
}

function evidenceOf({ order, cause, quantity }: Excess): FindingEvidence {
  const { side, filled, averagePrice, instrument } = order;
  const done = `${side} ${filled.toString()}${order.quantity === null ? '' : ` of ${order.quantity.toString()}`}`;
  const price = averagePrice === null ? '' : ` @ ${averagePrice.toString()}`;
  const what =
    cause === 'broker_correction'
      ? 'its listed fills say otherwise'
      : `${quantity.abs().toString()} of it is in no activity yet`;
  return {
    kind: 'order',
    reference: order.orderId,
    text: `The broker's order ${done} ${instrument.symbol}${price}: ${what}.`,
  };
}

function sumOf(excesses: readonly Excess[], of: (excess: Excess) => Decimal): Decimal {
  return Decimal.sum(excesses.map(of));
}
