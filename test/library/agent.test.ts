import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isTruebookError, type Hooks, type Truebook } from '../../src/index.ts';
import { eventually, Place } from '../cli/command.ts';
import { linkTruebook, runModule } from '../docs/program.ts';
import { openPlace, trade, type TruebookPlace } from './truebookPlace.ts';

let place: TruebookPlace;
let truebook: Truebook;
beforeAll(async () => {
  place = await openPlace();
  // Without the stream's hints every run here is one that was asked for.
  truebook = await place.open({ POSITION_SYNC_SYNC_ON_POSITION_UPDATE: 'false' });
});
afterAll(() => place.close());

async function completed(account: string): Promise<void> {
  await eventually(async () => ((await truebook.lastSyncTime(account)) === null ? null : true));
}

/** How many files below the folder this process has open, where the system tells (Linux); else 0. */
function filesOpen(): number {
  if (!existsSync('/proc/self/fd')) return 0;
  return readdirSync('/proc/self/fd').filter((name) => targetOf(name).startsWith(place.folder)).length;
}

function targetOf(name: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${name}`);
  } catch {
    return '';
  }
}

describe('the agent inside a program', () => {
  it('keeps the accounts, refuses a second one by name of the holder, and starts again after a stop', async () => {
    expect(await truebook.stop()).toBeNull();
    expect(await truebook.start()).toEqual(['alpaca-live', 'alpaca-paper']);
    await completed('alpaca-paper');
    const other = await place.open();
    const refused = await other.start().catch((error: unknown) => error);
    expect(isTruebookError(refused, 'lease_held')).toBe(true);
    expect(String(refused)).toContain(`process id ${process.pid}`);
    const twice = await truebook.start().catch((error: unknown) => error);
    expect(isTruebookError(twice, 'usage')).toBe(true);
    expect((await truebook.status()).agent).toMatchObject({ running: true, pid: process.pid });

    const report = await truebook.stop();
    expect(report).toMatchObject({ errors: 0, lastSuccess: '2025-08-21T16:00:00Z' });
    expect(report!.cycles).toBeGreaterThan(0);
    expect((await truebook.status()).agent.running).toBe(false);
    await other.status();
    const openFiles = filesOpen();
    expect(await other.start()).toHaveLength(2);
    await other.stop();
    // Nothing of an agent that is gone.
    expect(filesOpen()).toBe(openFiles);
    expect(await truebook.start()).toHaveLength(2);
    await truebook.stop();
    await other.close();
    expect((await truebook.status()).agent.running).toBe(false);
  });

  it('answers the calls of this program and of others; each run tells its events once to each', async () => {
    const here: string[] = [];
    const there: string[] = [];
    const other = await place.open();
    place.lines.length = 0;
    await truebook.start();
    await eventually(() => (place.lines.some((line) => line.includes('✓ Sync cycle')) ? true : null));
    truebook.on('transaction', ({ transaction }) => void here.push(transaction.symbol ?? ''));
    other.on('transaction', ({ transaction }) => void there.push(transaction.symbol ?? ''));
    place.control('POST', 'trade', trade('alpaca-paper', 'KO', '7', '69'));
    const result = await other.sync({ env: 'paper' });
    expect(result.ok).toBe(true);
    expect(await truebook.syncBeforeTrade({ env: 'paper' })).toMatchObject({ ok: true });
    // The answer to a call stands in the database with the run; listeners of the agent's side hear of it right after.
    await eventually(() => (here.length > 0 ? true : null));
    expect(here).toEqual(['KO']);
    place.control('POST', 'trade', trade('alpaca-paper', 'DIS', '1', '110'));
    await truebook.sync({ env: 'paper' });
    await eventually(() => (here.length > 1 ? true : null));
    expect(here).toEqual(['KO', 'DIS']);
    expect(there).toEqual(['KO']);
    place.control('POST', 'trade', trade('alpaca-paper', 'PEP', '7', '150'));
    expect(await other.tradeExecuted('alpaca-paper')).toEqual({ accepted: true, reason: null });
    await eventually(() => (here.includes('PEP') ? true : null));
    expect(await truebook.stop()).toMatchObject({ errors: 0 });
  });

  it('is found by the command line, which goes through it', async () => {
    await truebook.start();
    const cli = new Place();
    try {
      const { code, stderr } = await cli.run(['sync', '--verbose', '--config', place.settingsFile]);
      expect(code).toBe(0);
      expect(stderr).toContain('by the agent');
    } finally {
      cli.remove();
      await truebook.stop();
    }
  });

  it('lets the process end by itself after close', async () => {
    linkTruebook(place.folder);
    const { code, output } = await runModule(
      place.folder,
      'program.ts',
      `import { openTruebook } from 'truebook';
       const truebook = await openTruebook({ configFiles: ['sandbox.env'] });
       console.log('keeps', (await truebook.start()).length);
       await truebook.tradeExecuted('alpaca-paper', 'an-order');
       console.log('gate', (await truebook.syncBeforeTrade({ env: 'paper' })).ok);
       await truebook.close();
       console.log('closed', await truebook.sync().catch((error: Error) => error.message));`,
    );
    expect(output).toContain('keeps 2\ngate true\nclosed This Truebook was closed.');
    expect(code).toBe(0);
  });
});

describe('opening', () => {
  it('refuses settings and hooks that are wrong', async () => {
    const interval = await place.open({}, { interval: 'soon' }).catch((error: unknown) => error);
    expect(isTruebookError(interval, 'usage')).toBe(true);
    const hooks = await place.open({ HOOKS: 'nowhere.ts' }).catch((error: unknown) => error);
    expect(isTruebookError(hooks, 'config')).toBe(true);
    const given = { afterSynk: () => undefined } as Hooks;
    const slip = await place.open({}, { hooks: given }).catch((error: unknown) => error);
    expect(String(slip)).toContain('afterSynk');
  });

  it('without any account reads and refuses to sync', async () => {
    const alone = new Place();
    try {
      const empty = await place.open(
        { TRUEBOOK_HOME: alone.folder },
        { configFiles: [], workingFolder: alone.folder },
      );
      expect(await empty.accounts()).toEqual([]);
      expect(await empty.lastSyncTime()).toBeNull();
      const refused = await empty.sync().catch((error: unknown) => error);
      expect(isTruebookError(refused, 'usage')).toBe(true);
      await empty.close();
    } finally {
      alone.remove();
    }
  });
});
