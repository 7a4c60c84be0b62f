import { describe, expect, it } from 'vitest';
import { ageText, csvText, moment, money, rounded, shown, tableLines } from '../../src/cli/print.ts';

describe('CSV', () => {
  it('has a header row also without rows, and lines of nested fields', () => {
    expect(csvText<{ a: string; inner: object | null }>([], ['a', 'inner'], { inner: ['x', 'y'] })).toBe(
      'a,inner.x,inner.y',
    );
    const rows = [
      { a: '1', inner: { x: '2', y: null } },
      { a: '3', inner: null },
    ];
    expect(csvText(rows, ['a', 'inner'], { inner: ['x', 'y'] })).toBe('a,inner.x,inner.y\n1,2,\n3,,');
  });

  it.each([
    ['=HYPERLINK("http://evil")', `"'=HYPERLINK(""http://evil"")"`],
    ['+1+1', "'+1+1"],
    ['-2+3', "'-2+3"],
    ['@SUM(A1)', "'@SUM(A1)"],
    ['\tx', "'\tx"],
    ['\rx', `"'\rx"`],
    ['-', "'-"],
  ])('takes the power from a formula: %j', (text, cell) => {
    expect(csvText([{ a: text }], ['a'])).toBe(`a\n${cell}`);
  });

  it.each(['-1.5', '-12', '+3', '0.00000001', 'AAPL', '2025-08-21T14:05:53Z', 'SPY250822C00635000'])(
    'leaves numbers and ordinary text alone: %s',
    (text) => {
      expect(csvText([{ a: text }], ['a'])).toBe(`a\n${text}`);
    },
  );

  it('quotes what would break a line, and writes lists as JSON', () => {
    expect(csvText([{ a: 'x,"y"\nz', b: [{ k: 1 }] }], ['a', 'b'])).toBe('a,b\n"x,""y""\nz","[{""k"":1}]"');
  });
});

describe('a table', () => {
  it('puts decimal points below each other and ends no line in spaces', () => {
    const rows = [{ q: '100' }, { q: '-0.25' }, { q: '1.123456' }];
    expect(tableLines(rows, [{ title: 'QUANTITY', align: 'decimal', cell: (row) => row.q }])).toEqual([
      '  QUANTITY',
      '100',
      ' -0.25',
      '  1.123456',
    ]);
  });

  it('keeps columns straight and shows nothing for what is unknown', () => {
    const rows = [
      { name: 'a', value: null },
      { name: 'long', value: '12' },
    ];
    const columns = [
      { title: 'NAME', cell: (row: (typeof rows)[number]) => row.name },
      { title: 'V', align: 'right' as const, cell: (row: (typeof rows)[number]) => row.value },
    ];
    expect(tableLines(rows, columns)).toEqual(['NAME   V', 'a', 'long  12']);
  });

  it('lets no text of others move the cursor', () => {
    expect(shown('A\u001b[2J\u001b]0;title\u0007B\nC\u202eD')).toBe('AB C D');
  });
});

describe('what people read', () => {
  it.each([
    ['1234567.895', '1,234,567.90'],
    ['-999', '-999.00'],
    ['-1000', '-1,000.00'],
    ['0.005', '0.00'],
    ['123456789012345678901234567890.12', '123,456,789,012,345,678,901,234,567,890.12'],
  ])('money %s', (text, wanted) => {
    expect(money(text)).toBe(wanted);
  });

  it.each([
    [0, '0 s'],
    [119, '119 s'],
    [120, '2 min'],
    [7_200, '2 h'],
    [172_800, '2 d'],
  ])('an age of %i', (seconds, wanted) => {
    expect(ageText(seconds)).toBe(wanted);
  });

  it('an instant, a price', () => {
    expect(moment('2025-08-21T14:05:53.69412Z')).toBe('2025-08-21 14:05:53Z');
    expect(rounded('1.23456', 4)).toBe('1.2346');
    expect([money(null), ageText(null), moment(null), rounded(null, 2)]).toEqual([null, null, null, null]);
  });
});
