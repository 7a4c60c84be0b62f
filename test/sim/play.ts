/** Seeds played in child processes, as `npm run sim` plays them. */
import type { Edit } from '../../scripts/sim/hooks.ts';
import type { SeedOrder, SeedResult } from '../../scripts/sim/messages.ts';
import { playAll } from '../../scripts/sim/pool.ts';

export function orderOf(seed: number, more: Partial<SeedOrder> = {}): SeedOrder {
  return {
    seed,
    hours: 1,
    level: 1,
    databaseUrl: null,
    without: [],
    only: null,
    keep: null,
    trace: false,
    ...more,
  };
}

export async function play(
  orders: readonly SeedOrder[],
  edits: readonly Edit[] = [],
): Promise<readonly SeedResult[]> {
  const results: SeedResult[] = [];
  await playAll(
    orders,
    { processes: Math.min(2, orders.length), edits },
    (result) => void results.push(result),
  );
  return results;
}

/** What was violated, seed by seed, as a person reads it. */
export function violated(results: readonly SeedResult[]): string[] {
  return results.flatMap(({ seed, violations }) =>
    violations.map(({ invariant, says }) => `seed ${seed}: ${invariant}: ${says}`),
  );
}
