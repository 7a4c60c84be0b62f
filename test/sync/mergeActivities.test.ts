import { describe, expect, test } from 'vitest';
import { contentHash } from '../../src/domain/contentHash.ts';
import { type Activity } from '../../src/domain/activity.ts';
import { decimal } from '../../src/domain/decimal.ts';
import { parseInstant } from '../../src/domain/time.ts';
import { type ActivityWatchRow, type RevisionChain } from '../../src/store/store.ts';
import { absentFrom, countAbsence, mergeActivities } from '../../src/sync/mergeActivities.ts';
import { activities } from '../notation.ts';

const NOW = parseInstant('2025-08-21T16:00:00Z');

/** A ledger that holds these contents of one identity, oldest first. */
function chain(...contents: Activity[]): Map<string, RevisionChain> {
  return new Map([
    [
      contents[0]!.rootId,
      contents.map((activity, rev) => ({
        ...activity,
        rev,
        firstSeenAt: NOW,
        contentHash: contentHash(activity),
      })),
    ],
  ]);
}

function remembering(rootId: string, pendingContentHash: string): Map<string, ActivityWatchRow> {
  return new Map([[rootId, { rootId, absentScans: 0, withdrawn: false, pendingContentHash }]]);
}

const [fill] = activities('2025-08-04 10:00 buy 10 AAPL @ 200 #FILL:1') as [Activity];
const [corrected] = activities('2025-08-04 10:00 buy 12 AAPL @ 199 #FILL:1') as [Activity];
const busted: Activity = { ...fill, status: 'bust' };

function merge(
  incoming: Activity[],
  known = new Map<string, RevisionChain>(),
  watched = new Map<string, ActivityWatchRow>(),
) {
  const { revisions, watch } = mergeActivities(
    incoming,
    known,
    watched,
    NOW,
    parseInstant('2025-08-01T00:00:00Z'),
  );
  return {
    revisions: revisions.map(
      (row) => `${row.rootId} rev ${row.rev} ${row.status} ${row.quantity.toString()}`,
    ),
    watch: watch.map(
      (row) => `${row.rootId} pending ${row.pendingContentHash === null ? 'nothing' : 'something'}`,
    ),
  };
}

test('terms of a split that were told once stay where a later read did not get them', () => {
  const plain: Activity = { ...fill, kind: 'split', details: {} };
  const told: Activity = { ...plain, details: { ratioNew: '1', ratioOld: '3' } };
  expect(merge([told], chain(plain)).revisions).toEqual(['FILL:1 rev 1 ok 10']);
  expect(merge([plain], chain(plain, told))).toEqual({ revisions: [], watch: [] });
  // What else changed is news, with the terms.
  const { revisions } = mergeActivities(
    [{ ...plain, quantity: decimal('8') }],
    chain(plain, told),
    new Map(),
    NOW,
  );
  expect(revisions.map(({ details }) => details)).toEqual([{ ratioNew: '1', ratioOld: '3' }]);
  // Terms that are told otherwise are a correction.
  const other: Activity = { ...plain, details: { ratioNew: '1', ratioOld: '4' } };
  expect(merge([other], chain(plain, told)).revisions).toEqual(['FILL:1 rev 2 ok 10']);
});

describe('identity, never similarity', () => {
  test('a first sight is revision 0', () => {
    expect(merge([fill])).toEqual({ revisions: ['FILL:1 rev 0 ok 10'], watch: [] });
  });

  test('the same row again is nothing new, also twice in one answer', () => {
    expect(merge([fill, fill], chain(fill))).toEqual({ revisions: [], watch: [] });
    expect(merge([fill, fill]).revisions).toHaveLength(1);
  });

  test('two trades that look alike but have different ids are two trades', () => {
    const [first, second] = activities(`
      2025-08-04 10:00 buy 10 AAPL @ 200 #FILL:1
      2025-08-04 10:00 buy 10 AAPL @ 200 #FILL:2`) as [Activity, Activity];
    expect(merge([first, second]).revisions).toEqual(['FILL:1 rev 0 ok 10', 'FILL:2 rev 0 ok 10']);
  });
});

