import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { editDistance, nearestName } from '../../src/config/nearest.ts';
import { dataFolder, resolvePath } from '../../src/config/paths.ts';
import { SETTING_NAMES } from '../../src/config/settings.ts';
import { renderSettingsPage } from '../../src/config/settingsPage.ts';

test('docs/settings.md is what the list says (rewrite: npx vitest run test/config -u)', async () => {
  await expect(renderSettingsPage()).toMatchFileSnapshot('../../docs/settings.md');
});

test('the page names every setting', () => {
  const page = readFileSync(new URL('../../docs/settings.md', import.meta.url), 'utf8');
  expect(SETTING_NAMES.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});

test.each([
  'ROBINHOOD_USERNAME ROBINHOOD_PASSWORD ROBINHOOD_MFA_CODE DATABASE_URL',
  'POSITION_SYNC_ENABLED POSITION_SYNC_SYNC_INTERVAL POSITION_SYNC_SYNC_ON_TRADE POSITION_SYNC_DEFAULT_ACCOUNT_ID',
  'POSITION_SYNC_SYNC_ON_POSITION_UPDATE POSITION_SYNC_MARK_MISSING_AS_CLOSED POSITION_SYNC_CALCULATE_REALIZED_PNL',
  'ALPACA_SYNC_ENABLED ALPACA_AUTO_SYNC_BEFORE_TRADE ALPACA_SYNC_TOLERANCE_PCT ALPACA_SYNC_SLACK_ALERTS',
  'ALPACA_SYNC_INTERVAL_MINUTES ALPACA_API_KEY ALPACA_SECRET_KEY ALPACA_ENV',
])('the names of the guides are settings: %s', (names) => {
  for (const name of names.split(' ')) expect(SETTING_NAMES).toContain(name);
});

describe('nearest names', () => {
  test.each([
    ['POSITON_SYNC_ENABLED', 'POSITION_SYNC_ENABLED'],
    ['alpaca_sync_enabled', 'ALPACA_SYNC_ENABLED'],
    ['ALPACA_SYNC_ENALBED', 'ALPACA_SYNC_ENABLED'],
    ['HOOK', 'HOOKS'],
    ['API_PRT', 'API_PORT'],
  ])('%s -> %s', (written, meant) => expect(nearestName(written, SETTING_NAMES)).toBe(meant));
  test.each(['PATH', 'HOME', 'ALPACA_SYNC_MODE', 'APCA_API_KEY_ID', 'LOG_DIR', 'ROBINHOOD_DEVICE'])(
    '%s is nothing of ours',
    (written) => expect(nearestName(written, SETTING_NAMES)).toBeNull(),
  );
  test('a swap of neighbours is one slip', () => expect(editDistance('ABCD', 'ACBD')).toBe(1));
  test('the nearest name is the one at the least distance, whatever is looked at first', () => {
    const name = fc.string({ unit: fc.constantFrom('A', 'B', 'C', '_'), minLength: 4, maxLength: 12 });
    fc.assert(
      fc.property(name, fc.array(name, { maxLength: 6 }), (written, known) => {
        const near = known.filter(
          (one) => editDistance(written, one) <= Math.min(2, Math.floor(one.length / 5)),
        );
        const least = Math.min(...near.map((one) => editDistance(written, one)));
        expect(nearestName(written, known)).toBe(
          near.find((one) => editDistance(written, one) === least) ?? null,
        );
      }),
    );
  });
  test('a limit changes no distance within it', () => {
    const name = fc.string({ unit: fc.constantFrom('A', 'B', 'C'), maxLength: 8 });
    fc.assert(
      fc.property(name, name, fc.nat(3), (left, right, most) => {
        const distance = editDistance(left, right);
        const limited = editDistance(left, right, most);
        expect(distance <= most ? limited === distance : limited > most).toBe(true);
      }),
    );
  });
});

describe('data folder', () => {
  const on = (operatingSystem: string, env: Record<string, string> = {}, userHome = '/home/me') =>
    dataFolder(env, { operatingSystem, userHome });
  test('Linux', () => expect(on('linux')).toBe('/home/me/.local/share/truebook'));
  test('Linux with XDG', () => expect(on('linux', { XDG_DATA_HOME: '/data' })).toBe('/data/truebook'));
  test('a relative XDG path counts as unset', () =>
    expect(on('linux', { XDG_DATA_HOME: 'data' })).toBe('/home/me/.local/share/truebook'));
  test('macOS', () => expect(on('darwin')).toBe('/home/me/Library/Application Support/Truebook'));
  test('Windows', () =>
    expect(on('win32', { LOCALAPPDATA: 'C:\\Users\\me\\AppData\\Local' })).toBe(
      'C:\\Users\\me\\AppData\\Local\\Truebook',
    ));
  test('Windows without LOCALAPPDATA', () =>
    expect(on('win32', {}, 'C:\\Users\\me')).toBe('C:\\Users\\me\\AppData\\Local\\Truebook'));
  test('~ and relative paths', () => {
    expect(resolvePath('~/x', '/a', '/home/me')).toBe('/home/me/x');
    expect(resolvePath('x/y', '/a', '/home/me')).toBe('/a/x/y');
    expect(resolvePath('/x', '/a', '/home/me')).toBe('/x');
  });
});
