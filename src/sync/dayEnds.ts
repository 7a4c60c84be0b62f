/**
 * Day ends: the marks of a day's last look. Nobody knows that a look is the last of its day before the next day begins, and
 * marks are written over; so the first run of a day writes down how the day before ended. Pure.
 */
import { compareInstants, newYorkDate } from '../domain/time.ts';
import { type FreshnessRow, type MarkRow, type RunCommit, type SyncState } from '../store/store.ts';
import { type Look } from './readBroker.ts';

/**
 * Marks as that look saw them: a later run of the positions alone, which makes nothing younger, may have written some of
 * them over, and what they were before nobody knows.
 */
export function marksOfLook(
  marks: readonly MarkRow[],
  look: Pick<FreshnessRow, 'fetchedAt'>,
): readonly MarkRow[] {
  return marks.filter((row) => compareInstants(row.fetchedAt, look.fetchedAt) <= 0);
}

/** Null where the last look is of this very day, and where there was none. */
export function dayEndsOf(state: SyncState, look: Look): RunCommit['dayEnds'] {
  const last = state.freshness.find((row) => row.dataClass === 'positions');
  if (last === undefined) return null;
  const day = newYorkDate(last.asOf);
  if (day >= newYorkDate(look.positions.asOf)) return null;
  const marks = new Map(marksOfLook(state.marks, last).map((row) => [row.instrument, row]));
  const observations = state.observations
    // What that very look wrote down itself has its marks already.
    .filter((row) => !row.quantity.isZero() && compareInstants(row.asOf, last.asOf) < 0)
    .map((row) => {
      const mark = marks.get(row.instrument);
      return {
        instrument: row.instrument,
        quantity: row.quantity,
        averageCost: row.averageCost,
        mark: mark?.mark ?? null,
        markAsOf: mark?.markAsOf ?? null,
        marketValue: null,
        unrealizedPnl: null,
        asOf: last.asOf,
        tradeDate: day,
      };
    });
  return { runId: last.runId, observations };
}