describe('corrections and busts', () => {
  test('other content is the next revision', () => {
    expect(merge([corrected], chain(fill)).revisions).toEqual(['FILL:1 rev 1 ok 12']);
    expect(merge([busted], chain(fill, corrected)).revisions).toEqual(['FILL:1 rev 2 bust 10']);
  });

  test('older content once again is only remembered; a second read in a row books it', () => {
    const known = chain(fill, corrected);
    expect(merge([fill], known)).toEqual({ revisions: [], watch: ['FILL:1 pending something'] });
    expect(merge([fill], known, remembering('FILL:1', contentHash(fill)))).toEqual({
      revisions: ['FILL:1 rev 2 ok 10'],
      watch: ['FILL:1 pending nothing'],
    });
  });

  test('the newest content in between forgets the memory: one stale answer changes nothing', () => {
    const known = chain(fill, corrected);
    expect(merge([corrected], known, remembering('FILL:1', contentHash(fill)))).toEqual({
      revisions: [],
      watch: ['FILL:1 pending nothing'],
    });
  });

  test("a broker's own revision number decides: a lower one is an old answer", () => {
    const second = { ...corrected, brokerRev: 2 };
    const known = new Map([
      ['FILL:1', [{ ...second, rev: 2, firstSeenAt: NOW, contentHash: contentHash(second) }]],
    ]);
    expect(merge([{ ...fill, brokerRev: 1 }], known).revisions).toEqual([]);
    expect(merge([{ ...busted, brokerRev: 3 }], known).revisions).toEqual(['FILL:1 rev 3 bust 10']);
  });
});

describe('a sign that changed', () => {
  const minus: Activity = {
    ...fill,
    rootId: 'CFEE:7:BTCUSD:-',
    quantity: decimal('-0.001'),
    publishedAt: NOW,
  };
  const plus: Activity = { ...minus, rootId: 'CFEE:7:BTCUSD:+', quantity: decimal('0') };

  test('the opposite identity is superseded after two complete reads in a row, not after one', () => {
    const known = chain(minus);
    expect(merge([plus], known)).toEqual({
      revisions: ['CFEE:7:BTCUSD:+ rev 0 ok 0'],
      watch: ['CFEE:7:BTCUSD:- pending something'],
    });
    expect(merge([plus], known, remembering('CFEE:7:BTCUSD:-', 'superseded')).revisions).toEqual([
      'CFEE:7:BTCUSD:+ rev 0 ok 0',
      'CFEE:7:BTCUSD:- rev 1 bust -0.001',
    ]);
  });

  test('both signs of one event side by side are two rows', () => {
    expect(merge([minus, plus], chain(minus)).watch).toEqual([]);
  });
});

describe('known-id proof', () => {
  const expected = ['FILL:1', 'FILL:2', 'SPLIT:3:XMPL:-'].map((rootId) => ({ rootId, watch: null }));

  test('names what a window should have held', () => {
    expect(absentFrom([fill], expected).map((row) => row.rootId)).toEqual(['FILL:2', 'SPLIT:3:XMPL:-']);
    expect(
      absentFrom([fill, { ...fill, rootId: 'FILL:2' }, { ...fill, rootId: 'SPLIT:3:XMPL:+' }], expected),
    ).toEqual([]);
  });

  test('three deep scans in a row give an identity up, two do not', () => {
    const twice = countAbsence('FILL:2', countAbsence('FILL:2', null));
    expect(twice).toMatchObject({ absentScans: 2, withdrawn: false });
    expect(countAbsence('FILL:2', twice)).toMatchObject({ absentScans: 3, withdrawn: true });
  });

  test('what was given up is no longer asked for', () => {
    const watch = { rootId: 'FILL:2', absentScans: 3, withdrawn: true, pendingContentHash: null };
    expect(absentFrom([fill], [{ rootId: 'FILL:2', watch }])).toEqual([]);
  });
});
