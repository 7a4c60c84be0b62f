/**
 * The slice of the simulation that every change must pass: 300 short seeds, half an hour with faults that strike twice as
 * often as usual and then quiet until all is at rest, and the seeds that once failed. A minute on two free cores.
 */
import { describe, expect, it } from 'vitest';
import { addResult, noFigures } from '../../scripts/sim/figures.ts';
import { FAULT_KINDS } from '../../scripts/sim/faults.ts';
import { MUTANTS } from '../../scripts/sim/mutants.ts';
import { REGRESSIONS } from '../../scripts/sim/regressions.ts';
import { WANTED_STATES } from '../../scripts/sim/oracle/wantedStates.ts';
import { orderOf, play, violated } from './play.ts';

/** A minute on a machine of its own; a busy one takes its time. */
const PATIENCE_MS = 600_000;
const SEEDS = 300;
const SLICE = { hours: 0.5, intensity: 2 };
/** A server has this one, SQLite has not. */
const ELSEWHERE = 'disk-lost-connection';

it(
  'short seeds break no invariant, meet every fault and reach every state',
  async () => {
    const results = await play(Array.from({ length: SEEDS }, (_, index) => orderOf(1 + index, SLICE)));
    expect(violated(results)).toEqual([]);
    const figures = noFigures();
    for (const result of results) addResult(figures, result);
    expect(figures.seeds).toBe(SEEDS);
    expect(WANTED_STATES.filter((state) => !figures.states.has(state))).toEqual([]);
    const unmet = FAULT_KINDS.filter(({ id }) => !figures.faults.has(id)).map(({ id }) => id);
    expect(unmet).toEqual([ELSEWHERE]);
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
