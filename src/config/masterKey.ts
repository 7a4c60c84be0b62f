/** The key of the sealed secrets: where it is looked for, what is refused, and how the first one is made. */
import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { TruebookError } from '../domain/errors.ts';
import { refuseReadableByOthers, writePrivateFile } from './privateFile.ts';
import type { Secret } from './secret.ts';

const KEY_BYTES = 32;
/** Bytes of the short name that says which key an entry needs. */
export const KEY_ID_BYTES = 8;

/** The name a unit gives the key: `LoadCredential=truebook-key:PATH`. */
export const CREDENTIAL_NAME = 'truebook-key';

/** A key that is ready to seal and open, with the short name that says which key an entry needs. */
export interface MasterKey {
  readonly bytes: Buffer;
  readonly id: string;
  /** Where it came from, for errors: `TRUEBOOK_SECRET_KEY`, the systemd credential or the key file's path. */
  readonly from: string;
}

export type RandomBytes = (count: number) => Buffer;

export interface KeySources {
  /** `TRUEBOOK_SECRET_KEY`. */
  readonly secretKey: Secret | null;
  /** `$CREDENTIALS_DIRECTORY`: where systemd puts the credentials of a service, null outside of one. */
  readonly credentialsFolder: string | null;
  /** `TRUEBOOK_KEY_FILE`. */
  readonly keyFile: string;
  readonly operatingSystem: string;
  readonly randomBytes: RandomBytes;
}

/** Where the key is taken from; says nothing of whether it can be used. */
export interface KeyPlace {
  readonly source: 'setting' | 'systemd credential' | 'key file';
  /** Null for the setting `TRUEBOOK_SECRET_KEY`: `truebook config` shows where that stands. */
  readonly path: string | null;
}

/**
 * The first source that holds a key: `TRUEBOOK_SECRET_KEY`, the systemd credential, the key file; null when none does.
 * A service that loads other credentials only goes on to the key file.
 */
export function findKey(sources: KeySources): KeyPlace | null {
  if (sources.secretKey !== null) return { source: 'setting', path: null };
  if (sources.credentialsFolder !== null) {
    const path = join(sources.credentialsFolder, CREDENTIAL_NAME);
    if (isThere(path)) return { source: 'systemd credential', path };
  }
  return isThere(sources.keyFile) ? { source: 'key file', path: sources.keyFile } : null;
}

/** The key, or null when there is none yet. Throws `secret_unreadable` when there is one that cannot be used. */
export function readMasterKey(sources: KeySources): MasterKey | null {
  const place = findKey(sources);
  if (place === null) return null;
  const { source, path } = place;
  if (path === null) return masterKey(sources.secretKey?.reveal() ?? '', 'TRUEBOOK_SECRET_KEY', source);
  // systemd opens a credential to the service's user by an access list, which shows as a right of the group.
  refuseReadableByOthers(
    path,
    sources.operatingSystem,
    source === 'systemd credential' ? 'world' : 'group and world',
  );
  const from = source === 'systemd credential' ? `the systemd credential ${path}` : path;
  return masterKey(readKeyFile(path, from), from, source);
}

/** The key; makes the key file (0600) when there is none. */
export function readOrMakeMasterKey(sources: KeySources): MasterKey {
  const existing = readMasterKey(sources);
  if (existing !== null) return existing;
  const text = `${sources.randomBytes(KEY_BYTES).toString('base64')}\n`;
  try {
    writePrivateFile(sources.keyFile, text, sources.randomBytes(6).toString('hex'), 'new');
  } catch (error) {
    // Two commands at once: the first one's key counts.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return masterKey(readKeyFile(sources.keyFile, sources.keyFile), sources.keyFile, 'key file');
}

/** A folder nobody may look into holds a key for all we know: reading it then says why it cannot be read. */
function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES';
  }
}

function readKeyFile(path: string, from: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new TruebookError('secret_unreadable', `${upper(from)} cannot be read (${code}).`, {
      hint: 'Let the user that Truebook runs as read it, and nobody else.',
    });
  }
}

function masterKey(text: string, from: string, source: KeyPlace['source']): MasterKey {
  const written = text.trim();
  const bytes = Buffer.from(written, 'base64');
  // Node skips what is not base64; only text that comes out the same again is a key.
  const isBase64 = bytes.toString('base64').replace(/=+$/, '') === written.replace(/=+$/, '');
  if (!isBase64 || bytes.length !== KEY_BYTES) {
    const found =
      written === '' ? 'it is empty' : isBase64 ? `it is ${bytes.length} bytes` : 'it is no base64';
    const hints: Record<KeyPlace['source'], string> = {
      setting: 'Bring the right key back from your backup.',
      'key file': 'Bring the right key back from your backup.',
      'systemd credential':
        `The file behind LoadCredential=${CREDENTIAL_NAME} must hold the text of the key: ` +
        'copy master.key of the data folder, or for a new key use `openssl rand -base64 32`.',
    };
    throw new TruebookError(
      'secret_unreadable',
      `${upper(from)} does not hold a key: 32 bytes in base64 (${found}).`,
      { hint: hints[source] },
    );
  }
  const id = createHash('sha256')
    .update('truebook key id')
    .update(bytes)
    .digest('hex')
    .slice(0, KEY_ID_BYTES * 2);
  return { bytes, id, from };
}

function upper(text: string): string {
  return text.startsWith('the ') ? `T${text.slice(1)}` : text;
}
