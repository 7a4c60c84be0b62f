/** The figures of a played vector, read off the rows of the engine. The tax layer: premiums are where the law puts them. */
import { uncoveredUnits } from '../../src/book/foldBook.ts';
import { taxFigures } from '../../src/book/taxLayer.ts';
import { Decimal } from '../../src/domain/decimal.ts';
import { type Lot, type LotClosure } from '../../src/domain/lot.ts';
import { compareInstants } from '../../src/domain/time.ts';
import { oneOf, type Transaction } from './format.ts';
import { type AccountState, MISSING_BASIS, type Played } from './play.ts';
import { number, rootOf } from './translate.ts';

/** Digits an average is worked out to. */
const PLACES = 40;

/** A close as the tax layer sees it; null where nobody knows. */
export interface Close {
  readonly row: LotClosure;
  readonly account: string;
  readonly cost: Decimal | null;
  readonly proceeds: Decimal | null;
  readonly realized: Decimal | null;
}

export interface OpenRow {
  readonly lot: Lot;
  readonly account: string;
  readonly cost: Decimal | null;
}

/** Closes of all accounts in the order of the transactions that made them. */
export function closesOf(played: Played): readonly Close[] {
  const rows = [...played.accounts].flatMap(([account, state]) =>
    ofSymbol(played, state.closures).map((row) => closeOf(played, account, row)),
  );
  return rows.sort((left, right) => compareInstants(left.row.closedAt, right.row.closedAt));
}

function closeOf({ vector }: Played, account: string, row: LotClosure): Close {
  const missing = oneOf('missing_basis', vector.missing_basis ?? 'error', MISSING_BASIS);
  const isMissing = row.lotId.startsWith('unknown:');
  const assumed = missing === 'zero' ? Decimal.zero : missing === 'zero_gain' ? row.proceeds : null;
  const known = taxFigures(row);
  const { proceeds } = known;
  const cost = known.cost ?? (isMissing ? assumed : null);
  const isAssumed = known.realized === null && cost !== null && proceeds !== null;
  return { row, account, cost, proceeds, realized: isAssumed ? proceeds.minus(cost) : known.realized };
}

export function openOf(played: Played): readonly OpenRow[] {
  return [...played.accounts].flatMap(([account, state]) =>
    ofSymbol(played, [...state.lots.values()])
      .filter((lot) => !lot.openQuantity.isZero())
      .map((lot) => ({ lot, account, cost: taxCost(lot) })),
  );
}

function taxCost({ openCost, rolled, direction }: Lot): Decimal | null {
  return openCost === null ? null : direction === 'long' ? openCost.plus(rolled) : openCost.minus(rolled);
}

function ofSymbol<Row extends { readonly instrument: Lot['instrument'] }>(
  { vector, instruments }: Played,
  rows: readonly Row[],
): readonly Row[] {
  const { check_symbol: symbol } = vector;
  return symbol === undefined
    ? rows
    : rows.filter((row) => instruments.get(row.instrument)?.symbol === symbol);
}

export function symbolOf({ instruments }: Played, row: { readonly instrument: Lot['instrument'] }): string {
  return instruments.get(row.instrument)?.symbol ?? '';
}

/** Null as soon as one is null: a sum over something unknown is unknown. */
export function sum(values: Iterable<Decimal | null>): Decimal | null {
  let total = Decimal.zero;
  for (const value of values) {
    if (value === null) return null;
    total = total.plus(value);
  }
  return total;
}

/** Signed units of a lot. */
export function unitsOf({ openQuantity, direction }: Lot): Decimal {
  return direction === 'long' ? openQuantity : openQuantity.negate();
}

/** Cost of one unit of a quantity, by the multiplier of its instrument; null for no units. */
export function perUnit(
  played: Played,
  instrument: Lot['instrument'],
  total: Decimal | null,
  quantity: Decimal,
): Decimal | null {
  const multiplier = played.instruments.get(instrument)?.multiplier ?? Decimal.one;
  return total === null || quantity.isZero() ? null : total.dividedBy(quantity.times(multiplier), PLACES);
}

// ---- figures that are one value -----------------------------------------------------------------------------------

/** A played vector twice: by its own fee policy, and with fees apart, which alone shows prices. */
export interface Pair {
  readonly played: Played;
  readonly apart: Played;
  readonly inBasis: () => Played;
}

type Figure = (pair: Pair) => Decimal | null;

