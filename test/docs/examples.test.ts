/**
 * Every example of the documents is run, as it stands, in a real process against a sandbox; or a comment above it says why
 * not. Settings are `.env` of the folder it runs in, as a reader has them.
 */
import { cpSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { join } from 'node:path';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import { randomBytes } from '../../src/platform.ts';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.ts';
import { eventually, Place } from '../cli/command.ts';
import { readSources, ROOT } from '../walls/sources.ts';
import { examplesOf, truebookArguments, wordsOf, type Example } from './examples.ts';
import { BUILT_LIBRARY, linkTruebook, startProgram, type RunningProgram } from './program.ts';

const BIN = join(ROOT, 'bin', 'truebook.js');

/** Exit codes besides 0 that are an answer and no failure: a difference, a warning. */
const ANSWERS: Readonly<Record<string, readonly number[]>> = { doctor: [3], sync: [3] };

/** What is typed where a command asks. */
const TYPED = 'a-secret-value';

const place = new Place();
const posted: string[] = [];
let sandbox: Sandbox;
let webhook: Server;
let env: Record<string, string>;
let controlUrl: string;
let folders = 0;

beforeAll(async () => {
  sandbox = await startSandbox({ envFile: place.path('sandbox.env') });
  controlUrl = sandbox.ready.control;
  webhook = createServer((request, response) => {
    request.on('data', (part: Buffer) => void posted.push(part.toString()));
    request.on('end', () => response.end());
  });
  await new Promise<void>((resolve) => webhook.listen(0, '127.0.0.1', resolve));
  const { port } = webhook.address() as AddressInfo;
  env = { SYNC_WEBHOOK_URL: `http://127.0.0.1:${port}/sync` };
  const { code } = await place.run(['sync', '--config', place.path('sandbox.env')]);
  expect(code).toBe(0);
});
afterAll(async () => {
  webhook.close();
  await sandbox.close();
  place.remove();
});

/** A reader's folder: the sandbox's settings in `.env`, and a book that was synced once. */
function readersFolder(): string {
  folders += 1;
  const folder = place.path(`reader-${folders}`);
  // Where it is by default for a user of Linux.
  const home = join(folder, '.local', 'share', 'truebook');
  mkdirSync(folder);
  cpSync(place.path('sandbox.env-home'), home, { recursive: true });
  const settings = readFileSync(place.path('sandbox.env'), 'utf8').replace(
    /^TRUEBOOK_HOME=.*$/m,
    `TRUEBOOK_HOME=${home}`,
  );
  writeFileSync(join(folder, '.env'), settings, { mode: 0o600 });
  // What a reader who comes from an older bot has in the own home.
  mkdirSync(join(folder, 'old-bot', 'logs'), { recursive: true });
  writeFileSync(join(folder, 'old-bot', 'bankroll_alpaca_paper.json'), '{ "bankroll": 95000.00 }\n');
  const trades = 'timestamp,symbol,side,qty,price\n2025-08-20T14:30:00Z,SPY,buy,1,635.10\n';
  writeFileSync(join(folder, 'old-bot', 'logs', 'trade_history_alpaca_paper.csv'), trades);
  return folder;
}

async function runProgram(example: Example, from: 'sources' | 'built'): Promise<void> {
  const folder = readersFolder();
  linkTruebook(folder, from);
  const name = `example.${example.language === 'js' ? 'mjs' : 'mts'}`;
  writeFileSync(join(folder, name), example.text);
  const program = startProgram([name], folder, env);
  if (example.text.includes("'SIGINT'")) {
    await atWork(program, 'The agent keeps');
    await endsWell(example, program);
    return;
  }
  const { code, output } = await program.ended;
  expect(`${example.place}: ${code}\n${code === 0 ? '' : output}`).toBe(`${example.place}: 0\n`);
}

async function runHooks(example: Example): Promise<void> {
  const folder = readersFolder();
  const name = `my-hooks.${example.language === 'js' ? 'mjs' : 'ts'}`;
  writeFileSync(join(folder, name), example.text);
  posted.length = 0;
  const words = ['--', BIN, 'agent', '--once'];
  const { code, output } = await startProgram(words, folder, { ...env, HOOKS: `./${name}` }).ended;
  expect(`${example.place}: ${code}\n${output}`).toContain(`${example.place}: 0\n`);
  expect(output).not.toContain('Hook ');
  if (example.text.includes('fetch(')) {
    expect(posted.map((body) => Object.keys(JSON.parse(body) as object))).toEqual([
      ['sync_count', 'timestamp'],
    ]);
  }
  const appended = /appendFile\('([^']+)'/.exec(example.text)?.[1];
  if (appended !== undefined)
    expect(readFileSync(join(folder, appended), 'utf8')).toContain('alpaca-paper true true\n');
}

