/**
 * Time travel: the book at a moment, as it is known today (`asOf`) or as it was known then (`knownAt`). Worked out from
 * the ledger and the evidence alone, by the same fold as the book itself.
 */
import {
  EMPTY_BOOK,
  foldBook,
  inFoldOrder,
  openLots,
  type EpisodeStep,
  type Fold,
  type FoldRules,
} from '../book/foldBook.ts';
import { type Account } from '../domain/account.ts';
import { type Activity, type ActivityRevision } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type Election } from '../domain/election.ts';
import { LIFECYCLE_EVENTS } from '../domain/event.ts';
import { type Instrument, type InstrumentId } from '../domain/instrument.ts';
import { type Lot, type LotClosure } from '../domain/lot.ts';
import {
  addDays,
  addMs,
  compareInstants,
  minInstant,
  NEW_YORK,
  newYorkDate,
  zonedInstant,
  type Instant,
} from '../domain/time.ts';
import {
  type PositionObservation,
  type RevisionChain,
  type Store,
  type StoredBookEvent,
} from '../store/store.ts';
import { DOUBT_MS } from './dayStatements.ts';

/** Both left out: the book as it stands. `asOf` alone: with all that is known today. */
export interface When {
  readonly asOf?: Instant;
  readonly knownAt?: Instant;
}

/** An account's book at a moment. */
export interface BookThen {
  readonly account: Account;
  readonly when: When;
  readonly epoch: number;
  readonly fold: Fold;
  readonly lots: readonly Lot[];
  readonly closures: readonly LotClosure[];
  readonly activities: readonly ActivityRevision[];
  readonly instruments: ReadonlyMap<InstrumentId, Instrument>;
  readonly elections: readonly Election[];
  readonly rules: FoldRules;
  /** The broker's last statement of each instrument by then. */
  readonly observations: readonly PositionObservation[];
  /** What had become of positions by then, oldest first. */
  readonly events: readonly StoredBookEvent[];
  /** What the book held of an instrument at an earlier moment than its own. */
  quantityAt(instrument: InstrumentId, at: Instant): Decimal;
  /**
   * Whether it held so much about then: as near as the clocks of broker and ours, and rows with a day only, can tell; or
   * by what was known when the broker stated it, where activities were corrected, busted or published since.
   */
  heldAbout(instrument: InstrumentId, quantity: Decimal, at: Instant): boolean;
}

export function isTimeTravel({ asOf, knownAt }: When): boolean {
  return asOf !== undefined || knownAt !== undefined;
}

/** The epoch that an account was in then: before a reset it was the old one, whatever is known today. */
export async function epochOf(store: Store, account: Account, { asOf, knownAt }: When): Promise<number> {
  const moments = [asOf, knownAt].flatMap((moment) => moment ?? []);
  if (moments.length === 0 || account.epoch === 1) return account.epoch;
  return await store.epochThen(account.id, moments.reduce(minInstant));
}

/** Folds the ledger of an account's epoch up to a moment; whose epoch is current then, `epochOf` tells. */
export async function bookThen(store: Store, account: Account, when: When, epoch: number): Promise<BookThen> {
  const { asOf, knownAt } = when;
  const { id } = account;
  const known = knownAt === undefined ? {} : { knownAt };
  const elections = await store.elections(id, { epoch, ...known });
  const activities = await activitiesThen(store, id, when, epoch);
  const rules: FoldRules = {
    elections,
    shortsReported: new Set(await store.shortsEverReported(id, epoch, known)),
    baseCurrency: account.baseCurrency,
  };
  const steps = new Map<InstrumentId, EpisodeStep[]>();
  const fold = foldBook(EMPTY_BOOK, activities, {
    rules,
    tellStep: (step) => {
      const own = steps.get(step.instrument);
      if (own === undefined) steps.set(step.instrument, [step]);
      else own.push(step);
    },
  });
  const instruments = new Map(
    activities.flatMap(({ instrument }) =>
      instrument === null ? [] : [[instrument.id, instrument] as const],
    ),
  );
  const events = await store.bookEvents({ accountId: id, epoch, kinds: LIFECYCLE_EVENTS, ...known });
  const observations = await store.observationsAt(id, epoch, when);
  const held = (instrument: InstrumentId, quantity: Decimal, at: Instant): boolean =>
    heldAbout(steps.get(instrument) ?? [], quantity, at);
  const agreedThen =
    asOf === undefined
      ? new Set()
      : await agreedWhenStated(
          store,
          { id, epoch, asOf },
          observations.filter((seen) => !held(seen.instrument, seen.quantity, seen.asOf)),
        );
  return {
    account,
    when,
    epoch,
    fold,
    lots: [...openLots(fold.book)],
    closures: fold.closures,
    activities,
    instruments,
    elections,
    rules,
    observations,
    events: asOf === undefined ? events : events.filter((event) => compareInstants(event.at, asOf) <= 0),
    quantityAt: (instrument, at) => quantityAt(steps.get(instrument) ?? [], at),
    heldAbout: (instrument, quantity, at) => agreedThen.has(instrument) || held(instrument, quantity, at),
  };
}

