/** `truebook sync`: bring accounts up to date now, through the agent where one runs. */
import { type Truebook } from '../compose.ts';
import { isTruebookError, TruebookError } from '../domain/errors.ts';
import { type AgentAccount } from '../sync/agent.ts';
import { type SyncType } from '../store/store.ts';
import { requestSync } from '../sync/requestSync.ts';
import { alpacaSyncLines } from '../sync/syncLines.ts';
import {
  checkSentence,
  resultSentence,
  syncCheck,
  syncResult,
  type SyncAttempt,
} from '../sync/syncResult.ts';
import { needsLogin } from './agent.ts';
import { systemClock } from '../platform.ts';
import { openHooks } from './hooks.ts';
import { printJson, printLine, printProblem } from './print.ts';
import { loadSettings, requireConnections, tellWarnings, withBook, type CommonOptions } from './session.ts';
import { listenForStop } from './stopping.ts';

export interface SyncOptions extends CommonOptions {
  readonly account?: string;
  readonly env?: 'paper' | 'live';
  readonly syncType: SyncType;
  readonly checkOnly?: boolean;
  readonly dryRun?: boolean;
  readonly afterTrade?: boolean;
  readonly verbose?: boolean;
}

interface Done {
  readonly entry: AgentAccount;
  /** Empty when nothing could be committed or worked out. */
  readonly outcome: SyncAttempt;
  readonly login: boolean;
}

/**
 * 0 if every account is complete, 4 if any needs a login, else 1; with `--check-only` 3 where a sync is needed, and with
 * `--dry-run` 0 whatever it would change.
 */
export async function sync(options: SyncOptions): Promise<number> {
  const config = loadSettings(options);
  tellWarnings(config);
  requireConnections(config);
  const stopping = listenForStop();
  const tell = options.verbose === true ? printProblem : (): void => undefined;
  const time = { clock: systemClock() };
  const hooks = await openHooks(config, { error: printProblem }, time);
  try {
    const done = await withBook(
      {
        config,
        onWarning: (sentence) => printProblem(`warning: ${sentence}`),
        onRequest: ({ method, host, path }) => tell(`request: ${method} ${host}${path}`),
        ...hooks.composed,
      },
      async (book) => {
        time.clock = book.clock;
        const chosen = await chooseAccounts(book, options);
        return Promise.all(chosen.map((entry) => syncOne(book, entry, options, tell, stopping.signal)));
      },
    );
    return options.checkOnly === true ? tellChecks(done, options) : tellResults(done, options);
  } finally {
    hooks.end();
    stopping.end();
  }
}

function tellResults(done: readonly Done[], options: SyncOptions): number {
  const dryRun = options.dryRun === true;
  const results = done.map(({ entry, outcome }) => syncResult(entry.account.name, options.syncType, outcome));
  if (options.json === true) printJson(dryRun ? results.map((result) => ({ ...result, dryRun })) : results);
  else
    for (const [index, result] of results.entries()) {
      for (const line of linesOf(done[index]!, dryRun)) printLine(line);
      printLine(resultSentence(result, dryRun));
    }
  if (results.every(({ ok }) => ok)) return 0;
  return done.some(({ login }) => login) ? 4 : 1;
}

function tellChecks(done: readonly Done[], options: SyncOptions): number {
  const checks = done.map(({ entry, outcome }) => syncCheck(entry.account.name, outcome));
  if (options.json === true) printJson(checks);
  else
    for (const [index, check] of checks.entries()) {
      if (options.verbose === true) for (const line of linesOf(done[index]!, true)) printLine(line);
      printLine(checkSentence(check));
    }
  if (checks.some(({ ok }) => !ok)) return done.some(({ login }) => login) ? 4 : 1;
  return checks.some(({ needed }) => needed === true) ? 3 : 0;
}

function linesOf({ entry, outcome }: Done, dryRun: boolean): readonly string[] {
  if (outcome.difference == null || entry.account.broker !== 'alpaca') return [];
  return alpacaSyncLines(outcome.difference, { kinds: entry.toldKinds, dryRun });
}

async function chooseAccounts(
  book: Truebook,
  { account, env }: SyncOptions,
): Promise<readonly AgentAccount[]> {
  const all = await book.agentAccounts();
  if (all.length === 0) {
    throw new TruebookError('usage', 'There is no account to sync.', {
      hint: 'Set ALPACA_API_KEY and ALPACA_SECRET_KEY, or add a connection to truebook.yaml; `truebook doctor` checks it.',
    });
  }
  const wanted = account === undefined ? null : await book.account(account);
  const chosen = all.filter(
    (entry) =>
      (wanted === null || entry.account.id === wanted.id) && (env === undefined || entry.account.env === env),
  );
  if (chosen.length > 0) return chosen;
  const named = wanted === null ? `a ${env} account` : wanted.name;
  throw new TruebookError('config', `No connection leads to ${named}.`, {
    hint: `Connections exist for: ${all.map((entry) => entry.account.name).join(', ')}.`,
  });
}

async function syncOne(
  book: Truebook,
  entry: AgentAccount,
  options: SyncOptions,
  tell: (line: string) => void,
  signal: AbortSignal,
): Promise<Done> {
  const { account } = entry;
  const holder = book.holder('command');
  const actor = `command:${holder.processId}@${holder.host}`;
  const dryRun = options.dryRun === true || options.checkOnly === true;
  try {
    const outcome = await requestSync(
      book.dependencies(entry, actor, {
        onProgress: (sentence) => tell(`${account.name}: ${sentence}`),
        onWarning: (sentence) => printProblem(`warning: ${sentence}`),
      }),
      account,
      {
        holder,
        isGone: book.isGone,
        trigger: options.afterTrade === true ? 'trade' : 'command',
        type: options.syncType,
        dryRun,
        requestedBy: actor,
        signal,
      },
    );
    const { run, by } = outcome;
    const who = by === 'agent' ? 'the agent' : 'this command';
    tell(`${account.name}: ${dryRun ? 'dry run' : `run ${run.id}`} by ${who}`);
    if (run.outcome !== 'complete') {
      printProblem(`${account.name}: ${run.errorCode ?? run.outcome}: ${run.errorMessage ?? 'not complete'}`);
    }
    return { entry, outcome, login: needsLogin({ run, error: null }) };
  } catch (error) {
    if (!isTruebookError(error) || error.code === 'stopped') throw error;
    printProblem(
      `${account.name}: ${error.code}: ${error.message}${error.hint === null ? '' : ` ${error.hint}`}`,
    );
    return { entry, outcome: { error }, login: needsLogin({ run: null, error }) };
  }
}
