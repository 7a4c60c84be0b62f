/** The status document: a killed agent is not shown as running. */
import { expect, test } from 'vitest';
import { statusRecord } from '../../src/sync/records.ts';
import { openWorld } from './world.ts';

test('an agent whose process is gone is not running, whatever its lease says', async () => {
  const at = await openWorld({});
  try {
    await at.sync('alpaca-paper');
    const account = await at.truebook.account('alpaca-paper');
    const agent = at.truebook.holder('agent');
    await at.truebook.store.acquireLease(account.id, agent, 60_000);
    expect((await statusRecord(at.truebook.records)).agent).toMatchObject({
      running: true,
      pid: agent.processId,
    });
    expect((await statusRecord(at.truebook.records, { account })).accounts[0]?.nextRun).not.toBeNull();
    await at.truebook.store.acquireLease(
      account.id,
      { ...agent, incarnation: 'killed', processId: 2 ** 22 + 1 },
      60_000,
      () => true,
    );
    expect((await statusRecord(at.truebook.records)).agent).toMatchObject({ running: false, pid: null });
    expect((await statusRecord(at.truebook.records, { account })).accounts[0]?.nextRun).toBeNull();
  } finally {
    await at.close();
  }
});
