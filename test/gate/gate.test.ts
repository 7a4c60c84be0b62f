import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { askGate, closedGate, type GateAnswer, type GateQuestion } from '../../src/gate/gate.ts';
import { isTruebookError, TruebookError } from '../../src/domain/errors.ts';
import { type Store } from '../../src/store/store.ts';
import { openWorld, type World } from '../world/world.ts';

const PAPER = 'alpaca-paper';

for (const database of ['sqlite', 'postgres'] as const) {
  describe(`the gate on ${database}`, () => {
    let world: World;
    const warnings: string[] = [];
    beforeAll(async () => {
      world = await openWorld({ database });
    });
    afterAll(() => world.close());

    async function ask(
      question: GateQuestion = {},
      isSyncing = false,
      onSyncFailure: 'deny' | 'caution' = 'deny',
      store: Store = world.truebook.store,
    ): Promise<GateAnswer> {
      const { records } = world.truebook;
      return await askGate(
        {
          store,
          records,
          policy: { onSyncFailure },
          sync: isSyncing ? async () => (await world.sync(PAPER, 'gate')).outcome === 'complete' : null,
          onWarning: (sentence) => void warnings.push(sentence),
        },
        await world.truebook.account(PAPER),
        question,
      );
    }
    const fault = (kind: string, more: object = {}): Promise<unknown> =>
      world.control('fault', { broker: 'alpaca', account: PAPER, kind, ...more });

    it('is closed before the first run, and says that alone', async () => {
      expect(await ask()).toMatchObject({
        ok: false,
        reasons: ['never_synced'],
        age: null,
        validUntil: null,
      });
    });

    it('says that a first sync which failed is both', async () => {
      await fault('status', { status: 401, times: 20 });
      const answer = await ask({}, true);
      await world.faultsOff();
      expect(answer).toMatchObject({ ok: false, reasons: ['never_synced', 'sync_failed'] });
    });

    it('opens after a verified run until its data is too old', async () => {
      expect(await ask({ maxAgeSeconds: 90 }, true)).toMatchObject({
        ok: true,
        caution: false,
        reasons: [],
        asOf: '2025-08-21T16:00:00Z',
        age: 0,
        validUntil: '2025-08-21T16:01:30Z',
      });
      await world.advance('91s');
      expect(await ask({ maxAgeSeconds: 90 })).toMatchObject({ ok: false, reasons: ['stale'], age: 91 });
      expect(await ask({ maxAgeSeconds: 91 })).toMatchObject({ ok: true });
      expect(await ask()).toMatchObject({ ok: true });
    });

    it('closes for a failed sync although older data is young, and opens after a good one', async () => {
      await fault('html', { resource: 'positions', times: 20 });
      expect(await ask({}, true)).toMatchObject({ ok: false, reasons: ['sync_failed'] });
      await world.faultsOff();
      expect(await ask({}, true)).toMatchObject({ ok: true });
    });

    it('closes for a sync that could not even begin, whatever the newest run was', async () => {
      const { store, records } = world.truebook;
      const busy = new TruebookError('lease_held', 'Another process keeps it busy.');
      const answer = await askGate(
        {
          store,
          records,
          policy: { onSyncFailure: 'deny' },
          sync: () => Promise.reject(busy),
          onWarning: (sentence) => void warnings.push(sentence),
        },
        await world.truebook.account(PAPER),
      );
      expect(answer).toMatchObject({ ok: false, reasons: ['sync_failed'] });
      expect(warnings.at(-1)).toBe(
        'alpaca-paper: the sync before a trade failed: Another process keeps it busy.',
      );
      expect(await ask()).toMatchObject({ ok: true });
    });

    it('closes for the symbol whose position is missing; the account disagrees for every symbol', async () => {
      const [option] = (await world.positions(PAPER)).filter((row) => row.kind === 'option');
      await world.control('option', {
        account: PAPER,
        kind: 'expire',
        symbol: option!.symbol,
        quantity: option!.quantity.replace('-', ''),
        publish: 'next-day',
      });
      await world.sync(PAPER);
      expect((await ask({ symbol: option!.symbol })).reasons).toEqual(['unreconciled', 'missing']);
      expect((await ask({ symbol: option!.option!.underlying.toLowerCase() })).reasons).toContain('missing');
      expect((await ask({ symbol: 'AAPL' })).reasons).toEqual(['unreconciled']);
      // A name that nothing has may be another spelling of what is in doubt.
      expect((await ask({ symbol: 'ZZZZ' })).reasons).toEqual(['unreconciled', 'missing']);
      expect((await ask()).details).toContain(`Missing at the broker: ${option!.symbol}.`);
      await world.advance('next-day');
      expect(await ask({}, true)).toMatchObject({ ok: true });
    });

    it('closes for shares that no activity explains', async () => {
      await world.control('transfer', {
        account: PAPER,
        direction: 'in',
        symbol: 'PFE',
        quantity: '5',
        publish: 'next-day',
      });
      await world.sync(PAPER);
      expect((await ask({ symbol: 'PFE' })).reasons).toEqual(['unreconciled', 'unexplained']);
      await world.advance('next-day');
      expect(await ask({ symbol: 'PFE' }, true)).toMatchObject({ ok: true });
    });

    it('closes while a run of one part saw what the book does not have', async () => {
      expect(await ask()).toMatchObject({ ok: true });
      await world.control('transfer', {
        account: PAPER,
        direction: 'in',
        symbol: 'PEP',
        quantity: '5',
        publish: 'next-day',
      });
      await world.syncPart(PAPER, 'transactions');
      expect((await world.positions(PAPER))[0]!.why).toContain('a run of transactions saw');
      expect(await ask()).toMatchObject({ ok: false, reasons: ['unreconciled'] });
      // A failure after it does not make that true which was not.
      await fault('html', { resource: 'positions', times: 20 });
      const soft = await ask({}, true, 'caution');
      await world.faultsOff();
      expect(soft).toMatchObject({ ok: false, reasons: ['sync_failed', 'unreconciled'] });
      await world.advance('next-day');
      expect(await ask({}, true)).toMatchObject({ ok: true });
    });

    it('knows a symbol in every spelling, and refuses one that names nothing', async () => {
      await world.control('transfer', {
        account: PAPER,
        direction: 'in',
        symbol: 'BRK.B',
        quantity: '2',
        publish: 'next-day',
      });
      await world.sync(PAPER);
      for (const symbol of ['BRK.B', 'brk/b', 'BRK-B', ' BRK B'])
        expect((await ask({ symbol })).reasons).toContain('unexplained');
      expect((await ask({ symbol: 'AAPL' })).reasons).toEqual(['unreconciled']);
      for (const symbol of ['', ' ', '-', './']) {
        const refused = await ask({ symbol }).catch((error: unknown) => error);
        expect(isTruebookError(refused, 'usage')).toBe(true);
      }
      await world.advance('next-day');
      expect(await ask({}, true)).toMatchObject({ ok: true });
    });

    it('judges one version of the book: a look that a run fell into is taken again', async () => {
      const { store } = world.truebook;
      let looks = 0;
      const disturbed: Store = {
        ...store,
        findings: async (filter) => {
          looks += 1;
          if (looks > 1) return await store.findings(filter);
          await world.control('transfer', {
            account: PAPER,
            direction: 'in',
            symbol: 'DIS',
            quantity: '5',
            publish: 'next-day',
          });
          await world.sync(PAPER);
          return await store.findings(filter);
        },
      };
      const answer = await ask({}, false, 'deny', disturbed);
      expect(looks).toBeGreaterThan(1);
      expect(answer.reasons).toEqual(['unreconciled', 'unexplained']);
      await world.advance('next-day');
      expect(await ask({}, true)).toMatchObject({ ok: true });
    });

    it('is closed where runs never leave it a whole look', async () => {
      const { store } = world.truebook;
      const restless: Store = {
        ...store,
        findings: async (filter) => {
          await world.sync(PAPER);
          return await store.findings(filter);
        },
      };
      expect(await ask({}, false, 'deny', restless)).toMatchObject({ ok: false, validUntil: null });
      expect(warnings.at(-1)).toContain('changed while it was read');
    });

    it('tells until when the answer holds by the clock of who asks', async () => {
      const { store, records } = world.truebook;
      await world.sync(PAPER);
      await world.advance('10s');
      for (const hours of [-5, 0, 5]) {
        const { clock } = records;
        const wallMs = clock.wallMs() + hours * 3_600_000;
        const answer = await askGate(
          {
            store,
            records: { ...records, clock: { ...clock, wallMs: () => wallMs } },
            policy: { onSyncFailure: 'deny' },
            sync: null,
            onWarning: (sentence) => void warnings.push(sentence),
          },
          await world.truebook.account(PAPER),
          { maxAgeSeconds: 86_400 },
        );
        expect(answer.ok).toBe(true);
        expect(Date.parse(answer.validUntil!)).toBe(wallMs + (86_400 - answer.age!) * 1000);
      }
    });

    it('is closed while the clock cannot tell how old the data is', async () => {
      const { store, records } = world.truebook;
      const clock = {
        ...records.clock,
        epoch: 'after a restart',
        wallMs: () => records.clock.wallMs() - 3 * 3_600_000,
      };
      const answer = await askGate(
        {
          store,
          records: { ...records, clock },
          policy: { onSyncFailure: 'caution' },
          sync: null,
          onWarning: (sentence) => void warnings.push(sentence),
        },
        await world.truebook.account(PAPER),
      );
      expect(answer).toMatchObject({ ok: false, age: null, reasons: ['unknown', 'not_fresh'] });
      expect(answer.details.join(' ')).toContain('clock_before_data');
    });

    it('closes at the first answer of another account, and stays closed when it is the new one', async () => {
      await fault('wrong-account');
      expect((await ask({}, true)).reasons).toEqual(['wrong_account', 'sync_failed']);
      await world.faultsOff();
      // Another failure after it makes nobody forget whose answers they were.
      await fault('html', { resource: 'positions', times: 20 });
      const soft = await ask({}, true, 'caution');
      await world.faultsOff();
      expect(soft).toMatchObject({ ok: false, reasons: ['wrong_account', 'sync_failed'] });
      expect(await ask({}, true)).toMatchObject({ ok: true });
      await world.control('account', { account: PAPER, action: 'reset' });
      for (const _run of [1, 2, 3]) await world.sync(PAPER);
      expect((await ask({}, true)).reasons).toContain('wrong_account');
    });

    it('is closed and says so when the book itself cannot be read', async () => {
      const { store, records } = world.truebook;
      const broken = new TruebookError('storage_unreachable', 'The database is gone.');
      const answer = await askGate(
        {
          store: { ...store, freshness: () => Promise.reject(broken) },
          records,
          policy: { onSyncFailure: 'caution' },
          sync: null,
          onWarning: (sentence) => void warnings.push(sentence),
        },
        await world.truebook.account(PAPER),
      );
      expect(answer).toEqual(closedGate(PAPER, null, 360, { onSyncFailure: 'caution' }));
      expect(answer).toMatchObject({ ok: false, caution: false, reasons: ['unknown', 'sync_failed'] });
      expect(warnings.at(-1)).toContain('The database is gone.');
    });
  });
}
