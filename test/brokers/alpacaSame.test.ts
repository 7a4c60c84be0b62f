/** The same bytes twice: understood once, and what they say is of the later moment. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openReplayed, rowsOf, sampleJson, sendJson, startReplay, type Replay } from './replay.ts';
import { type Clock } from '../../src/domain/time.ts';

let replay: Replay;
let wallMs = Date.parse('2025-08-21T16:00:00Z');
const clock: Clock = {
  wallMs: () => wallMs,
  monoMs: () => wallMs,
  epoch: 'test',
  sleep: () => new Promise(() => undefined),
};

beforeEach(async () => {
  replay = await startReplay();
});

afterEach(() => replay.close());

type Row = Record<string, unknown>;

test('an unchanged list says the same of a later moment, a changed one says what it says', async () => {
  const { broker } = openReplayed(replay, { clock });
  const first = rowsOf(await broker.readPositions());
  wallMs += 300_000;
  const second = await broker.readPositions();
  expect(second).toMatchObject({ kind: 'complete', asOf: '2025-08-21T16:05:00Z' });
  const later = rowsOf(second);
  expect(later.map((row) => row.markAsOf)).toEqual(
    later.map((row) => (row.mark === null ? null : '2025-08-21T16:05:00Z')),
  );
  expect(later.map((row) => ({ ...row, markAsOf: null }))).toEqual(
    first.map((row) => ({ ...row, markAsOf: null })),
  );

  const rows = sampleJson<Row[]>('positions.json');
  replay.answer('/v2/positions', (_request, response) =>
    sendJson(
      response,
      200,
      JSON.stringify(rows.map((row, index) => (index === 0 ? { ...row, qty: '77', side: 'long' } : row))),
    ),
  );
  expect(rowsOf(await broker.readPositions())[0]!.quantity.toString()).toBe('77');
  replay.answer('/v2/positions', null);
  expect(rowsOf(await broker.readPositions())[0]!.quantity).toEqual(first[0]!.quantity);
});

test('a row that could not be read is told every time', async () => {
  const { broker } = openReplayed(replay, { clock });
  const rows = sampleJson<Row[]>('positions.json');
  replay.answer('/v2/positions', (_request, response) =>
    sendJson(response, 200, JSON.stringify([...rows, { symbol: 'BROKEN', qty: 'many' }])),
  );
  for (let time = 0; time < 3; time += 1) {
    const read = await broker.readPositions();
    expect(read.evidence.quarantined.map((row) => row.path)).toHaveLength(1);
    expect(rowsOf(read)).toHaveLength(rows.length);
  }
});
