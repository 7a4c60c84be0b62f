/** Close records: positions that ended, with what they were bought and sold for. */
import { EMPTY_BOOK, foldBook, type EpisodeStep } from '../../book/foldBook.ts';
import { type Activity } from '../../domain/activity.ts';
import { Decimal } from '../../domain/decimal.ts';
import { newYorkDate, type TradeDate } from '../../domain/time.ts';
import { type PositionRow, type Store } from '../../store/store.ts';
import { type LedgerScope, type RecordContext } from './context.ts';
import { accountNames, compareText, text } from './fields.ts';

export interface CloseRecord {
  readonly account: string;
  readonly symbol: string;
  readonly instrument: string;
  /** The largest size it had, in the units it was closed in (after splits); null where the ledger does not tell. */
  readonly quantity: string | null;
  /** Average price per unit of what made it larger, in the units it was closed in; null where one has no price. */
  readonly entry: string | null;
  /** Average price per unit of what made it smaller; null where one has no price (an expiry, a transfer). */
  readonly exit: string | null;
  readonly openedAt: string | null;
  readonly closedAt: string | null;
  readonly entryActivity: string | null;
  readonly exitActivity: string | null;
  readonly realizedPnl: string | null;
  readonly realizedBasis: string;
  /** Calendar days from the trade date of the first entry to that of the last exit. */
  readonly holdingDays: number | null;
}

/** Episodes that ended, newest first; those of the current epoch unless all are asked for. */
export async function closeRecords(
  context: RecordContext,
  scope: Omit<LedgerScope, 'since'> = {},
): Promise<readonly CloseRecord[]> {
  const { store } = context;
  const names = await accountNames(store);
  const rows = await closedRows(store, scope);
  const instruments = await store.instruments([...new Set(rows.map((row) => row.instrument))]);
  const courses = await coursesOf(store, rows);
  return rows
    .map((row) => {
      const course = courses.get(courseKey(row));
      return {
        account: names.get(row.accountId) ?? String(row.accountId),
        symbol: instruments.get(row.instrument)?.symbol ?? row.instrument,
        instrument: row.instrument,
        quantity: text(course?.largest ?? null),
        entry: average(course?.entries),
        exit: average(course?.exits),
        openedAt: row.openedAt,
        closedAt: row.closedAt,
        entryActivity: row.openedRootId === '' ? null : row.openedRootId,
        exitActivity: row.closedRootId,
        realizedPnl: text(row.realizedPnl),
        realizedBasis: row.realizedBasis,
        holdingDays: holdingDays(row, course),
      };
    })
    .sort((left, right) => compareText(right.closedAt ?? '', left.closedAt ?? ''))
    .slice(0, scope.limit);
}

async function closedRows(store: Store, scope: LedgerScope): Promise<readonly PositionRow[]> {
  const filter = scope.account === undefined ? {} : { accountId: scope.account.id };
  const rows = await store.positions({ ...filter, states: ['closed'] });
  if (scope.allEpochs === true) return rows;
  const epochs = new Map((await store.accounts()).map((account) => [account.id, account.epoch]));
  return rows.filter((row) => epochs.get(row.accountId) === row.epoch);
}

// ---- the course of an episode ------------------------------------------------------------------------------------

/** Units and what was paid or got for them; money is null as soon as a price is not known. */
interface Side {
  units: Decimal;
  money: Decimal | null;
}

/** How an episode went, gathered step by step. */
interface Course {
  largest: Decimal;
  readonly entries: Side;
  readonly exits: Side;
  readonly firstDate: TradeDate;
  lastDate: TradeDate;
}

/** Folds the ledgers behind these rows once more and gathers how each episode went. */
async function coursesOf(store: Store, rows: readonly PositionRow[]): Promise<ReadonlyMap<string, Course>> {
  const courses = new Map<string, Course>();
  const books = new Map(rows.map(({ accountId, epoch }) => [`${accountId}|${epoch}`, { accountId, epoch }]));
  for (const { accountId, epoch } of books.values()) {
    foldBook(EMPTY_BOOK, await store.bookActivities(accountId, epoch, null), {
      tellStep: (step) =>
        follow(courses, courseKey({ accountId, epoch, openedRootId: step.openedRootId }), step),
    });
  }
  return courses;
}

function courseKey(row: Pick<PositionRow, 'accountId' | 'epoch' | 'openedRootId'>): string {
  return `${row.accountId}|${row.epoch}|${row.openedRootId}`;
}

function follow(courses: Map<string, Course>, key: string, step: EpisodeStep): void {
  const { activity, change, quantity } = step;
  let course = courses.get(key);
  if (course === undefined) {
    course = {
      largest: Decimal.zero,
      entries: { units: Decimal.zero, money: Decimal.zero },
      exits: { units: Decimal.zero, money: Decimal.zero },
      firstDate: activity.tradeDate,
      lastDate: activity.tradeDate,
    };
    courses.set(key, course);
  }
  course.lastDate = activity.tradeDate;
  if (step.exchanged) {
    const before = quantity.minus(change);
    const inNewUnits = (units: Decimal): Decimal =>
      before.isZero() ? units : units.times(quantity).dividedBy(before, UNIT_PLACES).abs();
    course.largest = inNewUnits(course.largest);
    course.entries.units = inNewUnits(course.entries.units);
    course.exits.units = inNewUnits(course.exits.units);
  } else if (activity.kind !== 'crypto_fee') {
    // Larger in its own direction is an entry. Coins taken as a fee are no sale.
    const before = quantity.minus(change);
    const side = quantity.abs().compare(before.abs()) > 0 ? course.entries : course.exits;
    take(side, change.abs(), priceOf(activity));
  }
  if (quantity.abs().compare(course.largest) > 0) course.largest = quantity.abs();
}

const UNIT_PLACES = 18;
const PRICE_PLACES = 10;

function take(side: Side, units: Decimal, price: Decimal | null): void {
  side.units = side.units.plus(units);
  side.money = price === null || side.money === null ? null : side.money.plus(units.times(price));
}

/** A price that somebody paid: of an execution, of shares delivered, or the broker's average of an opening. */
function priceOf(activity: Activity): Decimal | null {
  return PRICED_KINDS.has(activity.kind) ? activity.price : null;
}

const PRICED_KINDS: ReadonlySet<Activity['kind']> = new Set(['fill', 'option_delivery', 'opening']);

function average(side: Side | undefined): string | null {
  if (side === undefined || side.money === null || side.units.isZero()) return null;
  return side.money.dividedBy(side.units, PRICE_PLACES).toString();
}

/** An episode that no activity ended (an account reset) ended on the day of that reset. */
function holdingDays(row: PositionRow, course: Course | undefined): number | null {
  const first = course?.firstDate ?? (row.openedAt === null ? null : newYorkDate(row.openedAt));
  const last =
    row.closedRootId !== null && course !== undefined
      ? course.lastDate
      : row.closedAt === null
        ? null
        : newYorkDate(row.closedAt);
  return first === null || last === null ? null : daysBetween(first, last);
}

function daysBetween(first: TradeDate, last: TradeDate): number {
  return Math.round((Date.parse(last) - Date.parse(first)) / 86_400_000);
}
