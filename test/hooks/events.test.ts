import { describe, expect, it } from 'vitest';
import { parseInstant } from '../../src/domain/time.ts';
import { eventsOf } from '../../src/hooks/events.ts';
import { type RunRecord, type StoredBookEvent } from '../../src/store/store.ts';

const RUN: RunRecord = {
  id: 7,
  accountId: 1,
  epoch: 1,
  trigger: 'schedule',
  type: 'all',
  startedAt: parseInstant('2025-08-21T16:00:00Z'),
  finishedAt: parseInstant('2025-08-21T16:00:01.5Z'),
  durationMs: 1500,
  outcome: 'incomplete',
  reconciled: false,
  errorCode: 'broker_bad_answer',
  errorMessage: 'positions: cut short',
  counts: { created: 0, updated: 0, closed: 0, missing: 0, findings: 1, newActivities: 0 },
  deepScan: false,
};

function finding(seq: number, kind: StoredBookEvent['kind'], seenAt: string): StoredBookEvent {
  const facts = { key: `quarantine:${seq}`, type: 'quarantine' };
  const at = parseInstant(seenAt);
  return { accountId: 1, epoch: 1, seq, kind, at, firstSeenAt: at, instrument: null, symbol: null, facts };
}

describe('the events of a run', () => {
  it('that was refused are its failure and its own findings, not those of a run between', () => {
    const events = eventsOf('alpaca-paper', { run: RUN, difference: null }, [
      finding(1, 'finding_opened', '2025-08-21T15:59:59Z'),
      finding(2, 'account_pinned', '2025-08-21T16:00:00Z'),
      finding(3, 'finding_reopened', '2025-08-21T16:00:00Z'),
    ]);
    expect(events).toEqual([
      {
        kind: 'sync_failed',
        account: 'alpaca-paper',
        at: '2025-08-21T16:00:01.5Z',
        runId: 7,
        code: 'broker_bad_answer',
        message: 'positions: cut short',
      },
      {
        kind: 'finding_reopened',
        account: 'alpaca-paper',
        at: '2025-08-21T16:00:00Z',
        runId: 7,
        symbol: null,
        finding: { key: 'quarantine:3', type: 'quarantine' },
      },
    ]);
  });
});
