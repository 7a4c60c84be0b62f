/** Wrong names, wrong types and calls after the end: each is an error that says what, where and what was meant. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBook, openTruebook, type Book, type Truebook, type TruebookError } from '../../src/index.ts';
import { EVENT_KINDS } from '../../src/hooks/events.ts';
import { openPlace, type TruebookPlace } from './truebookPlace.ts';

/** A program without types. */
type Untyped = Record<string, (...given: unknown[]) => unknown>;

let place: TruebookPlace;
let truebook: Truebook;
let runsBefore: number;
const runs = async (): Promise<number> => (await truebook.status()).position_sync.stats.total_syncs;

beforeAll(async () => {
  place = await openPlace();
  truebook = await place.open();
  await truebook.sync();
  runsBefore = await runs();
});
afterAll(() => place.close());

async function refusal(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    const { code, message, hint } = error as TruebookError;
    return `${code}: ${message} ${hint ?? ''}`.trim();
  }
  return 'none';
}

const OPENING: readonly [options: unknown, sentence: string][] = [
  [{ intervall: '5m' }, 'usage: openTruebook() has no option intervall. Did you mean interval? Options are'],
  [
    { interval: 'soon' },
    'usage: openTruebook(): interval must be whole seconds from 1, or a text like 60s or 5m',
  ],
  [
    { interval: Number.NaN },
    'openTruebook(): interval must be whole seconds from 1, or a text like 60s or 5m, not NaN',
  ],
  [
    { configFiles: 'x' },
    "configFiles must be a list of paths, not this text. Write configFiles: ['my.env'].",
  ],
  [{ configFiles: [1] }, 'configFiles must be a list of paths, not a list'],
  [
    { env: 'paper' },
    'env must be an object of texts, as process.env, not this text. It stands for the environment',
  ],
  [{ env: { LOG_LEVEL: 5 } }, 'env must be an object of texts'],
  [{ workingFolder: '' }, 'workingFolder must be a text that is not empty, not an empty text'],
  [
    { log: { info: () => undefined } },
    'log must have the functions debug, info, warning, error, not an object',
  ],
  [{ log: console }, 'log must have the functions debug, info, warning, error'],
  [{ onWarning: 'x' }, 'onWarning must be a function'],
  [{ hooks: 5 }, 'hooks must be an object of hooks, not 5'],
  [null, 'usage: openTruebook() takes an object of options, not null'],
  ['paper', 'usage: openTruebook() takes an object of options, not this text'],
];

const CALLS: readonly [call: string, given: readonly unknown[], sentence: string][] = [
  [
    'sync',
    [{ acount: 'x' }],
    'usage: sync() has no option acount. Did you mean account? Options are account, env',
  ],
  ['sync', ['alpaca-paper'], 'usage: sync() takes an object of options, not this text.'],
  ['sync', [null], 'sync() takes an object of options, not null.'],
  ['sync', [['alpaca-paper']], 'sync() takes an object of options, not a list.'],
  ['sync', [Promise.resolve({})], 'sync() takes an object of options, not a promise (await it).'],
  ['sync', [new Map([['account', 'x']])], 'sync() takes an object of options, not an object.'],
  [
    'sync',
    [{ env: 'paper', type: 'Positions' }],
    'type must be one of all, bankroll, positions, transactions, not this text. Did you mean positions?',
  ],
  ['sync', [{ type: '' }], 'type must be one of'],
  ['sync', [{ type: null }], 'type must be one of'],
  ['sync', [{ type: 'constructor' }], 'type must be one of'],
  ['sync', [{ constructor: 1 }], 'sync() has no option constructor'],
  ['sync', [{ dryRun: 'false' }], 'dryRun must be true or false, not this text'],
  ['sync', [{ env: 'Paper' }], 'env must be one of paper, live, not this text. Did you mean paper?'],
  ['sync', [{ account: '' }], 'account must be a name or an id, not an empty text'],
  ['sync', [{ account: -1 }], 'account must be a name or an id, not -1'],
  ['sync', [{ account: 1.5 }], 'account must be a name or an id, not 1.5'],
  ['sync', [{ account: null }], 'account must be a name or an id, not null'],
  ['sync', [{ account: ['a'] }], 'account must be a name or an id, not a list'],
  ['sync', [{ account: 'alpaca-paper', env: 'live' }], 'usage: alpaca-paper is a paper account, not live.'],
  [
    'sync',
    [{ account: 'alpaca-papre' }],
    'unknown_account: There is no configured account named "alpaca-papre". Did you mean alpaca-paper? Configured:',
  ],
  ['checkSyncNeeded', [{ acount: 'x' }], 'checkSyncNeeded() has no option acount'],
  ['checkSyncNeeded', [{ type: 'all' }], 'checkSyncNeeded() has no option type'],
  ['syncBeforeTrade', [{ env: 'paper', symbol: 5 }], 'symbol must be a text that is not empty, not 5'],
  [
    'syncBeforeTrade',
    [{ env: 'paper', symbol: ['AAPL'] }],
    'symbol must be a text that is not empty, not a list',
  ],
  [
    'syncBeforeTrade',
    [{ env: 'paper', symbol: '' }],
    'symbol must be a text that is not empty, not an empty text',
  ],
  ['syncBeforeTrade', [{ env: 'paper', symbol: ' ' }], 'symbol must be a text that is not empty'],
  ['syncBeforeTrade', [{ env: 'paper', symbol: null }], 'symbol must be a text that is not empty, not null'],
  ['syncBeforeTrade', [{ env: 'paper', simbol: 'A' }], 'has no option simbol. Did you mean symbol?'],
  [
    'syncBeforeTrade',
    [{ env: 'paper', maxAge: Number.NaN }],
    'maxAge must be whole seconds from 1, or a text like 60s or 5m, not NaN',
  ],
  [
    'syncBeforeTrade',
    [{ env: 'paper', timeout: -1 }],
    'timeout must be whole seconds from 1, or a text like 60s or 5m, not -1',
  ],
  ['syncBeforeTrade', [{ env: 'paper', timeout: {} }], 'timeout must be whole seconds'],
  ['lastSyncTime', [{ account: 'x' }], 'lastSyncTime(): account must be a name or an id, not an object'],
  ['lastSyncTime', [null], 'lastSyncTime(): account must be a name or an id, not null'],
  ['on', ['clsoed', () => undefined], 'on(): the kind of event must be one of'],
  ['on', ['clsoed', () => undefined], 'not this text. Did you mean closed?'],
  ['on', [undefined, () => undefined], 'the kind of event must be one of'],
  ['on', ['event'], 'on(): the listener must be a function, not undefined'],
  ['on', ['event', {}], 'on(): the listener must be a function, not an object'],
];

