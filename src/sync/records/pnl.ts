/** Profit and loss records: closes, income and fees of a span of days, grouped; and the statistics of the closes. */
import { Decimal } from '../../domain/decimal.ts';
import { type ActivityRevision } from '../../domain/activity.ts';
import { type Instrument, type InstrumentId } from '../../domain/instrument.ts';
import { type ClosureWash } from '../../book/wash.ts';
import { type LotClosure } from '../../domain/lot.ts';
import { type WashFigures } from '../washOfAccount.ts';
import { type Instant, type TradeDate } from '../../domain/time.ts';
import { text } from './fields.ts';
import { meantBy } from './names.ts';
import { groupPnl, pnlStats, type PnlGrouping, type PnlItem } from './pnlGroups.ts';

export interface PnlRecord {
  readonly account: string;
  readonly currency: string;
  /** Day, month, year, symbol, account or term. */
  readonly group: string;
  /** Economic: premiums of assigned and exercised options at their own close. */
  readonly realizedPnl: string | null;
  /** `unknown`: some closes have no known cost and are in no sum; where none has, the sums are null. */
  readonly realizedBasis: string;
  /** The same with those premiums in the stock leg: what taxes count, before wash sales. */
  readonly realizedRolled: string | null;
  /** Losses put off by wash sales, positive. */
  readonly washDisallowed: string;
  /** The part of `washDisallowed` that no basis takes over and that never counts: replaced in an IRA. */
  readonly washLost: string;
  /** Losses put off earlier into what was closed: they raise its cost. */
  readonly washIn: string;
  /** `realizedRolled + washDisallowed - washIn`. */
  readonly taxableGain: string | null;
  readonly income: string;
  /** Fees and taxes outside the closes, signed: negative = paid. */
  readonly fees: string;
  readonly net: string | null;
  /** Of all closes, also those of unknown cost; null where one does not tell. */
  readonly proceeds: string | null;
  readonly cost: string | null;
  /** In the account's base currency at the rate of each close; null where a rate is not known. */
  readonly realizedBaseCloseRate: string | null;
  /** The same with cost at the rates of the days it was paid. */
  readonly realizedBaseHistorical: string | null;
  readonly closes: number;
  readonly unknownQuantity: string;
}

export interface PnlStatsRecord {
  readonly account: string;
  readonly currency: string;
  readonly closes: number;
  readonly wins: number;
  readonly losses: number;
  /** Percent. */
  readonly winRate: string | null;
  readonly realizedPnl: string;
  readonly averageWin: string | null;
  readonly averageLoss: string | null;
  readonly largestWin: string | null;
  readonly largestLoss: string | null;
  readonly profitFactor: string | null;
  readonly expectancy: string | null;
  readonly averageHoldingDays: string | null;
  readonly unknown: number;
}

/** A reduction whose fill is not known yet, at the last mark. */
export interface Estimate {
  readonly accountId: number;
  readonly instrument: InstrumentId;
  readonly date: TradeDate;
  /** When the run saw it that took the mark. */
  readonly at: Instant;
  /** That mark, per unit, as the broker's list of positions had it; null in books that did not note it yet. */
  readonly mark: Decimal | null;
  readonly amount: Decimal;
  /** Units, positive. */
  readonly quantity: Decimal;
}

export interface PnlFacts {
  readonly closures: readonly (LotClosure & { readonly accountId: number })[];
  readonly wash: WashFigures;
  readonly estimates: readonly Estimate[];
  /** Newest revisions that count. */
  readonly activities: readonly (ActivityRevision & { readonly accountId: number })[];
  readonly accountNames: ReadonlyMap<number, string>;
  readonly instruments: ReadonlyMap<InstrumentId, Instrument>;
}

export interface PnlScope {
  readonly from?: TradeDate;
  readonly to?: TradeDate;
  /** Display name or identity; of what was renamed, the old or the new one. */
  readonly symbol?: string;
}

export function pnlRecords(facts: PnlFacts, by: PnlGrouping, scope: PnlScope = {}): readonly PnlRecord[] {
  return groupPnl(itemsOf(facts, scope), by).map((group) => ({
    account: group.account ?? '',
    currency: group.currency,
    group: group.group,
    realizedPnl: text(group.realized),
    realizedBasis: group.basis,
    realizedRolled: text(group.realizedRolled),
    washDisallowed: group.washDisallowed.toString(),
    washLost: group.washLost.toString(),
    washIn: group.washIn.toString(),
    taxableGain: text(group.taxableGain),
    income: group.income.toString(),
    fees: group.fees.toString(),
    net: text(group.net),
    proceeds: text(group.proceeds),
    cost: text(group.cost),
    realizedBaseCloseRate: text(group.realizedBaseCloseRate),
    realizedBaseHistorical: text(group.realizedBaseHistorical),
    closes: group.closes,
    unknownQuantity: group.unknownQuantity.toString(),
  }));
}

