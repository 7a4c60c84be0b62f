/** One GET over the wire: no redirect followed, bytes and time limited, nothing repeated. `egress.ts` adds the rest. */
import type { IncomingMessage, request as httpRequest } from 'node:http';
import { pipeline } from 'node:stream';
import { createUnzip } from 'node:zlib';
import { TruebookError } from '../domain/errors.ts';
import { type Clock, type Instant, now } from '../domain/time.ts';

export interface HttpLimits {
  /** Bytes of a body after decompression. */
  readonly bytesMax: number;
  /** From the first byte sent to the last received. */
  readonly timeoutMs: number;
}

export const DEFAULT_HTTP: HttpLimits = { bytesMax: 32 * 1024 * 1024, timeoutMs: 15_000 };

export interface HttpAnswer {
  readonly status: number;
  /** Value of a response header, null when absent. Names are case-insensitive. */
  header(name: string): string | null;
  /** The whole body as UTF-8 text. */
  readonly body: string;
  /** The same as it came, for its hash. */
  readonly bytes: Uint8Array;
  /** Status line, headers and body as they came over the wire (a compressed body as it was). */
  readonly wireBytes: number;
  readonly startedAt: Instant;
  readonly startedMonoMs: number;
  readonly receivedAt: Instant;
}

/**
 * Throws `broker_timeout`, `broker_unreachable`, `broker_bad_answer` (redirect, too large, not text, cut off) or
 * `stopped` when `signal` aborts; `facts.reason` holds the word for a read. Every status but a redirect is an answer.
 */
export async function getOnce(
  url: URL,
  headers: Readonly<Record<string, string>>,
  clock: Clock,
  limits: HttpLimits,
  signal: AbortSignal | undefined,
): Promise<HttpAnswer> {
  if (isAborted(signal)) throw stopped();
  const startedAt = now(clock);
  const startedMonoMs = clock.monoMs();
  const breakOff = new AbortController();
  const finished = new AbortController();
  let timedOut = false;
  const onAbort = (): void => breakOff.abort();
  signal?.addEventListener('abort', onAbort, { once: true });
  void clock.sleep(limits.timeoutMs, finished.signal).then(() => {
    if (finished.signal.aborted) return;
    timedOut = true;
    breakOff.abort();
  });
  let headersCame = false;
  try {
    const response = await send(url, headers, breakOff.signal);
    headersCame = true;
    const status = response.statusCode ?? 0;
    if (status >= 300 && status < 400) {
      response.destroy();
      throw badAnswer('redirect', `${url.host} answered with a redirect (${status}), which is not followed.`);
    }
    const { bytes, wireBytes } = await readBytes(response, limits.bytesMax, url);
    return {
      status,
      header: (name) => headerOf(response, name),
      body: decode(bytes, url),
      bytes,
      wireBytes: headBytes(response) + wireBytes,
      startedAt,
      startedMonoMs,
      receivedAt: now(clock),
    };
  } catch (error) {
    if (error instanceof TruebookError) throw error;
    if (isAborted(signal)) throw stopped();
    if (timedOut) throw timeout(url, limits);
    if (headersCame)
      throw badAnswer('truncated', `${url.host} broke off in the middle of its answer.`, error);
    throw unreachable(url, error);
  } finally {
    // With a reason of our own: without one an error is made for it, with a stack that nobody reads.
    finished.abort('answered');
    signal?.removeEventListener('abort', onAbort);
  }
}

/** A function, because the compiler believes that a flag read once does not change across an await. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

/**
 * Asked for by name when the first request goes out: importing `node:http` reads every name it exports, one of which
 * loads the whole of `fetch`. A command that only reads the book starts a tenth faster without it (measured).
 */
function clientOf(protocol: string): typeof httpRequest {
  return protocol === 'https:'
    ? process.getBuiltinModule('node:https').request
    : process.getBuiltinModule('node:http').request;
}

/**
 * Node's own client instead of `fetch`: less processor time for short answers and less memory, because
 * `fetch` brings a second parser as WebAssembly. Connections are kept for the next request of the run.
 */
