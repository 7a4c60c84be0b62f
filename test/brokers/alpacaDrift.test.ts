/** Schema drift: every field of every sample row vanishes, changes its type or its value - nothing may become zero. */
import { describe, expect, test } from 'vitest';
import { mapActivity, mapPosition } from '../../src/brokers/alpaca/map.ts';
import { wireOrder, wireSnapshot, wireStreamMessage } from '../../src/brokers/alpaca/wire.ts';
import { parseExactJson } from '../../src/domain/json.ts';
import { parseInstant } from '../../src/domain/time.ts';
import { sample } from './replay.ts';

type Row = Record<string, unknown>;
const STRANGE = [undefined, null, '', ' ', 'x', '-', '1e99999', 'NaN', '0x10', '1,000', true, [], {}, ['1']];

function rows(name: string): Row[] {
  return parseExactJson(sample(name)) as unknown as Row[];
}

/** Every sample row with one field made strange. */
function* drifted(name: string): Generator<{ before: Row; after: Row; field: string }> {
  for (const before of rows(name)) {
    for (const field of Object.keys(before)) {
      for (const value of STRANGE) yield { before, after: { ...before, [field]: value }, field };
    }
  }
}

/** Fields whose loss must not be survived silently: without them the row means something else. */
const VITAL = {
  positions: ['symbol', 'qty', 'side', 'asset_class'],
  fills: ['id', 'activity_type', 'transaction_time', 'price', 'qty', 'side', 'symbol'],
};

describe('a drifted row is quarantined or means what it meant', () => {
  test('positions', () => {
    const at = parseInstant('2025-08-21T19:45:07Z');
    let refused = 0;
    let kept = 0;
    for (const { before, after, field } of drifted('positions.json')) {
      const original = mapPosition(before, 'p', at, new Map()).row!;
      const { row, problem } = mapPosition(after, 'p', at, new Map());
      if (row === null) {
        refused += 1;
        expect(problem?.path.startsWith('p')).toBe(true);
        continue;
      }
      kept += 1;
      expect(row.quantity.toString()).toBe(original.quantity.toString());
      for (const figure of ['averageCost', 'mark', 'marketValue', 'unrealizedPnl'] as const) {
        if (row[figure] !== null) expect(row[figure].toString()).toBe(original[figure]!.toString());
      }
      // A symbol or asset class is free text: other words name other instruments, never nothing.
      if (['qty', 'side'].includes(field)) throw new Error(`${field} = ${String(after[field])} was believed`);
      if (VITAL.positions.includes(field)) expect(row.instrument.id).not.toBe(original.instrument.id);
    }
    expect([refused > 500, kept > 500]).toEqual([true, true]);
  });

  test('activities', () => {
    let refused = 0;
    let kept = 0;
    for (const { before, after, field } of drifted('activities.json')) {
      const original = mapActivity(before, 'a', new Map()).row!;
      const { row } = mapActivity(after, 'a', new Map());
      if (row === null) {
        refused += 1;
        continue;
      }
      kept += 1;
      const isFill = before['activity_type'] === 'FILL';
      if (isFill && VITAL.fills.includes(field)) expect(['id', 'symbol', 'activity_type']).toContain(field);
      // Another word there is another instrument or another event.
      if (field === 'activity_type' || field === 'symbol') continue;
      expect(row.quantity.toString()).toBe(original.quantity.toString());
      // For types that move no cash an absent amount is zero by definition; it was zero before, too.
      expect(row.amount?.toString()).toBe(original.amount?.toString());
      expect(row.status).toBe('ok');
    }
    expect([refused > 500, kept > 500]).toEqual([true, true]);
  });

  test('a type nobody knows moves neither shares nor coins', () => {
    for (const { before, after, field } of drifted('activities.json')) {
      if (field !== 'activity_type') continue;
      const { row } = mapActivity(after, 'a', new Map());
      if (row !== null) {
        expect([row.kind, row.quantity.toString(), row.amount?.toString()]).toEqual([
          'other',
          '0',
          before['net_amount'],
        ]);
        expect(row.instrument).toBeNull();
      }
    }
  });

  test('orders, snapshots and stream frames are read or refused, never thrown over', () => {
    for (const { after } of drifted('orders_nested_all.json'))
      expect(typeof wireOrder.safeParse(after).success).toBe('boolean');
    for (const { after } of drifted('trade_updates.json'))
      expect(typeof wireStreamMessage.safeParse(after).success).toBe('boolean');
    for (const value of STRANGE)
      expect(wireSnapshot.safeParse({ latestQuote: value }).success).toBe(
        [undefined, null, ''].includes(value as never) || isPlainObject(value),
      );
  });
});

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
