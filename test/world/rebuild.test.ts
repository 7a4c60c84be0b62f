/** A rebuild from ledger and evidence gives the very rows that the runs wrote, at every moment, on both databases. */
import { expect, test } from 'vitest';
import { verifyViews, type RebuildReport } from '../../src/sync/rebuild.ts';
import { createTestDatabase } from '../testDatabase.ts';
import { playWeeks } from './weeks.ts';
import { type World } from './world.ts';

async function verified(world: World): Promise<RebuildReport> {
  const account = await world.truebook.account('alpaca-paper');
  return verifyViews(world.truebook.store, account, world.truebook.records.latePublishing(account));
}

/** What differs, as a person would look at it. */
function differences(report: RebuildReport): string[] {
  return report.tables.flatMap(({ table, examples }) =>
    examples.map(
      ({ key, stored, derived }) =>
        `${table} ${key}\n  ${JSON.stringify(stored)}\n  ${JSON.stringify(derived)}`,
    ),
  );
}

const SEED = 20251203;

test('after every step of random weeks, the same on both databases', async () => {
  const play = async (makeDatabase: () => Promise<string | null>, runs: number): Promise<string[]> => {
    const hashes: string[] = [];
    await playWeeks({
      runs,
      seed: SEED,
      makeDatabase,
      inspect: async (world, when) => {
        const report = await verified(world);
        expect(differences(report).join('\n')).toBe('');
        if (when === 'end')
          hashes.push(report.tables.map(({ stored }) => `${stored.rows} ${stored.hash}`).join(' '));
      },
    });
    return hashes;
  };
  const sqlite = await play(() => Promise.resolve(null), 12);
  const postgres = await play(createTestDatabase, 4);
  expect(postgres).toEqual(sqlite.slice(0, 4));
  expect(new Set(sqlite).size).toBe(12);
}, 300_000);
