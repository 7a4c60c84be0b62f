/** Takes the place of the `ws` package for `src/egress/socket.ts`: a websocket to the simulated stream. */
import { EventEmitter } from 'node:events';
import { type Handle, type SimProcess } from '../process.ts';
import { currentProcess } from '../stage.ts';

interface Peer {
  readonly onSend: (message: { action?: string; data?: Record<string, unknown> }) => void;
  /** Whether the ping is answered. */
  readonly onPing: () => boolean;
  readonly onClose: () => void;
}

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 3;
const WAY_MS = 40;

export class SimSocket extends EventEmitter implements Handle {
  static readonly OPEN = OPEN;
  readonly process: SimProcess;
  readyState = CONNECTING;
  #peer: Peer | null = null;

  constructor(url: URL) {
    super();
    this.process = currentProcess();
    this.process.handles.add(this);
    this.process.after(WAY_MS, 'reaches the stream', () => {
      if (this.readyState === CONNECTING) this.process.around.network.streams.dial(this, url);
    });
  }

  // ---- for the broker ---------------------------------------------------------------------------------------------

  open(peer: Peer): void {
    this.#peer = peer;
    this.readyState = OPEN;
    this.process.after(WAY_MS, 'stream is open', () => this.emit('open'));
  }

  refuse(status: number): void {
    this.process.after(WAY_MS, `stream refused ${status}`, () => {
      const [request, response] = [
        { destroy: () => undefined },
        { statusCode: status, resume: () => undefined },
      ];
      this.emit('unexpected-response', request, response);
    });
  }

  fail(code: string): void {
    this.process.after(WAY_MS, `stream ${code}`, () => {
      this.emit('error', new Error(code));
      this.#close(1006);
    });
  }

  hear(message: object, delayMs: number): void {
    this.process.after(delayMs, 'hears a frame', () => {
      if (this.readyState !== OPEN) return;
      this.process.attend(2_500);
      this.emit('message', Buffer.from(JSON.stringify(message)));
    });
  }

  /** The line breaks from the other end. */
  lose(): void {
    this.process.after(WAY_MS, 'loses the stream', () => this.#close(1006));
  }

  // ---- for the product --------------------------------------------------------------------------------------------

  send(text: string): void {
    const message = JSON.parse(text) as { action?: string };
    this.process.around.queue.after(WAY_MS, `${this.process.id} sends ${message.action}`, () =>
      this.#peer?.onSend(message),
    );
  }

  ping(): void {
    if (this.#peer?.onPing() === true)
      this.process.after(2 * WAY_MS, 'hears a pong', () => this.emit('pong'));
  }

  terminate(): void {
    if (this.readyState === CONNECTING) {
      this.readyState = CLOSED;
      this.process.handles.delete(this);
      this.#peer?.onClose();
      // As `ws` does: an error, then the end.
      this.process.after(1, 'gives the stream up', () => {
        this.emit('error', new Error('closed before the connection was established'));
        this.emit('close', 1006);
      });
      return;
    }
    this.#close(1006);
  }

  /** The process is gone, and its socket with it. */
  drop(): void {
    this.readyState = CLOSED;
    this.#peer?.onClose();
    this.removeAllListeners();
  }

  #close(code: number): void {
    if (this.readyState === CLOSED) return;
    this.readyState = CLOSED;
    this.process.handles.delete(this);
    this.#peer?.onClose();
    this.process.after(1, 'stream is closed', () => this.emit('close', code));
  }
}

export { SimSocket as WebSocket };
