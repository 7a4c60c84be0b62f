/**
 * What the book costs: activities in memory in, rows out, no database. Each figure is taken in a process of its own
 * (`bookProcess.ts`), so that none lives on what another left behind.
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { type Figure, type Tell } from './figures.ts';

/** A young generation of 16 MB: larger ones only let garbage stand. */
const FLAGS = ['--expose-gc', '--max-semi-space-size=16'];
const PROCESS = fileURLToPath(new URL('./bookProcess.ts', import.meta.url));

/** What is measured there: by name, each with how many fills, and what of it may be at most. */
export const BOOK_TRIALS = ['fills', 'memory', 'methods', 'newFill', 'asOf'] as const;
export type BookTrial = (typeof BOOK_TRIALS)[number];

/** One line of the process. */
export type BookLine = Pick<Figure, 'name' | 'value' | 'unit' | 'limit'>;

export function measureBook(quick: boolean, tell: Tell): void {
  for (const trial of BOOK_TRIALS) {
    const words = [...FLAGS, PROCESS, trial, quick ? 'quick' : 'full'];
    const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`The trial ${trial} failed: ${stderr}`);
    for (const line of stdout.trim().split('\n')) {
      const figure = JSON.parse(line) as BookLine;
      tell({ ...figure, limit: quick ? null : figure.limit, database: null, isAim: false });
    }
  }
}
