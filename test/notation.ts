/**
 * A small notation a trader can read, for tests of book and sync:
 *
 *   2025-08-04 14:00  buy 10 AAPL @ 200            a fill; times are New York
 *   2025-08-05        split AAPL 10 -> 40          two rows of one group
 *   2025-08-06        rename META <- FB 40
 *   2025-08-15        expire -2 SPY250815P00620000 quantity as it moves the position
 *   2025-08-15        deposit 2500
 *   2025-08-01        opening 10 AAPL @ 180        the broker's average; without a price the basis is unknown
 *   2025-08-01        transfer 10 AAPL basis=1800 acquired=2020-01-02
 *   2025-08-20        spinoff 25 C parent=P basisFraction=0.125
 *   2025-08-20        merger A <- T 100 -> 50 cash=1000 fmvNew=60
 *   2025-08-20        capital 300 X                return of capital
 *   2025-08-25        inlieu 11 X                  cash in lieu
 *   2025-08-04        coinfee 0.0025 ETH/USD
 *
 * `name=value` words behind give the fee (`fee=0.35`), the group, the source, the currency, or else a detail.
 * `#name` at the end of a line gives the activity its identity (default: the line's number).
 */
import { openLots, type Book, type ClosedEpisode } from '../src/book/foldBook.ts';
import { type Activity, type ActivityKind } from '../src/domain/activity.ts';
import { Decimal, decimal } from '../src/domain/decimal.ts';
import { crypto, equity, option, parseOcc, type Instrument } from '../src/domain/instrument.ts';
import { type Lot, type LotClosure } from '../src/domain/lot.ts';
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
  const all = rest.split(/\s+/);
  const busted = all.at(-1) === '(bust)';
  const words = all.filter((word) => !word.includes('='));
  const { fee, group, source, currency, cash, ...details } = Object.fromEntries(
    all.filter((word) => word.includes('=')).map((word) => word.split('=') as [string, string]),
  );
  const base: Activity = {
    rootId: name ?? `line:${index + 1}`,
    kind: 'fill',
    status: busted ? 'bust' : 'ok',
    brokerRev: null,
    instrument: null,
    quantity: Decimal.zero,
    price: null,
    amount: Decimal.zero,
    currency: currency ?? 'USD',
    fees: fee === undefined ? null : decimal(fee),
    feesCurrency: null,
    executedAt: at(time === undefined ? day : `${day} ${time}`),
    timePrecision: time === undefined ? 'day' : 'instant',
    tradeDate: parseTradeDate(day),
    publishedAt: null,
    side: null,
    orderId: null,
    groupId: group ?? null,
    externalId: name ?? `line:${index + 1}`,
    brokerType: verb,
    description: null,
    source: source ?? 'alpaca',
    details,
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
      const pair = {
        groupId: group ?? `split:${day}:${symbol}`,
        executedAt: at(`${day} ${time ?? '00:00'}`),
      };
      return [
        moves('split', decimal(from).negate().toString(), symbol, { ...pair, rootId: `${base.rootId}-` }),
        moves('split', to, symbol, { ...pair, rootId: `${base.rootId}+` }),
      ];
    }
    case 'rename': {
      const [to = '', , from = '', quantity = ''] = words;
      const pair = { groupId: group ?? `rename:${day}:${from}`, executedAt: at(`${day} ${time ?? '00:00'}`) };
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
    case 'exercise':
      return [moves('option_exercise', words[0]!, words[1]!, { executedAt: at(`${day} 23:59`) })];
    case 'transfer':
      return [moves('security_transfer', words[0]!, words[1]!)];
    case 'opening':
    case 'adjustment': {
      const [quantity = '', symbol = '', , price] = words;
      const average = price === undefined ? null : decimal(price);
      const basis =
        verb === 'opening' && details['basis'] === undefined
          ? average === null
            ? 'unknown'
            : 'broker'
          : null;
      return [
        moves(verb, quantity, symbol, {
          price: average,
          details: { ...details, ...(basis === null ? {} : { basis }) },
        }),
      ];
    }
    case 'spinoff':
      return [moves('spinoff', words[0]!, words[1]!, { executedAt: at(`${day} 00:00`) })];
    case 'merger': {
      const [to = '', , from = '', old = '', , news = ''] = words;
      const pair = { groupId: group ?? `merger:${day}:${from}`, executedAt: at(`${day} 00:00`) };
      const out = moves('merger', decimal(old).negate().toString(), from, {
        ...pair,
        rootId: `${base.rootId}-`,
      });
      const money = decimal(cash ?? '0');
      return [out, moves('merger', news, to, { ...pair, rootId: `${base.rootId}+`, amount: money })];
    }
    case 'buyout': {
      const [quantity = '', symbol = ''] = words;
      return [moves('merger', quantity, symbol, { amount: decimal(cash ?? '0') })];
    }
    case 'capital':
      return [moves('return_of_capital', '0', words[1]!, { amount: decimal(words[0]!) })];
    case 'inlieu':
      return [moves('cash_in_lieu', '0', words[1]!, { amount: decimal(words[0]!) })];
    case 'coinfee':
      return [
        moves('crypto_fee', decimal(words[0]!).negate().toString(), words[1]!, {
          executedAt: at(`${day} 23:59`),
        }),
      ];
    case 'stockdividend':
      return [moves('stock_dividend', words[0]!, words[1]!, { executedAt: at(`${day} 00:00`) })];
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

/** Open lots as text: `AAPL 10 cost 2001 since 2025-08-04 (#a)`; a lot of unknown cost says so. */
export function lotsText(book: Book): string[] {
  return [...openLots(book)].map(lotText);
}

export function lotText(lot: Lot): string {
  const units = lot.direction === 'long' ? lot.openQuantity : lot.openQuantity.negate();
  const cost = lot.openCost === null ? 'cost unknown' : `cost ${lot.openCost.toString()}`;
  const rolled = lot.rolled.isZero() ? '' : ` rolled ${lot.rolled.toString()}`;
  return `${lot.instrument.split(':')[1]} ${units.toString()} ${cost}${rolled} since ${lot.acquiredDate} (#${lot.id})`;
}

/** Closes as text: `sale 5 of #a: cost 1000.5, got 1100 = 99.5 short (estimated)`. */
export function closuresText(closures: readonly LotClosure[]): string[] {
  return closures.map((row) => {
    const show = (value: { toString(): string } | null): string => value?.toString() ?? 'unknown';
    const rolled = row.rolled.isZero() ? '' : ` rolled ${row.rolled.toString()}`;
    const basis = row.realizedBasis === 'exact' ? '' : ` (${row.realizedBasis})`;
    const figures = `cost ${show(row.cost)}, got ${show(row.proceeds)} = ${show(row.realized)}${rolled}`;
    return `${row.kind} ${row.quantity.toString()} of #${row.lotId}: ${figures} ${row.term ?? '-'}${basis}`;
  });
}
