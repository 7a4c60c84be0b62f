/** The calls of the library as a program gets them: what it hands over is looked at first, and nothing goes on after `close`. */
import { errorText } from '../domain/errors.ts';
import { type Book, type Readings } from './book.ts';
import { checkAccount, checkListener, checkOptions, checkOrderId, requireOpen } from './checkArguments.ts';
import { type Truebook } from './truebook.ts';

/** Readings that throw `usage` for options they do not have, and once it is closed. */
export function checkedBook(readings: Readings, end: () => Promise<void>): Book {
  let closed: Promise<void> | null = null;
  const isClosed = (): boolean => closed !== null;
  return { ...checkedReadings(readings, isClosed), close: () => (closed ??= end()) };
}

/** `onWarning` must not throw. */
export function checkedTruebook(truebook: Truebook, onWarning: (sentence: string) => void): Truebook {
  let isClosed = false;
  const close = async (): Promise<void> => {
    isClosed = true;
    await truebook.close();
  };
  const sync = async (wish?: object): Promise<unknown> => {
    requireOpen(isClosed);
    return await truebook.sync(checkOptions('sync', wish));
  };
  return {
    ...checkedReadings(truebook, () => isClosed),
    sync: sync as Truebook['sync'],
    checkSyncNeeded: async (which) => {
      requireOpen(isClosed);
      return await truebook.checkSyncNeeded(checkOptions('checkSyncNeeded', which));
    },
    syncBeforeTrade: async (question) => {
      requireOpen(isClosed);
      return await truebook.syncBeforeTrade(checkOptions('syncBeforeTrade', question));
    },
    tradeExecuted: async (account, orderId) => {
      try {
        requireOpen(isClosed);
        const [name, order] = [checkAccount('tradeExecuted', account), checkOrderId(orderId)];
        return await truebook.tradeExecuted(name, order ?? undefined);
      } catch (error) {
        const reason = errorText(error);
        onWarning(`A trade could not be announced: ${reason}`);
        return { accepted: false, reason };
      }
    },
    lastSyncTime: async (account) => {
      requireOpen(isClosed);
      return await truebook.lastSyncTime(
        account === undefined ? undefined : checkAccount('lastSyncTime', account),
      );
    },
    start: async () => {
      requireOpen(isClosed);
      return await truebook.start();
    },
    stop: () => truebook.stop(),
    on: (kind, listener) => {
      requireOpen(isClosed);
      checkListener(kind, listener);
      return truebook.on(kind, listener);
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function checkedReadings(readings: Readings, isClosed: () => boolean): Readings {
  /** A name in OPTIONS is the name of the reading. */
  const checked =
    <Name extends keyof Readings>(name: Name) =>
    async (given?: object): Promise<unknown> => {
      requireOpen(isClosed());
      const options = checkOptions(name, given);
      return await (readings[name] as (options: object) => Promise<unknown>)(options);
    };
  const names = Object.keys(READINGS) as (keyof Readings)[];
  return Object.fromEntries(names.map((name) => [name, checked(name)])) as unknown as Readings;
}

const READINGS: Readonly<Record<keyof Readings, true>> = {
  accounts: true,
  positions: true,
  trades: true,
  closes: true,
  lots: true,
  pnl: true,
  pnlStats: true,
  balances: true,
  dailyBalances: true,
  bankroll: true,
  activity: true,
  events: true,
  findings: true,
  status: true,
};
