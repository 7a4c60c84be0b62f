/** The view tables against views that were derived again, and those put in their place. */
import { expect, it } from 'vitest';
import { decimal } from '../../src/domain/decimal.ts';
import { type BookViews, type RunCommit, type Store } from '../../src/store/store.ts';
import { forEachDatabase } from './databases.ts';
import {
  AAPL,
  asText,
  AT,
  closureOf,
  commitOf,
  createAccount,
  fill,
  fullCommit,
  lotOf,
  lotsCommit,
  minutesLater,
  MSFT,
  positionOf,
  ready,
  takeLease,
  washOf,
} from './samples.ts';

const AUDIT = { at: AT, actor: 'user', action: 'rebuild', object: 'alpaca-paper', facts: {} };

const PROOF = {
  start: decimal('9990.25'),
  flows: decimal('0'),
  transfers: decimal('0'),
  realized: decimal('102.5'),
  unrealizedChange: decimal('-92.75'),
  income: decimal('0'),
  fees: decimal('0'),
  fx: null,
  residual: decimal('0'),
  residualState: 'proved',
} as const;

/** What a run wrote into the views, as a rebuild would derive it. Ids in the order of bytes, not of UTF-16. */
function viewsOf(accountId: number): BookViews {
  const [recorded, stated] = fullCommit({ accountId } as never).balanceDays;
  const checkpoint = {
    epoch: 1,
    lastExecutedAt: AT,
    lastRootId: 'FILL:1',
    activityCount: 1,
    rulesHash: 'rules',
    state: '{"cash":{}}',
    lots: '[]',
  };
  return {
    position: [positionOf(accountId, { instrument: MSFT.id, explained: false }), positionOf(accountId)],
    lot: [lotOf({ id: '\u{1F911}' }), lotOf({ id: '\uFF5E' }), lotOf({ id: 'a', cost: null }), lotOf()],
    lot_closure: [closureOf()],
    wash_adjustment: [
      washOf({ replacementAccountId: accountId }),
      washOf({ id: 'lost', replacementAccountId: null, replacementLotId: null }),
    ],
    balance_day: [{ ...recorded!, proof: PROOF }, stated!],
    book_checkpoint: [checkpoint],
  };
}

function commitOfViews(lease: Parameters<typeof commitOf>[0], views: BookViews): RunCommit {
  return commitOf(lease, {
    instruments: [AAPL, MSFT],
    revisions: [fill('FILL:1')],
    positions: { upsert: views.position, remove: [] },
    lots: lotsCommit(views.lot, views.lot_closure, views.wash_adjustment),
    balanceDays: views.balance_day,
    checkpoint: views.book_checkpoint[0]!,
  });
}

async function filled(store: Store, name?: string) {
  const { account, lease } = await ready(store, name);
  const views = viewsOf(account.id);
  await store.commitRun(commitOfViews(lease, views));
  return { account, lease, views };
}

/** Pinned: the same on both databases, whatever numbers accounts have there. */
const DIGESTS = {
  position: '942a2f026c38834e10758f4a24ce793c26989c41ada5ca90b9be68423a393c59',
  lot: '96f3f3af76e56d88b6ecaa11c33adf2dc5601544279fbff40d930d1e0deba60f',
  lot_closure: 'da6d0cb0df842d45eaa5b97c0873bc3173abf5ad5cc24d59cae507d502681021',
  wash_adjustment: '55d15c0b52ce62ecb049c4e10199104be48f9609182443ad5255e903d4702893',
  balance_day: 'b7454056df99755dbbe6ca42e05f63301dd4a7f557d930e613045a578f98273b',
  book_checkpoint: 'f4b35d071bbe102f9e5546912b054b79fb8348a24b3d1ad50fe5ec6aab38c17e',
};