export function pnlStatsRecords(facts: PnlFacts, scope: PnlScope = {}): readonly PnlStatsRecord[] {
  return pnlStats(itemsOf(facts, scope)).map(({ realized, ...stats }) => ({
    ...stats,
    winRate: text(stats.winRate),
    realizedPnl: realized.toString(),
    averageWin: text(stats.averageWin),
    averageLoss: text(stats.averageLoss),
    largestWin: text(stats.largestWin),
    largestLoss: text(stats.largestLoss),
    profitFactor: text(stats.profitFactor),
    expectancy: text(stats.expectancy),
    averageHoldingDays: text(stats.averageHoldingDays),
  }));
}

// ---- from rows to items --------------------------------------------------------------------------------------------

type Item = PnlItem & { readonly closeKey: string; readonly instrument: InstrumentId | null };

function itemsOf(facts: PnlFacts, scope: PnlScope): readonly Item[] {
  const closes = facts.closures
    // What was carried to another account is no result.
    .filter((row) => row.kind !== 'transfer_out')
    .map((row) => closeItem(facts, row, facts.wash.get(row.accountId)?.byClosure.get(row.id) ?? null));
  const estimates = facts.estimates.map((row) => estimateItem(facts, row));
  const money = facts.activities.flatMap((row) => moneyItem(facts, row) ?? []);
  const isMeant = meantBy(facts, scope.symbol);
  return [...closes, ...estimates, ...money].filter(
    (item) => isWithin(item, scope) && isMeant(item.instrument, item.date),
  );
}

function isWithin({ date }: Item, { from, to }: PnlScope): boolean {
  return (from === undefined || date >= from) && (to === undefined || date <= to);
}

function closeItem(facts: PnlFacts, row: PnlFacts['closures'][number], washed: ClosureWash | null): Item {
  return {
    account: nameOf(facts, row.accountId),
    currency: row.currency,
    date: row.closedDate,
    symbol: symbolOf(facts, row.instrument),
    instrument: row.instrument,
    kind: 'close',
    amount: row.realized,
    basis: row.realizedBasis,
    rolled: row.rolled,
    washDisallowed: washed?.washOut ?? Decimal.zero,
    washLost: washed?.permanentlyLost ?? Decimal.zero,
    washIn: washed?.washIn ?? Decimal.zero,
    term: row.term,
    quantity: row.quantity,
    proceeds: row.proceeds,
    cost: row.cost,
    holdingDays: row.holdingDays,
    baseCloseRate: row.realizedBaseCloseRate,
    baseHistorical: row.realizedBaseHistorical,
    closeKey: `${row.accountId}:${row.activityRootId}:${row.instrument}`,
  };
}

function estimateItem(facts: PnlFacts, row: Estimate): Item {
  const instrument = facts.instruments.get(row.instrument);
  return {
    ...NO_CLOSE,
    account: nameOf(facts, row.accountId),
    currency: instrument?.currency ?? '',
    date: row.date,
    symbol: symbolOf(facts, row.instrument),
    instrument: row.instrument,
    kind: 'close',
    amount: row.amount,
    basis: 'estimated',
    quantity: row.quantity,
    closeKey: `${row.accountId}:estimate:${row.instrument}`,
  };
}

const NO_CLOSE = {
  rolled: Decimal.zero,
  washDisallowed: Decimal.zero,
  washLost: Decimal.zero,
  washIn: Decimal.zero,
  term: null,
  quantity: Decimal.zero,
  proceeds: null,
  cost: null,
  holdingDays: null,
  baseCloseRate: null,
  baseHistorical: null,
} as const;

const INCOME: ReadonlySet<string> = new Set([
  'dividend',
  'capital_gain_distribution',
  'interest',
  'rebate',
  'stock_dividend',
]);
const FEES: ReadonlySet<string> = new Set(['fee', 'tax_withheld']);

/** Interest and other income may be negative, fees positive (a refund): the sign is the broker's. */
function moneyItem(facts: PnlFacts, row: PnlFacts['activities'][number]): Item | null {
  const kind = INCOME.has(row.kind) ? 'income' : FEES.has(row.kind) ? 'fee' : null;
  if (kind === null || row.status === 'bust' || row.amount === null || row.amount.isZero()) return null;
  return {
    ...NO_CLOSE,
    account: nameOf(facts, row.accountId),
    currency: row.currency,
    date: row.tradeDate,
    symbol: row.instrument?.symbol ?? null,
    instrument: row.instrument?.id ?? null,
    kind,
    amount: row.amount,
    basis: 'exact',
    closeKey: row.rootId,
  };
}

export function nameOf(facts: PnlFacts, accountId: number): string {
  return facts.accountNames.get(accountId) ?? String(accountId);
}

export function symbolOf(facts: PnlFacts, instrument: InstrumentId): string {
  return facts.instruments.get(instrument)?.symbol ?? instrument;
}
