/** One call from everything a user may have written to one `Config`. Design section 7. */
import { registerSecret } from '../log.ts';
import { TruebookError } from '../domain/errors.ts';
import { isLoopbackUrl } from '../domain/loopback.ts';
import { buildConnections, connectionName, inheritsPlain, staysOnThisMachine } from './connections.ts';
import type { Connection, ConnectionKey, IncompleteConnection } from './connections.ts';
import { dataFolder, resolvePath } from './paths.ts';
import type { Machine } from './paths.ts';
import { openSealedSecrets } from './sealed.ts';
import type { RandomBytes } from './masterKey.ts';
import type { SealedSecrets } from './sealed.ts';
import { Secret } from './secret.ts';
import { definitionOf, isSettingName, SETTING_NAMES, settingNameFor, splitSuffix } from './settings.ts';
import type {
  BrokerName,
  Database,
  SettingDefinition,
  SettingName,
  Settings,
  SettingValue,
} from './settings.ts';
import {
  applyConfigFiles,
  lookedUpLayers,
  lookupFolders,
  mapLayer,
  originText,
  requiredFileLayer,
  warnAboutEnvironmentBesideSandbox,
  wrong,
} from './sources.ts';
import type { Entry, Layer, Origin, SourceKind } from './sources.ts';
import { databaseSecrets, parseValue, shownValue } from './values.ts';

export interface LoadOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The working folder: files are looked up there first, relative paths of environment and flags count from it. */
  readonly cwd: string;
  readonly machine: Machine;
  /** For making a key and sealing; loading itself uses no chance. */
  readonly randomBytes: RandomBytes;
  /** The data folder when no source names one; default: the platform's. */
  readonly home?: string;
  /** `--config`, in the order given. */
  readonly configFiles?: readonly string[];
  readonly flags?: Flags;
  /**
   * `throw` (default), or `warn` for `config`, `doctor` and `secret`, which must run while the key is wrong: the
   * secrets that cannot be opened then count as missing.
   */
  readonly onSecretFailure?: 'throw' | 'warn';
}

/** `interval` is `--interval` (seconds or `5m`) and wins over every interval setting; other keys are setting names. */
export type Flags = { readonly interval?: string } & { readonly [Name in SettingName]?: string };

/** What holds for the accounts of one broker. */
export interface BrokerRules {
  /** Scheduled runs. */
  readonly enabled: boolean;
  readonly intervalSeconds: number;
  readonly freshMaxAgeSeconds: number;
}

/** One line of `truebook config`; `value` is safe to show, null = unset. */
export interface EffectiveSetting {
  readonly name: string;
  readonly value: string | null;
  /** `default`, `environment`, `flag`, `.env`, ... */
  readonly source: SourceKind;
  readonly path: string | null;
  readonly line: number | null;
  readonly doc: string;
}

export interface Config {
  /** The data folder, absolute. It need not exist yet. */
  readonly home: string;
  readonly settings: Settings;
  readonly database: Database;
  readonly connections: readonly Connection[];
  readonly incompleteConnections: readonly IncompleteConnection[];
  readonly rules: Readonly<Record<BrokerName, BrokerRules>>;
  readonly effective: readonly EffectiveSetting[];
  /** In the order they were applied: later wins. */
  readonly filesRead: readonly { readonly kind: SourceKind; readonly path: string }[];
  /** Sentences for the user; they hold no secret. */
  readonly warnings: readonly string[];
  readonly sealedSecrets: SealedSecrets;
}

