import { tryParseTradeDate, type TradeDate } from '../domain/time.ts';
import { TruebookError } from '../domain/errors.ts';
import {
  closedLotRecordsOf,
  pnlRecordsOf,
  pnlStatsRecordsOf,
  returnsRecords,
  type ClosedLotRecord,
  type PnlGrouping,
  type PnlRecord,
  type PnlStatsRecord,
  type ReturnsRecord,
} from '../sync/records.ts';
import { money, printListing, rounded, type Listing } from './print.ts';
import { readBook, type ListingOptions } from './session.ts';
import { checkSpan, tellBeginnings, whenOf, type TimeTravelOptions } from './timeTravel.ts';

export interface PnlOptions extends ListingOptions, TimeTravelOptions {
  readonly by: PnlGrouping;
  readonly from?: string;
  readonly to?: string;
  readonly symbol?: string;
  readonly stats?: boolean;
  /** Each close of (a part of) a lot instead. */
  readonly closes?: boolean;
  /** Time- and money-weighted returns over proved days instead. */
  readonly returns?: boolean;
  /** `account` or `taxpayer`: whose purchases a wash sale looks at. */
  readonly wash?: 'account' | 'taxpayer';
  readonly allEpochs?: boolean;
}

/** Realized profit and loss, income and fees, grouped; with `--stats` the figures of the closes. */
export async function pnl(options: PnlOptions): Promise<number> {
  const when = whenOf(options);
  const span = { ...dayOption('from', options.from), ...dayOption('to', options.to) };
  if (span.from !== undefined && span.to !== undefined) checkSpan(span.from, span.to);
  const part = {
    ...when,
    ...span,
    ...(options.symbol === undefined ? {} : { symbol: options.symbol }),
    ...(options.wash === undefined ? {} : { wash: options.wash }),
    allEpochs: options.allEpochs === true,
  };
  if (options.returns === true) {
    const rows = await readBook(options, async (book, scope) => {
      await tellBeginnings(book.store, scope, when);
      return returnsRecords(book.records, { ...scope, ...part });
    });
    const flat = options.csv === true ? rows.map((row) => ({ ...row, gaps: row.gaps.join(' ') })) : rows;
    printListing(flat, RETURNS as Listing<object>, options);
    return 0;
  }
  if (options.closes === true) {
    const rows = await readBook(options, async (book, scope) => {
      await tellBeginnings(book.store, scope, when);
      return closedLotRecordsOf(book.records, { ...scope, ...part });
    });
    const flat = options.csv === true ? rows.map((row) => ({ ...row, washLots: washLotsText(row) })) : rows;
    printListing(flat, CLOSES as Listing<object>, options);
    return 0;
  }
  if (options.stats === true) {
    const rows = await readBook(options, async (book, scope) => {
      await tellBeginnings(book.store, scope, when);
      return pnlStatsRecordsOf(book.records, { ...scope, ...part });
    });
    printListing(rows, STATS, options);
  } else {
    const rows = await readBook(options, async (book, scope) => {
      await tellBeginnings(book.store, scope, when);
      return pnlRecordsOf(book.records, options.by, { ...scope, ...part });
    });
    printListing(rows, pnlListing(options.by), options);
  }
  return 0;
}

function dayOption<Name extends 'from' | 'to'>(
  name: Name,
  text: string | undefined,
): Partial<Record<Name, TradeDate>> {
  if (text === undefined) return {};
  const day = tryParseTradeDate(text);
  if (day === null) {
    throw new TruebookError('usage', `--${name} ${text} is no day.`, { hint: 'Write it like 2025-08-21.' });
  }
  return { [name]: day } as Partial<Record<Name, TradeDate>>;
}

function pnlListing(by: PnlGrouping): Listing<PnlRecord> {
  return {
    nothing: 'No realized profit or loss, income or fees.',
    columns: [
      { title: by.toUpperCase(), cell: (row) => row.group },
      ...(by === 'account' ? [] : [{ title: 'ACCOUNT', cell: (row: PnlRecord) => row.account }]),
      { title: 'REALIZED', align: 'decimal', cell: (row) => money(row.realizedPnl) ?? 'unknown' },
      { title: 'PREMIUM IN STOCK', align: 'decimal', cell: (row) => money(row.realizedRolled) },
      { title: 'WASHED', align: 'decimal', cell: (row) => money(row.washDisallowed) },
      { title: 'TAXABLE', align: 'decimal', cell: (row) => money(row.taxableGain) },
      { title: 'INCOME', align: 'decimal', cell: (row) => money(row.income) },
      { title: 'FEES', align: 'decimal', cell: (row) => money(row.fees) },
      { title: 'NET', align: 'decimal', cell: (row) => money(row.net) },
      { title: 'CLOSES', align: 'right', cell: (row) => String(row.closes) },
      { title: 'BASIS', cell: basisWords },
      { title: 'CURRENCY', cell: (row) => row.currency },
    ],
    fields: [
      'account',
      'currency',
      'group',
      'realizedPnl',
      'realizedBasis',
      'realizedRolled',
      'washDisallowed',
      'washLost',
      'washIn',
      'taxableGain',
      'income',
      'fees',
      'net',
      'proceeds',
      'cost',
      'realizedBaseCloseRate',
      'realizedBaseHistorical',
      'closes',
      'unknownQuantity',
    ],
  };
}

/** A sum that is not the whole says so. */
function basisWords(row: PnlRecord): string {
  return row.unknownQuantity === '0' ? row.realizedBasis : `without ${row.unknownQuantity} of unknown cost`;
}

