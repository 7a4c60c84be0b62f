import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AlpacaConnection, Connection } from '../../src/config/connections.ts';
import { loadConfig, parseDurationFlag } from '../../src/config/load.ts';
import type { LoadOptions } from '../../src/config/load.ts';
import { Secret } from '../../src/config/secret.ts';
import { scrub } from '../../src/log.ts';
import { assertNoCanary, plantCanary } from '../canary.ts';

let root = '';
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'truebook-config-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

/** Loads in a working folder `root/work` with data folder `root/home` and these files (paths from `root`). */
function load(files: Record<string, string> = {}, options: Partial<LoadOptions> = {}) {
  mkdirSync(join(root, 'work'), { recursive: true });
  mkdirSync(join(root, 'home'), { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text, { mode: 0o600 });
  }
  return loadConfig({
    env: {},
    cwd: join(root, 'work'),
    home: join(root, 'home'),
    machine: { operatingSystem: 'linux', userHome: join(root, 'user') },
    randomBytes,
    ...options,
  });
}

function problem(files: Record<string, string>, options: Partial<LoadOptions> = {}): string {
  try {
    load(files, options);
  } catch (error) {
    const { code, message, hint } = error as { code: string; message: string; hint: string };
    return `${code}: ${message} | ${hint}`;
  }
  return 'no error';
}

const revealed = (connection: Connection | undefined) => {
  const { credentials } = connection as AlpacaConnection;
  return credentials.kind === 'key'
    ? `${credentials.keyId.reveal()}/${credentials.secretKey.reveal()}`
    : 'oauth';
};
const named = (connections: readonly Connection[]) => connections.map(({ name, env }) => `${name}:${env}`);
const keys = (id: string, suffix = '') => ({
  [`ALPACA_API_KEY${suffix}`]: `id-${id}`,
  [`ALPACA_SECRET_KEY${suffix}`]: `secret-${id}`,
});
const dotenv = (values: Record<string, string>) =>
  Object.entries(values)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
const sandboxUrls = {
  ALPACA_PAPER_URL: 'http://127.0.0.1:9001',
  ALPACA_LIVE_URL: 'http://127.0.0.1:9002',
  ALPACA_DATA_URL: 'http://127.0.0.1:9003',
};

describe('defaults', () => {
  test('hold without any file or name', () => {
    const config = load();
    expect(config.database).toMatchObject({ kind: 'sqlite', path: join(root, 'home', 'truebook.db') });
    expect(config.settings).toMatchObject({
      LOG_FILE: join(root, 'home', 'background_sync.log'),
      POSITION_SYNC_ENABLED: true,
      POSITION_SYNC_SYNC_INTERVAL: 300,
      POSITION_SYNC_MARK_MISSING_AS_CLOSED: false,
      POSITION_SYNC_DEFAULT_ACCOUNT_ID: '1',
      TRADE_SYNC_INTERVAL: 3600,
      MISSING_CONFIRMATIONS: 3,
      API_HOST: '127.0.0.1',
      API_PORT: 8502,
      AUTOMATION_ORDER_IDS: [],
      FRESH_MAX_AGE: null,
    });
    expect(config.settings.ALPACA_SYNC_TOLERANCE_PCT.toString()).toBe('1');
    expect([config.connections, config.warnings, config.filesRead]).toEqual([[], [], []]);
  });

  test("the data folder is the platform's when nobody names one", () => {
    const options = {
      env: {},
      cwd: root,
      randomBytes,
      machine: { operatingSystem: 'darwin', userHome: '/u' },
    };
    expect(loadConfig(options).home).toBe('/u/Library/Application Support/Truebook');
  });

  test('loading makes no file', () => {
    load();
    expect(existsSync(join(root, 'home', 'master.key'))).toBe(false);
  });
});