const READINGS: readonly [call: string, given: readonly unknown[], sentence: string][] = [
  ['positions', [{ acount: 'x' }], 'usage: positions() has no option acount. Did you mean account?'],
  ['positions', [{ states: 'open' }], 'states must be a list of open, missing, closed, not this text'],
  ['positions', [{ states: ['opne'] }], 'states must be a list of open, missing, closed, not a list'],
  ['positions', [{ states: [undefined] }], 'states must be a list of open, missing, closed, not a list'],
  ['positions', ['alpaca-paper'], 'positions() takes an object of options, not this text'],
  ['trades', [{ limit: Number.NaN }], 'trades(): limit must be a whole number from 1, not NaN'],
  ['trades', [{ limit: -1 }], 'trades(): limit must be a whole number from 1, not -1'],
  ['trades', [{ limit: '5' }], 'trades(): limit must be a whole number from 1, not this text'],
  ['trades', [{ limit: 0.5 }], 'trades(): limit must be a whole number from 1, not 0.5'],
  ['trades', [{ allEpochs: 1 }], 'allEpochs must be true or false, not 1'],
  ['closes', [{ limits: 1 }], 'closes() has no option limits. Did you mean limit?'],
  ['balances', [{ limit: 1 }], 'balances() has no option limit. Options are account.'],
  ['dailyBalances', [{ account: '' }], 'account must be a name or an id'],
  ['bankroll', [{ limit: Number.POSITIVE_INFINITY }], 'limit must be a whole number from 1, not Infinity'],
  ['activity', [{ limit: null }], 'limit must be a whole number from 1, not null'],
  ['events', [{ allEpochs: true }], 'events() has no option allEpochs'],
  ['findings', [{ all: 'yes' }], 'all must be true or false'],
  ['status', [{ env: 'paper' }], 'status() has no option env'],
  ['accounts', [{ account: 'x' }], 'accounts() has no option account. accounts() takes no options.'],
  ['positions', [{ account: 'nobody' }], 'unknown_account: '],
];

