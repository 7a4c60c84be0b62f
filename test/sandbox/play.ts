/**
 * What the sandbox's tests share: a started sandbox, a client that is nothing but `fetch`, and a notation for control
 * calls that a trader can read:
 *
 *   deposit 10000
 *   buy 10 AAPL @ 200 fees 0.5 ref auto-1
 *   sell 2 SPY250919C00640000 @ 4.2 next-day
 *   split AAPL 4:1 | rename AAPL PEAR | spinoff SEM CON 1:4 basis 0.2 | merge MRO COP 1:2 cash 9 | expire 1 SPY250919C00640000 | transfer in 5 KO | price AAPL 210 | clock 1d
 */
import { parseInstant } from '../../src/domain/time.ts';
import {
  startSandbox,
  type AlpacaReady,
  type Sandbox,
  type SandboxOptions,
} from '../../src/sandbox/sandbox.ts';

export type Row = Record<string, unknown>;

export const NOON = parseInstant('2025-08-21T16:00:00Z');
export const PAPER = 'alpaca-paper';

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** Undefined where the body is no JSON. */
  readonly body: unknown;
}

export interface Play {
  readonly sandbox: Sandbox;
  readonly paper: AlpacaReady;
  readonly live: AlpacaReady;
  /** A GET with the paper account's keys on its trading host. */
  get(path: string): Promise<Reply>;
  rows(path: string): Promise<Row[]>;
  data(path: string): Promise<Reply>;
  /** Posts a control call that must succeed and answers what it created. */
  post(path: string, body: unknown): Row[];
  /** Posts a control call that must be refused and answers the reason. */
  refused(path: string, body: unknown): string;
  /** Plays lines of the notation above for the paper account; answers what the last line created. */
  play(script: string): Row[];
  truth(account?: string): {
    positions: Row[];
    fills: Row[];
    cash: Row[];
    balances: Row;
    cashByCurrency: Row;
  };
  [Symbol.asyncDispose](): Promise<void>;
}

/** A sandbox on a manual clock at noon UTC-4, without history unless asked. */
export async function start(options: SandboxOptions = {}): Promise<Play> {
  const sandbox = await startSandbox({ scenario: 'empty', clock: { kind: 'manual', at: NOON }, ...options });
  const { paper, live } = sandbox.ready.alpaca;
  const call = (path: string, body: unknown): Row => {
    const answer = sandbox.control('POST', path, body);
    if (answer.status !== 200)
      throw new Error(`${path} ${JSON.stringify(body)}: ${JSON.stringify(answer.body)}`);
    return answer.body as Row;
  };
  const post = (path: string, body: unknown): Row[] => call(path, body)['created'] as Row[];
  return {
    sandbox,
    paper,
    live,
    get: (path) => read(paper.tradingUrl + path, keysOf(paper)),
    rows: async (path) => (await read(paper.tradingUrl + path, keysOf(paper))).body as Row[],
    data: (path) => read(paper.dataUrl + path, keysOf(paper)),
    post,
    refused: (path, body) => {
      const answer = sandbox.control('POST', path, body);
      if (answer.status !== 400) throw new Error(`${path} was not refused: ${answer.status}`);
      return (answer.body as { error: string }).error;
    },
    play: (script) => {
      let created: Row[] = [];
      for (const line of script.split('\n').map((one) => one.trim())) {
        if (line !== '') created = post(...callOf(line));
      }
      return created;
    },
    truth: (account = PAPER) =>
      sandbox.control('GET', `/control/truth?account=${account}`).body as ReturnType<Play['truth']>,
    [Symbol.asyncDispose]: () => sandbox.close(),
  };
}

export function keysOf(ready: AlpacaReady): Record<string, string> {
  return { 'APCA-API-KEY-ID': ready.keyId, 'APCA-API-SECRET-KEY': ready.secretKey };
}

export async function read(
  url: string,
  headers: Record<string, string>,
  init: RequestInit = {},
): Promise<Reply> {
  const response = await fetch(url, { ...init, headers });
  const text = await response.text();
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    body = undefined;
  }
  return { status: response.status, headers: response.headers, text, body };
}

/** One line of the notation as a control call. */
function callOf(line: string): [path: string, body: Row] {
  const words = line.split(/\s+/);
  const [verb = '', first = '', second = '', third = ''] = words;
  const after = (word: string): string | undefined =>
    words.includes(word) ? words[words.indexOf(word) + 1] : undefined;
  const publish = words.find((word) => ['now', 'next-day', 'never'].includes(word));
  const common = { account: PAPER, ...(publish === undefined ? {} : { publish }) };
  switch (verb) {
    case 'buy':
    case 'sell':
      return [
        '/control/trade',
        {
          ...common,
          side: verb,
          quantity: first,
          symbol: second,
          price: after('@')!,
          ...(after('fees') === undefined ? {} : { fees: after('fees')! }),
          ...(after('ref') === undefined ? {} : { clientRef: after('ref')! }),
          ...(after('at') === undefined ? {} : { at: after('at')! }),
        },
      ];
    case 'deposit':
    case 'withdrawal':
    case 'interest':
    case 'fee':
      return ['/control/cash', { ...common, kind: verb, amount: first }];
    case 'dividend':
      return ['/control/cash', { ...common, kind: verb, amount: first, symbol: second }];
    case 'expire':
    case 'assign':
    case 'exercise':
      return ['/control/option', { ...common, kind: verb, quantity: first, symbol: second }];
    case 'transfer':
      return ['/control/transfer', { ...common, direction: first, quantity: second, symbol: third }];
    case 'split': {
      const [newShares, oldShares] = second.split(':');
      return ['/control/corporate-action', { kind: 'split', symbol: first, newShares, oldShares }];
    }
    case 'rename':
      return ['/control/corporate-action', { kind: 'rename', symbol: first, to: second }];
    case 'spinoff':
    case 'merge': {
      const [newShares, perOld] = third.includes(':') ? third.split(':') : [];
      const given = (name: string, word: string): Row =>
        after(word) === undefined ? {} : { [name]: after(word)! };
      return [
        '/control/corporate-action',
        {
          kind: verb === 'merge' ? 'merger' : verb,
          symbol: first,
          ...(newShares === undefined ? {} : { to: second, newShares, perOld }),
          ...given('basisFraction', 'basis'),
          ...given('cashPerShare', 'cash'),
          ...given('cashInLieu', 'lieu'),
          ...(publish === undefined ? {} : { publish }),
        },
      ];
    }
    case 'price':
      return ['/control/price', { symbol: first, price: second }];
    case 'clock':
      return ['/control/clock', { advance: first }];
    default:
      throw new Error(`no such line: ${line}`);
  }
}
