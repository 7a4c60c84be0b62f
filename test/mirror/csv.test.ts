import fc from 'fast-check';
import { expect, it } from 'vitest';
import { decimal } from '../../src/domain/decimal.ts';
import { csvText, parseCsv } from '../../src/mirror/csv.ts';

it('law: what is written is read back, whatever stands in the cells', () => {
  const cell = fc.string({ unit: 'grapheme' }).filter((text) => !/^[=+\-@\t\r]/.test(text));
  fc.assert(
    fc.property(fc.array(fc.record({ a: cell, b: cell }), { maxLength: 5 }), (rows) => {
      const read = parseCsv(csvText(['a', 'b'], rows)).map(({ cells }) => cells);
      expect(read).toEqual([['a', 'b'], ...rows.map(({ a, b }) => [a, b])]);
    }),
  );
});

it('no text of others is a formula, and no number is touched', () => {
  expect(
    csvText(['a', 'b', 'c', 'd'], [{ a: '=HYPERLINK("x")', b: '@cmd', c: decimal('-1.50'), d: '-AAPL' }]),
  ).toBe(`a,b,c,d\n"'=HYPERLINK(""x"")",'@cmd,-1.5,'-AAPL\n`);
});

it('lines are counted as an editor counts them', () => {
  expect(parseCsv('a,b\r\n"1\n2",x\r\n\r\n3,"q""q"z\n')).toEqual([
    { line: 1, cells: ['a', 'b'] },
    { line: 2, cells: ['1\n2', 'x'] },
    { line: 5, cells: ['3', 'q"qz'] },
  ]);
});
