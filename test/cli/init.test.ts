/** `truebook init` with real processes: piped, with flags, on a terminal; what it writes, and when it writes nothing. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { assertNoCanary, plantCanary } from '../canary.ts';
import { Place, type Finished } from './command.ts';
import { HAS_TERMINALS, openTerminal } from './terminal.ts';

const place = new Place();
const windows = process.platform === 'win32';
let sandbox: Sandbox;
let homes = 0;

beforeAll(async () => {
  sandbox = await startSandbox({});
});
afterAll(async () => {
  await sandbox.close();
  place.remove();
});

/** A new user whose addresses point at the sandbox. */
function newUser(more: Record<string, string> = {}): { home: string; env: Record<string, string> } {
  homes += 1;
  const home = place.path(`home-${homes}`);
  const { paper, live } = sandbox.ready.alpaca;
  return {
    home,
    env: {
      TRUEBOOK_HOME: home,
      ALPACA_PAPER_URL: paper.tradingUrl,
      ALPACA_LIVE_URL: live.tradingUrl,
      ALPACA_DATA_URL: paper.dataUrl,
      ...more,
    },
  };
}
const run = (args: string[], env: Record<string, string>, input?: string): Promise<Finished> =>
  place.run(args, input === undefined ? { env } : { env, input });
const settingsOf = (home: string): string => readFileSync(`${home}/truebook.yaml`, 'utf8');
const FLAGS = ['init', '--broker', 'alpaca', '--env', 'paper'];

