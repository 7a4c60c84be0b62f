import { balanceRecords, type BalanceRecord } from '../sync/records.ts';
import { ageText, money, printListing, type Listing } from './print.ts';
import { readBook, type ListingOptions } from './session.ts';

/** Equity, cash and buying power per account and currency. */
export async function balances(options: ListingOptions): Promise<number> {
  const rows = await readBook(options, (book, scope) => balanceRecords(book.records, scope));
  printListing(rows, BALANCES, options);
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
