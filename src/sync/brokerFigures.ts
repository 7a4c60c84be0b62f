/**
 * The broker's own average price beside ours, explained by its documented convention (rules.md section 12). The figures
 * of candidates - which method, fees in or out, premium rolled into the shares or not, fees in coins in the cost or not -
 * are worked out from the activities since the position was flat; the first that rounds to what the broker shows names
 * the reason. Where none does, it says so: nothing is ever adjusted. Pure.
 *
 * Alpaca: weighted average within a day, compressed FIFO after the job at the beginning of the day (02:15-02:30 New
 * York), no fees, the multiplier not in the price, no field for realized profit.
 */
import { type Activity } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { compareInstants, type TradeDate } from '../domain/time.ts';

/**
 * `average`: weighted, closing moves no average. `compressed_fifo`: what a day opened is one lot at its average, closing
 * takes the oldest day. `average_today`: the average of today upon compressed FIFO of the days before, as Alpaca counts
 * within a day. `lots_fifo`: each fill a lot. `all_since_flat`: the average of all that opened it, closed or not.
 */
export const FIGURE_METHODS = [
  'average',
  'compressed_fifo',
  'average_today',
  'lots_fifo',
  'all_since_flat',
] as const;
export type FigureMethod = (typeof FIGURE_METHODS)[number];

/** How a figure came about. */
export interface FigureLabel {
  readonly method: FigureMethod;
  readonly fees: 'out' | 'in';
  /** What shares from an exercise or assignment cost: the strike, or the strike and the premium. */
  readonly premium: 'strike' | 'rolled';
  /** What a fee in coins does to cost: leaves with it, or stays with the coins that are left. */
  readonly coinFee: 'out' | 'in';
}

/** One thing that moved the position, oldest first; positions begin flat. */
export interface FigureMove {
  /** Signed units. */
  readonly quantity: Decimal;
  /** Per unit; null where the unit's cost is not known: then nothing can be worked out. */
  readonly price: Decimal | null;
  readonly tradeDate: TradeDate;
  /** Fees of this move in money, positive = paid. */
  readonly fees: Decimal;
  /** Premium per unit that an exercise or assignment brings along: paid positive, received negative; null for none. */
  readonly premium: Decimal | null;
  /** A fee taken in coins: it takes units and no money. */
  readonly isCoinFee: boolean;
  /** New units for old ones where a split changed the count; then `quantity` and `price` say nothing. */
  readonly split: { readonly to: Decimal; readonly from: Decimal } | null;
}

export type Explained =
  | { readonly kind: 'explained'; readonly label: FigureLabel; readonly exact: Decimal }
  | { readonly kind: 'unexplained'; readonly nearest: Decimal | null };

/**
 * Why the broker shows this average. `shown` is its text as it came, for its digits tell how far it was rounded (half a
 * unit of the last one is the tolerance, but for trailing zeros that are not shown: `digitsMax`, 2 by default, is the
 * least number of digits a figure is rounded to).
 */
export function explainAverage(moves: readonly FigureMove[], shown: string): Explained {
  const figure = Decimal.parse(shown);
  let nearest: Decimal | null = null;
  for (const label of labels()) {
    const exact = averageBy(moves, label);
    if (exact === null) continue;
    if (roundsTo(exact, shown)) return { kind: 'explained', label, exact };
    const isNearer = nearest === null || exact.minus(figure).abs().compare(nearest.minus(figure).abs()) < 0;
    if (isNearer) nearest = exact;
  }
  return { kind: 'unexplained', nearest };
}

/** The same for a total cost (`cost_basis`): the average times the open units times the multiplier. */
export function explainCost(moves: readonly FigureMove[], multiplier: Decimal, shown: string): Explained {
  const units = openUnits(moves);
  if (units === null || units.isZero()) return { kind: 'unexplained', nearest: null };
  let nearest: Decimal | null = null;
  for (const label of labels()) {
    const average = averageBy(moves, label);
    if (average === null) continue;
    const exact = average.times(units).times(multiplier);
    if (roundsTo(exact, shown)) return { kind: 'explained', label, exact };
    nearest ??= exact;
  }
  return { kind: 'unexplained', nearest };
}

