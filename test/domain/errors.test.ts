import { expect, test } from 'vitest';
import { errorText } from '../../src/domain/errors.ts';

test.each<[unknown, string]>([
  [new Error('it broke'), 'it broke'],
  ['a text', 'a text'],
  [undefined, 'undefined'],
  [Object.create(null), 'something without a text was thrown'],
  [Object.assign(new Error('x'), { message: 7 }), '7'],
  [
    Object.defineProperty(new Error('x'), 'message', { get: () => 1 + (null as never)['x'] }),
    'something without a text was thrown',
  ],
])('%# has a text, whatever was thrown', (thrown, text) => {
  expect(errorText(thrown)).toBe(text);
});