/** Reads every source and answers the whole configuration, or throws `config` / `secret_*` with the place and the fix. */
export function loadConfig(options: LoadOptions): Config {
  const warnings: string[] = [];
  const { interval, ...flagSettings } = options.flags ?? {};
  const configLayers = (options.configFiles ?? []).map((path) =>
    requiredFileLayer(path, options.cwd, warnings),
  );
  const above = [
    ...configLayers,
    mapLayer('environment', options.env, options.cwd, warnings),
    mapLayer('flag', flagSettings, options.cwd, warnings),
  ];
  const home = findHome(options, above);
  const folders = lookupFolders(options.cwd, home);
  const fileLayers = [
    ...lookedUpLayers('truebook.yaml', folders, warnings),
    ...lookedUpLayers('config.yaml', folders, warnings),
    ...lookedUpLayers('.env', folders, warnings),
  ];
  const written = [...fileLayers, ...above];
  const reader = new SettingReader(options, home, warnings);
  const sealedSecrets = reader.openSealed(written);
  const layers = applyConfigFiles([sealedLayer(sealedSecrets, home, options, warnings), ...written]);
  reader.take(layers);

  const keys = connectionKeys(layers).filter((key) => hasOneCredential(reader, key, options, warnings));
  const { connections, incomplete } = buildConnections(keys, (base, suffix) => reader.valueFor(base, suffix));
  const settings = reader.settings();
  warnAboutOpenFiles(layers, options, warnings);
  warnAboutEnvironmentBesideSandbox(layers, warnings);
  warnAboutMixedKeys(reader, connections, warnings);
  for (const { name, missing } of incomplete) {
    warnings.push(`The connection ${name} is incomplete: ${missing.join(' and ')} missing. It is not used.`);
  }
  refuseClockAwayFromSandbox(settings, connections);
  return {
    home,
    settings,
    database: settings.DATABASE_URL,
    connections,
    incompleteConnections: incomplete,
    rules: brokerRules(settings, interval),
    effective: reader.effective(),
    filesRead: written.flatMap(({ kind, path }) => (path === null ? [] : [{ kind, path }])),
    warnings,
    sealedSecrets,
  };
}

/** Below this a broker may limit us (seeds/000): commands warn, nothing is refused. */
export const RISKY_INTERVAL_SECONDS = 120;

/** Parses `--interval`, `--max-age` and the like: seconds or `5m`, as whole seconds. Throws `usage`. */
export function parseDurationFlag(flag: string, text: string): number {
  const parsed = parseValue(DURATION_FLAG, text, { folder: '', userHome: '' });
  if (parsed.ok) return parsed.value as number;
  throw new TruebookError('usage', `${flag} ${parsed.problem}`, { hint: parsed.hint });
}

const DURATION_FLAG: SettingDefinition = { group: '', type: 'duration', default: null, min: 1, doc: '' };

// ---- the data folder -------------------------------------------------------------------------------------------

function findHome(options: LoadOptions, above: readonly Layer[]): string {
  // Files of the working folder may name it too, but only files outside the data folder can.
  const here = [
    ...lookedUpLayers('truebook.yaml', [options.cwd], []),
    ...lookedUpLayers('config.yaml', [options.cwd], []),
    ...lookedUpLayers('.env', [options.cwd], []),
  ];
  const userHome = options.machine.userHome;
  for (const layer of [...here, ...above].reverse()) {
    const entry = layer.entries.findLast(({ base }) => base === 'TRUEBOOK_HOME');
    if (entry !== undefined) return resolvePath(entry.text.trim(), layer.folder, userHome);
  }
  return resolvePath(options.home ?? dataFolder(options.env, options.machine), options.cwd, userHome);
}

// ---- sealed secrets as the lowest source ------------------------------------------------------------------------

function sealedLayer(
  sealedSecrets: SealedSecrets,
  home: string,
  options: LoadOptions,
  warnings: string[],
): Layer {
  const names = orWarn(() => sealedSecrets.listSecrets(), options, warnings) ?? [];
  const entries: Entry[] = [];
  for (const name of names) {
    const { base, suffix } = splitSuffix(name);
    // Other names are kept for `sealed:NAME` in a file.
    if (!isSettingName(base) || definitionOf(base).type !== 'secret') continue;
    const origin: Origin = { kind: 'sealed secrets', path: null, line: null };
    entries.push({ base, suffix: suffix?.toUpperCase() ?? null, text: `sealed:${name}`, origin });
  }
  return { kind: 'sealed secrets', path: null, folder: home, entries, declared: [], readableByOthers: false };
}

function orWarn<T>(action: () => T, options: LoadOptions, warnings: string[]): T | null {
  try {
    return action();
  } catch (error) {
    if (options.onSecretFailure !== 'warn' || !(error instanceof TruebookError)) throw error;
    const sentence = error.hint === null ? error.message : `${error.message} ${error.hint}`;
    if (!warnings.includes(sentence)) warnings.push(sentence);
    return null;
  }
}

