/** The proof of the whole book against somebody who can write to the database, alone and against what was written down. */
import { inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { parseInstant, parseTradeDate, type Clock } from '../../src/domain/time.ts';
import { decimal } from '../../src/domain/decimal.ts';
import { accountChain, LEDGER_TABLES, rowHash, type LedgerTable } from '../../src/store/chain.ts';
import { bodyHash, earlierBodyHash } from '../../src/store/payloads.ts';
import { chainSigner, isSignedBy } from '../../src/store/signatures.ts';
import { type BookProof, type Store, type WrittenHead } from '../../src/store/store.ts';
import { forEachDatabase, stillClock, type TestDatabase } from './databases.ts';
import { AAPL, AT, commitOf, DAY, fill, fullCommit, ready } from './samples.ts';

const SEED = Buffer.alloc(32, 7);
const OTHER_SEED = Buffer.alloc(32, 8);
const signing = { signingSeed: () => SEED };
const CHAIN = accountChain('alpaca-paper');

/** At least one row in every table of ledger, audit and evidence. */
async function filled(database: TestDatabase): Promise<void> {
  const { store } = database;
  const { account, lease } = await ready(store);
  const opening = {
    kind: 'opening',
    before: null,
    after: decimal('100'),
    currency: 'USD',
    at: AT,
    tradeDate: DAY,
    source: 'alpaca',
    causes: ['no_local_value'],
    env: 'paper',
  } as const;
  await store.commitRun({ ...fullCommit(lease), bankroll: [opening] });
  const election = {
    kind: 'lot_method',
    object: AAPL.id,
    choice: 'LIFO',
    validFrom: parseTradeDate('2025-01-01'),
    validTo: null,
    source: 'user',
    details: {},
  } as const;
  const audit = { at: AT, actor: 'user', action: 'elect', object: account.name, facts: {} };
  await store.elect(account.id, [election], audit);
  await store.commitRun(commitOf(lease, { revisions: [fill('FILL:2'), fill('FILL:3')] }));
}

/** Runs SQL with the guards switched off, as somebody does who can write to the file. */
async function tamper(database: TestDatabase, table: string, ...statements: string[]): Promise<void> {
  if (database.dialect === 'postgres') {
    await database.sql(`ALTER TABLE ${table} DISABLE TRIGGER USER`);
  } else {
    for (const guard of ['update', 'delete'])
      await database.sql(`DROP TRIGGER IF EXISTS ${table}_no_${guard}`);
  }
  for (const statement of statements) await database.sql(statement);
}

const states = (proof: BookProof): Record<string, string | null> =>
  Object.fromEntries(proof.chains.map(({ chain, signed }) => [chain, signed?.state ?? null]));
const headStates = (proof: BookProof): string[] => proof.heads.map(({ state }) => state);
const brokenOf = (proof: BookProof) =>
  proof.chains.flatMap(({ chain, broken }) => (broken ? [{ chain, ...broken }] : []));

/** What somebody does who knows the rules: every hash from a row on made anew, and the head put behind it. */
async function rehash(database: TestDatabase, change: (row: Record<string, unknown>) => void): Promise<void> {
  const rows: { table: LedgerTable; row: Record<string, unknown> }[] = [];
  for (const table of LEDGER_TABLES) {
    await tamper(database, table);
    for (const row of await database.sql(`SELECT * FROM ${table}`)) rows.push({ table, row: numbered(row) });
  }
  rows.sort((left, right) => Number(left.row['seq']) - Number(right.row['seq']));
  let previous = '0'.repeat(64);
  for (const { table, row } of rows) {
    change(row);
    row['prev_hash'] = previous;
    previous = rowHash(CHAIN, table, row as never, previous);
    const sets = Object.entries({ ...row, hash: previous }).map(
      ([column, value]) =>
        `${column} = ${value === null ? 'NULL' : `'${String(value).replaceAll("'", "''")}'`}`,
    );
    await database.sql(`UPDATE ${table} SET ${sets.join(', ')} WHERE seq = ${String(row['seq'])}`);
  }
  await database.sql(`UPDATE chain_head SET hash = '${previous}' WHERE chain = '${CHAIN}'`);
}

/** Whole numbers as numbers: the driver of the test gives PostgreSQL's as text. */
function numbered(row: Record<string, unknown>): Record<string, unknown> {
  const numbers = ['account_id', 'seq', 'epoch', 'rev', 'broker_rev', 'run_id'];
  return Object.fromEntries(
    Object.entries(row).map(([name, value]) => [
      name,
      numbers.includes(name) && value !== null ? Number(value) : value,
    ]),
  );
}

forEachDatabase('a book', (open) => {
  it('is proved row by row, chains and evidence', async () => {
    const database = await open();
    await filled(database);
    const proof = await database.store.verifyBook();
    expect(proof.ok).toBe(true);
    expect(proof.heads).toEqual([]);
    expect(proof.chains).toMatchObject([
      { chain: CHAIN, rows: 6, seq: 6, broken: null, signed: null },
      { chain: 'audit', rows: 3, seq: 3, broken: null, signed: null },
    ]);
    const rows = Object.fromEntries(proof.evidence.map(({ table, rows: count }) => [table, count]));
    expect(rows).toEqual({
      sync_run: 2,
      day_observation: 1,
      sync_read: 2,
      payload: 1,
      payload_body: 1,
      quarantine: 1,
      position_observation: 1,
      balance_observation: 1,
      greeks_observation: 1,
    });
  });

  it.each([
    ['activity', "price = '150.26'", 'seq = 1', CHAIN, 1, 'FILL:1 rev 0'],
    ['book_event', 'facts = \'{"after":"11","before":"0"}\'', 'seq = 2', CHAIN, 2, 'opened AAPL'],
    ['bankroll_entry', "amount = '101'", 'seq = 3', CHAIN, 3, 'opening'],
    ['election', "choice = 'HIFO'", 'seq = 4', CHAIN, 4, `lot_method ${AAPL.id}`],
    ['audit', "actor = 'usex'", 'seq = 2', 'audit', 2, 'elect alpaca-paper'],
  ])('with one changed byte in %s says where', async (table, change, where, chain, seq, id) => {
    const database = await open();
    await filled(database);
    await tamper(database, table, `UPDATE ${table} SET ${change} WHERE ${where}`);
    const proof = await database.store.verifyBook();
    expect(proof.ok).toBe(false);
    expect(brokenOf(proof)).toEqual([
      {
        chain,
        seq,
        table,
        id: expect.stringContaining(id) as string,
        reason: 'the content does not fit its hash',
      },
    ]);
  });

  it.each([
    ['sync_run', 'duration_ms = 59000', 'id = 1', '1'],
    ['sync_read', 'row_count = 2', 'place = 0', '1 0'],
    ['payload', 'status = 201', 'status = 200', '1 positions'],
    ['payload_body', "body = X'00'", 'size_bytes > 0', 'aaaa'],
    ['quarantine', "reason = 'a number'", "reason <> ''", '1 '],
    ['position_observation', "quantity = '11'", 'run_id = 1', `1 ${AAPL.id}`],
    ['balance_observation', "equity = '10001'", 'run_id = 1', '1 USD'],
    ['greeks_observation', "delta = '0.51'", 'run_id = 1', '1 equity:MSFT:USD'],
  ])('with a changed row of %s says which', async (table, change, where, id) => {
    const database = await open();
    await filled(database);
    const text = database.dialect === 'postgres' ? change.replace("X'00'", "'\\x00'") : change;
    await tamper(database, table, `UPDATE ${table} SET ${text} WHERE ${where}`);
    const proof = await database.store.verifyBook();
    expect(proof.ok).toBe(false);
    expect(proof.evidence.filter(({ broken }) => broken !== null)).toEqual([
      {
        table,
        rows: 0,
        broken: { id: expect.stringContaining(id) as string, reason: expect.any(String) as string },
      },
    ]);
  });

  it('is as good with bodies that an earlier release hashed', async () => {
    const database = await open();
    await filled(database);
    const [row] = await database.sql('SELECT sha256 FROM payload_body');
    const id = String(row!['sha256']);
    const body = (await database.sql('SELECT body FROM payload_body'))[0]!['body'] as Uint8Array;
    const text = inflateSync(body).toString('utf8');
    expect(earlierBodyHash(id, text)).not.toBe(bodyHash(id, text));
    await tamper(
      database,
      'payload_body',
      `UPDATE payload_body SET row_hash = '${earlierBodyHash(id, text)}'`,
    );
    expect((await database.store.verifyBook()).ok).toBe(true);
    await tamper(
      database,
      'payload_body',
      `UPDATE payload_body SET row_hash = '${earlierBodyHash(id, `${text} `)}'`,
    );
    expect((await database.store.verifyBook()).ok).toBe(false);
  });

  it('names a row that is missing by its place alone', async () => {
    const database = await open();
    await filled(database);
    await tamper(database, 'election', 'DELETE FROM election');
    expect(brokenOf(await database.store.verifyBook())).toEqual([
      { chain: CHAIN, seq: 4, table: null, id: null, reason: 'the row is missing' },
    ]);
  });
});

forEachDatabase('signed heads', (open) => {
  const cutTail = (database: TestDatabase) =>
    tamper(
      database,
      'activity',
      'DELETE FROM activity WHERE seq = 6',
      `UPDATE chain_head SET seq = 5, hash = (SELECT hash FROM activity WHERE seq = 5) WHERE chain = '${CHAIN}'`,
    );

  it('stay good while the chain grows, and fall when its tail is cut off', async () => {
    const database = await open(signing);
    await filled(database);
    const signed = await database.store.signHeads();
    expect(signed.map(({ chain, seq }) => [chain, seq])).toEqual([
      [CHAIN, 6],
      ['audit', 3],
    ]);
    expect(states(await database.store.verifyBook())).toEqual({ [CHAIN]: 'good', audit: 'good' });
    const audit = { at: AT, actor: 'user', action: 'x', object: 'y', facts: {} };
    await database.store.appendAudit(audit);
    expect(states(await database.store.verifyBook())).toEqual({ [CHAIN]: 'good', audit: 'good' });

    await cutTail(database);
    // The chain by itself fits: only what was written down shows the cut.
    const proof = await database.store.verifyBook();
    expect(brokenOf(proof)).toEqual([]);
    expect([proof.ok, states(proof)]).toEqual([false, { [CHAIN]: 'gone', audit: 'good' }]);
    await expect(database.store.signHeads()).rejects.toMatchObject({ code: 'storage_corrupt' });
  });

  it('kept elsewhere show a cut or a rewritten history also when the signature here was taken away', async () => {
    const database = await open(signing);
    await filled(database);
    const kept = await database.store.signHeads();
    expect(headStates(await database.store.verifyBook(kept))).toEqual(['good', 'good']);
    await rehash(database, (row) => {
      if (row['root_id'] === 'FILL:2') row['price'] = '1';
    });
    const rewritten = await database.store.verifyBook(kept);
    expect(brokenOf(rewritten)).toEqual([]);
    expect(states(rewritten)[CHAIN]).toBe('rewritten');
    await database.sql('UPDATE chain_head SET signature = NULL, signed_at = NULL, signed_seq = NULL');
    expect((await database.store.verifyBook()).ok).toBe(true);
    const proof = await database.store.verifyBook(kept);
    expect([proof.ok, ...headStates(proof)]).toEqual([false, 'rewritten', 'good']);

    await cutTail(database);
    expect(headStates(await database.store.verifyBook(kept))).toEqual(['gone', 'good']);
    const elsewhere = kept.map((head) => ({ ...head, chain: `${head.chain} of another book` }));
    expect((await database.store.verifyBook(elsewhere)).ok).toBe(false);
  });

  it('say nothing of places behind a broken row', async () => {
    const database = await open(signing);
    await filled(database);
    const kept = await database.store.signHeads();
    await tamper(database, 'book_event', "UPDATE book_event SET symbol = 'X'");
    expect(headStates(await database.store.verifyBook(kept))).toEqual(['broken', 'good']);
  });

  it('are forged where the text was changed, and not ours where another key signed', async () => {
    const database = await open(signing);
    await filled(database);
    await database.store.signHeads();
    const thief = await database.again({ signingSeed: () => OTHER_SEED });
    expect(states(await thief.verifyBook())).toEqual({ [CHAIN]: 'other_key', audit: 'other_key' });
    expect((await thief.verifyBook()).ok).toBe(false);
    const keyless = await database.again({ signingSeed: () => null });
    expect(states(await keyless.verifyBook())).toEqual({ [CHAIN]: 'unchecked', audit: 'unchecked' });
    expect((await keyless.verifyBook()).ok).toBe(true);
    for (const change of [
      "signed_at = '2025-08-23T00:00:00.000000000Z'",
      'signed_seq = 2',
      "signature = 'AAAA'",
    ]) {
      await database.store.signHeads();
      await database.sql(`UPDATE chain_head SET ${change} WHERE chain = '${CHAIN}'`);
      expect(states(await database.store.verifyBook())[CHAIN]).toBe('forged');
    }
  });

  it('are not made without a key, nor over a chain that was changed', async () => {
    const database = await open();
    await filled(database);
    await expect(database.store.signHeads()).rejects.toMatchObject({ code: 'secret_key_missing' });
    const heads = await database.store.writtenHeads();
    expect(heads.map(({ seq, signature }) => [seq, signature])).toEqual([
      [6, null],
      [3, null],
    ]);
    expect(headStates(await database.store.verifyBook(heads))).toEqual(['unsigned', 'unsigned']);
    const withKey = await database.again(signing);
    await tamper(database, 'activity', "UPDATE activity SET price = '1' WHERE seq = 1");
    await expect(withKey.signHeads()).rejects.toMatchObject({
      code: 'storage_corrupt',
      message: expect.stringContaining('broken at seq 1 (activity FILL:1 rev 0: ') as string,
    });
    expect(await database.sql('SELECT chain FROM chain_head WHERE signature IS NOT NULL')).toEqual([]);
  });

  it('are made by the upkeep once a New York day, and only where something was written', async () => {
    const clock = { ...stillClock(), at: Date.parse('2025-08-22T14:00:00Z') };
    const moving: Clock = { ...clock, wallMs: () => clock.at };
    const database = await open({ ...signing, clock: moving });
    await filled(database);
    const signedAt = async (): Promise<(string | undefined)[]> =>
      (await database.store.verifyBook()).chains.map(({ signed }) => signed?.head.signedAt);
    const at = (text: string) => {
      clock.at = Date.parse(text);
      return parseInstant(text);
    };
    const first = at('2025-08-22T14:00:00Z');
    await database.store.maintain();
    expect(await signedAt()).toEqual([first, first]);
    const audit = { at: AT, actor: 'user', action: 'x', object: 'y', facts: {} };
    await database.store.appendAudit(audit);
    // Still the 22nd in New York.
    at('2025-08-23T03:59:00Z');
    await database.store.maintain();
    expect(await signedAt()).toEqual([first, first]);
    const second = at('2025-08-23T04:01:00Z');
    await database.store.maintain();
    expect(await signedAt()).toEqual([second, second]);
    at('2025-08-25T14:00:00Z');
    await database.store.maintain();
    expect(await signedAt()).toEqual([second, second]);
    await tamper(database, 'audit', "UPDATE audit SET actor = 'x' WHERE seq = 4");
    await database.store.appendAudit(audit);
    await database.store.maintain();
    // What we signed is not read again by the upkeep; `verify` reads all of it.
    expect((await database.store.verifyBook()).ok).toBe(false);
    const keyless: Store = await database.again({ clock: moving });
    await keyless.maintain();
  });
});

describe('a signature', () => {
  const head = { chain: CHAIN, seq: 6, hash: 'a'.repeat(64), signedAt: AT };

  it('is that of RFC 8032 and always the same', () => {
    // Test 1 of section 7.1.
    const seed = Buffer.from('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60', 'hex');
    expect(Buffer.from(chainSigner(seed).publicKey, 'base64').toString('hex')).toBe(
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    );
    expect(chainSigner(seed).sign(head)).toBe(chainSigner(seed).sign(head));
    expect(() => chainSigner(Buffer.alloc(31))).toThrow(RangeError);
  });

  it('holds for exactly what was signed', () => {
    const signer = chainSigner(SEED);
    const signature = signer.sign(head);
    expect(isSignedBy(signer.publicKey, head, signature)).toBe(true);
    const changes: Partial<WrittenHead>[] = [{ seq: 7 }, { chain: 'audit' }, { hash: 'b'.repeat(64) }];
    for (const change of changes)
      expect(isSignedBy(signer.publicKey, { ...head, ...change }, signature)).toBe(false);
    expect(isSignedBy(chainSigner(OTHER_SEED).publicKey, head, signature)).toBe(false);
    expect(isSignedBy('no key', head, signature)).toBe(false);
    expect(isSignedBy(signer.publicKey, head, '')).toBe(false);
  });
});
