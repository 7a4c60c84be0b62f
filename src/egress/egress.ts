/**
 * The door to the outside: every request to a broker passes the table, the budget of its credential, the breaker of
 * its address and the limits, in this order. Adapters see only `Egress`.
 */
import { type BrokerName } from '../domain/account.ts';
import { TruebookError, isTruebookError } from '../domain/errors.ts';
import { type Clock, type Instant, instantFromMs } from '../domain/time.ts';
import { type BreakerLimits, createBreaker, DEFAULT_BREAKER } from './breaker.ts';
import { type Budget, type BudgetLimits, createBudget, DEFAULT_BUDGET, ROBINHOOD_BUDGET } from './budget.ts';
import { DEFAULT_HTTP, getOnce, type HttpAnswer, type HttpLimits, stopped } from './http.ts';
import { backoffMs, DEFAULT_RETRY, isWorthRepeating, type RetryLimits, wishMs } from './retry.ts';
import {
  DEFAULT_SOCKET,
  type EgressSocket,
  openSocket,
  type SocketEvents,
  type SocketLimits,
} from './socket.ts';
import { allowedRow, type EgressMethod, type EgressRow } from './table.ts';

export type { HttpAnswer } from './http.ts';
export type { EgressSocket, SocketEvents } from './socket.ts';

export interface EgressRequest {
  readonly broker: BrokerName;
  /** The whole address with its query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Fingerprint of the credential whose budget this counts against; never the credential itself. */
  readonly credential: string;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number;
  /**
   * One try, now or not at all: neither repeated nor waited for, and what it is told of limits holds nobody else up.
   * For what its caller can do without.
   */
  readonly once?: true;
}

export interface SocketRequest {
  readonly broker: BrokerName;
  readonly url: string;
  readonly credential: string;
  readonly events: SocketEvents;
  readonly signal?: AbortSignal | undefined;
}

/** One request that really went out, for the audit and for tests. */
export interface SentRequest {
  readonly broker: BrokerName;
  readonly method: EgressMethod;
  readonly host: string;
  readonly path: string;
  readonly purpose: string;
}

/** HTTP as it is written, without TLS and TCP around it; bodies as they came (compressed where they were). */
export interface Traffic {
  readonly requests: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
}

export interface Egress {
  /**
   * Reads one address, repeated as the retry rules allow. Answers whatever status came last; throws `egress_refused`,
   * `broker_paused`, `broker_rate_limit` (own budget used up), `broker_timeout`, `broker_unreachable`,
   * `broker_bad_answer` or `stopped`, each with `facts.reason`.
   */
  request(request: EgressRequest): Promise<HttpAnswer>;
  /** Opens a websocket, not repeated: the caller paces its reconnects. Throws as `openSocket` and `egress_refused`. */
  dial(request: SocketRequest): Promise<EgressSocket>;
  /** What went over the wire to and from a broker so far. */
  traffic(broker: BrokerName): Traffic;
  /** Requests that went out so far, tries counted one by one, websocket handshakes included. */
  requestsMade(): number;
}

export interface EgressOptions {
  readonly clock: Clock;
  /** For budgets, backoff and breakers; default `clock`. Give a pacing clock where `clock` may stand still. */
  readonly pacing?: Clock;
  /** A number in [0, 1), for jitter. */
  readonly random: () => number;
  /** Base addresses on this machine that the settings name; only the paths of the table are allowed behind them. */
  readonly allowLoopback?: readonly string[];
  /** For every broker; default: each broker's own. */
  readonly budget?: BudgetLimits;
  readonly breaker?: BreakerLimits;
  readonly retry?: RetryLimits;
  readonly http?: HttpLimits;
  readonly socket?: SocketLimits;
  /** Called just before a request goes out. */
  readonly onRequest?: (sent: SentRequest) => void;
}

