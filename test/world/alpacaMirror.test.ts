/**
 * One Alpaca account mirrored end to end: real HTTP to the sandbox, a real database, the composition of the command
 * line. Each test tells one story; the unhappy ones come first.
 */
import { afterEach, describe, expect, test } from 'vitest';
import { decimal } from '../../src/domain/decimal.ts';
import { parseInstant } from '../../src/domain/time.ts';
import { executions, holdings, openWorld, type DatabaseKind, type World } from './world.ts';

const PAPER = 'alpaca-paper';

const open: World[] = [];
async function world(options: Parameters<typeof openWorld>[0]): Promise<World> {
  const made = await openWorld(options);
  open.push(made);
  return made;
}
afterEach(async () => {
  for (const made of open.splice(0)) await made.close();
});

async function expectTruth(at: World, account = PAPER): Promise<void> {
  const truth = at.truth(account);
  const rows = await at.positions(account);
  expect(rows.filter((row) => row.state === 'missing')).toEqual([]);
  expect(holdings(rows)).toEqual(holdings(truth.positions));
  expect(executions(await at.trades(account))).toEqual(executions(truth.fills));
}

async function findings(at: World): Promise<string[]> {
  const rows = await at.truebook.store.findings({});
  return rows
    .map((row) => `${row.state} ${row.type} ${row.symbol ?? ''} ${row.cause}`.replace('  ', ' '))
    .sort();
}

function fault(resource: string, kind: string, more: object = {}): object {
  return { broker: 'alpaca', account: PAPER, resource, kind, ...more };
}

const databases: DatabaseKind[] = ['sqlite', 'postgres'];

