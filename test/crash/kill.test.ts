/**
 * kill -9 in a cycle (issue 2): nothing acknowledged lost, nothing twice, no cursor ahead of its rows. The full size is
 * `npm run soak -- kill`.
 */
import { describe, expect, test } from 'vitest';
import { createTestDatabase } from '../testDatabase.ts';
import { runBackendTrial } from './backendTrial.ts';
import { type MakeDatabase } from './crashWorld.ts';
import { runKillTrial } from './killTrial.ts';

const KILLS = 12;
const SEED = 20251121;

const databases: [name: string, makeDatabase: MakeDatabase][] = [
  ['sqlite', (folder) => `sqlite:${folder}/truebook.db`],
  ['postgres', createTestDatabase],
];

describe.each(databases)('on %s', (_name, makeDatabase) => {
  test('twenty kills leave nothing lost, nothing twice and no cursor ahead of its rows', async () => {
    const figures = await runKillTrial({ kills: KILLS, seed: SEED, makeDatabase });
    expect(figures.violations).toEqual([]);
    expect(figures.kills).toBe(KILLS);
    // The kills must have hit what they were meant for, else nothing was shown.
    expect(figures.insideRun).toBeGreaterThanOrEqual(KILLS / 2);
    expect(figures.insideCommit).toBeGreaterThanOrEqual(KILLS / 5);
    expect(figures.acknowledgedRuns).toBeGreaterThanOrEqual(KILLS / 2);
    expect(figures.leasesTakenOver).toBeGreaterThan(0);
    expect(figures.rowsBehindCursors).toBeGreaterThan(40);
  }, 300_000);
});

// Each fault is put into the process that is killed; a trial that does not see it would show nothing about Truebook.
test('a Truebook that moves its cursors before it writes the rows is found out', async () => {
  const { violations } = await runUntilFound('cursors-first');
  expect(violations.join('\n')).toMatch(/: read until \S+, but \S+ of \S+ is not stored/);
}, 120_000);

test('a Truebook that acknowledges before it has committed is found out', async () => {
  const { violations } = await runUntilFound('acknowledge-first');
  expect(violations.join('\n')).toMatch(/its activity \S+ is not in the book/);
}, 120_000);

test('a PostgreSQL whose committing process is killed: every outcome is found out, runs go on', async () => {
  const figures = await runBackendTrial({ kills: 6, seed: SEED });
  expect(figures.violations).toEqual([]);
  expect(figures.kills).toBe(6);
  expect(figures.atCommit).toBeGreaterThanOrEqual(2);
}, 120_000);

async function runUntilFound(harm: 'cursors-first' | 'acknowledge-first') {
  return await runKillTrial({
    kills: 25,
    seed: SEED,
    makeDatabase: databases[0]![1],
    harm,
    untilFound: true,
  });
}
