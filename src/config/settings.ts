/**
 * The one list of every setting: name, type, default, what it means. `docs/settings.md` is written from it, unknown
 * and misspelled names are found with it, and the type of the loaded settings follows from it.
 */
import type { Decimal } from '../domain/decimal.ts';
import type { Secret } from './secret.ts';

export type BrokerName = 'alpaca' | 'robinhood' | 'ibkr';

/** `duration`: whole seconds after reading; written as seconds (or the unit of the name) or `90s`, `5m`, `2h`, `1d`. */
export type SettingType =
  | 'text'
  | 'boolean'
  | 'integer'
  | 'decimal'
  | 'duration'
  | 'choice'
  | 'list'
  | 'path'
  | 'url'
  | 'database'
  | 'secret';

export interface SettingDefinition {
  readonly group: string;
  readonly type: SettingType;
  /** As a person would write it; null = unset. `<home>` stands for the data folder. */
  readonly default: string | null;
  /** Told instead of the default where it is computed. */
  readonly defaultDoc?: string;
  readonly doc: string;
  readonly choices?: readonly string[];
  /** What a text must look like, and how to say it. */
  readonly pattern?: RegExp;
  readonly patternHint?: string;
  readonly min?: number;
  readonly max?: number;
  /** What a plain number means in a duration; seconds unless given. */
  readonly unit?: 'minutes';
  /** Shown as its last four characters only: account numbers. */
  readonly masked?: true;
  /** Belongs to one connection of this broker and takes a suffix `__NAME`. */
  readonly broker?: BrokerName;
  /** `identity`: makes or names the connection, never inherited by another. `address`, `option`: inherited. */
  readonly part?: 'identity' | 'address' | 'option';
  /** Only scheme, host and port count; a `/v2` behind them (as older clients want it) is dropped. */
  readonly originOnly?: true;
  /** Other programs use this name with values of their own: one we cannot read in a shared file is a warning. */
  readonly oftenForeign?: true;
  /** The user's document the name comes from. */
  readonly seed?: '000' | '002' | '003' | '004';
}

const general = { group: 'General' } as const;
const rules = { group: 'Sync rules for all accounts' } as const;
const alpaca = { group: 'Alpaca' } as const;
const robinhood = { group: 'Robinhood' } as const;
const ibkr = { group: 'Interactive Brokers' } as const;
const outside = { group: 'Files, alerts, API' } as const;

