/** Who watches the commits of runs: set once per world. */
import { type SimProcess } from '../process.ts';

export interface Witness {
  readonly level: 1 | 2;
  /** Within the transaction that holds a new run: what `LEASE_OF_RUN` answers there. */
  beforeCommit(process: SimProcess, leases: readonly Record<string, unknown>[]): void;
  afterCommit(process: SimProcess): void;
}

/** Who holds the lease of the account whose run is about to be committed. */
export const LEASE_OF_RUN =
  'SELECT l.process_id, l.host FROM sync_run r JOIN lease l ON l.account_id = r.account_id ORDER BY r.id DESC LIMIT 1';

let watching: Witness | null = null;

export function watch(witness: Witness | null): void {
  watching = witness;
}

export function witness(): Witness {
  if (watching === null) throw new Error('nobody watches this world');
  return watching;
}
