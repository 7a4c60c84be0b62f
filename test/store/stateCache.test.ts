/** What is kept from run to run while one lease is held is what the database says; nothing kept outlives its rows. */
import { afterEach, describe, expect, it } from 'vitest';
import { equity } from '../../src/domain/instrument.ts';
import { openDatabase } from '../../src/store/open.ts';
import { bookStore } from '../../src/store/bookStore.ts';
import { type SentStatement } from '../../src/store/database.ts';
import { type Lease, type RunCommit, type Store } from '../../src/store/store.ts';
import { closeAll, emptyDatabase, forEachDatabase, later, stillClock } from './databases.ts';
import { AAPL, AT, asText, commitOf, fill, fullCommit, minutesLater, positionOf, ready } from './samples.ts';

/** A store whose statements are counted. */
async function counted(open: Parameters<Parameters<typeof forEachDatabase>[1]>[0]) {
  const sent: SentStatement[] = [];
  const database = await open({ onStatement: (statement) => void sent.push(statement) });
  return {
    ...database,
    /** Statements that the work sends. */
    during: async (work: () => Promise<unknown>): Promise<number> => {
      sent.length = 0;
      await work();
      return sent.length;
    },
  };
}

const known: Pick<RunCommit, 'orders'> = {
  orders: [{ orderId: 'order-of-FILL:1', clientOrderId: null, parentOrderId: null, nextLookupAt: null }],
};

async function idle(store: Store, lease: Lease): Promise<void> {
  await store.commitRun(commitOf(lease));
}

forEachDatabase('the state kept under one lease', (open) => {
  it('is read once, carried over commits, and is what another process reads', async () => {
    const { store, again, during } = await counted(open);
    const { account, lease } = await ready(store);
    const other = await again({ onStatement: () => undefined });
    await store.syncState(account.id);
    for (const commit of [
      commitOf(lease, { instruments: [AAPL], revisions: [fill('FILL:1')], ...known }),
      commitOf(lease, { positions: { upsert: [positionOf(account.id)], remove: [] } }),
      commitOf(lease, {
        freshness: fullCommit(lease).freshness,
        cursors: fullCommit(lease).cursors,
        marks: fullCommit(lease).marks,
        positionObservations: fullCommit(lease).positionObservations,
        balanceObservations: fullCommit(lease).balanceObservations,
        checkpoint: fullCommit(lease).checkpoint,
      }),
      commitOf(lease, { checkpoint: 'drop' }),
      commitOf(lease, {
        positions: {
          upsert: [positionOf(account.id, { state: 'closed', closedAt: AT, closedRootId: 'FILL:2' })],
          remove: [],
        },
      }),
    ]) {
      await store.commitRun(commit);
      // The stamp alone: a hit.
      expect(await during(() => store.syncState(account.id))).toBe(1);
      const [kept, stored] = [await store.syncState(account.id), await other.syncState(account.id)];
      const terms = [...stored.instruments.keys()].map((id) => kept.instruments.get(id));
      expect(asText({ ...kept, instruments: terms })).toEqual(
        asText({ ...stored, instruments: [...stored.instruments.values()] }),
      );
    }
  });

  it('asks for the order of a new fill after it knew that none was wanted', async () => {
    const { store, during } = await counted(open);
    const { account, lease } = await ready(store);
    const wanted = async () =>
      (await store.ordersWanted(account.id, 1, AT, 10)).map((order) => order.orderId);
    await store.syncState(account.id);
    await store.commitRun(commitOf(lease, { instruments: [AAPL], revisions: [fill('FILL:1')], ...known }));
    await store.syncState(account.id);
    expect(await wanted()).toEqual([]);
    await idle(store, lease);
    await store.syncState(account.id);
    // Known without asking the database, also over a commit that learned nothing.
    expect(await during(wanted)).toBe(0);
    await store.commitRun(commitOf(lease, { revisions: [fill('FILL:2')] }));
    await store.syncState(account.id);
    expect(await wanted()).toEqual(['order-of-FILL:2']);
  });

  it('asks again for an order that was not known once its time has come', async () => {
    const { store, during } = await counted(open);
    const { account, lease } = await ready(store);
    const at = (minutes: number) => store.ordersWanted(account.id, 1, minutesLater(minutes), 10);
    await store.syncState(account.id);
    const revisions = [fill('FILL:1')];
    const orders = [{ ...known.orders[0]!, nextLookupAt: minutesLater(30) }];
    await store.commitRun(commitOf(lease, { instruments: [AAPL], revisions, orders }));
    await store.syncState(account.id);
    expect(await at(1)).toEqual([]);
    expect(await during(() => at(29))).toBe(0);
    expect((await at(30)).map((order) => order.orderId)).toEqual(['order-of-FILL:1']);
    // Told when to ask next: later than was known before.
    await store.commitRun(commitOf(lease, { orders: [{ ...orders[0]!, nextLookupAt: minutesLater(60) }] }));
    await store.syncState(account.id);
    expect(await at(30)).toEqual([]);
    expect((await at(60)).map((order) => order.orderId)).toEqual(['order-of-FILL:1']);
  });

  it('knows the end of a verification, and the terms that another account wrote', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    const second = await ready(store, 'alpaca-live');
    await store.commitRun({ ...fullCommit(lease), findings: [], greeks: [], pin: null });
    await store.syncState(account.id);
    await idle(store, lease);
    expect((await store.syncState(account.id)).freshness[0]!.verified).toBe(true);
    await store.endVerification(lease);
    expect((await store.syncState(account.id)).freshness[0]!.verified).toBe(false);

    const renamed = { ...AAPL, symbol: 'AAPL.NEW' };
    await store.syncState(second.account.id);
    await store.commitRun(commitOf(second.lease, { instruments: [renamed] }));
    expect((await store.syncState(account.id)).instruments.get(AAPL.id)?.symbol).toBe('AAPL.NEW');
  });

  it('lets instruments of rows that are gone go once they are many', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    await store.syncState(account.id);
    await store.commitRun(commitOf(lease, { instruments: [AAPL] }));
    expect([...(await store.syncState(account.id)).instruments.keys()]).toEqual([AAPL.id]);
    const many = Array.from({ length: 1001 }, (_, index) => equity(`X${index}`));
    await store.commitRun(commitOf(lease, { instruments: many }));
    expect((await store.syncState(account.id)).instruments.size).toBe(0);
  });

  it('takes no answer for stored that somebody else took away', async () => {
    const { store, again, sql } = await open();
    const { account, lease } = await ready(store);
    const { payloads } = fullCommit(lease);
    const stored = async () => (await sql('SELECT sha256 FROM payload_body')).length;
    await store.syncState(account.id);
    await store.commitRun(commitOf(lease, { payloads }));
    // Another process prunes, and writes a run of its own.
    await sql(
      'INSERT INTO prune_permit (id, audit_seq) VALUES (1, 1); DELETE FROM payload_body; DELETE FROM prune_permit',
    );
    await (await again()).commitRun(commitOf(lease));
    await store.syncState(account.id);
    await store.commitRun(commitOf(lease, { payloads }));
    expect(await stored()).toBe(1);
  });
});

