import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { randomBytes } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readMasterKey, readOrMakeMasterKey } from '../../src/config/masterKey.ts';
import type { KeySources, MasterKey } from '../../src/config/masterKey.ts';
import { openSealedSecrets, seal, unseal } from '../../src/config/sealed.ts';
import { Secret } from '../../src/config/secret.ts';
import { assertNoCanary, plantCanary } from '../canary.ts';

let home = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'truebook-sealed-'));
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const sources = (changes: Partial<KeySources> = {}): KeySources => ({
  secretKey: null,
  credentialsFolder: null,
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

describe('keys of other purposes', () => {
  test('come from the master key, differ by purpose, and are none without it', () => {
    expect(open().deriveKey('chain signing')).toBeNull();
    expect(existsSync(join(home, 'master.key'))).toBe(false);
    open().sealSecret('A', new Secret('one'));
    const derived = open().deriveKey('chain signing');
    expect(derived).toHaveLength(32);
    expect(open().deriveKey('chain signing')).toEqual(derived);
    expect(open().deriveKey('something else')).not.toEqual(derived);
    expect(derived).not.toEqual(key().bytes);
    expect(open({ secretKey: keyText() }).deriveKey('chain signing')).not.toEqual(derived);
    writeFileSync(join(home, 'master.key'), 'no key');
    expect(() => open().deriveKey('chain signing')).toThrow(
      expect.objectContaining({ code: 'secret_unreadable' }),
    );
  });
});

describe('the key of a systemd credential', () => {
  const credential = (text: string | Buffer, mode = 0o440): string => {
    const folder = mkdtempSync(join(home, 'credentials-'));
    writeFileSync(join(folder, 'truebook-key'), text);
    chmodSync(join(folder, 'truebook-key'), mode);
    return folder;
  };
  const written = (): string => `${randomBytes(32).toString('base64')}\n`;

  test('is used before the key file and after TRUEBOOK_SECRET_KEY', () => {
    open().sealSecret('A', new Secret('of the file'));
    const credentialsFolder = credential(written());
    const path = join(credentialsFolder, 'truebook-key');
    expect(() => open({ credentialsFolder }).openSecret('A')).toThrow(
      new RegExp(`sealed with another key .* the systemd credential ${path}`),
    );
    expect(open().checkKey()).toEqual({ source: 'key file', path: join(home, 'master.key') });
    expect(open({ credentialsFolder }).checkKey()).toEqual({ source: 'systemd credential', path });
    const secretKey = keyText();
    expect(open({ credentialsFolder, secretKey }).checkKey()).toEqual({ source: 'setting', path: null });
    expect(readMasterKey(sources({ credentialsFolder, secretKey }))?.from).toBe('TRUEBOOK_SECRET_KEY');
  });

  test('opens what the key file of the same text sealed, and no key file is made', () => {
    open().sealSecret('A', new Secret('one'));
    const credentialsFolder = credential(readFileSync(join(home, 'master.key')));
    rmSync(join(home, 'master.key'));
    expect(open({ credentialsFolder }).openSecret('A')?.reveal()).toBe('one');
    open({ credentialsFolder }).sealSecret('B', new Secret('two'));
    expect(existsSync(join(home, 'master.key'))).toBe(false);
  });

  test('that was not loaded leaves the key file to be used', () => {
    const credentialsFolder = mkdtempSync(join(home, 'credentials-'));
    writeFileSync(join(credentialsFolder, 'other'), 'x');
    expect(open({ credentialsFolder }).checkKey()).toBeNull();
    open({ credentialsFolder }).sealSecret('A', new Secret('one'));
    expect(open({ credentialsFolder }).checkKey()?.source).toBe('key file');
  });

  test.each([
    ['empty', '', 'it is empty'],
    ['too short', 'c2hvcnQ=', 'it is 5 bytes'],
    ['raw bytes', Buffer.alloc(32, 200), 'it is no base64'],
  ])('that is %s is refused, and the key file does not stand in for it', (_what, text, found) => {
    open().sealSecret('A', new Secret('one'));
    const credentialsFolder = credential(text);
    expect(() => open({ credentialsFolder }).checkKey()).toThrow(
      expect.objectContaining({
        code: 'secret_unreadable',
        message: `The systemd credential ${join(credentialsFolder, 'truebook-key')} does not hold a key: 32 bytes in base64 (${found}).`,
        hint: expect.stringContaining('LoadCredential=truebook-key'),
      }) as Error,
    );
  });

  test('that cannot be read says so', () => {
    const credentialsFolder = mkdtempSync(join(home, 'credentials-'));
    mkdirSync(join(credentialsFolder, 'truebook-key'));
    chmodSync(join(credentialsFolder, 'truebook-key'), 0o700);
    expect(() => open({ credentialsFolder }).checkKey()).toThrow(
      /^The systemd credential .* cannot be read \(EISDIR\)/,
    );
    const open4all = credential(written(), 0o444);
    expect(() => open({ credentialsFolder: open4all }).checkKey()).toThrow(/can be read by others/);
  });
});

describe('several secrets in one step', () => {
  test('stand or fall together, and can be undone', () => {
    open().sealSecret('A', new Secret('one'));
    const undo = open().changeSecrets({
      seal: { B: new Secret('two'), C: new Secret('three') },
      forget: ['A'],
    });
    expect(open().listSecrets()).toEqual(['B', 'C']);
    undo();
    expect(open().listSecrets()).toEqual(['A']);
    expect(open().openSecret('A')?.reveal()).toBe('one');
    expect(() =>
      open().changeSecrets({ seal: { D: new Secret('x'), 'a b': new Secret('y') }, forget: [] }),
    ).toThrow(expect.objectContaining({ code: 'usage' }) as Error);
    expect(open().listSecrets()).toEqual(['A']);
  });

  test('undone where nothing was sealed before, no file is left', () => {
    open().changeSecrets({ seal: { A: new Secret('one') }, forget: [] })();
    expect(readdirSync(home)).toEqual(['master.key']);
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
