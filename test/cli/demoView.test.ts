import { describe, expect, it } from 'vitest';
import { type Config } from '../../src/config/load.ts';
import { type DemoFacts } from '../../src/cli/demoFacts.ts';
import { viewLines, type Around } from '../../src/cli/demoView.ts';
import { terminalScreen } from '../../src/cli/terminalScreen.ts';
import { type PositionRecord } from '../../src/sync/records.ts';

const fresh = {
  asOf: '2025-08-21T14:00:00Z',
  fetchedAt: '2025-08-21T14:00:00Z',
  age: 4,
  fresh: true,
  why: null,
};
const sync = {
  enabled: true,
  sync_interval: 15,
  stats: {
    total_syncs: 1,
    successful_syncs: 1,
    failed_syncs: 0,
    positions_created: 1,
    positions_updated: 0,
    positions_closed: 0,
    last_sync_time: null,
  },
};

function position(symbol: string, account: string): PositionRecord {
  return {
    account,
    accountId: 1,
    symbol,
    instrument: `equity:${symbol}:USD`,
    kind: 'equity',
    quantity: '10',
    brokerQuantity: '10',
    bookQuantity: '10',
    explained: true,
    averageCost: '100',
    multiplier: '1',
    mark: '226.4',
    markAsOf: null,
    marketValue: '2264',
    unrealizedPnl: '1264',
    unrealizedPnlPct: '126.4',
    realizedPnl: null,
    realizedBasis: 'unknown',
    state: 'open',
    openedAt: null,
    closedAt: null,
    greeks: null,
    option: null,
    source: 'alpaca',
    ...fresh,
  };
}

const accounts = (['live', 'paper'] as const).map((env, index) => ({
  account: `alpaca-${env}`,
  accountId: index + 1,
  broker: 'alpaca',
  env,
  auth: 'ok' as const,
  lastSuccess: null,
  lastAttempt: null,
  lastError: null,
  nextRun: null,
  age: 4,
  fresh: env === 'paper',
  why: env === 'paper' ? null : 'stale: 90 s old',
  openFindings: 0,
  position_sync: sync,
}));

const facts: DemoFacts = {
  status: {
    accounts,
    agent: { running: true, pid: 1, startedAt: null, syncCount: 1, errorCount: 0, lastCycleMs: 5 },
    position_sync: sync,
  },
  balances: accounts.map(({ account }) => ({
    account,
    currency: 'USD',
    equity: '101703.035',
    cash: '-12.5',
    buyingPower: null,
    longMarketValue: null,
    shortMarketValue: null,
    ...fresh,
  })),
  positions: Array.from({ length: 40 }, (_unused, index) =>
    position(`S${index}`, index < 20 ? 'alpaca-live' : 'alpaca-paper'),
  ),
  events: Array.from({ length: 20 }, (_unused, index) => ({
    account: 'alpaca-paper',
    kind: 'opened',
    at: '2025-08-21T14:00:00Z',
    symbol: `E${index}\u001b[2J`,
    instrument: null,
    facts: { after: '10', activity: 'FILL:20250821::long-id' },
    firstSeenAt: '2025-08-21T14:00:00Z',
  })),
  streams: new Map([
    [
      'alpaca-paper',
      { state: 'live', since: '2025-08-21T14:00:00Z' as never, lastError: null, reconnects: 0 },
    ],
  ]),
};

const around: Around = {
  controlUrl: 'http://127.0.0.1:40000',
  config: { database: { shown: 'sqlite:demo.db' }, settings: { LOG_FILE: 'demo.log' } } as Config,
  lastLines: ['line 1', 'line 2', 'line 3', 'line 4', 'line 5'],
};

function shownAt(columns: number, rows: number): string[] {
  return viewLines(facts, around, { columns, rows });
}

/** How many rows of a terminal the lines take. */
function height(lines: readonly string[], columns: number): number {
  return lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)), 0);
}

describe('the live view', () => {
  it.each([
    [150, 60],
    [100, 40],
    [80, 24],
    [40, 12],
    [200, 200],
  ])('never scrolls a terminal of %i x %i', (columns, rows) => {
    const lines = shownAt(columns, rows);
    expect(height(lines, columns)).toBeLessThanOrEqual(rows);
    for (const line of lines) if (!line.startsWith('curl ')) expect(line.length).toBeLessThanOrEqual(columns);
  });

  it('says of every account what it has and why it is not fresh', () => {
    const lines = shownAt(150, 80).join('\n');
    expect(lines).toMatch(/^alpaca-live +101,703\.0\d +-12\.50 +4 s +- +0 +NO: stale: 90 s old$/m);
    expect(lines).toMatch(/^alpaca-paper +101,703\.0\d +-12\.50 +4 s +live +0 +yes$/m);
  });

  it('shows positions and events, newest first, and how many it left out', () => {
    const lines = shownAt(150, 60);
    expect(lines.join('\n')).toMatch(/^alpaca-live +S0 +10 +100 +226\.4 +2,264\.00 +1,264\.00 +open$/m);
    expect(lines.filter((line) => /^\.\.\. and \d+ more$/.test(line))).toHaveLength(2);
    const event = lines.find((line) => line.includes(' opened '));
    expect(event).toContain('E0');
    expect(event).not.toContain('FILL:');
  });

  it('gives examples to copy that fit what is held, whole on every terminal', () => {
    for (const columns of [40, 80, 150]) {
      const example = shownAt(columns, 60).find((line) => line.startsWith('curl '))!;
      const [, body = ''] = /-d '(.+)'$/.exec(example) ?? [];
      expect(JSON.parse(body)).toEqual({
        account: 'alpaca-paper',
        symbol: 'S20',
        side: 'buy',
        quantity: '5',
        price: '226.4',
      });
    }
  });

  it('lets no name of a broker move the cursor', () => {
    expect(shownAt(150, 80).join('\n')).not.toContain('\u001b');
  });
});

describe('the screen', () => {
  it('draws in place and brings the terminal back once', () => {
    let written = '';
    const screen = terminalScreen({ write: (text) => (written += text) });
    expect(written).toContain('\u001b[?1049h');
    written = '';
    screen.draw(['a', 'b']);
    expect(written).toBe('\u001b[Ha\u001b[K\nb\u001b[K\u001b[J');
    written = '';
    screen.leave();
    screen.leave();
    screen.draw(['late']);
    expect(written).toBe('\u001b[?25h\u001b[?1049l');
  });
});
