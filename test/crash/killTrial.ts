/**
 * Kill -9 in a cycle, again and again: a process syncs two accounts without a pause while the broker keeps changing,
 * dies at a random moment, and the database it leaves behind is held against what it had acknowledged and against the
 * truth (issue 2; reliability rules H1, H2). Then the next process goes on from there.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Seeded } from '../../src/sandbox/seeded.ts';
import { ACCOUNTS } from './brokerPlay.ts';
import { type CrashWorld, type MakeDatabase, openCrashWorld } from './crashWorld.ts';
import { type Acknowledgement, type Harm, type Mark } from './marks.ts';
import { type Death, Victim } from './victim.ts';

export interface KillTrialOptions {
  readonly kills: number;
  /** Same seed: same broker and same plans. What the machine does between them differs. */
  readonly seed: number;
  readonly makeDatabase: MakeDatabase;
  /** Other sources for the processes that are killed, as a `file:` address with a slash at its end. */
  readonly source?: string | undefined;
  readonly harm?: Harm;
  /** Ends with the first kill that leaves a violation behind. */
  readonly untilFound?: boolean;
  /** Told after every kill. */
  readonly onKill?: (figures: KillFigures) => void;
}

export interface KillFigures {
  kills: number;
  /** Kills while a run was under way, and those of them while a commit was. */
  insideRun: number;
  insideCommit: number;
  /** Commits that were under way when the process died: how many turned out to be done. */
  commitsUnanswered: number;
  commitsDone: number;
  acknowledgedRuns: number;
  acknowledgedActivities: number;
  /** Leases of dead processes taken over by the next one. */
  leasesTakenOver: number;
  /** Runs in a quiet moment after a kill, compared with the truth. */
  healthyRuns: number;
  slowestHealthyRunMs: number;
  runsChecked: number;
  activitiesChecked: number;
  rowsBehindCursors: number;
  worlds: number;
  violations: string[];
}

/** A new broker and a new database now and then: a first contact is killed as well. */
const KILLS_PER_WORLD = 25;

/** The next process must have its leases by then, or it waits for those of the dead one to run out (60 s). */
const TAKE_OVER_MS = 15_000;

export async function runKillTrial(options: KillTrialOptions): Promise<KillFigures> {
  const figures = noFigures();
  const compileCache = mkdtempSync(join(tmpdir(), 'truebook-crash-cache-'));
  try {
    for (let world = 0; figures.kills < options.kills && !isFound(options, figures); world += 1) {
      const kills = Math.min(KILLS_PER_WORLD, options.kills - figures.kills);
      await killInWorld(options, options.seed + world, kills, figures, compileCache);
    }
    return figures;
  } finally {
    rmSync(compileCache, { recursive: true, force: true });
  }
}

function isFound(options: KillTrialOptions, figures: KillFigures): boolean {
  return options.untilFound === true && figures.violations.length > 0;
}

async function killInWorld(
  options: KillTrialOptions,
  seed: number,
  kills: number,
  figures: KillFigures,
  compileCache: string,
): Promise<void> {
  const world = await openCrashWorld(seed, options.makeDatabase);
  const { folder, databaseUrl } = world;
  const nextVictim = (): Victim =>
    new Victim({ folder, databaseUrl, compileCache, source: options.source, harm: options.harm });
  const acknowledged: Acknowledgement[] = [];
  const before = { ...figures };
  figures.worlds += 1;
  // The next process loads its program while this one works.
  let victim = nextVictim();
  let next = nextVictim();
  try {
    for (let kill = 1; kill <= kills; kill += 1) {
      const blame = (text: string): void =>
        void figures.violations.push(`seed ${seed}, kill ${kill}: ${text}`);
      const { death, complaints } = await killOnce(world, victim, planOf(world.chance), acknowledged);
      victim = next;
      next = nextVictim();
      complaints.forEach(blame);
      acknowledged.push(...death.acknowledged);
      count(figures, death);

      const book = await world.check(acknowledged);
      book.violations.forEach(blame);
      figures.runsChecked = before.runsChecked + book.runs;
      figures.activitiesChecked = before.activitiesChecked + book.activities;
      figures.commitsDone = before.commitsDone + book.unanswered;
      if (options.harm === undefined && figures.commitsDone > figures.commitsUnanswered)
        blame('the book has a run that nobody tried to commit');
      figures.rowsBehindCursors = before.rowsBehindCursors + book.behindCursors;

      // Mostly the next victim is the one who finds what the dead one left.
      const last = kill === kills;
      if (last || world.chance.integer(1, 3) === 1) {
        const healthy = await world.healthyRun(last);
        healthy.violations.forEach(blame);
        figures.healthyRuns += 1;
        figures.slowestHealthyRunMs = Math.max(figures.slowestHealthyRunMs, healthy.durationMs);
        if (healthy.durationMs > TAKE_OVER_MS)
          blame(
            `the next healthy run took ${Math.round(healthy.durationMs)} ms: did it wait for a dead lease?`,
          );
        figures.leasesTakenOver += death.leases;
      }
      options.onKill?.(figures);
      if (isFound(options, figures)) return;
    }
    const end = await world.check(acknowledged);
    figures.violations.push(...end.violations.map((text) => `seed ${seed}, at the end: ${text}`));
  } finally {
    for (const idle of [victim, next]) {
      idle.kill();
      await idle.death();
    }
    await world.close();
  }
}

