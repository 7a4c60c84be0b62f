import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { ROOT } from './sources.ts';

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly dev?: boolean;
  readonly devOptional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
}
type Packages = Readonly<Record<string, LockedPackage>>;

interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

async function readText(name: string): Promise<string> {
  return await readFile(path.join(ROOT, name), 'utf8');
}

async function lockedPackages(): Promise<Packages> {
  const lock = JSON.parse(await readText('package-lock.json')) as { packages: Packages };
  return lock.packages;
}

/** What a user installs with Truebook: everything but the root itself and what only development needs. */
function atRunTime(packages: Packages): [string, LockedPackage][] {
  return Object.entries(packages).filter(
    ([name, one]) => name !== '' && one.dev !== true && one.devOptional !== true,
  );
}

function withInstallScriptOrNativeCode(packages: Packages): string[] {
  return atRunTime(packages)
    .filter(([, one]) => one.hasInstallScript === true || one.os !== undefined || one.cpu !== undefined)
    .map(([name]) => name);
}

function withRecordedAddress(packages: Packages): string[] {
  return Object.entries(packages)
    .filter(([, one]) => one.resolved !== undefined)
    .map(([name]) => name);
}

describe('the lock file', () => {
  it('has no install script and no native code at run time', async () => {
    const packages = await lockedPackages();
    const names = atRunTime(packages).map(([name]) => name);
    expect(names).toContain('node_modules/kysely');
    expect(withInstallScriptOrNativeCode(packages)).toEqual([]);
    for (const name of names) {
      const files = await readdir(path.join(ROOT, name), { recursive: true });
      expect(
        files.filter((file) => file.endsWith('.node') || path.basename(file) === 'binding.gyp'),
        name,
      ).toEqual([]);
    }
  });

  it('records no address a package came from', async () => {
    expect(withRecordedAddress(await lockedPackages())).toEqual([]);
  });

  it('would be refused with an install script, native code or an address', () => {
    const bad: Packages = {
      '': {},
      'node_modules/script': { hasInstallScript: true },
      'node_modules/native': { cpu: ['x64'] },
      'node_modules/tool': { hasInstallScript: true, dev: true },
      'node_modules/fetched': { resolved: 'https://example.com/fetched.tgz' },
    };
    expect(withInstallScriptOrNativeCode(bad)).toEqual(['node_modules/script', 'node_modules/native']);
    expect(withRecordedAddress(bad)).toEqual(['node_modules/fetched']);
  });
});

describe('the dependencies', () => {
  it('are pinned to one version each, and docs/dependencies.md gives that version and a reason', async () => {
    const manifest = JSON.parse(await readText('package.json')) as Manifest;
    const table = (await readText('docs/dependencies.md'))
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    const rows = new Map(
      table.map((line) => {
        const [, name = '', version = '', reason = ''] = line.split('|').map((cell) => cell.trim());
        return [name.replaceAll('`', ''), { version, reason }];
      }),
    );
    const wanted = { ...manifest.dependencies, ...manifest.devDependencies };
    for (const [name, version] of Object.entries(wanted)) {
      expect(version, name).toMatch(/^\d+\.\d+\.\d+(-[\w.]+)?$/);
      expect(rows.get(name)?.version, name).toBe(version);
      expect(rows.get(name)?.reason.length, name).toBeGreaterThan(10);
    }
    expect([...rows.keys()].sort()).toEqual(Object.keys(wanted).sort());
  });
});
