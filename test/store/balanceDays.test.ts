/** Ends of days: what a run recorded, what the broker states afterwards, and which of them stands. */
import { expect, it } from 'vitest';
import { decimal } from '../../src/domain/decimal.ts';
import { parseInstant, parseTradeDate } from '../../src/domain/time.ts';
import { type BalanceDayRow, type Store } from '../../src/store/store.ts';
import { forEachDatabase } from './databases.ts';
import { commitOf, createAccount, takeLease } from './samples.ts';

const day = (text: string): BalanceDayRow => {
  const [date = '', equity = '', source = 'recorded', profitLoss] = text.split(' ');
  return {
    tradeDate: parseTradeDate(date),
    currency: 'USD',
    endEquity: decimal(equity),
    endCash: source === 'recorded' ? decimal('1') : null,
    buyingPower: null,
    profitLoss: profitLoss === undefined ? null : decimal(profitLoss),
    source: source as BalanceDayRow['source'],
  };
};
const shown = async (store: Store): Promise<string[]> =>
  (await store.balanceDays({})).map(
    ({ accountId, tradeDate, endEquity, source, profitLoss, endCash }) =>
      `${accountId} ${tradeDate} ${String(endEquity)} ${source} ${String(profitLoss)} ${String(endCash)}`,
  );

forEachDatabase('days', (open) => {
  it('that a run recorded are never replaced by the broker, before or in the same commit', async () => {
    const { store } = await open();
    const account = await createAccount(store);
    const lease = await takeLease(store, account.id);
    await store.commitRun(commitOf(lease, { balanceDays: [day('2025-08-20 100')] }));
    const broker = ['2025-08-19 90 broker -1', '2025-08-20 99 broker 9', '2025-08-21 98 broker -1'].map(day);
    await store.commitRun(commitOf(lease, { balanceDays: [day('2025-08-21 101'), ...broker] }));
    expect(await shown(store)).toEqual([
      '1 2025-08-21 101 recorded null 1',
      '1 2025-08-20 100 recorded null 1',
      '1 2025-08-19 90 broker -1 null',
    ]);
  });

  it('that the broker stated are corrected by the broker, and replaced by what a run records', async () => {
    const { store } = await open();
    const account = await createAccount(store);
    const lease = await takeLease(store, account.id);
    const commit = (...days: string[]) => store.commitRun(commitOf(lease, { balanceDays: days.map(day) }));
    await commit('2025-08-19 90 broker -1', '2025-08-18 91 broker 0');
    await commit('2025-08-19 90.5 broker -0.5');
    await commit('2025-08-18 92');
    expect(await shown(store)).toEqual([
      '1 2025-08-19 90.5 broker -0.5 null',
      '1 2025-08-18 92 recorded null 1',
    ]);
  });

  it('are listed of the current epoch and of one account', async () => {
    const { store } = await open();
    const account = await createAccount(store);
    const other = await createAccount(store, 'another');
    const lease = await takeLease(store, account.id);
    await store.commitRun(commitOf(lease, { balanceDays: [day('2025-08-18 92')] }));
    await store.commitRun(commitOf(await takeLease(store, other.id), { balanceDays: [day('2025-08-18 7')] }));
    expect(await shown(store)).toHaveLength(2);
    expect(await store.balanceDays({ accountId: other.id })).toMatchObject([{ endEquity: decimal('7') }]);
    await store.newEpoch(lease, parseInstant('2025-08-22T20:00:00Z'), 'test');
    expect(await shown(store)).toEqual(['2 2025-08-18 7 recorded null 1']);
    expect(await store.firstTradeDate(account.id, 2)).toBeNull();
  });
});