/** Commands of one block share a folder and a sandbox that one of them starts. */
async function runCommands(example: Example): Promise<void> {
  const folder = readersFolder();
  const lines = example.text
    .replaceAll('\\\n', ' ')
    .replaceAll(/(?<=\s)~(?=\/)/g, folder)
    .split('\n')
    .map(wordsOf);
  // A reader who removes a secret has sealed it before.
  for (const [, name = ''] of example.text.matchAll(/truebook secret remove (\w+)/g))
    await runCommand(example, folder, ['secret', 'set', name]);
  const sandboxes: RunningProgram[] = [];
  for (const words of lines.filter(({ length }) => length > 0)) {
    const given = truebookArguments(words);
    if (given?.[0] === 'sandbox') {
      const program = startProgram(['--', BIN, ...given], folder, env, 60_000);
      await atWork(program, '{"ready":true');
      sandboxes.push(program);
    } else if (given !== null) await runCommand(example, folder, given);
    else if (words[0] === 'curl') await runCurl(example, words);
    else
      throw new Error(
        `${example.place}: "${words.join(' ')}" cannot be run: say why in <!-- not run: ... -->`,
      );
  }
  for (const program of sandboxes) await endsWell(example, program);
}

async function runCommand(example: Example, folder: string, given: readonly string[]): Promise<void> {
  const command = given[0] ?? '';
  const typed = command === 'secret' && given[1] === 'set' ? `${TYPED}\n` : '';
  const program = startProgram(['--', BIN, ...given], folder, env, 60_000, typed);
  if (command === 'agent' && !given.includes('--once')) {
    await atWork(program, '✓ Sync cycle');
    await endsWell(example, program);
    return;
  }
  const { code, output } = await program.ended;
  const isFine = code === 0 || (code !== null && ANSWERS[command]?.includes(code) === true);
  expect(isFine ? '' : `${example.place}: truebook ${given.join(' ')} ended with ${code}\n${output}`).toBe(
    '',
  );
}

/** Waits until a program that runs until it is stopped has said this, or has ended. */
async function atWork({ child, ended }: RunningProgram, said: string): Promise<void> {
  let output = '';
  let hasEnded = false;
  child.stdout!.on('data', (part: string) => (output += part));
  void ended.then(() => (hasEnded = true));
  await eventually(() => (hasEnded || output.includes(said) ? true : null));
}

/** Ctrl+C ends it with 0. */
async function endsWell(example: Example, { child, ended }: RunningProgram): Promise<void> {
  child.kill('SIGINT');
  const { code, output } = await ended;
  expect(`${example.place}: ${code}\n${code === 0 ? '' : output}`).toBe(`${example.place}: 0\n`);
}

/** `curl -X POST http://127.0.0.1:PORT/control/trade -d '{...}'` */
async function runCurl(example: Example, words: readonly string[]): Promise<void> {
  const address = words.find((word) => word.startsWith('http'));
  const path = /\/control\/.*$/.exec(address ?? '')?.[0];
  if (path === undefined) throw new Error(`${example.place}: only the play broker can be called`);
  const body = words[words.indexOf('-d') + 1];
  const response = await fetch(new URL(path, controlUrl), {
    method: 'POST',
    ...(body === undefined ? {} : { body }),
  });
  expect(`${example.place}: ${response.status} ${await response.text()}`).toContain(`${example.place}: 200 `);
  await fetch(new URL('/control/fault', controlUrl), { method: 'DELETE' });
}

