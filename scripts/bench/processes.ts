/** The built program as a process of its own: its memory as an agent, and how soon `status` answers. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync, cpSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { openBrokerage, plainEnvironment, THURSDAY, type Brokerage } from './brokerage.ts';
import { type Tell } from './figures.ts';
import { median } from './meter.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const WAIT_MS = 180_000;

/**
 * The package as it is installed: `bin/` and `dist/` in a folder without sources, so that `bin/truebook.js` runs what was
 * built. Throws when nothing was built.
 */
function installed(brokerage: Brokerage): string {
  if (!existsSync(path.join(ROOT, 'dist', 'cli.js')))
    throw new Error('Nothing is built: run npm run build first.');
  const folder = path.join(brokerage.folder, 'package');
  mkdirSync(folder, { recursive: true });
  for (const part of ['bin', 'dist', 'package.json'])
    cpSync(path.join(ROOT, part), path.join(folder, part), { recursive: true });
  symlinkSync(path.join(ROOT, 'node_modules'), path.join(folder, 'node_modules'));
  return path.join(folder, 'bin', 'truebook.js');
}

export interface MemorySizes {
  readonly small: number;
  readonly large: number;
  readonly smallCycles: number;
  readonly largeCycles: number;
}

/** Resident memory: what the process holds when it is measured, and the most it ever held. */
interface Resident {
  readonly nowMb: number;
  readonly peakMb: number;
}

/** Only where the system tells (`/proc`). */
export async function measureMemory(sizes: MemorySizes, tell: Tell): Promise<void> {
  if (!existsSync('/proc/self/status')) return;
  const told = (name: string, value: number, limit: number | null): void =>
    tell({ name, database: 'sqlite', value, unit: 'MB', limit, isAim: false });
  const isFull = sizes.small === 23 && sizes.large === 10_000;
  {
    await using brokerage = await openBrokerage(sizes.small, THURSDAY);
    await using agent = await startAgent(brokerage);
    await agent.cycles(1);
    await atRest();
    told('agent idle (after its first cycle)', agent.resident().nowMb, isFull ? 80 : null);
    await agent.moreCycles(sizes.smallCycles);
    await atRest();
    const { nowMb, peakMb } = agent.resident();
    told(`agent after ${sizes.smallCycles} cycles of ${sizes.small} positions`, nowMb, isFull ? 90 : null);
    told(`agent, the most during these cycles`, peakMb, null);
  }
  await using brokerage = await openBrokerage(sizes.large, THURSDAY);
  await using agent = await startAgent(brokerage);
  await agent.cycles(1);
  await agent.moreCycles(sizes.largeCycles - 1);
  await atRest();
  const { nowMb, peakMb } = agent.resident();
  told(`agent after ${sizes.largeCycles} cycles of ${sizes.large} positions`, nowMb, isFull ? 150 : null);
  told('agent, the most during these cycles (first contact included)', peakMb, null);
}

/** What an agent holds between cycles: it gives back what a cycle needed right after it. */
const atRest = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 1000));

interface RunningAgent extends AsyncDisposable {
  /** Waits until so many cycles are done. */
  cycles(count: number): Promise<void>;
  /** Moves the brokerage's clock from interval to interval. */
  moreCycles(count: number): Promise<void>;
  resident(): Resident;
}

async function startAgent(brokerage: Brokerage): Promise<RunningAgent> {
  const child = spawn(
    process.execPath,
    ['--', installed(brokerage), 'agent', '--config', brokerage.envFile, '--interval', '300'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...plainEnvironment(), POSITION_SYNC_SYNC_ON_POSITION_UPDATE: 'false' },
    },
  );
  let output = '';
  child.stdout.on('data', (part: Buffer) => (output += part.toString()));
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const done = (): number => output.match(/✓ Sync cycle #\d+ completed successfully/g)?.length ?? 0;
  const cycles = async (count: number): Promise<void> => {
    const end = performance.now() + WAIT_MS;
    while (done() < count) {
      if (performance.now() > end || child.exitCode !== null)
        throw new Error(`The agent did not finish cycle ${count}:\n${output.slice(-2000)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  return {
    cycles,
    moreCycles: async (count) => {
      for (let more = 0; more < count; more += 1) {
        const before = done();
        await brokerage.advance('5m');
        await cycles(before + 1);
      }
    },
    resident: () => residentOf(child.pid!),
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Of the process and of those it started. */
function residentOf(processId: number): Resident {
  const own = readFileSync(`/proc/${processId}/status`, 'utf8');
  const children = readFileSync(`/proc/${processId}/task/${processId}/children`, 'utf8')
    .split(' ')
    .filter(Boolean);
  const rest = children.map((child) => residentOf(Number.parseInt(child, 10)));
  const of = (name: string): number =>
    Number.parseInt(new RegExp(`${name}:\\s+(\\d+)`).exec(own)?.[1] ?? '0', 10) / 1024;
  return {
    nowMb: rest.reduce((sum, one) => sum + one.nowMb, of('VmRSS')),
    peakMb: rest.reduce((sum, one) => sum + one.peakMb, of('VmHWM')),
  };
}

/** From the start of the process to its end, median. */
export async function measureColdStart(runs: number, tell: Tell): Promise<void> {
  await using brokerage = await openBrokerage(23, THURSDAY);
  const program = installed(brokerage);
  // On the machine's own time: asking a simulated clock is no part of what a user waits for.
  const settings = path.join(brokerage.folder, 'status.env');
  const lines = readFileSync(brokerage.envFile, 'utf8').split('\n');
  writeFileSync(settings, lines.filter((line) => !line.startsWith('TRUEBOOK_CLOCK_URL')).join('\n'), {
    mode: 0o600,
  });
  const run = (...words: string[]): number => {
    const start = performance.now();
    const { status, stderr } = spawnSync(process.execPath, ['--', program, ...words, '--config', settings], {
      encoding: 'utf8',
      env: { ...plainEnvironment(), XDG_CACHE_HOME: path.join(brokerage.folder, 'cache') },
    });
    if (status !== 0) throw new Error(`truebook ${words.join(' ')} ended with ${status}: ${stderr}`);
    return performance.now() - start;
  };
  run('agent', '--once');
  run('status');
  const times = Array.from({ length: runs }, () => run('status'));
  tell({
    name: 'built status, cold start',
    database: 'sqlite',
    value: median(times),
    unit: 'ms',
    limit: runs >= 10 ? 150 : null,
    isAim: false,
  });
  const bare = Array.from({ length: runs }, () => {
    const start = performance.now();
    spawnSync(process.execPath, ['-e', '0']);
    return performance.now() - start;
  });
  tell({
    name: 'node itself, cold start',
    database: null,
    value: median(bare),
    unit: 'ms',
    limit: null,
    isAim: false,
  });
  tell({
    name: 'built status / node itself',
    database: 'sqlite',
    value: median(times) / median(bare),
    unit: 'ratio',
    limit: null,
    isAim: false,
  });
  rmSync(path.dirname(path.dirname(program)), { recursive: true, force: true });
}
