/**
 * `truebook demo`: simulated brokers, an agent over real HTTP and websocket, and a live view, in one process and one
 * fresh folder. Nothing of the user's own settings is read, nothing is left behind.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Broker, type Watch } from '../brokers/broker.ts';
import { type Truebook } from '../compose.ts';
import { type Config } from '../config/load.ts';
import { type Logger } from '../log.ts';
import { realSleep, systemClock, terminalFacts } from '../platform.ts';
import { runAgent, type AgentAccount, type AgentSummary } from '../sync/agent.ts';
import { onceExitCode, openLog, startLine } from './agent.ts';
import { demoFacts, demoSummary, statisticsLines, summaryLines, type DemoFacts } from './demoFacts.ts';
import { cycleLine, introduction, viewLines } from './demoView.ts';
import { printJson, printLine } from './print.ts';
import { loadSettings, withBook } from './session.ts';
import { listenForStop } from './stopping.ts';
import { terminalScreen, type Screen } from './terminalScreen.ts';

export interface DemoOptions {
  readonly once?: boolean;
  readonly scenario?: 'default' | 'empty' | 'large';
  readonly keep?: boolean;
  readonly json?: boolean;
}

/** Seconds between runs; the stream makes most changes visible sooner. */
const INTERVAL_SECONDS = 15;
const REDRAW_MS = 1_000;
const LAST_LOG_LINES = 5;

/** `--once`: 0 if every account is complete. Else runs until a signal and answers 0. */
export async function demo(options: DemoOptions): Promise<number> {
  const screen = options.once === true || !terminalFacts().stdout ? null : terminalScreen();
  const stopping = listenForStop(() => screen?.leave());
  const folder = mkdtempSync(join(tmpdir(), 'truebook-demo-'));
  const { startSandbox } = await import('../sandbox/sandbox.ts');
  try {
    const envFile = join(folder, 'demo.env');
    const sandbox = await startSandbox({
      envFile,
      ...(options.scenario === undefined ? {} : { scenario: options.scenario }),
    });
    try {
      return await runDemo(demoConfig(folder, envFile), {
        options,
        screen,
        stop: stopping.signal,
        controlUrl: sandbox.controlUrl,
      });
    } finally {
      await sandbox.close();
    }
  } finally {
    screen?.leave();
    stopping.end();
    if (options.keep !== true) rmSync(folder, { recursive: true, force: true });
    else if (options.json !== true) printLine(`Kept: ${folder}`);
  }
}

/** The sandbox's settings alone: neither environment nor files of the user reach a demo. */
function demoConfig(folder: string, envFile: string): Config {
  const home = join(folder, 'home');
  mkdirSync(home, { mode: 0o700 });
  const flags = { TRUEBOOK_HOME: home, interval: String(INTERVAL_SECONDS) };
  return loadSettings({ config: [envFile] }, { env: {}, cwd: folder, flags });
}

interface Stage {
  readonly options: DemoOptions;
  readonly screen: Screen | null;
  readonly stop: AbortSignal;
  readonly controlUrl: string;
}

async function runDemo(config: Config, stage: Stage): Promise<number> {
  const { options, screen, stop, controlUrl } = stage;
  const lastLines: string[] = [];
  const time = { clock: systemClock() };
  const log = openLog(config, time, (line) => {
    // On a terminal the lines belong into the view; elsewhere the file has them.
    lastLines.push(line);
    if (lastLines.length > LAST_LOG_LINES) lastLines.shift();
  });
  try {
    return await withBook({ config }, async (book) => {
      const streams = new Map<string, Watch>();
      const accounts = (await book.agentAccounts()).map((entry) => ({
        ...entry,
        broker: tellingItsStream(entry.broker, (watch) => streams.set(entry.account.name, watch)),
      }));
      const facts = (): Promise<DemoFacts> => demoFacts(book, streams);
      log.info(startLine(book, accounts));
      if (options.once === true) return demoOnce(book, accounts, log, stage);
      if (screen === null) printLine(introduction(controlUrl, null, config).join('\n'));
      const drawing = new AbortController();
      const view =
        screen === null
          ? null
          : drawEachSecond(screen, facts, { controlUrl, config, lastLines }, drawing.signal);
      let summary: AgentSummary;
      try {
        summary = await runAgent({
          ...agentParts(book, accounts, log),
          once: false,
          stop,
          onCycle: (cycle) => {
            if (screen === null) void facts().then((now) => printLine(cycleLine(cycle, now)));
          },
        });
      } finally {
        drawing.abort();
        await view;
        screen?.leave();
      }
      printLine(statisticsLines(summary).join('\n'));
      return 0;
    });
  } finally {
    log.close();
  }
}

async function demoOnce(
  book: Truebook,
  accounts: readonly AgentAccount[],
  log: Logger,
  { options, stop }: Stage,
): Promise<number> {
  const { runs } = await runAgent({ ...agentParts(book, accounts, log), once: true, stop });
  const summary = demoSummary(await demoFacts(book, new Map()), runs);
  if (options.json === true) printJson(summary);
  else printLine(summaryLines(summary).join('\n'));
  return onceExitCode(accounts, runs) === 0 ? 0 : 1;
}

function agentParts(book: Truebook, accounts: readonly AgentAccount[], log: Logger) {
  const { store, clock, isGone, dependencies } = book;
  return { store, clock, log, accounts, holder: book.holder('agent'), isGone, dependencies };
}

async function drawEachSecond(
  screen: Screen,
  facts: () => Promise<DemoFacts>,
  around: { readonly controlUrl: string; readonly config: Config; readonly lastLines: readonly string[] },
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const { columns, rows } = terminalFacts();
    screen.draw(viewLines(await facts(), around, { columns: columns ?? 80, rows: rows ?? 24 }));
    await realSleep(REDRAW_MS, signal);
  }
}

/** The same broker, which also hands its stream to the view. */
function tellingItsStream(broker: Broker, tell: (watch: Watch) => void): Broker {
  const told: Broker = {
    name: broker.name,
    env: broker.env,
    capabilities: broker.capabilities,
    readBalances: (signal) => broker.readBalances(signal),
    readPositions: (signal) => broker.readPositions(signal),
    readActivities: (window, signal) => broker.readActivities(window, signal),
    readOrders: (orderIds, signal, lookupsMax) => broker.readOrders(orderIds, signal, lookupsMax),
    readQuotes: (instruments, signal) => broker.readQuotes(instruments, signal),
    readMarketClock: (signal) => broker.readMarketClock(signal),
    readCalendar: (from, to, signal) => broker.readCalendar(from, to, signal),
    close: () => broker.close(),
  };
  if (broker.watch === undefined) return told;
  return {
    ...told,
    watch: (onHint) => {
      const watch = broker.watch!(onHint);
      tell(watch);
      return watch;
    },
  };
}