export const CLOSES: Listing<ClosedLotRecord> = {
  nothing: 'Nothing was closed.',
  columns: [
    { title: 'CLOSED', cell: (row) => row.closedDate },
    { title: 'ACCOUNT', cell: (row) => row.account },
    { title: 'SYMBOL', cell: (row) => row.symbol },
    { title: 'BY', cell: (row) => row.kind },
    { title: 'QUANTITY', align: 'decimal', cell: (row) => row.quantity },
    { title: 'ACQUIRED', cell: (row) => row.acquiredDate },
    { title: 'DAYS', align: 'right', cell: (row) => row.holdingDays?.toString() ?? null },
    { title: 'TERM', cell: (row) => row.term },
    { title: 'PROCEEDS', align: 'decimal', cell: (row) => money(row.proceeds) },
    { title: 'COST', align: 'decimal', cell: (row) => money(row.cost) },
    { title: 'REALIZED', align: 'decimal', cell: (row) => money(row.realizedPnl) ?? 'unknown' },
    { title: 'ROLLED', align: 'decimal', cell: (row) => money(row.rolled) },
    { title: 'TAX PROCEEDS', align: 'decimal', cell: (row) => money(row.taxProceeds) ?? 'unknown' },
    { title: 'TAX COST', align: 'decimal', cell: (row) => money(row.taxCost) ?? 'unknown' },
    { title: 'WASHED', align: 'decimal', cell: (row) => money(row.washDisallowed) },
    { title: 'WASHED INTO', cell: washLotsText },
    { title: 'TAXABLE', align: 'decimal', cell: (row) => money(row.taxableGain) },
    { title: 'CURRENCY', cell: (row) => row.currency },
    {
      title: 'BASIS',
      cell: (row) => (row.reason === null ? 'exact' : `${row.realizedBasis}: ${row.reason}`),
    },
  ],
  fields: [
    'account',
    'symbol',
    'instrument',
    'kind',
    'direction',
    'quantity',
    'acquiredDate',
    'closedDate',
    'closedAt',
    'holdingDays',
    'term',
    'proceeds',
    'cost',
    'fees',
    'realizedPnl',
    'realizedBasis',
    'reason',
    'mark',
    'markAsOf',
    'markSource',
    'rolled',
    'taxProceeds',
    'taxCost',
    'washDisallowed',
    'washLots',
    'washIn',
    'taxableGain',
    'currency',
    'realizedBaseCloseRate',
    'realizedBaseHistorical',
    'lot',
    'activity',
  ],
};

function washLotsText({ account, washLots }: ClosedLotRecord): string {
  return washLots
    .map(
      (row) =>
        `${row.quantity} in ${row.account === account ? '' : `${row.account ?? '?'} `}${row.lot ?? '?'}`,
    )
    .join(', ');
}

const STATS: Listing<PnlStatsRecord> = {
  nothing: 'No closes.',
  columns: [
    { title: 'ACCOUNT', cell: (row) => row.account },
    { title: 'CLOSES', align: 'right', cell: (row) => String(row.closes) },
    { title: 'WINS', align: 'right', cell: (row) => String(row.wins) },
    { title: 'LOSSES', align: 'right', cell: (row) => String(row.losses) },
    { title: 'WIN %', align: 'decimal', cell: (row) => rounded(row.winRate, 2) },
    { title: 'REALIZED', align: 'decimal', cell: (row) => money(row.realizedPnl) },
    { title: 'AVG WIN', align: 'decimal', cell: (row) => money(row.averageWin) },
    { title: 'AVG LOSS', align: 'decimal', cell: (row) => money(row.averageLoss) },
    { title: 'LARGEST WIN', align: 'decimal', cell: (row) => money(row.largestWin) },
    { title: 'LARGEST LOSS', align: 'decimal', cell: (row) => money(row.largestLoss) },
    { title: 'PROFIT FACTOR', align: 'decimal', cell: (row) => rounded(row.profitFactor, 2) },
    { title: 'EXPECTANCY', align: 'decimal', cell: (row) => money(row.expectancy) },
    { title: 'DAYS HELD', align: 'decimal', cell: (row) => rounded(row.averageHoldingDays, 1) },
    { title: 'UNKNOWN', align: 'right', cell: (row) => String(row.unknown) },
    { title: 'CURRENCY', cell: (row) => row.currency },
  ],
  fields: [
    'account',
    'currency',
    'closes',
    'wins',
    'losses',
    'winRate',
    'realizedPnl',
    'averageWin',
    'averageLoss',
    'largestWin',
    'largestLoss',
    'profitFactor',
    'expectancy',
    'averageHoldingDays',
    'unknown',
  ],
};

const RETURNS: Listing<ReturnsRecord> = {
  nothing: 'No proved days yet: `truebook balances --daily` shows what is known of each day.',
  columns: [
    { title: 'ACCOUNT', cell: (row) => row.account },
    { title: 'EPOCH', align: 'right', cell: (row) => String(row.epoch) },
    { title: 'FROM', cell: (row) => row.from },
    { title: 'TO', cell: (row) => row.to },
    { title: 'TIME-WEIGHTED %', align: 'decimal', cell: (row) => rounded(row.timeWeighted, 4) },
    { title: 'MONEY-WEIGHTED %', align: 'decimal', cell: (row) => rounded(row.moneyWeighted, 4) },
    { title: 'PER YEAR %', align: 'decimal', cell: (row) => rounded(row.moneyWeightedYearly, 2) },
    { title: 'GAPS', cell: (row) => row.gaps.join(', ') },
    { title: 'CURRENCY', cell: (row) => row.currency },
  ],
  fields: [
    'account',
    'currency',
    'epoch',
    'from',
    'to',
    'timeWeighted',
    'moneyWeighted',
    'moneyWeightedYearly',
    'gaps',
  ],
};
