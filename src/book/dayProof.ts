/**
 * The day proof: start + flows + transfers + realized + change in unrealized + income + fees + FX + corrections = end, for
 * one account, trading day and currency. What is left over is the residual.
 *
 * Why the equation is exact. Equity E is cash K plus the market value V of what is held. Let C be the signed cost of the
 * open lots and U = V - C their unrealized profit; then E = K + C + U. Over a day E moves by dK + dC + dU, and every
 * activity falls into one line of the equation:
 *
 * - buying to open: K falls by what C rises - nothing is earned. Closing: K and C together move by `realized`.
 * - deposits, dividends, interest, fees move K alone: flows, income, fees.
 * - shares that come or leave without money move V by their market value v and C by their basis b. `transfers` is v, and
 *   the v - b they bring along is taken out of the change in unrealized: a deposit of shares is no gain.
 * - splits, renamings, spin-offs and mergers move C from lot to lot and K only by what they pay. Where somebody states
 *   another cost for what came, C moves by it without K: that is taken out of the change in unrealized.
 *
 * The start is what the broker stated at the end of the day before, not what the book made of it: an activity that
 * arrives late changes the proof of its own day, and the days behind it as far as they hold what it brought.
 *
 * Both ends are what the broker stated then, the lines are of the ledger as it is known now. Where an activity was
 * corrected or busted later, what was stated holds it as it was: `corrections` is what that part of the equity moved by.
 *
 * Lots of unknown cost have no C. They count by value alone: their part of the change in unrealized is what their market
 * value moved, up to the price at which they were sold. Realized and unrealized profit of such units are unknown apart,
 * their sum over the day is not - and the sum is what the proof needs. `realized` is then the sum of what is known, and
 * `unknownBasis` names the instruments it leaves out.
 */
import { type Activity } from '../domain/activity.ts';
import { decimal, Decimal } from '../domain/decimal.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import { type Lot, type LotClosure, type LotId } from '../domain/lot.ts';
import { type Currency } from '../domain/money.ts';
import { type Instant, type TradeDate } from '../domain/time.ts';
import { dayComponents } from './dayComponents.ts';
import { sumOf } from './dayFacts.ts';
import { type Instruments, type Marks } from './valuation.ts';

/**
 * `proved`: the residual is within the tolerance. `pending`: the broker has yet to publish something of the day, or the
 * day is not over. `unexplained`: a residual that nothing awaited excuses. `unknown`: a component is not known.
 */
export type ProofState = 'proved' | 'pending' | 'unexplained' | 'unknown';

/** How the account stood at one end of the day, by one look at the broker. */
export interface DayEnd {
  /** Stated by the broker, null where nobody stated it. */
  readonly equity: Decimal | null;
  /** Lots of the book at that moment; at the end of the day also those that came and went within it, empty. */
  readonly lots: readonly Lot[];
  /** Of the same look as the equity. */
  readonly marks: Marks;
  /**
   * Signed cost of parts of units that left their lots in a corporate action and wait for their cash: until it comes
   * they are worth nothing to the broker.
   */
  readonly fractionsCost?: Decimal;
  /** What the broker holds less the lots, where the book knows that they differ (`unitsWithoutLots`). None unless given. */
  readonly withoutLots?: ReadonlyMap<InstrumentId, Decimal>;
  /**
   * How much more the market value inside the equity is than the list of positions at its marks, where prices moved
   * between the broker's two answers; else zero.
   */
  readonly valueGap?: Decimal;
}

/** Something of the day that the broker publishes later. */
export interface Awaited {
  /** Null: money. */
  readonly instrument: InstrumentId | null;
  readonly reason: string;
  /** When it should be there. */
  readonly until: Instant;
}

export interface DayFacts {
  readonly date: TradeDate;
  readonly currency: Currency;
  /** The end of the day before; null on the book's first day, which begins with nothing. */
  readonly before: DayEnd | null;
  readonly end: DayEnd;
  /** Everything that took effect between the two ends, in any currency. Busts count nothing. */
  readonly activities: readonly Activity[];
  /** Money of which nobody can tell whether it is in this day's statements or in the next ones. None unless given. */
  readonly unsure?: readonly Activity[];
  /** What those activities closed. */
  readonly closures: readonly LotClosure[];
  readonly instruments: Instruments;
  /** Instruments that were held already and enter the book by a later opening. */
  readonly openedLater: readonly InstrumentId[];
  /** Lots whose cost a person stated: it need not be what the lots they came from had. None unless given. */
  readonly basesStated?: ReadonlySet<LotId>;
  /** Whether fees of trades stand beside cost and proceeds (fee election `excluded`), and so are a line of their own. */
  readonly feesApart: boolean;
  /** Gain or loss of holding other currencies, in `currency`; null where a rate is not known. Zero unless given. */
  readonly fx?: Decimal | null;
  /**
   * What the stated equities hold of activities that were corrected later, at the end less at the start; null where
   * something was corrected before anybody saw it. Zero unless given.
   */
  readonly corrections?: Decimal | null;
  /** What has yet to be published; what is overdue is not awaited any more. */
  readonly awaited: readonly Awaited[];
  /** False before the day's end: figures are provisional and a residual is no verdict. */
  readonly isOver: boolean;
}

