import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, inspect } from 'node:util';
import { expect, test } from 'vitest';
import { Secret } from '../../src/config/secret.ts';

const value = 'hunter2-hunter2';
const secret = new Secret(value);

test.each<[string, () => string]>([
  ['String()', () => String(secret)],
  ['a template', () => `${secret as unknown as string}`],
  ['addition', () => '' + (secret as unknown as string)],
  ['JSON', () => JSON.stringify({ secret })],
  ['inspect', () => inspect({ deep: [secret] }, { showHidden: true, depth: 9, getters: true })],
  ['format', () => format('%s %o %O %j', secret, secret, secret, secret)],
  ['structuredClone', () => JSON.stringify(structuredClone(secret))],
  ['spread', () => JSON.stringify({ ...secret })],
  ['Object.entries', () => JSON.stringify(Object.entries(secret))],
  ['an error', () => inspect(new Error('login failed', { cause: { secret } }))],
])('%s shows [secret] and nothing else', (_way, print) => {
  expect(print()).toContain('[secret]');
  expect(print()).not.toContain('hunter');
});

test('reveal is the way to it', () => {
  expect(secret.reveal()).toBe(value);
});

/** Who may reveal a secret, and why. A new caller is a decision, not an accident. */
const MAY_REVEAL: readonly [RegExp, string][] = [
  [/^config\/sealed\.ts$/, 'seals it'],
  [/^config\/masterKey\.ts$/, 'makes the key of it'],
  [/^config\/values\.ts$/, 'finds the password in a database address'],
  [/^config\/load\.ts$/, 'registers it with the scrubber'],
  [/^compose\.ts$/, 'hands it to the room that needs it'],
  [/^brokers\/([a-z]+)\/(\1|client|stream|session|auth)\.ts$/, 'signs requests to the broker'],
  [/^store\/(open|postgres)\.ts$/, 'opens the database'],
  [/^alerts\/[a-zA-Z]+\.ts$/, 'addresses the channel'],
];

test('only the listed files reveal secrets', () => {
  const source = fileURLToPath(new URL('../../src', import.meta.url));
  const callers = readdirSync(source, { recursive: true, encoding: 'utf8' })
    .filter(
      (path) => path.endsWith('.ts') && /\breveal\(\)(?!:)/.test(readFileSync(join(source, path), 'utf8')),
    )
    .map((path) => relative('.', path).split(sep).join('/'))
    .filter((path) => path !== 'config/secret.ts');
  expect(callers).toContain('config/sealed.ts');
  expect(callers.filter((path) => !MAY_REVEAL.some(([allowed]) => allowed.test(path)))).toEqual([]);
});
