/**
 * Truebook inside a program: what the command line can do, as functions.
 *
 * ```ts
 * const truebook = await openTruebook();
 * const gate = await truebook.syncBeforeTrade({ env: 'paper', symbol: 'SPY' });
 * if (gate.ok) placeMyOrder();
 * await truebook.close();
 * ```
 */
import { compose, type Truebook as Composition } from '../compose.ts';
import { parseDurationFlag, type Config } from '../config/load.ts';
import { type Account } from '../domain/account.ts';
import { errorText, isTruebookError, TruebookError } from '../domain/errors.ts';
import { compareInstants, now as instantNow } from '../domain/time.ts';
import { askedSymbol, askGate, closedGate, type GateAnswer } from '../gate/gate.ts';
import { type TruebookEvent } from '../hooks/events.ts';
import { type EventTeller, toldRuns } from '../hooks/eventTeller.ts';
import { type Hooks } from '../hooks/hooks.ts';
import { givenHooks, loadHooks } from '../hooks/loadHooks.ts';
import { calledSafely, safeLog } from '../hooks/safeLog.ts';
import { stepHooks } from '../hooks/stepHooks.ts';
import { untilAborted } from '../hooks/untilAborted.ts';
import { createLogger, type Logger } from '../log.ts';
import { afterRealMs, randomBytes, realMonoMs, realSleep, systemClock } from '../platform.ts';
import { type Store, type SyncTrigger, type SyncType } from '../store/store.ts';
import { type AgentAccount, type AgentLog } from '../sync/agent.ts';
import { requestSync, type RequestedSync } from '../sync/requestSync.ts';
import {
  type SyncAttempt,
  syncCheck,
  syncResult,
  type SyncCheck,
  type SyncResult,
} from '../sync/syncResult.ts';
import { libraryConfig, readingsOf, type OpenBookOptions, type Readings } from './book.ts';
import { checkOptions } from './checkArguments.ts';
import { checkedTruebook } from './checkedCalls.ts';
import { chooseAccount, chooseAccounts, type WhichAccount } from './chooseAccount.ts';
import { Listeners, type ListenedEvent, type ListenedKind } from './listeners.ts';
import { OwnAgent, type AgentReport } from './ownAgent.ts';
import { RunningCalls } from './runningCalls.ts';
import { timeLimit } from './timeLimit.ts';
import { tradeRuns } from './tradeRuns.ts';

export interface OpenTruebookOptions extends OpenBookOptions {
  /** Your own code around each step; wins over the module that `HOOKS` names. */
  readonly hooks?: Hooks;
  /** Time between runs of the agent that `start()` starts: seconds, or `5m`; wins over every setting. */
  readonly interval?: string | number;
  /** Where lines go. Default: the log file of the settings (`LOG_FILE`). */
  readonly log?: AgentLog;
  /** Told about settings and hooks that need attention. Default: a warning in the log. */
  readonly onWarning?: (sentence: string) => void;
}

export interface SyncWish {
  /** Only this part of the book; the rest is read as evidence and left alone. Default: `all`. */
  readonly type?: SyncType;
  /** Works out exactly what a run would change, and changes nothing. */
  readonly dryRun?: boolean;
}

export interface SyncNeeded {
  /** True when an account needs a sync, or could not be checked. */
  readonly needed: boolean;
  readonly accounts: readonly SyncCheck[];
}

export interface BeforeTradeQuestion extends WhichAccount {
  /** Only this symbol's positions count as missing or unexplained. Default, and where it has none: all of the account's. */
  readonly symbol?: string;
  /** How old the data may be: whole seconds, or `60s`, `5m`. Default: `FRESH_MAX_AGE`. */
  readonly maxAge?: string | number;
  /** How long the sync may take before it counts as failed. Default: `60s`. */
  readonly timeout?: string | number;
}

/** What became of the announcement of a trade. */
export interface Announcement {
  readonly accepted: boolean;
  /** Why not; null when accepted. */
  readonly reason: string | null;
}

