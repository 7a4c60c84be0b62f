import { expect, test } from 'vitest';
import { confirmations } from '../../src/sync/missing.ts';
import { at } from '../notation.ts';

/** Complete answers at these times of a day, none of which has the position since the first. */
function counted(...times: string[]): number {
  const answers = times.map((time) => at(`2025-08-21 ${time}`));
  return confirmations(answers[0]!, answers);
}

test('complete answers without a position confirm each other at least 15 minutes apart', () => {
  expect(counted('10:00')).toBe(1);
  expect(counted('10:00', '10:05', '10:10')).toBe(1);
  expect(counted('10:00', '10:15')).toBe(2);
  expect(counted('10:00', '10:15', '10:16', '10:30')).toBe(3);
  // Hours without an answer confirm nothing: two answers are two.
  expect(counted('10:00', '14:00', '14:01')).toBe(2);
  expect(confirmations(at('2025-08-21 11:00'), [at('2025-08-21 10:00')])).toBe(0);
});
