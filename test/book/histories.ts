/** Random histories of an account, told in the test notation: what a year may bring, each row possible when it comes. */
import fc from 'fast-check';
import { type Activity } from '../../src/domain/activity.ts';
import { type Election, LOT_METHODS, type LotMethod } from '../../src/domain/election.ts';
import { parseInstant } from '../../src/domain/time.ts';
import { activities } from '../notation.ts';

const STOCKS = ['X', 'Y', 'P'] as const;
const CALL = 'X260116C00050000';
const PUT = 'X260116P00050000';

interface Step {
  readonly what: string;
  readonly stock: (typeof STOCKS)[number];
  readonly units: number;
  readonly cents: number;
  readonly fee: number;
  readonly days: number;
}

const step = (whats: readonly string[]): fc.Arbitrary<Step> =>
  fc.record({
    what: fc.constantFrom(...whats),
    stock: fc.constantFrom(...STOCKS),
    units: fc.integer({ min: 1, max: 30 }),
    cents: fc.integer({ min: 1, max: 99_99 }),
    fee: fc.integer({ min: -20, max: 300 }),
    days: fc.integer({ min: 0, max: 20 }),
  });

const TRADES = ['buy', 'sell', 'buy', 'sell', 'buy'];
const KNOWN = [
  ...TRADES,
  'split',
  'reverse',
  'rename',
  'capital',
  'merger',
  'spinoff',
  'dividend',
  'write',
  'hold',
  'assign',
  'exercise',
  'expire',
];
const ANY = [
  ...KNOWN,
  'opening',
  'bare',
  'transfer',
  'give',
  'adjust',
  'coin',
  'coinfee',
  'blindspin',
  'blindmerger',
  'missplit',
];

/** Purchases and sales alone. */
export const trades: fc.Arbitrary<Activity[]> = history(TRADES, 40);
/** Everything whose money is known. */
export const knownHistories: fc.Arbitrary<Activity[]> = history(KNOWN, 40);
/** Also what nobody knows the cost of, or moves in from outside. */
export const histories: fc.Arbitrary<Activity[]> = history(ANY, 40);

function history(whats: readonly string[], maxLength: number): fc.Arbitrary<Activity[]> {
  return fc.array(step(whats), { maxLength }).map((steps) => activities(tell(steps)));
}

/** Follows positions so that a split splits what is held. */
function tell(steps: readonly Step[]): string {
  const held = new Map<string, number>();
  const names = new Map<string, string>(STOCKS.map((stock) => [stock, stock]));
  const lines: string[] = [];
  let day = 0;
  steps.forEach((one, index) => {
    // Corporate actions come before the first trade of their day.
    day += one.days + (DAY_ACTIONS.has(one.what) ? 1 : 0);
    const date = new Date(Date.UTC(2025, 0, 2 + day)).toISOString().slice(0, 10);
    const minute = `${String(8 + Math.floor(index / 60)).padStart(2, '0')}:${String(index % 60).padStart(2, '0')}`;
    const move = (symbol: string, units: number): void =>
      void held.set(symbol, (held.get(symbol) ?? 0) + units);
    const symbol = names.get(one.stock)!;
    const words = wordsOf(one, { symbol, held, names, move, index });
    for (const line of words) lines.push(`${date} ${minute} ${line}`);
  });
  return lines.join('\n');
}

const DAY_ACTIONS: ReadonlySet<string> = new Set(
  'split reverse missplit rename merger blindmerger spinoff blindspin'.split(' '),
);

interface Scene {
  readonly symbol: string;
  readonly held: Map<string, number>;
  readonly names: Map<string, string>;
  readonly move: (symbol: string, units: number) => void;
  readonly index: number;
}

