import { describe, expect, test } from 'vitest';
import { EMPTY_BOOK, foldBook } from '../../src/book/foldBook.ts';
import { type ActivityKind } from '../../src/domain/activity.ts';
import { type Instrument, type InstrumentId } from '../../src/domain/instrument.ts';
import { type SnapshotPosition } from '../../src/domain/snapshot.ts';
import { type PositionRow } from '../../src/store/store.ts';
import { applyLifecycle, type LifecycleInput } from '../../src/sync/lifecycle.ts';
import { activities, at, positions } from '../notation.ts';

interface Scene {
  /** All activities so far. */
  readonly ledger: string;
  /** What the broker lists; `?` = a list with an unreadable row. */
  readonly broker: string;
  readonly totals?: LifecycleInput['totals'];
  readonly asOf?: string;
}

/** Plays scenes one after the other on the rows of the one before, as the database would hold them. */
function play(...scenes: Scene[]): { rows: string[]; events: string[] } {
  let rows: readonly PositionRow[] = [];
  let events: string[] = [];
  const lastStated = new Map<InstrumentId, SnapshotPosition>();
  const instruments = new Map<InstrumentId, Instrument>();
  for (const scene of scenes) {
    const ledger = activities(scene.ledger);
    const fold = foldBook(EMPTY_BOOK, ledger);
    const stated = positions(scene.broker.replace('?', ''));
    for (const { instrument } of [...ledger, ...stated])
      if (instrument !== null) instruments.set(instrument.id, instrument);
    const result = applyLifecycle({
      accountId: 1,
      epoch: 1,
      source: 'alpaca',
      rows,
      refolded: true,
      wholeEpoch: true,
      results: new Map(),
      changedLots: new Set(),
      book: fold.book,
      closed: fold.closed,
      positions: stated,
      lastStated,
      absenceProves: !scene.broker.includes('?'),
      totals: scene.totals ?? 'agree',
      asOf: at(scene.asOf ?? '2025-08-21 15:00'),
      instruments,
      broughtBy: new Map(),
      changedBy: new Map<InstrumentId, ReadonlySet<ActivityKind>>(
        ledger.flatMap((row) =>
          row.instrument === null ? [] : [[row.instrument.id, new Set([row.kind])] as const],
        ),
      ),
    });
    if (!scene.broker.includes('?')) lastStated.clear();
    for (const position of stated) lastStated.set(position.instrument.id, position);
    const key = (row: { instrument: string; openedRootId: string }): string =>
      `${row.instrument}|${row.openedRootId}`;
    const removed = new Set(result.remove.map(key));
    const byKey = new Map(rows.filter((row) => !removed.has(key(row))).map((row) => [key(row), row]));
    for (const row of result.upsert) byKey.set(key(row), row);
    rows = [...byKey.values()];
    events = result.events.map((event) => `${event.kind} ${event.symbol}`).sort();
  }
  return { rows: rows.map(rowText).sort(), events };
}

function rowText(row: PositionRow): string {
  const broker = row.brokerQuantity?.toString() ?? '?';
  const words = [row.instrument.split(':')[1], row.state, row.quantity.toString()];
  return `${words.join(' ')} (broker ${broker}, book ${row.bookQuantity.toString()})${row.explained ? '' : ' unexplained'}`;
}

const BUY = '2025-08-04 10:00 buy 10 AAPL @ 200 #a';
const SELL = '2025-08-20 10:00 sell 10 AAPL @ 210 #b';

describe('broker and book agree', () => {
  test('opened, then nothing new', () => {
    expect(play({ ledger: BUY, broker: 'AAPL 10' })).toEqual({
      rows: ['AAPL open 10 (broker 10, book 10)'],
      events: ['opened AAPL'],
    });
    expect(play({ ledger: BUY, broker: 'AAPL 10' }, { ledger: BUY, broker: 'AAPL 10' }).events).toEqual([]);
  });

  test('closed by its activity', () => {
    expect(play({ ledger: BUY, broker: 'AAPL 10' }, { ledger: `${BUY}\n${SELL}`, broker: '' })).toEqual({
      rows: ['AAPL closed 0 (broker 0, book 0)'],
      events: ['closed AAPL'],
    });
  });

  test('reduced, increased and flipped', () => {
    const more = `${BUY}\n2025-08-05 10:00 buy 5 AAPL @ 200 #c`;
    expect(play({ ledger: BUY, broker: 'AAPL 10' }, { ledger: more, broker: 'AAPL 15' }).events).toEqual([
      'increased AAPL',
    ]);
    const less = `${BUY}\n2025-08-05 10:00 sell 4 AAPL @ 200 #c`;
    expect(play({ ledger: BUY, broker: 'AAPL 10' }, { ledger: less, broker: 'AAPL 6' }).events).toEqual([
      'reduced AAPL',
    ]);
    const flip = `${BUY}\n2025-08-05 10:00 sell 14 AAPL @ 200 #c`;
    expect(play({ ledger: BUY, broker: 'AAPL 10' }, { ledger: flip, broker: 'AAPL -4' })).toEqual({
      rows: ['AAPL closed 0 (broker 0, book 0)', 'AAPL open -4 (broker -4, book -4)'],
      events: ['flipped AAPL'],
    });
  });

  test.each([
    ['expire -2 SPY250815P00620000', 'expired'],
    ['assign -2 SPY250815P00620000', 'assigned'],
  ])('an option that ends by %s is %s', (line, word) => {
    const bought = '2025-08-06 10:00 buy 2 SPY250815P00620000 @ 1.1 #p';
    expect(
      play(
        { ledger: bought, broker: 'SPY250815P00620000 2' },
        { ledger: `${bought}\n2025-08-15 ${line} #e`, broker: '' },
      ).events,
    ).toEqual([`${word} SPY250815P00620000`]);
  });

  test('a split is called a split', () => {
    const split = `${BUY}\n2025-08-20 split AAPL 10 -> 40 #s`;
    expect(play({ ledger: BUY, broker: 'AAPL 10' }, { ledger: split, broker: 'AAPL 40' })).toEqual({
      rows: ['AAPL open 40 (broker 40, book 40)'],
      events: ['split AAPL'],
    });
  });
});