describe('precedence', () => {
  const values = (number: number) => `API_PORT: ${number}\n`;
  const steps: [string, Record<string, string>, Partial<LoadOptions>, number, string][] = [
    ['truebook.yaml', { 'home/truebook.yaml': values(1) }, {}, 1, 'truebook.yaml'],
    [
      'the working folder before the data folder',
      { 'work/truebook.yaml': values(2) },
      {},
      2,
      'truebook.yaml',
    ],
    ['config.yaml', { 'home/config.yaml': values(3) }, {}, 3, 'config.yaml'],
    ['.env', { 'home/.env': 'API_PORT=4' }, {}, 4, '.env'],
    ['--config', { 'work/a.env': 'API_PORT=5' }, { configFiles: ['a.env'] }, 5, '--config'],
    ['a later --config', { 'work/b.yaml': values(6) }, { configFiles: ['a.env', 'b.yaml'] }, 6, '--config'],
    ['environment', {}, { env: { API_PORT: '7' } }, 7, 'environment'],
    ['flags', {}, { flags: { API_PORT: '8' } }, 8, 'flag'],
  ];
  test('each source wins over those before it', () => {
    let files: Record<string, string> = {};
    let options: Partial<LoadOptions> = {};
    for (const [name, more, moreOptions, port, source] of steps) {
      files = { ...files, ...more };
      options = { ...options, ...moreOptions };
      const config = load(files, options);
      expect(config.settings.API_PORT, name).toBe(port);
      expect(config.effective.find((setting) => setting.name === 'API_PORT')?.source, name).toBe(source);
    }
  });

  test('files of both folders count, not only the first found', () => {
    const config = load({ 'home/.env': 'API_PORT=1\nLOG_LEVEL=debug', 'work/.env': 'API_PORT=2' });
    expect([config.settings.API_PORT, config.settings.LOG_LEVEL]).toEqual([2, 'DEBUG']);
    expect(config.filesRead.map(({ path }) => path)).toEqual([
      join(root, 'home/.env'),
      join(root, 'work/.env'),
    ]);
  });

  test('an empty value counts as not written', () => {
    expect(load({ 'work/.env': 'API_PORT=1' }, { env: { API_PORT: '' } }).settings.API_PORT).toBe(1);
    expect(load({ 'work/.env': '', 'work/config.yaml': 'API_PORT:\nLOG_LEVEL: ~\n' }).settings.API_PORT).toBe(
      8502,
    );
  });

  test('DATABASE_URL of the environment wins over a --config file', () => {
    const config = load(
      { 'work/s.env': `DATABASE_URL=sqlite:${root}/a.db` },
      { configFiles: ['s.env'], env: { DATABASE_URL: 'postgresql+psycopg2://me:pass-word@db:5433/book' } },
    );
    expect(config.database).toMatchObject({ kind: 'postgres', shown: 'postgres://me:***@db:5433/book' });
    expect(config.database.kind === 'postgres' && config.database.url.reveal()).toBe(
      'postgres://me:pass-word@db:5433/book',
    );
  });

  test.each([
    ['environment', {}, { env: { TRUEBOOK_HOME: 'elsewhere' } }, 'work/elsewhere'],
    [
      '--config file, from its own folder',
      { 'sand/s.env': 'TRUEBOOK_HOME=box' },
      { configFiles: ['../sand/s.env'] },
      'sand/box',
    ],
    ['.env of the working folder', { 'work/.env': 'TRUEBOOK_HOME=box' }, {}, 'work/box'],
    ['~', {}, { env: { TRUEBOOK_HOME: '~/box' } }, 'user/box'],
  ] as [string, Record<string, string>, Partial<LoadOptions>, string][])(
    'TRUEBOOK_HOME from %s moves database, log and key',
    (_where, files, options, expected) => {
      const config = load(files, options);
      expect(config.home).toBe(join(root, expected));
      expect(config.settings.TRUEBOOK_HOME).toBe(config.home);
      expect(config.database.shown).toBe(`sqlite:${config.home}/truebook.db`);
      expect(config.settings.LOG_FILE).toBe(`${config.home}/background_sync.log`);
    },
  );

  test('a --config file that does not exist is an error', () => {
    expect(problem({}, { configFiles: ['nothing.env'] })).toMatch(/^config: .*nothing\.env .*does not exist/);
  });
});

