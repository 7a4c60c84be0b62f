/**
 * The world a sandbox begins with: two Alpaca accounts with six weeks behind them, so that a first contact has history
 * to read - fills in parts, a canceled rest, short sales, a spread, an assignment, an expiry, an exercise, a split, a
 * dividend, fees, coins. Days are counted back from the start, so it is as old on any day.
 */
import { Decimal, decimal } from '../domain/decimal.ts';
import { isTradingDay, previousTradingDay } from '../domain/calendar.ts';
import { equity, printOcc, type OptionRight } from '../domain/instrument.ts';
import {
  addDays,
  compareInstants,
  NEW_YORK,
  newYorkDate,
  weekday,
  zonedInstant,
  type Instant,
  type TradeDate,
} from '../domain/time.ts';
import { type Account } from './entries.ts';
import { DIGITS, type Ledger } from './ledger.ts';
import { type TradeCall } from './orderBook.ts';
import { type Seeded } from './seeded.ts';

/** `large`: one account holds as many stocks as asked for, nothing else happens (for measurements). */
export type Scenario = 'default' | 'empty' | 'large';

const KEY_LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const SECRET_LETTERS = `${KEY_LETTERS}abcdefghijklmnopqrstuvwxyz`;
const DAYS = 30;

/** What an account holds after a reset: the play money of a new paper account. */
export function startingCash(scenario: Scenario): Decimal {
  return scenario === 'empty' ? Decimal.zero : decimal('100000');
}

/** Opens the accounts and lives through their history. `at` sets the time at which each event happens. */
export function buildWorld(
  ledger: Ledger,
  seeded: Seeded,
  scenario: Scenario,
  start: Instant,
  at: (instant: Instant) => void,
  positions = POSITIONS_OF_LARGE,
): void {
  const days = tradingDaysBefore(newYorkDate(start), DAYS);
  const opened = zonedInstant(days[0]!, '09:02:10', NEW_YORK);
  ledger.open(alpacaAccount(seeded, 'paper', opened));
  ledger.open(alpacaAccount(seeded, 'live', opened));
  if (scenario === 'empty') return;
  if (scenario === 'large') return holdMany(ledger, seeded, positions, days[0]!, at);
  const story = new Story(ledger, days, start, at);
  paperStory(story);
  liveStory(story);
  story.tell();
  ledger.market.setPrice(equity('XMPL'), decimal('103.5'), start);
}

const POSITIONS_OF_LARGE = 10_000;
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** Cash, and many stocks that arrived from another broker on the first day, with names and prices from the seed. */
function holdMany(
  ledger: Ledger,
  seeded: Seeded,
  count: number,
  day: TradeDate,
  at: (instant: Instant) => void,
): void {
  const name = 'alpaca-paper';
  at(zonedInstant(day, '09:02:11', NEW_YORK));
  ledger.cash(name, 'deposit', decimal('50000000'), null);
  at(zonedInstant(day, '09:30:00', NEW_YORK));
  const rows = stockNames(seeded, count).map((symbol) => ({
    symbol,
    quantity: Decimal.ofInteger(seeded.namedInteger(`shares:${symbol}`, 10, 500)),
    price: Decimal.ofInteger(seeded.namedInteger(`price:${symbol}`, 500, 60_000)).dividedBy(
      decimal('100'),
      2,
    ),
  }));
  ledger.receiveAll(name, rows);
}

/** Different names of five letters, none of which the market lists or renames. */
function stockNames(seeded: Seeded, count: number): string[] {
  const names = new Set<string>();
  for (let number = 0; names.size < count; number += 1)
    names.add(seeded.namedText(`stock:${number}`, 5, LETTERS));
  return [...names];
}

function alpacaAccount(
  seeded: Seeded,
  env: 'paper' | 'live',
  createdAt: Instant,
): Omit<Account, 'entries' | 'orders'> {
  const name = `alpaca-${env}`;
  return {
    name,
    broker: 'alpaca',
    env,
    id: seeded.namedUuid(`account:${name}`),
    number:
      env === 'paper'
        ? `PA3${seeded.namedText(`number:${name}`, 9, KEY_LETTERS)}`
        : seeded.namedText(`number:${name}`, 9, DIGITS),
    createdAt,
    keyId: `${env === 'paper' ? 'PK' : 'AK'}${seeded.namedText(`key:${name}`, 18, KEY_LETTERS)}`,
    secretKey: seeded.namedText(`secret:${name}`, 40, SECRET_LETTERS),
  };
}

