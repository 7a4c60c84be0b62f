/**
 * Secrets at rest: AES-256-GCM, each entry `magic | version | key id | nonce | ciphertext | tag`, bound by its
 * additional data `version|key id|purpose|name` to its place, so that entries cannot be swapped. They are useless
 * without a key that stands in another file or in the environment.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { TruebookError } from '../domain/errors.ts';
import { CREDENTIAL_NAME, findKey, KEY_ID_BYTES, readMasterKey, readOrMakeMasterKey } from './masterKey.ts';
import type { KeyPlace, KeySources, MasterKey, RandomBytes } from './masterKey.ts';
import { refuseReadableByOthers, writePrivateFile } from './privateFile.ts';
import { Secret } from './secret.ts';

const MAGIC = Buffer.from('TBSL');
const VERSION = 1;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const DERIVED_BYTES = 32;
const HEADER_BYTES = MAGIC.length + 1 + KEY_ID_BYTES;

/** What a sealed value is for and whose it is: part of its additional data. */
export interface SealedPlace {
  /** `setting`, `session`, `account-id`, ...: a value sealed for one purpose does not open for another. */
  readonly purpose: string;
  readonly name: string;
}

/** Seals with a fresh random nonce. */
export function seal(
  key: MasterKey,
  place: SealedPlace,
  plaintext: Buffer,
  randomBytes: RandomBytes,
): Buffer {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key.bytes, nonce);
  cipher.setAAD(additionalData(VERSION, key.id, place));
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  const header = Buffer.concat([MAGIC, Buffer.from([VERSION]), Buffer.from(key.id, 'hex')]);
  return Buffer.concat([header, nonce, ciphertext, cipher.getAuthTag()]);
}

/**
 * Opens what `seal` made for the same place. Throws `secret_unreadable` for another key, a cut or changed value or
 * another place; nothing of the plaintext is answered unless all of it is proved.
 */