describe('absence is not flat', () => {
  test('absent from a complete answer: missing, with its quantity', () => {
    expect(play({ ledger: BUY, broker: 'AAPL 10, KO 1' }, { ledger: BUY, broker: 'KO 1' })).toEqual({
      rows: ['AAPL missing 10 (broker 0, book 10) unexplained', 'KO open 1 (broker 1, book 0) unexplained'],
      events: ['missing AAPL'],
    });
  });

  test('missing for ever stays missing, however often the broker says so', () => {
    const absent = { ledger: BUY, broker: 'KO 1' };
    const result = play(
      { ledger: BUY, broker: 'AAPL 10, KO 1' },
      ...Array.from({ length: 20 }, () => absent),
    );
    expect(result.rows[0]).toBe('AAPL missing 10 (broker 0, book 10) unexplained');
  });

  test('an answer with an unreadable row proves nothing about the others', () => {
    expect(play({ ledger: BUY, broker: 'AAPL 10, KO 1' }, { ledger: BUY, broker: 'KO 1 ?' }).rows).toEqual([
      'AAPL open 10 (broker 10, book 10)',
      'KO open 1 (broker 1, book 0) unexplained',
    ]);
  });

  test('it reappears', () => {
    expect(
      play(
        { ledger: BUY, broker: 'AAPL 10, KO 1' },
        { ledger: BUY, broker: 'KO 1' },
        { ledger: BUY, broker: 'AAPL 10, KO 1' },
      ),
    ).toEqual({
      rows: ['AAPL open 10 (broker 10, book 10)', 'KO open 1 (broker 1, book 0) unexplained'],
      events: ['reappeared AAPL'],
    });
  });

  test('the sale arrives a day late: closed then, by that sale', () => {
    expect(
      play(
        { ledger: BUY, broker: 'AAPL 10' },
        { ledger: BUY, broker: '' },
        { ledger: `${BUY}\n${SELL}`, broker: '' },
      ),
    ).toEqual({ rows: ['AAPL closed 0 (broker 0, book 0)'], events: ['closed AAPL'] });
  });

  test('a split applies to a missing row too', () => {
    const split = `${BUY}\n2025-08-20 split AAPL 10 -> 40 #s`;
    expect(
      play({ ledger: BUY, broker: 'AAPL 10' }, { ledger: BUY, broker: '' }, { ledger: split, broker: '' })
        .rows,
    ).toEqual(['AAPL missing 40 (broker 0, book 40) unexplained']);
  });
});

describe('appearing without an activity', () => {
  test('shown as the broker has it, and as unexplained', () => {
    expect(play({ ledger: '', broker: 'KO 100' })).toEqual({
      rows: ['KO open 100 (broker 100, book 0) unexplained'],
      events: ['appeared KO'],
    });
  });

  test('the activity comes the next day and explains it', () => {
    expect(play({ ledger: '', broker: 'AAPL 10' }, { ledger: BUY, broker: 'AAPL 10' })).toEqual({
      rows: ['AAPL open 10 (broker 10, book 10)'],
      events: ['explained AAPL'],
    });
  });

  test('gone again, and the totals agree that it is gone: withdrawn, not closed', () => {
    expect(play({ ledger: '', broker: 'AAPL 10' }, { ledger: '', broker: '' })).toEqual({
      rows: [],
      events: ['withdrawn AAPL'],
    });
  });

  test('gone again, but nothing confirms the short list: kept as missing', () => {
    expect(play({ ledger: '', broker: 'AAPL 10' }, { ledger: '', broker: '', totals: 'unknown' })).toEqual({
      rows: ['AAPL missing 10 (broker 0, book 0) unexplained'],
      events: ['missing AAPL'],
    });
  });

  test('bought and sold before the first activity arrived: closed by both', () => {
    expect(
      play(
        { ledger: '', broker: 'AAPL 10' },
        { ledger: '', broker: '', totals: 'unknown' },
        { ledger: `${BUY}\n${SELL}`, broker: '' },
      ),
    ).toEqual({ rows: ['AAPL closed 0 (broker 0, book 0)'], events: ['closed AAPL'] });
  });

  test('a quantity that differs shows the broker and says unexplained', () => {
    expect(play({ ledger: BUY, broker: 'AAPL 10' }, { ledger: BUY, broker: 'AAPL 7' })).toEqual({
      rows: ['AAPL open 7 (broker 7, book 10) unexplained'],
      events: ['reduced AAPL'],
    });
  });
});