describe('arguments', () => {
  it.each(OPENING)('openTruebook(%j) is refused: %s', async (options, sentence) => {
    expect(await refusal(() => openTruebook(options as object))).toContain(sentence);
  });

  it.each([...CALLS, ...READINGS])('%s(...%j) is refused: %s', async (call, given, sentence) => {
    const untyped = truebook as unknown as Untyped;
    expect(await refusal(() => untyped[call]!(...given))).toContain(sentence);
    expect(await runs()).toBe(runsBefore);
  });

  it('a book for reading refuses the same', async () => {
    const where = { env: {}, workingFolder: place.folder, configFiles: [place.settingsFile] };
    expect(await refusal(() => openBook({ ...where, interval: '5m' } as object))).toContain(
      'usage: openBook() has no option interval.',
    );
    const book = await openBook(where);
    for (const [call, given, sentence] of READINGS)
      expect(await refusal(() => (book as unknown as Untyped)[call]!(...given))).toContain(sentence);
    await book.close();
    await book.close();
    for (const [call] of READINGS)
      expect(await refusal(() => (book as unknown as Untyped)[call]!())).toContain(
        'usage: This Truebook was closed.',
      );
  });

  it('no text of a wrong argument is shown: it may be a secret in the wrong place', async () => {
    const secret = 'PKSECRETSECRET';
    const untyped = truebook as unknown as Untyped;
    for (const given of [secret, { dryRun: secret }, { type: secret }, { env: secret }])
      expect(await refusal(() => untyped['sync']!(given))).toMatch(/^usage: (?!.*PKSECRET)/);
    expect(await refusal(() => openTruebook({ configFiles: secret } as object))).toMatch(
      /^usage: (?!.*PKSECRET)/,
    );
  });

  it('what is right is taken: ids as number or text, undefined as nothing, seconds as numbers, every kind', async () => {
    const accounts = await truebook.accounts();
    const { account, accountId } = accounts.find((entry) => entry.account === 'alpaca-paper')!;
    expect((await truebook.sync({ account: accountId, dryRun: true })).account).toBe(account);
    expect((await truebook.sync({ account: String(accountId), env: 'paper', dryRun: true })).account).toBe(
      account,
    );
    expect(await truebook.sync({ account: undefined, type: undefined, dryRun: true } as object)).toHaveLength(
      2,
    );
    const ofOne = await truebook.positions({ account: accountId, states: ['open', 'closed'] });
    expect(ofOne).toEqual(await truebook.positions({ account, states: ['open', 'closed'] }));
    expect(await truebook.trades({ account, limit: undefined } as object)).toEqual(
      await truebook.trades({ account }),
    );
    expect(await truebook.trades({ account, limit: 1 })).toHaveLength(1);
    expect(await truebook.lastSyncTime(accountId)).toBe(await truebook.lastSyncTime(account));
    expect((await truebook.syncBeforeTrade({ account: accountId, maxAge: 60, timeout: '30s' })).account).toBe(
      account,
    );
    // Options made from others.
    const inherited = Object.create({ account, limit: 1 }) as object;
    expect(await truebook.trades(inherited)).toHaveLength(1);
    for (const kind of EVENT_KINDS) truebook.on(kind, () => undefined)();
    const five = await place.open({}, { interval: 300 });
    await five.close();
  });
});

describe('tradeExecuted', () => {
  it.each([
    [[], 'account must be a name or an id, not undefined'],
    [[null], 'account must be a name or an id, not null'],
    [[''], 'account must be a name or an id, not an empty text'],
    [[{}], 'account must be a name or an id, not an object'],
    [['alpaca-paper', 5], 'orderId must be a text that is not empty, not 5'],
    [['alpaca-paper', null], 'orderId must be a text that is not empty, not null'],
    [['nobody'], 'nobody'],
  ])('never rejects: %j', async (given, reason) => {
    const answer = await (truebook as unknown as Untyped)['tradeExecuted']!(...given);
    expect(answer).toEqual({ accepted: false, reason: expect.stringContaining(reason) as string });
  });
});

describe('after close', () => {
  let closed: Truebook & Book;
  beforeAll(async () => {
    closed = await place.open();
    await closed.close();
  });

  it.each([...new Set([...CALLS, ...READINGS].map(([call]) => call)), 'start'])(
    '%s() is refused',
    async (call) => {
      const given = call === 'on' ? ['event', () => undefined] : [];
      const said = await refusal(() => (closed as unknown as Untyped)[call]!(...given));
      expect(said).toContain('usage: This Truebook was closed.');
    },
  );

  it('an announcement is not accepted, stop and close have nothing to do', async () => {
    expect(await closed.tradeExecuted('alpaca-paper')).toEqual({
      accepted: false,
      reason: 'This Truebook was closed.',
    });
    expect(await closed.stop()).toBeNull();
    await closed.close();
  });
});

describe('an onWarning that throws, at once or later,', () => {
  it.each([
    () => {
      throw new Error('no warnings please');
    },
    () => Promise.reject(new Error('no warnings later either')),
  ])('fails nothing', async (onWarning) => {
    const bad = await place.open({}, { onWarning: onWarning as () => void });
    place.control('POST', 'fault', { broker: 'alpaca', kind: 'status', status: 401 });
    const gate = await bad.syncBeforeTrade({ env: 'paper' });
    place.control('DELETE', 'fault');
    expect(gate.ok).toBe(false);
    expect(await bad.tradeExecuted('nobody')).toMatchObject({ accepted: false });
    expect((await bad.sync({ env: 'paper' })).ok).toBe(true);
  });
});