/** One per process: budgets and breakers are shared by all adapters that were handed the same object. */
export function createEgress(options: EgressOptions): Egress {
  const { clock, random, allowLoopback = [] } = options;
  const pacing = options.pacing ?? clock;
  const limits = options.retry ?? DEFAULT_RETRY;
  const httpLimits = options.http ?? DEFAULT_HTTP;
  const budgets: Readonly<Record<BrokerName, Budget>> = {
    alpaca: createBudget(pacing, options.budget ?? DEFAULT_BUDGET),
    robinhood: createBudget(pacing, options.budget ?? ROBINHOOD_BUDGET),
    ibkr: createBudget(pacing, options.budget ?? DEFAULT_BUDGET),
  };
  const breaker = createBreaker(pacing, options.breaker ?? DEFAULT_BREAKER);
  let made = 0;
  const traffic = new Map<BrokerName, Traffic>();

  const weigh = (broker: BrokerName, bytesSent: number, bytesReceived: number): void => {
    const before = traffic.get(broker) ?? NO_TRAFFIC;
    traffic.set(broker, {
      requests: before.requests + 1,
      bytesSent: before.bytesSent + bytesSent,
      bytesReceived: before.bytesReceived + bytesReceived,
    });
  };

  const count = (row: EgressRow, url: URL): void => {
    made += 1;
    options.onRequest?.({
      broker: row.broker,
      method: row.method,
      host: url.host,
      path: row.shownAs ?? url.pathname,
      purpose: row.purpose,
    });
  };

  /** Waits for the breaker and the budget; throws when that would take longer than a run should. */
  const waitForTurn = async (host: string, fuse: string, request: Turn): Promise<void> => {
    const waitMsMax = request.once === true ? 0 : limits.waitMsMax;
    const fuseMs = breaker.waitMs(fuse);
    if (fuseMs > waitMsMax / 2) throw paused(host, fuseMs, clock);
    const turn = budgets[request.broker].reserve(request.credential, waitMsMax);
    if (!turn.granted) throw budgetUsedUp(host, turn.waitMs, clock);
    const waitMs = Math.max(fuseMs, turn.waitMs);
    if (waitMs > 0) await pacing.sleep(waitMs, request.signal);
    if (request.signal?.aborted === true) throw stopped();
  };

  const tryOnce = async (
    request: EgressRequest,
    row: EgressRow,
    url: URL,
    fuse: string,
  ): Promise<Attempt> => {
    count(row, url);
    const bytesSent = requestBytes(url, request.headers);
    try {
      const timeoutMs = request.timeoutMs ?? httpLimits.timeoutMs;
      const answer = await getOnce(url, request.headers, clock, { ...httpLimits, timeoutMs }, request.signal);
      weigh(request.broker, bytesSent, answer.wireBytes);
      if (answer.status >= 500) breaker.failed(fuse);
      else breaker.succeeded(fuse);
      return { answer, error: null };
    } catch (error) {
      weigh(request.broker, bytesSent, 0);
      if (!isTruebookError(error) || error.code === 'stopped') throw error;
      breaker.failed(fuse);
      return { answer: null, error };
    }
  };

  return {
    requestsMade: () => made,
    traffic: (broker) => traffic.get(broker) ?? NO_TRAFFIC,

    async request(request) {
      const { row, url } = allowedRow(request.broker, methodOf(request), request.url, allowLoopback);
      const fuse = `${url.origin}|${request.credential}`;
      for (let attempt = 1; ; attempt += 1) {
        await waitForTurn(url.host, fuse, request);
        const { answer, error } = await tryOnce(request, row, url, fuse);
        if (answer !== null && (request.once === true || !isWorthRepeating(answer.status))) return answer;
        if (error !== null && request.once === true) throw error;
        const wish =
          answer === null ? null : wishMs(answer.status, answer.header, clock.wallMs(), limits, answer.body);
        if (wish !== null && answer?.status === 429) budgets[request.broker].pause(request.credential, wish);
        const isLast = attempt >= limits.attemptsMax || (wish !== null && wish > limits.waitMsMax);
        if (isLast || (error !== null && !mayPass(error))) {
          if (answer !== null) return answer;
          throw error;
        }
        await pacing.sleep(wish ?? backoffMs(attempt, limits, random), request.signal);
      }
    },

    async dial(request) {
      const { row, url } = allowedRow(request.broker, 'WS', request.url, allowLoopback);
      await waitForTurn(url.host, `${url.origin}|stream|${request.credential}`, request);
      count(row, url);
      return await openSocket(url, row, request.events, options.socket ?? DEFAULT_SOCKET, request.signal);
    },
  };
}

const NO_TRAFFIC: Traffic = { requests: 0, bytesSent: 0, bytesReceived: 0 };

/** Request line, the headers given, and those that `http.ts` adds. */
function requestBytes(url: URL, headers: Readonly<Record<string, string>>): number {
  const added = `host: ${url.host}\r\nconnection: keep-alive\r\naccept-encoding: gzip, deflate\r\n\r\n`;
  const line = `GET ${url.pathname}${url.search} HTTP/1.1\r\n`.length + added.length;
  return Object.entries(headers).reduce((sum, [name, value]) => sum + name.length + value.length + 4, line);
}

interface Turn {
  readonly broker: BrokerName;
  readonly credential: string;
  readonly signal?: AbortSignal | undefined;
  readonly once?: true;
}

type Attempt =
  | { readonly answer: HttpAnswer; readonly error: null }
  | { readonly answer: null; readonly error: TruebookError };

/** The type knows no method; a caller without types that brings one meets the table with it. */
function methodOf(request: EgressRequest): EgressMethod {
  return ((request as { method?: string }).method ?? 'GET') as EgressMethod;
}

/** Network faults and broken-off answers may pass; a redirect, a flood or a page of bytes will come again. */
function mayPass(error: TruebookError): boolean {
  return error.code !== 'broker_bad_answer' || error.facts['reason'] === 'truncated';
}

function paused(host: string, waitMs: number, clock: Clock): TruebookError {
  const until = wholeSecondAfter(clock.wallMs() + waitMs);
  return new TruebookError(
    'broker_paused',
    `${host} failed several times in a row; it is tried again at ${until}.`,
    {
      hint: 'Nothing to do: it heals by itself when the broker answers again.',
      retry: 'later',
      facts: { reason: 'paused', until },
    },
  );
}

function budgetUsedUp(host: string, waitMs: number, clock: Clock): TruebookError {
  const until = wholeSecondAfter(clock.wallMs() + waitMs);
  return new TruebookError(
    'broker_rate_limit',
    `The request limit of this key at ${host} is used up until ${until}.`,
    {
      hint: 'The next run tries again by itself. A longer interval or fewer programs on this key help.',
      retry: 'later',
      facts: { reason: 'rate_limit', until },
    },
  );
}

/** People read it: no fractions, and never too early. */
function wholeSecondAfter(wallMs: number): Instant {
  return instantFromMs(Math.ceil(wallMs / 1000) * 1000);
}
