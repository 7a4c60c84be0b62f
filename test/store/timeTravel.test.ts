/** The book as it was: what had happened by one moment, of what was known at another. */
import { expect, it } from 'vitest';
import { decimal } from '../../src/domain/decimal.ts';
import { newYorkDate, type Instant, type TradeDate } from '../../src/domain/time.ts';
import { type RunCommit, type Store } from '../../src/store/store.ts';
import { forEachDatabase } from './databases.ts';
import {
  AAPL,
  AT,
  commitOf,
  fill,
  findingOf,
  fullCommit,
  minutesLater,
  MSFT,
  observationOf,
  ready,
} from './samples.ts';

/** Commits runs, each a number of minutes after the first. */
async function runs(store: Store, ...changes: (readonly [number, Partial<RunCommit>])[]) {
  const { account, lease } = await ready(store);
  for (const [minutes, change] of changes) {
    const startedAt = minutesLater(minutes);
    await store.commitRun(commitOf(lease, { instruments: [AAPL, MSFT], ...change }, { startedAt }));
  }
  return { account, lease };
}

const bought = (rootId: string, executed: number, seen: number, rev = 0, quantity = '10') =>
  fill(
    rootId,
    { executedAt: minutesLater(executed), quantity: decimal(quantity) },
    { rev, firstSeenAt: minutesLater(seen) },
  );

forEachDatabase('the ledger as it was', (open) => {
  it('has all revisions of what moves an instrument, or did before it was corrected', async () => {
    const { store } = await open();
    const other = fill(
      'moved',
      { instrument: MSFT, executedAt: AT },
      { rev: 1, firstSeenAt: minutesLater(20) },
    );
    const { account } = await runs(
      store,
      [10, { revisions: [bought('a', 1, 10), bought('moved', 2, 10), fill('msft', { instrument: MSFT })] }],
      [20, { revisions: [other, bought('a', 1, 20, 1, '12')] }],
    );
    const told = async (...instruments: (typeof AAPL)[]) =>
      [
        ...(
          await store.revisionsMoving(
            account.id,
            1,
            instruments.map(({ id }) => id),
          )
        ).values(),
      ].map((chain) =>
        chain.map((row) => `${row.rootId} ${row.rev} ${row.instrument?.symbol ?? ''}`).join(', '),
      );
    expect(await told(AAPL)).toEqual(['a 0 AAPL, a 1 AAPL', 'moved 0 AAPL, moved 1 MSFT']);
    expect(await told(MSFT)).toEqual(['moved 0 AAPL, moved 1 MSFT', 'msft 0 MSFT']);
    expect(await told()).toEqual([]);
    expect((await store.revisionsMoving(account.id, 2, [AAPL.id])).size).toBe(0);
  });

  it('has all revisions of what was seen first or seen otherwise after a moment', async () => {
    const { store } = await open();
    const { account } = await runs(
      store,
      [10, { revisions: [bought('a', 1, 10), bought('b', 2, 10)] }],
      [20, { revisions: [bought('a', 1, 20, 1, '12'), bought('late', 3, 20)] }],
      // Its clock was behind.
      [30, { revisions: [bought('late', 3, 15, 1)] }],
    );
    const told = async (minutes: number, epoch = 1) =>
      [...(await store.revisionsSeenAfter(account.id, epoch, minutesLater(minutes))).values()].map((chain) =>
        chain.map((row) => `${row.rootId} ${row.rev}`).join(', '),
      );
    expect(await told(9)).toEqual(['a 0, a 1', 'b 0', 'late 0, late 1']);
    expect(await told(10)).toEqual(['a 0, a 1', 'late 0, late 1']);
    expect(await told(20)).toEqual([]);
    expect(await told(9, 2)).toEqual([]);
  });

  it('has the newest revisions known then, executed by then', async () => {
    const { store } = await open();
    const late = bought('late', 5, 60);
    const { account } = await runs(
      store,
      [10, { revisions: [bought('a', 1, 10), bought('b', 10, 10)] }],
      [60, { revisions: [bought('a', 1, 60, 1, '12'), late] }],
      // A correction that says it was executed later than was believed.
      [90, { revisions: [bought('b', 70, 90, 1)] }],
    );
    const then = async (asOf: number | null, knownAt: number | null, epoch = 1) =>
      (
        await store.bookActivitiesAsOf(account.id, epoch, {
          ...(asOf === null ? {} : { asOf: minutesLater(asOf) }),
          ...(knownAt === null ? {} : { knownAt: minutesLater(knownAt) }),
        })
      ).map((row) => `${row.rootId} ${row.rev} ${row.quantity.toString()}`);
    expect(await then(null, null)).toEqual(['a 1 12', 'late 0 10', 'b 1 10']);
    expect(await then(null, 59)).toEqual(['a 0 10', 'b 0 10']);
    expect(await then(null, 9)).toEqual([]);
    expect(await then(10, 60)).toEqual(['a 1 12', 'late 0 10', 'b 0 10']);
    expect(await then(69, null)).toEqual(['a 1 12', 'late 0 10']);
    expect(await then(1, 10)).toEqual(['a 0 10']);
    expect(await then(null, null, 2)).toEqual([]);
  });
});

