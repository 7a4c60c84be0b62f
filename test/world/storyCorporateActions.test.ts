/** Spin-offs and mergers end to end: real HTTP to the sandbox, a real database, the composition of the command line. */
import { afterEach, describe, expect, test } from 'vitest';
import { dailyBalanceRecords } from '../../src/sync/records.ts';
import { holdings, openWorld, type DatabaseKind, type World } from './world.ts';

const PAPER = 'alpaca-paper';
const open: World[] = [];

afterEach(async () => {
  for (const made of open.splice(0)) await made.close();
});

async function world(database: DatabaseKind): Promise<World> {
  const made = await openWorld({ database, scenario: 'empty' });
  open.push(made);
  await made.control('cash', { account: PAPER, kind: 'funding', amount: '100000' });
  return made;
}

async function trade(at: World, side: 'buy' | 'sell', quantity: string, symbol: string, price: string) {
  await at.control('trade', { account: PAPER, side, quantity, symbol, price });
  await at.advance('5m');
}

/** Everything the broker says agrees with the book, quantities and cash, and the run says so. */
async function expectAgreement(at: World): Promise<void> {
  expect(await at.sync(PAPER)).toMatchObject({ outcome: 'complete', reconciled: true });
  const truth = at.truth(PAPER);
  const rows = await at.positions(PAPER);
  expect(holdings(rows)).toEqual(holdings(truth.positions));
  expect(rows.filter((row) => !row.explained || row.state === 'missing')).toEqual([]);
  const [balance] = await at.truebook.store.balances({});
  expect(balance?.cash?.toString()).toBe(truth.balances.cash);
}

/** `merger MRO -4 0 ratioNew=1 ...`: rows of the ledger and their terms, sorted. */
async function ledger(
  at: World,
  kinds: readonly ('spinoff' | 'merger' | 'cash_in_lieu')[],
): Promise<string[]> {
  const rows = await at.truebook.store.ledger({ kinds });
  return rows
    .map((row) => {
      const { cusip: _, ...terms } = row.details;
      const words = Object.entries(terms)
        .map(([name, value]) => `${name}=${value}`)
        .sort();
      return [
        row.kind,
        row.instrument?.symbol,
        row.quantity.toString(),
        row.amount?.toString(),
        ...words,
      ].join(' ');
    })
    .sort();
}

const events = async (at: World, symbol: string): Promise<string[]> =>
  (await at.truebook.store.bookEvents({}))
    .filter((event) => event.symbol === symbol && !event.kind.startsWith('finding'))
    .map((event) => event.kind);

