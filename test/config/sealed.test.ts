import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  openSealedSecrets,
  readMasterKey,
  readOrMakeMasterKey,
  seal,
  unseal,
} from '../../src/config/sealed.ts';
import type { KeySources, MasterKey } from '../../src/config/sealed.ts';
import { Secret } from '../../src/config/secret.ts';
import { assertNoCanary, plantCanary } from '../canary.ts';

let home = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'truebook-sealed-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const sources = (changes: Partial<KeySources> = {}): KeySources => ({
  secretKey: null,
  keyFile: join(home, 'master.key'),
  operatingSystem: 'linux',
  randomBytes,
  ...changes,
});
const keyText = (): Secret => new Secret(randomBytes(32).toString('base64'));
const open = (changes: Partial<KeySources> = {}) => openSealedSecrets(home, sources(changes));
const place = { purpose: 'setting', name: 'ALPACA_SECRET_KEY' };
const key = (): MasterKey => readOrMakeMasterKey(sources());

describe('the sealed file', () => {
  test('gives back what was sealed, lists, replaces and removes', () => {
    const secrets = open();
    expect([secrets.listSecrets(), secrets.openSecret('A')]).toEqual([[], null]);
    secrets.sealSecret('B', new Secret('bé\n'));
    secrets.sealSecret('A', new Secret('one'));
    secrets.sealSecret('A', new Secret('two'));
    expect(open().listSecrets()).toEqual(['A', 'B']);
    expect([open().openSecret('A')?.reveal(), open().openSecret('B')?.reveal()]).toEqual(['two', 'bé\n']);
    expect([secrets.removeSecret('A'), secrets.removeSecret('A')]).toEqual([true, false]);
    expect(open().listSecrets()).toEqual(['B']);
  });

  test('holds no secret in clear, is 0600, and leaves no temporary file', () => {
    const canary = plantCanary('sealed');
    open().sealSecret('A', new Secret(canary.value));
    assertNoCanary([canary], { folders: [home] });
    expect(readdirSync(home).sort()).toEqual(['master.key', 'secrets.sealed']);
    for (const name of readdirSync(home)) expect(statSync(join(home, name)).mode & 0o777).toBe(0o600);
  });

  test.each(['master.key', 'secrets.sealed'])(
    'is refused while %s can be read by others, with the fix',
    (name) => {
      open().sealSecret('A', new Secret('one'));
      chmodSync(join(home, name), 0o640);
      expect(() => open().openSecret('A')).toThrow(
        expect.objectContaining({
          code: 'secret_unreadable',
          hint: `Run: chmod 600 '${join(home, name)}'`,
        }) as Error,
      );
      expect(open({ operatingSystem: 'win32' }).openSecret('A')?.reveal()).toBe('one');
    },
  );

  test.each([
    ['cut', (text: string) => text.slice(0, text.length / 2)],
    ['empty', () => ''],
    ['foreign', () => '{"entries":{"A":1}}'],
    ['null', () => 'null'],
  ])('that is %s is told as damaged', (_how, damage) => {
    open().sealSecret('A', new Secret('one'));
    const path = join(home, 'secrets.sealed');
    writeFileSync(path, damage(readFileSync(path, 'utf8')));
    expect(() => open().openSecret('A')).toThrow(
      expect.objectContaining({ code: 'secret_unreadable' }) as Error,
    );
  });

  test('entries cannot be swapped', () => {
    open().sealSecret('A', new Secret('one'));
    open().sealSecret('B', new Secret('two'));
    const path = join(home, 'secrets.sealed');
    const file = JSON.parse(readFileSync(path, 'utf8')) as { entries: Record<string, string> };
    const swapped = { A: file.entries['B'], B: file.entries['A'] };
    writeFileSync(path, JSON.stringify({ ...file, entries: swapped }));
    expect(() => open().openSecret('A')).toThrow(/changed or damaged/);
  });

  test('a strange name is refused', () => {
    expect(() => open().sealSecret('a b', new Secret('x'))).toThrow(
      expect.objectContaining({ code: 'usage' }) as Error,
    );
  });
});