/** As a person reads it: `weighted average, fees out`. */
export function figureText({ method, fees, premium, coinFee }: FigureLabel): string {
  const words: Readonly<Record<FigureMethod, string>> = {
    average: 'weighted average',
    compressed_fifo: 'FIFO of the averages of each day',
    average_today: 'weighted average today, FIFO of the averages of each day before',
    lots_fifo: 'FIFO of lots',
    all_since_flat: 'average of all that opened it since it was flat',
  };
  return [
    words[method],
    `fees ${fees}`,
    ...(premium === 'rolled' ? ['premium in the cost of the shares'] : []),
    ...(coinFee === 'in' ? ['fees in coins in the cost'] : []),
  ].join(', ');
}

/** The broker's own convention first, then one deviation after the other. */
function* labels(): Generator<FigureLabel> {
  for (const fees of ['out', 'in'] as const)
    for (const premium of ['strike', 'rolled'] as const)
      for (const coinFee of ['out', 'in'] as const)
        for (const method of FIGURE_METHODS) yield { method, fees, premium, coinFee };
}

/** Digits every price is shown with at least; trailing zeros are not shown. */
const PLACES_MIN = 2;

/** Whether an exact figure, rounded to the digits of the shown one, is the shown one. */
export function roundsTo(exact: Decimal, shown: string): boolean {
  const point = shown.indexOf('.');
  const places = Math.max(point < 0 ? 0 : shown.length - point - 1, PLACES_MIN);
  const figure = Decimal.parse(shown);
  return (
    exact
      .minus(figure)
      .abs()
      .compare(Decimal.ofScaled(5, places + 1)) <= 0
  );
}

// ---- candidates -------------------------------------------------------------------------------------------------

/** Digits of a quotient on the way: more than any broker shows. */
const PLACES = 18;

interface Lot {
  readonly units: Decimal;
  readonly cost: Decimal;
  readonly day: TradeDate;
}

/** What is open, and all that opened it since it was flat. */
interface Tally {
  readonly lots: readonly Lot[];
  readonly opened: Pick<Lot, 'units' | 'cost'>;
}

const FLAT: Tally = { lots: [], opened: { units: Decimal.zero, cost: Decimal.zero } };

/**
 * The average price of what is open, per unit and without sign, by one way of counting; null where nothing is open or a
 * cost is not known.
 */
export function averageBy(moves: readonly FigureMove[], label: FigureLabel): Decimal | null {
  const tally = label.method === 'average_today' ? averageToday(moves, label) : tallyOf(moves, label);
  if (tally === null || tally.lots.length === 0) return null;
  const { units, cost } = label.method === 'all_since_flat' ? tally.opened : merged(tally.lots);
  return units.isZero() ? null : cost.dividedBy(units, PLACES).abs();
}

/** Compressed FIFO up to the day of the last move, and that day by the average. */
function averageToday(moves: readonly FigureMove[], label: FigureLabel): Tally | null {
  const today = moves.reduce((last, { tradeDate }) => (tradeDate > last ? tradeDate : last), '');
  const before = tallyOf(
    moves.filter((move) => move.tradeDate < today),
    { ...label, method: 'compressed_fifo' },
  );
  if (before === null) return null;
  const own = moves.filter((move) => move.tradeDate >= today);
  return tallyOf(own, { ...label, method: 'average' }, before);
}

function tallyOf(moves: readonly FigureMove[], label: FigureLabel, before: Tally = FLAT): Tally | null {
  let tally = before;
  for (const move of label.method === 'compressed_fifo' ? byDay(moves) : moves) {
    const next = move.split === null ? movedBy(tally, move, label) : splitBy(tally, move.split);
    if (next === null) return null;
    tally = next;
  }
  return tally;
}

