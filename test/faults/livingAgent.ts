/** An agent that lives in a trial: its clock is the sandbox's, so five minutes are one call. */
import { runAgent, type AgentOptions } from '../../src/sync/agent.ts';
import { type RunRecord } from '../../src/store/store.ts';
import { realSleep } from '../../src/platform.ts';
import { type Trial } from './trial.ts';
import { PAPER, type Process } from './trialWorld.ts';

export interface LivingAgent {
  /** Its runs so far, in order. */
  readonly reports: readonly RunRecord[];
  /** Has the judge look at every run not judged yet. */
  judged(): Promise<void>;
  /** Lets simulated time pass in small steps, each judged, as a machine lives through it. */
  live(seconds: number, isOver?: () => boolean | Promise<boolean>, stepSeconds?: number): Promise<number>;
  stop(): Promise<void>;
}

type Options = Omit<AgentOptions, 'onCycle'>;

export async function agentOptions(trial: Trial, process: Process, watch: boolean): Promise<Options> {
  const { truebook, clock } = process;
  const say = (message: string): void => void trial.said.push(message);
  return {
    store: truebook.store,
    clock,
    log: { debug: say, info: say, warning: say, error: say },
    accounts: (await truebook.agentAccounts())
      .filter(({ account }) => account.name === PAPER)
      .map((entry) => ({ ...entry, watch })),
    holder: truebook.holder('agent'),
    isGone: (holder) => truebook.isGone(holder),
    dependencies: truebook.dependencies,
    once: false,
    stop: new AbortController().signal,
  };
}

/** The real milliseconds a machine gets to act on each step of simulated time. */
const STEP_REAL_MS = 12;

export async function startAgent(trial: Trial, { watch }: { watch: boolean }): Promise<LivingAgent> {
  const { process, world, judge } = trial;
  const controller = new AbortController();
  const reports: RunRecord[] = [];
  let judgedRuns = 0;
  process.clock.hurries = false;
  judge.agentStarted();
  let begun = 0;
  let over = 0;
  const options = await agentOptions(trial, process, watch);
  const ended = runAgent({
    ...options,
    log: {
      ...options.log,
      info: (message) => {
        if (message.startsWith('Starting sync cycle')) begun += 1;
        options.log.info(message);
      },
    },
    stop: controller.signal,
    onCycle: (cycle) => {
      over += 1;
      reports.push(...cycle.runs.flatMap(({ run }) => run ?? []));
    },
  });
  ended.catch(() => undefined);
  const { id: accountId } = await process.truebook.account(PAPER);
  const newestId = async (): Promise<number> => (await process.truebook.store.lastRun(accountId))?.id ?? 0;
  const judged = async (): Promise<void> => {
    // A run may be committed while its report is on the way, or while the judge looks: then the look is made anew.
    while (judgedRuns < reports.length || (await newestId()) > (reports.at(-1)?.id ?? 0)) {
      const newest = await newestId();
      await trial.until('the agent told its newest run', () => (reports.at(-1)?.id ?? 0) >= newest);
      for (; judgedRuns < reports.length; judgedRuns += 1) {
        const run = reports[judgedRuns]!;
        trial.hear({ run, error: null });
        // Its clock is the broker's: what its record says of its time is so.
        const span = { startedMs: Date.parse(run.startedAt), endedMs: Date.parse(run.finishedAt) };
        judge.believe({ run, error: null }, span);
      }
      await trial.lookUnless(process, async () => (await newestId()) > newest || judgedRuns < reports.length);
    }
  };
  return {
    reports,
    judged,
    live: async (seconds, isOver = () => false, stepSeconds = 1) => {
      for (let passed = 0; passed < seconds; passed += stepSeconds) {
        if (await isOver()) return passed;
        world.advance(`${stepSeconds}s`);
        judge.noteEquity();
        await process.clock.refresh();
        await realSleep(STEP_REAL_MS);
        // Simulated time must not run ahead of a machine that is busy: its delay would count as Truebook's.
        await trial.until('the cycle under way is over', () => begun === over);
        await judged();
      }
      return seconds;
    },
    stop: async () => {
      controller.abort();
      await ended;
      await judged();
      process.clock.hurries = true;
    },
  };
}
