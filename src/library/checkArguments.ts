/**
 * What a program may hand to each call of the library. A program without types, or with a slip in a name, is told so at
 * once: an option that nobody knows would otherwise be as good as none, and none means all accounts. Pure.
 */
import { parseDurationFlag } from '../config/load.ts';
import { nearestName } from '../config/nearest.ts';
import { TruebookError } from '../domain/errors.ts';
import { EVENT_KINDS } from '../hooks/events.ts';
import { tryParseInstant, tryParseTradeDate } from '../domain/time.ts';
import { SYNC_TYPES, type PositionState } from '../store/store.ts';
import { PNL_GROUPINGS } from '../sync/records.ts';

/** Null where the value fits; else what it must be. Values themselves are shown only where they are words to choose from. */
type Check = (value: unknown) => { readonly must: string; readonly hint?: string } | null;

function check(must: string, fits: (value: unknown) => boolean, hint?: string): Check {
  return (value) => (fits(value) ? null : { must, ...(hint === undefined ? {} : { hint }) });
}

function oneOf(words: readonly string[]): Check {
  return (value) => {
    if (typeof value === 'string' && words.includes(value)) return null;
    return { must: `be one of ${words.join(', ')}`, ...meant(value, words) };
  };
}

function listOf(words: readonly string[]): Check {
  const one = oneOf(words);
  return (value) => {
    if (!Array.isArray(value)) return { must: `be a list of ${words.join(', ')}` };
    const wrong: unknown = value.find((entry) => one(entry) !== null);
    if (wrong === undefined && !value.includes(undefined)) return null;
    return { must: `be a list of ${words.join(', ')}`, ...meant(wrong, words) };
  };
}

const isText = (value: unknown): value is string => typeof value === 'string' && value.trim() !== '';
const isFunction = (value: unknown): boolean => typeof value === 'function';
const isAccount = (value: unknown): boolean =>
  isText(value) || (typeof value === 'number' && Number.isSafeInteger(value) && value > 0);

const POSITION_STATES: Readonly<Record<PositionState, true>> = { open: true, missing: true, closed: true };
const LOG_LEVELS = ['debug', 'info', 'warning', 'error'];

const account = check('be a name or an id', isAccount);
const env = oneOf(['paper', 'live']);
const flag = check('be true or false', (value) => typeof value === 'boolean');
const text = check('be a text that is not empty', isText);
const limit = check(
  'be a whole number from 1',
  (value) => typeof value === 'number' && Number.isSafeInteger(value) && value >= 1,
);
const duration = check('be whole seconds from 1, or a text like 60s or 5m', isDuration);
const ledger = { account, limit, allEpochs: flag };
const instant = check('be an instant such as 2025-08-21T19:45:07Z', (value) => {
  return typeof value === 'string' && tryParseInstant(value) !== null;
});
const day = check('be a day such as 2025-08-21', (value) => {
  return typeof value === 'string' && tryParseTradeDate(value) !== null;
});
const when = { asOf: instant, knownAt: instant };
const profit = {
  account,
  ...when,
  from: day,
  to: day,
  symbol: text,
  wash: oneOf(['account', 'taxpayer']),
  allEpochs: flag,
};
const opening = {
  configFiles: check(
    'be a list of paths',
    (value) => Array.isArray(value) && value.every(isText),
    "Write configFiles: ['my.env'].",
  ),
  env: check(
    'be an object of texts, as process.env',
    (value) =>
      isOptions(value) && Object.values(value).every((one) => one === undefined || typeof one === 'string'),
    "It stands for the environment of the process; accounts are chosen in each call: sync({ env: 'paper' }).",
  ),
  workingFolder: text,
};