describe('the key', () => {
  test('of the environment wins and then no key file is made', () => {
    const secretKey = keyText();
    open({ secretKey }).sealSecret('A', new Secret('one'));
    expect(readdirSync(home)).toEqual(['secrets.sealed']);
    expect(open({ secretKey }).openSecret('A')?.reveal()).toBe('one');
  });

  test('that is another one opens nothing, adds nothing, and is named', () => {
    open({ secretKey: keyText() }).sealSecret('A', new Secret('one'));
    const wrongKey = open({ secretKey: keyText() });
    expect(() => wrongKey.openSecret('A')).toThrow(/sealed with another key .* TRUEBOOK_SECRET_KEY/);
    expect(() => wrongKey.sealSecret('B', new Secret('two'))).toThrow(/another key/);
    expect(wrongKey.listSecrets()).toEqual(['A']);
  });

  test('that is lost is not silently replaced', () => {
    open().sealSecret('A', new Secret('one'));
    rmSync(join(home, 'master.key'));
    const missing = expect.objectContaining({ code: 'secret_key_missing' }) as Error;
    expect(() => open().openSecret('A')).toThrow(missing);
    expect(() => open().sealSecret('B', new Secret('two'))).toThrow(missing);
    expect(readdirSync(home)).toEqual(['secrets.sealed']);
  });

  test.each(['', 'c2hvcnQ=', 'not base64 at all!', `${'A'.repeat(42)}!?`])('%j is no key', (text) => {
    expect(() => readMasterKey(sources({ secretKey: new Secret(text) }))).toThrow(/does not hold a key/);
  });

  test('is made once: a second maker takes the first one', () => {
    expect(key().id).toBe(key().id);
    expect(key().bytes).toHaveLength(32);
  });
});

describe('one sealed value', () => {
  test('never uses a nonce twice and carries magic, version and key id', () => {
    const first = key();
    const sealed = Array.from({ length: 50 }, () => seal(first, place, Buffer.from('x'), randomBytes));
    expect(new Set(sealed.map((value) => value.subarray(13, 25).toString('hex'))).size).toBe(50);
    expect(sealed[0]?.subarray(0, 4).toString()).toBe('TBSL');
    expect(sealed[0]?.subarray(5, 13).toString('hex')).toBe(first.id);
  });

  test('a flip of any one bit, or any cut, is seen', () => {
    const used = key();
    const sealed = seal(used, place, Buffer.from('secret'), randomBytes);
    expect(unseal(used, place, sealed).toString()).toBe('secret');
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const flipped = Buffer.from(sealed);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => unseal(used, place, flipped)).toThrow(
        expect.objectContaining({ code: 'secret_unreadable' }) as Error,
      );
    }
    for (let length = 0; length < sealed.length; length += 1) {
      expect(() => unseal(used, place, sealed.subarray(0, length))).toThrow();
    }
  });

  test('opens only for the purpose and name it was sealed for', () => {
    const used = key();
    const sealed = seal(used, place, Buffer.from('secret'), randomBytes);
    expect(() => unseal(used, { ...place, purpose: 'session' }, sealed)).toThrow(/changed or damaged/);
    expect(() => unseal(used, { ...place, name: 'OTHER' }, sealed)).toThrow(/changed or damaged/);
  });

  test('keeps its format: a value sealed by the first version still opens', () => {
    const secretKey = new Secret(Buffer.alloc(32, 7).toString('base64'));
    const used = readOrMakeMasterKey(sources({ secretKey }));
    const fixedNonce = (count: number): Buffer => Buffer.alloc(count, 1);
    expect(seal(used, place, Buffer.from('secret'), fixedNonce).toString('base64')).toMatchInlineSnapshot(
      `"VEJTTAGs84pY2LZw9QEBAQEBAQEBAQEBAQWE6sX1yzgSrOJqvxXzipS5iRvpDuk="`,
    );
  });
});
