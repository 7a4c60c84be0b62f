import { TruebookError } from '../domain/errors.ts';
import { type PositionState } from '../store/store.ts';
import {
  brokerFigureRecords,
  positionRecords,
  positionRecordsThen,
  type BrokerFigureRecord,
  type PositionRecord,
} from '../sync/records.ts';
import { ageText, money, printLine, printListing, rounded, type Listing } from './print.ts';
import { readBook, type ListingOptions } from './session.ts';
import { isPast, tellBeginnings, whenOf, type TimeTravelOptions } from './timeTravel.ts';

export interface PositionsOptions extends ListingOptions, TimeTravelOptions {
  readonly closed?: boolean;
  readonly all?: boolean;
  readonly broker?: boolean;
}

/** Open and missing positions, closed ones, or all; now or at a moment of the past. */
export async function positions(options: PositionsOptions): Promise<number> {
  const when = whenOf(options);
  if (options.broker === true) return brokerFigures(options, isPast(when));
  const states = wantedStates(options);
  const rows = await readBook(options, async (book, scope) => {
    await tellBeginnings(book.store, scope, when);
    return isPast(when)
      ? positionRecordsThen(book.records, { ...scope, ...when, states })
      : positionRecords(book.records, { ...scope, states });
  });
  printListing(rows, POSITIONS, options);
  if (isPast(when)) return 0;
  if (options.json !== true && options.csv !== true && rows.length > 0) {
    printLine(['', ...freshnessLines(rows)].join('\n'));
  }
  return 0;
}

/** The broker's own figures beside ours; of the newest statement only. */
async function brokerFigures(options: PositionsOptions, isOfThePast: boolean): Promise<number> {
  if (isOfThePast)
    throw new TruebookError('config', 'The comparison with the broker is of its newest statement.', {
      hint: 'Leave out --broker, or --as-of and --known-at.',
    });
  const rows = await readBook(options, (book, scope) => brokerFigureRecords(book.records, scope));
  printListing(rows, BROKER_FIGURES, options);
  return 0;
}

function wantedStates({ closed, all }: PositionsOptions): readonly PositionState[] {
  if (all === true) return ['open', 'missing', 'closed'];
  return closed === true ? ['closed'] : ['open', 'missing'];
}

export const POSITIONS: Listing<PositionRecord> = {
  nothing: 'No positions.',
  columns: [
    { title: 'ACCOUNT', cell: (row) => row.account },
    { title: 'SYMBOL', cell: (row) => row.symbol },
    { title: 'QUANTITY', align: 'decimal', cell: (row) => row.quantity },
    { title: 'AVERAGE', align: 'decimal', cell: (row) => rounded(row.averageCost, 4) },
    { title: 'MARK', align: 'decimal', cell: (row) => rounded(row.mark, 4) },
    { title: 'MARKET VALUE', align: 'decimal', cell: (row) => money(row.marketValue) },
    { title: 'UNREALIZED', align: 'decimal', cell: (row) => money(row.unrealizedPnl) },
    { title: '%', align: 'decimal', cell: (row) => rounded(row.unrealizedPnlPct, 2) },
    { title: 'STATE', cell: (row) => stateWords(row) },
  ],
  fields: [
    'account',
    'accountId',
    'symbol',
    'instrument',
    'kind',
    'quantity',
    'brokerQuantity',
    'bookQuantity',
    'explained',
    'averageCost',
    'multiplier',
    'mark',
    'markAsOf',
    'marketValue',
    'unrealizedPnl',
    'unrealizedPnlPct',
    'realizedPnl',
    'realizedBasis',
    'state',
    'openedAt',
    'closedAt',
    'greeks',
    'option',
    'asOf',
    'fetchedAt',
    'age',
    'fresh',
    'why',
    'source',
  ],
  nested: {
    greeks: ['delta', 'gamma', 'theta', 'vega', 'rho', 'iv', 'asOf'],
    option: ['underlying', 'expiry', 'strike', 'right'],
  },
};

export const BROKER_FIGURES: Listing<BrokerFigureRecord> = {
  nothing: 'No open positions that a broker stated.',
  columns: [
    { title: 'ACCOUNT', cell: (row) => row.account },
    { title: 'SYMBOL', cell: (row) => row.symbol },
    { title: 'QUANTITY', align: 'decimal', cell: (row) => row.quantity },
    { title: 'AVERAGE', align: 'decimal', cell: (row) => rounded(row.averageCost, 4) },
    { title: "BROKER'S", align: 'decimal', cell: (row) => rounded(row.brokerAverageCost, 4) },
    { title: 'WHY', cell: averageWords },
    { title: 'UNREALIZED', align: 'decimal', cell: (row) => money(row.unrealizedPnl) },
    { title: "BROKER'S", align: 'decimal', cell: (row) => money(row.brokerUnrealizedPnl) },
    { title: 'WHY', cell: (row) => UNREALIZED_WORDS[row.unrealizedAgreement] },
  ],
  fields: [
    'account',
    'accountId',
    'symbol',
    'instrument',
    'quantity',
    'averageCost',
    'brokerAverageCost',
    'averageDifference',
    'averageAgreement',
    'convention',
    'nearest',
    'mark',
    'unrealizedPnl',
    'brokerUnrealizedPnl',
    'unrealizedAgreement',
    'asOf',
  ],
};

function averageWords(row: BrokerFigureRecord): string {
  switch (row.averageAgreement) {
    case 'same':
      return 'same';
    case 'explained':
      return `broker: ${row.convention ?? ''}`;
    case 'unexplained':
      return row.nearest === null ? 'NOT explained' : `NOT explained, nearest ${rounded(row.nearest, 4)}`;
    case 'quantity_differs':
      return 'quantity differs';
    case 'unknown':
      return row.averageCost === null ? 'a cost is not known' : 'the broker states none';
  }
}

const UNREALIZED_WORDS: Readonly<Record<BrokerFigureRecord['unrealizedAgreement'], string>> = {
  same: 'same',
  explained: 'by the averages',
  unexplained: 'NOT explained',
  quantity_differs: 'quantity differs',
  unknown: 'not known',
};

/** `open`, `missing`, `closed`, and whether activities explain it. */
export function stateWords(row: Pick<PositionRecord, 'state' | 'explained'>): string {
  return row.explained ? row.state : `${row.state}, not explained`;
}

/** One line per account: listings say at their end how far to trust them. */
export function freshnessLines(
  rows: readonly Pick<PositionRecord, 'account' | 'age' | 'fresh' | 'why'>[],
): string[] {
  const accounts = new Map(rows.map((row) => [row.account, row]));
  return [...accounts.values()].map(({ account, age, fresh, why }) => {
    const old = age === null ? '' : `, ${ageText(age)} old`;
    return fresh ? `${account}: fresh${old}` : `${account}: NOT fresh${old} (${why ?? 'unknown'})`;
  });
}