// ---- values ----------------------------------------------------------------------------------------------------

interface Effective {
  readonly value: SettingValue | null;
  readonly origin: Origin;
}

const BY_DEFAULT: Origin = { kind: 'default', path: null, line: null };

/** Knows for every name which entry won, and reads its value once. */
class SettingReader {
  readonly #options: LoadOptions;
  readonly #home: string;
  readonly #warnings: string[];
  readonly #winners = new Map<string, Effective>();
  #sealedSecrets: SealedSecrets | null = null;

  constructor(options: LoadOptions, home: string, warnings: string[]) {
    this.#options = options;
    this.#home = home;
    this.#warnings = warnings;
  }

  /** The sealed secrets need two settings before all others: the key and where its file is. */
  openSealed(layers: readonly Layer[]): SealedSecrets {
    const early = (wanted: SettingName): SettingValue | null => {
      for (const layer of [...layers].reverse()) {
        const entry = layer.entries.findLast(({ base }) => base === wanted);
        if (entry !== undefined) return this.#read(entry, layer)?.value ?? null;
      }
      return this.#defaultOf(wanted);
    };
    const secretKey = early('TRUEBOOK_SECRET_KEY') as Secret | null;
    if (secretKey !== null) registerSecret(secretKey.reveal());
    this.#sealedSecrets = openSealedSecrets(this.#home, {
      secretKey,
      credentialsFolder: this.#options.env['CREDENTIALS_DIRECTORY'] || null,
      keyFile: early('TRUEBOOK_KEY_FILE') as string,
      operatingSystem: this.#options.machine.operatingSystem,
      randomBytes: this.#options.randomBytes,
    });
    return this.#sealedSecrets;
  }

  take(layers: readonly Layer[]): void {
    const last = new Map<string, { entry: Entry; layer: Layer }>();
    for (const layer of layers) {
      for (const entry of layer.entries) last.set(settingNameFor(entry.base, entry.suffix), { entry, layer });
    }
    for (const [name, { entry, layer }] of last) {
      const read = this.#read(entry, layer);
      if (read === null) continue;
      if (read.value instanceof Secret) registerSecret(read.value.reveal());
      if (entry.base === 'DATABASE_URL') databaseSecrets(read.value as Database).forEach(registerSecret);
      this.#winners.set(name, read);
    }
  }

  /** For a connection: its own value, else what it inherits, else the default. */
  valueFor(base: SettingName, suffix: string | null): SettingValue | null {
    const own = this.#winners.get(settingNameFor(base, suffix));
    if (own !== undefined) return own.value;
    if (suffix !== null && base === 'ALPACA_ENV') {
      // `ALPACA_API_KEY__LIVE` says by its name which account it is for.
      const said = /(?:^|_)(LIVE|PAPER)(?:_|$)/.exec(suffix)?.[1];
      if (said !== undefined) return said.toLowerCase();
    }
    if (suffix !== null && inheritsPlain(base)) return this.valueFor(base, null);
    return this.#defaultOf(base);
  }

  originOf(base: SettingName, suffix: string | null): Origin {
    return this.#winners.get(settingNameFor(base, suffix))?.origin ?? BY_DEFAULT;
  }

  settings(): Settings {
    const values = SETTING_NAMES.map((name) => [name, this.valueFor(name, null)] as const);
    return Object.fromEntries(values) as unknown as Settings;
  }

  effective(): EffectiveSetting[] {
    const names = [...this.#winners.keys()].filter((name) => splitSuffix(name).suffix !== null).sort();
    const all: { name: string; base: SettingName; suffix: string | null }[] = [];
    for (const base of SETTING_NAMES) {
      all.push({ name: base, base, suffix: null });
      for (const name of names) {
        const split = splitSuffix(name);
        if (split.base === base) all.push({ name, base, suffix: split.suffix });
      }
    }
    return all.map(({ name, base, suffix }) => {
      const definition = definitionOf(base);
      const { kind, path, line } = this.originOf(base, suffix);
      const value = shownValue(definition, this.valueFor(base, suffix));
      return { name, value, source: kind, path, line, doc: definition.doc };
    });
  }

  /** Null when the value is to be ignored with a warning. Throws `config` for everything else that cannot be read. */
  #read(entry: Entry, layer: Layer): Effective | null {
    const { base, suffix, origin } = entry;
    const definition = definitionOf(base);
    const reference = /^sealed:(.+)$/.exec(entry.text.trim());
    if (definition.type === 'secret' && reference !== null) {
      return this.#openSealedEntry(entry, reference[1] ?? '');
    }
    // An address of a database may hold a password, so it may be sealed whole.
    if (definition.type === 'database' && reference !== null) {
      const opened = this.#openSealedEntry(entry, reference[1] ?? '');
      return opened === null
        ? null
        : this.#read({ ...entry, text: (opened.value as Secret).reveal() }, layer);
    }
    const where = { folder: layer.folder, userHome: this.#options.machine.userHome };
    const parsed = parseValue(definition, entry.text, where);
    if (parsed.ok) {
      // The data folder was settled before this layer was read.
      return { value: base === 'TRUEBOOK_HOME' ? this.#home : parsed.value, origin };
    }
    const sentence = `${settingNameFor(base, suffix)} ${originText(origin)} ${parsed.problem}`;
    const shared = layer.kind === 'config.yaml' || layer.kind === '.env' || layer.kind === 'environment';
    if (definition.oftenForeign === true && shared) {
      this.#warnings.push(`${sentence} It is ignored.`);
      return null;
    }
    throw wrong(sentence, parsed.hint);
  }

  #openSealedEntry(entry: Entry, sealedName: string): Effective | null {
    const name = settingNameFor(entry.base, entry.suffix);
    const opened = orWarn(
      () => {
        const value = this.#sealedSecrets?.openSecret(sealedName) ?? null;
        if (value === null) {
          throw wrong(
            `${name} ${originText(entry.origin)} names the sealed secret ${sealedName}, which does not exist.`,
            `Run: truebook secret set ${sealedName}`,
          );
        }
        return value;
      },
      this.#options,
      this.#warnings,
    );
    return opened === null ? null : { value: opened, origin: entry.origin };
  }

  #defaultOf(base: SettingName): SettingValue | null {
    const definition = definitionOf(base);
    if (definition.default === null) return null;
    const text = definition.default.replace('<home>', () => this.#home);
    const parsed = parseValue(definition, text, {
      folder: this.#home,
      userHome: this.#options.machine.userHome,
    });
    if (!parsed.ok) throw new TruebookError('internal', `The default of ${base} ${parsed.problem}`);
    return parsed.value;
  }
}

