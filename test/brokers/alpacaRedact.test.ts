import { describe, expect, test } from 'vitest';
import { createRedactor } from '../../src/brokers/alpaca/redact.ts';

const ACCOUNT_ID = '904837e3-3b76-47ec-b432-046db621571b';

describe('what is kept of an answer', () => {
  const redactor = createRedactor(() => ['canary-secret']);

  test('an account number is masked as text and as a bare number, and the answer stays JSON', () => {
    const body = `{"id":"${ACCOUNT_ID}","account_number": 123456789, "cash":"1234567890.12"}`;
    const kept = redactor.redact(body, 'account');
    expect(JSON.parse(kept)).toEqual({ id: '****571b', account_number: '****6789', cash: '1234567890.12' });
  });

  test('the id of a row that is no account is kept', () => {
    const body = `[{"id":"${ACCOUNT_ID}","account_id":987654321}]`;
    expect(redactor.redact(body, 'orders')).toBe(`[{"id":"${ACCOUNT_ID}","account_id":"****4321"}]`);
  });

  test('a refusal that names an account nobody learned yet says only its end; error codes stay', () => {
    const body = `{"code":40310000,"message":"account 123456789 (${ACCOUNT_ID}, PA3SYNCDEMO1) is closed"}`;
    expect(redactor.redact(body, 'account', true)).toBe(
      '{"code":40310000,"message":"account ****6789 (****571b, ****EMO1) is closed"}',
    );
  });

  test('credentials go everywhere', () => {
    expect(redactor.redact('key canary-secret is wrong', 'positions')).toBe('key **** is wrong');
  });
});
