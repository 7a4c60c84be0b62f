/** config, doctor, migrate, secret. */
import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { type Check } from '../../src/cli/doctor.ts';
import { Place, type Finished } from './command.ts';

const place = new Place();
const settings = place.path('sandbox.env');
const home = place.path('sandbox.env-home');
const windows = process.platform === 'win32';
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox({ envFile: settings });
});
afterAll(async () => {
  await sandbox.close();
  place.remove();
});

async function run(...args: string[]): Promise<Finished> {
  return place.run([...args, '--config', settings]);
}

async function doctor(env: Record<string, string> = {}): Promise<{ code: number | null; checks: Check[] }> {
  const { code, stdout } = await place.run(['doctor', '--json', '--config', settings], { env });
  return { code, checks: JSON.parse(stdout) as Check[] };
}

interface Named {
  readonly name: string;
}

describe('config', () => {
  it('shows value and place of every setting, and no secret', async () => {
    const { code, stdout } = await run('config');
    const { keyId, secretKey } = sandbox.ready.alpaca.paper;
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ALPACA_SECRET_KEY__PAPER +\[secret\] +.+sandbox\.env:\d+$/m);
    expect(stdout).toMatch(/^BASE_CURRENCY +USD +default$/m);
    expect(stdout).not.toContain(secretKey);
    expect(stdout).not.toContain(keyId);
  });

  it('says it in JSON too', async () => {
    const { stdout } = await place.run(['config', '--json', '--config', settings], {
      env: { LOG_LEVEL: 'DEBUG' },
    });
    const record = JSON.parse(stdout) as { settings: Named[]; connections: Named[] };
    expect(record).toMatchObject({ home, filesRead: [{ kind: '--config', path: settings }], warnings: [] });
    const setting = (name: string): unknown => record.settings.find((one) => one.name === name);
    expect(setting('LOG_LEVEL')).toMatchObject({ value: 'DEBUG', source: 'environment', line: null });
    expect(setting('ALPACA_ENV__LIVE')).toMatchObject({ value: 'live', source: '--config', path: settings });
    expect(record.connections.map((one) => one.name)).toEqual(['alpaca-live', 'alpaca-paper']);
    expect(stdout).not.toContain(sandbox.ready.alpaca.live.secretKey);
  });
});

describe('migrate', () => {
  it('makes the database and says so, then has nothing to do', async () => {
    const first = await run('migrate', '--json');
    expect(first.code).toBe(0);
    const { before, after, dialect, database } = JSON.parse(first.stdout);
    expect({ before, dialect, database }).toEqual({
      before: null,
      dialect: 'sqlite',
      database: `${home}/truebook.db`,
    });
    expect(after).toMatch(/^\d+$/);
    const second = await run('migrate');
    expect(second).toMatchObject({
      code: 0,
      stdout: `${home}/truebook.db: schema version ${after}, nothing to do.\n`,
    });
  });
});

