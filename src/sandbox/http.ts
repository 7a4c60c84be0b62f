/** Small pieces of serving HTTP on loopback: listening, reading a body with a limit, closing for good. */
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { TruebookError } from '../domain/errors.ts';

export const LOOPBACK = '127.0.0.1';
const BODY_BYTES_MAX = 1_000_000;

/** Listens on a port of the loopback address (0 = any free one). Throws `config` where the port is taken. */
export function listen(port: number, handle: RequestListener): Promise<{ server: Server; port: number }> {
  const server = createServer(handle);
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        new TruebookError('config', `The sandbox cannot listen on ${LOOPBACK}:${port}: ${error.message}.`, {
          hint: 'Choose another --port, or none for any free one.',
        }),
      );
    });
    server.listen(port, LOOPBACK, () => resolve({ server, port: (server.address() as AddressInfo).port }));
  });
}

/** The whole body as text; null beyond a megabyte or where the sender broke off. */
export async function readBody(request: IncomingMessage): Promise<string | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request) {
      bytes += (chunk as Buffer).length;
      if (bytes > BODY_BYTES_MAX) return null;
      chunks.push(chunk as Buffer);
    }
  } catch {
    return null;
  }
  return Buffer.concat(chunks).toString('utf8');
}

export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
