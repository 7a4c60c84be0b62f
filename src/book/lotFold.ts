/** The lots while they are folded: instruments are copied when they are first touched, rows gathered in book order. */
import { type Activity } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import { type Lot, type LotClosure, type LotDirection } from '../domain/lot.ts';
import {
  type Fraction,
  type InstrumentLots,
  isEmpty,
  type LotBook,
  type LotEntry,
  lotsIn,
  type PendingPremium,
} from './lotBook.ts';
import { type OpenLot, rowOf } from './openLot.ts';
import { type Choices } from './rules.ts';
import { openOf, settleAverage, type Side, sideOf } from './side.ts';

/** What a choice of lots could not do. The fold goes on by the method, so that units never get lost. */
export interface Refusal {
  readonly activityRootId: string;
  /** `no_match`: a chosen lot is not open; `insufficient_lots`: it, or all chosen, hold too little. */
  readonly reason: 'no_match' | 'insufficient_lots';
}

export interface LotFold {
  readonly from: LotBook;
  readonly choices: Choices;
  readonly work: Map<InstrumentId, Work>;
  readonly closures: LotClosure[];
  readonly touched: OpenLot[];
  readonly refusals: Refusal[];
  premiums: readonly PendingPremium[];
  /** Episode that lots opened now belong to, by instrument; empty where the position is flat. */
  readonly episodeOf: (instrument: InstrumentId) => string | undefined;
}

/** One instrument while it is folded. */
export interface Work {
  readonly long: Side;
  readonly short: Side;
  uncovered: Decimal;
  fractions: readonly Fraction[];
}

export function startLots(from: LotBook, choices: Choices, episodeOf: LotFold['episodeOf']): LotFold {
  const { premiums } = from;
  return {
    from,
    choices,
    work: new Map(),
    closures: [],
    touched: [],
    refusals: [],
    premiums,
    episodeOf,
  };
}

export function workOn(fold: LotFold, instrument: InstrumentId): Work {
  let work = fold.work.get(instrument);
  if (work === undefined) {
    const lots = lotsIn(fold.from.entries.get(instrument));
    work = {
      long: sideOf(lots.long),
      short: sideOf(lots.short),
      uncovered: lots.uncovered,
      fractions: lots.fractions,
    };
    fold.work.set(instrument, work);
  }
  return work;
}

export function sideFor(work: Work, direction: LotDirection): Side {
  return direction === 'long' ? work.long : work.short;
}

export function refuse(fold: LotFold, { rootId }: Activity, reason: Refusal['reason']): void {
  fold.refusals.push({ activityRootId: rootId, reason });
}

/** Marks a lot as changed by this fold. */
export function touch(fold: LotFold, lot: OpenLot): void {
  if (lot.changed) return;
  lot.changed = true;
  fold.touched.push(lot);
}

/** Averages go back to their lots, which anything but AVERAGE works on. */
export function settle(fold: LotFold, side: Side): void {
  if (side.pool !== null) settleAverage(side, (lot) => touch(fold, lot));
}

export function emit(fold: LotFold, closure: LotClosure): void {
  fold.closures.push(closure);
}

/** The book after the fold, and the rows it made. */
export function endLots(fold: LotFold): {
  book: LotBook;
  lots: readonly Lot[];
  closures: readonly LotClosure[];
} {
  const entries = new Map<InstrumentId, LotEntry>(fold.from.entries);
  for (const [id, work] of fold.work) {
    const lots = endInstrument(fold, work);
    if (isEmpty(lots)) entries.delete(id);
    else entries.set(id, { text: null, lots });
  }
  const lots = fold.touched.map(rowOf);
  for (const lot of fold.touched) lot.changed = false;
  return { book: { entries, premiums: fold.premiums }, lots, closures: fold.closures };
}

function endInstrument(fold: LotFold, { long, short, uncovered, fractions }: Work): InstrumentLots {
  settle(fold, long);
  settle(fold, short);
  return { long: openOf(long), short: openOf(short), uncovered, fractions };
}

/** The rate of an activity into base currency; null where nobody told it. */
export function rateToBase(fold: LotFold, activity: Activity): Decimal | null {
  if (activity.currency === fold.choices.rules.baseCurrency) return Decimal.one;
  const told = activity.details['fxRateToBase'];
  return told === undefined ? null : Decimal.tryParse(told);
}
