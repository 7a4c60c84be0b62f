/** `npm run soak -- sim [SEEDS] [SEED] [--publish]`: many seeds of the simulation with six hours of faults each, 20,000 unless told otherwise. */
import { runSeeds } from '../sim/commands.ts';

const SEEDS = 20_000;
const HOURS = 6;

export async function run(args: readonly string[]): Promise<boolean> {
  const numbers = args.filter((word) => word !== '--publish');
  const [count, first] = [numberOf(numbers[0], SEEDS), numberOf(numbers[1], 1)];
  return runSeeds({
    first,
    count,
    hours: HOURS,
    level: 1,
    database: 'sqlite',
    processes: 2,
    trace: false,
    without: [],
    only: null,
    keep: null,
    intensity: 1,
    profile: 'mixed',
    accounts: 1,
    publish: args.includes('--publish'),
    shrinks: true,
  });
}

function numberOf(word: string | undefined, usual: number): number {
  const value = word === undefined ? usual : Number.parseInt(word, 10);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`"${word}" is not a count`);
  return value;
}
