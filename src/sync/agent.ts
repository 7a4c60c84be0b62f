/**
 * The agent: keeps accounts up to date until it is stopped. It decides only *when*; what a run does is `syncAccount`.
 */
import { type Broker, type Hint, type Watch } from '../brokers/broker.ts';
import { type Account } from '../domain/account.ts';
import { type InstrumentKind } from '../domain/instrument.ts';
import { errorText, isTruebookError, TruebookError } from '../domain/errors.ts';
import { instantFromMs, now as instantNow, type Clock, type Instant } from '../domain/time.ts';
import {
  type Lease,
  type LeaseHolder,
  type RunRecord,
  type Store,
  type SyncRequest,
  type SyncTrigger,
  type SyncType,
} from '../store/store.ts';
import {
  holderName,
  isSyncType,
  keepLease,
  LEASE_HEARTBEAT_MS,
  LEASE_TTL_MS,
  REFUSED,
} from './requestSync.ts';
import { type StepContext, type StepHooks } from './steps.ts';
import { type SyncDifference } from './difference.ts';
import { alpacaSyncLines, inMoney } from './syncLines.ts';
import { syncAccount, type SyncDependencies } from './syncAccount.ts';

/** Where the agent's lines go; the format is the logger's business. */
export interface AgentLog {
  debug(message: string): void;
  info(message: string): void;
  warning(message: string): void;
  error(message: string): void;
}

export interface AgentAccount {
  readonly account: Account;
  readonly broker: Broker;
  readonly intervalSeconds: number;
  /** False: no scheduled runs and none for hints; requests are still answered. */
  readonly enabled: boolean;
  /** Whether to follow the broker's stream. */
  readonly watch: boolean;
  /** Kinds of instruments that lines and files for old bots tell of; null = all. */
  readonly toldKinds: readonly InstrumentKind[] | null;
}

export interface AgentOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: AgentLog;
  readonly accounts: readonly AgentAccount[];
  readonly holder: LeaseHolder;
  readonly isGone: (holder: LeaseHolder) => boolean;
  /** One cycle over all enabled accounts, then end. */
  readonly once: boolean;
  /** What a run of one account needs: made by `compose.ts`. */
  readonly dependencies: (
    entry: Pick<AgentAccount, 'account' | 'broker'>,
    actor: string,
    tell: Pick<SyncDependencies, 'onProgress' | 'onWarning'>,
  ) => SyncDependencies;
  /** The user's own code around each cycle. */
  readonly hooks?: StepHooks;
  /** Ends the agent when it aborts: the running cycle is finished, for at most `STOP_GRACE_MS`. */
  readonly stop: AbortSignal;
  /** Told which accounts the agent keeps: before its first cycle, and again when it took one over from another agent. */
  readonly onStarted?: (accounts: readonly Account[]) => void;
  /** Told after every cycle, for a live view. */
  readonly onCycle?: (cycle: CycleReport) => void;
}

export interface CycleReport {
  readonly number: number;
  readonly runs: readonly AccountRun[];
  readonly durationMs: number;
  readonly nextInSeconds: number | null;
}

export interface AccountRun {
  readonly account: Account;
  /** Null when nothing could be committed. */
  readonly run: RunRecord | null;
  /** What the run made different; null when it believed nothing. */
  readonly difference: SyncDifference | null;
  readonly error: TruebookError | null;
}

export interface AgentSummary {
  readonly cycles: number;
  readonly errors: number;
  readonly lastSuccess: Instant | null;
  /** Newest run of every account. */
  readonly runs: readonly AccountRun[];
}

/** Below this an interval earns a warning (seeds/000: rate limits). */
const INTERVAL_WARNING_SECONDS = 120;
const TICK_MS = 1000;
/** A running cycle may go on this long after a stop before its reads are broken off; all ends within 10 s. */
const STOP_GRACE_MS = 7000;
const MAINTENANCE_EVERY_MS = 60_000;

/** After a run that threw, the account waits 1, 2, 4 ... ticks, at most this many, before anything starts a run again. */
const HELD_TICKS_MAX = 60;

