/** The book opened for reading: the same records that the command line prints, straight from the database. */
import { compose, type Truebook as Composition } from '../compose.ts';
import { loadConfig, type Config, type Flags } from '../config/load.ts';
import { environment, homeFolder, operatingSystem, randomBytes, workingFolder } from '../platform.ts';
import { type PositionState } from '../store/store.ts';
import {
  accountRecords,
  activityRecords,
  balanceRecords,
  bankrollRecords,
  closeRecords,
  dailyBalanceRecords,
  eventRecords,
  findingRecords,
  lotRecordsOf,
  pnlRecordsOf,
  pnlStatsRecordsOf,
  positionRecords,
  statusRecord,
  tradeRecords,
  type AccountRecord,
  type AccountScope,
  type ActivityRecord,
  type BalanceRecord,
  type BankrollRecord,
  type CloseRecord,
  type DailyBalanceRecord,
  type EventRecord,
  type BookScope,
  type FindingRecord,
  type LotRecord,
  type PnlGrouping,
  type PnlRecord,
  type PnlScope,
  type PnlStatsRecord,
  type PositionRecord,
  type StatusRecord,
  type TradeRecord,
} from '../sync/records.ts';
import { checkOptions } from './checkArguments.ts';
import { checkedBook } from './checkedCalls.ts';

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
  readonly account?: string | number;
}

/** `asOf`: as it was then; `knownAt`: by what was known then; `wash`: whose purchases wash sales look at. */
export type OfMoment = Pick<BookScope, 'asOf' | 'knownAt' | 'wash' | 'allEpochs'>;

export interface OfLedger {
  /** At most this many, the newest. */
  readonly limit?: number;
  /** Also what happened before the account was reset at its broker (`accounts new-epoch`). */
  readonly allEpochs?: boolean;
}

/**
 * What can be read. Every question throws `unknown_account` for an account that does not exist, `usage` for options that
 * do not, and after `close()`.
 */
export interface Readings {
  accounts(): Promise<readonly AccountRecord[]>;
  /** Open and missing positions unless other states are asked for. */
  positions(of?: OfAccount & { states?: readonly PositionState[] }): Promise<readonly PositionRecord[]>;
  /** Executions, newest first; of the account's current epoch unless `allEpochs`. */
  trades(of?: OfAccount & OfLedger): Promise<readonly TradeRecord[]>;
  /** Positions that ended, newest first; of the account's current epoch unless `allEpochs`. */
  closes(of?: OfAccount & OfLedger): Promise<readonly CloseRecord[]>;
  /** Open tax lots, now or at a moment of the past. */
  lots(of?: OfAccount & OfMoment & { symbol?: string }): Promise<readonly LotRecord[]>;
  /** Realized profit and loss, income and fees; a row per `by`, `day` unless said. */
  pnl(of?: OfAccount & OfMoment & PnlScope & { by?: PnlGrouping }): Promise<readonly PnlRecord[]>;
  /** Figures of the closes: wins, losses, averages. */
  pnlStats(of?: OfAccount & OfMoment & PnlScope): Promise<readonly PnlStatsRecord[]>;
  balances(of?: OfAccount): Promise<readonly BalanceRecord[]>;
  /** The end of each day somebody knows, newest first; of the account's current epoch. */
  dailyBalances(of?: OfAccount): Promise<readonly DailyBalanceRecord[]>;
  /** How the local bankroll changed and why, newest first. */
  bankroll(of?: OfAccount & { limit?: number }): Promise<readonly BankrollRecord[]>;
  /** Newest first; of the account's current epoch unless `allEpochs`. */
  activity(of?: OfAccount & OfLedger): Promise<readonly ActivityRecord[]>;
  /** What happened to positions and findings, newest first. */
  events(of?: OfAccount & { limit?: number }): Promise<readonly EventRecord[]>;
  /** Open and reopened findings unless `all`. */
  findings(of?: OfAccount & { all?: boolean }): Promise<readonly FindingRecord[]>;
  status(of?: OfAccount): Promise<StatusRecord>;
}

/** A book opened for reading: nothing can be written, no broker is contacted. */
export interface Book extends Readings {
  close(): Promise<void>;
}

/**
 * Opens the book that the settings name. Throws `usage` and `config` for options and settings that are wrong, `storage_*`
 * where there is no database yet or it cannot be opened.
 */
export async function openBook(options: OpenBookOptions = {}): Promise<Book> {
  const checked = checkOptions('openBook', options);
  const book = await compose({ config: libraryConfig(checked), readonly: true });
  return checkedBook(readingsOf(book), () => book.close());
}

/** The settings, from the same places as the command line's. */
export function libraryConfig(options: OpenBookOptions, flags: Flags = {}): Config {
  return loadConfig({
    env: options.env ?? environment(),
    cwd: options.workingFolder ?? workingFolder(),
    machine: { operatingSystem: operatingSystem(), userHome: homeFolder() },
    randomBytes,
    configFiles: options.configFiles ?? [],
    flags,
  });
}

export function readingsOf(book: Pick<Composition, 'records' | 'account'>): Readings {
  const { records } = book;

  /** The same question with the account itself instead of its name. */
  async function scoped<Question extends OfAccount>(
    question: Question,
  ): Promise<Omit<Question, 'account'> & AccountScope> {
    const { account, ...rest } = question;
    return account === undefined ? rest : { ...rest, account: await book.account(String(account)) };
  }

  return {
    accounts: () => accountRecords(records),
    positions: async (of = {}) => positionRecords(records, await scoped(of)),
    trades: async (of = {}) => tradeRecords(records, await scoped(of)),
    closes: async (of = {}) => closeRecords(records, await scoped(of)),
    lots: async (of = {}) => lotRecordsOf(records, await scoped(of)),
    pnl: async ({ by = 'day', ...of } = {}) => pnlRecordsOf(records, by, await scoped(of)),
    pnlStats: async (of = {}) => pnlStatsRecordsOf(records, await scoped(of)),
    balances: async (of = {}) => balanceRecords(records, await scoped(of)),
    dailyBalances: async (of = {}) => dailyBalanceRecords(records, await scoped(of)),
    bankroll: async (of = {}) => bankrollRecords(records, await scoped(of)),
    activity: async (of = {}) => activityRecords(records, await scoped(of)),
    events: async (of = {}) => eventRecords(records, await scoped(of)),
    findings: async (of = {}) => findingRecords(records, await scoped(of)),
    status: async (of = {}) => statusRecord(records, await scoped(of)),
  };
}
