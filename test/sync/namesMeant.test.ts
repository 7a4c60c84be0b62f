/** `pnl --symbol` and `pnl --closes --symbol`: a display name or an identity, also of what was renamed. */
import { expect, test } from 'vitest';
import { DEFAULT_RULES, EMPTY_BOOK, foldBook } from '../../src/book/foldBook.ts';
import { type ActivityRevision } from '../../src/domain/activity.ts';
import { parseInstant } from '../../src/domain/time.ts';
import { closedLotRecords } from '../../src/sync/records/closedLots.ts';
import { pnlRecords, type PnlFacts } from '../../src/sync/records/pnl.ts';
import { activities } from '../notation.ts';

/** What both listings say of each name: `FB 100` where they agree. */
function said(text: string, ...names: string[]): string[] {
  const rows = activities(text).map((row): ActivityRevision & { accountId: number } => ({
    ...row,
    accountId: 1,
    rev: 0,
    firstSeenAt: parseInstant('2025-01-01T00:00:00Z'),
    contentHash: '',
  }));
  const fold = foldBook(EMPTY_BOOK, rows, { rules: DEFAULT_RULES });
  const closed = new Set(fold.closures.map((row) => row.instrument));
  const facts: PnlFacts = {
    closures: fold.closures.map((row) => ({ ...row, accountId: 1 })),
    wash: new Map(),
    estimates: [],
    activities: rows,
    accountNames: new Map(),
    instruments: new Map(
      rows.flatMap(({ instrument }) =>
        instrument !== null && closed.has(instrument.id) ? [[instrument.id, instrument]] : [],
      ),
    ),
  };
  return names.map((symbol) => {
    const sums = pnlRecords(facts, 'account', { symbol }).map((row) => `${row.realizedPnl} ${row.income}`);
    const closes = closedLotRecords({ ...facts, lots: [] }, { symbol }).map((row) => row.realizedPnl);
    return `${symbol}: ${sums.join()} of ${closes.toSorted().join('+')}`;
  });
}

const STORY = `
  2025-08-01 10:00  buy 10 FB @ 300
  2025-08-04 10:00  sell 4 FB @ 310
  2025-08-05  rename META <- FB 6
  2025-08-06 10:00  sell 6 META @ 320
  2025-08-06 10:00  buy 1 IBM @ 100
  2025-08-06 11:00  sell 1 IBM @ 107`;

test('a display name and an identity find the same', () => {
  expect(said(STORY, 'IBM', 'equity:IBM:USD', 'KO')).toEqual([
    'IBM: 7 0 of 7',
    'equity:IBM:USD: 7 0 of 7',
    'KO:  of ',
  ]);
});

test('what was renamed is found under its old and its new name', () => {
  const all = ['FB', 'META', 'equity:FB:USD', 'equity:META:USD'];
  expect(said(STORY, ...all)).toEqual(all.map((name) => `${name}: 160 0 of 120+40`));
});

test('over several names, and where everything was sold under the first', () => {
  const twice = `${STORY}
    2025-08-07 10:00  buy 1 META @ 330
    2025-08-08  rename FACE <- META 1
    2025-08-09 10:00  sell 1 FACE @ 331`;
  expect(said(twice, 'FB', 'META', 'FACE')).toEqual(
    ['FB', 'META', 'FACE'].map((name) => `${name}: 161 0 of 1+120+40`),
  );
});

test('a name that passes to another company is that company’s from then on', () => {
  const reused = `${STORY}
    2025-08-11 10:00  buy 1 FB @ 10
    2025-08-12 10:00  sell 1 FB @ 15`;
  expect(said(reused, 'META')).toEqual(['META: 160 0 of 120+40']);
  const before = `
    2025-07-01 10:00  buy 1 META @ 10
    2025-07-02 10:00  sell 1 META @ 12 ${STORY}`;
  expect(said(before, 'FB', 'META')).toEqual(['FB: 160 0 of 120+40', 'META: 162 0 of 120+2+40']);
});

test('a short under another name', () => {
  const short = `
    2025-08-01 10:00  sell 10 FB @ 300
    2025-08-04 10:00  buy 4 FB @ 290
    2025-08-05  rename META <- FB -6
    2025-08-06 10:00  buy 6 META @ 280`;
  expect(said(short, 'FB', 'META')).toEqual(['FB: 160 0 of 120+40', 'META: 160 0 of 120+40']);
});
