import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ACTIVITY_KINDS, compareActivities } from '../../src/domain/activity.ts';
import { contentHash } from '../../src/domain/contentHash.ts';
import { decimal } from '../../src/domain/decimal.ts';
import { option } from '../../src/domain/instrument.ts';
import { addMs } from '../../src/domain/time.ts';
import { forEachDatabase } from './databases.ts';
import { type Instant } from '../../src/domain/time.ts';
import { AAPL, asText, AT, commitOf, fill, minutesLater, ready } from './samples.ts';

forEachDatabase('the ledger', (open) => {
  it('keeps every revision and shows the newest', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    const first = fill('FILL:1');
    const second = fill('FILL:2', { instrument: option('SPY250822C00635000'), executedAt: minutesLater(1) });
    await store.commitRun(commitOf(lease, { revisions: [first, second] }));
    const corrected = fill('FILL:1', { price: decimal('150.2') }, { rev: 1, firstSeenAt: minutesLater(5) });
    const bust = fill('FILL:1', { price: decimal('150.2'), status: 'bust' }, { rev: 2 });
    await store.commitRun(commitOf(lease, { revisions: [corrected, bust] }));

    const chains = await store.revisions(account.id, 1, ['FILL:2', 'FILL:1', 'FILL:3']);
    expect(asText(chains)).toEqual(
      asText(
        new Map([
          ['FILL:1', [first, corrected, bust]],
          ['FILL:2', [second]],
        ]),
      ),
    );
    expect(await store.revisions(account.id, 2, ['FILL:1'])).toEqual(new Map());
    expect(asText(await store.bookActivities(account.id, 1, null))).toEqual(asText([bust, second]));
    const rows = await store.ledger({});
    expect(rows.map((row) => [row.rootId, row.rev, row.status])).toEqual([
      ['FILL:2', 0, 'ok'],
      ['FILL:1', 2, 'bust'],
    ]);
    expect(await store.ledger({ kinds: ['fill'], since: minutesLater(1), limit: 5 })).toHaveLength(1);
    expect(await store.ledger({ limit: 1 })).toMatchObject([{ rootId: 'FILL:2' }]);
    expect(await store.ledger({ kinds: [] })).toEqual([]);
    expect(rows.map((row) => contentHash(row))).toEqual(rows.map((row) => row.contentHash));
  });

  it('refuses the same revision twice', async () => {
    const { store } = await open();
    const { lease } = await ready(store);
    await store.commitRun(commitOf(lease, { revisions: [fill('FILL:1')] }));
    await expect(store.commitRun(commitOf(lease, { revisions: [fill('FILL:1')] }))).rejects.toThrow(
      /unique/i,
    );
    expect(await store.runs({ limit: 5 })).toHaveLength(1);
  });

  it('keeps the name at execution when the instrument gets another one', async () => {
    const { store } = await open();
    const { lease } = await ready(store);
    await store.commitRun(commitOf(lease, { revisions: [fill('FILL:1')], instruments: [AAPL] }));
    await store.commitRun(commitOf(lease, { instruments: [{ ...AAPL, symbol: 'NEWNAME' }] }));
    expect((await store.ledger({}))[0]!.instrument).toMatchObject({ id: AAPL.id, symbol: 'AAPL' });
    expect((await store.instruments([AAPL.id])).get(AAPL.id)).toMatchObject({ symbol: 'NEWNAME' });
    // What a later fill remembers of its instrument does not undo today's name.
    await store.commitRun(commitOf(lease, { revisions: [fill('FILL:2')] }));
    expect((await store.instruments([AAPL.id])).get(AAPL.id)).toMatchObject({ symbol: 'NEWNAME' });
  });

  it('ends an older meaning of a name that now means something else', async () => {
    const database = await open();
    const { lease } = await ready(database.store);
    const alias = { scheme: 'ticker', alias: 'FB' };
    const old = { ...alias, instrument: AAPL.id };
    await database.store.commitRun(commitOf(lease, { aliases: [old] }));
    await database.store.commitRun(commitOf(lease, { aliases: [old] }, { startedAt: minutesLater(1) }));
    const next = { ...alias, instrument: 'equity:META:USD' as typeof AAPL.id };
    await database.store.commitRun(commitOf(lease, { aliases: [next] }, { startedAt: minutesLater(2) }));
    expect(
      await database.sql('SELECT instrument, valid_to FROM instrument_alias ORDER BY valid_from'),
    ).toEqual([
      { instrument: AAPL.id, valid_to: '2025-08-22T14:02:00.123456789Z' },
      { instrument: 'equity:META:USD', valid_to: null },
    ]);
  });

  it('knows which ids a re-read must show again', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    const seen = { firstSeenAt: minutesLater(1) };
    await store.commitRun(
      commitOf(lease, {
        revisions: [
          fill('old', { publishedAt: minutesLater(-60) }, seen),
          fill('known', { publishedAt: minutesLater(1) }, seen),
          fill('withdrawn', { publishedAt: minutesLater(1) }, seen),
          fill('too-young', { publishedAt: minutesLater(30) }, seen),
          fill('seen-late', { publishedAt: minutesLater(3) }, { firstSeenAt: minutesLater(900) }),
          fill('unpublished', { publishedAt: null }, seen),
          fill('by-a-person', { publishedAt: minutesLater(1), source: 'user' }, seen),
          fill('opening', { publishedAt: minutesLater(1), source: 'truebook' }, seen),
          fill('watched', { publishedAt: minutesLater(2) }, seen),
        ],
        watch: [
          { rootId: 'withdrawn', absentScans: 3, withdrawn: true, pendingContentHash: null },
          { rootId: 'watched', absentScans: 1, withdrawn: false, pendingContentHash: 'abc' },
        ],
      }),
    );
    // A correction is the same id: it is asked for once.
    const late = { rev: 1, firstSeenAt: minutesLater(90) };
    await store.commitRun(
      commitOf(lease, { revisions: [fill('known', { publishedAt: minutesLater(1) }, late)] }),
    );
    const expected = async (epoch: number, publishedAfter: typeof AT, rootIds: string[] = []) =>
      (
        await store.ledgerBeside(
          account.id,
          epoch,
          { publishedAfter, publishedBefore: minutesLater(30) },
          rootIds,
        )
      ).expected;
    const all = [
      { rootId: 'known', watch: null },
      {
        rootId: 'watched',
        watch: { rootId: 'watched', absentScans: 1, withdrawn: false, pendingContentHash: 'abc' },
      },
      { rootId: 'seen-late', watch: null },
    ];
    expect(await expected(1, AT)).toEqual(all);
    expect(await expected(1, minutesLater(1))).toHaveLength(2);
    expect(await expected(2, AT)).toEqual([]);
    // However many were read, and whichever of them the ledger knows.
    const strangers = Array.from({ length: 1200 }, (_, number) => `stranger-${number}`);
    expect(await expected(1, AT, ['known', ...strangers, 'watched'])).toEqual(all);
    const beside = await store.ledgerBeside(
      account.id,
      1,
      { publishedAfter: AT, publishedBefore: minutesLater(30) },
      ['known', ...strangers, 'watched', 'withdrawn', 'by-a-person'],
    );
    expect(
      [...beside.chains].map(([rootId, chain]) => `${rootId} ${chain.map((row) => row.rev).join(' ')}`),
    ).toEqual(['known 0 1', 'by-a-person 0', 'watched 0', 'withdrawn 0']);
    expect(asText(beside.chains.get('known'))).toEqual(
      asText((await store.revisions(account.id, 1, ['known'])).get('known')),
    );
    expect([...beside.watched.keys()].sort()).toEqual(['watched', 'withdrawn']);
  });

  it('asks for the orders behind fills until they are known, newest first', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    const dividend = fill('DIV:1', { kind: 'dividend', orderId: 'no-order' });
    const revisions = [
      fill('FILL:1', { orderId: 'o1' }),
      fill('FILL:2', { orderId: 'o2' }),
      fill('FILL:3', { orderId: 'o2' }),
    ];
    await store.commitRun(
      commitOf(lease, { revisions: [...revisions, dividend, fill('FILL:4', { orderId: null })] }),
    );
    const wanted = async (now: Instant, limit = 10) =>
      (await store.ordersWanted(account.id, 1, now, limit)).map((order) => order.orderId);
    expect(await wanted(AT)).toEqual(['o2', 'o1']);
    expect(await wanted(AT, 1)).toEqual(['o2']);
    const orders = [{ orderId: 'o2', clientOrderId: null, parentOrderId: 'combo', nextLookupAt: null }];
    await store.commitRun(commitOf(lease, { orders }));
    expect(await wanted(AT)).toEqual(['o1']);
  });

  it('asks again for orders that were asked for in vain, when their time has come and after all others', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    const unknown = (orderId: string, minutes: number) => ({
      orderId,
      clientOrderId: null,
      parentOrderId: null,
      nextLookupAt: minutesLater(minutes),
    });
    const revisions = ['o1', 'o2', 'o3', 'o4'].map((orderId, index) =>
      fill(`FILL:${index}`, { orderId, executedAt: minutesLater(index) }),
    );
    await store.commitRun(
      commitOf(lease, { revisions, orders: [unknown('o2', 20), unknown('o4', 10), unknown('o3', 30)] }),
    );
    const wanted = (minutes: number) => store.ordersWanted(account.id, 1, minutesLater(minutes), 10);
    expect(await wanted(9)).toEqual([{ orderId: 'o1', executedAt: minutesLater(0) }]);
    expect((await wanted(20)).map((order) => order.orderId)).toEqual(['o1', 'o4', 'o2']);
    const found = { orderId: 'o4', clientOrderId: 'auto-4', parentOrderId: null, nextLookupAt: null };
    await store.commitRun(commitOf(lease, { orders: [found] }));
    expect((await wanted(20)).map((order) => order.orderId)).toEqual(['o1', 'o2']);
  });

  it('marks fills whose order, or the order above it, was announced', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    const revisions = ['o1', 'o2', 'o3'].map((orderId, index) => fill(`FILL:${index}`, { orderId }));
    const orders = [{ orderId: 'o2', clientOrderId: 'auto-9', parentOrderId: 'combo', nextLookupAt: null }];
    await store.commitRun(
      commitOf(lease, { revisions: [...revisions, fill('FILL:9', { orderId: null })], orders }),
    );
    await store.announceOrder(account.id, 'combo', AT);
    await store.announceOrder(account.id, 'o1', AT);
    await store.announceOrder(account.id, 'o1', AT);
    const rows = (await store.ledger({ accountId: account.id })).map((row) => [
      row.orderId,
      row.announced,
      row.clientOrderId,
    ]);
    expect(Object.fromEntries(rows.map(([order, ...rest]) => [String(order), rest]))).toEqual({
      o1: [true, null],
      o2: [true, 'auto-9'],
      o3: [false, null],
      null: [false, null],
    });
  });

  it('hands out the book in its order, whatever the order of arrival, and from any checkpoint on', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    const anyActivity = fc.record({
      second: fc.integer({ min: 0, max: 3 }),
      nano: fc.constantFrom(0, 1, 200),
      kind: fc.constantFrom(...ACTIVITY_KINDS),
    });
    const given = fc.sample(fc.array(anyActivity, { minLength: 40, maxLength: 40 }), {
      numRuns: 1,
      seed: 7,
    })[0]!;
    const revisions = given.map((row, index) =>
      fill(`a${index}`, {
        kind: row.kind,
        executedAt: addMs(AT, row.second * 1000).replace(
          '123456789',
          `12345678${row.nano % 10}`,
        ) as typeof AT,
      }),
    );
    await store.commitRun(commitOf(lease, { revisions }));
    const sorted = [...revisions].sort(compareActivities);
    expect((await store.bookActivities(account.id, 1, null)).map((row) => row.rootId)).toEqual(
      sorted.map((row) => row.rootId),
    );
    for (const place of [0, 11, 38, 39]) {
      const last = sorted[place]!;
      const checkpoint = {
        epoch: 1,
        lastExecutedAt: last.executedAt,
        lastRootId: last.rootId,
        activityCount: 1,
        state: '{}',
      };
      const rest = await store.bookActivities(account.id, 1, checkpoint);
      expect(rest.map((row) => row.rootId)).toEqual(sorted.slice(place + 1).map((row) => row.rootId));
    }
    const nowhere = { epoch: 1, lastExecutedAt: AT, lastRootId: 'nobody', activityCount: 1, state: '{}' };
    await expect(store.bookActivities(account.id, 1, nowhere)).rejects.toMatchObject({ code: 'internal' });
  });

  it('lists events of one account from a place on, or the newest of all', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    const event = (symbol: string) =>
      ({ kind: 'opened', at: AT, instrument: null, symbol, facts: { a: null } }) as const;
    await store.commitRun(commitOf(lease, { events: [event('A'), event('B'), event('C')] }));
    const symbols = async (filter: Parameters<typeof store.bookEvents>[0]) =>
      (await store.bookEvents(filter)).map((row) => row.symbol);
    expect(await symbols({})).toEqual(['A', 'B', 'C']);
    expect(await symbols({ limit: 2 })).toEqual(['B', 'C']);
    expect(await symbols({ accountId: account.id, afterSeq: 1, limit: 1 })).toEqual(['B']);
    expect((await store.bookEvents({}))[0]!.facts).toEqual({ a: null });
  });
});