/** The lines of a step; none where it cannot happen now. */
function wordsOf(step: Step, scene: Scene): string[] {
  const { what, units } = step;
  const { symbol, held, move, index } = scene;
  const price = (step.cents / 100).toFixed(2);
  const fee = `fee=${(step.fee / 100).toFixed(2)}`;
  const own = held.get(symbol) ?? 0;
  const pair = `#t${index}`;
  switch (what) {
    case 'buy':
    case 'sell':
      move(symbol, what === 'buy' ? units : -units);
      return [`${what} ${units} ${symbol} @ ${price} ${fee} ${pair}`];
    case 'split':
    case 'reverse': {
      if (own === 0) return [];
      const factor = 2 + (units % 3);
      const now = what === 'split' ? own * factor : own % factor === 0 ? own / factor : own * factor;
      held.set(symbol, now);
      return [`split ${symbol} ${own} -> ${now} group=g${index} ${pair}`];
    }
    case 'missplit':
      return own <= 0
        ? []
        : (move(symbol, 3 * (own + 1)),
          [`split ${symbol} ${own + 1} -> ${4 * (own + 1)} group=g${index} ${pair}`]);
    case 'rename': {
      if (own === 0) return [];
      const name = `${symbol.slice(0, 1)}${index}`;
      scene.names.set(step.stock, name);
      held.delete(symbol);
      move(name, own);
      return [`rename ${name} <- ${symbol} ${own} group=g${index} ${pair}`];
    }
    case 'merger':
    case 'blindmerger': {
      if (own <= 0) return [];
      const name = `M${index}`;
      scene.names.set(step.stock, name);
      held.delete(symbol);
      move(name, own * 2);
      const value = what === 'merger' ? `fmvNew=${price}` : '';
      return [
        `merger ${name} <- ${symbol} ${own} -> ${own * 2} cash=${own * 3} ${value} ${pair}`.replace(
          / +/g,
          ' ',
        ),
      ];
    }
    case 'spinoff':
    case 'blindspin': {
      if (own === 0) return [];
      move(`S${index}`, own);
      const part = what === 'spinoff' ? 'basisFraction=0.1234' : '';
      return [`spinoff ${own} S${index} parent=${symbol} ${part} ${pair}`.replace(/ +/g, ' ')];
    }
    case 'capital':
      return own === 0 ? [] : [`capital ${own < 0 ? '-' : ''}${price} ${symbol} ${pair}`];
    case 'dividend':
      return [`dividend ${price} ${pair}`];
    case 'write':
      move(PUT, -1);
      return [`sell 1 ${PUT} @ ${price} ${fee} ${pair}`];
    case 'hold':
      move(CALL, 1);
      return [`buy 1 ${CALL} @ ${price} ${fee} ${pair}`];
    case 'assign':
      if ((held.get(PUT) ?? 0) >= 0) return [];
      move(PUT, 1);
      move('X', 100);
      return [`assign 1 ${PUT} group=g${index} ${pair}a`, `deliver 100 X @ 50 group=g${index} ${pair}b`];
    case 'exercise':
      if ((held.get(CALL) ?? 0) <= 0) return [];
      move(CALL, -1);
      move('X', 100);
      return [`exercise -1 ${CALL} group=g${index} ${pair}a`, `deliver 100 X @ 50 group=g${index} ${pair}b`];
    case 'expire': {
      const contract = units % 2 === 0 ? PUT : CALL;
      const open = held.get(contract) ?? 0;
      held.delete(contract);
      return open === 0 ? [] : [`expire ${-open} ${contract} ${pair}`];
    }
    case 'opening':
      move(symbol, units);
      return [`opening ${units} ${symbol} @ ${price} ${pair}`];
    case 'bare':
      move(symbol, units);
      return [`opening ${units} ${symbol} ${pair}`];
    case 'transfer':
      move(symbol, units);
      return [`transfer ${units} ${symbol} basis=${price} acquired=2024-05-06 ${pair}`];
    case 'give':
      move(symbol, -units);
      return [`transfer ${-units} ${symbol} ${pair}`];
    case 'adjust':
      move(symbol, -units);
      return [`adjustment ${-units} ${symbol} @ ${price} source=user ${pair}`];
    case 'coin':
      return [`buy ${units} ETH/USD @ ${price} ${pair}`];
    case 'coinfee':
      return [`coinfee 0.${units} ETH/USD ${pair}`];
    default:
      throw new Error(`no such step: ${what}`);
  }
}

export const methods: fc.Arbitrary<LotMethod> = fc.constantFrom(
  ...LOT_METHODS.filter((method) => method !== 'SPECIFIC'),
);

export function electMethod(method: LotMethod): Election {
  const firstSeenAt = parseInstant('2025-01-01T00:00:00Z');
  return {
    kind: 'lot_method',
    object: null,
    choice: method,
    validFrom: null,
    validTo: null,
    source: 'user',
    details: {},
    firstSeenAt,
  };
}
