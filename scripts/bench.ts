/**
 * `npm run bench -- [--quick] [NAME]`: what Truebook costs on this machine, as a table and one line of JSON per figure.
 * NAME is one of `fsync`, `book`, `sqlite`, `postgres`, `memory`, `start`; without one all are measured. `--quick` measures
 * small accounts once, to see that the bench works; its figures say nothing. Ends with 1 when a limit is not kept.
 */
import path from 'node:path';
import { measureBook } from './bench/book.ts';
import { measureCycles } from './bench/cycles.ts';
import { fsyncMedianMs } from './bench/disk.ts';
import { processorMedianMs } from './bench/processor.ts';
import { isMet, jsonLine, tableOf, type Figure } from './bench/figures.ts';
import { measureColdStart, measureMemory } from './bench/processes.ts';

const NAMES = ['fsync', 'book', 'sqlite', 'postgres', 'memory', 'start'] as const;
const words = process.argv.slice(2);
const quick = words.includes('--quick');
const wanted = words.filter((word) => !word.startsWith('--'));
const unknown = words.filter((word) => word !== '--quick' && !(NAMES as readonly string[]).includes(word));
if (unknown.length > 0) {
  console.error(`Unknown: ${unknown.join(' ')}. Use: npm run bench -- [--quick] [${NAMES.join('|')}]`);
  process.exit(2);
}
const measures = (name: (typeof NAMES)[number]): boolean => wanted.length === 0 || wanted.includes(name);

const figures: Figure[] = [];
const tell = (figure: Figure): void => {
  figures.push(figure);
  console.log(jsonLine(figure));
};
const sizes = quick
  ? { small: 5, large: 60, smallRuns: 2, largeRuns: 1 }
  : { small: 23, large: 10_000, smallRuns: 60, largeRuns: 7 };

const fsyncMs = fsyncMedianMs();
tell({ name: 'fsync of 4 KiB', database: null, value: fsyncMs, unit: 'ms', limit: null, isAim: false });
tell({
  name: 'fixed work (2,000 rows of JSON and BigInt)',
  database: null,
  value: processorMedianMs(),
  unit: 'ms',
  limit: null,
  isAim: false,
});
if (measures('book')) measureBook(quick, tell);
if (measures('sqlite')) {
  let files = 0;
  const file = (folder: string): string => `sqlite:${path.join(folder, `bench-${(files += 1)}.db`)}`;
  await measureCycles('sqlite', ({ folder }) => Promise.resolve(file(folder)), sizes, fsyncMs, tell);
}
if (measures('postgres')) {
  const { startPostgres } = await import('../test/postgres.ts');
  // As a user runs it: what is acknowledged is on the disk.
  await using postgres = await startPostgres({ fsync: 'on' });
  await measureCycles('postgres', () => postgres.createDatabase(), sizes, fsyncMs, tell);
}
if (measures('start')) await measureColdStart(quick ? 2 : 10, tell);
if (measures('memory')) {
  await measureMemory(
    quick
      ? { small: 5, large: 60, smallCycles: 2, largeCycles: 2 }
      : { small: 23, large: 10_000, smallCycles: 100, largeCycles: 7 },
    tell,
  );
}
console.log(`\n${tableOf(figures)}`);
if (!quick && figures.some((figure) => isMet(figure) === false && !figure.isAim)) process.exitCode = 1;
