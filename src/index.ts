/**
 * The library: the exact values of the book, and the same records that the command line prints, read straight from the
 * database.
 *
 * ```ts
 * const book = await openBook();
 * const positions = await book.positions({ account: 'alpaca-paper' });
 * await book.close();
 * ```
 */
import { compose } from './compose.ts';
import { loadConfig } from './config/load.ts';
import { environment, homeFolder, operatingSystem, randomBytes, workingFolder } from './platform.ts';
import {
  accountRecords,
  activityRecords,
  balanceRecords,
  closeRecords,
  dailyBalanceRecords,
  eventRecords,
  findingRecords,
  positionRecords,
  statusRecord,
  tradeRecords,
  type AccountRecord,
  type AccountScope,
  type ActivityRecord,
  type BalanceRecord,
  type CloseRecord,
  type DailyBalanceRecord,
  type EventRecord,
  type FindingRecord,
  type PositionRecord,
  type StatusRecord,
  type TradeRecord,
} from './sync/records.ts';
import { type PositionState } from './store/store.ts';

export { Decimal, decimal } from './domain/decimal.ts';
export {
  ERROR_EXIT_CODES,
  isTruebookError,
  TruebookError,
  type ErrorCode,
  type Retry,
} from './domain/errors.ts';
export { compareInstants, parseInstant, type Instant, type TradeDate } from './domain/time.ts';
export type {
  AccountRecord,
  AccountStatusRecord,
  ActivityRecord,
  BalanceRecord,
  CloseRecord,
  DailyBalanceRecord,
  EventRecord,
  FindingRecord,
  GreeksRecord,
  PositionRecord,
  PositionSyncRecord,
  StatusRecord,
  TradeRecord,
} from './sync/records.ts';
export type { PositionState } from './store/store.ts';

export interface OpenBookOptions {
  /** Settings files beside the usual ones, as `--config` takes them. */
  readonly configFiles?: readonly string[];
  /** Default: the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Where settings files are looked up first. Default: the working folder. */
  readonly workingFolder?: string;
}

export interface OfAccount {
  /** Name or id; all accounts without it. */
  readonly account?: string;
}

export interface OfLedger {
  /** At most this many, the newest. */
  readonly limit?: number;
  /** Also what happened before the account was reset at its broker (`accounts new-epoch`). */
  readonly allEpochs?: boolean;
}

/** A book opened for reading: nothing can be written, no broker is contacted. */
export interface Book {
  accounts(): Promise<readonly AccountRecord[]>;
  /** Open and missing positions unless other states are asked for. */
  positions(of?: OfAccount & { states?: readonly PositionState[] }): Promise<readonly PositionRecord[]>;
  /** Executions, newest first; of the account's current epoch unless `allEpochs`. */
  trades(of?: OfAccount & OfLedger): Promise<readonly TradeRecord[]>;
  /** Positions that ended, newest first; of the account's current epoch unless `allEpochs`. */
  closes(of?: OfAccount & OfLedger): Promise<readonly CloseRecord[]>;
  balances(of?: OfAccount): Promise<readonly BalanceRecord[]>;
  /** The end of each day somebody knows, newest first; of the account's current epoch. */
  dailyBalances(of?: OfAccount): Promise<readonly DailyBalanceRecord[]>;
  /** Newest first; of the account's current epoch unless `allEpochs`. */
  activity(of?: OfAccount & OfLedger): Promise<readonly ActivityRecord[]>;
  /** What happened to positions and findings, newest first. */
  events(of?: OfAccount & { limit?: number }): Promise<readonly EventRecord[]>;
  /** Open and reopened findings unless `all`. */
  findings(of?: OfAccount & { all?: boolean }): Promise<readonly FindingRecord[]>;
  status(of?: OfAccount): Promise<StatusRecord>;
  close(): Promise<void>;
}

/**
 * Opens the book that the settings name. Throws `config` for settings that are wrong, `storage_*` where there is no
 * database yet or it cannot be opened; every read throws `unknown_account` for an account that does not exist.
 */
export async function openBook(options: OpenBookOptions = {}): Promise<Book> {
  const config = loadConfig({
    env: options.env ?? environment(),
    cwd: options.workingFolder ?? workingFolder(),
    machine: { operatingSystem: operatingSystem(), userHome: homeFolder() },
    randomBytes,
    configFiles: options.configFiles ?? [],
  });
  const book = await compose({ config, readonly: true });
  const { records } = book;

  /** The same question with the account itself instead of its name. */
  async function scoped<Question extends OfAccount>(
    question: Question,
  ): Promise<Omit<Question, 'account'> & AccountScope> {
    const { account, ...rest } = question;
    return account === undefined ? rest : { ...rest, account: await book.account(account) };
  }

  return {
    accounts: () => accountRecords(records),
    positions: async (of = {}) => positionRecords(records, await scoped(of)),
    trades: async (of = {}) => tradeRecords(records, await scoped(of)),
    closes: async (of = {}) => closeRecords(records, await scoped(of)),
    balances: async (of = {}) => balanceRecords(records, await scoped(of)),
    dailyBalances: async (of = {}) => dailyBalanceRecords(records, await scoped(of)),
    activity: async (of = {}) => activityRecords(records, await scoped(of)),
    events: async (of = {}) => eventRecords(records, await scoped(of)),
    findings: async (of = {}) => findingRecords(records, await scoped(of)),
    status: async (of = {}) => statusRecord(records, await scoped(of)),
    close: () => book.close(),
  };
}
