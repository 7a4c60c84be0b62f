/**
 * `truebook init`: from nothing to a connection that was checked. First everything is asked, then the broker is really
 * read, then all of it is written at once: who stops before that has changed nothing.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readableBrokers } from '../compose.ts';
import { type AlpacaConnection } from '../config/connections.ts';
import { type Config } from '../config/load.ts';
import { writePrivateFile } from '../config/privateFile.ts';
import { Secret } from '../config/secret.ts';
import { isTruebookError, TruebookError } from '../domain/errors.ts';
import { registerSecret } from '../log.ts';
import { environment, randomBytes } from '../platform.ts';
import { openAnswers, type Answers } from './answers.ts';
import { printJson, printLine, printProblem } from './print.ts';
import { loadSettings, withBook, type CommonOptions } from './session.ts';
import { settingsText, writtenDatabase, type WrittenDatabase } from './initFile.ts';
import { listenForStop } from './stopping.ts';

export interface InitOptions extends CommonOptions {
  readonly broker?: string;
  readonly env?: string;
  readonly keyId?: string;
  readonly oauth?: boolean;
  readonly database?: string;
  readonly force?: boolean;
  /** `--no-check`. */
  readonly check?: boolean;
}

/** What is going to be written. */
interface Plan {
  readonly env: 'paper' | 'live';
  readonly credentials: AlpacaConnection['credentials'];
  readonly database: WrittenDatabase;
}

const KEY_NAMES = ['ALPACA_API_KEY', 'ALPACA_SECRET_KEY'] as const;
const TOKEN_NAMES = ['ALPACA_OAUTH_TOKEN'] as const;

export async function init(options: InitOptions): Promise<number> {
  const stop = new AbortController();
  const stopping = listenForStop();
  void stopping.asked.then(() => stop.abort());
  const config = loadSettings(options, { onSecretFailure: 'warn' });
  // A key that cannot be used is told before anybody types anything.
  config.sealedSecrets.checkKey();
  const answers = openAnswers(stop.signal, () => stop.abort());
  try {
    if (!(await mayReplace(options, config, answers))) {
      answers.say('Nothing was changed.');
      return 0;
    }
    const { plan, found } = await planned(options, config, answers, stop.signal);
    if (stop.signal.aborted) throw stopped();
    const written = write(options, config, plan);
    report(options, config, plan, found, written);
    return 0;
  } finally {
    answers.close();
    stopping.end();
  }
}

// ---- asking ----------------------------------------------------------------------------------------------------

/** Settings and sealed keys of this connection are replaced only where somebody says so. */
async function mayReplace(options: InitOptions, config: Config, answers: Answers): Promise<boolean> {
  const file = settingsFile(config);
  const sealed = config.sealedSecrets
    .listSecrets()
    .filter((name) => [...KEY_NAMES, ...TOKEN_NAMES].some((own) => own === name));
  const standing = [...(existsSync(file) ? [file] : []), ...sealed.map((name) => `the sealed ${name}`)];
  if (standing.length === 0 || options.force === true) return true;
  const list = standing.join(' and ');
  if (!answers.interactive) {
    throw new TruebookError('config', `${list} ${standing.length === 1 ? 'exists' : 'exist'} already.`, {
      hint: `Nothing was changed. With --force it is replaced; the old file is kept as ${backupOf(file)}.`,
    });
  }
  const answer = await answers.ask({
    text: `${list} ${standing.length === 1 ? 'exists' : 'exist'} already. Replace (yes, no)`,
    fallback: 'no',
    otherwise: '--force',
    problem: (text) => (/^(y|yes|n|no)$/i.test(text) ? null : 'Answer yes or no.'),
  });
  return /^y/i.test(answer);
}

/** Asks until the broker answers, as often as a person wants to try. */
async function planned(
  options: InitOptions,
  config: Config,
  answers: Answers,
  signal: AbortSignal,
): Promise<{ plan: Plan; found: Found | null }> {
  await askBroker(options, answers);
  const env = await askEnv(options, config, answers);
  refuseOtherCredential(options, config);
  for (let again = false; ; again = true) {
    const credentials = await askCredentials(options, answers, again);
    const database = await askDatabase(options, config, answers);
    const plan = { env, credentials, database };
    if (options.check === false) return { plan, found: null };
    const found = await tryConnection(config, plan, signal);
    if (!isTruebookError(found)) return { plan, found };
    if (signal.aborted) throw stopped();
    if (!answers.interactive) throw found;
    answers.say(`${found.message}${found.hint === null ? '' : `\n${found.hint}`}`);
    const next = await answers.ask({
      text: 'Enter the credentials again, write the settings unchecked, or stop (again, write, stop)',
      fallback: 'again',
      otherwise: '--no-check',
      problem: (text) => (/^(again|write|stop)$/i.test(text) ? null : 'Answer again, write or stop.'),
    });
    if (/^stop$/i.test(next)) throw found;
    if (/^write$/i.test(next)) return { plan, found: null };
  }
}