describe('without a terminal', () => {
  it('takes flags, and the secret from stdin; then everything works with nothing else set', async () => {
    const { paper } = sandbox.ready.alpaca;
    const { home, env } = newUser();
    const { code, stdout, stderr } = await run(
      [...FLAGS, '--key-id', paper.keyId],
      env,
      `${paper.secretKey}\n`,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/The connection works: alpaca-paper \(number \*\*\*\*.{4}\) can be read\./);
    expect(stdout).toContain('truebook agent');
    expect(readdirSync(home).sort()).toEqual(
      ['background_sync.log', 'master.key', 'secrets.sealed', 'truebook.yaml'].filter((name) =>
        existsSync(`${home}/${name}`),
      ),
    );
    const text = settingsOf(home);
    expect(text).toContain('ALPACA_ENV: "paper"');
    // What was checked is what is written: the addresses too.
    expect(text).toContain(`ALPACA_PAPER_URL: "${paper.tradingUrl}"`);
    if (!windows) expect(statSync(`${home}/truebook.yaml`).mode & 0o777).toBe(0o600);
    const alone = { TRUEBOOK_HOME: home };
    expect((await run(['sync'], alone)).code).toBe(0);
    expect((await run(['doctor'], alone)).code).toBe(0);
    assertNoCanary(
      [
        { name: 'key id', value: paper.keyId },
        { name: 'secret', value: paper.secretKey },
      ],
      { folders: [home], outputs: { stdout, stderr } },
    );
  });

  it('takes one answer per line, and defaults where the lines end', async () => {
    const { live } = sandbox.ready.alpaca;
    const { home, env } = newUser();
    const answers = `\nlive\n${live.keyId}\n${live.secretKey}\nsqlite:book.db\n`;
    const { code, stdout, stderr } = await run(['init', '--json'], env, answers);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      account: 'alpaca-live',
      checked: true,
      file: `${home}/truebook.yaml`,
      backup: null,
      database: `sqlite:${place.path('book.db')}`,
      sealed: ['ALPACA_API_KEY', 'ALPACA_SECRET_KEY'],
      next: ['truebook doctor', 'truebook sync', 'truebook agent', 'truebook status'],
      notes: [expect.stringContaining('can trade')],
    });
    expect(stderr).toBe('');
    expect(settingsOf(home)).toContain(`DATABASE_URL: "sqlite:${place.path('book.db')}"`);
    const short = newUser();
    const { paper } = sandbox.ready.alpaca;
    expect((await run(['init'], short.env, `alpaca\npaper\n${paper.keyId}\n${paper.secretKey}`)).code).toBe(
      0,
    );
    expect(settingsOf(short.home)).not.toContain('DATABASE_URL');
  });

  it('takes keys from the environment, also while stdin stays open and silent', async () => {
    const { paper } = sandbox.ready.alpaca;
    const { home, env } = newUser({ ALPACA_API_KEY: paper.keyId, ALPACA_SECRET_KEY: paper.secretKey });
    const { code, stdout } = await place.run([...FLAGS, '--json'], { env, input: null });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ notes: [] });
    expect((await run(['sync'], { TRUEBOOK_HOME: home })).code).toBe(0);
  });

  it('takes an OAuth token, forgets sealed keys, and keeps the old file', async () => {
    const { paper } = sandbox.ready.alpaca;
    const { home, env } = newUser();
    expect((await run([...FLAGS, '--key-id', paper.keyId], env, paper.secretKey)).code).toBe(0);
    const before = settingsOf(home);
    const done = await run([...FLAGS, '--oauth', '--force', '--json'], env, paper.oauthToken);
    expect(JSON.parse(done.stdout)).toMatchObject({
      sealed: ['ALPACA_OAUTH_TOKEN'],
      forgotten: ['ALPACA_API_KEY', 'ALPACA_SECRET_KEY'],
      backup: `${home}/truebook.yaml.bak`,
    });
    expect(readFileSync(`${home}/truebook.yaml.bak`, 'utf8')).toBe(before);
    expect((await run(['secret', 'list'], env)).stdout).toBe('ALPACA_OAUTH_TOKEN\n');
    expect((await run(['sync'], { TRUEBOOK_HOME: home })).code).toBe(0);
    expect((await run([...FLAGS, '--oauth', '--force'], env, paper.oauthToken)).code).toBe(0);
    expect(readdirSync(home)).toContain('truebook.yaml.bak2');
  });

  it('seals a database address that holds a password, and the book is kept there', async () => {
    const { paper } = sandbox.ready.alpaca;
    const canary = plantCanary('database');
    const password = encodeURIComponent(canary.value);
    const { home, env } = newUser({ DATABASE_URL: `postgres://me:${password}@127.0.0.1:9/book` });
    const done = await run([...FLAGS, '--key-id', paper.keyId, '--json'], env, paper.secretKey);
    expect(JSON.parse(done.stdout)).toMatchObject({ database: 'postgres://me:***@127.0.0.1:9/book' });
    expect(settingsOf(home)).toContain('DATABASE_URL: "sealed:DATABASE_URL"');
    const config = await run(['config'], { TRUEBOOK_HOME: home });
    expect(config.stdout).toContain('postgres://me:***@127.0.0.1:9/book');
    assertNoCanary([canary, { name: 'as written', value: password }], {
      folders: [home],
      outputs: { init: done.stdout + done.stderr, config: config.stdout },
    });
  });
});

