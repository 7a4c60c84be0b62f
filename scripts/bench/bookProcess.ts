/** One trial of the book in this process: `node --expose-gc bookProcess.ts TRIAL full|quick`. Prints figures as JSON. */
import { checkpointBefore, parseBook, printBook } from '../../src/book/checkpoint.ts';
import {
  type Book,
  DEFAULT_RULES,
  EMPTY_BOOK,
  foldBook,
  type FoldRules,
  openLots,
} from '../../src/book/foldBook.ts';
import { type Activity } from '../../src/domain/activity.ts';
import { Decimal } from '../../src/domain/decimal.ts';
import { LOT_METHODS, type LotMethod } from '../../src/domain/election.ts';
import { equity } from '../../src/domain/instrument.ts';
import {
  addDays,
  type Instant,
  parseInstant,
  parseTradeDate,
  type TradeDate,
} from '../../src/domain/time.ts';
import { type BookLine, type BookTrial } from './book.ts';

const [trial = '', size = 'full'] = process.argv.slice(2);
const isQuick = size === 'quick';

// ---- fills ----------------------------------------------------------------------------------------------------------

/** A row of numbers that is the same on every machine. */
function chance(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
}

interface Market {
  readonly fills: number;
  readonly symbols: number;
  /** Share of purchases. */
  readonly buys: number;
  /** Fills of one day. */
  readonly perDay: number;
  readonly seed: number;
}

/** A row as bare loops want it: symbol, units (sales negative), cents. */
type Bare = readonly [symbol: number, units: number, cents: number];

/** Purchases of 1 to 100 and sales of as much at most, never more than is held. */
function bareFills({ fills, symbols, buys, seed }: Market): Bare[] {
  const next = chance(seed);
  const held = new Array<number>(symbols).fill(0);
  return Array.from({ length: fills }, (): Bare => {
    const symbol = Math.floor(next() * symbols);
    const units = 1 + Math.floor(next() * 100);
    const isSale = next() > buys && held[symbol]! > 0;
    const moved = isSale ? -Math.min(units, held[symbol]!) : units;
    held[symbol]! += moved;
    return [symbol, moved, 5000 + Math.floor(next() * 10_000)];
  });
}

/** The same as an adapter hands them in, fees not among them: Alpaca states none per fill. */
function activitiesOf(market: Market, rows: readonly Bare[]): Activity[] {
  const instruments = Array.from({ length: market.symbols }, (_, index) => equity(`S${index}`));
  let day = parseTradeDate('2020-01-02');
  return rows.map(([symbol, units, cents], index) => {
    const ofDay = index % market.perDay;
    if (index > 0 && ofDay === 0) day = addDays(day, 1);
    return fill(index, instruments[symbol]!, units, cents, day, ofDay);
  });
}

function fill(
  index: number,
  instrument: ReturnType<typeof equity>,
  units: number,
  cents: number,
  tradeDate: TradeDate,
  second: number,
): Activity {
  const quantity = Decimal.ofInteger(units);
  const price = Decimal.ofInteger(cents).times(CENT);
  const clock = new Date(Date.UTC(2000, 0, 1, 14) + second * 1000).toISOString().slice(11, 19);
  const executedAt = flat(`${tradeDate}T${clock}Z`) as Instant;
  const id = flat(`FILL:2020::${index}`);
  return {
    rootId: id,
    kind: 'fill',
    status: 'ok',
    brokerRev: null,
    instrument,
    quantity,
    price,
    amount: quantity.times(price).negate(),
    currency: 'USD',
    fees: null,
    feesCurrency: null,
    executedAt,
    timePrecision: 'instant',
    tradeDate,
    publishedAt: executedAt,
    side: units > 0 ? 'buy' : 'sell',
    orderId: null,
    groupId: null,
    externalId: id,
    brokerType: 'FILL',
    description: null,
    source: 'alpaca',
    details: NO_DETAILS,
  };
}

/** One string instead of a tree of parts: as a database hands it over. */
function flat(text: string): string {
  return Buffer.from(text).toString('latin1');
}

const CENT = Decimal.parse('0.01');
const NO_DETAILS = {};

// ---- measuring ------------------------------------------------------------------------------------------------------

