/**
 * The story of the sample account (brokers/alpaca.md, section 10), played by control calls on a manual clock: three
 * weeks of August 2025 with trades in parts, a spread, short options, an assignment, an expiry, a split, a dividend and
 * money coming in. Times are New York's. Marks of a day make the equity that the sample's history states for it.
 */
import { NEW_YORK, parseTradeDate, zonedInstant, type Instant } from '../../src/domain/time.ts';
import { type World } from './world.ts';

export const PAPER = 'alpaca-paper';

export interface StoryEvent {
  readonly time: string;
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
}

export interface StoryDay {
  readonly date: string;
  /** As the sample's portfolio history has it for the end of the day; the last one is that of the snapshot. */
  readonly equity: string;
  readonly events: readonly StoryEvent[];
  /** Prices at the end of the day, per share; of options, of the premium. */
  readonly marks: string;
}

/** When the world opens, and the very moment of the sample's answers. */
export const BEGIN = '2025-08-01T13:00:00Z';
export const SNAPSHOT = '2025-08-21T19:45:07.318204Z';

const KO_PUT = 'KO250815P00070000';
const SPY_PUT = 'SPY250815P00620000';
const SPY_CALL = 'SPY250822C00635000';
const QQQ_580 = 'QQQ250919C00580000';
const QQQ_590 = 'QQQ250919C00590000';

function trade(
  time: string,
  side: 'buy' | 'sell',
  quantity: string,
  symbol: string,
  price: string,
  more: Readonly<Record<string, unknown>> = {},
): StoryEvent {
  return { time, path: 'trade', body: { side, quantity, symbol, price, ...more } };
}

function event(time: string, path: string, body: Readonly<Record<string, unknown>>): StoryEvent {
  return { time, path, body };
}

