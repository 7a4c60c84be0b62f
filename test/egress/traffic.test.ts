/** The bytes that Truebook counts are the bytes that went over the wire. */
import { createServer, type Socket } from 'node:net';
import { type AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { createEgress } from '../../src/egress/egress.ts';
import { systemClock } from '../../src/platform.ts';

test('of plain and of packed answers, both ways', async () => {
  const packed = gzipSync('[]'.padEnd(5_000));
  const answers = [
    Buffer.from('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n\r\n{"a":1}'),
    Buffer.concat([
      Buffer.from(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${packed.length}\r\n\r\n`),
      packed,
    ]),
  ];
  let received = 0;
  let sent = 0;
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('data', (part) => {
      received += part.length;
      const answer = answers.shift()!;
      sent += answer.length;
      socket.write(answer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const egress = createEgress({ clock: systemClock(), random: () => 0.5, allowLoopback: [url] });
  try {
    expect(egress.traffic('alpaca')).toEqual({ requests: 0, bytesSent: 0, bytesReceived: 0 });
    for (const body of ['{"a":1}', '[]'.padEnd(5_000)]) {
      const headers = { accept: 'application/json', 'apca-api-key-id': 'KEY' };
      const answer = await egress.request({
        broker: 'alpaca',
        url: `${url}/v2/account`,
        headers,
        credential: 'c',
      });
      expect(answer.body).toBe(body);
    }
    expect(egress.traffic('alpaca')).toEqual({ requests: 2, bytesSent: received, bytesReceived: sent });
    expect(egress.traffic('ibkr')).toEqual({ requests: 0, bytesSent: 0, bytesReceived: 0 });
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});