function splitBy({ lots, opened }: Tally, { to, from }: NonNullable<FigureMove['split']>): Tally {
  const scale = (units: Decimal): Decimal => units.times(to).dividedBy(from, PLACES);
  return {
    lots: lots.map((lot) => ({ ...lot, units: scale(lot.units) })),
    opened: { ...opened, units: scale(opened.units) },
  };
}

function movedBy(tally: Tally, move: FigureMove, label: FigureLabel): Tally | null {
  const held = Decimal.sum(tally.lots.map((lot) => lot.units));
  if (held.isZero() || held.sign() === move.quantity.sign())
    return openedBy(tally, move, move.quantity, label);
  const keepsCost = move.isCoinFee && label.coinFee === 'in';
  const { lots, beyond } = keepsCost
    ? shrink(tally.lots, move.quantity)
    : close(tally.lots, move.quantity, label);
  const rest = lots.length === 0 ? FLAT : { ...tally, lots };
  return beyond.isZero() ? rest : openedBy(FLAT, move, beyond, label);
}

function openedBy(
  { lots, opened }: Tally,
  move: FigureMove,
  units: Decimal,
  label: FigureLabel,
): Tally | null {
  const unit = unitCost(move, label);
  if (unit === null) return null;
  const cost = units.times(unit);
  const all = [...lots, { units, cost, day: move.tradeDate }];
  return {
    lots:
      label.method === 'average' ? [merged(all)] : label.method === 'compressed_fifo' ? compressed(all) : all,
    opened: { units: opened.units.plus(units), cost: opened.cost.plus(cost) },
  };
}

/** What opening a unit cost by one way of counting; null where it is not known. */
function unitCost(move: FigureMove, { fees, premium }: FigureLabel): Decimal | null {
  if (move.price === null) return null;
  const rolled = premium === 'rolled' ? (move.premium ?? Decimal.zero) : Decimal.zero;
  const fee =
    fees === 'in' && !move.quantity.isZero() ? move.fees.dividedBy(move.quantity, PLACES) : Decimal.zero;
  return move.price.plus(rolled).plus(fee);
}

/** Compressed FIFO averages all that a day opened before anything of that day closes: also what came after a sale. */
function byDay(moves: readonly FigureMove[]): readonly FigureMove[] {
  const days = [...new Set(moves.map((move) => move.tradeDate))].sort();
  let held = Decimal.zero;
  return days.flatMap((day) => {
    const own = moves.filter((move) => move.tradeDate === day);
    const side = held.isZero()
      ? (own.find((move) => move.split === null)?.quantity.sign() ?? 0)
      : held.sign();
    const isOpening = (move: FigureMove): boolean => move.split === null && move.quantity.sign() === side;
    const isSplit = (move: FigureMove): boolean => move.split !== null;
    held = Decimal.sum([held, ...own.filter((move) => !isSplit(move)).map((move) => move.quantity)]);
    // A split takes effect before the first trade of its day.
    return [
      ...own.filter(isSplit),
      ...own.filter(isOpening),
      ...own.filter((move) => !isSplit(move) && !isOpening(move)),
    ];
  });
}

function compressed(lots: readonly Lot[]): Lot[] {
  return [...Map.groupBy(lots, (lot) => lot.day).values()].map((day) => merged(day));
}

function merged(lots: readonly Lot[]): Lot {
  return {
    units: Decimal.sum(lots.map((lot) => lot.units)),
    cost: Decimal.sum(lots.map((lot) => lot.cost)),
    day: lots[0]?.day ?? ('' as TradeDate),
  };
}

