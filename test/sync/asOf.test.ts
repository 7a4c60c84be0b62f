/** What the ledger of an earlier moment held of an instrument: the sum over its revisions is what a fold of them says. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EMPTY_BOOK, foldBook } from '../../src/book/foldBook.ts';
import { compareInstants } from '../../src/domain/time.ts';
import { type NewRevision } from '../../src/store/store.ts';
import { quantityKnown } from '../../src/sync/asOf.ts';
import { at, instrumentOf } from '../notation.ts';
import { revisions } from './lookNotation.ts';

const day = fc.integer({ min: 1, max: 9 });
const clock = (of: number, minute = 0) => at(`2025-08-0${of} 10:${String(minute).padStart(2, '0')}`);
const revision = fc.record({
  seen: day,
  executed: day,
  quantity: fc.integer({ min: 1, max: 9 }),
  side: fc.constantFrom('buy', 'sell'),
  symbol: fc.constantFrom('AAPL', 'KO'),
  isBust: fc.boolean(),
});
const chain = fc.array(revision, { minLength: 1, maxLength: 4 });

test('corrected, busted, published late, and of another instrument before: as folding the ledger of then', () => {
  fc.assert(
    fc.property(fc.array(chain, { maxLength: 8 }), day, day, (history, asOfDay, knownDay) => {
      const chains = history.map((rows, root) =>
        rows
          .toSorted((left, right) => left.seen - right.seen)
          .map(({ seen, executed, quantity, side, symbol, isBust }, rev): NewRevision => {
            const line = `2025-08-0${executed} 10:00 ${side} ${quantity} ${symbol} @ 1${isBust ? ' (bust)' : ''} #${root}`;
            return { ...revisions(line, clock(seen, rev))[0]!, rev };
          }),
      );
      const [asOf, knownAt] = [clock(asOfDay), clock(knownDay, 30)];
      const known = chains.flatMap((rows) =>
        rows.filter(({ firstSeenAt }) => compareInstants(firstSeenAt, knownAt) <= 0).slice(-1),
      );
      const { open } = foldBook(
        EMPTY_BOOK,
        known.filter(({ executedAt }) => compareInstants(executedAt, asOf) <= 0),
      ).book;
      for (const symbol of ['AAPL', 'KO']) {
        const { id } = instrumentOf(symbol);
        expect(quantityKnown(chains, id, { asOf, knownAt }).toString()).toBe(
          open.get(id)?.quantity.toString() ?? '0',
        );
      }
    }),
  );
});
