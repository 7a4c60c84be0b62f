import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseExactJson } from '../../src/domain/json.ts';

/** What every reader must give: numbers as the text they were written as. */
function byReviver(text: string): unknown {
  const keep = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === 'number' ? (context?.source ?? String(value)) : value;
  return JSON.parse(text, keep as (key: string, value: unknown) => unknown);
}

describe('JSON without loss', () => {
  test.each([
    ['0.10000000000000000001', '0.10000000000000000001'],
    ['[1.50, -2e3]', ['1.50', '-2e3']],
    ['[ 7]', ['7']],
    ['{"a" : 12345678901234567890}', { a: '12345678901234567890' }],
    ['{"a":{"b":-0.0}}', { a: { b: '-0.0' } }],
    ['["a,5","[6","b\\":7"]', ['a,5', '[6', 'b":7']],
    ['{"a":"1.50","b":null,"c":[true,false,""]}', { a: '1.50', b: null, c: [true, false, ''] }],
  ])('%s', (text, value) => {
    expect(parseExactJson(text)).toEqual(value);
  });

  test('whatever is in it and however it is spaced, numbers keep their text', () => {
    const spaced = fc
      .tuple(fc.jsonValue({ depthSize: 'medium' }), fc.constantFrom(0, 1, '\t', ' \n'))
      .map(([value, space]) => JSON.stringify(value, null, space));
    fc.assert(
      fc.property(spaced, (text) => {
        expect(parseExactJson(text)).toEqual(byReviver(text));
      }),
    );
  });

  test.each(['', '[1', '{"a":1,}', 'nothing'])('throws where JSON does: %s', (text) => {
    expect(() => parseExactJson(text)).toThrow(SyntaxError);
  });
});
