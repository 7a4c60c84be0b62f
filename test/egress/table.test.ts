import { describe, expect, test } from 'vitest';
import { createEgress, type EgressRequest } from '../../src/egress/egress.ts';
import { allowedRow, EGRESS_TABLE, type EgressMethod } from '../../src/egress/table.ts';
import { type BrokerName } from '../../src/domain/account.ts';
import { isTruebookError } from '../../src/domain/errors.ts';
import { systemClock } from '../../src/platform.ts';
import { startReplay } from '../brokers/replay.ts';

const LIVE = 'https://api.alpaca.markets';

function verdict(
  method: string,
  address: string,
  loopback: readonly string[] = [],
  broker: BrokerName = 'alpaca',
): string {
  try {
    return allowedRow(broker, method as EgressMethod, address, loopback).row.purpose;
  } catch (error) {
    if (!isTruebookError(error, 'egress_refused')) throw error;
    return 'refused';
  }
}

describe('the table of allowed requests', () => {
  test('holds reads only', () => {
    expect(EGRESS_TABLE.length).toBeGreaterThan(10);
    expect(new Set(EGRESS_TABLE.map((row) => row.method))).toEqual(new Set(['GET', 'WS']));
    expect(EGRESS_TABLE.flatMap((row) => row.actions ?? [])).toEqual(['authenticate', 'listen']);
    for (const row of EGRESS_TABLE) {
      expect(row.path.source.startsWith('^') && row.path.source.endsWith('$')).toBe(true);
      expect(row.path.flags).toBe('');
    }
  });

  test.each([
    ['GET', `${LIVE}/v2/account`, 'account and balances'],
    ['GET', `${LIVE}/v2/account/portfolio/history?timeframe=1D`, 'equity of past days'],
    [
      'GET',
      'https://paper-api.alpaca.markets/v2/orders/61e69015-8549-4bfd-b9c3-01e75843f47d',
      'one order: who placed a trade',
    ],
    ['GET', 'https://data.alpaca.markets/v1beta1/options/snapshots?symbols=A,B', 'option marks and Greeks'],
    ['WS', 'wss://api.alpaca.markets/stream', 'trade updates, as a hint'],
  ])('%s %s goes out', (method, address, purpose) => {
    expect(verdict(method, address)).toBe(purpose);
  });

  test.each([
    // verbs that change something
    ['POST', `${LIVE}/v2/orders`],
    ['DELETE', `${LIVE}/v2/positions`],
    ['PATCH', `${LIVE}/v2/account`],
    ['PUT', `${LIVE}/v2/account`],
    ['get', `${LIVE}/v2/account`],
    // paths that are not in the table, also by detours
    ['GET', `${LIVE}/v2/account/configurations`],
    ['GET', `${LIVE}/v2/account/`],
    ['GET', `${LIVE}/v2/orders/../watchlists`],
    ['GET', `${LIVE}/v2/orders/%2e%2e/watchlists`],
    ['GET', `${LIVE}/v2/orders/a%2Fb`],
    ['GET', `${LIVE}//v2/account`],
    // hosts that are not the broker's
    ['GET', 'https://api.alpaca.markets.example.com/v2/account'],
    ['GET', 'https://example.com/v2/account'],
    ['GET', 'https://data.alpaca.markets/v2/account'],
    ['GET', `${LIVE}:8443/v2/account`],
    ['GET', 'https://user:pass@api.alpaca.markets/v2/account'],
    ['GET', 'https://169.254.169.254/v2/account'],
    // plain text, other schemes, nonsense
    ['GET', 'http://api.alpaca.markets/v2/account'],
    ['WS', 'ws://api.alpaca.markets/stream'],
    ['GET', 'wss://api.alpaca.markets/stream'],
    ['WS', `${LIVE}/v2/account`],
    ['GET', 'file:///etc/passwd'],
    ['GET', 'not an address'],
    // this machine, unless the settings name it
    ['GET', 'http://127.0.0.1:9999/v2/account'],
    ['GET', 'http://localhost/v2/account'],
  ])('%s %s is refused', (method, address) => {
    expect(verdict(method, address)).toBe('refused');
  });

  test.each([
    ['https://api.robinhood.com/accounts/?default_to_all_accounts=true', 'accounts and balances'],
    ['https://nummus.robinhood.com/accounts/', 'crypto account'],
    ['https://bonfire.robinhood.com/accounts/unified/', 'every account with its whole value'],
    ['https://nummus.robinhood.com/orders/', 'crypto trades'],
  ])('Robinhood: GET %s goes out', (address, purpose) => {
    expect(verdict('GET', address, [], 'robinhood')).toBe(purpose);
  });

  test.each([
    ['POST', 'https://api.robinhood.com/orders/'],
    ['POST', 'https://api.robinhood.com/options/orders/'],
    ['GET', 'https://api.robinhood.com/orders/a/cancel/'],
    ['GET', 'https://api.robinhood.com/holdings/'],
    ['GET', 'https://nummus.robinhood.com/positions/'],
    ['GET', 'https://phoenix.robinhood.com/accounts/unified/'],
    ['GET', 'https://api.robinhood.com.example.com/orders/'],
    ['GET', 'http://api.robinhood.com/orders/'],
    ['GET', 'https://api.alpaca.markets/v2/account'],
  ])('Robinhood: %s %s is refused', (method, address) => {
    expect(verdict(method, address, [], 'robinhood')).toBe('refused');
  });

  test('a path that names an account is shown without it', () => {
    const naming = EGRESS_TABLE.filter(
      (row) => row.path.test('/portfolios/5QA10001/') || row.path.test('/accounts/5QA10001/'),
    );
    expect(naming.map((row) => row.shownAs)).toEqual(['/accounts/{account}/', '/portfolios/{account}/']);
  });

  test('an address of this machine that the settings name opens the same paths and no more', () => {
    const loopback = ['http://127.0.0.1:9999/alpaca/paper'];
    expect(verdict('GET', 'http://127.0.0.1:9999/alpaca/paper/v2/account', loopback)).toBe(
      'account and balances',
    );
    expect(verdict('WS', 'ws://127.0.0.1:9999/alpaca/paper/stream', loopback)).toBe(
      'trade updates, as a hint',
    );
    expect(verdict('GET', 'http://127.0.0.1:9999/v2/account', loopback)).toBe('refused');
    expect(verdict('GET', 'http://127.0.0.1:9999/alpaca/paper-2/v2/account', loopback)).toBe('refused');
    expect(verdict('GET', 'http://127.0.0.1:9998/alpaca/paper/v2/account', loopback)).toBe('refused');
    expect(verdict('GET', 'http://127.0.0.1:9999/alpaca/paper/control/trade', loopback)).toBe('refused');
    expect(verdict('POST', 'http://127.0.0.1:9999/alpaca/paper/v2/orders', loopback)).toBe('refused');
    // A name in the settings that is not this machine opens nothing.
    expect(verdict('GET', 'http://example.com/v2/account', ['http://example.com'])).toBe('refused');
  });

  test('a refusal names no login and no query', () => {
    expect(() => allowedRow('alpaca', 'GET', 'https://key:secret@evil.test/x?token=t', [])).toThrow(
      /evil\.test\/x was not sent/,
    );
    expect(() => allowedRow('alpaca', 'GET', 'https://key:secret@evil.test/x?token=t', [])).not.toThrow(
      /secret|token/,
    );
  });
});

describe('verbs that change something', () => {
  test('cannot be written down, and are refused when a caller without types tries', async () => {
    const replay = await startReplay();
    const egress = createEgress({ clock: systemClock(), random: () => 0, allowLoopback: [replay.url] });
    try {
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
        const request: EgressRequest = {
          broker: 'alpaca',
          url: `${replay.url}/v2/orders`,
          headers: {},
          credential: 'x',
          // @ts-expect-error: a request has no method; that this line must be excused is the point
          method,
        };
        await expect(egress.request(request)).rejects.toMatchObject({ code: 'egress_refused' });
      }
      expect(replay.requests).toEqual([]);
      expect(egress.requestsMade()).toBe(0);
    } finally {
      await replay.close();
    }
  });
});
