/** A short that the broker states for the first time: the run that sees it has its lot, as every later look at it has. */
import { afterEach, describe, expect, test } from 'vitest';
import { parseInstant } from '../../src/domain/time.ts';
import { lotRecordsOf, positionRecordsThen } from '../../src/sync/records.ts';
import { verifyViews } from '../../src/sync/rebuild.ts';
import { openWorld, type World } from '../world/world.ts';

const PAPER = 'alpaca-paper';
let world: World | null = null;

afterEach(async () => {
  await world?.close();
  world = null;
});

describe.each(['sqlite', 'postgres'] as const)('on %s', (database) => {
  test('a bust leaves less than was sold: what is short has its lot at once', async () => {
    const at = (world = await openWorld({ database, scenario: 'empty', at: '2025-08-18T14:00:00Z' }));
    const trade = (side: string, quantity: string, price: string): Promise<unknown> =>
      at.control('trade', { account: PAPER, symbol: 'IBM', side, quantity, price });
    await at.control('cash', { account: PAPER, kind: 'deposit', amount: '50000' });
    await trade('buy', '10', '200');
    await at.advance('5m');
    await trade('buy', '5', '210');
    await at.advance('5m');
    await trade('sell', '8', '220');
    await at.advance('5m');
    await at.sync(PAPER);
    const [first] = at.truth(PAPER).fills.filter((fill) => fill.quantity === '10');
    await at.control('amend', { account: PAPER, fill: first!.id, kind: 'bust' });
    await at.advance('5m');
    await at.sync(PAPER);
    const lots = async (when: object = {}): Promise<string[]> =>
      (await lotRecordsOf(at.truebook.records, when)).map(
        (lot) => `${lot.symbol} ${lot.quantity} = ${lot.cost}`,
      );
    expect(await lots()).toEqual(['IBM -3 = 660']);
    expect(await lots({ knownAt: parseInstant('2025-08-18T14:20:00Z') })).toEqual(['IBM -3 = 660']);
    // As it is known today the short was there before the bust was told; the broker's 7 agreed with what was known then.
    const asOf = parseInstant('2025-08-18T14:17:00Z');
    expect(await positionRecordsThen(at.truebook.records, { asOf })).toMatchObject([
      { quantity: '-3', bookQuantity: '-3', brokerQuantity: '7', explained: true },
    ]);
    expect(await lots({ asOf })).toEqual(['IBM -3 = 660']);
    const account = await at.truebook.account(PAPER);
    expect((await verifyViews(at.truebook.store, account, null)).same).toBe(true);
  });
});
