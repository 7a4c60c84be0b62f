/** One account, the real adapter, a real database, and what one run of it costs. */
import { brokers } from '../../src/brokers/registry.ts';
import { Decimal } from '../../src/domain/decimal.ts';
import { instantToMs, now as instantNow, type Clock } from '../../src/domain/time.ts';
import { createEgress } from '../../src/egress/egress.ts';
import { pacingClock, processId, realSleep } from '../../src/platform.ts';
import { openStore } from '../../src/store/open.ts';
import { type Store } from '../../src/store/store.ts';
import { syncAccount } from '../../src/sync/syncAccount.ts';
import { type Brokerage } from './brokerage.ts';

/** What one run cost, without waiting for the broker. */
export interface Cost {
  /** CPU of this process (all threads) outside the commit, plus the commit from its call to its answer. */
  readonly ownMs: number;
  readonly cpuMs: number;
  readonly commitMs: number;
  readonly wallMs: number;
  /** Statements of the whole run, BEGIN and COMMIT included. */
  readonly statements: number;
  readonly rowsWritten: number;
  readonly requests: number;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** As the run counted them: for the check that the measured thing really happened. */
  readonly updated: number;
  readonly newActivities: number;
}

export interface Meter extends AsyncDisposable {
  /** One run at the brokerage's time. Throws when it is not complete and reconciled. */
  run(): Promise<Cost>;
}

/** Asking for the processor time costs some itself: so many questions lie within what a run is charged. */
export const QUESTIONS = 3;

/** Nobody limits a measurement. */
const NO_BUDGET = { burst: 1_000_000, perMinute: 60_000_000 };

export async function openMeter(brokerage: Brokerage, databaseUrl: string): Promise<Meter> {
  let wallMs = instantToMs(await brokerage.now());
  const clock: Clock = { wallMs: () => wallMs, monoMs: () => wallMs, epoch: 'bench', sleep: realSleep };
  let statements = 0;
  let rowsWritten = 0;
  const store = await openStore({
    url: databaseUrl,
    clock,
    onStatement: (statement) => {
      statements += 1;
      rowsWritten += statement.rowsWritten;
    },
  });
  const { paper } = brokerage.ready.alpaca;
  const egress = createEgress({
    clock,
    pacing: pacingClock(clock),
    random: () => 0.5,
    allowLoopback: [paper.tradingUrl, paper.dataUrl],
    budget: NO_BUDGET,
  });
  const broker = brokers.alpaca.open({
    env: 'paper',
    credentials: { kind: 'key', keyId: paper.keyId, secretKey: { reveal: () => paper.secretKey } },
    tradingUrl: paper.tradingUrl,
    dataUrl: paper.dataUrl,
    egress,
    clock,
  });
  const account = await store.ensureAccount({
    name: 'alpaca-paper',
    broker: 'alpaca',
    env: 'paper',
    connection: 'paper',
    baseCurrency: 'USD',
    at: instantNow(clock),
  });
  const holder = {
    incarnation: 'bench',
    kind: 'agent',
    processId: processId(),
    host: 'bench',
    startedAt: instantNow(clock),
  } as const;
  const grant = await store.acquireLease(account.id, holder, 3_600_000);
  if ('heldBy' in grant) throw new Error('The account of the measurement is held by somebody else.');

  const questionsMs = QUESTIONS * questionMs();
  let commitMs = 0;
  let commitCpuMs = 0;
  const timed: Store = {
    ...store,
    commitRun: async (commit) => {
      const [cpu, wall] = [process.cpuUsage(), process.hrtime.bigint()];
      const run = await store.commitRun(commit);
      commitMs += msSince(wall);
      commitCpuMs += cpuSince(cpu);
      return run;
    },
  };
  const rules = {
    missing: { markAsClosed: false, confirmations: 3 },
    tolerancePct: Decimal.one,
    automationOrderIds: ['auto-*'],
  };
  return {
    run: async () => {
      wallMs = instantToMs(await brokerage.now());
      [statements, rowsWritten, commitMs, commitCpuMs] = [0, 0, 0, 0];
      const before = egress.traffic('alpaca');
      const [cpu, wall] = [process.cpuUsage(), process.hrtime.bigint()];
      const { run } = await syncAccount({ store: timed, broker, clock, actor: 'bench', rules }, account, {
        lease: grant.lease,
        trigger: 'schedule',
        type: 'all',
        requestIds: [],
      });
      const [wholeMs, cpuMs] = [msSince(wall), Math.max(0, cpuSince(cpu) - questionsMs)];
      if (run.outcome !== 'complete' || !run.reconciled)
        throw new Error(`A measured run was ${run.outcome}: ${run.errorMessage ?? 'not reconciled'}`);
      const after = egress.traffic('alpaca');
      return {
        ownMs: cpuMs - commitCpuMs + commitMs,
        cpuMs,
        commitMs,
        wallMs: wholeMs,
        statements,
        rowsWritten,
        requests: after.requests - before.requests,
        bytesSent: after.bytesSent - before.bytesSent,
        bytesReceived: after.bytesReceived - before.bytesReceived,
        updated: run.counts.updated,
        newActivities: run.counts.newActivities,
      };
    },
    [Symbol.asyncDispose]: async () => {
      await broker.close();
      await store.close();
    },
  };
}

/** What one question for the processor time costs on this machine: its mean over a thousand. */
export function questionMs(): number {
  const start = process.cpuUsage();
  for (let count = 1; count < 1_000; count += 1) process.cpuUsage();
  return cpuSince(start) / 1_000;
}

/** Milliseconds on the clock since `process.hrtime.bigint()` answered `start`. */
export function msSince(start: bigint): number {
  return Number((process.hrtime.bigint() - start) / 1_000n) / 1_000;
}

/** Milliseconds of processor time, of all threads, since `process.cpuUsage()` answered `start`. */
export function cpuSince(start: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1_000;
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const ordered = values.toSorted((left, right) => left - right);
  return ordered[Math.floor(ordered.length / 2)] ?? Number.NaN;
}
