/** Seeds that once failed, smallest form first found: replayed for ever. */
import type { SeedOrder } from './messages.ts';

export interface Regression {
  /** What was wrong. */
  readonly says: string;
  readonly order: Pick<
    SeedOrder,
    'seed' | 'hours' | 'only' | 'without' | 'intensity' | 'profile' | 'accounts'
  >;
}

export const REGRESSIONS: readonly Regression[] = [];
