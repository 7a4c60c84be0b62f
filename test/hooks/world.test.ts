import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HOOK_NAMES, type Hooks } from '../../src/hooks/hooks.ts';
import { openPlace, trade, type TruebookPlace } from '../library/truebookPlace.ts';

let place: TruebookPlace;
beforeAll(async () => {
  place = await openPlace();
  await (await place.open()).sync();
});
afterAll(() => place.close());

describe('hooks around a real sync', () => {
  it('stand around every step, in order, and are told what happened', async () => {
    const calls: string[] = [];
    const results: Record<string, unknown> = {};
    const hooks = Object.fromEntries(
      HOOK_NAMES.map((name) => [
        name,
        (first: object, result?: unknown) => {
          calls.push(name === 'onEvent' ? (first as { kind: string }).kind : name);
          if (name.startsWith('after')) results[name] = result;
        },
      ]),
    ) as Hooks;
    const truebook = await place.open({}, { hooks });
    place.control('POST', 'trade', trade('alpaca-paper', 'KO', '2', '69'));
    const result = await truebook.sync({ env: 'paper' });
    expect(calls).toEqual([
      'beforeSync',
      'sync_started',
      'beforeRead',
      'afterRead',
      'beforeReconcile',
      'afterReconcile',
      'beforeCommit',
      'afterCommit',
      'beforeMirror',
      'afterMirror',
      'afterSync',
      'sync_completed',
      'transaction',
      ...calls.slice(13),
    ]);
    expect(calls.slice(13)).toContain('bankroll_sync_adjustment');
    expect(results).toMatchObject({
      afterSync: result,
      afterRead: { depth: 'search' },
      afterReconcile: { newActivities: 1 },
      afterCommit: { outcome: 'complete', counts: { newActivities: 1 } },
    });
  });

  it('cannot change what is committed, fail it or hold it up', async () => {
    const bad: Hooks = Object.fromEntries(
      HOOK_NAMES.map((name, index) => [
        name,
        (given: Record<string, unknown>, result?: { counts?: { created: number } }) => {
          if (index % 3 === 0) return new Promise(() => undefined);
          if (index % 3 === 1) throw new Error(`${name} does not want to`);
          if (result?.counts !== undefined) result.counts.created = 1000;
          given['account'] = 'alpaca-live';
          return undefined;
        },
      ]),
    ) as Hooks;
    const truebook = await place.open({ HOOKS_TIMEOUT: '1' }, { hooks: bad });
    place.control('POST', 'trade', trade('alpaca-paper', 'PEP', '3', '150'));
    place.lines.length = 0;
    const result = await truebook.sync({ env: 'paper' });
    expect(result).toMatchObject({ ok: true, account: 'alpaca-paper', created: 1 });
    const held = await truebook.positions({ account: 'alpaca-paper' });
    expect(held.find(({ symbol }) => symbol === 'PEP')).toMatchObject({ quantity: '3', explained: true });
    const told = place.lines
      .filter((line) => line.startsWith('error: Hook '))
      .map((line) => line.split(' ')[2]);
    // Each once: all but those of the cycle, which only an agent has.
    expect(told.toSorted()).toEqual(
      HOOK_NAMES.filter((name) => !name.endsWith('Cycle'))
        .toSorted()
        .flatMap((name) => (name === 'onEvent' ? ['onEvent', 'onEvent:'] : [name]))
        .toSorted(),
    );
  });

  it('are told that a dry run is one; nothing is committed, mirrored or an event', async () => {
    const calls: string[] = [];
    const truebook = await place.open(
      {},
      {
        hooks: {
          beforeSync: ({ dryRun }) => calls.push(`beforeSync ${dryRun}`),
          afterSync: (_context, result) => calls.push(`afterSync ${result?.ok}`),
          beforeCommit: () => calls.push('beforeCommit'),
          beforeMirror: () => calls.push('beforeMirror'),
          onEvent: ({ kind }) => calls.push(kind),
        },
      },
    );
    await truebook.checkSyncNeeded({ env: 'paper' });
    expect(calls).toEqual(['beforeSync true', 'afterSync true']);
  });
});
