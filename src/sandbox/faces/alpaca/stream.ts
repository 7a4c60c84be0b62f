/**
 * The `trade_updates` websocket: brokers/alpaca.md section 7. Nothing is replayed, one connection per host, binary
 * frames on paper and text frames on live.
 */
import { type IncomingMessage } from 'node:http';
import { type Duplex } from 'node:stream';
import { WebSocketServer, type WebSocket } from 'ws';
import { instantToMs, type Instant } from '../../../domain/time.ts';
import { type World } from '../../broker.ts';
import { type Account } from '../../entries.ts';
import { type Fault, type FaultKind } from '../../faults.ts';
import { type OrderEvent } from '../../ledger.ts';
import { viewOf } from '../../view.ts';
import { type AssetBook } from './assets.ts';
import { byKeys, byToken } from './credentials.ts';
import { orderAnswer } from './orders.ts';
import { type AlpacaServer } from './server.ts';
import { nanoseconds, text } from './wire.ts';

const KNOWN_STREAMS = ['trade_updates'];
const SLOW_MS = 3_000;
/** Crockford's alphabet, in which an event id (ULID) is written. */
const ULID_LETTERS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

interface Connection {
  readonly socket: WebSocket;
  readonly host: string;
  account: Account | null;
  listening: boolean;
  /** A half-open connection never comes back to life, also when the fault has ended. */
  dead: boolean;
}

export class TradeUpdates {
  readonly #world: World;
  readonly #assets: AssetBook;
  readonly #server: AlpacaServer;
  readonly #binary: boolean;
  readonly #sockets = new WebSocketServer({ noServer: true, autoPong: false });
  #connection: Connection | null = null;
  #events = 0;

  constructor(world: World, assets: AssetBook, server: AlpacaServer, env: 'paper' | 'live') {
    this.#world = world;
    this.#assets = assets;
    this.#server = server;
    this.#binary = env === 'paper';
    world.ledger.onOrderEvent((event) => this.#tell(event));
  }

  /** Takes over an HTTP upgrade of `/stream`. A second connection is turned away with 429, as by Alpaca. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    for (const fault of this.#meeting(null)) {
      if (fault.kind === 'timeout') {
        fault.applied += 1;
        return;
      }
      const status = fault.kind === 'status' ? (fault.status ?? 500) : fault.kind === 'html' ? 200 : null;
      if (fault.kind !== 'refuse' && status === null) continue;
      fault.applied += 1;
      if (status === null) socket.destroy();
      else turnAway(socket, status);
      return;
    }
    if (new URL(request.url ?? '/', 'http://sandbox.invalid').pathname !== '/stream')
      return turnAway(socket, 404);
    if (this.#connection !== null) return turnAway(socket, 429);
    this.#sockets.handleUpgrade(request, socket, head, (opened) =>
      this.#open(opened, request.headers.host ?? ''),
    );
  }

  /** Acts on a fault the moment it is posted: drops the connection, or lets it go silent. */
  onFault(fault: Fault): void {
    const connection = this.#connection;
    if (connection === null || !this.#meeting(connection.account).some((one) => one.id === fault.id)) return;
    if (fault.kind === 'stream-drop') this.#drop(connection, fault);
    if (fault.kind === 'half-open') {
      fault.applied += 1;
      connection.dead = true;
    }
  }

  close(): void {
    this.#connection?.socket.terminate();
    this.#sockets.close();
  }

  /** Stream faults that meet this host's account, whether or not it has said who it is. */
  #meeting(account: Account | null): Fault[] {
    const name = (account ?? this.#server.accounts()[0])?.name ?? null;
    return this.#world.faults.meeting('alpaca', name, 'stream');
  }

  #applies(connection: Connection, kind: FaultKind): Fault | undefined {
    return this.#meeting(connection.account).find((fault) => fault.kind === kind);
  }

  #open(socket: WebSocket, host: string): void {
    const connection: Connection = { socket, host, account: null, listening: false, dead: false };
    this.#connection = connection;
    socket.on('close', () => {
      if (this.#connection === connection) this.#connection = null;
    });
    socket.on('error', () => socket.terminate());
    socket.on('ping', (data) => {
      if (!this.#isDead(connection)) socket.pong(data);
    });
    socket.on('message', (data) => this.#hear(connection, (data as Buffer).toString('utf8')));
  }

  #isDead(connection: Connection): boolean {
    const fault = this.#applies(connection, 'half-open');
    if (fault !== undefined && !connection.dead) {
      fault.applied += 1;
      connection.dead = true;
    }
    return connection.dead;
  }

  #drop(connection: Connection, fault: Fault): void {
    fault.applied += 1;
    if (this.#connection === connection) this.#connection = null;
    connection.socket.terminate();
  }

  #hear(connection: Connection, textFrame: string): void {
    const message = parseMessage(textFrame);
    const action = typeof message?.['action'] === 'string' ? message['action'] : 'unreadable';
    if (action === 'authenticate' || action === 'auth')
      connection.account = this.#whoIs(connection, message!) ?? null;
    this.#world.requests.add({
      at: this.#world.clock.now(),
      broker: 'alpaca',
      ...(connection.account === null ? {} : { account: connection.account.name }),
      method: 'WS',
      host: connection.host,
      path: action,
    });
    if (this.#isDead(connection)) return;
    if (action === 'authenticate' || action === 'auth') {
      const status = connection.account === null ? 'unauthorized' : 'authorized';
      this.#send(connection, { stream: 'authorization', data: { status, action: 'authenticate' } });
    } else if (action === 'listen') this.#listen(connection, message!);
    else {
      this.#send(connection, { action: 'error', data: { error_message: 'internal server error' } });
      connection.socket.close();
    }
  }

