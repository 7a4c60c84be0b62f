/** `truebook sync` as cron jobs and people use it: parts, dry runs, checks and their exit codes (seeds/004). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { type SyncDifference } from '../../src/sync/difference.ts';
import { type SyncCheck, type SyncResult } from '../../src/sync/syncResult.ts';
import { Place, type Finished } from './command.ts';

const place = new Place();
const settings = place.path('sandbox.env');
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox({ envFile: settings });
});
afterAll(async () => {
  await sandbox.close();
  place.remove();
});

const run = (...args: string[]): Promise<Finished> => place.run([...args, '--config', settings]);

async function json<Answer>(code: number, ...args: string[]): Promise<Answer> {
  const finished = await run(...args, '--json');
  expect(finished).toMatchObject({ code, stderr: '' });
  return JSON.parse(finished.stdout) as Answer;
}

function control(path: string, body: object): void {
  const answer = sandbox.control('POST', `/control/${path}`, body);
  expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 200 });
}

describe('sync', () => {
  it('checks, foretells, does, and then agrees', async () => {
    const [check] = await json<SyncCheck[]>(3, 'sync', '--env', 'paper', '--check-only');
    expect(check).toMatchObject({
      account: 'alpaca-paper',
      ok: true,
      needed: true,
      reasons: ['no_local_bankroll', 'quantity_difference', 'unknown_fill'],
    });
    expect((await run('positions', '--account', 'alpaca-paper')).stdout).toBe('No positions.\n');

    const [foretold] = await json<(SyncResult & { dryRun: boolean })[]>(
      0,
      'sync',
      '--env',
      'paper',
      '--dry-run',
    );
    const [made] = await json<SyncResult[]>(0, 'sync', '--env', 'paper', '--sync-type', 'all');
    expect(foretold!.dryRun).toBe(true);
    expect(made).toMatchObject({
      ok: true,
      bankroll: true,
      positions: true,
      transactions: true,
      created: foretold!.created,
    });
    // The market moves with the wall clock: its figures are of another second, everything else is the same.
    expect(figureless(made!.difference!)).toEqual(figureless(foretold!.difference!));

    expect(await json<SyncCheck[]>(0, 'sync', '--env', 'paper', '--check-only')).toMatchObject([
      { needed: false, reasons: [] },
    ]);
  });

  it.each([
    ['bankroll', { bankroll: true, positions: null, transactions: null }],
    ['positions', { bankroll: null, positions: true, transactions: null }],
    ['transactions', { bankroll: null, positions: null, transactions: true }],
  ])('--sync-type %s reports its part only', async (type, parts) => {
    const [result] = await json<SyncResult[]>(0, 'sync', '--env', 'paper', '--sync-type', type);
    expect(result).toMatchObject({ ok: true, ...parts });
    const { difference } = result!;
    expect(difference!.bankroll === null).toBe(parts.bankroll === null);
    expect(difference!.positions === null).toBe(parts.positions === null);
    expect(difference!.transactions === null).toBe(parts.transactions === null);
  });

  it('says in the words of the document what it found, and the requests with --verbose', async () => {
    control('trade', {
      account: 'alpaca-paper',
      symbol: 'TSLA',
      side: 'buy',
      quantity: '1',
      price: '330',
    });
    control('cash', { account: 'alpaca-paper', kind: 'deposit', amount: '5000' });
    const check = await run('sync', '--env', 'paper', '--check-only');
    expect(check.code).toBe(3);
    expect(check.stdout).toMatch(
      /^! alpaca-paper: sync needed: .*quantities differ; trades that the book does not have\n$/,
    );
    const done = await run('sync', '--env', 'paper', '--verbose');
    expect(done.code).toBe(0);
    expect(done.stderr).toMatch(/^request: GET 127\.0\.0\.1:\d+\/v2\/account$/m);
    expect(done.stdout).toMatch(
      /^\[ALPACA-SYNC\] Alpaca account - Equity: \$[\d,]+\.\d\d, Cash: \$[\d,]+\.\d\d$/m,
    );
    expect(done.stdout).toMatch(
      /^\[ALPACA-SYNC\] Balance comparison - Local: \$[\d,.]+, Alpaca: \$[\d,.]+$/m,
    );
    expect(done.stdout).toMatch(
      /^\[ALPACA-SYNC\] Bankroll synchronized - Updated from \$[\d,.]+ to \$[\d,.]+$/m,
    );
    expect(done.stdout).toMatch(/^\[ALPACA-SYNC\] Quantity mismatch: TSLA \(local: -12, Alpaca: -11\)$/m);
    expect(done.stdout).toMatch(/^\[ALPACA-SYNC\] Imported 1 missing trade$/m);
    expect(done.stdout).toMatch(/^✓ alpaca-paper: synced, /m);
    const [newest] = await json<Record<string, unknown>[]>(
      0,
      'bankroll',
      '--account',
      'alpaca-paper',
      '--limit',
      '1',
    );
    expect(newest).toMatchObject({ event: 'sync_adjustment', env: 'paper', source: 'alpaca' });
    expect(newest!['causes']).toEqual(['manual_trade', 'deposit', 'tolerance_exceeded']);
    const csv = await run('bankroll', '--csv', '--account', 'alpaca-paper');
    expect(csv.stdout.split('\n')[0]).toBe(
      'account,env,event,before,after,amount,currency,cause,causes,source,at,tradeDate,firstSeenAt',
    );
  });

  it('says what a run would do although no sync is needed', async () => {
    expect((await run('sync', '--env', 'live')).code).toBe(0);
    control('cash', { account: 'alpaca-live', kind: 'deposit', amount: '10' });
    const check = await run('sync', '--env', 'live', '--check-only');
    expect(check).toMatchObject({
      code: 0,
      stdout: '✓ alpaca-live: no sync needed; a run would import 1 activity and set the bankroll\n',
    });
  });

  it('ends with 1 where the broker cannot be asked, and with 4 where the keys are refused', async () => {
    control('fault', {
      broker: 'alpaca',
      account: 'alpaca-paper',
      resource: 'account',
      kind: 'html',
      times: 1,
    });
    const failed = await run('sync', '--env', 'paper', '--check-only');
    expect(failed.code).toBe(1);
    expect(failed.stdout).toBe('✗ alpaca-paper: could not be checked; the book is as it was\n');
    control('fault', {
      broker: 'alpaca',
      account: 'alpaca-paper',
      resource: 'auth',
      kind: 'session-expired',
      times: 1,
    });
    expect((await run('sync', '--env', 'paper', '--dry-run')).code).toBe(4);
  });

  it('refuses what cannot be meant', async () => {
    expect(await run('sync', '--sync-type', 'everything')).toMatchObject({ code: 2, stdout: '' });
    expect(await run('sync', '--check-only', '--dry-run')).toMatchObject({ code: 2, stdout: '' });
    expect(await run('sync', '--env', 'production')).toMatchObject({ code: 2, stdout: '' });
  });
});

function figureless(difference: SyncDifference): object {
  return { ...difference, bankroll: null };
}
