/** What the mirror takes from settings, and what it tells the user's own code. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { compose } from '../../src/compose.ts';
import { loadConfig, type Config } from '../../src/config/load.ts';
import { randomBytes, refreshClock } from '../../src/platform.ts';
import { requestSync } from '../../src/sync/requestSync.ts';
import { openMirrorWorld } from './mirrorWorld.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'truebook-mirror-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function settings(env: Record<string, string>): Config['settings'] {
  return loadConfig({
    env: { TRUEBOOK_HOME: folder, ...env },
    cwd: folder,
    machine: { operatingSystem: 'linux', userHome: folder },
    randomBytes,
  }).settings;
}

it('the folder is in the data folder unless set, and files are on', () => {
  expect(settings({})).toMatchObject({ MIRROR_DIR: join(folder, 'mirror'), MIRROR_FILES: true });
  expect(settings({ MIRROR_DIR: '../bot' }).MIRROR_DIR).toBe(join(folder, '..', 'bot'));
});

it.each([
  ['', []],
  ['us_option', ['us_option']],
  [' US_Option, crypto ,', ['us_option', 'crypto']],
])('asset classes %j', (text, words) => {
  expect(settings({ ALPACA_SYNC_ASSET_CLASSES: text }).ALPACA_SYNC_ASSET_CLASSES).toEqual(words);
});

it('an unknown asset class is a configuration error that names those there are', () => {
  expect(() => settings({ ALPACA_SYNC_ASSET_CLASSES: 'us_option,stocks' })).toThrow(
    /ALPACA_SYNC_ASSET_CLASSES in the environment must be one of us_equity, us_option, crypto, not "stocks"/,
  );
});

it('the user’s own steps stand around the mirror, with what was written', async () => {
  const world = await openMirrorWorld();
  const told: unknown[] = [];
  const truebook = await compose({
    config: world.truebook.config,
    allowUnsafeDurability: true,
    hooks: () => ({
      before: async (step) => void told.push(`before ${step}`),
      after: async (step, context, result) => void told.push([`after ${step}`, context.account, result]),
    }),
  });
  await refreshClock(truebook.clock);
  const entry = (await truebook.agentAccounts()).find(({ account }) => account.name === 'alpaca-paper')!;
  await requestSync(truebook.dependencies(entry, 'test'), entry.account, {
    holder: truebook.holder('command'),
    isGone: truebook.isGone,
    trigger: 'command',
    type: 'all',
    requestedBy: 'test',
  });
  await truebook.close();
  await world.close();
  const at = told.indexOf('before mirror');
  expect(told[at - 1]).toMatchObject(['after commit', 'alpaca-paper', {}]);
  expect(told[at + 1]).toEqual([
    'after mirror',
    'alpaca-paper',
    {
      written: [
        'bankroll_alpaca_paper.json',
        'positions_alpaca_paper.csv',
        'logs/trade_history_alpaca_paper.csv',
        'logs/alpaca_sync_paper.log',
      ],
      warnings: [],
    },
  ]);
});
