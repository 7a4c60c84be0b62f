/** What a fold changed of the lots in the database: rows that say the same are not written. Pure. */
import { Decimal } from '../domain/decimal.ts';
import { type Lot, type LotClosure } from '../domain/lot.ts';

/** What a fold gave, and what it began with. */
export interface FoldedLots {
  /** Lots that were open where the fold began; empty for one from the beginning. */
  readonly before: Iterable<Lot>;
  /** Every lot the fold opened or changed, as it is at its end. */
  readonly lots: readonly Lot[];
  readonly closures: readonly LotClosure[];
}

/** Stored rows that the fold may have changed: lots open, opened or closed in part behind its beginning; their closures. */
export interface StoredLots {
  readonly lots: readonly Lot[];
  readonly closures: readonly LotClosure[];
}

export interface RowChanges {
  readonly upsert: readonly Lot[];
  readonly remove: readonly string[];
  readonly closures: { readonly upsert: readonly LotClosure[]; readonly remove: readonly string[] };
}

/** `stored` null: the fold went on behind everything that is stored, so all it gave is new. */
export function lotChanges(folded: FoldedLots, stored: StoredLots | null): RowChanges {
  if (stored === null) {
    return { upsert: folded.lots, remove: [], closures: { upsert: folded.closures, remove: [] } };
  }
  const wanted = new Map<string, Lot>();
  for (const lot of folded.before) wanted.set(lot.id, lot);
  for (const lot of folded.lots) wanted.set(lot.id, lot);
  const lots = new Map(stored.lots.map((lot) => [lot.id, lot]));
  const closures = new Map(stored.closures.map((closure) => [closure.id, closure]));
  const wantedClosures = new Set(folded.closures.map((closure) => closure.id));
  return {
    upsert: [...wanted.values()].filter((lot) => !sameRow(lots.get(lot.id), lot)),
    remove: stored.lots.filter((lot) => !wanted.has(lot.id)).map((lot) => lot.id),
    closures: {
      upsert: folded.closures.filter((closure) => !sameRow(closures.get(closure.id), closure)),
      remove: stored.closures.filter((closure) => !wantedClosures.has(closure.id)).map(({ id }) => id),
    },
  };
}

/** Whether two rows of one kind say the same; what only the store adds to a row does not count. */
export function sameRow<Row extends object>(stored: Row | undefined, wanted: Row): boolean {
  if (stored === undefined) return false;
  for (const name of Object.keys(wanted) as (keyof Row)[])
    if (!sameValue(stored[name], wanted[name])) return false;
  return true;
}

function sameValue(left: unknown, right: unknown): boolean {
  if (left instanceof Decimal && right instanceof Decimal) return left.equals(right);
  return left === right;
}
