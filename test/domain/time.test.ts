import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isEarlyClose, isTradingDay, nextTradingDay, previousTradingDay } from '../../src/domain/calendar.ts';
import {
  addDays,
  addMs,
  compareInstants,
  inZone,
  instantFromKey,
  instantFromMs,
  instantKey,
  instantToMs,
  NEW_YORK,
  newYorkDate,
  parseInstant,
  parseTradeDate,
  tryParseInstant,
  zonedInstant,
} from '../../src/domain/time.ts';

describe('instants', () => {
  test.each([
    ['2023-12-12T22:31:24.668464435Z', '2023-12-12T22:31:24.668464435Z'],
    ['2019-06-12T22:47:07.99658Z', '2019-06-12T22:47:07.99658Z'],
    ['2019-06-12T22:47:07.500Z', '2019-06-12T22:47:07.5Z'],
    ['2019-06-12T22:47:07.000Z', '2019-06-12T22:47:07Z'],
    ['2025-08-21T10:05:53.5-04:00', '2025-08-21T14:05:53.5Z'],
    ['2025-08-21T10:05:53-0400', '2025-08-21T14:05:53Z'],
    ['2025-08-21 14:05:53+00:00', '2025-08-21T14:05:53Z'],
    ['2025-08-21T14:05Z', '2025-08-21T14:05:00Z'],
    ['2025-08-21T14:05:53.1234567891Z', '2025-08-21T14:05:53.123456789Z'],
  ])('%s is %s', (text, instant) => {
    expect(parseInstant(text)).toBe(instant);
  });

  test.each(['', '2025-08-21', '2025-08-21T14:05:53', '2025-13-01T00:00:00Z', 'yesterday', '1755805567'])(
    '%j is refused: no zone, no instant',
    (text) => {
      expect(tryParseInstant(text)).toBeNull();
      expect(() => parseInstant(text)).toThrowError(expect.objectContaining({ code: 'bad_instant' }));
    },
  );

  test('two fills 200 nanoseconds apart stay apart and in order', () => {
    const [first, second] = [
      parseInstant('2025-08-21T14:05:53.0000001Z'),
      parseInstant('2025-08-21T14:05:53.0000003Z'),
    ];
    expect(instantToMs(first)).toBe(instantToMs(second));
    expect(compareInstants(first, second)).toBe(-1);
  });

  const instants = fc
    .tuple(
      fc.date({
        min: new Date('1970-01-02T00:00:00Z'),
        max: new Date('2099-12-31T00:00:00Z'),
        noInvalidDate: true,
      }),
      fc.integer({ min: 0, max: 999_999_999 }),
    )
    .map(([date, nanos]) =>
      parseInstant(`${date.toISOString().slice(0, 19)}.${String(nanos).padStart(9, '0')}Z`),
    );

  test('law: keys sort as text exactly as instants sort, and read back', () => {
    fc.assert(
      fc.property(instants, instants, (left, right) => {
        const order =
          instantKey(left) < instantKey(right) ? -1 : instantKey(left) > instantKey(right) ? 1 : 0;
        expect(order).toBe(compareInstants(left, right));
        expect(instantFromKey(instantKey(left))).toBe(left);
      }),
    );
  });

  test('law: adding and taking back milliseconds keeps the finest digits of whole seconds', () => {
    fc.assert(
      fc.property(instants, fc.integer({ min: -1_000_000, max: 1_000_000 }), (instant, seconds) => {
        expect(addMs(addMs(instant, seconds * 1000), -seconds * 1000)).toBe(instant);
        expect(instantToMs(addMs(instant, seconds * 1000))).toBe(instantToMs(instant) + seconds * 1000);
      }),
    );
  });
});

describe('New York', () => {
  test.each([
    ['2025-08-22T03:59:59Z', '2025-08-21'],
    ['2025-08-22T04:00:00Z', '2025-08-22'],
    ['2025-12-22T04:59:59Z', '2025-12-21'],
    ['2025-12-22T05:00:00Z', '2025-12-22'],
  ])('%s is traded on %s', (instant, date) => {
    expect(newYorkDate(parseInstant(instant))).toBe(date);
  });

  test('the hour that does not exist and the hour that exists twice', () => {
    expect(zonedInstant(parseTradeDate('2025-03-09'), '02:30', NEW_YORK)).toBe('2025-03-09T07:30:00Z');
    expect(zonedInstant(parseTradeDate('2025-11-02'), '01:30', NEW_YORK)).toBe('2025-11-02T05:30:00Z');
  });

  test('law: a wall-clock reading comes back from its instant, every day of two years', () => {
    for (let day = parseTradeDate('2025-01-01'); day < '2027-01-01'; day = addDays(day, 1)) {
      for (const time of ['00:00:00', '04:30:00', '09:30:00', '20:00:00']) {
        expect(inZone(zonedInstant(day, time, NEW_YORK), NEW_YORK)).toEqual({ date: day, time });
      }
    }
  });

  test('milliseconds of a clock become an instant', () => {
    expect(instantFromMs(1_755_805_567_123)).toBe('2025-08-21T19:46:07.123Z');
  });
});

