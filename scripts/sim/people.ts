/** What people do: they trade, move money, are assigned; the broker corrects, splits and renames; and somebody asks for a sync. */
import { type AccountName, type Brokerage } from './brokerage.ts';
import { type Chance } from './chance.ts';

const STOCKS = ['AAPL', 'KO', 'TSLA'] as const;
/** Corporate actions have a date and no time: they take effect before the trades of their day, so nobody trades these. */
const UNTRADED: ReadonlySet<string> = new Set(['XMPL', 'YMPL', 'VTI', 'BTC/USD']);
const HISTORY_BEFORE_MS = 3 * 86_400_000;
const OPTIONS = ['SPY250912C00640000', 'QQQ251010C00580000'] as const;
const PUBLISH = ['now', 'now', 'now', 'next-day'] as const;

/** Days of trading that lie before the world begins. `fills`: how many. */
export function playHistory(
  brokerage: Brokerage,
  account: AccountName,
  chance: Chance,
  fills: number,
  nowMs: number,
): void {
  brokerage.play('cash', { account, kind: 'funding', amount: '250000' });
  const at = (place: number): string =>
    new Date(nowMs - HISTORY_BEFORE_MS - (fills - place + 2) * 7 * 60_000).toISOString();
  brokerage.play('trade', {
    account,
    symbol: 'XMPL',
    side: 'buy',
    quantity: String(chance.integer(2, 30)),
    price: '50',
    at: at(0),
  });
  for (let made = 0; made < fills; made += 1) {
    const symbol = STOCKS[made % STOCKS.length]!;
    const side = made < STOCKS.length || chance.maybe(0.7) ? 'buy' : 'sell';
    brokerage.play('trade', {
      account,
      symbol,
      side,
      quantity: String(chance.integer(1, 9)),
      price: String(chance.integer(20, 300)),
      at: at(made),
    });
  }
  if (chance.maybe(0.4))
    brokerage.play('trade', {
      account,
      symbol: OPTIONS[0],
      side: 'buy',
      quantity: '3',
      price: '4.2',
      at: at(fills),
    });
  if (chance.maybe(0.3))
    brokerage.play('trade', {
      account,
      symbol: 'BTC/USD',
      side: 'buy',
      quantity: '0.512',
      price: '61000.5',
      fees: '12.5',
      at: at(fills),
    });
}

type Doing = readonly [weight: number, name: string, act: (at: Place) => void];

interface Place {
  readonly brokerage: Brokerage;
  readonly account: AccountName;
  readonly chance: Chance;
  /** Some answer of the broker lags: then no option ends beside it, of which the activities and the cash say nothing either. */
  readonly lags: boolean;
}

function publishedWhen({ chance }: Place): (typeof PUBLISH)[number] {
  return chance.pick(PUBLISH);
}

const play = ({ brokerage }: Place, path: string, body: object): Record<string, unknown>[] | null =>
  brokerage.play(path, body);

function trade(at: Place, more: object = {}): void {
  const { account, chance } = at;
  const symbol = chance.pick([...STOCKS, ...STOCKS, 'BTC/USD', ...OPTIONS]);
  play(at, 'trade', {
    account,
    symbol,
    side: symbol === 'BTC/USD' ? 'buy' : chance.pick(['buy', 'buy', 'sell']),
    quantity: String(chance.integer(1, 12)),
    price: String(chance.integer(1, 400)),
    publish: publishedWhen(at),
    ...(chance.maybe(0.4)
      ? { clientRef: chance.maybe(0.5) ? `auto-${chance.integer(1, 9)}` : 'by-hand' }
      : {}),
    ...(chance.maybe(0.15) ? { fees: '0.37' } : {}),
    ...more,
  });
}

/** Sells all of a stock, so that positions really close. */
function sellOut(at: Place): void {
  // Nor coins: their fee is taken in coins at the end of the day, and who sold all would owe some.
  const held = at.brokerage.truth(at.account).positions.filter((row) => !UNTRADED.has(row.symbol));
  if (held.length === 0) return;
  const row = at.chance.pick(held);
  const isShort = row.quantity.startsWith('-');
  trade(at, { symbol: row.symbol, side: isShort ? 'buy' : 'sell', quantity: row.quantity.replace('-', '') });
}

