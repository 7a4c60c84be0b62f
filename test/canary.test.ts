import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { assertNoCanary, findCanaries, plantCanary } from './canary.ts';

const folder = mkdtempSync(join(tmpdir(), 'truebook-canary-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const canary = plantCanary('ALPACA_SECRET_KEY');
const other = plantCanary('OTHER');
const { value } = canary;

test.each<[string, string | Uint8Array]>([
  ['plain', `x ${value} y`],
  ['JSON', JSON.stringify({ message: `bad key ${value}` })],
  ['JSON in JSON', JSON.stringify({ body: JSON.stringify({ value }) })],
  ['URL', `https://host/?q=${encodeURIComponent(value)}`],
  ['form', new URLSearchParams({ q: value }).toString()],
  ['hex', Buffer.from(value).toString('hex')],
  ['base64', Buffer.from(value).toString('base64')],
  ['base64 of user:secret', Buffer.from(`PK1:${value}`).toString('base64')],
  ['base64 of secret and more', Buffer.from(`ab${value}more`).toString('base64')],
  ['base64url', Buffer.from(`a${value}`).toString('base64url')],
  ['UTF-16', Buffer.from(value, 'utf16le')],
  ['between bytes that are no text', Buffer.concat([Buffer.from([0, 255, 254]), Buffer.from(value)])],
])('a secret leaked as %s is found in outputs and in files', (_spelling, leaked) => {
  expect(findCanaries([canary, other], { outputs: { stdout: leaked } })[0]?.canary).toBe(canary.name);
  const sub = join(folder, 'deep', 'er');
  mkdirSync(sub, { recursive: true });
  writeFileSync(join(sub, 'book.db-wal'), leaked);
  const hits = findCanaries([other, canary], { folders: [folder] });
  expect(hits.map(({ place }) => place)).toContain(join(sub, 'book.db-wal'));
  expect(() => assertNoCanary([canary], { folders: [folder] })).toThrow(
    /ALPACA_SECRET_KEY as .* in .*book\.db-wal/,
  );
  rmSync(join(folder, 'deep'), { recursive: true });
});

test('a leak is told without its value, also one in the name of a file', () => {
  const named = { name: 'NAME', value: 'canary0123456789' };
  writeFileSync(join(folder, `token-${named.value}.txt`), '');
  const hits = findCanaries([named], { folders: [folder] });
  expect(hits).toHaveLength(1);
  let message = '';
  try {
    assertNoCanary([canary], { outputs: { stderr: value } });
  } catch (error) {
    message = String(error);
  }
  expect(message).toContain('ALPACA_SECRET_KEY as plain in stderr');
  expect(message).not.toContain(value);
  rmSync(join(folder, `token-${named.value}.txt`));
});

test('what holds no secret passes', () => {
  writeFileSync(join(folder, 'clean.log'), 'canary- nothing here [secret]');
  assertNoCanary([canary, other], { folders: [folder], outputs: { stdout: '[secret]' } });
});