describe('trading days', () => {
  test("agree with the broker's own calendar sample", () => {
    const sample = JSON.parse(
      readFileSync(new URL('../samples/alpaca/calendar.json', import.meta.url), 'utf8'),
    ) as { date: string; close: string }[];
    const listed = sample.map((day) => day.date);
    expect(listed.length).toBeGreaterThan(5);
    for (let day = parseTradeDate(listed[0]!); day <= listed.at(-1)!; day = addDays(day, 1)) {
      expect({ day, open: isTradingDay(day) }).toEqual({ day, open: listed.includes(day) });
    }
    for (const { date, close } of sample) expect(isEarlyClose(parseTradeDate(date))).toBe(close === '13:00');
  });

  // NYSE holidays as published by the exchange.
  test.each([
    ['2024', ['01-01', '01-15', '02-19', '03-29', '05-27', '06-19', '07-04', '09-02', '11-28', '12-25']],
    ['2025', ['01-01', '01-20', '02-17', '04-18', '05-26', '06-19', '07-04', '09-01', '11-27', '12-25']],
    ['2026', ['01-01', '01-19', '02-16', '04-03', '05-25', '06-19', '07-03', '09-07', '11-26', '12-25']],
    ['2022', ['01-17', '02-21', '04-15', '05-30', '06-20', '07-04', '09-05', '11-24', '12-26']],
  ])('holidays of %s', (year, holidays) => {
    const closed: string[] = [];
    for (let day = parseTradeDate(`${year}-01-01`); day.startsWith(year); day = addDays(day, 1)) {
      const weekend = [0, 6].includes(new Date(`${day}T00:00:00Z`).getUTCDay());
      if (!weekend && !isTradingDay(day)) closed.push(day.slice(5));
    }
    expect(closed).toEqual(holidays);
  });

  test('the day before a long weekend', () => {
    expect(previousTradingDay(parseTradeDate('2025-09-02'))).toBe('2025-08-29');
    expect(nextTradingDay(parseTradeDate('2025-11-26'))).toBe('2025-11-28');
    expect(isEarlyClose(parseTradeDate('2025-11-28'))).toBe(true);
    expect(isEarlyClose(parseTradeDate('2025-07-03'))).toBe(true);
    expect(isEarlyClose(parseTradeDate('2026-07-02'))).toBe(false);
  });
});

describe('short ways give what the long ways give', () => {
  const second = fc
    .integer({ min: Date.UTC(1999, 0, 1), max: Date.UTC(2099, 0, 1) })
    .map((ms) => ms - (ms % 1000));
  const fraction = fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 9 });
  const instant = fc
    .tuple(second, fraction)
    .map(([ms, digits]) =>
      parseInstant(`${new Date(ms).toISOString().slice(0, 19)}${digits === '' ? '' : `.${digits}`}Z`),
    );
  /** Often the same second: what differs then is the fraction. */
  const pair = fc
    .tuple(instant, instant, fc.boolean())
    .map(
      ([left, right, near]) =>
        [left, near ? parseInstant(`${left.slice(0, 19)}${right.slice(19)}`) : right] as const,
    );

  test('comparing instants is comparing their keys', () => {
    fc.assert(
      fc.property(pair, ([left, right]) => {
        const [leftKey, rightKey] = [instantKey(left), instantKey(right)];
        expect(compareInstants(left, right)).toBe(leftKey < rightKey ? -1 : leftKey > rightKey ? 1 : 0);
      }),
    );
  });

  test('a key reads back as the instant it was made of', () => {
    fc.assert(
      fc.property(instant, (given) => {
        expect(instantFromKey(instantKey(given))).toBe(given);
      }),
    );
  });

  test('the New York day is the day of the zone, in summer and winter', () => {
    fc.assert(
      fc.property(instant, (given) => {
        expect(newYorkDate(given)).toBe(inZone(given, NEW_YORK).date);
      }),
    );
  });
});
