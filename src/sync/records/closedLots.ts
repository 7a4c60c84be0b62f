/** Closed lots, one row per close of (a part of) a lot: what a broker's statement of realized gains lists. */
import { Decimal } from '../../domain/decimal.ts';
import { type InstrumentId } from '../../domain/instrument.ts';
import { taxFigures } from '../../book/taxLayer.ts';
import { type Lot, type LotClosure } from '../../domain/lot.ts';
import { type AccountFigures } from '../washOfAccount.ts';
import { type TradeDate } from '../../domain/time.ts';
import { compareText, text } from './fields.ts';
import { meantBy } from './names.ts';
import { nameOf, symbolOf, type Estimate, type PnlFacts, type PnlScope } from './pnl.ts';

export interface ClosedLotRecord {
  readonly account: string;
  readonly symbol: string;
  readonly instrument: InstrumentId;
  /** `sale`, `cover`, `expiry`, `assignment`, ...; `estimate` where no activity tells yet what closed it. */
  readonly kind: string;
  readonly direction: 'long' | 'short' | null;
  /** Units, positive. */
  readonly quantity: string;
  readonly acquiredDate: string | null;
  readonly closedDate: string;
  readonly closedAt: string;
  readonly holdingDays: number | null;
  readonly term: 'short' | 'long' | null;
  /** Economic, premiums of exercised and assigned options at their own close. Null = unknown. */
  readonly proceeds: string | null;
  readonly cost: string | null;
  readonly fees: string | null;
  readonly realizedPnl: string | null;
  readonly realizedBasis: string;
  /** Why it is not exact; null where it is. */
  readonly reason: string | null;
  /** Of an estimate: the price per unit it was made at. Null for everything else. */
  readonly mark: string | null;
  readonly markAsOf: string | null;
  /** Where that price is from; an estimate is always made at what the broker's list of positions says. */
  readonly markSource: 'broker_positions' | null;
  /** What the tax layer adds: premiums of exercised and assigned options, moved into the stock leg. */
  readonly rolled: string;
  /**
   * `proceeds` and `cost` as taxes count them, with that premium on the side where it belongs, before wash sales. Null =
   * unknown: as the economic figure, or because an earlier release wrote the row and nobody counted it anew since.
   */
  readonly taxProceeds: string | null;
  readonly taxCost: string | null;
  /** The part of the loss that a wash sale puts off, positive. */
  readonly washDisallowed: string;
  /** The lots that take it over. */
  readonly washLots: readonly WashLot[];
  /** Losses put off earlier into these units. */
  readonly washIn: string;
  /** `realizedPnl + rolled + washDisallowed - washIn`. */
  readonly taxableGain: string | null;
  readonly currency: string;
  /** `realizedPnl` in the account's base currency at the rate of the close; null where it is not known. */
  readonly realizedBaseCloseRate: string | null;
  /** The same with cost at the rates of the days it was paid. */
  readonly realizedBaseHistorical: string | null;
  readonly lot: string | null;
  readonly activity: string | null;
}

export interface WashLot {
  /** Of the account that bought it; null where nobody named the lot. */
  readonly lot: string | null;
  readonly account: string | null;
  readonly quantity: string;
  readonly disallowed: string;
}

export interface ClosedLotFacts extends PnlFacts {
  readonly lots: readonly (Lot & { readonly accountId: number })[];
}

/** Newest first. What was carried to another account closed nothing. */
export function closedLotRecords(facts: ClosedLotFacts, scope: PnlScope = {}): readonly ClosedLotRecord[] {
  const lots = new Map(facts.lots.map((lot) => [`${lot.accountId}:${lot.id}`, lot]));
  const closes = facts.closures
    .filter((row) => row.kind !== 'transfer_out')
    .map((row) => closedLot(facts, row, lots.get(`${row.accountId}:${row.lotId}`) ?? null));
  const isMeant = meantBy(facts, scope.symbol);
  return [...closes, ...facts.estimates.map((row) => estimated(facts, row))]
    .filter((row) => isWithin(row, scope) && isMeant(row.instrument, row.closedDate as TradeDate))
    .sort(
      (left, right) =>
        compareText(right.closedAt, left.closedAt) ||
        compareText(left.account, right.account) ||
        compareText(left.symbol, right.symbol) ||
        compareText(left.lot ?? '', right.lot ?? ''),
    );
}

