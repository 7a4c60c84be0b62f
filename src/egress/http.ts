/** One GET over the wire: no redirect followed, bytes and time limited, nothing repeated. `egress.ts` adds the rest. */
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
    const response = await fetch(url, {
      method: 'GET',
      headers,
      redirect: 'manual',
      signal: breakOff.signal,
    });
    headersCame = true;
    if (response.status >= 300 && response.status < 400) {
      await response.body?.cancel();
      throw badAnswer(
        'redirect',
        `${url.host} answered with a redirect (${response.status}), which is not followed.`,
      );
    }
    const bytes = await readBytes(response, limits.bytesMax, url);
    return {
      status: response.status,
      header: (name) => response.headers.get(name),
      body: decode(bytes, url),
      bytes,
      wireBytes: wireBytes(response, bytes.byteLength),
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
    finished.abort();
    signal?.removeEventListener('abort', onAbort);
  }
}

/** A function, because the compiler believes that a flag read once does not change across an await. */
function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

async function readBytes(response: Response, bytesMax: number, url: URL): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += part.byteLength;
    // Leaving the loop cancels the body, so the rest is never received.
    if (size > bytesMax) throw badAnswer('too_large', `${url.host} sent more than ${bytesMax} bytes.`);
    parts.push(part);
  }
  return Buffer.concat(parts, size);
}

function wireBytes(response: Response, bodyBytes: number): number {
  let size = `HTTP/1.1 ${response.status} ${response.statusText}\r\n\r\n`.length;
  for (const [name, value] of response.headers) size += name.length + value.length + 4;
  const announced =
    response.headers.get('content-encoding') === null ? null : response.headers.get('content-length');
  return (
    size + (announced !== null && /^\d{1,15}$/.test(announced) ? Number.parseInt(announced, 10) : bodyBytes)
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

/** The system's word for it (`ECONNREFUSED`), which fetch hides in the cause. */
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
