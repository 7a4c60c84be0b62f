/** One agent run against a real sandbox, then every command that reads the book: shapes, formats, exit codes. */
import { readFileSync, statSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { type StatusRecord } from '../../src/sync/records.ts';
import { Place, type Finished } from './command.ts';

const place = new Place();
const settings = place.path('sandbox.env');
let sandbox: Sandbox;
let agent: Finished;

beforeAll(async () => {
  sandbox = await startSandbox({ envFile: settings });
  // A trade the broker never publishes: positions that activities do not explain, and so a finding.
  sandbox.control('POST', '/control/trade', {
    account: 'alpaca-paper',
    symbol: 'AAPL',
    side: 'buy',
    quantity: '3',
    price: '200',
    publish: 'never',
  });
  await run('agent', '--once');
  sandbox.control('POST', '/control/trade', {
    account: 'alpaca-live',
    symbol: 'KO',
    side: 'buy',
    quantity: '2',
    price: '70',
    publish: 'never',
  });
  agent = await run('agent', '--once');
});

afterAll(async () => {
  await sandbox.close();
  place.remove();
});

async function run(...args: string[]): Promise<Finished> {
  return place.run([...args, '--config', settings]);
}

/** A record of a listing, of whichever one. */
type Row = Readonly<Record<string, string | number | boolean | null>>;

async function json<Answer = Row[]>(...args: string[]): Promise<Answer> {
  const { code, stdout, stderr } = await run(...args, '--json');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout) as Answer;
}

function truth(account: string): { positions: Row[]; fills: Row[] } {
  return sandbox.control('GET', `/control/truth?account=${account}`).body as never;
}

const KEYS = {
  positions: `account accountId symbol instrument kind quantity brokerQuantity bookQuantity explained averageCost
    multiplier mark markAsOf marketValue unrealizedPnl unrealizedPnlPct realizedPnl realizedBasis state openedAt
    closedAt greeks option asOf fetchedAt age fresh why source`,
  trades: `account id rev status symbol instrument side quantity price fees feesCurrency amount currency executedAt
    tradeDate orderId manual realizedPnl firstSeenAt source`,
  balances: `account currency equity cash buyingPower longMarketValue shortMarketValue asOf fetchedAt age fresh why`,
  findings: `id account type cause confidence state symbol expected observed firstSeenAt lastSeenAt evidence`,
  activity: `account id rootId rev status kind brokerType symbol instrument quantity price amount currency fees
    executedAt tradeDate groupId description firstSeenAt source`,
  accounts: `account accountId broker env epoch currency pinned type createdAt`,
  status: `accounts agent position_sync`,
  statusAccount: `account accountId broker env auth lastSuccess lastAttempt lastError nextRun age fresh why
    openFindings position_sync`,
  agent: `running pid startedAt syncCount errorCount lastCycleMs`,
  positionSync: `enabled sync_interval stats`,
  stats: `total_syncs successful_syncs failed_syncs positions_created positions_updated positions_closed
    last_sync_time`,
};

function expectKeys(record: object, keys: keyof typeof KEYS): void {
  expect(Object.keys(record).sort()).toEqual(KEYS[keys].split(/\s+/).sort());
}

const LISTINGS = ['positions', 'trades', 'balances', 'findings', 'activity', 'accounts'] as const;

