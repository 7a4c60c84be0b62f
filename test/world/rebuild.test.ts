/** A rebuild from ledger and evidence gives the very rows that the runs wrote, at every moment, on both databases. */
import { afterEach, describe, expect, test } from 'vitest';
import { now as instantNow, type Clock } from '../../src/domain/time.ts';
import { rebuildViews, verifyViews, type RebuildReport } from '../../src/sync/rebuild.ts';
import { LEASE_TTL_MS, requestSync } from '../../src/sync/requestSync.ts';
import { postgresSql, sqliteSql } from '../store/databases.ts';
import { createTestDatabase } from '../testDatabase.ts';
import { lotsOf, positionsOf, realizedOf, resolveFinding } from './walks.ts';
import { playWeeks } from './weeks.ts';
import { openWorld, type DatabaseKind, type World } from './world.ts';

const PAPER = 'alpaca-paper';
const opened: World[] = [];

afterEach(async () => {
  for (const world of opened.splice(0)) await world.close();
});

async function verified(world: World): Promise<RebuildReport> {
  const account = await world.truebook.account(PAPER);
  return verifyViews(world.truebook.store, account, world.truebook.records.latePublishing(account));
}

async function rebuilt(world: World): Promise<RebuildReport> {
  const { store, clock, records } = world.truebook;
  const account = await world.truebook.account(PAPER);
  const grant = await store.acquireLease(account.id, world.truebook.holder('command'), LEASE_TTL_MS);
  if (!('lease' in grant)) throw new Error('somebody holds it');
  const audit = { at: instantNow(clock), actor: 'test' };
  const report = await rebuildViews(store, account, grant.lease, audit, records.latePublishing(account));
  await store.releaseLease(grant.lease);
  return report;
}

/** A run of all whose own clock is so many hours ahead; the broker's is right. */
async function syncAhead(world: World, hours: number): Promise<void> {
  const { clock } = world.truebook;
  const seat = (await world.truebook.agentAccounts()).find(({ account }) => account.name === PAPER)!;
  const ahead: Clock = { ...clock, wallMs: () => clock.wallMs() + hours * 3_600_000 };
  const dependencies = { ...world.truebook.dependencies(seat, 'test'), clock: ahead };
  const holder = world.truebook.holder('command');
  const how = { holder, isGone: () => false, trigger: 'command', type: 'all', requestedBy: 'test' } as const;
  const { run } = await requestSync(dependencies, seat.account, { ...how, dryRun: false });
  expect(run.outcome).toBe('complete');
}

/** A run of all on a machine whose clock is so many hours behind, as everything in its process reads it. */
async function syncBehind(world: World, hours: number): Promise<void> {
  const clock: { wallMs(): number } = world.truebook.clock;
  const right = clock.wallMs.bind(clock);
  clock.wallMs = () => right() - hours * 3_600_000;
  await world.sync(PAPER);
  clock.wallMs = right;
}

/** What differs, as a person would look at it. */
function differences(report: RebuildReport): string[] {
  return report.tables.flatMap(({ table, examples }) =>
    examples.map(
      ({ key, stored, derived }) =>
        `${table} ${key}\n  ${JSON.stringify(stored)}\n  ${JSON.stringify(derived)}`,
    ),
  );
}

/** `position 1, lot 2`: how many rows of which tables differ. */
function counts({ tables }: RebuildReport): string {
  return tables.flatMap((row) => (row.differing === 0 ? [] : [`${row.table} ${row.differing}`])).join(', ');
}

function sql(world: World, text: string): Promise<Record<string, unknown>[]> {
  const { databaseUrl } = world;
  return databaseUrl.startsWith('sqlite:') ? sqliteSql(databaseUrl, text) : postgresSql(databaseUrl, text);
}

test('after every step of random weeks, the same on both databases', async () => {
  const play = async (makeDatabase: () => Promise<string | null>, runs: number): Promise<string[]> => {
    const hashes: string[] = [];
    await playWeeks({
      runs,
      seed: 20251203,
      makeDatabase,
      inspect: async (world, when) => {
        const report = await verified(world);
        expect(differences(report).join('\n')).toBe('');
        if (when === 'end')
          hashes.push(report.tables.map(({ stored }) => `${stored.rows} ${stored.hash}`).join(' '));
      },
    });
    return hashes;
  };
  const sqlite = await play(() => Promise.resolve(null), 7);
  const postgres = await play(createTestDatabase, 3);
  expect(postgres).toEqual(sqlite.slice(0, 3));
  expect(new Set(sqlite).size).toBe(7);
}, 300_000);

