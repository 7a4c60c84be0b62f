import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { SOAKS } from '../../scripts/soak/registry.ts';

const SCRIPTS = new URL('../../scripts/', import.meta.url);

it.each(['', 'no-such-soak', 'constructor'])(
  'refuses the unknown soak "%s" and names the known ones',
  (name) => {
    const { status, stderr } = spawnSync(
      process.execPath,
      [fileURLToPath(new URL('soak.ts', SCRIPTS)), name],
      {
        encoding: 'utf8',
      },
    );
    expect(status).toBe(2);
    expect(stderr).toContain(`There is no soak "${name}"`);
    for (const known of Object.keys(SOAKS)) expect(stderr).toContain(known);
  },
);

it('has a module for every soak it names', async () => {
  for (const [name, load] of Object.entries(SOAKS)) {
    expect(existsSync(new URL(`soak/${name}.ts`, SCRIPTS)), name).toBe(true);
    expect(typeof (await load()).run, name).toBe('function');
  }
});