describe('agent --once', () => {
  it('ends with 0 and tells its run as the user knows it', () => {
    expect(agent).toMatchObject({ code: 0, stderr: '' });
    const line = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d - BackgroundSyncAgent - (DEBUG|INFO|WARNING|ERROR) - .+$/;
    const lines = agent.stdout.trimEnd().split('\n');
    for (const one of lines) expect(one).toMatch(line);
    const told = lines.map((one) => one.split(' - ').slice(2).join(' - '));
    const wanted = [
      /^INFO - Truebook agent started: 2 accounts, database sqlite:.+, interval 300s$/,
      /^INFO - Starting sync cycle #1$/,
      /^INFO - Syncing positions\.\.\.$/,
      /^INFO - ✓ Synced \d+ stock positions$/,
      /^INFO - ✓ Synced \d+ option positions$/,
      /^INFO - ✓ Buying Power: \$[\d,]+\.\d\d$/,
      /^INFO - ✓ Portfolio Value: \$[\d,]+\.\d\d$/,
      /^INFO - ✓ Portfolio balance recorded$/,
      /^INFO - ✓ Sync cycle #1 completed successfully$/,
      /^INFO - Cycle duration: \d+\.\d\ds$/,
      /^INFO - last_sync_time=\d{4}-\d\d-\d\dT[\d:.]+Z$/,
      /^INFO - ={60}$/,
      /^INFO - Agent Statistics:$/,
      /^INFO -   Total sync cycles: 1$/,
      /^INFO -   Total errors: 0$/,
      /^INFO -   Last successful sync: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/,
    ];
    let at = 0;
    for (const pattern of wanted) {
      const found = told.slice(at).findIndex((one) => pattern.test(one));
      expect(found, `${pattern} after line ${at}`).toBeGreaterThanOrEqual(0);
      at += found + 1;
    }
  });

  it('writes the same lines into the log file, which nobody else may read', () => {
    const file = place.path('sandbox.env-home', 'background_sync.log');
    const log = readFileSync(file, 'utf8');
    expect(log.endsWith(agent.stdout)).toBe(true);
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it('answers the results with --json and keeps the log on stderr', async () => {
    const { code, stdout, stderr } = await run('agent', '--once', '--json', '--interval', '60');
    expect(code).toBe(0);
    const summary = JSON.parse(stdout) as { accounts: Row[] };
    expect(summary).toMatchObject({ cycles: 1, errors: 0 });
    expect(summary.accounts.map((one) => [one.account, one.ok])).toEqual([
      ['alpaca-live', true],
      ['alpaca-paper', true],
    ]);
    expect(stderr).toContain('BackgroundSyncAgent - WARNING - Interval of 60s');
  });
});

describe('--json', () => {
  it.each(LISTINGS)('%s are an array of exactly the promised fields', async (listing) => {
    const rows = await json(listing);
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) expectKeys(row, listing);
  });

  it('status is the status document', async () => {
    const status = await json<StatusRecord>('status');
    expectKeys(status, 'status');
    expectKeys(status.agent, 'agent');
    expect(status.accounts.map((one) => one.account)).toEqual(['alpaca-live', 'alpaca-paper']);
    for (const account of status.accounts) {
      expectKeys(account, 'statusAccount');
      expectKeys(account.position_sync, 'positionSync');
      expectKeys(account.position_sync.stats, 'stats');
    }
    expectKeys(status.position_sync, 'positionSync');
    expect(status.agent.running).toBe(false);
  });

  it('has decimals as text, ages as numbers, instants in UTC, null where nothing is known', async () => {
    for (const row of await json('positions')) {
      expect(row.quantity).toMatch(/^-?\d+(\.\d*[1-9])?$/);
      expect(Number.isInteger(row.age)).toBe(true);
      expect(row.asOf).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d*[1-9])?Z$/);
      expect(row.why === null).toBe(row.fresh);
      expect(Object.values(row)).not.toContain('');
    }
  });

  it('shows the quantities the broker has', async () => {
    const rows = await json('positions');
    for (const account of ['alpaca-paper', 'alpaca-live']) {
      const shown = rows.filter((row) => row.account === account);
      const wanted = truth(account).positions;
      expect(wanted.length).toBeGreaterThan(3);
      expect(Object.fromEntries(shown.map((row) => [row.symbol, row.brokerQuantity]))).toEqual(
        Object.fromEntries(wanted.map((row) => [row.symbol, row.quantity])),
      );
    }
  });

  it('shows the fills the broker has published', async () => {
    const ids = (await json('trades', '--account', 'alpaca-paper')).map((row) => row.id);
    const fills = truth('alpaca-paper').fills.map((row) => row.id);
    expect(ids.sort()).toEqual(fills.sort());
  });
});

describe('narrowing', () => {
  it('takes an account by name and by id', async () => {
    const byName = await json('positions', '--account', 'alpaca-paper');
    const id = String(byName[0]!['accountId']);
    const byId = await json('positions', '--account', id);
    expect(byId.map((row) => row.instrument)).toEqual(byName.map((row) => row.instrument));
    expect(new Set(byId.map((row) => row.account))).toEqual(new Set(['alpaca-paper']));
  });

  it.each([...LISTINGS.filter((one) => one !== 'accounts'), 'status', 'sync'])(
    '%s of an unknown account ends with 2 and names those there are',
    async (command) => {
      const { code, stdout, stderr } = await run(command, '--account', 'nobody');
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toContain('error: There is no account "nobody".');
      expect(stderr).toContain('alpaca-paper (');
    },
  );

  it('limits trades and activity, newest first', async () => {
    const all = await json('trades');
    const two = await json('trades', '--limit', '2');
    expect(two.map((row) => row.id)).toEqual(all.slice(0, 2).map((row) => row.id));
    expect(await json('activity', '--limit', '3')).toHaveLength(3);
  });

  it('shows closed positions only when asked', async () => {
    const states = async (...args: string[]): Promise<Set<unknown>> =>
      new Set((await json('positions', ...args)).map((row) => row.state));
    expect(await states()).toEqual(new Set(['open']));
    expect(await states('--closed')).toEqual(new Set(['closed']));
    expect(await states('--all')).toEqual(new Set(['open', 'closed']));
    const closes = await json('trades', '--closed');
    expect(closes.length).toBeGreaterThan(0);
    expect(closes[0]).toMatchObject({ realizedBasis: 'exact', realizedPnl: expect.stringMatching(/^-?\d/) });
  });

  it('findings tell what broker and book say', async () => {
    const rows = await json('findings', '--account', 'alpaca-live');
    expect(rows).toContainEqual(expect.objectContaining({ symbol: 'KO', state: 'open' }));
    expect((await json('findings', '--all')).length).toBeGreaterThanOrEqual(rows.length);
  });
});

