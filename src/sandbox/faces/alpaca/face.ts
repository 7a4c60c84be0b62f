/** The Alpaca face: paper and live trading hosts with their streams, and the data host, each on a port of its own. */
import { type Server } from 'node:http';
import { type World } from '../../broker.ts';
import { type Fault } from '../../faults.ts';
import { closeServer, listen, LOOPBACK } from '../../http.ts';
import { AssetBook } from './assets.ts';
import { oauthToken } from './credentials.ts';
import { AlpacaServer, type Host } from './server.ts';
import { TradeUpdates } from './stream.ts';

export interface AlpacaReady {
  readonly tradingUrl: string;
  readonly dataUrl: string;
  readonly streamUrl: string;
  readonly keyId: string;
  readonly secretKey: string;
  /** A token without scopes: it reads the account and nothing else. */
  readonly oauthToken: string;
  /** A token with the scope `data`: market data too. */
  readonly oauthDataToken: string;
}

export class AlpacaFace {
  readonly #world: World;
  readonly #assets: AssetBook;
  #servers: Server[] = [];
  #streams: TradeUpdates[] = [];

  constructor(world: World) {
    this.#world = world;
    this.#assets = new AssetBook(world.seeded, world.ledger.market);
  }

  /** Listens on `firstPort` and the two after it (0 = any free ports). */
  async start(firstPort: number): Promise<{ paper: AlpacaReady; live: AlpacaReady }> {
    const port = (offset: number): number => (firstPort === 0 ? 0 : firstPort + offset);
    const paper = await this.#serve('paper', port(0));
    const live = await this.#serve('live', port(1));
    const data = await this.#serve('data', port(2));
    const ready = (env: 'paper' | 'live', tradingPort: number): AlpacaReady => {
      const account = this.#world.ledger
        .accounts()
        .find((one) => one.broker === 'alpaca' && one.env === env)!;
      return {
        tradingUrl: `http://${LOOPBACK}:${tradingPort}`,
        dataUrl: `http://${LOOPBACK}:${data}`,
        streamUrl: `ws://${LOOPBACK}:${tradingPort}/stream`,
        keyId: account.keyId,
        secretKey: account.secretKey,
        oauthToken: oauthToken(account, 'none'),
        oauthDataToken: oauthToken(account, 'data'),
      };
    };
    return { paper: ready('paper', paper), live: ready('live', live) };
  }

  onFault(fault: Fault): void {
    for (const stream of this.#streams) stream.onFault(fault);
  }

  async close(): Promise<void> {
    for (const stream of this.#streams) stream.close();
    await Promise.all(this.#servers.map(closeServer));
  }

  async #serve(host: Host, port: number): Promise<number> {
    const handler = new AlpacaServer(this.#world, this.#assets, host);
    const { server, port: given } = await listen(
      port,
      (request, response) => void handler.handle(request, response),
    );
    this.#servers.push(server);
    if (host !== 'data') {
      const stream = new TradeUpdates(this.#world, this.#assets, handler, host);
      this.#streams.push(stream);
      server.on('upgrade', (request, socket, head) => stream.upgrade(request, socket, head));
    }
    return given;
  }
}
