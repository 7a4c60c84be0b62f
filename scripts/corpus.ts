/**
 * `npm run corpus -- --seed N --count M`: differences made by control calls of the sandbox, synced over real sockets into
 * a real database, and the causes Truebook names against what really happened. Fails (exit 1) on a single confident
 * wrong answer, or where fewer than 95 % of the cases are right.
 */
import { parseArgs } from 'node:util';
import { report } from './corpus/print.ts';
import { runCorpus, summaryOf } from './corpus/run.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '300' },
    quiet: { type: 'boolean', default: false },
  },
});
const [seed, count] = [values.seed, values.count].map((text) => Number.parseInt(text, 10)) as [
  number,
  number,
];
if (!Number.isSafeInteger(seed) || !Number.isSafeInteger(count) || count < 1) {
  console.error('Use: npm run corpus -- --seed N --count M');
  process.exit(2);
}

const outcomes = await runCorpus(seed, count, ({ number, one, verdict }) => {
  for (const wrong of verdict.confidentWrong) console.log(`CONFIDENT WRONG ${number} ${one.name}: ${wrong}`);
  if (values.quiet || verdict.isRight) return;
  console.log(`case ${number} ${one.name}: ${verdict.complaints.join('; ')}`);
});
const summary = summaryOf(outcomes);
console.log(report(outcomes, summary));
process.exitCode = summary.passed ? 0 : 1;
