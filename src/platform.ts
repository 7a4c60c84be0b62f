/**
 * Everything that differs from one run to the next: the machine's time, timers, randomness, the environment, child
 * processes, signals. Nothing else under `src/` (but `log.ts` and the sandbox's own platform file) may touch them, so
 * that a day of trading runs in a test in milliseconds (design section 10).
 */
import type { ChildProcess, ForkOptions, SpawnOptions } from 'node:child_process';
import { randomBytes as cryptoRandomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir, hostname } from 'node:os';
import { TruebookError } from './domain/errors.ts';
import { isLoopbackUrl } from './domain/loopback.ts';
import { instantToMs, tryParseInstant } from './domain/time.ts';
import type { Clock } from './domain/time.ts';

/** Node fires timers above 2^31 - 1 ms at once; longer waits are made of pieces. */
const LONGEST_TIMER_MS = 2_000_000_000;

/** How often a remote clock is asked, in real milliseconds (design section 9: the agent asks each second). */
const REMOTE_REFRESH_MS = 1_000;

/** How long one question to a remote clock may take, in real milliseconds. */
const REMOTE_TIMEOUT_MS = 2_000;

// ---- time -----------------------------------------------------------------------------------------------------

/** The machine's own clock. `epoch` is the boot where the system tells it, so readings outlive a restart of ours. */
export function systemClock(): Clock {
  return { wallMs: () => Date.now(), monoMs: realMonoMs, epoch: machineEpoch(), sleep: realSleep };
}

/** A clock that somebody else turns: the sandbox's manual clock. */
export interface RemoteClock extends Clock {
  readonly url: string;
  /** Asks now. Throws `broker_unreachable` when nobody answers in 2 s, `broker_bad_answer` for nonsense. */
  refresh(): Promise<void>;
  /** Ends the asking each second. Waits already begun still end. */
  close(): void;
}

/**
 * Opens the clock at `url` (`GET` answers `{"now":T}`, T an ISO instant or milliseconds), which must be loopback.
 * `wallMs` is the last answer; `monoMs` follows it and never goes back. `sleep(ms)` ends when the remote clock has
 * passed that much or that much real time has gone, whichever is first. Throws as `refresh` if the first question fails.
 */
export async function openRemoteClock(url: string): Promise<RemoteClock> {
  if (!isLoopbackUrl(url)) {
    throw new TruebookError('config', 'TRUEBOOK_CLOCK_URL must be an address on this machine.', {
      hint: 'Remove TRUEBOOK_CLOCK_URL, or use the one `truebook sandbox --clock manual` printed.',
    });
  }
  let wallMs = 0;
  let monoMs = 0;
  let asked = 0;
  let answered = 0;
  const waiters = new Set<() => void>();

  const refresh = async (): Promise<void> => {
    const question = ++asked;
    const answer = await askRemoteClock(url);
    // Answers may overtake each other; an older question must not turn the clock back.
    if (question < answered) return;
    answered = question;
    wallMs = answer;
    monoMs = Math.max(monoMs, answer);
    for (const wake of [...waiters]) wake();
  };
  await refresh();

  const timer = setInterval(() => {
    // A sandbox that is gone leaves the time standing still; the next explicit refresh says so.
    refresh().catch(() => undefined);
  }, REMOTE_REFRESH_MS);
  timer.unref();

  const sleep = async (ms: number, signal?: AbortSignal): Promise<void> => {
    if (ms <= 0 || signal?.aborted === true) return;
    const target = monoMs + ms;
    const passed = new AbortController();
    const wake = (): void => {
      if (monoMs >= target) passed.abort();
    };
    waiters.add(wake);
    try {
      await realSleep(ms, signal === undefined ? passed.signal : AbortSignal.any([passed.signal, signal]));
    } finally {
      waiters.delete(wake);
    }
  };

  return {
    url,
    wallMs: () => wallMs,
    monoMs: () => monoMs,
    epoch: `remote:${url}`,
    sleep,
    refresh,
    close: () => clearInterval(timer),
  };
}

