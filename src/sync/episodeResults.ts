/** What episodes realized: the closes of their lots, added up. Pure. */
import { Decimal } from '../domain/decimal.ts';
import { type LotClosure, type RealizedBasis } from '../domain/lot.ts';

export interface EpisodeResult {
  /** Economic, in the instrument's currency; null where a close of the episode has no known result. */
  readonly realized: Decimal | null;
  readonly basis: RealizedBasis;
  /** Average cost per unit of quantity (not of the multiplier) of what was closed; null where unknown or nothing was. */
  readonly averageCost: Decimal | null;
}

/** An episode of which nothing was closed yet: nothing is realized, exactly. */
export const NOTHING_REALIZED: EpisodeResult = {
  realized: Decimal.zero,
  basis: 'exact',
  averageCost: null,
};

/** By the root id of the activity that opened the episode. */
export function episodeResults(closures: Iterable<LotClosure>): ReadonlyMap<string, EpisodeResult> {
  const sums = new Map<string, Sum>();
  for (const closure of closures) {
    let sum = sums.get(closure.openedRootId);
    if (sum === undefined) {
      sum = { realized: Decimal.zero, basis: 'exact', units: Decimal.zero, cost: Decimal.zero };
      sums.set(closure.openedRootId, sum);
    }
    add(sum, closure);
  }
  return new Map([...sums].map(([id, sum]) => [id, resultOf(sum)]));
}

interface Sum {
  realized: Decimal | null;
  basis: RealizedBasis;
  units: Decimal;
  cost: Decimal | null;
}

function add(sum: Sum, closure: LotClosure): void {
  const { realized, realizedBasis, quantity } = closure;
  sum.realized = sum.realized === null || realized === null ? null : sum.realized.plus(realized);
  if (realized === null || realizedBasis === 'unknown') sum.basis = 'unknown';
  else if (realizedBasis === 'estimated' && sum.basis === 'exact') sum.basis = 'estimated';
  const entry = closure.direction === 'long' ? closure.cost : closure.proceeds;
  sum.units = sum.units.plus(quantity);
  sum.cost = sum.cost === null || entry === null ? null : sum.cost.plus(entry);
}

function resultOf({ realized, basis, units, cost }: Sum): EpisodeResult {
  return {
    realized,
    basis,
    averageCost: cost === null || units.isZero() ? null : cost.dividedBy(units, 10),
  };
}