describe('values', () => {
  test('the example of the Alpaca guide, decimals from their own text', () => {
    const config = load({
      'work/config.yaml': [
        'ALPACA_SYNC_ENABLED: true                    # Enable automatic sync',
        'ALPACA_AUTO_SYNC_BEFORE_TRADE: no',
        'ALPACA_SYNC_TOLERANCE_PCT: 0.10000000000000000001',
        'ALPACA_SYNC_SLACK_ALERTS: off',
        'ALPACA_SYNC_INTERVAL_MINUTES: 15            # Auto-sync interval',
        'strategy: {nested: [1, 2]}',
        'AUTOMATION_ORDER_IDS: [auto-*, bot7]',
      ].join('\n'),
    });
    expect(config.settings.ALPACA_SYNC_TOLERANCE_PCT.toString()).toBe('0.10000000000000000001');
    expect(config.settings).toMatchObject({
      ALPACA_SYNC_ENABLED: true,
      ALPACA_AUTO_SYNC_BEFORE_TRADE: false,
      ALPACA_SYNC_SLACK_ALERTS: false,
      ALPACA_SYNC_INTERVAL_MINUTES: 900,
      AUTOMATION_ORDER_IDS: ['auto-*', 'bot7'],
    });
    expect(config.warnings).toEqual([]);
  });

  test('dotenv: export, quotes, comments, CRLF', () => {
    const text =
      '\uFEFFexport API_PORT="81"\r\nLOG_LEVEL=warn # loud\r\nAUTOMATION_ORDER_IDS=\'a, b ,,c\'\r\n';
    expect(load({ 'work/.env': text }).settings).toMatchObject({
      API_PORT: 81,
      LOG_LEVEL: 'WARNING',
      AUTOMATION_ORDER_IDS: ['a', 'b', 'c'],
    });
  });

  test.each([
    ['300', 300],
    ['5m', 300],
    ['90s', 90],
    ['2 h', 7200],
    ['1d', 86400],
    ['15.0', 15],
  ])('duration %s is %i s', (text, seconds) => {
    expect(load({}, { env: { FRESH_MAX_AGE: text } }).settings.FRESH_MAX_AGE).toBe(seconds);
    expect(parseDurationFlag('--max-age', text)).toBe(seconds);
  });

  test.each([
    ['FRESH_MAX_AGE', 'soon', /must be a duration/],
    ['FRESH_MAX_AGE', '0', /at least 1 s/],
    ['FRESH_MAX_AGE', '-5', /must be a duration/],
    ['FRESH_MAX_AGE', '1.5', /must be a duration/],
    ['POSITION_SYNC_ENABLED', 'maybe', /true or false/],
    ['API_PORT', '70000', /from 0 to 65535/],
    ['API_PORT', '0x50', /whole number/],
    ['ALPACA_SYNC_TOLERANCE_PCT', '1,0', /decimal/],
    ['ALPACA_SYNC_TOLERANCE_PCT', '-1', /at least 0/],
    ['ALPACA_ENV', 'demo', /one of paper, live/],
    ['DATABASE_URL', 'mysql://me:hunter2@host/db', /neither sqlite/],
    ['DATABASE_URL', 'sqlite:///x.db', /neither sqlite/],
    ['ALPACA_PAPER_URL', 'http://paper.example.com', /https/],
    ['ALPACA_PAPER_URL', 'http://127.0.0.1.example.com', /https/],
    ['ALPACA_LIVE_URL', 'ftp://127.0.0.1', /https/],
    ['ALPACA_DATA_URL', 'https://u:hunter2@host', /user name or password/],
    ['ALPACA_DATA_URL', 'https://host/proxy', /without a path/],
    ['ROBINHOOD_URL', 'http://10.0.0.1/api', /https/],
    ['IBKR_FLEX_URL', 'nonsense', /not an address/],
  ])('%s=%s is refused with name, place and fix', (name, text, why) => {
    const told = problem({ 'work/.env': `# comment\n${name}=${text}\n` });
    expect(told).toMatch(why);
    expect(told).toContain(`${name} in ${join(root, 'work/.env')} line 2 `);
    expect(told).toMatch(/^config: .* \| \S/);
    expect(told).not.toContain('hunter2');
    expect(problem({}, { env: { [name]: text } })).toContain(`${name} in the environment`);
  });

  test('http to this machine is fine, a /v2 behind the host is dropped', () => {
    const config = load(
      {},
      { env: { ALPACA_PAPER_URL: 'http://[::1]:99/', ALPACA_LIVE_URL: 'https://h.example/v2/' } },
    );
    expect(config.settings.ALPACA_PAPER_URL).toBe('http://[::1]:99');
    expect(config.settings.ALPACA_LIVE_URL).toBe('https://h.example');
  });

  test('a log format meant for another program is a warning in shared files, an error in ours', () => {
    const config = load({ 'work/.env': "LOG_FORMAT='%(asctime)s'" });
    expect(config.settings.LOG_FORMAT).toBe('text');
    expect(config.warnings.join()).toMatch(/LOG_FORMAT in .*\.env line 1 .*ignored/);
    expect(problem({ 'work/.env': '', 'work/truebook.yaml': 'LOG_FORMAT: loud' })).toMatch(
      /^config: LOG_FORMAT/,
    );
  });
});

