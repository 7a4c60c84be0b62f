/**
 * Corporate actions whose rows are one event: what leaves and what comes at one moment. Lots go along with their
 * identity, cost and dates; only units (a split) and the instrument (a renaming, a merger) change. Cash beside shares
 * is gain up to the gain there is, never a loss (26 USC 356).
 */
import { type Activity } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type Instrument, type InstrumentId } from '../domain/instrument.ts';
import { type LotDirection } from '../domain/lot.ts';
import { setAside } from './cashInLieu.ts';
import { closeLots, takeFrom } from './closeLots.ts';
import { closeUnknown, closureOf, type Manner } from './closure.ts';
import { movementOf } from './movement.ts';
import { emit, type LotFold, settle, sideFor, touch, type Work, workOn } from './lotFold.ts';
import { openUnexplained } from './moveLots.ts';
import { deal, type OpenLot, purse } from './openLot.ts';
import { lowerCost } from './returnOfCapital.ts';
import { growLots, type Ratio, scaleSide, signedOpen } from './scaleLots.ts';
import { addLot, nextLot } from './side.ts';
import { methodOn } from './rules.ts';

/** What the rows of an event do to one instrument. */
interface Net {
  readonly instrument: Instrument;
  /** The last row of it: who did it, when, under which identity. */
  activity: Activity;
  /** Sum of the rows that take, and of those that give, both signed. */
  minus: Decimal;
  plus: Decimal;
}

export function exchangeLots(fold: LotFold, event: readonly Activity[]): void {
  const nets = netsOf(event);
  if (nets.length === 0) return;
  const cash = Decimal.sum(event.map((row) => row.amount ?? Decimal.zero));
  if (nets.length === 1) {
    const [net] = nets as [Net];
    const staysOpen = !net.minus.isZero() && !net.plus.isZero();
    if (staysOpen || net.activity.kind === 'split') return split(fold, net, cash);
  }
  const leaving = nets.filter((net) => isLeaving(fold, net));
  const coming = nets.filter((net) => !leaving.includes(net));
  coming.forEach((target, index) => {
    const isLast = index === coming.length - 1;
    const sources = isLast ? leaving.splice(0) : leaving.splice(0, 1);
    if (sources.length === 0) openUnexplained(fold, target.activity, target.instrument, change(target));
    else moveOver(fold, sources, target, isLast ? cash : Decimal.zero);
  });
  // Which of several the cash was for, nobody says.
  for (const net of leaving) end(fold, net, leaving.length === 1 ? cash : Decimal.zero);
}

function netsOf(event: readonly Activity[]): Net[] {
  const nets = new Map<InstrumentId, Net>();
  for (const activity of event) {
    const { instrument, quantity } = activity;
    if (instrument === null || quantity.isZero()) continue;
    const net = nets.get(instrument.id) ?? { instrument, activity, minus: Decimal.zero, plus: Decimal.zero };
    net.activity = activity;
    if (quantity.sign() < 0) net.minus = net.minus.plus(quantity);
    else net.plus = net.plus.plus(quantity);
    nets.set(instrument.id, net);
  }
  return [...nets.values()];
}

function change({ minus, plus }: Net): Decimal {
  return minus.plus(plus);
}

function isLeaving(fold: LotFold, net: Net): boolean {
  const held = signedOpen(workOn(fold, net.instrument.id));
  const sign = change(net).sign();
  return held.isZero() ? sign < 0 : held.sign() !== sign;
}

/** One instrument, other units. */
function split(fold: LotFold, net: Net, cash: Decimal): void {
  const { instrument, activity } = net;
  const work = workOn(fold, instrument.id);
  const held = signedOpen(work);
  const [removed, added] = held.sign() < 0 ? [net.plus, net.minus] : [net.minus, net.plus];
  if (held.isZero() || removed.isZero() || added.isZero()) {
    return growLots(fold, { ...activity, quantity: change(net) }, instrument, openUnexplained);
  }
  const direction = held.sign() < 0 ? 'short' : 'long';
  const side = sideFor(work, direction);
  settle(fold, side);
  const told = toldRatio(activity);
  scaleSide(fold, side, told ?? { news: added.abs(), olds: removed.abs() });
  tie(fold, net, direction, held.plus(change(net)), told !== null);
  if (!cash.isZero()) lowerCost(fold, activity, instrument, cash, direction, RETURN);
}

