/** Openings: what history does not explain at first contact, and what later history takes out of them. */
import { describe, expect, test } from 'vitest';
import { EMPTY_BOOK, foldBook } from '../../src/book/foldBook.ts';
import { type ActivityRevision } from '../../src/domain/activity.ts';
import { contentHash } from '../../src/domain/contentHash.ts';
import { decimal } from '../../src/domain/decimal.ts';
import { addMs, newYorkDate } from '../../src/domain/time.ts';
import { bookOpenings } from '../../src/sync/opening.ts';
import { shrinkOpenings } from '../../src/sync/shrinkOpenings.ts';
import { activities, at, bookText, closedText, positions } from '../notation.ts';

const CONTACT = at('2025-08-21 15:00');

function seen(text: string, minutesAfterContact: number): ActivityRevision[] {
  const firstSeenAt = addMs(CONTACT, minutesAfterContact * 60_000);
  return activities(text).map((row) => ({ ...row, rev: 0, firstSeenAt, contentHash: contentHash(row) }));
}

function contact(history: string, broker: string, cash: string | null = null) {
  const known = seen(history, -1);
  const stated = positions(broker);
  const instruments = new Map(
    [...known, ...stated].flatMap(({ instrument }) =>
      instrument === null ? [] : [[instrument.id, instrument]],
    ),
  );
  const openings = bookOpenings({
    book: foldBook(EMPTY_BOOK, known).book,
    activities: known,
    positions: stated,
    cash: cash === null ? [] : [{ currency: 'USD', cash: decimal(cash) }],
    instruments,
    contactAt: CONTACT,
    now: CONTACT,
  });
  return { known, openings };
}

/** What later arrivals make of the openings, each batch with what the broker states then. */
async function later(
  history: string,
  broker: string,
  batches: readonly { arrives: string; broker: string; cash?: string }[],
  cash: string | null = null,
): Promise<{ openings: string[]; book: string; closed: string[] }> {
  const start = contact(history, broker, cash);
  let openings: ActivityRevision[] = [...start.openings];
  let ledger = [...start.known];
  for (const [place, batch] of batches.entries()) {
    const arrived = seen(batch.arrives, 60 * (place + 1));
    ledger = [...ledger, ...arrived];
    const stated = positions(batch.broker);
    const changed = await shrinkOpenings(openings, {
      book: foldBook(EMPTY_BOOK, [...ledger, ...openings]).book,
      statedQuantity: new Map(stated.map((row) => [row.instrument.id, row.quantity])),
      statedCash: new Map(batch.cash === undefined ? [] : [['USD', decimal(batch.cash)]]),
      arrived,
      ledger: () => Promise.resolve([...ledger, ...openings]),
      now: addMs(CONTACT, 3_600_000),
    });
    openings = openings.map((opening) => changed.find((row) => row.rootId === opening.rootId) ?? opening);
  }
  const fold = foldBook(EMPTY_BOOK, [...ledger, ...openings]);
  return {
    openings: openings.map(
      (row) =>
        `${row.instrument?.symbol ?? row.currency} ${(row.instrument === null ? row.amount! : row.quantity).toString()} ${row.status} ${newYorkDate(row.executedAt)}`,
    ),
    book: bookText(fold.book),
    closed: closedText(fold.closed),
  };
}

describe('first contact', () => {
  test('shares without history were there before it began', async () => {
    const result = await later('2025-08-10 10:00 sell 4 AAPL @ 100 #s', 'AAPL 6', []);
    expect(result).toMatchObject({ openings: ['AAPL 10 ok 2025-08-10'], closed: [] });
  });

  test('what history holds and the list lacks is booked away by nobody', () => {
    expect(contact('2025-08-10 10:00 buy 10 AAPL @ 100', 'KO 1').openings.map((row) => row.rootId)).toEqual([
      'opening:equity:KO:USD',
    ]);
  });

  test('cash that no activity explains', () => {
    expect(
      contact('2025-08-10 deposit 100', '', '130').openings.map((row) => row.amount?.toString()),
    ).toEqual(['30']);
  });
});

describe('older history arrives', () => {
  test('a transfer of before takes the opening back', async () => {
    const result = await later('', 'OLD 12', [
      { arrives: '2025-08-01 transfer 12 OLD #t', broker: 'OLD 12' },
    ]);
    expect(result.openings).toEqual(['OLD 12 bust 2025-08-21']);
    expect(result.book).toBe('OLD 12 since 2025-08-01 (#t)');
  });

  test('a trade of after leaves it alone', async () => {
    const result = await later('', 'OLD 12', [
      { arrives: '2025-08-22 10:00 buy 3 OLD @ 1', broker: 'OLD 15' },
    ]);
    expect(result.openings).toEqual(['OLD 12 ok 2025-08-21']);
  });

  test('two rows of the same day, only one of them of before: the broker tells which', async () => {
    const result = await later(
      '2025-08-01 deposit 1000',
      '',
      [{ arrives: '2025-08-21 withdrawal 10.02\n2025-08-21 interest 10.12', broker: '', cash: '1000.1' }],
      '989.98',
    );
    expect(result.openings).toEqual(['USD -10.02 bust 2025-08-01']);
    expect(result.book).toBe('cash USD 1000.1');
  });

  test('the match shows only when a later row arrives as well', async () => {
    const result = await later(
      '2025-08-01 deposit 1000',
      '',
      [
        { arrives: '2025-08-21 withdrawal 10.02', broker: '', cash: '1100' },
        { arrives: '2025-08-22 deposit 110.02', broker: '', cash: '1100' },
      ],
      '989.98',
    );
    expect(result.book).toBe('cash USD 1100');
  });

  test('a sale of before moves the opening before it: no short sale is invented', async () => {
    const result = await later('', 'OLD 100', [
      { arrives: '2025-08-21 14:00 sell 20 OLD @ 1 #s', broker: 'OLD 100' },
    ]);
    expect(result.openings).toEqual(['OLD 120 ok 2025-08-21']);
    expect(result.closed).toEqual([]);
    expect(result.book).toContain('OLD 100 since');
  });

  test('a first answer that was rounded is forgotten when history alone gives what is listed', async () => {
    const history = '2025-08-10 10:00 buy 0.2494 BTC/USD @ 100';
    expect((await later(history, 'BTC/USD 0.25', [])).openings).toEqual(['BTC/USD 0.0006 ok 2025-08-10']);
    const result = await later(history, 'BTC/USD 0.25', [{ arrives: '', broker: 'BTC/USD 0.2494' }]);
    expect(result.openings).toEqual(['BTC/USD 0.0006 bust 2025-08-10']);
  });

  test('what left without a record leaves after a fill of the very instant of the contact: nothing ends', async () => {
    const history = '2025-08-11 10:00 buy 1 KO @ 70\n2025-08-21 15:00 buy 8 KO @ 71';
    const result = await later(history, 'KO 7', []);
    expect(result.openings).toEqual(['KO -2 ok 2025-08-21']);
    expect(result.closed).toEqual([]);
    expect(result.book).toContain('KO 7 since');
  });

  test('an opening whose instrument left the list stays', async () => {
    const result = await later('', 'OLD 5', [{ arrives: '', broker: 'KO 1' }]);
    expect(result.openings).toEqual(['OLD 5 ok 2025-08-21']);
  });

  test('a trade dated back after the contact leaves the opening alone', async () => {
    const result = await later('', 'OLD 5', [{ arrives: '2025-08-20 10:00 buy 3 OLD @ 1', broker: 'OLD 8' }]);
    expect(result.openings).toEqual(['OLD 5 ok 2025-08-21']);
  });
});