describe('unknown names', () => {
  test('truebook.yaml is strict and names the nearest', () => {
    expect(problem({ 'work/truebook.yaml': 'API_PORT: 1\nLOG_LEVLE: INFO\n' })).toMatch(
      /LOG_LEVLE in .*truebook\.yaml line 2 is no setting; did you mean LOG_LEVEL\?/,
    );
    expect(problem({ 'work/truebook.yaml': 'favourite_colour: red' })).toMatch(
      /favourite_colour .* no setting\./,
    );
    expect(problem({ 'work/truebook.yaml': 'favourite: {colour: red}' })).toMatch(
      /favourite .* no setting\./,
    );
    expect(problem({ 'work/truebook.yaml': 'API_PORT__LIVE: 1' })).toMatch(/takes no suffix/);
    expect(problem({ 'work/truebook.yaml': 'API_PORT: {a: 1}' })).toMatch(/must be one value/);
  });

  test.each([
    ['POSITION_SYNC_SYNC_INTERVALL', 'POSITION_SYNC_SYNC_INTERVAL'],
    ['ALPACA_SYNC_ENALBED', 'ALPACA_SYNC_ENABLED'],
    ['ROBINHOOD_USRNAME', 'ROBINHOOD_USERNAME'],
    ['IBKR_PROT', 'IBKR_PORT'],
    ['TRUEBOOK_HOEM', 'TRUEBOOK_HOME'],
  ])('%s is an error everywhere', (name, meant) => {
    expect(problem({ 'work/.env': `${name}=1` })).toContain(`did you mean ${meant}?`);
    rmSync(join(root, 'work/.env'));
    expect(problem({ 'work/config.yaml': `${name}: 1` })).toContain(`did you mean ${meant}?`);
    rmSync(join(root, 'work/config.yaml'));
    expect(problem({}, { env: { [name]: '1' } })).toContain(`did you mean ${meant}?`);
  });

  test('elsewhere a near-miss is a warning and foreign names are nothing', () => {
    const env = {
      PATH: '/bin',
      ROBINHOOD_STRATEGY: 'x',
      ALPACA_SYNC_MODE_OF_MINE: 'y',
      API_PROT: '1',
      ALPACA_APIKEY: 'z',
    };
    const config = load({ 'work/config.yaml': 'strategy: x\nsymbols: [SPY]\n' }, { env });
    expect(config.warnings).toHaveLength(2);
    expect(config.warnings.join()).toContain(
      'API_PROT in the environment is no setting; did you mean API_PORT?',
    );
    expect(config.warnings.join()).toContain('did you mean ALPACA_API_KEY?');
    expect(config.settings.API_PORT).toBe(8502);
  });
});

describe('files that cannot be read', () => {
  test('broken YAML names file and line and never quotes it', () => {
    const told = problem({ 'work/truebook.yaml': 'API_PORT: 1\nALPACA_SECRET_KEY: "hunter2\n' });
    expect(told).toMatch(/truebook\.yaml line \d+ cannot be understood/);
    expect(told).not.toContain('hunter2');
    expect(problem({ 'work/truebook.yaml': 'API_PORT: 1\nAPI_PORT: 2\n' })).toMatch(/line 2 .*duplicate key/);
    expect(problem({ 'work/truebook.yaml': '- a\n' })).toMatch(/NAME: value/);
  });

  test('empty files are fine', () => {
    expect(
      load({ 'work/truebook.yaml': '# nothing\n', 'work/config.yaml': '', 'work/.env': '' }).warnings,
    ).toEqual([]);
  });
});

