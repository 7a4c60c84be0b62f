/** The settings file `truebook init` writes: as little as a setup needs, and what was checked is what is written. */
import { type Config } from '../config/load.ts';
import { definitionOf, type SettingName } from '../config/settings.ts';
import { loadSettings, type CommonOptions } from './session.ts';

/** Which database the file will name. `elsewhere`: another source names it and goes on doing so. */
export type WrittenDatabase =
  | { readonly kind: 'default' | 'elsewhere'; readonly shown: string; readonly secret: false }
  | {
      readonly kind: 'written';
      /** As it goes into the file, or sealed where it is a `secret`. */
      readonly text: string;
      readonly shown: string;
      /** Whether it holds, or may hold, a password. */
      readonly secret: boolean;
    };

/** Reads an address as a person wrote it. Throws `config`. */
export function writtenDatabase(options: CommonOptions, text: string): WrittenDatabase {
  const { database } = loadSettings(options, { onSecretFailure: 'warn', flags: { DATABASE_URL: text } });
  const { shown } = database;
  // A relative path counts from the folder it was written in, which the file is not.
  if (database.kind === 'sqlite') return { kind: 'written', text: shown, shown, secret: false };
  return { kind: 'written', text, shown, secret: shown.includes(':***@') || shown.endsWith('?...') };
}

const ADDRESSES = ['ALPACA_PAPER_URL', 'ALPACA_LIVE_URL', 'ALPACA_DATA_URL'] as const;

/** The text of `truebook.yaml`. */
export function settingsText(
  config: Config,
  env: 'paper' | 'live',
  database: WrittenDatabase,
  withToken: boolean,
): string {
  const entries: [SettingName, string][] = [['ALPACA_ENV', env]];
  if (database.kind === 'written')
    entries.push(['DATABASE_URL', database.secret ? 'sealed:DATABASE_URL' : database.text]);
  for (const name of ADDRESSES) {
    const value = config.settings[name];
    if (value !== definitionOf(name).default) entries.push([name, value]);
  }
  const lines = entries.map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`);
  return (
    '# Written by `truebook init`. `truebook config` shows every setting and where it comes from.\n' +
    `# The ${withToken ? 'token stands' : 'keys stand'} sealed in secrets.sealed beside this file: \`truebook secret list\`.\n` +
    lines.join('')
  );
}
