import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { isLoopbackHost, isLoopbackUrl } from '../src/domain/loopback.ts';
import type { Clock } from '../src/domain/time.ts';
import * as platform from '../src/platform.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

/** A real clock server on loopback: `now` is what it answers next. */
async function clockServer(first: unknown) {
  const state = { now: first };
  const server = createServer((_request, response) => response.end(JSON.stringify({ now: state.now })));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { state, server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/control/clock` };
}

async function remoteClock(url: string) {
  const clock = await platform.openRemoteClock(url);
  closing.push(() => clock.close());
  return clock;
}

const T0 = '2025-08-21T14:00:00Z';
const T0_MS = Date.parse(T0);

describe('system clock', () => {
  test('wall is now, mono moves forward by what was slept, epoch is stable', async () => {
    const clock = platform.systemClock();
    expect(Math.abs(clock.wallMs() - Date.now())).toBeLessThan(1_000);
    const before = clock.monoMs();
    await clock.sleep(30);
    expect(clock.monoMs() - before).toBeGreaterThanOrEqual(30);
    expect(platform.systemClock().epoch).toBe(clock.epoch);
    expect(clock.epoch).toMatch(/^(boot|process):.{10,}/);
  });

  test('an aborted sleep ends early and without an error', async () => {
    const stop = new AbortController();
    const before = platform.realMonoMs();
    const sleeping = platform.systemClock().sleep(60_000, stop.signal);
    stop.abort();
    await sleeping;
    await platform.systemClock().sleep(60_000, stop.signal);
    expect(platform.realMonoMs() - before).toBeLessThan(5_000);
  });

  test('a wait longer than a timer can hold does not end at once', async () => {
    const stop = new AbortController();
    let ended = false;
    const sleeping = platform.realSleep(2 ** 40, stop.signal).then(() => (ended = true));
    await platform.realSleep(20);
    expect(ended).toBe(false);
    stop.abort();
    await sleeping;
  });
});

describe('remote clock', () => {
  test('wall and mono are what the server said last, as ISO text or milliseconds', async () => {
    const { state, url } = await clockServer(T0);
    const clock = await remoteClock(url);
    expect([clock.wallMs(), clock.monoMs()]).toEqual([T0_MS, T0_MS]);
    state.now = T0_MS + 1_500;
    expect(clock.wallMs()).toBe(T0_MS);
    await platform.refreshClock(clock);
    expect([clock.wallMs(), clock.monoMs()]).toEqual([T0_MS + 1_500, T0_MS + 1_500]);
  });

  test('mono never goes backwards when the server does', async () => {
    const { state, url } = await clockServer(T0);
    const clock = await remoteClock(url);
    state.now = T0_MS - 60_000;
    await clock.refresh();
    expect([clock.wallMs(), clock.monoMs()]).toEqual([T0_MS - 60_000, T0_MS]);
  });

  test('asks by itself each second, and a sleep ends when the remote time has passed', async () => {
    const { state, url } = await clockServer(T0);
    const clock = await remoteClock(url);
    const before = platform.realMonoMs();
    const sleeping = clock.sleep(300_000);
    state.now = T0_MS + 300_000;
    await sleeping;
    expect(platform.realMonoMs() - before).toBeLessThan(10_000);
    expect(clock.monoMs()).toBe(T0_MS + 300_000);
  });

  test('a sleep on a frozen clock ends after that much real time', async () => {
    const { url } = await clockServer(T0);
    const clock = await remoteClock(url);
    const before = platform.realMonoMs();
    await clock.sleep(40);
    expect(platform.realMonoMs() - before).toBeGreaterThanOrEqual(40);
    expect(clock.monoMs()).toBe(T0_MS);
  });

  test('says who does not answer, and who answers nonsense', async () => {
    const { state, server, url } = await clockServer(T0);
    const clock = await remoteClock(url);
    state.now = 'yesterday';
    await expect(clock.refresh()).rejects.toMatchObject({ code: 'broker_bad_answer' });
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await expect(clock.refresh()).rejects.toMatchObject({ code: 'broker_unreachable', retry: 'now' });
    expect(clock.wallMs()).toBe(T0_MS);
  });

  test('an address that is not this machine is refused before anything is sent', async () => {
    await expect(platform.openRemoteClock('http://192.0.2.1/clock')).rejects.toMatchObject({
      code: 'config',
    });
  });

  test('without an address the clock is the machine and needs no refresh', async () => {
    const clock = await platform.openClock(null);
    await platform.refreshClock(clock);
    expect(clock.epoch).toBe(platform.systemClock().epoch);
  });
});

describe('pacing clock', () => {
  const frozen = (): Clock => ({
    wallMs: () => T0_MS,
    monoMs: () => 1_000,
    epoch: 'frozen',
    sleep: () => Promise.resolve(),
  });

  test('advances by completed sleeps on a clock that stands still', async () => {
    const clock = platform.pacingClock(frozen());
    await clock.sleep(250);
    await clock.sleep(50);
    expect(clock.monoMs()).toBe(1_300);
    expect(clock.wallMs()).toBe(T0_MS);
    expect(clock.epoch).not.toBe('frozen');
  });

  test('sleeps at the same time count once, aborted ones not at all', async () => {
    const clock = platform.pacingClock(frozen());
    await Promise.all([clock.sleep(100), clock.sleep(100), clock.sleep(40)]);
    expect(clock.monoMs()).toBe(1_100);
    await clock.sleep(500, AbortSignal.abort());
    expect(clock.monoMs()).toBe(1_100);
  });

  test('adds nothing when the clock below moved itself', async () => {
    let mono = 0;
    const clock = platform.pacingClock({
      ...frozen(),
      monoMs: () => mono,
      sleep: async (ms) => {
        mono += ms;
      },
    });
    await clock.sleep(100);
    expect(clock.monoMs()).toBe(100);
  });
});

describe('chance and surroundings', () => {
  test('random bytes differ and the unit stays in [0, 1)', () => {
    expect(platform.randomBytes(16).equals(platform.randomBytes(16))).toBe(false);
    const units = Array.from({ length: 200 }, () => platform.randomUnit());
    expect(units.every((unit) => unit >= 0 && unit < 1)).toBe(true);
    expect(new Set(units).size).toBe(200);
  });

  test('the environment is a copy', () => {
    const copy = platform.environment();
    copy['TRUEBOOK_TEST_COPY'] = '1';
    expect(platform.environment()['TRUEBOOK_TEST_COPY']).toBeUndefined();
  });

  test('knows which processes live', async () => {
    expect(platform.isProcessAlive(platform.processId())).toBe(true);
    const child = platform.spawnChild(process.execPath, ['-e', '']);
    const pid = child.pid ?? 0;
    await new Promise((resolve) => child.on('exit', resolve));
    expect(platform.isProcessAlive(pid)).toBe(false);
  });

  test('a child gets its arguments untouched by any shell', async () => {
    const script = 'process.stdout.write(process.argv[1])';
    const child = platform.spawnChild(process.execPath, ['-e', script, '$HOME; "x"'], { stdio: 'pipe' });
    let output = '';
    child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()));
    await new Promise((resolve) => child.on('close', resolve));
    expect(output).toBe('$HOME; "x"');
  });

  test('a stop signal reaches the handler until it is unsubscribed', () => {
    const seen: string[] = [];
    const off = platform.onSignal((signal) => seen.push(signal));
    process.emit('SIGTERM', 'SIGTERM');
    off();
    process.emit('SIGTERM', 'SIGTERM');
    expect(seen).toEqual(['SIGTERM']);
  });
});

describe('loopback addresses', () => {
  test.each(['localhost', '127.0.0.1', '127.9.9.9', '::1', '[::1]', 'LOCALHOST'])('%s is', (host) => {
    expect(isLoopbackHost(host)).toBe(true);
  });
  test.each(['0.0.0.0', '127.0.0.1.example.com', '10.0.0.1', 'localhost.example.com', '', '::'])(
    '%s is not',
    (host) => {
      expect(isLoopbackHost(host)).toBe(false);
    },
  );
  test('a URL counts by its host, credentials do not fool it', () => {
    expect(isLoopbackUrl('http://[::1]:8080/x')).toBe(true);
    expect(isLoopbackUrl('http://127.0.0.1@example.com/')).toBe(false);
    expect(isLoopbackUrl('nonsense')).toBe(false);
  });
});
