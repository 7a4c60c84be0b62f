/** Where settings come from, in their order, before anybody asks what they mean. */
import { existsSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { TruebookError } from '../domain/errors.ts';
import { isLoopbackUrl } from '../domain/loopback.ts';
import { readSettingsFile } from './files.ts';
import type { FileConnection, FileContent, FileEntry } from './files.ts';
import { nearestName } from './nearest.ts';
import {
  definitionOf,
  isSettingName,
  OWN_PREFIXES,
  SETTING_NAMES,
  settingNameFor,
  splitSuffix,
} from './settings.ts';
import type { BrokerName, SettingName } from './settings.ts';

export type SourceKind =
  | 'default'
  | 'sealed secrets'
  | 'truebook.yaml'
  | 'config.yaml'
  | '.env'
  | '--config'
  | 'environment'
  | 'flag';

/** Where one value stands. */
export interface Origin {
  readonly kind: SourceKind;
  readonly path: string | null;
  readonly line: number | null;
}

/** One setting as somebody wrote it. `suffix` names its connection in capitals; null is the default connection. */
export interface Entry {
  readonly base: SettingName;
  readonly suffix: string | null;
  readonly text: string;
  readonly origin: Origin;
}

export interface Layer {
  readonly kind: SourceKind;
  readonly path: string | null;
  /** Relative paths in it count from here. */
  readonly folder: string;
  readonly entries: readonly Entry[];
  /** Connections named in `connections:`, which exist even when their secrets stand elsewhere. */
  readonly declared: readonly DeclaredConnection[];
  readonly readableByOthers: boolean;
}

export interface DeclaredConnection {
  readonly broker: BrokerName;
  readonly suffix: string;
  readonly origin: Origin;
}

const BROKERS: readonly BrokerName[] = ['alpaca', 'robinhood', 'ibkr'];

/** `in FILE line 3`, `in the environment`: for sentences. */
export function originText(origin: Origin): string {
  if (origin.path !== null) return `in ${origin.path}${origin.line === null ? '' : ` line ${origin.line}`}`;
  if (origin.kind === 'environment') return 'in the environment';
  if (origin.kind === 'flag') return 'on the command line';
  if (origin.kind === 'sealed secrets') return 'in the sealed secrets';
  return 'by default';
}

/** The layer of one file, null when it does not exist. `truebook.yaml` alone is strict. Adds to `warnings`. */
export function fileLayer(kind: SourceKind, path: string, warnings: string[]): Layer | null {
  const content = readSettingsFile(path);
  if (content === null) return null;
  const strict = basename(path) === 'truebook.yaml';
  const layer = { kind, path, folder: dirname(path), readableByOthers: content.readableByOthers };
  const origin = (line: number | null): Origin => ({ kind, path, line });
  const entries = recogniseAll(content.entries, origin, strict, warnings);
  refuseNested(content, origin, strict, warnings);
  const declared: DeclaredConnection[] = [];
  if (strict || kind === '--config') {
    for (const connection of content.connections) {
      const read = readConnection(connection, origin);
      if (
        declared.some(
          (other) => other.broker === read.declared.broker && other.suffix === read.declared.suffix,
        )
      ) {
        throw wrong(
          `Two connections have the same name ${originText(read.declared.origin)}.`,
          'Rename one of them.',
        );
      }
      declared.push(read.declared);
      entries.push(...read.entries);
    }
  }
  return { ...layer, entries, declared };
}

/** A `--config` file must exist: somebody asked for it by name. */
export function requiredFileLayer(path: string, folder: string, warnings: string[]): Layer {
  const full = resolve(folder, path);
  const layer = fileLayer('--config', full, warnings);
  if (layer === null) {
    throw wrong(`The settings file ${full} (--config) does not exist.`, 'Check the path after --config.');
  }
  return layer;
}

/** The layer of the environment or of flags. */
export function mapLayer(
  kind: 'environment' | 'flag',
  values: Readonly<Record<string, string | undefined>>,
  folder: string,
  warnings: string[],
): Layer {
  const written: FileEntry[] = [];
  for (const [name, text] of Object.entries(values)) {
    if (text !== undefined) written.push({ name, text, line: null });
  }
  const entries = recogniseAll(written, () => ({ kind, path: null, line: null }), false, warnings);
  return { kind, path: null, folder, entries, declared: [], readableByOthers: false };
}

/** The files of one kind that exist, the data folder's first: the working folder's wins. */
export function lookedUpLayers(
  kind: 'truebook.yaml' | 'config.yaml' | '.env',
  folders: readonly string[],
  warnings: string[],
): Layer[] {
  const layers: Layer[] = [];
  for (const folder of folders) {
    const layer = fileLayer(kind, join(folder, kind), warnings);
    if (layer !== null) layers.push(layer);
  }
  return layers;
}

/** Working folder and data folder, without naming the same folder twice; the last one wins. */
export function lookupFolders(workingFolder: string, home: string): string[] {
  return resolve(workingFolder) === resolve(home) || !existsSync(home)
    ? [workingFolder]
    : [home, workingFolder];
}

function recogniseAll(
  written: readonly FileEntry[],
  origin: (line: number | null) => Origin,
  strict: boolean,
  warnings: string[],
): Entry[] {
  const entries: Entry[] = [];
  for (const { name, text, line } of written) {
    const entry = recognise(name, text, origin(line), strict, warnings);
    if (entry !== null) entries.push(entry);
  }
  return entries;
}

function recognise(
  name: string,
  text: string,
  origin: Origin,
  strict: boolean,
  warnings: string[],
): Entry | null {
  const { base, suffix } = splitSuffix(name);
  if (isSettingName(base)) {
    if (suffix === null) return text.trim() === '' ? null : { base, suffix, text, origin };
    if (definitionOf(base).broker !== undefined && /^[A-Za-z0-9][A-Za-z0-9_]*$/.test(suffix)) {
      return text.trim() === '' ? null : { base, suffix: suffix.toUpperCase(), text, origin };
    }
    const problem =
      definitionOf(base).broker === undefined ? 'takes no suffix' : 'has a suffix with strange characters';
    return unknownName(name, `${problem}`, base, origin, strict, warnings);
  }
  if (strict && name === 'connections') return null;
  const meant = nearestName(base, SETTING_NAMES);
  if (meant === null && !strict) return null;
  return unknownName(name, 'is no setting', meant, origin, strict, warnings);
}

/** Throws in a strict file and under our own prefixes, elsewhere leaves a warning: the name may be somebody else's. */
function unknownName(
  name: string,
  problem: string,
  meant: string | null,
  origin: Origin,
  strict: boolean,
  warnings: string[],
): null {
  const shown = name.length > 60 ? `${name.slice(0, 57)}...` : name;
  const sentence = `${shown} ${originText(origin)} ${problem}`;
  const own = OWN_PREFIXES.some((prefix) => name.toUpperCase().startsWith(prefix));
  if (strict || own) {
    throw wrong(
      `${sentence}${meant === null ? '.' : `; did you mean ${meant}?`}`,
      meant === null
        ? 'Remove the line; docs/settings.md lists every setting.'
        : `Write ${meant}, or remove the line.`,
    );
  }
  warnings.push(`${sentence}; did you mean ${meant ?? 'another name'}? It is ignored.`);
  return null;
}

function refuseNested(
  content: FileContent,
  origin: (line: number | null) => Origin,
  strict: boolean,
  warnings: string[],
): void {
  for (const { name, line } of content.nested) {
    if (name === 'connections') {
      if (strict && content.connections.length === 0) {
        throw wrong(
          `connections ${originText(origin(line))} must be a list.`,
          'Begin each item with "- name: ...".',
        );
      }
    } else if (isSettingName(splitSuffix(name).base)) {
      throw wrong(`${name} ${originText(origin(line))} must be one value.`, `Write ${name}: value.`);
    } else {
      recognise(name, 'nested', origin(line), strict, warnings);
    }
  }
}

/** `{name: fun, broker: alpaca, env: live, api_key: ...}` is another spelling of `ALPACA_ENV__FUN`, ... */
function readConnection(
  connection: FileConnection,
  origin: (line: number | null) => Origin,
): { declared: DeclaredConnection; entries: Entry[] } {
  const here = origin(connection.line);
  const written = connection.entries;
  if (written === null) {
    throw wrong(
      `A connection ${originText(here)} is no list of names and values.`,
      'Write `- name: NAME` and the rest as name: value lines below it.',
    );
  }
  const field = (wanted: string): string => written.find(({ name }) => name === wanted)?.text.trim() ?? '';
  const broker = BROKERS.find((candidate) => candidate === field('broker').toLowerCase());
  if (broker === undefined) {
    throw wrong(
      `A connection ${originText(here)} has no known broker.`,
      `Write broker: ${BROKERS.join(' | ')}.`,
    );
  }
  const name = field('name');
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,40}$/.test(name)) {
    throw wrong(
      `A connection ${originText(here)} has no usable name.`,
      'Write name: with letters, digits, - or _.',
    );
  }
  const suffix = name.toUpperCase().replaceAll('-', '_');
  const known = new Map<string, SettingName>();
  for (const setting of SETTING_NAMES) {
    if (definitionOf(setting).broker !== broker) continue;
    known.set(setting, setting);
    known.set(setting.slice(broker.length + 1).toLowerCase(), setting);
  }
  const entries: Entry[] = [];
  for (const { name: key, text, line } of written) {
    if (key === 'name' || key === 'broker') continue;
    const base = known.get(key);
    if (base === undefined) {
      const meant = nearestName(key, known.keys());
      throw wrong(
        `${key} ${originText(origin(line))} is no setting of a connection to ${broker}` +
          (meant === null ? '.' : `; did you mean ${meant}?`),
        `Known there: name, broker, ${[...known.keys()].filter((word) => word === word.toLowerCase()).join(', ')}.`,
      );
    }
    if (text.trim() !== '') entries.push({ base, suffix, text, origin: origin(line) });
  }
  return { declared: { broker, suffix, origin: here }, entries };
}