describe('connections', () => {
  test('the environment alone is enough', () => {
    const { connections } = load({}, { env: keys('a') });
    expect(connections).toHaveLength(1);
    expect(connections[0]).toMatchObject({
      name: 'alpaca',
      broker: 'alpaca',
      env: 'paper',
      suffix: null,
      addresses: {
        tradingUrl: 'https://paper-api.alpaca.markets',
        dataUrl: 'https://data.alpaca.markets',
        streamUrl: 'wss://paper-api.alpaca.markets/stream',
      },
    });
    expect(revealed(connections[0])).toBe('id-a/secret-a');
  });

  test('ALPACA_ENV says which account the plain keys are for', () => {
    const [connection] = load({}, { env: { ...keys('a'), ALPACA_ENV: 'LIVE' } }).connections;
    expect(connection).toMatchObject({
      env: 'live',
      addresses: { tradingUrl: 'https://api.alpaca.markets' },
    });
  });

  test('suffixes add connections; a suffix with LIVE or PAPER says its account', () => {
    const env = {
      ...keys('a'),
      ...keys('b', '__LIVE'),
      ...keys('c', '__MY_PAPER'),
      ...keys('d', '__fun'),
      ALPACA_ENV__FUN: 'live',
    };
    const { connections } = load({}, { env });
    expect(named(connections)).toEqual([
      'alpaca:paper',
      'alpaca-fun:live',
      'alpaca-live:live',
      'alpaca-my-paper:paper',
    ]);
    expect(connections.map(revealed)).toEqual([
      'id-a/secret-a',
      'id-d/secret-d',
      'id-b/secret-b',
      'id-c/secret-c',
    ]);
  });

  test('a connection inherits addresses, never credentials', () => {
    const env = { ...keys('a'), ...sandboxUrls, ALPACA_API_KEY__LIVE: 'id-b' };
    const config = load({}, { env });
    expect(named(config.connections)).toEqual(['alpaca:paper']);
    expect(config.incompleteConnections).toEqual([
      { name: 'alpaca-live', broker: 'alpaca', missing: ['ALPACA_SECRET_KEY__LIVE'] },
    ]);
    expect(config.warnings.join()).toContain('ALPACA_SECRET_KEY__LIVE missing');
    const whole = load({}, { env: { ...env, ...keys('b', '__LIVE') } });
    expect(whole.connections[1]?.addresses).toMatchObject({
      tradingUrl: 'http://127.0.0.1:9002',
      streamUrl: 'ws://127.0.0.1:9002/stream',
    });
  });

  test('truebook.yaml lists connections, with short or full names and secrets elsewhere', () => {
    const yaml = [
      'connections:',
      '  - name: fun-money',
      '    broker: alpaca',
      '    env: live',
      '    api_key: id-f',
      '  - {name: ira, broker: robinhood, username: me@example.com, ROBINHOOD_PASSWORD: swordfish}',
      '  - {name: tws, broker: ibkr, port: 4002, client_id: 5, account: U7654321}',
    ].join('\n');
    const config = load(
      { 'work/truebook.yaml': yaml },
      { env: { ALPACA_SECRET_KEY__FUN_MONEY: 'secret-f' } },
    );
    expect(named(config.connections)).toEqual([
      'alpaca-fun-money:live',
      'ibkr-tws:paper',
      'robinhood-ira:live',
    ]);
    expect(revealed(config.connections[0])).toBe('id-f/secret-f');
    expect(config.connections[1]).toMatchObject({
      addresses: { host: '127.0.0.1', port: 4002 },
      credentials: { clientId: 5, account: 'U7654321', flex: null },
    });
    expect(config.effective.find(({ name }) => name === 'IBKR_ACCOUNT__TWS')).toMatchObject({
      value: '…4321',
      line: 7,
    });
  });

  test.each([
    ['- {name: a, broker: alpca}', /no known broker/],
    ['- {broker: alpaca}', /no usable name/],
    ['- {name: a, broker: alpaca, api_kye: x}', /did you mean api_key/],
    ['- {name: a, broker: alpaca}\n- {name: A, broker: alpaca}', /same name/],
    ['- alpaca', /no list of names and values/],
    ['hello', /must be a list/],
    ['{a: 1}', /must be a list/],
  ])('connections: %s is refused', (items, why) => {
    expect(problem({ 'work/truebook.yaml': `connections:\n${items.replace(/^/gm, '  ')}\n` })).toMatch(why);
  });

  test('one that is only declared is incomplete, not silent', () => {
    const config = load({ 'work/truebook.yaml': 'connections: [{name: x, broker: robinhood}]' });
    expect(config.incompleteConnections[0]?.missing).toEqual([
      'ROBINHOOD_USERNAME__X',
      'ROBINHOOD_PASSWORD__X',
    ]);
  });

  test('a currency that is none is refused', () => {
    expect(problem({ 'work/truebook.yaml': 'BASE_CURRENCY: dollars' })).toMatch(
      /BASE_CURRENCY .* cannot be "dollars"/,
    );
  });

  test('connections of a foreign config.yaml are its own business', () => {
    expect(load({ 'work/config.yaml': 'connections: [{name: x}, y]' }).incompleteConnections).toEqual([]);
  });

  test('a token and keys for one connection are refused with both places, wherever they stand', () => {
    const both = { 'work/.env': dotenv(keys('one')) };
    const env = { ALPACA_OAUTH_TOKEN: 'token-1' };
    const file = join(root, 'work/.env');
    expect(problem(both, { env })).toBe(
      `config: ALPACA_OAUTH_TOKEN (in the environment) and ALPACA_API_KEY (in ${file} line 1) and ` +
        `ALPACA_SECRET_KEY (in ${file} line 2) are both set: a connection uses either a token or keys. | ` +
        'Remove one of them; what is sealed goes with `truebook secret remove NAME`.',
    );
    expect(problem({}, { env: { ...env, ALPACA_SECRET_KEY: 'half' } })).toMatch(/both set/);
    // Who must be able to run while secrets are wrong is told, and the connection is not used.
    const shown = load({}, { env, onSecretFailure: 'warn' });
    expect(shown.connections).toEqual([]);
    expect(shown.warnings.join()).toMatch(/ALPACA_OAUTH_TOKEN .* are both set/);
  });

  test('a token of one connection beside the keys of another', () => {
    const env = { ...keys('one', '__LIVE'), ALPACA_OAUTH_TOKEN: 'token-1' };
    expect(load({}, { env }).connections.map((one) => `${one.name} ${revealed(one)}`)).toEqual([
      'alpaca oauth',
      'alpaca-live id-one/secret-one',
    ]);
  });

  test('a --config file with a token replaces the keys of the files below it', () => {
    const below = { 'work/.env': dotenv(keys('one')), 'token.env': 'ALPACA_OAUTH_TOKEN=token-1' };
    const config = load(below, { configFiles: [join(root, 'token.env')] });
    expect(config.connections.map(revealed)).toEqual(['oauth']);
  });

  test('OAuth instead of keys; Flex needs token and query', () => {
    expect(load({}, { env: { ALPACA_OAUTH_TOKEN: 'token-1' } }).connections[0]?.credentials).toMatchObject({
      kind: 'oauth',
    });
    expect(
      load({}, { env: { IBKR_FLEX_TOKEN: 'flex-token-of-a-test' } }).incompleteConnections[0]?.missing,
    ).toEqual(['IBKR_FLEX_QUERY_ID']);
    const [ibkr] = load(
      {},
      { env: { IBKR_FLEX_TOKEN: 'flex-token-of-a-test', IBKR_FLEX_QUERY_ID: '9' } },
    ).connections;
    expect(ibkr).toMatchObject({ env: 'live', credentials: { flex: { queryId: '9' } } });
  });

  test('a key of one place with the secret of another is told', () => {
    const config = load({ 'work/.env': dotenv(keys('a')) }, { env: { ALPACA_API_KEY: 'id-b' } });
    expect(config.warnings.join()).toMatch(
      /ALPACA_API_KEY stands in the environment, but ALPACA_SECRET_KEY in .*\.env line 2/,
    );
  });

  test('a file with secrets that others can read is told', () => {
    load({ 'work/.env': dotenv(keys('a')) });
    chmodSync(join(root, 'work/.env'), 0o644);
    expect(load().warnings.join()).toMatch(/\.env holds secrets and can be read by others\. Run: chmod 600/);
    const machine = { operatingSystem: 'win32', userHome: root };
    expect(load({}, { machine }).warnings).toEqual([]);
  });
});

