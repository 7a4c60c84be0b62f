/** Lots, profit, elections, a basis and a person's word, as they are typed: real processes against a real sandbox. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { parseInstant } from '../../src/domain/time.ts';
import { Place, type Finished } from './command.ts';

const PAPER = 'alpaca-paper';
const place = new Place();
const settings = place.path('sandbox.env');
let sandbox: Sandbox;

type Row = Readonly<Record<string, string | number | null>>;

const run = (...args: string[]): Promise<Finished> => place.run([...args, '--config', settings]);

async function json(...args: string[]): Promise<Row[]> {
  const { code, stdout, stderr } = await run(...args, '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as Row[];
}

function control(path: string, body: object): void {
  const answer = sandbox.control('POST', `/control/${path}`, body);
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 200 });
}

const trade = (side: string, quantity: string, symbol: string, price: string, more: object = {}): void =>
  control('trade', { account: PAPER, side, quantity, symbol, price, ...more });

beforeAll(async () => {
  sandbox = await startSandbox({
    envFile: settings,
    scenario: 'empty',
    clock: { kind: 'manual', at: parseInstant('2025-08-04T14:00:00Z') },
  });
  control('cash', { account: PAPER, kind: 'deposit', amount: '50000' });
  trade('buy', '10', 'AAPL', '200');
  control('clock', { advance: '5m' });
  trade('buy', '10', 'AAPL', '220');
  control('transfer', { account: PAPER, direction: 'in', symbol: 'IBM', quantity: '20' });
  control('clock', { advance: '5m' });
  trade('sell', '5', 'AAPL', '230');
  control('clock', { advance: '5m' });
  expect((await run('sync', '--account', PAPER)).code).toBe(0);
});

afterAll(async () => {
  await sandbox.close();
  place.remove();
});

it('lists lots and profit for people, for programs and for spreadsheets', async () => {
  const lots = await json('lots', '--symbol', 'AAPL');
  expect(lots.map((lot) => `${lot['quantity']} ${lot['cost']} ${lot['costSource']}`)).toEqual([
    '5 1000 fill',
    '10 2200 fill',
  ]);
  const table = await run('lots');
  expect(table.stdout).toMatch(/^ACCOUNT +SYMBOL +QUANTITY/);
  expect(table.stdout).toMatch(/IBM +20 +unknown +unknown/);
  const [day] = await json('pnl');
  expect(day).toMatchObject({ group: '2025-08-04', realizedPnl: '150', realizedBasis: 'exact', closes: 1 });
  const csv = await run('pnl', '--by', 'symbol', '--csv');
  expect(csv.stdout.split(/\r?\n/)[0]).toMatch(/^account,currency,group,realizedPnl/);
  const [close] = await json('pnl', '--closes');
  expect(close).toMatchObject({
    kind: 'sale',
    quantity: '5',
    acquiredDate: '2025-08-04',
    holdingDays: 0,
    term: 'short',
    proceeds: '1150',
    cost: '1000',
    realizedPnl: '150',
    rolled: '0',
    taxProceeds: '1150',
    taxCost: '1000',
    reason: null,
    washLots: [],
    realizedBaseCloseRate: '150',
    realizedBaseHistorical: '150',
  });
  expect((await run('pnl', '--closes')).stdout).toMatch(
    /^CLOSED +ACCOUNT +SYMBOL +BY +QUANTITY +ACQUIRED +DAYS .* ROLLED +TAX PROCEEDS +TAX COST .*\n.* 1,150\.00 +1,000\.00 +150\.00 +0\.00 +1,150\.00 +1,000\.00 /,
  );
  const [stats] = await json('pnl', '--stats');
  expect(stats).toMatchObject({ closes: 1, wins: 1, winRate: '100', realizedPnl: '150' });
});

it('counts by the method that was elected, from the next sync on, and by the lots that were named', async () => {
  expect(await run('elect', 'lot-method', 'hifo', '--account', PAPER)).toMatchObject({ code: 0 });
  expect((await run('sync', '--account', PAPER)).code).toBe(0);
  expect((await json('pnl'))[0]).toMatchObject({ realizedPnl: '50' });
  const [first] = await json('lots', '--symbol', 'AAPL');
  const sale = (await json('activity')).find((row) => row['kind'] === 'fill' && row['quantity'] === '-5')!;
  const chosen = await run(
    ...['choose-lots', String(sale['rootId']), `${first!['lot']}=5`, '--account', PAPER],
  );
  expect(chosen).toMatchObject({ code: 0 });
  expect((await run('sync', '--account', PAPER)).code).toBe(0);
  expect((await json('pnl'))[0]).toMatchObject({ realizedPnl: '150' });
  expect((await json('elections')).map((row) => `${row['kind']} ${row['choice']}`)).toEqual([
    'lot_method HIFO',
    'lot_choice SPECIFIC',
  ]);
});

it('is told that an account is an IRA, and shows it', async () => {
  const type = async () => (await json('accounts')).map((row) => `${row['account']} ${row['type']}`);
  expect(await type()).toContain(`${PAPER} null`);
  const told = await run('elect', 'account-type', 'ira', '--account', PAPER);
  expect(told).toMatchObject({ code: 0, stderr: '' });
  expect(told.stdout).toContain('account_type ira');
  expect(await type()).toContain(`${PAPER} ira`);
  expect((await run('elect', 'account-type', 'Taxable', '--account', PAPER)).code).toBe(0);
  expect(await type()).toContain(`${PAPER} taxable`);
  const later = ['elect', 'account-type', 'roth_ira', '--account', PAPER, '--from', '2099-01-01'];
  expect((await run(...later)).code).toBe(0);
  expect(await type()).toContain(`${PAPER} taxable`);
  const said = (await json('elections')).filter((row) => row['kind'] === 'account_type');
  expect(said.map((row) => `${row['choice']} ${row['validFrom']}`)).toEqual([
    'ira null',
    'taxable null',
    'roth_ira 2099-01-01',
  ]);
});

it('takes a basis for a lot that came without one, and keeps it', async () => {
  const [lot] = await json('lots', '--symbol', 'IBM');
  const given = await run(
    ...['basis', String(lot!['lot']), '--cost', '3000', '--acquired', '2021-03-15', '--json'],
  );
  expect({ code: given.code, stderr: given.stderr }).toEqual({ code: 0, stderr: '' });
  expect((await run('sync', '--account', PAPER)).code).toBe(0);
  expect((await json('lots', '--symbol', 'IBM'))[0]).toMatchObject({
    cost: '3000',
    costSource: 'user',
    acquiredDate: '2021-03-15',
    term: 'long',
  });
});

it('takes a person’s word on a finding, and refuses what makes no sense', async () => {
  trade('sell', '4', 'AAPL', '231', { publish: 'never' });
  for (let look = 0; look < 2; look += 1) {
    control('clock', { advance: '5m' });
    await run('sync', '--account', PAPER);
  }
  const [finding] = await json('findings');
  expect(finding).toMatchObject({ state: 'open', symbol: 'AAPL' });
  const [estimate] = await json('pnl', '--closes', '--symbol', 'AAPL');
  const { mark, markAsOf, reason } = estimate!;
  expect(estimate).toMatchObject({ kind: 'estimate', quantity: '4', markSource: 'broker_positions' });
  expect(Number(mark)).toBeGreaterThan(0);
  expect(reason).toBe(
    `at ${String(mark)}, the broker's price in its list of positions of ${String(markAsOf)}, until the fill is published`,
  );
  const id = String(finding!['id']);
  const wrong = await run('resolve', id, '--as', 'external-change', '--reason', ' ');
  expect(wrong.code).toBe(2);
  const asked = ['resolve', id, '--as', 'external-change', '--price', '231', '--reason', 'sold by phone'];
  expect(await run(...asked)).toMatchObject({ code: 0 });
  expect((await run('sync', '--account', PAPER)).code).toBe(0);
  expect((await json('positions')).find((row) => row['symbol'] === 'AAPL')).toMatchObject({
    quantity: '11',
    explained: true,
  });
  expect(await run(...asked)).toMatchObject({ code: 2 });
}, 60_000);

it('takes a basis for units that were sold and came from no lot', async () => {
  trade('buy', '3', 'KO', '60', { publish: 'never' });
  trade('sell', '3', 'KO', '70');
  control('clock', { advance: '5m' });
  await run('sync', '--account', PAPER);
  const ko = async () => (await json('pnl', '--closes', '--symbol', 'KO'))[0]!;
  const sold = await ko();
  expect(sold).toMatchObject({ proceeds: '210', realizedPnl: null, lot: null });
  const lot = `unknown:${String(sold['activity'])}`;
  const late = await run('basis', lot, '--cost', '180', '--acquired', '2025-08-05');
  expect(late).toMatchObject({ code: 2, stderr: expect.stringContaining('not acquired later') });
  const given = await run('basis', lot, '--cost', '180', '--acquired', '2023-03-15');
  expect({ code: given.code, stderr: given.stderr }).toEqual({ code: 0, stderr: '' });
  expect((await run('sync', '--account', PAPER)).code).toBe(0);
  expect(await ko()).toMatchObject({
    cost: '180',
    realizedPnl: '30',
    realizedBasis: 'exact',
    reason: null,
    acquiredDate: '2023-03-15',
    term: 'long',
  });
}, 60_000);

it.each([
  [['elect', 'lot-method', 'best', '--account', PAPER], 'is no lot-method'],
  [['elect', 'colour', 'red', '--account', PAPER], 'is nothing to elect'],
  [['elect', 'account-type', 'offshore', '--account', PAPER], 'is no account-type'],
  [['elect', 'account-type', 'ira', '--account', PAPER, '--instrument', 'equity:X:USD'], 'whole account'],
  [['elect', 'account-type', 'ira', '--account', 'nobody'], 'nobody'],
  [['elect', 'lot-method', 'hifo', '--account', PAPER, '--instrument', 'AAPL'], 'is no identity'],
  [
    ['elect', 'lot-method', 'hifo', '--account', PAPER, '--from', '2025-09-01', '--to', '2025-08-01'],
    '--from 2025-09-01 lies behind --to 2025-08-01',
  ],
  [['pnl', '--from', '2025-09-01', '--to', '2025-08-01'], 'lies behind'],
  [['choose-lots', 'x', 'y', '--account', PAPER], 'names no lot and quantity'],
  [['basis', 'no-such-lot', '--cost', '1', '--acquired', '2021-03-15'], 'There is no lot'],
  [['basis', 'unknown:x', '--cost', '1', '--acquired', '2021-03-15'], 'There is no lot'],
  [['basis', 'x', '--cost', 'much', '--acquired', '2021-03-15'], 'is no amount'],
  [['resolve', '999', '--as', 'dismiss', '--reason', 'x'], 'There is no finding 999'],
  [['pnl', '--from', 'yesterday'], 'is no day'],
  [['lots', '--as-of', 'noon'], 'is no time'],
])('%j is refused with a sentence and a hint', async (args, sentence) => {
  const { code, stderr, stdout } = await run(...args);
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toContain(sentence);
  expect(stderr.trim().split('\n').length).toBeGreaterThan(1);
});
