/** The broker's `trade_updates` stream: one connection per account, frames that say which order moved, nothing replayed. */
import { LIVE, PAPER, type AccountName, type Brokerage } from './brokerage.ts';
import { type SimSocket } from './machine/websocket.ts';
import { type EventQueue } from './queue.ts';

/** What goes wrong on a stream while it lasts. */
export type StreamTrouble =
  | 'stream-refused'
  | 'stream-lost-frames'
  | 'stream-half-open'
  | 'stream-twice'
  | 'stream-late'
  | 'stream-unauthorized';

interface Line {
  readonly socket: SimSocket;
  listening: boolean;
}

export class StreamServer {
  readonly #queue: EventQueue;
  readonly #brokerage: Brokerage;
  readonly #onTrouble: (trouble: StreamTrouble | 'stream-second') => void;
  readonly #lines = new Map<AccountName, Line>();
  readonly #active = new Map<StreamTrouble, number>();
  frames = 0;
  dials = 0;

  constructor(
    queue: EventQueue,
    brokerage: Brokerage,
    onTrouble: (trouble: StreamTrouble | 'stream-second') => void,
  ) {
    this.#queue = queue;
    this.#brokerage = brokerage;
    this.#onTrouble = onTrouble;
    brokerage.onOrderEvent(({ account, order, event }) => {
      const line = this.#lines.get(account.name as AccountName);
      if (line === undefined || !line.listening || this.#meets('stream-half-open')) return;
      if (this.#meets('stream-lost-frames')) return;
      const frame = { stream: 'trade_updates', data: { event, order: { id: order.id } } };
      const times = this.#meets('stream-twice') ? 2 : 1;
      const delayMs = this.#meets('stream-late') ? 90_000 : 30;
      for (let time = 0; time < times; time += 1) {
        this.frames += 1;
        line.socket.hear(frame, delayMs * (times - time));
      }
    });
  }

  begin(trouble: StreamTrouble): void {
    this.#active.set(trouble, (this.#active.get(trouble) ?? 0) + 1);
  }

  end(trouble: StreamTrouble): void {
    const left = (this.#active.get(trouble) ?? 1) - 1;
    if (left > 0) this.#active.set(trouble, left);
    else this.#active.delete(trouble);
  }

  clear(): void {
    this.#active.clear();
  }

  /** Ends every line, as a broker's restart does. */
  dropAll(): number {
    const lines = [...this.#lines.values()];
    for (const { socket } of lines) socket.lose();
    this.#lines.clear();
    return lines.length;
  }

  /** A new connection: how it is answered, after the time of the way. */
  dial(socket: SimSocket, url: URL): void {
    this.dials += 1;
    const account = url.host.startsWith('paper') ? PAPER : LIVE;
    this.#queue.note(`${socket.process.id} dials the stream of ${account}`);
    if (this.#meets('stream-refused')) return socket.fail('ECONNREFUSED');
    if (this.#lines.has(account)) {
      this.#onTrouble('stream-second');
      return socket.refuse(429);
    }
    const line: Line = { socket, listening: false };
    this.#lines.set(account, line);
    socket.open({
      onSend: (message) => this.#answer(line, account, message),
      onPing: () => !this.#meets('stream-half-open'),
      onClose: () => {
        if (this.#lines.get(account) === line) this.#lines.delete(account);
      },
    });
  }

  #answer(
    line: Line,
    account: AccountName,
    message: { action?: string; data?: Record<string, unknown> },
  ): void {
    if (this.#meets('stream-half-open')) return;
    if (message.action === 'authenticate') {
      const { keyId, secretKey } = this.#brokerage.account(account);
      const right = message.data?.['key_id'] === keyId && message.data['secret_key'] === secretKey;
      const status = right && !this.#meets('stream-unauthorized') ? 'authorized' : 'unauthorized';
      line.socket.hear({ stream: 'authorization', data: { status, action: 'authenticate' } }, 30);
    } else if (message.action === 'listen') {
      line.listening = true;
      line.socket.hear({ stream: 'listening', data: { streams: ['trade_updates'] } }, 30);
    }
  }

  #meets(trouble: StreamTrouble): boolean {
    if (!this.#active.has(trouble)) return false;
    this.#onTrouble(trouble);
    return true;
  }
}