describe('--config and connections', () => {
  const own = dotenv({
    ...keys('own'),
    ALPACA_ENV: 'live',
    ...keys('other', '__OTHER'),
    ROBINHOOD_USERNAME: 'me',
    ROBINHOOD_PASSWORD: 'pw',
  });

  test('plain names replace the default connection as a whole, other brokers and suffixes stay', () => {
    const config = load(
      { 'work/.env': own, 'work/two.env': dotenv(keys('two')) },
      { configFiles: ['two.env'] },
    );
    expect(named(config.connections)).toEqual(['alpaca:paper', 'alpaca-other:paper', 'robinhood:live']);
    expect(revealed(config.connections[0])).toBe('id-two/secret-two');
  });

  test("half a default connection is not filled up with the other account's secret", () => {
    const config = load(
      { 'work/.env': own, 'work/two.env': 'ALPACA_API_KEY=id-two' },
      { configFiles: ['two.env'] },
    );
    expect(config.incompleteConnections[0]?.missing).toEqual(['ALPACA_SECRET_KEY']);
  });

  test('suffixed names add', () => {
    const config = load(
      { 'work/.env': own, 'work/two.env': dotenv(keys('two', '__TWO')) },
      { configFiles: ['two.env'] },
    );
    expect(named(config.connections)).toEqual([
      'alpaca:live',
      'alpaca-other:live',
      'alpaca-two:live',
      'robinhood:live',
    ]);
  });

  test('may repeat', () => {
    const files = { 'work/a.env': dotenv(keys('a', '__A')), 'work/b.env': dotenv(keys('b', '__B')) };
    expect(named(load(files, { configFiles: ['a.env', 'b.env'] }).connections)).toEqual([
      'alpaca-a:paper',
      'alpaca-b:paper',
    ]);
  });

  const sandbox = dotenv({
    ...keys('p', '__PAPER'),
    ...keys('l', '__LIVE'),
    ...sandboxUrls,
    TRUEBOOK_HOME: 'box',
  });

  test('with addresses of this machine no connection of another file is used', () => {
    const files = {
      'work/.env': own,
      'work/truebook.yaml':
        'connections: [{name: y, broker: alpaca, api_key: k, secret_key: s}]\nAPI_PORT: 77',
      'work/more.env': dotenv(keys('more', '__MORE')),
      'sand/s.env': sandbox,
    };
    const config = load(files, { configFiles: ['../sand/s.env', 'more.env'] });
    expect(named(config.connections)).toEqual(['alpaca-live:live', 'alpaca-paper:paper']);
    expect(config.settings.API_PORT).toBe(77);
    expect(config.incompleteConnections).toEqual([]);
    expect(config.home).toBe(join(root, 'sand/box'));
  });

  test('the environment is no file: its connection stays in use and is told', () => {
    const options = { configFiles: ['../sand/s.env'] };
    expect(load({ 'sand/s.env': sandbox }, options).warnings).toEqual([]);
    const config = load({}, { ...options, env: keys('env') });
    expect(named(config.connections)).toEqual(['alpaca:paper', 'alpaca-live:live', 'alpaca-paper:paper']);
    expect(config.warnings.join()).toMatch(
      /^ALPACA_API_KEY, ALPACA_SECRET_KEY in the environment is used beside/,
    );
  });

  test('nor a sealed one', () => {
    load().sealedSecrets.sealSecret('ALPACA_API_KEY', new Secret('sealed-id'));
    const config = load(
      { 'sand/s.env': sandbox.replace('box', join(root, 'home')) },
      { configFiles: ['../sand/s.env'] },
    );
    expect(named(config.connections)).toEqual(['alpaca-live:live', 'alpaca-paper:paper']);
    expect(config.incompleteConnections).toEqual([]);
  });

  test('IBKR_HOST on this machine is an ordinary TWS', () => {
    const files = { 'work/.env': own, 'work/tws.env': 'IBKR_HOST=127.0.0.1\nIBKR_PORT=7496' };
    expect(load(files, { configFiles: ['tws.env'] }).connections).toHaveLength(4);
  });
});