describe.each(databases)('on %s', (database) => {
  describe('answers that must change nothing', () => {
    test.each([
      ['account', 'html'],
      ['account', 'truncate'],
      ['account', 'session-expired'],
      ['account', 'wrong-account'],
      ['positions', 'html'],
      ['positions', 'truncate'],
      ['positions', 'empty'],
      ['positions', 'partial'],
      ['positions', 'wrong-account'],
      ['positions', 'session-expired'],
      ['activities', 'html'],
      ['activities', 'truncate'],
      ['activities', 'session-expired'],
    ])('%s: %s', async (resource, kind) => {
      const at = await world({ database });
      await at.sync(PAPER);
      const before = await at.truebook.store.positions({ states: ['open', 'missing', 'closed'] });
      await at.advance('2h');
      await at.control('fault', fault(resource, kind));
      const run = await at.sync(PAPER);
      expect(run.outcome).not.toBe('complete');
      expect(await at.truebook.store.positions({ states: ['open', 'missing', 'closed'] })).toEqual(before);
      // Old data keeps its honest age and says why it is not fresh.
      const [row] = await at.positions(PAPER);
      expect(row).toMatchObject({ age: 7200, fresh: false, asOf: '2025-08-21T16:00:00Z' });
      expect(row?.why).toMatch(/^sync_failed: /);
      await at.faultsOff();
      expect(await at.sync(PAPER)).toMatchObject({ outcome: 'complete', reconciled: true });
      await expectTruth(at);
      expect((await at.positions(PAPER))[0]).toMatchObject({ age: 0, fresh: true, why: null });
    });

    test('an answer to a cut list of activities is found out by the ids it lacks', async () => {
      const at = await world({ database });
      await at.sync(PAPER);
      await at.control('fault', fault('activities', 'partial', { at: 2 }));
      await at.control('trade', {
        account: PAPER,
        symbol: 'AAPL',
        side: 'buy',
        quantity: '1',
        price: '230',
        publish: 'next-day',
      });
      const run = await at.sync(PAPER);
      expect(run).toMatchObject({ outcome: 'incomplete', errorCode: 'broker_bad_answer' });
      await at.faultsOff();
      await at.advance('1d');
      await at.sync(PAPER);
      await expectTruth(at);
    });

    test('a first contact that is cut short does not invent openings that stay', async () => {
      const at = await world({ database });
      await at.control('fault', fault('activities', 'partial', { at: 3 }));
      await at.sync(PAPER);
      await at.faultsOff();
      await at.advance('5m');
      await at.sync(PAPER);
      await at.advance('1d');
      expect(await at.sync(PAPER)).toMatchObject({ outcome: 'complete', reconciled: true });
      await expectTruth(at);
      const openings = await at.truebook.store.ledger({ kinds: ['opening'] });
      expect(openings.filter((row) => row.status === 'ok')).toEqual([]);
    });
  });

  describe('trades', () => {
    test('bought, added to, partly sold, sold out: each step equals the truth', async () => {
      const at = await world({ database });
      await at.sync(PAPER);
      for (const [side, quantity, price] of [
        ['buy', '10', '12'],
        ['buy', '2.5', '14'],
        ['sell', '4', '13'],
        ['sell', '8.5', '15'],
      ] as const) {
        await at.control('trade', { account: PAPER, symbol: 'NEWCO', side, quantity, price });
        await at.advance('5m');
        expect(await at.sync(PAPER)).toMatchObject({ outcome: 'complete', reconciled: true });
        await expectTruth(at);
      }
      const closed = (await at.positions(PAPER, true)).find((row) => row.symbol === 'NEWCO');
      expect(closed).toMatchObject({
        state: 'closed',
        quantity: '0',
        // 4 x (13 - 12) + 6 x (15 - 12) + 2.5 x (15 - 14): first in, first out.
        realizedPnl: '24.5',
        realizedBasis: 'exact',
      });
    });

    test('an automated trade by its client order id, a manual one without', async () => {
      const at = await world({ database });
      await at.sync(PAPER);
      const order = { account: PAPER, side: 'buy', quantity: '1', price: '10' };
      await at.control('trade', { ...order, symbol: 'MANL' });
      await at.control('trade', { ...order, symbol: 'AUTO', clientRef: 'auto-7' });
      await at.sync(PAPER);
      const manual = new Map((await at.trades(PAPER)).map((trade) => [trade.symbol, trade.manual]));
      expect(manual.get('MANL')).toBe(true);
      expect(manual.get('AUTO')).toBe(false);
    });

    test('an announced order is automated whatever its client id says', async () => {
      const at = await world({ database });
      const { created } = await at.control('trade', {
        account: PAPER,
        symbol: 'BOT',
        side: 'buy',
        quantity: '1',
        price: '10',
      });
      await at.sync(PAPER);
      const account = await at.truebook.account(PAPER);
      const bot = async () => (await at.trades(PAPER)).find((trade) => trade.symbol === 'BOT');
      expect((await bot())?.manual).toBe(true);
      await at.truebook.store.announceOrder(account.id, String(created[0]!['orderId']), account.createdAt);
      expect((await bot())?.manual).toBe(false);
    });

    test('two trades that look alike are two', async () => {
      const at = await world({ database });
      await at.sync(PAPER);
      const twin = {
        account: PAPER,
        symbol: 'TWIN',
        side: 'buy',
        quantity: '5',
        price: '10',
        at: '2025-08-21T15:00:00Z',
      };
      await at.control('trade', twin);
      await at.control('trade', twin);
      await at.sync(PAPER);
      expect((await at.trades(PAPER)).filter((trade) => trade.symbol === 'TWIN')).toHaveLength(2);
      await expectTruth(at);
    });

    test('a partly filled order, corrected, then busted', async () => {
      const at = await world({ database });
      await at.sync(PAPER);
      const partial = {
        account: PAPER,
        symbol: 'NEWCO',
        side: 'buy',
        quantity: '3',
        price: '10',
        order: { id: 'big', quantity: '10' },
      };
      const { created } = await at.control('trade', partial);
      const fill = String(created[0]!['id']);
      await at.sync(PAPER);
      await expectTruth(at);
      await at.control('amend', { account: PAPER, fill, kind: 'correct', quantity: '4', price: '9.5' });
      await at.sync(PAPER);
      expect((await at.trades(PAPER)).find((trade) => trade.id === fill)).toMatchObject({
        rev: 1,
        status: 'ok',
        quantity: '4',
        price: '9.5',
      });
      await expectTruth(at);
      await at.control('amend', { account: PAPER, fill, kind: 'bust' });
      await at.sync(PAPER);
      expect((await at.trades(PAPER)).find((trade) => trade.id === fill)).toMatchObject({
        rev: 2,
        status: 'bust',
        quantity: '4',
      });
      await expectTruth(at);
    });

    test('two old corrections that cancel out in cash are found in the next run', async () => {
      const at = await world({ database });
      await at.sync(PAPER);
      const [one, two] = at
        .truth(PAPER)
        .fills.filter((fill) => fill.symbol === 'AAPL' && fill.quantity === '15');
      const raised = decimal(one!.price).plus(decimal('1')).toString();
      const lowered = decimal(two!.price).minus(decimal('1')).toString();
      await at.control('amend', { account: PAPER, fill: one!.id, kind: 'correct', price: raised });
      await at.control('amend', { account: PAPER, fill: two!.id, kind: 'correct', price: lowered });
      expect(await at.sync(PAPER)).toMatchObject({ outcome: 'complete', reconciled: true });
      await expectTruth(at);
    });

    test('a correction of an execution months old is found', async () => {
      const at = await world({ database });
      await at.sync(PAPER);
      await at.advance('120d');
      expect(await at.sync(PAPER)).toMatchObject({ outcome: 'complete' });
      const oldest = at.truth(PAPER).fills.find((fill) => fill.symbol === 'AAPL')!;
      await at.control('amend', {
        account: PAPER,
        fill: oldest.id,
        kind: 'correct',
        quantity: oldest.quantity,
        price: '1',
      });
      expect(await at.sync(PAPER)).toMatchObject({ outcome: 'complete', reconciled: true });
      await expectTruth(at);
    });
  });

  describe('what appears first and is explained later', () => {
    test('a fill that is published the next day: one finding, then explained', async () => {
      const at = await world({ database });
      await at.sync(PAPER);
      await at.control('trade', {
        account: PAPER,
        symbol: 'LATE',
        side: 'buy',
        quantity: '7',
        price: '10',
        publish: 'next-day',
      });
      const run = await at.sync(PAPER);
      expect(run).toMatchObject({ outcome: 'complete', reconciled: false });
      const row = (await at.positions(PAPER)).find((position) => position.symbol === 'LATE');
      expect(row).toMatchObject({
        state: 'open',
        quantity: '7',
        brokerQuantity: '7',
        bookQuantity: '0',
        explained: false,
        fresh: false,
      });
      expect(row?.why).toMatch(/^unreconciled/);
      await at.advance('5m');
      await at.sync(PAPER);
      expect((await findings(at)).filter((line) => line.includes('LATE'))).toEqual([
        'open appeared LATE manual_trade',
      ]);
      await at.advance('1d');
      expect(await at.sync(PAPER)).toMatchObject({ reconciled: true });
      expect((await findings(at)).filter((line) => line.includes('LATE'))).toEqual([
        'resolved appeared LATE manual_trade',
      ]);
      expect((await at.positions(PAPER)).find((position) => position.symbol === 'LATE')).toMatchObject({
        explained: true,
        fresh: true,
      });
      await expectTruth(at);
    });

    test('an assignment today, its activities tomorrow: the option is missing meanwhile, never closed by absence', async () => {
      const at = await world({ database });
      await at.sync(PAPER);
      await at.control('option', {
        account: PAPER,
        kind: 'expire',
        symbol: 'SPY250912C00640000',
        quantity: '3',
      });
      await at.sync(PAPER);
      const option = async () =>
        (await at.positions(PAPER, true)).find((row) => row.symbol === 'SPY250912C00640000');
      expect(await option()).toMatchObject({
        state: 'missing',
        quantity: '3',
        brokerQuantity: '0',
        bookQuantity: '3',
      });
      await at.advance('1d');
      await at.sync(PAPER);
      expect(await option()).toMatchObject({ state: 'closed', quantity: '0' });
      const events = await at.truebook.store.bookEvents({});
      expect(
        events
          .filter((event) => event.symbol === 'SPY250912C00640000' && !event.kind.startsWith('finding'))
          .map((event) => event.kind),
      ).toEqual(['opened', 'missing', 'expired']);
      await expectTruth(at);
    });

    test('shares transferred in without a trade', async () => {
      const at = await world({ database });
      await at.sync(PAPER);
      await at.control('transfer', { account: PAPER, direction: 'in', symbol: 'GIFT', quantity: '3' });
      await at.sync(PAPER);
      await expectTruth(at);
      expect(await at.trades(PAPER)).toHaveLength(at.truth(PAPER).fills.length);
    });

    test('sold without a published trade: missing with its quantity, for as long as it takes', async () => {
      const at = await world({ database });
      await at.sync(PAPER);
      await at.control('trade', {
        account: PAPER,
        symbol: 'VTI',
        side: 'sell',
        quantity: '1.6',
        price: '300',
        publish: 'never',
      });
      for (let day = 0; day < 5; day += 1) {
        await at.advance('1d');
        expect(await at.sync(PAPER)).toMatchObject({ outcome: 'complete', reconciled: false });
      }
      expect((await at.positions(PAPER)).find((row) => row.symbol === 'VTI')).toMatchObject({
        state: 'missing',
        quantity: '1.6',
        brokerQuantity: '0',
      });
    });
  });

  describe('mark_missing_as_closed, where the user switched it on', () => {
    const settings = { POSITION_SYNC_MARK_MISSING_AS_CLOSED: 'true' };
    const vti = async (at: World) => (await at.positions(PAPER, true)).find((row) => row.symbol === 'VTI');
    const sale = { account: PAPER, symbol: 'VTI', side: 'sell', quantity: '1.6', price: '300' };

    test('closed after three complete answers at least fifteen minutes apart, by an adjustment that names them', async () => {
      const at = await world({ database, settings });
      await at.sync(PAPER);
      await at.control('trade', { ...sale, publish: 'never' });
      for (const _ of ['first', 'second', 'third']) {
        await at.sync(PAPER);
        expect(await vti(at)).toMatchObject({ state: 'missing', quantity: '1.6' });
        await at.advance('15m');
      }
      await at.sync(PAPER);
      expect(await vti(at)).toMatchObject({ state: 'closed', quantity: '0' });
      const [adjustment] = await at.truebook.store.ledger({ kinds: ['adjustment'] });
      expect(adjustment).toMatchObject({
        status: 'ok',
        source: 'truebook',
        details: { reason: 'missing_confirmed', confirmations: '3' },
      });
    });

    test('the true sale, when it comes after all, takes the place of the adjustment', async () => {
      const at = await world({ database, settings });
      await at.sync(PAPER);
      await at.control('trade', { ...sale, publish: 'next-day' });
      for (let answer = 1; answer <= 5; answer += 1) {
        await at.sync(PAPER);
        await at.advance('15m');
      }
      expect(await vti(at)).toMatchObject({ state: 'closed' });
      await at.advance('1d');
      expect(await at.sync(PAPER)).toMatchObject({ outcome: 'complete', reconciled: true });
      expect((await at.truebook.store.ledger({ kinds: ['adjustment'] }))[0]).toMatchObject({
        status: 'bust',
      });
      await expectTruth(at);
    });
  });

  describe('first contact', () => {
    test('what history does not explain is one opening, and older history takes it back', async () => {
      const at = await world({ database, scenario: 'empty' });
      await at.control('transfer', {
        account: PAPER,
        direction: 'in',
        symbol: 'OLD',
        quantity: '12',
        publish: 'next-day',
      });
      await at.sync(PAPER);
      const openings = async () =>
        (await at.truebook.store.ledger({ kinds: ['opening'] })).map(
          (row) => `${row.instrument?.symbol} ${row.quantity.toString()} ${row.status}`,
        );
      expect(await openings()).toEqual(['OLD 12 ok']);
      expect((await at.positions(PAPER))[0]).toMatchObject({ explained: true, bookQuantity: '12' });
      await at.advance('1d');
      await at.sync(PAPER);
      expect(await openings()).toEqual(['OLD 12 bust']);
      await expectTruth(at);
    });
  });

  describe('account reset', () => {
    test('the old book stands until a new epoch is started, and totals never mix', async () => {
      const at = await world({ database });
      await at.sync(PAPER);
      const before = await at.truebook.store.positions({ states: ['open'] });
      await at.control('account', { account: PAPER, action: 'reset' });
      for (let run = 1; run <= 3; run += 1) {
        await at.advance('5m');
        expect(await at.sync(PAPER)).toMatchObject({
          outcome: 'failed',
          errorCode: run < 3 ? 'wrong_account' : 'account_changed',
        });
        expect(await at.truebook.store.positions({ states: ['open'] })).toEqual(before);
      }
      expect(await findings(at)).toContain('open account_changed account_changed');
      const account = await at.truebook.account(PAPER);
      const grant = await at.truebook.store.acquireLease(account.id, at.truebook.holder('command'), 60_000);
      if (!('lease' in grant)) throw new Error('the lease is free');
      await at.truebook.store.newEpoch(grant.lease, account.createdAt, 'test');
      await at.truebook.store.releaseLease(grant.lease);
      await at.control('trade', { account: PAPER, symbol: 'AAPL', side: 'buy', quantity: '2', price: '200' });
      expect(await at.sync(PAPER)).toMatchObject({ outcome: 'complete', reconciled: true, epoch: 2 });
      expect(holdings(await at.positions(PAPER))).toEqual(['AAPL 2']);
      await at.advance('5m');
      await at.sync(PAPER);
      expect(holdings(await at.positions(PAPER))).toEqual(holdings(at.truth(PAPER).positions));
      expect(
        (await at.truebook.store.positions({ states: ['closed'] })).filter((row) => row.epoch === 1).length,
      ).toBeGreaterThanOrEqual(before.length);
    });
  });

  describe('cost of a quiet cycle', () => {
    test('at most eight calls, only reads, and few rows whatever the number of positions', async () => {
      const at = await world({ database });
      await at.sync(PAPER);
      await at.sync(PAPER);
      const before = at.requests().length;
      await at.advance('5m');
      await at.sync(PAPER);
      const made = at.requests().slice(before);
      expect(made.length).toBeLessThanOrEqual(8);
      expect(at.requests().every((request) => request.method === 'GET')).toBe(true);
    });
  });

  test('the quarantined row is kept, told, and settled when it is understood', async () => {
    const at = await world({ database });
    await at.sync(PAPER);
    await at.control('fault', fault('positions', 'schema-drift', { times: 2 }));
    const run = await at.sync(PAPER);
    expect(
      (await findings(at)).some((line) => line.startsWith('open quarantine')),
      JSON.stringify(run),
    ).toBe(true);
    expect(holdings(await at.positions(PAPER))).toEqual(holdings(at.truth(PAPER).positions));
    await at.faultsOff();
    await at.advance('5m');
    await at.sync(PAPER);
    for (const line of await findings(at)) expect(line).toMatch(/^resolved quarantine/);
    await expectTruth(at);
  });
});

describe('statistics', () => {
  test('count runs, not the chunks of a first contact, and can begin at an instant', async () => {
    const at = await world({});
    await at.sync(PAPER);
    await at.advance('5m');
    await at.control('fault', fault('account', 'html'));
    await at.sync(PAPER);
    const { store } = at.truebook;
    expect(await store.statistics({})).toMatchObject({
      totalSyncs: 2,
      successfulSyncs: 1,
      failedSyncs: 1,
      positionsCreated: 12,
    });
    const since = parseInstant('2025-08-21T16:04:00Z');
    expect(await store.statistics({ since })).toMatchObject({
      totalSyncs: 1,
      successfulSyncs: 0,
      failedSyncs: 1,
    });
  });
});
