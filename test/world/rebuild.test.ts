/** A rebuild from ledger and evidence gives the very rows that the runs wrote, at every moment, on both databases. */
import { expect, test } from 'vitest';
import { verifyViews, type RebuildReport } from '../../src/sync/rebuild.ts';
import { createTestDatabase } from '../testDatabase.ts';
import { playWeeks } from './weeks.ts';
import { type World } from './world.ts';

async function verified(world: World): Promise<RebuildReport> {
  return verifyViews(world.truebook.store, await world.truebook.account('alpaca-paper'));
}

/** What differs, as a person would look at it. */
function differences(report: RebuildReport): string[] {
  return report.epochs.flatMap(({ epoch, tables }) =>
    tables.flatMap(({ table, first }) =>
      first.map(
        ({ key, stored, rebuilt }) =>
          `${epoch} ${table} ${key}\n  ${JSON.stringify(stored)}\n  ${JSON.stringify(rebuilt)}`,
      ),
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
          hashes.push(
            report.epochs
              .flatMap(({ tables }) => tables.map(({ stored }) => `${stored.rows} ${stored.digest}`))
              .join(' '),
          );
      },
    });
    return hashes;
  };
  const sqlite = await play(() => Promise.resolve(null), 12);
  const postgres = await play(createTestDatabase, 4);
  expect(postgres).toEqual(sqlite.slice(0, 4));
  expect(new Set(sqlite).size).toBe(12);
}, 300_000);
