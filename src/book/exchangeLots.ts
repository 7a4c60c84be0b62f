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
import { doubt, statedAfter } from './doubt.ts';
import { movementOf } from './movement.ts';
import { emit, type LotFold, settle, sideFor, touch, type Work, workOn } from './lotFold.ts';
import { openUnexplained } from './moveLots.ts';
import { deal, type OpenLot, purse } from './openLot.ts';
import { lowerCost, pool } from './returnOfCapital.ts';
import { growLots, openUnits, scaleSide, signedOpen, toldRatio } from './scaleLots.ts';
import { addLot, nextLot, openOf, type Side } from './side.ts';
import { methodOn } from './rules.ts';
import { readRatio } from './splitRatio.ts';

/** What the rows of an event do to one instrument. */
interface Net {
  readonly instrument: Instrument;
  readonly rows: Activity[];
  /** Sum of the rows that take, and of those that give, both signed. */
  minus: Decimal;
  plus: Decimal;
}

/** What the rows of an event say together: terms may stand on any of them. */
type Terms = Activity['details'];

export function exchangeLots(fold: LotFold, event: readonly Activity[]): void {
  const nets = netsOf(event);
  if (nets.length === 0) return;
  const cash = Decimal.sum(event.map((row) => row.amount ?? Decimal.zero));
  const terms: Terms = Object.fromEntries(event.flatMap((row) => Object.entries(row.details)));
  if (nets.length === 1) {
    const [net] = nets as [Net];
    const staysOpen = !net.minus.isZero() && !net.plus.isZero();
    if (staysOpen || net.rows[0]!.kind === 'split') return split(fold, net, cash, terms);
  }
  const leaves = leavingSign(fold, nets);
  const leaving = nets.filter((net) => change(net).sign() === leaves);
  const coming = nets.filter((net) => !leaving.includes(net));
  coming.forEach((target, index) => {
    const isLast = index === coming.length - 1;
    const sources = isLast ? leaving.splice(0) : leaving.splice(0, 1);
    if (sources.length === 0) openUnexplained(fold, rowOf(target), target.instrument, change(target));
    else moveOver(fold, sources, target, isLast ? cash : Decimal.zero, terms);
  });
  // Which of several the cash was for, nobody says.
  for (const net of leaving) end(fold, net, leaving.length === 1 ? cash : Decimal.zero);
}

function netsOf(event: readonly Activity[]): Net[] {
  const nets = new Map<InstrumentId, Net>();
  for (const activity of event) {
    const { instrument, quantity } = activity;
    if (instrument === null || quantity.isZero()) continue;
    const net = nets.get(instrument.id) ?? { instrument, rows: [], minus: Decimal.zero, plus: Decimal.zero };
    net.rows.push(activity);
    if (quantity.sign() < 0) net.minus = net.minus.plus(quantity);
    else net.plus = net.plus.plus(quantity);
    nets.set(instrument.id, net);
  }
  return [...nets.values()];
}

function change({ minus, plus }: Net): Decimal {
  return minus.plus(plus);
}

/** The row that did what the event does: of a split the one that gives the new units. */
function rowOf(net: Net, sign = change(net).sign()): Activity {
  return net.rows.findLast((row) => row.quantity.sign() === sign) ?? net.rows.at(-1)!;
}

/** The sign of what leaves: it reduces what is held. Of shorts that is plus. */
function leavingSign(fold: LotFold, nets: readonly Net[]): number {
  const reduces = nets.find((net) => {
    const held = signedOpen(workOn(fold, net.instrument.id));
    return held.sign() * change(net).sign() < 0;
  });
  return reduces === undefined ? -1 : change(reduces).sign();
}

/** One instrument, other units. */
function split(fold: LotFold, net: Net, cash: Decimal, terms: Terms): void {
  const { instrument } = net;
  const work = workOn(fold, instrument.id);
  const held = signedOpen(work);
  const activity = rowOf(net, held.isZero() ? 1 : held.sign());
  const [removed, added] = held.sign() < 0 ? [net.plus, net.minus] : [net.minus, net.plus];
  if (held.isZero() || removed.isZero() || added.isZero()) {
    return growLots(fold, { ...activity, quantity: change(net) }, instrument, openUnexplained);
  }
  const direction = held.sign() < 0 ? 'short' : 'long';
  const side = sideFor(work, direction);
  settle(fold, side);
  const told = toldRatio(terms);
  const { ratio, isLikely } =
    told === null ? readRatio(removed.abs(), added.abs()) : { ratio: told, isLikely: false };
  scaleSide(fold, side, ratio, held.plus(change(net)).abs());
  if (isLikely) for (const lot of openOf(side)) lot.estimated = true;
  tie(fold, net, direction, held.plus(change(net)), told !== null || isLikely);
  if (isLikely) for (const lot of openOf(side)) doubt(fold, lot, activity);
  if (!cash.isZero()) lowerCost(fold, activity, instrument, cash, direction, RETURN);
}

const RETURN: Manner = { kind: 'return_of_capital', moves: false };
const MERGER: Manner = { kind: 'merger', moves: false };

/**
 * Brings lots and position together after an exchange: a part of a unit waits for its cash; units beyond the lots are
 * of unknown cost; lots beyond the units stay, and what the broker did not give counts as uncovered.
 */
