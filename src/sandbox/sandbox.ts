/**
 * The door: a simulated brokerage in this process. One ledger of truth, an invented market, faults on request, and a
 * face that speaks Alpaca's real wire on loopback. Whoever holds the control address plays broker.
 */
import { type Instant } from '../domain/time.ts';
import { type World } from './broker.ts';
import { SandboxClock, type ClockSetting } from './clock.ts';
import { Control, type ControlAnswer } from './control.ts';
import { writeEnvFile } from './envFile.ts';
import { AlpacaFace, type AlpacaReady } from './faces/alpaca/face.ts';
import { Faults } from './faults.ts';
import { closeServer, listen, LOOPBACK, readBody } from './http.ts';
import { parseJsonExact } from './json.ts';
import { Ledger } from './ledger.ts';
import { Market } from './market.ts';
import { RequestLog } from './requests.ts';
import { Seeded } from './seeded.ts';
import { buildWorld, startingCash, type Scenario } from './world.ts';

export type { AlpacaReady } from './faces/alpaca/face.ts';
export type { ControlAnswer } from './control.ts';

export interface SandboxOptions {
  /** Port of the control API; Alpaca paper, live and data take the next three. 0, the default: any free ports. */
  readonly port?: number;
  /** Same seed, same manual clock and same calls: same ids and prices. Default 1. */
  readonly seed?: number;
  readonly scenario?: Scenario;
  /** Stocks that the scenario `large` holds; default 10,000. */
  readonly positions?: number;
  readonly clock?: ClockSetting;
  /** Where to write a settings file for an agent; none by default. */
  readonly envFile?: string;
}

/** What `truebook sandbox` prints as one line of JSON once everything listens (design section 11). */
export interface ReadyLine {
  readonly ready: true;
  readonly control: string;
  readonly clockUrl?: string;
  readonly alpaca: { readonly paper: AlpacaReady; readonly live: AlpacaReady };
}

export interface Sandbox {
  readonly ready: ReadyLine;
  readonly controlUrl: string;
  /** The control API without a socket: same calls, same answers. `body` is any JSON value. */
  control(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): ControlAnswer;
  /** Closes every connection, also those kept waiting by a fault. */
  close(): Promise<void>;
}

/** How often prices drift on wall time. */
const DRIFT_MS = 4_000;

/** Starts the sandbox. Throws `config` where a port is taken. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const scenario = options.scenario ?? 'default';
  const clock = new SandboxClock(options.clock ?? 'wall');
  const world = makeWorld(clock, new Seeded(options.seed ?? 1), scenario, options.positions);
  const face = new AlpacaFace(world);
  const control = new Control(world, {
    startingCash: startingCash(scenario),
    onFault: (fault) => face.onFault(fault),
  });
  clock.onStep(DRIFT_MS, (fromMs, toMs) => world.ledger.market.step(fromMs, toMs));

  const port = options.port ?? 0;
  const { server, port: controlPort } = await listen(port, (request, response) => {
    void readBody(request).then((text) => {
      const answer = answerText(control, request.method ?? 'GET', request.url ?? '/', text);
      const body = Buffer.from(JSON.stringify(answer.body));
      response.writeHead(answer.status, {
        'content-type': 'application/json; charset=utf-8',
        'content-length': body.length,
      });
      response.end(body);
    });
  });
  const controlUrl = `http://${LOOPBACK}:${controlPort}`;
  try {
    const alpaca = await face.start(port === 0 ? 0 : port + 1);
    const clockUrl = clock.manual ? `${controlUrl}/control/clock` : null;
    if (options.envFile !== undefined) writeEnvFile(options.envFile, { alpaca, clockUrl });
    return {
      ready: { ready: true, control: controlUrl, ...(clockUrl === null ? {} : { clockUrl }), alpaca },
      controlUrl,
      control: (method, path, body) =>
        answerText(control, method, path, body === undefined ? '' : JSON.stringify(body)),
      close: async () => {
        clock.close();
        await Promise.all([face.close(), closeServer(server)]);
      },
    };
  } catch (error) {
    clock.close();
    await Promise.all([face.close(), closeServer(server)]);
    throw error;
  }
}

/** The world with its history lived through: until it is told, "now" is the time of each past event. */
function makeWorld(
  clock: SandboxClock,
  seeded: Seeded,
  scenario: Scenario,
  positions: number | undefined,
): World {
  const start = clock.now();
  let past: Instant | null = null;
  const ledger = new Ledger(() => past ?? clock.now(), seeded, new Market(seeded, start));
  const at = (instant: Instant): void => {
    past = instant;
  };
  buildWorld(ledger, seeded, scenario, start, at, positions);
  past = null;
  return { clock, ledger, seeded, faults: new Faults(() => clock.now()), requests: new RequestLog() };
}

function answerText(control: Control, method: string, target: string, text: string | null): ControlAnswer {
  if (text === null) return { status: 400, body: { error: 'the body is too long or broke off' } };
  try {
    return control.call(method, target, text === '' ? {} : parseJsonExact(text));
  } catch (error) {
    if (error instanceof SyntaxError)
      return { status: 400, body: { error: `the body is not JSON: ${error.message}` } };
    return {
      status: 500,
      body: { error: `the sandbox failed: ${error instanceof Error ? error.message : String(error)}` },
    };
  }
}
