/**
 * `trade_updates` as a hint: a frame triggers a run and proves nothing (design section 4, Streams). One connection
 * per account is all Alpaca allows, so a refused or lost line is tried again slowly and polling goes on meanwhile.
 */
import { errorText, isTruebookError, TruebookError } from '../../domain/errors.ts';
import { parseExactJson } from '../../domain/json.ts';
import { type Clock, type Instant, now } from '../../domain/time.ts';
import { type Egress, type EgressSocket } from '../../egress/egress.ts';
import { type Hint, type StreamStatus, type Watch } from '../broker.ts';
import { type WireStreamMessage, wireStreamMessage } from './wire.ts';

export interface StreamOptions {
  /** `wss://.../stream`. */
  readonly url: string;
  readonly egress: Egress;
  readonly clock: Clock;
  /** In [0, 1). */
  readonly random: () => number;
  readonly credential: string;
  /** Made anew for each connection, so that no secret is kept in between. */
  authentication(): Readonly<Record<string, string>>;
  readonly onHint: (hint: Hint) => void;
  readonly timing?: StreamTiming;
}

/** alpaca.md 7.5: what the official clients do; the slow pace after 429 ends wars over the only connection. */
export interface StreamTiming {
  readonly pingMs: number;
  readonly pongMs: number;
  readonly handshakeMs: number;
  readonly firstRetryMs: number;
  readonly retryMsMax: number;
  readonly slowRetryMs: number;
  /** A line that lived this long was a good one: the next retry is quick again. */
  readonly goodAfterMs: number;
}

export const DEFAULT_STREAM_TIMING: StreamTiming = {
  pingMs: 10_000,
  pongMs: 5_000,
  handshakeMs: 10_000,
  firstRetryMs: 1_000,
  retryMsMax: 64_000,
  slowRetryMs: 60_000,
  goodAfterMs: 60_000,
};

/** How one connection ended. */
interface Ending {
  readonly error: string;
  readonly next: 'retry' | 'slow' | 'refused';
}

export function watchStream(options: StreamOptions): Watch {
  const { clock, random } = options;
  const timing = options.timing ?? DEFAULT_STREAM_TIMING;
  const stop = new AbortController();
  let status: StreamStatus = { state: 'connecting', since: now(clock), lastError: null, reconnects: 0 };
  const become = (
    state: StreamStatus['state'],
    lastError: string | null,
    reconnects = status.reconnects,
  ): void => {
    status = { state, since: state === status.state ? status.since : now(clock), lastError, reconnects };
  };

  const onLive = (): void => {
    become('live', null);
    options.onHint({ reason: 'stream_connected', orderId: null, at: now(clock) });
  };

  const run = async (): Promise<void> => {
    for (let failures = 0; !stop.signal.aborted;) {
      const startedMs = clock.monoMs();
      const ending = await connectOnce(options, timing, stop.signal, onLive);
      if (stop.signal.aborted) return;
      if (ending.next === 'refused') return become('refused', ending.error);
      const wasGood = status.state === 'live' && clock.monoMs() - startedMs >= timing.goodAfterMs;
      failures = wasGood ? 1 : failures + 1;
      become('retrying', ending.error);
      await clock.sleep(pauseMs(ending, failures, timing, random), stop.signal);
      become('connecting', ending.error, status.reconnects + 1);
    }
  };

  const finished = run().catch((error: unknown) => become('refused', errorText(error)));
  return {
    status: () => status,
    async close() {
      stop.abort();
      await finished;
      become('closed', status.lastError);
    },
  };
}

/** 1 s, 2 s, 4 s ... 64 s, ±20 %; after a 429 never more often than once in the slow pace. */
export function pauseMs(
  ending: { readonly next: 'retry' | 'slow' | 'refused' },
  failures: number,
  timing: StreamTiming,
  random: () => number,
): number {
  if (ending.next === 'slow') return Math.round(timing.slowRetryMs * (1 + 0.2 * random()));
  const plain = Math.min(timing.retryMsMax, timing.firstRetryMs * 2 ** Math.min(failures - 1, 30));
  return Math.round(plain * (0.8 + 0.4 * random()));
}

/** One connection from dialling to its end. Never throws for what the network or Alpaca does. */
async function connectOnce(
  options: StreamOptions,
  timing: StreamTiming,
  stop: AbortSignal,
  onLive: () => void,
): Promise<Ending> {
  const inbox = createInbox();
  const over = new AbortController();
  const liveness = { answered: true };
  let socket: EgressSocket;
  try {
    socket = await options.egress.dial({
      broker: 'alpaca',
      url: options.url,
      credential: options.credential,
      events: { onMessage: inbox.push, onPong: () => (liveness.answered = true) },
      signal: stop,
    });
  } catch (error) {
    return notConnected(error);
  }
  let cut: string | null = null;
  const terminate = (why: string): void => {
    cut ??= why;
    socket.terminate();
  };
  const lineClosed = socket.closed.then((word) => {
    over.abort();
    inbox.end();
    return word;
  });
  const handshake = new AbortController();
  void options.clock.sleep(timing.handshakeMs, AbortSignal.any([handshake.signal, over.signal])).then(() => {
    if (!handshake.signal.aborted && !over.signal.aborted) terminate('no answer to the login in time');
  });
  let ending: Ending | null = null;
  try {
    const login = await logIn(options, socket, inbox);
    handshake.abort();
    if (login !== 'live') ending = login;
    else {
      onLive();
      void keepAlive(socket, liveness, options.clock, timing, over.signal, terminate);
      ending = await passOn(inbox, options);
    }
  } finally {
    handshake.abort();
    socket.terminate();
  }
  const word = await lineClosed;
  return ending ?? { error: cut ?? word, next: 'retry' };
}

