import { describe, expect, it } from 'vitest';
import { addMs, parseInstant } from '../../src/domain/time.ts';
import { type CursorRow } from '../../src/store/store.ts';
import { nextLookup } from '../../src/sync/readExtras.ts';
import { countsAbsence, searchDepth } from '../../src/sync/schedule.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const NOON = parseInstant('2025-08-21T16:00:00Z');
const later = (minutes: number) => addMs(NOON, minutes * MINUTE_MS);
const cursor = (name: CursorRow['name'], minutes: number): CursorRow => ({
  name,
  position: '',
  updatedAt: later(minutes),
});

describe('how deep a difference is looked for in a large ledger', () => {
  const LARGE = 5000;

  it('whole when it is new, once more in the next run, then once an hour', () => {
    expect(searchDepth([], LARGE, true, null, NOON)).toBe('search');
    // The run at noon searched and wrote the finding; the next one searches once more.
    expect(searchDepth([cursor('search', 0)], LARGE, false, NOON, later(5))).toBe('search');
    expect(searchDepth([cursor('search', 5)], LARGE, false, NOON, later(10))).toBe('deep');
    expect(searchDepth([cursor('search', 5)], LARGE, false, NOON, later(64))).toBe('deep');
    expect(searchDepth([cursor('search', 5)], LARGE, false, NOON, later(65))).toBe('search');
  });

  it('always whole while the ledger is small', () => {
    expect(searchDepth([cursor('search', 5)], 500, false, NOON, later(10))).toBe('search');
  });
});

it('an absence counts in deep reads, once an hour', () => {
  expect(countsAbsence('recent', [], NOON)).toBe(false);
  expect(countsAbsence('deep', [], NOON)).toBe(true);
  expect(countsAbsence('deep', [cursor('absence', 0)], later(59))).toBe(false);
  expect(countsAbsence('search', [cursor('absence', 0)], later(60))).toBe(true);
});

it('an unknown order is asked for again when its fill is twice as old, within ten minutes and thirty days', () => {
  expect(nextLookup(NOON, later(1))).toBe(later(11));
  expect(nextLookup(NOON, later(60))).toBe(later(120));
  expect(nextLookup(addMs(NOON, -400 * DAY_MS), NOON)).toBe(addMs(NOON, 30 * DAY_MS));
});