forEachDatabase("the broker's statements as they were", (open) => {
  it('are of a clock that was behind where their ledger had what was executed later', async () => {
    const { store } = await open();
    const look = (asOf: number) => ({
      balanceObservations: [
        {
          ...fullCommit({} as never).balanceObservations[0]!,
          equity: decimal(`${asOf}`),
          asOf: minutesLater(asOf),
        },
      ],
    });
    const { account } = await runs(
      store,
      [10, { ...look(10), revisions: [bought('a', 9, 10), bought('b', 12, 10)] }],
      [500, { ...look(500), revisions: [bought('c', 499, 500)] }],
      // Set back by hours: what was seen at 500 is in this run's ledger.
      [100, look(100)],
      [600, look(600)],
    );
    const behind = async (from: number, epoch = 1) => [
      ...(await store.looksBehind(account.id, epoch, minutesLater(from), 120_000)),
    ];
    expect(await behind(0)).toEqual([minutesLater(100)]);
    expect(await behind(101)).toEqual([]);
    expect(await behind(0, 2)).toEqual([]);
  });

  it("are at a day's end those of its newest run, whatever the clocks said", async () => {
    const { store } = await open();
    const day = 24 * 60;
    const seen = (asOf: number, equity: string, held: Record<string, string>) => ({
      balanceObservations: [
        {
          ...fullCommit({} as never).balanceObservations[0]!,
          equity: decimal(equity),
          asOf: minutesLater(asOf),
          tradeDate: newYorkDate(minutesLater(asOf)),
        },
      ],
      positionObservations: Object.entries(held).map(([symbol, quantity]) =>
        observationOf({
          instrument: symbol === 'MSFT' ? MSFT.id : AAPL.id,
          quantity: decimal(quantity),
          asOf: minutesLater(asOf),
          tradeDate: newYorkDate(minutesLater(asOf)),
        }),
      ),
    });
    const { account } = await runs(
      store,
      // A day ahead, then set right.
      [10, seen(day + 30, '1', { AAPL: '9', MSFT: '4' })],
      [20, seen(20, '2', { AAPL: '9', MSFT: '0' })],
      // Set back within the day.
      [30, seen(5, '3', { AAPL: '7' })],
      [day + 10, seen(day + 10, '4', { AAPL: '6' })],
    );
    const end = async (date: TradeDate, knownAt: number | null = null, epoch = 1) => {
      const known = knownAt === null ? undefined : minutesLater(knownAt);
      const look = await store.lastLookOfDay(account.id, epoch, date, known);
      return [
        ...look.balances.map((row) => `${row.currency} ${String(row.equity)}`),
        ...look.observations.map((row) => `${row.instrument} ${row.quantity.toString()}`),
      ];
    };
    const [today, tomorrow] = [newYorkDate(minutesLater(0)), newYorkDate(minutesLater(day))];
    expect(await end(today)).toEqual(['USD 3', `${AAPL.id} 7`, `${MSFT.id} 0`]);
    expect(await end(today, 20)).toEqual(['USD 2', `${AAPL.id} 9`, `${MSFT.id} 0`]);
    expect(await end(tomorrow)).toEqual(['USD 4', `${AAPL.id} 6`, `${MSFT.id} 0`]);
    expect(await end(tomorrow, 30)).toEqual(['USD 1', `${AAPL.id} 9`, `${MSFT.id} 4`]);
    expect(await end(today, null, 2)).toEqual([]);
  });

  it('are the last by then of what runs had seen by then', async () => {
    const { store } = await open();
    const aapl = (quantity: string, asOf: number) =>
      observationOf({ quantity: decimal(quantity), mark: decimal(`${asOf}`), asOf: minutesLater(asOf) });
    const msft = observationOf({ instrument: MSFT.id, asOf: minutesLater(10) });
    const balance = (equity: string, asOf: number) => ({
      ...fullCommit({} as never).balanceObservations[0]!,
      equity: decimal(equity),
      asOf: minutesLater(asOf),
    });
    const { account } = await runs(
      store,
      [11, { positionObservations: [aapl('10', 10), msft], balanceObservations: [balance('1', 10)] }],
      [21, { positionObservations: [aapl('0', 20)] }],
      // An old stamp that a later run brought: the broker's answer was stale.
      [31, { positionObservations: [aapl('7', 15)], balanceObservations: [balance('2', 30)] }],
    );
    const then = async (asOf: number | null, knownAt: number | null, epoch = 1) => {
      const when = {
        ...(asOf === null ? {} : { asOf: minutesLater(asOf) }),
        ...(knownAt === null ? {} : { knownAt: minutesLater(knownAt) }),
      };
      const positions = await store.observationsAt(account.id, epoch, when);
      const balances = await store.balancesAt(account.id, epoch, when);
      return [
        ...positions.map((row) => `${row.instrument} ${row.quantity.toString()} at ${String(row.mark)}`),
        ...balances.map((row) => `${row.currency} ${String(row.equity)}`),
      ];
    };
    const held = [`${AAPL.id} 10 at 10`, `${MSFT.id} 10 at 151`, 'USD 1'];
    expect(await then(null, null)).toEqual([`${AAPL.id} 0 at 20`, `${MSFT.id} 10 at 151`, 'USD 2']);
    expect(await then(19, null)).toEqual([`${AAPL.id} 7 at 15`, ...held.slice(1)]);
    expect(await then(19, 30)).toEqual(held);
    expect(await then(null, 11)).toEqual(held);
    expect(await then(9, null)).toEqual([]);
    expect(await then(null, 10)).toEqual([]);
    expect(await then(null, null, 2)).toEqual([]);
  });
});