/** The last `count` trading days that are over before `today`, the oldest first. */
function tradingDaysBefore(today: TradeDate, count: number): TradeDate[] {
  const days: TradeDate[] = [];
  for (let day = previousTradingDay(today); days.length < count; day = previousTradingDay(day))
    days.unshift(day);
  return days;
}

/** Events noted in any order, lived through in the order of their times. */
class Story {
  readonly #ledger: Ledger;
  readonly #days: readonly TradeDate[];
  readonly #start: Instant;
  readonly #at: (instant: Instant) => void;
  #events: { readonly when: Instant; readonly happen: () => void }[] = [];

  constructor(ledger: Ledger, days: readonly TradeDate[], start: Instant, at: (instant: Instant) => void) {
    this.#ledger = ledger;
    this.#days = days;
    this.#start = start;
    this.#at = at;
  }

  get ledger(): Ledger {
    return this.#ledger;
  }

  /** Notes an event on the trading day numbered from the oldest, at a New York time with any fraction of a second. */
  on(day: number, time: string, happen: () => void): void {
    const [clock = '', fraction] = time.split('.');
    const when = zonedInstant(this.#days[day]!, clock, NEW_YORK);
    this.#events.push({
      when: (fraction === undefined ? when : `${when.slice(0, 19)}.${fraction}Z`) as Instant,
      happen,
    });
  }

  trade(
    account: string,
    day: number,
    time: string,
    side: 'buy' | 'sell',
    quantity: string,
    symbol: string,
    price: string,
    more: Partial<TradeCall> = {},
  ): void {
    this.on(day, time, () => {
      this.#ledger.trade(account, {
        symbol,
        side,
        quantity: decimal(quantity),
        price: decimal(price),
        ...more,
      });
    });
  }

  /** The first weekly expiry on or after a trading day of the story; beyond its days, that many days after the start. */
  expiry(day: number): TradeDate {
    let date =
      day < this.#days.length ? this.#days[day]! : addDays(newYorkDate(this.#start), day - this.#days.length);
    while (weekday(date) !== 5) date = addDays(date, 1);
    while (!isTradingDay(date)) date = addDays(date, -1);
    return date;
  }

  option(root: string, expiry: TradeDate, right: OptionRight, strike: string): string {
    return printOcc({ root, expiry, right, strike: decimal(strike) });
  }

  /** The trading day an expiry falls on, as a number. */
  dayOf(date: TradeDate): number {
    return this.#days.indexOf(date);
  }

  tell(): void {
    for (const { when, happen } of this.#events.sort((left, right) =>
      compareInstants(left.when, right.when),
    )) {
      this.#at(when);
      happen();
    }
  }
}

