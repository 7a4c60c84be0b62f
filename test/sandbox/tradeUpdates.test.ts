/** The trade_updates websocket over a real socket, with the `ws` package as client. */
import { describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { PAPER, start, type Play, type Row } from './play.ts';

interface Line {
  readonly socket: WebSocket;
  readonly binary: boolean[];
  /** The next message, or null when the socket closes first. */
  next(): Promise<Row | null>;
  closed: Promise<void>;
}

async function connect(url: string): Promise<Line> {
  const socket = new WebSocket(url);
  const messages: (Row | null)[] = [];
  const waiting: ((message: Row | null) => void)[] = [];
  const binary: boolean[] = [];
  const arrive = (message: Row | null): void => {
    const waiter = waiting.shift();
    if (waiter === undefined) messages.push(message);
    else waiter(message);
  };
  socket.on('message', (data, isBinary) => {
    binary.push(isBinary);
    arrive(JSON.parse((data as Buffer).toString('utf8')) as Row);
  });
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => {
      arrive(null);
      resolve();
    });
  });
  await new Promise<void>((resolve, reject) => {
    socket.on('open', () => resolve());
    socket.on('error', reject);
  });
  const next = (): Promise<Row | null> => {
    const ready = messages.shift();
    return ready === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(ready);
  };
  return { socket, binary, next, closed };
}

async function listening(play: Play): Promise<Line> {
  const line = await connect(play.paper.streamUrl);
  line.socket.send(
    JSON.stringify({
      action: 'authenticate',
      data: { key_id: play.paper.keyId, secret_key: play.paper.secretKey },
    }),
  );
  expect(await line.next()).toEqual({
    stream: 'authorization',
    data: { status: 'authorized', action: 'authenticate' },
  });
  line.socket.send(JSON.stringify({ action: 'listen', data: { streams: ['trade_updates', 'nonsense'] } }));
  expect(await line.next()).toEqual({ stream: 'listening', data: { streams: ['trade_updates'] } });
  return line;
}

const eventOf = (message: Row | null): unknown => (message?.['data'] as Row | undefined)?.['event'];

/** Answers whether a pong came before the sandbox answered another message. */
async function answersPing(line: Line): Promise<boolean> {
  let ponged = false;
  line.socket.once('pong', () => {
    ponged = true;
  });
  line.socket.ping();
  await new Promise((resolve) => setTimeout(resolve, 60));
  return ponged;
}

describe('the stream', () => {
  it('tells of new, partial and whole fills and of cancels, with the id the activity has', async () => {
    await using play = await start();
    const line = await listening(play);
    const order = { account: PAPER, symbol: 'AAPL', side: 'buy', price: '200.5' };
    const [first] = play.post('/control/trade', {
      ...order,
      quantity: '4',
      order: { id: 'x', quantity: '10' },
      clientRef: 'auto-9',
    });
    const opened = await line.next();
    expect(opened).toMatchObject({
      stream: 'trade_updates',
      data: { event: 'new', order: { status: 'new', filled_qty: '0', client_order_id: 'auto-9' } },
    });
    const partial = await line.next();
    expect(partial).toMatchObject({
      data: {
        event: 'partial_fill',
        qty: '4',
        price: '200.5',
        position_qty: '4',
        order: { status: 'partially_filled', filled_qty: '4' },
      },
    });
    expect(first!['id']).toContain(String((partial!['data'] as Row)['execution_id']));
    play.post('/control/trade', { ...order, quantity: '6', order: { id: 'x' } });
    expect(await line.next()).toMatchObject({
      data: { event: 'fill', position_qty: '10', order: { status: 'filled' } },
    });
    play.post('/control/trade', { ...order, quantity: '0', order: { id: 'y', quantity: '1' } });
    play.post('/control/trade', { account: PAPER, order: { id: 'y', cancel: true } });
    expect(eventOf(await line.next())).toBe('new');
    expect(await line.next()).toMatchObject({ data: { event: 'canceled', order: { status: 'canceled' } } });
    expect(new Set(line.binary)).toEqual(new Set([true]));
    expect(await answersPing(line)).toBe(true);
    line.socket.terminate();
  });

  it('says nothing of what is not listed yet, of splits and of money', async () => {
    await using play = await start();
    const line = await listening(play);
    play.play('deposit 5\n buy 1 KO @ 70 never\n split KO 2:1\n buy 1 KO @ 35');
    expect(await line.next()).toMatchObject({ data: { event: 'new' } });
    expect(await line.next()).toMatchObject({ data: { event: 'fill', position_qty: '3' } });
    line.socket.terminate();
  });

  it('sends text frames on live and knows the other ways to authenticate', async () => {
    await using play = await start();
    const line = await connect(play.live.streamUrl);
    line.socket.send(JSON.stringify({ action: 'auth', key: play.live.keyId, secret: play.live.secretKey }));
    expect(await line.next()).toMatchObject({ data: { status: 'authorized' } });
    line.socket.send(JSON.stringify({ action: 'authenticate', data: { oauth_token: play.live.oauthToken } }));
    expect(await line.next()).toMatchObject({ data: { status: 'authorized' } });
    line.socket.send(
      JSON.stringify({
        action: 'authenticate',
        data: { key_id: play.paper.keyId, secret_key: play.paper.secretKey },
      }),
    );
    expect(await line.next()).toMatchObject({ data: { status: 'unauthorized' } });
    expect(new Set(line.binary)).toEqual(new Set([false]));
    const log = play.sandbox.control('GET', '/control/requests').body as Row[];
    expect(log.map((one) => [one['method'], one['path'], one['account']])).toEqual([
      ['WS', 'auth', 'alpaca-live'],
      ['WS', 'authenticate', 'alpaca-live'],
      ['WS', 'authenticate', undefined],
    ]);
    line.socket.terminate();
  });

  it('refuses to listen before authentication, a second connection, and other paths', async () => {
    await using play = await start();
    const line = await connect(play.paper.streamUrl);
    line.socket.send(JSON.stringify({ action: 'listen', data: { streams: ['trade_updates'] } }));
    expect(await line.next()).toEqual({
      stream: 'authorization',
      data: { status: 'unauthorized', action: 'listen' },
    });
    await expect(connect(play.paper.streamUrl)).rejects.toThrow('429');
    line.socket.close();
    await line.closed;
    await expect(connect(play.paper.streamUrl.replace('/stream', '/other'))).rejects.toThrow('404');
    (await connect(play.paper.streamUrl)).socket.terminate();
  });
});