const RETURN: Manner = { kind: 'return_of_capital', moves: false };
const MERGER: Manner = { kind: 'merger', moves: false };

/** The exact terms, where the row has them: its quantities may be cut to whole units. */
export function toldRatio({ details }: Activity): Ratio | null {
  const { ratioNew, ratioOld } = details;
  if (ratioNew === undefined || ratioOld === undefined) return null;
  const [news, olds] = [Decimal.tryParse(ratioNew), Decimal.tryParse(ratioOld)];
  return news === null || olds === null || news.sign() <= 0 || olds.sign() <= 0 ? null : { news, olds };
}

/**
 * Brings lots and position together after an exchange: a part of a unit waits for its cash; units beyond the lots are
 * of unknown cost; lots beyond the units stay, and what the broker did not give counts as uncovered.
 */
function tie(fold: LotFold, net: Net, direction: LotDirection, target: Decimal, exact: boolean): void {
  const work = workOn(fold, net.instrument.id);
  const over = signedOpen(work).abs().minus(target.abs());
  if (over.sign() < 0) {
    const units = direction === 'long' ? over.negate() : over;
    return openUnexplained(fold, net.activity, net.instrument, units);
  }
  if (over.isZero()) return;
  if (exact && over.compare(Decimal.one) < 0) {
    return setAside(fold, net.activity, net.instrument, direction, over);
  }
  work.uncovered = work.uncovered.plus(direction === 'long' ? over : over.negate());
}

/** Lots of the sources become lots of the target. */
function moveOver(fold: LotFold, sources: readonly Net[], target: Net, cash: Decimal): void {
  const moved: OpenLot[] = [];
  let direction: LotDirection = change(target).sign() < 0 ? 'short' : 'long';
  let taken = Decimal.zero;
  for (const source of sources) {
    const work = workOn(fold, source.instrument.id);
    direction = change(source).sign() > 0 ? 'short' : 'long';
    const units = change(source).abs();
    taken = taken.plus(units);
    moved.push(...detach(fold, source, work, direction, units, target));
  }
  const work = workOn(fold, target.instrument.id);
  const side = sideFor(work, direction);
  settle(fold, side);
  const before = signedOpen(work);
  const ratio = toldRatio(target.activity) ?? { news: change(target).abs(), olds: taken };
  scaleMoved(fold, moved, ratio);
  payCash(fold, moved, target, cash);
  for (const lot of moved) addLot(side, lot);
  side.heap = null;
  tie(fold, target, direction, before.plus(change(target)), toldRatio(target.activity) !== null);
}

/** Takes units out of their instrument as whole lots, the last one perhaps in two. */
function detach(
  fold: LotFold,
  source: Net,
  work: Work,
  direction: LotDirection,
  units: Decimal,
  target: Net,
): OpenLot[] {
  const side = sideFor(work, direction);
  settle(fold, side);
  const method = methodOn(fold.choices, source.instrument.id, source.activity.tradeDate);
  const moved: OpenLot[] = [];
  let rest = units;
  while (rest.sign() > 0) {
    const lot = nextLot(side, method, fold.choices.costKey);
    if (lot === undefined) break;
    const isWhole = lot.openQuantity.compare(rest) <= 0;
    rest = rest.minus(isWhole ? lot.openQuantity : rest);
    moved.push(isWhole ? takeOut(fold, side.lots, lot) : cutOff(fold, lot, units, moved, target));
  }
  const short = direction === 'long' ? rest : rest.negate();
  work.uncovered = work.uncovered.plus(short);
  side.head = 0;
  side.heap = null;
  for (const lot of moved) {
    lot.instrument = target.instrument.id;
    lot.openedRootId = fold.episodeOf(target.instrument.id) ?? lot.openedRootId;
  }
  return moved;
}

