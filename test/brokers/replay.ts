/** A small real HTTP server that answers with the recorded bytes of test/samples/alpaca, and can be told to misbehave. */
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo } from 'node:net';
import { type AlpacaCredentials, openAlpaca } from '../../src/brokers/alpaca/alpaca.ts';
import { type StreamTiming } from '../../src/brokers/alpaca/stream.ts';
import { type Broker } from '../../src/brokers/broker.ts';
import { type Clock } from '../../src/domain/time.ts';
import { createEgress, type Egress, type EgressOptions, type SentRequest } from '../../src/egress/egress.ts';
import { systemClock } from '../../src/platform.ts';

export const KEY_ID = 'PKTESTKEYIDENTITY';
export const SECRET = 'canary-secret-9f3b';
export const CREDENTIALS: AlpacaCredentials = {
  kind: 'key',
  keyId: KEY_ID,
  secretKey: { reveal: () => SECRET },
};

export function sample(name: string): string {
  return readFileSync(new URL(`../samples/alpaca/${name}`, import.meta.url), 'utf8');
}

export function sampleJson<Shape>(name: string): Shape {
  return JSON.parse(sample(name)) as Shape;
}

type Handler = (request: IncomingMessage, response: ServerResponse, url: URL) => void;

/** One sample per address, as a healthy server would send it. */
const HEALTHY: Readonly<Record<string, string>> = {
  '/v2/account': 'account.json',
  '/v2/positions': 'positions.json',
  '/v2/orders': 'orders_nested_all.json',
  '/v2/account/activities': 'activities.json',
  '/v2/account/portfolio/history': 'portfolio_history_1D.json',
  '/v2/clock': 'clock.json',
  '/v2/calendar': 'calendar.json',
  '/v1beta1/options/snapshots': 'option_snapshots.json',
  '/v2/stocks/snapshots': 'stock_snapshots.json',
};

export interface Replay {
  readonly url: string;
  readonly requests: { method: string; path: string; url: URL; headers: IncomingMessage['headers'] }[];
  /** Replaces the answer of one path; null takes it back. */
  answer(path: string, handler: Handler | null): void;
  readonly server: ReturnType<typeof createServer>;
  close(): Promise<void>;
}

export async function startReplay(): Promise<Replay> {
  const handlers = new Map<string, Handler>();
  const requests: Replay['requests'] = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://replay');
    requests.push({ method: request.method ?? '', path: url.pathname, url, headers: request.headers });
    const own = handlers.get(url.pathname);
    if (own !== undefined) return own(request, response, url);
    const name = HEALTHY[url.pathname];
    if (name === undefined)
      return sendJson(response, 404, '{"code":40410000,"message":"endpoint not found."}');
    // Like the broker: nothing lies behind the last activity.
    if (name === 'activities.json' && url.searchParams.has('page_token'))
      return sendJson(response, 200, '[]');
    sendJson(response, 200, sample(name));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    server,
    answer(path, handler) {
      if (handler === null) handlers.delete(path);
      else handlers.set(path, handler);
    },
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: string,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'x-request-id': '649c5a79da1ab9cb20742ffdada0a7bb',
    ...headers,
  });
  response.end(body);
}

/** Short waits, so that a test of retries does not take seconds. */
export const QUICK_RETRY = {
  attemptsMax: 3,
  firstDelayMs: 1,
  delayMsMax: 4,
  waitMsMax: 20_000,
  wishMsMax: 900_000,
};
const NO_BUDGET = { burst: 100_000, perMinute: 1_000_000 };

export interface Opened {
  readonly broker: Broker;
  readonly egress: Egress;
  readonly sent: SentRequest[];
}

export function openReplayed(
  replay: Pick<Replay, 'url'>,
  options: {
    clock?: Clock;
    credentials?: AlpacaCredentials;
    egress?: Partial<EgressOptions>;
    streamTiming?: StreamTiming;
    prefix?: string;
  } = {},
): Opened {
  const clock = options.clock ?? systemClock();
  const base = `${replay.url}${options.prefix ?? ''}`;
  const sent: SentRequest[] = [];
  const egress = createEgress({
    clock,
    random: () => 0.5,
    allowLoopback: [base],
    retry: QUICK_RETRY,
    budget: NO_BUDGET,
    breaker: { failuresMax: 1_000_000, openMs: 1_000, openMsMax: 1_000 },
    onRequest: (request) => sent.push(request),
    ...options.egress,
  });
  const broker = openAlpaca({
    env: 'paper',
    credentials: options.credentials ?? CREDENTIALS,
    tradingUrl: base,
    dataUrl: base,
    egress,
    clock,
    ...(options.streamTiming === undefined ? {} : { streamTiming: options.streamTiming }),
  });
  return { broker, egress, sent };
}

/** The rows of a read that must be complete. */
export function rowsOf<Rows>(read: { kind: string; rows?: Rows; reason?: string; error?: unknown }): Rows {
  if (read.kind !== 'complete')
    throw new Error(`expected a complete read, got ${read.reason}: ${String(read.error)}`);
  return read.rows as Rows;
}