describe('for people and spreadsheets', () => {
  it.each(LISTINGS)('%s as a table', async (listing) => {
    const { code, stdout, stderr } = await run(listing);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const [header = '', first = ''] = stdout.split('\n');
    expect(header).toMatch(/^ *[A-Z]+( |$)/);
    expect(first).not.toBe('');
  });

  it.each(LISTINGS)('%s as CSV with the same fields', async (listing) => {
    const { code, stdout } = await run(listing, '--csv');
    expect(code).toBe(0);
    const header = stdout.split('\n')[0]!.split(',');
    const fields = [...new Set(header.map((name) => name.split('.')[0]!))];
    expect(fields.sort()).toEqual(KEYS[listing].split(/\s+/).sort());
  });

  it('says at the end of positions how far to trust them', async () => {
    const { stdout } = await run('positions');
    expect(stdout).toMatch(/^alpaca-live: NOT fresh, .+ old \(unreconciled: .+\)$/m);
  });

  it('status names every account and the agent', async () => {
    const { stdout } = await run('status');
    expect(stdout).toContain('alpaca-live');
    expect(stdout).toContain('agent: not running');
  });
});

describe('sync', () => {
  it('answers the promised fields per account', async () => {
    const rows = await json('sync', '--env', 'paper');
    expect(rows.map((row) => Object.keys(row))).toEqual([
      [
        'account',
        'ok',
        'created',
        'updated',
        'closed',
        'missing',
        'findings',
        'durationMs',
        'bankroll',
        'positions',
        'transactions',
        'difference',
        'error',
      ],
    ]);
    expect(rows[0]).toMatchObject({ account: 'alpaca-paper', ok: true });
  });

  it('says in a sentence what it did, and with --verbose which requests it made', async () => {
    const { code, stdout, stderr } = await run(
      'sync',
      '--account',
      'alpaca-live',
      '--after-trade',
      '--verbose',
    );
    expect(code).toBe(0);
    expect(stdout.split('\n').at(-2)).toMatch(/^✓ alpaca-live: synced, \d+ created, .+ \(\d+ ms\)$/);
    expect(stderr).toMatch(/^request: GET 127\.0\.0\.1:\d+\/v2\/account$/m);
  });

  it('goes on to its end when nobody reads what it says', async () => {
    const before = await json<StatusRecord>('status');
    const running = place.start(['sync', '--verbose', '--config', settings]);
    running.child.stdout?.destroy();
    running.child.stderr?.destroy();
    expect((await running.done).code).toBe(0);
    const after = await json<StatusRecord>('status');
    for (const [at, account] of after.accounts.entries()) {
      expect(account.lastSuccess).not.toBe(before.accounts[at]?.lastSuccess);
    }
  });

  it('ends with 1 and leaves the book alone when the broker fails', async () => {
    const before = await json('positions', '--account', 'alpaca-paper');
    sandbox.control('POST', '/control/fault', { broker: 'alpaca', kind: 'truncate', resource: 'positions' });
    const failed = await run('sync', '--env', 'paper', '--json');
    const once = await run('agent', '--once');
    sandbox.control('DELETE', '/control/fault');
    expect(failed.code).toBe(1);
    expect(JSON.parse(failed.stdout)[0]).toMatchObject({ account: 'alpaca-paper', ok: false, closed: 0 });
    expect(failed.stderr).toContain('alpaca-paper: broker_bad_answer');
    expect(once.code).toBe(1);
    const after = await json('positions', '--account', 'alpaca-paper');
    expect(after.map((row) => row.quantity)).toEqual(before.map((row) => row.quantity));
    expect(after[0]!.fresh).toBe(false);
  });
});

describe('accounts new-epoch', () => {
  it('is refused while the broker answers for the account of the book', async () => {
    const { code, stderr } = await run('accounts', 'new-epoch', 'alpaca-live');
    expect(code).toBe(2);
    expect(stderr).toContain('--force');
    expect(await json('accounts', 'list')).toContainEqual(
      expect.objectContaining({ account: 'alpaca-live', epoch: 1 }),
    );
  });

  it('starts afresh after a reset and keeps the account', async () => {
    sandbox.control('POST', '/control/account', { account: 'alpaca-live', action: 'reset' });
    const { code, stdout } = await run('accounts', 'new-epoch', 'alpaca-live', '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ account: 'alpaca-live', epoch: 2, pinned: false });
    expect(await json('accounts', 'list')).toContainEqual(
      expect.objectContaining({ account: 'alpaca-live', epoch: 2 }),
    );
  });
});
