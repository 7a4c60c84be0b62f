/** Seeds that once failed, in the smallest form found: replayed for ever. */
import type { SeedOrder } from './messages.ts';

export interface Regression {
  /** What was wrong. */
  readonly says: string;
  /** The wrong design that brings the fault back: with it the seed must fail again. */
  readonly mutant: string;
  readonly order: Pick<
    SeedOrder,
    'seed' | 'hours' | 'only' | 'without' | 'intensity' | 'profile' | 'accounts'
  >;
}

export const REGRESSIONS: readonly Regression[] = [
  {
    says: 'an account was named by the answer of another one that was in the book already',
    mutant: 'named-by-another',
    order: {
      seed: 8,
      hours: 3,
      only: ['another-account', 'second-agent'],
      without: [],
      intensity: 6,
      accounts: 2,
    },
  },
  {
    says: 'an account of the broker stood under two names',
    mutant: 'second-pin',
    order: {
      seed: 65,
      hours: 3,
      only: ['another-account', 'second-agent', 'pause-in-run'],
      without: [],
      intensity: 6,
    },
  },
  {
    says: 'a second agent gave an account that had been reset a name of its own',
    mutant: 'reset-is-another',
    order: {
      seed: 3,
      hours: 2,
      only: ['reset', 'second-agent', 'stream-dropped'],
      without: [],
      intensity: 6,
    },
  },
  {
    says: 'an account that another agent held at the start was looked after by nobody when that one was gone',
    mutant: 'held-for-good',
    order: {
      seed: 24,
      hours: 2,
      only: ['second-agent', 'kill', 'sync-now', 'pause'],
      without: [],
      intensity: 6,
      accounts: 2,
    },
  },
  {
    says: 'a split with its time and a new name of the same day were applied in the wrong order',
    mutant: 'order-of-clocks',
    order: { seed: 22_079, hours: 6, only: null, without: [] },
  },
  {
    says: 'a proof that began with a checkpoint did not know that what it holds was corrected since',
    mutant: 'checkpoint-hides-correction',
    order: { seed: 20022, hours: 6, only: ['wall-jump'], without: [] },
  },
];
