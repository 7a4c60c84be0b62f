/** A living agent: its stream, its requests, its lease, its end. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { type StatusRecord, type TradeRecord } from '../../src/sync/records.ts';
import { eventually, Place, type Finished, type Running } from './command.ts';

const place = new Place();
const settings = place.path('sandbox.env');
let sandbox: Sandbox;
let agent: Running;

beforeAll(async () => {
  sandbox = await startSandbox({ envFile: settings });
  agent = place.start(['agent', '--no-api', '--config', settings]);
  await eventually(() => (agent.stdout().includes('last_sync_time=') ? true : null));
});
afterAll(async () => {
  await sandbox.close();
  place.remove();
});

async function run(...args: string[]): Promise<Finished> {
  return place.run([...args, '--config', settings]);
}

async function json<Answer>(...args: string[]): Promise<Answer> {
  return JSON.parse((await run(...args, '--json')).stdout) as Answer;
}

describe('a living agent', () => {
  it('is shown by status, with its next run', async () => {
    const status = await json<StatusRecord>('status');
    expect(status.agent).toMatchObject({ running: true, pid: agent.child.pid });
    expect(status.agent.syncCount).toBeGreaterThanOrEqual(2);
    for (const account of status.accounts) {
      expect(account).toMatchObject({ fresh: true, why: null, auth: 'ok' });
      expect(account.nextRun).toMatch(/Z$/);
    }
    expect((await run('status')).stdout).toContain(`agent: running as process ${agent.child.pid} since `);
  });

  it('hears of a trade by its stream and books it within seconds', async () => {
    const answer = sandbox.control('POST', '/control/trade', {
      account: 'alpaca-paper',
      symbol: 'AAPL',
      side: 'buy',
      quantity: '7',
      price: '201.5',
      clientRef: 'auto-7',
    });
    const id = (answer.body as { created: { id: string }[] }).created[0]!.id;
    const trade = await eventually(async () => {
      const rows = await json<TradeRecord[]>('trades', '--account', 'alpaca-paper', '--limit', '5');
      return rows.find((row) => row.id === id) ?? null;
    });
    expect(trade).toMatchObject({
      symbol: 'AAPL',
      side: 'buy',
      quantity: '7',
      price: '201.5',
      manual: false,
    });
  });

  it('runs a sync that somebody else asks for', async () => {
    const { code, stdout, stderr } = await run('sync', '--account', 'alpaca-live', '--verbose');
    expect(code).toBe(0);
    expect(stdout).toContain('✓ alpaca-live: synced');
    expect(stderr).toMatch(/run \d+ by the agent/);
    expect(stderr).not.toContain('request: ');
  });

  it('keeps a second agent away, which names it', async () => {
    const { code, stdout, stderr } = await run('agent');
    expect(code).toBe(1);
    const held = `is already looked after by the agent with process id ${agent.child.pid}`;
    expect(stdout).toContain(held);
    expect(stderr).toContain(`error: `);
    expect(stderr).toContain(held);
    expect((await run('agent', '--once')).code).toBe(1);
  });

  it('keeps its account from being reset under it', async () => {
    const { code, stderr } = await run('accounts', 'new-epoch', 'alpaca-live');
    expect(code).toBe(1);
    expect(stderr).toContain(`process id ${agent.child.pid}`);
  });

  it('stops on a signal within 10 s with its statistics and code 0', async () => {
    const askedAt = performance.now();
    agent.child.kill('SIGINT');
    const { code, stdout } = await agent.done;
    expect(performance.now() - askedAt).toBeLessThan(10_000);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /Agent Statistics:\n.+ {3}Total sync cycles: \d+\n.+ {3}Total errors: 0\n.+ {3}Last successful sync: 2.+\n.+={60}\n$/,
    );
    expect((await json<StatusRecord>('status')).agent.running).toBe(false);
  });
});

describe('stopping in the middle of a read that hangs', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)('takes at most 10 s after %s', async (signal) => {
    sandbox.control('POST', '/control/fault', { broker: 'alpaca', kind: 'timeout', resource: 'account' });
    try {
      const hanging = place.start(['agent', '--config', settings]);
      await eventually(() => (hanging.stdout().includes('Starting sync cycle') ? true : null));
      const askedAt = performance.now();
      hanging.child.kill(signal);
      const { code } = await hanging.done;
      expect(performance.now() - askedAt).toBeLessThan(10_000);
      expect(code).toBe(0);
    } finally {
      sandbox.control('DELETE', '/control/fault');
    }
  });

  it('ends at once on the second signal', async () => {
    sandbox.control('POST', '/control/fault', { broker: 'alpaca', kind: 'timeout', resource: 'account' });
    try {
      const hanging = place.start(['agent', '--config', settings]);
      await eventually(() => (hanging.stdout().includes('Starting sync cycle') ? true : null));
      hanging.child.kill('SIGINT');
      await eventually(() => (hanging.stdout().includes('Stopping') ? true : null));
      const askedAt = performance.now();
      hanging.child.kill('SIGINT');
      const { code } = await hanging.done;
      expect(performance.now() - askedAt).toBeLessThan(2_000);
      expect(code).toBe(1);
    } finally {
      sandbox.control('DELETE', '/control/fault');
    }
  });
});

describe('LOG_FORMAT=json', () => {
  it('makes every line one JSON object, on the console and in the file', async () => {
    const log = place.path('agent.jsonl');
    const env = { LOG_FORMAT: 'json', LOG_FILE: log };
    const { code, stdout } = await place.run(['agent', '--once', '--config', settings], { env });
    expect(code).toBe(0);
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { msg: string });
    expect(lines[0]).toMatchObject({ name: 'BackgroundSyncAgent', level: 'INFO' });
    expect(lines[0]!.msg).toMatch(/^Truebook agent started: 2 accounts/);
    expect(readFileSync(log, 'utf8')).toBe(stdout);
  });
});
