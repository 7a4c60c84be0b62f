/**
 * The slice of the simulation that every change must pass: some short seeds, and those that once failed. That every state
 * is reached and every kind of fault met is told by the figures of `npm run soak -- sim`: it needs hundreds of seeds.
 */
import { describe, expect, it } from 'vitest';
import { addResult, noFigures } from '../../scripts/sim/figures.ts';
import { MUTANTS } from '../../scripts/sim/mutants.ts';
import { REGRESSIONS } from '../../scripts/sim/regressions.ts';
import { WANTED_STATES } from '../../scripts/sim/oracle/wantedStates.ts';
import { orderOf, play, violated } from './play.ts';

/** Seconds on a machine of its own; a busy one takes its time. */
const PATIENCE_MS = 600_000;
const SEEDS = 12;
const STATES_LEAST = 20;

it(
  'short seeds break no invariant and reach many states',
  async () => {
    const results = await play(Array.from({ length: SEEDS }, (_, index) => orderOf(1 + index)));
    expect(violated(results)).toEqual([]);
    const figures = noFigures();
    for (const result of results) addResult(figures, result);
    expect(figures.seeds).toBe(SEEDS);
    expect(WANTED_STATES.filter((state) => figures.states.has(state)).length).toBeGreaterThan(STATES_LEAST);
  },
  PATIENCE_MS,
);

describe('seeds that once failed', () => {
  it(
    'an agent started again within a minute took a reset account for a second one',
    async () => {
      expect(violated(await play([orderOf(208)]))).toEqual([]);
    },
    PATIENCE_MS,
  );

  it.each(REGRESSIONS.map((regression) => [regression.says, regression] as const))(
    '%s',
    async (_says, { order, mutant }) => {
      const orders = [orderOf(order.seed, order)];
      expect(violated(await play(orders))).toEqual([]);
      // The seed proves something only while it fails with the fault put back.
      const { edits } = MUTANTS.find(({ id }) => id === mutant)!;
      expect(violated(await play(orders, edits)).length).toBeGreaterThan(0);
    },
    PATIENCE_MS,
  );
});
