import { expect, it } from 'vitest';
import { type BookEvent } from '../../src/domain/event.ts';
import { type Finding, type FindingState } from '../../src/domain/finding.ts';
import { type Lease, type Store } from '../../src/store/store.ts';
import { forEachDatabase } from './databases.ts';
import { AT, commitOf, findingOf, minutesLater, ready } from './samples.ts';

/** What a run says of a finding: its row, its event and its fact for the outbox. */
async function say(store: Store, lease: Lease, state: FindingState, minute: number, key = 'cash:USD') {
  const at = minutesLater(minute);
  const finding: Finding = findingOf({ key, state, firstSeenAt: at, lastSeenAt: at });
  const event: BookEvent = {
    kind:
      state === 'open' ? 'finding_opened' : state === 'resolved' ? 'finding_resolved' : 'finding_dismissed',
    at,
    instrument: null,
    symbol: null,
    facts: { key },
  };
  await store.commitRun(
    commitOf(lease, {
      findings: [finding],
      events: [event],
      outbox: [{ kind: `finding_${state}`, at, facts: { key } }],
    }),
  );
}

forEachDatabase('a finding that comes back', (open) => {
  it.each(['resolved', 'dismissed'] as const)(
    'after it was %s is reopened, in its row and its event',
    async (end) => {
      const { store } = await open();
      const { lease } = await ready(store);
      await say(store, lease, 'open', 0);
      await say(store, lease, end, 5);
      await say(store, lease, 'open', 10);
      await say(store, lease, 'open', 10, 'cash:EUR');
      expect((await store.findings({})).map((row) => [row.key, row.state, row.firstSeenAt])).toEqual([
        ['cash:USD', 'reopened', AT],
        ['cash:EUR', 'open', minutesLater(10)],
      ]);
      expect((await store.bookEvents({})).map((event) => `${event.kind} ${event.facts['key']}`)).toEqual([
        'finding_opened cash:USD',
        `finding_${end} cash:USD`,
        'finding_reopened cash:USD',
        'finding_opened cash:EUR',
      ]);
      expect((await store.syncState(lease.accountId)).findings).toHaveLength(2);
    },
  );
});
