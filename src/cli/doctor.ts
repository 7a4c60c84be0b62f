/** `truebook doctor`: checks one thing after the other and says how to repair what is wrong. Changes nothing. */
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { openStore } from '../store/open.ts';
import { type Broker } from '../brokers/broker.ts';
import { databaseUrl, type Truebook } from '../compose.ts';
import { type Config } from '../config/load.ts';
import { errorText, isTruebookError, type TruebookError } from '../domain/errors.ts';
import { instantToMs } from '../domain/time.ts';
import { loadHooks } from '../hooks/loadHooks.ts';
import { openClock, operatingSystem, realSleep, refreshClock, runtimeVersion } from '../platform.ts';
import { printJson, printLine } from './print.ts';
import { keyPlaceText, loadSettings, withBook, type CommonOptions } from './session.ts';

export interface Check {
  readonly level: 'ok' | 'warning' | 'fault';
  /** `node`, `database`, `clock`, `config`, `alpaca-paper`, ... */
  readonly name: string;
  readonly text: string;
  readonly fix: string | null;
}

/** 0 when all is well, 3 when the worst is a warning, 1 on a fault. */
export async function doctor(options: CommonOptions): Promise<number> {
  const checks = await allChecks(options);
  if (options.json === true) printJson(checks);
  else for (const check of checks) printLine(checkText(check));
  if (checks.some(({ level }) => level === 'fault')) return 1;
  return checks.some(({ level }) => level === 'warning') ? 3 : 0;
}

function checkText({ level, name, text, fix }: Check): string {
  const line = `${level.padEnd(7)}  ${name.padEnd(14)}  ${text}`;
  return fix === null ? line : `${line}\n${' '.repeat(25)}fix: ${fix}`;
}

async function allChecks(options: CommonOptions): Promise<readonly Check[]> {
  // The entry has refused an older Node already.
  const node = ok('node', `Node.js ${runtimeVersion()}`);
  let config: Config;
  try {
    config = loadSettings(options, { onSecretFailure: 'warn' });
  } catch (error) {
    return [node, faultOf('config', error, 'Correct the settings, then run `truebook doctor` again.')];
  }
  return [
    node,
    ...configChecks(config),
    ...secretKeyChecks(config),
    await databaseCheck(config),
    ...databaseFileChecks(config),
    logCheck(config),
    ...(await hooksChecks(config)),
    ...(await brokerChecks(config)),
  ];
}

/** The user's own module is loaded as the agent would load it. */
async function hooksChecks(config: Config): Promise<Check[]> {
  const file = config.settings.HOOKS;
  if (file === null) return [];
  try {
    await loadHooks(file, { sleep: realSleep });
    return [ok('hooks', `${file} can be loaded`)];
  } catch (error) {
    return [faultOf('hooks', error, 'Correct the module, or take HOOKS out of the settings.')];
  }
}

// ---- settings and files ----------------------------------------------------------------------------------------

function configChecks(config: Config): Check[] {
  const warnings = config.warnings.map((text) =>
    warning('config', text, 'See docs/settings.md, or run `truebook config`.'),
  );
  const count = config.filesRead.length;
  const read = ok('config', `data folder ${config.home}, ${count === 1 ? '1 file' : `${count} files`} read`);
  if (config.connections.length > 0) return [read, ...warnings];
  const none = warning(
    'config',
    'No broker is connected.',
    'Run `truebook init`, set ALPACA_API_KEY and ALPACA_SECRET_KEY, or add a connection to truebook.yaml.',
  );
  return [read, ...warnings, none];
}

/** The key that would be used, where there is one: it is read, nothing is opened with it. */
function secretKeyChecks(config: Config): Check[] {
  try {
    const place = config.sealedSecrets.checkKey();
    return place === null ? [] : [ok('secret key', keyPlaceText(place))];
  } catch (error) {
    return [faultOf('secret key', error, 'Bring the right key back from your backup.')];
  }
}

async function databaseCheck(config: Config): Promise<Check> {
  const { database } = config;
  if (database.kind === 'sqlite' && database.path !== ':memory:' && !existsSync(database.path)) {
    const obstacle = obstacleToWriting(database.path);
    return obstacle === null
      ? ok('database', `${database.shown} is not there yet; the first sync makes it`)
      : fault(
          'database',
          `${database.shown} cannot be made: ${obstacle}`,
          'Make the folder writable, or set DATABASE_URL.',
        );
  }
  try {
    const clock = await openClock(null);
    const store = await openStore({ url: databaseUrl(config), clock, readonly: true });
    const { dialect, version, place, schemaVersion, durability } = store.facts;
    await store.close();
    const name = dialect === 'sqlite' ? 'SQLite' : 'PostgreSQL';
    return ok('database', `${place}: ${name} ${version}, schema ${schemaVersion}, ${durability}`);
  } catch (error) {
    return faultOf('database', error, 'Check DATABASE_URL and that the database runs.');
  }
}

function databaseFileChecks({ database }: Config): Check[] {
  if (database.kind !== 'sqlite' || !existsSync(database.path)) return [];
  const { path } = database;
  const checks: Check[] = [];
  const open = [path, `${path}-wal`, `${path}-shm`].filter(
    (file) => existsSync(file) && isOpenToOthers(file),
  );
  for (const file of open) {
    checks.push(warning('database', `${file} can be read by others.`, `chmod 600 '${file}'`));
  }
  const obstacle = obstacleToWriting(path);
  if (obstacle !== null)
    checks.push(fault('database', `${path} cannot be written: ${obstacle}`, `chmod 600 '${path}'`));
  return checks;
}