export const SETTINGS = {
  TRUEBOOK_HOME: {
    ...general,
    type: 'path',
    default: '<home>',
    defaultDoc: "the platform's data folder for the user",
    doc: 'The data folder: database, key, sealed secrets, log. Read from the environment, `--config` files and files in the working folder.',
  },
  DATABASE_URL: {
    ...general,
    type: 'database',
    default: 'sqlite:<home>/truebook.db',
    doc: 'Where the book is kept: `sqlite:PATH`, `postgres://user:password@host/database`, or `sealed:NAME` for an address that was sealed.',
    seed: '000',
  },
  BASE_CURRENCY: {
    ...general,
    type: 'text',
    pattern: /^[A-Z]{3}$/,
    patternHint: 'Write three capital letters, for example USD.',
    default: 'USD',
    doc: 'The currency totals are shown in.',
  },
  LOG_FILE: {
    ...general,
    type: 'path',
    default: '<home>/background_sync.log',
    doc: 'The log file.',
    seed: '000',
  },
  LOG_FORMAT: {
    ...general,
    type: 'choice',
    choices: ['text', 'json'],
    default: 'text',
    doc: 'Log lines for people or one JSON object per line.',
    oftenForeign: true,
  },
  LOG_LEVEL: {
    ...general,
    type: 'choice',
    choices: ['DEBUG', 'INFO', 'WARNING', 'ERROR'],
    default: 'INFO',
    doc: 'The least important lines that are written.',
    oftenForeign: true,
  },
  TRUEBOOK_SECRET_KEY: {
    ...general,
    type: 'secret',
    default: null,
    doc: 'The key of the sealed secrets: 32 bytes in base64. Wins over the systemd credential `truebook-key`, which wins over the key file.',
  },
  TRUEBOOK_KEY_FILE: {
    ...general,
    type: 'path',
    default: '<home>/master.key',
    doc: 'The file with the key of the sealed secrets; made when the first secret is sealed.',
  },
  TRUEBOOK_CLOCK_URL: {
    ...general,
    type: 'url',
    default: null,
    doc: 'A simulated clock (`truebook sandbox --clock manual`). Accepted only while every broker address is on this machine.',
  },

  POSITION_SYNC_ENABLED: {
    ...rules,
    type: 'boolean',
    default: 'true',
    doc: 'Scheduled runs. When off, manual runs still work and the gate denies with `sync_disabled`.',
    seed: '002',
  },
  POSITION_SYNC_SYNC_INTERVAL: {
    ...rules,
    type: 'duration',
    default: '300',
    min: 1,
    doc: "Time between runs. `--interval` wins over it, and a broker's own interval too.",
    seed: '002',
  },
  POSITION_SYNC_SYNC_ON_TRADE: {
    ...rules,
    type: 'boolean',
    default: 'true',
    doc: 'Run at once when a program announces a trade.',
    seed: '002',
  },
  POSITION_SYNC_SYNC_ON_POSITION_UPDATE: {
    ...rules,
    type: 'boolean',
    default: 'true',
    doc: 'Run at once when a broker pushes a change.',
    seed: '002',
  },
  POSITION_SYNC_MARK_MISSING_AS_CLOSED: {
    ...rules,
    type: 'boolean',
    default: 'false',
    doc: 'Close a position the broker no longer lists, after `MISSING_CONFIRMATIONS` complete answers and a clean deep scan. Off: it stays `missing` until something explains it.',
    seed: '002',
  },
  POSITION_SYNC_CALCULATE_REALIZED_PNL: {
    ...rules,
    type: 'boolean',
    default: 'true',
    doc: 'Work out realized profit when positions close.',
    seed: '002',
  },
  POSITION_SYNC_DEFAULT_ACCOUNT_ID: {
    ...rules,
    type: 'text',
    default: '1',
    doc: 'The account meant when none is named: its integer id or its name.',
    seed: '002',
  },
  POSITION_SYNC_INITIAL_DELAY: {
    ...rules,
    type: 'duration',
    default: null,
    min: 0,
    defaultDoc: 'IBKR: when its session is ready, at most 10 s; others: at once',
    doc: 'Wait before the first run.',
    seed: '002',
  },
  TRADE_SYNC_INTERVAL: {
    ...rules,
    type: 'duration',
    default: '3600',
    min: 1,
    doc: 'Trades are read at least this often.',
    seed: '000',
  },
  FRESH_MAX_AGE: {
    ...rules,
    type: 'duration',
    default: null,
    min: 1,
    defaultDoc: "the account's interval + 60 s",
    doc: 'Data older than this is not fresh.',
  },
  MISSING_CONFIRMATIONS: {
    ...rules,
    type: 'integer',
    default: '3',
    min: 1,
    max: 100,
    doc: 'Complete answers without a position, at least 15 minutes apart, before it may count as closed.',
  },
  GATE_ON_SYNC_FAILURE: {
    ...rules,
    type: 'choice',
    choices: ['deny', 'caution'],
    default: 'deny',
    doc: 'What the gate answers when the sync before a trade failed: `deny`, or allow with a caution.',
  },
  AUTOMATION_ORDER_IDS: {
    ...rules,
    type: 'list',
    default: '',
    doc: 'Client order ids, order references or client ids of your programs, `*` allowed. Every other trade counts as manual.',
  },

  ALPACA_API_KEY: {
    ...alpaca,
    type: 'secret',
    default: null,
    doc: 'The key id.',
    broker: 'alpaca',
    part: 'identity',
    seed: '004',
  },
  ALPACA_SECRET_KEY: {
    ...alpaca,
    type: 'secret',
    default: null,
    doc: 'The secret key of that key id.',
    broker: 'alpaca',
    part: 'identity',
    seed: '004',
  },
  ALPACA_OAUTH_TOKEN: {
    ...alpaca,
    type: 'secret',
    default: null,
    doc: 'An OAuth token instead of the two keys (without scopes it can only read).',
    broker: 'alpaca',
    part: 'identity',
  },
  ALPACA_ENV: {
    ...alpaca,
    type: 'choice',
    choices: ['paper', 'live'],
    default: 'paper',
    defaultDoc: '`paper`; a suffix that contains `LIVE` or `PAPER` says it too',
    doc: 'Which account the keys belong to.',
    broker: 'alpaca',
    part: 'option',
    seed: '004',
  },
  ALPACA_PAPER_URL: {
    ...alpaca,
    type: 'url',
    originOnly: true,
    default: 'https://paper-api.alpaca.markets',
    doc: 'The paper trading API. Plain http only on this machine.',
    broker: 'alpaca',
    part: 'address',
  },
  ALPACA_LIVE_URL: {
    ...alpaca,
    type: 'url',
    originOnly: true,
    default: 'https://api.alpaca.markets',
    doc: 'The live trading API. Plain http only on this machine.',
    broker: 'alpaca',
    part: 'address',
  },
  ALPACA_DATA_URL: {
    ...alpaca,
    type: 'url',
    originOnly: true,
    default: 'https://data.alpaca.markets',
    doc: 'The market data API. Plain http only on this machine.',
    broker: 'alpaca',
    part: 'address',
  },
  ALPACA_SYNC_ENABLED: {
    ...alpaca,
    type: 'boolean',
    default: 'true',
    doc: 'Scheduled runs of Alpaca accounts.',
    seed: '004',
  },
  ALPACA_SYNC_INTERVAL_MINUTES: {
    ...alpaca,
    type: 'duration',
    unit: 'minutes',
    default: null,
    min: 1,
    defaultDoc: '`POSITION_SYNC_SYNC_INTERVAL`',
    doc: 'Time between runs of Alpaca accounts; a plain number means minutes.',
    seed: '004',
  },
  ALPACA_AUTO_SYNC_BEFORE_TRADE: {
    ...alpaca,
    type: 'boolean',
    default: 'true',
    doc: 'The gate syncs an Alpaca account before it answers.',
    seed: '004',
  },
  ALPACA_SYNC_TOLERANCE_PCT: {
    ...alpaca,
    type: 'decimal',
    default: '1.0',
    min: 0,
    doc: 'Percent by which local bankroll and equity may differ.',
    seed: '004',
  },
  ALPACA_SYNC_SLACK_ALERTS: {
    ...alpaca,
    type: 'boolean',
    default: 'true',
    doc: 'Tell Slack about each sync of an Alpaca account (needs `SLACK_WEBHOOK_URL`).',
    seed: '004',
  },
  ALPACA_SYNC_ASSET_CLASSES: {
    ...alpaca,
    type: 'list',
    choices: ['us_equity', 'us_option', 'crypto'],
    default: '',
    defaultDoc: 'all',
    doc: 'Asset classes (`us_equity`, `us_option`, `crypto`) that mirror files and log lines are narrowed to; the book keeps all.',
  },

  ROBINHOOD_USERNAME: {
    ...robinhood,
    type: 'secret',
    default: null,
    doc: 'The user name.',
    broker: 'robinhood',
    part: 'identity',
    seed: '000',
  },
  ROBINHOOD_PASSWORD: {
    ...robinhood,
    type: 'secret',
    default: null,
    doc: 'The password.',
    broker: 'robinhood',
    part: 'identity',
    seed: '000',
  },
  ROBINHOOD_MFA_CODE: {
    ...robinhood,
    type: 'secret',
    default: null,
    doc: 'The TOTP secret of the second factor.',
    broker: 'robinhood',
    part: 'identity',
    seed: '000',
  },
  ROBINHOOD_URL: {
    ...robinhood,
    type: 'url',
    default: null,
    defaultDoc: "Robinhood's own hosts",
    doc: 'One address for all hosts of Robinhood (the sandbox). Plain http only on this machine.',
    broker: 'robinhood',
    part: 'address',
  },

  IBKR_HOST: {
    ...ibkr,
    type: 'text',
    default: '127.0.0.1',
    doc: 'Where TWS or the Gateway runs.',
    broker: 'ibkr',
    part: 'identity',
  },
  IBKR_PORT: {
    ...ibkr,
    type: 'integer',
    default: '7496',
    min: 1,
    max: 65_535,
    doc: 'Its API port: TWS live 7496, TWS paper 7497, Gateway live 4001, Gateway paper 4002.',
    broker: 'ibkr',
    part: 'identity',
  },
  IBKR_CLIENT_ID: {
    ...ibkr,
    type: 'integer',
    default: '17',
    min: 0,
    max: 2_147_483_647,
    doc: 'The API client id; each program at one TWS needs its own.',
    broker: 'ibkr',
    part: 'identity',
  },
  IBKR_ACCOUNT: {
    ...ibkr,
    type: 'text',
    default: null,
    masked: true,
    defaultDoc: 'every account of the login',
    doc: 'Only this account of the login.',
    broker: 'ibkr',
    part: 'identity',
  },
  IBKR_FLEX_TOKEN: {
    ...ibkr,
    type: 'secret',
    default: null,
    doc: 'The token of the Flex Web Service (history).',
    broker: 'ibkr',
    part: 'identity',
  },
  IBKR_FLEX_QUERY_ID: {
    ...ibkr,
    type: 'text',
    default: null,
    doc: 'The number of the Flex query.',
    broker: 'ibkr',
    part: 'identity',
  },
  IBKR_FLEX_URL: {
    ...ibkr,
    type: 'url',
    default: 'https://ndcdyn.interactivebrokers.com/AccountManagement/FlexWebService',
    doc: 'The Flex Web Service. Plain http only on this machine.',
    broker: 'ibkr',
    part: 'address',
  },
  IBKR_TIMEOUT: {
    ...ibkr,
    type: 'duration',
    default: '10',
    min: 1,
    doc: 'How long one question to TWS may take.',
  },

  MIRROR_FILES: {
    ...outside,
    type: 'boolean',
    default: 'true',
    doc: 'Write bankroll, positions, trade history and audit log of Alpaca accounts for bots that read files (docs/mirror.md).',
    seed: '004',
  },
  MIRROR_DIR: {
    ...outside,
    type: 'path',
    default: '<home>/mirror',
    doc: 'The folder of the mirror files; what stands there of an older bot is backed up first.',
  },
  HOOKS: {
    ...outside,
    type: 'path',
    default: null,
    doc: 'A module (`.ts`, `.js`, `.mjs`) with your own steps around each sync: docs/hooks.md.',
  },
  HOOKS_TIMEOUT: {
    ...outside,
    type: 'duration',
    default: '5',
    min: 1,
    max: 600,
    doc: 'How long one hook may take before the sync goes on without it.',
  },
  SLACK_WEBHOOK_URL: {
    ...outside,
    type: 'secret',
    default: null,
    doc: 'The incoming webhook for alerts.',
    seed: '004',
  },
  API_HOST: {
    ...outside,
    type: 'text',
    default: '127.0.0.1',
    doc: 'The address API and dashboard listen on.',
  },
  API_PORT: {
    ...outside,
    type: 'integer',
    default: '8502',
    min: 0,
    max: 65_535,
    doc: 'Their port.',
    seed: '000',
  },
} as const satisfies Record<string, SettingDefinition>;

