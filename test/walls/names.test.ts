import { describe, expect, it } from 'vitest';
import { checkNames } from './names.ts';
import { printed, readSources } from './sources.ts';

function objections(text: string, path = 'src/sync/agent.ts'): string[] {
  return printed(checkNames([{ path, text }]));
}

describe('time, chance, environment, child processes, sockets and databases', () => {
  it('are named only where they may be', async () => {
    const files = await readSources('src', '.ts', '.tsx', '.js', '.mts');
    expect(files.length).toBeGreaterThan(10);
    expect(printed(checkNames(files))).toEqual([]);
  });
});

describe('the name checker', () => {
  it.each([
    ['const now = Date.now();', 'Date.now'],
    ["const now = Date['now']();", 'Date.now'],
    ['const now = new Date();', 'Date()'],
    ['const now = new Date;', 'Date()'],
    ['const now = new globalThis.Date();', 'Date()'],
    ['const text = Date();', 'Date()'],
    ['const read = Date.now;', 'Date.now'],
    ['setTimeout(run, 5);', 'setTimeout'],
    ['globalThis.setInterval(run, 5);', 'setInterval'],
    ['const timers = { setTimeout };', 'setTimeout'],
    ['later(setImmediate);', 'setImmediate'],
    ['performance.now();', 'performance'],
    ['process.hrtime.bigint();', 'process.hrtime'],
    ['AbortSignal.timeout(5);', 'AbortSignal.timeout'],
    ["import { setTimeout as sleep } from 'node:timers/promises';", 'node:timers/promises'],
    ['Math.random();', 'Math.random'],
    ['crypto.randomUUID();', 'randomUUID'],
    ['globalThis.crypto.getRandomValues(bytes);', 'getRandomValues'],
    ["import noise from 'node:crypto'; noise.randomBytes(8);", 'randomBytes'],
    ["import * as noise from 'crypto'; const make = noise.randomInt;", 'randomInt'],
    ["import { webcrypto as web } from 'node:crypto'; web.getRandomValues(bytes);", 'getRandomValues'],
    ["import { randomBytes as noise } from 'node:crypto';", 'randomBytes'],
    ["process.env['HOME'];", 'process.env'],
    ['const { env } = process;', 'process.env'],
    ["import { spawn } from 'child_process';", 'child_process'],
    ["await import('node:child_process');", 'child_process'],
    ["await fetch('https://example.com');", 'fetch'],
    ["new WebSocket('wss://example.com');", 'WebSocket'],
    ["process.getBuiltinModule('http');", 'process.getBuiltinModule'],
    ["import WebSocket from 'ws';", 'ws'],
    ["import net from 'node:net';", 'node:net'],
    ["export { request } from 'https';", 'https'],
    ["import pg from 'pg';", 'pg'],
    ["import { DatabaseSync } from 'node:sqlite';", 'node:sqlite'],
  ])('objects to %s', (text, name) => {
    const found = objections(text);
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(name);
  });

  it.each([
    "const then = new Date('2025-11-21T14:30:00Z');",
    'clock.setTimeout(run, 5);',
    'interface Timers { setTimeout(run: () => void): void }',
    'const timers = { setTimeout: clock.later };',
    '// Date.now() is not for us',
    "const text = 'Math.random()';",
    "import { createHash } from 'node:crypto';",
    "import type { Socket } from 'node:net';",
    'process.exitCode = 1;',
    'function seal(randomBytes: RandomBytes) { return randomBytes(12); }',
    'const noise = sources.randomBytes(6);',
    'const read = ({ fetch }: Doors) => fetch("https://example.com");',
    'function wait() { const setTimeout = clock.later; setTimeout(run); }',
    'broker.fetch(url);',
  ])('lets pass: %s', (text) => {
    expect(objections(text)).toEqual([]);
  });

  it('knows the places where a name is allowed', () => {
    expect(objections("import { spawn } from 'node:child_process'; Date.now();", 'src/platform.ts')).toEqual(
      [],
    );
    expect(objections("import net from 'node:net';", 'src/egress/relay.ts')).toEqual([]);
    expect(objections("import pg from 'pg';", 'src/store/postgres.ts')).toEqual([]);
    expect(objections("import pg from 'pg';", 'src/store/open.ts')).toHaveLength(1);
    expect(objections('Date.now();', 'src/egress/relay.ts')).toHaveLength(1);
  });
});
