/** Alpaca over HTTP: one server per trading host (paper, live) and one for data. Reads only; anything else is refused. */
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { Decimal } from '../../../domain/decimal.ts';
import { addMs, instantToMs, type Instant } from '../../../domain/time.ts';
import { type World } from '../../broker.ts';
import { type Account } from '../../entries.ts';
import { type Fault, type FaultResource } from '../../faults.ts';
import { viewOf, type View } from '../../view.ts';
import { faultyBody, faultyView } from './answerFaults.ts';
import { type AssetBook } from './assets.ts';
import { accountOf, authenticate, requireDataScope } from './credentials.ts';
import { findRoute, type Route } from './routes.ts';
import { AlpacaError, newYorkTime } from './wire.ts';

export type Host = 'paper' | 'live' | 'data';

const RATE_LIMIT = 200;
/** The limit is shown, not enforced: a manual clock would never reset it. A fault `status` 429 makes a real one. */
const RATE_REMAINING_LEAST = 50;
const SLOW_MS = 3_000;
const SKEW_MS = 90_000;
/** A person asking for rows between pages means a few, not one per page for ever. */
const INSERTED_MAX = 3;

const WEB_PAGE =
  '<!DOCTYPE html><html><head><title>Just a moment...</title></head><body><h1>One moment</h1></body></html>';

interface Reply {
  status: number;
  body: Buffer;
  type: string;
  headers: Record<string, string>;
  /** The line breaks after this many bytes of the body, whatever its announced length says. */
  cutAfter?: number;
}

export class AlpacaServer {
  readonly #world: World;
  readonly #assets: AssetBook;
  readonly #host: Host;
  /** The page each listing served last, for faults of paging. */
  #pages = new Map<string, unknown>();
  /** How far each listing was walked, and with which token. */
  #walks = new Map<string, { readonly token: string; readonly page: number }>();
  #minute = 0;
  #inMinute = 0;
  #answered = 0;

  constructor(world: World, assets: AssetBook, host: Host) {
    this.#world = world;
    this.#assets = assets;
    this.#host = host;
  }