function takeOut(fold: LotFold, lots: OpenLot[], lot: OpenLot): OpenLot {
  touch(fold, lot);
  lots.splice(lots.indexOf(lot), 1);
  return lot;
}

/** The part of a lot that goes, as a lot of its own. */
function cutOff(
  fold: LotFold,
  lot: OpenLot,
  units: Decimal,
  before: readonly OpenLot[],
  target: Net,
): OpenLot {
  const gone = Decimal.sum(before.map((other) => other.openQuantity));
  const k = units.minus(gone);
  const { cost, costBase, fees, rolled } = takeFrom(fold, lot, k, null);
  const part: OpenLot = {
    ...lot,
    id: `${target.activity.rootId}>${lot.id}`,
    activityRootId: target.activity.rootId,
    quantity: k,
    openQuantity: k,
    cost,
    openCost: cost,
    openCostBase: costBase,
    openFees: fees,
    rolled,
    unitCost: cost,
    unitQuantity: k,
    paid: cost,
    sameDay: null,
    changed: false,
  };
  touch(fold, part);
  return part;
}

function scaleMoved(fold: LotFold, lots: OpenLot[], ratio: Ratio): void {
  scaleSide(fold, { lots, head: 0, heap: null, pool: null, sequence: 0 }, ratio);
}

/** Cash beside the new units. */
function payCash(fold: LotFold, lots: readonly OpenLot[], target: Net, cash: Decimal): void {
  if (cash.isZero() || lots.length === 0) return;
  const { activity, instrument } = target;
  const told = activity.details['fmvNew'];
  const fmv = told === undefined ? null : Decimal.tryParse(told);
  const isMerger = activity.kind === 'merger' || activity.kind === 'reorganization';
  const cashes = purse(cash, Decimal.sum(lots.map((lot) => lot.openQuantity)));
  for (const lot of lots) {
    const share = deal(cashes, lot.openQuantity) ?? Decimal.zero;
    const back = isMerger ? recovered(lot, share, fmv) : share;
    const costBase = lot.openCostBase === lot.openCost ? back : null;
    const movement = movementOf(fold, activity, instrument, Decimal.zero, share);
    const taken = { cost: back, costBase, fees: Decimal.zero, rolled: Decimal.zero };
    const manner = isMerger ? MERGER : RETURN;
    emit(fold, closureOf(fold, movement, lot, Decimal.zero, taken, manner));
    lowerTo(lot, back === null || lot.openCost === null ? null : lot.openCost.minus(back));
  }
}

/**
 * The cost that cash gives back: all of the cash less the gain, which is at most the gain of the whole exchange. Null
 * where the value of what came is not known: then neither the gain nor the cost of the new units is.
 */
function recovered(lot: OpenLot, cash: Decimal, fmv: Decimal | null): Decimal | null {
  if (fmv === null || lot.openCost === null) return null;
  const gain = fmv.times(lot.openQuantity).plus(cash).minus(lot.openCost);
  if (gain.sign() <= 0) return cash;
  return gain.compare(cash) < 0 ? cash.minus(gain) : Decimal.zero;
}

function lowerTo(lot: OpenLot, cost: Decimal | null): void {
  const isHome = lot.openCostBase === lot.openCost;
  lot.openCost = lot.unitCost = lot.paid = cost;
  lot.openCostBase = isHome ? cost : null;
  lot.unitQuantity = lot.openQuantity;
  if (cost === null) lot.costSource = 'unknown';
}

/** Units that went and nothing came for them but cash: a cash merger, a removal. */
function end(fold: LotFold, net: Net, cash: Decimal): void {
  const { activity, instrument } = net;
  const units = change(net).abs();
  const isWorthless = activity.brokerType.endsWith('/WRM');
  const money = cash.isZero() && !isWorthless ? null : cash;
  const direction = change(net).sign() < 0 ? 'long' : 'short';
  const movement = movementOf(fold, activity, instrument, units, money);
  const rest = closeLots(fold, movement, direction, units, MERGER);
  if (!rest.isZero()) closeUnknown(fold, movement, direction, rest, MERGER);
}
