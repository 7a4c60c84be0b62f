/**
 * Time travel: the book at a moment, as it is known today (`asOf`) or as it was known then (`knownAt`). Worked out from
 * the ledger and the evidence alone, by the same fold as the book itself.
 */
import { EMPTY_BOOK, foldBook, openLots, type Fold, type FoldRules } from '../book/foldBook.ts';
import { type Account } from '../domain/account.ts';
import { type ActivityRevision } from '../domain/activity.ts';
import { Decimal } from '../domain/decimal.ts';
import { type Election } from '../domain/election.ts';
import { LIFECYCLE_EVENTS } from '../domain/event.ts';
import { type Instrument, type InstrumentId } from '../domain/instrument.ts';
import { type Lot, type LotClosure } from '../domain/lot.ts';
import { compareInstants, minInstant, type Instant } from '../domain/time.ts';
import { type PositionObservation, type Store, type StoredBookEvent } from '../store/store.ts';

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
  const activities = await store.bookActivitiesAsOf(id, epoch, when);
  const rules: FoldRules = {
    elections,
    shortsReported: new Set(await store.shortsEverReported(id, epoch, known)),
    baseCurrency: account.baseCurrency,
  };
  const steps = new Map<InstrumentId, Step[]>();
  const fold = foldBook(EMPTY_BOOK, activities, {
    rules,
    tellStep: ({ instrument, activity, quantity }) => {
      const own = steps.get(instrument);
      if (own === undefined) steps.set(instrument, [{ at: activity.executedAt, quantity }]);
      else own.push({ at: activity.executedAt, quantity });
    },
  });
  const instruments = new Map(
    activities.flatMap(({ instrument }) =>
      instrument === null ? [] : [[instrument.id, instrument] as const],
    ),
  );
  const events = await store.bookEvents({ accountId: id, epoch, kinds: LIFECYCLE_EVENTS, ...known });
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
    observations: await store.observationsAt(id, epoch, when),
    events: asOf === undefined ? events : events.filter((event) => compareInstants(event.at, asOf) <= 0),
    quantityAt: (instrument, at) => quantityAt(steps.get(instrument) ?? [], at),
  };
}

interface Step {
  readonly at: Instant;
  readonly quantity: Decimal;
}

function quantityAt(steps: readonly Step[], at: Instant): Decimal {
  return steps.findLast((step) => compareInstants(step.at, at) <= 0)?.quantity ?? Decimal.zero;
}
