/** `truebook verify` as a person runs it: over a book that is whole, changed, cut off or rewritten. */
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { openStore } from '../../src/store/open.ts';
import { sqliteSql, stillClock } from '../store/databases.ts';
import { fill, commitOf, ready } from '../store/samples.ts';
import { Place, type Finished } from './command.ts';

const KEY = Buffer.alloc(32, 3).toString('base64');
const places: Place[] = [];
let place: Place;
let url = '';

beforeEach(async () => {
  place = new Place();
  places.push(place);
  url = `sqlite:${place.path('book.db')}`;
  const store = await openStore({ url, clock: stillClock() });
  const { lease } = await ready(store);
  await store.commitRun(commitOf(lease, { revisions: ['FILL:1', 'FILL:2', 'FILL:3'].map((id) => fill(id)) }));
  await store.close();
});
afterAll(() => places.forEach((one) => one.remove()));

const run = (
  args: readonly string[],
  env: Record<string, string> = { TRUEBOOK_SECRET_KEY: KEY },
): Promise<Finished> =>
  place.run(['verify', ...args], { env: { DATABASE_URL: url, TRUEBOOK_HOME: place.path('home'), ...env } });

const tamper = (change: string): Promise<unknown> =>
  sqliteSql(url, `DROP TRIGGER activity_no_update; DROP TRIGGER activity_no_delete; ${change}`);

interface Answer {
  readonly ok: boolean;
  readonly chains: readonly Record<string, unknown>[];
  readonly evidence: readonly Record<string, unknown>[];
  readonly against: readonly Record<string, unknown>[];
  readonly written: readonly Record<string, unknown>[];
}
const json = ({ stdout }: Finished): Answer => JSON.parse(stdout) as Answer;