function tie(fold: LotFold, net: Net, direction: LotDirection, target: Decimal, exact: boolean): void {
  const work = workOn(fold, net.instrument.id);
  const more = signedOpen(work).minus(target);
  const over = direction === 'long' ? more : more.negate();
  if (over.sign() < 0) {
    const units = direction === 'long' ? over.negate() : over;
    return openUnexplained(fold, rowOf(net, units.sign()), net.instrument, units);
  }
  if (over.isZero()) return;
  if (exact && over.compare(Decimal.one) < 0) {
    return setAside(fold, rowOf(net), net.instrument, direction, over);
  }
  work.uncovered = work.uncovered.plus(direction === 'long' ? over : over.negate());
}

/** Lots of the sources become lots of the target. */
function moveOver(fold: LotFold, sources: readonly Net[], target: Net, cash: Decimal, terms: Terms): void {
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
  const told = toldRatio(terms);
  const ratio = told ?? { news: change(target).abs(), olds: taken };
  scaleSide(fold, sideAlone(moved), ratio, change(target).abs());
  payCash(fold, moved, target, cash, terms);
  for (const lot of moved) addLot(side, lot);
  side.heap = null;
  tie(fold, target, direction, before.plus(change(target)), told !== null);
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
  const moved =
    openUnits(side).compare(units) <= 0 ? takeAll(fold, side) : takeSome(fold, source, side, units, target);
  const rest = units.minus(Decimal.sum(moved.map((lot) => lot.openQuantity)));
  const short = direction === 'long' ? rest : rest.negate();
  work.uncovered = work.uncovered.plus(short);
  for (const lot of moved) {
    lot.instrument = target.instrument.id;
    lot.openedRootId = fold.episodeOf(target.instrument.id) ?? lot.openedRootId;
  }
  return moved;
}

function takeAll(fold: LotFold, side: Side): OpenLot[] {
  const lots = openOf(side);
  for (const lot of lots) touch(fold, lot);
  side.lots.length = side.head = 0;
  side.heap = null;
  return lots;
}

/** Lots by the method in force, the last one perhaps in two. */
function takeSome(fold: LotFold, source: Net, side: Side, units: Decimal, target: Net): OpenLot[] {
  const method = methodOn(fold.choices, source.instrument.id, rowOf(source).tradeDate);
  const moved: OpenLot[] = [];
  let rest = units;
  while (rest.sign() > 0) {
    const lot = nextLot(side, method, fold.choices.costKey)!;
    if (lot.openQuantity.compare(rest) > 0) {
      moved.push(cutOff(fold, lot, rest, target));
      break;
    }
    rest = rest.minus(lot.openQuantity);
    touch(fold, lot);
    side.lots.splice(side.lots.indexOf(lot), 1);
    side.head = 0;
    side.heap = null;
    moved.push(lot);
  }
  return moved;
}

/** The part of a lot that goes, as a lot of its own. */
function cutOff(fold: LotFold, lot: OpenLot, k: Decimal, target: Net): OpenLot {
  const { cost, costBase, fees, rolled } = takeFrom(fold, lot, k, null);
  const part: OpenLot = {
    ...lot,
    id: `${rowOf(target).rootId}>${lot.id}`,
    activityRootId: rowOf(target).rootId,
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

/** Lots that are between two instruments. */
function sideAlone(lots: OpenLot[]): Side {
  return { lots, head: 0, heap: null, pool: null, sequence: 0 };
}

/** Cash beside the new units. Who is short pays it: that much less of the proceeds is left, and nothing is realized. */
function payCash(fold: LotFold, lots: OpenLot[], target: Net, cash: Decimal, terms: Terms): void {
  if (cash.isZero() || lots.length === 0) return;
  const { instrument } = target;
  const activity = rowOf(target);
  const told = terms['fmvNew'];
  const fmv = told === undefined ? null : Decimal.tryParse(told);
  const isMerger = activity.kind === 'merger' || activity.kind === 'reorganization';
  // One pool has one gain.
  if (methodOn(fold.choices, instrument.id, activity.tradeDate) === 'AVERAGE')
    pool(fold, sideAlone(lots), lots);
  const isLong = lots[0]!.direction === 'long';
  const cashes = purse(isLong ? cash : cash.negate(), Decimal.sum(lots.map((lot) => lot.openQuantity)));
  for (const lot of lots) {
    const share = deal(cashes, lot.openQuantity) ?? Decimal.zero;
    const stated = isMerger && isLong && fmv === null ? statedAfter(fold, lot, activity) : null;
    const back =
      stated !== null
        ? (lot.openCost?.minus(stated) ?? null)
        : isMerger && isLong
          ? recovered(lot, share, fmv)
          : share;
    const costBase = lot.openCostBase === lot.openCost ? back : null;
    const movement = movementOf(fold, activity, instrument, Decimal.zero, share);
    const taken = { cost: back, costBase, fees: Decimal.zero, rolled: Decimal.zero };
    const manner = isMerger ? MERGER : RETURN;
    emit(fold, closureOf(fold, movement, lot, Decimal.zero, taken, manner));
    lowerTo(lot, back === null || lot.openCost === null ? null : lot.openCost.minus(back));
    if (stated !== null || lot.openCost === null) doubt(fold, lot, activity);
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
  const { instrument } = net;
  const activity = rowOf(net);
  const units = change(net).abs();
  const isWorthless = activity.brokerType.endsWith('/WRM');
  const money = cash.isZero() && !isWorthless ? null : cash;
  const direction = change(net).sign() < 0 ? 'long' : 'short';
  const movement = movementOf(fold, activity, instrument, units, money);
  const rest = closeLots(fold, movement, direction, units, MERGER);
  if (!rest.isZero()) closeUnknown(fold, movement, direction, rest, MERGER);
}