function isWithin(row: ClosedLotRecord, { from, to }: PnlScope): boolean {
  if (from !== undefined && row.closedDate < from) return false;
  return to === undefined || row.closedDate <= to;
}

function closedLot(
  facts: ClosedLotFacts,
  row: PnlFacts['closures'][number],
  lot: Lot | null,
): ClosedLotRecord {
  const wash = facts.wash.get(row.accountId);
  const washed = wash?.byClosure.get(row.id) ?? null;
  const tax = taxFigures(row);
  const [out, into] = [washed?.washOut ?? Decimal.zero, washed?.washIn ?? Decimal.zero];
  return {
    account: nameOf(facts, row.accountId),
    symbol: symbolOf(facts, row.instrument),
    instrument: row.instrument,
    kind: row.kind,
    direction: row.direction,
    quantity: row.quantity.toString(),
    acquiredDate: row.holdingDays === null ? null : row.acquiredDate,
    closedDate: row.closedDate,
    closedAt: row.closedAt,
    holdingDays: row.holdingDays,
    term: row.term,
    proceeds: text(row.proceeds),
    cost: text(row.cost),
    fees: row.fees.toString(),
    realizedPnl: text(row.realized),
    realizedBasis: row.realizedBasis,
    reason: reasonOf(row, lot),
    mark: null,
    markAsOf: null,
    markSource: null,
    rolled: row.rolled.toString(),
    taxProceeds: text(tax.proceeds),
    taxCost: text(tax.cost),
    washDisallowed: out.toString(),
    washLots: washLotsOf(facts, wash, row.id),
    washIn: into.toString(),
    taxableGain: text(tax.realized?.plus(out).minus(into) ?? null),
    currency: row.currency,
    realizedBaseCloseRate: text(row.realizedBaseCloseRate),
    realizedBaseHistorical: text(row.realizedBaseHistorical),
    lot: lot === null ? null : row.lotId,
    activity: row.activityRootId,
  };
}

/** A sentence's beginning, for people; null where every figure comes from fills or a person. */
function reasonOf(row: LotClosure, lot: Lot | null): string | null {
  if (row.realizedBasis === 'exact') return null;
  if (row.realizedBasis === 'unknown') {
    if (lot === null) return 'no lot is known that these units could come from';
    return row.proceeds === null ? 'what came in is not known' : 'the cost of the lot is not known';
  }
  if (row.kind === 'adjustment') return 'at the price a person stated, until the fill is published';
  if (lot?.costSource === 'broker') return "the cost of the lot is the broker's average";
  return "a part of the cost rests on the broker's rounded figures";
}

function estimateReason({ mark, at }: Estimate): string {
  const price = mark === null ? "at the broker's price" : `at ${mark.toString()}, the broker's price`;
  return `${price} in its list of positions of ${at}, until the fill is published`;
}

function washLotsOf(
  facts: ClosedLotFacts,
  wash: AccountFigures | undefined,
  closureId: string,
): readonly WashLot[] {
  return (wash?.adjustments ?? [])
    .filter((row) => row.closureId === closureId)
    .map((row) => ({
      lot: row.replacementLotId,
      account: row.replacementAccountId === null ? null : nameOf(facts, row.replacementAccountId),
      quantity: row.quantity.toString(),
      disallowed: row.disallowed.toString(),
    }));
}

function estimated(facts: PnlFacts, row: Estimate): ClosedLotRecord {
  return {
    account: nameOf(facts, row.accountId),
    symbol: symbolOf(facts, row.instrument),
    instrument: row.instrument,
    kind: 'estimate',
    direction: null,
    quantity: row.quantity.toString(),
    acquiredDate: null,
    closedDate: row.date,
    closedAt: row.at,
    holdingDays: null,
    term: null,
    proceeds: null,
    cost: null,
    fees: null,
    realizedPnl: row.amount.toString(),
    realizedBasis: 'estimated',
    reason: estimateReason(row),
    mark: text(row.mark),
    markAsOf: row.at,
    markSource: 'broker_positions',
    rolled: '0',
    taxProceeds: null,
    taxCost: null,
    washDisallowed: '0',
    washLots: [],
    washIn: '0',
    taxableGain: null,
    currency: facts.instruments.get(row.instrument)?.currency ?? '',
    realizedBaseCloseRate: null,
    realizedBaseHistorical: null,
    lot: null,
    activity: null,
  };
}