  /** The accounts whose keys open this host: its own environment's, all of them on the data host. */
  accounts(): Account[] {
    return this.#world.ledger
      .accounts()
      .filter(
        (account) => account.broker === 'alpaca' && (this.#host === 'data' || account.env === this.#host),
      );
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://sandbox.invalid');
    const account = this.#whoAsks(request);
    this.#world.requests.add({
      at: this.#world.clock.now(),
      broker: 'alpaca',
      ...(account === undefined ? {} : { account: account.name }),
      method: request.method ?? 'GET',
      host: request.headers.host ?? '',
      path: url.pathname,
      ...(url.search === '' ? {} : { query: url.search.slice(1) }),
    });
    request.resume();
    const found = this.#routeOf(url.pathname);
    const resource: FaultResource = found?.route.resource ?? 'account';
    const page = this.#pageNumber(account?.name ?? '', url);
    const faults = this.#world.faults
      .meeting('alpaca', account?.name ?? null, resource)
      .filter((fault) => fault.page === null || fault.page === page);
    const reply = await this.#reply(request, url, found, resource, faults);
    if (reply === 'refuse') request.socket.destroy();
    if (reply === 'refuse' || reply === 'silence') return;
    this.#send(response, reply, faults);
  }

  /** Which page of its listing a request asks for, the first is 1. The same token again is the same page again. */
  #pageNumber(name: string, url: URL): number {
    const token = url.searchParams.get('page_token') ?? '';
    const key = `${name} ${url.pathname}`;
    const last = this.#walks.get(key);
    const page =
      token === '' ? 1 : last === undefined || last.token === token ? (last?.page ?? 2) : last.page + 1;
    this.#walks.set(key, { token, page });
    return page;
  }

  #whoAsks(request: IncomingMessage): Account | undefined {
    try {
      return accountOf(request.headers, this.accounts());
    } catch {
      return undefined;
    }
  }

  #routeOf(path: string): { route: Route; parts: string[] } | null {
    try {
      return findRoute(this.#host === 'data' ? 'data' : 'trading', path);
    } catch {
      return null;
    }
  }

  async #reply(
    request: IncomingMessage,
    url: URL,
    found: { route: Route; parts: string[] } | null,
    resource: FaultResource,
    faults: readonly Fault[],
  ): Promise<Reply | 'refuse' | 'silence'> {
    for (const fault of faults) {
      if (fault.kind === 'slow') {
        fault.applied += 1;
        await this.#world.clock.sleep(fault.at ?? SLOW_MS);
      }
      const ends = this.#endsWith(fault);
      if (ends !== null) {
        fault.applied += 1;
        return ends;
      }
    }
    try {
      const account = authenticate(request.headers, this.accounts());
      if (this.#host === 'data') requireDataScope(request.headers, account);
      if (request.method !== 'GET')
        throw new AlpacaError(403, 40310000, 'this account may not place, change or cancel orders here');
      if (found === null) throw new AlpacaError(404, 40410000, 'endpoint not found.');
      return this.#answer(account, url, found, resource, faults);
    } catch (error) {
      if (error instanceof AlpacaError) return json(error.status, error.body);
      return json(500, {
        message: `internal server error: ${error instanceof Error ? error.message : String(error)}`,
      });
    }
  }

  /** The answer of a fault that leaves no room for the true one; null for all others. */
  #endsWith(fault: Fault): Reply | 'refuse' | 'silence' | null {
    switch (fault.kind) {
      case 'refuse':
        return 'refuse';
      case 'timeout':
        return 'silence';
      case 'status':
        return statusReply(fault.status ?? 500, fault.retryAfter);
      case 'session-expired':
        return json(401, { code: 40110000, message: 'request is not authorized' });
      case 'html':
        return {
          status: fault.status ?? 200,
          type: 'text/html; charset=utf-8',
          body: Buffer.from(WEB_PAGE),
          headers: {},
        };
      default:
        return null;
    }
  }

  #answer(
    account: Account,
    url: URL,
    found: { route: Route; parts: string[] },
    resource: FaultResource,
    faults: readonly Fault[],
  ): Reply {
    let view = viewOf(this.#world.ledger, account.name, this.#world.clock.now());
    for (const fault of faults) {
      const changed = faultyView(fault, view, resource, () => this.#otherView(account));
      if (changed !== null) {
        view = changed;
        fault.applied += 1;
      }
    }
    const asked = { assets: this.#assets, query: url.searchParams, parts: found.parts };
    let body = this.#paged(account, url, faults, () => found.route.answer({ ...asked, view }));
    for (const fault of faults) {
      const changed = faultyBody(fault, body);
      if (changed !== null) {
        body = changed;
        fault.applied += 1;
      }
      if (fault.kind === 'clock-skew' && url.pathname === '/v2/clock') {
        body = { ...(body as Record<string, unknown>), timestamp: newYorkTime(this.#skewedNow(fault)) };
      }
    }
    const reply = json(200, body);
    for (const fault of faults) {
      if (fault.kind !== 'truncate' && fault.kind !== 'cut-line') continue;
      fault.applied += 1;
      const kept = fault.at ?? Math.floor(reply.body.length / 2);
      if (fault.kind === 'cut-line') reply.cutAfter = kept;
      else reply.body = reply.body.subarray(0, kept);
    }
    return reply;
  }

  /** The body, with what faults of paging do to the pages after the first. */
  #paged(account: Account, url: URL, faults: readonly Fault[], make: () => unknown): unknown {
    const token = url.searchParams.get('page_token');
    const key = `${account.name} ${url.pathname}`;
    const before = this.#pages.get(key);
    if (token !== null && token !== '') {
      for (const fault of faults) {
        if (fault.kind === 'repeat-cursor' && before !== undefined) {
          fault.applied += 1;
          return before;
        }
        if (fault.kind === 'insert-while-paging' && fault.applied < INSERTED_MAX && Array.isArray(before)) {
          fault.applied += 1;
          this.#insertFill(account);
          // Everything moved down by one: the page begins with the row the last one ended with.
          const size = Number.parseInt(url.searchParams.get('page_size') ?? '100', 10);
          const shifted = [...(before as unknown[]).slice(-1), ...(make() as unknown[])].slice(0, size);
          this.#pages.set(key, shifted);
          return shifted;
        }
      }
    }
    const body = make();
    this.#pages.set(key, body);
    return body;
  }

  /** A real execution of one share, in the ledger like any other. */
  #insertFill(account: Account): void {
    const { ledger, clock } = this.#world;
    const symbol = ledger.market.symbols().find((name) => !name.includes('/'))!;
    const instrument = ledger.instrument(symbol);
    ledger.trade(account.name, {
      symbol,
      side: 'buy',
      quantity: Decimal.one,
      price: ledger.market.price(instrument, clock.now()),
    });
  }

  #otherView(account: Account): View | null {
    const other = this.#world.ledger
      .accounts()
      .find((one) => one.broker === account.broker && one.name !== account.name);
    return other === undefined ? null : viewOf(this.#world.ledger, other.name, this.#world.clock.now());
  }

  #skewedNow(fault: Fault): Instant {
    return addMs(this.#world.clock.now(), fault.at ?? SKEW_MS);
  }

  #send(response: ServerResponse, reply: Reply, faults: readonly Fault[]): void {
    if (response.destroyed) return;
    const skewed = faults.find((fault) => fault.kind === 'clock-skew');
    if (skewed !== undefined) skewed.applied += 1;
    const now = skewed === undefined ? this.#world.clock.now() : this.#skewedNow(skewed);
    response.writeHead(reply.status, {
      'content-type': reply.type,
      'content-length': reply.body.length,
      date: new Date(instantToMs(now)).toUTCString(),
      ...this.#limitHeaders(),
      ...reply.headers,
    });
    if (reply.cutAfter === undefined) {
      response.end(reply.body);
      return;
    }
    // What was written must be on its way before the line breaks.
    response.flushHeaders();
    response.write(reply.body.subarray(0, reply.cutAfter), () => response.destroy());
  }

  #limitHeaders(): Record<string, string> {
    const minute = Math.floor(this.#world.clock.nowMs() / 60_000);
    if (minute !== this.#minute) this.#inMinute = 0;
    this.#minute = minute;
    this.#inMinute += 1;
    this.#answered += 1;
    return {
      'x-ratelimit-limit': String(RATE_LIMIT),
      'x-ratelimit-remaining': String(Math.max(RATE_REMAINING_LEAST, RATE_LIMIT - this.#inMinute)),
      'x-ratelimit-reset': String((minute + 1) * 60),
      'x-request-id': this.#world.seeded
        .namedUuid(`request:${this.#host}:${this.#answered}`)
        .replaceAll('-', ''),
    };
  }
}

function json(status: number, body: unknown): Reply {
  return {
    status,
    type: 'application/json; charset=UTF-8',
    body: Buffer.from(JSON.stringify(body)),
    headers: {},
  };
}

/** The body Alpaca gives a status: brokers/alpaca.md sections 1.3 and 10.14. */
export function statusReply(status: number, retryAfter: string | null = null): Reply {
  const headers: Record<string, string> = retryAfter === null ? {} : { 'retry-after': retryAfter };
  if (status === 429) {
    return {
      ...json(429, { code: 42910000, message: 'rate limit exceeded' }),
      headers: { 'x-ratelimit-remaining': '0', ...headers },
    };
  }
  const bodies: Readonly<Record<number, Record<string, unknown>>> = {
    400: { message: 'bad request' },
    401: { message: 'unauthorized.' },
    403: { code: 40310000, message: 'account not authorized to read this' },
    404: { code: 40410000, message: 'not found' },
    422: { code: 42210000, message: 'unprocessable' },
  };
  return { ...json(status, bodies[status] ?? { message: 'internal server error' }), headers };
}
