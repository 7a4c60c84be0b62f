import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decimal } from '../../src/domain/decimal.ts';
import {
  crypto,
  equity,
  isAdjustedRoot,
  kindOf,
  option,
  parseOcc,
  printOcc,
} from '../../src/domain/instrument.ts';
import { addDays, parseTradeDate } from '../../src/domain/time.ts';

describe('option symbols', () => {
  test.each([
    ['SPY250822C00635000', 'SPY', '2025-08-22', 'call', '635'],
    ['SPY   250822C00635000', 'SPY', '2025-08-22', 'call', '635'],
    ['KO250815P00070500', 'KO', '2025-08-15', 'put', '70.5'],
    ['F251219C00000125', 'F', '2025-12-19', 'call', '0.125'],
    ['SOXS2260821C00005000', 'SOXS2', '2026-08-21', 'call', '5'],
    ['COUR1260821C00005000', 'COUR1', '2026-08-21', 'call', '5'],
    ['SPXW251231P05000000', 'SPXW', '2025-12-31', 'put', '5000'],
    ['BRKB250815C99999999', 'BRKB', '2025-08-15', 'call', '99999.999'],
  ])('%s is %s %s %s at %s', (text, root, expiry, right, strike) => {
    const occ = parseOcc(text);
    expect(occ).toMatchObject({ root, expiry, right });
    expect(occ?.strike.toString()).toBe(strike);
    expect(printOcc(occ!)).toBe(text.replaceAll(' ', ''));
  });

  test.each([
    '',
    'SPY',
    'SPY250822X00635000',
    'SPY250230C00635000',
    'SPY25082C00635000',
    'TOOLONGX250822C00635000',
    '123456250822C00635000',
  ])('%j is no option symbol', (text) => {
    expect(parseOcc(text)).toBeNull();
    expect(() => option(text)).toThrowError(expect.objectContaining({ code: 'bad_instrument' }));
  });

  test('law: print then parse gives the same contract, padded or not', () => {
    const roots = fc.stringMatching(/^[A-Z]{1,5}[0-9A-Z]?$/);
    const strikes = fc
      .integer({ min: 1, max: 99_999_999 })
      .map((thousandths) => decimal(`${thousandths}e-3`));
    const days = fc
      .integer({ min: 0, max: 20_000 })
      .map((count) => addDays(parseTradeDate('2010-01-01'), count));
    fc.assert(
      fc.property(
        roots,
        strikes,
        days,
        fc.constantFrom('call' as const, 'put' as const),
        fc.boolean(),
        (root, strike, expiry, right, padded) => {
          const text = printOcc({ root, strike, expiry, right }, padded);
          if (padded) expect(text).toHaveLength(21);
          const back = parseOcc(text)!;
          expect({ ...back, strike: back.strike.toString() }).toEqual({
            root,
            expiry,
            right,
            strike: strike.toString(),
          });
        },
      ),
    );
  });

  test('a strike finer than a thousandth is refused, not rounded', () => {
    const occ = {
      root: 'F',
      expiry: parseTradeDate('2025-12-19'),
      right: 'call' as const,
      strike: decimal('0.0625'),
    };
    expect(() => printOcc(occ)).toThrowError(expect.objectContaining({ code: 'bad_instrument' }));
  });

  test('adjusted roots are known by their digit', () => {
    expect(isAdjustedRoot('SOXS2')).toBe(true);
    expect(isAdjustedRoot('SPXW')).toBe(false);
  });
});

describe('identities', () => {
  test('one identity for both spellings of a crypto pair', () => {
    expect(crypto('BTCUSD')).toEqual(crypto('BTC/USD'));
    expect(crypto('btc/usd').id).toBe('crypto:BTC/USD');
    expect(crypto('ETHUSDT').symbol).toBe('ETH/USDT');
    expect(crypto('ETHBTC').currency).toBe('BTC');
  });

  test('identities say kind, symbol and currency', () => {
    expect(equity('SAP', 'EUR').id).toBe('equity:SAP:EUR');
    expect(option('SPY   250822C00635000').id).toBe('option:SPY250822C00635000:USD');
    expect(
      option('SOXS2260821C00005000', { multiplier: decimal('5'), underlying: 'SOXS' }).option?.underlying,
    ).toBe('SOXS');
    expect(kindOf('option:SPY250822C00635000:USD')).toBe('option');
    expect(() => kindOf('nonsense')).toThrowError(expect.objectContaining({ code: 'bad_instrument' }));
  });
});
