/** `truebook sync`: bring accounts up to date now, through the agent where one runs. */
import { type Truebook } from '../compose.ts';
import { isTruebookError, TruebookError } from '../domain/errors.ts';
import { type AgentAccount } from '../sync/agent.ts';
import { requestSync } from '../sync/requestSync.ts';
import { needsLogin } from './agent.ts';
import { printJson, printLine, printProblem } from './print.ts';
import { loadSettings, requireConnections, tellWarnings, withBook, type CommonOptions } from './session.ts';
import { listenForStop } from './stopping.ts';
import { resultSentence, syncResult, type SyncResult } from './syncResult.ts';

export interface SyncOptions extends CommonOptions {
  readonly account?: string;
  readonly env?: 'paper' | 'live';
  readonly afterTrade?: boolean;
  readonly verbose?: boolean;
}

interface Outcome {
  readonly result: SyncResult;
  readonly login: boolean;
}

/** 0 if every account is complete, 4 if any needs a login, else 1. */
export async function sync(options: SyncOptions): Promise<number> {
  const config = loadSettings(options);
  tellWarnings(config);
  requireConnections(config);
  const stopping = listenForStop();
  const tell = options.verbose === true ? printProblem : (): void => undefined;
  try {
    const outcomes = await withBook(
      {
        config,
        onWarning: (sentence) => printProblem(`warning: ${sentence}`),
        onRequest: ({ method, host, path }) => tell(`request: ${method} ${host}${path}`),
      },
      async (book) => {
        const chosen = await chooseAccounts(book, options);
        return Promise.all(chosen.map((entry) => syncOne(book, entry, options, tell, stopping.signal)));
      },
    );
    const results = outcomes.map(({ result }) => result);
    if (options.json === true) printJson(results);
    else for (const result of results) printLine(resultSentence(result));
    if (results.every(({ ok }) => ok)) return 0;
    return outcomes.some(({ login }) => login) ? 4 : 1;
  } finally {
    stopping.end();
  }
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
  { account, broker }: AgentAccount,
  options: SyncOptions,
  tell: (line: string) => void,
  signal: AbortSignal,
): Promise<Outcome> {
  const holder = book.holder('command');
  const actor = `command:${holder.processId}@${holder.host}`;
  try {
    const { run, by } = await requestSync(
      book.dependencies({ account, broker }, actor, {
        onProgress: (sentence) => tell(`${account.name}: ${sentence}`),
        onWarning: (sentence) => printProblem(`warning: ${sentence}`),
      }),
      account,
      {
        holder,
        isGone: book.isGone,
        trigger: options.afterTrade === true ? 'trade' : 'command',
        type: 'all',
        requestedBy: actor,
        signal,
      },
    );
    tell(`${account.name}: run ${run.id} by ${by === 'agent' ? 'the agent' : 'this command'}`);
    if (run.outcome !== 'complete') {
      printProblem(`${account.name}: ${run.errorCode ?? run.outcome}: ${run.errorMessage ?? 'not complete'}`);
    }
    return { result: syncResult(account.name, run), login: needsLogin({ run, error: null }) };
  } catch (error) {
    if (!isTruebookError(error) || error.code === 'stopped') throw error;
    printProblem(
      `${account.name}: ${error.code}: ${error.message}${error.hint === null ? '' : ` ${error.hint}`}`,
    );
    return { result: syncResult(account.name, null), login: needsLogin({ run: null, error }) };
  }
}