async function askBroker(options: InitOptions, answers: Answers): Promise<void> {
  const readable: readonly string[] = await readableBrokers();
  const problem = (text: string): string | null =>
    readable.includes(text.toLowerCase())
      ? null
      : `"${text.slice(0, 40)}" cannot be read yet; known: ${readable.join(', ')}.`;
  if (options.broker === undefined) {
    await answers.ask({ text: 'Broker', fallback: 'alpaca', otherwise: '--broker', problem });
    return;
  }
  const wrong = problem(options.broker);
  if (wrong !== null)
    throw new TruebookError('usage', `--broker ${wrong}`, { hint: 'Write --broker alpaca.' });
}

async function askEnv(options: InitOptions, config: Config, answers: Answers): Promise<'paper' | 'live'> {
  const problem = (text: string): string | null =>
    /^(paper|live)$/i.test(text) ? null : `"${text.slice(0, 40)}" is neither paper nor live.`;
  if (options.env !== undefined) {
    const wrong = problem(options.env);
    if (wrong !== null)
      throw new TruebookError('usage', `--env ${wrong}`, { hint: 'Write --env paper or --env live.' });
    return options.env.toLowerCase() as 'paper' | 'live';
  }
  // With flags, stdin is for the secret alone.
  if (!answers.interactive && options.broker !== undefined) return config.settings.ALPACA_ENV;
  const answer = await answers.ask({
    text: 'Account (paper, live)',
    fallback: config.settings.ALPACA_ENV,
    otherwise: '--env',
    problem,
  });
  return answer.toLowerCase() as 'paper' | 'live';
}

/** A connection uses either keys or a token; what is sealed is replaced, what stands elsewhere only its owner can remove. */
function refuseOtherCredential(options: InitOptions, config: Config): void {
  const others: readonly string[] = options.oauth === true ? KEY_NAMES : TOKEN_NAMES;
  const standing = config.effective.find(
    ({ name, source, value }) => others.includes(name) && value !== null && source !== 'sealed secrets',
  );
  if (standing === undefined) return;
  const where = standing.path === null ? `the ${standing.source}` : `${standing.path} line ${standing.line}`;
  throw new TruebookError(
    'config',
    `${standing.name} is set in ${where}: a connection uses either a token or keys.`,
    {
      hint: options.oauth === true ? 'Remove it first.' : 'Remove it first, or run `truebook init --oauth`.',
    },
  );
}

async function askCredentials(
  options: InitOptions,
  answers: Answers,
  again: boolean,
): Promise<Plan['credentials']> {
  // What did not work is asked for, wherever it came from.
  const given = again ? {} : environment();
  // With flags, stdin is the secret alone; without, it is one answer after the other.
  const secretAlone = !answers.interactive && options.broker !== undefined;
  const hidden = async (text: string, name: string, flag: string | null): Promise<Secret> => {
    const fromEnvironment = given[name];
    if (fromEnvironment !== undefined && fromEnvironment !== '') return sendable(fromEnvironment, name);
    if (secretAlone && flag !== null) {
      throw new TruebookError('usage', `The key id is missing.`, {
        hint: `Give it with ${flag}, or set ${name}.`,
      });
    }
    const typed = secretAlone
      ? (await answers.secret('')).trim()
      : await answers.ask({ text, fallback: null, hidden: true, otherwise: flag ?? `stdin or ${name}` });
    if (typed === '') {
      throw new TruebookError('usage', `${text}: nothing was given on stdin.`, {
        hint: `Pipe it, or set ${name}: printf %s "$VALUE" | truebook init --broker alpaca ...`,
      });
    }
    return sendable(typed, name);
  };
  if (options.oauth === true) {
    return { kind: 'oauth', token: await hidden('OAuth token (not shown)', 'ALPACA_OAUTH_TOKEN', null) };
  }
  const keyId =
    options.keyId === undefined || again
      ? await hidden('Key id (not shown)', 'ALPACA_API_KEY', '--key-id')
      : sendable(options.keyId, 'ALPACA_API_KEY');
  return { kind: 'key', keyId, secretKey: await hidden('Secret key (not shown)', 'ALPACA_SECRET_KEY', null) };
}

