/** What an older program's files leave in the database, on both of them, and how far the book has come. */
import { expect, it } from 'vitest';
import { decimal } from '../../src/domain/decimal.ts';
import { newYorkDate, parseInstant } from '../../src/domain/time.ts';
import { type BankrollEntry, type NewImportedTrade, type Store } from '../../src/store/store.ts';
import { forEachDatabase } from './databases.ts';

const AT = parseInstant('2025-08-22T14:00:00Z');
const AUDIT = { at: AT, actor: 'test', action: 'import_trades', object: 'alpaca-paper', facts: {} };

function trade(contentHash: string): NewImportedTrade {
  return {
    contentHash,
    file: 'trades.csv',
    line: 2,
    executedAt: parseInstant('2025-08-20T14:00:00.123456789Z'),
    symbol: 'BTC/USD',
    side: null,
    quantity: decimal('0.100000000000000001'),
    price: decimal('112480.5'),
    fees: null,
    realizedPnl: decimal('-1.5'),
    orderId: null,
    tradeId: 'x\u00001',
    status: null,
    cells: { symbol: 'BTC/USD', qty: '0.100000000000000001' },
  };
}

async function openAccount(store: Store) {
  const shared = {
    broker: 'alpaca',
    env: 'paper',
    connection: 'alpaca',
    baseCurrency: 'USD',
    at: AT,
  } as const;
  await store.ensureAccount({ ...shared, name: 'alpaca-live', env: 'live' });
  const account = await store.ensureAccount({ ...shared, name: 'alpaca-paper' });
  const holder = { incarnation: 'a', kind: 'command', processId: 1, host: 'here', startedAt: AT } as const;
  const answer = await store.acquireLease(account.id, holder, 60_000);
  if (!('lease' in answer)) throw new Error('held');
  return { account, lease: answer.lease };
}

const BANKROLL: BankrollEntry = {
  kind: 'imported',
  before: null,
  after: decimal('95000.10'),
  currency: 'USD',
  at: AT,
  tradeDate: newYorkDate(AT),
  source: 'bankroll.json',
  causes: ['mirror_file'],
  env: 'paper',
};

forEachDatabase('imports', (open) => {
  it('keep a trade once by content, whole, and say so in the audit', async () => {
    const { store, sql } = await open();
    const { account } = await openAccount(store);
    expect(await store.importTrades(account.id, [trade('a'), trade('b'), trade('a')], AUDIT)).toBe(2);
    expect(await store.importTrades(account.id, [trade('b'), trade('c')], AUDIT)).toBe(1);
    expect(await store.importTrades(account.id, [trade('c')], AUDIT)).toBe(0);
    const stored = await store.importedTrades({ accountId: account.id });
    expect(stored.map(({ contentHash }) => contentHash)).toEqual(['a', 'b', 'c']);
    expect(stored[0]).toEqual({
      ...trade('a'),
      tradeId: 'x\uFFFD1',
      id: stored[0]!.id,
      accountId: account.id,
      importedAt: AT,
    });
    expect(await store.importedTrades({ accountId: account.id, afterId: stored[1]!.id })).toHaveLength(1);
    expect(await store.importedTrades({ accountId: account.id + 100 })).toEqual([]);
    expect(await store.ledger({ accountId: account.id })).toEqual([]);
    const audits = await sql("SELECT facts FROM audit WHERE action = 'import_trades' ORDER BY seq");
    expect(audits.map(({ facts }) => facts)).toEqual(['{"new":2}', '{"new":1}', '{"new":0}']);
  });

  it('book a bankroll where there is none, in the chain, and only with the lease', async () => {
    const { store, again } = await open();
    const { account, lease } = await openAccount(store);
    expect(await store.importBankroll(lease, BANKROLL, AUDIT)).toBe(true);
    expect(await store.importBankroll(lease, { ...BANKROLL, after: decimal('1') }, AUDIT)).toBe(false);
    const [entry, ...others] = await store.bankroll({ accountId: account.id });
    expect(others).toEqual([]);
    expect(entry).toMatchObject({
      kind: 'imported',
      before: null,
      source: 'bankroll.json',
      causes: ['mirror_file'],
    });
    expect(entry!.after.toString()).toBe('95000.1');
    expect((await store.syncState(account.id)).bankroll?.after.toString()).toBe('95000.1');
    expect(await store.verifyChains({})).toMatchObject({ ok: true });
    const other = await again();
    const thief = { incarnation: 'b', kind: 'agent', processId: 2, host: 'here', startedAt: AT } as const;
    await other.acquireLease(account.id, thief, 60_000, () => true);
    await expect(store.importBankroll(lease, BANKROLL, AUDIT)).rejects.toMatchObject({ code: 'lease_lost' });
  });

  it('move the marks of the account they belong to, and stand in its chronicle', async () => {
    const { store } = await open();
    const { account, lease } = await openAccount(store);
    const before = await store.bookMarks(account.id);
    expect(before).toMatchObject({ ledgerSeq: 0, importedId: 0, dataClasses: 0 });
    await store.importTrades(account.id, [trade('a')], AUDIT);
    await store.importBankroll(lease, BANKROLL, AUDIT);
    const after = await store.bookMarks(account.id);
    expect(after).toMatchObject({ ...before, ledgerSeq: 1, importedId: expect.any(Number) as number });
    expect(after.importedId).toBeGreaterThan(0);
    const live = (await store.findAccount('alpaca-live'))!;
    expect(await store.bookMarks(live.id)).toEqual(before);
    expect(await store.chronicle(account.id, 0, 10)).toMatchObject([
      { kind: 'bankroll', seq: 1, runId: null, entry: { source: 'bankroll.json' } },
    ]);
    expect(await store.chronicle(account.id, 1, 10)).toEqual([]);
  });
});