describe('nothing is written', () => {
  /** No settings, no secrets, no key: a folder that was never used. */
  const untouched = (home: string): void => {
    const left = existsSync(home) ? readdirSync(home).filter((name) => !name.endsWith('.log')) : [];
    expect(left).toEqual([]);
  };

  it('when the broker refuses the keys: exit code 4', async () => {
    const canary = plantCanary('secret');
    const { home, env } = newUser();
    const { keyId } = sandbox.ready.alpaca.paper;
    const { code, stdout, stderr } = await run([...FLAGS, '--key-id', keyId, '--json'], env, canary.value);
    expect({ code, stdout }).toEqual({ code: 4, stdout: '' });
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: 'broker_auth' } });
    expect((await run([...FLAGS, '--oauth'], env, canary.value)).code).toBe(4);
    untouched(home);
    assertNoCanary([canary], { folders: [place.folder], outputs: { stdout, stderr } });
  });

  it('when the broker cannot be reached: 1, unless the check is left out', async () => {
    const { keyId, secretKey } = sandbox.ready.alpaca.paper;
    const { home, env } = newUser({ ALPACA_PAPER_URL: 'http://127.0.0.1:9' });
    expect((await run([...FLAGS, '--key-id', keyId], env, secretKey)).code).toBe(1);
    untouched(home);
    const unchecked = await run([...FLAGS, '--key-id', keyId, '--no-check'], env, secretKey);
    expect(unchecked).toMatchObject({ code: 0, stdout: expect.stringContaining('was not checked') });
  });

  it.each([
    ['no key id', [...FLAGS], 'secret', '--key-id'],
    ['no secret', [...FLAGS, '--key-id', 'PK1'], '', 'nothing was given on stdin'],
    ['an unknown broker', ['init', '--broker', 'acme'], 'x', 'cannot be read yet'],
    ['a broker that is not read yet', ['init'], 'robinhood\n', 'cannot be read yet'],
    [
      'an unknown environment',
      ['init', '--broker', 'alpaca', '--env', 'demo'],
      'x',
      'neither paper nor live',
    ],
    ['a secret with spaces', [...FLAGS, '--key-id', 'PK1'], 'two words', 'no key has'],
    [
      'a password among the arguments',
      [...FLAGS, '--key-id', 'PK1', '--database', 'postgres://me:pw@h/b'],
      'x',
      'must not hold a password',
    ],
    ['a strange database', [...FLAGS, '--key-id', 'PK1', '--database', 'mysql://h/b'], 'x', 'DATABASE_URL'],
    ['answers that end too soon', ['init'], 'alpaca\npaper\nPK1\n', 'no answer is left on stdin'],
    ['a token and a key id', [...FLAGS, '--oauth', '--key-id', 'PK1'], 'x', 'cannot be used with'],
  ])('with %s: 2', async (_what, args, input, said) => {
    const { home, env } = newUser();
    const { code, stdout, stderr } = await run(args, env, input);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(said);
    untouched(home);
  });

  it('over what stands already, without --force: 2; beside a token that stands elsewhere: 2', async () => {
    const { keyId, secretKey, oauthToken } = sandbox.ready.alpaca.paper;
    const { home, env } = newUser();
    mkdirSync(home);
    writeFileSync(`${home}/truebook.yaml`, 'BASE_CURRENCY: EUR\n', { mode: 0o600 });
    const refused = await run([...FLAGS, '--key-id', keyId], env, secretKey);
    expect(refused).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('truebook.yaml exists already'),
    });
    expect(readdirSync(home)).toEqual(['truebook.yaml']);
    expect(settingsOf(home)).toBe('BASE_CURRENCY: EUR\n');
    const other = newUser({ ALPACA_OAUTH_TOKEN: oauthToken });
    const beside = await run([...FLAGS, '--key-id', keyId], other.env, secretKey);
    expect(beside).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('ALPACA_OAUTH_TOKEN is set in the environment'),
    });
    untouched(other.home);
  });

  it('when it is stopped while the broker is being asked', async () => {
    const { keyId, secretKey } = sandbox.ready.alpaca.paper;
    const { home, env } = newUser();
    sandbox.control('POST', '/control/fault', { broker: 'alpaca', resource: 'account', kind: 'timeout' });
    const running = place.start([...FLAGS, '--key-id', keyId], { env, input: secretKey });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    running.child.kill('SIGINT');
    const { code, stdout, stderr } = await running.done;
    sandbox.control('DELETE', '/control/fault');
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr).toContain('nothing was written');
    untouched(home);
  });
});

describe('a place that wins', () => {
  it('over what was written is told', async () => {
    const { keyId, secretKey } = sandbox.ready.alpaca.paper;
    const { env } = newUser();
    const file = place.path('more.env');
    writeFileSync(file, 'ALPACA_ENV=live\n', { mode: 0o600 });
    const done = await run([...FLAGS, '--key-id', keyId, '--config', file], env, secretKey);
    expect(done.code).toBe(0);
    expect(done.stderr).toContain(`note: ALPACA_ENV in ${file} line 1 wins over what was written.`);
  });
});

