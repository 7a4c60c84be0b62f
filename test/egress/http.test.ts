/** The door over real sockets: everything a broker, a proxy or a broken line can do to one request. */
import { compareInstants } from '../../src/domain/time.ts';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { createEgress, type Egress, type EgressOptions } from '../../src/egress/egress.ts';
import { pacingClock, systemClock } from '../../src/platform.ts';
import { frozenClock, turningClock } from './clocks.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

type Handler = (request: IncomingMessage, response: ServerResponse, count: number) => void;

async function serve(handler: Handler): Promise<{ url: string; count: () => number }> {
  let count = 0;
  const server = createServer((request, response) => handler(request, response, (count += 1)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, count: () => count };
}

const QUICK = { attemptsMax: 3, firstDelayMs: 1, delayMsMax: 2, waitMsMax: 20_000, wishMsMax: 900_000 };

function door(url: string, options: Partial<EgressOptions> = {}): Egress {
  return createEgress({
    clock: systemClock(),
    random: () => 0.5,
    allowLoopback: [url],
    retry: QUICK,
    ...options,
  });
}

function get(egress: Egress, url: string, signal?: AbortSignal, timeoutMs = 5_000) {
  const headers = { 'apca-api-secret-key': 'canary' };
  return egress.request({
    broker: 'alpaca',
    url: `${url}/v2/account`,
    headers,
    credential: 'c',
    signal,
    timeoutMs,
  });
}

const fails = (code: string, reason: string) => ({ code, facts: expect.objectContaining({ reason }) });

describe('one answer', () => {
  test('status, headers, body and times come back; only GET goes out', async () => {
    const { url } = await serve((request, response) => {
      response.setHeader('X-Request-ID', 'abc');
      response.end(
        `${request.method} ${request.headers['apca-api-secret-key']} ${request.headers['content-length'] ?? 'no body'}`,
      );
    });
    const egress = door(url);
    const answer = await get(egress, url);
    expect([answer.status, answer.header('x-request-id'), answer.body]).toEqual([
      200,
      'abc',
      'GET canary no body',
    ]);
    expect(compareInstants(answer.startedAt, answer.receivedAt)).toBeLessThanOrEqual(0);
    expect(egress.requestsMade()).toBe(1);
  });

  test('a redirect is not followed, so the secret reaches nobody else', async () => {
    const other = await serve((_request, response) => response.end('stolen'));
    const { url, count } = await serve((_request, response) => {
      response.writeHead(302, { location: `${other.url}/v2/account` }).end();
    });
    await expect(get(door(url, { allowLoopback: [url, other.url] }), url)).rejects.toMatchObject(
      fails('broker_bad_answer', 'redirect'),
    );
    expect([count(), other.count()]).toEqual([1, 0]);
  });

  test('a body above the limit is broken off, compressed ones by their real size', async () => {
    const big = Buffer.alloc(2_000_000, 'x');
    for (const gzip of [false, true]) {
      const { url, count } = await serve((_request, response) => {
        if (gzip) response.setHeader('content-encoding', 'gzip');
        response.end(gzip ? gzipSync(big) : big);
      });
      const egress = door(url, { http: { bytesMax: 1_000_000, timeoutMs: 5_000 } });
      await expect(get(egress, url)).rejects.toMatchObject(fails('broker_bad_answer', 'too_large'));
      expect(count()).toBe(1);
    }
  });

  test('a line cut in the middle of the body is tried again, then it is truncated', async () => {
    const { url, count } = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': '100' });
      response.write('[1,2');
      setTimeout(() => response.destroy(), 5);
    });
    await expect(get(door(url), url)).rejects.toMatchObject(fails('broker_bad_answer', 'truncated'));
    expect(count()).toBe(3);
  });

  test('bytes that are no text are refused', async () => {
    const { url } = await serve((_request, response) => response.end(Buffer.from([0x5b, 0xff, 0xfe, 0x5d])));
    await expect(get(door(url), url)).rejects.toMatchObject(fails('broker_bad_answer', 'not_text'));
  });

  test('nobody there', async () => {
    const { url } = await serve((_request, response) => response.end());
    for (const close of closing.splice(0)) close();
    const error = (await get(door(url), url).catch((caught: unknown) => caught)) as Error;
    expect(error).toMatchObject(fails('broker_unreachable', 'unreachable'));
    expect(error.message).toMatch(/ECONNREFUSED/);
  });

  test('silence and a dripping body both end at the time limit', async () => {
    const silent = await serve(() => undefined);
    await expect(get(door(silent.url), silent.url, undefined, 60)).rejects.toMatchObject(
      fails('broker_timeout', 'timeout'),
    );
    const dripping = await serve((_request, response) => {
      const timer = setInterval(() => response.write(' '), 5);
      response.on('close', () => clearInterval(timer));
    });
    const once = { ...QUICK, attemptsMax: 1 };
    await expect(get(door(dripping.url, { retry: once }), dripping.url, undefined, 60)).rejects.toMatchObject(
      fails('broker_timeout', 'timeout'),
    );
  });

  test('a stop ends it at once, before, during and between the tries', async () => {
    const { url } = await serve(() => undefined);
    await expect(get(door(url), url, AbortSignal.abort())).rejects.toMatchObject({ code: 'stopped' });
    const stop = new AbortController();
    const waiting = get(door(url), url, stop.signal);
    setTimeout(() => stop.abort(), 20);
    await expect(waiting).rejects.toMatchObject({ code: 'stopped' });
    const failing = await serve((_request, response) => response.writeHead(503).end());
    const slow = { ...QUICK, firstDelayMs: 60_000, delayMsMax: 60_000 };
    const stopLater = new AbortController();
    const pausing = get(door(failing.url, { retry: slow }), failing.url, stopLater.signal);
    setTimeout(() => stopLater.abort(), 40);
    await expect(pausing).rejects.toMatchObject({ code: 'stopped' });
  });
});

