import { lotRecordsOf, type LotRecord } from '../sync/records.ts';
import { money, printListing, rounded, type Listing } from './print.ts';
import { readBook, type ListingOptions } from './session.ts';
import { tellBeginnings, whenOf, type TimeTravelOptions } from './timeTravel.ts';

export interface LotsOptions extends ListingOptions, TimeTravelOptions {
  readonly symbol?: string;
}

/** Open tax lots: bought when, for how much, short or long term if sold today. */
export async function lots(options: LotsOptions): Promise<number> {
  const when = whenOf(options);
  const rows = await readBook(options, async (book, scope) => {
    await tellBeginnings(book.store, scope, when);
    return lotRecordsOf(book.records, {
      ...scope,
      ...when,
      ...(options.symbol === undefined ? {} : { symbol: options.symbol }),
    });
  });
  printListing(rows, LOTS, options);
  return 0;
}

export const LOTS: Listing<LotRecord> = {
  nothing: 'No open lots.',
  columns: [
    { title: 'ACCOUNT', cell: (row) => row.account },
    { title: 'SYMBOL', cell: (row) => row.symbol },
    { title: 'QUANTITY', align: 'decimal', cell: (row) => row.quantity },
    { title: 'UNIT COST', align: 'decimal', cell: (row) => rounded(row.unitCost, 4) },
    { title: 'COST', align: 'decimal', cell: (row) => money(row.cost) ?? 'unknown' },
    { title: 'TAX COST', align: 'decimal', cell: (row) => money(row.taxCost) },
    { title: 'BASIS', cell: (row) => row.costSource },
    { title: 'ACQUIRED', cell: (row) => row.acquiredDate },
    { title: 'TERM', cell: (row) => row.term },
    { title: 'UNREALIZED', align: 'decimal', cell: (row) => money(row.unrealizedPnl) },
    { title: 'LOT', cell: (row) => row.lot },
  ],
  fields: [
    'account',
    'lot',
    'symbol',
    'instrument',
    'direction',
    'quantity',
    'acquiredQuantity',
    'cost',
    'unitCost',
    'costSource',
    'rolled',
    'washIn',
    'taxCost',
    'acquiredAt',
    'acquiredDate',
    'holdingFrom',
    'term',
    'currency',
    'mark',
    'marketValue',
    'unrealizedPnl',
    'activity',
  ],
};