export type SettingName = keyof typeof SETTINGS;

/** Where the book is kept. `shown` holds no password. */
export type Database =
  | { readonly kind: 'sqlite'; readonly path: string; readonly shown: string }
  | { readonly kind: 'postgres'; readonly url: Secret; readonly shown: string };

interface ValueTypes {
  text: string;
  boolean: boolean;
  integer: number;
  decimal: Decimal;
  /** Whole seconds. */
  duration: number;
  choice: string;
  list: readonly string[];
  /** Absolute. */
  path: string;
  /** Without a slash at its end. */
  url: string;
  database: Database;
  secret: Secret;
}

export type SettingValue = ValueTypes[SettingType];

type ValueOf<D extends SettingDefinition> =
  | (D extends { type: 'choice'; choices: readonly (infer Choice)[] } ? Choice : ValueTypes[D['type']])
  | (D['default'] extends string ? never : null);

/** Every setting after reading. Those of a broker's connection stand for the default connection here. */
export type Settings = { readonly [Name in SettingName]: ValueOf<(typeof SETTINGS)[Name]> };

export const SETTING_NAMES = Object.keys(SETTINGS) as SettingName[];

export function isSettingName(name: string): name is SettingName {
  return Object.hasOwn(SETTINGS, name);
}

export function definitionOf(name: SettingName): SettingDefinition {
  return SETTINGS[name];
}

/** Names that begin so are ours alone: a near-miss there is an error in every source. */
export const OWN_PREFIXES = ['POSITION_SYNC_', 'ALPACA_SYNC_', 'ROBINHOOD_', 'IBKR_', 'TRUEBOOK_'] as const;

/** `ALPACA_API_KEY__LIVE` -> name and suffix; a plain name has suffix null. */
export function splitSuffix(name: string): { base: string; suffix: string | null } {
  const at = name.indexOf('__');
  return at <= 0 ? { base: name, suffix: null } : { base: name.slice(0, at), suffix: name.slice(at + 2) };
}

/** The name a person writes for a setting of one connection. */
export function settingNameFor(base: SettingName, suffix: string | null): string {
  return suffix === null ? base : `${base}__${suffix}`;
}