describe('trying again', () => {
  test('5xx passes when the next try succeeds', async () => {
    const { url, count } = await serve((_request, response, nth) =>
      response.writeHead(nth < 3 ? 503 : 200).end('ok'),
    );
    expect((await get(door(url), url)).body).toBe('ok');
    expect(count()).toBe(3);
  });

  test('the last answer comes back when it does not pass; 4xx is not repeated', async () => {
    const failing = await serve((_request, response) => response.writeHead(500).end('sorry'));
    expect(await get(door(failing.url), failing.url)).toMatchObject({ status: 500, body: 'sorry' });
    expect(failing.count()).toBe(3);
    const refusing = await serve((_request, response) => response.writeHead(401).end());
    expect((await get(door(refusing.url), refusing.url)).status).toBe(401);
    expect(refusing.count()).toBe(1);
  });

  test('a short wish of the broker is waited for, on the clock that was handed in', async () => {
    const { url, count } = await serve((_request, response, nth) =>
      nth === 1 ? response.writeHead(429, { 'retry-after': '7' }).end() : response.end('ok'),
    );
    const clock = turningClock();
    expect((await get(door(url, { clock }), url)).body).toBe('ok');
    expect(clock.sleeps).toEqual([7_000]);
    expect(count()).toBe(2);
  });

  test('a long wish is not waited for, and nobody with this key asks before it is over', async () => {
    const clock = turningClock();
    const reset = String(Math.floor(clock.wallMs() / 1000) + 45);
    const { url, count } = await serve((_request, response, nth) =>
      nth === 1 ? response.writeHead(429, { 'x-ratelimit-reset': reset }).end() : response.end('ok'),
    );
    const egress = door(url, { clock });
    expect((await get(egress, url)).status).toBe(429);
    await expect(get(egress, url)).rejects.toMatchObject({
      ...fails('broker_rate_limit', 'rate_limit'),
      retry: 'later',
      message: expect.stringContaining('2025-08-21T14:00:45Z'),
    });
    expect(count()).toBe(1);
    clock.advance(46_000);
    expect((await get(egress, url)).body).toBe('ok');
  });

  test('on a clock that stands still everything still ends', async () => {
    const { url, count } = await serve((_request, response) =>
      response.writeHead(429, { 'retry-after': '2' }).end(),
    );
    const clock = frozenClock();
    expect((await get(door(url, { clock, pacing: pacingClock(clock) }), url)).status).toBe(429);
    expect((await get(door(url, { clock }), url)).status).toBe(429);
    expect(count()).toBe(6);
  });
});

describe('the breaker at the door', () => {
  test('opens after failures, says until when, and heals by itself', async () => {
    let healthy = false;
    const { url, count } = await serve((_request, response) =>
      response.writeHead(healthy ? 200 : 500).end('ok'),
    );
    const clock = turningClock();
    const breaker = { failuresMax: 3, openMs: 30_000, openMsMax: 60_000 };
    const egress = door(url, { clock, breaker });
    expect((await get(egress, url)).status).toBe(500);
    await expect(get(egress, url)).rejects.toMatchObject({
      ...fails('broker_paused', 'paused'),
      retry: 'later',
      message: expect.stringMatching(/tried again at 2025-08-21T14:00:\d\dZ/),
    });
    expect(count()).toBe(3);
    healthy = true;
    clock.advance(30_000);
    expect((await get(egress, url)).body).toBe('ok');
    expect((await get(egress, url)).body).toBe('ok');
  });

  test('a rest that is nearly over is waited for instead of failing the run', async () => {
    let healthy = false;
    const { url } = await serve((_request, response) => response.writeHead(healthy ? 200 : 500).end('ok'));
    const clock = turningClock();
    const egress = door(url, { clock, breaker: { failuresMax: 3, openMs: 5_000, openMsMax: 60_000 } });
    await get(egress, url);
    healthy = true;
    expect((await get(egress, url)).body).toBe('ok');
    expect(clock.sleeps.at(-1)).toBe(5_000);
  });
});

test('one budget for everybody with the same key', async () => {
  const { url } = await serve((_request, response) => response.end('ok'));
  const clock = turningClock();
  const egress = door(url, { clock, budget: { burst: 2, perMinute: 60 } });
  for (let count = 0; count < 4; count += 1) await get(egress, url);
  expect(clock.sleeps).toEqual([1_000, 1_000]);
});
