/** A line between Truebook and its database server that can be cut and mended, as a network does. */
import { createServer, connect, type Server, type Socket } from 'node:net';

export interface Proxy {
  /** The address of the database behind it. */
  readonly url: string;
  /** Breaks every connection; from now on nobody listens. */
  cut(): Promise<void>;
  mend(): Promise<void>;
  close(): Promise<void>;
}

export async function openProxy(databaseUrl: string): Promise<Proxy> {
  const target = new URL(databaseUrl);
  const port = Number.parseInt(target.port, 10);
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
  };
  let server: Server | null = null;
  const open = (at: number): Promise<number> =>
    new Promise((resolve, reject) => {
      server = createServer((near) => {
        const far = connect(port, target.hostname);
        for (const socket of [near, far]) keep(socket);
        near.on('close', () => far.destroy());
        far.on('close', () => near.destroy());
        near.pipe(far).pipe(near);
      });
      server.once('error', reject);
      server.listen(at, '127.0.0.1', () => {
        const address = server?.address();
        resolve(typeof address === 'object' && address !== null ? address.port : 0);
      });
    });
  const cut = async (): Promise<void> => {
    const closed = new Promise((resolve) => (server === null ? resolve(null) : server.close(resolve)));
    for (const socket of sockets) socket.destroy();
    await closed;
    server = null;
  };
  const own = await open(0);
  const url = new URL(databaseUrl);
  url.hostname = '127.0.0.1';
  url.port = String(own);
  return {
    url: url.href,
    cut,
    mend: async () => void (await open(own)),
    close: cut,
  };
}