/** The clock every command takes its time from: the remote one if a URL is set, else the machine's. */
export async function openClock(remoteUrl: string | null): Promise<Clock> {
  return remoteUrl === null ? systemClock() : await openRemoteClock(remoteUrl);
}

/** Asks a remote clock again before a command reads it; a no-op for every other clock. */
export async function refreshClock(clock: Clock): Promise<void> {
  if ('refresh' in clock && typeof clock.refresh === 'function') await (clock as RemoteClock).refresh();
}

/**
 * A clock for budgets, backoff and breakers: after a completed `sleep(ms)` its `monoMs` is at least `ms` further, also
 * when the clock below stands still (a manual clock nobody advances). Its readings are its own: another `epoch`.
 */
export function pacingClock(clock: Clock): Clock {
  let ahead = 0;
  const monoMs = (): number => clock.monoMs() + ahead;
  return {
    wallMs: () => clock.wallMs(),
    monoMs,
    epoch: `pacing:${clock.epoch}`,
    sleep: async (ms, signal) => {
      const target = monoMs() + ms;
      await clock.sleep(ms, signal);
      // Against a target, not by addition: two sleeps at the same time are one wait, not two.
      if (signal?.aborted !== true) ahead += Math.max(0, target - monoMs());
    },
  };
}

/** Real milliseconds of this machine, for measuring how long something took and for ids of logs. Never backwards. */
export function realMonoMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

/** Waits real time, keeps the process alive meanwhile, ends early without an error when `signal` aborts. */
export async function realSleep(ms: number, signal?: AbortSignal): Promise<void> {
  const end = realMonoMs() + ms;
  for (let left = ms; left > 0 && signal?.aborted !== true; left = end - realMonoMs()) {
    await oneTimer(Math.min(Math.ceil(left), LONGEST_TIMER_MS), signal);
  }
}

/** Calls `action` once after real `ms`; the answer cancels it. Does not keep the process alive. */
export function afterRealMs(ms: number, action: () => void): () => void {
  const timer = setTimeout(action, Math.min(ms, LONGEST_TIMER_MS));
  timer.unref();
  return () => clearTimeout(timer);
}

function oneTimer(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}

async function askRemoteClock(url: string): Promise<number> {
  let body: string;
  try {
    body = await readShort(url);
  } catch (cause) {
    throw new TruebookError('broker_unreachable', `The simulated clock at ${url} does not answer.`, {
      hint: 'Is the sandbox still running? Start it again, or remove TRUEBOOK_CLOCK_URL.',
      retry: 'now',
      cause,
    });
  }
  const ms = remoteNowMs(body);
  if (ms === null) {
    throw new TruebookError('broker_bad_answer', `The simulated clock at ${url} did not answer {"now":T}.`, {
      hint: 'TRUEBOOK_CLOCK_URL must point at the sandbox, path /control/clock.',
    });
  }
  return ms;
}

/** The first thousand characters behind an address on this machine; a redirect is an error. */
function readShort(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(REMOTE_TIMEOUT_MS);
    // Not `fetch`: it would bring 20 MB of memory into every process that is simulated.
    // A connection of its own: a kept one may have been closed by a sandbox that was busy for some seconds.
    // By name, as in egress/http.ts: who asks no clock needs no client.
    const asking = process.getBuiltinModule('node:http').get(url, { signal, agent: false }, (response) => {
      const status = response.statusCode ?? 0;
      if (status >= 300 && status < 400) asking.destroy(new Error(`a redirect (${status})`));
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (part: string) => (body = `${body}${part}`.slice(0, 1_000)));
      response.on('end', () => resolve(body));
      response.on('error', reject);
    });
    asking.on('error', reject);
  });
}

function remoteNowMs(body: string): number | null {
  let value: unknown;
  try {
    value = (JSON.parse(body) as { now?: unknown } | null)?.now;
  } catch {
    return null;
  }
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  const instant = typeof value === 'string' ? tryParseInstant(value) : null;
  return instant === null ? null : instantToMs(instant);
}

function machineEpoch(): string {
  try {
    return `boot:${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}`;
  } catch {
    // No boot id (Windows, macOS): a counter that is certainly ours is the one of this process.
    return processEpoch;
  }
}