// ---- connections and rules --------------------------------------------------------------------------------------

/** Every connection somebody began to describe: by a name that makes one, or by an item of `connections:`. */
function connectionKeys(layers: readonly Layer[]): ConnectionKey[] {
  const keys = new Map<string, ConnectionKey>();
  const add = (key: ConnectionKey): void => {
    if (!keys.has(connectionName(key))) keys.set(connectionName(key), key);
  };
  for (const layer of layers) {
    for (const declared of layer.declared) add(declared);
    for (const { base, suffix } of layer.entries) {
      const { broker, part } = definitionOf(base);
      if (broker !== undefined && part === 'identity') add({ broker, suffix });
    }
  }
  // By name, so that accounts get the same numbers whatever file is read first.
  return [...keys.values()].sort((left, right) => (connectionName(left) < connectionName(right) ? -1 : 1));
}

function brokerRules(settings: Settings, intervalFlag: string | undefined): Record<BrokerName, BrokerRules> {
  const flag = intervalFlag === undefined ? null : parseDurationFlag('--interval', intervalFlag);
  const rule = (ownInterval: number | null, enabled: boolean): BrokerRules => {
    const intervalSeconds = flag ?? ownInterval ?? settings.POSITION_SYNC_SYNC_INTERVAL;
    return {
      enabled: enabled && settings.POSITION_SYNC_ENABLED,
      intervalSeconds,
      freshMaxAgeSeconds: settings.FRESH_MAX_AGE ?? intervalSeconds + 60,
    };
  };
  return {
    alpaca: rule(settings.ALPACA_SYNC_INTERVAL_MINUTES, settings.ALPACA_SYNC_ENABLED),
    robinhood: rule(null, true),
    ibkr: rule(null, true),
  };
}

