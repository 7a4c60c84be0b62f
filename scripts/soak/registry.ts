/** The soaks there are: their names, and the modules that hold them (loaded only when asked for). */

export interface Soak {
  /** Runs the trial. `args` are the words after its name. False, or an error thrown, means that it found a fault. */
  run(args: readonly string[]): Promise<boolean | void>;
}

export const SOAKS: Readonly<Record<string, () => Promise<Soak>>> = {
  corpus: () => import('./corpus.ts'),
  faults: () => import('./faults.ts'),
  kill: () => import('./kill.ts'),
  sim: () => import('./sim.ts'),
  weeks: () => import('./weeks.ts'),
};
