/** The slice of the simulation that every change must pass: 300 short seeds, and those that once failed. */
import { describe, expect, it } from 'vitest';
import { addResult, noFigures } from '../../scripts/sim/figures.ts';
import { FAULT_KINDS } from '../../scripts/sim/faults.ts';
import { MUTANTS } from '../../scripts/sim/mutants.ts';
import { REGRESSIONS } from '../../scripts/sim/regressions.ts';
import { WANTED_STATES } from '../../scripts/sim/oracle/wantedStates.ts';
import { orderOf, play, violated } from './play.ts';

/** Seconds on a machine of its own; a busy one takes its time. */
const PATIENCE_MS = 600_000;
const SEEDS = 300;

it(
  '300 seeds break no invariant, reach every state and meet every fault kind',
  async () => {
    const results = await play(Array.from({ length: SEEDS }, (_, index) => orderOf(1 + index)));
    expect(violated(results)).toEqual([]);
    const figures = noFigures();
    for (const result of results) addResult(figures, result);
    expect(figures.seeds).toBe(SEEDS);
    expect(WANTED_STATES.filter((state) => !figures.states.has(state))).toEqual([]);
    const unmet = FAULT_KINDS.filter(({ id }) => !figures.faults.has(id)).map(({ id }) => id);
    // The one heals, the other needs a server.
    expect(unmet).toEqual(['disk-lost-connection', 'wall-set-right']);
  },
  PATIENCE_MS,
);

describe('seeds that once failed', () => {
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