/** When to kill: so many milliseconds after so many marks of one kind. */
interface Plan {
  readonly mark: Mark['mark'];
  readonly times: number;
  readonly afterMs: number;
}

/** Most kills come with a commit, where the damage would be; the rest anywhere in a cycle. */
function planOf(chance: Seeded): Plan {
  const draw = chance.integer(1, 100);
  const times = chance.integer(1, 4);
  if (draw <= 45) return { mark: 'committing', times, afterMs: chance.integer(0, 10) };
  if (draw <= 70) return { mark: 'sealing', times, afterMs: chance.integer(0, 3) === 3 ? 1 : 0 };
  if (draw <= 82) return { mark: 'reading', times: chance.integer(1, 20), afterMs: chance.integer(0, 30) };
  if (draw <= 90) return { mark: 'run', times, afterMs: chance.integer(0, 30) };
  return { mark: 'acknowledged', times, afterMs: chance.integer(0, 30) };
}

async function killOnce(
  { play, chance }: CrashWorld,
  victim: Victim,
  plan: Plan,
  acknowledged: readonly Acknowledgement[],
): Promise<{ death: Death; complaints: readonly string[] }> {
  const complaints: string[] = [];
  let seen = 0;
  let leased = false;
  for (let change = chance.integer(1, 3); change > 0; change -= 1) {
    if (firstContactDone(acknowledged)) play.change();
    else play.smallChange();
  }
  const patience = setTimeout(() => {
    if (!leased) complaints.push(`no lease within ${TAKE_OVER_MS} ms`);
    victim.kill();
  }, TAKE_OVER_MS);
  victim.go((mark) => {
    if (mark.mark === 'leased') leased = true;
    if (mark.mark === 'held')
      complaints.push(`the lease was held by process ${mark.processId}, which is dead`);
    if (mark.mark === 'finished' && mark.outcome === null) complaints.push(`a run ended with ${mark.error}`);
    // The broker does not wait for the end of a run; only a first contact has it to itself.
    const known = firstContactDone([...acknowledged, ...victim.acknowledged]);
    if (mark.mark === 'reading' && known && chance.integer(1, 5) === 1) play.smallChange();
    if (mark.mark !== plan.mark) return;
    seen += 1;
    if (seen !== plan.times) return;
    if (plan.afterMs === 0) victim.kill();
    else setTimeout(() => victim.kill(), plan.afterMs);
  });
  const death = await victim.death();
  clearTimeout(patience);
  if (death.ownFault !== null) complaints.push(death.ownFault);
  return { death, complaints };
}

/** True when every account had a run that was believed: its openings are booked. */
export function firstContactDone(acknowledged: readonly Acknowledgement[]): boolean {
  const complete = acknowledged.filter(({ outcome }) => outcome === 'complete');
  return new Set(complete.map(({ accountId }) => accountId)).size === ACCOUNTS.length;
}

function count(figures: KillFigures, death: Death): void {
  figures.kills += 1;
  if (death.runs > 0) figures.insideRun += 1;
  if (death.commits > 0) figures.insideCommit += 1;
  figures.commitsUnanswered += death.commits;
  figures.acknowledgedRuns += death.acknowledged.length;
  for (const { revisions } of death.acknowledged) figures.acknowledgedActivities += revisions.length;
}

function noFigures(): KillFigures {
  return {
    kills: 0,
    insideRun: 0,
    insideCommit: 0,
    commitsUnanswered: 0,
    commitsDone: 0,
    acknowledgedRuns: 0,
    acknowledgedActivities: 0,
    leasesTakenOver: 0,
    healthyRuns: 0,
    slowestHealthyRunMs: 0,
    runsChecked: 0,
    activitiesChecked: 0,
    rowsBehindCursors: 0,
    worlds: 0,
    violations: [],
  };
}