describe.each(['sqlite', 'postgres'] as const)('on %s', (database) => {
  test('a spin-off: the parent stays the same position, the child arrives, the terms stand in the ledger', async () => {
    const at = await world(database);
    await trade(at, 'buy', '60', 'SEM', '50');
    await trade(at, 'buy', '40', 'SEM', '80');
    await at.sync(PAPER);
    const parent = async () => (await at.positions(PAPER)).find((row) => row.symbol === 'SEM');
    const before = await parent();
    const terms = { symbol: 'SEM', to: 'CON', newShares: '1', perOld: '4', basisFraction: '0.125' };
    await at.control('corporate-action', { kind: 'spinoff', ...terms });
    await at.advance('5m');
    await expectAgreement(at);
    expect(await parent()).toMatchObject({ quantity: '100', openedAt: before!.openedAt, state: 'open' });
    expect(await events(at, 'SEM')).toEqual(['opened']);
    expect(await events(at, 'CON')).toEqual(['opened']);
    expect(await ledger(at, ['spinoff'])).toEqual([
      'spinoff CON 25 0 parent=SEM price=31 ratioNew=1 ratioOld=4',
      'spinoff SEM 0 0 price=54.25 quantityOnWire=100 restates=cost',
      'spinoff SEM 0 0 price=62 quantityOnWire=-100 restates=cost',
    ]);
    const groups = (await at.truebook.store.ledger({ kinds: ['spinoff'] })).map((row) => row.groupId);
    expect([new Set(groups).size, groups.includes(null)]).toEqual([1, false]);
  });

  test('a spin-off on a short, with cash for the fraction the next day', async () => {
    const at = await world(database);
    await trade(at, 'sell', '10', 'SEM', '50');
    const terms = { symbol: 'SEM', to: 'CON', newShares: '1', perOld: '4', cashInLieu: '6.3' };
    await at.control('corporate-action', { kind: 'spinoff', ...terms });
    await at.advance('5m');
    await expectAgreement(at);
    expect(holdings(await at.positions(PAPER))).toEqual(['CON -2', 'SEM -10']);
    expect(await ledger(at, ['spinoff', 'cash_in_lieu'])).toEqual([
      'spinoff CON -2 0 parent=SEM price=0 ratioNew=1 ratioOld=4',
    ]);
    await at.advance('1d');
    await expectAgreement(at);
    expect(await ledger(at, ['cash_in_lieu'])).toEqual(['cash_in_lieu CON 0 -6.3']);
  });

  test.each(['now', 'next-day'])(
    'the days of a reverse split with cash in lieu prove, rows published %s',
    async (publish) => {
      const at = await openWorld({ database, scenario: 'empty', at: '2025-08-18T14:00:00Z' });
      open.push(at);
      await at.control('cash', { account: PAPER, kind: 'deposit', amount: '50000' });
      await trade(at, 'buy', '10', 'XMPL', '400');
      await trade(at, 'buy', '15', 'XMPL', '410');
      await at.sync(PAPER);
      await at.advance('2025-08-19T14:00:00Z');
      await at.sync(PAPER);
      await at.advance('2025-08-20T14:00:00Z');
      const ratio = { newShares: '1', oldShares: '3', cashInLieu: '400' };
      await at.control('corporate-action', { kind: 'split', symbol: 'XMPL', publish, ...ratio });
      await at.advance('5m');
      await at.sync(PAPER);
      const days = async (): Promise<string[]> => {
        const account = await at.truebook.account(PAPER);
        const rows = await dailyBalanceRecords(at.truebook.records, { account });
        return rows.toReversed().map((row) => `${row.date} ${row.residualState} ${row.residual ?? '?'}`);
      };
      const before = ['2025-08-18 proved 0', '2025-08-19 proved 0'];
      const awaited = (await days()).at(-1);
      if (publish === 'now') expect(awaited).toBe('2025-08-20 proved 0');
      else expect(awaited).toMatch(/^2025-08-20 pending /);
      await at.advance('2025-08-21T14:00:00Z');
      await at.sync(PAPER);
      await at.advance('2025-08-22T14:00:00Z');
      await expectAgreement(at);
      const after = ['2025-08-20 proved 0', '2025-08-21 proved 0', '2025-08-22 proved 0'];
      expect(await days()).toEqual([...before, ...after]);
    },
  );

  test('mergers for shares, for cash, for both, beside shares of the acquirer', async () => {
    const at = await world(database);
    await trade(at, 'buy', '10', 'COP', '90');
    await trade(at, 'buy', '8', 'MRO', '24');
    await trade(at, 'buy', '2', 'HIE', '5.88');
    await trade(at, 'sell', '6', 'PSTX', '9');
    await at.sync(PAPER);
    const merge = async (terms: object): Promise<void> => {
      await at.control('corporate-action', { kind: 'merger', ...terms });
      await at.advance('5m');
      await expectAgreement(at);
    };
    await merge({ symbol: 'MRO', to: 'COP', newShares: '0.25', perOld: '1' });
    await merge({ symbol: 'HIE', cashPerShare: '12.6341694' });
    await merge({ symbol: 'PSTX', to: 'NEWCO', newShares: '1', perOld: '2', cashPerShare: '3' });
    expect(holdings(await at.positions(PAPER))).toEqual(['COP 12', 'NEWCO -3']);
    expect(await ledger(at, ['merger'])).toEqual([
      'merger COP 2 0 newSymbol=COP oldSymbol=MRO price=96 ratioNew=0.25 ratioOld=1',
      'merger HIE -2 0 cash=12.6341694 price=5.88 ratioOld=1',
      'merger HIE 0 25.27 cash=12.6341694 ratioOld=1',
      'merger MRO -8 0 newSymbol=COP oldSymbol=MRO price=24 ratioNew=0.25 ratioOld=1',
      'merger NEWCO -3 0 cash=6 newSymbol=NEWCO oldSymbol=PSTX price=12 ratioNew=1 ratioOld=2',
      'merger PSTX 0 -18 cash=6 newSymbol=NEWCO oldSymbol=PSTX ratioNew=1 ratioOld=2',
      'merger PSTX 6 0 cash=6 newSymbol=NEWCO oldSymbol=PSTX price=9 ratioNew=1 ratioOld=2',
    ]);
    const closed = (await at.positions(PAPER, true)).filter((row) => row.state === 'closed');
    expect(closed.map((row) => row.symbol).sort()).toEqual(['HIE', 'MRO']);
  });

  test('rows that are listed the next day: what appeared is explained then, nothing closes by absence', async () => {
    const at = await world(database);
    await trade(at, 'buy', '8', 'MRO', '24');
    await at.sync(PAPER);
    const terms = { symbol: 'MRO', to: 'COP', newShares: '1', perOld: '2', cashPerShare: '3' };
    await at.control('corporate-action', { kind: 'merger', ...terms, publish: 'next-day' });
    await at.advance('5m');
    expect(await at.sync(PAPER)).toMatchObject({ outcome: 'complete', reconciled: false });
    const rows = new Map((await at.positions(PAPER)).map((row) => [row.symbol, row]));
    expect(rows.get('MRO')).toMatchObject({ state: 'missing', quantity: '8', brokerQuantity: '0' });
    expect(rows.get('COP')).toMatchObject({ state: 'open', quantity: '4', explained: false });
    await at.advance('next-day');
    await expectAgreement(at);
    const open = await at.truebook.store.findings({ states: ['open', 'reopened'] });
    expect(open).toEqual([]);
  });

  test('options go along: under the root of the acquirer, under a new root of the parent', async () => {
    const at = await world(database);
    await trade(at, 'buy', '3', 'SEM250919C00020000', '1.13');
    await trade(at, 'sell', '2', 'CEIX250919P00095000', '0.65');
    await at.sync(PAPER);
    const ratio = { newShares: '1', perOld: '4' };
    await at.control('corporate-action', { kind: 'spinoff', symbol: 'SEM', to: 'CON', ...ratio });
    await at.control('corporate-action', { kind: 'merger', symbol: 'CEIX', to: 'CNR', ...ratio });
    await at.advance('5m');
    await expectAgreement(at);
    expect(holdings(await at.positions(PAPER))).toEqual(['CNR1250919P00095000 -2', 'SEM1250919C00020000 3']);
  });
});