function paperStory(story: Story): void {
  const { ledger } = story;
  const name = 'alpaca-paper';
  const past = story.expiry(12);
  const next = story.expiry(DAYS + 20);
  const far = story.expiry(DAYS + 48);
  const koPut = story.option('KO', past, 'put', '70');
  const spyPut = story.option('SPY', past, 'put', '620');
  story.on(0, '09:02:11.482', () => ledger.cash(name, 'funding', decimal('95000'), null));
  const aapl = { order: { id: 'first-aapl', quantity: decimal('50') }, clientRef: 'auto-aapl-1' };
  story.trade(name, 1, '09:41:10.123456', 'buy', '15', 'AAPL', '201.9', aapl);
  story.trade(name, 1, '10:02:44.901234', 'buy', '10', 'AAPL', '201.96', { order: { id: 'first-aapl' } });
  story.trade(name, 1, '13:17:05.044871', 'buy', '15', 'AAPL', '202', { order: { id: 'first-aapl' } });
  story.on(1, '15:31:20.500123', () => ledger.cancel(name, 'first-aapl'));
  story.trade(name, 2, '09:35:00.512345', 'buy', '25', 'XMPL', '400', { clientRef: 'auto-xmpl-1' });
  story.trade(name, 2, '10:12:31.07712', 'sell', '1', koPut, '0.85');
  story.trade(name, 3, '11:00:02.330019', 'buy', '2', spyPut, '1.1', { clientRef: 'auto-spy-1' });
  story.trade(name, 4, '14:03:09.912004', 'sell', '10', 'AAPL', '213.25', { clientRef: 'auto-aapl-2' });
  story.trade(name, 5, '10:30:15.000731', 'sell', '20', 'TSLA', '331.4');
  story.on(7, '08:30:12.070401', () => ledger.cash(name, 'deposit', decimal('2500'), null));
  story.trade(name, 8, '21:14:07.66381', 'buy', '0.25', 'BTC/USD', '108412.5', { fees: decimal('67.75') });
  story.trade(name, 9, '06:02:59.208114', 'buy', '3.5', 'ETH/USD', '3980.25', {
    clientRef: 'auto-eth-1',
    fees: decimal('34.82'),
  });
  story.on(9, '07:44:25.462922', () => ledger.cash(name, 'dividend', decimal('7.8'), 'AAPL'));
  const expiryDay = story.dayOf(past);
  story.on(expiryDay, '17:20:21.45728', () =>
    ledger.optionEvent(name, 'expire', spyPut, decimal('2'), 'next-day'),
  );
  story.on(expiryDay, '17:23:24.973256', () =>
    ledger.optionEvent(name, 'assign', koPut, decimal('1'), 'next-day'),
  );
  story.trade(name, 18, '10:22:42.415926', 'buy', '3', story.option('SPY', next, 'call', '640'), '4.2');
  story.on(20, '04:31:08.000641', () =>
    ledger.corporateAction({
      kind: 'split',
      symbol: 'XMPL',
      newShares: decimal('4'),
      oldShares: decimal('1'),
      cashInLieu: null,
    }),
  );
  story.trade(name, 20, '12:00:00.345678', 'buy', '1.6', 'VTI', '312.5');
  story.on(22, '10:05:53.69412', () =>
    ledger.spread(
      name,
      'auto-qqq-spread',
      [
        { symbol: story.option('QQQ', far, 'call', '580'), side: 'buy', price: decimal('9.4') },
        { symbol: story.option('QQQ', far, 'call', '590'), side: 'sell', price: decimal('6.3') },
      ],
      decimal('1'),
    ),
  );
  story.trade(name, 24, '15:58:58.100002', 'buy', '8', 'TSLA', '318.02', { clientRef: 'auto-tsla-2' });
  story.trade(name, 26, '09:45:00.02912', 'sell', '0', 'AAPL', '240', {
    order: { id: 'resting-aapl', quantity: decimal('5') },
  });
}

function liveStory(story: Story): void {
  const { ledger } = story;
  const name = 'alpaca-live';
  const past = story.expiry(14);
  const next = story.expiry(DAYS + 27);
  const msftCall = story.option('MSFT', past, 'call', '490');
  story.on(0, '09:30:00.2', () => ledger.cash(name, 'deposit', decimal('60000'), null));
  story.trade(name, 1, '10:01:22.118003', 'buy', '40', 'KO', '68.1', { fees: decimal('0.02') });
  story.trade(name, 2, '11:47:36.540218', 'buy', '30', 'NVDA', '164.2', {
    clientRef: 'auto-nvda-1',
    fees: decimal('0.03'),
  });
  story.trade(name, 4, '13:11:09.000417', 'buy', '1', msftCall, '12.35', { fees: decimal('0.04') });
  story.trade(name, 6, '09:31:00.730151', 'buy', '12.5', 'VTI', '308.44');
  story.on(10, '05:15:00.5', () => ledger.cash(name, 'interest', decimal('3.17'), null));
  story.trade(name, 11, '02:40:18.915502', 'buy', '1.2', 'ETH/USD', '4102.6', { fees: decimal('12.31') });
  story.on(story.dayOf(past), '17:31:40.117', () =>
    ledger.optionEvent(name, 'exercise', msftCall, decimal('1'), 'next-day'),
  );
  story.trade(name, 20, '15:12:44.303', 'sell', '50', 'MSFT', '501.77', { fees: decimal('0.71') });
  story.on(19, '07:41:02.120933', () => ledger.cash(name, 'dividend', decimal('20.4'), 'KO'));
  story.trade(name, 21, '10:10:10.101011', 'sell', '1', story.option('NVDA', next, 'call', '200'), '3.05', {
    fees: decimal('0.05'),
  });
  story.on(23, '12:00:00.75', () => ledger.cash(name, 'withdrawal', decimal('1500'), null));
  story.trade(name, 25, '14:44:14.441144', 'buy', '6', 'AMZN', '219.6', {
    clientRef: 'auto-amzn-1',
    fees: decimal('0.01'),
  });
}
