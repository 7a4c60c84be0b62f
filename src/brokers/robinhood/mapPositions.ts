/** Robinhood's stock positions and quotes -> ours. Pure. */
import { type Decimal } from '../../domain/decimal.ts';
import { isEarlyClose, isTradingDay } from '../../domain/calendar.ts';
import { type SnapshotPosition } from '../../domain/snapshot.ts';
import { type Instant, inZone, NEW_YORK } from '../../domain/time.ts';
import { firstProblem } from '../wireWords.ts';
import { type Directory, stockOf } from './directory.ts';
import { bad, idInUrl, type Mapped, quoted } from './mapped.ts';
import { type WireStockPosition, wireStockPosition, type WireStockQuote, wireStockQuote } from './wire.ts';

/** A price and when it was made. */
export interface Mark {
  readonly price: Decimal;
  readonly asOf: Instant | null;
}

/** Digits of an average that is worked out from a total. */
const AVERAGE_PLACES = 12;

export function instrumentIdOf(row: {
  readonly instrument_id: string | null;
  readonly instrument: string | null;
}): string | null {
  return row.instrument_id ?? idInUrl(row.instrument, 'instruments');
}

/**
 * A stock row. A quantity of zero is no position (closed rows stay listed for ever): both `row` and `problem` are null.
 * `marks` are by instrument id.
 */
export function mapStockPosition(
  raw: unknown,
  path: string,
  directory: Directory,
  marks: ReadonlyMap<string, Mark>,
): Mapped<SnapshotPosition> {
  const parsed = wireStockPosition.safeParse(raw);
  if (!parsed.success) return { row: null, problem: firstProblem(parsed.error, path) };
  const wire = parsed.data;
  const side = wire.type ?? 'long';
  if (side !== 'long' && side !== 'short') return bad(`${path}.type`, `unknown side ${quoted(wire.type)}`);
  if (wire.quantity.isZero()) return { row: null, problem: null };
  if (wire.quantity.sign() < 0)
    return bad(`${path}.quantity`, 'a negative quantity: the type tells the side');
  const id = instrumentIdOf(wire);
  const instrument = stockOf(directory, id);
  if (instrument === null)
    return bad(`${path}.instrument_id`, 'Robinhood does not say what this instrument is');
  const mark = id === null ? undefined : marks.get(id);
  const row: SnapshotPosition = {
    instrument,
    quantity: side === 'short' ? wire.quantity.negate() : wire.quantity,
    averageCost: averageOf(wire, side),
    mark: mark?.price ?? null,
    markAsOf: mark?.asOf ?? null,
    marketValue: null,
    unrealizedPnl: null,
    brokerInstrumentId: id,
  };
  return { row, problem: null };
}

/**
 * The broker's average. "0.0000" stands for "kept by the clearing house" since 2026 (robinhood.md 3): then it is the
 * clearing house's total over its quantity, where that is the whole position, else its rounded average. Zero is never an
 * average: a basis nobody states is unknown.
 */
function averageOf(wire: WireStockPosition, side: 'long' | 'short'): Decimal | null {
  if (wire.average_buy_price !== null && wire.average_buy_price.sign() > 0) return wire.average_buy_price;
  const isOwn = (wire.clearing_direction ?? 'debit') === (side === 'long' ? 'debit' : 'credit');
  if (!isOwn) return null;
  const {
    clearing_cost_basis: cost,
    clearing_running_quantity: units,
    clearing_average_cost: average,
  } = wire;
  if (cost !== null && cost.sign() > 0 && units?.equals(wire.quantity) === true) {
    return cost.dividedBy(units, AVERAGE_PLACES);
  }
  return average !== null && average.sign() > 0 ? average : null;
}

/**
 * The price of a stock: the last trade of the regular session while it lasts, else the last one outside of it where
 * there was one (robinhood.md 3). Zero is no price. Null where the quote has none.
 */
export function mapStockMark(wire: WireStockQuote, at: Instant): Mark | null {
  const regular = priced(wire.last_trade_price, wire.venue_last_trade_time ?? wire.updated_at);
  if (isRegularSession(at)) return regular;
  const outside = wire.last_extended_hours_trade_price ?? wire.last_non_reg_trade_price;
  return priced(outside, wire.venue_last_non_reg_trade_time ?? wire.updated_at) ?? regular;
}

function priced(price: Decimal | null, asOf: Instant | null): Mark | null {
  return price === null || price.sign() <= 0 ? null : { price, asOf };
}

/** 09:30 to 16:00 New York on trading days, to 13:00 on short ones. */
function isRegularSession(at: Instant): boolean {
  const { date, time } = inZone(at, NEW_YORK);
  if (!isTradingDay(date) || time < '09:30') return false;
  return time < (isEarlyClose(date) ? '13:00' : '16:00');
}

/** Marks by instrument id. Null rows (unknown ids) and rows without a price are left out. */
export function mapStockMarks(
  raws: readonly unknown[],
  at: Instant,
): {
  marks: ReadonlyMap<string, Mark>;
  problems: readonly { readonly index: number; readonly path: string; readonly reason: string }[];
} {
  const marks = new Map<string, Mark>();
  const problems: { index: number; path: string; reason: string }[] = [];
  for (const [index, raw] of raws.entries()) {
    if (raw === null) continue;
    const parsed = wireStockQuote.safeParse(raw);
    if (!parsed.success) {
      problems.push({ index, ...firstProblem(parsed.error, `quotes[${index}]`) });
      continue;
    }
    const id = instrumentIdOf(parsed.data);
    const mark = mapStockMark(parsed.data, at);
    if (id !== null && mark !== null) marks.set(id, mark);
  }
  return { marks, problems };
}
