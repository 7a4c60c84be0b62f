import { spawn } from 'node:child_process';
import { expect, it } from 'vitest';
import { forEachDatabase } from './databases.ts';
import { AT, commitOf, createAccount, holder, ready, takeLease } from './samples.ts';

forEachDatabase('leases', (open) => {
  it('belong to one holder, who is named to the others', async () => {
    const database = await open();
    const { store } = database;
    const account = await createAccount(store);
    expect(await store.leaseState(account.id)).toBeNull();
    const first = holder();
    const lease = await takeLease(store, account.id, first);
    expect(lease).toEqual({ accountId: account.id, fence: 1, holder: first });
    expect(await store.leaseState(account.id)).toEqual({
      accountId: account.id,
      fence: 1,
      holder: first,
      live: true,
    });

    const other = await database.again();
    expect(await other.acquireLease(account.id, holder(), 60_000)).toEqual({ heldBy: first });
    expect(await takeLease(store, account.id, first)).toEqual(lease);
    await store.releaseLease(lease);
    expect(await store.leaseState(account.id)).toMatchObject({ fence: 1, holder: null, live: false });
    expect(await store.renewLease(lease, 60_000)).toBe(false);
    expect((await takeLease(other, account.id)).fence).toBe(2);
    await store.releaseLease(lease);
    expect(await store.leaseState(account.id)).toMatchObject({ fence: 2, live: true });
  });

  it('run out by the clock of the database, and are lost when somebody takes them', async () => {
    let nowMs = 1_000_000;
    const database = await open({ leaseNow: () => nowMs });
    const { store } = database;
    const account = await createAccount(store);
    const first = holder();
    const lease = await takeLease(store, account.id, first, 60_000);
    nowMs += 59_999;
    expect(await store.acquireLease(account.id, holder(), 60_000)).toEqual({ heldBy: first });
    expect(await store.renewLease(lease, 60_000)).toBe(true);
    nowMs += 60_000;
    expect(await store.leaseState(account.id)).toMatchObject({ live: false, holder: first });
    // Nobody took it: nobody else can have written.
    expect((await store.commitRun(commitOf(lease))).id).toBe(1);
    const second = await takeLease(store, account.id, holder(), 60_000);
    expect(second.fence).toBe(2);
    expect(await store.renewLease(lease, 60_000)).toBe(false);
    await expect(store.commitRun(commitOf(lease))).rejects.toMatchObject({
      code: 'lease_lost',
      retry: 'later',
    });
    await expect(store.endVerification(lease)).rejects.toMatchObject({ code: 'lease_lost' });
    await expect(store.newEpoch(lease, AT, 'user')).rejects.toMatchObject({ code: 'lease_lost' });
    expect((await store.accounts())[0]).toMatchObject({ epoch: 1 });
  });

  it('use the database clock by default', async () => {
    const { store } = await open();
    const account = await createAccount(store);
    await takeLease(store, account.id, holder(), 1);
    await expect.poll(async () => (await store.leaseState(account.id))?.live).toBe(false);
    expect((await takeLease(store, account.id, holder(), 60_000)).fence).toBe(2);
    expect((await store.leaseState(account.id))?.live).toBe(true);
  });

  it('are taken from a process that is gone, on the same host only', async () => {
    const { store } = await open();
    const account = await createAccount(store);
    const gone = holder({ host: 'here' });
    await takeLease(store, account.id, gone);
    const elsewhere = await store.acquireLease(account.id, holder({ host: 'there' }), 60_000, () => true);
    expect(elsewhere).toEqual({ heldBy: gone });
    const alive = await store.acquireLease(account.id, holder({ host: 'here' }), 60_000, () => false);
    expect(alive).toEqual({ heldBy: gone });
    const taken = await store.acquireLease(
      account.id,
      holder({ host: 'here' }),
      60_000,
      (by) => by.processId === 4711,
    );
    expect(taken).toHaveProperty('lease.fence', 2);
  });

  it('end the verification of what an earlier agent saw', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    const row = { dataClass: 'positions', asOf: AT, asOfMonoMs: 1, monoEpoch: 'e', fetchedAt: AT } as const;
    const run = await store.commitRun(
      commitOf(lease, { freshness: [{ ...row, reconciled: true, verified: true }] }),
    );
    expect(await store.freshness(account.id)).toMatchObject([{ verified: true, runId: run.id }]);
    await store.endVerification(lease);
    expect(await store.freshness(account.id)).toMatchObject([{ verified: false, reconciled: true }]);
  });

  it('go to exactly one of four processes that race for them, and their writes all arrive', async () => {
    const database = await open();
    const account = await createAccount(database.store);
    const answers = await Promise.all([1, 2, 3, 4].map((number) => race(database.url, account.id, number)));
    const winners = answers.filter((answer) => answer.startsWith('lease 1'));
    expect(winners, answers.join('; ')).toHaveLength(1);
    expect(answers.filter((answer) => answer.startsWith('held'))).toHaveLength(3);
    // Each wrote 20 requests and 20 audit rows while the others did: none was lost, none failed as busy.
    expect(await database.store.pendingRequests([account.id])).toHaveLength(80);
    expect(await database.store.verifyChains({})).toMatchObject({ ok: true, rows: 80 });
  });
});

/** Another process: opens the database, takes the lease or hears who has it, and writes. */
async function race(url: string, accountId: number, number: number): Promise<string> {
  const program = `
    import { openStore } from ${JSON.stringify(new URL('../../src/store/open.ts', import.meta.url).href)};
    import { systemClock } from ${JSON.stringify(new URL('../../src/platform.ts', import.meta.url).href)};
    const store = await openStore({ url: process.argv[1], clock: systemClock(), allowUnsafeDurability: true });
    const at = '2025-08-22T14:00:00Z';
    const holder = { incarnation: 'i${number}', kind: 'command', processId: process.pid, host: 'here', startedAt: at };
    const answer = await store.acquireLease(${accountId}, holder, 60000);
    for (let index = 0; index < 20; index += 1) {
      await store.requestSync({ accountId: ${accountId}, type: 'all', trigger: 'request', requestedAt: at, requestedBy: 'p${number}' });
      await store.appendAudit({ at, actor: 'p${number}', action: 'test', object: String(index), facts: {} });
    }
    console.log('lease' in answer ? 'lease ' + answer.lease.fence : 'held by ' + answer.heldBy.incarnation);
    await store.close();`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program, url], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  child.stdout.on('data', (part: Buffer) => (text += part.toString()));
  child.stderr.on('data', (part: Buffer) => (text += part.toString()));
  await new Promise((resolve) => child.once('close', resolve));
  return text.trim();
}
