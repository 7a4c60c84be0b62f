/** Position records of a moment in the past: what the book held, what the broker had stated, and whether they agreed. */
import { Decimal } from '../../domain/decimal.ts';
import { type InstrumentId } from '../../domain/instrument.ts';
import { type PositionObservation, type PositionRow, type PositionState } from '../../store/store.ts';
import { bookThen, epochOf, type BookThen, type When } from '../asOf.ts';
import { episodeResults, NOTHING_REALIZED, type EpisodeResult } from '../episodeResults.ts';
import {
  bookAverage,
  closedRow,
  isReduction,
  missingRow,
  openRow,
  realizedOf,
  type LiveFacts,
} from '../positionRows.ts';
import { estimateOf, positionViews, storiesOf, type Story } from '../rebuild/positionViews.ts';
import { type FreshFields } from './accountFreshness.ts';
import { type AccountScope, type RecordContext } from './context.ts';
import { inListingOrder, positionRecord, type PositionRecord } from './positions.ts';

/** Open and missing positions unless other states are asked for, by account, kind and symbol. */
export async function positionRecordsThen(
  context: RecordContext,
  scope: AccountScope & When & { readonly states?: readonly PositionState[] },
): Promise<readonly PositionRecord[]> {
  const { store } = context;
  const states = scope.states ?? ['open', 'missing'];
  const records: PositionRecord[] = [];
  for (const account of scope.account === undefined ? await store.accounts() : [scope.account]) {
    const then = await bookThen(store, account, scope, await epochOf(store, account, scope));
    const rows = positionRowsThen(then).filter((row) => states.includes(row.state));
    const terms = await store.instruments([...new Set(rows.map((row) => row.instrument))]);
    const stated = new Map(then.observations.map((seen) => [seen.instrument, seen]));
    for (const row of rows) {
      const instrument = terms.get(row.instrument) ?? then.instruments.get(row.instrument);
      const seen = stated.get(row.instrument);
      if (instrument === undefined) continue;
      records.push(
        positionRecord(context, row, instrument, {
          account: account.name,
          mark: seen?.mark ?? null,
          markAsOf: seen?.markAsOf ?? seen?.asOf ?? null,
          quote: undefined,
          fresh: { ...PAST, asOf: seen?.asOf ?? null },
        }),
      );
    }
  }
  return inListingOrder(records);
}

/** What is of the past has no age and is never fresh. */
export const PAST: FreshFields = { asOf: null, fetchedAt: null, age: null, fresh: false, why: 'as_of' };

/** The rows behind them, closed ones too. Pure. */
export function positionRowsThen(then: BookThen): readonly PositionRow[] {
  const { account, epoch, fold, instruments, events, when } = then;
  const owner = { accountId: account.id, epoch, source: account.broker };
  const results = episodeResults(fold.closures);
  // As it was known then, it was shown: by the broker's statement of that day and what was told of it.
  if (when.asOf === undefined) {
    const { book, closed } = fold;
    return positionViews({
      owner,
      book,
      closed,
      results,
      instruments,
      events,
      statements: then.observations,
    });
  }
  const stories = storiesOf(events);
  const stated = new Map(then.observations.map((seen) => [seen.instrument, seen]));
  const held = then.observations.filter((seen) => !seen.quantity.isZero()).map((seen) => seen.instrument);
  return [
    ...fold.closed.map((episode) =>
      closedRow(owner, episode, results.get(episode.openedRootId), instruments),
    ),
    ...[...new Set([...fold.book.open.keys(), ...held])].flatMap(
      (id) => rowAsOf(then, results, id, stated.get(id) ?? null, stories.get(id) ?? null) ?? [],
    ),
  ];
}

/**
 * The book's figure, with everything that is known of the time before that moment; the broker's statement may be some
 * hours older. What the two disagreed on when it was stated, no activity explains to this day.
 */
function rowAsOf(
  then: BookThen,
  results: ReadonlyMap<string, EpisodeResult>,
  id: InstrumentId,
  stated: PositionObservation | null,
  story: Story | null,
): PositionRow | null {
  const { account, epoch, fold, instruments } = then;
  const { book } = fold;
  const episode = book.open.get(id) ?? null;
  const booked = episode?.quantity ?? Decimal.zero;
  const facts: LiveFacts = {
    owner: { accountId: account.id, epoch, source: account.broker },
    instrument: id,
    episode,
    realized: realizedOf(episode === null ? null : (results.get(episode.openedRootId) ?? NOTHING_REALIZED)),
    unexplainedSince: story?.unexplainedSince ?? stated?.asOf ?? null,
  };
  const average = bookAverage(book, id, instruments);
  const agreed =
    stated === null || stated.quantity.equals(booked) || then.heldAbout(id, stated.quantity, stated.asOf);
  if (agreed) {
    if (episode === null) return null;
    const isSame = stated !== null && stated.quantity.equals(booked);
    const averageCost = isSame ? stated.averageCost : null;
    const row = openRow(facts, { quantity: booked, averageCost, mark: null }, average);
    return { ...row, brokerQuantity: stated?.quantity ?? null };
  }
  if (stated.quantity.isZero()) {
    if (episode === null) return null;
    return missingRow(facts, { quantity: booked, average, since: story?.missingSince ?? stated.asOf });
  }
  const quantity = stated.quantity.plus(booked.minus(then.quantityAt(id, stated.asOf)));
  if (quantity.isZero()) return null;
  const row = { ...openRow(facts, { ...stated, quantity }, null), brokerQuantity: stated.quantity };
  if (!isReduction(row)) return row;
  const isOfThis = story?.estimatedOf === `${row.quantity.toString()} of ${booked.toString()}`;
  return { ...row, ...estimateOf(isOfThis ? story : { realized: null }) };
}