  #whoIs(connection: Connection, message: Record<string, unknown>): Account | undefined {
    const expired = this.#applies(connection, 'session-expired');
    if (expired !== undefined) {
      expired.applied += 1;
      return undefined;
    }
    const data = isRecord(message['data']) ? message['data'] : {};
    const accounts = this.#server.accounts();
    if (typeof data['oauth_token'] === 'string') return byToken(accounts, data['oauth_token']);
    const keyId = data['key_id'] ?? message['key'];
    const secretKey = data['secret_key'] ?? message['secret'];
    return typeof keyId === 'string' && typeof secretKey === 'string'
      ? byKeys(accounts, keyId, secretKey)
      : undefined;
  }

  #listen(connection: Connection, message: Record<string, unknown>): void {
    if (connection.account === null) {
      this.#send(connection, { stream: 'authorization', data: { status: 'unauthorized', action: 'listen' } });
      return;
    }
    const data = isRecord(message['data']) ? message['data'] : {};
    const wanted = Array.isArray(data['streams']) ? data['streams'] : [];
    const streams = KNOWN_STREAMS.filter((name) => wanted.includes(name));
    connection.listening = streams.length > 0;
    this.#send(connection, { stream: 'listening', data: { streams } });
    const drop = this.#applies(connection, 'stream-drop');
    if (drop !== undefined) this.#drop(connection, drop);
  }

  #tell(event: OrderEvent): void {
    const connection = this.#connection;
    if (connection?.account?.name !== event.account.name || !connection.listening || this.#isDead(connection))
      return;
    const lost = this.#applies(connection, 'lose-frames');
    if (lost !== undefined) {
      lost.applied += 1;
      return;
    }
    const frame = this.#frame(event);
    const slow = this.#applies(connection, 'slow');
    const twice = this.#applies(connection, 'duplicate');
    const deliver = (): void => {
      this.#send(connection, frame);
      if (twice !== undefined) this.#send(connection, frame);
    };
    if (twice !== undefined) twice.applied += 1;
    if (slow === undefined) deliver();
    else {
      slow.applied += 1;
      void this.#world.clock.sleep(slow.at ?? SLOW_MS).then(deliver);
    }
  }

  #frame({ account, order, event, entry }: OrderEvent): Record<string, unknown> {
    const now = this.#world.clock.now();
    const view = viewOf(this.#world.ledger, account.name, now);
    this.#events += 1;
    const execution =
      entry === null
        ? {}
        : {
            position_qty: text(view.standing.holdings.get(entry.instrument!.id)?.quantity ?? null) ?? '0',
            price: text(entry.price),
            qty: text(entry.quantity.abs()),
          };
    const at = entry?.at ?? order.canceledAt ?? order.submittedAt;
    // A new order is announced as it was submitted, before anything of it was filled.
    const shown = event === 'new' ? { ...view, account: withoutFills(account, order.id) } : view;
    const asSubmitted = event === 'new' ? { ...order, canceledAt: null } : order;
    const asFilled =
      event === 'fill' || event === 'partial_fill' ? { ...asSubmitted, canceledAt: null } : asSubmitted;
    return {
      stream: 'trade_updates',
      data: {
        at: now,
        event_id: this.#ulid(now),
        event,
        execution_id: entry?.uuid ?? this.#world.seeded.namedUuid(`event:${account.env}:${this.#events}`),
        order: orderAnswer(shown, this.#assets, asFilled, true),
        ...execution,
        timestamp: nanoseconds(at),
      },
    };
  }

  #ulid(now: Instant): string {
    let rest = BigInt(instantToMs(now));
    let time = '';
    for (let digit = 0; digit < 10; digit += 1) {
      time = ULID_LETTERS[Number(rest % 32n)]! + time;
      rest /= 32n;
    }
    return time + this.#events.toString().padStart(16, '0');
  }

  #send(connection: Connection, message: unknown): void {
    if (connection.socket.readyState !== connection.socket.OPEN) return;
    connection.socket.send(Buffer.from(JSON.stringify(message)), { binary: this.#binary });
  }
}

function withoutFills(account: Account, orderId: string): Account {
  return { ...account, entries: account.entries.filter((entry) => entry.fill?.orderId !== orderId) };
}

function turnAway(socket: Duplex, status: number): void {
  const body = JSON.stringify(
    status === 429 ? { code: 42910000, message: 'rate limit exceeded' } : { message: 'refused' },
  );
  socket.end(
    `HTTP/1.1 ${status} ${status === 429 ? 'Too Many Requests' : 'Refused'}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function parseMessage(frame: string): Record<string, unknown> | null {
  try {
    const message: unknown = JSON.parse(frame);
    return isRecord(message) ? message : null;
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
