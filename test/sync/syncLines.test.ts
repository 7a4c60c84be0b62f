/** The lines of seeds/004, word for word. */
import { describe, expect, test } from 'vitest';
import { type PositionDifference, type SyncDifference } from '../../src/sync/difference.ts';
import { alpacaSyncLines } from '../../src/sync/syncLines.ts';

const ALL = { kinds: null };

const change = (more: Partial<PositionDifference>): PositionDifference => ({
  instrument: 'option:SPY250822C00635000:USD',
  symbol: 'SPY250822C00635000',
  kind: 'option',
  event: 'opened',
  before: null,
  after: '1',
  manual: true,
  ...more,
});

const NOTHING: SyncDifference = {
  type: 'transactions',
  bankroll: null,
  positions: null,
  transactions: null,
  findings: [],
};

describe('the document’s examples', () => {
  test('bankroll', () => {
    const difference: SyncDifference = {
      ...NOTHING,
      type: 'all',
      bankroll: {
        currency: 'USD',
        before: '95000',
        after: '100262.75',
        equity: '100262.75',
        cash: '100262.75',
        differencePct: '5.5397368421',
        tolerancePct: '1',
        exceeded: true,
        entries: [
          {
            kind: 'sync_adjustment',
            before: '95000',
            after: '100262.75',
            amount: '5262.75',
            source: 'alpaca',
            causes: ['deposit', 'tolerance_exceeded'],
          },
        ],
      },
    };
    expect(alpacaSyncLines(difference, ALL)).toEqual([
      '[ALPACA-SYNC] Alpaca account - Equity: $100,262.75, Cash: $100,262.75',
      '[ALPACA-SYNC] Balance comparison - Local: $95,000.00, Alpaca: $100,262.75',
      '[ALPACA-SYNC] Bankroll synchronized - Updated from $95,000.00 to $100,262.75',
      '[ALPACA-SYNC] "sync_adjustment": 5262.75 (deposit, tolerance_exceeded)',
    ]);
    expect(alpacaSyncLines(difference, { ...ALL, dryRun: true })[2]).toBe(
      '[ALPACA-SYNC] Bankroll would be synchronized - From $95,000.00 to $100,262.75',
    );
  });

  test('positions', () => {
    const difference: SyncDifference = {
      ...NOTHING,
      positions: {
        found: { option: 2 },
        differing: [],
        changes: [
          change({}),
          change({ symbol: 'QQQ250822P00480000', event: 'closed', before: '1', after: '0' }),
        ],
      },
    };
    expect(alpacaSyncLines(difference, ALL)).toEqual([
      '[ALPACA-SYNC] Found 2 options positions in Alpaca account',
      '[ALPACA-SYNC] Detected manual position: SPY250822C00635000 (qty: 1)',
      '[ALPACA-SYNC] Position closed manually: QQQ250822P00480000',
    ]);
  });
});

test.each<[Partial<PositionDifference>, string | null]>([
  [{ manual: false }, 'Position opened by automation: SPY250822C00635000 (qty: 1)'],
  [{ event: 'appeared', manual: null }, 'Detected position without a trade: SPY250822C00635000 (qty: 1)'],
  [{ event: 'opened', after: '0' }, null],
  [{ event: 'closed', manual: false, after: '0' }, 'Position closed by automation: SPY250822C00635000'],
  [
    { event: 'increased', before: '3', after: '5' },
    'Quantity mismatch: SPY250822C00635000 (local: 3, Alpaca: 5)',
  ],
  [
    { event: 'missing', before: '3', after: '3', manual: null },
    'Position missing at the broker, kept: SPY250822C00635000 (qty: 3)',
  ],
  [{ event: 'closed', manual: null, after: '0' }, 'Position closed: SPY250822C00635000'],
  [{ event: 'expired', after: '0' }, 'Position expired: SPY250822C00635000'],
  [{ event: 'split', before: '1', after: '4' }, 'Position split: SPY250822C00635000 (from 1 to 4)'],
])('%o', (more, line) => {
  const difference = { ...NOTHING, positions: { found: {}, differing: [], changes: [change(more)] } };
  expect(alpacaSyncLines(difference, ALL).slice(1)).toEqual(line === null ? [] : [`[ALPACA-SYNC] ${line}`]);
});

test('an equity that is not stated is said', () => {
  expect(alpacaSyncLines({ ...NOTHING, type: 'bankroll' }, ALL)).toEqual([
    '[ALPACA-SYNC] Alpaca account - Equity: unknown, the bankroll is as it was',
  ]);
});

test('asset classes narrow positions and trades, never the bankroll', () => {
  const trade = (instrument: string, quantity: string) => ({
    id: '1',
    rev: 0,
    kind: 'fill',
    status: 'ok',
    instrument,
    symbol: instrument.split(':')[1]!,
    quantity,
    price: '2.5',
    amount: null,
    currency: 'USD',
    executedAt: '2025-08-21T14:00:00Z',
    orderId: null,
    manual: true,
  });
  const difference: SyncDifference = {
    ...NOTHING,
    positions: {
      found: { equity: 7, option: 1, crypto: 2 },
      differing: [],
      changes: [change({}), change({ symbol: 'AAPL', kind: 'equity' })],
    },
    transactions: [trade('equity:AAPL:USD', '3'), trade('option:SPY250822C00635000:USD', '-2')],
  };
  expect(alpacaSyncLines(difference, { kinds: ['option'] })).toEqual([
    '[ALPACA-SYNC] Found 1 options position in Alpaca account',
    '[ALPACA-SYNC] Detected manual position: SPY250822C00635000 (qty: 1)',
    '[ALPACA-SYNC] Imported 1 missing trade',
    '[ALPACA-SYNC] Trade 1: sell 2 SPY250822C00635000 @ 2.5',
  ]);
  expect(alpacaSyncLines(difference, ALL)).toContain(
    '[ALPACA-SYNC] Found 7 stock positions in Alpaca account',
  );
});
