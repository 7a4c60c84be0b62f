import { describe, expect, it } from 'vitest';
import { decimal } from '../../src/domain/decimal.ts';
import { parseInstant, parseTradeDate } from '../../src/domain/time.ts';
import { bankrollFileText, readForeignBankroll } from '../../src/mirror/bankrollFile.ts';
import { LAST_UPDATED } from '../../src/mirror/files.ts';
import { type StoredBankrollEntry } from '../../src/store/store.ts';

const account = { name: 'alpaca-paper', broker: 'alpaca', env: 'paper', baseCurrency: 'USD' } as const;

function entry(seq: number, after: string): StoredBankrollEntry {
  return {
    accountId: 1,
    epoch: 1,
    seq,
    kind: 'sync_adjustment',
    before: decimal('1'),
    after: decimal(after),
    amount: decimal(after).minus(decimal('1')),
    currency: 'USD',
    at: parseInstant('2025-08-21T16:00:00Z'),
    tradeDate: parseTradeDate('2025-08-21'),
    source: 'alpaca',
    causes: ['deposit', 'manual_trade'],
    env: 'paper',
    firstSeenAt: parseInstant('2025-08-21T16:00:00Z'),
  };
}

describe('the bankroll file', () => {
  it('keeps every digit as a number, and every foreign member as it was written', () => {
    const before =
      '{"current_bankroll": 1, "peak": 1.50, "deep": {"list": [0.10, null, "x", {}], "big": 12345678901234567890}}';
    const text = bankrollFileText(
      { account, entries: [entry(1, '100262.750000000000000001')], balance: null },
      before,
    );
    expect(text).toContain('"bankroll": 100262.750000000000000001,');
    expect(text).toContain('"equity": null,');
    expect(text).toContain('"cause": "deposit manual_trade"');
    expect(text).toContain('"peak": 1.50');
    expect(text).toContain('"big": 12345678901234567890');
    expect(text).toContain('0.10,');
    expect(JSON.parse(text)).toMatchObject({ current_bankroll: 100262.75, last_updated: LAST_UPDATED });
    expect(bankrollFileText({ account, entries: [entry(1, '5')], balance: null }, text)).toContain(
      '"peak": 1.50',
    );
  });

  it('lists the newest hundred changes, oldest first', () => {
    const entries = Array.from({ length: 150 }, (_, index) => entry(150 - index, String(150 - index)));
    const listed = JSON.parse(bankrollFileText({ account, entries, balance: null }, null)) as {
      sync_adjustments: { after: number }[];
      start_capital: number;
    };
    expect(listed.sync_adjustments.map(({ after }) => after)).toEqual(
      Array.from({ length: 100 }, (_, index) => index + 51),
    );
    expect(listed.start_capital).toBe(1);
  });
});

describe('a starting bankroll', () => {
  it.each([
    ['{"bankroll": 95000.10}', '95000.1'],
    ['{"balance": "1234.50"}', '1234.5'],
    ['{"current_bankroll": 2, "balance": 1}', '2'],
    ['{"bankroll": null, "equity": 0.10000000000000000001}', '0.10000000000000000001'],
    ['{"bankroll": "n/a", "balance": 7e2}', '700'],
    ['\uFEFF{"bankroll": 5}', '5'],
  ])('%s is %s', (text, amount) => {
    expect(readForeignBankroll(text)?.toString()).toBe(amount);
  });

  it('is never that of a file of ours', () => {
    expect(readForeignBankroll('{"written_by": "truebook", "bankroll": 5}')).toBeNull();
  });

  it.each([
    '',
    '{',
    '5',
    '[1]',
    'null',
    '{"bankroll": true}',
    '{"bankroll": NaN}',
    '{"bankroll": 1e400}',
    '{}',
  ])('%j is refused', (text) => {
    expect(() => readForeignBankroll(text)).toThrow('The bankroll file cannot be read.');
  });
});
