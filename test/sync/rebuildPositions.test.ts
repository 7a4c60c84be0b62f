/**
 * A law over random histories: whatever broker and ledger do, the live rows are worked out again from the fold, the
 * broker's last statements and the events that were told - to the last column.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EMPTY_BOOK, foldBook } from '../../src/book/foldBook.ts';
import { type Activity, type ActivityKind } from '../../src/domain/activity.ts';
import { decimal, Decimal } from '../../src/domain/decimal.ts';
import { type BookEvent } from '../../src/domain/event.ts';
import { type Instrument, type InstrumentId } from '../../src/domain/instrument.ts';
import { type SnapshotPosition } from '../../src/domain/snapshot.ts';
import { addMs, newYorkDate } from '../../src/domain/time.ts';
import { type PositionObservation, type PositionRow } from '../../src/store/store.ts';
import { episodeResults } from '../../src/sync/episodeResults.ts';
import { applyLifecycle } from '../../src/sync/lifecycle.ts';
import { positionViews } from '../../src/sync/rebuild/positionViews.ts';
import { activities, at, instrumentOf } from '../notation.ts';

const SYMBOLS = ['AAPL', 'KO', 'META', 'SPY250912C00640000'] as const;
type Symbol = (typeof SYMBOLS)[number];

/** What is in the ledger since the run before; days count up. */
type Move =
  | { readonly verb: 'buy' | 'sell'; readonly symbol: Symbol; readonly quantity: number }
  | { readonly verb: 'split' | 'rename'; readonly symbol: Symbol }
  /** Takes back one of the fills so far. */
  | { readonly verb: 'bust'; readonly pick: number };

/** How the broker's list differs from the book, instrument by instrument. */
type Listing = 'as booked' | 'absent' | 'more' | 'less' | 'without average and mark';

interface Scene {
  readonly moves: readonly Move[];
  readonly listings: Readonly<Record<Symbol, Listing>>;
  /** The list has a row nobody can read. */
  readonly hole: boolean;
  readonly totals: 'agree' | 'disagree' | 'unknown';
}

const symbol = fc.constantFrom(...SYMBOLS);
const move: fc.Arbitrary<Move> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      verb: fc.constantFrom('buy', 'sell'),
      symbol,
      quantity: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ verb: fc.constantFrom('split', 'rename'), symbol }) },
  { weight: 1, arbitrary: fc.record({ verb: fc.constant('bust' as const), pick: fc.nat() }) },
);
const listing: fc.Arbitrary<Listing> = fc.oneof(
  { weight: 6, arbitrary: fc.constant('as booked' as const) },
  {
    weight: 4,
    arbitrary: fc.constantFrom('absent', 'more', 'less', 'without average and mark' as const),
  },
);
const scene: fc.Arbitrary<Scene> = fc.record({
  moves: fc.array(move, { maxLength: 3 }),
  listings: fc.record(
    Object.fromEntries(SYMBOLS.map((one) => [one, listing])) as Record<Symbol, typeof listing>,
  ),
  hole: fc.boolean(),
  totals: fc.constantFrom('agree', 'disagree', 'unknown'),
});

/** What the database would hold of the runs so far. */
class History {
  readonly ledger: Activity[] = [];
  readonly events: BookEvent[] = [];
  readonly statements = new Map<InstrumentId, PositionObservation>();
  readonly seen: string[] = [];
  rows: PositionRow[] = [];
  #day = at('2025-01-06 10:00');
  #lines = 0;

  play({ moves, listings, hole, totals }: Scene): void {
    for (const one of moves) this.#move(one);
    const { book, closed, closures } = foldBook(EMPTY_BOOK, this.ledger);
    this.#day = addMs(this.#day, 86_400_000);
    const listed = SYMBOLS.flatMap(
      (one) => this.#listed(one, listings[one], book.open.get(idOf(one))?.quantity ?? Decimal.zero) ?? [],
    );
    const result = applyLifecycle({
      ...OWNER,
      rows: this.rows,
      refolded: true,
      wholeEpoch: true,
      book,
      closed,
      positions: listed,
      lastStated: new Map([...this.statements].filter(([, row]) => !row.quantity.isZero())),
      results: episodeResults(closures),
      changedLots: new Set(),
      absenceProves: !hole,
      totals,
      asOf: this.#day,
      instruments: INSTRUMENTS,
      broughtBy: new Map(),
      changedBy: new Map<InstrumentId, ReadonlySet<ActivityKind>>(),
    });
    const gone = new Set(result.remove.map(keyOf));
    const byKey = new Map(this.rows.filter((row) => !gone.has(keyOf(row))).map((row) => [keyOf(row), row]));
    for (const row of result.upsert) byKey.set(keyOf(row), row);
    this.rows = [...byKey.values()];
    this.events.push(...result.events);
    this.#state(listed, hole);
    this.seen.push(...this.rows.map((row) => kindOf(row, hole)));
  }

