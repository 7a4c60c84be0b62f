import { describe, expect, test } from 'vitest';
import { createBreaker } from '../../src/egress/breaker.ts';
import { createBudget, DEFAULT_BUDGET, ROBINHOOD_BUDGET } from '../../src/egress/budget.ts';
import { backoffMs, DEFAULT_RETRY, isWorthRepeating, wishMs } from '../../src/egress/retry.ts';
import { frozenClock, turningClock } from './clocks.ts';

const NOW = Date.parse('2025-08-21T14:00:00Z');
const NOW_SECONDS = NOW / 1000;

function wish(status: number, headers: Record<string, string>): number | null {
  return wishMs(status, (name) => headers[name] ?? null, NOW);
}

describe('retry rules', () => {
  test('which statuses may be different a moment later', () => {
    const worth = [200, 400, 401, 403, 404, 408, 422, 425, 429, 500, 501, 502, 503, 504, 505].filter(
      isWorthRepeating,
    );
    expect(worth).toEqual([408, 425, 429, 500, 502, 503, 504]);
  });

  test('the pause doubles up to its limit and is spread by half either way', () => {
    expect([1, 2, 3, 6, 40].map((attempt) => backoffMs(attempt, DEFAULT_RETRY, () => 0.5))).toEqual([
      250, 500, 1000, 5000, 5000,
    ]);
    expect(backoffMs(1, DEFAULT_RETRY, () => 0)).toBe(125);
    expect(backoffMs(1, DEFAULT_RETRY, () => 0.999)).toBe(375);
  });

  test('what the broker asks for is honoured, up to 15 minutes', () => {
    expect(wish(429, { 'retry-after': '7' })).toBe(7_000);
    expect(wish(503, { 'retry-after': 'Thu, 21 Aug 2025 14:00:30 GMT' })).toBe(30_000);
    expect(wish(429, { 'x-ratelimit-reset': String(NOW_SECONDS + 12) })).toBe(12_000);
    expect(wish(429, { 'retry-after': '3', 'x-ratelimit-reset': String(NOW_SECONDS + 12) })).toBe(3_000);
    expect(wish(429, { 'retry-after': '999999999' })).toBe(900_000);
    // The reset of the counter means nothing while the counter is not used up.
    expect(wish(503, { 'x-ratelimit-reset': String(NOW_SECONDS + 12) })).toBeNull();
  });

  test('a wish may stand in the words of the answer, rounded up to the next second', () => {
    const words = (status: number, detail: string, headers: Record<string, string> = {}): number | null =>
      wishMs(status, (name) => headers[name] ?? null, NOW, DEFAULT_RETRY, JSON.stringify({ detail }));
    const throttled = 'Request was throttled. Expected available in 30 seconds.';
    expect(words(429, throttled)).toBe(31_000);
    expect(words(429, 'Request was throttled. Expected available in 1 second.')).toBe(2_000);
    // Penalties can be absurd: nobody waits for more than a quarter of an hour without asking again.
    expect(words(429, throttled.replace('30', '1154515'))).toBe(900_000);
    expect(words(429, throttled, { 'retry-after': '7' })).toBe(7_000);
    expect(words(503, throttled)).toBeNull();
    expect(words(429, 'Request was throttled.')).toBeNull();
  });

  test.each(['', '-5', 'soon', '1e9', 'NaN', 'Thu, 21 Aug 2024 14:00:30 GMT'])('"%s" is no wish', (text) => {
    expect(wish(429, { 'retry-after': text })).toBeNull();
    expect(wish(429, { 'x-ratelimit-reset': text })).toBeNull();
  });
});

