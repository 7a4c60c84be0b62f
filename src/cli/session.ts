/** What commands share: their common options, the configuration, the opened book. */
import { compose, type ComposeOptions, type Truebook } from '../compose.ts';
import { loadConfig, type Config, type LoadOptions } from '../config/load.ts';
import { type KeyPlace } from '../config/masterKey.ts';
import { type Account } from '../domain/account.ts';
import { TruebookError } from '../domain/errors.ts';
import { type ListingFormat, printProblem } from './print.ts';
import { environment, homeFolder, operatingSystem, randomBytes, workingFolder } from '../platform.ts';

export interface CommonOptions {
  /** `--config`, in the order given. */
  readonly config?: readonly string[];
  readonly json?: boolean;
}

export interface ListingOptions extends CommonOptions, ListingFormat {
  /** Name or id. */
  readonly account?: string;
}

/** The configuration of this user on this machine. Throws `config` and `secret_*` with place and fix. */
export function loadSettings(
  options: CommonOptions,
  more: Pick<LoadOptions, 'flags' | 'onSecretFailure'> & Partial<Pick<LoadOptions, 'env' | 'cwd'>> = {},
): Config {
  return loadConfig({
    env: environment(),
    cwd: workingFolder(),
    machine: { operatingSystem: operatingSystem(), userHome: homeFolder() },
    randomBytes,
    configFiles: options.config ?? [],
    ...more,
  });
}

/** Opens the book, hands it to `use` and closes it whatever happens. */
export async function withBook<Result>(
  options: ComposeOptions,
  use: (book: Truebook) => Promise<Result>,
): Promise<Result> {
  const book = await compose(options);
  try {
    return await use(book);
  } finally {
    await book.close();
  }
}

/** Throws `usage` where no connection is configured: before a database is made for nobody. */
export function requireConnections(config: Config): void {
  if (config.connections.length > 0) return;
  throw new TruebookError('usage', 'There is no account to keep up to date.', {
    hint: 'Run `truebook init`, set ALPACA_API_KEY and ALPACA_SECRET_KEY, or add a connection to truebook.yaml; `truebook doctor` checks it.',
  });
}

/** For listings: reads the book without being able to write, of one account where `--account` names it. */
export async function readBook<Result>(
  options: ListingOptions,
  use: (book: Truebook, scope: { account?: Account }) => Promise<Result>,
): Promise<Result> {
  const config = loadSettings(options);
  tellWarnings(config);
  return withBook({ config, readonly: true }, async (book) => {
    const scope = options.account === undefined ? {} : { account: await book.account(options.account) };
    return use(book, scope);
  });
}

/** `TRUEBOOK_SECRET_KEY`, `systemd credential PATH`, `key file PATH`. */
export function keyPlaceText({ source, path }: KeyPlace): string {
  return path === null ? 'TRUEBOOK_SECRET_KEY' : `${source} ${path}`;
}

/** On stderr, so that the answer on stdout stays clean. */
export function tellWarnings(config: Config): void {
  for (const warning of config.warnings) printProblem(`warning: ${warning}`);
}