/** A loss that a purchase washes, some cash, a short and a position the broker lists and no activity explains. */
async function busyAccount(database: DatabaseKind): Promise<World> {
  const world = await openWorld({ database, scenario: 'empty', at: '2025-08-04T13:00:00Z' });
  opened.push(world);
  const trade = (side: string, quantity: string, symbol: string, price: string, more: object = {}) =>
    world.control('trade', { account: PAPER, side, quantity, symbol, price, ...more });
  await world.control('cash', { account: PAPER, kind: 'deposit', amount: '50000' });
  await world.advance('1h');
  await world.sync(PAPER);
  await trade('buy', '10', 'AAPL', '200');
  await trade('sell', '7', 'KO', '70');
  await world.advance('5m');
  await world.sync(PAPER);
  await trade('sell', '5', 'AAPL', '190');
  await world.advance('5m');
  await world.sync(PAPER);
  await trade('buy', '4', 'AAPL', '191');
  await world.advance('5m');
  await world.sync(PAPER);
  await world.control('corporate-action', { kind: 'split', symbol: 'KO', newShares: '2', oldShares: '1' });
  await trade('buy', '3', 'MSFT', '400', { publish: 'never' });
  await world.advance('1d');
  await world.sync(PAPER);
  await trade('sell', '2', 'AAPL', '195', { publish: 'never' });
  await world.advance('5m');
  await world.sync(PAPER);
  return world;
}

const DAMAGES = [
  ['position 1', "UPDATE position SET average_cost = '1' WHERE instrument = 'equity:AAPL:USD'"],
  ['position 1', "UPDATE position SET realized_pnl = '77' WHERE instrument = 'equity:AAPL:USD'"],
  ['position 1', "DELETE FROM position WHERE instrument = 'equity:MSFT:USD'"],
  ['lot 1', "UPDATE lot SET holding_from = '2020-01-01' WHERE lot_id = (SELECT min(lot_id) FROM lot)"],
  ['lot_closure 1', "UPDATE lot_closure SET realized = '0'"],
  ['wash_adjustment 1', "UPDATE wash_adjustment SET disallowed = '1'"],
  ['balance_day 1', "UPDATE balance_day SET residual = '3' WHERE residual_state IS NOT NULL"],
  ['book_checkpoint 1', "UPDATE book_checkpoint SET state = '{}'"],
  [
    'balance_day 1',
    "INSERT INTO balance_day (account_id, epoch, trade_date, currency, end_equity, source) SELECT account_id, epoch, '2020-01-01', currency, end_equity, source FROM balance_day WHERE trade_date = '2025-08-04'",
  ],
] as const;

const WORK_TABLES = [
  'finding',
  'mark',
  'freshness',
  'cursor',
  'bankroll',
  'position_latest',
  'greeks_latest',
  'activity_watch',
  'order_reference',
];

