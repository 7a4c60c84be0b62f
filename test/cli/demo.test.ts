import { readdirSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { eventually, Place } from './command.ts';

const place = new Place();
afterAll(() => place.remove());

/** The user's own settings, which a demo must not touch. */
const env = {
  ALPACA_API_KEY: 'PKREAL',
  ALPACA_SECRET_KEY: 'real-secret',
  DATABASE_URL: 'sqlite:real.db',
  TRUEBOOK_HOME: 'real',
};

describe('truebook demo', () => {
  it('--once mirrors both accounts, says so and leaves nothing behind', async () => {
    const { code, stdout, stderr } = await place.run(['demo', '--once'], { env });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^alpaca-live +\d+ +[\d,]+\.\d\d +-?[\d,]+\.\d\d +yes +0$/m);
    expect(stdout).toMatch(/^alpaca-paper +\d+ +[\d,]+\.\d\d +-?[\d,]+\.\d\d +yes +0$/m);
    expect(stdout).toContain('Demo complete: 2 simulated accounts');
    expect(readdirSync(place.folder)).toEqual([]);
  });

  it('--once --json is an array, also of an empty world, and --keep keeps the folder', async () => {
    const { code, stdout } = await place.run(['demo', '--once', '--json', '--scenario', 'empty', '--keep']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual(
      ['alpaca-live', 'alpaca-paper'].map((account) => ({
        account,
        complete: true,
        positions: 0,
        equity: '0',
        cash: '0',
        currency: 'USD',
        fresh: true,
        why: null,
        findings: 0,
      })),
    );
    const kept = readdirSync(place.folder);
    expect(kept).toHaveLength(1);
    expect(readdirSync(place.path(kept[0]!, 'home'))).toContain('truebook.db');
  });

  it('shows within seconds what somebody does who plays broker, and ends on a signal', async () => {
    const before = readdirSync(place.folder);
    const running = place.start(['demo'], { env });
    const control = await eventually(() => /http:\/\/127\.0\.0\.1:\d+/.exec(running.stdout())?.[0] ?? null);
    await eventually(() => (running.stdout().includes('cycle 2') ? true : null));
    const example = /^curl -X POST \S+(\/control\/trade) -d '(.+)'$/m.exec(running.stdout())!;
    const count = (): number =>
      running
        .stdout()
        .split('\n')
        .filter((line) => line.startsWith('cycle ')).length;
    const cycles = count();
    const answer = await fetch(`${control}${example[1]}`, { method: 'POST', body: example[2]! });
    expect(answer.status).toBe(200);
    await eventually(() => (count() > cycles ? true : null));
    const askedAt = performance.now();
    running.child.kill('SIGINT');
    const { code, stdout, stderr } = await running.done;
    expect(performance.now() - askedAt).toBeLessThan(10_000);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/Agent Statistics:\n {2}Total sync cycles: \d+\n {2}Total errors: 0\n/);
    expect(readdirSync(place.folder)).toEqual(before);
  });
});
