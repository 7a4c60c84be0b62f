import { lotRecordsOf, uncoveredRecordsOf, type LotRecord } from '../sync/records.ts';
import { money, printListing, printProblem, rounded, type Listing } from './print.ts';
import { readBook, type ListingOptions } from './session.ts';
import { tellBeginnings, whenOf, type TimeTravelOptions } from './timeTravel.ts';

export interface LotsOptions extends ListingOptions, TimeTravelOptions {
  readonly symbol?: string;
}

/** Open tax lots: bought when, for how much, short or long term if sold today. */
export async function lots(options: LotsOptions): Promise<number> {
  const when = whenOf(options);
  const { symbol } = options;
  const { rows, uncovered } = await readBook(options, async (book, scope) => {
    await tellBeginnings(book.store, scope, when);
    const of = { ...scope, ...when, ...(symbol === undefined ? {} : { symbol }) };
    return {
      rows: await lotRecordsOf(book.records, of),
      uncovered: await uncoveredRecordsOf(book.records, { ...scope, ...when }),
    };
  });
  printListing(rows, LOTS, options);
  for (const row of uncovered) {
    if (symbol !== undefined && symbol !== row.symbol && symbol !== row.instrument) continue;
    printProblem(
      `${row.account}: the lots of ${row.symbol} add up to ${row.lots}, the position by its activities is ${row.position}: ` +
        `${row.uncovered.replace('-', '')} ${row.uncovered.startsWith('-') ? 'came' : 'left'} without a lot that they belong to, and so without a known cost.`,
    );
  }
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