describe.each(['sqlite', 'postgres'] as const)('on %s', (database) => {
  test('a damaged, missing or invented row is found and mended', async () => {
    const world = await busyAccount(database);
    const whole = await verified(world);
    expect(differences(whole).join('\n')).toBe('');
    for (const { table, stored } of whole.tables) expect(stored.rows, table).toBeGreaterThan(0);
    for (const [found, damage] of DAMAGES) {
      await sql(world, damage);
      expect(counts(await verified(world)), damage).toBe(found);
      const report = await rebuilt(world);
      expect(counts(report), damage).toBe(found);
      expect(await verified(world)).toEqual(whole);
    }
    const audits = await sql(world, "SELECT facts FROM audit WHERE action = 'rebuild' ORDER BY seq");
    expect(audits.map((row) => JSON.parse(String(row['facts'])) as object)).toEqual(
      DAMAGES.map(() => ({ rows: 1 })),
    );
  });

  test('without a single view row, or any work table, the same rows come back', async () => {
    const world = await busyAccount(database);
    const whole = await verified(world);
    for (const { table } of whole.tables) await sql(world, `DELETE FROM ${table}`);
    for (const table of WORK_TABLES) await sql(world, `DELETE FROM ${table}`);
    expect((await rebuilt(world)).same).toBe(false);
    expect(await verified(world)).toEqual(whole);
  });

  test('what a prune may take away is not missed', async () => {
    const world = await busyAccount(database);
    // Looks of one day between its first and its last.
    const middle = `SELECT run_id FROM position_observation o WHERE instrument = 'equity:AAPL:USD'
      AND EXISTS (SELECT 1 FROM position_observation e WHERE e.trade_date = o.trade_date AND e.instrument = o.instrument AND e.run_id < o.run_id)
      AND EXISTS (SELECT 1 FROM position_observation e WHERE e.trade_date = o.trade_date AND e.instrument = o.instrument AND e.run_id > o.run_id)`;
    const whole = await verified(world);
    expect(await sql(world, middle)).not.toEqual([]);
    await sql(world, 'INSERT INTO prune_permit (id, audit_seq) SELECT 1, min(seq) FROM audit');
    await sql(
      world,
      `DELETE FROM position_observation WHERE instrument = 'equity:AAPL:USD' AND run_id IN (${middle})`,
    );
    await sql(world, 'DELETE FROM payload_body');
    await sql(world, 'DELETE FROM prune_permit');
    expect(await verified(world)).toEqual(whole);
  });

  test('views are of the last run that wrote positions, whatever the ledger got since', async () => {
    const world = await busyAccount(database);
    const { store } = world.truebook;
    const account = await world.truebook.account(PAPER);
    const expectSame = async (pending: number): Promise<void> => {
      const report = await verified(world);
      expect(differences(report).join('\n')).toBe('');
      expect(report.pending).toBe(pending);
    };
    await expectSame(0);
    const election = {
      kind: 'lot_method',
      object: null,
      choice: 'LIFO',
      validFrom: null,
      validTo: null,
      source: 'user',
      details: {},
    } as const;
    const audit = { at: instantNow(world.truebook.clock), actor: 'user', action: 'elect', object: PAPER };
    await store.elect(account.id, [election], { ...audit, facts: {} });
    await expectSame(1);
    await resolveFinding(world, 'MSFT', { as: 'opening' });
    await expectSame(2);
    // A rebuild now changes nothing, and the next run still sees both.
    expect((await rebuilt(world)).same).toBe(true);
    await world.control('trade', {
      account: PAPER,
      side: 'sell',
      quantity: '1',
      symbol: 'AAPL',
      price: '201',
    });
    await world.advance('5m');
    await world.syncPart(PAPER, 'transactions');
    await expectSame(3);
    expect((await rebuilt(world)).same).toBe(true);
    await world.syncPart(PAPER, 'positions');
    await expectSame(0);
    expect(await positionsOf(world)).toEqual([
      expect.stringMatching(/^AAPL 6 open unexplained, realized .+ estimated$/),
      'KO -14 open, realized 0 exact',
      'MSFT 3 open, realized 0 exact',
    ]);
    await world.advance('1d');
    await world.sync(PAPER);
    await expectSame(0);
  });

  test('a book that was rebuilt goes on as one that was not', async () => {
    const [mended, whole] = [await busyAccount(database), await busyAccount(database)];
    for (const table of ['position', 'lot', 'lot_closure', 'wash_adjustment', 'book_checkpoint'])
      await sql(mended, `DELETE FROM ${table}`);
    await rebuilt(mended);
    const told: string[][] = [];
    for (const world of [mended, whole]) {
      await world.advance('5m');
      const { counts: unchanged } = await world.sync(PAPER);
      expect(unchanged).toMatchObject({ created: 0, updated: 0, closed: 0 });
      await world.control('trade', {
        account: PAPER,
        side: 'sell',
        quantity: '2',
        symbol: 'AAPL',
        price: '205',
      });
      await world.advance('5m');
      await world.sync(PAPER);
      expect(differences(await verified(world)).join('\n')).toBe('');
      told.push([
        ...(await lotsOf(world)),
        ...(await realizedOf(world)),
        ...(await positionsOf(world, true)),
      ]);
    }
    expect(told[0]).toEqual(told[1]);
  });

  test('each epoch of a reset account is derived by itself', async () => {
    const world = await busyAccount(database);
    await world.control('account', { account: PAPER, action: 'reset' });
    for (let run = 0; run < 3; run += 1) {
      await world.advance('5m');
      await world.sync(PAPER);
    }
    const { store, clock } = world.truebook;
    const account = await world.truebook.account(PAPER);
    const grant = await store.acquireLease(account.id, world.truebook.holder('command'), LEASE_TTL_MS);
    if (!('lease' in grant)) throw new Error('somebody holds it');
    await store.newEpoch(grant.lease, instantNow(clock), 'test');
    await store.releaseLease(grant.lease);
    expect(differences(await verified(world)).join('\n')).toBe('');
    await world.advance('5m');
    await world.sync(PAPER);
    await world.control('trade', {
      account: PAPER,
      side: 'buy',
      quantity: '1',
      symbol: 'AAPL',
      price: '200',
    });
    await world.advance('5m');
    await world.sync(PAPER);
    expect(differences(await verified(world)).join('\n')).toBe('');
    await sql(
      world,
      "UPDATE position SET closed_at = NULL WHERE epoch = 1 AND instrument = 'equity:MSFT:USD'",
    );
    expect(counts(await verified(world))).toBe('position 1');
    await rebuilt(world);
    expect(counts(await verified(world))).toBe('');
  });

  test('days are proved under the elections of now, by whatever run read the positions last', async () => {
    const world = await openWorld({ database, scenario: 'empty', at: '2025-08-04T13:00:00Z' });
    opened.push(world);
    await world.control('cash', { account: PAPER, kind: 'deposit', amount: '50000' });
    for (const [side, quantity, price] of [
      ['buy', '10', '200'],
      ['buy', '10', '210'],
      ['sell', '5', '220'],
    ]) {
      await world.control('trade', { account: PAPER, side, quantity, symbol: 'AAPL', price });
      await world.advance('5m');
      await world.sync(PAPER);
    }
    const realized = async (): Promise<unknown> => {
      const days = await sql(world, "SELECT realized FROM balance_day WHERE trade_date = '2025-08-04'");
      return days[0]!['realized'];
    };
    const expectSame = async (): Promise<void> =>
      expect(differences(await verified(world)).join('\n')).toBe('');
    await world.advance('1d');
    await world.syncPart(PAPER, 'positions');
    expect(await realized()).toBeNull();
    await expectSame();
    await world.advance('5m');
    await world.sync(PAPER);
    expect(await realized()).toBe('100');
    await expectSame();
    const account = await world.truebook.account(PAPER);
    const dates = { validFrom: null, validTo: null };
    const election = {
      kind: 'lot_method',
      object: null,
      choice: 'LIFO',
      ...dates,
      source: 'user',
      details: {},
    };
    const audit = { at: instantNow(world.truebook.clock), actor: 'user', action: 'elect', object: PAPER };
    await world.truebook.store.elect(account.id, [election as never], { ...audit, facts: {} });
    await expectSame();
    await world.advance('5m');
    await world.syncPart(PAPER, 'positions');
    await expectSame();
    await world.advance('5m');
    await world.sync(PAPER);
    expect(await realized()).toBe('50');
    await expectSame();
    // A look at the positions alone on a new day proves nothing.
    await world.advance('1d');
    await world.syncPart(PAPER, 'positions');
    await expectSame();
    await world.sync(PAPER);
    await expectSame();
  });

  test('a proof that a clock made that ran ahead is taken back, and today is proved when it is over', async () => {
    const world = await busyAccount(database);
    const states = async (): Promise<string[]> => {
      const rows = await sql(
        world,
        'SELECT trade_date, residual_state, end_equity FROM balance_day ORDER BY trade_date',
      );
      return rows.map((row) => `${String(row['trade_date'])} ${String(row['residual_state'])}`);
    };
    const expectSame = async (): Promise<void> =>
      expect(differences(await verified(world)).join('\n')).toBe('');
    const honest = await states();
    await expectSame();
    await syncAhead(world, 30);
    expect(await states()).not.toEqual(honest);
    await expectSame();
    await world.control('cash', { account: PAPER, kind: 'dividend', symbol: 'AAPL', amount: '3' });
    await world.advance('5m');
    await world.sync(PAPER);
    expect(await states()).toEqual(honest);
    await expectSame();
    await world.advance('1d');
    await world.sync(PAPER);
    await expectSame();
    expect((await states()).map((row) => row.split(' ')[1])).toEqual([
      ...honest.slice(0, -1).map((row) => row.split(' ')[1]),
      expect.stringMatching(/proved|unexplained|pending|unknown/),
      'null',
    ]);
  });

  test('what was stated by a clock that was days behind is of no day: unknown, and nothing is blamed', async () => {
    const world = await openWorld({ database, scenario: 'empty', at: '2025-08-04T14:00:00Z' });
    opened.push(world);
    const buy = async (price: string): Promise<void> => {
      await world.control('trade', { account: PAPER, symbol: 'AAPL', side: 'buy', quantity: '2', price });
      await world.advance('30m');
    };
    await world.control('cash', { account: PAPER, kind: 'deposit', amount: '50000' });
    await buy('200');
    for (const day of ['05', '06', '07', '08', '11']) {
      await world.sync(PAPER);
      await world.advance(`2025-08-${day}T14:00:00Z`);
    }
    await world.sync(PAPER);
    await buy('210');
    await syncBehind(world, 5 * 24);
    expect(differences(await verified(world)).join('\n')).toBe('');
    await world.advance('30m');
    for (const day of ['12', '13', '14']) {
      await world.sync(PAPER);
      expect(differences(await verified(world)).join('\n')).toBe('');
      await world.advance(`2025-08-${day}T14:00:00Z`);
    }
    const rows = await sql(world, 'SELECT trade_date, residual_state FROM balance_day ORDER BY trade_date');
    expect(rows.map((row) => `${String(row['trade_date'])} ${String(row['residual_state'])}`)).toEqual([
      '2025-08-04 proved',
      '2025-08-05 proved',
      '2025-08-06 unknown',
      '2025-08-07 unknown',
      '2025-08-08 proved',
      '2025-08-11 proved',
      '2025-08-12 proved',
      '2025-08-13 null',
    ]);
    expect(await sql(world, "SELECT finding_key FROM finding WHERE state = 'open'")).toEqual([]);
  });

  test('of two looks of a day with the clock set back between them the later run tells how it ended', async () => {
    const world = await openWorld({ database, scenario: 'empty', at: '2025-08-04T14:00:00Z' });
    opened.push(world);
    const order = { account: PAPER, symbol: 'AAPL', price: '200' };
    for (const [symbol, price] of [
      ['AAPL', '200'],
      ['KO', '70'],
      ['VTI', '150'],
    ])
      await world.control('price', { symbol, price, hold: true });
    await world.control('cash', { account: PAPER, kind: 'deposit', amount: '50000' });
    await world.control('trade', { ...order, side: 'buy', quantity: '200' });
    await world.control('trade', { ...order, symbol: 'KO', price: '70', side: 'buy', quantity: '1' });
    await world.advance('30m');
    await world.sync(PAPER);
    await world.advance('2025-08-05T14:00:00Z');
    await world.sync(PAPER);
    // Listed the next day, and worth less than prices may move: nothing but the look itself tells of it.
    const transfer = { account: PAPER, direction: 'in', symbol: 'VTI', quantity: '1', publish: 'next-day' };
    await world.control('transfer', transfer);
    await world.advance('10m');
    await syncBehind(world, 1);
    for (const day of ['06', '07', '08']) {
      expect(differences(await verified(world)).join('\n')).toBe('');
      await world.advance(`2025-08-${day}T14:00:00Z`);
      await world.sync(PAPER);
    }
    expect(differences(await verified(world)).join('\n')).toBe('');
    const rows = await sql(
      world,
      'SELECT trade_date, residual, residual_state FROM balance_day ORDER BY trade_date',
    );
    expect(rows.map((row) => Object.values(row).map(String).join(' '))).toEqual([
      '2025-08-04 0 proved',
      '2025-08-05 0 proved',
      '2025-08-06 0 proved',
      '2025-08-07 0 proved',
      '2025-08-08 null null',
    ]);
    expect(await sql(world, "SELECT finding_key FROM finding WHERE state = 'open'")).toEqual([]);
  });
});