export const FIGURES: Readonly<Record<string, Figure>> = {
  remaining_qty: ({ played }) => remaining(played),
  remaining_basis: ({ played }) => sum(openOf(played).map(({ cost }) => cost)),
  pool_cost: ({ played }) => sum(openOf(played).map(({ cost }) => cost)),
  avg_price: ({ played }) => averagePrice(played),
  realized_pnl: ({ played }) => sum(closesOf(played).map(({ realized }) => realized)),
  realized_cum: ({ played }) => sum(closesOf(played).map(({ realized }) => realized)),
  realized_pnl_cash_truth: ({ inBasis }) => sum(closesOf(inBasis()).map(({ realized }) => realized)),
  realized_pnl_net_all_fees: ({ apart }) =>
    sum([...closesOf(apart).map(({ realized }) => realized), fees(apart).negate()]),
  realized_pnl_account_ccy: ({ played }) => sum(closesOf(played).map(({ row }) => row.realizedBaseCloseRate)),
  fees_total: ({ played }) => fees(played),
  fees_total_account_ccy: ({ played }) => fees(played).times(number(played.vector.fx?.rate_at_close)),
  missing_qty: ({ played }) =>
    Decimal.sum(
      closesOf(played).flatMap(({ row }) => (row.lotId.startsWith('unknown:') ? [row.quantity] : [])),
    ),
  avg_entry: ({ apart }) => averageOf(apart, (isLong) => (isLong ? 'cost' : 'proceeds')),
  avg_exit: ({ apart }) => averageOf(apart, (isLong) => (isLong ? 'proceeds' : 'cost')),
  peak_qty: ({ played }) =>
    [...played.accounts.values()].reduce(
      (peak, account) => (account.peak.compare(peak) > 0 ? account.peak : peak),
      Decimal.zero,
    ),
};

/** Position of the book, which must be what its lots come to. */
function remaining(played: Played): Decimal {
  let total = Decimal.zero;
  for (const state of played.accounts.values()) {
    const ids = [...played.instruments.keys()];
    for (const id of ofSymbol(
      played,
      ids.map((instrument) => ({ instrument })),
    )) {
      const position = state.book.open.get(id.instrument)?.quantity ?? Decimal.zero;
      checkConserved(state, id.instrument, position);
      total = total.plus(position);
    }
  }
  return total;
}

function checkConserved(state: AccountState, instrument: Lot['instrument'], position: Decimal): void {
  const open = [...state.lots.values()].filter((lot) => lot.instrument === instrument);
  const lots = Decimal.sum(open.map(unitsOf));
  if (!lots.minus(uncoveredUnits(state.book, instrument)).equals(position))
    throw new Error(`lots come to ${lots.toString()}, the position to ${position.toString()}`);
}

function averagePrice(played: Played): Decimal | null {
  const open = openOf(played);
  if (open.length === 0) return null;
  const quantity = Decimal.sum(open.map(({ lot }) => lot.openQuantity));
  return perUnit(played, open[0]!.lot.instrument, sum(open.map(({ cost }) => cost)), quantity);
}

/** Of all fees: those in closes and those still in open lots. */
function fees(played: Played): Decimal {
  return Decimal.sum([
    ...closesOf(played).map(({ row }) => row.fees),
    ...openOf(played).map(({ lot }) => lot.openFees ?? Decimal.zero),
  ]);
}

function averageOf(played: Played, side: (isLong: boolean) => 'cost' | 'proceeds'): Decimal | null {
  const closes = closesOf(played).filter(({ row }) => !row.quantity.isZero());
  const money = sum(closes.map((close) => close[side(close.row.direction === 'long')]));
  const quantity = Decimal.sum(closes.map(({ row }) => row.quantity));
  return closes.length === 0 ? null : perUnit(played, closes[0]!.row.instrument, money, quantity);
}

// ---- lists of figures ---------------------------------------------------------------------------------------------

/** Per transaction that closed something, in order. A transfer closes nothing: cost and dates go along. */
export function perClose(played: Played, of: (close: Close) => Decimal | null): readonly (Decimal | null)[] {
  const closes = closesOf(played);
  const roots = new Map(played.done.map((transaction) => [rootOf(transaction), transaction]));
  return [...roots.keys()].flatMap((root) => {
    const own = closes.filter(({ row }) => row.activityRootId.startsWith(root) && !NO_CLOSES.has(row.kind));
    return own.length === 0 ? [] : [sum(own.map(of))];
  });
}

const NO_CLOSES: ReadonlySet<LotClosure['kind']> = new Set(['fee', 'transfer_out']);

/** Realized from flat to flat, in order. */
export function cycles(played: Played): readonly (Decimal | null)[] {
  const byEpisode = new Map<string, (Decimal | null)[]>();
  for (const { row, account, realized } of closesOf(played)) {
    const key = `${account}|${row.openedRootId}`;
    byEpisode.set(key, [...(byEpisode.get(key) ?? []), realized]);
  }
  return [...byEpisode.values()].map(sum);
}

export function transactionOf({ done }: Played, rootId: string): Transaction | undefined {
  return done.find((transaction) => rootId.startsWith(rootOf(transaction)));
}

/** The transaction that opened a lot, also over transfers. */
export function openingOf(played: Played, { row, account }: Close): Transaction | undefined {
  const lot = played.accounts.get(account)?.lots.get(row.lotId);
  return lot === undefined ? undefined : transactionOf(played, lot.activityRootId);
}