/** Settings: every name is one, and every value that stands for something of the reader's may be anything. */
function readSettings(example: Example): void {
  const folder = readersFolder();
  const lines = example.text.replaceAll(/=\.\.\./g, '=something');
  writeFileSync(join(folder, '.env'), lines, { mode: 0o600 });
  const config = loadConfig({
    env: {},
    cwd: folder,
    machine: { operatingSystem: 'linux', userHome: folder },
    randomBytes,
  });
  expect(`${example.place}: ${config.warnings.join()}`).toBe(`${example.place}: `);
  const read = new Set(config.effective.filter(({ source }) => source === '.env').map(({ name }) => name));
  const written = [...lines.matchAll(/^([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name!);
  expect([...read].sort()).toEqual(written.sort());
}

async function documents(): Promise<readonly { path: string; text: string }[]> {
  const pages = await readSources('docs', '.md');
  const told = pages.filter(({ path }) => !path.startsWith('docs/decisions/'));
  return [{ path: 'README.md', text: readFileSync(join(ROOT, 'README.md'), 'utf8') }, ...told];
}

const DOCUMENTS = await documents();
const EXAMPLES = DOCUMENTS.flatMap(({ path, text }) => examplesOf(path, text));
const RUN = EXAMPLES.filter(({ notRun }) => notRun === null);

/** The built package is only of interest while it is of these sources. */
async function isBuilt(): Promise<boolean> {
  if (!existsSync(BUILT_LIBRARY)) return false;
  const built = statSync(BUILT_LIBRARY).mtimeMs;
  const sources = await readSources('src', '.ts');
  return sources.every(({ path }) => statSync(join(ROOT, path)).mtimeMs < built);
}

describe('the examples of the documents', () => {
  it.each(RUN.filter(({ kind }) => kind === 'program').map((example) => [example.place, example] as const))(
    '%s is a program that runs',
    async (_place, example) => {
      await runProgram(example, 'sources');
      if (await isBuilt()) await runProgram(example, 'built');
    },
    60_000,
  );

  it.each(RUN.filter(({ kind }) => kind === 'hooks').map((example) => [example.place, example] as const))(
    '%s are hooks that an agent loads and calls',
    async (_place, example) => {
      await runHooks(example);
    },
  );

  it.each(RUN.filter(({ kind }) => kind === 'commands').map((example) => [example.place, example] as const))(
    '%s are commands that end well',
    async (_place, example) => {
      await runCommands(example);
    },
    120_000,
  );

  it.each(RUN.filter(({ kind }) => kind === 'settings').map((example) => [example.place, example] as const))(
    '%s are settings that are read',
    (_place, example) => {
      readSettings(example);
    },
  );

  it('that are not run say why, and are few', () => {
    const left = EXAMPLES.filter(({ notRun }) => notRun !== null);
    for (const { place: where, notRun } of left)
      expect(notRun!.length, `${where} gives no reason`).toBeGreaterThan(15);
    expect(RUN.length).toBeGreaterThan(25);
    expect(left.map(({ place: where, notRun }) => `${where} ${notRun}`).length).toBeLessThan(RUN.length / 2);
  });

  it('have the types they say', () => {
    const options: ts.CompilerOptions = {
      noEmit: true,
      strict: true,
      skipLibCheck: true,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      target: ts.ScriptTarget.ES2024,
      lib: ['lib.es2025.d.ts', 'lib.esnext.disposable.d.ts', 'lib.dom.d.ts'],
      types: ['node'],
      typeRoots: [join(ROOT, 'node_modules', '@types')],
      allowImportingTsExtensions: true,
      resolveJsonModule: true,
      erasableSyntaxOnly: true,
      verbatimModuleSyntax: true,
      noUncheckedIndexedAccess: true,
      paths: { truebook: [join(ROOT, 'src', 'index.ts')] },
    };
    const folder = readersFolder();
    const programs = RUN.filter(
      ({ kind, language }) => (kind === 'program' || kind === 'hooks') && language === 'ts',
    );
    const files = programs.map((example, index) => {
      const file = join(folder, `example-${index}.mts`);
      writeFileSync(file, example.text);
      return file;
    });
    const program = ts.createProgram(files, options);
    const problems = ts
      .getPreEmitDiagnostics(program)
      .filter(({ file }) => file === undefined || file.fileName.startsWith(folder))
      .map(({ file, messageText }) => {
        const index = files.findIndex((path) => path === file?.fileName);
        return `${programs[index]?.place ?? 'all'}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
      });
    expect(programs.length).toBeGreaterThan(8);
    expect(problems).toEqual([]);
  }, 300_000);
});

describe('the finder of examples', () => {
  it('tells programs, hooks, commands and settings from pictures', () => {
    const text = [
      '```ts\nawait 1;\n```',
      '```ts\nexport default {};\n```',
      '```\ntruebook status   # look\n```',
      '   ```bash\n   A_B=1\n   ```',
      '```\na -> b\n```',
      '```yaml\na: 1\n```',
      '<!-- not run: it would take the whole day -->\n\n```bash\nnpm test\n```',
    ].join('\n\n');
    expect(examplesOf('a.md', text).map(({ kind, text: body, notRun }) => [kind, body, notRun])).toEqual([
      ['program', 'await 1;', null],
      ['hooks', 'export default {};', null],
      ['commands', 'truebook status   # look', null],
      ['settings', 'A_B=1', null],
      ['commands', 'npm test', 'it would take the whole day'],
    ]);
  });

  it('splits lines as a shell does', () => {
    expect(wordsOf(`truebook sync -d '{"a": "b c"}' "x y"   # why`)).toEqual([
      'truebook',
      'sync',
      '-d',
      '{"a": "b c"}',
      'x y',
    ]);
    expect(truebookArguments(wordsOf('npm run -s truebook -- status --json'))).toEqual(['status', '--json']);
    expect(truebookArguments(wordsOf('npm ci'))).toBeNull();
  });
});