/**
 * What the fold has applied by then. A row with a date only stands at the start of its day; where it takes what a later
 * row of that day makes, it is not applied before that one.
 */
async function activitiesThen(
  store: Store,
  accountId: number,
  when: When,
  epoch: number,
): Promise<readonly ActivityRevision[]> {
  const { asOf } = when;
  if (asOf === undefined) return await store.bookActivitiesAsOf(accountId, epoch, when);
  const midnight = zonedInstant(addDays(newYorkDate(asOf), 1), '00:00:00', NEW_YORK);
  const found = await store.bookActivitiesAsOf(accountId, epoch, { ...when, asOf: midnight });
  const isLater = ({ executedAt }: Activity): boolean => compareInstants(executedAt, asOf) > 0;
  const { ordered } = inFoldOrder(found);
  const first = ordered.findIndex(isLater);
  const behind = new Set(first < 0 ? [] : ordered.slice(first));
  return found.filter((row) => !isLater(row) && !behind.has(row));
}

/** Of statements that today's ledger contradicts: those that the ledger of their moment agreed with. One read. */
async function agreedWhenStated(
  store: Store,
  { id, epoch, asOf }: { readonly id: number; readonly epoch: number; readonly asOf: Instant },
  statements: readonly PositionObservation[],
): Promise<ReadonlySet<InstrumentId>> {
  if (statements.length === 0) return new Set();
  const ids = statements.map(({ instrument }) => instrument);
  const chains = [...(await store.revisionsMoving(id, epoch, ids)).values()];
  const agreed = statements.filter(({ instrument, quantity, asOf: at }) =>
    quantityKnown(chains, instrument, { asOf, knownAt: addMs(at, DOUBT_MS) }).equals(quantity),
  );
  return new Set(agreed.map(({ instrument }) => instrument));
}

/**
 * What the ledger of an earlier moment made an instrument's quantity: the sum of what had moved it by `asOf`, as `knownAt`
 * knew it. That is what a fold would say, which conserves quantities.
 */
export function quantityKnown(
  chains: readonly RevisionChain[],
  instrument: InstrumentId,
  { asOf, knownAt }: { readonly asOf: Instant; readonly knownAt: Instant },
): Decimal {
  return Decimal.sum(
    chains.flatMap((chain) => {
      const then = chain.findLast((row) => compareInstants(row.firstSeenAt, knownAt) <= 0);
      if (then === undefined || then.status !== 'ok' || then.instrument?.id !== instrument) return [];
      return compareInstants(then.executedAt, asOf) <= 0 ? [then.quantity] : [];
    }),
  );
}

function quantityAt(steps: readonly EpisodeStep[], at: Instant): Decimal {
  const last = steps.findLast(({ activity }) => compareInstants(activity.executedAt, at) <= 0);
  return last?.quantity ?? Decimal.zero;
}

function heldAbout(steps: readonly EpisodeStep[], quantity: Decimal, at: Instant): boolean {
  const [from, to] = [addMs(at, -DOUBT_MS), addMs(at, DOUBT_MS)];
  if (quantityAt(steps, from).equals(quantity)) return true;
  const day = newYorkDate(at);
  return steps.some(({ activity, quantity: after, change }) => {
    const { executedAt, timePrecision, tradeDate } = activity;
    const isNear = compareInstants(executedAt, from) > 0 && compareInstants(executedAt, to) <= 0;
    const isOfDay = timePrecision === 'day' && tradeDate === day;
    return (
      (isNear && after.equals(quantity)) ||
      (isOfDay && (after.equals(quantity) || after.minus(change).equals(quantity)))
    );
  });
}
