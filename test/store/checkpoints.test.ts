/** Checkpoints: which are kept as a ledger grows, and what takes them away again. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decimal } from '../../src/domain/decimal.ts';
import { checkpointCounts } from '../../src/store/checkpointCounts.ts';
import { type BookCheckpoint, type Store } from '../../src/store/store.ts';
import { forEachDatabase } from './databases.ts';
import { AT, commitOf, fill, findingOf, minutesLater, ready } from './samples.ts';

describe('places worth keeping', () => {
  it('are about twelve, the end among them, and close together towards it', () => {
    expect(checkpointCounts(0)).toEqual([]);
    expect(checkpointCounts(1)).toEqual([1]);
    expect(checkpointCounts(63)).toEqual([63]);
    expect(checkpointCounts(64)).toEqual([64]);
    expect(checkpointCounts(200)).toEqual([200, 192, 128]);
    expect(checkpointCounts(50_000)).toEqual([
      50_000, 49_984, 49_920, 49_664, 49_152, 48_128, 45_056, 32_768,
    ]);
    for (const total of [1_000_000, 65_537, 65_536, 16_385]) {
      expect(checkpointCounts(total).length).toBeLessThanOrEqual(15);
    }
  });

  it('of one more activity are among those there are, so that none has to be made anew', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300_000 }), (total) => {
        const known = new Set([...checkpointCounts(total), total + 1]);
        expect(checkpointCounts(total + 1).filter((count) => !known.has(count))).toEqual([]);
      }),
      { numRuns: 2000 },
    );
  });

  it('let a late activity fold again at most eight times its own distance, or 128', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 300_000 }),
        fc.integer({ min: 1, max: 300_000 }),
        (total, far) => {
          fc.pre(far <= total);
          const start = checkpointCounts(total).find((count) => count <= total - far) ?? 0;
          expect(total - start).toBeLessThanOrEqual(Math.max(128, 8 * far));
        },
      ),
      { numRuns: 2000 },
    );
  });
});

function checkpointBehind(
  minutes: number,
  count: number,
  change: Partial<BookCheckpoint> = {},
): BookCheckpoint {
  return {
    epoch: 1,
    lastExecutedAt: minutesLater(minutes),
    lastRootId: `FILL:${minutes}`,
    activityCount: count,
    rulesHash: 'rules',
    state: `{"count":${count}}`,
    lots: `lots of ${count}`,
    ...change,
  };
}

const fillAt = (minutes: number, change: Parameters<typeof fill>[1] = {}, rev = 0) =>
  fill(`FILL:${minutes}`, { executedAt: minutesLater(minutes), ...change }, { rev });
const counts = async (store: Store): Promise<number[]> =>
  (await store.checkpoints(1, 1)).map((entry) => entry.activityCount);

/** A ledger of so many fills, a minute apart, with a checkpoint at every place worth keeping. */
async function grown(store: Store, total: number) {
  const { account, lease } = await ready(store);
  const revisions = Array.from({ length: total }, (_none, index) => fillAt(index + 1));
  const [newest = total, ...earlier] = checkpointCounts(total);
  await store.commitRun(
    commitOf(lease, {
      revisions,
      checkpoint: checkpointBehind(newest, newest),
      earlierCheckpoints: earlier.map((count) => checkpointBehind(count, count)),
    }),
  );
  return { account, lease };
}

