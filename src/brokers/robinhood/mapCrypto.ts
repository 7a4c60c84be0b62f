/** Robinhood's coins -> ours. Pure. */
import { Decimal } from '../../domain/decimal.ts';
import { type SnapshotPosition } from '../../domain/snapshot.ts';
import { firstProblem } from '../wireWords.ts';
import { type Directory, pairOf } from './directory.ts';
import { bad, type Mapped, type Problem } from './mapped.ts';
import { middleOf } from './mapOptions.ts';
import { type Mark } from './mapPositions.ts';
import {
  type WireCryptoHolding,
  wireCryptoHolding,
  type WireForexQuote,
  wireForexQuote,
} from './wireCrypto.ts';

const AVERAGE_PLACES = 18;

/** A holding; one of zero is no position: both members are null. `marks` are by currency pair. */
export function mapHolding(
  raw: unknown,
  path: string,
  directory: Directory,
  marks: ReadonlyMap<string, Mark>,
): Mapped<SnapshotPosition> {
  const parsed = wireCryptoHolding.safeParse(raw);
  if (!parsed.success) return { row: null, problem: firstProblem(parsed.error, path) };
  const wire = parsed.data;
  if (wire.quantity.isZero()) return { row: null, problem: null };
  const pair = wire.currency_pair_id;
  const instrument = pairOf(directory, pair);
  if (instrument === null) return bad(`${path}.currency_pair_id`, 'Robinhood does not say what this pair is');
  const mark = pair === null ? undefined : marks.get(pair);
  const row: SnapshotPosition = {
    instrument,
    quantity: wire.quantity,
    averageCost: averageOf(wire),
    mark: mark?.price ?? null,
    markAsOf: mark?.asOf ?? null,
    marketValue: null,
    unrealizedPnl: null,
    brokerInstrumentId: pair,
  };
  return { row, problem: null };
}

/** Cost over quantity, where what was bought is all that is held: coins that were sent here have no known cost (5.1). */
function averageOf({ cost_bases, quantity }: WireCryptoHolding): Decimal | null {
  const bases = cost_bases ?? [];
  const units = bases.flatMap((one) => [one.direct_quantity, one.intraday_quantity]).filter(isStated);
  const costs = bases.flatMap((one) => [one.direct_cost_basis, one.intraday_cost_basis]).filter(isStated);
  const cost = Decimal.sum(costs);
  if (!Decimal.sum(units).equals(quantity) || cost.sign() <= 0) return null;
  return cost.dividedBy(quantity, AVERAGE_PLACES);
}

function isStated(value: Decimal | null): value is Decimal {
  return value !== null;
}

/** Marks by currency pair. */
export function mapForexMarks(raws: readonly unknown[]): {
  marks: ReadonlyMap<string, Mark>;
  problems: readonly (Problem & { readonly index: number })[];
} {
  const marks = new Map<string, Mark>();
  const problems: (Problem & { index: number })[] = [];
  for (const [index, raw] of raws.entries()) {
    if (raw === null) continue;
    const parsed = wireForexQuote.safeParse(raw);
    if (!parsed.success) {
      problems.push({ index, ...firstProblem(parsed.error, `forex_quotes[${index}]`) });
      continue;
    }
    const mark = markOf(parsed.data);
    if (mark !== null) marks.set(parsed.data.id, mark);
  }
  return { marks, problems };
}

function markOf(wire: WireForexQuote): Mark | null {
  const price = wire.mark_price ?? middleOf(wire.bid_price, wire.ask_price);
  return price === null || price.sign() <= 0 ? null : { price, asOf: wire.updated_at };
}
