/** `truebook agent`: the long-running service in this process. */
import { type Truebook } from '../compose.ts';
import { type Config, type Flags } from '../config/load.ts';
import { ERROR_EXIT_CODES, errorText, isTruebookError, type ErrorCode } from '../domain/errors.ts';
import { type Clock } from '../domain/time.ts';
import { createLogger, type Logger, type LogLevel } from '../log.ts';
import { releaseMemorySoon, systemClock } from '../platform.ts';
import { syncResult } from '../sync/syncResult.ts';
import { runAgent, type AccountRun, type AgentAccount, type AgentSummary } from '../sync/agent.ts';
import { openHooks, type CommandHooks } from './hooks.ts';
import { printJson } from './print.ts';
import { loadSettings, requireConnections, withBook, type CommonOptions } from './session.ts';
import { listenForStop } from './stopping.ts';

export interface AgentCommandOptions extends CommonOptions {
  readonly interval?: string;
  readonly once?: boolean;
}

/** Runs until a signal (exit code 0) or once (see `onceExitCode`). Throws what kept it from starting. */
export async function agent(options: AgentCommandOptions): Promise<number> {
  const flags: Flags = options.interval === undefined ? {} : { interval: options.interval };
  const config = loadSettings(options, { flags });
  const stopping = listenForStop();
  const time = { clock: systemClock() };
  const log = openLog(config, time, options.json === true ? 'stderr' : 'stdout');
  let hooks: CommandHooks | null = null;
  try {
    for (const warning of config.warnings) log.warning(warning);
    requireConnections(config);
    hooks = await openHooks(config, log, time);
    const onWarning = (sentence: string): void => log.warning(sentence);
    return await withBook({ config, onWarning, ...hooks.composed }, async (book) => {
      time.clock = book.clock;
      const accounts = await book.agentAccounts('agent');
      log.info(startLine(book, accounts));
      const summary = await runAgent({
        store: book.store,
        clock: book.clock,
        log,
        accounts,
        holder: book.holder('agent'),
        isGone: book.isGone,
        dependencies: book.dependencies,
        ...(book.hooks === null ? {} : { hooks: book.hooks }),
        once: options.once === true,
        stop: stopping.signal,
        onCycle: releaseMemorySoon,
      });
      if (options.json === true) printJson(summaryRecord(summary));
      return options.once === true ? onceExitCode(accounts, summary.runs) : 0;
    });
  } catch (error) {
    log.close();
    // The caller tells it on stderr; the file must hold it too.
    const fileOnly = openLog(config, time, false);
    const hint = isTruebookError(error) && error.hint !== null ? ` ${error.hint}` : '';
    fileOnly.error(`✗ The agent ended: ${errorText(error)}${hint}`);
    fileOnly.close();
    throw error;
  } finally {
    hooks?.end();
    log.close();
    stopping.end();
  }
}

/** The agent's log: always in LOG_FILE, and where `console` says. */
export function openLog(
  config: Config,
  time: { readonly clock: Clock },
  console: 'stdout' | 'stderr' | false | ((line: string) => void),
  level: LogLevel = config.settings.LOG_LEVEL,
): Logger {
  return createLogger({
    file: config.settings.LOG_FILE,
    format: config.settings.LOG_FORMAT,
    level,
    console,
    clock: { wallMs: () => time.clock.wallMs() },
  });
}

export function startLine(book: Truebook, accounts: readonly AgentAccount[]): string {
  const intervals = [...new Set(accounts.map((entry) => `${entry.intervalSeconds}s`))];
  const count = accounts.length === 1 ? '1 account' : `${accounts.length} accounts`;
  const interval = intervals.length === 0 ? '' : `, interval ${intervals.join(' and ')}`;
  return `Truebook agent started: ${count}, database ${book.config.database.shown}${interval}`;
}

/** 0 if every enabled account committed a complete run, else 4 if any needs a login, else 1. */
export function onceExitCode(
  accounts: readonly Pick<AgentAccount, 'account' | 'enabled'>[],
  runs: readonly AccountRun[],
): number {
  const wanted = accounts
    .filter((entry) => entry.enabled)
    .map((entry) => runs.find((run) => run.account.id === entry.account.id) ?? null);
  if (wanted.every((run) => run?.run?.outcome === 'complete')) return 0;
  return wanted.some((run) => run !== null && needsLogin(run)) ? 4 : 1;
}

/** Whether only a person with credentials can help. */
export function needsLogin({ run, error }: Pick<AccountRun, 'run' | 'error'>): boolean {
  const code = run?.errorCode ?? error?.code ?? null;
  return code !== null && ERROR_EXIT_CODES[code as ErrorCode] === ERROR_EXIT_CODES.broker_auth;
}

function summaryRecord(summary: AgentSummary): object {
  const { cycles, errors, lastSuccess, runs } = summary;
  return {
    cycles,
    errors,
    lastSuccess,
    accounts: runs.map(({ account, run, difference, error }) =>
      syncResult(account.name, 'all', run === null ? (error === null ? {} : { error }) : { run, difference }),
    ),
  };
}
