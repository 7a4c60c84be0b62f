/** `bin/truebook.js` in a package of its own, so that what it starts is known. */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'truebook-bin-'));
  cpSync(fileURLToPath(new URL('../../bin', import.meta.url)), path.join(folder, 'bin'), { recursive: true });
  write('package.json', '{ "type": "module" }');
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function write(name: string, text: string): void {
  mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  writeFileSync(path.join(folder, name), text);
}

interface Run {
  readonly node?: string;
  readonly options?: readonly string[];
  readonly args?: readonly string[];
}

function run({ node = process.execPath, options = [], args = [] }: Run = {}) {
  const words = [...options, path.join(folder, 'bin', 'truebook.js'), ...args];
  const { status, stdout, stderr } = spawnSync(node, words, { encoding: 'utf8' });
  return { status, stdout, stderr };
}

function expectRefusal(result: ReturnType<typeof run>, version: string): void {
  expect(result).toEqual({
    status: 2,
    stdout: '',
    stderr: `Truebook needs Node.js 24.15.0 or newer, but this is Node.js ${version}: install a newer one from https://nodejs.org and run the command again.\n`,
  });
}

/** Every Node in the PATH, by its version. */
function installedNodes(): Map<string, string> {
  const nodes = new Map<string, string>();
  for (const place of (process.env['PATH'] ?? '').split(path.delimiter)) {
    const node = path.join(place, process.platform === 'win32' ? 'node.exe' : 'node');
    if (!existsSync(node)) continue;
    const { stdout } = spawnSync(realpathSync(node), ['-p', 'process.versions.node'], { encoding: 'utf8' });
    if (/^\d+\.\d+\.\d+\s*$/.test(stdout)) nodes.set(stdout.trim(), node);
  }
  return nodes;
}

describe('an older Node', () => {
  it.each(['0.10.48', '12.0.0', '20.20.2', '24.0.0', '24.9.0', '24.14.1'])(
    'that says it is %s is refused in one sentence',
    (version) => {
      write('src/cli/main.ts', `throw new Error('must not be loaded');`);
      const versions = JSON.stringify({ ...process.versions, node: version });
      write('preload.cjs', `Object.defineProperty(process, 'versions', { value: ${versions} });`);
      expectRefusal(run({ options: ['-r', path.join(folder, 'preload.cjs')] }), version);
    },
  );

  it('of this machine is refused in the same sentence', () => {
    write('src/cli/main.ts', `export function main() { process.exitCode = 0; }`);
    const nodes = installedNodes();
    expect(nodes.size).toBeGreaterThan(0);
    for (const [version, node] of nodes) {
      const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
      const result = run({ node });
      if (major < 24 || (major === 24 && minor < 15)) expectRefusal(result, version);
      else expect(result, version).toEqual({ status: 0, stdout: '', stderr: '' });
    }
  });
});

describe('a Node that is new enough', () => {
  const says = (word: string): string =>
    `export async function main(args${word === 'sources' ? ': string[]' : ''}) { console.log('${word}', args); }`;

  it('runs the sources of a checkout, built or not, with the arguments', () => {
    write('src/cli/main.ts', says('sources'));
    write('dist/cli.js', says('built'));
    expect(run({ args: ['status', '--json'] })).toEqual({
      status: 0,
      stdout: "sources [ 'status', '--json' ]\n",
      stderr: '',
    });
  });

  it('runs the bundle of a published package', () => {
    write('dist/cli.js', says('built'));
    expect(run({ args: ['--help'] }).stdout).toBe("built [ '--help' ]\n");
  });

  it('says nothing about SQLite being young, but says every other warning', () => {
    write(
      'src/cli/main.ts',
      `import { DatabaseSync } from 'node:sqlite';
       export function main() {
         new DatabaseSync(':memory:').close();
         process.emitWarning('SQLite is an experimental feature and might change at any time', 'ExperimentalWarning');
         process.emitWarning('something else');
       }`,
    );
    const { status, stderr } = run();
    expect(status).toBe(0);
    expect(stderr).not.toContain('SQLite');
    expect(stderr).toContain('something else');
  });

  it('keeps the exit code that the command line set, and ends with 1 when it failed to start', () => {
    write('src/cli/main.ts', 'export function main() { process.exitCode = 3; }');
    expect(run().status).toBe(3);
    write('src/cli/main.ts', `throw new Error('broken installation');`);
    const broken = run();
    expect(broken.status).toBe(1);
    expect(broken.stderr).toContain('broken installation');
  });
});

describe('memory limits and compiled code', () => {
  const TELL =
    'export function main(args) { console.log(JSON.stringify({ args, flags: process.execArgv, pid: process.pid })); }';

  function told(options: Run): { args: string[]; flags: string[] } {
    const { stdout, stderr, status } = run(options);
    expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
    return JSON.parse(stdout) as { args: string[]; flags: string[] };
  }

  it('the agent is started anew with them, in its own place', () => {
    write('dist/cli.js', TELL);
    const { args, flags } = told({ args: ['agent', '--once', '--config', 'a file'] });
    expect(args).toEqual(['agent', '--once', '--config', 'a file']);
    // Windows has no way to replace a process.
    const limits = [
      '--max-semi-space-size=2',
      '--max-old-space-size=192',
      '--expose-gc',
      '--no-opt',
      '--no-maglev',
    ];
    expect(flags.filter((flag) => flag !== '--')).toEqual(process.platform === 'win32' ? [] : limits);
  });

  it('no other command is, nor an agent to whom somebody gave limits', () => {
    write('dist/cli.js', TELL);
    expect(told({ args: ['status'] }).flags).toEqual([]);
    const options = ['--max-old-space-size=400'];
    expect(told({ options, args: ['agent'] }).flags).toEqual(options);
  });

  it('compiled code is kept in the folder of the user, not in a shared one', () => {
    write('dist/cli.js', TELL);
    const cache = path.join(folder, 'cache');
    const { status } = spawnSync(process.execPath, [path.join(folder, 'bin', 'truebook.js'), 'status'], {
      env: { ...process.env, XDG_CACHE_HOME: cache },
    });
    expect(status).toBe(0);
    expect(existsSync(path.join(cache, 'truebook', 'compiled'))).toBe(true);
  });
});