describe('budget', () => {
  const limits = { burst: 3, perMinute: 60 };

  test('a burst goes out at once, then one per interval', () => {
    const clock = turningClock();
    const budget = createBudget(clock, limits);
    const waits = [1, 2, 3, 4, 5].map(() => budget.reserve('key', 60_000).waitMs);
    expect(waits).toEqual([0, 0, 0, 1_000, 2_000]);
    clock.advance(60_000);
    expect([1, 2, 3, 4].map(() => budget.reserve('key', 60_000).waitMs)).toEqual([0, 0, 0, 1_000]);
  });

  test('credentials do not share, callers of one credential do', () => {
    const budget = createBudget(turningClock(), limits);
    for (let count = 0; count < 3; count += 1) budget.reserve('paper', 0);
    expect(budget.reserve('live', 0)).toEqual({ granted: true, waitMs: 0 });
    expect(budget.reserve('paper', 0)).toEqual({ granted: false, waitMs: 1_000 });
  });

  test('a refused reservation takes nothing', () => {
    const budget = createBudget(turningClock(), limits);
    for (let count = 0; count < 3; count += 1) budget.reserve('key', 0);
    for (let count = 0; count < 100; count += 1) expect(budget.reserve('key', 500).granted).toBe(false);
    expect(budget.reserve('key', 1_000)).toEqual({ granted: true, waitMs: 1_000 });
  });

  test('on a clock that stands still it answers at once and never for ever', () => {
    const budget = createBudget(frozenClock(), limits);
    const waits = Array.from({ length: 30 }, () => budget.reserve('key', 20_000));
    expect(waits.filter((one) => one.granted)).toHaveLength(23);
    expect(Math.max(...waits.filter((one) => one.granted).map((one) => one.waitMs))).toBe(20_000);
  });

  test('a pause the broker asked for holds for that credential only', () => {
    const clock = turningClock();
    const budget = createBudget(clock, limits);
    budget.pause('key', 30_000);
    expect(budget.reserve('key', 20_000)).toEqual({ granted: false, waitMs: 30_000 });
    expect(budget.reserve('other', 20_000).granted).toBe(true);
    clock.advance(30_000);
    expect(budget.reserve('key', 20_000)).toEqual({ granted: true, waitMs: 0 });
  });

  test('the default stays below 200 requests in any minute', () => {
    const clock = turningClock();
    const budget = createBudget(clock);
    let sent = 0;
    for (let ms = 0; ms < 60_000; ms += 100) {
      while (budget.reserve('key', 0).granted) sent += 1;
      clock.advance(100);
    }
    expect(sent).toBeGreaterThan(150);
    expect(sent).toBeLessThan(200);
    expect(DEFAULT_BUDGET.burst).toBeGreaterThan(20);
  });
});

describe("Robinhood's budget", () => {
  test('a cycle of 12 goes out at once, a minute stays below two requests a second', () => {
    const clock = turningClock();
    const budget = createBudget(clock, ROBINHOOD_BUDGET);
    let sent = 0;
    while (budget.reserve('login', 0).granted) sent += 1;
    expect(sent).toBe(12);
    for (let ms = 0; ms < 60_000; ms += 100) {
      clock.advance(100);
      while (budget.reserve('login', 0).granted) sent += 1;
    }
    expect(sent).toBeLessThan(100);
  });
});

describe('breaker', () => {
  const limits = { failuresMax: 3, openMs: 1_000, openMsMax: 4_000 };
  const fail = (breaker: ReturnType<typeof createBreaker>, times: number): void => {
    for (let count = 0; count < times; count += 1) breaker.failed('host');
  };

  test('opens after failures in a row, not before, and not for others', () => {
    const breaker = createBreaker(turningClock(), limits);
    fail(breaker, 2);
    breaker.succeeded('host');
    fail(breaker, 2);
    expect(breaker.waitMs('host')).toBe(0);
    fail(breaker, 1);
    expect(breaker.waitMs('host')).toBe(1_000);
    expect(breaker.waitMs('other')).toBe(0);
  });

  test('half-open: one more failure doubles the rest up to the limit, one success heals', () => {
    const clock = turningClock();
    const breaker = createBreaker(clock, limits);
    fail(breaker, 3);
    const rests = [1, 2, 3, 4].map(() => {
      clock.advance(breaker.waitMs('host'));
      expect(breaker.waitMs('host')).toBe(0);
      fail(breaker, 1);
      return breaker.waitMs('host');
    });
    expect(rests).toEqual([2_000, 4_000, 4_000, 4_000]);
    clock.advance(4_000);
    breaker.succeeded('host');
    fail(breaker, 2);
    expect(breaker.waitMs('host')).toBe(0);
  });

  test('failures that come back while it is open do not prolong it', () => {
    const breaker = createBreaker(turningClock(), limits);
    fail(breaker, 10);
    expect(breaker.waitMs('host')).toBe(1_000);
  });
});
