/** Vectors with wash sales (lots chosen by name) as rows for `washSales`, and its pieces as the rows they expect. */
import {
  ACCOUNT_WASH,
  TAXPAYER_WASH,
  washSales,
  type WashAcquisition,
  type WashClose,
  type WashPolicy,
  type WashResult,
} from '../../src/book/wash.ts';
import { decimal } from '../../src/domain/decimal.ts';
import { type Instant, parseInstant, parseTradeDate, type TradeDate } from '../../src/domain/time.ts';

export interface WashVector {
  readonly id: string;
  readonly wash_policy: string;
  readonly split_rounding: string;
  readonly scope?: string;
  readonly tolerance?: string;
  readonly transactions: readonly VectorTransaction[];
  readonly expected: {
    readonly wash: {
      readonly rows: readonly VectorRow[];
      readonly disallowed_total: string;
      readonly permanently_lost?: string;
    };
  };
}

interface VectorTransaction {
  readonly i: number;
  readonly ts: string;
  readonly type: string;
  readonly symbol: string;
  readonly qty: string;
  readonly amount: string;
  readonly lot: string;
  readonly order?: string;
  readonly form_position?: string;
  readonly already_used_as_replacement?: boolean;
  readonly account?: string;
  readonly account_type?: string;
}

export interface VectorRow {
  readonly qty: string;
  readonly holding_start: string;
  readonly adjusted_basis: string;
  readonly sell_date: string | null;
  readonly proceeds: string | null;
  readonly code: string;
  readonly disallowed: string;
  readonly is_replacement?: boolean;
}

export function washOfVector(vector: WashVector): WashResult {
  const buys = vector.transactions.filter((transaction) => transaction.type === 'buy');
  const sells = vector.transactions.filter((transaction) => transaction.type === 'sell');
  const costs = new Map(buys.map((buy) => [buy.lot, decimal(buy.amount)]));
  const left = new Map(buys.map((buy) => [buy.lot, decimal(buy.qty)]));
  const closes = sells.map((sell): WashClose => {
    const buy = buys.find((candidate) => candidate.lot === sell.lot)!;
    const cost = decimal(buy.amount).times(decimal(sell.qty)).dividedBy(decimal(buy.qty), 18);
    costs.set(sell.lot, costs.get(sell.lot)!.minus(cost));
    left.set(sell.lot, left.get(sell.lot)!.minus(decimal(sell.qty)));
    return {
      accountId: accountOf(buy),
      closureId: `sale:${sell.i}`,
      lotId: sell.lot,
      closedDate: momentOf(sell.ts).date,
      closedAt: momentOf(sell.ts).at,
      quantity: decimal(sell.qty),
      cost,
      proceeds: decimal(sell.amount),
    };
  });
  const acquisitions = buys.map((buy): WashAcquisition => ({
    accountId: accountOf(buy),
    accountType: buy.account_type === 'ira' ? 'ira' : 'taxable',
    lotId: buy.lot,
    securityKey: buy.symbol,
    orderId: buy.order ?? null,
    acquiredDate: momentOf(buy.ts).date,
    acquiredAt: momentOf(buy.ts).at,
    seq: buy.i,
    formPosition: buy.form_position ?? '',
    openQuantity: left.get(buy.lot)!,
    openCost: costs.get(buy.lot)!,
    holdingFrom: momentOf(buy.ts).date,
    alreadyUsed: buy.already_used_as_replacement ?? false,
    currency: 'USD',
  }));
  return washSales(acquisitions, closes, policyOf(vector));
}

/** Vectors tell days, some also times; a day without a time is one moment. */
function momentOf(ts: string): { date: TradeDate; at: Instant } {
  const date = parseTradeDate(ts.slice(0, 10));
  return { date, at: parseInstant(ts.length > 10 ? ts : `${ts}T16:00:00Z`) };
}

/** Accounts by the text that names them; an IRA without a name is an account of its own. */
function accountOf({ account, account_type: type }: VectorTransaction): number {
  const name = account ?? type ?? '';
  return name === '' ? 1 : [...name].reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 2);
}

function policyOf(vector: WashVector): WashPolicy {
  const scope = vector.scope === 'account' || vector.scope === 'broker' ? ACCOUNT_WASH : TAXPAYER_WASH;
  return {
    ...scope,
    ancestors: 'not_eligible',
    sameMoment: vector.wash_policy === 'adlr' ? 'as_group' : 'in_turn',
    splitRounding: vector.split_rounding === 'cent_each_piece' ? 'cent_each_piece' : 'exact',
  };
}

/** The rows of the answer in the vector's own words, sorted so that lists compare. */
export function rowsOf(result: WashResult, places: number): string[] {
  return result.pieces
    .map((piece) =>
      rowText(
        {
          qty: piece.quantity.toString(),
          holding_start: piece.holdingFrom,
          adjusted_basis: piece.adjustedBasis!.toString(),
          sell_date: piece.closedDate,
          proceeds: piece.proceeds?.toString() ?? null,
          code: piece.code,
          disallowed: piece.disallowed.toString(),
          is_replacement: piece.isReplacement,
        },
        places,
      ),
    )
    .sort();
}

export function rowText(row: VectorRow, places: number, replacement = row.is_replacement ?? null): string {
  const money = (text: string | null): string =>
    text === null ? '-' : decimal(text).round(places).toString();
  return [
    `${decimal(row.qty).toString()} from ${row.holding_start} basis ${money(row.adjusted_basis)}`,
    `sold ${row.sell_date ?? '-'} for ${money(row.proceeds)}`,
    `${row.code === '' ? '-' : row.code} ${money(row.disallowed)} ${replacement === null ? '' : `replacement ${replacement}`}`,
  ].join(' | ');
}