describe('doctor', () => {
  it('ends with 0 when all is well', async () => {
    const { code, checks } = await doctor();
    expect(checks.filter((check) => check.level !== 'ok')).toEqual([]);
    const names = ['node', 'config', 'database', 'log', 'alpaca-live', 'alpaca-paper', 'clock'];
    expect(checks.map((check) => check.name)).toEqual(names);
    expect(code).toBe(0);
    const { stdout } = await run('doctor');
    expect(stdout).toMatch(/^ok {7}database .+SQLite 3\..+ schema \d+, .*synchronous=full$/im);
  });

  it('changes nothing: no database is made, no account', async () => {
    const { code, checks } = await doctor({ DATABASE_URL: `sqlite:${place.path('not', 'yet.db')}` });
    expect(code).toBe(0);
    expect(checks.find((check) => check.name === 'database')?.text).toContain('is not there yet');
    expect(existsSync(place.path('not'))).toBe(false);
    expect(JSON.parse((await run('accounts', '--json')).stdout)).toEqual([]);
  });

  it('ends with 3 on a warning and says the fix', async () => {
    const { code, checks } = await doctor({ ROBINHOOD_USERNAME: 'somebody' });
    expect(code).toBe(3);
    const warnings = checks.filter((check) => check.level === 'warning');
    expect(warnings.map((check) => check.text).join('\n')).toContain('ROBINHOOD_PASSWORD');
    for (const check of warnings) expect(check.fix).toMatch(/\w/);
  });

  it('warns of a clock that differs by more than 30 s', async () => {
    sandbox.control('POST', '/control/fault', { broker: 'alpaca', kind: 'clock-skew' });
    const { code, checks } = await doctor();
    sandbox.control('DELETE', '/control/fault');
    expect(checks.find((check) => check.name === 'clock')).toMatchObject({
      level: 'warning',
      fix: expect.stringContaining('NTP'),
    });
    expect(code).toBe(3);
  });

  it('warns of a database that others can read', async () => {
    // Windows has other rights than mode bits.
    if (windows) return;
    chmodSync(`${home}/truebook.db`, 0o644);
    const { code, checks } = await doctor();
    chmodSync(`${home}/truebook.db`, 0o600);
    expect(code).toBe(3);
    expect(checks).toContainEqual(
      expect.objectContaining({ level: 'warning', fix: `chmod 600 '${home}/truebook.db'` }),
    );
  });

  it('ends with 1 on a fault: a broker that cannot be reached, a foreign database, wrong settings', async () => {
    const unreachable = await doctor({ ALPACA_PAPER_URL: 'http://127.0.0.1:9' });
    expect(unreachable.code).toBe(1);
    expect(unreachable.checks.find((check) => check.name === 'alpaca-paper')?.level).toBe('fault');

    const foreign = place.path('letter.txt');
    writeFileSync(foreign, 'Dear database, this is a letter.\n');
    const letter = await doctor({ DATABASE_URL: `sqlite:${foreign}` });
    expect(letter.code).toBe(1);
    expect(letter.checks.find((check) => check.name === 'database')?.text).toContain(
      'is not a SQLite database',
    );

    const wrong = await doctor({ TRUEBOOK_HOM: 'x' });
    expect(wrong.code).toBe(1);
    expect(wrong.checks.at(-1)).toMatchObject({ level: 'fault', name: 'config' });
  });

  it('warns of a log file that cannot be written', async () => {
    mkdirSync(place.path('folder.log'), { recursive: true });
    const { code, checks } = await doctor({ LOG_FILE: place.path('folder.log') });
    expect(code).toBe(3);
    expect(checks.find((check) => check.name === 'log')).toMatchObject({ level: 'warning' });
  });
});

describe('secret', () => {
  const alone = { TRUEBOOK_HOME: place.path('sealed-home') };

  it('takes a value from stdin, seals it, lists its name only, and connects with it', async () => {
    const { tradingUrl, dataUrl, keyId, secretKey } = sandbox.ready.alpaca.paper;
    const set = await place.run(['secret', 'set', 'ALPACA_SECRET_KEY'], {
      env: alone,
      input: `${secretKey}\n`,
    });
    expect(set).toMatchObject({ code: 0, stderr: '' });
    const list = await place.run(['secret', 'list'], { env: alone });
    expect(list).toMatchObject({ code: 0, stdout: 'ALPACA_SECRET_KEY\n' });
    for (const name of ['secrets.sealed', 'master.key']) {
      const file = place.path('sealed-home', name);
      expect(readFileSync(file, 'utf8')).not.toContain(secretKey);
      if (!windows) expect(statSync(file).mode & 0o777).toBe(0o600);
    }
    const env = { ...alone, ALPACA_API_KEY: keyId, ALPACA_PAPER_URL: tradingUrl, ALPACA_DATA_URL: dataUrl };
    expect(await place.run(['sync'], { env })).toMatchObject({ code: 0 });
  });

  it('never takes a value from the arguments', async () => {
    const { code, stdout } = await place.run(['secret', 'set', 'ALPACA_SECRET_KEY', 'value'], { env: alone });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  it('refuses an empty value, notes a strange name, forgets', async () => {
    const empty = await place.run(['secret', 'set', 'ALPACA_SECRET_KEY'], { env: alone, input: '\n' });
    expect(empty.code).toBe(2);
    const strange = await place.run(['secret', 'set', 'ALPACA_SECRET_KEI'], {
      env: alone,
      input: 'x1234567',
    });
    expect(strange.stderr).toContain('did you mean ALPACA_SECRET_KEY?');
    const removed = await place.run(['secret', 'remove', 'ALPACA_SECRET_KEI', '--json'], { env: alone });
    expect(removed).toMatchObject({ code: 0, stderr: '' });
    const again = await place.run(['secret', 'remove', 'ALPACA_SECRET_KEI'], { env: alone });
    expect(again).toMatchObject({ code: 2 });
    expect(again.stderr).toContain('Sealed are: ALPACA_SECRET_KEY.');
  });
});
