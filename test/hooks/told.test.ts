/** One run, many who wait for it: each listener is told once, and a module of the settings by the process that runs. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { toldRuns } from '../../src/hooks/eventTeller.ts';
import { type Truebook } from '../../src/index.ts';
import { eventually } from '../cli/command.ts';
import { openPlace, trade, type TruebookPlace } from '../library/truebookPlace.ts';

let place: TruebookPlace;
let agent: Truebook;
beforeAll(async () => {
  place = await openPlace();
  agent = await place.open({ POSITION_SYNC_SYNC_ON_POSITION_UPDATE: 'false' });
  await agent.start();
  await eventually(async () => ((await agent.lastSyncTime('alpaca-paper')) === null ? null : true));
});
afterAll(() => place.close());

it('five calls that one run of an agent elsewhere answers tell it once to listeners and given hooks', async () => {
  const heard: string[] = [];
  const hooked: string[] = [];
  const bot = await place.open(
    {},
    { hooks: { onEvent: (event) => void (event.kind === 'transaction' && hooked.push(event.kind)) } },
  );
  const runs: number[] = [];
  bot.on('transaction', ({ transaction }) => void heard.push(transaction.symbol ?? ''));
  bot.on('sync_completed', () => void heard.push('completed'));
  bot.on('transaction', ({ runId }) => void runs.push(runId));
  place.control('POST', 'trade', trade('alpaca-paper', 'KO', '7', '69'));
  const gates = await Promise.all([1, 2, 3, 4, 5].map(() => bot.syncBeforeTrade({ env: 'paper' })));
  expect(gates.map(({ ok }) => ok)).toEqual([true, true, true, true, true]);
  expect(heard.filter((what) => what === 'KO')).toEqual(['KO']);
  expect(hooked).toEqual(['transaction']);
  expect(runs).toHaveLength(1);
  // The next run is another one.
  place.control('POST', 'trade', trade('alpaca-paper', 'DIS', '1', '110'));
  await bot.sync({ env: 'paper' });
  expect(heard.filter((what) => what === 'DIS')).toEqual(['DIS']);
});

it('a module of the settings hears of runs of its own process, not of an agent elsewhere', async () => {
  const file = join(place.folder, 'heard.txt');
  const module = join(place.folder, 'listening.mjs');
  writeFileSync(
    module,
    `import { appendFileSync } from 'node:fs';
     export const onEvent = ({ kind }) => appendFileSync(${JSON.stringify(file)}, kind + '\\n');`,
  );
  const lines = (): string[] =>
    existsSync(file)
      ? readFileSync(file, 'utf8')
          .split('\n')
          .filter((line) => line !== '')
      : [];
  const bot = await place.open({ HOOKS: module });
  const heard: string[] = [];
  bot.on('event', ({ kind }) => void heard.push(kind));
  await bot.sync({ env: 'paper' });
  expect(heard).toContain('sync_completed');
  expect(lines()).toEqual([]);
  await agent.stop();
  await bot.sync({ env: 'paper' });
  expect(lines()).toEqual(['sync_started', 'sync_completed']);
});

it('what was told long ago is forgotten, what was told lately is not', () => {
  const told = toldRuns();
  for (let run = 1; run <= 200; run += 1) expect(told.isNew('alpaca-paper', run)).toBe(true);
  expect(told.isNew('alpaca-paper', 200)).toBe(false);
  expect(told.isNew('alpaca-paper', 101)).toBe(false);
  expect(told.isNew('alpaca-live', 200)).toBe(true);
});
