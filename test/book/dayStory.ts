/**
 * Days a trader can read, on top of `test/notation.ts`: activities as there, and one line per day's end
 *
 *   2025-08-04 = 95055.90  AAPL 203.35, KO250815P00070000 0.8
 *
 * with the equity the broker stated and its marks. `?` for the equity: nobody stated it.
 */
import { proveDay, type DayFacts, type DayProof } from '../../src/book/dayProof.ts';
import { type Activity } from '../../src/domain/activity.ts';
import { decimal, Decimal } from '../../src/domain/decimal.ts';
import { type Instrument, type InstrumentId } from '../../src/domain/instrument.ts';
import { type Lot, type LotClosure } from '../../src/domain/lot.ts';
import { parseTradeDate, type TradeDate } from '../../src/domain/time.ts';
import { activities, instrumentOf } from '../notation.ts';
import { EMPTY_BOOK, foldBook, type FoldRules } from '../../src/book/foldBook.ts';
import { costOfFractions } from '../../src/book/valuation.ts';
import { handFold } from './handLots.ts';

export interface StoryDay {
  readonly date: TradeDate;
  readonly equity: Decimal | null;
  readonly marks: ReadonlyMap<InstrumentId, Decimal>;
}

export interface Story {
  readonly activities: readonly Activity[];
  readonly days: readonly StoryDay[];
}

const DAY = /^(\d{4}-\d{2}-\d{2}) = (\S+)\s*(.*)$/;

export function story(text: string): Story {
  const lines = text.split('\n').map((line) => line.trim());
  return {
    activities: activities(lines.filter((line) => !DAY.test(line)).join('\n')),
    days: lines.flatMap((line) => {
      const match = DAY.exec(line);
      if (match === null) return [];
      const [, date = '', equity = '', marks = ''] = match;
      return [
        {
          date: parseTradeDate(date),
          equity: equity === '?' ? null : decimal(equity),
          marks: marksOf(marks),
        },
      ];
    }),
  };
}

export function marksOf(text: string): Map<InstrumentId, Decimal> {
  const pairs = text.split(',').map((pair) => pair.trim().split(/\s+/));
  return new Map(
    pairs
      .filter(([symbol]) => symbol !== '')
      .map(([symbol = '', mark = '']) => [instrumentOf(symbol).id, decimal(mark)]),
  );
}

/** Lots and closures of the activities so far; what a test may replace by another book of lots. */
export type Lots = (activities: readonly Activity[]) => {
  readonly lots: readonly Lot[];
  readonly closures: readonly LotClosure[];
  readonly fractionsCost?: Decimal;
};

/** The lots of the book itself. */
export function bookLots(rules: FoldRules): Lots {
  return (rows) => {
    const { book, lots, closures } = foldBook(EMPTY_BOOK, rows, { rules });
    return { lots, closures, fractionsCost: costOfFractions(book, instrumentsOf(rows), 'USD') };
  };
}

function instrumentsOf(rows: readonly Activity[]): Map<InstrumentId, Instrument> {
  const instruments = new Map<InstrumentId, Instrument>();
  for (const { instrument } of rows) if (instrument !== null) instruments.set(instrument.id, instrument);
  return instruments;
}

export interface Telling {
  readonly lots?: Lots;
  /** Activities the book knows; all unless given. */
  readonly known?: (activity: Activity) => boolean;
  /** More facts of a day: what is awaited, a gap. */
  readonly more?: (day: StoryDay) => Partial<DayFacts>;
}

/** The proof of every day of a story, each from the stated end of the day before. */
export function proofs(told: Story, { lots = handFold, known = () => true, more }: Telling = {}): DayProof[] {
  const all = told.activities.filter(known);
  const instruments = instrumentsOf(all);
  const upTo = (date: TradeDate) => lots(all.filter((activity) => activity.tradeDate <= date));
  return told.days.map((day, index) => {
    const last = index === 0 ? null : told.days[index - 1]!;
    const [before, after] = [last === null ? null : upTo(last.date), upTo(day.date)];
    const closedBefore = new Set(before?.closures.map(({ id }) => id));
    const came = after.lots.filter(
      ({ openedAt, openQuantity }) => !openQuantity.isZero() || openedAt.slice(0, 10) >= day.date,
    );
    return proveDay({
      date: day.date,
      currency: 'USD',
      before:
        last === null
          ? null
          : { ...fractionsOf(before!), equity: last.equity, lots: before!.lots, marks: last.marks },
      end: { ...fractionsOf(after), equity: day.equity, lots: came, marks: day.marks },
      activities: all.filter(
        ({ tradeDate }) => tradeDate <= day.date && (last === null || tradeDate > last.date),
      ),
      closures: after.closures.filter(({ id }) => !closedBefore.has(id)),
      instruments,
      openedLater: [],
      feesApart: false,
      awaited: [],
      isOver: true,
      ...more?.(day),
    });
  });
}

function fractionsOf({ fractionsCost = Decimal.zero }: ReturnType<Lots>): { fractionsCost: Decimal } {
  return { fractionsCost };
}

const LINES = [
  ['flows', 'flows'],
  ['transfers', 'transfers'],
  ['realized', 'realized'],
  ['unrealizedChange', 'unrealized'],
  ['income', 'income'],
  ['fees', 'fees'],
  ['fx', 'fx'],
  ['corrections', 'corrections'],
] as const;

/** `2025-08-04 proved: 95000 + unrealized 55.9 = 95055.9`; lines of zero are left out, `?` is unknown. */
export function proofText(proof: DayProof): string {
  const shown = (value: Decimal | null): string => value?.toString() ?? '?';
  const parts = LINES.filter(([line]) => proof[line]?.isZero() !== true).map(
    ([line, name]) => `${name} ${shown(proof[line])}`,
  );
  const residual = proof.residual?.isZero() === true ? '' : ` residual ${shown(proof.residual)}`;
  const sum = [shown(proof.startEquity), ...parts].join(' + ');
  return `${proof.date} ${proof.state}: ${sum} = ${shown(proof.endEquity)}${residual}`;
}

/** Why components are unknown: `unrealizedChange no_mark AAPL`. */
export function doubtText(proof: DayProof): string[] {
  return proof.doubts.map(({ component, reason, instrument }) =>
    [component, reason, instrument?.split(':')[1]].filter((word) => word !== undefined).join(' '),
  );
}

export function sumOfDays(days: readonly DayProof[], line: keyof DayProof): string {
  return Decimal.sum(days.map((day) => day[line] as Decimal)).toString();
}
