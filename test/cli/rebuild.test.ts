/** `truebook rebuild`, as it is typed: what it says of a right book, of a damaged one, and beside a living agent. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { sqliteSql } from '../store/databases.ts';
import { eventually, Place, type Finished } from './command.ts';

const place = new Place();
const settings = place.path('sandbox.env');
const DATABASE_URL = `sqlite:${place.path('book.db')}`;
let sandbox: Sandbox;

const run = (...args: string[]): Promise<Finished> =>
  place.run([...args, '--config', settings], { env: { DATABASE_URL } });

interface Report {
  readonly account: string;
  readonly same: boolean;
  readonly pending: number;
  readonly tables: readonly {
    readonly table: string;
    readonly state: string;
    readonly rows: number;
    readonly hash: string;
    readonly derivedHash: string;
    readonly differing: number;
    readonly examples: readonly { readonly key: string }[];
  }[];
}

async function verified(): Promise<{ code: number | null; reports: readonly Report[] }> {
  const { code, stdout } = await run('rebuild', '--verify', '--json');
  return { code, reports: JSON.parse(stdout) as Report[] };
}

beforeAll(async () => {
  sandbox = await startSandbox({ envFile: settings });
  expect((await run('sync')).code).toBe(0);
});

afterAll(async () => {
  await sandbox.close();
  place.remove();
});

it('says of every table how many rows it has, their hash, and that they are right', async () => {
  const { code, stdout, stderr } = await run('rebuild', '--verify', '--account', 'alpaca-paper');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const lines = stdout.trimEnd().split('\n');
  expect(lines[0]).toBe('alpaca-paper');
  expect(lines.slice(1, -1)).toHaveLength(6);
  for (const line of lines.slice(1, -1)) expect(line).toMatch(/^ {2}\w+ +\d+ rows? +[0-9a-f]{16} {2}same$/);
  expect(lines.at(-1)).toBe('  Every row is the one that ledger and evidence give.');
});

it('shows what differs, ends with 3, and mends it', async () => {
  const before = await verified();
  expect(before.code).toBe(0);
  expect(before.reports.map(({ account, same }) => `${account} ${same}`)).toEqual([
    'alpaca-live true',
    'alpaca-paper true',
  ]);
  await sqliteSql(
    DATABASE_URL,
    "UPDATE position SET average_cost = '1.23' WHERE instrument = 'equity:AAPL:USD' AND state = 'open' AND account_id = 2",
  );
  await sqliteSql(DATABASE_URL, 'DELETE FROM lot WHERE account_id = 2');
  const { code, stdout } = await run('rebuild', '--verify');
  expect(code).toBe(3);
  expect(stdout).toMatch(
    /position +\d+ rows +[0-9a-f]{16} {2}differs\n +\d+ rows +[0-9a-f]{16} {2}from ledger/,
  );
  expect(stdout).toMatch(/average_cost: 1\.23, should be 20\d\.\d+/);
  expect(stdout).toMatch(/is missing\n/);
  expect(stdout).toMatch(/and \d+ more\n/);
  expect(stdout).toMatch(/\d+ rows differ: `truebook rebuild` writes them anew\./);
  const damaged = await verified();
  expect(damaged.code).toBe(3);
  expect(damaged.reports.map((one) => one.same)).toEqual([true, false]);
  const lot = damaged.reports[1]!.tables.find(({ table }) => table === 'lot')!;
  expect(lot).toMatchObject({ state: 'differs', rows: 0 });
  expect(lot.hash).not.toBe(lot.derivedHash);
  expect(lot.examples).toHaveLength(3);
  const mended = await run('rebuild');
  expect(mended.code).toBe(0);
  expect(mended.stdout).toMatch(/\d+ rows were written anew\./);
  expect(await verified()).toEqual(before);
  expect((await run('rebuild')).stdout).toContain('Every row was right: nothing was written.');
});

it('compares beside a living agent and writes only without one', async () => {
  const agent = place.start(['agent', '--no-api', '--config', settings], { env: { DATABASE_URL } });
  await eventually(() => (agent.stdout().includes('last_sync_time=') ? true : null));
  expect((await verified()).code).toBe(0);
  const refused = await run('rebuild');
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain(`is held by the agent with process id ${agent.child.pid}`);
  expect(refused.stderr).toContain('Stop that process and run this command again.');
  agent.child.kill('SIGTERM');
  await agent.done;
  expect((await run('rebuild')).code).toBe(0);
});

it('refuses an account that does not exist', async () => {
  expect(await run('rebuild', '--account', 'nobody')).toMatchObject({ code: 2 });
});
