/**
 * The day proof over what the store holds: statements of days, activities and the book before them in, proofs of days
 * out. Pure; `dayFindings.ts` makes findings of them.
 *
 * Which days: `firstDayToProve`. All days from there on are proved anew, because an activity that moves a position
 * changes what is held on the days behind it; whoever writes them compares and writes those that changed.
 */
import { type Awaited, type DayEnd, type DayProof, proveDay } from '../book/dayProof.ts';
import { type Book, foldBook, type FoldRules, openLots } from '../book/foldBook.ts';
import { choicesOf, feePolicyOn } from '../book/rules.ts';
import { costOfFractions, type Instruments, unitsWithoutLots } from '../book/valuation.ts';
import { type Activity } from '../domain/activity.ts';
import { previousTradingDay } from '../domain/calendar.ts';
import { Decimal } from '../domain/decimal.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import { type LotClosure } from '../domain/lot.ts';
import { type Currency } from '../domain/money.ts';
import {
  addDays,
  compareInstants,
  type Instant,
  newYorkDate,
  NEW_YORK,
  type TradeDate,
  zonedInstant,
} from '../domain/time.ts';
import { type Capabilities } from '../brokers/broker.ts';
import { type RevisionChain } from '../store/store.ts';
import { activitiesByDay, NOTHING_OF_DAY, type RowsOfDay } from './activitiesByDay.ts';
import { type DayStatement, endOfDay, ofOneMoment, valueGapOf } from './dayStatements.ts';
import {
  correctedLater,
  type Difference,
  type Differences,
  formsOf,
  type SeenActivity,
} from './laterCorrections.ts';
import { CASH_TOLERANCE } from './reconcile.ts';

export interface ProofInput {
  /** Of every currency the first may lie before `from`: it is where the first proof starts. */
  readonly statements: readonly DayStatement[];
  /** First day to prove. */
  readonly from: TradeDate;
  /**
   * The fold of everything before `activities`. It lies before the trade date of the first statement, so that a close
   * that the day's average still moves is known when it moves.
   */
  readonly book: Book;
  /** Everything that is not in `book`, in any order. */
  readonly activities: readonly SeenActivity[];
  /**
   * Of what is in `book` everything that was seen first, or seen otherwise, after the first statement was made: a
   * statement may hold it as it was. None unless given.
   */
  readonly seenLater?: readonly SeenActivity[];
  /** Whether `book` is the empty one an epoch begins with. */
  readonly isBeginning: boolean;
  readonly rules: FoldRules;
  /** Terms of everything in `book`, `activities` and the statements. */
  readonly instruments: Instruments;
  /**
   * Of activities that have several revisions all of them, oldest first; also of those that nobody saw before they were
   * busted. None unless given.
   */
  readonly chains?: readonly RevisionChain[];
  readonly latePublishing: Capabilities['latePublishing'];
  readonly now: Instant;
}

export interface ProvedDay {
  readonly proof: DayProof;
  readonly statement: DayStatement;
  /** Where broker and book differ at an end of the day, by what is known now: keys as of the reconciliation's findings. */
  readonly differing: readonly string[];
}

/** Proves every stated day from `from` on, oldest first, currency by currency. */
export function proveDays(input: ProofInput): readonly ProvedDay[] {
  const currencies = [...new Set(input.statements.map(({ currency }) => currency))].sort();
  return currencies.flatMap((currency) => proveCurrency(input, currency));
}

/**
 * The first day whose proof may have changed: of new and corrected activities the oldest trade date, of stored days the
 * oldest without a proof or still pending, at most today.
 */
export function firstDayToProve(
  days: readonly { readonly tradeDate: TradeDate; readonly state: DayProof['state'] | null }[],
  changed: readonly Pick<Activity, 'tradeDate'>[],
  now: Instant,
): TradeDate {
  const due = days.filter(({ state }) => state === null || state === 'pending');
  const dates = [...due, ...changed].map(({ tradeDate }) => tradeDate);
  return dates.reduce((first, date) => (date < first ? date : first), newYorkDate(now));
}