interface Seat extends AgentAccount {
  lease: Lease;
  keeper: ReturnType<typeof keepLease>;
  streamWatch: Watch | null;
  dueMonoMs: number;
  /** Hints of one tick become one run. */
  isHinted: boolean;
  /** A run is under way; nothing else may start for this account. */
  isBusy: boolean;
  /** Whether the last run was of everything, and not of one part or dry. */
  wasWhole: boolean;
  /** Runs in a row that threw: these answer no request, so without a pause the same request would start them forever. */
  throwsInARow: number;
  /** Ticks still to wait. Ticks and not instants, because a simulated clock may stand still. */
  heldTicks: number;
  lastRun: AccountRun | null;
}

/**
 * Runs until stopped (or once) and answers what happened. Throws `lease_held` when every account is held by somebody
 * else, `usage` when there is no account to look after.
 */
export async function runAgent(options: AgentOptions): Promise<AgentSummary> {
  const agent = new Agent(options);
  return agent.run();
}

class Agent {
  readonly #options: AgentOptions;
  readonly #actor: string;
  #cycles = 0;
  #errors = 0;
  #lastSuccess: Instant | null = null;
  /** Cycles under way. A slow account has its cycle to itself: the others go on in later ones. */
  readonly #running = new Set<Promise<void>>();
  #requestsReadable = true;
  /** Accounts that another agent keeps: asked for again until they are free. */
  readonly #held: AgentAccount[] = [];
  /** Requests of unknown types: each is told of once, also where answering it has to be tried again. */
  readonly #refused = new Set<number>();

  constructor(options: AgentOptions) {
    this.#options = options;
    this.#actor = `agent:${options.holder.processId}@${options.holder.host}`;
  }

  async run(): Promise<AgentSummary> {
    const { log, once, stop, clock } = this.#options;
    const seats = await this.#takeSeats();
    const reading = new AbortController();
    const ended = new AbortController();
    const breakOff = async (): Promise<void> => {
      log.info('Stopping: finishing the running cycle...');
      await clock.sleep(STOP_GRACE_MS, ended.signal);
      reading.abort();
    };
    const onStop = (): void => void breakOff();
    stop.addEventListener('abort', onStop, { once: true });
    this.#options.onStarted?.(seats.map((seat) => seat.account));
    try {
      if (!once) for (const seat of seats) this.#startWatching(seat);
      await this.#loop(seats, reading.signal);
    } finally {
      stop.removeEventListener('abort', onStop);
      ended.abort();
      await this.#leave(seats);
    }
    this.#logStatistics();
    return {
      cycles: this.#cycles,
      errors: this.#errors,
      lastSuccess: this.#lastSuccess,
      runs: seats.flatMap((seat) => (seat.lastRun === null ? [] : [seat.lastRun])),
    };
  }

  async #takeSeats(): Promise<Seat[]> {
    const { accounts, log, once } = this.#options;
    if (accounts.length === 0) {
      throw new TruebookError('usage', 'There is no account to keep up to date.', {
        hint: 'Set ALPACA_API_KEY and ALPACA_SECRET_KEY, or add a connection to truebook.yaml; `truebook doctor` checks it.',
      });
    }
    const seats: Seat[] = [];
    let refusal: TruebookError | null = null;
    for (const entry of accounts) {
      const seat = await this.#takeSeat(entry);
      if ('lease' in seat) {
        seats.push(seat);
        continue;
      }
      refusal = new TruebookError(
        'lease_held',
        `${entry.account.name} is already looked after by ${holderName(seat.heldBy)}.`,
        {
          hint: 'One agent per account: stop that one first, or leave it running and use `truebook status`.',
        },
      );
      log.error(`${refusal.message} ${refusal.hint}`);
      this.#held.push(entry);
    }
    if (seats.length === 0 && refusal !== null) throw refusal;
    for (const { account } of once ? [] : this.#held)
      log.info(`${account.name} is taken over as soon as it is free.`);
    return seats;
  }