/** Refused here and unshown: what cannot be a header would show up in an error of the sender. */
function sendable(text: string, name: string): Secret {
  registerSecret(text);
  if (/^[\x21-\x7e]+$/.test(text)) return new Secret(text);
  throw new TruebookError(
    'usage',
    `What was given for ${name} holds spaces, quotes or other signs no key has.`,
    {
      hint: 'Copy it again from the dashboard of the broker.',
    },
  );
}

async function askDatabase(options: InitOptions, config: Config, answers: Answers): Promise<WrittenDatabase> {
  const { source } = config.effective.find(({ name }) => name === 'DATABASE_URL')!;
  if (options.database !== undefined) {
    const database = writtenDatabase(options, options.database);
    if (database.secret) {
      throw new TruebookError(
        'usage',
        '--database must not hold a password: arguments end up in the history.',
        {
          hint: 'Set DATABASE_URL in the environment instead; it is sealed then.',
        },
      );
    }
    return database;
  }
  // It is set already: that it stays so is what its owner wants.
  const standing = environment()['DATABASE_URL'];
  if (standing !== undefined && standing !== '') return writtenDatabase(options, standing);
  const fallback = config.database.shown;
  const readsOn = answers.interactive || options.broker === undefined;
  const answer = readsOn
    ? await answers.ask({
        text: 'Database (sqlite:PATH or postgres://...)',
        fallback,
        otherwise: '--database',
        problem: (text) => (text === fallback ? null : problemOf(() => writtenDatabase(options, text))),
      })
    : fallback;
  if (answer === fallback && source === 'default') return { kind: 'default', shown: fallback, secret: false };
  return answer === fallback
    ? { kind: 'elsewhere', shown: fallback, secret: false }
    : writtenDatabase(options, answer);
}

function problemOf(attempt: () => unknown): string | null {
  try {
    attempt();
    return null;
  } catch (error) {
    if (!isTruebookError(error)) throw error;
    return `${error.message} ${error.hint ?? ''}`.trim();
  }
}

// ---- checking --------------------------------------------------------------------------------------------------

/** What the broker said of the account. */
interface Found {
  /** Of the account number; null where the broker tells none. */
  readonly last4: string | null;
}

/** Reads the account once, with a book in memory. Answers what went wrong instead of throwing it. */
async function tryConnection(
  config: Config,
  plan: Plan,
  signal: AbortSignal,
): Promise<Found | TruebookError> {
  const { ALPACA_PAPER_URL, ALPACA_LIVE_URL, ALPACA_DATA_URL } = config.settings;
  const tradingUrl = plan.env === 'live' ? ALPACA_LIVE_URL : ALPACA_PAPER_URL;
  const connection: AlpacaConnection = {
    name: 'alpaca',
    suffix: null,
    env: plan.env,
    broker: 'alpaca',
    addresses: {
      tradingUrl,
      dataUrl: ALPACA_DATA_URL,
      streamUrl: `${tradingUrl.replace(/^http/, 'ws')}/stream`,
    },
    credentials: plan.credentials,
  };
  const alone: Config = {
    ...config,
    connections: [connection],
    incompleteConnections: [],
    database: { kind: 'sqlite', path: ':memory:', shown: 'sqlite::memory:' },
  };
  return withBook({ config: alone }, async (book) => {
    const [account] = await book.agentAccounts();
    const read = await account!.broker.readBalances(signal);
    return read.kind === 'complete' ? { last4: read.rows.accountLast4 } : read.error;
  });
}

// ---- writing ---------------------------------------------------------------------------------------------------

interface Written {
  readonly file: string;
  /** Where the file that stood there is kept; null where none stood. */
  readonly backup: string | null;
  readonly sealed: readonly string[];
  readonly forgotten: readonly string[];
}

