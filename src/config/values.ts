/** From the text of a setting to its value, and back to what may be shown. Pure. */
import { Decimal } from '../domain/decimal.ts';
import { isLoopbackHost } from '../domain/loopback.ts';
import { resolvePath } from './paths.ts';
import { Secret } from './secret.ts';
import type { Database, SettingDefinition, SettingValue } from './settings.ts';

/** Where a text was written: relative paths count from `folder`. */
export interface WrittenIn {
  readonly folder: string;
  readonly userHome: string;
}

/** `problem` continues the sentence "NAME in FILE line N ..." and holds no part of a secret. */
export type ParsedValue =
  | { readonly ok: true; readonly value: SettingValue }
  | { readonly ok: false; readonly problem: string; readonly hint: string };

export function parseValue(definition: SettingDefinition, written: string, where: WrittenIn): ParsedValue {
  const text = written.trim();
  switch (definition.type) {
    case 'text':
      if (definition.pattern?.test(text) === false)
        return bad(`cannot be ${quoted(text)}.`, definition.patternHint ?? 'See docs/settings.md.');
      return good(text);
    case 'secret':
      return good(new Secret(text));
    case 'boolean':
      return parseBoolean(text);
    case 'integer':
      return parseInteger(text, definition);
    case 'decimal':
      return parseDecimal(text, definition);
    case 'duration':
      return parseDuration(text, definition);
    case 'choice':
      return parseChoice(text, definition.choices ?? []);
    case 'list':
      return parseList(text, definition.choices);
    case 'path':
      return good(resolvePath(text, where.folder, where.userHome));
    case 'url':
      return parseUrl(text, definition);
    case 'database':
      return parseDatabase(text, where);
  }
}

/** What `truebook config` may print: secrets as `[secret]`, account numbers as their last four characters. */
export function shownValue(definition: SettingDefinition, value: SettingValue | null): string | null {
  if (value === null) return null;
  if (value instanceof Secret) return value.toString();
  if (value instanceof Decimal) return value.toString();
  if (typeof value === 'object') return 'kind' in value ? value.shown : value.join(',');
  const text = String(value);
  if (definition.masked === true) return `…${text.slice(-4)}`;
  return definition.type === 'duration' ? `${text} s` : text;
}

function good(value: SettingValue): ParsedValue {
  return { ok: true, value };
}

function bad(problem: string, hint: string): ParsedValue {
  return { ok: false, problem, hint };
}

function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
}

function parseBoolean(text: string): ParsedValue {
  if (/^(true|yes|on|1)$/i.test(text)) return good(true);
  if (/^(false|no|off|0)$/i.test(text)) return good(false);
  return bad(`must be true or false, not ${quoted(text)}.`, 'Write true or false.');
}

function parseInteger(text: string, definition: SettingDefinition): ParsedValue {
  const value = /^[+-]?\d{1,15}$/.test(text) ? Number.parseInt(text, 10) : null;
  if (value === null || !inRange(value, definition)) {
    return bad(`must be a whole number${rangeText(definition)}, not ${quoted(text)}.`, 'Write digits only.');
  }
  return good(value);
}