describe('the simulated clock', () => {
  const clock = { TRUEBOOK_CLOCK_URL: 'http://127.0.0.1:9000/control/clock' };
  test('is accepted while every broker address is on this machine', () => {
    const config = load({}, { env: { ...clock, ...keys('a'), ...sandboxUrls } });
    expect(config.settings.TRUEBOOK_CLOCK_URL).toBe(clock.TRUEBOOK_CLOCK_URL);
  });
  test.each([
    ['a real account', { ...keys('a') }, /connection alpaca leaves this machine/],
    [
      'market data from outside',
      { ...keys('a'), ...sandboxUrls, ALPACA_DATA_URL: 'https://data.alpaca.markets' },
      /leaves/,
    ],
    [
      'Robinhood itself',
      { ...keys('a'), ...sandboxUrls, ROBINHOOD_USERNAME: 'u', ROBINHOOD_PASSWORD: 'p' },
      /robinhood leaves/,
    ],
    ['TWS elsewhere', { ...keys('a'), ...sandboxUrls, IBKR_HOST: '10.1.1.1' }, /ibkr leaves/],
    ['no connection', {}, /no sandbox connection/],
    [
      'a clock elsewhere',
      { ...keys('a'), ...sandboxUrls, TRUEBOOK_CLOCK_URL: 'https://time.example/' },
      /clock is not/,
    ],
  ])('is refused beside %s', (_what, env, why) => {
    expect(problem({}, { env: { ...clock, ...env } })).toMatch(why);
  });
});

describe('interval and age', () => {
  test.each([
    [{}, undefined, [300, 300]],
    [{ POSITION_SYNC_SYNC_INTERVAL: '60' }, undefined, [60, 60]],
    [{ POSITION_SYNC_SYNC_INTERVAL: '60', ALPACA_SYNC_INTERVAL_MINUTES: '15' }, undefined, [900, 60]],
    [{ POSITION_SYNC_SYNC_INTERVAL: '60', ALPACA_SYNC_INTERVAL_MINUTES: '15' }, '3m', [180, 180]],
  ])('%j with --interval %s', (env, interval, [alpaca, ibkr]) => {
    const { rules } = load(
      {},
      { env: env as Record<string, string>, flags: interval === undefined ? {} : { interval } },
    );
    expect([rules.alpaca.intervalSeconds, rules.ibkr.intervalSeconds]).toEqual([alpaca, ibkr]);
    expect(rules.alpaca.freshMaxAgeSeconds).toBe((alpaca ?? 0) + 60);
  });

  test('FRESH_MAX_AGE wins over interval + 60 s', () => {
    expect(load({}, { env: { FRESH_MAX_AGE: '2m' } }).rules.alpaca.freshMaxAgeSeconds).toBe(120);
  });

  test('switches: all, or Alpaca alone', () => {
    const enabled = (env: Record<string, string>) => {
      const { rules } = load({}, { env });
      return [rules.alpaca.enabled, rules.robinhood.enabled];
    };
    expect(enabled({})).toEqual([true, true]);
    expect(enabled({ ALPACA_SYNC_ENABLED: 'false' })).toEqual([false, true]);
    expect(enabled({ POSITION_SYNC_ENABLED: 'false' })).toEqual([false, false]);
  });

  test('a bad --interval is a usage error', () => {
    expect(problem({}, { flags: { interval: 'often' } })).toMatch(/^usage: --interval must be a duration/);
  });
});

