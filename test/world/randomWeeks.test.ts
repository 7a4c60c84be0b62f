/** Random weeks at the broker, a fixed slice of them; the full size is `npm run soak -- weeks`. */
import { expect, test } from 'vitest';
import { createTestDatabase } from '../testDatabase.ts';
import { playWeeks } from './weeks.ts';

test.each([
  ['sqlite', 20, () => Promise.resolve(null)],
  ['postgres', 6, createTestDatabase],
] as const)(
  'random weeks with faults end at the truth, and nothing closes by absence, on %s',
  async (_name, runs, makeDatabase) => {
    const figures = await playWeeks({ runs, seed: 20251120, makeDatabase });
    expect(figures.weeks).toBe(runs);
  },
  300_000,
);
