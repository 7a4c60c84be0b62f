/** Lots as canonical text, one line per instrument, and back: equal lots give equal text. */
import { Decimal } from '../domain/decimal.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import { type CostSource, type HoldingTerm, type LotClosure, type LotDirection } from '../domain/lot.ts';
import { type Instant, type TradeDate } from '../domain/time.ts';
import { type Fraction, type InstrumentLots, type PendingPremium } from './lotBook.ts';
import { type OpenLot } from './openLot.ts';

type Cell = string | number | null | readonly Cell[];
type Cells = readonly Cell[];

/** A line without line breaks: JSON of `[instrument, uncovered, lots, fractions]`. */
export function printLots(id: InstrumentId, lots: InstrumentLots): string {
  const cells: Cells = [
    id,
    lots.uncovered.toString(),
    [...lots.long, ...lots.short].map(lotCells),
    lots.fractions.map(fractionCells),
  ];
  return JSON.stringify(cells);
}

/** The instrument of a line, without reading the rest. */
export function instrumentOfLine(line: string): InstrumentId {
  // An identity holds neither quotes nor backslashes where brokers write it; where one does, the JSON is asked.
  const end = line.indexOf('",');
  const plain = line.slice(2, end);
  return (plain.includes('\\') ? (JSON.parse(line) as Cells)[0] : plain) as InstrumentId;
}

export function parseLots(line: string): InstrumentLots {
  const [id, uncovered, lots, fractions] = JSON.parse(line) as [InstrumentId, string, Cells[], Cells[]];
  const read = lots.map((cells, index) => parseLot(id, cells, index));
  return {
    long: read.filter((lot) => lot.direction === 'long'),
    short: read.filter((lot) => lot.direction === 'short'),
    uncovered: Decimal.parse(uncovered),
    fractions: fractions.map(parseFraction),
  };
}

/** What equals its usual value is left out (null), so that ten thousand plain lots stay small. */
function lotCells(lot: OpenLot): Cells {
  const usualUnits = lot.unitQuantity.equals(lot.quantity) && same(lot.unitCost, lot.cost);
  const flags = (lot.direction === 'short' ? 1 : 0) + (lot.dated ? 0 : 2) + (lot.estimated ? 4 : 0);
  const cells: Cell[] = [
    lot.id,
    lot.openedRootId === lot.id ? null : lot.openedRootId,
    lot.activityRootId === lot.id ? null : lot.activityRootId,
    lot.openedAt,
    lot.acquiredAt === lot.openedAt ? null : lot.acquiredAt,
    lot.acquiredDate,
    lot.holdingFrom === lot.acquiredDate ? null : lot.holdingFrom,
    lot.currency,
    lot.costSource === 'fill' ? null : lot.costSource,
    flags,
    lot.quantity.toString(),
    lot.openQuantity.equals(lot.quantity) ? null : lot.openQuantity.toString(),
    print(lot.cost),
    same(lot.openCost, lot.cost) ? 0 : print(lot.openCost),
    same(lot.openCostBase, lot.openCost) ? 0 : print(lot.openCostBase),
    same(lot.paid, lot.cost) ? 0 : print(lot.paid),
    lot.openFees.isZero() ? null : lot.openFees.toString(),
    lot.rolled.isZero() ? null : lot.rolled.toString(),
    usualUnits ? null : [print(lot.unitCost), lot.unitQuantity.toString()],
    lot.sameDay === null ? null : lot.sameDay.map(closureCells),
    lot.doubtedBy,
  ];
  while (cells.at(-1) === null) cells.pop();
  return cells;
}

function parseLot(instrument: InstrumentId, cells: Cells, sequence: number): OpenLot {
  const id = cells[0] as string;
  const openedAt = cells[3] as Instant;
  const acquiredDate = cells[5] as TradeDate;
  const flags = cells[9] as number;
  const quantity = Decimal.parse(cells[10] as string);
  const cost = parse(cells[12]);
  const openCost = cells[13] === 0 ? cost : parse(cells[13]);
  const units = (cells[18] ?? null) as Cells | null;
  return {
    id,
    instrument,
    openedRootId: (cells[1] as string | null) ?? id,
    activityRootId: (cells[2] as string | null) ?? id,
    direction: (flags & 1) === 1 ? 'short' : 'long',
    openedAt,
    acquiredAt: (cells[4] as Instant | null) ?? openedAt,
    acquiredDate,
    holdingFrom: (cells[6] as TradeDate | null) ?? acquiredDate,
    dated: (flags & 2) === 0,
    currency: cells[7] as string,
    costSource: (cells[8] as CostSource | null) ?? 'fill',
    quantity,
    openQuantity: cells[11] === null ? quantity : Decimal.parse(cells[11] as string),
    cost,
    openCost,
    openCostBase: cells[14] === 0 ? openCost : parse(cells[14]),
    openFees: parse(cells[16]) ?? Decimal.zero,
    rolled: parse(cells[17]) ?? Decimal.zero,
    unitCost: units === null ? cost : parse(units[0]),
    unitQuantity: units === null ? quantity : Decimal.parse(units[1] as string),
    paid: cells[15] === 0 ? cost : parse(cells[15]),
    estimated: (flags & 4) !== 0,
    doubtedBy: (cells[20] ?? null) as string | null,
    sameDay: cells[19] == null ? null : (cells[19] as Cells[]).map(parseClosure),
    sequence,
    pooled: false,
    changed: false,
  };
}

