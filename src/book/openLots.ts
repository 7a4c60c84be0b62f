/** Opening: units that came get a lot, with the cost somebody stated, else none. */
import { type Activity } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type CostSource, type Lot, type LotDirection, type LotId } from '../domain/lot.ts';
import {
  compareInstants,
  NEW_YORK,
  newYorkDate,
  tryParseInstant,
  tryParseTradeDate,
  zonedInstant,
  type Instant,
  type TradeDate,
} from '../domain/time.ts';
import { averageOfDay } from './compressed.ts';
import { emit, type LotFold, sideFor, touch, workOn } from './lotFold.ts';
import { type Movement, nextPiece } from './movement.ts';
import { type OpenLot } from './openLot.ts';
import { methodOn } from './rules.ts';
import { addLot } from './side.ts';

/** What an opening lot is known to have cost, before fees. */
export interface StatedCost {
  readonly money: Decimal | null;
  readonly source: CostSource;
}

/** Opens a lot with the rest of a movement. `id` names it where the activity opens several. */
export function openLot(
  fold: LotFold,
  movement: Movement,
  direction: LotDirection,
  units: Decimal,
  source: CostSource,
  id: LotId = movement.activity.rootId,
): OpenLot {
  const { activity, instrument, policy } = movement;
  nextPiece(fold, movement, units);
  const { pieceMoney: gross, pieceFee: fee, pieceRolled: rolled } = movement;
  if (policy === 'expensed' && !fee.isZero()) expense(fold, movement, direction, fee, id);
  const isInside = policy === 'in_basis' && gross !== null && !fee.isZero();
  const cost = !isInside ? gross : direction === 'long' ? gross.plus(fee) : gross.minus(fee);
  const when = acquisitionOf(activity, source);
  const lot: OpenLot = {
    id,
    instrument: instrument.id,
    openedRootId: fold.episodeOf(instrument.id) ?? activity.rootId,
    activityRootId: activity.rootId,
    direction,
    openedAt: activity.executedAt,
    acquiredAt: when.at,
    acquiredDate: when.date,
    holdingFrom: when.date,
    dated: when.dated,
    currency: activity.currency,
    costSource: cost === null ? 'unknown' : source,
    quantity: units,
    openQuantity: units,
    cost,
    openCost: cost,
    openCostBase: baseOf(fold, movement, cost),
    openFees: policy === 'expensed' ? Decimal.zero : fee,
    rolled,
    unitCost: cost,
    unitQuantity: units,
    paid: activity.price === null ? gross : activity.price.times(units).times(instrument.multiplier),
    estimated: movement.estimated,
    doubtedBy: null,
    sameDay: null,
    sequence: 0,
    pooled: false,
    changed: false,
  };
  return enter(fold, withStatedBasis(fold, lot));
}

/** Puts a lot into its side; under COMPRESSED_FIFO it joins the lot of its day. */
export function enter(fold: LotFold, lot: OpenLot): OpenLot {
  const side = sideFor(workOn(fold, lot.instrument), lot.direction);
  const isCompressed = methodOn(fold.choices, lot.instrument, lot.acquiredDate) === 'COMPRESSED_FIFO';
  const joined = isCompressed ? averageOfDay(fold, side, lot) : null;
  if (joined !== null) return joined;
  if (isCompressed) {
    const before = side.lots.at(-1);
    if (before !== undefined) before.sameDay = null;
    lot.sameDay = [];
  }
  addLot(side, lot);
  touch(fold, lot);
  return lot;
}

function baseOf(fold: LotFold, movement: Movement, cost: Decimal | null): Decimal | null {
  if (cost === null || movement.rate === null) return null;
  return movement.activity.currency === fold.choices.rules.baseCurrency ? cost : cost.times(movement.rate);
}

