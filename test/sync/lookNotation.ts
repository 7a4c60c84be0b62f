/**
 * One look at a broker that differs from the book, as a trader would write it down:
 *
 *   book:   'AAPL 25 @ 400, USD 1000'       what the book holds; averages and marks are the broker's of the look before
 *   broker: 'AAPL 100 @ 100 mark 101, USD 1000'
 *   orders: 'o1 by-hand buy 5 of 10 KO @ 70' who placed it, what was filled of what was ordered
 *   listed: the activities the broker lists, in the notation of activities
 */
import { contentHash } from '../../src/domain/contentHash.ts';
import { Decimal, decimal } from '../../src/domain/decimal.ts';
import { type Finding } from '../../src/domain/finding.ts';
import { type Instrument, type InstrumentId } from '../../src/domain/instrument.ts';
import { type OrderProgress, type SnapshotPosition } from '../../src/domain/snapshot.ts';
import { newYorkDate, type Instant } from '../../src/domain/time.ts';
import { type NewRevision, type PositionObservation } from '../../src/store/store.ts';
import { type Witnesses } from '../../src/sync/causes/claim.ts';
import { explain, type ExplainInput } from '../../src/sync/explain.ts';
import { type Difference } from '../../src/sync/reconcile.ts';
import { activities, at, instrumentOf } from '../notation.ts';

export interface LookText {
  readonly book?: string;
  readonly broker?: string;
  /** Null: the list could not be read. Default: no orders. */
  readonly orders?: string | null;
  readonly listed?: string;
  /** Activities booked in this very run. */
  readonly arrived?: string;
  readonly open?: readonly Finding[];
  /** `2025-08-20 12:00`, New York; the look before was an hour earlier. */
  readonly now?: string;
  readonly more?: Partial<Witnesses>;
  readonly cashCompared?: boolean;
}

const MANUAL = 'by-hand';

export function inputOf(text: LookText): ExplainInput {
  const now = at(text.now ?? '2025-08-20 12:00');
  const [book, broker] = [holdingsOf(text.book ?? ''), holdingsOf(text.broker ?? '')];
  const orders = text.orders === null ? null : ordersOf(text.orders ?? '', now);
  const arrived = revisions(text.arrived ?? '', now);
  const instruments = new Map<InstrumentId, Instrument>(
    [...book.rows, ...broker.rows].map(({ instrument }) => [instrument.id, instrument]),
  );
  const witnesses: Witnesses = {
    positions: new Map(broker.rows.map((row) => [row.instrument.id, row])),
    before: new Map(book.rows.map((row) => [row.instrument.id, observation(row, now)])),
    marks: new Map(),
    cashBefore: book.cash === null ? new Map() : new Map([['USD', book.cash]]),
    listed: [...revisions(text.listed ?? '', now), ...arrived],
    listedAfter: at('2000-01-03'),
    orders,
    isManualOrder: (orderId) => orders?.find((order) => order.orderId === orderId)?.clientOrderId === MANUAL,
    totals: null,
    firstContactAt: at('2025-08-01'),
    asOf: now,
    lastLookAt: at(`${newYorkDate(now)} 00:01`),
    firstContactDone: true,
    ...text.more,
  };
  return {
    differences: differencesOf(book, broker),
    quarantined: [],
    resourcesRead: ['account', 'positions', 'activities'],
    understoodIds: new Set(),
    windowAfter: null,
    withdrawn: [],
    open: text.open ?? [],
    changed: arrived,
    instruments,
    cashCompared: text.cashCompared ?? true,
    witnesses,
    now,
  };
}

/** The findings that are open after a look. */
export function findingsOf(text: LookText): readonly Finding[] {
  const { findings } = explain(inputOf(text));
  const closed = new Set(findings.map((finding) => finding.key));
  const standing = (text.open ?? []).filter((finding) => !closed.has(finding.key));
  return [...standing, ...findings].filter((finding) => finding.state !== 'resolved');
}

/** `AAPL split possible: AAPL +75` per finding, sorted. */
export function said(findings: readonly Finding[]): string[] {
  return findings
    .map(
      (finding) =>
        `${finding.symbol} ${finding.cause} ${finding.confidence}: ` +
        finding.evidence
          .flatMap((piece) => (piece.amount === undefined ? [] : `${piece.text.split(' (')[0]}`))
          .join(', '),
    )
    .sort();
}

interface Holdings {
  readonly rows: readonly SnapshotPosition[];
  readonly cash: Decimal | null;
}

function holdingsOf(text: string): Holdings {
  const parts = text.split(',').map((part) => part.trim().split(/\s+/));
  const cash = parts.find(([symbol]) => symbol === 'USD')?.[1];
  const rows = parts
    .filter(([symbol = '']) => symbol !== '' && symbol !== 'USD')
    .map((words): SnapshotPosition => {
      const figure = (name: string): Decimal | null => {
        const place = words.indexOf(name);
        return place < 0 ? null : decimal(words[place + 1]!);
      };
      return {
        instrument: instrumentOf(words[0]!),
        quantity: decimal(words[1]!),
        averageCost: figure('@'),
        mark: figure('mark') ?? figure('@'),
        markAsOf: null,
        marketValue: null,
        unrealizedPnl: null,
        brokerInstrumentId: null,
      };
    });
  return { rows, cash: cash === undefined ? null : decimal(cash) };
}

function observation({ instrument, ...row }: SnapshotPosition, now: Instant): PositionObservation {
  return { ...row, instrument: instrument.id, asOf: now, tradeDate: newYorkDate(now) };
}

function differencesOf(book: Holdings, broker: Holdings): readonly Difference[] {
  const quantity = ({ rows }: Holdings, id: InstrumentId): Decimal =>
    rows.find((row) => row.instrument.id === id)?.quantity ?? Decimal.zero;
  const ids = new Set([...book.rows, ...broker.rows].map((row) => row.instrument.id));
  const differences: Difference[] = [...ids].map((instrument) => ({
    kind: 'position',
    instrument,
    book: quantity(book, instrument),
    broker: quantity(broker, instrument),
  }));
  if (book.cash !== null && broker.cash !== null)
    differences.push({ kind: 'cash', currency: 'USD', book: book.cash, broker: broker.cash });
  return differences.filter((row) => !row.book.equals(row.broker));
}

const ORDER = /^(\S+) (\S+) (buy|sell) (\S+)(?: of (\S+))? (\S+) @ (\S+)$/;

function ordersOf(text: string, now: Instant): OrderProgress[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line): OrderProgress => {
      const match = ORDER.exec(line);
      if (match === null) throw new Error(`no order: ${line}`);
      const [, orderId = '', owner = '', side = '', filled = '', ordered, symbol = '', price = ''] = match;
      return {
        orderId,
        clientOrderId: owner,
        parentOrderId: null,
        instrument: instrumentOf(symbol),
        side: side as 'buy' | 'sell',
        quantity: decimal(ordered ?? filled),
        filled: decimal(filled),
        averagePrice: decimal(price),
        submittedAt: now,
        updatedAt: now,
      };
    });
}

/** Fills carry the order `#name` names: `2025-08-20 10:00 buy 5 KO @ 70 #o1`. */
export function revisions(text: string, now: Instant): NewRevision[] {
  return activities(text).map((activity) => ({
    ...activity,
    orderId: activity.kind === 'fill' ? activity.rootId : null,
    rev: 0,
    firstSeenAt: now,
    contentHash: contentHash(activity),
  }));
}
