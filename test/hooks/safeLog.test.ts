import { describe, expect, it } from 'vitest';
import { eventTeller, toldRuns } from '../../src/hooks/eventTeller.ts';
import { calledSafely, safeLog } from '../../src/hooks/safeLog.ts';
import { Listeners } from '../../src/library/listeners.ts';
import { type Store } from '../../src/store/store.ts';
import { type TruebookEvent } from '../../src/hooks/events.ts';

const no = (): never => {
  throw new Error('no');
};
const EVENT: TruebookEvent = {
  kind: 'sync_failed',
  account: 'alpaca-paper',
  at: '2025-08-21T16:00:00Z',
  runId: 1,
  code: 'broker_auth',
  message: 'no',
};

describe('a log that throws', () => {
  it('is called, and its error goes no further, at once or later', async () => {
    const lines: string[] = [];
    const log = safeLog({
      error: (line: string) => {
        lines.push(line);
        throw new Error('no');
      },
      info: (line: string) => Promise.reject(new Error(line)),
    });
    log.error('one');
    void log.info('two');
    calledSafely(no);
    await new Promise((resolve) => setImmediate(resolve));
    expect(lines).toEqual(['one']);
  });

  it('does not end the telling of listeners that throw', async () => {
    const heard: string[] = [];
    const listeners = new Listeners({ error: no });
    listeners.on('event', no);
    listeners.on('event', ({ kind }) => void heard.push(kind));
    await listeners.tell('alpaca-paper', [EVENT]);
    expect(heard).toEqual(['sync_failed']);
  });

  it('does not end a run whose events cannot be read', async () => {
    const store = { findAccount: () => Promise.reject(new Error('gone')) } as unknown as Store;
    const listener = { listens: () => true, tell: () => Promise.resolve() };
    const teller = eventTeller({
      store,
      clock: no,
      log: { error: no },
      listeners: [listener],
      told: toldRuns(),
    });
    expect(await teller.mark('alpaca-paper')).toBeNull();
  });
});
