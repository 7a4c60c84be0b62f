/**
 * Statements: how an account stood at the end of a day by the broker's own word. A day of the proof runs from statement
 * to statement. Pure.
 */
import { type Activity } from '../domain/activity.ts';
import { decimal, Decimal } from '../domain/decimal.ts';
import { type Instrument, type InstrumentId } from '../domain/instrument.ts';
import { type Currency } from '../domain/money.ts';
import {
  addMs,
  compareInstants,
  type Instant,
  maxInstant,
  minInstant,
  NEW_YORK,
  type TradeDate,
  zonedInstant,
} from '../domain/time.ts';
import {
  type BalanceDayRow,
  type BalanceDaySource,
  type BalanceObservation,
  type PositionObservation,
} from '../store/store.ts';

export interface DayStatement {
  readonly date: TradeDate;
  readonly currency: Currency;
  readonly source: BalanceDaySource;
  /** When it was stated: the last look of the day, or the day's end for what a broker says of it afterwards. */
  readonly asOf: Instant;
  readonly equity: Decimal | null;
  readonly cash: Decimal | null;
  /** Long and short together, of the same answer as the equity. */
  readonly marketValue: Decimal | null;
  /** Null where nobody looked at the positions that day. */
  readonly positions: ReadonlyMap<InstrumentId, StatedPosition> | null;
  /** When they were looked at, as far as anything written down tells. Left out: with the equity. */
  readonly positionsAsOf?: Instant | null;
}

export interface StatedPosition {
  readonly quantity: Decimal;
  /** Null where the broker had none, or where nobody saw it on the day itself. */
  readonly mark: Decimal | null;
}

/** Day's end: 20:00 New York. */
export function endOfDay(date: TradeDate): Instant {
  return zonedInstant(date, '20:00', NEW_YORK);
}

/**
 * The statement of a day from its row and the evidence behind it: the last balances of the day, and every instrument's
 * last observation by then. What was not observed on the day itself has no mark of the day.
 */
export function statementOf(
  day: Pick<BalanceDayRow, 'tradeDate' | 'currency' | 'endEquity' | 'endCash' | 'source'>,
  balance: BalanceObservation | null,
  observations: readonly PositionObservation[],
): DayStatement {
  const { tradeDate: date, currency, source } = day;
  const own = balance?.tradeDate === date && source === 'recorded' ? balance : null;
  const isSeen = own !== null && observations.some((row) => row.tradeDate === date);
  const held = observations.filter(({ quantity }) => !quantity.isZero());
  const marketValue = totalOf(own);
  const looks = observations.filter((row) => row.tradeDate === date).map((row) => row.asOf);
  // A day on which the list of positions was read and empty has no row of its own; nor has one on which only balances
  // were read, and those say that something is held.
  const isEmpty = own !== null && held.length === 0 && (marketValue?.isZero() ?? true);
  return {
    date,
    currency,
    source,
    asOf: own?.asOf ?? endOfDay(date),
    equity: day.endEquity,
    cash: day.endCash,
    marketValue,
    positionsAsOf: looks.length === 0 ? null : looks.reduce(maxInstant),
    positions:
      isSeen || isEmpty
        ? new Map(
            held.map((row) => [
              row.instrument,
              { quantity: row.quantity, mark: row.tradeDate === date ? row.mark : null },
            ]),
          )
        : null,
  };
}

function totalOf(balance: BalanceObservation | null): Decimal | null {
  if (balance === null || balance.longMarketValue === null || balance.shortMarketValue === null) return null;
  return balance.longMarketValue.plus(balance.shortMarketValue);
}

/**
 * Statements without the figures of looks whose clock was behind (`Store.looksBehind`): they are of a later day than the
 * one they are dated, and nobody knows how the account stood on that one.
 */
export function ofRightClock(
  statements: readonly DayStatement[],
  behind: ReadonlySet<Instant>,
): readonly DayStatement[] {
  const nothing = { equity: null, cash: null, marketValue: null, positions: null };
  return statements.map((one) => (behind.has(one.asOf) ? { ...one, ...nothing } : one));
}

/** Prices move by no more than this between two answers of one look. */
const GAP_MAX = decimal('0.005');

/** How far the broker's clock and ours may be apart, and how long a look may take. */
export const DOUBT_MS = 120_000;

/**
 * The statement without its positions where they are of another moment than the equity, because a run of one part looked at
 * one of them alone, and something moved in between: what they were worth at the equity's moment nobody saw then.
 */
export function ofOneMoment(
  statement: DayStatement,
  activities: readonly Activity[],
  instruments: ReadonlyMap<InstrumentId, Instrument>,
): DayStatement {
  const { asOf, positionsAsOf, positions } = statement;
  if (positions === null || positionsAsOf === null || positionsAsOf === undefined) return statement;
  const [first, last] = [minInstant(asOf, positionsAsOf), maxInstant(asOf, positionsAsOf)];
  if (compareInstants(last, addMs(first, DOUBT_MS)) <= 0) return statement;
  const isBetween = ({ executedAt, quantity, status }: Activity): boolean =>
    status === 'ok' &&
    !quantity.isZero() &&
    compareInstants(executedAt, first) > 0 &&
    compareInstants(executedAt, last) <= 0;
  const moved = isGapTooLarge(statement, instruments) || activities.some(isBetween);
  return moved ? { ...statement, positions: null } : statement;
}

/**
 * How much more the market value inside the equity is than the listed positions at their marks: the broker's two answers
 * are some moments apart. Zero where either is not known, and where it is too much for moving prices: then it stays in
 * the residual, where it is seen.
 */
export function valueGapOf(
  { marketValue, positions, currency }: DayStatement,
  instruments: ReadonlyMap<InstrumentId, Instrument>,
): Decimal {
  const { gap, isMovement } = gapOf({ marketValue, positions, currency }, instruments);
  return isMovement ? gap : Decimal.zero;
}

function isGapTooLarge(statement: DayStatement, instruments: ReadonlyMap<InstrumentId, Instrument>): boolean {
  return !gapOf(statement, instruments).isMovement;
}

/** Total market value less the listed one, and whether moving prices may have made it; zero where either is not known. */
function gapOf(
  { marketValue, positions, currency }: Pick<DayStatement, 'marketValue' | 'positions' | 'currency'>,
  instruments: ReadonlyMap<InstrumentId, Instrument>,
): { readonly gap: Decimal; readonly isMovement: boolean } {
  const unknown = { gap: Decimal.zero, isMovement: true };
  if (marketValue === null || positions === null) return unknown;
  let listed = Decimal.zero;
  let gross = Decimal.zero;
  for (const [id, { quantity, mark }] of positions) {
    const instrument = instruments.get(id);
    if (instrument === undefined || mark === null) return unknown;
    if (instrument.currency !== currency) continue;
    const value = quantity.times(mark).times(instrument.multiplier);
    listed = listed.plus(value);
    gross = gross.plus(value.abs());
  }
  const gap = marketValue.minus(listed);
  return { gap, isMovement: gap.abs().compare(gross.times(GAP_MAX)) <= 0 };
}
