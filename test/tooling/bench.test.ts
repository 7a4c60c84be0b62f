import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const BENCH = fileURLToPath(new URL('../../scripts/bench.ts', import.meta.url));

interface Line {
  readonly name: string;
  readonly database: string | null;
  readonly value: number;
  readonly unit: string;
}

function bench(...words: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, ['--disable-warning=ExperimentalWarning', BENCH, ...words], {
    encoding: 'utf8',
  });
}

/** What it says means nothing at this size; that every figure is said does. */
const FIGURES = [
  'own cost, 5 unchanged positions',
  'statements in an unchanged cycle (BEGIN and COMMIT counted)',
  'rows written in an unchanged cycle',
  'bytes sent, alpaca, 5 positions',
  'bytes received, alpaca, 5 positions',
  'commit / fsync',
  'own cost, 60 new marks',
  'own cost, 60 unchanged',
  'own cost per position, large / small',
  'own cost, 60 quantity changes with their fills',
];

it('a small bench measures every figure of both databases', () => {
  const { status, stdout, stderr } = bench('--quick', 'sqlite', 'postgres');
  expect(stderr).toBe('');
  expect(status).toBe(0);
  const lines = stdout
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Line);
  expect(lines[0]).toMatchObject({ name: 'fsync of 4 KiB', database: null, unit: 'ms' });
  for (const database of ['sqlite', 'postgres']) {
    const found = new Map(
      lines.filter((line) => line.database === database).map((line) => [line.name, line.value]),
    );
    for (const name of FIGURES) expect(found.get(name), `${name} on ${database}`).toBeGreaterThan(0);
    // These two are no matter of speed: they hold at any size, on any machine.
    expect(found.get('statements in an unchanged cycle (BEGIN and COMMIT counted)')).toBeLessThanOrEqual(10);
    expect(found.get('rows written, 60 unchanged')).toBeLessThanOrEqual(16);
  }
}, 120_000);

it('refuses a word it does not know', () => {
  const { status, stderr } = bench('--quik');
  expect(status).toBe(2);
  expect(stderr).toContain('Unknown: --quik');
});