export const STORY: readonly StoryDay[] = [
  {
    date: '2025-08-01',
    equity: '95000',
    events: [event('09:02:11.482', 'cash', { kind: 'funding', amount: '95000' })],
    marks: '',
  },
  {
    date: '2025-08-04',
    equity: '95055.9',
    events: [
      trade('09:41:10.123456', 'buy', '15', 'AAPL', '201.9', { order: { id: 'first', quantity: '50' } }),
      trade('10:02:44.901234', 'buy', '10', 'AAPL', '201.96', { order: { id: 'first' } }),
      trade('13:17:05.044871', 'buy', '15', 'AAPL', '202', { order: { id: 'first' } }),
      event('15:31:20.500', 'trade', { order: { id: 'first', cancel: true } }),
    ],
    marks: 'AAPL 203.35',
  },
  {
    date: '2025-08-05',
    equity: '95064.7',
    events: [
      trade('09:35:00.512345', 'buy', '25', 'XMPL', '400'),
      trade('10:12:31.07712', 'sell', '1', KO_PUT, '0.85'),
    ],
    marks: `AAPL 202.82, XMPL 401, ${KO_PUT} 0.8`,
  },
  {
    date: '2025-08-06',
    equity: '95509.4',
    events: [trade('11:00:02.330019', 'buy', '2', SPY_PUT, '1.1')],
    marks: `AAPL 210.3125, XMPL 405, ${KO_PUT} 0.75, ${SPY_PUT} 1.3`,
  },
  {
    date: '2025-08-07',
    equity: '95722.3',
    events: [trade('14:03:09.912004', 'sell', '10', 'AAPL', '213.25')],
    marks: `AAPL 217.63, XMPL 406.96, ${KO_PUT} 0.9, ${SPY_PUT} 0.95`,
  },
  {
    date: '2025-08-08',
    equity: '95978.9',
    events: [],
    marks: `AAPL 224, XMPL 409.98, ${KO_PUT} 0.7, ${SPY_PUT} 0.8`,
  },
  {
    date: '2025-08-11',
    equity: '95844.8',
    events: [],
    marks: `AAPL 222.03, XMPL 405.98, ${KO_PUT} 0.65, ${SPY_PUT} 0.9`,
  },
  {
    date: '2025-08-12',
    equity: '98472.9',
    events: [event('08:30:12.070', 'cash', { kind: 'deposit', amount: '2500' })],
    marks: `AAPL 226.95, XMPL 407, ${KO_PUT} 0.5, ${SPY_PUT} 0.6`,
  },
  {
    date: '2025-08-13',
    equity: '98611.3',
    events: [],
    marks: `AAPL 231.43, XMPL 408.96, ${KO_PUT} 0.45, ${SPY_PUT} 0.35`,
  },
  {
    date: '2025-08-14',
    equity: '98635.6',
    events: [event('07:44:25.462', 'cash', { kind: 'dividend', amount: '7.8', symbol: 'AAPL' })],
    marks: `AAPL 233.03, XMPL 409.5, ${KO_PUT} 0.4, ${SPY_PUT} 0.1`,
  },
  {
    date: '2025-08-15',
    equity: '98519.9',
    events: [
      event('17:20:21.457', 'option', { kind: 'expire', quantity: '2', symbol: SPY_PUT }),
      event('17:23:24.973', 'option', { kind: 'assign', quantity: '1', symbol: KO_PUT }),
    ],
    marks: 'AAPL 231.44, XMPL 407.98, KO 69.5',
  },
  {
    date: '2025-08-18',
    equity: '98638.9',
    events: [trade('10:22:42.415926', 'buy', '3', SPY_CALL, '4.2')],
    marks: `AAPL 234.89, XMPL 409, KO 69.7, ${SPY_CALL} 4.1`,
  },
  {
    date: '2025-08-19',
    equity: '98589',
    events: [],
    marks: `AAPL 229.91, XMPL 409.98, KO 69.55, ${SPY_CALL} 4.4`,
  },
  {
    date: '2025-08-20',
    equity: '98491.82',
    events: [
      event('04:31:08', 'corporate-action', {
        kind: 'split',
        symbol: 'XMPL',
        newShares: '4',
        oldShares: '1',
      }),
      trade('12:00:00.345678', 'buy', '1.6', 'VTI', '312.5', { order: { notional: '500' } }),
    ],
    marks: `AAPL 226.01, XMPL 102, KO 69.6, VTI 315.2, ${SPY_CALL} 4.6, ${QQQ_580} 9.1, ${QQQ_590} 6.1`,
  },
  {
    date: '2025-08-21',
    equity: '98929.8',
    events: [
      trade('09:45:00.029', 'sell', '0', 'AAPL', '240', { order: { id: 'rests', quantity: '5' } }),
      event('10:05:53.69412', 'spread', {
        quantity: '1',
        legs: [
          { symbol: QQQ_580, side: 'buy', price: '9.4' },
          { symbol: QQQ_590, side: 'sell', price: '6.3' },
        ],
      }),
    ],
    marks: `AAPL 226.4, XMPL 103.5, KO 69.85, VTI 316, ${SPY_CALL} 5.35, ${QQQ_580} 9.8, ${QQQ_590} 6.45`,
  },
];

/** Plays one event at its time, to the microsecond for executions; the clock ends a millisecond later at most. */
export async function playEvent(at: World, date: string, { time, path, body }: StoryEvent): Promise<void> {
  const when = newYork(date, time);
  await at.advance(wholeMillisecondAfter(when));
  const isExecution = path === 'spread' || (path === 'trade' && body['quantity'] !== undefined);
  const account = path === 'corporate-action' ? {} : { account: PAPER };
  await at.control(path, { ...account, ...body, ...(isExecution ? { at: when } : {}) });
}

/** Sets the day's closing prices; they stand until the next ones. */
export async function markDay(at: World, marks: string): Promise<void> {
  for (const mark of marks.split(', ').filter((text) => text !== '')) {
    const [symbol, price] = mark.split(' ');
    await at.control('price', { symbol, price, hold: true });
  }
}

/** `2025-08-04` and `09:41:10.123456` of New York as an instant. */
export function newYork(date: string, time: string): Instant {
  const [clock = '', fraction] = time.split('.');
  const whole = zonedInstant(parseTradeDate(date), clock, NEW_YORK);
  return (fraction === undefined ? whole : `${whole.slice(0, 19)}.${fraction}Z`) as Instant;
}

function wholeMillisecondAfter(instant: Instant): string {
  const match = /^(.{19})\.(\d{4,})Z$/.exec(instant);
  if (match === null) return instant;
  const next = new Date(Date.parse(`${match[1]}.${match[2]!.slice(0, 3)}Z`) + 1);
  return next.toISOString();
}
