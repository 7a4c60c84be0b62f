/** What a rebuild reads: which run the views are of, what it knew, and evidence that no view keeps alone. */
import { expect, it } from 'vitest';
import { decimal } from '../../src/domain/decimal.ts';
import { type EpochBasis, type RunCommit, type Store, type ViewBasis } from '../../src/store/store.ts';
import { forEachDatabase, sqliteSql } from './databases.ts';
import {
  AAPL,
  AT,
  commitOf,
  DAY,
  fill,
  fullCommit,
  minutesLater,
  MSFT,
  observationOf,
  ready,
} from './samples.ts';

const AUDIT = { at: AT, actor: 'user', action: 'elect', object: 'alpaca-paper', facts: {} };
const LIFO = {
  kind: 'lot_method',
  object: null,
  choice: 'LIFO',
  validFrom: null,
  validTo: null,
  source: 'user',
  details: {},
} as const;

forEachDatabase('the run that views are of', (open) => {
  it('is the newest complete one that wrote positions, of each epoch; days are proved by the newest of all', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    expect(await store.viewBases(account.id)).toEqual([]);
    const run = (minutes: number, change: Partial<RunCommit['run']>, ledgerSeq = 0) =>
      store.commitRun(commitOf(lease, { ledgerSeq }, { startedAt: minutesLater(minutes), ...change }));
    await run(0, { type: 'transactions' });
    await run(1, { type: 'bankroll' });
    expect(await store.viewBases(account.id)).toEqual([]);
    const all = await run(2, { type: 'all' }, 5);
    const positions = await run(3, { type: 'positions' }, 7);
    await run(4, { outcome: 'incomplete' });
    await run(5, { type: 'transactions' });
    const first = { epoch: 1, runId: positions.id, startedAt: minutesLater(3), ledgerSeq: 7 };
    const proving = { epoch: 1, runId: all.id, startedAt: minutesLater(2), ledgerSeq: 5 };
    expect(await store.viewBases(account.id)).toEqual([{ ...first, proving }]);
    await store.newEpoch(lease, minutesLater(6), 'test');
    expect(await store.viewBases(account.id)).toEqual([{ ...first, proving }]);
    const next = await run(7, { epoch: 2 }, 9);
    const second = { epoch: 2, runId: next.id, startedAt: minutesLater(7), ledgerSeq: 9 };
    expect(await store.viewBases(account.id)).toEqual([
      { ...first, proving },
      { ...second, proving: second },
    ]);
  });

  it('knew what the ledger had where it started, and what it wrote itself', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    const at = (minutes: number) => ({ startedAt: minutesLater(minutes) });
    const seq = async () => (await store.bookMarks(account.id)).ledgerSeq;
    await store.commitRun(commitOf(lease, { instruments: [AAPL], revisions: [fill('old')] }, at(0)));
    const workedFrom = await seq();
    // While the run was at work somebody chose another method.
    await store.elect(account.id, [LIFO], AUDIT);
    await store.commitRun(
      commitOf(
        lease,
        {
          ledgerSeq: workedFrom,
          revisions: [fill('own'), fill('old', { quantity: decimal('12') }, { rev: 1 })],
          positionObservations: [observationOf({ quantity: decimal('-1') })],
        },
        at(1),
      ),
    );
    await store.commitRun(
      commitOf(
        lease,
        { revisions: [fill('later'), fill('old', { quantity: decimal('13') }, { rev: 2 })] },
        { ...at(2), type: 'transactions' },
      ),
    );
    const [basis] = (await store.viewBases(account.id)) as readonly [EpochBasis];
    const known = async (when: { basis?: ViewBasis }) => [
      (await store.bookActivitiesAsOf(account.id, 1, when)).map(
        (row) => `${row.rootId} ${row.quantity.toString()}`,
      ),
      (await store.elections(account.id, { epoch: 1, ...when })).length,
      await store.shortsEverReported(account.id, 1, when),
    ];
    expect(await known({ basis })).toEqual([['old 12', 'own 10'], 0, [AAPL.id]]);
    expect(await known({})).toEqual([['later 10', 'old 13', 'own 10'], 1, [AAPL.id]]);
    expect(await store.pendingEntries(account.id, basis)).toEqual([
      { kind: 'activity', byRun: true, firstExecutedAt: AT },
      { kind: 'activity', byRun: true, firstExecutedAt: AT },
      { kind: 'election' },
    ]);
  });

  it('of an earlier release knew everything that runs up to it wrote', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    const revisions = [fill('a')];
    const run = await store.commitRun(commitOf(lease, { instruments: [AAPL], revisions }));
    await store.commitRun(commitOf(lease, { revisions: [fill('b')] }, { type: 'transactions' }));
    const basis = { epoch: 1, runId: run.id, startedAt: AT, ledgerSeq: null };
    const rows = await store.bookActivitiesAsOf(account.id, 1, { basis });
    expect(rows.map((row) => row.rootId)).toEqual(['a']);
    expect(await store.pendingEntries(account.id, basis)).toHaveLength(1);
  });
});

