import { describe, expect, it } from 'vitest';
import { chanceOf } from '../../scripts/sim/chance.ts';
import { between } from '../../scripts/sim/figures.ts';
import type { SeedOrder, SeedResult } from '../../scripts/sim/messages.ts';
import { EventQueue } from '../../scripts/sim/queue.ts';
import { commandOf, shrink } from '../../scripts/sim/shrink.ts';

describe('chance', () => {
  it('is the same for a label, and another for another', () => {
    const drawn = (label: string): number[] => Array.from({ length: 5 }, chanceOf(label).unit);
    expect(drawn('seed 1')).toEqual(drawn('seed 1'));
    expect(drawn('seed 1')).not.toEqual(drawn('seed 2'));
  });

  it('of a part does not move when another part draws more', () => {
    const root = chanceOf('seed 7');
    const before = root.fork('people').integer(0, 1_000_000);
    root.fork('faults').unit();
    root.unit();
    expect(root.fork('people').integer(0, 1_000_000)).toBe(before);
  });

  it('reaches both ends of a range and nothing beyond', () => {
    const chance = chanceOf('dice');
    const thrown = new Set(Array.from({ length: 300 }, () => chance.integer(1, 6)));
    expect([...thrown].sort()).toEqual([1, 2, 3, 4, 5, 6]);
  });
});

describe('virtual time', () => {
  it('runs events by time, those of one moment in the order they were asked for', async () => {
    const queue = new EventQueue();
    const seen: string[] = [];
    for (const [ms, name] of [
      [30, 'c'],
      [10, 'a'],
      [20, 'b1'],
      [20, 'b2'],
    ] as const)
      queue.at(ms, name, () => seen.push(`${queue.nowMs} ${name}`));
    queue.at(15, 'taken back', () => seen.push('never'))();
    await queue.run(25, () => Promise.resolve());
    expect(seen).toEqual(['10 a', '20 b1', '20 b2']);
    expect(queue.nowMs).toBe(25);
  });

  it('has another trace for another order of the same events', async () => {
    const traceOf = async (names: readonly string[]): Promise<string> => {
      const queue = new EventQueue();
      for (const name of names) queue.after(5, name, () => undefined);
      await queue.run(10, () => Promise.resolve());
      return queue.traceHash();
    };
    expect(await traceOf(['x', 'y'])).toBe(await traceOf(['x', 'y']));
    expect(await traceOf(['x', 'y'])).not.toBe(await traceOf(['y', 'x']));
  });
});

const ORDER: SeedOrder = {
  seed: 3,
  hours: 6,
  level: 1,
  databaseUrl: null,
  without: [],
  only: null,
  keep: null,
  trace: false,
};

function resultOf(order: SeedOrder, fails: boolean): SeedResult {
  const violations = fails ? [{ invariant: 'I04' as const, atMs: 1, says: 'it is not so' }] : [];
  return {
    seed: order.seed,
    kinds: order.only ?? ['dns', 'kill', 'late', 'pause', 'tls'],
    violations,
  } as unknown as SeedResult;
}

describe('shrinking', () => {
  it('keeps the kinds without which the seed does not fail, and the hours it needs', async () => {
    const play = (order: SeedOrder): Promise<SeedResult> =>
      Promise.resolve(
        resultOf(order, ['kill', 'late'].every((kind) => order.only?.includes(kind)) && order.hours >= 1.5),
      );
    const shrunk = await shrink(ORDER, resultOf(ORDER, true), play, 100);
    expect(shrunk.order.only).toEqual(['kill', 'late']);
    expect(shrunk.order.hours).toBe(1.5);
    expect(commandOf(shrunk.order)).toBe('npm run sim -- --seed 3 --hours 1.5 --only kill,late');
  });

  it('keeps all where every kind is needed', async () => {
    const play = (order: SeedOrder): Promise<SeedResult> =>
      Promise.resolve(resultOf(order, order.only?.length === 5 && order.hours === 6));
    const shrunk = await shrink(ORDER, resultOf(ORDER, true), play, 100);
    expect(shrunk.order).toEqual({ ...ORDER, only: ['dns', 'kill', 'late', 'pause', 'tls'] });
  });
});

it('a table goes between its marks and nowhere else', () => {
  const document = 'before\n<!-- x: begin -->\nold\n<!-- x: end -->\nafter\n';
  expect(between(document, 'x', 'new')).toBe('before\n<!-- x: begin -->\n\nnew\n\n<!-- x: end -->\nafter\n');
  expect(() => between('no marks', 'x', 'new')).toThrow('once each');
});