function logCheck({ settings }: Config): Check {
  const path = settings.LOG_FILE;
  const obstacle = obstacleToWriting(path);
  return obstacle === null
    ? ok('log', path)
    : warning(
        'log',
        `${path} cannot be written: ${obstacle}`,
        'Make it writable, or set LOG_FILE to another place.',
      );
}

/** Why a file cannot be written or made; null when it can. Nothing is written to find out. */
function obstacleToWriting(path: string): string | null {
  try {
    if (existsSync(path)) {
      if (statSync(path).isDirectory()) return 'it is a folder';
      accessSync(path, constants.W_OK);
      return null;
    }
    let folder = dirname(path);
    while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
    if (!statSync(folder).isDirectory()) return `${folder} is no folder`;
    accessSync(folder, constants.W_OK | constants.X_OK);
    return null;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? errorText(error);
  }
}

/** By mode bits, which mean nothing on Windows. */
function isOpenToOthers(path: string): boolean {
  return operatingSystem() !== 'win32' && (statSync(path).mode & 0o077) !== 0;
}

// ---- brokers ---------------------------------------------------------------------------------------------------

/** A difference of clocks above this makes ages and freshness wrong. */
const CLOCK_WARNING_MS = 30_000;

/** Reads every account and the broker's clock, with a book in memory: the real one is left alone. */
async function brokerChecks(config: Config): Promise<Check[]> {
  const checks: Check[] = [];
  const withoutBook: Config = {
    ...config,
    database: { kind: 'sqlite', path: ':memory:', shown: 'sqlite::memory:' },
  };
  try {
    const onWarning = (text: string): void =>
      void checks.push(warning('brokers', text, 'It is left out for now.'));
    await withBook({ config: withoutBook, onWarning }, async (book) => {
      const accounts = await book.agentAccounts();
      // Accounts come in the order of the connections that can be read.
      const connections = config.connections.filter((connection) => connection.broker === 'alpaca');
      for (const [index, { account, broker }] of accounts.entries()) {
        const withToken = connections[index]?.credentials.kind === 'oauth';
        checks.push(await loginCheck(account.name, broker, withToken));
      }
      for (const { broker } of accounts) {
        const check = await clockCheck(book, broker);
        if (check === null) continue;
        checks.push(check);
        break;
      }
    });
  } catch (error) {
    checks.push(faultOf('brokers', error, 'Check the settings of the connections.'));
  }
  return checks;
}

/** Alpaca tells a token's scopes nowhere, and trying whether it can trade is no read. */
const TOKEN_WORKS =
  'the OAuth token works, the account can be read (its scopes cannot be read: ask for none, then it cannot trade)';

async function loginCheck(name: string, broker: Broker, withToken: boolean): Promise<Check> {
  const read = await broker.readBalances();
  if (read.kind === 'complete') {
    const { restrictions } = read.rows;
    return restrictions.length === 0
      ? ok(name, withToken ? TOKEN_WORKS : 'the credentials work, the account can be read')
      : warning(name, `the broker restricts this account: ${restrictions.join(', ')}`, 'Ask the broker.');
  }
  return faultOf(name, read.error, loginFix(read.error));
}

function loginFix(error: TruebookError): string {
  switch (error.code) {
    case 'broker_auth':
    case 'broker_forbidden':
      return 'Make new keys in the Alpaca dashboard, of this environment (paper keys work for paper only), and set them.';
    case 'broker_unreachable':
    case 'broker_timeout':
      return 'Check the network, a proxy, and the address in the settings.';
    default:
      return 'Try again in a few minutes.';
  }
}

/** Null when the broker did not tell its time: that is no fault of our clock. */
async function clockCheck(book: Truebook, broker: Broker): Promise<Check | null> {
  const { clock } = book;
  await refreshClock(clock);
  const before = clock.wallMs();
  const read = await broker.readMarketClock();
  if (read.kind !== 'complete') return null;
  const after = clock.wallMs();
  const theirs = instantToMs(read.rows.at);
  const difference = theirs < before ? before - theirs : theirs > after ? theirs - after : 0;
  const seconds = Math.round(difference / 1000);
  return difference > CLOCK_WARNING_MS
    ? warning(
        'clock',
        `this machine and the broker differ by ${seconds} s`,
        'Switch on time synchronisation (NTP).',
      )
    : ok('clock', seconds === 0 ? 'agrees with the broker' : `${seconds} s from the broker's`);
}

// ---- answers ---------------------------------------------------------------------------------------------------

function ok(name: string, text: string): Check {
  return { level: 'ok', name, text, fix: null };
}

function warning(name: string, text: string, fix: string): Check {
  return { level: 'warning', name, text, fix };
}

function fault(name: string, text: string, fix: string): Check {
  return { level: 'fault', name, text, fix };
}

/** An error's own hint is the best fix there is. */
function faultOf(name: string, error: unknown, fix: string): Check {
  return fault(name, errorText(error), (isTruebookError(error) ? error.hint : null) ?? fix);
}
