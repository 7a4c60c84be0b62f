import { expect, it } from 'vitest';
import { forEachDatabase, type TestDatabase } from './databases.ts';
import { AT, commitOf, fill, fullCommit, ready } from './samples.ts';

/** Ledger, evidence and audit: every table a row may only ever be added to. */
const APPEND_ONLY = [
  ['activity', "description = 'changed'"],
  ['book_event', "symbol = 'changed'"],
  ['audit', "actor = 'changed'"],
  ['sync_run', "outcome = 'changed'"],
  ['sync_read', "kind = 'changed'"],
  ['payload', "path = 'changed'"],
  ['payload_body', "encoding = 'changed'"],
  ['quarantine', "reason = 'changed'"],
  ['position_observation', "as_of = 'changed'"],
  ['balance_observation', "as_of = 'changed'"],
  ['greeks_observation', "observed_at = 'changed'"],
] as const;

const THINNED_BY_PRUNE = [
  'payload_body',
  'position_observation',
  'balance_observation',
  'greeks_observation',
];

async function filled(database: TestDatabase): Promise<void> {
  const { lease } = await ready(database.store);
  await database.store.commitRun(fullCommit(lease));
  await database.store.commitRun(commitOf(lease, { revisions: [fill('FILL:2'), fill('FILL:3')] }));
}

/** Runs SQL with the guards switched off, as somebody does who can write to the file. */
async function tamper(database: TestDatabase, table: string, text: string): Promise<void> {
  const guards =
    database.dialect === 'sqlite'
      ? `DROP TRIGGER ${table}_no_update; DROP TRIGGER ${table}_no_delete;`
      : `ALTER TABLE ${table} DISABLE TRIGGER USER;`;
  await database.sql(`${guards} ${text}`);
}

forEachDatabase('append-only tables', (open, dialect) => {
  it.each(APPEND_ONLY)('%s refuses changes and removals', async (table, change) => {
    const database = await open();
    await filled(database);
    const count = async () => (await database.sql(`SELECT count(*) AS rows FROM ${table}`))[0]!['rows'];
    const before = await count();
    expect(Number(before)).toBeGreaterThan(0);
    await expect(database.sql(`UPDATE ${table} SET ${change}`)).rejects.toThrow(`append-only: ${table}`);
    await expect(database.sql(`DELETE FROM ${table}`)).rejects.toThrow(`append-only: ${table}`);
    if (dialect === 'postgres') {
      await expect(database.sql(`TRUNCATE ${table} CASCADE`)).rejects.toThrow('append-only');
    }
    expect(await count()).toEqual(before);
  });

  it.each(APPEND_ONLY)('%s opens to a prune only where it may be thinned', async (table) => {
    const database = await open();
    await filled(database);
    const permit = `INSERT INTO prune_permit (id, audit_seq) VALUES (1, 1); DELETE FROM ${table}; DELETE FROM prune_permit`;
    const prune = database.sql(`BEGIN; ${permit}; COMMIT`);
    if (THINNED_BY_PRUNE.includes(table)) {
      await prune;
      expect(await database.sql(`SELECT 1 AS row FROM ${table}`)).toEqual([]);
    } else {
      await expect(prune).rejects.toThrow(`append-only: ${table}`);
    }
  });
});

forEachDatabase('the hash chain', (open) => {
  it('holds from the first row on', async () => {
    const database = await open();
    await filled(database);
    // 3 fills and 1 event of the account, 2 audit rows.
    expect(await database.store.verifyChains({})).toEqual({ ok: true, rows: 6, firstBroken: null });
    expect(await database.store.verifyChains({ accountId: 1 })).toEqual({
      ok: true,
      rows: 4,
      firstBroken: null,
    });
    expect(await database.sql('SELECT seq, chain FROM chain_head ORDER BY chain')).toMatchObject([
      { chain: 'account:alpaca-paper' },
      { chain: 'audit' },
    ]);
  });

  const account = 'account:alpaca-paper';
  it.each([
    [
      'a changed price',
      'activity',
      "UPDATE activity SET price = '150.26' WHERE seq = 3",
      account,
      3,
      'content',
    ],
    [
      'a changed account epoch',
      'activity',
      'UPDATE activity SET epoch = 2 WHERE seq = 1',
      account,
      1,
      'content',
    ],
    [
      'a changed event',
      'book_event',
      "UPDATE book_event SET facts = '{}' WHERE seq = 2",
      account,
      2,
      'content',
    ],
    ['a removed row', 'activity', 'DELETE FROM activity WHERE seq = 3', account, 3, 'missing'],
    ['a removed last row', 'activity', 'DELETE FROM activity WHERE seq = 4', account, 4, 'missing'],
    ['a changed hash', 'activity', "UPDATE activity SET hash = 'x' WHERE seq = 4", account, 4, 'content'],
    [
      'a changed predecessor',
      'activity',
      "UPDATE activity SET prev_hash = 'x' WHERE seq = 3",
      account,
      3,
      'follow',
    ],
    [
      'a changed audit row',
      'audit',
      "UPDATE audit SET actor = 'nobody' WHERE seq = 2",
      'audit',
      2,
      'content',
    ],
    ['a head set back', 'audit', "UPDATE chain_head SET seq = 1 WHERE chain = 'audit'", 'audit', 2, 'beyond'],
    [
      'a head of another row',
      'audit',
      "UPDATE chain_head SET hash = 'x' WHERE chain = 'audit'",
      'audit',
      2,
      'head',
    ],
  ])('shows %s', async (_name, table, change, chain, seq, reason) => {
    const database = await open();
    await filled(database);
    await tamper(database, table, change);
    expect(await database.store.verifyChains({})).toMatchObject({
      ok: false,
      firstBroken: { chain, seq, reason: expect.stringContaining(reason) as string },
    });
  });

  it('reads longer chains page by page', async () => {
    const database = await open();
    const { lease } = await ready(database.store);
    const revisions = Array.from({ length: 2500 }, (_none, index) => fill(`FILL:${index}`));
    const event = { kind: 'opened', at: AT, instrument: null, symbol: null, facts: {} } as const;
    await database.store.commitRun(commitOf(lease, { revisions, events: [event, event] }));
    await database.store.commitRun(commitOf(lease, { revisions: [fill('FILL:last')], events: [event] }));
    expect(await database.store.verifyChains({ accountId: 1 })).toEqual({
      ok: true,
      rows: 2504,
      firstBroken: null,
    });
    await tamper(database, 'activity', "UPDATE activity SET symbol = 'X' WHERE seq = 2503");
    expect(await database.store.verifyChains({})).toMatchObject({ firstBroken: { seq: 2503 }, rows: 2502 });
  });
});

/** Pinned: another hash for the same content would make every ledger in the world look tampered with. */
const HEADS = [
  {
    chain: 'account:alpaca-paper',
    seq: 4,
    hash: '227cb09b2e260c51a22730661823b38cb0f876f892428d5df17010d3f5f4c438',
  },
  { chain: 'audit', seq: 2, hash: '9a3a0e4a0b8c0ccdfcd8405df145147be8ae3a72f4990d9dbf4502fadf4d5c7e' },
];

forEachDatabase('hashes', (open) => {
  it('are the same on both databases for the same content', async () => {
    const database = await open();
    await filled(database);
    const heads = await database.sql(
      'SELECT chain, CAST(seq AS INTEGER) AS seq, hash FROM chain_head ORDER BY chain',
    );
    expect(heads).toEqual(HEADS);
  });
});