  rebuilt(): readonly PositionRow[] {
    const { book, closed, closures } = foldBook(EMPTY_BOOK, this.ledger);
    return positionViews({
      owner: OWNER,
      book,
      closed,
      results: episodeResults(closures),
      instruments: INSTRUMENTS,
      statements: [...this.statements.values()],
      events: this.events,
    });
  }

  #move(one: Move): void {
    this.#day = addMs(this.#day, 86_400_000);
    this.#lines += 1;
    const day = newYorkDate(this.#day);
    if (one.verb === 'bust') {
      const fills = this.ledger.flatMap((row, index) => (row.kind === 'fill' ? [index] : []));
      const index = fills[one.pick % Math.max(1, fills.length)];
      if (index !== undefined) this.ledger[index] = { ...this.ledger[index]!, status: 'bust' };
      return;
    }
    const name = `#${this.#lines}`;
    const held = foldBook(EMPTY_BOOK, this.ledger).book.open.get(idOf(one.symbol))?.quantity ?? Decimal.zero;
    if (one.verb === 'buy' || one.verb === 'sell') {
      this.#book(`${day} 10:00 ${one.verb} ${one.quantity} ${one.symbol} @ ${100 + this.#lines} ${name}`);
    } else if (held.isZero() || one.symbol.length > 5) {
      return;
    } else if (one.verb === 'split') {
      this.#book(
        `${day} split ${one.symbol} ${held.toString()} -> ${held.times(decimal('4')).toString()} ${name}`,
      );
    } else {
      const to = one.symbol === 'META' ? 'KO' : 'META';
      this.#book(`${day} rename ${to} <- ${one.symbol} ${held.toString()} ${name}`);
    }
  }

  #book(line: string): void {
    this.ledger.push(...activities(line));
  }

  #listed(one: Symbol, how: Listing, booked: Decimal): SnapshotPosition | null {
    const by = { more: 2, less: -1 }[how as string] ?? 0;
    const quantity = how === 'absent' ? Decimal.zero : booked.plus(Decimal.ofInteger(by));
    if (quantity.isZero()) return null;
    const price = how === 'without average and mark' ? null : Decimal.ofInteger(90 + (this.#lines % 7));
    return {
      instrument: instrumentOf(one),
      quantity,
      averageCost: price,
      mark: price,
      markAsOf: null,
      marketValue: null,
      unrealizedPnl: null,
      brokerInstrumentId: null,
    };
  }

  #state(listed: readonly SnapshotPosition[], hole: boolean): void {
    const asOf = this.#day;
    const tradeDate = newYorkDate(asOf);
    const absent = new Set(this.statements.keys());
    for (const { instrument, brokerInstrumentId: _, ...stated } of listed) {
      absent.delete(instrument.id);
      this.statements.set(instrument.id, { ...stated, instrument: instrument.id, asOf, tradeDate });
    }
    if (hole) return;
    for (const id of absent) {
      const figures = { quantity: Decimal.zero, averageCost: null, mark: null, markAsOf: null };
      const more = { marketValue: null, unrealizedPnl: null, asOf, tradeDate };
      this.statements.set(id, { instrument: id, ...figures, ...more });
    }
  }
}

const OWNER = { accountId: 1, epoch: 1, source: 'alpaca' };
const INSTRUMENTS: ReadonlyMap<InstrumentId, Instrument> = new Map(
  SYMBOLS.map((one) => [idOf(one), instrumentOf(one)]),
);

function idOf(one: Symbol): InstrumentId {
  return instrumentOf(one).id;
}

function keyOf(row: { readonly instrument: InstrumentId; readonly openedRootId: string }): string {
  return `${row.instrument} ${row.openedRootId}`;
}

function kindOf(row: PositionRow, hole: boolean): string {
  const root = row.openedRootId === '' ? ' without activity' : '';
  return `${row.state} ${row.explained ? 'explained' : 'unexplained'} ${row.realizedBasis}${root}${hole ? ' (hole)' : ''}`;
}

function texts(rows: readonly PositionRow[]): string[] {
  return rows.map((row) => JSON.stringify(row, Object.keys(row).sort())).sort();
}

test('live rows are those of fold, statements and events, after every run', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(fc.array(scene, { minLength: 1, maxLength: 12 }), (scenes) => {
      const history = new History();
      for (const one of scenes) {
        history.play(one);
        expect(texts(history.rebuilt())).toEqual(texts(history.rows));
      }
      for (const kind of history.seen) seen.add(kind);
    }),
    { numRuns: 600, seed: 20251201 },
  );
  // A law about nothing proves nothing: what is rare was really there.
  for (const kind of RARE) expect([...seen].sort()).toContain(kind);
});

const RARE = [
  'open unexplained estimated',
  'open unexplained estimated (hole)',
  'open unexplained unknown',
  'open unexplained unknown without activity',
  'open unexplained unknown without activity (hole)',
  'missing unexplained exact',
  'missing unexplained exact (hole)',
  'missing unexplained unknown without activity',
  'missing unexplained unknown without activity (hole)',
  'closed explained exact',
];
