/** Robinhood's option positions and market data -> ours. Pure. */
import { Decimal } from '../../domain/decimal.ts';
import { type Instrument } from '../../domain/instrument.ts';
import { type Greeks, type Quote, type SnapshotPosition } from '../../domain/snapshot.ts';
import { firstProblem } from '../wireWords.ts';
import { contractOf, type Directory } from './directory.ts';
import { bad, idInUrl, type Mapped, type Problem } from './mapped.ts';
import { instrumentIdOf, type Mark } from './mapPositions.ts';
import {
  wireOptionPosition,
  type WireOptionPosition,
  type WireOptionQuote,
  wireOptionQuote,
} from './wireOptions.ts';

/** Enough for an average per contract over a multiplier of any usual size. */
const AVERAGE_PLACES = 12;
const HALF = Decimal.parse('0.5');

export function optionIdOf(row: {
  readonly option_id: string | null;
  readonly option: string | null;
}): string | null {
  return row.option_id ?? idInUrl(row.option, 'instruments');
}

/** An option row. A quantity of zero is no position (closed rows stay listed): both members are null. */
export function mapOptionPosition(
  raw: unknown,
  path: string,
  directory: Directory,
  quotes: ReadonlyMap<string, WireOptionQuote>,
): Mapped<SnapshotPosition> {
  const parsed = wireOptionPosition.safeParse(raw);
  if (!parsed.success) return { row: null, problem: firstProblem(parsed.error, path) };
  const wire = parsed.data;
  if (wire.quantity.isZero()) return { row: null, problem: null };
  if (wire.quantity.sign() < 0)
    return bad(`${path}.quantity`, 'a negative quantity: the type tells the side');
  const id = optionIdOf(wire);
  const known = contractOf(directory, id);
  if (known === null) return bad(`${path}.option_id`, 'Robinhood does not say what this contract is');
  const { instrument, multiplierKnown } = known;
  const average = averageOf(wire, instrument);
  const quote = id === null ? undefined : quotes.get(id);
  const mark = quote === undefined ? null : optionMark(quote);
  const row: SnapshotPosition = {
    instrument,
    quantity: wire.type === 'short' ? wire.quantity.negate() : wire.quantity,
    averageCost: multiplierKnown ? average.value : null,
    mark: mark?.price ?? null,
    markAsOf: mark?.asOf ?? null,
    marketValue: null,
    unrealizedPnl: null,
    brokerInstrumentId: id,
  };
  if (!multiplierKnown) {
    const reason = `the multiplier of the adjusted option ${instrument.symbol} is not known`;
    return { row, problem: { path: `${path}.trade_value_multiplier`, reason } };
  }
  return { row, problem: average.problem === null ? null : { path, reason: average.problem } };
}

/**
 * Premium per share. The wire's average is dollars per contract and carries the side in its sign (4.1); a row that was
 * closed and opened again may have lost it, then the clearing house's total over the same quantity stands in.
 */
function averageOf(
  wire: WireOptionPosition,
  instrument: Instrument,
): { readonly value: Decimal | null; readonly problem: string | null } {
  const { average_price: stated, clearing_cost_basis: cost, clearing_running_quantity: units } = wire;
  if (stated !== null && !stated.isZero()) {
    const isOwn = stated.sign() > 0 === (wire.type === 'long');
    if (!isOwn)
      return { value: null, problem: `the average of a ${wire.type} row has the other side's sign` };
    return { value: stated.abs().dividedBy(instrument.multiplier, AVERAGE_PLACES), problem: null };
  }
  const isWhole = cost !== null && cost.sign() > 0 && units?.equals(wire.quantity) === true;
  if (!isWhole) return { value: null, problem: null };
  return { value: cost.dividedBy(units.times(instrument.multiplier), AVERAGE_PLACES), problem: null };
}

/**
 * Both sides of one contract as one position: Robinhood lists a row per side. Their averages are of different trades, so
 * the average of what is left is not known. Null where nothing is left.
 */
export function netted(left: SnapshotPosition, right: SnapshotPosition): SnapshotPosition | null {
  const quantity = left.quantity.plus(right.quantity);
  return quantity.isZero() ? null : { ...left, quantity, averageCost: null };
}

// ---- market data ------------------------------------------------------------------------------------------------

/** The mark rounded to a tick, else the plain one, else the middle of bid and ask (4.4). */
function optionMark(wire: WireOptionQuote): Mark | null {
  const price = wire.adjusted_mark_price ?? wire.mark_price ?? middleOf(wire.bid_price, wire.ask_price);
  return price === null ? null : { price, asOf: wire.updated_at };
}

export function middleOf(bid: Decimal | null, ask: Decimal | null): Decimal | null {
  if (bid === null || ask === null || bid.sign() <= 0 || ask.sign() <= 0) return null;
  return bid.plus(ask).times(HALF);
}

/** Quotes by contract id. Null rows (unknown or expired contracts) are left out. */
export function readOptionQuotes(raws: readonly unknown[]): {
  quotes: ReadonlyMap<string, WireOptionQuote>;
  problems: readonly (Problem & { readonly index: number })[];
} {
  const quotes = new Map<string, WireOptionQuote>();
  const problems: (Problem & { index: number })[] = [];
  for (const [index, raw] of raws.entries()) {
    if (raw === null) continue;
    const parsed = wireOptionQuote.safeParse(raw);
    const path = `marketdata_options[${index}]`;
    if (!parsed.success) {
      problems.push({ index, ...firstProblem(parsed.error, path) });
      continue;
    }
    const id = instrumentIdOf(parsed.data);
    if (id === null) problems.push({ index, path: `${path}.instrument_id`, reason: 'the field is missing' });
    else quotes.set(id, parsed.data);
  }
  return { quotes, problems };
}

/**
 * Mark and Greeks. Robinhood's Greeks are of one long contract (4.4); for a contract that is held short their signs turn,
 * so that they are of what is held. Implied volatility has no side. Absent ones are null, and none at all is no Greeks.
 */
export function mapOptionQuote(
  instrument: Instrument,
  wire: WireOptionQuote,
  side: 'long' | 'short' | null,
): Quote {
  const mark = optionMark(wire);
  const greeks = greeksOf(wire, side === 'short');
  return {
    instrument,
    mark: mark?.price ?? null,
    markAsOf: mark?.asOf ?? null,
    greeks,
    greeksAsOf: greeks === null ? null : wire.updated_at,
  };
}

function greeksOf(wire: WireOptionQuote, isShort: boolean): Greeks | null {
  const { delta, gamma, theta, vega, rho, implied_volatility: iv } = wire;
  if ([delta, gamma, theta, vega, rho, iv].every((value) => value === null)) return null;
  const held = (value: Decimal | null): Decimal | null => (isShort ? (value?.negate() ?? null) : value);
  return {
    delta: held(delta),
    gamma: held(gamma),
    theta: held(theta),
    vega: held(vega),
    rho: held(rho),
    iv,
  };
}