  async #takeSeat(entry: AgentAccount): Promise<Seat | { readonly heldBy: LeaseHolder }> {
    const { store, clock, holder, isGone, log } = this.#options;
    const grant = await store.acquireLease(entry.account.id, holder, LEASE_TTL_MS, isGone);
    if ('heldBy' in grant) return grant;
    await store.endVerification(grant.lease);
    if (entry.intervalSeconds < INTERVAL_WARNING_SECONDS) {
      log.warning(`Interval of ${entry.intervalSeconds}s: intervals < 2 minutes may trigger rate limits`);
    }
    return {
      ...entry,
      lease: grant.lease,
      keeper: keepLease({ store, clock }, grant.lease),
      streamWatch: null,
      dueMonoMs: clock.monoMs(),
      isHinted: false,
      isBusy: false,
      wasWhole: false,
      throwsInARow: 0,
      heldTicks: 0,
      lastRun: null,
    };
  }

  /** Accounts that another agent kept at the start: once it is gone, nobody else would look after them. */
  async #takeOver(seats: Seat[]): Promise<void> {
    const { log, onStarted } = this.#options;
    for (const entry of [...this.#held]) {
      try {
        const seat = await this.#takeSeat(entry);
        if (!('lease' in seat)) continue;
        this.#held.splice(this.#held.indexOf(entry), 1);
        seats.push(seat);
        log.info(`${entry.account.name} was free and is looked after from now on.`);
        this.#startWatching(seat);
        onStarted?.(seats.map(({ account }) => account));
      } catch (error) {
        log.debug(`${entry.account.name} could not be taken over: ${errorText(error)}`);
      }
    }
  }

  #startWatching(seat: Seat): void {
    if (!seat.watch || !seat.enabled || seat.broker.watch === undefined) return;
    const { log } = this.#options;
    seat.streamWatch = seat.broker.watch((hint: Hint) => {
      log.debug(`${seat.account.name}: hint ${hint.reason}`);
      seat.isHinted = true;
    });
  }

  async #loop(seats: Seat[], reading: AbortSignal): Promise<void> {
    const { clock, once, stop } = this.#options;
    let maintainedMonoMs = clock.monoMs();
    let askedMonoMs = clock.monoMs();
    try {
      while (!stop.aborted) {
        if (!once && this.#held.length > 0 && clock.monoMs() - askedMonoMs >= LEASE_HEARTBEAT_MS) {
          askedMonoMs = clock.monoMs();
          await this.#takeOver(seats);
        }
        const work = await this.#dueWork(seats);
        if (work.length > 0) this.#startCycle(work, seats.length > 1, reading);
        if (once) return;
        if (clock.monoMs() - maintainedMonoMs >= MAINTENANCE_EVERY_MS) {
          maintainedMonoMs = clock.monoMs();
          await this.#maintain();
        }
        await clock.sleep(TICK_MS, stop);
      }
    } finally {
      await Promise.all(this.#running);
    }
  }

  async #maintain(): Promise<void> {
    const { store, log } = this.#options;
    await store
      .maintain()
      .catch((error: unknown) => log.error(`Upkeep of the database failed: ${errorText(error)}`));
  }

  /** What is due now for accounts that are idle: schedule, hints and requests, one entry per account. */
  async #dueWork(seats: readonly Seat[]): Promise<readonly Work[]> {
    const { clock, once } = this.#options;
    const idle = seats.filter((seat) => !seat.isBusy && !isHeld(seat));
    if (idle.length === 0) return [];
    const requests = await this.#pendingRequests(idle);
    const monoMs = clock.monoMs();
    const work: Work[] = [];
    for (const seat of idle) {
      const waiting = requests.filter((request) => request.accountId === seat.account.id);
      const whole = waiting.filter((request) => request.type === 'all' && !request.dryRun);
      const other = waiting.filter((request) => !whole.includes(request));
      const due = seat.enabled && monoMs >= seat.dueMonoMs;
      const wantsWhole = due || (seat.enabled && (seat.isHinted || once)) || whole.length > 0;
      // Runs of one part and dry ones take turns with what was due: neither keeps the other waiting for ever.
      if (wantsWhole && (once || other.length === 0 || !seat.wasWhole)) {
        const trigger: SyncTrigger =
          whole[0]?.trigger ?? (due || once ? (seat.lastRun === null ? 'start' : 'schedule') : 'hint');
        work.push({ seat, trigger, type: 'all', dryRun: false, isWhole: true, requestIds: idsOf(whole) });
      } else if (other.length > 0 && !once) {
        const asked = answerableTogether(other);
        const { trigger, type, dryRun } = asked[0]!;
        work.push({ seat, trigger, type, dryRun, isWhole: false, requestIds: idsOf(asked) });
      }
    }
    return work;
  }

  /** Requests nobody answered yet. Where they cannot be read this is said once, not each second. */
  async #pendingRequests(seats: readonly Seat[]): Promise<readonly SyncRequest[]> {
    const { store, log } = this.#options;
    try {
      const requests = await store.pendingRequests(seats.map((seat) => seat.account.id));
      this.#requestsReadable = true;
      const known = requests.filter(({ type }) => isSyncType(type));
      if (known.length < requests.length)
        await this.#refuse(
          seats,
          requests.filter((request) => !known.includes(request)),
        );
      return known;
    } catch (error) {
      if (this.#requestsReadable) log.error(`Requests could not be read: ${errorText(error)}`);
      this.#requestsReadable = false;
      return [];
    }
  }

  /** Answers requests of types that do not exist: whoever wrote them is told, and no run is made of them. */
  async #refuse(seats: readonly Seat[], requests: readonly SyncRequest[]): Promise<void> {
    const { store, log } = this.#options;
    for (const { id, accountId, type, requestedBy } of requests) {
      const seat = seats.find(({ account }) => account.id === accountId);
      if (seat === undefined) continue;
      const isNew = !this.#refused.has(id);
      this.#refused.add(id);
      try {
        await store.answerRequests(seat.lease, [id], REFUSED);
        if (isNew)
          log.warning(
            `${seat.account.name}: ${requestedBy} asked for an unknown type: ${String(type).slice(0, 60)}`,
          );
      } catch (error) {
        if (isNew) log.error(`A request of an unknown type could not be answered: ${errorText(error)}`);
      }
    }
  }

  /** Runs a cycle beside the loop, which goes on ticking for the accounts that are not part of it. */
  #startCycle(work: readonly Work[], several: boolean, reading: AbortSignal): void {
    const { clock, log } = this.#options;
    const startedMonoMs = clock.monoMs();
    for (const { seat, isWhole } of work) {
      seat.isBusy = true;
      seat.wasWhole = isWhole;
      // A run of one part, or a dry one, stands for nothing but itself: what was due stays due.
      if (!isWhole) continue;
      seat.isHinted = false;
      seat.dueMonoMs = startedMonoMs + seat.intervalSeconds * 1000;
    }
    const cycle = this.#cycle(work, several, reading)
      .catch((error: unknown) => {
        this.#errors += 1;
        log.error(`✗ A sync cycle broke off: ${errorText(error)}`);
      })
      .finally(() => this.#running.delete(cycle));
    this.#running.add(cycle);
  }

  async #cycle(work: readonly Work[], several: boolean, reading: AbortSignal): Promise<void> {
    const { clock, log, once, onCycle } = this.#options;
    const startedMonoMs = clock.monoMs();
    this.#cycles += 1;
    const number = this.#cycles;
    log.info(`Starting sync cycle #${number}`);
    const { hooks } = this.#options;
    const context: StepContext = { account: null, type: 'all', trigger: null, dryRun: false, cycle: number };
    await hooks?.before('cycle', context);
    const told = await Promise.all(
      work.map(async (entry) => {
        const run = await this.#syncSeat(entry, number, reading);
        return { run, lines: await this.#linesOf(run, entry, several) };
      }),
    );
    // All lines of a cycle at once: cycles overlap, their lines must not.
    const runs = told.map(({ run }) => run);
    for (const [level, line] of told.flatMap(({ lines }) => lines)) log[level](line);
    const failed = runs.filter((run) => run.run?.outcome !== 'complete');
    this.#errors += failed.length;
    const succeeded = work.some(
      ({ isWhole, seat }) =>
        isWhole && runs.some(({ account, run }) => account === seat.account && run?.outcome === 'complete'),
    );
    if (succeeded) this.#lastSuccess = instantNow(clock);
    if (failed.length === 0) log.info(`✓ Sync cycle #${number} completed successfully`);
    else log.error(`✗ Sync cycle #${number} failed for ${failed.map((run) => run.account.name).join(', ')}`);
    const durationMs = Math.max(0, clock.monoMs() - startedMonoMs);
    log.info(`Cycle duration: ${(durationMs / 1000).toFixed(2)}s`);
    const nextInSeconds = once ? null : Math.min(...work.map(({ seat }) => seat.intervalSeconds));
    if (nextInSeconds !== null) log.info(`Next sync in ${nextInSeconds}s`);
    log.info(`last_sync_time=${this.#lastSuccess ?? 'never'}`);
    const report: CycleReport = { number, runs, durationMs, nextInSeconds };
    onCycle?.(report);
    await hooks?.after('cycle', context, cycleResult(report, this.#lastSuccess));
  }

  async #syncSeat(
    { seat, trigger, type, dryRun, isWhole, requestIds }: Work,
    cycle: number,
    reading: AbortSignal,
  ): Promise<AccountRun> {
    const { log, dependencies } = this.#options;
    const { account } = seat;
    try {
      if (seat.keeper.lost()) await this.#retakeLease(seat);
      const outcome = await syncAccount(
        dependencies(seat, this.#actor, {
          onProgress: (sentence) => log.info(`${account.name}: ${sentence}`),
          onWarning: (sentence) => log.warning(sentence),
        }),
        account,
        { lease: seat.lease, trigger, type, dryRun, requestIds, signal: reading, cycle },
      );
      seat.throwsInARow = 0;
      const done: AccountRun = { account, ...outcome, error: null };
      if (isWhole) seat.lastRun = done;
      return done;
    } catch (error) {
      seat.heldTicks = Math.min(HELD_TICKS_MAX, 2 ** Math.min(seat.throwsInARow, 10));
      seat.throwsInARow += 1;
      const failed: AccountRun = { account, run: null, difference: null, error: asTruebookError(error) };
      if (isWhole) seat.lastRun = failed;
      return failed;
    } finally {
      seat.isBusy = false;
    }
  }

  async #retakeLease(seat: Seat): Promise<void> {
    const { store, clock, holder, isGone } = this.#options;
    const grant = await store.acquireLease(seat.account.id, holder, LEASE_TTL_MS, isGone);
    if ('heldBy' in grant) {
      throw new TruebookError(
        'lease_lost',
        `${seat.account.name} was taken over by ${holderName(grant.heldBy)}.`,
        {
          hint: 'This agent was paused or cut off too long. It tries again at the next cycle.',
          retry: 'later',
        },
      );
    }
    await seat.keeper.stop();
    seat.lease = grant.lease;
    seat.keeper = keepLease({ store, clock }, grant.lease);
  }

  /** What the log says of one account's run. */
  async #linesOf(
    { account, run, difference, error }: AccountRun,
    { seat, dryRun, isWhole, type }: Work,
    several: boolean,
  ): Promise<readonly Line[]> {
    const { store } = this.#options;
    const lines: Line[] = [];
    const info = (text: string): void => void lines.push(['info', text]);
    if (several) info(`Account ${account.name}`);
    info(isWhole ? 'Syncing positions...' : `Asked for: ${dryRun ? 'a dry run of ' : ''}${type}`);
    if (difference !== null && account.broker === 'alpaca') {
      for (const line of alpacaSyncLines(difference, { kinds: seat.toldKinds, dryRun })) info(line);
    }
    if (run?.outcome !== 'complete') {
      const code = run?.errorCode ?? error?.code ?? 'internal';
      const message = run?.errorMessage ?? error?.message ?? 'unknown failure';
      lines.push([
        'error',
        `✗ ${account.name}: ${code}: ${message}${error?.hint == null ? '' : ` ${error.hint}`}`,
      ]);
      return lines;
    }
    if (!isWhole) {
      info(dryRun ? '✓ Worked out, nothing was written' : `✓ Synced ${type}`);
      return lines;
    }
    const rows = await store.positions({ accountId: account.id, states: ['open', 'missing'] });
    const kinds = await store.instruments(rows.map((row) => row.instrument));
    const count = (kind: string): number =>
      rows.filter((row) => kinds.get(row.instrument)?.kind === kind).length;
    info(`✓ Synced ${count('equity')} stock positions`);
    info(`✓ Synced ${count('option')} option positions`);
    if (count('crypto') > 0) info(`✓ Synced ${count('crypto')} crypto positions`);
    if (run.counts.newActivities > 0) info(`✓ Synced ${run.counts.newActivities} new activities`);
    for (const row of rows) {
      const symbol = kinds.get(row.instrument)?.symbol ?? row.instrument;
      if (row.state === 'missing') {
        lines.push([
          'warning',
          `Position missing at the broker, kept: ${symbol} (quantity ${row.quantity.toString()})`,
        ]);
      } else if (!row.explained) {
        lines.push([
          'warning',
          `Position not explained by activities: ${symbol} (broker ${row.quantity.toString()}, book ${row.bookQuantity.toString()})`,
        ]);
      }
    }
    for (const balance of await store.balances({ accountId: account.id })) {
      if (balance.buyingPower !== null)
        info(`✓ Buying Power: ${inMoney(balance.buyingPower, balance.currency)}`);
      if (balance.equity !== null) info(`✓ Portfolio Value: ${inMoney(balance.equity, balance.currency)}`);
    }
    info('✓ Portfolio balance recorded');
    return lines;
  }

  #logStatistics(): void {
    const { log } = this.#options;
    const line = '='.repeat(60);
    log.info(line);
    log.info('Agent Statistics:');
    log.info(`  Total sync cycles: ${this.#cycles}`);
    log.info(`  Total errors: ${this.#errors}`);
    log.info(
      `  Last successful sync: ${this.#lastSuccess === null ? 'Never' : localText(this.#lastSuccess)}`,
    );
    log.info(line);
  }

  async #leave(seats: readonly Seat[]): Promise<void> {
    for (const seat of seats) {
      await seat.streamWatch?.close();
      await seat.keeper.stop();
      try {
        await this.#options.store.releaseLease(seat.lease);
      } catch (error) {
        this.#options.log.warning(
          `The lease of ${seat.account.name} runs out by itself: ${errorText(error)}`,
        );
      }
    }
  }
}

