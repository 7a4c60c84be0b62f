import { readFileSync, statSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { eventually, Place } from './command.ts';

const place = new Place();
afterAll(() => place.remove());

describe('truebook sandbox', () => {
  it.each(['SIGINT', 'SIGTERM'] as const)(
    'prints one line of JSON, serves, and ends with 0 on %s',
    async (signal) => {
      const file = place.path(`${signal}.env`);
      const running = place.start(['sandbox', '--env-file', file, '--seed', '7']);
      await eventually(() => (running.stdout().includes('\n') ? true : null));
      const ready = JSON.parse(running.stdout());
      expect(ready).toMatchObject({
        ready: true,
        control: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      });
      expect(Object.keys(ready.alpaca.paper).sort()).toEqual([
        'dataUrl',
        'keyId',
        'oauthDataToken',
        'oauthToken',
        'secretKey',
        'streamUrl',
        'tradingUrl',
      ]);
      const truth = await (await fetch(`${ready.control}/control/truth?account=alpaca-paper`)).json();
      expect(truth).toMatchObject({ account: 'alpaca-paper' });
      expect(readFileSync(file, 'utf8')).toContain(
        `ALPACA_SECRET_KEY__PAPER=${ready.alpaca.paper.secretKey}`,
      );
      if (process.platform !== 'win32') expect(statSync(file).mode & 0o777).toBe(0o600);
      running.child.kill(signal);
      const { code, stdout, stderr } = await running.done;
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    },
  );

  it('hands its manual clock to every command', async () => {
    const file = place.path('manual.env');
    const at = '2025-08-21T14:00:00Z';
    const running = place.start([
      'sandbox',
      '--env-file',
      file,
      '--clock',
      'manual',
      '--at',
      at,
      '--scenario',
      'empty',
    ]);
    await eventually(() => (running.stdout().includes('\n') ? true : null));
    const { control, clockUrl } = JSON.parse(running.stdout());
    expect(await (await fetch(clockUrl)).json()).toEqual({ now: at });
    const once = await place.run(['agent', '--once', '--config', file]);
    expect(once.code).toBe(0);
    await fetch(`${control}/control/clock`, { method: 'POST', body: JSON.stringify({ advance: '90s' }) });
    const status = await place.run(['status', '--json', '--config', file]);
    const account = JSON.parse(status.stdout).accounts[0];
    expect(account.lastAttempt).toBe(at);
    expect(account).toMatchObject({ age: 90, fresh: true });
    running.child.kill('SIGTERM');
    expect((await running.done).code).toBe(0);
    const orphan = await place.run(['status', '--config', file]);
    expect(orphan.code).toBe(1);
    expect(orphan.stderr).toContain('does not answer');
  });
});
