import fc from 'fast-check';
import { expect, it } from 'vitest';
import { sha256 } from '../../src/domain/contentHash.ts';
import { decimal } from '../../src/domain/decimal.ts';
import { instantFromMs, parseInstant, type Instant } from '../../src/domain/time.ts';
import { equity } from '../../src/domain/instrument.ts';
import { type SentStatement } from '../../src/store/database.ts';
import { forEachDatabase } from './databases.ts';
import { AAPL, asText, AT, commitOf, fill, fullCommit, observationOf, positionOf, ready } from './samples.ts';

/** Decimals as hostile as they come: up to 40 digits, any sign, any scale. */
const anyDecimal = fc
  .tuple(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), fc.integer({ min: 0, max: 30 }))
  .map(([digits, scale]) => decimal(`${digits}e-${scale}`));

const anyInstant = fc
  .tuple(fc.integer({ min: 0, max: 4_102_444_800_000 }), fc.integer({ min: 0, max: 999_999_999 }))
  .map(([ms, nanos]) => {
    const second = instantFromMs(ms).slice(0, 19);
    return parseInstant(`${second}.${String(nanos).padStart(9, '0')}Z`);
  });

forEachDatabase('rows', (open) => {
  it('give decimals and instants back exactly as they went in, and sort instants', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    let run = 0;
    await fc.assert(
      fc.asyncProperty(anyDecimal, anyDecimal, anyInstant, async (quantity, price, at) => {
        run += 1;
        const rootId = `FILL:${run}`;
        await store.commitRun(
          commitOf(lease, {
            revisions: [fill(rootId, { quantity, price, executedAt: at, fees: price.negate() })],
            positions: {
              upsert: [positionOf(account.id, { openedRootId: rootId, quantity, openedAt: at })],
              remove: [],
            },
            instruments: [AAPL],
          }),
        );
        const chain = (await store.revisions(account.id, 1, [rootId])).get(rootId)!;
        expect([chain[0]!.quantity, chain[0]!.price, chain[0]!.fees].map(String)).toEqual(
          [quantity, price, price.negate()].map(String),
        );
        expect(chain[0]!.executedAt).toBe(at);
        const position = (await store.allPositions(account.id, 1)).find(
          (row) => row.openedRootId === rootId,
        )!;
        expect([String(position.quantity), position.openedAt]).toEqual([String(quantity), at]);
      }),
      { numRuns: 40 },
    );
    const times = (await store.ledger({})).map((row) => row.executedAt);
    const sorted = [...times].sort((left, right) => (key(left) < key(right) ? 1 : -1));
    expect(times).toEqual(sorted);
    expect(await store.verifyChains({})).toMatchObject({ ok: true, rows: run * 2 });
  });

  it('keep text that one of the databases could not hold, alike on both', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    const hostile = "nul \0, half \uD800 pair, quote ', dollar $1, 🤑";
    const kept = "nul \uFFFD, half \uFFFD pair, quote ', dollar $1, 🤑";
    const revision = fill('FILL:1', { description: hostile, details: { note: hostile } });
    await store.commitRun(commitOf(lease, { revisions: [revision] }));
    const [stored] = (await store.revisions(account.id, 1, ['FILL:1'])).get('FILL:1')!;
    expect(stored).toMatchObject({ description: kept, details: { note: kept } });
    expect(await store.verifyChains({})).toMatchObject({ ok: true });
  });

  it('never carry a whole number that JavaScript cannot hold', async () => {
    const database = await open();
    const { account, lease } = await ready(database.store);
    await database.store.commitRun(commitOf(lease));
    const refused = `UPDATE account SET epoch = 9007199254740993 WHERE id = ${account.id}`;
    await database.sql(refused);
    await expect(database.store.accounts()).rejects.toThrow(/9007199254740993|too large/);
  });
});

function key(instant: Instant): string {
  return `${instant.slice(0, 19)}.${instant.slice(20, -1).padEnd(9, '0')}`;
}

forEachDatabase('many rows', (open, dialect) => {
  it('take few statements, keep every digit and write nothing where nothing differs', async () => {
    const sent: SentStatement[] = [];
    const { store } = await open({ onStatement: (statement) => sent.push(statement) });
    const { account, lease } = await ready(store);
    const values = fc.sample(anyDecimal, { numRuns: 6_000, seed: 11 });
    const instruments = values.map((_value, index) => equity(`S${index}`));
    const marks = values.map((mark, index) => ({
      instrument: instruments[index]!.id,
      mark,
      markAsOf: index % 2 === 0 ? null : AT,
      fetchedAt: AT,
      source: 'alpaca',
    }));
    await store.commitRun(commitOf(lease, { instruments, marks }));
    const ofMarks = (): SentStatement[] => sent.filter(({ sql }) => sql.startsWith('INSERT INTO mark'));
    expect(ofMarks().map((statement) => statement.rowsWritten)).toEqual(
      dialect === 'sqlite' ? [6_000] : [5_000, 1_000],
    );
    const stored = new Map((await store.marks({})).map((row) => [row.instrument, row]));
    for (const mark of marks)
      expect(asText(stored.get(mark.instrument))).toEqual(asText({ ...mark, accountId: account.id }));

    sent.length = 0;
    const later = marks.map((row, index) =>
      index === 77 ? { ...row, mark: row.mark.plus(decimal('1')) } : row,
    );
    await store.commitRun(commitOf(lease, { marks: later }));
    expect(ofMarks().reduce((sum, statement) => sum + statement.rowsWritten, 0)).toBe(1);
  });

  it('may be of any table, also one that is a word of SQL', async () => {
    const { store } = await open();
    const { account, lease } = await ready(store);
    const instruments = Array.from({ length: 60 }, (_none, index) =>
      equity(`S${String(index).padStart(2, '0')}`),
    );
    const upsert = instruments.map(({ id }) => positionOf(account.id, { instrument: id }));
    const orders = instruments.map(({ symbol }) => ({
      orderId: symbol,
      clientOrderId: null,
      parentOrderId: null,
      nextLookupAt: AT,
    }));
    await store.commitRun(
      commitOf(lease, {
        instruments,
        orders,
        positions: { upsert, remove: [] },
        revisions: instruments.map((instrument) => fill(`FILL:${instrument.symbol}`, { instrument })),
        positionObservations: instruments.map(({ id }) => observationOf({ instrument: id })),
        outbox: instruments.map(({ symbol }) => ({ kind: 'position_opened', at: AT, facts: { symbol } })),
      }),
    );
    expect(asText(await store.positions({}))).toEqual(asText(upsert));
    expect(await store.ledger({})).toHaveLength(60);
    expect((await store.verifyChains({})).ok).toBe(true);
  });

  it('may hold bytes', async () => {
    const { store, sql } = await open();
    const { lease } = await ready(store);
    const payloads = Array.from({ length: 40 }, (_none, index) => ({
      ...fullCommit(lease).payloads[0]!,
      sha256: sha256(String(index)),
      body: `{"row":${index}}`,
    }));
    await store.commitRun(commitOf(lease, { payloads }));
    expect(await sql('SELECT size_bytes FROM payload_body')).toHaveLength(40);
  });
});