interface Work {
  readonly seat: Seat;
  readonly trigger: SyncTrigger;
  readonly type: SyncType;
  readonly dryRun: boolean;
  /** Everything, and committed: what an ordinary run is. */
  readonly isWhole: boolean;
  readonly requestIds: readonly number[];
}

type Line = readonly [level: 'info' | 'warning' | 'error', text: string];

function idsOf(requests: readonly SyncRequest[]): readonly number[] {
  return requests.map((request) => request.id);
}

/** The oldest request and those that want the same: the others get runs of their own. */
function answerableTogether(requests: readonly SyncRequest[]): readonly SyncRequest[] {
  const [first] = requests;
  if (first === undefined) return [];
  return requests.filter((request) => request.type === first.type && request.dryRun === first.dryRun);
}

/** What hooks are told of a cycle: plain data, with the names of seeds/000. */
function cycleResult({ number, runs, durationMs, nextInSeconds }: CycleReport, lastSuccess: Instant | null) {
  return {
    syncCount: number,
    lastSuccess,
    durationMs,
    nextInSeconds,
    accounts: runs.map(({ account, run }) => ({
      account: account.name,
      ok: run?.outcome === 'complete',
      ...run?.counts,
    })),
  };
}

/** Counts one tick of the pause after a run that threw. */
function isHeld(seat: Seat): boolean {
  if (seat.heldTicks === 0) return false;
  seat.heldTicks -= 1;
  return true;
}

function asTruebookError(error: unknown): TruebookError {
  if (isTruebookError(error)) return error;
  return new TruebookError('internal', errorText(error), {
    cause: error,
    hint: 'This is a fault of Truebook: report it with the log.',
  });
}

/** Local time to the second, as the log has it. */
function localText(instant: Instant): string {
  const local = new Date(instantFromMs(Date.parse(instant)));
  const two = (value: number): string => String(value).padStart(2, '0');
  return (
    `${local.getFullYear()}-${two(local.getMonth() + 1)}-${two(local.getDate())} ` +
    `${two(local.getHours())}:${two(local.getMinutes())}:${two(local.getSeconds())}`
  );
}
