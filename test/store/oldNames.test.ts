import { expect, it } from 'vitest';
import { decimal } from '../../src/domain/decimal.ts';
import { option } from '../../src/domain/instrument.ts';
import { closeAll, emptyDatabase, forEachDatabase, openTestDatabase, postgresSql } from './databases.ts';
import {
  AAPL,
  closureOf,
  commitOf,
  fill,
  fullCommit,
  lotOf,
  lotsCommit,
  minutesLater,
  MSFT,
  positionOf,
  ready,
} from './samples.ts';
import { type Store } from '../../src/store/store.ts';

const OPTION = option('SPY250822C00635000');

/** A book with a long, a short option, a missing row without a mark, and a closed episode. */
async function fillBook(store: Store): Promise<void> {
  const { account, lease } = await ready(store);
  const full = fullCommit(lease);
  const freshness = [...full.freshness, { ...full.freshness[0]!, dataClass: 'balances' as const }];
  const markOf = (instrument: typeof AAPL.id, mark: string) => ({
    ...full.marks[0]!,
    instrument,
    mark: decimal(mark),
  });
  const sold = fill('FILL:2', {
    quantity: decimal('-10'),
    price: decimal('160'),
    executedAt: minutesLater(30),
    side: 'sell',
  });
  const corrected = { ...sold, rev: 1, price: decimal('160.5'), contentHash: 'corrected' };
  await store.commitRun({
    ...full,
    freshness,
    instruments: [AAPL, MSFT, OPTION],
    revisions: [...full.revisions, sold, corrected],
    marks: [markOf(AAPL.id, '151'), markOf(OPTION.id, '0.55')],
    lots: lotsCommit(
      [
        lotOf({ openQuantity: decimal('0'), openCost: decimal('0') }),
        lotOf({
          id: 'FILL:4',
          activityRootId: 'FILL:4',
          instrument: OPTION.id,
          direction: 'short',
          cost: decimal('550'),
          quantity: decimal('5'),
          openQuantity: decimal('3'),
          openCost: decimal('330'),
        }),
      ],
      [
        closureOf(),
        // Two of the five contracts were bought back; and cash that closes nothing.
        closureOf({
          id: 'FILL:5/FILL:4',
          lotId: 'FILL:4',
          activityRootId: 'FILL:5',
          instrument: OPTION.id,
          kind: 'cover',
          direction: 'short',
          closedAt: minutesLater(40),
          quantity: decimal('2'),
          cost: decimal('333.33'),
          proceeds: decimal('220'),
          realized: decimal('-113.33'),
        }),
        closureOf({ id: 'ROC:1/FILL:1', kind: 'return_of_capital', quantity: decimal('0') }),
      ],
    ),
    positions: {
      upsert: [
        positionOf(account.id, {
          state: 'closed',
          quantity: decimal('0'),
          closedAt: minutesLater(30),
          closedRootId: 'FILL:2',
          realizedPnl: decimal('102.5'),
          realizedBasis: 'exact',
        }),
        positionOf(account.id, {
          openedRootId: 'FILL:3',
          quantity: decimal('2.5'),
          averageCost: decimal('150.2'),
        }),
        positionOf(account.id, {
          instrument: MSFT.id,
          openedRootId: '',
          state: 'missing',
          openedAt: null,
          averageCost: null,
        }),
        positionOf(account.id, {
          instrument: OPTION.id,
          quantity: decimal('-3'),
          averageCost: decimal('1.1'),
          openedRootId: 'FILL:4',
        }),
      ],
      remove: [],
    },
  });
  await store.commitRun(commitOf(lease));
}

const VIEWS = {
  positions: 'SELECT * FROM positions ORDER BY symbol, status, quantity',
  trade_history: 'SELECT * FROM trade_history ORDER BY closed_at',
  trading_accounts: 'SELECT * FROM trading_accounts ORDER BY id',
  daily_portfolio_balances: 'SELECT * FROM daily_portfolio_balances ORDER BY date',
};

forEachDatabase('the old names', (open, dialect) => {
  it('show what the committed file says', async () => {
    const database = await open();
    await fillBook(database.store);
    const shown: Record<string, unknown> = {};
    for (const [name, query] of Object.entries(VIEWS)) shown[name] = await database.sql(query);
    const text = JSON.stringify(shown, null, 2);
    await expect(`${text}\n`).toMatchFileSnapshot(`../golden/schema.oldNames.${dialect}.json`);
  });

  it('have exactly the columns of the old table, in its order', async () => {
    const database = await open();
    await fillBook(database.store);
    const [row] = await database.sql(VIEWS.positions);
    expect(Object.keys(row!)).toEqual(
      (
        'id account_id symbol quantity average_price current_price unrealized_pnl unrealized_pnl_pct status opened_at ' +
        'closed_at last_synced_at realized_pnl entry_trade_id exit_trade_id'
      ).split(' '),
    );
  });

  it('answer the queries that old programs ask', async () => {
    const database = await open();
    await fillBook(database.store);
    const symbols = async (where: string) =>
      (await database.sql(`SELECT symbol FROM positions WHERE ${where} ORDER BY symbol`)).map(
        (row) => row['symbol'],
      );
    expect(await symbols("status = 'OPEN' AND quantity > 0")).toEqual(['AAPL', 'MSFT']);
    expect(await symbols('quantity < 0')).toEqual([OPTION.symbol]);
    expect(await symbols('unrealized_pnl > 0')).toEqual(['AAPL', OPTION.symbol]);
    expect(await symbols("status = 'CLOSED' AND realized_pnl > 100")).toEqual(['AAPL']);
    expect(await symbols("last_synced_at > '2025-08-22 13:00:00'")).toHaveLength(4);
    const ids = await database.sql('SELECT DISTINCT id FROM positions');
    expect(ids).toHaveLength(4);
  });
});

it('leave tables of another program in public alone, and stand in schema truebook', async () => {
  const url = await emptyDatabase('postgres');
  await postgresSql(
    url,
    `CREATE TABLE public.positions (id SERIAL PRIMARY KEY, symbol VARCHAR(20)); INSERT INTO public.positions (symbol) VALUES ('THEIRS');
     CREATE TABLE public.trade_history (id INTEGER); CREATE TABLE public.accounts (id INTEGER)`,
  );
  const database = await openTestDatabase('postgres', { url });
  await fillBook(database.store);
  expect(await postgresSql(url, 'SELECT symbol FROM public.positions')).toEqual([{ symbol: 'THEIRS' }]);
  expect(await postgresSql(url, 'SELECT symbol FROM truebook.positions')).toHaveLength(4);
  const inPublic = await postgresSql(
    url,
    "SELECT relname, relkind::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v') ORDER BY 1",
  );
  expect(inPublic).toEqual([
    { relname: 'accounts', relkind: 'r' },
    { relname: 'daily_portfolio_balances', relkind: 'v' },
    { relname: 'positions', relkind: 'r' },
    { relname: 'trade_history', relkind: 'r' },
    { relname: 'trading_accounts', relkind: 'v' },
  ]);
  expect(await postgresSql(url, 'SELECT account_name FROM public.trading_accounts')).toEqual([
    { account_name: 'alpaca-paper' },
  ]);
  await closeAll();
});
