/**
 * When to try again and after how long: pure rules, so that a test can walk through them without waiting.
 * Only reads go out, so every one of them may be repeated.
 */

export interface RetryLimits {
  /** Tries in all, the first included. */
  readonly attemptsMax: number;
  readonly firstDelayMs: number;
  readonly delayMsMax: number;
  /** A broker's own wish above this is not waited for inside a run: the run ends as `broker_rate_limit`. */
  readonly waitMsMax: number;
  /** No wish is believed beyond this. */
  readonly wishMsMax: number;
}

export const DEFAULT_RETRY: RetryLimits = {
  attemptsMax: 3,
  firstDelayMs: 250,
  delayMsMax: 5_000,
  waitMsMax: 20_000,
  wishMsMax: 15 * 60_000,
};

/** Statuses that may be different a moment later (alpaca.md 1.3: what the official clients repeat). */
export function isWorthRepeating(status: number): boolean {
  return (
    status === 408 || status === 425 || status === 429 || (status >= 500 && status !== 501 && status !== 505)
  );
}

/** Exponential backoff with full-range jitter of ±50 %: 250, 500, 1000 ... `random` is in [0, 1). */
export function backoffMs(attempt: number, limits: RetryLimits, random: () => number): number {
  const plain = Math.min(limits.delayMsMax, limits.firstDelayMs * 2 ** (attempt - 1));
  return Math.round(plain * (0.5 + random()));
}

/**
 * How long the broker asks us to stay away, in milliseconds: `Retry-After` (seconds or a date), on 429 also
 * `X-RateLimit-Reset` (Unix seconds), and the words of Django's REST framework, which Robinhood answers with
 * (robinhood.md 8: `Request was throttled. Expected available in 30 seconds.`). Null when it does not say; nonsense and the past count as not saying.
 */
export function wishMs(
  status: number,
  header: (name: string) => string | null,
  wallMs: number,
  limits: RetryLimits = DEFAULT_RETRY,
  body = '',
): number | null {
  const after = header('retry-after');
  const reset = status === 429 ? header('x-ratelimit-reset') : null;
  const wish =
    (after === null ? null : retryAfterMs(after, wallMs)) ??
    (reset === null ? null : resetMs(reset, wallMs)) ??
    (status === 429 ? throttledMs(body) : null);
  return wish === null ? null : Math.min(wish, limits.wishMsMax);
}

function retryAfterMs(text: string, wallMs: number): number | null {
  if (/^\d{1,9}$/.test(text.trim())) return Number.parseInt(text, 10) * 1_000;
  return inFuture(Date.parse(text), wallMs);
}

function throttledMs(body: string): number | null {
  const seconds = /Expected available in (\d{1,9})(?:\.\d+)? seconds?/.exec(body.slice(0, 1_000))?.[1];
  return seconds === undefined ? null : (Number.parseInt(seconds, 10) + 1) * 1_000;
}

function resetMs(text: string, wallMs: number): number | null {
  return /^\d{9,11}$/.test(text.trim()) ? inFuture(Number.parseInt(text, 10) * 1_000, wallMs) : null;
}

function inFuture(atMs: number, wallMs: number): number | null {
  return Number.isNaN(atMs) || atMs <= wallMs ? null : atMs - wallMs;
}
