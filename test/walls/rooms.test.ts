import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkRooms, ROOMS } from './rooms.ts';
import { printed, readSources, ROOT } from './sources.ts';

function objections(path: string, text: string): string[] {
  return printed(checkRooms([{ path, text }]).violations);
}

describe('the rooms of src', () => {
  it('import only what the table allows', async () => {
    const files = await readSources('src', '.ts', '.tsx', '.js', '.mts');
    const names = await readdir(path.join(ROOT, 'src'), { recursive: true });
    const report = checkRooms(files);
    expect(printed(report.violations)).toEqual([]);
    expect(report.modules).toBe(names.filter((name) => /\.(m?ts|tsx|js)$/.test(name)).length);
    expect(report.modules).toBeGreaterThan(10);
    expect(report.imports).toBeGreaterThan(10);
  });

  it('are all in the table, and the table names no door that cannot be', () => {
    const rooms = Object.keys(ROOMS);
    for (const [name, room] of Object.entries(ROOMS)) {
      const targets = room.mayImport === 'everything' ? [] : room.mayImport;
      for (const target of [...targets, ...(room.onlyDynamic ?? []), ...(room.onlyTypes ?? [])]) {
        const there = target.includes('/') ? target.slice(0, target.indexOf('/') + 1) : target;
        expect(rooms, `${name} -> ${target}`).toContain(there);
      }
    }
  });
});

describe('the room checker', () => {
  it.each([
    [
      'src/domain/money.ts',
      `import { openStore } from '../store/open.ts';`,
      'domain/ may not import store/open.ts',
    ],
    [
      'src/sandbox/alpaca.ts',
      `import type { Wire } from '../brokers/alpaca/wire.ts';`,
      'brokers/alpaca/wire.ts',
    ],
    ['src/sandbox/alpaca.ts', `const dial = await import('../egress/dial.ts');`, 'egress/dial.ts'],
    ['src/brokers/alpaca/map.ts', `export { truth } from '../../sandbox/sandbox.ts';`, 'sandbox/sandbox.ts'],
    [
      'src/sync/syncAccount.ts',
      `import { AlpacaBroker } from '../brokers/alpaca/client.ts';`,
      'alpaca/client.ts',
    ],
    ['src/sync/syncAccount.ts', `import { openStore } from '../store/sqlite.ts';`, 'store/sqlite.ts'],
    ['src/cli/sandbox.ts', `import { startSandbox } from '../sandbox/sandbox.ts';`, 'sandbox/sandbox.ts'],
    ['src/web/main.ts', `import { position } from '../api/schema.ts';`, 'api/schema.ts'],
    ['src/store/open.ts', `import { realClock } from '../platform.ts';`, 'platform.ts'],
    ['src/domain/time.ts', `import { log } from '../log.ts';`, 'log.ts'],
    ['src/book/fold.ts', `import { readFile } from 'node:fs';`, 'node:fs'],
    ['src/api/server.ts', `import { x } from '../../test/postgres.ts';`, 'outside src'],
    ['src/tools/any.ts', `export {};`, 'no room of the table'],
    ['src/tools.ts', `export {};`, 'no room of the table'],
  ])('objects to %s: %s', (path, text, what) => {
    const found = objections(path, text);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(what);
  });

  it.each([
    ['src/sync/syncAccount.ts', `import type { Broker } from '../brokers/broker.ts';`],
    ['src/sync/reconcile.ts', `import { mergeActivities } from './mergeActivities.ts';`],
    ['src/store/open.ts', `import { log } from '../log.ts';\nimport { Kysely } from 'kysely';`],
    ['src/cli/sandbox.ts', `const { startSandbox } = await import('../sandbox/sandbox.ts');`],
    ['src/web/main.ts', `import type { Position } from '../api/schema.ts';`],
    ['src/compose.ts', `import { openSqlite } from './store/sqlite.ts';`],
    ['src/domain/money.ts', `import { Decimal } from './decimal.ts';`],
    ['src/domain/contentHash.ts', `import { createHash } from 'node:crypto';`],
    ['src/cli/main.ts', `import manifest from '../../package.json' with { type: 'json' };`],
  ])('lets %s pass: %s', (path, text) => {
    expect(objections(path, text)).toEqual([]);
  });
});