export function unseal(key: MasterKey, place: SealedPlace, sealed: Buffer): Buffer {
  const named = `The sealed value ${place.name}`;
  if (sealed.length < HEADER_BYTES + NONCE_BYTES + TAG_BYTES || !sealed.subarray(0, 4).equals(MAGIC)) {
    throw unreadable(`${named} is cut off or was not written by Truebook.`, sealAgain(place));
  }
  if (sealed[4] !== VERSION) {
    throw unreadable(`${named} was written by a newer Truebook (format ${sealed[4]}).`, 'Update Truebook.');
  }
  const keyId = sealed.subarray(5, HEADER_BYTES).toString('hex');
  if (keyId !== key.id) {
    throw unreadable(
      `${named} was sealed with another key (${keyId}) than the one in ${key.from} (${key.id}).`,
      `Bring the old key back, or ${sealAgain(place)[0]?.toLowerCase()}${sealAgain(place).slice(1)}`,
    );
  }
  const nonce = sealed.subarray(HEADER_BYTES, HEADER_BYTES + NONCE_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', key.bytes, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(additionalData(VERSION, keyId, place));
  decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
  try {
    const body = sealed.subarray(HEADER_BYTES + NONCE_BYTES, -TAG_BYTES);
    return Buffer.concat([decipher.update(body), decipher.final()]);
  } catch {
    // No cause: an OpenSSL error says nothing more, and nothing of the value may travel along.
    throw unreadable(`${named} was changed or damaged since it was sealed.`, sealAgain(place));
  }
}

function additionalData(version: number, keyId: string, place: SealedPlace): Buffer {
  return Buffer.from(`${version}|${keyId}|${place.purpose}|${place.name}`, 'utf8');
}

function sealAgain(place: SealedPlace): string {
  return place.purpose === 'setting' ? `Run: truebook secret set ${place.name}` : 'Connect the broker again.';
}

function unreadable(message: string, hint: string): TruebookError {
  return new TruebookError('secret_unreadable', message, { hint });
}

// ---- the file --------------------------------------------------------------------------------------------------

const PURPOSE = 'setting';
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;

interface SealedFile {
  readonly format: 'truebook-sealed-secrets';
  readonly version: 1;
  /** Name -> base64 of the sealed value. */
  readonly entries: Readonly<Record<string, string>>;
}

/** Purpose of the key that signs the heads of the book's chains. */
export const CHAIN_SIGNING = 'chain signing';

/** The secrets sealed in one data folder (`<home>/secrets.sealed`). */
export interface SealedSecrets {
  readonly path: string;
  /** Adds or replaces; makes the key file when there is no key and nothing sealed yet. */
  sealSecret(name: string, value: Secret): void;
  /** The value, null when nothing is sealed under the name. Throws `secret_unreadable`, `secret_key_missing`. */
  openSecret(name: string): Secret | null;
  /** The names, sorted. Needs no key. */
  listSecrets(): string[];
  /** True if there was one. Needs no key. */
  removeSecret(name: string): boolean;
  /**
   * Seals some and forgets others in one step: all of it stands in the file, or nothing does. Answers what undoes it.
   * Throws as `sealSecret`.
   */
  changeSecrets(change: SecretChange): () => void;
  /**
   * 32 bytes for a purpose of its own (`chain signing`), worked out from the key and of no use for anything else; null
   * when there is no key yet. Throws `secret_unreadable`.
   */
  deriveKey(purpose: string): Buffer | null;
  /** Where the key is taken from, null when there is none yet. Throws `secret_unreadable` when it cannot be used. */
  checkKey(): KeyPlace | null;
}

export interface SecretChange {
  readonly seal: Readonly<Record<string, Secret>>;
  readonly forget: readonly string[];
}

/** The sealed secrets of a data folder. Nothing is read or made before it is asked for. */
export function openSealedSecrets(home: string, sources: KeySources): SealedSecrets {
  const path = join(home, 'secrets.sealed');

  const readEntries = (): Record<string, string> => {
    if (!existsSync(path)) return {};
    refuseReadableByOthers(path, sources.operatingSystem);
    return parseSealedFile(readFileSync(path, 'utf8'), path);
  };
  const writeEntries = (entries: Record<string, string>): void => {
    const file: SealedFile = { format: 'truebook-sealed-secrets', version: 1, entries };
    writePrivateFile(
      path,
      `${JSON.stringify(file, null, 2)}\n`,
      sources.randomBytes(6).toString('hex'),
      'replace',
    );
  };
  const keyMissing = (): TruebookError =>
    new TruebookError('secret_key_missing', `The key of the sealed secrets in ${path} is missing.`, {
      hint:
        `Bring ${sources.keyFile} back, set TRUEBOOK_SECRET_KEY or load the credential ${CREDENTIAL_NAME}; ` +
        `without the key, delete ${path} and seal anew.`,
    });

  const changeSecrets = ({ seal: wanted, forget }: SecretChange): (() => void) => {
    const names = Object.keys(wanted);
    if (!names.every((name) => NAME.test(name))) {
      throw new TruebookError('usage', 'A secret needs a name of letters, digits, _, - and dots.', {
        hint: 'Use the name of the setting: truebook secret set ALPACA_SECRET_KEY',
      });
    }
    const before = readEntries();
    const kept = Object.entries(before).filter(([name]) => !names.includes(name) && !forget.includes(name));
    // A new key beside old entries would lock them away for ever without a word.
    const key = kept.length > 0 ? readMasterKey(sources) : readOrMakeMasterKey(sources);
    if (key === null) throw keyMissing();
    const [other] = kept;
    if (other !== undefined)
      unseal(key, { purpose: PURPOSE, name: other[0] }, Buffer.from(other[1], 'base64'));
    const sealed = Object.entries(wanted).map(([name, value]): [string, string] => {
      const bytes = Buffer.from(value.reveal(), 'utf8');
      return [name, seal(key, { purpose: PURPOSE, name }, bytes, sources.randomBytes).toString('base64')];
    });
    const existed = existsSync(path);
    writeEntries(Object.fromEntries([...kept, ...sealed].sort(byName)));
    return () => (existed ? writeEntries(before) : rmSync(path, { force: true }));
  };

  return {
    path,
    sealSecret(name, value) {
      changeSecrets({ seal: { [name]: value }, forget: [] });
    },
    changeSecrets,
    deriveKey(purpose) {
      const key = readMasterKey(sources);
      if (key === null) return null;
      return Buffer.from(hkdfSync('sha256', key.bytes, '', `truebook/${purpose}/1`, DERIVED_BYTES));
    },
    checkKey() {
      readMasterKey(sources);
      return findKey(sources);
    },
    openSecret(name) {
      const entries = readEntries();
      const sealed = Object.hasOwn(entries, name) ? entries[name] : undefined;
      if (sealed === undefined) return null;
      const key = readMasterKey(sources);
      if (key === null) throw keyMissing();
      return new Secret(
        unseal(key, { purpose: PURPOSE, name }, Buffer.from(sealed, 'base64')).toString('utf8'),
      );
    },
    listSecrets() {
      return Object.keys(readEntries()).sort();
    },
    removeSecret(name) {
      const entries = readEntries();
      if (!Object.hasOwn(entries, name)) return false;
      writeEntries(Object.fromEntries(Object.entries(entries).filter(([other]) => other !== name)));
      return true;
    },
  };
}

function parseSealedFile(text: string, path: string): Record<string, string> {
  let file: Partial<SealedFile> | null = null;
  try {
    file = JSON.parse(text) as Partial<SealedFile> | null;
  } catch {
    // Told below together with every other damage.
  }
  const entries: unknown = file?.entries;
  const whole =
    file?.format === 'truebook-sealed-secrets' &&
    typeof entries === 'object' &&
    entries !== null &&
    Object.values(entries).every((sealed) => typeof sealed === 'string');
  if (!whole) {
    throw unreadable(
      `${path} is cut off or damaged.`,
      'Bring it back from your backup, or delete it and seal anew.',
    );
  }
  return { ...(entries as Record<string, string>) };
}

function byName(left: readonly string[], right: readonly string[]): number {
  return (left[0] ?? '') < (right[0] ?? '') ? -1 : 1;
}
