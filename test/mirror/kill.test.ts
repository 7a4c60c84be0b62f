/** kill -9 in the middle of writing: whoever reads finds a whole file, and nothing is left behind for long. */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { removeLeftovers, writeWhole } from '../../src/mirror/files.ts';
import { realSleep } from '../../src/platform.ts';

const WRITER = fileURLToPath(new URL('./writer.ts', import.meta.url));

it('leaves the old file or the new one, whole', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'truebook-mirror-'));
  const file = join(folder, 'positions.csv');
  for (const wait of [1, 3, 6, 10]) {
    const writer = spawn(process.execPath, [WRITER, file], { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = new Promise<void>((resolve) => writer.on('close', () => resolve()));
    await new Promise<void>((resolve) => writer.stdout.once('data', () => resolve()));
    await realSleep(wait);
    writer.kill('SIGKILL');
    await ended;
    const text = readFileSync(file, 'utf8');
    expect(text).toHaveLength(200_001);
    expect(text).toBe(`${text[0]!.repeat(200_000)}\n`);
  }
  await removeLeftovers(folder, ['positions.csv']);
  expect(readdirSync(folder)).toEqual(['positions.csv']);
  rmSync(folder, { recursive: true });
});

it('a write that fails says so and leaves nothing behind', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'truebook-mirror-'));
  mkdirSync(join(folder, 'positions.csv', 'inside'), { recursive: true });
  await expect(writeWhole(join(folder, 'positions.csv'), 'new')).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
  expect(readdirSync(folder)).toEqual(['positions.csv']);
  rmSync(folder, { recursive: true });
});
