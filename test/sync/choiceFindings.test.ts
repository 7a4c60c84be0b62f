/** Lots chosen for a sale that cannot be followed any more: said, never silently replaced by the method. */
import { afterEach, expect, test } from 'vitest';
import { now as instantNow } from '../../src/domain/time.ts';
import { findingRecords, lotRecordsOf } from '../../src/sync/records.ts';
import { openWorld, type World } from '../world/world.ts';

const PAPER = 'alpaca-paper';
let world: World | null = null;

afterEach(async () => {
  await world?.close();
  world = null;
});

/** Buys 10 @ 200 and 10 @ 220 and sells 5 from the second lot, as chosen. */
async function chosen(): Promise<{ at: World; sale: string; lots: string[]; second: string }> {
  const at = (world = await openWorld({ scenario: 'empty', at: '2025-08-04T14:00:00Z' }));
  const trade = async (side: string, quantity: string, price: string): Promise<string> => {
    const { created } = await at.control('trade', { account: PAPER, symbol: 'AAPL', side, quantity, price });
    await at.advance('5m');
    return String(created[0]!['id']);
  };
  await trade('buy', '10', '200');
  const second = await trade('buy', '10', '220');
  await trade('sell', '5', '230');
  await at.sync(PAPER);
  const { id, epoch } = await at.truebook.account(PAPER);
  const ledger = await at.truebook.store.bookActivities(id, epoch, null);
  const sale = ledger.find((row) => row.quantity.sign() < 0)!.rootId;
  const lots = (await at.truebook.store.lots({ accountId: id })).map((lot) => lot.id);
  await choose(at, sale, { [lots[1]!]: '5' });
  await at.sync(PAPER);
  return { at, sale, lots, second };
}

async function choose(at: World, object: string, details: Record<string, string>): Promise<void> {
  const { id } = await at.truebook.account(PAPER);
  const facts = { kind: 'lot_choice' };
  await at.truebook.store.elect(
    id,
    [
      {
        kind: 'lot_choice',
        object,
        choice: 'SPECIFIC',
        validFrom: null,
        validTo: null,
        source: 'user',
        details,
      },
    ],
    { at: instantNow(at.truebook.clock), actor: 'test', action: 'elect', object: PAPER, facts },
  );
}

const lotsOf = async (at: World): Promise<string[]> =>
  (await lotRecordsOf(at.truebook.records)).map((lot) => `${lot.quantity} = ${lot.cost}`);
const choiceFindings = async (at: World, all = false): Promise<string[]> =>
  (await findingRecords(at.truebook.records, { all }))
    .filter((row) => row.type === 'choice')
    .map((row) => `${row.symbol} ${row.state}: ${row.observed}`);

test('a choice that is followed says nothing', async () => {
  const { at } = await chosen();
  expect(await lotsOf(at)).toEqual(['10 = 2000', '5 = 1100']);
  expect(await choiceFindings(at, true)).toEqual([]);
});

test('a correction shrinks the chosen lot: a finding stands until the choice is made anew', async () => {
  const { at, sale, lots, second } = await chosen();
  await at.control('amend', { account: PAPER, fill: second, kind: 'correct', quantity: '3' });
  await at.advance('5m');
  await at.sync(PAPER);
  const said = 'AAPL open: the lots that were named hold less than was closed';
  expect(await choiceFindings(at)).toEqual([said]);
  await at.advance('5m');
  await at.sync(PAPER);
  expect(await choiceFindings(at)).toEqual([said]);
  await choose(at, sale, { [lots[1]!]: '3', [lots[0]!]: '2' });
  await at.advance('5m');
  await at.sync(PAPER);
  expect(await choiceFindings(at, true)).toEqual([said.replace('open', 'resolved')]);
  expect(await lotsOf(at)).toEqual(['8 = 1600']);
});
