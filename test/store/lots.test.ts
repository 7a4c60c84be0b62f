/** Lots, closures and wash adjustments: exact both ways, many at once, and what a fold from a checkpoint on may change. */
import { expect, it } from 'vitest';
import { decimal } from '../../src/domain/decimal.ts';
import { equity } from '../../src/domain/instrument.ts';
import { type LotClosure } from '../../src/domain/lot.ts';
import { parseTradeDate } from '../../src/domain/time.ts';
import { type SentStatement } from '../../src/store/database.ts';
import { forEachDatabase } from './databases.ts';
import {
  AAPL,
  asText,
  AT,
  closureOf,
  commitOf,
  createAccount,
  fill,
  lotOf,
  lotsCommit,
  minutesLater,
  MSFT,
  NO_LOTS,
  ready,
  takeLease,
  washOf,
} from './samples.ts';

const ids = (rows: readonly { readonly id: string }[]): string[] => rows.map((row) => row.id);

forEachDatabase('lots', (open) => {
  it('come back exactly as they went in, unknown as unknown', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    const unknown = lotOf({
      id: 'transfer',
      cost: null,
      openCost: null,
      costSource: 'unknown',
      openCostBase: null,
      quantity: decimal('0.000000000000000001'),
      openedAt: minutesLater(5),
      acquiredDate: parseTradeDate('2019-02-28'),
    });
    const sold = lotOf({ openQuantity: decimal('0'), openCost: decimal('0') });
    const lost = closureOf({
      id: 'lost',
      cost: null,
      proceeds: null,
      realized: null,
      realizedBasis: 'unknown',
      term: null,
      holdingDays: null,
      realizedBaseCloseRate: null,
      rolled: decimal('-110.5'),
    });
    const assigned = closureOf({
      id: 'put and call',
      rolled: decimal('35.000000000000000001'),
      rolledProceeds: decimal('-149.999999999999999999'),
    });
    const { rolledProceeds: _, ...untold } = closureOf({ id: 'untold' });
    await store.commitRun(
      commitOf(lease, {
        instruments: [AAPL],
        lots: lotsCommit([unknown, sold], [closureOf(), lost, assigned, untold], [washOf()]),
      }),
    );
    const owner = { accountId: account.id, epoch: 1 };
    expect(asText(await store.lots({}))).toEqual(
      asText([
        { ...sold, ...owner },
        { ...unknown, ...owner },
      ]),
    );
    expect(asText(await store.closures({}))).toEqual(
      asText([
        { ...closureOf(), ...owner },
        { ...lost, ...owner },
        { ...assigned, ...owner },
        { ...untold, ...owner },
      ]),
    );
    expect(asText(await store.washAdjustments({}))).toEqual(asText([{ ...washOf(), ...owner }]));
  });

  it('are changed and removed by id, in the run that says so and not in one that failed', async () => {
    const { store } = await open();
    const { lease } = await ready(store);
    await store.commitRun(
      commitOf(lease, {
        instruments: [AAPL],
        lots: lotsCommit(
          [lotOf(), lotOf({ id: 'gone' })],
          [closureOf(), closureOf({ id: 'gone' })],
          [washOf()],
        ),
      }),
    );
    const halved = lotOf({ openQuantity: decimal('5'), openCost: decimal('751.25') });
    const change = {
      upsert: [halved],
      remove: ['gone'],
      closures: { upsert: [closureOf({ quantity: decimal('5') })], remove: ['gone'] },
      wash: { upsert: [], remove: [washOf().id] },
    };
    // An instrument nobody knows: refused with everything beside it.
    const broken = { ...change, upsert: [halved, lotOf({ id: 'x', instrument: MSFT.id })] };
    await expect(store.commitRun(commitOf(lease, { lots: broken }))).rejects.toThrow();
    expect(await store.lots({})).toHaveLength(2);

    await store.commitRun(commitOf(lease, { lots: change }));
    expect(asText(await store.lots({}))).toMatchObject([{ id: 'FILL:1', openQuantity: '5' }]);
    expect(asText(await store.closures({}))).toMatchObject([{ id: 'FILL:2/FILL:1', quantity: '5' }]);
    expect(await store.washAdjustments({})).toEqual([]);
  });

  it('are found by account, epoch, instrument, openness and id', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    const other = await createAccount(store, 'another');
    const lots = [
      lotOf({ id: 'held' }),
      lotOf({ id: 'sold', openQuantity: decimal('0') }),
      lotOf({ id: 'msft', instrument: MSFT.id }),
    ];
    await store.commitRun(commitOf(lease, { instruments: [AAPL, MSFT], lots: lotsCommit(lots) }));
    await store.commitRun(
      commitOf(await takeLease(store, other.id), { lots: lotsCommit([lotOf({ id: 'theirs' })]) }),
    );
    expect(ids(await store.lots({}))).toEqual(['held', 'sold', 'msft', 'theirs']);
    expect(ids(await store.lots({ accountId: account.id, instrument: AAPL.id }))).toEqual(['held', 'sold']);
    expect(ids(await store.lots({ accountId: account.id, open: true }))).toEqual(['held', 'msft']);
    expect(ids(await store.lots({ open: false }))).toEqual(['sold']);
    expect(ids(await store.lots({ ids: ['theirs', 'held', 'nobody'] }))).toEqual(['held', 'theirs']);
    expect(await store.lots({ ids: [] })).toEqual([]);
    await store.newEpoch(lease, minutesLater(5), 'test');
    // Totals never span epochs: what is not asked for by its number is of the current one.
    expect(ids(await store.lots({}))).toEqual(['theirs']);
    expect(ids(await store.lots({ accountId: account.id, epoch: 1, open: true }))).toEqual(['held', 'msft']);
  });

  it('tell their closures by day, time and lot, and wash adjustments by the day of the loss', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    const onDay = (id: string, day: string, change: Partial<LotClosure> = {}) =>
      closureOf({ id, closedDate: parseTradeDate(day), ...change });
    await store.commitRun(
      commitOf(lease, {
        instruments: [AAPL, MSFT],
        lots: lotsCommit(
          [],
          [
            onDay('late', '2025-08-22', { closedAt: minutesLater(60), lotId: 'b' }),
            onDay('a', '2025-08-20', { instrument: MSFT.id }),
            onDay('b', '2025-08-21', { lotId: 'b' }),
          ],
          [washOf({ id: 'w1', closureId: 'a' }), washOf({ id: 'w2', closureId: 'late' })],
        ),
      }),
    );
    const day = parseTradeDate;
    expect(ids(await store.closures({}))).toEqual(['a', 'b', 'late']);
    expect(ids(await store.closures({ from: day('2025-08-21') }))).toEqual(['b', 'late']);
    expect(ids(await store.closures({ from: day('2025-08-21'), to: day('2025-08-21') }))).toEqual(['b']);
    expect(ids(await store.closures({ accountId: account.id, lotIds: ['b'] }))).toEqual(['b', 'late']);
    expect(ids(await store.closures({ closedAfter: minutesLater(30) }))).toEqual(['late']);
    expect(ids(await store.closures({ instrument: MSFT.id, epoch: 1 }))).toEqual(['a']);
    expect(ids(await store.washAdjustments({ to: day('2025-08-21') }))).toEqual(['w1']);
    expect(ids(await store.washAdjustments({ from: day('2025-08-21') }))).toEqual(['w2']);
    expect(ids(await store.washAdjustments({ closureIds: ['late', 'b'] }))).toEqual(['w2']);
  });

  it('go by thousands in a few statements, and cost nothing where nothing differs', async () => {
    const sent: SentStatement[] = [];
    const { store } = await open({ onStatement: (statement) => sent.push(statement) });
    const { lease } = await ready(store);
    sent.length = 0;
    const many = Array.from({ length: 10_000 }, (_none, index) => `FILL:${index}`);
    const lots = lotsCommit(
      many.map((id, index) => lotOf({ id, cost: decimal(`${index}.25`) })),
      many.map((lotId) => closureOf({ id: `close of ${lotId}`, lotId })),
    );
    await store.commitRun(commitOf(lease, { instruments: [AAPL], lots }));
    const ofLots = () => sent.filter(({ sql }) => /(INTO|FROM) "?lot/.test(sql));
    expect(ofLots().length).toBeLessThanOrEqual(4);
    expect(ofLots().reduce((sum, statement) => sum + statement.rowsWritten, 0)).toBe(20_000);

    sent.length = 0;
    await store.commitRun(commitOf(lease, { lots }));
    expect(ofLots().reduce((sum, statement) => sum + statement.rowsWritten, 0)).toBe(0);

    sent.length = 0;
    const closures = { upsert: [], remove: lots.closures.upsert.map((closure) => closure.id) };
    await store.commitRun(commitOf(lease, { lots: { ...NO_LOTS, remove: many, closures } }));
    expect(ofLots().length).toBeLessThanOrEqual(40);
    expect(await store.lots({})).toEqual([]);
    expect(await store.closures({})).toEqual([]);
  });
});

