import { closeRecords, tradeRecords, type CloseRecord, type TradeRecord } from '../sync/records.ts';
import { moment, money, printListing, rounded, type Listing } from './print.ts';
import { readBook, type ListingOptions } from './session.ts';

export interface TradesOptions extends ListingOptions {
  readonly closed?: boolean;
  readonly limit?: number;
  readonly allEpochs?: boolean;
}

/** Executions, or closed positions with `--closed`. */
export async function trades(options: TradesOptions): Promise<number> {
  const { closed, limit, allEpochs = false } = options;
  const part = { allEpochs, ...(limit === undefined ? {} : { limit }) };
  if (closed === true) {
    const rows = await readBook(options, (book, scope) => closeRecords(book.records, { ...scope, ...part }));
    printListing(rows, CLOSES, options);
  } else {
    const rows = await readBook(options, (book, scope) => tradeRecords(book.records, { ...scope, ...part }));
    printListing(rows, TRADES, options);
  }
  return 0;
}

export const TRADES: Listing<TradeRecord> = {
  nothing: 'No trades.',
  columns: [
    { title: 'EXECUTED', cell: (row) => moment(row.executedAt) },
    { title: 'ACCOUNT', cell: (row) => row.account },
    { title: 'SYMBOL', cell: (row) => row.symbol },
    { title: 'SIDE', cell: (row) => row.side },
    { title: 'QUANTITY', align: 'decimal', cell: (row) => row.quantity },
    { title: 'PRICE', align: 'decimal', cell: (row) => rounded(row.price, 6) },
    { title: 'AMOUNT', align: 'decimal', cell: (row) => money(row.amount) },
    { title: 'BY', cell: (row) => (row.manual ? 'hand' : 'automation') },
    { title: 'NOTE', cell: (row) => noteWords(row) },
  ],
  fields: [
    'account',
    'id',
    'rev',
    'status',
    'symbol',
    'instrument',
    'side',
    'quantity',
    'price',
    'fees',
    'feesCurrency',
    'amount',
    'currency',
    'executedAt',
    'tradeDate',
    'orderId',
    'manual',
    'realizedPnl',
    'firstSeenAt',
    'source',
  ],
};

function noteWords({ status, rev }: TradeRecord): string | null {
  if (status === 'bust') return 'busted by the broker';
  return rev > 1 ? `corrected (revision ${rev})` : null;
}

export const CLOSES: Listing<CloseRecord> = {
  nothing: 'No closed positions.',
  columns: [
    { title: 'CLOSED', cell: (row) => moment(row.closedAt) },
    { title: 'ACCOUNT', cell: (row) => row.account },
    { title: 'SYMBOL', cell: (row) => row.symbol },
    { title: 'OPENED', cell: (row) => moment(row.openedAt) },
    { title: 'QUANTITY', align: 'decimal', cell: (row) => row.quantity },
    { title: 'ENTRY', align: 'decimal', cell: (row) => rounded(row.entry, 6) },
    { title: 'EXIT', align: 'decimal', cell: (row) => rounded(row.exit, 6) },
    {
      title: 'DAYS',
      align: 'right',
      cell: (row) => (row.holdingDays === null ? null : String(row.holdingDays)),
    },
    { title: 'REALIZED', align: 'decimal', cell: (row) => money(row.realizedPnl) },
    { title: 'BASIS', cell: (row) => row.realizedBasis },
  ],
  fields: [
    'account',
    'symbol',
    'instrument',
    'quantity',
    'entry',
    'exit',
    'openedAt',
    'closedAt',
    'entryActivity',
    'exitActivity',
    'realizedPnl',
    'realizedBasis',
    'holdingDays',
  ],
};