function proveCurrency(input: ProofInput, currency: Currency): readonly ProvedDay[] {
  const statements = input.statements
    .filter((statement) => statement.currency === currency)
    .toSorted((left, right) => (left.date < right.date ? -1 : 1))
    .map((statement) => ofOneMoment(statement, input.activities, input.instruments));
  const forms = statements.map((statement) => formsOf(statement, input.chains ?? []));
  const byDay = activitiesByDay(
    forms.map(([first, ...others]) => [first.statement, ...others.map((form) => form.statement)]),
    input.activities,
    (id) => input.book.open.get(id)?.quantity ?? Decimal.zero,
    (of) => input.book.cash.get(of) ?? Decimal.zero,
  );
  const proved: ProvedDay[] = [];
  let stand: Stand = {
    statement: null,
    book: input.book,
    open: [...openLots(input.book)],
    closures: new Map(),
    differences: new Map(),
    corrected: Decimal.zero,
  };
  for (const [place, statement] of statements.entries()) {
    const rows = byDay.get(statement.date) ?? NOTHING_OF_DAY;
    const { chains } = forms[place]![rows.form] ?? forms[place]![0];
    const step = stepOver(input, stand, statement, rows.activities, chains);
    if (statement.date >= input.from) proved.push(proveStep(input, stand, step, rows));
    stand = step;
  }
  return proved;
}

// ---- one day ----------------------------------------------------------------------------------------------------

/** Where the walk over the days stands: at the end of a stated day. */
interface Stand {
  /** Null before the first. */
  readonly statement: DayStatement | null;
  readonly book: Book;
  readonly open: DayEnd['lots'];
  /** Closes of the day, by id: the next fold may write one of them again. */
  readonly closures: ReadonlyMap<string, LotClosure>;
  readonly differences: Differences;
  /** What the stated equity holds of activities that were corrected later; null where nobody can know. */
  readonly corrected: Decimal | null;
}

interface Step extends Stand {
  readonly statement: DayStatement;
  /** Lots of the day's end, and those that came and went within it. */
  readonly lots: DayEnd['lots'];
  readonly closed: readonly LotClosure[];
}

function stepOver(
  input: ProofInput,
  stand: Stand,
  statement: DayStatement,
  activities: readonly Activity[],
  chains: readonly RevisionChain[],
): Step {
  const { book, lots, closures } = foldBook(stand.book, activities, { rules: input.rules });
  const open = [...openLots(book)];
  const found = differencesAt(statement, book, stand.differences);
  const seen = {
    activities: [...(input.seenLater ?? []), ...input.activities],
    instruments: input.instruments,
  };
  const { corrected, rest } = correctedLater(
    { ...seen, chains: input.chains ?? [] },
    statement,
    found,
    chains,
  );
  const gone = lots.filter(({ openQuantity }) => openQuantity.isZero());
  return {
    statement,
    book,
    open,
    lots: [...open, ...gone],
    closed: closures.map((closure) => lessEarlier(closure, stand.closures.get(closure.id))),
    closures: new Map(closures.map((closure) => [closure.id, closure])),
    differences: rest,
    corrected,
  };
}

/**
 * A close of an earlier day that this day's fold wrote again (a lot of the day's average, joined after the statement):
 * only what changed counts to this day.
 */
function lessEarlier(closure: LotClosure, earlier: LotClosure | undefined): LotClosure {
  if (earlier === undefined) return closure;
  return {
    ...closure,
    quantity: Decimal.zero,
    cost: minusOf(closure.cost, earlier.cost),
    proceeds: minusOf(closure.proceeds, earlier.proceeds),
    realized: minusOf(closure.realized, earlier.realized),
  };
}

/** Null where either is. */
function minusOf(left: Decimal | null, right: Decimal | null): Decimal | null {
  return left === null || right === null ? null : left.minus(right);
}

function proveStep(
  input: ProofInput,
  stand: Stand,
  step: Step,
  { activities, unsure }: RowsOfDay,
): ProvedDay {
  const { statement } = step;
  const { date, currency } = statement;
  const choices = choicesOf(input.rules);
  const proof = proveDay({
    date,
    currency,
    before: startOf(input, stand, step, activities),
    end: endOf(input, step),
    activities,
    unsure,
    closures: step.closed,
    instruments: input.instruments,
    openedLater: openedAfter(input, statement, activities),
    basesStated: new Set(choices.bases.keys()),
    feesApart: feePolicyOn(choices, date) === 'excluded',
    corrections: minusOf(step.corrected, stand.corrected),
    awaited: awaitedAt(input, step),
    isOver: isOver(statement, input.now),
  });
  return {
    proof,
    statement,
    differing: [...new Set([...stand.differences.keys(), ...step.differences.keys()])],
  };
}