describe('verify', () => {
  it('says for every chain how long it is, where it ends and that it fits', async () => {
    const finished = await run([]);
    expect(finished).toMatchObject({ code: 0, stderr: '' });
    expect(finished.stdout).toMatch(/^CHAIN +ROWS +HEAD +STATE +SIGNED$/m);
    expect(finished.stdout).toMatch(/^account:alpaca-paper +3 +[0-9a-f]{16} +ok +not signed$/m);
    expect(finished.stdout).toMatch(/^audit +1 +[0-9a-f]{16} +ok +not signed$/m);
    expect(finished.stdout).toMatch(/^sync_run +1 +ok$/m);
    expect(finished.stdout.trimEnd().split('\n').slice(-2)).toEqual([
      'No chain is signed: `truebook verify --sign` does it with the key of the sealed secrets.',
      'Everything fits.',
    ]);
    const answer = json(await run(['--json']));
    expect(answer).toMatchObject({ ok: true, against: [], written: [] });
    expect(answer.chains[0]).toMatchObject({
      chain: 'account:alpaca-paper',
      rows: 3,
      seq: 3,
      ok: true,
      signed: null,
    });
    expect(answer.chains[0]?.['head']).toMatch(/^[0-9a-f]{64}$/);
  });

  it('ends with 3 and the place of a changed row, and signs nothing then', async () => {
    await tamper("UPDATE activity SET price = '151.25' WHERE seq = 2");
    const finished = await run(['--sign']);
    expect(finished.code).toBe(3);
    expect(finished.stdout).toContain(
      'broken at seq 2 (activity, FILL:2 rev 0, the content does not fit its hash)',
    );
    expect(finished.stdout.trimEnd().split('\n').at(-1)).toBe('Something was changed: see the rows above.');
    expect(json(await run(['--json']))).toMatchObject({
      ok: false,
      chains: [
        { ok: false, rows: 1, broken: { seq: 2, table: 'activity', id: 'FILL:2 rev 0' } },
        { ok: true },
      ],
    });
    expect(await sqliteSql(url, 'SELECT chain FROM chain_head WHERE signature IS NOT NULL')).toEqual([]);
  });

  it('signs, and finds the tail cut off that a chain alone cannot miss', async () => {
    const signed = await run(['--sign']);
    expect([signed.code, signed.stdout]).toEqual([
      0,
      expect.stringContaining('The heads of 2 chains are signed.'),
    ]);
    expect(json(await run(['--json'])).chains).toMatchObject([
      { signed: { state: 'good', seq: 3 } },
      { signed: { state: 'good', seq: 1 } },
    ]);
    const keyless = await run([], {});
    expect([keyless.code, keyless.stdout]).toEqual([
      0,
      expect.stringContaining('not checked: there is no key here'),
    ]);
    await tamper(
      'DELETE FROM activity WHERE seq = 3; UPDATE chain_head SET seq = 2, hash = (SELECT hash FROM activity WHERE seq = 2) WHERE account_id = 1',
    );
    const cut = await run([]);
    expect([cut.code, cut.stdout]).toEqual([3, expect.stringContaining('at seq 3: GONE')]);
  });

  it('signs anew where the key was changed, and says so until then', async () => {
    await run(['--sign']);
    const env = { TRUEBOOK_SECRET_KEY: Buffer.alloc(32, 4).toString('base64') };
    const other = await run([], env);
    expect([other.code, other.stdout]).toEqual([3, expect.stringContaining('SIGNED WITH ANOTHER KEY')]);
    expect((await run(['--sign'], env)).code).toBe(0);
    expect(json(await run(['--json'], env)).chains[0]).toMatchObject({ signed: { state: 'good' } });
  });

  it('exports heads that show a rewritten book even when nothing in it is signed any more', async () => {
    const file = place.path('heads.jsonl');
    expect((await run(['--export', file])).code).toBe(0);
    expect((await run(['--export', file])).code).toBe(0);
    const lines = readFileSync(file, 'utf8').trimEnd().split('\n');
    expect(lines).toHaveLength(4);
    expect(JSON.parse(lines[0]!)).toMatchObject({ format: 'truebook-chain-head/1', seq: 3 });
    if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);
    const same = json(await run(['--against', file, '--json']));
    expect(same.against.map(({ state, line }) => `${String(line)} ${String(state)}`)).toEqual([
      '1 good',
      '2 good',
      '3 good',
      '4 good',
    ]);

    // Another history under the same name, whole by itself.
    url = `sqlite:${place.path('other.db')}`;
    const store = await openStore({ url, clock: stillClock() });
    const { lease } = await ready(store);
    const revisions = ['FILL:1', 'FILL:2', 'FILL:3'].map((id) => fill(id, { description: 'another' }));
    await store.commitRun(commitOf(lease, { revisions }));
    await store.close();
    expect((await run([])).code).toBe(0);
    const found = await run(['--against', file]);
    expect(found.code).toBe(3);
    expect(found.stdout).toContain(`${file}:1: account:alpaca-paper, `);
    expect(found.stdout).toContain('at seq 3: REWRITTEN at or before this row since then');
    expect((await run(['--against', file, '--export', place.path('more.jsonl')])).code).toBe(3);
    expect(existsSync(place.path('more.jsonl'))).toBe(false);
  });

  it('without a key writes down without a signature, and says so', async () => {
    const file = place.path('heads.jsonl');
    const finished = await run(['--export', file], {});
    expect([finished.code, finished.stdout]).toEqual([
      0,
      expect.stringContaining('written down without a signature: there is no key here'),
    ]);
    expect((await run(['--against', file], {})).stdout).toContain('good, but not signed');
    const signing = await run(['--sign'], {});
    expect([signing.code, signing.stderr]).toEqual([
      2,
      expect.stringContaining('There is no key to sign with'),
    ]);
    expect(existsSync(place.path('home', 'master.key'))).toBe(false);
  });

  it('refuses files it cannot understand, with the line', async () => {
    const file = place.path('heads.jsonl');
    await run(['--export', file]);
    writeFileSync(file, `${readFileSync(file, 'utf8')}{"format":"truebook-chain-head/1","chain":7}\n`);
    const finished = await run(['--against', file]);
    expect([finished.code, finished.stderr]).toEqual([
      2,
      expect.stringContaining(`Line 3 of ${file} is no exported head of a chain.`),
    ]);
    expect((await run(['--against', place.path('nowhere')])).stderr).toContain('cannot be read (ENOENT)');
    expect((await run(['--export', place.path('no', 'folder')])).stderr).toContain(
      'cannot be written (ENOENT)',
    );
  });
});
