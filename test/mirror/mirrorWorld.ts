/** A whole world whose mirror folder a test looks into and spoils; runs answer what they warned of. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { refreshClock } from '../../src/platform.ts';
import { type RunRecord, type SyncType } from '../../src/store/store.ts';
import { requestSync } from '../../src/sync/requestSync.ts';
import { openWorld, type World, type WorldOptions } from '../world/world.ts';

export interface MirrorWorld extends World {
  readonly mirror: string;
  run(account?: string, type?: SyncType, dryRun?: boolean): Promise<{ run: RunRecord; warnings: string[] }>;
  /** Text of a file of the mirror folder. */
  text(name: string): string;
  put(name: string, text: string): void;
  /** Every file, sorted, without what Truebook remembers. */
  files(): string[];
  /** Inode and time of change: what stays while nobody writes. */
  touched(name: string): string;
  /** Lines of the audit log, taken apart. */
  log(name?: string): LogLine[];
}

export type LogLine = Readonly<Record<string, string>> & { readonly at: string; readonly event: string };

export async function openMirrorWorld(options: WorldOptions = {}): Promise<MirrorWorld> {
  const world = await openWorld(options);
  const mirror = world.truebook.config.settings.MIRROR_DIR;
  const text = (name: string): string => readFileSync(join(mirror, name), 'utf8');
  return {
    ...world,
    mirror,
    text,
    put: (name, content) => {
      mkdirSync(dirname(join(mirror, name)), { recursive: true });
      writeFileSync(join(mirror, name), content);
    },
    files: () =>
      readdirSync(mirror, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && !entry.name.startsWith('.truebook-mirror-'))
        .map((entry) => join(entry.parentPath, entry.name).slice(mirror.length + 1))
        .sort(),
    touched: (name) => {
      const { ino, mtimeMs } = statSync(join(mirror, name));
      return `${ino} ${mtimeMs}`;
    },
    log: (name = 'logs/alpaca_sync_paper.log') => text(name).trimEnd().split('\n').map(parseLine),
    run: async (name = 'alpaca-paper', type = 'all', dryRun = false) => {
      await refreshClock(world.truebook.clock);
      const entry = (await world.truebook.agentAccounts()).find((one) => one.account.name === name)!;
      const account = await world.truebook.account(name);
      const warnings: string[] = [];
      const deps = world.truebook.dependencies({ ...entry, account }, 'test', {
        onWarning: (sentence) => warnings.push(sentence),
      });
      const { run } = await requestSync(deps, account, {
        holder: world.truebook.holder('command'),
        isGone: (holder) => world.truebook.isGone(holder),
        trigger: 'command',
        type,
        dryRun,
        requestedBy: 'test',
      });
      return { run, warnings };
    },
  };
}

export function parseLine(line: string): LogLine {
  const [at = '', event = '', ...fields] = line.split(' | ');
  const named = fields.map((field) => [
    field.slice(0, field.indexOf('=')),
    field.slice(field.indexOf('=') + 1),
  ]);
  return { ...(Object.fromEntries(named) as Record<string, string>), at, event };
}