/**
 * What `--config` does to connections of the layers below it (design section 7): plain names of a broker's
 * connection replace that default connection as a whole, so that one account's key never meets another's secret;
 * and while a `--config` file points at this machine, connections of every other file and the sealed ones are left out.
 */
export function applyConfigFiles(layers: readonly Layer[]): Layer[] {
  const onThisMachine = layers.filter((layer) => layer.kind === '--config' && hasLoopbackAddress(layer));
  return layers.map((layer, index) => {
    if (layer.kind === 'environment' || layer.kind === 'flag') return layer;
    if (onThisMachine.length > 0 && !onThisMachine.includes(layer)) {
      const entries = layer.entries.filter((entry) => definitionOf(entry.base).broker === undefined);
      return { ...layer, entries, declared: [] };
    }
    const replaced = new Set<BrokerName>();
    for (const later of layers.slice(index + 1)) {
      if (later.kind === '--config') for (const broker of plainBrokers(later)) replaced.add(broker);
    }
    const entries = layer.entries.filter((entry) => {
      const { broker } = definitionOf(entry.base);
      return broker === undefined || entry.suffix !== null || !replaced.has(broker);
    });
    return { ...layer, entries };
  });
}

/** Says that credentials of the environment will meet a sandbox: the environment is no file, so they stay in use. */
export function warnAboutEnvironmentBesideSandbox(layers: readonly Layer[], warnings: string[]): void {
  const sandbox = layers.find((layer) => layer.kind === '--config' && hasLoopbackAddress(layer));
  const entries = layers.flatMap(({ kind, entries: own }) => (kind === 'environment' ? own : []));
  const names = entries.filter(({ base }) => definitionOf(base).part === 'identity');
  if (sandbox === undefined || names.length === 0) return;
  const list = names.map(({ base, suffix }) => settingNameFor(base, suffix)).join(', ');
  warnings.push(
    `${list} in the environment is used beside ${sandbox.path ?? 'the sandbox'}, which points at this machine. ` +
      'Unset it to use the sandbox alone.',
  );
}

/** Brokers whose default connection the layer names: an address or `ALPACA_ENV` alone names none. */
function plainBrokers(layer: Layer): Set<BrokerName> {
  const brokers = new Set<BrokerName>();
  for (const entry of layer.entries) {
    const { broker, part } = definitionOf(entry.base);
    if (broker !== undefined && part === 'identity' && entry.suffix === null) brokers.add(broker);
  }
  return brokers;
}

/** `IBKR_HOST` does not count: TWS usually runs on this machine. */
function hasLoopbackAddress(layer: Layer): boolean {
  return layer.entries.some(
    (entry) => definitionOf(entry.base).part === 'address' && isLoopbackUrl(entry.text.trim()),
  );
}

export function wrong(message: string, hint: string): TruebookError {
  return new TruebookError('config', message, { hint });
}
