/**
 * The broker: the sandbox's ledger of truth and its Alpaca face, called in this process instead of over sockets. It never
 * lies by itself; what goes wrong on the way is `network.ts`, and what the broker gets wrong are the sandbox's own faults.
 */
import { type IncomingMessage, type ServerResponse } from 'node:http';
import { instantFromMs, instantToMs, type Instant } from '../../src/domain/time.ts';
import { SandboxClock } from '../../src/sandbox/clock.ts';
import { Control } from '../../src/sandbox/control.ts';
import { type Account } from '../../src/sandbox/entries.ts';
import { AssetBook } from '../../src/sandbox/faces/alpaca/assets.ts';
import { AlpacaServer, type Host } from '../../src/sandbox/faces/alpaca/server.ts';
import {
  Faults,
  type Fault,
  type FaultCall,
  type FaultKind,
  type FaultResource,
} from '../../src/sandbox/faults.ts';
import { parseJsonExact } from '../../src/sandbox/json.ts';
import { Ledger, type OrderEvent } from '../../src/sandbox/ledger.ts';
import { Market } from '../../src/sandbox/market.ts';
import { RequestLog } from '../../src/sandbox/requests.ts';
import { Seeded } from '../../src/sandbox/seeded.ts';
import { truthOf } from '../../src/sandbox/truth.ts';
import { frozen, viewOf } from '../../src/sandbox/view.ts';
import { buildWorld, startingCash, type Scenario } from '../../src/sandbox/world.ts';

export type AccountName = 'alpaca-paper' | 'alpaca-live';
export const PAPER: AccountName = 'alpaca-paper';
export const LIVE: AccountName = 'alpaca-live';

export const HOSTS: Readonly<Record<string, Host>> = {
  'paper-api.alpaca.markets': 'paper',
  'api.alpaca.markets': 'live',
  'data.alpaca.markets': 'data',
};

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: Buffer;
}

export interface TruthFill {
  readonly id: string;
  readonly symbol: string;
  readonly side: string;
  readonly quantity: string;
  readonly price: string;
  readonly status: string;
  readonly orderId: string;
  readonly executedAt: string;
}

/** What the broker would answer now without faults. */
export interface Truth {
  readonly positions: readonly { readonly symbol: string; readonly quantity: string }[];
  readonly fills: readonly TruthFill[];
  readonly activities: readonly { readonly id: string; readonly symbol: string | null }[];
  readonly balances: { readonly cash: string; readonly equity: string };
}

/** What an account had at one moment. */
interface Standing {
  readonly positions: string;
  readonly cash: string;
}

/** The truth of an account from one moment on. */
interface Version {
  readonly fromMs: number;
  readonly account: Account;
}

export class Brokerage {
  readonly ledger: Ledger;
  readonly faults: Faults;
  readonly #clock: SandboxClock;
  readonly #control: Control;
  readonly #servers: Readonly<Record<Host, AlpacaServer>>;
  readonly #nowMs: () => number;
  readonly #versions = new Map<string, Version[]>();
  /** An account was reset and its owner may not have started a new epoch. */
  hasReset = false;
  readonly #standings = new Map<Account, Map<number, Standing>>();