function send(
  url: URL,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const client = clientOf(url.protocol);
    const options = { method: 'GET', headers: { 'accept-encoding': 'gzip, deflate', ...headers }, signal };
    client(url, options, resolve).on('error', reject).end();
  });
}

function headerOf(response: IncomingMessage, name: string): string | null {
  const value = response.headers[name.toLowerCase()];
  return Array.isArray(value) ? value.join(', ') : (value ?? null);
}

/** Status line and headers as they came. */
function headBytes(response: IncomingMessage): number {
  const line = `HTTP/1.1 ${response.statusCode ?? 0} ${response.statusMessage ?? ''}\r\n\r\n`.length;
  // Names and values take turns: two signs behind each of them.
  return response.rawHeaders.reduce((sum, text) => sum + text.length + 2, line);
}

async function readBytes(
  response: IncomingMessage,
  bytesMax: number,
  url: URL,
): Promise<{ readonly bytes: Uint8Array; readonly wireBytes: number }> {
  const parts: Uint8Array[] = [];
  let size = 0;
  let wireBytes = 0;
  const encoding = (headerOf(response, 'content-encoding') ?? 'identity').toLowerCase();
  if (encoding !== 'identity') response.on('data', (part: Uint8Array) => (wireBytes += part.byteLength));
  try {
    for await (const part of unpacked(response, encoding, url) as AsyncIterable<Uint8Array>) {
      size += part.byteLength;
      // Leaving the loop destroys the stream, so the rest is never received.
      if (size > bytesMax) throw badAnswer('too_large', `${url.host} sent more than ${bytesMax} bytes.`);
      parts.push(part);
    }
  } finally {
    if (!response.complete) response.destroy();
  }
  return { bytes: Buffer.concat(parts, size), wireBytes: encoding === 'identity' ? size : wireBytes };
}

function unpacked(response: IncomingMessage, encoding: string, url: URL): NodeJS.ReadableStream {
  if (encoding === 'identity') return response;
  // Both forms that are called deflate, and gzip, are told apart by their first bytes.
  if (encoding === 'gzip' || encoding === 'x-gzip' || encoding === 'deflate') {
    const unzip = createUnzip();
    // An error of either ends the loop that reads.
    pipeline(response, unzip, () => undefined);
    return unzip;
  }
  throw badAnswer(
    'not_text',
    `${url.host} packed its answer in a way nobody asked for (${encoding.slice(0, 20)}).`,
  );
}

function decode(bytes: Uint8Array, url: URL): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw badAnswer('not_text', `${url.host} sent bytes that are not UTF-8 text.`, error);
  }
}

function badAnswer(reason: string, message: string, cause?: unknown): TruebookError {
  return new TruebookError('broker_bad_answer', message, {
    hint: 'Nothing was believed. If it stays, look whether a proxy or login page stands between you and the broker.',
    retry: 'later',
    facts: { reason },
    ...(cause === undefined ? {} : { cause }),
  });
}

function timeout(url: URL, limits: HttpLimits): TruebookError {
  return new TruebookError(
    'broker_timeout',
    `${url.host} did not answer within ${limits.timeoutMs / 1000} s.`,
    {
      hint: 'The next run tries again by itself.',
      retry: 'later',
      facts: { reason: 'timeout' },
    },
  );
}

function unreachable(url: URL, error: unknown): TruebookError {
  return new TruebookError('broker_unreachable', `${url.host} cannot be reached (${networkWord(error)}).`, {
    hint: 'Check the network connection; the next run tries again by itself.',
    retry: 'later',
    facts: { reason: 'unreachable' },
    cause: error,
  });
}

/** The system's word for it (`ECONNREFUSED`), wherever in the chain of causes it stands. */
function networkWord(error: unknown): string {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (typeof code === 'string' && code !== '') return code;
  }
  return 'network error';
}

export function stopped(): TruebookError {
  return new TruebookError('stopped', 'The request was stopped.', {
    retry: 'later',
    facts: { reason: 'stopped' },
  });
}
