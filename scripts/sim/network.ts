/**
 * The way to the broker and back: latency, and everything that goes wrong on a wire. What a request meets is decided by
 * the wire faults of the moment; what it is answered with comes from the brokerage.
 */
import { Readable } from 'node:stream';
import { type Chance } from './chance.ts';
import { HOSTS, LIVE, PAPER, type AccountName, type Answer, type Brokerage } from './brokerage.ts';
import { type SimProcess } from './process.ts';
import { type EventQueue } from './queue.ts';
import { type StreamServer } from './streams.ts';

export type Resource = 'account' | 'positions' | 'activities' | 'orders' | 'other';

export interface SimRequest {
  readonly process: SimProcess;
  readonly url: URL;
  readonly account: AccountName;
  readonly resource: Resource;
  readonly sentMs: number;
}

/** What a wire does with an answer: another one, or nothing, or half of it and a break. */
export type Delivery =
  | { readonly kind: 'whole'; readonly answer: Answer }
  | { readonly kind: 'cut'; readonly answer: Answer; readonly afterBytes: number }
  | { readonly kind: 'trickle'; readonly answer: Answer; readonly forMs: number }
  | { readonly kind: 'silence' };

/** A fault of the wire while it lasts. */
export interface WireFault {
  readonly kind: string;
  /** Requests left that it meets. */
  times: number;
  readonly meets: (request: SimRequest) => boolean;
  /** The connection does not come about: an error code of the system, or nothing at all. */
  readonly connect?: () => string | 'silence';
  readonly answer?: (answer: Answer, request: SimRequest) => Delivery;
  readonly delayMs?: () => number;
}

export interface NetworkEvents {
  /** A fault had an effect. */
  onFault(kind: string): void;
  onRequest(request: SimRequest): void;
  /** The whole of an answer reached the process that asked. `askedMs`: when the broker made it. */
  onDelivered(request: SimRequest, answer: Answer, askedMs: number): void;
}

export class Network {
  readonly #queue: EventQueue;
  readonly #brokerage: Brokerage;
  readonly #chance: Chance;
  readonly #events: NetworkEvents;
  readonly streams: StreamServer;
  #faults: WireFault[] = [];

  constructor(
    queue: EventQueue,
    brokerage: Brokerage,
    chance: Chance,
    streams: StreamServer,
    events: NetworkEvents,
  ) {
    this.#queue = queue;
    this.#brokerage = brokerage;
    this.#chance = chance;
    this.streams = streams;
    this.#events = events;
  }

  begin(fault: WireFault): void {
    this.#faults.push(fault);
  }

  end(fault: WireFault): void {
    this.#faults = this.#faults.filter((one) => one !== fault);
  }

  clear(): void {
    this.#faults = [];
  }

  /** Sends a GET. The callbacks run as the process that asked, never where it is dead. */
  get(
    process: SimProcess,
    url: URL,
    headers: Readonly<Record<string, string>>,
    on: { readonly response: (response: SimResponse) => void; readonly error: (error: Error) => void },
  ): void {
    const request: SimRequest = {
      process,
      url,
      account: accountOf(url, headers, this.#brokerage),
      resource: resourceOf(url.pathname),
      sentMs: this.#queue.nowMs,
    };
    this.#events.onRequest(request);
    this.#queue.note(`${process.id} GET ${request.account} ${url.pathname}${url.search}`);
    const faults = this.#faults.filter((fault) => fault.times > 0 && fault.meets(request));
    const broken = faults.find((fault) => fault.connect !== undefined);
    const latencyMs = this.#chance.integer(5, 120);
    if (broken !== undefined) {
      this.#use(broken);
      const code = broken.connect!();
      if (code !== 'silence')
        process.after(latencyMs, code, () => on.error(Object.assign(new Error(code), { code })));
      return;
    }
    const delayMs = faults.reduce((sum, fault) => sum + this.#delay(fault), latencyMs);
    this.#queue.after(delayMs, `${process.id} is answered`, () => {
      const askedMs = this.#queue.nowMs;
      void this.#brokerage.serve(url, headers).then((answer) => {
        const delivery = this.#lied(faults, answer, request);
        const backMs = this.#chance.integer(5, 120);
        if (delivery.kind === 'silence') return;
        process.after(backMs, `hears ${delivery.answer.status} ${delivery.kind}`, () =>
          this.#deliver(request, delivery, askedMs, on.response),
        );
      });
    });
  }

  #delay(fault: WireFault): number {
    if (fault.delayMs === undefined) return 0;
    this.#use(fault);
    return fault.delayMs();
  }

  #lied(faults: readonly WireFault[], answer: Answer, request: SimRequest): Delivery {
    for (const fault of faults) {
      if (fault.answer === undefined || fault.times <= 0) continue;
      this.#use(fault);
      return fault.answer(answer, request);
    }
    return { kind: 'whole', answer };
  }

  #use(fault: WireFault): void {
    fault.times -= 1;
    this.#events.onFault(fault.kind);
  }

  #deliver(
    request: SimRequest,
    delivery: Exclude<Delivery, { kind: 'silence' }>,
    askedMs: number,
    hear: (response: SimResponse) => void,
  ): void {
    const { answer } = delivery;
    const response = new SimResponse(answer);
    hear(response);
    if (delivery.kind === 'cut') {
      response.push(answer.body.subarray(0, delivery.afterBytes));
      request.process.after(20, 'is cut off', () => response.destroy(new Error('aborted')));
      return;
    }
    if (delivery.kind === 'trickle') {
      const half = Math.floor(answer.body.length / 2);
      response.push(answer.body.subarray(0, half));
      request.process.after(delivery.forMs, 'hears the rest', () => {
        if (response.destroyed) return;
        response.finish(answer.body.subarray(half));
        this.#events.onDelivered(request, answer, askedMs);
      });
      return;
    }
    response.finish(answer.body);
    this.#events.onDelivered(request, answer, askedMs);
  }
}

/** An answer as Node's HTTP client hands it out. */
export class SimResponse extends Readable {
  readonly statusCode: number;
  readonly statusMessage = '';
  readonly headers: Readonly<Record<string, string>>;
  readonly rawHeaders: readonly string[];
  complete = false;

  constructor(answer: Answer) {
    super();
    this.statusCode = answer.status;
    this.headers = answer.headers;
    this.rawHeaders = Object.entries(answer.headers).flat();
    // Whoever broke it off knows; nobody else listens.
    this.on('error', () => undefined);
  }

  override _read(): void {}

  finish(rest: Buffer): void {
    this.push(rest);
    this.complete = true;
    this.push(null);
  }
}

function resourceOf(path: string): Resource {
  if (path === '/v2/account') return 'account';
  if (path === '/v2/positions') return 'positions';
  if (path === '/v2/account/activities') return 'activities';
  return path.startsWith('/v2/orders') ? 'orders' : 'other';
}

/** Whose request it is: by its host, on the data host by its key. */
function accountOf(url: URL, headers: Readonly<Record<string, string>>, brokerage: Brokerage): AccountName {
  const host = HOSTS[url.host];
  if (host === 'paper') return PAPER;
  if (host === 'live') return LIVE;
  if (host === undefined) throw new Error(`nobody lives at ${url.host}`);
  return headers['apca-api-key-id'] === brokerage.account(LIVE).keyId ? LIVE : PAPER;
}
