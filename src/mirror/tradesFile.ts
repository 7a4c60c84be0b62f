/** `trade_history_alpaca_paper.csv`: every execution of the book, and the trades of an older bot's own file. Pure. */
import { type Account } from '../domain/account.ts';
import { assetClassOf } from '../domain/assetClass.ts';
import { type Decimal } from '../domain/decimal.ts';
import { parseOcc, type InstrumentKind } from '../domain/instrument.ts';
import { compareInstants, newYorkDate, type Instant } from '../domain/time.ts';
import { type ImportedTrade, type LedgerRow } from '../store/store.ts';
import { csvText, type CsvCell } from './csv.ts';

/** The first twenty are ours; the rest repeats them under names that older bots have. */
export const TRADE_COLUMNS = [
  'timestamp',
  'symbol',
  'side',
  'qty',
  'price',
  'fees',
  'order_id',
  'trade_id',
  'asset_class',
  'status',
  'manual',
  'source',
  'realized_pnl',
  'trade_date',
  'amount',
  'currency',
  'underlying',
  'expiry',
  'strike',
  'right',
  'action',
  'quantity',
  'fill_price',
  'pnl_amount',
  'total_cost',
  'option_type',
  'alpaca_order_id',
  'broker',
  'environment',
] as const;

type Column = (typeof TRADE_COLUMNS)[number];

/** Source of the lines that come from an older bot's file. */
export const IMPORTED_SOURCE = 'imported';

export interface TradesFacts {
  readonly account: Pick<Account, 'broker' | 'env'>;
  /** Newest revisions of kind `fill`, of all epochs. */
  readonly fills: readonly LedgerRow[];
  /** Those the ledger has are left out here. */
  readonly imported: readonly ImportedTrade[];
  /** Only these kinds; null = all. */
  readonly kinds: readonly InstrumentKind[] | null;
  readonly isManual: (row: LedgerRow) => boolean;
}

/** The file's text, oldest first. */
export function tradesFileText(facts: TradesFacts): string {
  const known = ledgerIds(facts.fills);
  const wanted = (kind: InstrumentKind): boolean => facts.kinds === null || facts.kinds.includes(kind);
  const rows = [
    ...facts.fills
      .filter((fill) => fill.instrument !== null && wanted(fill.instrument.kind))
      .map((fill) => ({ at: fill.executedAt, key: fill.rootId, cells: ofFill(fill, facts) })),
    ...facts.imported
      .filter((trade) => !isInLedger(trade, known) && wanted(kindOfImported(trade)))
      .map((trade) => ({
        at: trade.executedAt,
        key: String(trade.id).padStart(12, '0'),
        cells: ofImported(trade, facts),
      })),
  ];
  rows.sort(
    (left, right) =>
      compareInstants(left.at, right.at) || (left.key < right.key ? -1 : left.key > right.key ? 1 : 0),
  );
  return csvText(
    TRADE_COLUMNS,
    rows.map((row) => row.cells),
  );
}

/** Every name the ledger's trades go by: their own ids and those of their orders. */
export function ledgerIds(fills: readonly LedgerRow[]): ReadonlySet<string> {
  return new Set(
    fills
      .flatMap((fill) => [fill.externalId, fill.orderId ?? '', fill.clientOrderId ?? ''])
      .filter((id) => id !== ''),
  );
}

/** By identity alone: a line without an id is never taken for a trade that merely looks like it. */
export function isInLedger(
  { orderId, tradeId }: Pick<ImportedTrade, 'orderId' | 'tradeId'>,
  known: ReadonlySet<string>,
): boolean {
  return (tradeId !== null && known.has(tradeId)) || (orderId !== null && known.has(orderId));
}

function ofFill(fill: LedgerRow, facts: TradesFacts): Readonly<Record<Column, CsvCell>> {
  const instrument = fill.instrument!;
  const side = fill.side ?? (fill.quantity.sign() < 0 ? 'sell' : 'buy');
  return cells(facts, {
    timestamp: fill.executedAt,
    symbol: instrument.symbol,
    kind: instrument.kind,
    side,
    quantity: fill.quantity.abs(),
    price: fill.price,
    fees: fill.fees,
    orderId: fill.orderId,
    tradeId: fill.externalId,
    status: fill.status,
    manual: facts.isManual(fill),
    source: fill.source,
    realizedPnl: null,
    tradeDate: fill.tradeDate,
    amount: fill.amount,
    currency: fill.currency,
    option: instrument.option,
  });
}

function ofImported(trade: ImportedTrade, facts: TradesFacts): Readonly<Record<Column, CsvCell>> {
  const occ = parseOcc(trade.symbol);
  return cells(facts, {
    timestamp: trade.executedAt,
    symbol: trade.symbol,
    kind: kindOfImported(trade),
    side: trade.side,
    quantity: trade.quantity,
    price: trade.price,
    fees: trade.fees,
    orderId: trade.orderId,
    tradeId: trade.tradeId,
    status: trade.status,
    manual: null,
    source: IMPORTED_SOURCE,
    realizedPnl: trade.realizedPnl,
    tradeDate: newYorkDate(trade.executedAt),
    amount: null,
    currency: null,
    option: occ === null ? null : { ...occ, underlying: occ.root },
  });
}

/** An older bot's file does not say what a symbol is: option symbols and crypto pairs show it themselves. */
export function kindOfImported({ symbol }: Pick<ImportedTrade, 'symbol'>): InstrumentKind {
  if (parseOcc(symbol) !== null) return 'option';
  return symbol.includes('/') ? 'crypto' : 'equity';
}

interface Trade {
  readonly timestamp: Instant;
  readonly symbol: string;
  readonly kind: InstrumentKind;
  readonly side: 'buy' | 'sell' | null;
  readonly quantity: Decimal;
  readonly price: Decimal | null;
  readonly fees: Decimal | null;
  readonly orderId: string | null;
  readonly tradeId: string | null;
  readonly status: string | null;
  readonly manual: boolean | null;
  readonly source: string;
  readonly realizedPnl: Decimal | null;
  readonly tradeDate: string;
  readonly amount: Decimal | null;
  readonly currency: string | null;
  readonly option: { underlying: string; expiry: string; strike: Decimal; right: string } | null;
}

function cells({ account }: TradesFacts, trade: Trade): Readonly<Record<Column, CsvCell>> {
  const { option } = trade;
  return {
    timestamp: trade.timestamp,
    symbol: trade.symbol,
    side: trade.side,
    qty: trade.quantity,
    price: trade.price,
    fees: trade.fees,
    order_id: trade.orderId,
    trade_id: trade.tradeId,
    asset_class: assetClassOf(trade.kind),
    status: trade.status,
    manual: trade.manual,
    source: trade.source,
    realized_pnl: trade.realizedPnl,
    trade_date: trade.tradeDate,
    amount: trade.amount,
    currency: trade.currency,
    underlying: option?.underlying ?? null,
    expiry: option?.expiry ?? null,
    strike: option?.strike ?? null,
    right: option?.right ?? null,
    action: trade.side?.toUpperCase() ?? null,
    quantity: trade.quantity,
    fill_price: trade.price,
    pnl_amount: trade.realizedPnl,
    total_cost: trade.amount?.abs() ?? null,
    option_type: option?.right.toUpperCase() ?? null,
    alpaca_order_id: trade.orderId,
    broker: account.broker,
    environment: account.env,
  };
}
