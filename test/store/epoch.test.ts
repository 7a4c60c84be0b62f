import { expect, it } from 'vitest';
import { decimal } from '../../src/domain/decimal.ts';
import { forEachDatabase } from './databases.ts';
import {
  AAPL,
  AT,
  commitOf,
  createAccount,
  fill,
  fullCommit,
  minutesLater,
  positionOf,
  ready,
} from './samples.ts';

const SAME = { name: 'alpaca-paper', broker: 'alpaca', env: 'paper', baseCurrency: 'USD', at: AT } as const;

forEachDatabase('accounts', (open) => {
  it('are created once, found by name and id, and never become those of another broker', async () => {
    const { store } = await open();
    const account = await createAccount(store);
    expect(account).toMatchObject({
      id: 1,
      name: 'alpaca-paper',
      epoch: 1,
      pinnedFingerprint: null,
      createdAt: AT,
    });
    expect(await createAccount(store)).toEqual(account);
    expect(await store.findAccount('alpaca-paper')).toEqual(account);
    expect(await store.findAccount('1')).toEqual(account);
    expect(await store.findAccount('2')).toBeNull();
    expect(await store.findAccount("x' OR 1=1")).toBeNull();
    // People rename connections: the account stays the same one.
    const again = { ...SAME, connection: 'renamed' };
    expect(await store.ensureAccount(again)).toEqual(account);
    const other = { ...again, env: 'live' as const };
    await expect(store.ensureAccount(other)).rejects.toMatchObject({ code: 'config' });
    expect(await store.accounts()).toEqual([account]);
    await expect(store.syncState(77)).rejects.toMatchObject({ code: 'unknown_account' });
  });

  it('are created once by two processes at the same moment', async () => {
    const database = await open();
    const other = await database.again();
    const both = await Promise.all([createAccount(database.store), createAccount(other)]);
    expect(both[0]).toEqual(both[1]);
  });

  it('start a new epoch: what was held is closed by account_reset, nothing of the old one is believed', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    const full = fullCommit(lease);
    const closed = positionOf(account.id, {
      openedRootId: 'FILL:0',
      state: 'closed',
      quantity: decimal('0'),
      closedAt: AT,
    });
    const upsert = [...full.positions.upsert, closed];
    await store.commitRun({ ...full, positions: { upsert, remove: [] } });
    const next = await store.newEpoch(lease, minutesLater(5), 'user');
    expect(next).toEqual({ ...account, epoch: 2, pinnedFingerprint: null });

    const state = await store.syncState(account.id);
    expect(state).toMatchObject({
      cursors: [],
      freshness: [],
      positions: [],
      observations: [],
      balances: [],
      marks: [],
    });
    expect(state).toMatchObject({ greeks: [], findings: [], checkpoint: null });
    const rows = await store.allPositions(account.id, 1);
    expect(rows.map((row) => [row.openedRootId, row.state, row.closedAt, String(row.quantity)])).toEqual([
      ['FILL:0', 'closed', AT, '0'],
      ['FILL:1', 'closed', minutesLater(5), '0'],
    ]);
    const events = (await store.bookEvents({ accountId: account.id, afterSeq: 2 })).map((event) => ({
      kind: event.kind,
      epoch: event.epoch,
      ...(event.kind === 'account_reset' && event.instrument !== null ? { symbol: event.symbol } : {}),
      facts: event.facts,
    }));
    expect(events).toEqual([
      { kind: 'account_reset', epoch: 1, facts: { from_epoch: '1', to_epoch: '2' } },
      {
        kind: 'account_reset',
        epoch: 1,
        symbol: 'AAPL',
        facts: { from_epoch: '1', to_epoch: '2', quantity: '10', opened_root_id: 'FILL:1' },
      },
      {
        kind: 'finding_resolved',
        epoch: 1,
        facts: { key: 'missing:equity:AAPL:USD', state: 'resolved', reason: 'account_reset' },
      },
    ]);
    expect(await store.findings({})).toMatchObject([{ state: 'resolved', lastSeenAt: minutesLater(5) }]);
    // The same identity may come again in the new epoch; the old ledger stays.
    await store.commitRun(
      commitOf(lease, { instruments: [AAPL], revisions: [fill('FILL:1')] }, { epoch: 2 }),
    );
    expect((await store.ledger({})).map((row) => row.epoch)).toEqual([2, 1]);
    expect(await store.bookActivities(account.id, 2, null)).toHaveLength(1);
    expect(await store.verifyChains({})).toMatchObject({ ok: true });
  });
});