forEachDatabase('lots since a checkpoint', (open) => {
  it('are those that a fold from there on can change, to the very activity', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    // Three sales at one instant: their order is that of their ids, and the checkpoint stands behind the second.
    const sale = (rootId: string, minutes: number) =>
      fill(rootId, { side: 'sell', quantity: decimal('-1'), executedAt: minutesLater(minutes) });
    const revisions = [fill('buy'), sale('s1', 10), sale('s2', 10), sale('s3', 10), sale('s4', 20)];
    const closed = { openQuantity: decimal('0') };
    const closing = (rootId: string, lotId: string, minutes: number) =>
      closureOf({ id: rootId, activityRootId: rootId, lotId, closedAt: minutesLater(minutes) });
    await store.commitRun(
      commitOf(lease, {
        revisions,
        lots: lotsCommit(
          [
            lotOf({ id: 'open' }),
            lotOf({ id: 'closed before', ...closed }),
            lotOf({ id: 'closed behind', ...closed }),
            lotOf({ id: 'opened by s2', ...closed, activityRootId: 's2', openedAt: minutesLater(10) }),
            lotOf({ id: 'opened by s3', ...closed, activityRootId: 's3', openedAt: minutesLater(10) }),
            lotOf({ id: 'opened by s4', ...closed, activityRootId: 's4', openedAt: minutesLater(20) }),
          ],
          [
            closing('s1', 'closed before', 10),
            closing('s2', 'closed before', 10),
            closing('s3', 'closed behind', 10),
            closing('s4', 'closed behind', 20),
          ],
        ),
      }),
    );
    const place = { epoch: 1, lastExecutedAt: minutesLater(10), lastRootId: 's2' };
    const since = await store.lotsSince(account.id, 1, place);
    expect(ids(since.lots)).toEqual(['closed behind', 'open', 'opened by s3', 'opened by s4']);
    expect(ids(since.closures)).toEqual(['s3', 's4']);
    // The same activities that a fold from there gets.
    expect((await store.bookActivities(account.id, 1, place)).map((row) => row.rootId)).toEqual(['s3', 's4']);

    const all = await store.lotsSince(account.id, 1, null);
    expect([all.lots.length, all.closures.length]).toEqual([6, 4]);
    expect(await store.lotsSince(account.id, 2, null)).toEqual({ lots: [], closures: [] });
  });

  it('name the instrument they have, also one of which no activity speaks', async () => {
    const { store } = await open();
    const { lease } = await ready(store);
    const spun = equity('SPUN');
    await store.commitRun(
      commitOf(lease, {
        instruments: [spun],
        lots: lotsCommit([lotOf({ instrument: spun.id, openedAt: AT })]),
      }),
    );
    expect((await store.lots({})).map((lot) => lot.instrument)).toEqual([spun.id]);
  });
});