function parseDecimal(text: string, definition: SettingDefinition): ParsedValue {
  const value = Decimal.tryParse(text);
  const tooSmall = value !== null && definition.min === 0 && value.toString().startsWith('-');
  if (value === null || tooSmall) {
    return bad(
      `must be a decimal number${rangeText(definition)}, not ${quoted(text)}.`,
      'Write it like 1.0.',
    );
  }
  return good(value);
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

function parseDuration(text: string, definition: SettingDefinition): ParsedValue {
  // `15.0` is what a YAML file says for 15; other fractions have a smaller unit to be written in.
  const match = /^(\d{1,9})(?:\.0+)?\s*(s|sec|seconds?|m|min|minutes?|h|hours?|d|days?)?$/i.exec(text);
  const plainUnit = definition.unit === 'minutes' ? 'm' : 's';
  const unit = match?.[2]?.[0]?.toLowerCase() ?? plainUnit;
  const seconds = match === null ? null : Number.parseInt(match[1] ?? '', 10) * (UNIT_SECONDS[unit] ?? 1);
  if (seconds === null || !inRange(seconds, definition)) {
    const meaning = definition.unit ?? 'seconds';
    return bad(
      `must be a duration${rangeText(definition, ' s')}, not ${quoted(text)}.`,
      `Write whole ${meaning}, or 90s, 5m, 2h, 1d.`,
    );
  }
  return good(seconds);
}

function parseChoice(text: string, choices: readonly string[]): ParsedValue {
  const written = /^warn$/i.test(text) ? 'WARNING' : text;
  const choice = choices.find((candidate) => candidate.toLowerCase() === written.toLowerCase());
  if (choice !== undefined) return good(choice);
  return bad(`must be one of ${choices.join(', ')}, not ${quoted(text)}.`, `Write ${choices.join(' or ')}.`);
}

/** `us_option, crypto`; where only certain words are allowed, as they are spelled there. */
function parseList(text: string, choices: readonly string[] | undefined): ParsedValue {
  const parts = text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
  if (choices === undefined) return good(parts);
  const words: string[] = [];
  for (const part of parts) {
    const choice = parseChoice(part, choices);
    if (!choice.ok) return choice;
    words.push(choice.value as string);
  }
  return good(words);
}

function parseUrl(text: string, definition: SettingDefinition): ParsedValue {
  const hint = 'Write https://host, or http://127.0.0.1:PORT for something on this machine.';
  // What cannot be read may hold a user name and password all the same.
  if (!URL.canParse(text))
    return bad(`is not an address${text.includes('@') ? '' : `: ${quoted(text)}`}.`, hint);
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') return bad('must not hold a user name or password.', hint);
  if (url.search !== '' || url.hash !== '') return bad('must not hold a query or fragment.', hint);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return bad(`must begin with https://.`, hint);
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname)) {
    return bad(`must use https: plain http is allowed only to this machine, and ${url.host} is not.`, hint);
  }
  if (definition.originOnly !== true) return good(url.href.replace(/\/+$/, ''));
  if (!/^\/(v2\/?)?$/.test(url.pathname)) return bad('must be a host without a path.', hint);
  return good(url.origin);
}

function parseDatabase(text: string, where: WrittenIn): ParsedValue {
  const hint = 'Write sqlite:PATH or postgres://user:password@host:5432/database.';
  const sqlite = /^sqlite:(?!\/\/)(.+)$/i.exec(text);
  if (sqlite !== null) {
    const path =
      sqlite[1] === ':memory:' ? ':memory:' : resolvePath(sqlite[1] ?? '', where.folder, where.userHome);
    return good({ kind: 'sqlite', path, shown: `sqlite:${path}` });
  }
  // Python programs name a driver in the scheme (`postgresql+psycopg2`); the rest of the address is the same.
  const postgres = /^postgres(?:ql)?(?:\+[a-z0-9_]+)?:(\/\/.+)$/i.exec(text);
  if (postgres !== null && URL.canParse(`postgres:${postgres[1]}`))
    return good(postgresDatabase(postgres[1] ?? ''));
  return bad('is neither sqlite:PATH nor a postgres:// address (its value is not shown).', hint);
}

function postgresDatabase(rest: string): Database {
  const url = new URL(`postgres:${rest}`);
  // Only what certainly is no secret: a password may also stand in the query.
  const user = url.username === '' ? '' : `${url.username}${url.password === '' ? '' : ':***'}@`;
  const query = url.search === '' ? '' : '?...';
  return {
    kind: 'postgres',
    url: new Secret(`postgres:${rest}`),
    shown: `postgres://${user}${url.host}${url.pathname}${query}`,
  };
}

/** Every spelling of a password inside a database address, for the log's scrubber. */
export function databaseSecrets(database: Database): string[] {
  if (database.kind === 'sqlite') return [];
  const written = database.url.reveal();
  const url = new URL(written);
  const inQuery = url.searchParams.get('password') ?? '';
  const found = [written, url.password, inQuery];
  for (const encoded of [url.password, inQuery]) {
    try {
      found.push(decodeURIComponent(encoded));
    } catch {
      // A lone % is a password too, as it stands.
    }
  }
  return found.filter((text) => text !== '');
}

function inRange(value: number, definition: SettingDefinition): boolean {
  return value >= (definition.min ?? -Infinity) && value <= (definition.max ?? Infinity);
}

function rangeText(definition: SettingDefinition, unit = ''): string {
  const { min, max } = definition;
  if (min !== undefined && max !== undefined) return ` from ${min}${unit} to ${max}${unit}`;
  return min === undefined ? '' : ` of at least ${min}${unit}`;
}
