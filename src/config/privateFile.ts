/** Files only their owner may read: written whole or not at all, refused when others can read them. */
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { TruebookError } from '../domain/errors.ts';

/**
 * Writes temp 0600 -> fsync -> rename -> fsync(folder), so that after a power cut the old or the new file stands.
 * `mode: 'new'` fails with EEXIST instead of replacing.
 */
export function writePrivateFile(path: string, text: string, unique: string, mode: 'replace' | 'new'): void {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const temporary = `${path}.${unique}.tmp`;
  try {
    const file = openSync(temporary, 'wx', 0o600);
    try {
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
    if (mode === 'new') linkSync(temporary, path);
    else renameSync(temporary, path);
  } finally {
    rmSync(temporary, { force: true });
  }
  syncFolder(folder);
}

function syncFolder(folder: string): void {
  let handle: number;
  try {
    handle = openSync(folder, 'r');
  } catch {
    // Windows cannot open folders; its file system keeps the rename in its own journal.
    return;
  }
  try {
    fsyncSync(handle);
  } catch {
    // Some network file systems refuse to sync a folder; the file itself is already safe.
  } finally {
    closeSync(handle);
  }
}

/**
 * Throws `secret_unreadable` when `others` have any right on the file, or when that cannot be told. Windows has other
 * rights: not asked there.
 */
export function refuseReadableByOthers(
  path: string,
  operatingSystem: string,
  others: 'group and world' | 'world' = 'group and world',
): void {
  if (operatingSystem === 'win32') return;
  const mode = modeOf(path);
  if ((mode & (others === 'world' ? 0o007 : 0o077)) === 0) return;
  throw new TruebookError(
    'secret_unreadable',
    `${path} can be read by others (mode ${mode.toString(8).padStart(4, '0')}), so it is not used.`,
    { hint: `Run: chmod 600 '${path}'` },
  );
}

function modeOf(path: string): number {
  try {
    return statSync(path).mode & 0o777;
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? 'unknown';
    throw new TruebookError('secret_unreadable', `${path} cannot be read (${code}).`, {
      hint: 'Let the user that Truebook runs as read it, and nobody else.',
    });
  }
}
