/** The stream over a real websocket server that can be told to misbehave. */
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { streamAddress } from '../../src/brokers/alpaca/alpaca.ts';
import { DEFAULT_STREAM_TIMING, pauseMs, type StreamTiming } from '../../src/brokers/alpaca/stream.ts';
import { type Broker, type Hint, type Watch } from '../../src/brokers/broker.ts';
import { realSleep } from '../../src/platform.ts';
import { KEY_ID, openReplayed, sampleJson, SECRET } from './replay.ts';

/** Everything quick, so that a test takes milliseconds. */
const TIMING: StreamTiming = {
  pingMs: 30,
  pongMs: 30,
  handshakeMs: 100,
  firstRetryMs: 5,
  retryMsMax: 20,
  slowRetryMs: 40,
  goodAfterMs: 1_000,
};

interface Message {
  action: string;
  data: Record<string, unknown>;
}

const AUTHORIZED = { stream: 'authorization', data: { status: 'authorized', action: 'authenticate' } };
const UNAUTHORIZED = { stream: 'authorization', data: { status: 'unauthorized', action: 'authenticate' } };
const LISTENING = { stream: 'listening', data: { streams: ['trade_updates'] } };

/** What a healthy server answers to each message. */
const healthy = (message: Message): unknown => (message.action === 'authenticate' ? AUTHORIZED : LISTENING);

let server: Server;
let sockets: WebSocketServer;
let url: string;
/** The upgrade is refused with this status while it is set. */
let refuseWith: number | null;
let upgrades: number;
let received: Message[];
let reply: (message: Message, socket: WebSocket, connection: number) => unknown;
let lines: WebSocket[];
let binary: boolean;
let closing: (() => Promise<void>)[];

function send(socket: WebSocket, message: unknown): void {
  const text = typeof message === 'string' ? message : JSON.stringify(message);
  socket.send(binary ? Buffer.from(text) : text, { binary });
}