forEachDatabase('checkpoints', (open) => {
  it('are kept at several places, and read with their texts one at a time', async () => {
    const { store } = await open();
    const { account, lease } = await grown(store, 200);
    expect(await counts(store)).toEqual([200, 192, 128]);
    const [newest, middle] = await store.checkpoints(account.id, 1);
    expect(newest).toEqual({
      epoch: 1,
      lastExecutedAt: minutesLater(200),
      lastRootId: 'FILL:200',
      activityCount: 200,
      rulesHash: 'rules',
    });
    expect(await store.checkpointAt(account.id, middle!)).toEqual(checkpointBehind(192, 192));
    expect(await store.checkpointAt(account.id, { ...middle!, lastRootId: 'nobody' })).toBeNull();
    expect(await store.checkpoints(account.id, 2)).toEqual([]);
    expect((await store.syncState(account.id)).checkpoint).toEqual(checkpointBehind(200, 200));

    await store.commitRun(
      commitOf(lease, { revisions: [fillAt(201)], checkpoint: checkpointBehind(201, 201) }),
    );
    expect(await counts(store)).toEqual([201, 192, 128]);
  });

  it('behind a late activity go, and no older one passes for the whole ledger', async () => {
    const database = await open();
    const { store } = database;
    const { account, lease } = await grown(store, 200);
    const late = fill('FILL:late', { executedAt: minutesLater(150) });
    await store.commitRun(commitOf(lease, { revisions: [late] }));
    expect(await counts(store)).toEqual([128]);
    expect((await store.syncState(account.id)).checkpoint).toBeNull();
    expect((await (await database.again()).syncState(account.id)).checkpoint).toBeNull();
    const rest = await store.bookActivities(account.id, 1, (await store.checkpoints(account.id, 1))[0]!);
    expect(rest).toHaveLength(201 - 128);
    await store.commitRun(commitOf(lease, { checkpoint: checkpointBehind(200, 201) }));
    expect(await counts(store)).toEqual([201, 128]);
    expect((await store.syncState(account.id)).checkpoint).toMatchObject({ activityCount: 201 });
  });

  it('behind the old or the new place of a correction go', async () => {
    const { store } = await open();
    const { lease } = await grown(store, 200);
    await store.commitRun(commitOf(lease, { revisions: [fillAt(195, { price: decimal('1') }, 1)] }));
    expect(await counts(store)).toEqual([192, 128]);
    // Moved from its early place to a late one: what lies between holds it no more.
    const moved = fillAt(130, { executedAt: minutesLater(300) }, 1);
    await store.commitRun(commitOf(lease, { revisions: [moved] }));
    expect(await counts(store)).toEqual([128]);
    await store.commitRun(commitOf(lease, { checkpoint: 'drop' }));
    expect(await counts(store)).toEqual([]);
  });

  it('of other rules go with the first of the new ones', async () => {
    const { store } = await open();
    const { lease } = await grown(store, 200);
    const other = { rulesHash: 'LIFO' };
    await store.commitRun(
      commitOf(lease, {
        checkpoint: checkpointBehind(200, 200, other),
        earlierCheckpoints: [checkpointBehind(128, 128, other)],
      }),
    );
    expect(await store.checkpoints(1, 1)).toMatchObject([
      { activityCount: 200, ...other },
      { activityCount: 128, ...other },
    ]);
  });

  it('of a run that did not know what a person booked meanwhile are not kept', async () => {
    const { store } = await open();
    const { account, lease } = await grown(store, 70);
    await store.commitRun(commitOf(lease, { findings: [findingOf()] }));
    const { ledgerSeq } = await store.syncState(account.id);
    const [finding] = await store.findings({});
    const stated = fill('adjustment:1', { kind: 'adjustment', source: 'user', executedAt: minutesLater(65) });
    await store.decideFinding({
      accountId: account.id,
      findingId: finding!.id,
      state: 'resolved',
      reason: 'bought by phone',
      actor: 'user',
      at: AT,
      adjustment: stated,
    });
    expect(await counts(store)).toEqual([64]);
    // The run that was under way: it saw 71 activities, of which one is its own.
    const own = { revisions: [fillAt(71)], checkpoint: checkpointBehind(71, 71) };
    await store.commitRun(commitOf(lease, { ...own, ledgerSeq }));
    expect(await counts(store)).toEqual([64]);
    const state = await store.syncState(account.id);
    expect(state.checkpoint).toBeNull();
    await store.commitRun(
      commitOf(lease, { checkpoint: checkpointBehind(71, 72), ledgerSeq: state.ledgerSeq }),
    );
    expect((await store.syncState(account.id)).checkpoint).toMatchObject({ activityCount: 72 });
  });
});
