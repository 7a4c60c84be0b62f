/** The matrix of faults, a fixed slice of it; the whole is `npm run faults`. */
import { expect, test } from 'vitest';
import { createTestDatabase } from '../testDatabase.ts';
import { allTrials, DATABASES, MATRIX, sliceOfTrials } from './matrix.ts';
import { playRow } from './trial.ts';

test.each(
  sliceOfTrials().map(({ row, database, keepsLease }) => [row.id, database, row, keepsLease] as const),
)(
  'fault %s on %s closes nothing, keeps its honest age and heals',
  async (_id, database, row, keepsLease) => {
    const figures = await playRow(
      row,
      database,
      async (kind) => (kind === 'postgres' ? await createTestDatabase() : null),
      keepsLease,
    );
    expect(figures.violations).toEqual([]);
    // A row that did no harm, or at which the judge did not look, proves nothing.
    expect(figures.cycles + (figures.offsets ?? 0) + Object.keys(figures.more).length).toBeGreaterThan(0);
    expect(figures.looks).toBeGreaterThan(1);
    expect(figures.healedMs).not.toBeNull();
  },
  60_000,
);

test('every row has a name of its own and is played on SQLite or about PostgreSQL alone', () => {
  expect(new Set(MATRIX.map((row) => row.id)).size).toBe(MATRIX.length);
  const played = new Set(sliceOfTrials().map(({ row }) => row.id));
  expect(MATRIX.filter((row) => !played.has(row.id)).map((row) => row.id)).toEqual([]);
  for (const database of DATABASES)
    expect(allTrials().filter((trial) => trial.database === database).length).toBeGreaterThan(60);
});