beforeEach(async () => {
  [refuseWith, upgrades, received, lines, binary, closing] = [null, 0, [], [], false, []];
  reply = healthy;
  server = createServer();
  sockets = new WebSocketServer({ noServer: true, autoPong: true });
  server.on('upgrade', (request, socket, head) => {
    upgrades += 1;
    if (refuseWith !== null) {
      socket.end(`HTTP/1.1 ${refuseWith} No\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
      return;
    }
    expect(request.url).toBe('/stream');
    sockets.handleUpgrade(request, socket, head, (line) => {
      lines.push(line);
      const connection = lines.length;
      line.on('message', (data: Buffer) => {
        const message = JSON.parse(data.toString()) as Message;
        received.push(message);
        const answer = reply(message, line, connection);
        if (answer !== null) send(line, answer);
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  for (const close of closing) await close();
  for (const line of sockets.clients) line.terminate();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function watching(timing: Partial<StreamTiming> = {}): { watch: Watch; hints: Hint[]; broker: Broker } {
  const { broker } = openReplayed({ url }, { streamTiming: { ...TIMING, ...timing } });
  const hints: Hint[] = [];
  const watch = broker.watch!((hint) => hints.push(hint));
  closing.push(() => broker.close());
  return { watch, hints, broker };
}

/** Waits until something is so; fails loudly instead of hanging. */
async function until(what: string, isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 4_000; tries += 1) {
    if (isSo()) return;
    await realSleep(5);
  }
  throw new Error(`it never happened: ${what}`);
}

const reasons = (hints: readonly Hint[]): string[] => hints.map((hint) => hint.reason);

test('the address follows from the trading address', () => {
  expect(streamAddress('https://paper-api.alpaca.markets')).toBe('wss://paper-api.alpaca.markets/stream');
  expect(streamAddress('http://127.0.0.1:8080/alpaca/')).toBe('ws://127.0.0.1:8080/alpaca/stream');
});

describe.each([
  ['text', false],
  ['binary', true],
])('%s frames', (_name, isBinary) => {
  test('login, listen, then every trade update is a hint with its order', async () => {
    binary = isBinary;
    const { watch, hints } = watching();
    await until('live', () => watch.status().state === 'live');
    expect(received).toEqual([
      { action: 'authenticate', data: { key_id: KEY_ID, secret_key: SECRET } },
      { action: 'listen', data: { streams: ['trade_updates'] } },
    ]);
    const updates = sampleJson<{ data: { order: { id: string } } }[]>('trade_updates.json');
    for (const update of updates) send(lines[0]!, update);
    await until('all hints', () => hints.length === updates.length + 1);
    expect(reasons(hints)).toEqual(['stream_connected', ...updates.map(() => 'trade_update')]);
    expect(hints.slice(1).map((hint) => hint.orderId)).toEqual(updates.map((update) => update.data.order.id));
    expect(watch.status()).toMatchObject({ lastError: null, reconnects: 0 });
  });
});

test('a frame nobody can read may be a fill: it is a hint too', async () => {
  const { watch, hints } = watching();
  await until('live', () => watch.status().state === 'live');
  send(lines[0]!, '{"stream":"trade_upda');
  await until('hint', () => hints.length === 2);
  expect(hints[1]).toMatchObject({ reason: 'trade_update', orderId: null });
  expect(watch.status().state).toBe('live');
});

test('the line drops: it comes back, and asks for a back-fill each time', async () => {
  const { watch, hints } = watching();
  for (const count of [1, 2, 3]) {
    await until(`connected ${count} times`, () => hints.length === count && watch.status().state === 'live');
    lines.at(-1)!.terminate();
  }
  await until('connected again', () => hints.length === 4);
  expect(reasons(hints)).toEqual(Array(4).fill('stream_connected'));
  expect(watch.status().reconnects).toBe(3);
});

test('a half-open line is noticed by its missing pong and replaced', async () => {
  sockets.options.autoPong = false;
  const { watch, hints } = watching();
  await until('second connection', () => upgrades >= 2);
  sockets.options.autoPong = true;
  await until('live again', () => watch.status().state === 'live' && hints.length >= 2);
  await realSleep(150);
  expect(watch.status().state).toBe('live');
});

test('a quiet line that answers pings stays', async () => {
  const { watch } = watching();
  await until('live', () => watch.status().state === 'live');
  await realSleep(250);
  expect([upgrades, watch.status().state]).toEqual([1, 'live']);
});

test('a server that never answers the login is left', async () => {
  reply = () => null;
  const { watch } = watching();
  await until('second try', () => upgrades >= 2);
  expect(watch.status().lastError).toBe('no answer to the login in time');
});

describe('refused for good', () => {
  test('unauthorized: no further try', async () => {
    reply = () => UNAUTHORIZED;
    const { watch } = watching();
    await until('refused', () => watch.status().state === 'refused');
    await realSleep(100);
    expect(upgrades).toBe(1);
    expect(watch.status().lastError).toMatch(/unauthorized/);
    expect(received.map((message) => message.action)).toEqual(['authenticate']);
  });

  test('unauthorized as the answer to listen', async () => {
    reply = (message) =>
      message.action === 'listen'
        ? { stream: 'authorization', data: { status: 'unauthorized', action: 'listen' } }
        : AUTHORIZED;
    const { watch } = watching();
    await until('refused', () => watch.status().state === 'refused');
  });

  test('401 at the upgrade', async () => {
    refuseWith = 401;
    const { watch } = watching();
    await until('refused', () => watch.status().state === 'refused');
    await realSleep(60);
    expect(upgrades).toBe(1);
  });
});

test('429 at the upgrade: somebody else holds the only stream, so it is tried slowly and not given up', async () => {
  refuseWith = 429;
  const { watch, hints } = watching({ slowRetryMs: 150 });
  await until('retrying', () => watch.status().state === 'retrying');
  await realSleep(100);
  expect(upgrades).toBe(1);
  refuseWith = null;
  await until('live', () => watch.status().state === 'live');
  expect(upgrades).toBe(2);
  expect(reasons(hints)).toEqual(['stream_connected']);
});

test('an answer that does not name trade_updates is not live', async () => {
  reply = (message, _line, connection) =>
    message.action === 'listen' && connection === 1
      ? { stream: 'listening', data: { streams: [] } }
      : healthy(message);
  const { watch, hints } = watching();
  await until('live at the second try', () => watch.status().state === 'live');
  expect([upgrades, hints.length]).toEqual([2, 1]);
});

test('an error message of the server ends the line, the next one is tried', async () => {
  const { watch, hints } = watching();
  await until('live', () => watch.status().state === 'live');
  send(lines[0]!, { action: 'error', data: { error_message: 'internal server error' } });
  await until('live again', () => hints.length === 2);
  expect(upgrades).toBe(2);
});

test('a frame above the limit drops the line, not the process', async () => {
  const { watch, hints } = watching();
  await until('live', () => watch.status().state === 'live');
  send(lines[0]!, 'x'.repeat(1024 * 1024 + 1));
  await until('live again', () => hints.length === 2);
});

test('nobody there: it keeps trying with growing pauses and says why', async () => {
  refuseWith = 503;
  const { watch } = watching();
  await until('several tries', () => upgrades >= 4);
  expect(watch.status().state).not.toBe('refused');
  expect(watch.status().lastError).toMatch(/HTTP 503/);
});

test('close ends it for good, in every state', async () => {
  for (const state of ['live', 'retrying'] as const) {
    refuseWith = state === 'retrying' ? 503 : null;
    const { watch } = watching({ firstRetryMs: 60_000, retryMsMax: 60_000 });
    await until(state, () => watch.status().state === state);
    await watch.close();
    expect(watch.status().state).toBe('closed');
    const before = upgrades;
    await realSleep(50);
    expect(upgrades).toBe(before);
  }
});

test('one stream per broker object', async () => {
  const { watch, broker } = watching();
  expect(() => broker.watch!(() => undefined)).toThrow(/open already/);
  await watch.close();
  const again = broker.watch!(() => undefined);
  await until('live', () => again.status().state === 'live');
});

test('a login is never shown in the status', async () => {
  reply = () => ({ action: 'error', data: { error_message: 'bad' } });
  const { watch } = watching();
  await until('an error', () => watch.status().lastError !== null);
  expect(JSON.stringify(watch.status())).not.toMatch(new RegExp(`${SECRET}|${KEY_ID}`));
});

test('pauses: 1 s doubling to 64 s, a fifth either way; after 429 never more often than once a minute', () => {
  const timing = DEFAULT_STREAM_TIMING;
  const plain = [1, 2, 3, 7, 8, 100].map((failures) =>
    pauseMs({ next: 'retry' }, failures, timing, () => 0.5),
  );
  expect(plain).toEqual([1_000, 2_000, 4_000, 64_000, 64_000, 64_000]);
  expect(pauseMs({ next: 'retry' }, 1, timing, () => 0)).toBe(800);
  expect(pauseMs({ next: 'retry' }, 1, timing, () => 0.999)).toBe(1_200);
  expect(pauseMs({ next: 'slow' }, 1, timing, () => 0)).toBe(60_000);
});

test('after a good line the pauses start over, after short ones they grow', async () => {
  const { watch, hints } = watching({ goodAfterMs: 0, firstRetryMs: 1, retryMsMax: 60_000 });
  for (let count = 1; count <= 12; count += 1) {
    await until(`connection ${count}`, () => hints.length === count);
    lines.at(-1)!.terminate();
  }
  await until('and again', () => hints.length === 13);
  await watch.close();
  const second = watching({ goodAfterMs: 60_000, firstRetryMs: 1, retryMsMax: 60_000 });
  const before = upgrades;
  for (const timer of Array.from({ length: 40 }, () => 10)) {
    if (second.watch.status().state === 'live') lines.at(-1)!.terminate();
    await realSleep(timer);
  }
  expect(upgrades - before).toBeLessThan(12);
});
