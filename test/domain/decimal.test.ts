import Big from 'big.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Decimal, decimal } from '../../src/domain/decimal.ts';

/** Decimal text with up to 40 digits on either side: far beyond what a double can hold. */
const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 40 });
const decimalText = fc
  .tuple(fc.constantFrom('', '-'), digits, fc.option(digits, { nil: null }))
  .map(([sign, whole, fraction]) => `${sign}${whole}${fraction === null ? '' : `.${fraction}`}`);

/** big.js as the independent judge: its sums and products are exact too. */
function judge(value: Big): string {
  const text = value.toFixed();
  return /^-0(\.0*)?$/.test(text) ? '0' : text;
}

describe('reading and printing', () => {
  test.each([
    ['0', '0'],
    ['-0', '0'],
    ['-0.000', '0'],
    ['+5', '5'],
    ['007.50', '7.5'],
    ['.5', '0.5'],
    ['5.', '5'],
    ['1e3', '1000'],
    ['1.5e-8', '0.000000015'],
    ['-12E2', '-1200'],
    ['122011.09751111286868', '122011.09751111286868'],
    [
      '100000000000000000000000000000.000000000000000000001',
      '100000000000000000000000000000.000000000000000000001',
    ],
  ])('%s prints as %s', (text, canonical) => {
    expect(decimal(text).toString()).toBe(canonical);
  });

  test.each([
    '',
    ' ',
    '.',
    '-',
    'e5',
    '1e',
    'NaN',
    'Infinity',
    '1,000',
    '1_000',
    '0x10',
    '1 2',
    '--1',
    '1e99999',
    '١',
  ])('%j is refused with a code and a hint', (text) => {
    expect(Decimal.tryParse(text)).toBeNull();
    expect(() => decimal(text)).toThrowError(expect.objectContaining({ code: 'bad_decimal' }));
  });

  test('absurdly long text is refused, not computed', () => {
    expect(Decimal.tryParse('9'.repeat(10_000))).toBeNull();
  });

  test('law: parse(print(x)) = x, and the text is canonical', () => {
    fc.assert(
      fc.property(decimalText, (text) => {
        const value = decimal(text);
        const printed = value.toString();
        expect(decimal(printed).equals(value)).toBe(true);
        expect(printed).toMatch(/^(0|-?(0\.\d*[1-9]|[1-9]\d*(\.\d*[1-9])?))$/);
        expect(printed).toBe(judge(new Big(text)));
      }),
    );
  });
});

describe('arithmetic', () => {
  test.each([
    ['2000.55000000000000200055', '0.333333333333333333', '1.000000000000000001', '666.84999999999999933315'],
    ['10', '1', '3', '3.333333333333333333'],
    ['0.5', '0.000000000000000001', '4', '0.000000000000000000125'],
  ])('a share of %s, %s by %s, is %s: exact where it ends', (total, part, whole, share) => {
    expect(decimal(total).share(decimal(part), decimal(whole), 18).toString()).toBe(share);
  });

  test('a share is rounded where that is asked for, though it ends', () => {
    const share = decimal('0.5').share(decimal('0.000000000000000001'), decimal('4'), 18, 'rounded');
    expect(share.toString()).toBe('0');
  });

  test('sums, differences, products and comparisons agree with an independent library', () => {
    fc.assert(
      fc.property(decimalText, decimalText, (left, right) => {
        const [a, b] = [new Big(left), new Big(right)];
        expect(decimal(left).plus(decimal(right)).toString()).toBe(judge(a.plus(b)));
        expect(decimal(left).minus(decimal(right)).toString()).toBe(judge(a.minus(b)));
        expect(decimal(left).times(decimal(right)).toString()).toBe(judge(a.times(b)));
        expect(decimal(left).compare(decimal(right))).toBe(a.cmp(b));
      }),
    );
  });

  test('quotients and roundings are half-even, as the independent library has them', () => {
    fc.assert(
      fc.property(decimalText, decimalText, fc.integer({ min: 0, max: 20 }), (left, right, places) => {
        const divisor = new Big(right);
        expect(decimal(left).round(places).toString()).toBe(judge(new Big(left).round(places, 2)));
        if (divisor.eq(0)) return;
        Big.DP = places;
        Big.RM = 2;
        expect(decimal(left).dividedBy(decimal(right), places).toString()).toBe(
          judge(new Big(left).div(divisor)),
        );
      }),
    );
  });

  test('the sum does not depend on the order', () => {
    fc.assert(
      fc.property(fc.array(decimalText, { maxLength: 30 }), (texts) => {
        const forward = Decimal.sum(texts.map(decimal));
        expect(Decimal.sum(texts.toReversed().map(decimal)).equals(forward)).toBe(true);
      }),
    );
  });

  test('dividing by zero is an error, never infinity', () => {
    expect(() => decimal('1').dividedBy(Decimal.zero, 2)).toThrowError(
      expect.objectContaining({ code: 'division_by_zero' }),
    );
  });

  test.each([
    ['2.5', 0, '2'],
    ['3.5', 0, '4'],
    ['-2.5', 0, '-2'],
    ['-3.5', 0, '-4'],
    ['2.50001', 0, '3'],
    ['0.125', 2, '0.12'],
  ])('%s rounded to %i places is %s', (text, places, rounded) => {
    expect(decimal(text).round(places).toString()).toBe(rounded);
  });

  test('toFixed pads for people', () => {
    expect(decimal('5').toFixed(2)).toBe('5.00');
    expect(decimal('-0.005').toFixed(2)).toBe('0.00');
    expect(decimal('1234.565').toFixed(2)).toBe('1234.56');
  });
});
