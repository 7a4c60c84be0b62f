/** Stories of an account, each walked through the real wire: what the book says of them then, later, and as known then. */
import { afterEach, describe, expect, test } from 'vitest';
import { type Account } from '../../src/domain/account.ts';
import { instantFromMs, now, type TradeDate } from '../../src/domain/time.ts';
import { decimal } from '../../src/domain/decimal.ts';
import { type NewElection, type Store } from '../../src/store/store.ts';
import { type When } from '../../src/sync/asOf.ts';
import { uncoveredRecordsOf } from '../../src/sync/records.ts';
import {
  daysOf,
  findingsOf,
  lotsOf,
  lotsScreen,
  PAPER,
  positionsOf,
  realizedOf,
  resolveFinding,
} from './walks.ts';
import { openWorld, type DatabaseKind, type World } from './world.ts';

const open: World[] = [];

afterEach(async () => {
  for (const made of open.splice(0)) await made.close();
});

/** An account with 50,000 dollars and nothing else, at 10:00 New York on Monday, 2025-08-04, synced once. */
async function start(database: DatabaseKind): Promise<World> {
  const at = await openWorld({ database, scenario: 'empty', at: '2025-08-04T13:00:00Z' });
  open.push(at);
  await at.control('cash', { account: PAPER, kind: 'deposit', amount: '50000' });
  await at.advance('1h');
  await at.sync(PAPER);
  return at;
}

/** What `truebook elect account-type` writes; `from`: the first trade date. */
function accountType(choice: string, from: string | null = null): NewElection {
  const validFrom = from as TradeDate | null;
  return {
    kind: 'account_type',
    object: null,
    choice,
    validFrom,
    validTo: null,
    source: 'user',
    details: {},
  };
}

async function trade(
  at: World,
  side: string,
  quantity: string,
  symbol: string,
  price: string,
  more: object = {},
) {
  return await at.control('trade', { account: PAPER, side, quantity, symbol, price, ...more });
}

async function later(at: World, by: string): Promise<void> {
  await at.advance(by);
  await at.sync(PAPER);
}

/** 10 bought @ 200 and sold @ 180, and 4 of them bought again at once: a loss of which a part is put off. */
async function washedSale(database: DatabaseKind): Promise<{ at: World; account: Account; store: Store }> {
  const at = await start(database);
  await trade(at, 'buy', '10', 'AAPL', '200');
  await later(at, '5m');
  await trade(at, 'sell', '10', 'AAPL', '180');
  await trade(at, 'buy', '4', 'AAPL', '181');
  await later(at, '5m');
  return { at, account: await at.truebook.account(PAPER), store: at.truebook.store };
}

