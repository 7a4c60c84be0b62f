/** What a case is made of, and the stage it is played on: an account with cash and some large holdings. */
import { type FindingCause } from '../../src/domain/finding.ts';
import { type World } from '../../test/world/world.ts';
import { type Chance } from './chance.ts';

export const ACCOUNT = 'alpaca-paper';

/** What really happened, as the control call that made it says. */
export interface Truth {
  /** The instrument, or the currency where money moved alone. */
  readonly symbol: string;
  readonly cause: FindingCause;
  /** The cause is to be told before the broker publishes anything; else only that nothing wrong is claimed. */
  readonly tellsWhileOpen: boolean;
}

export interface Case {
  /** The family, for the summary: `assignment`, `sale_like_assignment`, ... */
  readonly name: string;
  /** The label in the matrix: the cause, or `unknown` where no evidence could ever tell. */
  readonly label: FindingCause;
  readonly truths: readonly Truth[];
  readonly isLookAlike: boolean;
  readonly isUnknowable: boolean;
  /** Several causes in one difference that nothing separates: one of them, or `unknown`, merely possible. */
  readonly inseparable?: boolean;
  /** What differs too and is not judged for its number, only for being confidently wrong. */
  readonly besides?: readonly string[];
  /** The broker publishes what happened on the next day; else never, or a fault ends. */
  readonly published: boolean;
  /** Seconds of the day at which it happens, and whether the account is new to Truebook. */
  readonly at: string;
  readonly isFirstContact?: boolean;
  /** Trades and transfers before the first look, all published. */
  prepare(stage: Stage): Promise<void>;
  /** The control calls that make the difference. */
  make(stage: Stage): Promise<void>;
  /** Between the looks while it is open and the last ones. */
  settle?(stage: Stage): Promise<void>;
}

export interface Stage {
  readonly world: World;
  buy(symbol: string, quantity: string, price: string, more?: object): Promise<string>;
  sell(symbol: string, quantity: string, price: string, more?: object): Promise<string>;
  cash(kind: string, amount: string, more?: object): Promise<void>;
  transfer(direction: 'in' | 'out', symbol: string, quantity: string, more?: object): Promise<void>;
  option(kind: string, symbol: string, quantity: string): Promise<void>;
  action(body: object): Promise<void>;
  price(symbol: string, price: string): Promise<void>;
  fault(body: object): Promise<void>;
  sync(): Promise<void>;
}

export function stageOf(world: World): Stage {
  const call = async (path: string, body: object): Promise<Record<string, unknown>[]> =>
    (await world.control(path, { account: ACCOUNT, ...body })).created;
  const trade = async (
    side: string,
    symbol: string,
    quantity: string,
    price: string,
    more = {},
  ): Promise<string> => {
    const [made] = await call('trade', {
      symbol,
      side,
      quantity,
      price,
      clientRef: `auto-${symbol}`,
      ...more,
    });
    const id = made?.['id'];
    return typeof id === 'string' ? id : '';
  };
  return {
    world,
    buy: (symbol, quantity, price, more) => trade('buy', symbol, quantity, price, more),
    sell: (symbol, quantity, price, more) => trade('sell', symbol, quantity, price, more),
    cash: async (kind, amount, more) => void (await call('cash', { kind, amount, ...more })),
    transfer: async (direction, symbol, quantity, more) =>
      void (await call('transfer', { direction, symbol, quantity, ...more })),
    option: async (kind, symbol, quantity) => void (await call('option', { kind, symbol, quantity })),
    action: async (body) => void (await world.control('corporate-action', body)),
    price: async (symbol, price) => void (await world.control('price', { symbol, price, hold: true })),
    fault: async (body) =>
      void (await world.control('fault', { broker: 'alpaca', account: ACCOUNT, ...body })),
    sync: async () => void (await world.sync(ACCOUNT)),
  };
}

/** Everything a case may choose from. */
export interface Choices {
  readonly chance: Chance;
  /** Different stocks, in an order of chance. */
  readonly stocks: readonly Stock[];
}

export interface Stock {
  readonly symbol: string;
  readonly price: number;
}

export const STOCKS: readonly Stock[] = [
  { symbol: 'AAPL', price: 226 },
  { symbol: 'AMZN', price: 222 },
  { symbol: 'GOOGL', price: 200 },
  { symbol: 'JPM', price: 291 },
  { symbol: 'MSFT', price: 504 },
  { symbol: 'NVDA', price: 175 },
  { symbol: 'QQQ', price: 566 },
  { symbol: 'SPY', price: 636 },
  { symbol: 'TSLA', price: 320 },
  { symbol: 'XMPL', price: 104 },
];

/** Held in every world, so that no difference of a case is a large part of the account. */
export async function holdMuch(stage: Stage): Promise<void> {
  await stage.cash('deposit', '900000');
  await stage.buy('KO', '3000', '69.5');
  await stage.buy('VTI', '400', '316');
}

/** `SPY250822C00640000`: OCC, strike in whole dollars. */
export function contract(symbol: string, right: 'C' | 'P', strike: number, expiry = '250822'): string {
  return `${symbol}${expiry}${right}${String(strike * 1000).padStart(8, '0')}`;
}
