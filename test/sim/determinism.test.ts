import { expect, it } from 'vitest';
import { MUTANTS, seedsOf } from '../../scripts/sim/mutants.ts';
import { orderOf, play, violated } from './play.ts';

const PATIENCE_MS = 240_000;

it(
  'the same seed is the same event by event, also in another process and after other seeds',
  async () => {
    const alone = await play([orderOf(11)]);
    const later = await play([orderOf(5), orderOf(5), orderOf(11)]);
    const hash = (seed: number): string[] =>
      later.filter((result) => result.seed === seed).map((result) => result.traceHash);
    expect(hash(11)).toEqual([alone[0]!.traceHash]);
    expect(new Set(hash(5)).size).toBe(1);
    expect(hash(5)[0]).not.toBe(hash(11)[0]);
    expect(alone[0]!.events).toBeGreaterThan(100);
  },
  PATIENCE_MS,
);

it.each(['no-dedupe'])(
  'a wrong design is noticed: %s',
  async (id) => {
    const mutant = MUTANTS.find((one) => one.id === id)!;
    const { edits } = mutant;
    const orders = Array.from({ length: 4 }, (_, index) =>
      orderOf(1 + index, { hours: 2, ...seedsOf(mutant, index) }),
    );
    expect(violated(await play(orders, edits)).length).toBeGreaterThan(0);
  },
  PATIENCE_MS,
);
