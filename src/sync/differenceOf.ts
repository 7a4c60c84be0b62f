/** Pieces of a difference, from the rows of the commit. Pure. */
import { LIFECYCLE_EVENTS, type BookEvent } from '../domain/event.ts';
import { type Finding } from '../domain/finding.ts';
import { type InstrumentId } from '../domain/instrument.ts';
import { type NewRevision } from '../store/store.ts';
import { type Surroundings } from './commit.ts';
import {
  type FindingDifference,
  type PositionDifference,
  type PositionsDifference,
  type TransactionDifference,
} from './difference.ts';
import { type Look } from './readBroker.ts';
import { type WorkedOut } from './workOut.ts';

const LIFECYCLE: ReadonlySet<string> = new Set(LIFECYCLE_EVENTS);

export function positionsDifference(
  look: Look,
  events: readonly BookEvent[],
  result: WorkedOut,
  news: readonly NewRevision[],
  isManual: Surroundings['isManual'],
): PositionsDifference {
  const found: Record<string, number> = {};
  for (const { instrument } of look.positions.rows)
    found[instrument.kind] = (found[instrument.kind] ?? 0) + 1;
  const said = saidOfFills(news, isManual);
  const symbolOf = (id: InstrumentId): string => result.instruments.get(id)?.symbol ?? id;
  const changes = events.flatMap((event): PositionDifference[] => {
    if (event.instrument === null || !LIFECYCLE.has(event.kind)) return [];
    return [
      {
        instrument: event.instrument,
        symbol: event.symbol ?? event.instrument,
        kind: result.instruments.get(event.instrument)?.kind ?? 'other',
        event: event.kind,
        before: event.facts['before'] ?? null,
        after: event.facts['after'] ?? null,
        manual: manualBehind(said.get(event.instrument) ?? []),
      },
    ];
  });
  return {
    found,
    changes: changes.toSorted((left, right) =>
      left.symbol < right.symbol ? -1 : left.symbol > right.symbol ? 1 : 0,
    ),
    differing: result.differences.flatMap((row) =>
      row.kind === 'position'
        ? [
            {
              instrument: row.instrument as string,
              symbol: symbolOf(row.instrument),
              book: row.book.toString(),
              broker: row.broker.toString(),
            },
          ]
        : [],
    ),
  };
}

/** Of each instrument, whose its new trades are. */
function saidOfFills(
  news: readonly NewRevision[],
  isManual: Surroundings['isManual'],
): ReadonlyMap<InstrumentId, readonly (boolean | null)[]> {
  const said = new Map<InstrumentId, (boolean | null)[]>();
  for (const row of news) {
    if (row.kind !== 'fill' || row.instrument === null) continue;
    const known = said.get(row.instrument.id);
    if (known === undefined) said.set(row.instrument.id, [isManual(row)]);
    else known.push(isManual(row));
  }
  return said;
}

/** True when one of the trades was manual, false when none was, null where none is known or not yet whose. */
function manualBehind(said: readonly (boolean | null)[]): boolean | null {
  if (said.includes(true)) return true;
  return said.length === 0 || said.includes(null) ? null : false;
}

export function transactionDifference(revision: NewRevision, manual: boolean | null): TransactionDifference {
  return {
    id: revision.externalId,
    rev: revision.rev,
    kind: revision.kind,
    status: revision.status,
    instrument: revision.instrument?.id ?? null,
    symbol: revision.instrument?.symbol ?? null,
    quantity: revision.quantity.toString(),
    price: revision.price?.toString() ?? null,
    amount: revision.amount?.toString() ?? null,
    currency: revision.currency,
    executedAt: revision.executedAt,
    orderId: revision.orderId,
    manual,
  };
}

export function findingDifference(finding: Finding): FindingDifference {
  const { type, cause, state, symbol, expected, observed } = finding;
  return { type, cause, state, symbol, expected, observed };
}
