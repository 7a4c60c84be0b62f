/** One database behind the store, whichever it is: transactions, its own clock, upkeep. */
import { type Kysely } from 'kysely';
import { type DialectName } from './migrations/definition.ts';
import { type Schema } from './schema.ts';
import { type StoreFacts } from './store.ts';

/** Queries inside a transaction. Private helpers of the store take this and never commit. */
export type Queries = Kysely<Schema>;

/** One statement as it was sent, BEGIN and COMMIT included. */
export interface SentStatement {
  readonly sql: string;
  /** Rows inserted, changed or deleted; 0 for everything else. */
  readonly rowsWritten: number;
}

export interface Database {
  readonly dialect: DialectName;
  readonly facts: Omit<StoreFacts, 'schemaVersion'>;
  /** One statement without a transaction around it: consistent by itself. `work` sends no second one. */
  single<Result>(work: (queries: Queries) => Promise<Result>): Promise<Result>;
  /** One consistent view of everything `work` reads. */
  read<Result>(work: (queries: Queries) => Promise<Result>): Promise<Result>;
  /**
   * One transaction: all of it or nothing. `work` may run more than once (PostgreSQL conflicts), so it changes nothing
   * outside the database. `findOutcome` is asked when the answer to COMMIT was lost: what it finds is the result, null
   * means that nothing was written. Throws typed storage errors.
   */
  write<Result>(
    work: (queries: Queries) => Promise<Result>,
    findOutcome?: (queries: Queries) => Promise<Result | null>,
  ): Promise<Result>;
  /** Milliseconds since 1970 by the database's own clock (or the simulation's, where one was handed in). */
  nowMs(queries: Queries): Promise<number>;
  /** Regular upkeep; throws when it failed. */
  maintain(): Promise<void>;
  close(): Promise<void>;
}
