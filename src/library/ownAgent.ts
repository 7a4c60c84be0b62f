/** The agent inside the user's process: the same loop as `truebook agent`, with a composition of its own. */
import { compose, type ComposeOptions } from '../compose.ts';
import { errorText, TruebookError } from '../domain/errors.ts';
import { runAgent, type AgentLog, type AgentSummary } from '../sync/agent.ts';

/** What the agent did from start to stop. */
export interface AgentReport {
  readonly cycles: number;
  readonly errors: number;
  /** Instant of the last cycle in which an account succeeded. */
  readonly lastSuccess: string | null;
}

export class OwnAgent {
  readonly #options: ComposeOptions;
  readonly #log: AgentLog;
  #running: { readonly stop: AbortController; readonly ended: Promise<AgentReport | null> } | null = null;
  #kept: ReadonlySet<string> = new Set();

  constructor(options: ComposeOptions, log: AgentLog) {
    this.#options = options;
    this.#log = log;
  }

  /** Whether it runs and this account is one of its own. */
  keeps(account: string): boolean {
    return this.#running !== null && this.#kept.has(account);
  }

  /**
   * Resolves with the names of the accounts it keeps, as soon as it has them. Throws `lease_held`, naming the holder,
   * when another agent has them all, and what else keeps an agent from starting.
   */
  async start(): Promise<readonly string[]> {
    if (this.#running !== null) {
      throw new TruebookError('usage', 'The agent of this process is already running.', {
        hint: 'Call stop() first.',
      });
    }
    const stop = new AbortController();
    const started = Promise.withResolvers<readonly string[]>();
    let hasStarted = false;
    const onStarted = (accounts: readonly string[]): void => {
      hasStarted = true;
      this.#kept = new Set(accounts);
      started.resolve(accounts);
    };
    const ended = this.#run(stop.signal, onStarted).then(
      ({ cycles, errors, lastSuccess }) => ({ cycles, errors, lastSuccess }),
      (error: unknown) => {
        // Before it has started the caller is told; later only the log can be.
        if (hasStarted) this.#log.error(`✗ The agent ended: ${errorText(error)}`);
        started.reject(error);
        return null;
      },
    );
    const running = { stop, ended };
    this.#running = running;
    // One that ends by itself may be started again.
    void ended.then(() => {
      if (this.#running === running) this.#running = null;
    });
    return await started.promise;
  }

  /** Waits for the running cycle (at most some seconds) and answers what the agent did; null where none ran. */
  async stop(): Promise<AgentReport | null> {
    const running = this.#running;
    if (running === null) return null;
    running.stop.abort();
    const report = await running.ended;
    if (this.#running === running) this.#running = null;
    return report;
  }

  async #run(stop: AbortSignal, started: (accounts: readonly string[]) => void): Promise<AgentSummary> {
    const book = await compose(this.#options);
    try {
      return await runAgent({
        store: book.store,
        clock: book.clock,
        log: this.#log,
        accounts: await book.agentAccounts('agent'),
        holder: book.holder('agent'),
        isGone: (holder) => book.isGone(holder),
        dependencies: book.dependencies,
        ...(book.hooks === null ? {} : { hooks: book.hooks }),
        once: false,
        stop,
        onStarted: (accounts) => started(accounts.map((account) => account.name)),
      });
    } finally {
      await book.close();
    }
  }
}
