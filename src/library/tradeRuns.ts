/** Runs after announced trades: however many are announced at once, one run of the account follows. */

/** A bot that fills several orders announces them within this time; one run reads them all. */
const GATHERING_MS = 250;

export interface TradeRuns {
  /** Answers at once; a run that starts later than this call follows. */
  ask(account: string): void;
  /** Waits for all runs that were asked for; those still gathering begin at once. */
  settle(): Promise<void>;
}

/** `run` must not reject. */
export function tradeRuns(
  run: (account: string) => Promise<void>,
  sleep: (ms: number, signal: AbortSignal) => Promise<void>,
): TradeRuns {
  const hurry = new AbortController();
  const gathering = new Set<string>();
  const last = new Map<string, Promise<void>>();

  async function follow(account: string, before: Promise<void> | undefined): Promise<void> {
    await sleep(GATHERING_MS, hurry.signal);
    await before;
    gathering.delete(account);
    await run(account);
  }

  return {
    ask: (account) => {
      // The run that gathers has not begun, so it reads this trade too.
      if (gathering.has(account)) return;
      gathering.add(account);
      last.set(account, follow(account, last.get(account)));
    },
    settle: async () => {
      hurry.abort();
      await Promise.all(last.values());
    },
  };
}
