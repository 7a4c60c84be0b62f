/** Names of an account's mirror files, as older Alpaca bots have them (seeds/004). */
import { type Account } from '../domain/account.ts';

/** Paths below the mirror folder, always with `/`. */
export interface MirrorNames {
  readonly bankroll: string;
  readonly positions: string;
  readonly trades: string;
  readonly log: string;
  /** What we remember of the files we wrote. */
  readonly memory: string;
}

/**
 * `alpaca-paper` has the plain names; a second account of the same environment (`alpaca-paper-1234`) has its own
 * suffix in each of them (`bankroll_alpaca_paper_1234.json`).
 */
export function mirrorNames({ name }: Pick<Account, 'name'>): MirrorNames {
  const stem = name.replaceAll('-', '_');
  return {
    bankroll: `bankroll_${stem}.json`,
    positions: `positions_${stem}.csv`,
    trades: `logs/trade_history_${stem}.csv`,
    log: `logs/alpaca_sync_${stem.replace(/^alpaca_/, '')}.log`,
    memory: `.truebook-mirror-${stem}.json`,
  };
}