/** Which options each call takes, and what each must be. */
const OPTIONS = {
  openTruebook: {
    ...opening,
    interval: duration,
    // What hooks must be is checked where they are taken.
    hooks: check('be an object of hooks', (value) => typeof value === 'object' && value !== null),
    log: check(`have the functions ${LOG_LEVELS.join(', ')}`, isLog),
    onWarning: check('be a function', isFunction),
  },
  openBook: opening,
  sync: { account, env, type: oneOf(SYNC_TYPES), dryRun: flag },
  checkSyncNeeded: { account, env },
  syncBeforeTrade: { account, env, symbol: text, maxAge: duration, timeout: duration },
  accounts: {},
  positions: { account, states: listOf(Object.keys(POSITION_STATES)) },
  trades: ledger,
  closes: ledger,
  lots: { account, ...when, symbol: text, wash: profit.wash },
  pnl: { ...profit, by: oneOf(PNL_GROUPINGS) },
  pnlStats: profit,
  balances: { account },
  dailyBalances: { account },
  bankroll: { account, limit },
  activity: ledger,
  events: { account, limit },
  findings: { account, all: flag },
  status: { account },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Check>>>>;

export type CallWithOptions = keyof typeof OPTIONS;

/** The options of a call, without those that are undefined. Throws `usage`: unknown names, wrong types. */
export function checkOptions<Given extends object>(call: CallWithOptions, given: Given | undefined): Given {
  if (given === undefined) return {} as Given;
  const checks: Readonly<Record<string, Check>> = OPTIONS[call];
  const names = Object.keys(checks);
  const all = names.length === 0 ? `${call}() takes no options.` : `Options are ${names.join(', ')}.`;
  if (!isOptions(given)) throw wrong(call, `takes an object of options, not ${kindOf(given)}`, all);
  const options: Record<string, unknown> = {};
  // With what is inherited: options may be made from others.
  for (const name in given) {
    const value = given[name];
    if (value === undefined) continue;
    if (!Object.hasOwn(checks, name)) {
      const hint = [meant(name, names).hint, all].filter((part) => part !== undefined).join(' ');
      throw wrong(call, `has no option ${name.slice(0, 60)}`, hint);
    }
    requireFit(call, name, checks[name]!, value);
    options[name] = value;
  }
  return options as Given;
}

/** A name or an id as text. Throws `usage`. */
export function checkAccount(call: 'lastSyncTime' | 'tradeExecuted', given: unknown): string {
  requireFit(call, 'account', account, given);
  return String(given);
}

/** An order's id; null for none. Throws `usage`. */
export function checkOrderId(given: unknown): string | null {
  if (given === undefined || given === '') return null;
  requireFit('tradeExecuted', 'orderId', text, given);
  return given as string;
}

/** Throws `usage` for events that do not exist and for what cannot be called. */
export function checkListener(kind: unknown, listener: unknown): void {
  requireFit('on', 'the kind of event', oneOf([...EVENT_KINDS, 'event']), kind);
  requireFit('on', 'the listener', check('be a function', isFunction), listener);
}

/** Throws `usage`. */
export function requireOpen(isClosed: boolean): void {
  if (!isClosed) return;
  throw new TruebookError('usage', 'This Truebook was closed.', {
    hint: 'Open another with openTruebook() or openBook().',
  });
}

function requireFit(call: string, name: string, fits: Check, value: unknown): void {
  const problem = fits(value);
  if (problem !== null)
    throw wrong(call, `${name} must ${problem.must}, not ${kindOf(value)}`, problem.hint, ': ');
}

function wrong(call: string, what: string, hint?: string, separator = ' '): TruebookError {
  return new TruebookError('usage', `${call}()${separator}${what}.`, hint === undefined ? {} : { hint });
}

function meant(written: unknown, words: readonly string[]): { hint?: string } {
  const nearest = typeof written === 'string' ? nearestName(written.slice(0, 60), words) : null;
  return nearest === null ? {} : { hint: `Did you mean ${nearest}?` };
}

/** What a value is, without a text's content: it may be a secret in the wrong place. */
function kindOf(value: unknown): string {
  if (value === undefined || value === null || typeof value === 'number' || typeof value === 'boolean')
    return String(value);
  if (value === '') return 'an empty text';
  if (typeof value === 'string') return 'this text';
  if (Array.isArray(value)) return 'a list';
  if (value instanceof Promise) return 'a promise (await it)';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

/** Not a list, a promise or a map: their entries are no options. */
function isOptions(value: unknown): value is Readonly<Record<string, unknown>> {
  return Object.prototype.toString.call(value) === '[object Object]';
}

function isLog(value: unknown): boolean {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false;
  return LOG_LEVELS.every((level) => isFunction((value as Record<string, unknown>)[level]));
}

function isDuration(value: unknown): boolean {
  if (typeof value !== 'string' && typeof value !== 'number') return false;
  try {
    parseDurationFlag('duration', String(value));
    return true;
  } catch {
    return false;
  }
}
