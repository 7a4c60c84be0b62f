/** From entries to what stands: positions, their average price, and cash. Pure. */
import { Decimal } from '../domain/decimal.ts';
import { type Instrument } from '../domain/instrument.ts';
import { compareInstants, type Instant } from '../domain/time.ts';
import { type Entry } from './entries.ts';

export interface Holding {
  readonly instrument: Instrument;
  /** Signed: negative is short. Never zero. */
  readonly quantity: Decimal;
  /** Running weighted average of what opened it, per share, coin, or share of a premium. */
  readonly averagePrice: Decimal;
}

export interface Standing {
  readonly cash: Decimal;
  readonly holdings: ReadonlyMap<string, Holding>;
}

/** Places kept in an average price: brokers show no more. */
const AVERAGE_PLACES = 12;

/** Entries that count at `now`, in the order they happened. */
export function inOrder(entries: readonly Entry[], now: Instant): Entry[] {
  return entries
    .filter((entry) => entry.status === 'ok' && compareInstants(entry.at, now) <= 0)
    .sort((left, right) => compareInstants(left.at, right.at) || left.serial - right.serial);
}

export function fold(entries: readonly Entry[], now: Instant): Standing {
  let cash = Decimal.zero;
  const holdings = new Map<string, Holding>();
  for (const entry of inOrder(entries, now)) {
    cash = cash.plus(entry.amount);
    applyTo(holdings, entry);
  }
  return { cash, holdings };
}

/** Applies one entry's quantity to the holdings. */
export function applyTo(
  holdings: Map<string, Holding>,
  entry: Pick<Entry, 'instrument' | 'quantity' | 'price'>,
): void {
  const { instrument, quantity } = entry;
  if (instrument === null || quantity.isZero()) return;
  const before = holdings.get(instrument.id);
  const held = before?.quantity ?? Decimal.zero;
  const after = held.plus(quantity);
  if (after.isZero()) {
    holdings.delete(instrument.id);
    return;
  }
  const price = entry.price ?? before?.averagePrice ?? Decimal.zero;
  const average = averageAfter(held, before?.averagePrice ?? Decimal.zero, quantity, price, after);
  holdings.set(instrument.id, { instrument, quantity: after, averagePrice: average });
}

function averageAfter(
  held: Decimal,
  average: Decimal,
  moved: Decimal,
  price: Decimal,
  after: Decimal,
): Decimal {
  if (held.isZero() || held.sign() !== after.sign()) return price;
  if (held.sign() !== moved.sign()) return average;
  return held.times(average).plus(moved.times(price)).dividedBy(after, AVERAGE_PLACES);
}
