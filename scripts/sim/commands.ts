/** What the command line does: many seeds with their verdict, and the wrong designs one by one. */
import { readFileSync, writeFileSync } from 'node:fs';
import { FAULT_KINDS } from './faults.ts';
import {
  addResult,
  between,
  figuresTable,
  invariantsTable,
  type MutantOutcome,
  mutantsTable,
  noFigures,
  printed,
} from './figures.ts';
import type { SeedOrder, SeedResult } from './messages.ts';
import { MUTANTS, seedsOf } from './mutants.ts';
import { INVARIANTS } from './oracle/invariants.ts';
import { WANTED_STATES } from './oracle/wantedStates.ts';
import { playAll, PlayFailure } from './pool.ts';
import { commandOf, shrink } from './shrink.ts';

export interface RunOptions {
  readonly first: number;
  readonly count: number;
  readonly hours: number;
  readonly level: 1 | 2;
  readonly database: 'sqlite' | 'postgres';
  readonly processes: number;
  readonly trace: boolean;
  readonly without: readonly string[];
  readonly only: readonly string[] | null;
  readonly keep: string | null;
  readonly intensity: number;
  readonly profile: 'mixed' | 'long';
  readonly accounts: 1 | 2;
  readonly publish: boolean;
  readonly shrinks: boolean;
}

/** From so many seeds on every state must have been reached: fewer may miss a rare one by chance. */
const FULL_RUN = 300;
/** Of so many seeds one is played twice. */
const TWICE_EVERY = 100;
const SHRINK_PLAYS = 60;
const DOCUMENT = new URL('../../docs/reliability.md', import.meta.url);

/** Plays the seeds. False where one failed, one was not the same twice, or a full run missed a state. */
export async function runSeeds(options: RunOptions): Promise<boolean> {
  checkKinds([...options.without, ...(options.only ?? [])]);
  const figures = noFigures();
  const hashes = new Map<number, string>();
  let first: { readonly order: SeedOrder; readonly result: SeedResult } | null = null;
  let unlike = 0;
  const startedMs = performance.now();
  await using databases = await openDatabases(options);
  await playAll(
    ordersOf(options, databases),
    { processes: Math.min(options.processes, options.count) },
    (result, order) => {
      const before = hashes.get(result.seed);
      if (before !== undefined) {
        if (before === result.traceHash) return;
        unlike += 1;
        console.log(`seed ${result.seed} is not the same twice: ${before} and ${result.traceHash}`);
        return;
      }
      hashes.set(result.seed, result.traceHash);
      addResult(figures, result);
      for (const { invariant, atMs, says } of result.violations)
        console.log(`seed ${result.seed}: ${invariant} after ${(atMs / 3_600_000).toFixed(2)} h: ${says}`);
      if (result.violations.length === 0) return;
      console.log(`  ${commandOf(order)} --trace`);
      first ??= { order, result };
    },
  );
  figures.realMs = performance.now() - startedMs;
  if (options.count === 1) console.log(`trace ${[...hashes.values()][0]}`);
  console.log(printed(figures));
  const missed = options.count >= FULL_RUN ? WANTED_STATES.filter((state) => !figures.states.has(state)) : [];
  for (const state of missed) console.log(`never reached: ${state}`);
  if (first !== null && options.shrinks && !options.trace) await tellShrunk(first);
  const passed = figures.failing === 0 && unlike === 0 && missed.length === 0;
  if (options.publish && passed) {
    publish('invariants', invariantsTable(INVARIANTS));
    publish('simulation', figuresTable(figures, FAULT_KINDS));
  }
  return passed;
}

async function tellShrunk({
  order,
  result,
}: {
  readonly order: SeedOrder;
  readonly result: SeedResult;
}): Promise<void> {
  if (order.databaseUrl !== null) return;
  console.log(`\nshrinking seed ${order.seed} ...`);
  const play = async (next: SeedOrder): Promise<SeedResult> => {
    let played: SeedResult | null = null;
    await playAll([next], { processes: 1 }, (one) => void (played = one));
    return played!;
  };
  const shrunk = await shrink(order, result, play, SHRINK_PLAYS);
  console.log(shrunk.result.recent.slice(-30).join('\n'));
  console.log(
    `smallest: ${commandOf(shrunk.order)}\n  ${shrunk.result.violations[0]!.invariant}: ${shrunk.result.violations[0]!.says}`,
  );
}