forEachDatabase('findings as they were', (open) => {
  const event = (kind: string, change: Record<string, string | null> = {}): RunCommit['events'][number] => ({
    kind: kind as 'finding_opened',
    at: AT,
    instrument: AAPL.id,
    symbol: 'AAPL',
    facts: {
      key: findingOf().key,
      type: 'missing',
      cause: 'unknown',
      confidence: 'possible',
      expected: '10',
      observed: '0',
      ...change,
    },
  });

  it('are told from events alone, whatever became of the rows', async () => {
    const database = await open();
    const { store } = database;
    const changed = { cause: 'expiry', confidence: 'likely', observed: null };
    await runs(
      store,
      [10, { events: [event('finding_opened')], findings: [findingOf()] }],
      [20, { events: [event('finding_changed', changed)] }],
      [30, { events: [event('finding_opened', { key: 'other' })] }],
      [40, { events: [{ ...event('finding_resolved'), facts: { key: findingOf().key } }] }],
      [50, { events: [event('finding_reopened')] }],
      [60, { events: [event('finding_dismissed')] }],
    );
    await database.sql('DELETE FROM finding');
    const then = async (minutes?: number) =>
      (await store.findingsThen(minutes === undefined ? {} : { knownAt: minutesLater(minutes) })).map((row) =>
        [
          row.key.split(':')[0],
          row.state,
          row.cause,
          String(row.observed),
          row.lastSeenAt === minutesLater(10),
        ].join(' '),
      );
    expect(await then(9)).toEqual([]);
    expect(await then(10)).toEqual(['missing open unknown 0 true']);
    expect(await then(20)).toEqual(['missing open expiry null false']);
    expect(await then(40)).toEqual(['missing resolved expiry null false', 'other open unknown 0 false']);
    expect(await then(50)).toEqual(['missing reopened unknown 0 false', 'other open unknown 0 false']);
    expect(await then()).toEqual(['missing dismissed unknown 0 false', 'other open unknown 0 false']);
    expect(await store.findingsThen({ accountId: 77 })).toEqual([]);
    expect((await store.findingsThen({}))[0]).toMatchObject({ firstSeenAt: minutesLater(10), epoch: 1 });
  });
});

forEachDatabase('everything else that was', (open) => {
  it('is bounded by when it was first seen', async () => {
    const { store } = await open();
    const { account, lease } = await runs(store, [10, {}], [20, {}]);
    const known = async (read: (knownAt: Instant) => Promise<readonly unknown[]>, ...minutes: number[]) =>
      Promise.all(minutes.map(async (one) => (await read(minutesLater(one))).length));
    const opening = {
      kind: 'opening',
      before: null,
      after: decimal('100'),
      currency: 'USD',
      at: minutesLater(1),
      tradeDate: fill('x').tradeDate,
      source: 'alpaca',
      causes: ['no_local_value'],
      env: 'paper',
    } as const;
    await store.commitRun(commitOf(lease, { bankroll: [opening] }, { startedAt: minutesLater(30) }));
    expect(await known((knownAt) => store.bankroll({ knownAt }), 29, 30)).toEqual([0, 1]);
    expect(await known((knownAt) => store.runs({ limit: 9, to: knownAt }), 9, 10, 30)).toEqual([0, 1, 3]);
    expect(await store.runs({ limit: 9, from: minutesLater(11), to: minutesLater(20) })).toMatchObject([
      { startedAt: minutesLater(20) },
    ]);
    await store.newEpoch(lease, minutesLater(40), 'test');
    await store.newEpoch(lease, minutesLater(50), 'test');
    const epochs = await Promise.all(
      [0, 39, 40, 49, 50].map((minutes) => store.epochThen(account.id, minutesLater(minutes))),
    );
    expect(epochs).toEqual([1, 1, 2, 2, 3]);
    expect(await known((knownAt) => store.bookEvents({ knownAt }), 39, 40, 50)).toEqual([0, 1, 2]);
    expect(await store.bookEvents({ epoch: 2 })).toHaveLength(1);
  });
});
