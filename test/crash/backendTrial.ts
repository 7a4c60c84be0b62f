/**
 * Kill -9 on the other side: the PostgreSQL server process that is committing a run dies, so the server throws everybody
 * out and recovers. Truebook lives on and must find out by itself what became of its commit (reliability rule 3.2).
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '../postgres.ts';
import { ACCOUNTS } from './brokerPlay.ts';
import { openCrashWorld, type CrashWorld } from './crashWorld.ts';
import { type Mark } from './marks.ts';
import { Victim } from './victim.ts';

export interface BackendFigures {
  kills: number;
  /** Kills at the COMMIT itself; the others came while rows were written. */
  atCommit: number;
  /** Runs that ended with a storage error, for the next one to repeat. */
  runsBroken: number;
  acknowledgedRuns: number;
  violations: string[];
}

/** A server that recovers, and the runs after it, need no longer. */
const PATIENCE_MS = 20_000;

export async function runBackendTrial(options: { kills: number; seed: number }): Promise<BackendFigures> {
  // A server of its own: everybody on it is thrown out at each kill.
  await using postgres = await startPostgres({ fsync: 'off' });
  const compileCache = mkdtempSync(join(tmpdir(), 'truebook-crash-cache-'));
  const world = await openCrashWorld(options.seed, () => postgres.createDatabase());
  const figures: BackendFigures = {
    kills: 0,
    atCommit: 0,
    runsBroken: 0,
    acknowledgedRuns: 0,
    violations: [],
  };
  const victim = new Victim({ folder: world.folder, databaseUrl: world.databaseUrl, compileCache });
  const hearer = new Hearer(world, victim, figures);
  try {
    await hearer.untilEveryAccountIsComplete();
    for (let kill = 1; kill <= options.kills; kill += 1) {
      await hearer.killBackend();
      const alive = await hearer.untilEveryAccountIsComplete();
      const blame = (text: string): void => void figures.violations.push(`backend kill ${kill}: ${text}`);
      if (!alive) blame(`no complete run within ${PATIENCE_MS} ms`);
      (await world.check([...victim.acknowledged])).violations.forEach(blame);
      world.play.change();
    }
    victim.kill();
    const death = await victim.death();
    if (death.ownFault !== null) figures.violations.push(death.ownFault);
    figures.acknowledgedRuns = death.acknowledged.length;
    figures.violations.push(...(await world.healthyRun(true)).violations);
    figures.violations.push(...(await world.check(death.acknowledged)).violations);
    return figures;
  } finally {
    victim.kill();
    await victim.death();
    await world.close();
    rmSync(compileCache, { recursive: true, force: true });
  }
}

class Hearer {
  readonly #world: CrashWorld;
  readonly #figures: BackendFigures;
  #complete = new Set<number>();
  #onComplete: () => void = () => undefined;
  #plan: {
    readonly mark: 'writing' | 'sealing';
    readonly afterMs: number;
    readonly done: () => void;
  } | null = null;

  constructor(world: CrashWorld, victim: Victim, figures: BackendFigures) {
    this.#world = world;
    this.#figures = figures;
    victim.go((mark) => this.#hear(mark));
  }

  /** Kills the server process of the next run's transaction, at its COMMIT or a little before. */
  async killBackend(): Promise<void> {
    const { chance } = this.#world;
    await new Promise<void>((done) => {
      const sealing = chance.integer(1, 3) <= 2;
      this.#plan = sealing
        ? { mark: 'sealing', afterMs: chance.integer(0, 1), done }
        : { mark: 'writing', afterMs: chance.integer(0, 8), done };
    });
    this.#figures.kills += 1;
  }

  /** False when it takes too long. */
  async untilEveryAccountIsComplete(): Promise<boolean> {
    this.#complete.clear();
    let timer: NodeJS.Timeout | undefined;
    const done = new Promise<boolean>((resolve) => {
      this.#onComplete = () => resolve(true);
      timer = setTimeout(() => resolve(false), PATIENCE_MS);
    });
    return await done.finally(() => clearTimeout(timer));
  }

  #hear(mark: Mark): void {
    if (mark.mark === 'reading' && this.#figures.kills > 0 && this.#world.chance.integer(1, 5) === 1)
      this.#world.play.smallChange();
    if (mark.mark === 'writing' || mark.mark === 'sealing') this.#strike(mark.mark, mark.backend);
    if (mark.mark !== 'finished') return;
    if (mark.outcome === 'complete') this.#complete.add(mark.accountId);
    if (mark.outcome === null) this.#broken(mark.error ?? '');
    if (this.#complete.size === ACCOUNTS.length) this.#onComplete();
  }

  #broken(error: string): void {
    this.#figures.runsBroken += 1;
    if (!error.startsWith('storage_')) this.#figures.violations.push(`a run ended with ${error}`);
  }

  #strike(mark: 'writing' | 'sealing', backend: number | null): void {
    const plan = this.#plan;
    if (plan === null || plan.mark !== mark || backend === null) return;
    this.#plan = null;
    if (mark === 'sealing') this.#figures.atCommit += 1;
    const kill = (): void => {
      process.kill(backend, 'SIGKILL');
      plan.done();
    };
    if (plan.afterMs === 0) kill();
    else setTimeout(kill, plan.afterMs);
  }
}
