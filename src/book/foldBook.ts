/**
 * The fold: from activities to quantities, episodes, cash and lots. A pure function of the ledger - the same activities
 * in any order of arrival give the same book, because it is always applied in the book's own order - and of the rules
 * handed in, which are the ledger's elections.
 */
import { type Activity, compareActivities } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import { type Lot, type LotClosure } from '../domain/lot.ts';
import { type Currency } from '../domain/money.ts';
import {
  applyPaired,
  applySingle,
  type ClosedEpisode,
  type Episodes,
  type EpisodeStep,
  type OpenEpisode,
} from './episodes.ts';
import { inEventOrder } from './eventOrder.ts';
import { type Events, eventsOf } from './events.ts';
import { exchangeLots } from './exchangeLots.ts';
import { EMPTY_LOTS, type LotBook, lotsIn, openLotsOf, type PendingPremium } from './lotBook.ts';
import { endLots, type Refusal, startLots } from './lotFold.ts';
import { moveLots } from './moveLots.ts';
import { inMomentOrder } from './momentOrder.ts';
import { restatedFractions, ROUNDED_COSTS } from './restatedCost.ts';
import { choicesOf, DEFAULT_RULES, type FoldRules } from './rules.ts';

export { type ClosedEpisode, type EpisodeStep, type OpenEpisode } from './episodes.ts';
export { type LotBook } from './lotBook.ts';
export { type Refusal } from './lotFold.ts';
export { type Conventions, DEFAULT_RULES, type FoldRules } from './rules.ts';

export interface Book {
  readonly open: ReadonlyMap<InstrumentId, OpenEpisode>;
  readonly cash: ReadonlyMap<Currency, Decimal>;
  readonly lots: LotBook;
}

export interface Fold {
  readonly book: Book;
  /** Episodes that ended within the folded activities. */
  readonly closed: readonly ClosedEpisode[];
  /** Every lot this fold opened or changed, as it is at the end, emptied ones too. */
  readonly lots: readonly Lot[];
  /** Closes of this fold in book order. One with the id of an earlier fold replaces that one. */
  readonly closures: readonly LotClosure[];
  /** Choices of lots that could not be followed; the method went on in their place. */
  readonly refusals: readonly Refusal[];
}

export const EMPTY_BOOK: Book = { open: new Map(), cash: new Map(), lots: EMPTY_LOTS };

export interface FoldOptions {
  /** Default: FIFO, fees in the basis, shorts as they come, USD. */
  readonly rules?: FoldRules;
  readonly tellStep?: (step: EpisodeStep) => void;
}

/**
 * Folds activities onto a book, which stays as it is. Busts count nothing, nor does a row that is there twice.
 * `activities` need not be sorted, but all of them must lie after those already in `from`.
 */
export function foldBook(from: Book, activities: readonly Activity[], options: FoldOptions = {}): Fold {
  const cash = new Map(from.cash);
  const episodes: Episodes = { open: new Map(from.open), closed: [], tellStep: options.tellStep };
  const { open } = episodes;
  const lots = startLots(
    from.lots,
    choicesOf(options.rules ?? DEFAULT_RULES),
    (id) => open.get(id)?.openedRootId,
  );
  const { ordered, events } = inFoldOrder(activities, from);
  const fractions = restatedFractions(ordered);
  for (const activity of ordered) {
    addCash(cash, activity);
    const event = events.size === 0 ? undefined : events.get(activity);
    if (event === undefined) {
      applySingle(episodes, activity);
      moveLots(lots, withFraction(activity, fractions));
    } else if (event[0] === activity) {
      applyPaired(episodes, event);
      exchangeLots(lots, event);
    }
  }
  const ended = endLots(lots);
  return {
    book: { open, cash, lots: ended.book },
    closed: episodes.closed,
    lots: ended.lots,
    closures: ended.closures,
    refusals: lots.refusals,
  };
}

/** A child's row with the part of the cost that the broker's other rows say it takes. */
function withFraction(activity: Activity, fractions: ReadonlyMap<string, Decimal>): Activity {
  const told = fractions.get(activity.rootId);
  if (told === undefined || activity.details['basisFraction'] !== undefined) return activity;
  const fraction = { basisFraction: told.toString(), fractionFrom: ROUNDED_COSTS };
  return { ...activity, details: { ...activity.details, ...fraction } };
}

/** Every open lot of a book (or of one instrument), instrument by instrument in the order of FIFO. */
export function openLots(book: Book, instrument?: InstrumentId): Iterable<Lot> {
  return openLotsOf(book.lots, instrument);
}

/**
 * Units that left (positive) or came back (negative) without a lot they could belong to:
 * sum of the open lots, shorts negative, less this = position.
 */
export function uncoveredUnits(book: Book, instrument: InstrumentId): Decimal {
  return lotsIn(book.lots.entries.get(instrument)).uncovered;
}

/** Premiums of exercised and assigned options whose stock has not been delivered yet. */
export function pendingPremiums(book: Book): readonly PendingPremium[] {
  return book.lots.premiums;
}

/**
 * What counts, in the order the fold applies it onto `from`, each row once: the book's order (`compareActivities`), within
 * a moment nothing sold before it is there, and within a day a corporate action behind the one that made what it takes.
 */
export function inFoldOrder(
  activities: readonly Activity[],
  from: Book = EMPTY_BOOK,
): { readonly ordered: readonly Activity[]; readonly events: Events } {
  const held = (id: InstrumentId): Decimal => from.open.get(id)?.quantity ?? Decimal.zero;
  const ordered = inMomentOrder(inBookOrder(activities), held);
  const events = eventsOf(ordered);
  return { ordered: inEventOrder(ordered, events, held), events };
}

/** Lists mostly come so already. */
function inBookOrder(activities: readonly Activity[]): readonly Activity[] {
  if (isInOrder(activities)) return activities;
  const valid = activities.filter((activity) => activity.status === 'ok').sort(compareActivities);
  return valid.filter((activity, index) => index === 0 || !isSameRow(activity, valid[index - 1]!));
}

function isInOrder(activities: readonly Activity[]): boolean {
  let before: Activity | null = null;
  for (const activity of activities) {
    if (activity.status !== 'ok') return false;
    if (before !== null && (compareActivities(before, activity) > 0 || isSameRow(before, activity)))
      return false;
    before = activity;
  }
  return true;
}

function isSameRow(left: Activity, right: Activity): boolean {
  return left.rootId === right.rootId && left.kind === right.kind;
}

function addCash(cash: Map<Currency, Decimal>, activity: Activity): void {
  if (activity.amount !== null && !activity.amount.isZero()) add(cash, activity.currency, activity.amount);
  if (activity.fees !== null && !activity.fees.isZero()) {
    add(cash, activity.feesCurrency ?? activity.currency, activity.fees.negate());
  }
}

function add(cash: Map<Currency, Decimal>, currency: Currency, amount: Decimal): void {
  cash.set(currency, (cash.get(currency) ?? Decimal.zero).plus(amount));
}