function fractionCells(piece: Fraction): Cells {
  return [
    piece.lotId,
    piece.openedRootId,
    piece.direction,
    piece.acquiredDate,
    piece.holdingFrom,
    piece.dated ? 1 : 0,
    piece.quantity.toString(),
    print(piece.cost),
    print(piece.costBase),
    piece.fees.toString(),
    piece.rolled.toString(),
    piece.costSource,
    piece.estimated ? 1 : 0,
  ];
}

function parseFraction(cells: Cells): Fraction {
  return {
    lotId: cells[0] as string,
    openedRootId: cells[1] as string,
    direction: cells[2] as LotDirection,
    acquiredDate: cells[3] as TradeDate,
    holdingFrom: cells[4] as TradeDate,
    dated: cells[5] === 1,
    quantity: Decimal.parse(cells[6] as string),
    cost: parse(cells[7]),
    costBase: parse(cells[8]),
    fees: Decimal.parse(cells[9] as string),
    rolled: Decimal.parse(cells[10] as string),
    costSource: cells[11] as CostSource,
    estimated: cells[12] === 1,
  };
}

export function premiumCells(premium: PendingPremium): Cells {
  const { option, rootId, lotId, openedRootId, kind, groupId, tradeDate, underlying } = premium;
  const { strike, delivers, units, rolled, estimated } = premium;
  const names = [option, rootId, lotId, openedRootId, kind, groupId, tradeDate, underlying];
  return [...names, strike.toString(), delivers, units.toString(), rolled.toString(), estimated ? 1 : 0];
}

export function parsePremium(cells: Cells): PendingPremium {
  return {
    option: cells[0] as InstrumentId,
    rootId: cells[1] as string,
    lotId: cells[2] as string,
    openedRootId: cells[3] as string,
    kind: cells[4] as PendingPremium['kind'],
    groupId: cells[5] as string | null,
    tradeDate: cells[6] as TradeDate,
    underlying: cells[7] as string,
    strike: Decimal.parse(cells[8] as string),
    delivers: cells[9] as 1 | -1,
    units: Decimal.parse(cells[10] as string),
    rolled: Decimal.parse(cells[11] as string),
    estimated: cells[12] === 1,
  };
}

/** A close of the day its lot was opened: whole, because a later buy of that day writes it again. */
function closureCells(closure: LotClosure): Cells {
  return [
    closure.id,
    closure.lotId,
    closure.instrument,
    closure.openedRootId,
    closure.activityRootId,
    closure.kind,
    closure.direction,
    closure.acquiredDate,
    closure.closedAt,
    closure.closedDate,
    closure.quantity.toString(),
    print(closure.cost),
    print(closure.proceeds),
    closure.fees.toString(),
    print(closure.realized),
    closure.rolled.toString(),
    closure.realizedBasis,
    closure.term,
    closure.holdingDays,
    closure.currency,
    print(closure.realizedBaseCloseRate),
    print(closure.realizedBaseHistorical),
    print(closure.rolledProceeds ?? null),
  ];
}

function parseClosure(cells: Cells): LotClosure {
  return {
    id: cells[0] as string,
    lotId: cells[1] as string,
    instrument: cells[2] as InstrumentId,
    openedRootId: cells[3] as string,
    activityRootId: cells[4] as string,
    kind: cells[5] as LotClosure['kind'],
    direction: cells[6] as LotDirection,
    acquiredDate: cells[7] as TradeDate,
    closedAt: cells[8] as Instant,
    closedDate: cells[9] as TradeDate,
    quantity: Decimal.parse(cells[10] as string),
    cost: parse(cells[11]),
    proceeds: parse(cells[12]),
    fees: Decimal.parse(cells[13] as string),
    realized: parse(cells[14]),
    rolled: Decimal.parse(cells[15] as string),
    realizedBasis: cells[16] as LotClosure['realizedBasis'],
    term: cells[17] as HoldingTerm | null,
    holdingDays: cells[18] as number | null,
    currency: cells[19] as string,
    realizedBaseCloseRate: parse(cells[20]),
    realizedBaseHistorical: parse(cells[21]),
    ...rolledProceedsOf(cells),
  };
}

/** Texts of an earlier release do not say; where nothing was rolled there is nothing to tell apart. */
function rolledProceedsOf(cells: Cells): Pick<LotClosure, 'rolledProceeds'> {
  const rolledProceeds = parse(cells[22]);
  if (rolledProceeds !== null) return { rolledProceeds };
  return cells[15] === '0' ? { rolledProceeds: Decimal.zero } : {};
}

function print(value: Decimal | null): string | null {
  return value === null ? null : value.toString();
}

function parse(cell: Cell | undefined): Decimal | null {
  return cell === null || cell === undefined ? null : Decimal.parse(cell as string);
}

function same(left: Decimal | null, right: Decimal | null): boolean {
  return left === right || (left !== null && right !== null && left.equals(right));
}