forEachDatabase('views', (open) => {
  it('have the same digest on both databases, and as derived rows', async () => {
    const { store } = await open();
    const { account, views } = await filled(store);
    expect(await store.viewDigest(account.id, 1)).toEqual(DIGESTS);
    const compared = await store.compareViews(account.id, 1, views);
    expect(
      compared.map(({ table, stored, rebuilt, differing }) => [table, stored, rebuilt, differing]),
    ).toEqual(
      Object.entries(DIGESTS).map(([table, digest]) => {
        const rows = views[table as keyof BookViews].length;
        return [table, { rows, digest }, { rows, digest }, 0];
      }),
    );
    expect((await store.viewRows('lot', account.id, 1)).map((row) => row['lot_id'])).toEqual([
      'FILL:1',
      'a',
      '\uFF5E',
      '\u{1F911}',
    ]);
  });

  it('are told apart by what they say, not by the numbers of this database', async () => {
    const { store } = await open();
    await createAccount(store, 'first');
    const { account } = await filled(store);
    expect(account.id).toBe(2);
    expect(await store.viewDigest(account.id, 1)).toEqual(DIGESTS);
  });

  it('that differ are shown by key, each side', async () => {
    const { store } = await open();
    const { account, views } = await filled(store);
    const derived = {
      lot: [lotOf({ cost: decimal('1502.51') }), lotOf({ id: 'b' }), ...views.lot.slice(0, 2)],
      lot_closure: [],
    };
    const [lots, closures, ...rest] = await store.compareViews(account.id, 1, derived);
    expect(rest).toEqual([]);
    expect(lots).toMatchObject({ table: 'lot', differing: 3 });
    expect(lots!.first.map(({ key, stored, rebuilt }) => [key, stored?.['cost'], rebuilt?.['cost']])).toEqual(
      [
        ['FILL:1', '1502.5', '1502.51'],
        ['a', null, undefined],
        ['b', undefined, '1502.5'],
      ],
    );
    expect(lots!.stored.digest).not.toBe(lots!.rebuilt.digest);
    expect(closures).toMatchObject({ table: 'lot_closure', rebuilt: { rows: 0 }, differing: 1 });
    const many = Array.from({ length: 30 }, (_none, index) => lotOf({ id: `more ${index}` }));
    const [more] = await store.compareViews(account.id, 1, { lot: [...views.lot, ...many] });
    expect([more!.differing, more!.first.length]).toEqual([30, 10]);
  });

  it('are put in place whole, and nothing of other accounts and epochs', async () => {
    const database = await open();
    const { store } = database;
    const other = await filled(store, 'another');
    const { account, lease, views } = await filled(store);
    await database.sql("UPDATE lot SET cost = '1'");
    await database.sql('DELETE FROM lot_closure');
    await database.sql("UPDATE position SET state = 'missing'");
    const kept = await store.syncState(account.id);
    expect(kept.positions.map((row) => row.state)).toEqual(['missing', 'missing']);
    const { ledgerSeq } = kept;
    await store.replaceViews({ lease, epoch: 1, ledgerSeq, views, audit: AUDIT });
    expect(await store.viewDigest(account.id, 1)).toEqual(DIGESTS);
    const [theirs] = await store.compareViews(other.account.id, 1, { lot: views.lot });
    expect(theirs!.differing).toBe(4);
    // What this process kept of the account is read anew.
    const state = await store.syncState(account.id);
    expect(state.positions.map((row) => row.state)).toEqual(['open', 'open']);
    expect(state.checkpoint).toEqual(views.book_checkpoint[0]);
    expect(asText((await store.balanceDays({ accountId: account.id }))[0])).toMatchObject({
      proof: asText(PROOF),
    });
    expect(await store.verifyChains({})).toMatchObject({ ok: true });
  });

  it('that are not given stay, and nothing is written over a ledger that went on', async () => {
    const { store } = await open();
    const { account, lease, views } = await filled(store);
    await store.replaceViews({ lease, epoch: 1, ledgerSeq: 1, views: { lot: [] }, audit: AUDIT });
    expect(await store.lots({})).toEqual([]);
    expect(await store.closures({})).toHaveLength(1);
    await store.elect(account.id, [], { ...AUDIT, action: 'elect' });
    const late = fill('FILL:2', { executedAt: minutesLater(1) });
    await store.commitRun(commitOf(lease, { revisions: [late] }));
    const change = { epoch: 1, ledgerSeq: 1, views: { lot: views.lot }, audit: AUDIT };
    await expect(store.replaceViews({ lease, ...change })).rejects.toMatchObject({ code: 'storage_busy' });
    await store.releaseLease(lease);
    await takeLease(store, account.id);
    const lost = store.replaceViews({ lease, ...change, ledgerSeq: 2 });
    await expect(lost).rejects.toMatchObject({ code: 'lease_lost' });
    expect(await store.lots({})).toEqual([]);
  });
});

forEachDatabase('the proof of a day', (open) => {
  it('stays over runs that know nothing of it, and is replaced by one that does', async () => {
    const { store } = await open();
    const { lease } = await ready(store);
    const [day] = fullCommit(lease).balanceDays;
    const proofs = async () => (await store.balanceDays({})).map((row) => asText(row.proof));
    await store.commitRun(commitOf(lease, { balanceDays: [day!] }));
    expect(await proofs()).toEqual([null]);
    await store.commitRun(commitOf(lease, { balanceDays: [{ ...day!, proof: PROOF }] }));
    await store.commitRun(commitOf(lease, { balanceDays: [{ ...day!, endEquity: decimal('10001') }] }));
    expect(await proofs()).toEqual([asText(PROOF)]);
    expect((await store.balanceDays({}))[0]).toMatchObject({ endEquity: decimal('10001') });
    const pending = { ...PROOF, residual: decimal('-3.5'), residualState: 'pending' } as const;
    await store.commitRun(commitOf(lease, { balanceDays: [{ ...day!, proof: pending }] }));
    expect(await proofs()).toEqual([asText(pending)]);
  });

  it('is found by day, also of an epoch that is over', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    await store.commitRun(commitOf(lease, { balanceDays: fullCommit(lease).balanceDays }));
    const days = async (filter: Parameters<Store['balanceDays']>[0]) =>
      (await store.balanceDays(filter)).map((row) => row.tradeDate as string);
    const [newest = '', oldest = ''] = await days({});
    expect(await days({ from: newest as never })).toEqual([newest]);
    expect(await days({ to: oldest as never })).toEqual([oldest]);
    await store.newEpoch(lease, minutesLater(5), 'test');
    expect(await days({})).toEqual([]);
    expect(await days({ accountId: account.id, epoch: 1 })).toEqual([newest, oldest]);
  });
});