/** Under `expensed` an opening's fee is realized at once, in a row of its own. */
function expense(fold: LotFold, movement: Movement, direction: LotDirection, fee: Decimal, id: LotId): void {
  const { activity, instrument, rate } = movement;
  const realized = fee.negate();
  const inBase = rate === null ? null : realized.times(rate);
  emit(fold, {
    id: `${activity.rootId}/fee`,
    lotId: id,
    instrument: instrument.id,
    openedRootId: fold.episodeOf(instrument.id) ?? activity.rootId,
    activityRootId: activity.rootId,
    kind: 'fee',
    direction,
    acquiredDate: activity.tradeDate,
    closedAt: activity.executedAt,
    closedDate: activity.tradeDate,
    quantity: Decimal.zero,
    cost: fee,
    proceeds: Decimal.zero,
    fees: fee,
    realized,
    rolled: Decimal.zero,
    realizedBasis: 'exact',
    term: 'short',
    holdingDays: 0,
    currency: activity.currency,
    realizedBaseCloseRate: inBase,
    realizedBaseHistorical: inBase,
  });
}

/** A person who knows better (`truebook basis`): total cost as it was acquired, and when. */
export function withStatedBasis(fold: LotFold, lot: OpenLot): OpenLot {
  if (fold.choices.bases.size === 0) return lot;
  const election = fold.choices.bases.get(lot.id);
  const cost = election === undefined ? null : Decimal.tryParse(election.choice);
  if (election === undefined || cost === null) return lot;
  const acquired = readAcquired(election.details);
  const isHome = lot.currency === fold.choices.rules.baseCurrency;
  return {
    ...lot,
    ...(acquired === null ? {} : { ...acquired, acquiredAt: acquired.at, acquiredDate: acquired.date }),
    ...(acquired === null ? {} : { holdingFrom: acquired.date, dated: true }),
    costSource: 'user',
    cost,
    openCost: cost,
    openCostBase: isHome ? cost : null,
    openFees: Decimal.zero,
    unitCost: cost,
    unitQuantity: lot.quantity,
    paid: cost,
    estimated: false,
  };
}

interface Acquired {
  readonly at: Instant;
  readonly date: TradeDate;
}

/**
 * When units were acquired: by the activity itself, else as it came. What was there before history began, or came by
 * a transfer, has no date unless one is stated.
 */
function acquisitionOf(activity: Activity, source: CostSource): Acquired & { readonly dated: boolean } {
  const stated = readAcquired(activity.details);
  if (stated !== null) return { ...stated, dated: true };
  const own = { at: activity.executedAt, date: activity.tradeDate };
  return { ...own, dated: source === 'fill' || UNDATED_KINDS[activity.kind] === undefined };
}

/**
 * Whether somebody said when a lot was acquired: then its dates count, else they are of the day it came. For a lot as a
 * row, which does not tell; `activityOf` knows activities by root id.
 */
export function isDated(lot: Lot, activityOf: (rootId: string) => Activity | undefined): boolean {
  // A part of a lot, or what was spun off from it, has its dates: the last of the ids is the one it came from.
  const origin = activityOf(lot.id.slice(lot.id.lastIndexOf('>') + 1)) ?? activityOf(lot.activityRootId);
  if (origin === undefined) return lot.costSource === 'fill';
  if (readAcquired(origin.details) !== null || UNDATED_KINDS[origin.kind] === undefined) return true;
  // A person's word on the basis always says when, too.
  const isTold = lot.costSource === 'user' && origin.source !== 'user';
  return isTold || compareInstants(lot.acquiredAt, origin.executedAt) !== 0;
}

const UNDATED_KINDS: Partial<Record<Activity['kind'], true>> = {
  opening: true,
  security_transfer: true,
  adjustment: true,
  split: true,
  rename: true,
  merger: true,
  reorganization: true,
  option_corporate_action: true,
  spinoff: true,
};

/**
 * `acquired`: the day, from its first instant in New York on; `acquiredAt`: the instant, where it is known. Either is
 * enough; an instant alone is of its New York day.
 */
export function readAcquired({ acquired, acquiredAt }: Activity['details']): Acquired | null {
  const date = acquired === undefined ? null : tryParseTradeDate(acquired);
  const at = acquiredAt === undefined ? null : tryParseInstant(acquiredAt);
  if (date !== null) return { at: at ?? zonedInstant(date, '00:00:00', NEW_YORK), date };
  return at === null ? null : { at, date: newYorkDate(at) };
}
