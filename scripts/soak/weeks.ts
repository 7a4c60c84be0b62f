/**
 * `npm run soak -- weeks [WEEKS] [SEED] [shrink]`: random weeks with random faults against the truth, 1,000 on SQLite and
 * a third of that on PostgreSQL unless told otherwise. A failing week is printed with its seed and steps.
 */
import { startPostgres } from '../../test/postgres.ts';
import { playWeeks, type WeekFigures } from '../../test/world/weeks.ts';

const WEEKS = 1000;

export async function run(args: readonly string[]): Promise<boolean> {
  const runs = numberOf(args[0], WEEKS);
  const seed = numberOf(args[1], 1);
  const shrink = args[2] === 'shrink';
  await using postgres = await startPostgres();
  try {
    print('sqlite', await playWeeks({ runs, seed, shrink, makeDatabase: () => Promise.resolve(null) }));
    print(
      'postgres',
      await playWeeks({
        runs: Math.ceil(runs / 3),
        seed,
        shrink,
        makeDatabase: () => postgres.createDatabase(),
      }),
    );
  } catch (error) {
    console.log(error instanceof Error ? error.message : String(error));
    return false;
  }
  return true;
}

function print(name: string, { weeks, steps, fills, requests }: WeekFigures): void {
  console.log(`${name}: ${weeks} weeks, ${steps} steps, ${fills} fills, ${requests} requests, 0 violations`);
}

function numberOf(word: string | undefined, usual: number): number {
  const value = word === undefined ? usual : Number.parseInt(word, 10);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`"${word}" is not a count`);
  return value;
}
