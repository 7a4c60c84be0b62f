/** Position records: open and missing positions with mark, Greeks and freshness. */
import { decimal, type Decimal } from '../../domain/decimal.ts';
import { type Instrument, type InstrumentId } from '../../domain/instrument.ts';
import { type Quote } from '../../domain/snapshot.ts';
import { type MarkRow, type PositionRow, type PositionState } from '../../store/store.ts';
import {
  accountFreshness,
  freshFields,
  type AccountFreshness,
  type FreshFields,
} from './accountFreshness.ts';
import { type AccountScope, type RecordContext } from './context.ts';
import { compareText, text } from './fields.ts';

export interface PositionRecord {
  readonly account: string;
  readonly accountId: number;
  readonly symbol: string;
  readonly instrument: string;
  readonly kind: string;
  readonly quantity: string;
  readonly brokerQuantity: string | null;
  readonly bookQuantity: string;
  readonly explained: boolean;
  readonly averageCost: string | null;
  readonly multiplier: string;
  readonly mark: string | null;
  readonly markAsOf: string | null;
  readonly marketValue: string | null;
  readonly unrealizedPnl: string | null;
  /** Percent: 12.5 means 12.5 %. */
  readonly unrealizedPnlPct: string | null;
  readonly realizedPnl: string | null;
  readonly realizedBasis: string;
  readonly state: PositionState;
  readonly openedAt: string | null;
  readonly closedAt: string | null;
  readonly greeks: GreeksRecord | null;
  readonly option: { underlying: string; expiry: string; strike: string; right: string } | null;
  readonly asOf: string | null;
  readonly fetchedAt: string | null;
  readonly age: number | null;
  readonly fresh: boolean;
  readonly why: string | null;
  readonly source: string;
}

export interface GreeksRecord {
  readonly delta: string | null;
  readonly gamma: string | null;
  readonly theta: string | null;
  readonly vega: string | null;
  readonly rho: string | null;
  readonly iv: string | null;
  readonly asOf: string | null;
}

/** Open and missing positions unless other states are asked for, by account, kind and symbol. */
export async function positionRecords(
  context: RecordContext,
  scope: AccountScope & { states?: readonly PositionState[] } = {},
): Promise<readonly PositionRecord[]> {
  const { store } = context;
  const filter = scope.account === undefined ? {} : { accountId: scope.account.id };
  const rows = await store.positions({ ...filter, states: scope.states ?? ['open', 'missing'] });
  const accounts = await accountFreshness(context, scope, ['positions', 'activities']);
  const instruments = await store.instruments([...new Set(rows.map((row) => row.instrument))]);
  const marks = byAccountAndInstrument(await store.marks(filter), (row) => row.instrument);
  const greeks = byAccountAndInstrument(await store.latestGreeks(filter), (quote) => quote.instrument.id);
  const records = rows.flatMap((row) => {
    const owner = accounts.get(row.accountId);
    const instrument = instruments.get(row.instrument);
    if (owner === undefined || instrument === undefined) return [];
    const key = `${row.accountId}:${row.instrument}`;
    const markRow = marks.get(key);
    return [
      positionRecord(context, row, instrument, {
        account: owner.account.name,
        mark: markRow?.mark ?? null,
        markAsOf: markRow === undefined ? null : markTime(row, markRow, owner),
        quote: greeks.get(key),
        fresh: freshFields(owner.freshness),
      }),
    ];
  });
  return inListingOrder(records);
}

export function inListingOrder(records: readonly PositionRecord[]): readonly PositionRecord[] {
  return records.toSorted(
    (left, right) =>
      left.accountId - right.accountId ||
      compareText(left.kind, right.kind) ||
      compareText(left.symbol, right.symbol),
  );
}

/** Where the user wants no realized profit worked out. */
const NOT_SHOWN = { realizedPnl: null, realizedBasis: 'unknown' } as const;

/** What is known beside the row. */
export interface Shown {
  readonly account: string;
  readonly mark: Decimal | null;
  readonly markAsOf: string | null;
  readonly quote: Quote | undefined;
  readonly fresh: FreshFields;
}

export function positionRecord(
  { showsRealized }: Pick<RecordContext, 'showsRealized'>,
  row: PositionRow,
  instrument: Instrument,
  shown: Shown,
): PositionRecord {
  const live = row.state !== 'closed';
  const mark = live ? shown.mark : null;
  const value = mark === null ? null : row.quantity.times(mark).times(instrument.multiplier);
  const cost =
    row.averageCost === null ? null : row.quantity.times(row.averageCost).times(instrument.multiplier);
  const unrealized = value === null || cost === null ? null : value.minus(cost);
  return {
    account: shown.account,
    accountId: row.accountId,
    symbol: instrument.symbol,
    instrument: row.instrument,
    kind: instrument.kind,
    quantity: row.quantity.toString(),
    brokerQuantity: text(row.brokerQuantity),
    bookQuantity: row.bookQuantity.toString(),
    explained: row.explained,
    averageCost: text(row.averageCost),
    multiplier: instrument.multiplier.toString(),
    mark: text(mark),
    markAsOf: mark === null ? null : shown.markAsOf,
    marketValue: text(value),
    unrealizedPnl: live ? text(unrealized) : null,
    unrealizedPnlPct:
      !live || unrealized === null || cost === null || cost.isZero()
        ? null
        : unrealized.times(HUNDRED).dividedBy(cost.abs(), 10).toString(),
    realizedPnl: text(row.realizedPnl),
    realizedBasis: row.realizedBasis,
    state: row.state,
    openedAt: row.openedAt,
    closedAt: row.closedAt,
    greeks: live ? greeksRecord(shown.quote) : null,
    option:
      instrument.option === null
        ? null
        : {
            underlying: instrument.option.underlying,
            expiry: instrument.option.expiry,
            strike: instrument.option.strike.toString(),
            right: instrument.option.right,
          },
    ...shown.fresh,
    source: row.source,
    ...(showsRealized ? {} : NOT_SHOWN),
  };
}

/**
 * When the mark was the price. One without a stamp of its own is repeated by every complete list that holds the position,
 * so it is as new as the newest list; what is missing is in no list any more, and keeps the time it was last written.
 */
function markTime(row: PositionRow, markRow: MarkRow, owner: AccountFreshness): string {
  if (markRow.markAsOf !== null) return markRow.markAsOf;
  return (row.state === 'open' ? owner.positionsAsOf : null) ?? markRow.fetchedAt;
}

const HUNDRED = decimal('100');

function greeksRecord(quote: Quote | undefined): GreeksRecord | null {
  if (quote === undefined || quote.greeks === null) return null;
  const { delta, gamma, theta, vega, rho, iv } = quote.greeks;
  return {
    delta: text(delta),
    gamma: text(gamma),
    theta: text(theta),
    vega: text(vega),
    rho: text(rho),
    iv: text(iv),
    asOf: quote.greeksAsOf,
  };
}

function byAccountAndInstrument<Row extends { accountId: number }>(
  rows: readonly Row[],
  instrument: (row: Row) => InstrumentId,
): ReadonlyMap<string, Row> {
  return new Map(rows.map((row) => [`${row.accountId}:${instrument(row)}`, row]));
}
