/** Who watches the commits of runs: set once per world. */
import { type SimProcess } from '../process.ts';

export interface Witness {
  readonly level: 1 | 2;
  /** Within the transaction that holds a new run. `sql` reads what it sees. */
  beforeCommit(process: SimProcess, sql: (text: string) => readonly Record<string, unknown>[]): void;
  afterCommit(process: SimProcess): void;
}

let watching: Witness | null = null;

export function watch(witness: Witness | null): void {
  watching = witness;
}

export function witness(): Witness {
  if (watching === null) throw new Error('nobody watches this world');
  return watching;
}