/** Closes units, the oldest first; by the average all lots are one. `beyond` is what goes through zero. */
function close(
  lots: readonly Lot[],
  quantity: Decimal,
  { method }: FigureLabel,
): { readonly lots: Lot[]; readonly beyond: Decimal } {
  let left = quantity.abs();
  const rest: Lot[] = [];
  for (const lot of method === 'average' ? [merged(lots)] : lots) {
    const size = lot.units.abs();
    const taken = size.compare(left) <= 0 ? size : left;
    left = left.minus(taken);
    if (taken.equals(size)) continue;
    const kept = size.minus(taken);
    rest.push({
      units: lot.units.sign() < 0 ? kept.negate() : kept,
      cost: lot.cost.times(kept).dividedBy(size, PLACES),
      day: lot.day,
    });
  }
  return { lots: rest, beyond: quantity.sign() < 0 ? left.negate() : left };
}

/** Coins leave and their cost stays with the rest. */
function shrink(lots: readonly Lot[], quantity: Decimal): { readonly lots: Lot[]; readonly beyond: Decimal } {
  const all = merged(lots);
  const units = all.units.plus(quantity);
  if (units.sign() !== all.units.sign()) return { lots: [], beyond: Decimal.zero };
  return { lots: [{ ...all, units }], beyond: Decimal.zero };
}

function openUnits(moves: readonly FigureMove[]): Decimal | null {
  let units = Decimal.zero;
  for (const { quantity, split } of moves) {
    units = split === null ? units.plus(quantity) : units.times(split.to).dividedBy(split.from, PLACES);
  }
  return units;
}

// ---- from activities --------------------------------------------------------------------------------------------

/**
 * The moves of one instrument since it was flat last, from its activities in any order (busts left out). The rows of a
 * split are joined to one ratio, premiums are looked up among `premiums` by the group of the delivery: per unit of the
 * shares, paid positive. Null where a split lacks a row; units whose cost nobody states (transfers, mergers) have no price.
 */
export function figureMoves(
  activities: readonly Activity[],
  premiums: ReadonlyMap<string, Decimal> = new Map(),
): readonly FigureMove[] | null {
  const ordered = activities
    .filter((row) => row.status === 'ok' && !row.quantity.isZero())
    .toSorted((left, right) => compareInstants(left.executedAt, right.executedAt));
  let moves: FigureMove[] = [];
  let held = Decimal.zero;
  const done = new Set<Activity>();
  for (const row of ordered) {
    if (done.has(row)) continue;
    const pair = row.kind === 'split' ? ordered.find((other) => isPairOf(row, other)) : undefined;
    if (row.kind === 'split' && pair === undefined) return null;
    if (pair !== undefined) {
      done.add(pair);
      const [removed, added] = row.quantity.sign() * held.sign() < 0 ? [row, pair] : [pair, row];
      moves.push(splitMove(row.tradeDate, removed.quantity.abs(), added.quantity.abs()));
      held = held.plus(row.quantity).plus(pair.quantity);
      continue;
    }
    held = held.plus(row.quantity);
    moves.push(moveOf(row, premiums));
    if (held.isZero()) moves = [];
  }
  return moves;
}

function isPairOf(row: Activity, other: Activity): boolean {
  return other !== row && other.kind === 'split' && row.groupId !== null && other.groupId === row.groupId;
}

function splitMove(tradeDate: TradeDate, from: Decimal, to: Decimal): FigureMove {
  return {
    quantity: Decimal.zero,
    price: null,
    tradeDate,
    fees: Decimal.zero,
    premium: null,
    isCoinFee: false,
    split: { to, from },
  };
}

function moveOf(row: Activity, premiums: ReadonlyMap<string, Decimal>): FigureMove {
  return {
    quantity: row.quantity,
    price: row.price,
    tradeDate: row.tradeDate,
    fees: row.fees ?? Decimal.zero,
    premium: row.groupId === null ? null : (premiums.get(row.groupId) ?? null),
    isCoinFee: row.kind === 'crypto_fee',
    split: null,
  };
}
