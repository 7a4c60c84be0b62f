/**
 * `npm run soak -- kill [KILLS] [SEED] [SOURCES]`: kill -9 in a cycle, 500 times per database unless told otherwise,
 * and 30 times the PostgreSQL process that commits. SOURCES is a folder with other sources than this checkout's `src`,
 * to see that a broken Truebook is found out.
 */
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { type BackendFigures, runBackendTrial } from '../../test/crash/backendTrial.ts';
import { type KillFigures, runKillTrial } from '../../test/crash/killTrial.ts';
import { type MakeDatabase } from '../../test/crash/crashWorld.ts';
import { startPostgres } from '../../test/postgres.ts';

const KILLS = 500;
const BACKEND_KILLS = 30;
const SHOWN_VIOLATIONS = 20;

const ROWS: readonly [label: string, of: (figures: KillFigures) => number][] = [
  ['kills', (figures) => figures.kills],
  ['worlds (each begins with a first contact)', (figures) => figures.worlds],
  ['kills inside a run', (figures) => figures.insideRun],
  ['kills inside a commit', (figures) => figures.insideCommit],
  ['commits without an answer', (figures) => figures.commitsUnanswered],
  ['  of them found done', (figures) => figures.commitsDone],
  ['acknowledged commits', (figures) => figures.acknowledgedRuns],
  ['acknowledged activities', (figures) => figures.acknowledgedActivities],
  ['runs checked', (figures) => figures.runsChecked],
  ['activities checked', (figures) => figures.activitiesChecked],
  ['broker rows behind cursors, looked for', (figures) => figures.rowsBehindCursors],
  ['healthy runs compared with the truth', (figures) => figures.healthyRuns],
  ['leases of dead processes they took over', (figures) => figures.leasesTakenOver],
  ['slowest of them, ms', (figures) => Math.round(figures.slowestHealthyRunMs)],
  ['violations', (figures) => figures.violations.length],
];

/** False when anything was lost, twice, half or ahead. */
export async function run(args: readonly string[]): Promise<boolean> {
  const kills = numberOf(args[0], KILLS);
  const seed = numberOf(args[1], 1);
  const source = args[2] === undefined ? undefined : pathToFileURL(`${path.resolve(args[2])}/`).href;
  await using postgres = await startPostgres();
  const trial = (name: string, makeDatabase: MakeDatabase): Promise<KillFigures> => {
    const told: Told = { violations: 0 };
    return runKillTrial({
      kills,
      seed,
      makeDatabase,
      source,
      onKill: (figures) => progress(name, kills, figures, told),
    });
  };
  const sqlite = await trial('sqlite', (folder) => `sqlite:${folder}/truebook.db`);
  const onPostgres = await trial('postgres', () => postgres.createDatabase());
  const backend = await runBackendTrial({ kills: Math.min(kills, BACKEND_KILLS), seed });

  console.log(`seed ${seed}`.padEnd(44), 'sqlite'.padStart(9), 'postgres'.padStart(9));
  for (const [label, of] of ROWS)
    console.log(label.padEnd(44), String(of(sqlite)).padStart(9), String(of(onPostgres)).padStart(9));
  printBackend(backend);
  const violations = [...sqlite.violations, ...onPostgres.violations, ...backend.violations];
  for (const violation of violations.slice(0, SHOWN_VIOLATIONS)) console.log(violation);
  return violations.length === 0;
}

function printBackend({ kills, atCommit, runsBroken, acknowledgedRuns, violations }: BackendFigures): void {
  console.log(
    `PostgreSQL processes killed while they wrote a run: ${kills} (${atCommit} at COMMIT), ${runsBroken} runs broken off, ` +
      `${acknowledgedRuns} acknowledged commits, ${violations.length} violations`,
  );
}

const PROGRESS_EVERY = 25;

interface Told {
  violations: number;
}

/** A line now and then, and every violation as soon as it is found. */
function progress(name: string, kills: number, figures: KillFigures, told: Told): void {
  for (const violation of figures.violations.slice(told.violations)) console.error(`${name}: ${violation}`);
  told.violations = figures.violations.length;
  if (figures.kills % PROGRESS_EVERY !== 0) return;
  console.error(`${name}: ${figures.kills} of ${kills} kills, ${figures.violations.length} violations`);
}

function numberOf(text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number.parseInt(text, 10);
  if (!Number.isSafeInteger(value) || value < 1)
    throw new Error(`"${text}" is no number: npm run soak -- kill [KILLS] [SEED] [SOURCES]`);
  return value;
}
