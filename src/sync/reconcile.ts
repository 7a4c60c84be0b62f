/**
 * Reconciliation: the broker's positions against the book's, over the union of instruments, and cash against cash.
 * Pure; says what differs, not why (`explain.ts`) nor what becomes of it (`lifecycle.ts`).
 */
import { type Book } from '../book/foldBook.ts';
import { Decimal, decimal } from '../domain/decimal.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import { type Currency } from '../domain/money.ts';
import { type SnapshotBalance, type SnapshotPosition } from '../domain/snapshot.ts';

export interface PositionDifference {
  readonly kind: 'position';
  readonly instrument: InstrumentId;
  readonly book: Decimal;
  /** Zero: absent from a complete answer. */
  readonly broker: Decimal;
}

export interface CashDifference {
  readonly kind: 'cash';
  readonly currency: Currency;
  readonly book: Decimal;
  readonly broker: Decimal;
}

export type Difference = PositionDifference | CashDifference;

/** Brokers round cash to cents per booking; more than half a cent is a difference. */
export const CASH_TOLERANCE = decimal('0.005');

export function reconcile(
  book: Book,
  positions: readonly SnapshotPosition[],
  balances: readonly SnapshotBalance[],
): readonly Difference[] {
  const differences: Difference[] = [];
  const stated = new Set<InstrumentId>();
  for (const { instrument, quantity } of positions) {
    stated.add(instrument.id);
    const booked = book.open.get(instrument.id)?.quantity ?? Decimal.zero;
    if (!quantity.equals(booked))
      differences.push({ kind: 'position', instrument: instrument.id, book: booked, broker: quantity });
  }
  for (const [instrument, { quantity }] of book.open) {
    if (!stated.has(instrument) && !quantity.isZero())
      differences.push({ kind: 'position', instrument, book: quantity, broker: Decimal.zero });
  }
  for (const { currency, cash } of balances) {
    if (cash === null) continue;
    const booked = book.cash.get(currency) ?? Decimal.zero;
    if (cash.minus(booked).abs().compare(CASH_TOLERANCE) > 0) {
      differences.push({ kind: 'cash', currency, book: booked, broker: cash });
    }
  }
  return differences;
}

/** The finding key of a difference: the same difference next run is the same finding. */
export function differenceKey(difference: Difference): string {
  return difference.kind === 'position' ? `position:${difference.instrument}` : `cash:${difference.currency}`;
}

/** Relative room for marks that move between two calls of one run. */
const TOTALS_TOLERANCE = decimal('0.02');
const TOTALS_TOLERANCE_MIN = decimal('1');

/**
 * A second witness for a list of positions: the balances state the market value of all of them. `agree`, `disagree`,
 * or `unknown` where a mark or a total is missing. A short or foreign list of positions does not add up.
 */
export function proveTotals(
  positions: readonly SnapshotPosition[],
  balances: readonly SnapshotBalance[],
): 'agree' | 'disagree' | 'unknown' {
  const totals = balances.find(
    (balance) => balance.longMarketValue !== null && balance.shortMarketValue !== null,
  );
  if (totals === undefined || balances.length !== 1) return 'unknown';
  const long = signedTotal(positions, 1);
  const short = signedTotal(positions, -1);
  if (long === null || short === null) return 'unknown';
  return near(long, totals.longMarketValue!) && near(short, totals.shortMarketValue!) ? 'agree' : 'disagree';
}

/**
 * Whether the balances know of a trade that the list of positions lacks: the cash differs from the book's, and so does
 * the account's own market value from the listed positions, by more than marks move between two answers or by about what
 * was paid. A list that lags and a trade that is not among the activities yet agree with each other (simulation, I04). A
 * payment moves the cash alone; where a mark or a total is missing nobody can tell which it was, and true is the safe
 * answer.
 */
export function lacksTrade(
  differences: readonly Difference[],
  positions: readonly SnapshotPosition[],
  balances: readonly SnapshotBalance[],
): boolean {
  const paid = differences.find((difference) => difference.kind === 'cash');
  if (paid === undefined) return false;
  const stated = balances.length === 1 ? marketValueOf(balances[0]!) : null;
  const [long, short] = [signedTotal(positions, 1), signedTotal(positions, -1)];
  if (stated === null || long === null || short === null) return true;
  const beyond = stated.minus(long).minus(short);
  if (beyond.abs().compare(long.minus(short).times(MARKS_MOVE)) > 0) return true;
  const cash = paid.broker.minus(paid.book);
  return beyond.plus(cash).abs().times(TWO).compare(cash.abs()) <= 0;
}

const TWO = decimal('2');
/** What the marks of a portfolio move within a second, as a part of its gross value; twice that is rare. */
const MARKS_MOVE = decimal('0.001');

function marketValueOf({ longMarketValue, shortMarketValue }: SnapshotBalance): Decimal | null {
  return longMarketValue === null || shortMarketValue === null
    ? null
    : longMarketValue.plus(shortMarketValue);
}

function signedTotal(positions: readonly SnapshotPosition[], sign: 1 | -1): Decimal | null {
  let total = Decimal.zero;
  for (const position of positions) {
    if (position.marketValue === null) return null;
    if (position.quantity.sign() === sign) total = total.plus(position.marketValue);
  }
  return total;
}

function near(left: Decimal, right: Decimal): boolean {
  const larger = left.abs().compare(right.abs()) > 0 ? left.abs() : right.abs();
  const room = larger.times(TOTALS_TOLERANCE);
  const tolerance = room.compare(TOTALS_TOLERANCE_MIN) > 0 ? room : TOTALS_TOLERANCE_MIN;
  return left.minus(right).abs().compare(tolerance) <= 0;
}