/** CPU of all threads of this process, in milliseconds, the least of several runs; garbage of before is not counted. */
function cpuMs(runs: number, run: () => unknown): number {
  const times = Array.from({ length: runs }, () => {
    globalThis.gc?.();
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...times);
}

function medianMs(runs: number, run: () => unknown): number {
  const times = Array.from({ length: runs }, () => {
    const before = performance.now();
    run();
    return performance.now() - before;
  });
  return times.sort((left, right) => left - right)[runs >> 1]!;
}

function tell(line: BookLine): void {
  console.log(JSON.stringify(line));
}

/** FIFO over the same fills with bare bigints: what the arithmetic alone costs. */
function bareLoop(rows: readonly Bare[]): bigint {
  const lots: { units: bigint; cost: bigint }[][] = [];
  const heads: number[] = [];
  let realized = 0n;
  for (const [symbol, moved, cents] of rows) {
    const own = (lots[symbol] ??= []);
    if (moved > 0) {
      own.push({ units: BigInt(moved), cost: BigInt(moved * cents) * SCALE });
      continue;
    }
    let rest = BigInt(-moved);
    let head = heads[symbol] ?? 0;
    while (rest > 0n) {
      const lot = own[head]!;
      const k = lot.units <= rest ? lot.units : rest;
      const taken = k === lot.units ? lot.cost : (lot.cost * k) / lot.units;
      realized += k * BigInt(cents) * SCALE - taken;
      lot.units -= k;
      lot.cost -= taken;
      rest -= k;
      if (lot.units === 0n) head += 1;
    }
    heads[symbol] = head;
  }
  return realized;
}

const SCALE = 10n ** 16n;

// ---- trials ---------------------------------------------------------------------------------------------------------

const MANY: Market = { fills: isQuick ? 2000 : 100_000, symbols: 50, buys: 0.54, perDay: 400, seed: 7 };

const TRIALS: Readonly<Record<BookTrial, () => void>> = {
  fills: () => {
    const rows = bareFills(MANY);
    const list = activitiesOf(MANY, rows);
    const total = foldBook(EMPTY_BOOK, list).closures.reduce(
      (sum, row) => sum.plus(row.realized!),
      Decimal.zero,
    );
    const name = `${MANY.fills} fills over 50 symbols, FIFO`;
    const book = cpuMs(5, () => foldBook(EMPTY_BOOK, list));
    const bare = cpuMs(5, () => bareLoop(rows));
    checkSame(total, bareLoop(rows));
    tell({ name: `${name}: CPU`, value: book, unit: 'ms', limit: 600 });
    tell({ name: `${name}: a bare bigint loop`, value: bare, unit: 'ms', limit: null });
    tell({ name: `${name}: book / bare loop`, value: book / bare, unit: 'ratio', limit: null });
  },
  memory: () => {
    const list = activitiesOf(MANY, bareFills(MANY));
    const fold = foldBook(EMPTY_BOOK, list);
    const peak = process.resourceUsage().maxRSS / 1024;
    if (fold.lots.length + fold.closures.length === 0 || list.length === 0)
      throw new Error('nothing was folded');
    tell({ name: `${MANY.fills} fills: the most memory, rows held`, value: peak, unit: 'MB', limit: 250 });
  },
  methods: () => {
    const market: Market = { fills: isQuick ? 500 : 10_000, symbols: 1, buys: 0.82, perDay: 1, seed: 11 };
    const list = activitiesOf(market, bareFills(market));
    for (const method of LOT_METHODS) {
      const rules = rulesFor(method);
      foldBook(EMPTY_BOOK, list, { rules });
      const lots = [...openLots(foldBook(EMPTY_BOOK, list, { rules }).book)].length;
      const value = cpuMs(5, () => foldBook(EMPTY_BOOK, list, { rules }));
      tell({
        name: `${market.fills} trades, ${lots} open lots, ${method}: CPU`,
        value,
        unit: 'ms',
        limit: 150,
      });
    }
  },
  newFill,
  asOf,
};

function checkSame(total: Decimal, bare: bigint): void {
  // The bare loop cuts where the book rounds: equal to a cent.
  const cents = (value: string): string => Decimal.parse(value).round(2).toString();
  const loop = Decimal.parse(bare.toString()).dividedBy(Decimal.parse('1e18'), 18).toString();
  if (cents(total.toString()) !== cents(loop))
    throw new Error(`the book says ${total.toString()}, the loop ${loop}`);
}

function rulesFor(method: LotMethod): FoldRules {
  const election = { kind: 'lot_method', object: null, choice: method, source: 'user', details: {} } as const;
  const always = { validFrom: null, validTo: null, firstSeenAt: parseInstant('2020-01-01T00:00:00Z') };
  return { ...DEFAULT_RULES, elections: [{ ...election, ...always }] };
}

/** A fill more, on time and late, in a book of 50,000. */
function newFill(): void {
  const market: Market = { ...MANY, fills: isQuick ? 2000 : 50_000, symbols: 10 };
  const list = activitiesOf(market, bareFills(market));
  const days = [...new Set(list.map((row) => row.tradeDate))];
  const checkpoints = checkpointsOf(
    list,
    days.filter((_, index) => index % 5 === 4),
  );
  const { book } = foldBook(EMPTY_BOOK, list);
  const name = `one fill in a book of ${market.fills}`;
  const instrument = list[0]!.instrument as ReturnType<typeof equity>;
  const sale = fill(900_001, instrument, -10, 7000, addDays(days.at(-1)!, 1), 1);
  const add = (from: Book): unknown => foldBook(from, [sale]);
  for (let warm = 0; warm < 200; warm += 1) add(book);
  tell({ name: `${name}: folded`, value: medianMs(101, () => add(book)), unit: 'ms', limit: 5 });
  const text = printBook(book);
  const whole = medianMs(51, () => printBook(foldBook(parseBook(text), [sale]).book));
  tell({ name: `${name}: checkpoint read, folded, printed`, value: whole, unit: 'ms', limit: null });
  // Ten days before the end: from the checkpoint before it.
  const late = fill(900_002, instrument, 10, 7000, days.at(-10)!, 7);
  let refolded = 0;
  const refold = (): unknown => {
    const from = checkpointBefore(checkpoints, late)!;
    const rest = [...list.slice(from.count), late];
    refolded = rest.length;
    return foldBook(parseBook(from.state), rest);
  };
  const value = medianMs(11, refold);
  tell({ name: `${name}, late: ${refolded} folded again`, value, unit: 'ms', limit: null });
}

/** Checkpoints after some days, in the order of time. */
function checkpointsOf(
  list: readonly Activity[],
  days: readonly TradeDate[],
): { lastExecutedAt: Instant; state: string; count: number }[] {
  let book: Book = EMPTY_BOOK;
  let done = 0;
  return days.map((day) => {
    const end = list.findLastIndex((row) => row.tradeDate <= day) + 1;
    book = foldBook(book, list.slice(done, end)).book;
    done = end;
    return { lastExecutedAt: list[end - 1]!.executedAt, state: printBook(book), count: end };
  });
}

/** The books of 50 accounts as of a day a year back, each from its nearest monthly checkpoint. */
function asOf(): void {
  const accounts = isQuick ? 3 : 50;
  const perYear = isQuick ? 100 : 1000;
  const market: Market = { fills: perYear, symbols: 12, buys: 0.54, perDay: 4, seed: 3 };
  const books = Array.from({ length: accounts }, (_, index) => {
    const own = { ...market, seed: 100 + index };
    const list = activitiesOf(own, bareFills(own));
    const days = [...new Set(list.map((row) => row.tradeDate))];
    return {
      list,
      checkpoints: checkpointsOf(
        list,
        days.filter((_, at) => at % 21 === 20),
      ),
    };
  });
  const moment = fill(1, equity('S0'), 1, 1, addDays(books[0]!.list.at(-1)!.tradeDate, -100), 0);
  const state = (
    each: (typeof books)[number],
    checkpoints: (typeof books)[number]['checkpoints'],
  ): unknown => {
    const from = checkpointBefore(checkpoints, moment);
    const rest = each.list.slice(from?.count ?? 0).filter((row) => row.tradeDate <= moment.tradeDate);
    const { book } = foldBook(from === null ? EMPTY_BOOK : parseBook(from.state), rest);
    return [...openLots(book)];
  };
  const name = `as-of over one year of ${perYear} fills x ${accounts} accounts`;
  const near = (): unknown => books.map((each) => state(each, each.checkpoints));
  const far = (): unknown => books.map((each) => state(each, []));
  near();
  tell({ name: `${name}: from monthly checkpoints`, value: medianMs(5, near), unit: 'ms', limit: 200 });
  tell({ name: `${name}: from the beginning`, value: medianMs(5, far), unit: 'ms', limit: null });
}

if (!Object.hasOwn(TRIALS, trial)) throw new Error(`There is no trial "${trial}".`);
TRIALS[trial as BookTrial]();