/** The lines of the equation, signed as they move equity: fees are negative. */
export interface DayComponents {
  readonly startEquity: Decimal | null;
  /** Money that came in or left. */
  readonly flows: Decimal | null;
  /** Securities that came in or left without money, at their market value. */
  readonly transfers: Decimal | null;
  /** Economic layer: an assigned option's premium is realized at its own close. */
  readonly realized: Decimal | null;
  readonly unrealizedChange: Decimal | null;
  readonly income: Decimal | null;
  /** Fees and withheld taxes that are not inside cost or proceeds. */
  readonly fees: Decimal | null;
  readonly fx: Decimal | null;
  /** What the stated equities hold of activities that were corrected or busted later: no profit. */
  readonly corrections: Decimal | null;
  readonly endEquity: Decimal | null;
}

export type DayComponent = keyof DayComponents;

export type DoubtReason =
  /** Nobody stated the equity. */
  | 'not_stated'
  | 'no_mark_before'
  | 'no_mark'
  /** It was there before the book knew of it. */
  | 'opening'
  /** A close of units the book never had. */
  | 'uncovered_close'
  /** Units came in exchange for some the book never had. */
  | 'unexplained_units'
  /** What an activity did to cash is not known. */
  | 'amount_unknown'
  /** It was published after the evening, which stated it otherwise: nobody saw what it was before. */
  | 'corrected_unseen'
  /** Several choices of rows lead to the stated cash: which day the money belongs to is not known. */
  | 'which_day'
  | 'no_rate';

/** Why a component is null. */
export interface Doubt {
  readonly component: DayComponent;
  readonly instrument: InstrumentId | null;
  readonly reason: DoubtReason;
}

export interface DayProof extends DayComponents {
  readonly date: TradeDate;
  readonly currency: Currency;
  /** End less everything else; null where anything is unknown. */
  readonly residual: Decimal | null;
  readonly tolerance: Decimal;
  readonly state: ProofState;
  /** The day's economic profit: realized + change in unrealized + income + fees + FX. Flows, transfers and corrections are no part. */
  readonly profit: Decimal | null;
  readonly doubts: readonly Doubt[];
  /** Instruments whose units of unknown cost are in the change in unrealized and not in realized; sorted. */
  readonly unknownBasis: readonly InstrumentId[];
  readonly awaited: readonly Awaited[];
}

/** Half a cent: what one rounding to cents can move. */
const HALF_CENT = decimal('0.005');

/** Proves one day of one currency. */
export function proveDay(facts: DayFacts): DayProof {
  const { components, doubts, unknownBasis } = dayComponents(facts);
  const { startEquity, flows, transfers, realized, unrealizedChange, income, fees, fx } = components;
  const { corrections, endEquity } = components;
  const profit = sumOf([realized, unrealizedChange, income, fees, fx]);
  const explained = sumOf([startEquity, flows, transfers, profit, corrections]);
  const residual = endEquity === null || explained === null ? null : endEquity.minus(explained);
  const tolerance = toleranceOf(facts);
  return {
    date: facts.date,
    currency: facts.currency,
    ...components,
    residual,
    tolerance,
    state: stateOf(facts, residual, tolerance),
    profit,
    doubts,
    unknownBasis,
    awaited: facts.awaited,
  };
}

/** What is awaited excuses what is missing and what does not add up; nothing else does. */
function stateOf(facts: DayFacts, residual: Decimal | null, tolerance: Decimal): ProofState {
  // Also where the day adds up by luck: something of it is known to be missing.
  if (facts.awaited.length > 0) return 'pending';
  if (residual === null) return 'unknown';
  if (residual.abs().compare(tolerance) <= 0) return 'proved';
  return facts.isOver ? 'unexplained' : 'pending';
}

/**
 * Half a cent for each of the two stated equities, and half a cent for each row of the day whose exact money has parts
 * of a cent: the broker books whole cents.
 */
export function toleranceOf({ activities, currency }: Pick<DayFacts, 'activities' | 'currency'>): Decimal {
  const rounded = activities.filter(
    (activity) =>
      activity.status === 'ok' && activity.currency === currency && !inWholeCents(activity.amount),
  );
  return HALF_CENT.times(Decimal.ofInteger(2 + rounded.length));
}

function inWholeCents(amount: Decimal | null): boolean {
  return amount === null || amount.round(2).equals(amount);
}
