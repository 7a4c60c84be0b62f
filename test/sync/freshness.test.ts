/** How old data is, told by clocks that may be wrong. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { instantFromMs } from '../../src/domain/time.ts';
import { type FreshnessRow } from '../../src/store/store.ts';
import { freshness, type Freshness } from '../../src/sync/freshness.ts';

const HOUR = 3_600_000;
const FETCHED = Date.parse('2025-08-21T16:00:02Z');

function row(dataClass: FreshnessRow['dataClass'], monoEpoch: string): FreshnessRow {
  return {
    dataClass,
    asOf: instantFromMs(FETCHED - 2_000),
    asOfMonoMs: 1_000_000,
    monoEpoch,
    fetchedAt: instantFromMs(FETCHED),
    runId: 1,
    reconciled: true,
    verified: true,
  };
}

/** Two classes that were fetched before a restart or not, read `ms` after the fetch by a wall clock that is `off`. */
function readAt(ms: number, off: number, epochs: readonly [string, string]): Freshness {
  return freshness({
    rows: [row('positions', epochs[0]), row('activities', epochs[1])],
    newestRun: null,
    needs: ['positions', 'activities'],
    maxAgeSeconds: 360,
    clock: { wallMs: FETCHED + ms + off, monoMs: 1_002_000 + ms, monoEpoch: 'this boot' },
  });
}

const SAME = ['this boot', 'this boot'] as const;
const OTHER = ['a boot before', 'a boot before'] as const;

describe('the age of data', () => {
  it('is told by the monotonic clock when the wall was set back', () => {
    expect(readAt(2 * HOUR, -5 * HOUR, SAME)).toMatchObject({ age: 7202, fresh: false });
    expect(readAt(10_000, -5 * HOUR, SAME)).toMatchObject({ age: 12, fresh: true, why: null });
  });

  it('is not known after a restart with a wall clock that stands before the data', () => {
    for (const epochs of [OTHER, ['this boot', 'a boot before'], ['a boot before', 'this boot']] as const) {
      const told = readAt(2 * HOUR, -5 * HOUR, epochs);
      expect(told).toMatchObject({ age: null, fresh: false });
      expect(told.why).toMatch(/^clock_before_data: /);
      expect(told.asOf).toBe('2025-08-21T16:00:00Z');
    }
  });

  it('is told after a restart where the wall is right, or corrected by seconds', () => {
    expect(readAt(60_000, 0, OTHER)).toMatchObject({ age: 62, fresh: true });
    expect(readAt(1_000, -4_000, OTHER)).toMatchObject({ age: 0, fresh: true });
    expect(readAt(1_000, -7_000, OTHER)).toMatchObject({ age: null, fresh: false });
  });

  it('is never nothing for old data before which the clock stands, and fresh exactly without a reason', () => {
    const epochs = fc.constantFrom(SAME, OTHER, ['this boot', 'a boot before'] as const);
    fc.assert(
      fc.property(
        fc.nat(48 * HOUR),
        fc.integer({ min: -99 * HOUR, max: 99 * HOUR }),
        epochs,
        (ms, off, of) => {
          const told = readAt(ms, off, of);
          expect(told.fresh).toBe(told.why === null);
          if (told.fresh) expect(told.age).not.toBeNull();
          // Five seconds are what a clock may be put back.
          if (told.fresh && ms + off < -5_000) expect(of).toBe(SAME);
        },
      ),
    );
  });
});
