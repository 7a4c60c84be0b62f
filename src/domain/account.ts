/** Accounts: whose book it is. */
import { type Currency } from './money.ts';
import { type Instant } from './time.ts';

export type BrokerName = 'alpaca' | 'robinhood' | 'ibkr';

/** Alpaca keeps paper and live apart; brokers without a paper world are `live`. */
export type AccountEnv = 'paper' | 'live';

/** Stable small integer of an account in this database (`POSITION_SYNC_DEFAULT_ACCOUNT_ID` means this one). */
export type AccountId = number;

export interface Account {
  readonly id: AccountId;
  /** `<broker>[-paper|-live|-ira][-last4]`, never renamed. Both the name and the id are accepted everywhere. */
  readonly name: string;
  readonly broker: BrokerName;
  readonly env: AccountEnv;
  /** Counts resets: rows of different epochs never mix in a total. Starts at 1. */
  readonly epoch: number;
  /** Fingerprint of the broker's own account id, pinned at first contact; null before. Never the id itself. */
  readonly pinnedFingerprint: string | null;
  readonly baseCurrency: Currency;
  readonly createdAt: Instant;
}
