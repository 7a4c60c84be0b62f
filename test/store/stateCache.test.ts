/** What a store keeps of the state of a sync, and when it must read again (random weeks hold the rest against it). */
import { expect, it } from 'vitest';
import { type SentStatement } from '../../src/store/database.ts';
import { forEachDatabase } from './databases.ts';
import {
  AAPL,
  asText,
  AT,
  commitOf,
  fill,
  findingOf,
  holder,
  minutesLater,
  MSFT,
  observationOf,
  positionOf,
  ready,
  takeLease,
} from './samples.ts';

forEachDatabase('the kept state', (open) => {
  it('costs one statement while nothing changed, and follows our own commits', async () => {
    const sent: SentStatement[] = [];
    const database = await open({ onStatement: (statement) => sent.push(statement) });
    const { store } = database;
    const { account, lease } = await ready(store);
    await store.commitRun(
      commitOf(lease, { instruments: [AAPL], positions: { upsert: [positionOf(account.id)], remove: [] } }),
    );
    await store.syncState(account.id);
    sent.length = 0;
    const kept = await store.syncState(account.id);
    expect(sent).toHaveLength(1);
    expect(await store.syncState(account.id)).toBe(kept);

    const cursors = [{ name: 'activities', position: AT, updatedAt: AT } as const];
    await store.commitRun(
      commitOf(lease, {
        instruments: [MSFT],
        cursors,
        positions: { upsert: [positionOf(account.id, { instrument: MSFT.id })], remove: [] },
        positionObservations: [observationOf({ instrument: MSFT.id })],
      }),
    );
    sent.length = 0;
    const after = await store.syncState(account.id);
    expect(sent).toHaveLength(1);
    expect(after.positions.map((row) => row.instrument)).toEqual([AAPL.id, MSFT.id]);
    const other = await database.again();
    expect(asText(after)).toEqual(asText(await other.syncState(account.id)));
  });

  it('is read again after somebody else wrote, after a finding, and after an agent started', async () => {
    const database = await open();
    const { store } = database;
    const { account, lease } = await ready(store);
    const freshness = [
      {
        dataClass: 'positions',
        asOf: AT,
        asOfMonoMs: 1,
        monoEpoch: 'e',
        fetchedAt: AT,
        reconciled: true,
        verified: true,
      } as const,
    ];
    await store.commitRun(commitOf(lease, { freshness }));
    const before = await store.syncState(account.id);
    await store.endVerification(lease);
    expect((await store.syncState(account.id)).freshness[0]).toMatchObject({ verified: false });
    await store.commitRun(commitOf(lease, { findings: [findingOf()] }));
    expect((await store.syncState(account.id)).findings).toHaveLength(1);
    const other = await database.again();
    // Under the very same lease, as no two stores should: the run itself tells.
    const stray = [{ name: 'search', position: AT, updatedAt: AT } as const];
    await other.commitRun(commitOf(lease, { cursors: stray }));
    expect((await store.syncState(account.id)).cursors.map((row) => row.name)).toContain('search');
    await store.releaseLease(lease);

    const theirs = await takeLease(other, account.id, holder({ incarnation: 'another process' }));
    const cursors = [{ name: 'activities', position: AT, updatedAt: minutesLater(5) } as const];
    await other.commitRun(commitOf(theirs, { cursors }));
    const after = await store.syncState(account.id);
    expect(after.cursors).toHaveLength(before.cursors.length + 2);
    expect(asText(after)).toEqual(asText(await other.syncState(account.id)));
    await expect(store.commitRun(commitOf(lease))).rejects.toMatchObject({ code: 'lease_lost' });
    expect(asText(await store.syncState(account.id))).toEqual(asText(after));
  });

  it('keeps what stands beside an answer while the ledger stays the same, whatever the end of the window', async () => {
    const sent: SentStatement[] = [];
    const database = await open({ onStatement: (statement) => sent.push(statement) });
    const { store } = database;
    const { account, lease } = await ready(store);
    const ids = ['FILL:1', 'FILL:2', 'FILL:3'];
    await store.commitRun(
      commitOf(lease, {
        revisions: [1, 2].map((minute) => fill(`FILL:${minute}`, { publishedAt: minutesLater(minute) })),
      }),
    );
    const other = await database.again();
    /** As this store answers, in how many statements; it must be what a store answers that keeps nothing. */
    const beside = async (from: number, until: number, asked = ids): Promise<number> => {
      await store.syncState(account.id);
      sent.length = 0;
      const window = { publishedAfter: minutesLater(from), publishedBefore: minutesLater(until) };
      const answer = await store.ledgerBeside(account.id, 1, window, asked);
      const statements = sent.length;
      const read = await other.ledgerBeside(account.id, 1, window, asked);
      expect(asText(answer)).toEqual(asText(read));
      return statements;
    };
    expect(await beside(0, 30)).toBe(1);
    expect(await beside(0, 30)).toBe(0);
    // The end of the window moves on with the clock, its start with the cursor; order and repetition say nothing.
    expect(await beside(0, 2, ['FILL:3', 'FILL:1', 'FILL:2', 'FILL:1'])).toBe(0);
    expect(await beside(1, 30)).toBe(0);
    expect(await beside(-5, 30)).toBe(1);
    expect(await beside(0, 30, ['FILL:1', 'FILL:2'])).toBe(1);

    // A commit that leaves the ledger alone carries it over; a memory, a revision and another writer do not.
    const cursors = [{ name: 'activities', position: AT, updatedAt: AT } as const];
    await store.commitRun(commitOf(lease, { cursors }));
    expect(await beside(0, 30, ['FILL:1', 'FILL:2'])).toBe(0);
    const watch = [{ rootId: 'FILL:1', absentScans: 1, withdrawn: false, pendingContentHash: null }];
    await store.commitRun(commitOf(lease, { watch }));
    expect(await beside(0, 30)).toBe(1);
    await store.commitRun(commitOf(lease, { revisions: [fill('FILL:3', { publishedAt: minutesLater(3) })] }));
    expect(await beside(0, 30)).toBe(1);
    await other.commitRun(commitOf(lease, { watch: [{ ...watch[0]!, rootId: 'FILL:2', absentScans: 2 }] }));
    expect(await beside(0, 30)).toBe(1);
  });
});
