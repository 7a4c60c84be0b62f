/**
 * Position rows of an epoch from ledger and evidence: the fold, the broker's last statements and the lifecycle events.
 * Statements say what is listed and how much; events say what neither of the others does (`lifecycleEvents.ts`). Pure.
 */
import { type Book, type ClosedEpisode } from '../../book/foldBook.ts';
import { Decimal } from '../../domain/decimal.ts';
import { type BookEvent, type BookEventKind } from '../../domain/event.ts';
import { type Instrument, type InstrumentId } from '../../domain/instrument.ts';
import { type Instant } from '../../domain/time.ts';
import { type PositionObservation, type PositionRow } from '../../store/store.ts';
import { NOTHING_REALIZED, type EpisodeResult } from '../episodeResults.ts';
import {
  bookAverage,
  closedRow,
  isReduction,
  missingRow,
  openRow,
  realizedOf,
  type LiveFacts,
  type RowOwner,
} from '../positionRows.ts';

export interface PositionEvidence {
  readonly owner: RowOwner;
  readonly book: Book;
  readonly closed: readonly ClosedEpisode[];
  /** Of every episode that closed something. */
  readonly results: ReadonlyMap<string, EpisodeResult>;
  readonly instruments: ReadonlyMap<InstrumentId, Instrument>;
  /** What runs saw last of each instrument; quantity zero = absent. */
  readonly statements: readonly PositionObservation[];
  /** Lifecycle events of the epoch, oldest first. */
  readonly events: readonly BookEvent[];
}

export function positionViews(evidence: PositionEvidence): readonly PositionRow[] {
  const { owner, closed, results, instruments } = evidence;
  const stated = new Map(evidence.statements.map((row) => [row.instrument, row]));
  const live: PositionRow[] = [];
  for (const [id, story] of storiesOf(evidence.events)) {
    const row = story.isHeld ? liveRow(evidence, id, story, stated.get(id) ?? null) : null;
    if (row !== null) live.push(story.resetAt === null ? row : resetRow(row, story.resetAt));
  }
  return [
    ...closed.map((episode) => closedRow(owner, episode, results.get(episode.openedRootId), instruments)),
    ...live,
  ];
}

function liveRow(
  evidence: PositionEvidence,
  id: InstrumentId,
  story: Story,
  stated: PositionObservation | null,
): PositionRow | null {
  const { book, instruments, owner } = evidence;
  const episode = book.open.get(id) ?? null;
  const facts: LiveFacts = {
    owner,
    instrument: id,
    episode,
    realized: realizedOf(
      episode === null ? null : (evidence.results.get(episode.openedRootId) ?? NOTHING_REALIZED),
    ),
    unexplainedSince: story.unexplainedSince,
  };
  if (stated !== null && !stated.quantity.isZero()) {
    const explained = stated.quantity.equals(episode?.quantity ?? Decimal.zero);
    const row = openRow(facts, stated, explained ? bookAverage(book, id, instruments) : null);
    return isReduction(row) ? { ...row, ...estimateOf(story) } : row;
  }
  // Older releases did not tell that a row went on under another name.
  if (episode === null && story.lastKind !== 'missing') return null;
  return missingRow(facts, {
    quantity: episode?.quantity ?? story.missingQuantity,
    average: bookAverage(book, id, instruments),
    since: story.missingSince,
  });
}

export function estimateOf({
  realized,
}: Pick<Story, 'realized'>): Pick<PositionRow, 'realizedPnl' | 'realizedBasis'> {
  return realized === null
    ? { realizedPnl: null, realizedBasis: 'unknown' }
    : { realizedPnl: realized, realizedBasis: 'estimated' };
}

/** The account was reset at its broker: nothing was sold, so nothing more is realized. */
function resetRow(row: PositionRow, at: Instant): PositionRow {
  return {
    ...row,
    state: 'closed',
    quantity: Decimal.zero,
    brokerQuantity: null,
    bookQuantity: Decimal.zero,
    closedAt: at,
    missingSince: null,
  };
}

// ---- what the events tell -------------------------------------------------------------------------------------------

/** What became of an instrument's row, up to its last event. */
export interface Story {
  /** Whether there is a row that is not closed. */
  isHeld: boolean;
  lastKind: BookEventKind | null;
  missingSince: Instant | null;
  /** What a row carries on that was missing before any activity explained it. */
  missingQuantity: Decimal;
  /** Last time that it was seen and no activity explained it. */
  unexplainedSince: Instant | null;
  /** The figure behind the last estimate; null = it could not be worked out. */
  realized: Decimal | null;
  /** When it was made, at which price of the broker's, and what the broker stated and the book held then. */
  estimatedAt: Instant | null;
  mark: Decimal | null;
  estimatedOf: string;
  resetAt: Instant | null;
}

export function storiesOf(events: readonly BookEvent[]): ReadonlyMap<InstrumentId, Story> {
  const stories = new Map<InstrumentId, Story>();
  const storyOf = (id: InstrumentId): Story => {
    const known = stories.get(id);
    if (known !== undefined) return known;
    const story: Story = {
      isHeld: false,
      lastKind: null,
      missingSince: null,
      missingQuantity: Decimal.zero,
      unexplainedSince: null,
      realized: null,
      estimatedAt: null,
      mark: null,
      estimatedOf: '',
      resetAt: null,
    };
    stories.set(id, story);
    return story;
  };
  for (const event of events) {
    if (event.instrument === null) continue;
    tell(storyOf(event.instrument), event);
    const { from } = event.facts;
    if (event.kind === 'renamed' && from !== undefined && from !== null)
      storyOf(from as InstrumentId).isHeld = false;
  }
  return stories;
}

function tell(story: Story, { kind, at, facts }: BookEvent): void {
  if (kind === 'account_reset') {
    story.resetAt = at;
    return;
  }
  const after = Decimal.parse(facts['after'] ?? '0');
  story.isHeld = !after.isZero();
  story.lastKind = kind;
  if (kind === 'missing') {
    story.missingSince = at;
    story.missingQuantity = after;
  }
  if (kind === 'appeared') story.unexplainedSince = at;
  const { realized } = facts;
  if (realized === undefined) return;
  story.realized = realized === null ? null : Decimal.parse(realized);
  story.estimatedAt = at;
  story.mark = facts['mark'] == null ? null : Decimal.parse(facts['mark']);
  story.estimatedOf = `${facts['after']} of ${facts['book']}`;
}