forEachDatabase('evidence for a rebuild', (open, dialect) => {
  const balance = (equity: string, minutes: number) => ({
    ...fullCommit({} as never).balanceObservations[0]!,
    equity: decimal(equity),
    asOf: minutesLater(minutes),
  });
  const stated = (tradeDate: string, endEquity: string, profitLoss: string | null = null) => ({
    tradeDate: tradeDate as typeof DAY,
    currency: 'USD',
    endEquity: decimal(endEquity),
    endCash: null,
    buyingPower: null,
    profitLoss: profitLoss === null ? null : decimal(profitLoss),
    source: 'broker' as const,
  });
  const days = async (store: Store, accountId: number) =>
    (await store.dayEnds(accountId, 1)).map(
      (day) => `${day.tradeDate} ${String(day.endEquity)} ${String(day.profitLoss)} ${day.source}`,
    );

  it('has of every day what its runs saw last, else what the broker states of it', async () => {
    const { store, sql } = await open();
    const { account, lease } = await ready(store);
    const day = DAY as string;
    // The second look is older by the broker's stamp: what was written last stands, as in the view.
    await store.commitRun(commitOf(lease, { balanceObservations: [balance('100', 5)] }));
    await store.commitRun(commitOf(lease, { balanceObservations: [balance('101', 4)] }));
    const first = [stated('2025-08-20', '90', '1'), stated('2025-08-21', '95', '5'), stated(day, '99', '4')];
    await store.commitRun(commitOf(lease, { balanceDays: first }));
    // The broker repeats itself, and corrects one day.
    await store.commitRun(commitOf(lease, { balanceDays: [first[0]!, stated('2025-08-21', '96', '6')] }));
    expect(await days(store, account.id)).toEqual([
      '2025-08-20 90 1 broker',
      '2025-08-21 96 6 broker',
      `${day} 101 null recorded`,
    ]);
    expect(await store.dayEnds(account.id, 2)).toEqual([]);
    expect(await sql('SELECT trade_date FROM day_observation')).toHaveLength(4);
  });

  it('keeps days that an earlier release had in the view alone', async () => {
    const { store, url, again, sql } = await open();
    const { account, lease } = await ready(store);
    const kept = [stated('2025-08-19', '80.50', null), stated('2025-08-20', '90', '-1')];
    await store.commitRun(commitOf(lease, { balanceDays: kept }));
    await store.close();
    // As that release left it.
    await sql(`DROP TABLE day_observation${dialect === 'sqlite' ? '' : ' CASCADE'}`);
    await sql('ALTER TABLE sync_run DROP COLUMN ledger_seq');
    await sql('ALTER TABLE balance_day DROP COLUMN corrections');
    await sql('ALTER TABLE lot_closure DROP COLUMN rolled_proceeds');
    for (const column of ['missing_confirmations', 'agreed_quantity'])
      await sql(`ALTER TABLE position ADD COLUMN ${column} TEXT`);
    await sql('DELETE FROM schema_migration WHERE version > 6');
    if (dialect === 'sqlite') await sqliteSql(url, 'PRAGMA user_version = 6');
    const migrated = await again();
    expect(await days(migrated, account.id)).toEqual([
      '2025-08-19 80.5 null broker',
      '2025-08-20 90 -1 broker',
    ]);
    expect(await migrated.viewBases(account.id)).toMatchObject([{ ledgerSeq: null }]);
    const { evidence } = await migrated.verifyBook();
    expect(evidence.find((proof) => proof.table === 'day_observation')).toEqual({
      table: 'day_observation',
      rows: 2,
      broken: null,
    });
  });

  it('names what runs saw last of each instrument, in the order of the runs', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    const seen = (quantity: string, minutes: number, instrument = AAPL.id) =>
      observationOf({ instrument, quantity: decimal(quantity), asOf: minutesLater(minutes) });
    await store.commitRun(commitOf(lease, { positionObservations: [seen('10', 5), seen('3', 5, MSFT.id)] }));
    await store.commitRun(commitOf(lease, { positionObservations: [seen('0', 4)] }));
    const last = await store.lastStatements(account.id, 1);
    expect(last.map((row) => `${row.instrument} ${row.quantity.toString()}`)).toEqual([
      `${AAPL.id} 0`,
      `${MSFT.id} 3`,
    ]);
    expect(await store.lastStatements(account.id, 2)).toEqual([]);
  });

  it('counts the lists of positions from which absence can be concluded', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    const read = (minutes: number, change: Partial<RunCommit['reads'][number]> = {}) => ({
      resource: 'positions',
      kind: 'complete' as const,
      reason: null,
      rowCount: 1,
      asOf: minutesLater(minutes),
      startedAt: minutesLater(minutes),
      ...change,
    });
    const run = (reads: RunCommit['reads'], change: Partial<RunCommit['run']> = {}) =>
      store.commitRun(commitOf(lease, { reads }, change));
    await run([read(1)]);
    await run([read(10), read(11, { resource: 'activities' })]);
    await run([read(20, { reason: 'unreadable_rows' })]);
    await run([read(30, { kind: 'incomplete', reason: 'http_503', asOf: null })], { outcome: 'incomplete' });
    await run([read(40)], { outcome: 'incomplete' });
    await run([read(50)], { type: 'bankroll' });
    await run([read(60)], { type: 'positions' });
    expect(await store.completeAnswers(account.id, 1, minutesLater(10))).toEqual([
      minutesLater(10),
      minutesLater(60),
    ]);
    expect(await store.completeAnswers(account.id, 2, AT)).toEqual([]);
  });
});