describe('on a terminal', () => {
  if (!HAS_TERMINALS) return;

  it('asks, shows no key, lets a person try again, and writes at the end', async () => {
    const { keyId, secretKey } = sandbox.ready.alpaca.paper;
    const canary = plantCanary('typed');
    const { home, env } = newUser();
    const terminal = openTerminal(place, ['init'], env);
    await terminal.answer('Broker [alpaca]: ', 'acme\r');
    await terminal.answer('"acme" cannot be read yet', '\r');
    await terminal.answer('Account (paper, live) [paper]: ', 'demo\r');
    await terminal.answer('is neither paper nor live', 'livv\u007f\u007fe\u007f\u007f\u007fpaper\u001b[D\r');
    await terminal.answer('Key id (not shown): ', `${keyId}\r`);
    await terminal.answer('Secret key (not shown): ', `${canary.value}\r`);
    await terminal.answer('Database (sqlite:PATH or postgres://...) [', '\r');
    await terminal.answer('(again, write, stop) [again]: ', '\r');
    expect(existsSync(`${home}/secrets.sealed`)).toBe(false);
    await terminal.answer('Key id (not shown): ', `${keyId}\r`);
    await terminal.answer('Secret key (not shown): ', `${secretKey}\r`);
    await terminal.answer('Database (sqlite:PATH or postgres://...) [', '\r');
    expect(await terminal.done).toBe(0);
    expect(terminal.screen()).toContain('The connection works: alpaca-paper');
    assertNoCanary([canary, { name: 'key', value: keyId }, { name: 'secret', value: secretKey }], {
      folders: [home],
      outputs: { screen: terminal.screen() },
    });
    expect((await run(['sync'], { TRUEBOOK_HOME: home })).code).toBe(0);
  });

  it('a secret that is typed before it is asked for does not show', async () => {
    const { keyId, secretKey } = sandbox.ready.alpaca.paper;
    const { env } = newUser();
    const terminal = openTerminal(place, ['init'], env);
    await terminal.answer('Broker [alpaca]: ', `\rpaper\r${keyId}\r${secretKey}\r\r`);
    expect(await terminal.done).toBe(0);
    expect(terminal.screen()).toContain('The connection works');
    expect(terminal.screen()).not.toContain(secretKey);
    expect(terminal.screen()).not.toContain(keyId);
  });

  it('Ctrl+C at any question ends with 0 and leaves nothing', async () => {
    const questions = ['Broker', 'Account', 'Key id', 'Secret key', 'Database'];
    for (const [index, last] of questions.entries()) {
      const { home, env } = newUser();
      const terminal = openTerminal(place, ['init'], env);
      for (const question of questions.slice(0, index))
        await terminal.answer(
          `${question} (`.replace('Broker (', 'Broker '),
          'Key id Secret key'.includes(question) ? 'x\r' : '\r',
        );
      await terminal.answer(last, '\u0003');
      expect({ last, code: await terminal.done }).toEqual({ last, code: 0 });
      expect(existsSync(home) ? readdirSync(home).filter((name) => !name.endsWith('.log')) : []).toEqual([]);
    }
  });

  it('asks before it replaces anything, and no means no', async () => {
    const { keyId, secretKey } = sandbox.ready.alpaca.paper;
    const { home, env } = newUser();
    expect((await run([...FLAGS, '--key-id', keyId], env, secretKey)).code).toBe(0);
    const before = readFileSync(`${home}/secrets.sealed`, 'utf8');
    const terminal = openTerminal(place, ['init'], env);
    await terminal.answer('Replace (yes, no) [no]: ', '\r');
    expect(await terminal.done).toBe(0);
    expect(terminal.screen()).toContain('Nothing was changed.');
    expect(readFileSync(`${home}/secrets.sealed`, 'utf8')).toBe(before);
  });

  it('secret set hides what is typed', async () => {
    const canary = plantCanary('sealed');
    const { env } = newUser();
    const terminal = openTerminal(place, ['secret', 'set', 'SLACK_WEBHOOK_URL'], env);
    await terminal.answer('SLACK_WEBHOOK_URL: ', `${canary.value}x\u007f\r`);
    expect(await terminal.done).toBe(0);
    assertNoCanary([canary], { outputs: { screen: terminal.screen() } });
    expect((await run(['secret', 'list'], env)).stdout).toBe('SLACK_WEBHOOK_URL\n');
  });
});
