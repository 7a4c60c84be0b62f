/** Premium of assigned options shown both ways for every stored close, also over a database of an earlier release. */
import { afterEach, describe, expect, test } from 'vitest';
import { closedLotRecordsOf } from '../../src/sync/records.ts';
import { verifyViews } from '../../src/sync/rebuild.ts';
import { postgresSql, sqliteSql } from '../store/databases.ts';
import { PAPER } from './walks.ts';
import { openWorld, type DatabaseKind, type World } from './world.ts';

const open: World[] = [];

afterEach(async () => {
  for (const made of open.splice(0)) await made.close();
});

/** `sale 100 KO: 6900 - 6800, for tax 7055 - 6715`: proceeds and cost both ways, sorted. */
async function closesOf(at: World, asOf?: string): Promise<string[]> {
  const scope = { account: await at.truebook.account(PAPER), ...(asOf === undefined ? {} : { asOf }) };
  const rows = await closedLotRecordsOf(
    at.truebook.records,
    scope as Parameters<typeof closedLotRecordsOf>[1],
  );
  return rows
    .map(({ kind, quantity, symbol, proceeds, cost, taxProceeds, taxCost, taxableGain }) => {
      const tax = `${taxProceeds ?? '?'} - ${taxCost ?? '?'} = ${taxableGain ?? '?'}`;
      return `${kind} ${quantity} ${symbol}: ${proceeds ?? '?'} - ${cost ?? '?'}, for tax ${tax}`;
    })
    .sort();
}

function sql(at: World, text: string): Promise<Record<string, unknown>[]> {
  const { databaseUrl } = at;
  return databaseUrl.startsWith('sqlite:') ? sqliteSql(databaseUrl, text) : postgresSql(databaseUrl, text);
}

async function differing(at: World): Promise<string[]> {
  const account = await at.truebook.account(PAPER);
  const { tables } = await verifyViews(
    at.truebook.store,
    account,
    at.truebook.records.latePublishing(account),
  );
  return tables.filter((table) => table.differing > 0).map((table) => `${table.table} ${table.differing}`);
}

/** A put is assigned and brings shares; a call on them is assigned and takes them away again. */
async function wheel(database: DatabaseKind): Promise<World> {
  const at = await openWorld({ database, scenario: 'empty', at: '2025-08-04T14:00:00Z' });
  open.push(at);
  await at.control('cash', { account: PAPER, kind: 'deposit', amount: '50000' });
  const written = async (symbol: string, price: string): Promise<void> => {
    await at.control('trade', { account: PAPER, side: 'sell', quantity: '1', symbol, price });
    await at.advance('5m');
    await at.sync(PAPER);
    await at.control('option', { account: PAPER, kind: 'assign', symbol, quantity: '1' });
    for (const by of ['next-day', '5m']) {
      await at.advance(by);
      await at.sync(PAPER);
    }
  };
  await written('KO250815P00068000', '0.85');
  await written('KO250815C00069000', '1.55');
  return at;
}

describe.each(['sqlite', 'postgres'] as const)('on %s', (database) => {
  test('an assigned put is in the cost of its shares, the call that takes them in their proceeds', async () => {
    const at = await wheel(database);
    const both = [
      'assignment 1 KO250815C00069000: 155 - 0, for tax 0 - 0 = 0',
      'assignment 1 KO250815P00068000: 85 - 0, for tax 0 - 0 = 0',
      'sale 100 KO: 6900 - 6800, for tax 7055 - 6715 = 340',
    ];
    expect(await closesOf(at)).toEqual(both);
    expect(await differing(at)).toEqual([]);

    // What the migration leaves of an earlier release.
    await sql(at, "UPDATE lot_closure SET rolled_proceeds = NULL WHERE rolled <> '0'");
    await sql(at, 'DELETE FROM book_checkpoint');
    expect(await closesOf(at)).toEqual(both.map((line) => line.replace(/for tax .* = /, 'for tax ? - ? = ')));
    expect(await differing(at)).toEqual(['lot_closure 3', expect.stringMatching(/^book_checkpoint/)]);
    await at.advance('5m');
    await at.sync(PAPER);
    expect(await closesOf(at)).toEqual(both);
    expect(await differing(at)).toEqual([]);
    const evening = '2025-08-05T20:00:00Z';
    expect(await closesOf(at, evening)).toEqual(both.slice(1, 2));
  });
});
