/** Premium in the proceeds of stored closes: what an older database does not say stays unknown, and is folded anew. */
import { expect, it } from 'vitest';
import { decimal } from '../../src/domain/decimal.ts';
import { type BookCheckpoint, type Lease, type Store } from '../../src/store/store.ts';
import { forEachDatabase, sqliteSql } from './databases.ts';
import { AAPL, AT, closureOf, commitOf, fill, lotOf, lotsCommit, ready } from './samples.ts';

const CHECKPOINT: BookCheckpoint = {
  epoch: 1,
  lastExecutedAt: AT,
  lastRootId: 'bought',
  activityCount: 1,
  rulesHash: 'rules',
  state: '{}',
  lots: '',
};

/** What stands in the database: a close by its id, and the part of its premium in the proceeds. */
async function told(store: Store, accountId: number, epoch = 1): Promise<Record<string, string>> {
  const closures = await store.closures({ accountId, epoch });
  return Object.fromEntries(closures.map((row) => [row.id, row.rolledProceeds?.toString() ?? 'unknown']));
}

/** An epoch with shares bought and sold, and a checkpoint. */
async function plainBook(store: Store, lease: Lease, change: Parameters<typeof lotOf>[0] = {}) {
  const checkpoint = CHECKPOINT;
  const lots = lotsCommit([lotOf(change)], [closureOf({ id: 'plain' })]);
  await store.commitRun(
    commitOf(lease, { instruments: [AAPL], revisions: [fill('bought')], lots, checkpoint }),
  );
}

forEachDatabase('a database from before a close said where its premium stands', (open, dialect) => {
  it('has no guesses: zero where nothing can stand there, else unknown until the epoch is folded again', async () => {
    const { store, url, again, sql } = await open();
    const [plain, lots, closes] = [
      await ready(store, 'plain'),
      await ready(store, 'lots'),
      await ready(store, 'closes'),
    ];
    await plainBook(store, plain.lease);
    await plainBook(store, lots.lease, { rolled: decimal('-85') });
    await store.commitRun(
      commitOf(closes.lease, {
        revisions: [fill('bought'), fill('called', { kind: 'option_delivery' })],
        lots: lotsCommit(
          [],
          [
            closureOf({ id: 'plain' }),
            closureOf({ id: 'premium', rolled: decimal('149.35') }),
            // A premium in the cost and one in the proceeds may have cancelled out.
            closureOf({ id: 'delivered', activityRootId: 'called' }),
          ],
        ),
        checkpoint: CHECKPOINT,
      }),
    );
    await store.close();
    // As that release left it.
    await sql('ALTER TABLE lot_closure DROP COLUMN rolled_proceeds');
    await sql('DELETE FROM schema_migration WHERE version > 8');
    if (dialect === 'sqlite') await sqliteSql(url, 'PRAGMA user_version = 8');
    const migrated = await again();
    expect(await told(migrated, plain.account.id)).toEqual({ plain: '0' });
    expect(await told(migrated, lots.account.id)).toEqual({ plain: '0' });
    expect(await told(migrated, closes.account.id)).toEqual({
      plain: '0',
      premium: 'unknown',
      delivered: 'unknown',
    });
    const kept = async ({ account }: typeof plain) => (await migrated.checkpoints(account.id, 1)).length;
    expect([await kept(plain), await kept(lots), await kept(closes)]).toEqual([1, 0, 0]);
    expect((await migrated.syncState(closes.account.id)).checkpoint).toBeNull();
  });
});
