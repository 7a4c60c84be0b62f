/**
 * Time travel: the book at a moment, as it is known today (`asOf`) or as it was known then (`knownAt`). Worked out from
 * the ledger and the evidence alone, by the same fold as the book itself.
 */
import { EMPTY_BOOK, foldBook, openLots, type Fold, type FoldRules } from '../book/foldBook.ts';
import { type Account } from '../domain/account.ts';
import { type ActivityRevision } from '../domain/activity.ts';
import { type Election } from '../domain/election.ts';
import { type Instrument, type InstrumentId } from '../domain/instrument.ts';
import { type Lot, type LotClosure, type WashAdjustment } from '../domain/lot.ts';
import { type Instant } from '../domain/time.ts';
import {
  type BalanceObservation,
  type PositionObservation,
  type Store,
  type TimeTravel,
} from '../store/store.ts';
import { washOfAccount } from './washOfAccount.ts';

/** Both null: the book as it stands. `asOf` alone: with all that is known today. */
export interface When {
  readonly asOf?: Instant;
  readonly knownAt?: Instant;
}

/** An account's book at a moment. */
export interface BookThen {
  readonly account: Account;
  readonly epoch: number;
  readonly fold: Fold;
  readonly lots: readonly Lot[];
  readonly closures: readonly LotClosure[];
  readonly wash: readonly WashAdjustment[];
  readonly activities: readonly ActivityRevision[];
  readonly instruments: ReadonlyMap<InstrumentId, Instrument>;
  readonly elections: readonly Election[];
  /** The broker's last statement of each instrument by then. */
  readonly observations: readonly PositionObservation[];
  readonly balances: readonly BalanceObservation[];
}

export function isTimeTravel({ asOf, knownAt }: When): boolean {
  return asOf !== undefined || knownAt !== undefined;
}

/** Folds the account's ledger up to a moment. */
export async function bookThen(store: Store, account: Account, when: When): Promise<BookThen> {
  const { knownAt } = when;
  const epoch = knownAt === undefined ? account.epoch : await store.epochThen(account.id, knownAt);
  const travel: TimeTravel = when;
  const known = knownAt === undefined ? {} : { knownAt };
  const elections = await store.elections(account.id, { epoch, ...known });
  const activities = await store.bookActivitiesAsOf(account.id, epoch, travel);
  const rules: FoldRules = {
    elections,
    shortsReported: new Set(await store.shortsEverReported(account.id, epoch, known)),
    baseCurrency: account.baseCurrency,
  };
  const fold = foldBook(EMPTY_BOOK, activities, { rules });
  const lots = [...openLots(fold.book)];
  const instruments = new Map(
    activities.flatMap(({ instrument }) =>
      instrument === null ? [] : [[instrument.id, instrument] as const],
    ),
  );
  return {
    account,
    epoch,
    fold,
    lots,
    closures: fold.closures,
    wash: washOfAccount({
      account,
      lots: fold.lots,
      closures: fold.closures,
      activities,
      instruments,
      elections,
    }),
    activities,
    instruments,
    elections,
    observations: await store.observationsAt(account.id, epoch, travel),
    balances: await store.balancesAt(account.id, epoch, travel),
  };
}