/** A simulated time beside real accounts would make old data look fresh. */
function refuseClockAwayFromSandbox(settings: Settings, connections: readonly Connection[]): void {
  if (settings.TRUEBOOK_CLOCK_URL === null) return;
  const away = connections.find((connection) => !staysOnThisMachine(connection));
  if (away === undefined && connections.length > 0 && isLoopbackUrl(settings.TRUEBOOK_CLOCK_URL)) return;
  const reason =
    away !== undefined
      ? `the connection ${away.name} leaves this machine`
      : connections.length === 0
        ? 'there is no sandbox connection'
        : 'the clock is not on this machine';
  throw wrong(
    `TRUEBOOK_CLOCK_URL is set, but ${reason}.`,
    'Remove TRUEBOOK_CLOCK_URL, or use the settings file of `truebook sandbox --clock manual` alone.',
  );
}

function warnAboutOpenFiles(layers: readonly Layer[], options: LoadOptions, warnings: string[]): void {
  if (options.machine.operatingSystem === 'win32') return;
  for (const { path, readableByOthers, entries } of layers) {
    const holdsSecret = entries.some(
      ({ base, text }) => definitionOf(base).type === 'secret' && !text.trim().startsWith('sealed:'),
    );
    if (path === null || !readableByOthers || !holdsSecret) continue;
    warnings.push(`${path} holds secrets and can be read by others. Run: chmod 600 '${path}'`);
  }
}

/**
 * False, with a warning, or an error where secrets must be right: a connection with both a token and keys. They may
 * belong to different accounts, and a key can trade where a token often cannot, so nothing is guessed.
 */
function hasOneCredential(
  reader: SettingReader,
  { broker, suffix }: ConnectionKey,
  options: LoadOptions,
  warnings: string[],
): boolean {
  if (broker !== 'alpaca') return true;
  const set = (['ALPACA_OAUTH_TOKEN', 'ALPACA_API_KEY', 'ALPACA_SECRET_KEY'] as const).filter(
    (name) => reader.valueFor(name, suffix) !== null,
  );
  if (set[0] !== 'ALPACA_OAUTH_TOKEN' || set.length === 1) return true;
  const [token, ...keys] = set.map(
    (name) => `${settingNameFor(name, suffix)} (${originText(reader.originOf(name, suffix))})`,
  );
  const refuse = (): never => {
    throw wrong(
      `${token} and ${keys.join(' and ')} are both set: a connection uses either a token or keys.`,
      'Remove one of them; what is sealed goes with `truebook secret remove NAME`.',
    );
  };
  return orWarn(refuse, options, warnings) !== null;
}

/** A key id from one place with a secret from another is nearly always an accident that looks like a wrong password. */
function warnAboutMixedKeys(
  reader: SettingReader,
  connections: readonly Connection[],
  warnings: string[],
): void {
  const pairs: Partial<Record<BrokerName, readonly [SettingName, SettingName]>> = {
    alpaca: ['ALPACA_API_KEY', 'ALPACA_SECRET_KEY'],
    robinhood: ['ROBINHOOD_USERNAME', 'ROBINHOOD_PASSWORD'],
  };
  for (const { broker, suffix } of connections) {
    const pair = pairs[broker];
    if (pair === undefined) continue;
    const [left, right] = [reader.originOf(pair[0], suffix), reader.originOf(pair[1], suffix)];
    const outside = (origin: Origin): boolean =>
      origin.kind !== 'sealed secrets' && origin.kind !== 'default';
    if (left.kind === right.kind && left.path === right.path) continue;
    if (!outside(left) || !outside(right)) continue;
    warnings.push(
      `${settingNameFor(pair[0], suffix)} stands ${originText(left)}, but ${settingNameFor(pair[1], suffix)} ` +
        `${originText(right)}: do they belong together?`,
    );
  }
}
