/** A history longer than one chunk: committed piece by piece, interrupted, gone on with, complete in the end. */
import { expect, test } from 'vitest';
import { requestSync } from '../../src/sync/requestSync.ts';
import { executions, holdings, openWorld } from './world.ts';

const PAPER = 'alpaca-paper';

test.each(['sqlite', 'postgres'] as const)(
  'an interrupted first contact goes on where it was on %s',
  async (database) => {
    const at = await openWorld({ database, scenario: 'empty' });
    try {
      for (let trade = 0; trade < 2150; trade += 1) {
        const minute = String(trade % 60).padStart(2, '0');
        const hour = String(10 + (Math.floor(trade / 60) % 9)).padStart(2, '0');
        const day = String(14 + Math.floor(trade / 540)).padStart(2, '0');
        const answer = at.sandbox.control('POST', '/control/trade', {
          account: PAPER,
          symbol: ['AAPL', 'KO', 'MSFT'][trade % 3],
          side: trade % 7 === 6 ? 'sell' : 'buy',
          quantity: String(1 + (trade % 5)),
          price: '100',
          at: `2025-07-${day}T${hour}:${minute}:00Z`,
        });
        expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 200 });
      }
      const seat = (await at.truebook.agentAccounts()).find(({ account }) => account.name === PAPER)!;
      const interrupted = new AbortController();
      const progress: string[] = [];
      const first = requestSync(
        at.truebook.dependencies(seat, 'test', {
          onProgress: (sentence) => {
            progress.push(sentence);
            interrupted.abort();
          },
        }),
        seat.account,
        {
          holder: at.truebook.holder('command'),
          isGone: () => false,
          trigger: 'command',
          type: 'all',
          requestedBy: 'test',
          signal: interrupted.signal,
        },
      );
      await expect(first).rejects.toMatchObject({ code: 'stopped' });
      expect(progress).toEqual([expect.stringMatching(/^Reading history: \d{4} activities so far$/)]);
      const half = await at.truebook.store.ledger({ accountId: seat.account.id });
      expect(half.length).toBeGreaterThan(1500);
      expect(half.length).toBeLessThan(2150);
      // Nothing is believed yet: no positions, nothing fresh.
      expect(await at.positions(PAPER)).toEqual([]);

      const before = at.requests().length;
      expect(await at.sync(PAPER)).toMatchObject({ outcome: 'complete', reconciled: true });
      // Went on from the last page instead of the beginning.
      const walked = at
        .requests()
        .slice(before)
        .filter((request) => request.query?.includes('direction=asc') === true);
      expect(walked.length).toBeGreaterThan(0);
      expect(walked.length).toBeLessThan(5);
      expect(holdings(await at.positions(PAPER))).toEqual(holdings(at.truth(PAPER).positions));
      expect(executions(await at.trades(PAPER))).toEqual(executions(at.truth(PAPER).fills));
      expect((await at.truebook.store.ledger({ kinds: ['opening'] })).length).toBe(0);
    } finally {
      await at.close();
    }
  },
  120_000,
);