describe('secrets', () => {
  test('sealed ones are the lowest source, also with a suffix', () => {
    const { sealedSecrets } = load();
    sealedSecrets.sealSecret('ALPACA_API_KEY', new Secret('sealed-id'));
    sealedSecrets.sealSecret('ALPACA_SECRET_KEY', new Secret('sealed-secret'));
    sealedSecrets.sealSecret('ALPACA_API_KEY__LIVE', new Secret('sealed-live'));
    const config = load({ 'work/.env': 'ALPACA_SECRET_KEY__LIVE=live-secret' });
    expect(config.connections.map(revealed)).toEqual(['sealed-id/sealed-secret', 'sealed-live/live-secret']);
    expect(config.effective.find(({ name }) => name === 'ALPACA_API_KEY')).toMatchObject({
      source: 'sealed secrets',
      value: '[secret]',
    });
    expect(revealed(load({}, { env: keys('env') }).connections[0])).toBe('id-env/secret-env');
  });

  test('sealed:NAME takes one by its name; one that is missing is told', () => {
    load().sealedSecrets.sealSecret('FUN_KEY', new Secret('fun-id'));
    const yaml = 'connections: [{name: fun, broker: alpaca, api_key: "sealed:FUN_KEY", secret_key: x1}]';
    expect(revealed(load({ 'work/truebook.yaml': yaml }).connections[0])).toBe('fun-id/x1');
    expect(problem({ 'work/truebook.yaml': yaml.replace('x1', '"sealed:NONE"') })).toMatch(
      /ALPACA_SECRET_KEY__FUN in .* names the sealed secret NONE, .* \| Run: truebook secret set NONE/,
    );
  });

  test('the address of a database may be sealed whole', () => {
    load().sealedSecrets.sealSecret('BOOK', new Secret('postgres://me:pw@db/book'));
    const yaml = { 'work/truebook.yaml': 'DATABASE_URL: sealed:BOOK' };
    expect(load(yaml).database).toMatchObject({ kind: 'postgres', shown: 'postgres://me:***@db/book' });
    load().sealedSecrets.sealSecret('BOOK', new Secret('mysql://me:pw@db/book'));
    expect(problem(yaml)).toMatch(/^config: DATABASE_URL in .* is neither sqlite/);
    expect(problem(yaml)).not.toContain('pw');
  });

  test('a lost key stops the load, or is a warning for those who must explain it', () => {
    load().sealedSecrets.sealSecret('ALPACA_API_KEY', new Secret('sealed-id'));
    rmSync(join(root, 'home/master.key'));
    expect(problem({})).toMatch(/^secret_key_missing/);
    const config = load({}, { onSecretFailure: 'warn' });
    expect(config.connections).toEqual([]);
    expect(config.incompleteConnections[0]?.missing).toEqual(['ALPACA_API_KEY', 'ALPACA_SECRET_KEY']);
    expect(config.warnings.join()).toContain('is missing');
  });

  test('the key comes from the folder of systemd credentials that the environment names', () => {
    const folder = join(root, 'credentials');
    mkdirSync(folder);
    writeFileSync(join(folder, 'truebook-key'), randomBytes(32).toString('base64'), { mode: 0o400 });
    const env = { CREDENTIALS_DIRECTORY: folder };
    load({}, { env }).sealedSecrets.sealSecret('ALPACA_API_KEY', new Secret('sealed-id'));
    expect(existsSync(join(root, 'home/master.key'))).toBe(false);
    const opened = load({ 'work/.env': 'ALPACA_SECRET_KEY=x1' }, { env });
    expect(revealed(opened.connections[0])).toBe('sealed-id/x1');
    expect(problem({})).toMatch(/^secret_key_missing: .*credential truebook-key/);
  });

  test('one nobody uses is never opened', () => {
    load().sealedSecrets.sealSecret('ALPACA_API_KEY', new Secret('sealed-id'));
    rmSync(join(root, 'home/master.key'));
    expect(revealed(load({}, { env: keys('env') }).connections[0])).toBe('id-env/secret-env');
  });

  test('show nowhere in a printed or serialised config, and the log hides them', () => {
    const canaries = [
      'ALPACA_API_KEY',
      'ALPACA_SECRET_KEY',
      'ROBINHOOD_PASSWORD',
      'SLACK_WEBHOOK_URL',
      'password',
    ].map(plantCanary);
    const of = (name: string) => canaries.find((canary) => canary.name === name)?.value ?? '';
    const env = {
      ALPACA_API_KEY: of('ALPACA_API_KEY'),
      ALPACA_SECRET_KEY: of('ALPACA_SECRET_KEY'),
      ROBINHOOD_USERNAME: 'someone',
      ROBINHOOD_PASSWORD: of('ROBINHOOD_PASSWORD'),
      SLACK_WEBHOOK_URL: of('SLACK_WEBHOOK_URL'),
      DATABASE_URL: `postgres://me:${encodeURIComponent(of('password'))}@db/book?password=${encodeURIComponent(of('password'))}`,
    };
    const config = load({}, { env });
    assertNoCanary(canaries, {
      outputs: {
        json: JSON.stringify(config),
        inspect: inspect(config, { depth: 20, showHidden: true }),
        log: scrub(`${Object.values(env).join(' ')} ${JSON.stringify(env)} ${of('password')}`),
      },
    });
  });
});
