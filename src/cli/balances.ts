import {
  balanceRecords,
  balanceRecordsThen,
  dailyBalanceRecords,
  dailyBalanceRecordsThen,
  type BalanceRecord,
  type DailyBalanceRecord,
} from '../sync/records.ts';
import { ageText, money, printListing, type Listing } from './print.ts';
import { readBook, type ListingOptions } from './session.ts';
import { isPast, tellBeginnings, whenOf, type TimeTravelOptions } from './timeTravel.ts';

export interface BalancesOptions extends ListingOptions, TimeTravelOptions {
  readonly daily?: boolean;
}

/** Equity, cash and buying power per account and currency; with `--daily` the end of each day. */
export async function balances(options: BalancesOptions): Promise<number> {
  const when = whenOf(options);
  if (options.daily === true) {
    const days = await readBook(options, async (book, scope) => {
      await tellBeginnings(book.store, scope, when);
      return isPast(when)
        ? dailyBalanceRecordsThen(book.records, { ...scope, ...when })
        : dailyBalanceRecords(book.records, scope);
    });
    printListing(days, DAILY_BALANCES, options);
    return 0;
  }
  const rows = await readBook(options, async (book, scope) => {
    await tellBeginnings(book.store, scope, when);
    return isPast(when)
      ? balanceRecordsThen(book.records, { ...scope, ...when })
      : balanceRecords(book.records, scope);
  });
  printListing(rows, isPast(when) ? BALANCES_THEN : BALANCES, options);
  return 0;
}

export const BALANCES: Listing<BalanceRecord> = {
  nothing: 'No balances.',
  columns: [
    { title: 'ACCOUNT', cell: (row) => row.account },
    { title: 'CURRENCY', cell: (row) => row.currency },
    { title: 'EQUITY', align: 'decimal', cell: (row) => money(row.equity) },
    { title: 'CASH', align: 'decimal', cell: (row) => money(row.cash) },
    { title: 'BUYING POWER', align: 'decimal', cell: (row) => money(row.buyingPower) },
    { title: 'LONG', align: 'decimal', cell: (row) => money(row.longMarketValue) },
    { title: 'SHORT', align: 'decimal', cell: (row) => money(row.shortMarketValue) },
    { title: 'AGE', align: 'right', cell: (row) => ageText(row.age) },
    { title: 'FRESH', cell: (row) => (row.fresh ? 'yes' : `NO: ${row.why ?? 'unknown'}`) },
  ],
  fields: [
    'account',
    'currency',
    'equity',
    'cash',
    'buyingPower',
    'longMarketValue',
    'shortMarketValue',
    'asOf',
    'fetchedAt',
    'age',
    'fresh',
    'why',
  ],
};

/** What is of the past has no age. */
const BALANCES_THEN: Listing<BalanceRecord> = {
  ...BALANCES,
  columns: [
    ...BALANCES.columns.filter(({ title }) => title !== 'AGE' && title !== 'FRESH'),
    { title: 'AS OF', cell: (row) => row.asOf },
  ],
};

export const DAILY_BALANCES: Listing<DailyBalanceRecord> = {
  nothing: 'No days yet.',
  columns: [
    { title: 'DATE', cell: (row) => row.date },
    { title: 'ACCOUNT', cell: (row) => row.account },
    { title: 'CURRENCY', cell: (row) => row.currency },
    { title: 'EQUITY', align: 'decimal', cell: (row) => money(row.equity) },
    { title: 'CASH', align: 'decimal', cell: (row) => money(row.cash) },
    { title: 'FLOWS', align: 'decimal', cell: (row) => money(row.flows) },
    { title: 'TRANSFERS', align: 'decimal', cell: (row) => money(row.transfers) },
    { title: 'REALIZED', align: 'decimal', cell: (row) => money(row.realized) },
    { title: 'UNREALIZED', align: 'decimal', cell: (row) => money(row.unrealizedChange) },
    { title: 'INCOME', align: 'decimal', cell: (row) => money(row.income) },
    { title: 'FEES', align: 'decimal', cell: (row) => money(row.fees) },
    { title: 'CORRECTED', align: 'decimal', cell: (row) => money(row.corrections) },
    { title: 'RESIDUAL', align: 'decimal', cell: (row) => money(row.residual) },
    { title: 'PROOF', cell: (row) => row.residualState },
    { title: 'SOURCE', cell: (row) => row.source },
  ],
  fields: [
    'account',
    'date',
    'currency',
    'equity',
    'cash',
    'profitLoss',
    'source',
    'start',
    'flows',
    'transfers',
    'realized',
    'unrealizedChange',
    'income',
    'fees',
    'fx',
    'corrections',
    'residual',
    'residualState',
  ],
};
