/**
 * A small notation a trader can read, for tests of book and sync:
 *
 *   2025-08-04 14:00  buy 10 AAPL @ 200            a fill; times are New York
 *   2025-08-05        split AAPL 10 -> 40          two rows of one group
 *   2025-08-06        rename META <- FB 40
 *   2025-08-15        expire -2 SPY250815P00620000 quantity as it moves the position
 *   2025-08-15        deposit 2500
 *
 * `#name` at the end of a line gives the activity its identity (default: the line's number).
 */
import { type Book, type ClosedEpisode } from '../src/book/foldBook.ts';
import { type Activity, type ActivityKind } from '../src/domain/activity.ts';
import { Decimal, decimal } from '../src/domain/decimal.ts';
import { crypto, equity, option, parseOcc, type Instrument } from '../src/domain/instrument.ts';
import { type SnapshotPosition } from '../src/domain/snapshot.ts';
import { NEW_YORK, newYorkDate, parseTradeDate, zonedInstant, type Instant } from '../src/domain/time.ts';

export function instrumentOf(symbol: string): Instrument {
  if (parseOcc(symbol) !== null) return option(symbol);
  return symbol.includes('/') ? crypto(symbol) : equity(symbol);
}

/** The instant of `2025-08-04 14:00` (New York). */
export function at(text: string): Instant {
  const [day = '', time = '12:00'] = text.trim().split(/\s+/);
  return zonedInstant(parseTradeDate(day), time, NEW_YORK);
}

/** All activities of a text, in the order of its lines. */
export function activities(text: string): Activity[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('--'))
    .flatMap((line, index) => parseLine(line, index));
}

const LINE = /^(\d{4}-\d{2}-\d{2})(?:\s+(\d{2}:\d{2}(?::\d{2})?))?\s+(\S+)\s+(.*?)(?:\s+#(\S+))?$/;

function parseLine(line: string, index: number): Activity[] {
  const match = LINE.exec(line);
  if (match === null) throw new Error(`not in the notation: ${line}`);
  const [, day = '', time, verb = '', rest = '', name] = match;
  const words = rest.split(/\s+/);
  const busted = words.at(-1) === '(bust)';
  const base: Activity = {
    rootId: name ?? `line:${index + 1}`,
    kind: 'fill',
    status: busted ? 'bust' : 'ok',
    brokerRev: null,
    instrument: null,
    quantity: Decimal.zero,
    price: null,
    amount: Decimal.zero,
    currency: 'USD',
    fees: null,
    feesCurrency: null,
    executedAt: at(time === undefined ? day : `${day} ${time}`),
    timePrecision: time === undefined ? 'day' : 'instant',
    tradeDate: parseTradeDate(day),
    publishedAt: null,
    side: null,
    orderId: null,
    groupId: null,
    externalId: name ?? `line:${index + 1}`,
    brokerType: verb,
    description: null,
    source: 'alpaca',
    details: {},
  };
  const moves = (
    kind: ActivityKind,
    quantity: string,
    symbol: string,
    more: Partial<Activity> = {},
  ): Activity => ({
    ...base,
    kind,
    instrument: instrumentOf(symbol),
    quantity: decimal(quantity),
    ...more,
  });
  switch (verb) {
    case 'buy':
    case 'sell': {
      const [quantity = '', symbol = '', , price = '0'] = words;
      const signed = verb === 'buy' ? decimal(quantity) : decimal(quantity).negate();
      const instrument = instrumentOf(symbol);
      const amount = signed.times(decimal(price)).times(instrument.multiplier).negate();
      return [moves('fill', signed.toString(), symbol, { side: verb, price: decimal(price), amount })];
    }
    case 'split': {
      const [symbol = '', from = '', , to = ''] = words;
      const pair = { groupId: `split:${day}:${symbol}` };
      return [
        moves('split', decimal(from).negate().toString(), symbol, {
          ...pair,
          rootId: `${base.rootId}-`,
          executedAt: at(`${day} 00:00`),
        }),
        moves('split', to, symbol, { ...pair, rootId: `${base.rootId}+`, executedAt: at(`${day} 00:00`) }),
      ];
    }
    case 'rename': {
      const [to = '', , from = '', quantity = ''] = words;
      const pair = { groupId: `rename:${day}:${from}`, executedAt: at(`${day} 00:00`) };
      return [
        moves('rename', decimal(quantity).negate().toString(), from, { ...pair, rootId: `${base.rootId}-` }),
        moves('rename', quantity, to, { ...pair, rootId: `${base.rootId}+` }),
      ];
    }
    case 'expire':
      return [moves('option_expiry', words[0]!, words[1]!, { executedAt: at(`${day} 23:59`) })];
    case 'assign':
      return [moves('option_assignment', words[0]!, words[1]!, { executedAt: at(`${day} 23:59`) })];
    case 'deliver': {
      const [quantity = '', symbol = '', , price = '0'] = words;
      const amount = decimal(quantity).times(decimal(price)).negate();
      return [moves('option_delivery', quantity, symbol, { executedAt: at(`${day} 23:59`), amount })];
    }
    case 'transfer':
      return [moves('security_transfer', words[0]!, words[1]!)];
    case 'deposit':
    case 'dividend':
    case 'interest':
      return [{ ...base, kind: verb, amount: decimal(words[0]!) }];
    case 'withdrawal':
    case 'fee':
      return [{ ...base, kind: verb, amount: decimal(words[0]!).negate() }];
    default:
      throw new Error(`no such verb: ${verb}`);
  }
}

/** `AAPL 10, SPY250822C00635000 -2`: what a broker states. */
export function positions(text: string): SnapshotPosition[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map((part) => {
      const [symbol = '', quantity = '', , average] = part.split(/\s+/);
      return {
        instrument: instrumentOf(symbol),
        quantity: decimal(quantity),
        averageCost: average === undefined ? null : decimal(average),
        mark: null,
        markAsOf: null,
        marketValue: null,
        unrealizedPnl: null,
        brokerInstrumentId: null,
      };
    });
}

/** A book as text: `AAPL 10 since 2025-08-04 (#buy) | cash USD -2000`. */
export function bookText(book: Book): string {
  const open = [...book.open.values()]
    .map(
      (episode) =>
        `${episode.instrument.split(':')[1]} ${episode.quantity.toString()} since ${newYorkDate(episode.openedAt)} (#${episode.openedRootId})`,
    )
    .sort();
  const cash = [...book.cash].map(([currency, amount]) => `cash ${currency} ${amount.toString()}`).sort();
  return [...open, ...cash].join(' | ');
}

export function closedText(closed: readonly ClosedEpisode[]): string[] {
  return closed.map(
    (episode) =>
      `${episode.instrument.split(':')[1]} ${newYorkDate(episode.openedAt)} (#${episode.openedRootId}) -> ` +
      `${newYorkDate(episode.closedAt)} (#${episode.closedRootId}) by ${episode.closedBy}`,
  );
}