const processEpoch = `process:${process.pid}:${Date.now()}:${cryptoRandomBytes(6).toString('hex')}`;

// ---- chance ---------------------------------------------------------------------------------------------------

/** Bytes fit for keys and nonces. */
export function randomBytes(count: number): Buffer {
  return cryptoRandomBytes(count);
}

/** A number in [0, 1) with 48 random bits: for jitter, never for money. */
export function randomUnit(): number {
  return cryptoRandomBytes(6).readUIntBE(0, 6) / 2 ** 48;
}

// ---- this process and its surroundings -------------------------------------------------------------------------

/** A copy of the environment: later changes of one do not reach the other. */
export function environment(): Record<string, string | undefined> {
  return { ...process.env };
}

export function workingFolder(): string {
  return process.cwd();
}

export function homeFolder(): string {
  return homedir();
}

export function hostName(): string {
  return hostname();
}

/** `linux`, `darwin`, `win32`, ... */
export function operatingSystem(): NodeJS.Platform {
  return process.platform;
}

/** The running Node's version without `v`: `24.21.0`. */
export function runtimeVersion(): string {
  return process.versions.node;
}

export function processId(): number {
  return process.pid;
}

/** True while a process with this id exists, also when it belongs to somebody else. Ids are reused: a hint, no proof. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Which of the three standard streams are a terminal, and how wide it is (null when it is none). */
export interface TerminalFacts {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly columns: number | null;
  readonly rows: number | null;
}

export function terminalFacts(): TerminalFacts {
  const stdout = process.stdout.isTTY === true;
  return {
    stdin: process.stdin.isTTY === true,
    stdout,
    stderr: process.stderr.isTTY === true,
    columns: stdout ? process.stdout.columns : null,
    rows: stdout ? process.stdout.rows : null,
  };
}

/** Starts a program without a shell; the arguments reach it as they are. */
export function spawnChild(
  command: string,
  argumentList: readonly string[],
  options: SpawnOptions = {},
): ChildProcess {
  return process
    .getBuiltinModule('node:child_process')
    .spawn(command, [...argumentList], { ...options, shell: false });
}

/** Starts one of our own modules under the same Node, with a message channel. */
export function forkChild(
  modulePath: string,
  argumentList: readonly string[] = [],
  options: ForkOptions = {},
): ChildProcess {
  return process.getBuiltinModule('node:child_process').fork(modulePath, [...argumentList], options);
}

const STOP_SIGNALS: readonly NodeJS.Signals[] =
  process.platform === 'win32' ? ['SIGINT', 'SIGTERM', 'SIGBREAK'] : ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Calls `handler` for every wish to stop (Ctrl+C, service stop, closed terminal), each time it comes, instead of
 * dying at once. The answer unsubscribes.
 */
export function onSignal(handler: (signal: NodeJS.Signals) => void): () => void {
  for (const signal of STOP_SIGNALS) process.on(signal, handler);
  return () => {
    for (const signal of STOP_SIGNALS) process.off(signal, handler);
  };
}

/** Calls `handler` for promises that reject and that nobody waits for, instead of ending the process. The answer ends it. */
export function onUnhandledRejection(handler: (reason: unknown) => void): () => void {
  process.on('unhandledRejection', handler);
  return () => void process.off('unhandledRejection', handler);
}

/** The code the process will end with once nothing is left to do. Only `cli/main.ts` calls it. */
export function setExitCode(code: number): void {
  process.exitCode = code;
}

/** Ends now, without waiting for output still on its way: for a second Ctrl+C and for what cannot go on. */
export function exit(code: number): never {
  process.exit(code);
}

/**
 * Gives memory back when what is under way has ended: an agent waits minutes between cycles, and what a cycle needed
 * would else stand around till the next. Does nothing unless the process was started with `--expose-gc`.
 */
export function releaseMemorySoon(): void {
  const collect = (globalThis as { gc?: (how: object) => void }).gc;
  if (collect === undefined) return;
  setImmediate(() => collect({ type: 'major', execution: 'sync', flavor: 'last-resort' }));
}