export interface Truebook extends Readings {
  /**
   * Brings an account up to date now, through the agent where one runs, and answers what it came to. What the broker does
   * wrong is a result with `ok: false` (`status()` and the event `sync_failed` say why). Throws for a name nobody has,
   * settings that are wrong, and a database that cannot be reached.
   */
  sync(
    wish: SyncWish & WhichAccount & ({ account: string | number } | { env: 'paper' | 'live' }),
  ): Promise<SyncResult>;
  /** The same for every account of the settings. */
  sync(wish?: SyncWish): Promise<readonly SyncResult[]>;
  /** A dry run: does the book differ from the broker? Of one account, or of all. */
  checkSyncNeeded(which?: WhichAccount): Promise<SyncNeeded>;
  /**
   * May I trade on this data now? Syncs first (unless `ALPACA_AUTO_SYNC_BEFORE_TRADE` is off) and judges what is known.
   * A broker, network or database in trouble is `ok: false`, not an error. Throws for a name nobody has.
   */
  syncBeforeTrade(question?: BeforeTradeQuestion): Promise<GateAnswer>;
  /**
   * Says that this program traded: the order counts as its own, and (`POSITION_SYNC_SYNC_ON_TRADE`) one run of the account
   * follows soon. Answers at once and never rejects.
   */
  tradeExecuted(account: string | number, orderId?: string): Promise<Announcement>;
  /** When a run was last complete: of this account, or the newest of all. Null before the first. */
  lastSyncTime(account?: string | number): Promise<string | null>;
  /** Starts the agent in this process and answers the accounts it keeps. Throws `lease_held`, naming who has them. */
  start(): Promise<readonly string[]>;
  /** Stops that agent after its running cycle; null where none runs. */
  stop(): Promise<AgentReport | null>;
  /** Calls `listener` for each event of this kind (`event`: of every kind). The answer unsubscribes. */
  on<Kind extends ListenedKind>(kind: Kind, listener: (event: ListenedEvent<Kind>) => unknown): () => void;
  /** Ends what was begun, stops the agent and closes the database. Nothing keeps the process alive afterwards. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

const DEFAULT_TIMEOUT = '60s';

/** How long `close` waits for runs after announced trades. The next run of anybody reads what they would have read. */
const TRADES_GRACE_MS = 5_000;

/**
 * Opens Truebook with the settings of the command line; the database is made where there is none. Throws `config` for
 * settings and hooks that are wrong, `storage_*` for a database that cannot be opened. No broker is contacted yet.
 */
export async function openTruebook(options: OpenTruebookOptions = {}): Promise<Truebook> {
  checkOptions('openTruebook', options);
  const { interval } = options;
  const config = libraryConfig(options, interval === undefined ? {} : { interval: String(interval) });
  const givenLog = options.log ?? fileLog(config);
  const log = safeLog(givenLog);
  const onWarning = (sentence: string): void =>
    options.onWarning === undefined
      ? log.warning(sentence)
      : calledSafely(() => options.onWarning?.(sentence));
  for (const warning of config.warnings) onWarning(warning);
  const listeners = new Listeners(log);
  const time = { clock: systemClock() };
  const around = {
    hooks: await hooksOf(options, config),
    timeoutMs: config.settings.HOOKS_TIMEOUT * 1000,
    log,
    clock: { monoMs: realMonoMs, sleep: realSleep },
    listeners: [listeners],
    told: toldRuns(),
    // A module of the settings is loaded by every process that runs; one handed over exists only here.
    ownRunsOnly: options.hooks === undefined,
    time,
  };
  const composition = { config, onWarning, hooks: (store: Store) => stepHooks(around, store).steps };
  const book = await compose(composition);
  time.clock = book.clock;
  const truebook = opened({
    book,
    log,
    givenLog,
    onWarning,
    running: new RunningCalls(),
    listeners,
    teller: stepHooks(around, book.store).teller,
    agent: new OwnAgent(composition, log),
  });
  return checkedTruebook(truebook, onWarning);
}

interface Parts {
  readonly book: Composition;
  /** Never throws. */
  readonly log: AgentLog;
  /** As it was handed over. */
  readonly givenLog: AgentLog;
  /** Never throws. */
  readonly onWarning: (sentence: string) => void;
  readonly running: RunningCalls;
  readonly listeners: Listeners;
  readonly teller: EventTeller;
  readonly agent: OwnAgent;
}

function opened(parts: Parts): Truebook {
  const { book, givenLog, onWarning, listeners, agent, running } = parts;
  const { settings } = book.config;
  const closing = new AbortController();
  const tradesTooLate = new AbortController();
  const afterTrades = tradeRuns(async (name) => {
    try {
      const entry = chooseAccount(await book.agentAccounts(), { account: name });
      const { signal } = tradesTooLate;
      await runSync(parts, entry, { trigger: 'trade', type: 'all', dryRun: false, signal });
    } catch (error) {
      onWarning(`${name}: the run after a trade failed: ${errorText(error)}`);
    }
  }, realSleep);
  let closed: Promise<void> | null = null;

  /** A call that may use the database: refused after `close`, and waited for by it. */
  function begun<Given extends unknown[], Value>(
    call: (...given: Given) => Promise<Value>,
  ): (...given: Given) => Promise<Value> {
    return async (...given) => {
      requireOpen(closed);
      return await running.track(call(...given));
    };
  }

  /** Runs one account and answers what it came to; nothing where it could not be run for a reason outside of us. */
  async function outcomeOf(
    entry: AgentAccount,
    wish: { type: SyncType; dryRun: boolean },
  ): Promise<SyncAttempt> {
    try {
      return await runSync(parts, entry, { ...wish, trigger: 'command', signal: closing.signal });
    } catch (error) {
      if (!isTruebookError(error, ...OUTSIDE)) throw error;
      onWarning(
        `${entry.account.name}: not synced: ${error.message}${error.hint === null ? '' : ` ${error.hint}`}`,
      );
      return { error };
    }
  }

  async function sync({ type = 'all', dryRun = false, ...which }: SyncWish & WhichAccount = {}): Promise<
    SyncResult | readonly SyncResult[]
  > {
    const chosen = chooseAccounts(await book.agentAccounts(), which);
    const results = await allOf(
      chosen.map(async (entry) =>
        syncResult(entry.account.name, type, await outcomeOf(entry, { type, dryRun })),
      ),
    );
    return isNamed(which) ? results[0]! : results;
  }

  const announce = begun(async (account: string, orderId: string | undefined): Promise<void> => {
    const found = await accountOf(book, account);
    if (orderId !== undefined && orderId !== '')
      await book.store.announceOrder(found.id, orderId, instantNow(book.clock));
    if (settings.POSITION_SYNC_SYNC_ON_TRADE) afterTrades.ask(found.name);
  });

  return {
    ...begunReadings(readingsOf(book), begun),
    sync: begun(sync) as Truebook['sync'],

    checkSyncNeeded: begun(async (which: WhichAccount = {}) => {
      const chosen = chooseAccounts(await book.agentAccounts(), which);
      const accounts = await allOf(
        chosen.map(async (entry) =>
          syncCheck(entry.account.name, await outcomeOf(entry, { type: 'all', dryRun: true })),
        ),
      );
      return { needed: accounts.some(({ needed }) => needed !== false), accounts };
    }),

    syncBeforeTrade: begun(async (question: BeforeTradeQuestion = {}) =>
      beforeTrade(parts, question, closing.signal),
    ),

    tradeExecuted: async (account: string, orderId) => {
      try {
        await announce(account, orderId);
        return { accepted: true, reason: null };
      } catch (error) {
        const reason = errorText(error);
        onWarning(`A trade could not be announced: ${reason}`);
        return { accepted: false, reason };
      }
    },

    lastSyncTime: begun(async (account?: string) => {
      const accounts = account === undefined ? await book.store.accounts() : [await book.account(account)];
      const runs = await Promise.all(accounts.map(({ id }) => book.store.lastRun(id, 'complete')));
      const times = runs.flatMap((run) => run?.finishedAt ?? []);
      return times.toSorted(compareInstants).at(-1) ?? null;
    }),

    start: async () => {
      requireOpen(closed);
      return await agent.start();
    },
    stop: () => agent.stop(),
    on: (kind, listener) => listeners.on(kind, listener as (event: TruebookEvent) => unknown),
    close,
    [Symbol.asyncDispose]: close,
  };

  function close(): Promise<void> {
    return (closed ??= (async () => {
      closing.abort();
      await running.settled();
      // What was announced is still read, through the agent where it runs here; not for ever.
      const cancel = afterRealMs(TRADES_GRACE_MS, () => tradesTooLate.abort());
      await afterTrades.settle();
      cancel();
      await agent.stop();
      await book.close();
      if ('close' in givenLog && typeof givenLog.close === 'function')
        (givenLog as { close(): void }).close();
    })());
  }
}

/** Troubles that are no fault of the call: they make a result that is not `ok`. */
const OUTSIDE = ['lease_held', 'lease_lost', 'stopped'] as const;

interface RunWish {
  readonly trigger: SyncTrigger;
  readonly type: SyncType;
  readonly dryRun: boolean;
  readonly signal?: AbortSignal;
}

/** One run of one account, here or by the agent that keeps it; its events are told once. */
async function runSync(
  { book, log, onWarning, teller, agent }: Parts,
  entry: AgentAccount,
  wish: RunWish,
): Promise<RequestedSync> {
  const { account } = entry;
  const { name } = account;
  // Two calls at a time are two writers, of which one waits: each needs an identity of its own.
  const holder = { ...book.holder('command'), incarnation: randomBytes(16).toString('hex') };
  const requestedBy = `library:${holder.processId}@${holder.host}`;
  const mark = wish.dryRun ? null : await teller.mark(name);
  const dependencies = book.dependencies(entry, requestedBy, {
    onProgress: (sentence) => log.info(`${name}: ${sentence}`),
    onWarning,
  });
  const { hooks } = dependencies;
  try {
    const outcome = await requestSync(
      hooks === undefined || wish.signal === undefined
        ? dependencies
        : { ...dependencies, hooks: untilAborted(hooks, wish.signal) },
      account,
      { ...wish, holder, isGone: (other) => book.isGone(other), requestedBy },
    );
    const isElsewhere = outcome.by === 'agent' && !agent.keeps(name);
    if (isElsewhere && !wish.dryRun) await teller.tellOutcome(name, outcome, mark);
    return outcome;
  } catch (error) {
    if (isTruebookError(error, 'lease_held') && !wish.dryRun)
      await teller.tellFailure(name, error.code, error.message);
    throw error;
  }
}

async function beforeTrade(
  parts: Parts,
  { symbol, maxAge, timeout = DEFAULT_TIMEOUT, ...which }: BeforeTradeQuestion,
  closing: AbortSignal,
): Promise<GateAnswer> {
  const { book, onWarning, running } = parts;
  const { settings, rules } = book.config;
  const policy = { onSyncFailure: settings.GATE_ON_SYNC_FAILURE };
  const maxAgeSeconds = maxAge === undefined ? undefined : parseDurationFlag('maxAge', String(maxAge));
  const timeoutMs = parseDurationFlag('timeout', String(timeout)) * 1000;
  const asked = askedSymbol(symbol === undefined ? {} : { symbol });
  const limit = timeLimit(timeoutMs);
  try {
    let accounts: readonly AgentAccount[];
    try {
      accounts = await limit.within(running.track(book.agentAccounts()));
    } catch (error) {
      // Which account it is, only its broker could say, and that does not answer.
      if (!isTruebookError(error) || error.retry === 'never') throw error;
      onWarning(`The gate could not be asked: ${error.message}`);
      const named = String(which.account ?? which.env ?? 'unknown');
      return closedGate(named, asked, maxAgeSeconds ?? rules.alpaca.freshMaxAgeSeconds, policy);
    }
    const entry = chooseAccount(accounts, which);
    const syncsFirst = entry.account.broker !== 'alpaca' || settings.ALPACA_AUTO_SYNC_BEFORE_TRADE;
    const sync = async (): Promise<boolean> => {
      const signal = AbortSignal.any([limit.passed, closing]);
      // A run that is too late ends by itself, hooks and all: nobody waits for it but `close`.
      const run = running.track(
        runSync(parts, entry, { trigger: 'gate', type: 'all', dryRun: false, signal }),
      );
      return (await limit.within(run)).run.outcome === 'complete';
    };
    return await askGate(
      { store: book.store, records: book.records, policy, sync: syncsFirst ? sync : null, onWarning },
      entry.account,
      {
        ...(symbol === undefined ? {} : { symbol }),
        ...(maxAgeSeconds === undefined ? {} : { maxAgeSeconds }),
      },
    );
  } finally {
    limit.end();
  }
}

/** An account that was configured and never synced exists as soon as its connection was looked at. */
async function accountOf(book: Composition, nameOrId: string): Promise<Account> {
  const known = await book.store.findAccount(nameOrId);
  if (known !== null) return known;
  await book.agentAccounts();
  return await book.account(nameOrId);
}

async function hooksOf(options: OpenTruebookOptions, { settings }: Config): Promise<Hooks | null> {
  if (options.hooks !== undefined) return givenHooks(options.hooks);
  return settings.HOOKS === null ? null : await loadHooks(settings.HOOKS, { sleep: realSleep });
}

/** The log file of the settings, opened by the first line that is written. */
function fileLog({ settings }: Config): AgentLog & { close(): void } {
  let logger: Logger | null = null;
  const log = (): Logger =>
    (logger ??= createLogger({
      file: settings.LOG_FILE,
      format: settings.LOG_FORMAT,
      level: settings.LOG_LEVEL,
    }));
  return {
    debug: (message) => log().debug(message),
    info: (message) => log().info(message),
    warning: (message) => log().warning(message),
    error: (message) => log().error(message),
    close: () => logger?.close(),
  };
}

/** The readings, each as `begun` makes it. */
function begunReadings(
  readings: Readings,
  begun: <Given extends unknown[], Value>(
    call: (...given: Given) => Promise<Value>,
  ) => (...given: Given) => Promise<Value>,
): Readings {
  return {
    accounts: begun(readings.accounts),
    positions: begun(readings.positions),
    trades: begun(readings.trades),
    closes: begun(readings.closes),
    lots: begun(readings.lots),
    pnl: begun(readings.pnl),
    pnlStats: begun(readings.pnlStats),
    balances: begun(readings.balances),
    dailyBalances: begun(readings.dailyBalances),
    bankroll: begun(readings.bankroll),
    activity: begun(readings.activity),
    events: begun(readings.events),
    findings: begun(readings.findings),
    status: begun(readings.status),
  };
}

/** Waits for all of them, also where one fails: a run goes on after the error of another. */
async function allOf<Value>(promises: readonly Promise<Value>[]): Promise<readonly Value[]> {
  await Promise.allSettled(promises);
  return await Promise.all(promises);
}

function isNamed({ account, env }: WhichAccount): boolean {
  return account !== undefined || env !== undefined;
}

function requireOpen(closed: Promise<void> | null): void {
  if (closed === null) return;
  throw new TruebookError('usage', 'This Truebook was closed.', {
    hint: 'Open another with openTruebook().',
  });
}
