/** Programs of a user: files in a folder of their own that import 'truebook', run by Node in a process of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PINNED = join(ROOT, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node');

export const BUILT_LIBRARY = join(ROOT, 'dist', 'library', 'index.js');

/** Makes `import 'truebook'` work in `folder`: from the sources, or from the built package. */
export function linkTruebook(folder: string, from: 'sources' | 'built' = 'sources'): void {
  const target = from === 'sources' ? join(ROOT, 'src', 'index.ts') : BUILT_LIBRARY;
  const place = join(folder, 'node_modules', 'truebook');
  mkdirSync(place, { recursive: true });
  writeFileSync(
    join(place, 'package.json'),
    '{ "name": "truebook", "type": "module", "exports": "./index.js" }\n',
  );
  writeFileSync(join(place, 'index.js'), `export * from ${JSON.stringify(pathToFileURL(target).href)};\n`);
}

export interface Ended {
  readonly code: number | null;
  readonly output: string;
}

export interface RunningProgram {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

/** Starts a program, with `input` piped into it; it is killed after `limitMs` (then its code is null). */
export function startProgram(
  words: readonly string[],
  folder: string,
  env: Readonly<Record<string, string>> = {},
  limitMs = 30_000,
  input = '',
): RunningProgram {
  const child = spawn(existsSync(PINNED) ? PINNED : process.execPath, words, {
    cwd: folder,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: folder,
      TMPDIR: folder,
      NODE_COMPILE_CACHE: join(ROOT, 'node_modules', '.cache', 'compiled'),
      ...env,
    },
  });
  child.stdin.on('error', () => undefined).end(input);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
  const limit = setTimeout(() => child.kill('SIGKILL'), limitMs);
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(limit);
      resolve({ code, output });
    });
  });
  return { child, ended };
}

/** A module in a folder, written and run to its end. */
export async function runModule(
  folder: string,
  name: string,
  text: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  writeFileSync(join(folder, name), text);
  return await startProgram([name], folder, env).ended;
}
