import { findingRecords, findingRecordsThen, type FindingRecord } from '../sync/records.ts';
import { moment, printListing, type Listing } from './print.ts';
import { readBook, type ListingOptions } from './session.ts';
import { tellBeginnings, whenOf } from './timeTravel.ts';

export interface FindingsOptions extends ListingOptions {
  readonly all?: boolean;
  readonly knownAt?: string;
}

/** Where broker and book disagree; open and reopened ones unless `--all`. */
export async function findings(options: FindingsOptions): Promise<number> {
  const { knownAt } = whenOf(options.knownAt === undefined ? {} : { knownAt: options.knownAt });
  const all = options.all === true;
  const rows = await readBook(options, async (book, scope) => {
    if (knownAt === undefined) return findingRecords(book.records, { ...scope, all });
    await tellBeginnings(book.store, scope, { knownAt });
    return findingRecordsThen(book.records, { ...scope, all, knownAt });
  });
  printListing(rows, FINDINGS, options);
  return 0;
}

export const FINDINGS: Listing<FindingRecord> = {
  nothing: 'No findings: broker and book agree.',
  columns: [
    { title: 'ID', align: 'right', cell: (row) => String(row.id) },
    { title: 'ACCOUNT', cell: (row) => row.account },
    { title: 'TYPE', cell: (row) => row.type },
    { title: 'CAUSE', cell: (row) => row.cause },
    { title: 'CONFIDENCE', cell: (row) => row.confidence },
    { title: 'STATE', cell: (row) => row.state },
    { title: 'SYMBOL', cell: (row) => row.symbol },
    { title: 'EXPECTED', align: 'decimal', cell: (row) => row.expected },
    { title: 'OBSERVED', align: 'decimal', cell: (row) => row.observed },
    { title: 'SINCE', cell: (row) => moment(row.firstSeenAt) },
    { title: 'EVIDENCE', cell: (row) => row.evidence[0]?.text ?? null },
  ],
  fields: [
    'id',
    'account',
    'type',
    'cause',
    'confidence',
    'state',
    'symbol',
    'expected',
    'observed',
    'firstSeenAt',
    'lastSeenAt',
    'evidence',
  ],
};
