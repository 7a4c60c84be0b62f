/** `npm run soak -- corpus [COUNT] [SEED ...]`: the corpus of causes over several seeds, three of 300 unless told otherwise. */
import { report } from '../corpus/print.ts';
import { runCorpus, summaryOf } from '../corpus/run.ts';

const COUNT = 300;
const SEEDS = [1, 2, 3];

export async function run(args: readonly string[]): Promise<boolean> {
  const [count = COUNT, ...given] = args.map(numberOf);
  let passed = true;
  for (const seed of given.length > 0 ? given : SEEDS) {
    const outcomes = await runCorpus(seed, count);
    const summary = summaryOf(outcomes);
    console.log(`seed ${seed}\n${report(outcomes, summary)}\n`);
    passed &&= summary.passed;
  }
  return passed;
}

function numberOf(word: string): number {
  const value = Number.parseInt(word, 10);
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`"${word}" is no number`);
  return value;
}
