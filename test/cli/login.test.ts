/** Wrong credentials, wrong settings: which exit code, and what is said. */
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { type Check } from '../../src/cli/doctor.ts';
import { Place } from './command.ts';

const place = new Place();
const settings = place.path('sandbox.env');
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startSandbox({ envFile: settings });
});
afterAll(async () => {
  await sandbox.close();
  place.remove();
});

const wrongKey = { env: { ALPACA_SECRET_KEY__PAPER: 'this-is-not-the-key-of-anybody' } };

describe('a wrong key', () => {
  it('ends agent --once with 4 although the other account is complete', async () => {
    const { code, stdout } = await place.run(['agent', '--once', '--config', settings], wrongKey);
    expect(stdout).toMatch(/ERROR - ✗ alpaca-paper: broker_auth: /);
    expect(stdout).toMatch(/✓ Synced \d+ stock positions/);
    expect(code).toBe(4);
  });

  it('ends sync with 4, and with 0 for the account whose key is right', async () => {
    const failed = await place.run(['sync', '--config', settings], wrongKey);
    expect(failed.code).toBe(4);
    expect(failed.stdout).toContain('✗ alpaca-paper: not synced');
    expect(failed.stderr).toContain('alpaca-paper: broker_auth: ');
    const right = await place.run(['sync', '--env', 'live', '--config', settings], wrongKey);
    expect(right.code).toBe(0);
  });

  it('is a fault for the doctor, with the fix', async () => {
    const { code, stdout } = await place.run(['doctor', '--json', '--config', settings], wrongKey);
    expect(code).toBe(1);
    const checks = JSON.parse(stdout) as Check[];
    expect(checks).toContainEqual(expect.objectContaining({ name: 'alpaca-live', level: 'ok' }));
    const fault = checks.find((check) => check.level === 'fault');
    expect(fault).toMatchObject({ name: 'alpaca-paper' });
    expect(fault?.fix).toMatch(/key/i);
  });
});

describe('wrong settings', () => {
  it.each([
    ['ALPACA_SYNC_ENABLD=true', 'ALPACA_SYNC_ENABLED'],
    ['POSITION_SYNC_SYNC_INTERVAL=soon', 'POSITION_SYNC_SYNC_INTERVAL'],
  ])('%s ends every command with 2 and says where', async (line, name) => {
    const file = place.path('wrong.env');
    writeFileSync(file, `${line}\n`, { mode: 0o600 });
    for (const command of [['agent', '--once'], ['sync'], ['status'], ['config']]) {
      const { code, stdout, stderr } = await place.run([...command, '--config', settings, '--config', file]);
      expect({ command, code, stdout }).toEqual({ command, code: 2, stdout: '' });
      expect(stderr).toContain(name);
      expect(stderr).toContain('wrong.env line 1');
    }
  });

  it('a file that does not exist ends with 2', async () => {
    const { code, stderr } = await place.run(['status', '--config', 'nowhere.env']);
    expect(code).toBe(2);
    expect(stderr).toContain('nowhere.env (--config) does not exist.');
  });

  it('no connection at all ends agent and sync with 2', async () => {
    for (const command of ['agent', 'sync']) {
      const { code, stderr } = await place.run([command], { env: { TRUEBOOK_HOME: place.path('alone') } });
      expect({ command, code }).toEqual({ command, code: 2 });
      expect(stderr).toContain('truebook doctor');
    }
  });
});
