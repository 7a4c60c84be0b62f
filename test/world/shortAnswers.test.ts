/** Rows that the broker lists no more, and rows that nobody can read: how they are told, and how the account goes on. */
import { afterEach, expect, test } from 'vitest';
import { openWorld, type World } from './world.ts';

const PAPER = 'alpaca-paper';
const open: World[] = [];

afterEach(async () => {
  for (const made of open.splice(0)) await made.close();
});

async function world(options: Parameters<typeof openWorld>[0] = {}): Promise<World> {
  const made = await openWorld(options);
  open.push(made);
  return made;
}

const activitiesFault = (kind: string, more: object = {}) => ({
  broker: 'alpaca',
  account: PAPER,
  resource: 'activities',
  kind,
  ...more,
});

const findingsOf = async (at: World, type: string): Promise<string[]> =>
  (await at.truebook.store.findings({}))
    .filter((finding) => finding.type === type)
    .map((finding) => `${finding.state} ${finding.key}`);

/** A ledger of that many trades, all of them long past; above 200 it is not read whole in every run. */
async function largeWorld(trades = 240): Promise<World> {
  const at = await world({ scenario: 'empty' });
  for (let trade = 0; trade < trades; trade += 1) {
    const minute = String(trade % 60).padStart(2, '0');
    const answer = at.sandbox.control('POST', '/control/trade', {
      account: PAPER,
      symbol: 'OLD',
      side: 'buy',
      quantity: '1',
      price: '10',
      at: `2025-07-${14 + Math.floor(trade / 360)}T${14 + (Math.floor(trade / 60) % 6)}:${minute}:00Z`,
    });
    expect(answer, JSON.stringify(answer.body)).toMatchObject({ status: 200 });
  }
  return at;
}

test('a row the broker withdrew holds the account up for three hours, not for days', async () => {
  const at = await largeWorld();
  await at.sync(PAPER);
  await at.control('trade', { account: PAPER, symbol: 'NEWCO', side: 'buy', quantity: '1', price: '10' });
  await at.advance('5m');
  await at.sync(PAPER);
  // The day's deep scan is done: every run from here on is due for the short window only.
  await at.advance('26h');
  expect(await at.sync(PAPER)).toMatchObject({ outcome: 'complete', deepScan: true });
  await at.advance('5m');
  expect(await at.sync(PAPER)).toMatchObject({ outcome: 'complete', deepScan: false });
  await at.control('fault', activitiesFault('partial', { at: 0 }));
  for (const wait of ['1h', '5m', '55m', '5m']) {
    await at.advance(wait);
    expect(await at.sync(PAPER)).toMatchObject({ outcome: 'incomplete', deepScan: true });
    expect(await findingsOf(at, 'withdrawn_by_broker')).toEqual([]);
  }
  await at.advance('55m');
  expect(await at.sync(PAPER)).toMatchObject({ outcome: 'incomplete', deepScan: true });
  expect(await findingsOf(at, 'withdrawn_by_broker')).toEqual([
    expect.stringMatching(/^open withdrawn:FILL:/),
  ]);
  await at.advance('5m');
  expect(await at.sync(PAPER)).toMatchObject({ outcome: 'complete', reconciled: true });
  // It still counts: nothing was closed by its absence.
  expect((await at.positions(PAPER)).map((row) => `${row.symbol} ${row.quantity} ${row.state}`)).toContain(
    'NEWCO 1 open',
  );
});

test('a short window that was cut once is made good by the deep scan of the same run', async () => {
  const at = await largeWorld();
  await at.sync(PAPER);
  await at.control('trade', { account: PAPER, symbol: 'NEWCO', side: 'buy', quantity: '1', price: '10' });
  await at.advance('5m');
  await at.sync(PAPER);
  await at.advance('26h');
  await at.sync(PAPER);
  await at.advance('5m');
  await at.control('fault', activitiesFault('partial', { at: 0, times: 1 }));
  expect(await at.sync(PAPER)).toMatchObject({ outcome: 'complete', reconciled: true, deepScan: true });
});

test('a run that is refused before it read any activities is no deep scan', async () => {
  const at = await world();
  await at.sync(PAPER);
  await at.control('fault', { ...activitiesFault('status', { status: 500 }), resource: 'positions' });
  expect(await at.sync(PAPER)).toMatchObject({ outcome: 'incomplete', deepScan: false });
});

test('a row of the first history that nobody can read is told at once, and settled when it is understood', async () => {
  // Long enough to be committed in pieces: the row is in a piece that is committed before the run reads again.
  const at = await largeWorld(2100);
  await at.control('fault', activitiesFault('schema-drift', { times: 1 }));
  expect(await at.sync(PAPER)).toMatchObject({ outcome: 'complete', reconciled: true });
  const told = (await at.truebook.store.bookEvents({}))
    .filter((event) => event.facts['type'] === 'quarantine')
    .map((event) => event.kind);
  expect(told).toEqual(['finding_opened', 'finding_resolved']);
  expect(await findingsOf(at, 'quarantine')).toEqual([
    expect.stringMatching(/^resolved quarantine:activities:/),
  ]);
  const stays = await world();
  await stays.control('fault', activitiesFault('schema-drift'));
  await stays.sync(PAPER);
  expect((await findingsOf(stays, 'quarantine')).filter((line) => line.startsWith('open '))).not.toEqual([]);
});
