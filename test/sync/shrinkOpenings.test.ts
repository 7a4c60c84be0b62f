/** What the broker publishes later is taken out of what people said of it: once, of the right day, never beyond zero. */
import { describe, expect, test } from 'vitest';
import { EMPTY_BOOK, foldBook } from '../../src/book/foldBook.ts';
import { type Activity, type ActivityRevision } from '../../src/domain/activity.ts';
import { contentHash } from '../../src/domain/contentHash.ts';
import { decimal } from '../../src/domain/decimal.ts';
import { type Instant } from '../../src/domain/time.ts';
import { shrinkOpenings } from '../../src/sync/shrinkOpenings.ts';
import { activities, at, bookText, positions } from '../notation.ts';

function known(rows: readonly Activity[], firstSeenAt: Instant): ActivityRevision[] {
  return rows.map((row) => ({ ...row, rev: 0, firstSeenAt, contentHash: contentHash(row) }));
}

/** `2025-08-19 10:40  adjustment -2 XMPL @ 114 #one`: at that moment, by a person, with its money where it has a price. */
function told(text: string): ActivityRevision[] {
  return activities(text).flatMap((row) => {
    const amount = row.price === null ? row.amount : row.price.times(row.quantity).negate();
    const original = row.instrument === null ? row.amount! : row.quantity;
    const details = { contactAt: row.executedAt, bookedAt: row.executedAt, original: original.toString() };
    const kind = 'adjustment' as const;
    return known(
      [{ ...row, kind, amount, source: 'user', details: { ...details, ...row.details } }],
      row.executedAt,
    );
  });
}

const BOUGHT = `
  2025-08-18 09:00  deposit 5000 #deposit
  2025-08-18 10:00  buy 10 XMPL @ 110 #bought`;
const TWO = `
  2025-08-19 10:40  adjustment -2 XMPL @ 114 #one
  2025-08-20 10:40  adjustment -2 XMPL @ 115 #two`;

interface Arrival {
  readonly says: string;
  readonly arrives: string;
  readonly broker: string;
  readonly cash?: string;
  readonly on?: string;
}

/** What stands of the adjustments, and the book with them. */
async function after({ says, arrives, broker, cash, on = '2025-08-21 09:00' }: Arrival) {
  const before = known(activities(BOUGHT), at('2025-08-18 10:01'));
  const adjustments = told(says);
  const arrived = known(activities(arrives), at(on));
  const all = [...before, ...adjustments, ...arrived];
  const stated = positions(broker);
  const changed = await shrinkOpenings(adjustments, {
    book: foldBook(EMPTY_BOOK, all).book,
    statedQuantity: new Map(stated.map((row) => [row.instrument.id, row.quantity])),
    statedCash: new Map(cash === undefined ? [] : [['USD', decimal(cash)]]),
    arrived,
    ledger: () => Promise.resolve(all),
    now: at(on),
  });
  const stand = adjustments.map((row) => changed.find(({ rootId }) => rootId === row.rootId) ?? row);
  return {
    rests: stand.map((row) =>
      row.status === 'bust'
        ? `${row.rootId} gone`
        : `${row.rootId} ${row.quantity.toString()} for ${row.amount!.toString()}`,
    ),
    book: bookText(foldBook(EMPTY_BOOK, [...before, ...stand, ...arrived]).book),
  };
}

const BOTH = ['one -2 for 228', 'two -2 for 230'];

describe('two differences of one instrument, each explained by a person', () => {
  test('the true sale of either day takes the place of that day, whichever comes first', async () => {
    const first = {
      says: TWO,
      broker: 'XMPL 6',
      cash: '4360',
      arrives: '2025-08-19 10:30 sell 2 XMPL @ 115 #true',
    };
    expect(await after(first)).toEqual({
      rests: ['one gone', 'two -2 for 230'],
      book: 'XMPL 6 since 2025-08-18 (#bought) | cash USD 4360',
    });
    const second = { ...first, cash: '4368', arrives: '2025-08-20 10:30 sell 2 XMPL @ 120 #true' };
    expect(await after(second)).toEqual({
      rests: ['one -2 for 228', 'two gone'],
      book: 'XMPL 6 since 2025-08-18 (#bought) | cash USD 4368',
    });
  });

  test('both at once take the place of both', async () => {
    const arrives = `
      2025-08-19 10:30 sell 2 XMPL @ 115 #a
      2025-08-20 10:30 sell 2 XMPL @ 120 #b`;
    expect(await after({ says: TWO, arrives, broker: 'XMPL 6', cash: '4370' })).toEqual({
      rests: ['one gone', 'two gone'],
      book: 'XMPL 6 since 2025-08-18 (#bought) | cash USD 4370',
    });
  });

  test('a part of a sale leaves the rest, with its share of the money', async () => {
    const arrives = '2025-08-20 10:30 sell 1 XMPL @ 120 #a';
    expect(await after({ says: TWO, arrives, broker: 'XMPL 6' })).toMatchObject({
      rests: ['one -2 for 228', 'two -1 for 115'],
    });
  });

  test('where more differs than arrived, each gives what is surely its own, and no row counts twice', async () => {
    const arrives = '2025-08-19 10:30 sell 2 XMPL @ 115 #a';
    // The broker has one more than anything explains.
    expect(await after({ says: TWO, arrives, broker: 'XMPL 7' })).toMatchObject({
      rests: ['one gone', 'two -2 for 230'],
    });
  });

  test('a larger sale than was told gives back what was told; the excess is a difference, never a purchase', async () => {
    const says = '2025-08-19 10:40  adjustment -2 XMPL @ 114 #one';
    const arrives = '2025-08-19 10:30 sell 5 XMPL @ 115 #a';
    expect(await after({ says, arrives, broker: 'XMPL 8' })).toMatchObject({
      rests: ['one gone'],
      book: expect.stringMatching(/^XMPL 5 /) as string,
    });
  });

  test('units that are there again without a row withdraw the newest word', async () => {
    expect(await after({ says: TWO, arrives: '', broker: 'XMPL 8' })).toMatchObject({
      rests: ['one -2 for 228', 'two gone'],
    });
    expect(await after({ says: TWO, arrives: '', broker: 'XMPL 6' })).toMatchObject({ rests: BOTH });
  });
});

test('money a person explained stays when a late trade takes its own adjustment back', async () => {
  const says = `
    2025-08-19 10:40  adjustment -2 XMPL @ 114 #one
    2025-08-19 11:00  fee 20 #charge`;
  const arrives = '2025-08-19 10:30 sell 2 XMPL @ 114 #true';
  expect(await after({ says, arrives, broker: 'XMPL 8', cash: '4108' })).toEqual({
    rests: ['one gone', 'charge 0 for -20'],
    book: 'XMPL 8 since 2025-08-18 (#bought) | cash USD 4108',
  });
});