  /** `nowMs`: the right time, milliseconds since 1970. */
  constructor(seed: number, scenario: Scenario, nowMs: () => number) {
    this.#nowMs = nowMs;
    const clock = new SandboxClock({ kind: 'manual', at: instantFromMs(nowMs()) });
    const seeded = new Seeded(seed);
    let past: Instant | null = null;
    const ledger = new Ledger(() => past ?? clock.now(), seeded, new Market(seeded, clock.now()));
    buildWorld(ledger, seeded, scenario, clock.now(), (instant) => (past = instant));
    past = null;
    this.ledger = ledger;
    this.faults = new Faults(() => clock.now());
    this.#clock = clock;
    const world = { clock, ledger, seeded, faults: this.faults, requests: new RequestLog() };
    const assets = new AssetBook(seeded, ledger.market);
    this.#servers = {
      paper: new AlpacaServer(world, assets, 'paper'),
      live: new AlpacaServer(world, assets, 'live'),
      data: new AlpacaServer(world, assets, 'data'),
    };
    this.#control = new Control(world, { startingCash: startingCash(scenario), onFault: () => undefined });
    this.#noteVersions();
  }

  /** Plays broker: false where the broker itself refuses (selling coins it does not hold ...). */
  play(path: string, body: object): Record<string, unknown>[] | null {
    this.#tick();
    const answer = this.#control.call('POST', `/control/${path}`, parseJsonExact(JSON.stringify(body)));
    this.#noteVersions();
    if (answer.status !== 200) return null;
    if ('action' in body && body.action === 'reset') this.hasReset = true;
    return (answer.body as { created: Record<string, unknown>[] }).created;
  }

  /** Something the broker gets wrong from now on. The answer says how often it had an effect so far. */
  fault(
    account: AccountName,
    resource: FaultResource,
    kind: FaultKind,
    more: Partial<FaultCall> = {},
  ): Fault {
    this.#tick();
    const now = this.#clock.now();
    const call: FaultCall = {
      broker: 'alpaca',
      account,
      resource,
      kind,
      times: null,
      forMs: null,
      status: null,
      at: null,
      retryAfter: null,
      page: null,
      ...more,
    };
    const before = new Map(
      this.ledger.accounts().map((one) => [one.name, frozen(viewOf(this.ledger, one.name, now))]),
    );
    return this.faults.post(call, before);
  }

  /** When the last of what is known today has been published or begins to count; null where all is. */
  lastDueMs(): number | null {
    const nowMs = this.#nowMs();
    const due = this.ledger
      .accounts()
      .flatMap((account) => account.entries)
      .flatMap(({ at, publishedAt }) => [
        instantToMs(at),
        publishedAt === null ? 0 : instantToMs(publishedAt),
      ])
      .filter((ms) => ms > nowMs);
    return due.length === 0 ? null : due.reduce((left, right) => Math.max(left, right));
  }

  onOrderEvent(hear: (event: OrderEvent) => void): void {
    this.ledger.onOrderEvent(hear);
  }

  /** Answers one request as the broker does. */
  async serve(url: URL, headers: Readonly<Record<string, string>>): Promise<Answer> {
    this.#tick();
    const server = this.#servers[HOSTS[url.host]!];
    const answer: Answer = { status: 0, headers: {}, body: Buffer.alloc(0) };
    const request = {
      url: `${url.pathname}${url.search}`,
      method: 'GET',
      headers: { ...headers, host: url.host },
      resume: () => undefined,
      socket: { destroy: () => undefined },
    };
    const response = {
      destroyed: false,
      writeHead: (status: number, given: Record<string, string | number>) => {
        answer.status = status;
        for (const [name, value] of Object.entries(given)) answer.headers[name.toLowerCase()] = String(value);
      },
      end: (body: Buffer) => (answer.body = body),
      flushHeaders: () => undefined,
    };
    await server.handle(request as unknown as IncomingMessage, response as unknown as ServerResponse);
    this.#noteVersions();
    return answer;
  }

  truth(name: AccountName): Truth {
    this.#tick();
    return truthOf(this.ledger, name, this.#clock.now()) as unknown as Truth;
  }

  account(name: AccountName): Account {
    return this.ledger.account(name);
  }

  /** What must never be seen in a log, an error or the database. */
  secrets(): readonly string[] {
    return this.ledger
      .accounts()
      .flatMap(({ keyId, secretKey, id, number }) => [keyId, secretKey, id, number]);
  }

  /** Ids that an account ever had at the broker: a reset gives it another one. */
  idsOf(name: string): ReadonlySet<string> {
    return new Set(this.#versions.get(name)!.map((version) => version.account.id));
  }

  /** The positions that the broker had at some instant from `fromMs` on, each as one text. */
  positionsSince(name: AccountName, fromMs: number): ReadonlySet<string> {
    return new Set(this.#standingsSince(name, fromMs).map((standing) => standing.positions));
  }

  /** The cash likewise. */
  cashSince(name: AccountName, fromMs: number): ReadonlySet<string> {
    return new Set(this.#standingsSince(name, fromMs).map((standing) => standing.cash));
  }

  #standingsSince(name: AccountName, fromMs: number): readonly Standing[] {
    const versions = this.#versions.get(name)!;
    const found: Standing[] = [];
    const nowMs = this.#nowMs();
    for (const [index, version] of versions.entries()) {
      const untilMs = versions[index + 1]?.fromMs ?? nowMs;
      if (untilMs < fromMs) continue;
      const begin = Math.max(version.fromMs, fromMs);
      found.push(this.#standingAt(version.account, begin));
      for (const atMs of timesOf(version.account)) {
        if (atMs > begin && atMs <= untilMs) found.push(this.#standingAt(version.account, atMs));
      }
    }
    return found;
  }

  #standingAt(account: Account, atMs: number): Standing {
    const known = this.#standings.get(account) ?? new Map<number, Standing>();
    this.#standings.set(account, known);
    const later = timesOf(account).reduce((count, ms) => (ms > atMs ? count + 1 : count), 0);
    let standing = known.get(later);
    if (standing === undefined) {
      const { holdings, cash } = this.ledger.standing(account, instantFromMs(atMs));
      const rows = [...holdings.values()].map(({ instrument, quantity }) => ({
        symbol: instrument.symbol,
        quantity: quantity.toString(),
      }));
      standing = { positions: positionsText(rows), cash: cash.toString() };
      known.set(later, standing);
    }
    return standing;
  }

  #tick(): void {
    const nowMs = this.#nowMs();
    if (nowMs > this.#clock.nowMs()) this.#clock.moveTo(nowMs);
  }

  #noteVersions(): void {
    for (const account of this.ledger.accounts()) {
      const versions = this.#versions.get(account.name) ?? [];
      if (versions.at(-1)?.account === account) continue;
      versions.push({ fromMs: this.#nowMs(), account });
      this.#versions.set(account.name, versions);
    }
  }
}

/** When each entry of an account counts, in the order of its entries. An account never changes: a new one replaces it. */
function timesOf({ entries }: Account): readonly number[] {
  let times = TIMES.get(entries);
  if (times === undefined) TIMES.set(entries, (times = entries.map(({ at }) => msOf(at))));
  return times;
}

const TIMES = new WeakMap<readonly unknown[], readonly number[]>();
const KNOWN_MS = new Map<Instant, number>();

function msOf(at: Instant): number {
  let ms = KNOWN_MS.get(at);
  if (ms === undefined) {
    if (KNOWN_MS.size > 20_000) KNOWN_MS.clear();
    KNOWN_MS.set(at, (ms = instantToMs(at)));
  }
  return ms;
}

/** `AAPL 30, KO 100`: positions as one text, whatever their order. */
export function positionsText(
  rows: readonly { readonly symbol: string; readonly quantity: string }[],
): string {
  return rows
    .map(({ symbol, quantity }) => `${symbol} ${quantity}`)
    .sort()
    .join(', ');
}