describe('faults of the stream', () => {
  const stream = { broker: 'alpaca', resource: 'stream' };

  it('stream-drop closes what is open, once', async () => {
    await using play = await start();
    const line = await listening(play);
    play.post('/control/fault', { ...stream, kind: 'stream-drop', times: 1 });
    await line.closed;
    const again = await listening(play);
    play.play('buy 1 AAPL @ 200');
    expect(eventOf(await again.next())).toBe('new');
    again.socket.terminate();
  });

  it('half-open keeps the connection, dead for good', async () => {
    await using play = await start();
    const line = await listening(play);
    play.post('/control/fault', { ...stream, kind: 'half-open', times: 1 });
    play.play('buy 1 AAPL @ 200');
    expect(await answersPing(line)).toBe(false);
    expect(line.socket.readyState).toBe(WebSocket.OPEN);
    await expect(connect(play.paper.streamUrl)).rejects.toThrow('429');
    line.socket.terminate();
    await line.closed;
    (await listeningSoon(play)).socket.terminate();
  });

  it('lose-frames loses updates while pings are answered', async () => {
    await using play = await start();
    const line = await listening(play);
    play.post('/control/fault', { ...stream, kind: 'lose-frames' });
    play.play('buy 1 AAPL @ 200');
    expect(await answersPing(line)).toBe(true);
    play.sandbox.control('DELETE', '/control/fault');
    play.play('buy 1 KO @ 70');
    expect(await line.next()).toMatchObject({ data: { order: { symbol: 'KO' } } });
    line.socket.terminate();
  });

  it('duplicate sends twice, slow sends when the clock has moved', async () => {
    await using play = await start();
    const line = await listening(play);
    play.post('/control/fault', { ...stream, kind: 'duplicate', times: 1 });
    play.play('buy 1 AAPL @ 200');
    const [one, two] = [await line.next(), await line.next()];
    expect(two).toEqual(one);
    expect(eventOf(await line.next())).toBe('fill');
    play.post('/control/fault', { ...stream, kind: 'slow', at: 2000, times: 2 });
    play.play('buy 1 KO @ 70');
    play.play('buy 1 XMPL @ 70');
    const symbolOf = (message: Row | null): unknown => ((message!['data'] as Row)['order'] as Row)['symbol'];
    expect([symbolOf(await line.next()), symbolOf(await line.next())]).toEqual(['XMPL', 'XMPL']);
    play.play('clock 2s');
    expect([symbolOf(await line.next()), symbolOf(await line.next())]).toEqual(['KO', 'KO']);
    line.socket.terminate();
  });

  it('refuse, status and session-expired meet the handshake', async () => {
    await using play = await start();
    play.post('/control/fault', { ...stream, kind: 'refuse', times: 1 });
    await expect(connect(play.paper.streamUrl)).rejects.toThrow();
    play.post('/control/fault', { ...stream, kind: 'status', status: 503, times: 1 });
    await expect(connect(play.paper.streamUrl)).rejects.toThrow('503');
    play.post('/control/fault', { ...stream, kind: 'session-expired', times: 1 });
    const line = await connect(play.paper.streamUrl);
    line.socket.send(
      JSON.stringify({
        action: 'authenticate',
        data: { key_id: play.paper.keyId, secret_key: play.paper.secretKey },
      }),
    );
    expect(await line.next()).toMatchObject({ data: { status: 'unauthorized' } });
    line.socket.terminate();
  });
});

/** The server learns of a torn connection a moment after the client tore it. */
async function listeningSoon(play: Play): Promise<Line> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await listening(play);
    } catch (error) {
      if (attempt === 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}
