/**
 * `npm run soak -- faults [ROW ...]`: the whole matrix of faults on both databases, or the rows whose names begin with
 * one of the words. Says each trial with its figures and the time it took.
 */
import { realMonoMs } from '../../src/platform.ts';
import { allTrials } from '../../test/faults/matrix.ts';
import { playRow, type RowFigures } from '../../test/faults/trial.ts';
import { startPostgres } from '../../test/postgres.ts';

export async function run(args: readonly string[]): Promise<boolean> {
  const figures = await playMatrix(args);
  return figures.length > 0 && figures.every((one) => one.violations.length === 0);
}

/** Plays the rows, each on its databases, and answers their figures; violations are printed and stand in them. */
export async function playMatrix(words: readonly string[]): Promise<readonly RowFigures[]> {
  const chosen = allTrials().filter(
    ({ row }) => words.length === 0 || words.some((word) => row.id.startsWith(word)),
  );
  if (chosen.length === 0) console.log(`There is no row that begins with ${words.join(' or ')}.`);
  await using postgres = await startPostgres();
  const figures: RowFigures[] = [];
  for (const { row, database, keepsLease } of chosen) {
    const startedMs = realMonoMs();
    const one = await playRow(
      row,
      database,
      async (kind) => (kind === 'postgres' ? await postgres.createDatabase() : null),
      keepsLease,
    );
    figures.push(one);
    console.log(`${said(one)}, ${((realMonoMs() - startedMs) / 1000).toFixed(1)} s`);
    for (const violation of one.violations) console.log(`  VIOLATION ${violation}`);
  }
  const broken = figures.filter((one) => one.violations.length > 0).length;
  console.log(`${figures.length} trials, ${broken} of them with violations`);
  return figures;
}

function said(one: RowFigures): string {
  const more = Object.entries(one.more).map(([name, value]) => `, ${value} ${name}`);
  return (
    `${one.id} on ${one.database}: ${one.cycles} runs, ${one.refused} refused, ${one.requests ?? 'some'} requests, ` +
    `healed after ${one.healedMs === null ? 'never' : `${one.healedMs} ms`}` +
    `${one.offsets === null ? '' : `, ${one.offsets} offsets`}${more.join('')}`
  );
}
