/** What every listing needs: where to read, whose rows, and the settings that decide about age and authorship. */
import { type Capabilities } from '../../brokers/broker.ts';
import { type Account } from '../../domain/account.ts';
import { type Clock, type Instant } from '../../domain/time.ts';
import { type LeaseHolder, type Store } from '../../store/store.ts';

/** What the records need besides the store: settings and the clock, handed in. */
export interface RecordContext {
  readonly store: Store;
  readonly clock: Clock;
  /** Seconds between scheduled runs of an account. */
  intervalSeconds(account: Account): number;
  /** Seconds after which its data is stale. */
  maxAgeSeconds(account: Account): number;
  /** Whether scheduled runs are switched on for it. */
  enabled(account: Account): boolean;
  /** Patterns of client order ids that automation uses (`AUTOMATION_ORDER_IDS`), `*` allowed. */
  readonly automationOrderIds: readonly string[];
  /** When the account's broker lists what it did not list at once; null = everything is listed at once. */
  latePublishing(account: Account): Capabilities['latePublishing'];
  /** `POSITION_SYNC_CALCULATE_REALIZED_PNL`: false shows no realized profit beside positions and trades. */
  readonly showsRealized: boolean;
  /** Whether the process behind a lease no longer exists on this host: a killed agent is not a running one. */
  isGone(holder: LeaseHolder): boolean;
}

export interface AccountScope {
  readonly account?: Account;
}

/** Which part of the ledger a listing shows. */
export interface LedgerScope extends AccountScope {
  /** At most this many, the newest. */
  readonly limit?: number;
  readonly since?: Instant;
  /** Also what happened before the account was reset at its broker; only the current epoch without it. */
  readonly allEpochs?: boolean;
}