function* ordersOf(options: RunOptions, databases: Databases): Iterable<SeedOrder> {
  for (let seed = options.first; seed < options.first + options.count; seed += 1) {
    const order: SeedOrder = {
      seed,
      hours: options.hours,
      level: options.level,
      databaseUrl: databases.next(),
      without: options.without,
      only: options.only,
      keep: options.keep,
      trace: options.trace,
      intensity: options.intensity,
      profile: options.profile,
      ...(options.accounts === 2 ? { accounts: 2 as const } : {}),
    };
    yield order;
    // What a server's own timing decides is not the same twice.
    if ((seed - options.first) % TWICE_EVERY === 0 && options.database === 'sqlite' && !options.trace)
      yield order;
  }
}

/** Databases of a server, one for each seed, made beforehand. */
interface Databases extends AsyncDisposable {
  next(): string | null;
}

async function openDatabases({ database, count }: RunOptions): Promise<Databases> {
  if (database === 'sqlite') return { next: () => null, [Symbol.asyncDispose]: () => Promise.resolve() };
  const { startPostgres } = await import('../../test/postgres.ts');
  const server = await startPostgres();
  const made: string[] = [];
  for (let number = 0; number < count; number += 1) made.push(await server.createDatabase());
  return { next: () => made.shift() ?? null, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** Each wrong design (or those that are named) until a seed catches it. False where fewer than 90 % are caught. */
export async function runMutants(options: RunOptions, names: readonly string[]): Promise<boolean> {
  const chosen = MUTANTS.filter(({ id }) => names.length === 0 || names.includes(id));
  const unknown = names.filter((name) => !MUTANTS.some(({ id }) => id === name));
  if (unknown.length > 0) throw new Error(`there is no wrong design ${unknown.join(', ')}`);
  const outcomes: MutantOutcome[] = [];
  const databases: Databases = { next: () => null, [Symbol.asyncDispose]: () => Promise.resolve() };
  const waiting = [...chosen];
  const worker = async (): Promise<void> => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const { id, says, edits, maskedBy = null } = mutant;
      let seeds = 0;
      let caughtBy: MutantOutcome['caughtBy'] = null;
      const caught = (seed: number, invariants: readonly string[]): false => {
        caughtBy = { seed, invariants: [...new Set(invariants)] };
        return false;
      };
      try {
        const once = [...ordersOf(options, databases)]
          .filter((order, index, all) => all[index - 1] !== order)
          .map((order, place) => ({ ...order, ...seedsOf(mutant, place) }));
        await playAll(once, { processes: 1, edits }, (result) => {
          seeds += 1;
          if (result.violations.length > 0)
            return caught(
              result.seed,
              result.violations.map((one) => one.invariant),
            );
          return true;
        });
      } catch (error) {
        // What cannot be loaded was not caught: its edit does not fit the source any more.
        if (!(error instanceof PlayFailure) || /holds this text \d+ times/.test(error.message)) throw error;
        seeds += 1;
        caught(options.first + seeds - 1, ['X01']);
      }
      outcomes.push({ id, says, seeds, caughtBy, maskedBy });
      console.log(
        `${id.padEnd(26)}${caughtBy === null ? `SURVIVED ${seeds} seeds` : `seed ${(caughtBy as { seed: number }).seed}: ${(caughtBy as { invariants: readonly string[] }).invariants.join(', ')}`}`,
      );
    }
  };
  await Promise.all(Array.from({ length: options.processes }, worker));
  const order = new Map(MUTANTS.map(({ id }, index) => [id, index]));
  outcomes.sort((left, right) => order.get(left.id)! - order.get(right.id)!);
  const caught = outcomes.filter((one) => one.caughtBy !== null).length;
  console.log(`${caught} of ${outcomes.length} wrong designs caught`);
  if (options.publish) publish('mutants', mutantsTable(outcomes));
  return caught >= outcomes.length * 0.9;
}

function publish(name: string, text: string): void {
  const before = readFileSync(DOCUMENT, 'utf8');
  const after = between(before, name, text);
  if (after !== before) writeFileSync(DOCUMENT, after);
  console.log('docs/reliability.md has the new figures');
}

function checkKinds(names: readonly string[]): void {
  const unknown = names.filter((name) => !FAULT_KINDS.some(({ id }) => id === name));
  if (unknown.length > 0) throw new Error(`there is no fault kind ${unknown.join(', ')}`);
}
