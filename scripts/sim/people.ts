/** What people do: they trade, move money, are assigned; the broker corrects, splits and renames; and somebody asks for a sync. */
import { type AccountName, type Brokerage } from './brokerage.ts';
import { type Chance } from './chance.ts';

const STOCKS = ['AAPL', 'KO', 'TSLA', 'XMPL'] as const;
const OPTIONS = ['SPY250912C00640000', 'QQQ251010C00580000'] as const;
const PUBLISH = ['now', 'now', 'now', 'next-day'] as const;

/** Days of trading that lie before the world begins. `fills`: how many. */
export function playHistory(brokerage: Brokerage, account: AccountName, chance: Chance, fills: number): void {
  brokerage.play('cash', { account, kind: 'funding', amount: '250000' });
  for (let made = 0; made < fills; made += 1) {
    const symbol = STOCKS[made % STOCKS.length]!;
    const side = made < STOCKS.length || chance.maybe(0.7) ? 'buy' : 'sell';
    brokerage.play('trade', { account, symbol, side, quantity: String(chance.integer(1, 9)), price: String(chance.integer(20, 300)) });
  }
  if (chance.maybe(0.4)) brokerage.play('trade', { account, symbol: OPTIONS[0], side: 'buy', quantity: '3', price: '4.2' });
  if (chance.maybe(0.3)) brokerage.play('trade', { account, symbol: 'BTC/USD', side: 'buy', quantity: '0.512', price: '61000.5', fees: '12.5' });
}

type Doing = readonly [weight: number, name: string, act: (at: Place) => void];

interface Place {
  readonly brokerage: Brokerage;
  readonly account: AccountName;
  readonly chance: Chance;
}

const play = ({ brokerage }: Place, path: string, body: object): Record<string, unknown>[] | null =>
  brokerage.play(path, body);

function trade(at: Place, more: object = {}): void {
  const { account, chance } = at;
  play(at, 'trade', {
    account,
    symbol: chance.pick([...STOCKS, ...STOCKS, 'BTC/USD', ...OPTIONS]),
    side: chance.pick(['buy', 'buy', 'sell']),
    quantity: String(chance.integer(1, 12)),
    price: String(chance.integer(1, 400)),
    publish: chance.pick(PUBLISH),
    ...(chance.maybe(0.4) ? { clientRef: chance.maybe(0.5) ? `auto-${chance.integer(1, 9)}` : 'by-hand' } : {}),
    ...(chance.maybe(0.15) ? { fees: '0.37' } : {}),
    ...more,
  });
}

/** Sells all of a stock, so that positions really close. */
function sellOut(at: Place): void {
  const held = at.brokerage.truth(at.account).positions;
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
  const values = kind === 'bust' ? {} : { quantity: String(chance.integer(1, 12)), price: String(chance.integer(20, 300)) };
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
  play(at, 'trade', { account, symbol: fill.symbol, side: fill.side, quantity: fill.quantity, price: fill.price });
}

function partly(at: Place): void {
  trade(at, { symbol: 'KO', side: 'buy', quantity: '2', order: { quantity: '7', ...(at.chance.maybe(0.5) ? { cancel: true } : {}) } });
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
        publish: at.chance.pick(PUBLISH),
      }),
  ],
  [1, 'dividend', (at) => play(at, 'cash', { account: at.account, kind: 'dividend', amount: '12.31', symbol: 'KO' })],
  [
    1,
    'split',
    (at) => {
      const [newShares, oldShares] = at.chance.pick([['2', '1'], ['3', '2'], ['1', '2']] as const);
      play(at, 'corporate-action', { kind: 'split', symbol: at.chance.pick(['AAPL', 'XMPL']), newShares, oldShares, publish: at.chance.pick(PUBLISH) });
    },
  ],
  [1, 'rename', (at) => play(at, 'corporate-action', { kind: 'rename', symbol: 'XMPL', to: 'YMPL', publish: at.chance.pick(PUBLISH) })],
  [
    1,
    'transfer',
    (at) =>
      play(at, 'transfer', {
        account: at.account,
        direction: at.chance.pick(['in', 'out']),
        symbol: at.chance.pick(['TSLA', 'VTI']),
        quantity: String(at.chance.integer(1, 5)),
        publish: at.chance.pick(PUBLISH),
      }),
  ],
  [
    1,
    'option-event',
    (at) =>
      play(at, 'option', { account: at.account, kind: at.chance.pick(['expire', 'exercise', 'assign']), symbol: at.chance.pick(OPTIONS), quantity: '1' }),
  ],
];

/** Something happens at the broker. Answers what. */
export function doSomething(brokerage: Brokerage, account: AccountName, chance: Chance): string {
  const total = DOINGS.reduce((sum, [weight]) => sum + weight, 0);
  let drawn = chance.unit() * total;
  for (const [weight, name, act] of DOINGS) {
    drawn -= weight;
    if (drawn > 0) continue;
    act({ brokerage, account, chance });
    return name;
  }
  return 'nothing';
}
