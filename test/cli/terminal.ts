/** A command on a real terminal (`script` of util-linux opens one), typed at as a person would. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, PINNED, ROOT, type Place } from './command.ts';

/** Windows and macOS have no such `script`; the questions are the same code there. */
export const HAS_TERMINALS = process.platform === 'linux' && existsSync('/usr/bin/script');

export interface Terminal {
  readonly child: ChildProcess;
  /** Everything the screen was sent, echo included. */
  screen(): string;
  /** Waits until the text stands on the screen behind what was waited for before, then types. */
  answer(shown: string, typed: string): Promise<void>;
  readonly done: Promise<number | null>;
}

export function openTerminal(place: Place, args: readonly string[], env: Record<string, string>): Terminal {
  const quoted = [
    existsSync(PINNED) ? PINNED : process.execPath,
    '--',
    join(ROOT, 'bin', 'truebook.js'),
    ...args,
  ]
    .map((word) => `'${word}'`)
    .join(' ');
  const child = spawn('script', ['-qefc', quoted, '/dev/null'], {
    cwd: place.folder,
    env: { PATH: process.env['PATH'] ?? '', HOME: place.folder, TMPDIR: place.folder, TERM: 'dumb', ...env },
  });
  place.adopt(child);
  let screen = '';
  let seen = 0;
  child.stdout.setEncoding('utf8').on('data', (text: string) => (screen += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (screen += text));
  child.stdin.on('error', () => undefined);
  return {
    child,
    screen: () => screen,
    async answer(shown, typed) {
      const at = await eventually(() => {
        const found = screen.indexOf(shown, seen);
        return found < 0 ? null : found + shown.length;
      });
      seen = at;
      child.stdin.write(typed);
    },
    done: new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code) => resolve(code));
    }),
  };
}
