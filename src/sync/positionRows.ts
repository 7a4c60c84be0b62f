/** Rows of the view `position`, made of what is known of an instrument; the run and the rebuild make them alike. Pure. */
import { openLots, type Book, type ClosedEpisode, type OpenEpisode } from '../book/foldBook.ts';
import { Decimal } from '../domain/decimal.ts';
import { type Instrument, type InstrumentId } from '../domain/instrument.ts';
import { type Instant } from '../domain/time.ts';
import { type PositionObservation, type PositionRow } from '../store/store.ts';
import { NOTHING_REALIZED, type EpisodeResult } from './episodeResults.ts';

/** A broker's word on one position. */
export type Statement = Pick<PositionObservation, 'quantity' | 'averageCost' | 'mark'>;

export type Realized = Pick<PositionRow, 'realizedPnl' | 'realizedBasis'>;

/** Whose row it is, and who stated it. */
export type RowOwner = Pick<PositionRow, 'accountId' | 'epoch' | 'source'>;

export interface LiveFacts {
  readonly owner: RowOwner;
  readonly instrument: InstrumentId;
  /** What the book holds of it; null = nothing. */
  readonly episode: OpenEpisode | null;
  readonly realized: Realized;
  /** Since when it is there without an episode. */
  readonly unexplainedSince: Instant | null;
}

/** The broker lists it. `average`: the book's, where broker and book agree and every cost is known. */
export function openRow(live: LiveFacts, stated: Statement, average: Decimal | null): PositionRow {
  const row = liveRow(live);
  return {
    ...row,
    state: 'open',
    quantity: stated.quantity,
    brokerQuantity: stated.quantity,
    explained: stated.quantity.equals(row.bookQuantity),
    averageCost: average ?? stated.averageCost,
    averageCostSource: average !== null ? 'book' : stated.averageCost === null ? null : 'broker',
    missingSince: null,
  };
}

/** The broker lists it no more, and nothing says why. Its cost is the book's or unknown. */
export function missingRow(
  live: LiveFacts,
  missing: { readonly quantity: Decimal; readonly average: Decimal | null; readonly since: Instant | null },
): PositionRow {
  return {
    ...liveRow(live),
    state: 'missing',
    quantity: missing.quantity,
    brokerQuantity: Decimal.zero,
    explained: false,
    averageCost: missing.average,
    averageCostSource: missing.average === null ? null : 'book',
    missingSince: missing.since,
  };
}

function liveRow({ owner, instrument, episode, realized, unexplainedSince }: LiveFacts) {
  return {
    ...owner,
    instrument,
    openedRootId: episode?.openedRootId ?? '',
    bookQuantity: episode?.quantity ?? Decimal.zero,
    ...realized,
    openedAt: episode?.openedAt ?? unexplainedSince,
    closedAt: null,
    closedRootId: null,
  };
}

export function closedRow(
  owner: RowOwner,
  episode: ClosedEpisode,
  given: EpisodeResult | undefined,
  instruments: ReadonlyMap<InstrumentId, Instrument>,
): PositionRow {
  const result = given ?? NOTHING_REALIZED;
  const multiplier = instruments.get(episode.instrument)?.multiplier ?? null;
  return {
    ...owner,
    instrument: episode.instrument,
    openedRootId: episode.openedRootId,
    state: 'closed',
    quantity: Decimal.zero,
    brokerQuantity: Decimal.zero,
    bookQuantity: Decimal.zero,
    explained: true,
    averageCost: perUnit(result.averageCost, multiplier),
    averageCostSource: result.averageCost === null ? null : 'book',
    ...realizedOf(result),
    openedAt: episode.openedAt,
    closedAt: episode.closedAt,
    closedRootId: episode.closedRootId,
    missingSince: null,
  };
}

/** Null: there is no episode that could have realized anything. */
export function realizedOf(result: EpisodeResult | null): Realized {
  if (result === null) return { realizedPnl: null, realizedBasis: 'unknown' };
  return { realizedPnl: result.realized, realizedBasis: result.basis };
}

const AVERAGE_PLACES = 10;

/** Average cost per unit of what is held, premium per share for options; null where a lot's cost is not known. */
export function bookAverage(
  book: Book,
  id: InstrumentId,
  instruments: ReadonlyMap<InstrumentId, Instrument>,
): Decimal | null {
  const instrument = instruments.get(id);
  if (instrument === undefined) return null;
  let units = Decimal.zero;
  let cost = Decimal.zero;
  for (const lot of openLots(book, id)) {
    if (lot.openCost === null) return null;
    units = units.plus(lot.openQuantity);
    cost = cost.plus(lot.openCost);
  }
  const size = units.times(instrument.multiplier);
  return size.isZero() ? null : cost.dividedBy(size, AVERAGE_PLACES);
}

/** Of a unit of the underlying: a premium is quoted per share. */
function perUnit(cost: Decimal | null, multiplier: Decimal | null): Decimal | null {
  return cost === null || multiplier === null ? null : cost.dividedBy(multiplier, AVERAGE_PLACES);
}

// ---- estimates ------------------------------------------------------------------------------------------------------

/** Whether the broker states a part of what the book holds. */
export function isLess(stated: Decimal, booked: Decimal): boolean {
  return booked.sign() === stated.sign() && booked.abs().compare(stated.abs()) > 0;
}

/** An open row of which the broker holds less than the book: its realized figure rests on a mark, or is unknown. */
export function isReduction(
  row: Pick<PositionRow, 'explained' | 'state' | 'quantity' | 'bookQuantity'>,
): boolean {
  return row.state === 'open' && !row.explained && isLess(row.quantity, row.bookQuantity);
}

/** Whether a row's realized figure holds an estimate of a reduction. */
export function isEstimate(row: Pick<PositionRow, 'explained' | 'state' | 'realizedBasis'>): boolean {
  return !row.explained && row.state === 'open' && row.realizedBasis === 'estimated';
}
