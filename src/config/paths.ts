import { posix, resolve, win32 } from 'node:path';

/** What `config/` needs to know of the machine; `platform.ts` tells it. */
export interface Machine {
  /** As Node names it: `linux`, `darwin`, `win32`. */
  readonly operatingSystem: string;
  /** The user's own folder, as `~` means it. */
  readonly userHome: string;
}

/**
 * The platform's data folder for the user: `~/.local/share/truebook` (or below `XDG_DATA_HOME`),
 * `~/Library/Application Support/Truebook`, `%LOCALAPPDATA%\Truebook`.
 */
export function dataFolder(env: Readonly<Record<string, string | undefined>>, machine: Machine): string {
  if (machine.operatingSystem === 'win32') {
    const local = env['LOCALAPPDATA'];
    return local !== undefined && local !== ''
      ? win32.join(local, 'Truebook')
      : win32.join(machine.userHome, 'AppData', 'Local', 'Truebook');
  }
  if (machine.operatingSystem === 'darwin') {
    return posix.join(machine.userHome, 'Library', 'Application Support', 'Truebook');
  }
  const shared = env['XDG_DATA_HOME'];
  // The XDG rule: a relative path there is invalid and counts as unset.
  return shared !== undefined && posix.isAbsolute(shared)
    ? posix.join(shared, 'truebook')
    : posix.join(machine.userHome, '.local', 'share', 'truebook');
}

/** A path as written: `~/` is the user's folder, a relative one counts from the folder it was written in. */
export function resolvePath(text: string, writtenIn: string, userHome: string): string {
  if (text === '~') return userHome;
  if (text.startsWith('~/') || text.startsWith('~\\')) return resolve(userHome, text.slice(2));
  return resolve(writtenIn, text);
}
