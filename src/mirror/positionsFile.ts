/** `positions_alpaca_paper.csv`: what is open or missing, under the column names that older bots look for. Pure. */
import { assetClassOf } from '../domain/assetClass.ts';
import { type InstrumentKind } from '../domain/instrument.ts';
import { csvText, type CsvCell } from './csv.ts';
import { LAST_UPDATED } from './files.ts';

/** A position as every listing of Truebook shows it: decimals as canonical text, absent = null. */
export interface MirrorPosition {
  readonly symbol: string;
  readonly kind: string;
  /** Signed. */
  readonly quantity: string;
  readonly explained: boolean;
  readonly averageCost: string | null;
  readonly mark: string | null;
  readonly marketValue: string | null;
  readonly unrealizedPnl: string | null;
  readonly unrealizedPnlPct: string | null;
  readonly state: string;
  readonly openedAt: string | null;
  readonly option: {
    readonly underlying: string;
    readonly expiry: string;
    readonly strike: string;
    readonly right: string;
  } | null;
  readonly source: string;
}

/** The first sixteen are ours; the rest repeats them under names that older bots have. */
export const POSITION_COLUMNS = [
  'symbol',
  'qty',
  'side',
  'asset_class',
  'avg_entry_price',
  'current_price',
  'market_value',
  'unrealized_pnl',
  'state',
  'explained',
  'underlying',
  'expiry',
  'strike',
  'right',
  'entry_time',
  'last_updated',
  'occ_symbol',
  'option_type',
  'quantity',
  'contracts',
  'entry_price',
  'pnl_amount',
  'pnl_pct',
  'timestamp',
  'status',
  'close_time',
  'source',
] as const;

type Column = (typeof POSITION_COLUMNS)[number];

/** The file's text, in the order given. */
export function positionsFileText(positions: readonly MirrorPosition[]): string {
  return csvText(POSITION_COLUMNS, positions.map(row));
}

function row(position: MirrorPosition): Readonly<Record<Column, CsvCell>> {
  const { option, openedAt, state, quantity, averageCost, unrealizedPnl } = position;
  return {
    symbol: position.symbol,
    qty: quantity,
    side: quantity.startsWith('-') ? 'short' : 'long',
    asset_class: assetClassOf(position.kind as InstrumentKind),
    avg_entry_price: averageCost,
    current_price: position.mark,
    market_value: position.marketValue,
    unrealized_pnl: unrealizedPnl,
    state,
    explained: position.explained,
    underlying: option?.underlying ?? null,
    expiry: option?.expiry ?? null,
    strike: option?.strike ?? null,
    right: option?.right ?? null,
    entry_time: openedAt,
    last_updated: LAST_UPDATED,
    occ_symbol: option === null ? null : position.symbol,
    option_type: option?.right.toUpperCase() ?? null,
    quantity,
    contracts: option === null ? null : quantity,
    entry_price: averageCost,
    pnl_amount: unrealizedPnl,
    pnl_pct: position.unrealizedPnlPct,
    timestamp: openedAt,
    status: state,
    close_time: null,
    source: position.source,
  };
}