/** A store over a database that does something within the next read or write, when its statements are through. */
async function interrupted() {
  const url = await emptyDatabase('postgres');
  const database = await openDatabase({ url, clock: stillClock(), allowUnsafeDurability: true });
  later(() => database.close());
  let next: { in: 'read' | 'write'; work: () => Promise<void> } | null = null;
  const after = async <Result>(kind: 'read' | 'write', result: Result): Promise<Result> => {
    if (next?.in !== kind) return result;
    const { work } = next;
    next = null;
    await work();
    return result;
  };
  const store = bookStore(
    {
      ...database,
      read: (work) => database.read(async (queries) => after('read', await work(queries))),
      write: (work, ...rest) =>
        database.write(async (queries) => after('write', await work(queries)), ...rest),
    },
    1,
  );
  const { account, lease } = await ready(store);
  const { freshness } = fullCommit(lease);
  await store.commitRun(commitOf(lease, { freshness }));
  return {
    store,
    account,
    lease,
    within: (kind: 'read' | 'write', work: () => Promise<void>) => void (next = { in: kind, work }),
    isVerified: async () => (await store.syncState(account.id)).freshness[0]!.verified,
  };
}

describe('a state that was read before a COMMIT is not kept after it', () => {
  afterEach(closeAll);

  it('read while the write waits for its COMMIT', async () => {
    const { store, lease, within, isVerified } = await interrupted();
    within('write', async () => expect(await isVerified()).toBe(true));
    await store.endVerification(lease);
    expect(await isVerified()).toBe(false);
  });

  it('read over the whole of the write', async () => {
    const { store, lease, within, isVerified } = await interrupted();
    within('read', () => store.endVerification(lease));
    expect(await isVerified()).toBe(true);
    expect(await isVerified()).toBe(false);
  });
});
