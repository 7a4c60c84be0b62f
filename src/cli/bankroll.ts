import { bankrollRecords, type BankrollRecord } from '../sync/records.ts';
import { money, printListing, type Listing } from './print.ts';
import { readBook, type ListingOptions } from './session.ts';

export interface BankrollOptions extends ListingOptions {
  readonly limit?: number;
}

/** Every change of the local bankroll; the newest `after` is what it is now. */
export async function bankroll(options: BankrollOptions): Promise<number> {
  const { limit } = options;
  const rows = await readBook(options, (book, scope) =>
    bankrollRecords(book.records, { ...scope, ...(limit === undefined ? {} : { limit }) }),
  );
  printListing(
    options.csv === true ? rows.map((row) => ({ ...row, causes: row.causes.join(' ') })) : rows,
    BANKROLL as Listing<object>,
    options,
  );
  return 0;
}

const BANKROLL: Listing<BankrollRecord> = {
  nothing: 'No bankroll yet: run `truebook sync`.',
  columns: [
    { title: 'WHEN', cell: (row) => row.at },
    { title: 'ACCOUNT', cell: (row) => row.account },
    { title: 'EVENT', cell: (row) => row.event },
    { title: 'BEFORE', align: 'decimal', cell: (row) => money(row.before) },
    { title: 'AFTER', align: 'decimal', cell: (row) => money(row.after) },
    { title: 'AMOUNT', align: 'decimal', cell: (row) => money(row.amount) },
    { title: 'CURRENCY', cell: (row) => row.currency },
    { title: 'CAUSE', cell: (row) => row.causes.join(', ') },
    { title: 'SOURCE', cell: (row) => row.source },
  ],
  fields: [
    'account',
    'env',
    'event',
    'before',
    'after',
    'amount',
    'currency',
    'cause',
    'causes',
    'source',
    'at',
    'tradeDate',
    'firstSeenAt',
  ],
};
