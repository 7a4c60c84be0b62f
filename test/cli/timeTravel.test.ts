/** `--as-of` and `--known-at`, as they are typed: positions, balances, lots, profit and findings of the past. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { parseInstant } from '../../src/domain/time.ts';
import { Place, type Finished } from './command.ts';

const PAPER = 'alpaca-paper';
const place = new Place();
const settings = place.path('sandbox.env');
let sandbox: Sandbox;
let fill: string;

type Row = Readonly<Record<string, string | number | boolean | null>>;

const run = (...args: string[]): Promise<Finished> =>
  place.run([...args, '--account', PAPER, '--config', settings]);

async function json(...args: string[]): Promise<{ rows: Row[]; stderr: string }> {
  const { code, stdout, stderr } = await run(...args, '--json');
  expect(code, stderr).toBe(0);
  return { rows: JSON.parse(stdout) as Row[], stderr };
}

async function positions(...args: string[]): Promise<string[]> {
  const { rows } = await json('positions', ...args);
  return rows.map((row) => `${row['symbol']} ${row['quantity']} ${row['state']} ${row['realizedPnl']}`);
}

function control(path: string, body: object): { created: Row[] } {
  const answer = sandbox.control('POST', `/control/${path}`, body);
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 200 });
  return answer.body as { created: Row[] };
}

const trade = (side: string, quantity: string, symbol: string, price: string, more: object = {}) =>
  control('trade', { account: PAPER, side, quantity, symbol, price, ...more }).created[0]!['id'] as string;

async function later(by: string): Promise<void> {
  control('clock', { advance: by });
  expect((await run('sync')).code).toBe(0);
}

/** Monday 10:00 New York. Each run is at the time of its name. */
const MONDAY = '2025-08-04T14:00:00Z';
const BOUGHT = '2025-08-04T15:00:00Z';
const SOLD = '2025-08-04T16:00:00Z';
const CORRECTED = '2025-08-04T17:00:00Z';
const TUESDAY = '2025-08-05T17:00:00Z';

beforeAll(async () => {
  sandbox = await startSandbox({
    envFile: settings,
    scenario: 'empty',
    clock: { kind: 'manual', at: parseInstant('2025-08-04T13:00:00Z') },
  });
  control('cash', { account: PAPER, kind: 'deposit', amount: '50000' });
  await later('1h');
  trade('buy', '10', 'AAPL', '200');
  await later('1h');
  fill = trade('sell', '4', 'AAPL', '210');
  trade('buy', '3', 'KO', '70', { publish: 'never' });
  await later('1h');
  control('amend', { account: PAPER, fill, kind: 'correct', price: '212' });
  await later('1h');
  control('price', { symbol: 'AAPL', price: '230' });
  await later('1d');
}, 120_000);

afterAll(async () => {
  await sandbox.close();
  place.remove();
});

describe('positions', () => {
  it('as of a moment are the book of then with what is known today', async () => {
    expect(await positions('--as-of', '2025-08-04T14:59:59Z')).toEqual(['AAPL 10 open 0']);
    // The broker's list of that very moment had ten of it: four were sold in that moment.
    expect(await positions('--as-of', BOUGHT)).toEqual(['AAPL 6 open 48']);
    expect(await positions('--as-of', SOLD)).toEqual(['AAPL 6 open 48', 'KO 3 open null']);
    expect(await positions('--as-of', '2025-08-04')).toEqual(['AAPL 6 open 48', 'KO 3 open null']);
    expect(await positions()).toEqual(['AAPL 6 open 48', 'KO 3 open null']);
  });

  it('known at a moment are the book as it was shown', async () => {
    expect(await positions('--known-at', SOLD)).toEqual(['AAPL 6 open 40', 'KO 3 open null']);
    expect(await positions('--known-at', CORRECTED)).toEqual(['AAPL 6 open 48', 'KO 3 open null']);
    expect(await positions('--as-of', BOUGHT, '--known-at', SOLD)).toEqual(['AAPL 6 open 40']);
    expect(await positions('--known-at', BOUGHT)).toEqual(['AAPL 10 open 0']);
  });

  it('have the mark of then, no age, and are never fresh', async () => {
    const { rows } = await json('positions', '--as-of', SOLD);
    expect(rows[0]).toMatchObject({
      symbol: 'AAPL',
      brokerQuantity: '6',
      bookQuantity: '6',
      averageCost: '200',
      age: null,
      fresh: false,
      why: 'as_of',
      asOf: SOLD,
    });
    const [now] = (await json('positions')).rows;
    const [today] = (await json('positions', '--as-of', TUESDAY)).rows;
    for (const field of ['mark', 'marketValue', 'unrealizedPnl', 'averageCost'])
      expect(today![field], field).toBe(now![field]);
    expect(rows[0]!['mark']).not.toBe(now!['mark']);
    expect((await run('positions', '--as-of', SOLD)).stdout).not.toContain('fresh');
  });
});

describe('balances', () => {
  it('are what the broker had stated last', async () => {
    const cash = async (...args: string[]) =>
      (await json('balances', ...args)).rows.map((row) => `${row['cash']} at ${row['asOf']}`);
    expect(await cash('--as-of', '2025-08-04T15:30:00Z')).toEqual([`48000 at ${BOUGHT}`]);
    expect(await cash('--known-at', SOLD)).toEqual([`48630 at ${SOLD}`]);
    expect(await cash('--as-of', CORRECTED)).toEqual([`48638 at ${CORRECTED}`]);
    expect((await run('balances', '--as-of', SOLD)).stdout).toMatch(/AS OF\n/);
  });

  it('by day end with the last day that was over, as known then also with the one that was not', async () => {
    const days = async (...args: string[]) =>
      (await json('balances', '--daily', ...args)).rows.map((row) => `${row['date']} ${row['cash']}`);
    expect(await days()).toEqual(['2025-08-05 48638', '2025-08-04 48638']);
    expect(await days('--as-of', '2025-08-04')).toEqual(['2025-08-04 48638']);
    expect(await days('--as-of', SOLD)).toEqual([]);
    expect(await days('--known-at', TUESDAY)).toEqual(['2025-08-05 48638', '2025-08-04 48638']);
  });
});

describe('findings', () => {
  it('known at a moment are open, closed or not there yet', async () => {
    const known = async (at: string) =>
      (await json('findings', '--known-at', at)).rows.map((row) => `${row['symbol']} ${row['state']}`);
    expect(await known(BOUGHT)).toEqual([]);
    expect(await known(SOLD)).toEqual(['KO open']);
    const [now] = (await json('findings')).rows;
    expect((await json('findings', '--known-at', SOLD)).rows[0]).toMatchObject({ id: now!['id'] });
  });
});

describe('before the beginning', () => {
  it('there is nothing, and it is said why', async () => {
    for (const listing of ['positions', 'balances', 'lots', 'pnl']) {
      const known = await json(listing, '--known-at', '2025-08-01');
      expect(known.rows).toEqual([]);
      expect(known.stderr).toContain(
        `${PAPER}: nothing was known of it at 2025-08-02T03:59:59Z; it was read for the first time at ${MONDAY}.`,
      );
    }
    const early = await json('positions', '--as-of', '2025-08-01');
    expect(early.rows).toEqual([]);
    expect(early.stderr).toContain(
      'nothing had happened in it by 2025-08-02T03:59:59Z; its history begins on 2025-08-04.',
    );
  });

  it('and what is no time is refused', async () => {
    const refused = await run('positions', '--as-of', 'yesterday');
    expect(refused).toMatchObject({ code: 2, stdout: '' });
    expect(refused.stderr).toContain('--as-of yesterday is no time.');
  });
});
