/** The judge sees each law broken: the book is changed behind Truebook's back, and nothing else. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { postgresSql, sqliteSql } from '../store/databases.ts';
import { Judge } from './judge.ts';
import { leaks, rowsAsText, secretsOf } from './secrets.ts';
import { createTestDatabase } from '../testDatabase.ts';
import { openTrialWorld, PAPER, type CycleEnd, type Process, type TrialWorld } from './trialWorld.ts';

const open: TrialWorld[] = [];
afterEach(async () => {
  for (const world of open.splice(0)) await world.close();
});

interface Scene {
  readonly world: TrialWorld;
  readonly process: Process;
  readonly judge: Judge;
  run(): Promise<CycleEnd>;
  sql(text: string): Promise<unknown>;
}

async function scene(databaseUrl: string | null = null): Promise<Scene> {
  const world = await openTrialWorld({ databaseUrl });
  open.push(world);
  const process = await world.start();
  const judge = new Judge(world);
  const run = async (): Promise<CycleEnd> => {
    const startedMs = world.nowMs();
    const end = await process.sync();
    await judge.afterRun(process, end, {
      startedMs,
      endedMs: world.nowMs(),
      monoEpoch: process.clock.epoch,
    });
    return end;
  };
  await run();
  expect(judge.violations).toEqual([]);
  const speak = databaseUrl === null ? sqliteSql : postgresSql;
  return { world, process, judge, run, sql: (text) => speak(world.databaseUrl, text) };
}

const AAPL = "instrument = 'equity:AAPL:USD'";

test.each([
  [
    'a position closed by nothing',
    `UPDATE position SET state = 'closed', quantity = '0' WHERE ${AAPL}`,
    'AAPL:USD went from 30 to 0 without',
  ],
  [
    'a position that is lost',
    `DELETE FROM position WHERE ${AAPL}`,
    'AAPL:USD went from 30 to 0 without an activity',
  ],
  [
    'a smaller quantity',
    `UPDATE position SET quantity = '29' WHERE ${AAPL}`,
    'AAPL:USD went from 30 to 29 without an activity',
  ],
  [
    'a book that is not its ledger',
    `UPDATE position SET book_quantity = '31' WHERE ${AAPL}`,
    'the book has 31 equity:AAPL:USD, its ledger 30',
  ],
  [
    'a position closed by an activity of another instrument',
    `UPDATE position SET state = 'closed', quantity = '0', closed_root_id =
       (SELECT max(root_id) FROM activity WHERE instrument = 'equity:KO:USD' AND source = 'alpaca') WHERE ${AAPL}`,
    'AAPL:USD was closed by an activity of equity:KO:USD',
  ],
  [
    'a position closed by what opened it',
    `UPDATE position SET state = 'closed', quantity = '0', closed_root_id = opened_root_id WHERE ${AAPL}`,
    'AAPL:USD was closed by an activity that does not reduce it',
  ],
])('%s is seen', async (_name, text, sentence) => {
  const { judge, process, sql } = await scene();
  await sql(text);
  await judge.look(process);
  expect(judge.violations.join('\n')).toContain(sentence);
});

test('an age that is made younger is seen, and one that is right is not', async () => {
  const { judge, process, world, sql } = await scene();
  world.advance('10m');
  await judge.look(process);
  expect(judge.violations).toEqual([]);
  await sql(`UPDATE freshness SET as_of = '2025-08-21T16:10:00.000000000Z', as_of_mono = '${world.nowMs()}'`);
  await judge.look(process);
  expect(judge.violations.join('\n')).toContain('AAPL says it is 0 s old, and is at least 600 s');
});

test.each([
  ['sell', 'AAPL', '10', 'AAPL:USD went from 30 to 19'],
  ['buy', 'AAPL', '10', 'AAPL:USD went from 30 to 19'],
  ['sell', 'KO', '20', 'AAPL:USD went from 30 to 19'],
])('a loss of 11 is not excused by a %s of %s %s', async (side, symbol, quantity, sentence) => {
  const { judge, process, world, sql } = await scene();
  world.control('trade', { account: PAPER, symbol, side, quantity, price: '70' });
  const startedMs = world.nowMs();
  judge.noteEquity();
  judge.believe(await process.sync(), { startedMs, endedMs: startedMs });
  await sql(`UPDATE position SET quantity = '19' WHERE ${AAPL} AND state = 'open'`);
  await judge.look(process);
  expect(judge.violations.join('\n')).toContain(sentence);
});

test('an age that is too great is seen, also while the wall is off', async () => {
  const { judge, process, sql } = await scene();
  process.clock.wallOffsetMs = 5 * 3_600_000;
  await judge.look(process);
  expect(judge.violations).toEqual([]);
  await sql("UPDATE freshness SET as_of = '2025-08-21T10:00:00.000000000Z'");
  await judge.look(process);
  expect(judge.violations.join('\n')).toContain('AAPL says it is 39600 s old, and is at most 18000 s');
});

test('an age told by a wall that stands before the data is seen', async () => {
  const { judge, process, sql } = await scene();
  process.clock.reboot();
  process.clock.wallOffsetMs = -3_600_000;
  await judge.look(process);
  expect(judge.violations).toEqual([]);
  await sql(`UPDATE freshness SET mono_epoch = '${process.clock.epoch}'`);
  await judge.look(process);
  expect(judge.violations.join('\n')).toContain('s old with a wall that stands yes before the data');
});

test('a bankroll that nobody stated is seen', async () => {
  const { judge, process, world } = await scene();
  world.control('cash', { account: PAPER, kind: 'deposit', amount: '500' });
  const startedMs = world.nowMs();
  judge.believe(await process.sync(), { startedMs, endedMs: startedMs });
  world.control('cash', { account: PAPER, kind: 'withdrawal', amount: '20' });
  await judge.look(process);
  expect(judge.violations.join('\n')).toContain('which nobody stated');
});

test('a bankroll of a run that was not believed is seen', async () => {
  const { judge, process, sql, world } = await scene();
  world.control('cash', { account: PAPER, kind: 'deposit', amount: '500' });
  const startedMs = world.nowMs();
  const end = await process.sync();
  judge.believe(end, { startedMs, endedMs: startedMs });
  await sql(
    `DROP TRIGGER IF EXISTS sync_run_no_update; UPDATE sync_run SET outcome = 'failed' WHERE id = ${end.run!.id}`,
  );
  await judge.look(process);
  expect(judge.violations.join('\n')).toContain('in a run that was not believed');
});

test('a gate that is open over old rows is seen', async () => {
  const { judge, process, world } = await scene();
  world.advance('10m');
  // Rows are asked for first and think little of their age, the gate last.
  let asked = 0;
  const maxAgeSeconds = (): number => ((asked += 1) <= 2 ? 360 : 1_000_000);
  const records = { ...process.truebook.records, maxAgeSeconds };
  await judge.look({ ...process, truebook: { ...process.truebook, records } });
  expect(judge.violations.join('\n')).toContain('the gate is open, and a row says "stale: 600 s old');
});

test('a row that the mirror lost is seen', async () => {
  const { judge, process } = await scene();
  const file = join(process.truebook.config.settings.MIRROR_DIR, 'positions_alpaca_paper.csv');
  const lines = readFileSync(file, 'utf8').split('\n');
  writeFileSync(file, lines.filter((line) => !line.startsWith('AAPL,')).join('\n'));
  await judge.look(process);
  expect(judge.violations.join('\n')).toContain('the mirror lost AAPL');
});

test('fresh although the newest run failed is seen', async () => {
  const { judge, process, world, run } = await scene();
  world.control('fault', { broker: 'alpaca', account: PAPER, resource: 'account', kind: 'html' });
  const failed = await run();
  expect(judge.violations).toEqual([]);
  world.faultsOff();
  await process.sync();
  // The book is fresh now, and the judge was told of the failed run last.
  judge.believe(failed, { startedMs: world.nowMs(), endedMs: world.nowMs() });
  await judge.look(process);
  expect(judge.violations.join('\n')).toContain(
    'AAPL says "null", expected "sync_failed: broker_bad_answer"',
  );
});

test('a book that does not follow the broker is not healed', async () => {
  const { judge, process, world, run } = await scene();
  const end = await run();
  const look = await judge.look(process);
  expect(judge.healed(look, end, true)).toEqual([]);
  world.control('trade', { account: PAPER, symbol: 'KO', side: 'buy', quantity: '1', price: '70' });
  const wrong = judge.healed(look, end, true).join('\n');
  for (const what of ['quantities of the broker', 'open rows', 'trades', 'cash'])
    expect(wrong).toContain(what);
});

test.each(['sqlite', 'postgres'])(
  'a secret in any row is seen on %s, also inside a packed answer',
  async (kind) => {
    const { world, run } = await scene(kind === 'postgres' ? await createTestDatabase() : null);
    await run();
    const outputs = await rowsAsText(world.databaseUrl);
    expect(leaks(await secretsOf(world), outputs)).toEqual([]);
    // A word that stands only in the body of an answer, to prove that bodies are looked into.
    const hits = leaks([{ name: 'word', value: 'avg_entry_price' }], outputs);
    expect(hits.join('\n')).toContain('table payload_body');
  },
);
