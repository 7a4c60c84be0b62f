/** Where the key of the sealed secrets comes from, as the commands tell it. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, expect, it } from 'vitest';
import { type Check } from '../../src/cli/doctor.ts';
import { assertNoCanary } from '../canary.ts';
import { Place } from './command.ts';

const place = new Place();
afterAll(() => place.remove());

it('a credential of systemd seals and opens, and doctor and config name it', async () => {
  const folder = place.path('credentials');
  const path = place.path('credentials', 'truebook-key');
  const key = randomBytes(32).toString('base64');
  mkdirSync(folder);
  writeFileSync(path, `${key}\n`, { mode: 0o440 });
  const env = { TRUEBOOK_HOME: place.path('home'), CREDENTIALS_DIRECTORY: folder };
  const outputs: Record<string, string> = {};
  const run = async (args: string[], input?: string) => {
    const done = await place.run(args, input === undefined ? { env } : { env, input });
    outputs[args.join(' ')] = done.stdout + done.stderr;
    return done;
  };

  expect(await run(['secret', 'set', 'SLACK_WEBHOOK_URL'], 'https://hooks.invalid/x')).toMatchObject({
    code: 0,
  });
  const config = await run(['config', '--json']);
  const record = JSON.parse(config.stdout) as { secretKey: unknown; warnings: string[] };
  expect(record).toMatchObject({
    secretKey: { source: 'systemd credential', path, problem: null },
    warnings: [],
  });
  expect((await run(['config'])).stdout).toContain(`Secret key:  systemd credential ${path}\n`);
  const checks = JSON.parse((await run(['doctor', '--json'])).stdout) as Check[];
  expect(checks).toContainEqual({
    level: 'ok',
    name: 'secret key',
    text: `systemd credential ${path}`,
    fix: null,
  });

  rmSync(path);
  writeFileSync(path, 'dG9vIHNob3J0', { mode: 0o400 });
  const short = await run(['doctor', '--json']);
  expect(short.code).toBe(1);
  expect((JSON.parse(short.stdout) as Check[]).find((check) => check.name === 'secret key')).toMatchObject({
    level: 'fault',
    text: expect.stringContaining('it is 9 bytes'),
    fix: expect.stringContaining('openssl rand -base64 32'),
  });
  expect((await run(['config'])).stdout).toContain('Secret key:  NOT USABLE: The systemd credential');
  expect(await run(['status'])).toMatchObject({ code: 2, stdout: '' });
  assertNoCanary([{ name: 'the key', value: key }], { outputs });
});
