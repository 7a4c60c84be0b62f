/**
 * The log: one line per event, on the console and always in the log file, as `seeds/000` shows it:
 * `2025-11-21 14:30:00 - BackgroundSyncAgent - INFO - Starting sync cycle #12` (local time), or one JSON object per
 * line. Knows nothing of the other rooms, so that every room may use it.
 */
import {
  chmodSync,
  closeSync,
  copyFileSync,
  existsSync,
  fchmodSync,
  fstatSync,
  ftruncateSync,
} from 'node:fs';
import { mkdirSync, openSync, renameSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { pino } from 'pino';
import type { Logger as PinoLogger } from 'pino';

export type LogLevel = 'DEBUG' | 'INFO' | 'WARNING' | 'ERROR';

/** Facts beside the message: shown by `json`, left out by `text`. */
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

/** What the log needs of a clock: milliseconds since 1970. */
export interface LogClock {
  wallMs(): number;
}

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warning(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same log with these fields on every line. */
  with(fields: LogFields): Logger;
  /** Closes the file. Lines written later go to the console only. */
  close(): void;
}

export interface LoggerOptions {
  /** Made with 0600, its folder with 0700. null: no file. */
  readonly file: string | null;
  readonly format?: 'text' | 'json';
  readonly level?: LogLevel;
  /** true = stdout; commands whose stdout is data use `stderr`. */
  readonly console?: boolean | 'stdout' | 'stderr' | ((line: string) => void);
  readonly name?: string;
  readonly clock?: LogClock;
  /** The file is rotated before it grows beyond this. */
  readonly maxBytes?: number;
  /** How many rotated files (`.1` is the newest) are kept. */
  readonly keep?: number;
}

const DEFAULT_MAX_BYTES = 10_000_000;
const DEFAULT_KEEP = 5;

/** Opens the log. Never throws: a file that cannot be written is told once on the console. */
export function createLogger(options: LoggerOptions): Logger {
  const format = options.format ?? 'text';
  const name = options.name ?? 'BackgroundSyncAgent';
  const clock = options.clock ?? { wallMs: () => Date.now() };
  const toConsole = consoleWriter(options.console ?? false);
  const tellProblem = toConsole ?? consoleWriter('stderr') ?? (() => undefined);
  const file = options.file === null ? null : new LogFile(options, options.file, tellProblem);

  const write = (json: string): void => {
    const line = scrub(format === 'json' ? json.trimEnd() : textLine(json));
    toConsole?.(line);
    file?.write(line);
  };
  const log = pino(
    {
      base: { name },
      customLevels: { warning: 40 },
      level: pinoLevel(options.level ?? 'INFO'),
      formatters: { level: (label) => ({ level: label.toUpperCase() }) },
      timestamp: () => `,"time":"${new Date(clock.wallMs()).toISOString()}"`,
    },
    { write },
  );
  return wrap(log, () => file?.close());
}

type WarningLogger = PinoLogger<'warning'>;

function wrap(log: WarningLogger, close: () => void): Logger {
  return {
    debug: (message, fields) => log.debug(ownNames(fields), oneLine(message)),
    info: (message, fields) => log.info(ownNames(fields), oneLine(message)),
    warning: (message, fields) => log.warning(ownNames(fields), oneLine(message)),
    error: (message, fields) => log.error(ownNames(fields), oneLine(message)),
    with: (fields) => wrap(log.child(ownNames(fields)), close),
    close,
  };
}

/** A field called like a part of the line itself would stand in for it. */
function ownNames(fields: LogFields | undefined): LogFields {
  const reserved = /^(?:time|level|name|msg)$/;
  return Object.fromEntries(
    Object.entries(fields ?? {}).map(([name, value]) => [reserved.test(name) ? `${name}_` : name, value]),
  );
}

function pinoLevel(level: LogLevel): string {
  return level.toLowerCase();
}

/** A message stays one line: what a broker or a file name puts into it cannot forge a second one. */
function oneLine(message: string): string {
  return message.replace(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    if (character === '\n') return '\\n';
    if (character === '\r') return '\\r';
    if (character === '\t') return '\\t';
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

function textLine(json: string): string {
  const line = JSON.parse(json) as { time: string; name: string; level: string; msg: string };
  return `${localTime(new Date(line.time))} - ${line.name} - ${line.level} - ${line.msg}`;
}

/** `2025-11-21 14:30:00` in the machine's own zone. */
function localTime(date: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

// ---- console ---------------------------------------------------------------------------------------------------

const guarded = new WeakSet<NodeJS.WriteStream>();

function consoleWriter(target: LoggerOptions['console']): ((line: string) => void) | null {
  if (target === undefined || target === false) return null;
  if (typeof target === 'function') return target;
  const stream = target === 'stderr' ? process.stderr : process.stdout;
  if (!guarded.has(stream)) {
    // `truebook agent | head`: a reader that went away must not end a sync.
    stream.on('error', () => undefined);
    guarded.add(stream);
  }
  return (line) => void stream.write(`${line}\n`);
}

// ---- file ------------------------------------------------------------------------------------------------------

/** Appends lines; rotates by copying and cutting, so that the file keeps its name and inode for `tail -f`. */
class LogFile {
  readonly #path: string;
  readonly #maxBytes: number;
  readonly #keep: number;
  readonly #tellProblem: (line: string) => void;
  #handle: number | null = null;
  #closed = false;
  #failing = false;

  constructor(options: LoggerOptions, path: string, tellProblem: (line: string) => void) {
    this.#path = path;
    this.#maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES;
    this.#keep = Math.max(1, options.keep ?? DEFAULT_KEEP);
    this.#tellProblem = tellProblem;
  }

  write(line: string): void {
    if (this.#closed) return;
    const bytes = Buffer.from(`${line}\n`, 'utf8');
    try {
      this.#append(bytes);
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) {
        const reason = error instanceof Error ? error.message : String(error);
        this.#tellProblem(scrub(`The log file ${this.#path} cannot be written: ${oneLine(reason)}`));
      }
      this.#failing = true;
    }
  }

  close(): void {
    this.#closed = true;
    this.#release();
  }

  #append(bytes: Buffer): void {
    let handle = this.#handle ?? this.#open();
    const facts = fstatSync(handle);
    if (facts.nlink === 0) {
      // Somebody deleted it: writing on would go into a file nobody can see.
      this.#release();
      handle = this.#open();
    } else if (facts.size > 0 && facts.size + bytes.length > this.#maxBytes) {
      this.#rotate(handle);
    }
    for (let offset = 0; offset < bytes.length;) offset += writeSync(handle, bytes, offset);
  }

  #open(): number {
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    this.#handle = openSync(this.#path, 'a', 0o600);
    // One made before us, or under another umask, may be open to others. `/dev/null` must stay as it is.
    if (fstatSync(this.#handle).isFile()) fchmodSync(this.#handle, 0o600);
    return this.#handle;
  }

  #rotate(handle: number): void {
    for (let number = this.#keep - 1; number >= 1; number -= 1) {
      if (existsSync(`${this.#path}.${number}`)) {
        renameSync(`${this.#path}.${number}`, `${this.#path}.${number + 1}`);
      }
    }
    copyFileSync(this.#path, `${this.#path}.1`);
    chmodSync(`${this.#path}.1`, 0o600);
    ftruncateSync(handle, 0);
  }

  #release(): void {
    if (this.#handle !== null) closeSync(this.#handle);
    this.#handle = null;
  }
}

// ---- last resort against secrets --------------------------------------------------------------------------------

/** Shorter words are no secrets and would blot out ordinary text. */
const SHORTEST_SECRET = 5;

const secrets = new Set<string>();
let secretPattern: RegExp | null = null;

/** From now on no line of any log shows this value, in no usual spelling: plain, JSON, URL, base64 (also of `user:value`). */
export function registerSecret(value: string): void {
  if (value.length < SHORTEST_SECRET || secrets.has(value)) return;
  secrets.add(value);
  const spellings = new Set([...secrets].flatMap((secret) => spellingsOf(secret)));
  const longestFirst = [...spellings].sort((left, right) => right.length - left.length);
  secretPattern = new RegExp(
    longestFirst.map((text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')).join('|'),
    'g',
  );
}

/** The text without any registered secret. Also for error texts on their way to a terminal or an API. */
export function scrub(text: string): string {
  return secretPattern === null ? text : text.replace(secretPattern, '[secret]');
}

function spellingsOf(secret: string): string[] {
  const json = JSON.stringify(secret).slice(1, -1);
  const url = encodeURIComponent(secret);
  const hex = Buffer.from(secret, 'utf8').toString('hex');
  return [
    secret,
    json,
    JSON.stringify(json).slice(1, -1),
    url,
    url.replaceAll('%20', '+'),
    oneLine(secret),
    hex,
  ].concat(base64Spellings(secret));
}

/** Base64 of the secret inside a longer text: three alignments, without the characters that mix with neighbours. */
function base64Spellings(secret: string): string[] {
  const bytes = Buffer.from(secret, 'utf8');
  const spellings: string[] = [];
  for (const shift of [0, 1, 2]) {
    const padded = Buffer.concat([Buffer.alloc(shift), bytes]);
    const whole = padded.toString('base64').replace(/=+$/, '');
    const first = Math.ceil((shift * 8) / 6);
    const last = Math.floor((padded.length * 8) / 6);
    const inner = whole.slice(first, last);
    // Too short to be sure: four characters occur in any text.
    if (inner.length >= 6) spellings.push(inner, inner.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return spellings;
}