function amend(at: Place): void {
  const { account, brokerage, chance } = at;
  const fills = brokerage.truth(account).fills.filter((fill) => fill.status === 'ok');
  if (fills.length === 0) return;
  const { id: fill } = chance.pick(chance.maybe(0.6) ? fills.slice(-4) : fills);
  const kind = chance.pick(['correct', 'bust'] as const);
  const values =
    kind === 'bust'
      ? {}
      : { quantity: String(chance.integer(1, 12)), price: String(chance.integer(20, 300)) };
  play(at, 'amend', { account, fill, kind, ...values });
}

function twins(at: Place): void {
  const body = { account: at.account, symbol: 'AAPL', side: 'buy', quantity: '3', price: '201' };
  play(at, 'trade', body);
  play(at, 'trade', body);
}

/** A bust and the same trade anew: what brokers call cancel and rebook. */
function rebook(at: Place): void {
  const { account, brokerage } = at;
  const fill = brokerage.truth(account).fills.findLast((one) => one.status === 'ok');
  if (fill === undefined) return;
  if (play(at, 'amend', { account, fill: fill.id, kind: 'bust' }) === null) return;
  play(at, 'trade', {
    account,
    symbol: fill.symbol,
    side: fill.side,
    quantity: fill.quantity,
    price: fill.price,
  });
}

function partly(at: Place): void {
  trade(at, {
    symbol: 'KO',
    side: 'buy',
    quantity: '2',
    order: { quantity: '7', ...(at.chance.maybe(0.5) ? { cancel: true } : {}) },
  });
}

const DOINGS: readonly Doing[] = [
  [10, 'trade', trade],
  [4, 'sell-out', sellOut],
  [3, 'amend', amend],
  [1, 'twins', twins],
  [1, 'rebook', rebook],
  [2, 'partly-filled', partly],
  [
    3,
    'cash',
    (at) =>
      play(at, 'cash', {
        account: at.account,
        kind: at.chance.pick(['deposit', 'withdrawal', 'interest', 'fee']),
        amount: (at.chance.integer(1, 90_000) / 100).toFixed(2),
        publish: publishedWhen(at),
      }),
  ],
  [
    1,
    'dividend',
    (at) => play(at, 'cash', { account: at.account, kind: 'dividend', amount: '12.31', symbol: 'KO' }),
  ],
  [
    1,
    'split',
    (at) => {
      const [newShares, oldShares] = at.chance.pick([
        ['2', '1'],
        ['3', '2'],
        ['1', '2'],
      ] as const);
      play(at, 'corporate-action', {
        kind: 'split',
        symbol: 'XMPL',
        newShares,
        oldShares,
        publish: publishedWhen(at),
      });
    },
  ],
  [
    1,
    'rename',
    (at) =>
      play(at, 'corporate-action', {
        kind: 'rename',
        symbol: 'XMPL',
        to: 'YMPL',
        publish: publishedWhen(at),
      }),
  ],
  [
    1,
    'transfer',
    (at) =>
      play(at, 'transfer', {
        account: at.account,
        direction: at.chance.pick(['in', 'out']),
        symbol: at.chance.pick(['VTI', 'TSLA']),
        quantity: String(at.chance.integer(1, 5)),
        publish: publishedWhen(at),
      }),
  ],
  [
    1,
    'option-event',
    (at) =>
      // The broker tells of these the next morning only.
      !at.lags &&
      play(at, 'option', {
        account: at.account,
        kind: at.chance.pick(['expire', 'exercise', 'assign']),
        symbol: at.chance.pick(OPTIONS),
        quantity: '1',
      }),
  ],
];

/** Something happens at the broker. Answers what. */
export function doSomething(
  brokerage: Brokerage,
  account: AccountName,
  chance: Chance,
  lags: boolean,
): string {
  const total = DOINGS.reduce((sum, [weight]) => sum + weight, 0);
  let drawn = chance.unit() * total;
  for (const [weight, name, act] of DOINGS) {
    drawn -= weight;
    if (drawn > 0) continue;
    act({ brokerage, account, chance, lags });
    return name;
  }
  return 'nothing';
}
