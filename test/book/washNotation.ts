/**
 * Wash sales in lines a trader can read:
 *
 *   2024-01-02        buy 100 X for 1000       #a          a lot, named
 *   2024-03-01 10:00  sell 60 #a for 600                   units of a lot; times are UTC, none = one moment of the day
 *   2024-03-10        buy 1 X:call for 300     #c          a call on X, 100 shares
 *   2024-03-10        short 10 X for 500       #s          cover 10 #s for 700
 *   ...               buy 100 X for 700        #i in ira   account: `in 2`, `in ira`; order: `order o1`
 *
 * `?` for an amount: unknown.
 */
import {
  ACCOUNT_WASH,
  washSales,
  type WashAcquisition,
  type WashClose,
  type WashPolicy,
  type WashResult,
} from '../../src/book/wash.ts';
import { Decimal, decimal } from '../../src/domain/decimal.ts';
import { parseInstant, parseTradeDate } from '../../src/domain/time.ts';

const LINE =
  /^(?<day>\S{10})(?:\s+(?<time>\d\d:\d\d))?\s+(?<verb>buy|sell|short|cover)\s+(?<quantity>\S+)\s+(?<what>\S+)\s+for\s+(?<amount>\S+)(?<rest>.*)$/;

export const IRA = 9;

export interface WashRows {
  readonly acquisitions: WashAcquisition[];
  readonly closes: WashClose[];
}

type Line = Readonly<Record<'day' | 'verb' | 'quantity' | 'what' | 'amount' | 'rest', string>> & {
  readonly time?: string;
};

export function washRows(text: string): WashRows {
  const lines = text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => {
      const match = LINE.exec(line);
      if (match === null) throw new Error(`not in the notation: ${line}`);
      return match.groups as unknown as Line;
    });
  const sold = lines.filter(({ verb }) => verb === 'sell' || verb === 'cover');
  const bought = lines.filter((line) => !sold.includes(line));
  const lots = new Map(bought.map((line) => [nameOf(line), line]));
  return {
    acquisitions: bought.map((line, seq) => acquisition(line, seq, sold)),
    closes: sold.map((line, index) => close(line, index, lots.get(line.what)!)),
  };
}

function acquisition(line: Line, seq: number, sold: readonly Line[]): WashAcquisition {
  const lotId = nameOf(line);
  const left = sold
    .filter(({ what }) => what === lotId)
    .reduce((units, sale) => units.minus(decimal(sale.quantity)), decimal(line.quantity));
  const [stock = '', call] = line.what.split(':');
  const [date, at] = moment(line);
  const isShort = line.verb === 'short';
  return {
    accountId: accountOf(line),
    accountType: accountOf(line) === IRA ? 'ira' : 'taxable',
    lotId,
    direction: isShort ? 'short' : 'long',
    securityKey: line.what,
    optionOn: call === undefined ? null : stock,
    unitWeight: call === undefined ? Decimal.one : Decimal.ofInteger(100),
    orderId: / order (\S+)/.exec(line.rest)?.[1] ?? null,
    acquiredDate: date,
    acquiredAt: at,
    seq,
    openQuantity: left,
    openCost: isShort ? Decimal.zero : shareOf(line, left),
    openProceeds: isShort ? shareOf(line, left) : null,
    holdingFrom: date,
    currency: 'USD',
  };
}

function close(line: Line, index: number, lot: Line): WashClose {
  const quantity = decimal(line.quantity);
  const [date, at] = moment(line);
  const opened = shareOf(lot, quantity);
  const closed = amountOf(line);
  return {
    accountId: accountOf(lot),
    closureId: `${line.what}/${index + 1}`,
    lotId: line.what,
    closedDate: date,
    closedAt: at,
    quantity,
    cost: line.verb === 'sell' ? opened : closed,
    proceeds: line.verb === 'sell' ? closed : opened,
  };
}

function moment({ day, time }: Line) {
  return [parseTradeDate(day), parseInstant(`${day}T${time ?? '16:00'}:00Z`)] as const;
}

function shareOf(line: Line, quantity: Decimal): Decimal | null {
  return amountOf(line)?.times(quantity).dividedBy(decimal(line.quantity), 18) ?? null;
}

function amountOf({ amount }: Line): Decimal | null {
  return amount === '?' ? null : decimal(amount);
}

function nameOf({ rest }: Line): string {
  return /#\S+/.exec(rest)![0];
}

function accountOf({ rest }: Line): number {
  const name = / in (\S+)/.exec(rest)?.[1] ?? '1';
  return name === 'ira' ? IRA : Number.parseInt(name, 10);
}

export function wash(text: string, policy: WashPolicy = ACCOUNT_WASH): WashResult {
  const { acquisitions, closes } = washRows(text);
  return washSales(acquisitions, closes, policy);
}

/** `60 of #a -> #b: 120 put off, held from 2024-01-11`. */
export function putOff(result: WashResult): string[] {
  return result.adjustments.map((row) => {
    const lost = row.permanentlyLost.isZero() ? 'put off' : 'lost';
    return (
      `${row.quantity.toString()} of ${row.lotId} -> ${row.replacementLotId}: ` +
      `${row.disallowed.toString()} ${lost}, held from ${row.holdingFrom}`
    );
  });
}

/** `#b 60 basis 630`: tax cost of what is still held; `?` where it is unknown. */
export function heldBasis(result: WashResult): string[] {
  return result.pieces
    .filter((piece) => piece.closureId === null)
    .map(({ lotId, quantity, adjustedBasis }) => {
      return `${lotId} ${quantity.toString()} basis ${adjustedBasis?.toString() ?? '?'}`;
    });
}

/** Taxable result of all closes: economic, less what earlier losses raised their cost by, plus what does not count. */
export function taxable(result: WashResult): string {
  const closed = result.pieces.filter((piece) => piece.closureId !== null);
  return Decimal.sum(
    closed.map(({ proceeds, adjustedBasis, disallowed }) => proceeds!.minus(adjustedBasis!).plus(disallowed)),
  ).toString();
}