/** Null on the book's first day. A statement that is no neighbour says nothing about the start of this day. */
function startOf(
  input: ProofInput,
  stand: Stand,
  step: Step,
  activities: readonly Activity[],
): DayEnd | null {
  const { date } = step.statement;
  const earlier = previousTradingDay(date);
  const isUntouched = stand.book.open.size === 0 && stand.book.cash.size === 0;
  const isFirst =
    input.isBeginning && isUntouched && activities.every(({ tradeDate }) => tradeDate > earlier);
  if (stand.statement === null) return isFirst ? null : { equity: null, lots: stand.open, marks: new Map() };
  // A look whose clock was behind may stand before the book's first day.
  if (isFirst && stand.statement.equity === null) return null;
  const start = endOf(input, { ...stand, statement: stand.statement, lots: stand.open });
  return stand.statement.date >= earlier ? start : { ...start, equity: null };
}

function endOf(
  { instruments }: ProofInput,
  { statement, book, lots, differences }: Pick<Step, 'statement' | 'book' | 'lots' | 'differences'>,
): DayEnd {
  const { equity, positions, currency } = statement;
  // Only where the broker agrees with the book's units: else what it holds may be what the lots say.
  const agreed = [...unitsWithoutLots(book, instruments, currency)].filter(
    ([id]) => positions !== null && !differences.has(`position:${id}`),
  );
  const marks = [...(positions ?? [])].flatMap(([id, { mark }]) =>
    mark === null ? [] : [[id, mark] as const],
  );
  return {
    equity,
    lots,
    marks: new Map(marks),
    valueGap: valueGapOf(statement, instruments),
    fractionsCost: costOfFractions(book, instruments, currency),
    withoutLots: new Map(agreed),
  };
}

/** Instruments that openings bring after the day: they were held on it, and the book does not know. */
function openedAfter(
  { activities }: ProofInput,
  { date, currency }: DayStatement,
  ofDay: readonly Activity[],
): readonly InstrumentId[] {
  const openings = activities.filter(
    ({ kind, status, tradeDate }) => kind === 'opening' && status === 'ok' && tradeDate >= date,
  );
  return openings
    .filter((opening) => !ofDay.includes(opening))
    .flatMap(({ instrument, quantity }) =>
      instrument?.currency === currency && !quantity.isZero() ? [instrument.id] : [],
    );
}

/** Over when it was stated at or after its end, or when a later day has begun: no better statement will come. */
function isOver({ date, asOf }: DayStatement, now: Instant): boolean {
  return date < newYorkDate(now) || compareInstants(asOf, endOfDay(date)) >= 0;
}

// ---- what the broker has yet to publish -------------------------------------------------------------------------

/** Where the statement and the book differ at the day's end, and since when by the same size. */
function differencesAt(
  { date, currency, cash, positions }: DayStatement,
  book: Book,
  earlier: Differences,
): Differences {
  const differences = new Map<string, Difference>();
  const note = (key: string, instrument: InstrumentId | null, size: Decimal, room: Decimal): void => {
    if (size.abs().compare(room) <= 0) return;
    const before = earlier.get(key);
    const isSame = before !== undefined && before.size.minus(size).abs().compare(room) <= 0;
    differences.set(key, { instrument, size, since: isSame ? before.since : date });
  };
  if (cash !== null)
    note(`cash:${currency}`, null, cash.minus(book.cash.get(currency) ?? Decimal.zero), CASH_TOLERANCE);
  if (positions === null) return differences;
  for (const id of new Set([...positions.keys(), ...book.open.keys()])) {
    const booked = book.open.get(id)?.quantity ?? Decimal.zero;
    note(`position:${id}`, id, (positions.get(id)?.quantity ?? Decimal.zero).minus(booked), Decimal.zero);
  }
  return differences;
}

/** Differences that the broker's own publishing schedule still excuses. */
function awaitedAt({ latePublishing, now }: ProofInput, { differences }: Step): readonly Awaited[] {
  if (latePublishing === null) return [];
  const { daysLater, time } = latePublishing;
  return [...differences.values()].flatMap(({ instrument, since }) => {
    const until = zonedInstant(addDays(since, daysLater), time, NEW_YORK);
    const reason = instrument === null ? 'cash' : 'position';
    return compareInstants(now, until) < 0 ? [{ instrument, reason, until }] : [];
  });
}
