/** The grammar: help, versions, slips of the pen, exit codes, readers that go away. */
import { readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { Place } from './command.ts';

const place = new Place();
afterAll(() => place.remove());

const COMMANDS = [
  ['status', 'positions', 'trades', 'balances', 'activity', 'findings', 'accounts'],
  ['agent', 'sync'],
  ['config', 'doctor', 'migrate', 'secret'],
  ['demo', 'sandbox'],
].flat();

describe('help', () => {
  it('lists every command in groups, on stdout, and ends with 0', async () => {
    const { code, stdout, stderr } = await place.run(['--help']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    for (const command of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    for (const group of ['Read the book:', 'Keep it up to date:', 'Set up and check:', 'Try it without']) {
      expect(stdout).toContain(group);
    }
  });

  it('of a command names its options', async () => {
    const { code, stdout } = await place.run(['sync', '--help']);
    expect(code).toBe(0);
    for (const option of ['--account', '--env', '--sync-type', '--after-trade', '--config', '--json']) {
      expect(stdout).toContain(option);
    }
    expect(stdout).toContain('exit code 3 if so');
  });

  it('is shown on stderr when nothing is asked, which is a wrong use', async () => {
    const { code, stdout, stderr } = await place.run([]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain('Usage: truebook');
  });
});

it('--version is that of the package', async () => {
  const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  expect(await place.run(['--version'])).toMatchObject({ code: 0, stdout: `${manifest.version}\n` });
});

describe('a slip of the pen', () => {
  it.each([
    [['statu'], "error: unknown command 'statu'\nhint: Did you mean status?\n"],
    [['trades', '--limt', '3'], "error: unknown option '--limt'\nhint: Did you mean --limit?\n"],
  ])('%j ends with 2 and the nearest name', async (args, wanted) => {
    expect(await place.run(args)).toMatchObject({ code: 2, stdout: '', stderr: wanted });
  });

  it.each([
    [['trades', '--limit', 'many']],
    [['positions', '--all', '--closed']],
    [['sync', '--env', 'real']],
    [['sync', '--sync-type', 'positions']],
    [['sync', '--check-only']],
    [['agent', 'extra']],
    [['sandbox', '--clock', 'manual']],
    [['sandbox', '--at', '2025-08-21T14:00:00Z']],
    [['sandbox', '--clock', 'manual', '--at', 'noon']],
    [['sandbox', '--port', '65533']],
    [['accounts', 'new-epoch']],
  ])('%j ends with 2', async (args) => {
    const { code, stdout, stderr } = await place.run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^error: .+\nhint: .+\n$/);
  });

  it('is JSON on stderr with --json', async () => {
    const { code, stdout, stderr } = await place.run(['statu', '--json']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(JSON.parse(stderr)).toEqual({
      error: { code: 'usage', message: "unknown command 'statu'", hint: 'Did you mean status?' },
    });
  });
});

describe('a book that is not there', () => {
  it('is an error of one sentence and a hint, never an empty list', async () => {
    const { code, stdout, stderr } = await place.run(['positions'], {
      env: { TRUEBOOK_HOME: place.path('no-home') },
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('There is no database at');
    expect(stderr).toContain('hint: ');
  });
});
