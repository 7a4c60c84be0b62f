/** What a seed is asked for and what it comes to: plain data between processes. */
import type { Edit } from './hooks.ts';
import type { Violation } from './oracle/invariants.ts';

export interface SeedOptions {
  readonly seed: number;
  readonly hours: number;
  readonly level: 1 | 2;
  readonly databaseUrl: string | null;
  /** Fault kinds that are switched off. */
  readonly without: readonly string[];
  /** Only these, where given. */
  readonly only: readonly string[] | null;
  readonly trace: ((line: string) => void) | null;
  /** How much more often faults strike than usual. */
  readonly intensity?: number;
  /** `long`: every account has a long history, and agents start late, so that first contacts meet faults. */
  readonly profile?: 'mixed' | 'long';
  /** Two accounts, whatever the seed would have. */
  readonly accounts?: 2;
  /** Where to keep the database of a seed that was violated; null: nowhere. */
  readonly keep: string | null;
  /** A folder of its own in memory. */
  readonly folder: string;
}

export interface SeedResult {
  readonly seed: number;
  readonly hours: number;
  readonly traceHash: string;
  readonly events: number;
  readonly simulatedMs: number;
  readonly realMs: number;
  readonly kills: number;
  readonly runs: number;
  readonly requests: number;
  readonly fills: number;
  readonly checks: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly states: Readonly<Record<string, number>>;
  /** Fault kinds that the seed had switched on. */
  readonly kinds: readonly string[];
  readonly violations: readonly Violation[];
  /** What happened last, where something was violated. */
  readonly recent: readonly string[];
}

export interface PlayOrder {
  readonly edits: readonly Edit[];
}

export type SeedOrder = Omit<SeedOptions, 'folder' | 'trace'> & { readonly trace: boolean };
