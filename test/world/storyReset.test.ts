/**
 * A paper account that is reset at its broker, as its owner lives through it: the old book stands and the gate is closed,
 * `truebook accounts new-epoch` draws the line, and from then on the new epoch alone counts.
 */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askGate, type GateAnswer } from '../../src/gate/gate.ts';
import { Decimal } from '../../src/domain/decimal.ts';
import { balanceRecords, dailyBalanceRecords, statusRecord } from '../../src/sync/records.ts';
import { Place, type Finished } from '../cli/command.ts';
import { executions, holdings, openWorld, type World } from './world.ts';

const PAPER = 'alpaca-paper';

describe.each(['sqlite', 'postgres'] as const)('an account reset on %s', (database) => {
  const place = new Place();
  let at: World;
  let before: { positions: unknown; trades: string[]; ledger: string[]; cash: string | null };

  beforeAll(async () => {
    at = await openWorld({ database });
    await at.sync(PAPER);
    before = await book();
  });
  afterAll(async () => {
    await at.close();
    place.remove();
  });

  async function book(): Promise<typeof before> {
    const account = await at.truebook.account(PAPER);
    const [balance] = await balanceRecords(at.truebook.records, { account });
    return {
      positions: await at.truebook.store.positions({
        accountId: account.id,
        states: ['open', 'missing', 'closed'],
      }),
      trades: executions(await at.trades(PAPER)),
      ledger: (await at.truebook.store.ledger({ accountId: account.id })).map(
        (row) => `${row.rootId} ${row.rev}`,
      ),
      cash: balance?.cash ?? null,
    };
  }

  async function gate(): Promise<GateAnswer> {
    const { store, records } = at.truebook;
    const deps = {
      store,
      records,
      policy: { onSyncFailure: 'deny' },
      sync: null,
      onWarning: () => undefined,
    } as const;
    return askGate(deps, await at.truebook.account(PAPER));
  }

  const newEpoch = (): Promise<Finished> =>
    place.run(['accounts', 'new-epoch', PAPER, '--json', '--config', join(at.folder, 'sandbox.env')], {
      env: { DATABASE_URL: at.databaseUrl },
    });

  /** By the command line; its writing half alone where the server of the tests is none that a command would trust. */
  async function startEpoch(): Promise<void> {
    if (database === 'sqlite') {
      const { code, stdout } = await newEpoch();
      expect(code).toBe(0);
      expect(JSON.parse(stdout)).toMatchObject({ account: PAPER, epoch: 2, pinned: false });
      return;
    }
    const account = await at.truebook.account(PAPER);
    const grant = await at.truebook.store.acquireLease(account.id, at.truebook.holder('command'), 60_000);
    if (!('lease' in grant)) throw new Error('the lease is free');
    await at.truebook.store.newEpoch(grant.lease, account.createdAt, 'test');
    await at.truebook.store.releaseLease(grant.lease);
  }

  if (database === 'sqlite') {
    test('is refused a new epoch while the broker still answers for the account of the book', async () => {
      const { code, stderr } = await newEpoch();
      expect(code).toBe(2);
      expect(stderr).toContain('was not reset');
      expect((await gate()).ok).toBe(true);
    });
  }

  test('the old book stands whatever the new account holds, and the gate is closed', async () => {
    await at.control('account', { account: PAPER, action: 'reset' });
    await at.control('trade', { account: PAPER, symbol: 'AAPL', side: 'buy', quantity: '2', price: '200' });
    for (const expected of ['wrong_account', 'wrong_account', 'account_changed', 'account_changed']) {
      await at.advance('5m');
      expect(await at.sync(PAPER)).toMatchObject({ outcome: 'failed', errorCode: expected });
      expect(await book()).toEqual(before);
      expect(await gate()).toMatchObject({
        ok: false,
        reasons: expect.arrayContaining(['wrong_account']) as unknown,
      });
    }
    const open = await at.truebook.store.findings({ states: ['open', 'reopened'] });
    expect(open.map((finding) => finding.type)).toEqual(['account_changed']);
  });

  test('a new epoch closes the old one without selling anything; until its first run the gate stays closed', async () => {
    await startEpoch();
    expect((await gate()).ok).toBe(false);
    const account = await at.truebook.account(PAPER);
    const rows = await at.truebook.store.positions({
      accountId: account.id,
      states: ['open', 'missing', 'closed'],
    });
    expect(rows.filter((row) => row.state !== 'closed')).toEqual([]);
    expect((await book()).ledger).toEqual(before.ledger);
    const events = (await at.truebook.store.bookEvents({})).filter((event) => event.kind === 'account_reset');
    const held = (before.positions as { state: string }[]).filter((row) => row.state !== 'closed').length;
    // One for the account, one for each position that was held.
    expect(events).toHaveLength(held + 1);
  });

  test('from then on the new epoch equals the broker, and nothing of the old one counts in it', async () => {
    await at.advance('5m');
    expect(await at.sync(PAPER)).toMatchObject({ outcome: 'complete', reconciled: true, epoch: 2 });
    await at.control('trade', { account: PAPER, symbol: 'AAPL', side: 'sell', quantity: '1', price: '210' });
    await at.advance('5m');
    expect(await at.sync(PAPER)).toMatchObject({ outcome: 'complete', reconciled: true, epoch: 2 });
    const truth = at.truth(PAPER);
    const after = await book();
    expect(holdings(await at.positions(PAPER))).toEqual(['AAPL 1']);
    expect(after.trades).toEqual(executions(truth.fills));
    expect(after.trades).toHaveLength(2);
    expect(after.cash).toBe(truth.balances.cash);
    expect(await gate()).toMatchObject({ ok: true, reasons: [] });
    expect(await at.truebook.store.findings({ states: ['open', 'reopened'] })).toEqual([]);
    // The old ledger is still there, word for word; its money is not in the new cash.
    const old = new Set(before.ledger);
    expect(after.ledger.filter((row) => old.has(row))).toEqual(before.ledger);
    const account = await at.truebook.account(PAPER);
    const fresh = (await at.truebook.store.ledger({ accountId: account.id })).filter(
      (row) => !old.has(`${row.rootId} ${row.rev}`),
    );
    const money = Decimal.sum(fresh.map((row) => row.amount ?? Decimal.zero));
    expect(money.toString()).toBe(truth.balances.cash);
  });

  test('days of the old epoch are not days of the new one', async () => {
    const account = await at.truebook.account(PAPER);
    const days = await dailyBalanceRecords(at.truebook.records, { account });
    expect(days.map((day) => day.date)).toEqual(['2025-08-21']);
    const { accounts } = await statusRecord(at.truebook.records, {});
    expect(accounts.find((row) => row.account === PAPER)).toMatchObject({ fresh: true, openFindings: 0 });
    expect((await at.truebook.store.verifyChains({})).ok).toBe(true);
  });
});
