/**
 * Trades of one instrument at one moment: a broker whose ids tell no sequence leaves open which came first. Then it is the
 * order in which nothing is sold before it is there (pnl rules, ties: opens before closes). Pure.
 */
import { type Activity } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type InstrumentId } from '../domain/instrument.ts';

/**
 * The rows with purchases and sales of one moment in an order that fits: theirs where it does, else purchases first, else
 * sales first; of orders that fit equally badly the earlier one. `ordered` is in the book's order, rows of other
 * instruments keep their places; `quantityBefore` is what is held before the first row.
 */
export function inMomentOrder(
  ordered: readonly Activity[],
  quantityBefore: (instrument: InstrumentId) => Decimal,
): readonly Activity[] {
  const moments = undecidedMoments(ordered);
  if (moments.size === 0) return ordered;
  const held = new Map<InstrumentId, Decimal>();
  for (const rows of moments.values()) {
    for (const places of rows) held.set(idAt(ordered, places), quantityBefore(idAt(ordered, places)));
  }
  const result = [...ordered];
  ordered.forEach((row, place) => {
    for (const places of moments.get(place) ?? []) {
      const rows = places.map((of) => ordered[of]!);
      const best = bestOrder(rows, held.get(idAt(ordered, places))!);
      places.forEach((of, index) => (result[of] = best[index]!));
    }
    const id = row.instrument?.id;
    const before = id === undefined ? undefined : held.get(id);
    if (id !== undefined && before !== undefined) held.set(id, before.plus(row.quantity));
  });
  return result;
}

type Places = readonly number[];

function idAt(ordered: readonly Activity[], [place]: Places): InstrumentId {
  return ordered[place!]!.instrument!.id;
}

/** Where one instrument is bought and sold at one moment: its rows, by the place of the first. Most histories have none. */
function undecidedMoments(ordered: readonly Activity[]): ReadonlyMap<number, readonly Places[]> {
  const found = new Map<number, Places[]>();
  let start = 0;
  for (let end = 1; end <= ordered.length; end += 1) {
    if (ordered[end]?.executedAt === ordered[start]!.executedAt) continue;
    if (end - start > 1) {
      for (const places of boughtAndSold(ordered, start, end)) {
        found.set(places[0]!, [...(found.get(places[0]!) ?? []), places]);
      }
    }
    start = end;
  }
  return found;
}

function boughtAndSold(ordered: readonly Activity[], start: number, end: number): readonly Places[] {
  const byInstrument = new Map<InstrumentId, number[]>();
  for (let place = start; place < end; place += 1) {
    const { kind, instrument, quantity } = ordered[place]!;
    if (instrument === null || quantity.isZero() || (kind !== 'fill' && kind !== 'security_transfer'))
      continue;
    const places = byInstrument.get(instrument.id);
    if (places === undefined) byInstrument.set(instrument.id, [place]);
    else places.push(place);
  }
  return [...byInstrument.values()].filter(
    (places) => new Set(places.map((place) => ordered[place]!.quantity.sign())).size > 1,
  );
}

function bestOrder(rows: readonly Activity[], held: Decimal): readonly Activity[] {
  const [comes, goes] = [1, -1].map((sign) => rows.filter(({ quantity }) => quantity.sign() === sign));
  let best = rows;
  let least = misfit(rows, held);
  for (const order of [
    [...comes!, ...goes!],
    [...goes!, ...comes!],
  ]) {
    const units = misfit(order, held);
    if (units.compare(least) >= 0) continue;
    [best, least] = [order, units];
  }
  return best;
}

/** The units that close what is not there, or open beside what is to be closed first. */
function misfit(rows: readonly Activity[], held: Decimal): Decimal {
  let units = Decimal.zero;
  let there = held;
  for (const { quantity, details } of rows) {
    const size = quantity.abs();
    const against = there.sign() * quantity.sign() < 0 ? there.abs() : Decimal.zero;
    const closes = against.compare(size) < 0 ? against : size;
    const isOpen = details['intent'] === 'open' || details['side'] === 'sell_short';
    const mustClose = details['intent'] === 'close' || quantity.sign() < 0 || !against.isZero();
    if (isOpen) units = units.plus(closes);
    else if (mustClose) units = units.plus(size.minus(closes));
    there = there.plus(quantity);
  }
  return units;
}