describe.each(['sqlite', 'postgres'] as const)('on %s', (database) => {
  test('a partial fill, then its correction, then its bust', async () => {
    const at = await start(database);
    await trade(at, 'buy', '10', 'AAPL', '200');
    await later(at, '5m');
    const { created } = await trade(at, 'sell', '4', 'AAPL', '210', { order: { quantity: '10' } });
    await later(at, '5m');
    const sold = '2025-08-04T14:10:00Z';
    expect(await realizedOf(at)).toEqual(['AAPL 40 exact (rolled 40)']);
    expect(await positionsOf(at)).toEqual(['AAPL 6 open, realized 40 exact']);
    await at.control('amend', { account: PAPER, fill: created[0]!['id'], kind: 'correct', price: '211' });
    await later(at, '5m');
    expect(await realizedOf(at)).toEqual(['AAPL 44 exact (rolled 44)']);
    await at.control('amend', { account: PAPER, fill: created[0]!['id'], kind: 'bust' });
    await later(at, '5m');
    expect(await realizedOf(at)).toEqual([]);
    expect(await positionsOf(at)).toEqual(['AAPL 10 open, realized 0 exact']);
    expect(await lotsOf(at)).toEqual(['AAPL 10 = 2000 fill']);
    expect(await realizedOf(at, { knownAt: sold })).toEqual(['AAPL 40 exact (rolled 40)']);
    expect(await lotsOf(at, { knownAt: sold })).toEqual(['AAPL 6 = 1200 fill']);
    expect(await realizedOf(at, { asOf: sold })).toEqual([]);
    await later(at, '2025-08-05T00:05:00Z');
    expect(await daysOf(at)).toEqual(['2025-08-04 proved 0']);
  });

  test('assigned today, told tomorrow: one finding, the premium both ways', async () => {
    const at = await start(database);
    await trade(at, 'sell', '1', 'KO250815P00070000', '0.85');
    await later(at, '5m');
    await later(at, '2025-08-15T00:05:00Z');
    await later(at, '2025-08-15T19:55:00Z');
    await at.control('option', {
      account: PAPER,
      kind: 'assign',
      symbol: 'KO250815P00070000',
      quantity: '1',
    });
    await later(at, '2025-08-16T00:30:00Z');
    const evening = '2025-08-16T00:30:00Z';
    expect(await positionsOf(at)).toEqual([
      'KO 100 open unexplained, realized ? unknown',
      'KO250815P00070000 -1 missing unexplained, realized 0 exact',
    ]);
    expect((await findingsOf(at)).filter((line) => line.includes(' open'))).toHaveLength(1);
    expect((await daysOf(at)).at(-1)).toMatch(/^2025-08-15 pending/);
    await later(at, 'next-day');
    await later(at, '5m');
    expect(await positionsOf(at)).toEqual(['KO 100 open, realized 0 exact']);
    expect(await realizedOf(at)).toEqual(['KO250815P00070000 85 exact (rolled 0)']);
    expect(await lotsScreen(at)).toEqual([
      'SYMBOL  QUANTITY  UNIT COST      COST  TAX COST  BASIS  ACQUIRED    TERM   UNREALIZED',
      'KO           100         70  7,000.00  6,915.00  fill   2025-08-15  short     -371.00',
    ]);
    expect(await findingsOf(at)).toEqual([expect.stringMatching(/^\S+ assignment resolved/)]);
    expect(await daysOf(at)).toContain('2025-08-15 proved 0');
    expect(await lotsOf(at, { knownAt: evening })).toEqual(['KO250815P00070000 -1 = 85 fill']);
    expect(await lotsOf(at, { asOf: '2025-08-16T04:00:00Z' })).toEqual(['KO 100 = 7000 fill']);
  });

  test('a transfer in without a basis, then a sale of it', async () => {
    const at = await start(database);
    await at.control('transfer', { account: PAPER, direction: 'in', symbol: 'IBM', quantity: '20' });
    await later(at, '5m');
    expect(await lotsOf(at)).toEqual(['IBM 20 = unknown unknown']);
    await trade(at, 'sell', '5', 'IBM', '250');
    await later(at, '5m');
    expect(await realizedOf(at)).toEqual(['IBM ? unknown without 5 (rolled ?)']);
    expect(await positionsOf(at)).toEqual(['IBM 15 open, realized ? unknown']);
    const [lot] = await at.truebook.store.lots({});
    const { id } = await at.truebook.account(PAPER);
    const before = '2025-08-04T14:11:00Z';
    await at.advance('5m');
    await at.truebook.store.elect(
      id,
      [
        {
          kind: 'basis',
          object: lot!.id,
          choice: '3000',
          validFrom: null,
          validTo: null,
          source: 'user',
          details: { acquired: '2021-03-15' },
        },
      ],
      { at: '2025-08-04T14:15:00Z' as never, actor: 'user', action: 'basis', object: lot!.id, facts: {} },
    );
    await at.sync(PAPER);
    expect(await lotsOf(at)).toEqual(['IBM 15 = 2250 user']);
    expect(await realizedOf(at)).toEqual(['IBM 500 exact (rolled 500)']);
    expect(await realizedOf(at, { knownAt: before })).toEqual(['IBM ? unknown without 5 (rolled ?)']);
    expect(await lotsScreen(at)).toEqual([
      'SYMBOL  QUANTITY  UNIT COST      COST  TAX COST  BASIS  ACQUIRED    TERM  UNREALIZED',
      'IBM           15        150  2,250.00  2,250.00  user   2021-03-15  long      364.80',
    ]);
  });

  test('a 4:1 split while the position is missing', async () => {
    const at = await start(database);
    await trade(at, 'buy', '10', 'XMPL', '400');
    await later(at, '5m');
    await at.control('fault', { broker: 'alpaca', account: PAPER, resource: 'positions', kind: 'empty' });
    for (let look = 0; look < 3; look += 1) await later(at, '5m');
    expect(await positionsOf(at)).toEqual(['XMPL 10 missing unexplained, realized 0 exact']);
    const missing = '2025-08-04T14:21:00Z';
    await later(at, '2025-08-05T14:00:00Z');
    await at.control('corporate-action', { kind: 'split', symbol: 'XMPL', newShares: 4, oldShares: 1 });
    await later(at, 'next-day');
    expect(await positionsOf(at)).toEqual(['XMPL 40 missing unexplained, realized 0 exact']);
    await at.faultsOff();
    await later(at, '5m');
    await later(at, '5m');
    expect(await positionsOf(at)).toEqual(['XMPL 40 open, realized 0 exact']);
    expect(await lotsOf(at)).toEqual(['XMPL 40 = 4000 fill']);
    expect(await lotsOf(at, { asOf: missing })).toEqual(['XMPL 10 = 4000 fill']);
    expect(await lotsOf(at, { knownAt: missing })).toEqual(['XMPL 10 = 4000 fill']);
  });

  test('seen flat after three days offline without history, then the sale arrives', async () => {
    const at = await start(database);
    await trade(at, 'buy', '10', 'AAPL', '200');
    await later(at, '5m');
    await at.advance('2025-08-05T15:00:00Z');
    await trade(at, 'sell', '10', 'AAPL', '215', { publish: 'next-day' });
    await at.control('fault', {
      broker: 'alpaca',
      account: PAPER,
      resource: 'activities',
      kind: 'short-history',
    });
    await later(at, '2025-08-05T15:30:00Z');
    const flat = '2025-08-05T15:30:00Z';
    expect(await positionsOf(at)).toEqual(['AAPL 10 missing unexplained, realized 0 exact']);
    expect(await lotsOf(at)).toEqual(['AAPL 10 = 2000 fill']);
    await at.faultsOff();
    await later(at, '2025-08-08T15:00:00Z');
    await later(at, '5m');
    expect(await positionsOf(at)).toEqual([]);
    expect(await positionsOf(at, true)).toEqual(['AAPL 0 closed, realized 150 exact']);
    expect(await realizedOf(at)).toEqual(['AAPL 150 exact (rolled 150)']);
    expect(await lotsOf(at, { knownAt: flat })).toEqual(['AAPL 10 = 2000 fill']);
    expect(await lotsOf(at, { asOf: flat })).toEqual([]);
  });

  test('a finding resolved by a person, and the true fill arriving next day', async () => {
    const at = await start(database);
    await trade(at, 'buy', '10', 'AAPL', '200');
    await later(at, '5m');
    await trade(at, 'sell', '4', 'AAPL', '210', { publish: 'next-day' });
    await later(at, '5m');
    await later(at, '5m');
    const estimated = await positionsOf(at);
    expect(estimated).toEqual([expect.stringMatching(/^AAPL 6 open unexplained, realized \S+ estimated$/)]);
    await resolveFinding(at, 'AAPL', {});
    await later(at, '5m');
    const told = '2025-08-04T14:21:00Z';
    expect(await positionsOf(at)).toEqual([expect.stringMatching(/^AAPL 6 open, realized/)]);
    await later(at, 'next-day');
    await later(at, '5m');
    expect(await positionsOf(at)).toEqual(['AAPL 6 open, realized 40 exact']);
    expect(await realizedOf(at)).toEqual(['AAPL 40 exact (rolled 40)']);
    expect(await lotsOf(at)).toEqual(['AAPL 6 = 1200 fill']);
    expect((await findingsOf(at)).filter((line) => line.includes(' open'))).toEqual([]);
    expect(await realizedOf(at, { knownAt: told })).toEqual(['AAPL ? unknown without 4 (rolled ?)']);
  });

  test('sales on two days that a person explains: each on its own day with its money, until the fills come', async () => {
    const at = await start(database);
    await trade(at, 'buy', '10', 'XMPL', '110');
    await later(at, '5m');
    const days = ['2025-08-05', '2025-08-06'];
    for (const day of days) {
      await later(at, `${day}T14:40:00Z`);
      await trade(at, 'sell', '2', 'XMPL', '115', { publish: 'never' });
      await later(at, '5m');
      await later(at, '5m');
      await resolveFinding(at, 'XMPL', { price: decimal('115') });
      await later(at, '5m');
      expect((await findingsOf(at)).filter((line) => /open/.test(line))).toEqual([]);
      await later(at, `${day}T23:59:00Z`);
    }
    await later(at, '2025-08-07T14:00:00Z');
    await later(at, '5m');
    const proved = ['2025-08-04 proved 0', '2025-08-05 proved 0', '2025-08-06 proved 0'];
    expect((await daysOf(at)).slice(0, 3)).toEqual(proved);
    const stored = await at.truebook.store.balanceDays({});
    const shown = (date: string): string => {
      const { proof } = stored.find((row) => row.tradeDate === date)!;
      return `realized ${proof!.realized!.toString()} transfers ${proof!.transfers!.toString()}`;
    };
    expect(days.map(shown)).toEqual(days.map(() => 'realized 10 transfers 0'));
    expect(await realizedOf(at)).toEqual(['XMPL 20 estimated (rolled 20)']);
    expect(await lotsOf(at)).toEqual(['XMPL 6 = 660 fill']);
    expect(await findingsOf(at)).not.toContainEqual(expect.stringContaining('open'));
    expect(await realizedOf(at, { asOf: '2025-08-06T03:00:00Z' })).toEqual(['XMPL 10 estimated (rolled 10)']);
  });

  test('shares that left by a transfer nobody published take their cost along', async () => {
    const at = await start(database);
    await trade(at, 'buy', '10', 'IBM', '200');
    await later(at, '5m');
    await later(at, '2025-08-05T14:00:00Z');
    const transfer = { direction: 'out', symbol: 'IBM', quantity: '10', publish: 'never' };
    await at.control('transfer', { account: PAPER, ...transfer });
    await later(at, '5m');
    await later(at, '20m');
    await resolveFinding(at, 'IBM', { as: 'transfer' });
    await later(at, '5m');
    expect(await positionsOf(at, true)).toEqual(['IBM 0 closed, realized 0 exact']);
    expect(await realizedOf(at)).toEqual([]);
    await later(at, '2025-08-06T14:00:00Z');
    expect((await daysOf(at)).slice(0, 2)).toEqual(['2025-08-04 proved 0', '2025-08-05 proved 0']);
  });

  test('a new name with open lots', async () => {
    const at = await start(database);
    await trade(at, 'buy', '10', 'FB', '300');
    await later(at, '5m');
    const before = '2025-08-04T14:06:00Z';
    await later(at, '2025-08-05T14:00:00Z');
    await at.control('corporate-action', { kind: 'rename', symbol: 'FB', to: 'META' });
    await later(at, 'next-day');
    await later(at, '5m');
    await trade(at, 'sell', '4', 'META', '310');
    await later(at, '5m');
    expect(await lotsOf(at)).toEqual(['META 6 = 1800 fill']);
    expect(await realizedOf(at)).toEqual(['META 40 exact (rolled 40)']);
    expect(await lotsOf(at, { asOf: before })).toEqual(['FB 10 = 3000 fill']);
    expect(await positionsOf(at)).toEqual(['META 6 open, realized 40 exact']);
  });

  test('a split listed at once and a new name of the same day listed the next one, without a time', async () => {
    const at = await start(database);
    await trade(at, 'buy', '10', 'FB', '300');
    await later(at, '5m');
    await later(at, '2025-08-05T15:00:00Z');
    const terms = { symbol: 'FB', newShares: '4', oldShares: '1' };
    await at.control('corporate-action', { kind: 'split', publish: 'now', ...terms });
    await later(at, '5m');
    await at.control('corporate-action', { kind: 'rename', symbol: 'FB', to: 'META', publish: 'next-day' });
    await later(at, '5m');
    await later(at, 'next-day');
    await later(at, '5m');
    expect(await lotsOf(at)).toEqual(['META 40 = 3000 fill']);
    expect(await lotsOf(at, { asOf: '2025-08-05T14:00:00Z' })).toEqual(['FB 10 = 3000 fill']);
    expect(await lotsOf(at, { asOf: '2025-08-05T16:00:00Z' })).toEqual(['META 40 = 3000 fill']);
    await trade(at, 'sell', '40', 'META', '80');
    await later(at, '5m');
    expect(await realizedOf(at)).toEqual(['META 200 exact (rolled 200)']);
    await later(at, '2025-08-07T14:00:00Z');
    expect((await daysOf(at)).slice(0, 3)).toEqual([
      '2025-08-04 proved 0',
      '2025-08-05 proved 0',
      '2025-08-06 proved 0',
    ]);
  });

  test('units sold before anything says that they came are told beside the lots', async () => {
    const at = await start(database);
    await at.control('transfer', {
      account: PAPER,
      direction: 'in',
      symbol: 'VTI',
      quantity: '10',
      publish: 'next-day',
    });
    await later(at, '5m');
    await trade(at, 'sell', '4', 'VTI', '300');
    await later(at, '5m');
    const uncovered = async (when: When = {}): Promise<string[]> => {
      const account = await at.truebook.account(PAPER);
      const rows = await uncoveredRecordsOf(at.truebook.records, { account, ...when });
      return rows.map((row) => `${row.symbol} lots ${row.lots}, position ${row.position}: ${row.uncovered}`);
    };
    expect(await uncovered()).toEqual(['VTI lots 0, position -4: 4']);
    const then = at.truebook.clock.wallMs();
    await later(at, 'next-day');
    await later(at, '5m');
    expect(await uncovered()).toEqual([]);
    expect(await uncovered({ knownAt: instantFromMs(then) })).toEqual(['VTI lots 0, position -4: 4']);
  });

  test('a spin-off without and with cash for a fraction, then a merger of the child: no day invents money', async () => {
    const at = await start(database);
    await trade(at, 'buy', '40', 'IBM', '200');
    await trade(at, 'buy', '21', 'SEM', '50');
    await later(at, '5m');
    await later(at, '2025-08-05T14:00:00Z');
    const spin = { kind: 'spinoff', newShares: '1', perOld: '5', basisFraction: '0.125' };
    await at.control('corporate-action', { ...spin, symbol: 'IBM', to: 'KD' });
    await later(at, '2025-08-06T00:05:00Z');
    await later(at, '2025-08-06T14:00:00Z');
    await at.control('corporate-action', { ...spin, symbol: 'SEM', to: 'CON', cashInLieu: '6' });
    await later(at, '2025-08-07T00:05:00Z');
    await later(at, '2025-08-08T00:05:00Z');
    const merger = { kind: 'merger', newShares: '1', perOld: '4', cashPerShare: '10' };
    await later(at, '2025-08-08T14:00:00Z');
    await at.control('corporate-action', { ...merger, symbol: 'KD', to: 'ACME' });
    await later(at, '2025-08-09T00:05:00Z');
    await later(at, '2025-08-11T14:00:00Z');
    expect((await daysOf(at)).slice(0, 5)).toEqual([
      '2025-08-04 proved 0',
      '2025-08-05 proved 0',
      '2025-08-06 proved 0',
      '2025-08-07 proved 0',
      '2025-08-08 proved 0',
    ]);
    const days = await at.truebook.store.balanceDays({});
    expect(days.map(({ proof }) => proof?.income?.toString() ?? '0')).toEqual(days.map(() => '0'));
    expect(await findingsOf(at)).toEqual([]);
  });

  test('a wash sale across two accounts: only in the scope of the taxpayer', async () => {
    const at = await start(database);
    await at.control('cash', { account: 'alpaca-live', kind: 'deposit', amount: '50000' });
    await trade(at, 'buy', '10', 'AAPL', '200');
    await later(at, '5m');
    await trade(at, 'sell', '10', 'AAPL', '180');
    await later(at, '5m');
    await at.control('trade', {
      account: 'alpaca-live',
      side: 'buy',
      quantity: '4',
      symbol: 'AAPL',
      price: '181',
    });
    await at.advance('5m');
    await at.sync('alpaca-live');
    await at.sync(PAPER);
    const { closedLotRecordsOf, pnlRecordsOf, lotRecordsOf } = await import('../../src/sync/records.ts');
    const washed = async (wash: 'account' | 'taxpayer') =>
      (await pnlRecordsOf(at.truebook.records, 'account', { wash })).map(
        (row) => `${row.account} ${row.realizedPnl} washed ${row.washDisallowed} taxed ${row.taxableGain}`,
      );
    expect(await washed('account')).toEqual(['alpaca-paper -200 washed 0 taxed -200']);
    expect(await washed('taxpayer')).toEqual(['alpaca-paper -200 washed 80 taxed -120']);
    const [close] = await closedLotRecordsOf(at.truebook.records, { wash: 'taxpayer' });
    expect(close).toMatchObject({
      realizedPnl: '-200',
      washDisallowed: '80',
      taxableGain: '-120',
      washLots: [{ account: 'alpaca-live', quantity: '4', disallowed: '80' }],
    });
    const lots = await lotRecordsOf(at.truebook.records, { wash: 'taxpayer' });
    expect(lots.map((row) => `${row.account} ${row.cost} ${row.washIn} ${row.taxCost}`)).toEqual([
      'alpaca-live 724 80 804',
    ]);
    // Had the replacement been bought in an IRA, nothing would take the loss over.
    const { id } = await at.truebook.account('alpaca-live');
    const lost = async (when: object = {}) =>
      (await pnlRecordsOf(at.truebook.records, 'account', { wash: 'taxpayer', ...when })).map(
        (row) => `${row.account} washed ${row.washDisallowed} lost ${row.washLost}`,
      );
    const elect = async (choice: string, days: { from?: string }) => {
      await at.advance('1m');
      const said = { actor: 'user', action: 'elect', object: 'alpaca-live', facts: {} };
      await at.truebook.store.elect(id, [accountType(choice, days.from)], {
        ...said,
        at: now(at.truebook.clock),
      });
    };
    // It became one only after the purchase: then that was a taxable account's, as it was before anybody said so.
    const nobodySaid = now(at.truebook.clock);
    await elect('ira', { from: '2025-08-05' });
    expect(await lost()).toEqual(['alpaca-paper washed 80 lost 0']);
    await elect('roth_ira', {});
    expect(await lost()).toEqual(['alpaca-paper washed 80 lost 80']);
    expect(await lost({ knownAt: nobodySaid })).toEqual(['alpaca-paper washed 80 lost 0']);
    expect(await lost({ knownAt: now(at.truebook.clock) })).toEqual(['alpaca-paper washed 80 lost 80']);
    const [lot] = await lotRecordsOf(at.truebook.records, { wash: 'taxpayer' });
    expect(lot).toMatchObject({ account: 'alpaca-live', cost: '724', washIn: '0', taxCost: '724' });
  });

  test('an account that turns out to be an IRA: nothing was washed in it, live and rebuilt', async () => {
    const { at, account, store } = await washedSale(database);
    const put = async () => (await store.washAdjustments({ accountId: account.id })).length;
    expect(await put()).toBe(1);
    await at.advance('1m');
    const said = { actor: 'user', action: 'elect', object: PAPER, facts: {} };
    await store.elect(account.id, [accountType('ira')], { ...said, at: now(at.truebook.clock) });
    await later(at, '5m');
    expect(await put()).toBe(0);
    const { verifyViews } = await import('../../src/sync/rebuild.ts');
    const late = at.truebook.records.latePublishing(account);
    expect(await verifyViews(store, account, late)).toMatchObject({ same: true, pending: 0 });
  });

  test('wash sales are switched off and on again without a trade: stored and rebuilt say the same', async () => {
    const { at, account, store } = await washedSale(database);
    const { verifyViews } = await import('../../src/sync/rebuild.ts');
    const elect = async (choice: 'off' | 'account'): Promise<number> => {
      await at.advance('1m');
      const election: NewElection = { ...accountType(choice), kind: 'wash_scope' };
      const said = { actor: 'user', action: 'elect', object: PAPER, facts: {} };
      await store.elect(account.id, [election], { ...said, at: now(at.truebook.clock) });
      await later(at, '5m');
      const late = at.truebook.records.latePublishing(account);
      expect(await verifyViews(store, account, late)).toMatchObject({ same: true, pending: 0 });
      return (await store.washAdjustments({ accountId: account.id })).length;
    };
    expect(await elect('off')).toBe(0);
    expect(await elect('account')).toBe(1);
  });

  test('the account is reset: the old book stands, the new epoch begins with nothing', async () => {
    const at = await start(database);
    await trade(at, 'buy', '10', 'AAPL', '200');
    await later(at, '5m');
    await trade(at, 'sell', '4', 'AAPL', '210');
    await later(at, '5m');
    const before = '2025-08-04T14:11:00Z';
    await at.control('account', { account: PAPER, action: 'reset' });
    for (let look = 0; look < 3; look += 1) await later(at, '5m');
    expect(await lotsOf(at)).toEqual(['AAPL 6 = 1200 fill']);
    const { truebook } = at;
    const { id } = await truebook.account(PAPER);
    const grant = await truebook.store.acquireLease(id, truebook.holder('command'), 60_000);
    if (!('lease' in grant)) throw new Error('held');
    await truebook.store.newEpoch(grant.lease, '2025-08-04T14:30:00Z' as never, 'test');
    await truebook.store.releaseLease(grant.lease);
    await later(at, '5m');
    await later(at, '5m');
    expect(await lotsOf(at)).toEqual([]);
    expect(await realizedOf(at)).toEqual([]);
    expect(await lotsOf(at, { knownAt: before })).toEqual(['AAPL 6 = 1200 fill']);
    expect(await realizedOf(at, { knownAt: before })).toEqual(['AAPL 40 exact (rolled 40)']);
  });
});