/** Without a pause in between: a signal is heard before or after, never in the middle. */
function write(options: InitOptions, config: Config, plan: Plan): Written {
  const file = settingsFile(config);
  const { credentials, database } = plan;
  const seal: Record<string, Secret> =
    credentials.kind === 'oauth'
      ? { ALPACA_OAUTH_TOKEN: credentials.token }
      : { ALPACA_API_KEY: credentials.keyId, ALPACA_SECRET_KEY: credentials.secretKey };
  if (database.kind === 'written' && database.secret) seal['DATABASE_URL'] = new Secret(database.text);
  const others: readonly string[] = credentials.kind === 'oauth' ? KEY_NAMES : TOKEN_NAMES;
  const forgotten = config.sealedSecrets.listSecrets().filter((name) => others.includes(name));
  const unique = (): string => randomBytes(6).toString('hex');
  const place = (path: string, text: string): void => writePrivateFile(path, text, unique(), 'replace');
  const backup = existsSync(file) ? backupOf(file) : null;
  try {
    if (backup !== null) place(backup, readFileSync(file, 'utf8'));
    const undo = config.sealedSecrets.changeSecrets({ seal, forget: forgotten });
    try {
      place(file, settingsText(config, plan.env, database, options.oauth === true));
    } catch (error) {
      undo();
      throw error;
    }
  } catch (error) {
    if (isTruebookError(error)) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new TruebookError('config', `${config.home} cannot be written (${code}); nothing was set up.`, {
      hint: 'Make the folder writable, or set TRUEBOOK_HOME to another one.',
      cause: error,
    });
  }
  return { file, backup, sealed: Object.keys(seal), forgotten };
}

function settingsFile(config: Config): string {
  return join(config.home, 'truebook.yaml');
}

/** The first free name: an older backup is never lost. */
function backupOf(file: string): string {
  for (let number = 1; ; number += 1) {
    const backup = number === 1 ? `${file}.bak` : `${file}.bak${number}`;
    if (!existsSync(backup)) return backup;
  }
}

function stopped(): TruebookError {
  return new TruebookError('stopped', 'Stopped; nothing was written.');
}

// ---- telling ---------------------------------------------------------------------------------------------------

const NEXT_STEPS = [
  ['truebook doctor', 'checks everything'],
  ['truebook sync', 'the first run: reads the whole history'],
  ['truebook agent', 'keeps it fresh until it is stopped'],
  ['truebook status', 'says how fresh it is'],
] as const;

function report(
  options: InitOptions,
  config: Config,
  plan: Plan,
  found: Found | null,
  written: Written,
): void {
  const account = `alpaca-${plan.env}`;
  const notes = notesOf(options, plan, written);
  const { file, backup, sealed, forgotten } = written;
  const last4 = found?.last4 ?? null;
  if (options.json === true) {
    printJson({
      account,
      env: plan.env,
      checked: found !== null,
      accountLast4: last4,
      file,
      backup,
      database: plan.database.shown,
      sealed,
      forgotten,
      notes,
      next: NEXT_STEPS.map(([command]) => command),
    });
    return;
  }
  printLine(
    found === null
      ? 'The connection was not checked.'
      : `The connection works: ${account}${last4 === null ? '' : ` (number ****${last4})`} can be read.`,
  );
  printLine(`Written:   ${file}${backup === null ? '' : ` (the old one is ${backup})`}`);
  printLine(`Sealed:    ${sealed.join(', ')} in ${config.sealedSecrets.path}`);
  if (forgotten.length > 0) printLine(`Forgotten: ${forgotten.join(', ')}`);
  printLine(`Database:  ${plan.database.shown}`);
  for (const note of notes) printProblem(`note: ${note}`);
  printLine('\nNext:');
  for (const [command, meaning] of NEXT_STEPS) printLine(`  ${command.padEnd(18)}${meaning}`);
}

/** What a person should know of the result: a place that wins over what was written, and what a key can do. */
function notesOf(options: InitOptions, plan: Plan, { file, sealed }: Written): string[] {
  const given = environment();
  const after = loadSettings(options, { onSecretFailure: 'warn' });
  const own = [...sealed, 'ALPACA_ENV'];
  const notes = after.effective
    .filter(
      ({ name, source, path }) =>
        own.includes(name) && !['sealed secrets', 'default'].includes(source) && path !== file,
    )
    // Taken from there, so it is the same.
    .filter(({ name }) => !(sealed.includes(name) && (given[name] ?? '') !== ''))
    .map(({ name, source, path, line }) => {
      const where = path === null ? `the ${source}` : `${path}${line === null ? '' : ` line ${line}`}`;
      return `${name} in ${where} wins over what was written.`;
    });
  if (plan.credentials.kind === 'key' && plan.env === 'live') {
    notes.push(
      'Whoever holds these keys can trade. A token without scopes can only read: truebook init --oauth.',
    );
  }
  return [...notes, ...after.warnings];
}
