import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { existsSync, mkdirSync, unlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { createLogger, registerSecret, scrub } from '../src/log.ts';
import type { LoggerOptions } from '../src/log.ts';
import { assertNoCanary, plantCanary } from './canary.ts';

const folder = mkdtempSync(join(tmpdir(), 'truebook-log-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let files = 0;
const freshFile = (): string => join(folder, `case-${(files += 1)}`, 'background_sync.log');

/** A Friday, 14:30:00 as the machine's own wall shows it, whatever its zone. */
const HALF_PAST_TWO = new Date(2025, 10, 21, 14, 30, 0).getTime();
const clock = { wallMs: () => HALF_PAST_TWO };

/** A log with its console caught. */
function logged(options: Partial<LoggerOptions> = {}) {
  const lines: string[] = [];
  const file = options.file ?? freshFile();
  const log = createLogger({ clock, console: (line) => lines.push(line), ...options, file });
  return { log, lines, file, read: () => readFileSync(file, 'utf8') };
}

describe('text', () => {
  test('is line by line the format of the guide, on the console and in the file', () => {
    const { log, lines, read } = logged();
    log.info('Starting sync cycle #12');
    log.info('✓ Buying Power: $5,432.10');
    log.warning('slow');
    log.error('gone', { code: 'x' });
    const expected = [
      '2025-11-21 14:30:00 - BackgroundSyncAgent - INFO - Starting sync cycle #12',
      '2025-11-21 14:30:00 - BackgroundSyncAgent - INFO - ✓ Buying Power: $5,432.10',
      '2025-11-21 14:30:00 - BackgroundSyncAgent - WARNING - slow',
      '2025-11-21 14:30:00 - BackgroundSyncAgent - ERROR - gone',
    ];
    expect(lines).toEqual(expected);
    expect(read()).toBe(`${expected.join('\n')}\n`);
  });

  test('shows the local time of the machine, not UTC', () => {
    const script = `
      import { createLogger } from ${JSON.stringify(new URL('../src/log.ts', import.meta.url).href)};
      const clock = { wallMs: () => Date.parse('2025-11-21T19:30:00Z') };
      createLogger({ file: null, console: true, clock }).info('hello');`;
    const child = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
      env: { ...process.env, TZ: 'America/New_York' },
    });
    expect(child.stdout).toBe('2025-11-21 14:30:00 - BackgroundSyncAgent - INFO - hello\n');
  });

  test('stays one line: nobody can forge a second one or colour the terminal', () => {
    const { log, read } = logged();
    log.info('name\n2025-11-21 14:30:00 - BackgroundSyncAgent - INFO - forged\r\u001b[2J\u2028\u202e');
    expect(read().split('\n')).toHaveLength(2);
    expect(read()).toContain('name\\n2025');
    expect(read()).toContain('\\r\\u001b[2J\\u2028\\u202e');
  });
});

describe('levels', () => {
  test.each([
    ['DEBUG', ['DEBUG', 'INFO', 'WARNING', 'ERROR']],
    ['INFO', ['INFO', 'WARNING', 'ERROR']],
    ['WARNING', ['WARNING', 'ERROR']],
    ['ERROR', ['ERROR']],
  ] as const)('%s writes %j', (level, written) => {
    const { log, lines } = logged({ level });
    log.debug('a');
    log.info('a');
    log.warning('a');
    log.error('a');
    expect(lines.map((line) => line.split(' - ')[2])).toEqual(written);
  });
});

describe('json', () => {
  test('is one object per line with its fields', () => {
    const { log, read } = logged({ format: 'json' });
    log.with({ account: 'alpaca-paper' }).warning('late\nanswer', { ms: 12, name: 'mine' });
    expect(read().trimEnd().split('\n')).toHaveLength(1);
    expect(JSON.parse(read())).toEqual({
      time: new Date(HALF_PAST_TWO).toISOString(),
      level: 'WARNING',
      name: 'BackgroundSyncAgent',
      msg: 'late\\nanswer',
      account: 'alpaca-paper',
      ms: 12,
      name_: 'mine',
    });
  });
});

describe('file', () => {
  test('is 0600 in a 0700 folder, also when it was open to others before', () => {
    const first = logged();
    first.log.info('a');
    expect(statSync(first.file).mode & 0o777).toBe(0o600);
    expect(statSync(join(first.file, '..')).mode & 0o777).toBe(0o700);
    chmodSync(first.file, 0o644);
    logged({ file: first.file }).log.info('b');
    expect(statSync(first.file).mode & 0o777).toBe(0o600);
  });

  test('keeps its name and inode at rotation, loses no line, keeps as many as asked', () => {
    const { log, file, read } = logged({ maxBytes: 400, keep: 2 });
    log.info('line 0');
    const inode = statSync(file).ino;
    for (let line = 1; line < 20; line += 1) log.info(`line ${line}`);
    expect(statSync(file).ino).toBe(inode);
    expect(statSync(file).size).toBeLessThanOrEqual(400);
    const kept = [`${file}.2`, `${file}.1`, file].map((path) => readFileSync(path, 'utf8')).join('');
    const numbers = [...kept.matchAll(/line (\d+)/g)].map((match) => match[1]);
    expect(numbers).toEqual(
      Array.from({ length: numbers.length }, (_unused, at) => String(20 - numbers.length + at)),
    );
    expect(numbers.length).toBeGreaterThan(10);
    expect(existsSync(`${file}.3`)).toBe(false);
    expect(statSync(`${file}.1`).mode & 0o777).toBe(0o600);
    expect(read()).toContain('line 19');
  });

  test('is made again when somebody deleted it', () => {
    const { log, file, read } = logged();
    log.info('first');
    unlinkSync(file);
    log.info('second');
    expect(read()).toContain('second');
  });

  test('that cannot be written never throws, is told once, and is used again when it can be', () => {
    const blocked = join(folder, 'blocked');
    writeFileSync(blocked, 'a file where the folder should be');
    const { log, lines, read } = logged({ file: join(blocked, 'background_sync.log') });
    log.info('one');
    log.info('two');
    expect(lines.filter((line) => line.includes('cannot be written'))).toHaveLength(1);
    expect(lines.filter((line) => line.includes(' - INFO - '))).toHaveLength(2);
    unlinkSync(blocked);
    mkdirSync(blocked);
    log.info('three');
    expect(read()).toContain('three');
  });

  test('on a full disk is told once, and a device keeps its rights', () => {
    // Where the system has no device that is always full, a folder refuses every write as well.
    const full = existsSync('/dev/full') ? '/dev/full' : folder;
    const rights = statSync(full).mode;
    const lines: string[] = [];
    const log = createLogger({ file: full, clock, console: (line) => lines.push(line) });
    log.info('one');
    log.info('two');
    expect(lines.filter((line) => /cannot be written: (ENOSPC|EISDIR)/.test(line))).toHaveLength(1);
    expect(statSync(full).mode).toBe(rights);
  });

  test('closed, it is not opened again', () => {
    const { log, lines, file, read } = logged();
    log.info('one');
    log.close();
    unlinkSync(file);
    log.info('two');
    expect(lines).toHaveLength(2);
    expect(() => read()).toThrow();
  });
});

describe('secrets', () => {
  test.each(['text', 'json'] as const)('a registered one leaves in no spelling (%s)', (format) => {
    const canary = plantCanary('password');
    registerSecret(canary.value);
    const { log, lines, file, read } = logged({ format });
    log.info(`login with ${canary.value}`, { header: canary.value });
    log.error(JSON.stringify({ body: JSON.stringify({ password: canary.value }) }));
    log.info(`Basic ${Buffer.from(`PK1:${canary.value}`).toString('base64')}`);
    log.info(`https://host/?p=${encodeURIComponent(canary.value)}`);
    log.info(Buffer.from(canary.value).toString('hex'));
    assertNoCanary([canary], { folders: [join(file, '..')], outputs: { console: lines.join('\n') } });
    expect(read().match(/\[secret\]/g)?.length).toBeGreaterThanOrEqual(5);
    if (format === 'json') for (const line of read().trimEnd().split('\n')) JSON.parse(line);
  });

  test('a secret of several lines is found although line breaks are escaped', () => {
    registerSecret('-----BEGIN\nkey-material-1\nEND');
    const { log, read } = logged();
    log.info('got -----BEGIN\nkey-material-1\nEND');
    expect(read()).toContain('got [secret]\n');
  });

  test('the longer of two that overlap is hidden whole; tiny values are left alone', () => {
    registerSecret('overlap-abc');
    registerSecret('overlap-abcdef');
    registerSecret('a');
    expect(scrub('x overlap-abcdef y overlap-abc')).toBe('x [secret] y [secret]');
  });
});
