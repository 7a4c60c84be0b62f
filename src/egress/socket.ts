/** One websocket: no redirect, limited handshake and payload, and only messages the table names may be sent. */
import type { WebSocket } from 'ws';
import { TruebookError } from '../domain/errors.ts';
import { type EgressRow } from './table.ts';

export interface SocketLimits {
  readonly handshakeMs: number;
  readonly payloadBytesMax: number;
}

export const DEFAULT_SOCKET: SocketLimits = { handshakeMs: 10_000, payloadBytesMax: 1024 * 1024 };

export interface SocketEvents {
  /** A frame as UTF-8 text, whether it came as text or as binary. */
  onMessage(text: string): void;
  onPong(): void;
}

export interface EgressSocket {
  /** Sends `{"action": ...}`. Throws `egress_refused` for an action the table does not name. */
  send(message: { readonly action: string; readonly data: unknown }): void;
  ping(): void;
  /** Cuts the line at once; `closed` resolves soon after. */
  terminate(): void;
  /** Resolves when the line is gone, with a word for it. */
  readonly closed: Promise<string>;
}

/**
 * Opens a websocket. Throws `broker_rate_limit` (429), `broker_auth` (401, 403), `broker_bad_answer` (other statuses,
 * redirects included) or `broker_unreachable`; `facts.status` holds the status of a refused upgrade.
 */
export async function openSocket(
  url: URL,
  row: EgressRow,
  events: SocketEvents,
  limits: SocketLimits,
  signal: AbortSignal | undefined,
): Promise<EgressSocket> {
  // Loaded by those who follow a stream.
  const ws = await import('ws');
  const socket: WebSocket = new ws.WebSocket(url, {
    followRedirects: false,
    handshakeTimeout: limits.handshakeMs,
    maxPayload: limits.payloadBytesMax,
    perMessageDeflate: false,
  });
  const abort = (): void => socket.terminate();
  signal?.addEventListener('abort', abort, { once: true });
  const closed = new Promise<string>((resolve) => {
    let word = 'closed by the broker';
    socket.on('error', (error) => (word = error.message));
    socket.on('close', (code) => {
      signal?.removeEventListener('abort', abort);
      resolve(code === 1000 ? 'closed by the broker' : `${word} (${code})`);
    });
  });
  socket.on('message', (data: Buffer | ArrayBuffer | Buffer[]) => events.onMessage(frameText(data)));
  socket.on('pong', () => events.onPong());
  await opened(socket, url);
  if (signal?.aborted === true) socket.terminate();

  return {
    closed,
    send(message) {
      if (row.actions?.includes(message.action) !== true) {
        throw new TruebookError(
          'egress_refused',
          `The message "${message.action}" was not sent: it is not in the table.`,
          {
            hint: 'This is a fault of Truebook: report it.',
            facts: { reason: 'egress_refused' },
          },
        );
      }
      if (socket.readyState === ws.WebSocket.OPEN) socket.send(JSON.stringify(message));
    },
    ping() {
      if (socket.readyState === ws.WebSocket.OPEN) socket.ping();
    },
    terminate: () => socket.terminate(),
  };
}

function opened(socket: WebSocket, url: URL): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('open', resolve);
    socket.once('error', (error) => reject(notOpened('broker_unreachable', url, error.message, null)));
    socket.once('unexpected-response', (request, response) => {
      const status = response.statusCode ?? 0;
      response.resume();
      request.destroy();
      const code =
        status === 429
          ? 'broker_rate_limit'
          : status === 401 || status === 403
            ? 'broker_auth'
            : 'broker_bad_answer';
      reject(notOpened(code, url, `HTTP ${status}`, status));
      socket.terminate();
    });
  });
}

function notOpened(
  code: 'broker_rate_limit' | 'broker_auth' | 'broker_bad_answer' | 'broker_unreachable',
  url: URL,
  word: string,
  status: number | null,
): TruebookError {
  return new TruebookError(code, `The stream of ${url.host} was not opened (${word}).`, {
    hint: 'Streams are hints only: polling goes on. A 429 means that another program holds the only stream of this account.',
    retry: code === 'broker_auth' ? 'never' : 'later',
    facts: { reason: 'stream_not_opened', status },
  });
}

function frameText(data: Buffer | ArrayBuffer | Buffer[]): string {
  if (Array.isArray(data)) return Buffer.concat(data).toString('utf8');
  return Buffer.isBuffer(data) ? data.toString('utf8') : Buffer.from(data).toString('utf8');
}
