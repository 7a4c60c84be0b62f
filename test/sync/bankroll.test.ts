/** The bankroll's rules (seeds/004), in figures a trader can check by hand, and as laws. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Decimal } from '../../src/domain/decimal.ts';
import { parseInstant } from '../../src/domain/time.ts';
import { type BankrollCause } from '../../src/store/store.ts';
import { adjustBankroll, type BankrollInput } from '../../src/sync/bankroll.ts';

const money = (text: string): Decimal => Decimal.parse(text);

function given(local: string | null, equity: string, more: Partial<BankrollInput> = {}): BankrollInput {
  return {
    local: local === null ? null : money(local),
    starting: null,
    equity: money(equity),
    cash: null,
    currency: 'USD',
    asOf: parseInstant('2025-08-22T02:00:00Z'),
    tolerancePct: money('1.0'),
    happened: [],
    source: 'alpaca',
    env: 'paper',
    ...more,
  };
}

/** `95000 -> 100262.75 sync_adjustment tolerance_exceeded` for each entry. */
function booked(input: BankrollInput): readonly string[] {
  return adjustBankroll(input).entries.map(
    (entry) =>
      `${entry.before?.toString() ?? '-'} -> ${entry.after.toString()} ${entry.kind} ${entry.causes.join('+')}`,
  );
}

describe('what is booked', () => {
  test.each<[string, string | null, string, Partial<BankrollInput>, string[]]>([
    ['no local value: the equity opens it', null, '100262.75', {}, ['- -> 100262.75 opening no_local_value']],
    [
      'the document’s example',
      '95000',
      '100262.75',
      {},
      ['95000 -> 100262.75 sync_adjustment tolerance_exceeded'],
    ],
    ['exactly at the tolerance stays', '100000', '101000', {}, []],
    [
      'a cent above it moves',
      '100000',
      '101000.01',
      {},
      ['100000 -> 101000.01 sync_adjustment tolerance_exceeded'],
    ],
    [
      'a cent below the lower edge moves',
      '100000',
      '98999.99',
      {},
      ['100000 -> 98999.99 sync_adjustment tolerance_exceeded'],
    ],
    ['exactly at the lower edge stays', '100000', '99000', {}, []],
    ['two percent allowed', '100000', '101999', { tolerancePct: money('2.0') }, []],
    ['nothing allowed, nothing different', '100', '100.00', { tolerancePct: money('0') }, []],
    [
      'a manual trade moves it at once',
      '100000',
      '100001',
      { happened: ['manual_trade'] },
      ['100000 -> 100001 sync_adjustment manual_trade'],
    ],
    [
      'a deposit too',
      '95000',
      '100000',
      { happened: ['deposit'] },
      ['95000 -> 100000 sync_adjustment deposit+tolerance_exceeded'],
    ],
    ['a trade that changed nothing books nothing', '100000', '100000', { happened: ['manual_trade'] }, []],
    [
      'a local zero has no percent: any equity is beyond',
      '0',
      '0.01',
      {},
      ['0 -> 0.01 sync_adjustment tolerance_exceeded'],
    ],
    ['negative equity', '100', '-50', {}, ['100 -> -50 sync_adjustment tolerance_exceeded']],
    ['a negative local value is measured by its size', '-100', '-100.5', {}, []],
    [
      'a file’s value is the start, then it is compared',
      null,
      '100262.75',
      { starting: { amount: money('95000'), source: 'bankroll_alpaca_paper.json' } },
      ['- -> 95000 imported mirror_file', '95000 -> 100262.75 sync_adjustment tolerance_exceeded'],
    ],
    [
      'a file’s value within the tolerance stays',
      null,
      '95100',
      { starting: { amount: money('95000'), source: 'bankroll_alpaca_paper.json' } },
      ['- -> 95000 imported mirror_file'],
    ],
  ])('%s', (_name, local, equity, more, expected) => {
    expect(booked(given(local, equity, more))).toEqual(expected);
  });

  test('the trade date is New York’s', () => {
    expect(adjustBankroll(given(null, '1')).entries[0]).toMatchObject({
      tradeDate: '2025-08-21',
      env: 'paper',
    });
  });
});

const cents = fc
  .integer({ min: -10_000_000, max: 10_000_000 })
  .map((value) => money(String(value)).times(money('0.01')));
const causes = fc.subarray<BankrollCause>(['manual_trade', 'deposit', 'withdrawal']);

describe('laws', () => {
  test('afterwards it is the equity or what it was, and never further away than the tolerance', () => {
    fc.assert(
      fc.property(
        cents,
        cents,
        fc.integer({ min: 0, max: 50 }),
        causes,
        (local, equity, percent, happened) => {
          const tolerancePct = money(String(percent)).times(money('0.1'));
          const { entries, difference } = adjustBankroll({
            ...given(null, '0'),
            local,
            equity,
            tolerancePct,
            happened,
          });
          const after = money(difference.after);
          expect(after.equals(equity) || after.equals(local)).toBe(true);
          const beyond = after.minus(equity).abs().times(money('100')).minus(after.abs().times(tolerancePct));
          expect(beyond.sign()).toBeLessThanOrEqual(0);
          expect(entries.length === 0).toBe(after.equals(local));
          if (happened.length > 0) expect(after.equals(equity)).toBe(true);
        },
      ),
    );
  });

  test('doing it again books nothing', () => {
    fc.assert(
      fc.property(cents, cents, causes, (local, equity, happened) => {
        const { difference } = adjustBankroll({ ...given(null, '0'), local, equity, happened });
        expect(
          adjustBankroll({ ...given(null, '0'), local: money(difference.after), equity }).entries,
        ).toEqual([]);
      }),
    );
  });
});