/** `live`, or how it ended; null when the line closed meanwhile, which the caller knows the reason of. */
async function logIn(
  options: StreamOptions,
  socket: EgressSocket,
  inbox: Inbox,
): Promise<Ending | 'live' | null> {
  socket.send({ action: 'authenticate', data: options.authentication() });
  const authorized = await nextOf(inbox, (message) => message.stream === 'authorization' || isError(message));
  if (authorized === null) return null;
  if (isError(authorized)) return { error: errorOf(authorized), next: 'retry' };
  if (authorized.data?.status !== 'authorized') return refusedEnding();

  socket.send({ action: 'listen', data: { streams: ['trade_updates'] } });
  const listening = await nextOf(
    inbox,
    (message) => message.stream === 'listening' || message.stream === 'authorization' || isError(message),
  );
  if (listening === null) return null;
  if (isError(listening)) return { error: errorOf(listening), next: 'retry' };
  if (listening.stream === 'authorization') return refusedEnding();
  // Unknown names are dropped from the answer without a word (alpaca.md 7.1): an answer alone is no proof.
  if (listening.data?.streams?.includes('trade_updates') === true) return 'live';
  return { error: 'Alpaca did not confirm trade_updates', next: 'slow' };
}

function refusedEnding(): Ending {
  return { error: 'Alpaca refused the credentials for the stream (unauthorized)', next: 'refused' };
}

/** Passes frames on as hints until the line closes (null) or Alpaca ends it. A frame nobody can read may be a fill, so it is a hint too. */
async function passOn(inbox: Inbox, options: StreamOptions): Promise<Ending | null> {
  for (;;) {
    const text = await inbox.next();
    if (text === null) return null;
    const at: Instant = now(options.clock);
    for (const message of decodeFrame(text)) {
      if (message === null) options.onHint({ reason: 'trade_update', orderId: null, at });
      else if (isError(message)) return { error: errorOf(message), next: 'retry' };
      else if (message.stream === 'authorization' && message.data?.status === 'unauthorized')
        return refusedEnding();
      else if (message.stream === 'trade_updates') {
        options.onHint({ reason: 'trade_update', orderId: message.data?.order?.id ?? null, at });
      }
    }
  }
}

/** Pings, and cuts the line when the answer stays away: a dead line looks exactly like a quiet account. */
async function keepAlive(
  socket: EgressSocket,
  liveness: { answered: boolean },
  clock: Clock,
  timing: StreamTiming,
  over: AbortSignal,
  terminate: (why: string) => void,
): Promise<void> {
  while (!over.aborted) {
    await clock.sleep(timing.pingMs, over);
    if (over.aborted) return;
    liveness.answered = false;
    socket.ping();
    await clock.sleep(timing.pongMs, over);
    if (over.aborted) return;
    if (!liveness.answered) return terminate('the line is dead: no answer to a ping');
  }
}

function notConnected(error: unknown): Ending {
  if (!isTruebookError(error)) throw error;
  const refused =
    error instanceof TruebookError && (error.code === 'broker_auth' || error.code === 'egress_refused');
  const next = refused ? 'refused' : error.code === 'broker_rate_limit' ? 'slow' : 'retry';
  return { error: error.message, next };
}

/** The messages of a frame (one, or a list); null stands for one that cannot be read. */
export function decodeFrame(text: string): readonly (WireStreamMessage | null)[] {
  let json: unknown;
  try {
    json = parseExactJson(text);
  } catch {
    return [null];
  }
  return (Array.isArray(json) ? (json as unknown[]) : [json]).map((one) => {
    const parsed = wireStreamMessage.safeParse(one);
    return parsed.success ? parsed.data : null;
  });
}

function isError(message: WireStreamMessage): boolean {
  return message.action === 'error';
}

function errorOf(message: WireStreamMessage): string {
  return `Alpaca's stream said: ${(message.data?.error_message ?? 'error').slice(0, 200)}`;
}

async function nextOf(
  inbox: Inbox,
  wanted: (message: WireStreamMessage) => boolean,
): Promise<WireStreamMessage | null> {
  for (;;) {
    const text = await inbox.next();
    if (text === null) return null;
    const match = decodeFrame(text).find((message) => message !== null && wanted(message));
    if (match !== undefined && match !== null) return match;
  }
}

/** Frames in the order they came, read by one reader. */
interface Inbox {
  push(text: string): void;
  end(): void;
  /** The next frame, or null once the line is closed and everything is read. */
  next(): Promise<string | null>;
}

function createInbox(): Inbox {
  const waiting: string[] = [];
  let ended = false;
  let wake: (() => void) | null = null;
  const changed = (): void => {
    wake?.();
    wake = null;
  };
  return {
    push(text) {
      waiting.push(text);
      changed();
    },
    end() {
      ended = true;
      changed();
    },
    async next() {
      while (waiting.length === 0 && !ended) await new Promise<void>((resolve) => (wake = resolve));
      return waiting.shift() ?? null;
    },
  };
}
