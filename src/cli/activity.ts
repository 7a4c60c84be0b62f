import { activityRecords, type ActivityRecord } from '../sync/records.ts';
import { moment, money, printListing, rounded, type Listing } from './print.ts';
import { readBook, type ListingOptions } from './session.ts';

export interface ActivityOptions extends ListingOptions {
  readonly limit?: number;
  readonly allEpochs?: boolean;
}

/** Everything that moved a position or cash, newest first. */
export async function activity(options: ActivityOptions): Promise<number> {
  const { limit, allEpochs = false } = options;
  const part = { allEpochs, ...(limit === undefined ? {} : { limit }) };
  const rows = await readBook(options, (book, scope) => activityRecords(book.records, { ...scope, ...part }));
  printListing(rows, ACTIVITY, options);
  return 0;
}

export const ACTIVITY: Listing<ActivityRecord> = {
  nothing: 'No activity.',
  columns: [
    { title: 'WHEN', cell: (row) => moment(row.executedAt) },
    { title: 'ACCOUNT', cell: (row) => row.account },
    { title: 'KIND', cell: (row) => row.kind },
    { title: 'TYPE', cell: (row) => row.brokerType },
    { title: 'SYMBOL', cell: (row) => row.symbol },
    { title: 'QUANTITY', align: 'decimal', cell: (row) => (row.quantity === '0' ? null : row.quantity) },
    { title: 'PRICE', align: 'decimal', cell: (row) => rounded(row.price, 6) },
    { title: 'AMOUNT', align: 'decimal', cell: (row) => money(row.amount) },
    { title: 'STATUS', cell: (row) => (row.status === 'ok' ? null : row.status) },
    { title: 'DESCRIPTION', cell: (row) => row.description },
  ],
  fields: [
    'account',
    'id',
    'rootId',
    'rev',
    'status',
    'kind',
    'brokerType',
    'symbol',
    'instrument',
    'quantity',
    'price',
    'amount',
    'currency',
    'fees',
    'executedAt',
    'tradeDate',
    'groupId',
    'description',
    'firstSeenAt',
    'source',
  ],
};
