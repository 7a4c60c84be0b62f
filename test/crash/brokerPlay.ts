/** A broker where something always happens: seeded changes in a sandbox, and a memory of what it published when. */
import { type Sandbox } from '../../src/sandbox/sandbox.ts';
import { type Seeded } from '../../src/sandbox/seeded.ts';

export const ACCOUNTS = ['alpaca-paper', 'alpaca-live'] as const;
export type AccountName = (typeof ACCOUNTS)[number];

/** A row the broker shows from `publishedAt` on. */
export interface Published {
  readonly account: string;
  readonly id: string;
  readonly publishedAt: string;
}

export interface Truth {
  readonly positions: readonly { readonly symbol: string; readonly quantity: string }[];
  readonly fills: readonly Fill[];
  readonly cash: readonly { readonly id: string }[];
  readonly activities: readonly { readonly id: string }[];
  readonly balances: { readonly cash: string };
}

export interface Fill {
  readonly id: string;
  readonly symbol: string;
  readonly side: string;
  readonly quantity: string;
  readonly price: string | null;
  readonly status: string;
}

/** What the world began with was listed before anybody looked. */
const LONG_AGO = '1970-01-01T00:00:00Z';

const SYMBOLS = ['AAPL', 'KO', 'TSLA', 'XMPL', 'NEWCO', 'SPY250912C00640000', 'BTC/USD'] as const;

export class BrokerPlay {
  readonly #sandbox: Sandbox;
  readonly #chance: Seeded;
  readonly #published: Published[] = [];
  /** Every price is used once: no correction ever returns to older content, which takes two reads to believe. */
  #cents = 1000;

  constructor(sandbox: Sandbox, chance: Seeded) {
    this.#sandbox = sandbox;
    this.#chance = chance;

    for (const account of ACCOUNTS) {
      const { fills, activities } = this.truth(account);
      for (const { id } of [...fills, ...activities])
        this.#published.push({ account, id, publishedAt: LONG_AGO });
    }
  }

  /** Every row the broker made so far. */
  get published(): readonly Published[] {
    return this.#published;
  }

  truth(account: string): Truth {
    return this.#call('GET', `truth?account=${account}`) as Truth;
  }

  /** Time passes - up to a day now and then -, then something happens. What the broker itself refuses does not happen. */
  change(): void {
    this.advance(this.#often(30) ? 'next-day' : this.#often(10) ? '1h' : `${this.#integer(1, 90)}s`);
    this.#happen(['now', 'now', 'now', 'next-day']);
  }

  /**
   * Little time passes - the clock of a run under way is behind by as much -, and what happens is listed at once. Also
   * before a first contact: which rows of that day lie in its openings, when they are listed only on the next, cannot
   * always be told from their dates, and is not what crashes are about.
   */
  smallChange(): void {
    this.advance(`${this.#integer(1, 4)}s`);
    this.#happen(['now']);
  }

  #happen(publishing: readonly string[]): void {
    const account = this.#pick(ACCOUNTS);
    const publish = this.#pick(publishing);
    const draw = this.#integer(1, 100);
    if (draw <= 66) this.#trade(account, publish);
    else if (draw <= 76) this.#amend(account);
    else if (draw <= 86) this.#cash(account, publish);
    else if (draw <= 93) this.#transfer(account);
    else this.#split();
  }

  advance(by: string): void {
    this.#call('POST', 'clock', { advance: by });
  }

  #trade(account: AccountName, publish: string): void {
    this.#post('trade', {
      account,
      symbol: this.#pick(SYMBOLS),
      side: this.#pick(['buy', 'buy', 'sell']),
      quantity: String(this.#integer(1, 20)),
      price: this.#newPrice(),
      publish,
    });
  }

  #amend(account: AccountName): void {
    const fills = this.truth(account).fills.filter((fill) => fill.status === 'ok');
    if (fills.length === 0) return;
    const fill = this.#pick(fills).id;
    const correction = { quantity: String(this.#integer(1, 20)), price: this.#newPrice() };
    const kind = this.#pick(['correct', 'correct', 'bust']);
    this.#post('amend', { account, fill, kind, ...(kind === 'correct' ? correction : {}) });
  }

  #cash(account: AccountName, publish: string): void {
    const kind = this.#pick(['deposit', 'withdrawal', 'dividend', 'interest']);
    const symbol = kind === 'dividend' ? { symbol: 'AAPL' } : {};
    this.#post('cash', { account, kind, amount: this.#newPrice(), publish, ...symbol });
  }

  #transfer(account: AccountName): void {
    this.#post('transfer', {
      account,
      direction: 'in',
      symbol: 'GIFT',
      quantity: String(this.#integer(1, 5)),
    });
  }

  #split(): void {
    const [newShares, oldShares] = this.#pick([
      ['2', '1'],
      ['3', '2'],
    ]) as [string, string];
    this.#post('corporate-action', {
      kind: 'split',
      symbol: this.#pick(['KO', 'XMPL']),
      newShares,
      oldShares,
    });
  }

  /** Asks for a change and remembers its rows; an amended row keeps the time it was first shown at. */
  #post(path: string, body: object): void {
    const answer = this.#sandbox.control('POST', `/control/${path}`, body);
    if (answer.status === 400) return;
    if (answer.status !== 200) throw new Error(`${path}: ${JSON.stringify(answer.body)}`);
    if (path === 'amend') return;
    const { created } = answer.body as {
      created: { account: string; id: string; publishedAt: string | null }[];
    };
    for (const { account, id, publishedAt } of created) {
      if (publishedAt !== null) this.#published.push({ account, id, publishedAt });
    }
  }

  #call(method: 'GET' | 'POST', path: string, body?: object): unknown {
    const answer = this.#sandbox.control(method, `/control/${path}`, body);
    if (answer.status !== 200) throw new Error(`${path}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  #newPrice(): string {
    this.#cents += 1;
    const digits = String(this.#cents).padStart(3, '0');
    return `${digits.slice(0, -2)}.${digits.slice(-2)}`;
  }

  #integer(least: number, most: number): number {
    return this.#chance.integer(least, most);
  }

  #often(oneIn: number): boolean {
    return this.#integer(1, oneIn) === 1;
  }

  #pick<Value>(values: readonly Value[]): Value {
    return values[this.#integer(0, values.length - 1)]!;
  }
}
