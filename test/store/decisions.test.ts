/** What people decide about findings, beside a running agent. */
import { expect, it } from 'vitest';
import { decimal } from '../../src/domain/decimal.ts';
import { type FindingDecision } from '../../src/store/store.ts';
import { forEachDatabase } from './databases.ts';
import { AAPL, AT, commitOf, fill, findingOf, minutesLater, ready } from './samples.ts';

const SOLD_ELSEWHERE = fill('adjustment:finding-1', {
  kind: 'adjustment',
  source: 'user',
  side: null,
  quantity: decimal('-10'),
  price: decimal('160'),
  amount: decimal('1600'),
  orderId: null,
  details: { as: 'external-change' },
});

const decision = (change: Partial<FindingDecision> = {}): FindingDecision => ({
  accountId: 1,
  findingId: 1,
  state: 'resolved',
  cause: 'manual_trade',
  reason: 'sold by phone',
  actor: 'user',
  at: minutesLater(5),
  adjustment: SOLD_ELSEWHERE,
  ...change,
});

forEachDatabase('a decision about a finding', (open) => {
  it('books the activity, the event, the state and the audit as one', async () => {
    const database = await open();
    const { store } = database;
    const { account, lease } = await ready(store);
    await store.commitRun(commitOf(lease, { revisions: [fill('FILL:1')], findings: [findingOf()] }));
    await store.syncState(account.id);
    const person = await database.again();
    const { finding, adjustment } = await person.decideFinding(decision());
    expect(finding).toMatchObject({ id: 1, state: 'resolved', cause: 'manual_trade', firstSeenAt: AT });
    expect(finding.evidence.at(-1)).toEqual({ kind: 'person', reference: 'user', text: 'sold by phone' });
    expect(adjustment).toMatchObject({ rev: 0, firstSeenAt: minutesLater(5), source: 'user' });

    const state = await store.syncState(account.id);
    expect(state.findings).toEqual([]);
    expect(state.cursors).toMatchObject([{ name: 'untold', position: minutesLater(5) }]);
    expect((await store.bookActivities(account.id, 1, null)).map((row) => row.rootId)).toEqual([
      'FILL:1',
      SOLD_ELSEWHERE.rootId,
    ]);
    expect(await store.bookEvents({ kinds: ['finding_resolved'] })).toMatchObject([
      {
        at: minutesLater(5),
        instrument: AAPL.id,
        facts: {
          key: findingOf().key,
          state: 'resolved',
          cause: 'manual_trade',
          reason: 'sold by phone',
          actor: 'user',
          adjustment: SOLD_ELSEWHERE.rootId,
        },
      },
    ]);
    expect(await database.sql('SELECT kind, facts FROM outbox')).toMatchObject([
      { kind: 'finding_resolved' },
    ]);
    const audited = await database.sql("SELECT facts FROM audit WHERE action = 'resolve_finding'");
    expect(JSON.parse(String(audited[0]!['facts']))).toEqual({
      finding: findingOf().key,
      reason: 'sold by phone',
      adjustment: SOLD_ELSEWHERE.rootId,
    });
    expect(await store.verifyChains({})).toMatchObject({ ok: true });
    // The agent goes on under its lease.
    await store.commitRun(commitOf(lease));
  });

  it('that dismisses books nothing, and the next run still knows of it', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    await store.commitRun(commitOf(lease, { findings: [findingOf()] }));
    const { adjustment } = await store.decideFinding(decision({ state: 'dismissed', adjustment: null }));
    expect(adjustment).toBeNull();
    const state = await store.syncState(account.id);
    expect(state).toMatchObject({
      findings: [{ key: findingOf().key, state: 'dismissed' }],
      cursors: [],
    });
    expect(await store.bookEvents({})).toMatchObject([{ kind: 'finding_dismissed' }]);
    expect(await store.activityCount(account.id, 1)).toBe(0);
  });

  it('about the same activity is its next revision', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    await store.commitRun(commitOf(lease, { findings: [findingOf(), findingOf({ key: 'other' })] }));
    await store.decideFinding(decision());
    await store.decideFinding(decision({ findingId: 2, at: minutesLater(9) }));
    const chain = (await store.revisions(account.id, 1, [SOLD_ELSEWHERE.rootId])).get(SOLD_ELSEWHERE.rootId);
    expect(chain?.map((row) => [row.rev, row.firstSeenAt])).toEqual([
      [0, minutesLater(5)],
      [1, minutesLater(9)],
    ]);
    // What waits to be told since the first one is not forgotten over the second.
    const { cursors } = await store.syncState(account.id);
    expect(cursors).toMatchObject([{ name: 'untold', position: minutesLater(5) }]);
  });

  it('is refused, with nothing written, where there is nothing to decide', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    const other = await ready(store, 'another');
    await store.commitRun(commitOf(lease, { findings: [findingOf()] }));
    const unknown = { code: 'usage', message: 'There is no finding 9 in this account.' };
    await expect(store.decideFinding(decision({ findingId: 9 }))).rejects.toMatchObject(unknown);
    const foreign = decision({ accountId: other.account.id });
    await expect(store.decideFinding(foreign)).rejects.toMatchObject({ code: 'usage' });
    const brokers = decision({ adjustment: { ...SOLD_ELSEWHERE, source: 'alpaca' } });
    await expect(store.decideFinding(brokers)).rejects.toMatchObject({ code: 'internal' });
    await store.decideFinding(decision());
    await expect(store.decideFinding(decision())).rejects.toMatchObject({
      code: 'usage',
      message: 'Finding 1 is resolved already.',
    });
    expect(await store.activityCount(account.id, 1)).toBe(1);
    expect(await store.bookEvents({ accountId: account.id })).toHaveLength(1);
  });
});
